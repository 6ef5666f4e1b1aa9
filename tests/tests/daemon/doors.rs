//! Who stands at the doors, and what they are told: faulty clients, foreign pages, guesses.

use labd_protocol::{ApiError, ErrorCode, NO_ID, ProjectId, answer, within};
use labd_tests::{
    ai_peer::{AiPeer, Reply},
    daemon::{Answer, Daemon, Home, send, until},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A client of the socket that sends what it likes.
struct Raw(UnixStream);

impl Raw {
    async fn connect(daemon: &Daemon) -> Self {
        Self(UnixStream::connect(daemon.socket()).await.unwrap())
    }

    async fn send(&mut self, frame: &[u8]) {
        let length = u32::try_from(frame.len()).unwrap();
        self.0.write_u32(length).await.unwrap();
        self.0.write_all(frame).await.unwrap();
    }

    async fn receive(&mut self) -> Value {
        let read = async {
            let mut bytes = vec![0; self.0.read_u32().await.unwrap() as usize];
            self.0.read_exact(&mut bytes).await.unwrap();
            serde_json::from_slice(&bytes).unwrap()
        };
        timeout(PATIENCE, read).await.unwrap()
    }

    /// Sends what cannot be served; the id and code of the refusal.
    async fn refused(&mut self, frame: &[u8]) -> (u64, ErrorCode) {
        self.send(frame).await;
        refusal(&self.receive().await)
    }

    async fn assert_usable(&mut self) {
        let call = json!({"Request": {"id": 99, "message": {"Status": {}}}});
        self.send(call.to_string().as_bytes()).await;
        let answer = self.receive().await;
        assert!(
            answer["message"]["Ok"]["Status"]["Ok"]["pid"].is_u64(),
            "{answer}"
        );
    }
}

fn refusal(answer: &Value) -> (u64, ErrorCode) {
    let detail = answer["message"]["Err"]["detail"].as_str().unwrap();
    let error: ApiError = serde_json::from_str(detail).unwrap();
    (answer["request_id"].as_u64().unwrap(), error.code)
}

#[tokio::test]
async fn faulty_frames_are_answered_and_disturb_nobody() {
    let daemon = Daemon::start_empty().await.unwrap();
    let neighbour = daemon.rpc().await.unwrap();
    let mut raw = Raw::connect(&daemon).await;
    for nonsense in [
        b"GET / HTTP/1.1\r\n\r\n".as_slice(),
        &[0xff; 64],
        b"",
        b"[]",
    ] {
        let refused = raw.refused(nonsense).await;
        assert_eq!(refused, (NO_ID, ErrorCode::InvalidRequest));
    }
    let unknown = json!({"Request": {"id": 5, "message": {"Fly": {"to": "the moon"}}}});
    assert_eq!(
        raw.refused(unknown.to_string().as_bytes()).await,
        (5, ErrorCode::UnknownMethod)
    );
    let wrong = json!({"Request": {"id": 6, "message": {"Project": {"project": "../x"}}}});
    raw.send(wrong.to_string().as_bytes()).await;
    let answer_of_method = raw.receive().await;
    assert_eq!(
        answer_of_method["message"]["Ok"]["Project"]["Err"]["code"], "invalid_request",
        "{answer_of_method}"
    );
    raw.assert_usable().await;

    // A length that nobody can mean ends this connection, after it was told so.
    // In one piece: the daemon may have closed it before a second one is written.
    raw.0
        .write_all(&[[0xff; 4].as_slice(), &[b'x'; 1000]].concat())
        .await
        .unwrap();
    assert_eq!(refusal(&raw.receive().await), (NO_ID, ErrorCode::TooLarge));
    let rest = timeout(PATIENCE, raw.0.read(&mut [0; 8])).await.unwrap();
    assert!(matches!(rest, Ok(0) | Err(_)), "{rest:?}");
    answer(neighbour.status(within(PATIENCE)).await).unwrap();

    // A frame that is cut off, and one that never ends.
    let mut cut = Raw::connect(&daemon).await;
    cut.0.write_all(&[0, 0, 1, 0, b'{']).await.unwrap();
    drop(cut);
    answer(neighbour.status(within(PATIENCE)).await).unwrap();
    assert!(!daemon.home.log().contains("panicked"));
}

/// The address that `labd open` prints, and the token in it.
pub(crate) async fn sign_in_link(daemon: &Daemon) -> (String, String) {
    let printed = daemon.home.run(&["open", "--print"]).await.unwrap();
    let (console, token) = printed.out.trim().split_once("/#sign-in=").unwrap();
    (console.to_owned(), token.to_owned())
}

pub(crate) async fn sign_in(daemon: &Daemon, console: &str, token: &str) -> Answer {
    let ask = daemon
        .request_site(Method::POST, console, "/api/v1/session")
        .header("origin", console)
        .json(&json!({ "token": token }));
    send(ask).await.unwrap()
}

#[tokio::test]
async fn who_asks_for_a_sign_in_link_at_the_start_gets_one_that_works_once() {
    let home = Home::new().unwrap();
    let daemon = Daemon::start_in(home, &["--no-sample", "--sign-in-link"])
        .await
        .unwrap();
    let said = fs::read_to_string(daemon.home.path().join("said")).unwrap();
    let (before, after) = said.split_once("/#sign-in=").unwrap();
    let console = before.split_whitespace().last().unwrap();
    let token = after.split_whitespace().next().unwrap();
    assert_eq!(sign_in(&daemon, console, token).await.status, 200);
    assert_eq!(sign_in(&daemon, console, token).await.status, 401);
    assert!(!daemon.home.log().contains(token));
}

#[tokio::test]
async fn a_browser_signs_in_once_and_foreign_pages_cannot_use_its_cookie() {
    let daemon = Daemon::start_empty().await.unwrap();
    let (console, token) = sign_in_link(&daemon).await;
    let signed_in = sign_in(&daemon, &console, &token).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text());
    let set = signed_in.header("set-cookie").to_owned();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    assert_eq!(sign_in(&daemon, &console, &token).await.status, 401);

    let ask = |method: Method, path: &str| {
        daemon
            .request_site(method, &console, path)
            .header("cookie", &cookie)
    };
    let status = |origin: Option<&str>| {
        let ask = ask(Method::GET, "/api/v1/status");
        match origin {
            Some(origin) => ask.header("origin", origin),
            None => ask,
        }
    };
    let own = send(status(Some(&console))).await.unwrap();
    assert_eq!(own.status, 200, "{}", own.text());
    let preview = console.replace("console.", "01kabcdefghjkmnpqrstvwxyz0.preview.");
    for origin in ["http://evil.example", "null", &preview] {
        let refused = send(status(Some(origin))).await.unwrap();
        assert_eq!(refused.status, 403, "{origin}");
        assert_eq!(refused.header("access-control-allow-origin"), "");
        // A request that a page may send without asking the daemon before.
        let simple = ask(Method::POST, "/api/v1/projects")
            .header("origin", origin)
            .header("content-type", "text/plain")
            .body("{\"name\": \"forged\"}");
        assert!(matches!(send(simple).await.unwrap().status, 403 | 415));
    }
    assert_eq!(send(status(None)).await.unwrap().status, 403);
    // The cookie is worth nothing where programs come in, or under another name.
    for site in [
        format!("http://127.0.0.1:{}", daemon.port()),
        "http://evil.example".to_owned(),
        preview.clone(),
    ] {
        let elsewhere = daemon
            .request_site(Method::GET, &site, "/api/v1/status")
            .header("cookie", &cookie)
            .header("origin", &site);
        let refused = send(elsewhere).await.unwrap().status;
        assert!(
            matches!(refused, 401 | 403 | 404 | 421),
            "{site}: {refused}"
        );
    }
    assert_eq!(daemon.get("/projects").await.unwrap().json(), json!([]));

    let out = ask(Method::DELETE, "/api/v1/session").header("origin", &console);
    assert_eq!(send(out).await.unwrap().status, 204);
    assert_eq!(send(status(Some(&console))).await.unwrap().status, 401);
    // Standard output is a file here, which may be kept: without being asked it gets no link.
    let said = fs::read_to_string(daemon.home.path().join("said")).unwrap();
    assert!(
        said.contains("labd open") && !said.contains("#sign-in="),
        "{said}"
    );
    let log = daemon.home.log();
    let value = cookie.split_once('=').unwrap().1;
    for secret in [token.as_str(), value, daemon.token()] {
        assert!(secret.len() > 20 && !log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn a_token_ends_with_its_time() {
    let daemon = Daemon::start_empty().await.unwrap();
    let create = json!({ "name": "short", "expires_in": 1 });
    let created = daemon.post("/tokens", create).await.unwrap().json();
    assert!(created["info"]["expires_at"].is_string(), "{created}");
    let token = created["token"].as_str().unwrap();
    let loopback = format!("http://127.0.0.1:{}", daemon.port());
    until("the end of the token", async || {
        let ask = daemon
            .request_site(Method::GET, &loopback, "/api/v1/status")
            .bearer_auth(token);
        let answer = send(ask).await.unwrap();
        (answer.status == 401).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(daemon.get("/status").await.unwrap().status, 200);
}

/// Method, path and description of each route.
async fn routes(daemon: &Daemon) -> Vec<(Method, String, Value)> {
    let document = daemon.get("/openapi.json").await.unwrap().json();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap();
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            routes.push((method, path.to_owned(), operation.clone()));
        }
    }
    routes
}

#[tokio::test]
async fn ids_that_are_guessed_lead_nowhere() {
    let daemon = Daemon::start_empty().await.unwrap();
    let id = ProjectId::generate().to_string();
    let mut asked = 0;
    for (method, path, operation) in routes(&daemon).await {
        if !path.contains('{') {
            continue;
        }
        let path = path.replace("{path}", "src/main.tsx");
        let path = ["{id}", "{cursor}", "{snapshot}", "{turn}", "{deployment}"]
            .iter()
            .fold(path, |path, parameter| path.replace(parameter, &id));
        let needed = operation["parameters"].as_array().into_iter().flatten();
        let needed: Vec<String> = needed
            .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
            .filter_map(|parameter| Some(format!("{}={id}", parameter["name"].as_str()?)))
            .collect();
        let path = match needed.join("&") {
            none if none.is_empty() => path,
            query => format!("{path}?{query}"),
        };
        let mut ask = daemon
            .request(method.clone(), &path)
            .header("accept", "application/json");
        let body = operation.get("requestBody").is_some();
        if body {
            ask = ask.json(&json!({}));
        }
        let answer = send(ask).await.unwrap();
        // Results are held for a while only, and a guess is told the same as who comes late.
        let expected = if path.starts_with("/queries") {
            410
        } else {
            404
        };
        // What needs a person is refused to a token whatever the id.
        let refused = answer.status == 403
            || answer.status == expected
            || body && matches!(answer.status, 400 | 422);
        assert!(refused, "{method} {path}: {}", answer.text());
        assert!(answer.json()["code"].is_string(), "{}", answer.text());
        asked += 1;
    }
    assert!(asked > 20, "{asked}");
}

#[tokio::test]
async fn no_route_tells_a_secret_or_lets_foreign_pages_read() {
    const PASSWORD: &str = "canary-2b41c7d9";
    const KEY: &str = "sk-canary-77e01f3c";
    let daemon = Daemon::start().await.unwrap();
    let source = daemon
        .post(
            "/sources",
            json!({
                "name": "away",
                "url": format!("postgresql://someone:{PASSWORD}@127.0.0.1:1/nowhere"),
                "save_untested": true,
            }),
        )
        .await
        .unwrap();
    assert_eq!(source.status, 201, "{}", source.text());
    let provider = daemon
        .post(
            "/providers",
            json!({
                "name": "ai", "plugin": "labd.openai-compatible", "api_key": KEY,
                "config": { "base-url": "http://127.0.0.1:9/v1" },
            }),
        )
        .await
        .unwrap();
    assert_eq!(provider.status, 201, "{}", provider.text());
    let source = source.json()["id"].as_str().unwrap().to_owned();
    let create = json!({ "name": "Shop", "source": source });
    let project = daemon.post("/projects", create).await.unwrap().json();
    let ids = [
        ("/sources/{id}", source.as_str()),
        ("/projects/{id}", project["id"].as_str().unwrap()),
        ("/plugins/{id}", "labd.postgres"),
        ("/tokens/{id}", "01KABCDEFGHJKMNPQRSTVWXYZ0"),
    ];
    let provider = provider.json();
    let mut read = 0;
    for (method, path, operation) in routes(&daemon).await {
        let endless = operation["operationId"] == "events";
        let changes = method != Method::GET && !path.ends_with("/test");
        if endless || changes || operation.get("requestBody").is_some() {
            continue;
        }
        let path = ids.iter().fold(path, |path, (start, id)| {
            path.replace(start, &start.replace("{id}", id))
        });
        let path = path.replace(
            "/providers/{id}",
            &format!("/providers/{}", provider["id"].as_str().unwrap()),
        );
        let ask = daemon
            .request(method, &path)
            .header("accept", "application/json");
        let answer = send(ask).await.unwrap();
        let text = answer.text();
        assert!(!text.contains(PASSWORD) && !text.contains(KEY), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        assert!(!answer.headers.contains_key("set-cookie"), "{path}");
        read += usize::from(answer.status == 200);
    }
    assert!(read > 15, "{read}");
}

#[tokio::test]
async fn other_users_of_the_machine_see_nothing() {
    let daemon = Daemon::start().await.unwrap();
    let create = json!({ "name": "Shop" });
    let project = daemon.post("/projects", create).await.unwrap().json();
    let route = format!("/projects/{}", project["id"].as_str().unwrap());
    let main = json!({ "content": "export {};" });
    let saved = daemon
        .put(&format!("{route}/files/src/main.tsx"), main)
        .await
        .unwrap();
    assert_eq!(saved.status, 200, "{}", saved.text());
    let file = daemon.home.path().join("copy");
    daemon
        .home
        .run_json(&["backup", file.to_str().unwrap()])
        .await
        .unwrap();
    let data = daemon.home.data();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(data), 0o700);
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&daemon.socket()), 0o600);
    // What lies within is not reached by others, whatever its own mode.
    for folder in ["keys", "store", "run"] {
        assert_eq!(mode(&data.join(folder)), 0o700, "{folder}");
    }
    assert_eq!(mode(&data.join("keys/master.key")), 0o600);

    // What a process is started with can be read by others.
    let process = format!("/proc/{}", daemon.pid());
    let key = fs::read(data.join("keys/master.key")).unwrap();
    for shown in ["cmdline", "environ"] {
        let shown = fs::read(format!("{process}/{shown}")).unwrap();
        assert!(!shown.is_empty());
        for secret in [daemon.token().as_bytes(), key.trim_ascii()] {
            assert!(!shown.windows(secret.len()).any(|window| window == secret));
        }
    }
    let status = daemon.home.run(&["status"]).await.unwrap();
    assert!(
        status.out.contains("The master key lies on the same disk"),
        "{}",
        status.out
    );
}

#[tokio::test]
async fn no_path_of_a_file_leaves_its_project() {
    let daemon = Daemon::start_empty().await.unwrap();
    let create = json!({ "name": "Shop" });
    let project = daemon.post("/projects", create).await.unwrap().json();
    let id = project["id"].as_str().unwrap();
    for path in [
        "..%2f..%2fescaped",
        "src%2f..%2f..%2fescaped",
        "%2ftmp%2fescaped",
        "src%5c..%5cescaped",
        "src%2f%00escaped",
    ] {
        let route = format!("/projects/{id}/files/{path}");
        let content = json!({ "content": "x" });
        let saved = daemon.put(&route, content).await.unwrap();
        assert!(
            (400..500).contains(&saved.status),
            "{path}: {}",
            saved.text()
        );
        let read = daemon.get(&route).await.unwrap();
        assert!((400..500).contains(&read.status), "{path}: {}", read.text());
    }
    let files = daemon.get(&format!("/projects/{id}/files")).await.unwrap();
    assert_eq!(files.json(), json!([]));
    let zip = daemon
        .get(&format!(
            "/projects/{id}/files/app.json%2f..%2f..%2f..%2fkeys%2fmaster.key"
        ))
        .await
        .unwrap();
    assert!((400..500).contains(&zip.status), "{}", zip.text());
}

#[tokio::test]
async fn an_api_key_does_not_follow_a_provider_to_another_address() {
    const KEY: &str = "sk-bound-90b1";
    let models = || Reply::error(200, r#"{"data": [{"id": "m"}]}"#);
    let daemon = Daemon::start_empty().await.unwrap();
    let good = AiPeer::start([models()]).await.unwrap();
    let evil = AiPeer::start([models(), models()]).await.unwrap();
    let provider = daemon
        .post(
            "/providers",
            json!({
                "name": "ai", "plugin": "labd.openai-compatible", "api_key": KEY,
                "config": { "base-url": good.base_url() },
            }),
        )
        .await
        .unwrap();
    assert_eq!(provider.status, 201, "{}", provider.text());
    let route = format!("/providers/{}", provider.json()["id"].as_str().unwrap());
    let listed = daemon.get(&format!("{route}/models")).await.unwrap();
    assert_eq!(listed.status, 200, "{}", listed.text());
    let bearer = format!("Bearer {KEY}");
    let given = |peer: &AiPeer| {
        let requests = peer.requests();
        requests
            .last()
            .and_then(|request| request.header("authorization").map(str::to_owned))
    };
    assert_eq!(given(&good), Some(bearer.clone()));

    let moved = async |update: Value| {
        let ask = daemon.request(Method::PATCH, &route).json(&update);
        send(ask).await.unwrap().json()
    };
    let elsewhere = moved(json!({ "config": { "base-url": evil.base_url() } })).await;
    assert_eq!(elsewhere["credentials"][0]["disabled"], true, "{elsewhere}");
    let refused = daemon.get(&format!("{route}/models")).await.unwrap();
    assert_eq!(given(&evil), None, "{}", refused.text());

    // Entered again, it is meant for the new address.
    let entered = moved(json!({ "api_key": KEY })).await;
    assert_eq!(entered["credentials"][0]["disabled"], false, "{entered}");
    daemon.get(&format!("{route}/models")).await.unwrap();
    assert_eq!(given(&evil), Some(bearer));
}
