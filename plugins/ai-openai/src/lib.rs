//! OpenAI: <https://platform.openai.com/docs/api-reference>.
//!
//! | module | what it maps |
//! | --- | --- |
//! | [`request`] | labd's request → the body of `POST /responses` |
//! | [`input`] | the conversation in it |
//! | [`schema`] | what OpenAI can enforce of a JSON Schema |
//! | [`stream`] | the events of a response → labd's |
//! | [`models`] | what is known of models by their names |
//!
//! Chat Completions, embeddings and errors are those of `labd-chat-completions`, in
//! [`Dialect::OPENAI`]. Responses is the default, since only it takes the encrypted reasoning of
//! former steps back. It has no stop texts and no answers of fewer than 16 tokens: requests with
//! either go through Chat Completions, which has. Models that reason take neither stop texts nor a
//! temperature and top-p: the former are looked for in the answer, the latter left out and logged.

pub mod input;
pub mod models;
pub mod request;
pub mod schema;
pub mod stream;

use labd_chat_completions::client::{Client, Events};
use labd_chat_completions::dialect::Dialect;
use labd_chat_completions::stream::Chat;
use labd_plugin::ai::{
    AiProvider, Capabilities, Decoder, EmbedRequest, Embeddings, Event, Flow, Info, Model, Request,
    Streamed, Until,
};
use labd_plugin::stream::SseEvent;
use labd_plugin::{Host, Result, export_plugin};

/// OpenAI's own address.
const BASE_URL: &str = "https://api.openai.com/v1";

/// The least `max_output_tokens` of Responses.
const LEAST_TOKENS: u32 = 16;

/// What the manifest's `[config]` describes.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Up to and with the version; none for OpenAI's own.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Through which API answers are asked for.
    #[serde(default)]
    pub api: Api,
    /// What is shown of a model's reasoning.
    #[serde(default)]
    pub reasoning_summary: Summary,
}

/// An API for answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// `POST /responses`.
    #[default]
    Responses,
    /// `POST /chat/completions`.
    Chat,
}

/// What is shown of a model's reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Summary {
    /// The most detailed that the model has.
    #[default]
    Auto,
    /// A short one.
    Concise,
    /// A long one.
    Detailed,
    /// None.
    None,
}

/// The provider.
pub struct OpenAi<H> {
    host: H,
}

export_plugin!(ai_provider: OpenAi);

impl<H: Host> AiProvider<H> for OpenAi<H> {
    type Config = Config;
    type Completion = Streamed<Events<H::Body>, Until<Answer>>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "OpenAI".into(),
            description: "OpenAI's models, through its own API.".into(),
            capabilities: Capabilities::TOOLS
                | Capabilities::STRICT_TOOLS
                | Capabilities::IMAGES
                | Capabilities::FILES
                | Capabilities::STRUCTURED_OUTPUT
                | Capabilities::REASONING
                | Capabilities::EMBEDDINGS,
            default_model: Some("gpt-5.4-mini".into()),
        })
    }

    fn models(&self, config: Config) -> Result<Vec<Model>> {
        Ok(models::known(self.client(&config)?.models()?))
    }

    fn complete(&self, config: Config, mut request: Request) -> Result<Self::Completion> {
        schema::check_all(&request)?;
        let client = self.client(&config)?;
        let stops = client.settle(&mut request);
        let only_chat = !request.stop.is_empty()
            || request
                .max_tokens
                .is_some_and(|tokens| tokens < LEAST_TOKENS);
        if config.api == Api::Chat || only_chat {
            let chat = Chat::new(&request.model, Dialect::OPENAI);
            let answer = Until::new(stops, Answer::Chat(chat));
            return Ok(Streamed::new(client.chat(request)?, answer));
        }
        let response = stream::Response::new(&request.model);
        let body = request::body(request, config.reasoning_summary)?;
        Ok(Streamed::new(
            client.stream("/responses", &body)?,
            Until::new(stops, Answer::Response(response)),
        ))
    }

    fn embed(&self, config: Config, request: EmbedRequest) -> Result<Embeddings> {
        self.client(&config)?.embed(&request)
    }
}

impl<H: Host> OpenAi<H> {
    fn client(&self, config: &Config) -> Result<Client<'_, H>> {
        let configured = config.base_url.as_deref().map(str::trim);
        let base = configured.filter(|url| !url.is_empty()).unwrap_or(BASE_URL);
        Client::new(&self.host, base, Dialect::OPENAI)
    }
}

/// An answer of either API.
#[derive(Debug)]
pub enum Answer {
    /// Of Chat Completions.
    Chat(Chat),
    /// Of Responses.
    Response(stream::Response),
}

impl Decoder<SseEvent> for Answer {
    fn frame(&mut self, frame: SseEvent, events: &mut Vec<Event>) -> Result<Flow> {
        match self {
            Self::Chat(chat) => chat.frame(frame, events),
            Self::Response(response) => response.frame(frame, events),
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<()> {
        match self {
            Self::Chat(chat) => chat.end(events),
            Self::Response(response) => response.end(events),
        }
    }
}
