//! Projects, their history and their previews, with an app written by hand.

use std::io::{Cursor, Read};

use labd_tests::{
    daemon::{Answer, Daemon, send},
    repository::sample_app,
};
use reqwest::Method;
use serde_json::{Value, json};

/// A project on the sample shop; its id.
async fn project(daemon: &Daemon, name: &str) -> String {
    let sources = daemon.get("/sources").await.unwrap().json();
    let create = json!({ "name": name, "source": sources[0]["id"] });
    let made = daemon.post("/projects", create).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

/// Saves a file by hand.
pub async fn save(daemon: &Daemon, project: &str, path: &str, text: &str, base: Value) -> Answer {
    let body = json!({ "content": text, "base": base });
    daemon
        .put(&format!("/projects/{project}/files/{path}"), body)
        .await
        .unwrap()
}

/// A project with the example in it.
pub async fn dashboard(daemon: &Daemon, name: &str) -> String {
    let project = project(daemon, name).await;
    let mut last = Value::Null;
    for (path, text) in sample_app().unwrap() {
        let saved = save(daemon, &project, &path, &text, Value::Null).await;
        assert_eq!(saved.status, 200, "{path}: {}", saved.text());
        last = saved.json();
    }
    assert_eq!(last["snapshot"]["draft"], false, "{last}");
    assert_eq!(last["problems"], json!([]), "{last}");
    project
}

async fn head(daemon: &Daemon, project: &str) -> Value {
    let project = daemon.get(&format!("/projects/{project}")).await.unwrap();
    project.json()["head"].clone()
}

#[tokio::test]
async fn an_app_is_written_by_hand_rewound_forwarded_exported_and_deleted() {
    let mut daemon = Daemon::start().await.unwrap();
    let project = dashboard(&daemon, "Shop").await;
    let route = format!("/projects/{project}");
    let files = daemon.get(&format!("{route}/files")).await.unwrap().json();
    let names: Vec<&str> = files
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        sample_app()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>()
    );
    let first = head(&daemon, &project).await;

    let file = format!("{route}/files/src/pages/Overview.tsx");
    let before = daemon.get(&file).await.unwrap().json();
    let changed = before["content"]
        .as_str()
        .unwrap()
        .replace("Revenue", "Income");
    let saved = save(
        &daemon,
        &project,
        "src/pages/Overview.tsx",
        &changed,
        before["hash"].clone(),
    )
    .await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    assert_eq!(saved.json()["snapshot"]["parent"], first);
    let second = head(&daemon, &project).await;
    assert_ne!(first, second);

    // Another editor that has the file as it was before.
    let stale = save(
        &daemon,
        &project,
        "src/pages/Overview.tsx",
        "export {}",
        before["hash"].clone(),
    )
    .await;
    assert_eq!(stale.status, 409, "{}", stale.text());
    assert_eq!(stale.json()["code"], "conflict");
    let kept = daemon.get(&file).await.unwrap().json();
    assert_eq!(kept["content"], json!(changed));

    // Back and forward again.
    for (state, text) in [(&first, &before["content"]), (&second, &json!(changed))] {
        let moved = daemon
            .post(&format!("{route}/rewind"), json!({ "snapshot": state }))
            .await
            .unwrap();
        assert_eq!(moved.status, 200, "{}", moved.text());
        assert_eq!(&head(&daemon, &project).await, state);
        assert_eq!(&daemon.get(&file).await.unwrap().json()["content"], text);
    }
    let history = daemon
        .get(&format!("{route}/history"))
        .await
        .unwrap()
        .json();
    let states = history.as_array().unwrap();
    assert_eq!(states.len(), sample_app().unwrap().len() + 1);
    assert_eq!(states[0]["id"], second);
    assert_eq!(states[0]["author"]["type"], "person");

    // What has a fault is kept as a draft, and the app stays as it was.
    let broken = save(
        &daemon,
        &project,
        "src/pages/Overview.tsx",
        "export default function (",
        kept["hash"].clone(),
    )
    .await
    .json();
    assert_eq!(broken["snapshot"]["draft"], true, "{broken}");
    let faults = broken["problems"].as_array().unwrap();
    assert!(
        faults
            .iter()
            .any(|fault| fault["path"] == "src/pages/Overview.tsx" && fault["source"] == "compile"),
        "{broken}"
    );
    assert_eq!(head(&daemon, &project).await, second);
    let outside = save(
        &daemon,
        &project,
        "..%2F..%2Fetc%2Fpasswd",
        "x",
        Value::Null,
    )
    .await;
    assert_eq!(outside.status, 400, "{}", outside.text());

    let export = daemon.get(&format!("{route}/export")).await.unwrap();
    assert_eq!(export.status, 200);
    assert_eq!(export.header("content-type"), "application/zip");
    let mut archive = zip::ZipArchive::new(Cursor::new(&export.body)).unwrap();
    let mut found = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let data = daemon.home.data().display().to_string();
        assert!(
            !String::from_utf8_lossy(&content).contains(&data),
            "{name} names the data directory"
        );
        found.push(name);
    }
    for path in sample_app().unwrap().keys() {
        assert!(
            found.iter().any(|name| name.ends_with(path.as_str())),
            "{path} in {found:?}"
        );
    }

    // All of it is there after a power cut.
    daemon.kill().await.unwrap();
    daemon.restart().await.unwrap();
    assert_eq!(head(&daemon, &project).await, second);
    assert_eq!(
        daemon.get(&file).await.unwrap().json()["content"],
        json!(changed)
    );

    let renamed = send(
        daemon
            .request(Method::PATCH, &route)
            .json(&json!({ "name": "Store" })),
    )
    .await
    .unwrap();
    assert_eq!(renamed.json()["name"], "Store", "{}", renamed.text());
    assert_eq!(daemon.delete(&route).await.unwrap().status, 204);
    assert_eq!(daemon.get(&route).await.unwrap().status, 404);
    assert_eq!(daemon.get("/projects").await.unwrap().json(), json!([]));
}

/// An open preview: its origin and cookie.
pub struct Preview<'a> {
    daemon: &'a Daemon,
    pub origin: String,
    cookie: String,
}

impl<'a> Preview<'a> {
    pub async fn open(daemon: &'a Daemon, project: &str) -> Self {
        let info = daemon
            .post(&format!("/projects/{project}/preview"), json!({}))
            .await
            .unwrap();
        assert_eq!(info.status, 200, "{}", info.text());
        let info = info.json();
        let origin = info["origin"].as_str().unwrap().to_owned();
        let path = info["url"].as_str().unwrap().strip_prefix(&origin).unwrap();
        let entered = send(daemon.request_site(Method::GET, &origin, path))
            .await
            .unwrap();
        assert_eq!(entered.status, 303, "{}", entered.text());
        assert_eq!(entered.header("location"), "/");
        let cookie = entered.header("set-cookie").to_owned();
        assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
        let again = send(daemon.request_site(Method::GET, &origin, path))
            .await
            .unwrap();
        assert_eq!(again.status, 401, "a ticket is good once");
        Self {
            daemon,
            origin,
            cookie: cookie.split(';').next().unwrap().to_owned(),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.daemon
            .request_site(method, &self.origin, path)
            .header("cookie", &self.cookie)
    }

    pub async fn query(&self, name: &str, params: Value) -> Answer {
        send(
            self.request(Method::POST, &format!("/_lab/q/{name}"))
                .header("origin", &self.origin)
                .json(&json!({ "params": params })),
        )
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn a_preview_shows_the_app_with_its_rows_to_who_opened_it_and_to_nobody_else() {
    let daemon = Daemon::start().await.unwrap();
    let project = dashboard(&daemon, "Shop").await;
    let preview = Preview::open(&daemon, &project).await;

    let page = send(
        preview
            .request(Method::GET, "/")
            .header("sec-fetch-dest", "iframe"),
    )
    .await
    .unwrap();
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy");
    let console = format!("http://console.labd.localhost:{}", daemon.port());
    assert!(
        policy.contains(&format!("frame-ancestors {console}")),
        "{policy}"
    );
    assert!(policy.contains("default-src 'self'"), "{policy}");
    assert!(!policy.contains("script-src *"), "{policy}");
    let html = page.text();
    assert!(html.contains("<title>Shop dashboard</title>"), "{html}");

    // Everything that the page loads is there.
    let modules: Vec<&str> = html
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(
        modules.iter().any(|path| path.starts_with("/_lab/m/")),
        "{html}"
    );
    let shell = html
        .split("src=")
        .nth(1)
        .and_then(|rest| rest.split('>').next())
        .unwrap();
    let mut packed = 0;
    for path in modules.into_iter().chain([shell]) {
        let module = send(preview.request(Method::GET, path)).await.unwrap();
        assert_eq!(module.status, 200, "{path}");
        assert_eq!(module.header("content-encoding"), "", "{path}");
        let small = preview
            .request(Method::GET, path)
            .header("accept-encoding", "gzip, br");
        let small = send(small).await.unwrap();
        if small.header("content-encoding") == "br" {
            assert!(small.body.len() < module.body.len(), "{path}");
            assert_eq!(small.header("vary"), "accept-encoding");
            packed += 1;
        }
        assert!(
            module.header("content-type").starts_with("text/javascript"),
            "{path}: {}",
            module.header("content-type")
        );
        assert!(
            module.header("cache-control").contains("immutable"),
            "{path}"
        );
    }
    assert!(packed > 0, "{html}");

    let rows = preview.query("top_customers", json!({ "count": 10 })).await;
    assert_eq!(rows.status, 200, "{}", rows.text());
    assert_eq!(rows.json()["rows"].as_array().unwrap().len(), 10);
    let missing = preview.query("top_customers", json!({})).await;
    assert_eq!(missing.status, 400, "{}", missing.text());
    let unknown = preview.query("nothing", json!({})).await;
    assert_eq!(unknown.status, 404);

    let summary = send(preview.request(Method::GET, "/api/summary?months=6"))
        .await
        .unwrap();
    assert_eq!(summary.status, 200, "{}", summary.text());
    assert!(summary.json()["revenue"].as_f64().unwrap() > 0.0);

    // In a window of its own it goes to the console.
    let alone = send(
        preview
            .request(Method::GET, "/")
            .header("sec-fetch-dest", "document"),
    )
    .await
    .unwrap();
    assert_eq!(alone.status, 303);
    assert!(alone.header("location").starts_with(&console));

    // Nobody else.
    let stranger = send(daemon.request_site(Method::GET, &preview.origin, "/"))
        .await
        .unwrap();
    assert_eq!(stranger.status, 401);
    let tokens_do_not_open_it = send(
        daemon
            .request_site(Method::GET, &preview.origin, "/")
            .bearer_auth(daemon.token()),
    )
    .await
    .unwrap();
    assert_eq!(tokens_do_not_open_it.status, 401);
    for foreign in ["http://evil.example", "null", console.as_str()] {
        let refused = send(
            preview
                .request(Method::POST, "/_lab/q/low_stock")
                .header("origin", foreign)
                .json(&json!({})),
        )
        .await
        .unwrap();
        assert_eq!(refused.status, 403, "{foreign}: {}", refused.text());
    }
    let without_origin = send(
        preview
            .request(Method::POST, "/_lab/q/low_stock")
            .json(&json!({})),
    )
    .await
    .unwrap();
    assert_eq!(without_origin.status, 403);

    // A pass is for one project, and is no session.
    let other = dashboard(&daemon, "Other").await;
    let other = Preview::open(&daemon, &other).await;
    let crossed = send(
        daemon
            .request_site(Method::GET, &other.origin, "/")
            .header("cookie", &preview.cookie),
    )
    .await
    .unwrap();
    assert_eq!(crossed.status, 401);
    let as_session = send(
        daemon
            .request_site(Method::GET, &console, "/api/v1/status")
            .header("sec-fetch-site", "same-origin")
            .header("cookie", &preview.cookie),
    )
    .await
    .unwrap();
    assert_eq!(as_session.status, 401);
}

#[tokio::test]
async fn a_preview_works_after_a_restart_and_tells_open_pages_of_new_states() {
    let mut daemon = Daemon::start().await.unwrap();
    let project = dashboard(&daemon, "Shop").await;
    daemon.kill().await.unwrap();
    daemon.restart().await.unwrap();
    let preview = Preview::open(&daemon, &project).await;
    let rows = preview
        .query("monthly_revenue", json!({ "months": 3 }))
        .await;
    assert_eq!(
        rows.json()["rows"].as_array().unwrap().len(),
        3,
        "{}",
        rows.text()
    );

    let mut events = preview
        .request(Method::GET, "/_lab/events")
        .send()
        .await
        .unwrap();
    let mut shown = async || {
        let chunk = events.chunk().await.unwrap().unwrap();
        let text = String::from_utf8(chunk.to_vec()).unwrap();
        let data = text.lines().find_map(|line| line.strip_prefix("data: "));
        serde_json::from_str::<Value>(data.unwrap()).unwrap()["revision"].clone()
    };
    let before = shown().await;
    let path = "src/App.tsx";
    let file = daemon
        .get(&format!("/projects/{project}/files/{path}"))
        .await
        .unwrap()
        .json();
    let text = format!(
        "{}// changed\nexport const changed = 1;\n",
        file["content"].as_str().unwrap()
    );
    let saved = save(&daemon, &project, path, &text, file["hash"].clone()).await;
    assert_eq!(saved.json()["snapshot"]["draft"], false, "{}", saved.text());
    assert_ne!(shown().await, before);
}

#[tokio::test]
async fn a_source_that_projects_use_is_removed_only_when_that_is_confirmed() {
    let daemon = Daemon::start().await.unwrap();
    let project = project(&daemon, "Shop").await;
    let source = daemon.get("/sources").await.unwrap().json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = daemon.delete(&format!("/sources/{source}")).await.unwrap();
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("1 project"), "{}", refused.text());
    let removed = daemon
        .delete(&format!("/sources/{source}?confirm=true"))
        .await
        .unwrap();
    assert_eq!(
        removed.json()["projects"],
        json!([project]),
        "{}",
        removed.text()
    );
    let left = daemon.get(&format!("/projects/{project}")).await.unwrap();
    assert_eq!(left.json()["source"], Value::Null);
}
