//! OpenAI's API as the daemon offers it, over real plugins, before a server that plays their providers
//! as strictly as they are.

mod answers;
mod sdks;

use labd_ai_peer::{AiPeer, Answer, Asked, Operation, Provider, Refusal, Reply, Step, Wait};
use labd_tests::daemon::{Answer as Told, Daemon, send};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// A provider that the daemon reaches, and its models.
struct Behind {
    played: Provider,
    plugin: &'static str,
    model: &'static str,
    /// For embeddings, where it has them.
    embeds: Option<&'static str>,
    /// Which of its APIs the plugin is told to use, where it has several.
    api: Option<&'static str>,
}

const COMPATIBLE: Behind = Behind {
    played: Provider::Compatible,
    plugin: "labd.openai-compatible",
    model: "acme/large-1",
    embeds: Some("acme/embed-1"),
    api: None,
};

const OPENAI: Behind = Behind {
    played: Provider::OpenAi,
    plugin: "labd.openai",
    model: "gpt-4.1",
    embeds: Some("text-embedding-3-small"),
    api: None,
};

const ANTHROPIC: Behind = Behind {
    played: Provider::Anthropic,
    plugin: "labd.anthropic",
    model: "claude-sonnet-4-5",
    embeds: None,
    api: None,
};

const GEMINI: Behind = Behind {
    played: Provider::Gemini,
    plugin: "labd.gemini",
    model: "gemini-2.5-flash",
    embeds: Some("gemini-embedding-001"),
    api: None,
};

const INTERACTIONS: Behind = Behind {
    api: Some("interactions"),
    ..GEMINI
};

const OPENAI_CHAT: Behind = Behind {
    api: Some("chat"),
    ..OPENAI
};

const MISTRAL: Behind = Behind {
    played: Provider::Mistral,
    plugin: "labd.mistral",
    model: "mistral-large-latest",
    embeds: Some("mistral-embed"),
    api: None,
};

const OLLAMA: Behind = Behind {
    played: Provider::Ollama,
    plugin: "labd.ollama",
    model: "llama3.2",
    embeds: Some("nomic-embed-text"),
    api: None,
};

/// What the models say, to whoever asks.
fn script(asked: &Asked) -> Reply {
    if asked.operation == Operation::Embed {
        let vectors = vec![vec![0.25, -0.5], vec![1.0, 2.0]];
        return Reply::answer(Answer::default().embedding(vectors));
    }
    let said = asked.body.to_string();
    // Some say that a text begins before they say it.
    let first = match (asked.provider, asked.path.as_str()) {
        (Provider::Anthropic, _) | (Provider::OpenAi, "/v1/responses") => 3,
        (Provider::Gemini, "/v1beta/interactions") => 2,
        _ => 1,
    };
    let answer = match () {
        () if said.contains("Limit me.") => {
            return Reply::refusal(Refusal::Limit(Wait::Seconds(7)));
        }
        () if said.contains("Break off.") => {
            let answer = Answer::text(["So far", " and on", " and on"]);
            return Reply::answer(answer).stopping_after(first, Step::Cut);
        }
        () if said.contains("Be silent.") => {
            let answer = Answer::text(["So far", " and on"]);
            return Reply::answer(answer).stopping_after(first, Step::Silence);
        }
        () if said.contains("Rain: 7 °C") => Answer::text(["Take an ", "umbrella."]),
        () if said.contains("Look at the weather.") => {
            let call = Answer::default().call("weather", [r#"{"city":"#, r#""Köln"}"#]);
            // Where arguments may come at once and in pieces, they do so in turn.
            if asked.number.is_multiple_of(2) {
                call.in_pieces()
            } else {
                call
            }
        }
        () if said.contains("Think.") => Answer::default()
            .thinking(["Hm", "."], SIGNATURE)
            .say(["Done", "."]),
        () => Answer::text(["Grü", "ße 😀"]),
    };
    Reply::answer(answer)
}

/// Of reasoning.
const SIGNATURE: &str = "c2lnbmF0dXJlIG9mIHJlYXNvbmluZw==";

/// A daemon with one such provider.
struct World {
    daemon: Daemon,
    peer: AiPeer,
    provider: String,
}

/// Its name: a blank and a sign that a path cannot hold as they are.
const NAME: &str = "Acme AI?";

impl World {
    async fn before(behind: &Behind) -> Self {
        let models: Vec<_> = [Some(behind.model), behind.embeds]
            .into_iter()
            .flatten()
            .collect();
        let peer = AiPeer::plan()
            .models(behind.played, &models)
            .otherwise(script)
            .start()
            .await
            .unwrap();
        let daemon = Daemon::start_empty().await.unwrap();
        // Some take the address with its version, some without.
        let base = match behind.played {
            Provider::Anthropic | Provider::Ollama => peer.origin_of(behind.played),
            _ => peer.base_url_of(behind.played),
        };
        let mut config = json!({ "base-url": base });
        if let Some(api) = behind.api {
            config["api"] = json!(api);
        }
        let create = json!({
            "name": NAME, "plugin": behind.plugin, "api_key": "sk-test-5b1f09d2c7",
            "config": config,
        });
        let made = daemon.post("/providers", create).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.text());
        let provider = made.json()["id"].as_str().unwrap().to_owned();
        Self {
            daemon,
            peer,
            provider,
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.daemon.port())
    }

    fn request(&self, path: &str, body: &Value) -> RequestBuilder {
        let host = format!("http://127.0.0.1:{}", self.daemon.port());
        self.daemon
            .request_site(Method::POST, &host, &format!("/v1{path}"))
            .bearer_auth(self.daemon.token())
            .json(body)
    }

    async fn ask(&self, path: &str, body: Value) -> Told {
        send(self.request(path, &body)).await.unwrap()
    }
}
