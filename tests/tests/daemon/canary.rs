//! Secrets are in sealed records, in the daemon's memory and on their way to where they belong, and
//! nowhere else: not in what the daemon says, at any door, and not in a byte of what it writes.

use crate::{projects::Preview, turns::follow};
use labd_protocol::{TurnId, within};
use labd_tests::{
    ai_peer::{AiPeer, Received, Reply},
    daemon::{Answer, Daemon, Home, send},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    fs,
    io::{Cursor, Read as _},
    path::Path,
    time::Duration,
};

/// The password of the data source.
const PASSWORD: &str = "canary-5f1c9b7e";

/// The API key of the provider.
const KEY: &str = "sk-canary-81d2aa60c4";

/// No secret: put wherever a secret may not be, to see that it would be found there.
const MARKER: &str = "marker-2e7d9f";

const SLOW: Duration = Duration::from_secs(60);

/// What the daemon has said, and where.
#[derive(Default)]
struct Said(Vec<(String, Vec<u8>)>);

impl Said {
    fn take(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    fn answer(&mut self, place: &str, answer: &Answer) {
        self.take(format!("{place}: headers"), format!("{:?}", answer.headers));
        self.take(place, answer.body.clone());
    }

    /// The places where these bytes stand, as they are or as they stand in JSON or a URL.
    fn places(&self, text: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(_, bytes)| holds(bytes, text))
            .map(|(place, _)| place.as_str())
            .collect()
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let encoded = text.replace('-', "%2D");
    [text, &encoded].iter().any(|form| {
        bytes
            .windows(form.len())
            .any(|window| window == form.as_bytes())
    })
}

/// A file below a folder, but for the keys, that holds the text.
fn file_with(folder: &Path, text: &str) -> Option<String> {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() && !path.ends_with("keys") {
            if let Some(found) = file_with(&path, text) {
                return Some(found);
            }
        } else if kind.is_file() && holds(&fs::read(&path).unwrap(), text) {
            return Some(path.display().to_string());
        }
    }
    None
}

/// An app on the table of goods, with files that hold the marker.
fn app(table: &str) -> String {
    let files = [
        (
            "app.json",
            format!(
                "{{\"name\": \"{MARKER}\", \"pages\": [{{\"path\": \"/\", \"label\": \"Goods\"}}]}}"
            ),
        ),
        (
            "queries/goods.sql",
            format!(
                "-- Goods.\n-- @param least int\n-- @effect read\nSELECT name FROM {table} WHERE id >= :least ORDER BY 1"
            ),
        ),
        (
            "src/main.tsx",
            format!(
                "import {{ useQuery }} from \"@labd/data\";\nimport {{ createRoot }} from \"react-dom/client\";\n\nfunction App() {{\n  const goods = useQuery(\"goods\", {{ least: 1 }});\n  return <p>{MARKER} {{goods.data?.length}}</p>;\n}}\n\ncreateRoot(document.getElementById(\"root\")!).render(<App />);"
            ),
        ),
    ];
    let files: String = files
        .iter()
        .map(|(path, text)| format!("<lab-file path=\"{path}\">\n{text}\n</lab-file>\n"))
        .collect();
    format!("Your goods.\n<lab-app title=\"Goods\">\n{files}</lab-app>\n")
}

/// A daemon that logs more than usual, and all that it says.
struct World {
    daemon: Daemon,
    said: Said,
    project: String,
}

impl World {
    async fn get(&mut self, route: &str) -> Answer {
        let answer = self.daemon.get(route).await.unwrap();
        self.said.answer(&format!("GET {route}"), &answer);
        answer
    }

    async fn send(&mut self, method: Method, route: &str, body: Value) -> Answer {
        let place = format!("{method} {route}");
        let answer = send(self.daemon.request(method, route).json(&body))
            .await
            .unwrap();
        self.said.answer(&place, &answer);
        answer
    }

    async fn run(&mut self, arguments: &[&str]) {
        let printed = self.daemon.home.run(arguments).await.unwrap();
        let place = format!("labd {}", arguments.join(" "));
        self.said.take(format!("{place}: errors"), printed.err);
        self.said.take(place, printed.out);
    }

    /// Asks, and takes all that a turn says at every door; its state.
    async fn ask(&mut self, text: &str) -> String {
        let id = TurnId::generate();
        let route = format!("/projects/{}/turns", self.project);
        let started = self
            .send(Method::POST, &route, json!({ "id": id, "text": text }))
            .await;
        assert_eq!(started.status, 201, "{}", started.text());
        let route = format!("{route}/{id}");
        let events = follow(&self.daemon, &route, 0, usize::MAX).await;
        self.said.take("events over HTTP", format!("{events:?}"));
        let labd = self.daemon.rpc().await.unwrap();
        let project = self.project.parse().unwrap();
        let mut after = 0;
        while after < events.last().unwrap().0 {
            let call = labd.turn_events(within(SLOW), project, id, after, 1_000, 1_000);
            let page = labd_protocol::answer(call.await).unwrap();
            after = page.events.last().unwrap().seq;
            self.said
                .take("events over RPC", serde_json::to_vec(&page).unwrap());
        }
        self.get(&format!("{route}/prompt")).await;
        let turn = self.get(&route).await.json();
        turn["state"].as_str().unwrap().to_owned()
    }

    /// Everything that the preview answers.
    async fn look(&mut self) {
        let preview = Preview::open(&self.daemon, &self.project).await;
        let page = preview
            .request(Method::GET, "/")
            .header("sec-fetch-dest", "iframe");
        let page = send(page).await.unwrap();
        self.said.answer("preview: page", &page);
        let html = page.text();
        let modules = html
            .split("href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        for path in modules {
            let module = send(preview.request(Method::GET, path)).await.unwrap();
            self.said.answer("preview: modules", &module);
        }
        for (name, params) in [
            ("goods", json!({ "least": 1 })),
            ("goods", json!({ "least": "none" })),
            ("goods", json!({})),
            ("nothing", json!({})),
        ] {
            let answer = preview.query(name, params).await;
            self.said.answer("preview: queries", &answer);
        }
        let missing = send(preview.request(Method::GET, "/api/nothing"))
            .await
            .unwrap();
        self.said.answer("preview: server", &missing);
    }

    /// What the export holds, unpacked.
    async fn export(&mut self) {
        let zip = self
            .get(&format!("/projects/{}/export", self.project))
            .await;
        let mut archive = zip::ZipArchive::new(Cursor::new(zip.body)).unwrap();
        for at in 0..archive.len() {
            let mut file = archive.by_index(at).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            self.said.take("export", bytes);
        }
    }
}

/// Wrong passwords, wrong addresses and wrong requests, with the password in them.
async fn mistakes_with_a_password(world: &mut World, wrong: &str) {
    let create = |url: &str| json!({ "name": "refused", "url": url });
    for url in [
        wrong,
        &wrong.replace("127.0.0.1", "127.0.0.1:999999"),
        &wrong.replace("postgres://", "nonsense://"),
        &wrong.replace("postgres://", "postgres:/"),
        &format!("{wrong}?password={PASSWORD}&nonsense=1"),
        &format!("postgresql://somebody:{PASSWORD}@127.0.0.1:1/x"),
        &format!("postgresql://somebody:{PASSWORD}@no-such-host.invalid/x"),
        &format!("postgresql://somebody:{PASSWORD}@127.0.0.1:port/x"),
        &format!("postgresql://somebody:{PASSWORD}/x@127.0.0.1/x"),
        &format!("postgresql://somebody:12/{PASSWORD}@127.0.0.1/x"),
        &format!("postgresql://somebody:12?{PASSWORD}@127.0.0.1/x"),
        &format!("postgresql://somebody:{PASSWORD}"),
        &format!("somebody:{PASSWORD}@127.0.0.1"),
    ] {
        let refused = world.send(Method::POST, "/sources", create(url)).await;
        assert!(refused.status >= 400, "{url}: {}", refused.text());
        let test = json!({ "url": url });
        world.send(Method::POST, "/sources/test", test).await;
    }
    for body in [
        json!({ "name": "x", "url": [wrong] }),
        json!({ "name": "x", "url": { wrong: wrong } }),
        json!({ "name": "x", "url": wrong, "nonsense": wrong }),
        json!({ "name": "x", "url": wrong, "save_untested": 3 }),
        json!(wrong),
    ] {
        let refused = world.send(Method::POST, "/sources", body).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
    }
    let cut = format!("{{\"name\": \"x\", \"url\": \"{wrong}");
    let request = world.daemon.request(Method::POST, "/sources");
    let request = request.header("content-type", "application/json").body(cut);
    let refused = send(request).await.unwrap();
    assert_eq!(refused.status, 400);
    world.said.answer("half a request", &refused);
}

/// Wrong requests with the API key in them.
async fn mistakes_with_a_key(world: &mut World) {
    for body in [
        json!({ "name": "x", "plugin": "labd.openai-compatible", "api_key": [KEY], "config": {} }),
        json!({ "name": "x", "plugin": "labd.openai-compatible", "api_key": format!("{KEY} {KEY}"), "config": { "base-url": "http://127.0.0.1:9/v1" } }),
        json!({ "name": "x", "plugin": "labd.openai-compatible", "api_key": KEY, "config": { "base-url": "http://far.example/v1" } }),
        json!({ "name": "x", "plugin": "labd.openai-compatible", "api_key": KEY, "config": { "nonsense": 1 } }),
        json!({ "name": "x", "plugin": "labd.openai-compatible", "config": { "base-url": format!("https://u:{KEY}@ai.example/v1") } }),
        json!({ "name": "x", "plugin": "labd.nothing", "api_key": KEY, "config": {} }),
        json!({ "name": "x", "plugin": "labd.offline", "api_key": KEY, "config": {} }),
    ] {
        let refused = world.send(Method::POST, "/providers", body).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
    }
}

/// A provider that repeats the key wherever it can.
fn echoes() -> Vec<Reply> {
    let error = |text: &str| json!({ "error": { "message": text, "code": KEY } }).to_string();
    let bearer = format!("Incorrect API key provided: Bearer {KEY}. {MARKER}");
    // A message is cut somewhere; not so that half a secret is left, which nobody would find.
    let long = format!("{}{KEY}", "x".repeat(600 - KEY.len() / 2));
    vec![
        Reply::error(401, &error(&bearer)).header("x-echo", KEY),
        Reply::error(500, &error(&long)).split(7),
        Reply::error(400, KEY),
        Reply::error(404, &format!("<html><title>{KEY}</title></html>")),
        Reply::status(307).header("location", &format!("http://127.0.0.1:9/?key={KEY}")),
        Reply::chat([format!("Your key is {KEY}.").as_str()]).split(5),
        Reply::status(200)
            .text("Then: ")
            .event(&error(&format!("boom {KEY}"))),
    ]
}

/// What a provider was sent: the key in its header, and no secret anywhere else.
fn prompts(said: &mut Said, requests: &[Received]) {
    let bearer = format!("Bearer {KEY}");
    for request in requests {
        assert_eq!(request.header("authorization"), Some(bearer.as_str()));
        let others: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, _)| name != "authorization")
            .collect();
        said.take("requests to the provider: headers", format!("{others:?}"));
        said.take("requests to the provider: path", request.path.clone());
        said.take("requests to the provider: body", request.body.to_vec());
    }
}

#[tokio::test]
async fn a_secret_is_in_nothing_that_the_daemon_says_and_in_no_byte_of_its_data() {
    let database = labd_tests::servers::postgres().await.unwrap();
    let (role, admin) = (
        format!("role_{}", database.name()),
        database.client().await.unwrap(),
    );
    admin
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}';
             CREATE TABLE goods (id int PRIMARY KEY, name text);
             INSERT INTO goods VALUES (1, '{MARKER}'), (2, 'screws');
             GRANT SELECT ON goods TO {role}"
        ))
        .await
        .unwrap();
    let good = database.url_as(&role, PASSWORD);
    let wrong = database.url_as("nobody_at_all", PASSWORD);

    let home = Home::new().unwrap();
    let folder = home.path().join("config/labd");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("labd.toml"), "log = 'debug'\n").unwrap();
    let mut world = World {
        daemon: Daemon::start_in(home, &["--no-sample"]).await.unwrap(),
        said: Said::default(),
        project: String::new(),
    };
    let notices = world.daemon.request(Method::GET, "/events");
    let mut notices = notices.send().await.unwrap();
    assert_eq!(notices.status(), 200);
    let notices = tokio::spawn(async move {
        let mut heard = Vec::new();
        // Ends with the daemon.
        while let Ok(Some(chunk)) = notices.chunk().await {
            heard.extend_from_slice(&chunk);
        }
        heard
    });
    mistakes_with_a_password(&mut world, wrong.as_str()).await;
    mistakes_with_a_key(&mut world).await;

    let create = json!({ "name": "good", "url": good.as_str() });
    let source = world.send(Method::POST, "/sources", create).await;
    assert_eq!(source.status, 201, "{}", source.text());
    let source = source.json()["id"].as_str().unwrap().to_owned();
    let create = json!({ "name": "wrong", "url": wrong.as_str(), "save_untested": true });
    world.send(Method::POST, "/sources", create).await;
    let peer = AiPeer::start(echoes()).await.unwrap();
    let create = json!({
        "name": "ai", "plugin": "labd.openai-compatible", "api_key": KEY,
        "config": { "base-url": peer.base_url() }, "default_model": "m",
    });
    let provider = world.send(Method::POST, "/providers", create).await;
    let provider = provider.json()["id"].as_str().unwrap().to_owned();
    let create = json!({ "name": MARKER, "source": source });
    let project = world.send(Method::POST, "/projects", create).await;
    world.project = project.json()["id"].as_str().unwrap().to_owned();
    let chosen = json!({ "provider": provider });
    let project = format!("/projects/{}", world.project);
    world.send(Method::PATCH, &project, chosen).await;

    world.daemon.repeat_nothing().await.unwrap();
    // A provider that repeats the key, then one that answers.
    for state in [
        "failed", "failed", "failed", "failed", "failed", "done", "failed",
    ] {
        assert_eq!(world.ask(MARKER).await, state);
    }
    let models = Reply::error(401, &format!("{{\"detail\":\"no: {KEY}\"}}"));
    peer.then(models);
    let models = format!("/providers/{provider}/models");
    assert_eq!(
        world.get(&models).await.json()["code"],
        "credential_refused"
    );
    peer.then(Reply::chat([app("goods").as_str()]));
    assert_eq!(world.ask(MARKER).await, "done");
    peer.then(Reply::chat([app("no_goods").as_str()]));
    assert_eq!(world.ask(MARKER).await, "failed");
    world.look().await;
    world.export().await;

    // The password is no longer right: the preview, the next prompt and the next app tell.
    let update = json!({ "url": wrong.as_str(), "save_untested": true });
    let changed = world
        .send(Method::PATCH, &format!("/sources/{source}"), update)
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    world.look().await;
    peer.then(Reply::chat([app("goods")
        .replace("id >=", "id >")
        .as_str()]));
    world.ask(MARKER).await;
    let query = json!({ "text": "SELECT wrong FROM nowhere" });
    world
        .send(Method::POST, &format!("/sources/{source}/query"), query)
        .await;
    world
        .send(Method::POST, &format!("/sources/{source}/test"), json!({}))
        .await;

    let history = world.get(&format!("{project}/history")).await.json();
    for snapshot in history.as_array().unwrap() {
        let id = snapshot["id"].as_str().unwrap();
        world.get(&format!("{project}/snapshots/{id}")).await;
    }
    for path in ["app.json", "queries/goods.sql", "src/main.tsx"] {
        world.get(&format!("{project}/files/{path}")).await;
    }
    for route in [
        "/status",
        "/sources",
        &format!("/sources/{source}"),
        &format!("/sources/{source}/schema"),
        "/providers",
        "/settings",
        "/plugins",
        "/plugins/labd.openai-compatible",
        "/plugins/labd.postgres",
        "/projects",
        &project,
        &format!("{project}/problems"),
        &format!("{project}/files"),
        &format!("{project}/turns"),
        "/tokens",
    ] {
        world.get(route).await;
    }
    for command in [
        ["source", "list"].as_slice(),
        &["source", "test", "wrong"],
        &["source", "test", "good"],
        &["source", "query", "good", "SELECT 1"],
        &["source", "schema", "good", "--refresh"],
        &["provider", "list"],
        &["provider", "models", "ai"],
        &["plugin", "list"],
        &["plugin", "inspect", "labd.openai-compatible"],
        &["project", "list"],
        &["project", "history", MARKER],
        &["doctor"],
        &["--json", "doctor"],
        &["status"],
        &["--json", "status"],
    ] {
        world.run(command).await;
    }
    let backup = world.daemon.home.path().join("backup");
    world.run(&["backup", backup.to_str().unwrap()]).await;
    world.daemon.kill().await.unwrap();
    world.run(&["--json", "doctor"]).await;
    prompts(&mut world.said, &peer.requests());
    let World {
        daemon, mut said, ..
    } = world;
    said.take("log", daemon.home.log());
    said.take("notices", notices.await.unwrap());

    // The search looks where it should: what is no secret is found there.
    let found = said.places(MARKER);
    for place in [
        "events over HTTP",
        "events over RPC",
        "requests to the provider: body",
        "export",
        "preview: page",
        "preview: modules",
        "preview: queries",
        &format!("GET {project}/history"),
        &format!("GET {project}/files/src/main.tsx"),
        &format!("GET {project}/turns"),
        "labd project list",
    ] {
        assert!(found.contains(&place), "{place}: {found:?}");
    }
    for place in ["log", "notices"] {
        assert!(said.places(&source).contains(&place), "{place}");
    }
    assert!(said.places("[scrubbed]").contains(&"events over HTTP"));
    let planted = daemon.home.data().join("planted");
    fs::write(&planted, format!("before {PASSWORD} after")).unwrap();
    let found = file_with(daemon.home.path(), PASSWORD);
    assert_eq!(found, Some(planted.display().to_string()));
    fs::remove_file(planted).unwrap();
    assert!(fs::metadata(&backup).unwrap().len() > 1_000);

    for secret in [PASSWORD, KEY] {
        let nowhere: Vec<&str> = Vec::new();
        assert_eq!(said.places(secret), nowhere);
        // Data, log and backup.
        assert_eq!(file_with(daemon.home.path(), secret), None);
    }
    drop(daemon);
    admin
        .batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await
        .unwrap();
}
