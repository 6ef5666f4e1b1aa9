//! The Chat Completions API, as OpenAI and the many servers that follow it speak it.
//!
//! | module | what it maps |
//! | --- | --- |
//! | [`request`] | labd's request → the API's body |
//! | [`stream`] | the API's chunks → labd's events |
//! | [`models`] | the API's lists of models → labd's |
//! | [`embed`] | requests for embeddings, and their answers |
//! | [`fault`] | the API's errors → labd's |
//!
//! Servers leave out fields, send them empty, or end a stream in their own way; whatever can be
//! understood is, and a stream that ends without saying why is `unavailable`.

pub mod embed;
pub mod fault;
pub mod models;
pub mod request;
pub mod stream;

use labd_plugin::ai::{
    AiProvider, Capabilities, EmbedRequest, Embeddings, Info, Model, Request, Streamed,
};
use labd_plugin::stream::SseReader;
use labd_plugin::{Error, Fault, Host, Result, export_plugin, http};

/// The most bytes of a list of models.
const MODELS_LIMIT: usize = 4 * 1024 * 1024;

/// The most bytes of an answer with embeddings: 2048 of 3072 numbers, written out.
const EMBEDDINGS_LIMIT: usize = 60 * 1024 * 1024;

/// What the manifest's `[config]` describes.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Up to and with the version: `https://api.openai.com/v1`.
    pub base_url: String,
}

impl Config {
    /// The address of an endpoint.
    ///
    /// # Errors
    /// `invalid-request` when the base is no HTTP address.
    fn url(&self, path: &str) -> Result<String> {
        let base = self.base_url.trim().trim_end_matches('/');
        if !(base.starts_with("https://") || base.starts_with("http://")) {
            return Err(Error::invalid(
                Fault::new(
                    "configuration: `base-url` is an address such as https://api.openai.com/v1",
                )
                .code("base-url"),
            ));
        }
        // People paste the whole endpoint.
        let base = base.strip_suffix("/chat/completions").unwrap_or(base);
        Ok(format!("{base}{path}"))
    }
}

/// The provider.
pub struct OpenAiCompatible<H> {
    host: H,
}

export_plugin!(ai_provider: OpenAiCompatible);

impl<H: Host> AiProvider<H> for OpenAiCompatible<H> {
    type Config = Config;
    type Completion = Streamed<SseReader<http::Peeked<H::Body>>, stream::Chat>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "OpenAI-compatible".into(),
            description: "OpenAI, and every server that speaks its Chat Completions API.".into(),
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
        let request =
            http::Request::get(config.url("/models")?).header("accept", "application/json");
        let mut response = self.ask(request)?;
        Ok(models::of(&response.json(MODELS_LIMIT)?))
    }

    fn complete(&self, config: Config, request: Request) -> Result<Self::Completion> {
        let url = config.url("/chat/completions")?;
        let body = request::body(&request, request::Flavour::of(&url))?;
        let wanted = http::Request::post(url)
            .header("accept", "text/event-stream")
            .json(&body)?;
        let response = self.ask(wanted)?;
        let declared = response
            .header("content-type")
            .is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"));
        let mut response = http::Peeked::around(response);
        // Not all who stream say so, and not all who say something else do something else.
        if !declared {
            match response.body.first()? {
                Some(b'{' | b'[') => return Err(fault::instead_of_stream(&response.error_text())),
                Some(b'<') => return Err(fault::web_page(&response.error_text())),
                _ => {}
            }
        }
        Ok(Streamed::new(
            SseReader::new(response.body),
            stream::Chat::new(&request.model),
        ))
    }

    fn embed(&self, config: Config, request: EmbedRequest) -> Result<Embeddings> {
        let url = config.url("/embeddings")?;
        let body = embed::body(&request, request::Flavour::of(&url))?;
        let wanted = http::Request::post(url)
            .header("accept", "application/json")
            .json(&body)?;
        let mut response = self.ask(wanted)?;
        embed::answer(&request, response.json(EMBEDDINGS_LIMIT)?)
    }
}

impl<H: Host> OpenAiCompatible<H> {
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
