//! The Messages API of Anthropic, version 2023-06-01.
//!
//! | module | what it maps |
//! | --- | --- |
//! | [`generation`] | a model's name → what it takes |
//! | [`request`] | labd's request → the API's body |
//! | [`content`] | messages and their parts → blocks of content |
//! | [`thinking`] | how much to reason → the fields for it, and signatures there and back |
//! | [`stream`] | the API's events → labd's |
//! | [`models`] | the API's list of models → labd's |
//! | [`fault`] | the API's errors → labd's |
//!
//! Facts are from the [API reference](https://platform.claude.com/docs/en/api/messages) and its
//! pages on streaming, extended and adaptive thinking, prompt caching, structured outputs and errors.

pub mod content;
pub mod fault;
pub mod generation;
pub mod models;
pub mod request;
pub mod stream;
pub mod thinking;

use labd_plugin::ai::{AiProvider, Capabilities, Info, Model, Request, Streamed, Until};
use labd_plugin::stream::SseReader;
use labd_plugin::{Host, Result, api, debug, export_plugin, http};

/// Where the API is, unless configured.
const OFFICIAL: &str = "https://api.anthropic.com";

/// The version of the API whose shapes these are.
const VERSION: &str = "2023-06-01";

/// The most bytes of a page of models.
const MODELS_LIMIT: usize = 4 * 1024 * 1024;

/// The most pages of models: an upstream that always has more must come to an end too.
const PAGES: usize = 20;

/// What the manifest's `[config]` describes.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Without the version: `https://api.anthropic.com`, which it is unless said otherwise.
    pub base_url: Option<String>,
}

impl Config {
    /// The address of an endpoint.
    ///
    /// # Errors
    /// `invalid-request` when the base is no HTTP address.
    fn url(&self, path: &str) -> Result<String> {
        let base = self.base_url.as_deref().unwrap_or(OFFICIAL);
        let base = api::base_url(base, &["/v1/messages", "/v1"])?;
        Ok(format!("{base}{path}"))
    }
}

/// The provider.
pub struct Anthropic<H> {
    host: H,
}

export_plugin!(ai_provider: Anthropic);

impl<H: Host> AiProvider<H> for Anthropic<H> {
    type Config = Config;
    type Completion = Streamed<SseReader<http::Peeked<H::Body>>, Until<stream::Messages>>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Anthropic".into(),
            description: "Claude, by Anthropic's Messages API.".into(),
            capabilities: Capabilities::TOOLS
                | Capabilities::STRICT_TOOLS
                | Capabilities::IMAGES
                | Capabilities::FILES
                | Capabilities::STRUCTURED_OUTPUT
                | Capabilities::REASONING,
            default_model: None,
        })
    }

    fn models(&self, config: Config) -> Result<Vec<Model>> {
        let mut all = Vec::new();
        let mut after = None;
        for _ in 0..PAGES {
            let url = config.url(&models::path(after.as_deref()))?;
            let request = http::Request::get(url).header("accept", "application/json");
            let page: models::Page = self.ask(request)?.json(MODELS_LIMIT)?;
            after = page.next();
            all.extend(page.models());
            if after.is_none() {
                break;
            }
        }
        Ok(all)
    }

    fn complete(&self, config: Config, request: Request) -> Result<Self::Completion> {
        let url = config.url("/v1/messages")?;
        let request::Body {
            json,
            left_out,
            stops,
        } = request::body(&request)?;
        for what in left_out {
            debug!(
                self.host,
                { model = request.model },
                "left out of the request: {what}"
            );
        }
        let wanted = http::Request::post(url)
            .header("accept", "text/event-stream")
            .json_value(&json);
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
        Ok(Streamed::new(
            SseReader::new(response.body),
            Until::new(stops, stream::Messages::new(&request.model)),
        ))
    }
}

impl<H: Host> Anthropic<H> {
    /// Sends a request; an answer that is an error becomes one here.
    fn ask(&self, request: http::Request) -> Result<http::Response<H::Body>> {
        let request = request.header("anthropic-version", VERSION);
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
