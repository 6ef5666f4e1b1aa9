//! The Gemini API of Google, version v1beta: generateContent, and Interactions behind a setting.
//!
//! | module | what it maps |
//! | --- | --- |
//! | [`generation`] | a model's name → how it is told to think |
//! | [`request`], [`content`] | labd's request → the body of generateContent |
//! | [`stream`], [`arguments`] | its chunks → labd's events; arguments that come in pieces |
//! | [`interactions`] | both for the Interactions API |
//! | [`blob`] | signatures of thoughts, there and back |
//! | [`models`], [`embed`] | lists of models; embeddings |
//! | [`fault`] | the API's errors → labd's |
//!
//! Facts are from the [API reference](https://ai.google.dev/api/generate-content), its guides to
//! thinking, thought signatures and function calling, and the types of Google's SDK for JavaScript.

pub mod arguments;
pub mod blob;
pub mod content;
pub mod embed;
pub mod fault;
pub mod generation;
pub mod interactions;
pub mod models;
pub mod request;
pub mod stream;

use labd_plugin::ai::{
    AiProvider, Capabilities, Decoder, EmbedRequest, Embeddings, Event, Flow, Info, Model, Request,
    Streamed, Until,
};
use labd_plugin::stream::{SseEvent, SseReader};
use labd_plugin::{Error, Host, Result, api, debug, export_plugin, http};

/// Where the API is, unless configured.
const OFFICIAL: &str = "https://generativelanguage.googleapis.com/v1beta";

/// The most bytes of a page of models.
const MODELS_LIMIT: usize = 4 * 1024 * 1024;

/// The most pages of models: an upstream that always has more must come to an end too.
const PAGES: usize = 20;

/// The most stop texts that the API takes.
const STOPS: usize = 5;

/// The most bytes of an answer with embeddings: 100 of 3072 numbers, written out.
const EMBEDDINGS_LIMIT: usize = 16 * 1024 * 1024;

/// Which of Google's APIs answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// `models/…:streamGenerateContent`.
    #[default]
    GenerateContent,
    /// `interactions`.
    Interactions,
}

/// What the manifest's `[config]` describes.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Up to and with the version: `https://generativelanguage.googleapis.com/v1beta`, which it is
    /// unless said otherwise.
    pub base_url: Option<String>,
    /// Which API answers.
    #[serde(default)]
    pub api: Api,
}

impl Config {
    /// The address of an endpoint.
    ///
    /// # Errors
    /// `invalid-request` when the base is no HTTP address.
    fn url(&self, path: &str) -> Result<String> {
        let base = self.base_url.as_deref().unwrap_or(OFFICIAL);
        Ok(format!("{}{path}", api::base_url(base, &["/models"])?))
    }
}

/// A model as addresses name it: `models/gemini-2.5-flash`, which may be asked for without `models/`.
///
/// # Errors
/// `invalid-request` when it cannot be one.
fn resource(model: &str) -> Result<String> {
    let known =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '@' | '/');
    if model.is_empty() || !model.chars().all(known) || model.contains("..") {
        return Err(Error::invalid(format!("there can be no model {model:?}")));
    }
    Ok(match model.split_once('/') {
        Some(("models" | "tunedModels", _)) => model.to_owned(),
        _ => format!("models/{model}"),
    })
}

/// The provider.
pub struct Gemini<H> {
    host: H,
}

export_plugin!(ai_provider: Gemini);

/// An answer of either API.
pub enum Answer {
    /// Of generateContent.
    Contents(stream::Contents),
    /// Of Interactions.
    Steps(interactions::Steps),
}

impl Decoder<SseEvent> for Answer {
    fn frame(&mut self, frame: SseEvent, events: &mut Vec<Event>) -> Result<Flow> {
        match self {
            Self::Contents(one) => one.frame(frame, events),
            Self::Steps(one) => one.frame(frame, events),
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<()> {
        match self {
            Self::Contents(one) => one.end(events),
            Self::Steps(one) => one.end(events),
        }
    }
}

impl<H: Host> AiProvider<H> for Gemini<H> {
    type Config = Config;
    type Completion = Streamed<SseReader<http::Peeked<H::Body>>, Until<Answer>>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Gemini".into(),
            description: "Gemini, by Google's Gemini API.".into(),
            capabilities: Capabilities::TOOLS
                | Capabilities::STRICT_TOOLS
                | Capabilities::IMAGES
                | Capabilities::FILES
                | Capabilities::STRUCTURED_OUTPUT
                | Capabilities::REASONING
                | Capabilities::EMBEDDINGS,
            default_model: None,
        })
    }

    fn models(&self, config: Config) -> Result<Vec<Model>> {
        let mut all = Vec::new();
        let mut token = None;
        for _ in 0..PAGES {
            let url = config.url(&models::path(token.as_deref()))?;
            let request = http::Request::get(url).header("accept", "application/json");
            let page: models::Page = self.ask(request)?.json(MODELS_LIMIT)?;
            token = page.next();
            all.extend(page.models());
            if token.is_none() {
                break;
            }
        }
        Ok(all)
    }

    fn complete(&self, config: Config, mut request: Request) -> Result<Self::Completion> {
        // More than it takes are looked for in the answer.
        let stops = match request.stop.len() {
            ..=STOPS => Vec::new(),
            _ => std::mem::take(&mut request.stop),
        };
        let model = resource(&request.model)?;
        let (url, body, answer) = match config.api {
            Api::GenerateContent => (
                config.url(&format!("/{model}:streamGenerateContent?alt=sse"))?,
                request::body(&request)?,
                Answer::Contents(stream::Contents::new(&request.model)),
            ),
            Api::Interactions => (
                config.url("/interactions")?,
                interactions::body(&request)?,
                Answer::Steps(interactions::Steps::new(&request.model)),
            ),
        };
        for what in body.left_out {
            debug!(
                self.host,
                { model = request.model },
                "left out of the request: {what}"
            );
        }
        let wanted = http::Request::post(url)
            .header("accept", "text/event-stream")
            .json_value(&body.json);
        let response = self.ask(wanted)?;
        let declared = response
            .header("content-type")
            .is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"));
        let mut response = http::Peeked::around(response);
        // A proxy may answer in the API's place, or an error come with a status of success.
        if !declared && matches!(response.body.first()?, Some(b'{' | b'[' | b'<')) {
            let text = response.error_text();
            return Err(fault::in_stream(&text).unwrap_or_else(|| api::unexpected(&text)));
        }
        let answer = Until::new(stops, answer);
        Ok(Streamed::new(SseReader::new(response.body), answer))
    }

    fn embed(&self, config: Config, request: EmbedRequest) -> Result<Embeddings> {
        let model = resource(&request.model)?;
        let url = config.url(&format!("/{model}:batchEmbedContents"))?;
        let wanted = http::Request::post(url)
            .header("accept", "application/json")
            .json(&embed::body(&request, &model)?)?;
        let answer = self.ask(wanted)?.json(EMBEDDINGS_LIMIT)?;
        embed::answer(&request, answer)
    }
}

impl<H: Host> Gemini<H> {
    /// Sends a request; an answer that is an error becomes one here.
    fn ask(&self, request: http::Request) -> Result<http::Response<H::Body>> {
        let mut response = self.host.send(request)?;
        if response.is_success() {
            return Ok(response);
        }
        let text = response.error_text();
        Err(fault::of_response(
            &self.host,
            response.status,
            &response.headers,
            &text,
        ))
    }
}
