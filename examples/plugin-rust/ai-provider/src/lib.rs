//! An AI provider for servers that stream Chat Completions. Without a server it repeats what was
//! said, so that it can be tried at once.

mod chat;
mod echo;

use chat::Chat;
use echo::Echo;
use labd_plugin::ai::{
    AiProvider, Capabilities, Completion, Event, Info, Model, Request, Streamed,
};
use labd_plugin::stream::SseReader;
use labd_plugin::{Host, Result, export_plugin, http};
use serde::Deserialize;

/// What `[config]` of plugin.toml describes.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    base_url: Option<String>,
}

/// The provider.
pub struct Provider<H> {
    host: H,
}

export_plugin!(ai_provider: Provider);

/// A running answer.
pub enum Answer<H: Host> {
    Chat(Streamed<SseReader<H::Body>, Chat>),
    Echo(Echo),
}

impl<H: Host> AiProvider<H> for Provider<H> {
    type Config = Config;
    type Completion = Answer<H>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Chat Completions in Rust".into(),
            description: "Any server that streams Chat Completions.".into(),
            capabilities: Capabilities::empty(),
            default_model: None,
        })
    }

    fn models(&self, config: Config) -> Result<Vec<Model>> {
        let Some(base) = config.base_url else {
            return Ok(vec![Model::new(echo::MODEL)]);
        };
        let mut response = self.ask(http::Request::get(url(&base, "models")))?;
        chat::models(&response.json(1 << 20)?)
    }

    fn complete(&self, config: Config, request: Request) -> Result<Answer<H>> {
        let Some(base) = config.base_url else {
            return Ok(Answer::Echo(Echo::of(&request)));
        };
        let wanted = http::Request::post(url(&base, "chat/completions"))
            .header("accept", "text/event-stream")
            .json(&chat::body(&request)?)?;
        let response = self.ask(wanted)?;
        Ok(Answer::Chat(Streamed::new(
            SseReader::new(response.body),
            Chat::of(&request),
        )))
    }
}

impl<H: Host> Provider<H> {
    /// Sends a request. A status that is no success becomes the contract's error, with the time to
    /// wait where the server tells it.
    fn ask(&self, request: http::Request) -> Result<http::Response<H::Body>> {
        let mut response = self.host.send(request)?;
        if response.is_success() {
            return Ok(response);
        }
        let text = response.error_text();
        Err(http::status_error(
            &self.host,
            response.status,
            &response.headers,
            text,
        ))
    }
}

impl<H: Host> Completion for Answer<H> {
    fn next(&mut self, max: usize) -> Result<Vec<Event>> {
        match self {
            Self::Chat(chat) => chat.next(max),
            Self::Echo(echo) => echo.next(max),
        }
    }
}

fn url(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_plugin::Error;
    use labd_plugin::ai::FinishReason;
    use labd_plugin::testing::{
        FakeHost,
        ai::{drain, every_split, joined, request},
    };

    const STREAM: &str = "data: {\"model\":\"m-1\",\"choices\":[{\"delta\":{\"content\":\"Grüße, \"}}]}\n\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"東京\"},\"finish_reason\":\"stop\"}]}\n\n\
        data: [DONE]\n\n";

    fn config() -> Config {
        Config {
            base_url: Some("http://model.example/v1/".into()),
        }
    }

    #[test]
    fn an_answer_is_the_same_however_the_stream_is_split() {
        every_split(STREAM.as_bytes(), |pieces| {
            let host = FakeHost::new();
            host.respond(200, pieces);
            let provider = Provider::new(host.clone());
            let mut answer = provider.complete(config(), request("m", "Hello"))?;
            let (events, error) = drain(&mut answer, 4);
            assert_eq!(error, None);
            let events = joined(&events);
            assert!(
                events.contains(&Event::Text("Grüße, 東京".into())),
                "{events:?}"
            );
            assert_eq!(events.last(), Some(&Event::Finish(FinishReason::Stop)));
            assert_eq!(
                host.requests().first().map(|sent| sent.url.clone()),
                Some("http://model.example/v1/chat/completions".into())
            );
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn a_stream_that_breaks_off_is_no_answer() {
        let host = FakeHost::new();
        host.respond(200, [&STREAM[..70]]);
        let provider = Provider::new(host);
        let mut answer = provider.complete(config(), request("m", "Hello")).unwrap();
        assert!(matches!(
            drain(&mut answer, 4).1,
            Some(Error::Unavailable(_))
        ));
    }

    #[test]
    fn what_the_server_refuses_is_told() {
        let host = FakeHost::new();
        host.respond(401, ["wrong key"]);
        let refused = Provider::new(host).complete(config(), request("m", "Hello"));
        assert!(matches!(refused.err(), Some(Error::Unauthenticated(_))));
    }

    #[test]
    fn without_a_server_it_repeats_what_was_said() {
        let provider = Provider::new(FakeHost::new());
        let mut answer = provider
            .complete(Config { base_url: None }, request("echo", "Hello, world"))
            .unwrap();
        let events = joined(&drain(&mut answer, 2).0);
        let said =
            |event: &Event| matches!(event, Event::Text(text) if text.contains("Hello, world"));
        assert!(events.iter().any(said), "{events:?}");
    }
}
