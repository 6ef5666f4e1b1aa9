//! Turns with a model: the real daemon and its OpenAI-compatible plugin, before a provider that
//! plays from a script.

mod answers;
mod failures;
mod keys;
mod languages;
mod providers;
mod streams;

use crate::{
    projects::Preview,
    turns::{follow, project, start},
};
use labd_tests::{
    ai_peer::{AiPeer, Reply},
    daemon::{Answer, Daemon, Home, send},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::fs;

/// The API key of the provider.
const KEY: &str = "sk-test-7c2b40e1d95f";

/// The files of an app that works.
const FILES: [(&str, &str); 3] = [
    (
        "app.json",
        "{\"name\": \"Lager – Übersicht\", \"pages\": [{\"path\": \"/\", \"label\": \"Lager\"}]}\n",
    ),
    (
        "queries/low_stock.sql",
        "-- What has to be ordered.\n-- @effect read\nSELECT p.name, i.quantity_on_hand AS on_hand\nFROM inventory AS i\nJOIN products AS p ON p.id = i.product_id\nORDER BY i.quantity_on_hand, p.name\nLIMIT 5\n",
    ),
    (
        "src/main.tsx",
        "import { createRoot } from \"react-dom/client\";\nimport { useQuery } from \"@labd/data\";\n\nfunction App() {\n  const stock = useQuery(\"low_stock\");\n  return <p>Größte Lücke: {String(stock.data?.[0]?.[\"name\"] ?? \"…\")} 😀</p>;\n}\n\ncreateRoot(document.getElementById(\"root\")!).render(<App />);\n",
    ),
];

/// An answer with files.
fn answer(files: &[(&str, &str)]) -> String {
    let files: String = files
        .iter()
        .map(|(path, text)| format!("<lab-file path=\"{path}\">\n{text}</lab-file>\n"))
        .collect();
    format!("Hier ist dein Lager.\n<lab-app title=\"Lager\">\n{files}</lab-app>\n")
}

/// The app that works.
fn app() -> String {
    answer(&FILES)
}

/// A home with lines of `labd.toml`.
fn home(config: &str) -> Home {
    let home = Home::new().unwrap();
    let folder = home.path().join("config/labd");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("labd.toml"), config).unwrap();
    home
}

/// A daemon with a project on the sample shop, whose model a script plays.
struct World {
    daemon: Daemon,
    peer: AiPeer,
    provider: String,
    project: String,
}

/// A turn that has ended.
#[derive(Debug)]
struct Ended {
    events: Vec<Value>,
    turn: Value,
}

impl World {
    async fn new(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::configured("", script).await
    }

    /// With lines of `labd.toml`.
    async fn configured(config: &str, script: impl IntoIterator<Item = Reply>) -> Self {
        let daemon = Daemon::start_in(home(config), &[]).await.unwrap();
        Self::through(daemon, "labd.openai-compatible", script).await
    }

    /// Of a daemon that reaches its model through this plugin.
    async fn through(
        daemon: Daemon,
        plugin: &str,
        script: impl IntoIterator<Item = Reply>,
    ) -> Self {
        let peer = AiPeer::start(script).await.unwrap();
        let create = json!({
            "name": "Acme AI", "plugin": plugin, "api_key": KEY,
            "config": { "base-url": peer.base_url() }, "default_model": "acme-large",
        });
        Self::provided(daemon, peer, create).await
    }

    /// Of a daemon with this provider.
    async fn provided(daemon: Daemon, peer: AiPeer, create: Value) -> Self {
        daemon.repeat_nothing().await.unwrap();
        let made = daemon.post("/providers", create).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.text());
        let provider = made.json()["id"].as_str().unwrap().to_owned();
        let project = project(&daemon).await;
        let world = Self {
            daemon,
            peer,
            provider,
            project,
        };
        let chosen = world.set_provider(json!(world.provider)).await;
        assert_eq!(chosen.status, 200, "{}", chosen.text());
        world
    }

    async fn set_provider(&self, provider: Value) -> Answer {
        self.patch(
            &format!("/projects/{}", self.project),
            json!({ "provider": provider }),
        )
        .await
    }

    async fn patch(&self, route: &str, body: Value) -> Answer {
        send(self.daemon.request(Method::PATCH, route).json(&body))
            .await
            .unwrap()
    }

    /// Asks, and follows the turn to its end.
    async fn ask(&self, text: &str) -> Ended {
        let turn = start(&self.daemon, &self.project, text).await;
        self.end_of(&turn).await
    }

    async fn end_of(&self, turn: &str) -> Ended {
        let route = format!("/projects/{}/turns/{turn}", self.project);
        let events = follow(&self.daemon, &route, 0, usize::MAX).await;
        Ended {
            events: events.into_iter().map(|(_, event)| event).collect(),
            turn: self.daemon.get(&route).await.unwrap().json(),
        }
    }

    /// Path and content of each file of the project, in order.
    async fn files(&self) -> Vec<(String, String)> {
        let route = format!("/projects/{}/files", self.project);
        let listed = self.daemon.get(&route).await.unwrap().json();
        let mut files = Vec::new();
        for file in listed.as_array().unwrap() {
            let path = file["path"].as_str().unwrap().to_owned();
            let file = self.daemon.get(&format!("{route}/{path}")).await.unwrap();
            files.push((path, file.json()["content"].as_str().unwrap().to_owned()));
        }
        files
    }

    /// Path and size of each file of a snapshot.
    async fn snapshot(&self, id: &Value) -> Vec<(String, u64)> {
        let id = id.as_str().expect("a snapshot");
        let route = format!("/projects/{}/snapshots/{id}", self.project);
        let detail = self.daemon.get(&route).await.unwrap().json();
        detail["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| {
                (
                    file["path"].as_str().unwrap().to_owned(),
                    file["size"].as_u64().unwrap(),
                )
            })
            .collect()
    }

    async fn head(&self) -> Value {
        let route = format!("/projects/{}", self.project);
        self.daemon.get(&route).await.unwrap().json()["head"].clone()
    }

    /// The daemon is none the worse: the next turn makes the app, and its preview answers.
    async fn goes_on(&self) {
        self.peer.then(Reply::chat([app().as_str()]));
        let next = self.ask("Show what has to be ordered").await;
        assert_eq!(next.state(), "done", "{next:?}");
        self.shows_the_app().await;
    }

    async fn shows_the_app(&self) {
        let files = self.files().await;
        for (path, text) in FILES {
            assert!(
                files.contains(&(path.to_owned(), text.to_owned())),
                "{files:?}"
            );
        }
        let preview = Preview::open(&self.daemon, &self.project).await;
        let page = preview
            .request(Method::GET, "/")
            .header("sec-fetch-dest", "iframe");
        let page = send(page).await.unwrap();
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.text().contains("<title>Lager – Übersicht</title>"));
        let rows = preview.query("low_stock", json!({})).await;
        assert_eq!(rows.json()["rows"].as_array().unwrap().len(), 5);
    }
}

impl Ended {
    fn state(&self) -> &str {
        self.turn["state"].as_str().unwrap_or_default()
    }

    /// Code, message and hint of the error that ended it.
    fn error(&self) -> (&str, String) {
        let error = &self.turn["error"];
        let last = self.events.last().unwrap();
        assert_eq!(last["type"], "finished");
        assert_eq!(last.get("error").unwrap_or(&Value::Null), error);
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        (
            error["code"].as_str().unwrap_or_default(),
            format!("{} {}", text("message"), text("hint")),
        )
    }

    /// The draft that it left.
    fn draft(&self) -> Option<&Value> {
        let draft = self.events.iter().find(|event| event["type"] == "draft")?;
        Some(&draft["id"])
    }

    /// The prose of the answer.
    fn prose(&self) -> String {
        self.events
            .iter()
            .filter(|event| event["type"] == "text")
            .map(|event| event["text"].as_str().unwrap())
            .collect()
    }
}

/// Asserts that words stand in a text.
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
}
