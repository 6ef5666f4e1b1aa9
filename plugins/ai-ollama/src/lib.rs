//! Ollama's own API, as the server on this machine, on another, and in its cloud speaks it.
//!
//! | module | what it maps |
//! | --- | --- |
//! | [`request`] | labd's request → the API's body |
//! | [`context`] | how much of a request the model sees |
//! | [`stream`] | the API's lines → labd's events |
//! | [`models`], [`embed`] | lists of models; embeddings |
//! | [`fault`] | the API's errors → labd's |
//!
//! Facts are from the [API reference](https://docs.ollama.com/api) and the server's own types.

pub mod context;
pub mod embed;
pub mod fault;
pub mod models;
pub mod request;
pub mod stream;

use labd_plugin::ai::{
    AiProvider, Capabilities, EmbedRequest, Embeddings, Info, Model, Request, Streamed,
};
use labd_plugin::stream::NdjsonReader;
use labd_plugin::{Error, Host, Result, api, debug, export_plugin, http};
use serde_json::{Value, json};

/// Where the server is, unless configured.
const LOCAL: &str = "http://127.0.0.1:11434";

/// The most bytes of a list of models, and of what is told of one.
const MODELS_LIMIT: usize = 16 * 1024 * 1024;

/// The most bytes of an answer with embeddings: 2048 of 4096 numbers, written out.
const EMBEDDINGS_LIMIT: usize = 80 * 1024 * 1024;

/// How many models are asked about one by one, where the list does not tell enough.
const ASKED: usize = 64;

/// What the manifest's `[config]` describes.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Where the server is: `http://127.0.0.1:11434`, unless said otherwise.
    pub base_url: Option<String>,
    /// Tokens that a model is loaded with; unless said, as many as a request needs.
    pub context_length: Option<u32>,
    /// How long a model stays in memory: `10m`, `-1`.
    pub keep_alive: Option<String>,
}

impl Config {
    /// The address of an endpoint.
    ///
    /// # Errors
    /// `invalid-request` when the base is no HTTP address.
    fn url(&self, path: &str) -> Result<String> {
        let base = self.base_url.as_deref().unwrap_or(LOCAL);
        let base = api::base_url(base, &["/api/chat", "/api", "/v1"])?;
        Ok(format!("{base}{path}"))
    }
}

/// The provider.
pub struct Ollama<H> {
    host: H,
}

export_plugin!(ai_provider: Ollama);

impl<H: Host> AiProvider<H> for Ollama<H> {
    type Config = Config;
    type Completion =
        Streamed<NdjsonReader<http::Peeked<H::Body>, stream::Line>, stream::Conversation>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Ollama".into(),
            description: "Models on this machine or another, by Ollama's own API.".into(),
            capabilities: Capabilities::TOOLS
                | Capabilities::IMAGES
                | Capabilities::STRUCTURED_OUTPUT
                | Capabilities::REASONING
                | Capabilities::EMBEDDINGS,
            default_model: None,
        })
    }

    fn models(&self, config: Config) -> Result<Vec<Model>> {
        let request =
            http::Request::get(config.url("/api/tags")?).header("accept", "application/json");
        let list: models::List = self.ask(request, "")?.json(MODELS_LIMIT)?;
        let url = config.url("/api/show")?;
        let mut all = list.entries();
        // Older servers tell what a model can only when asked about it.
        for entry in all.iter_mut().filter(|one| !one.is_told()).take(ASKED) {
            let asked = http::Request::post(&*url).json(&json!({ "model": entry.id() }))?;
            match self.ask(asked, entry.id()) {
                Ok(mut response) => entry.learn(&response.json(MODELS_LIMIT)?),
                // It may be gone by now; then nothing more is known of it.
                Err(error) => {
                    debug!(
                        self.host,
                        { model = entry.id() },
                        "not told of: {}",
                        error.message()
                    );
                }
            }
        }
        Ok(all.into_iter().map(models::Entry::model).collect())
    }

    fn complete(&self, config: Config, request: Request) -> Result<Self::Completion> {
        let url = config.url("/api/chat")?;
        let request::Body { mut json, left_out } = request::body(&request, &config)?;
        for what in left_out {
            debug!(
                self.host,
                { model = request.model },
                "left out of the request: {what}"
            );
        }
        let seen = context::Seen::of(&request, &json);
        let wanted = |body: &Value| {
            http::Request::post(&*url)
                .header("accept", "application/x-ndjson")
                .json_value(body)
        };
        let response = match self.ask(wanted(&json), &request.model) {
            // Only the server knows which models think. To think is a wish, and no reason to fail.
            Err(error) if fault::is_of_thinking(&error) && request::forget_thinking(&mut json) => {
                debug!(
                    self.host,
                    { model = request.model },
                    "left out of the request: thinking, which this model does not do"
                );
                self.ask(wanted(&json), &request.model)?
            }
            response => response?,
        };
        let mut response = http::Peeked::around(response);
        // A proxy may answer in the server's place.
        if response.body.first()? == Some(b'<') {
            return Err(api::unexpected(&response.error_text()));
        }
        Ok(Streamed::new(
            NdjsonReader::new(response.body),
            stream::Conversation::new(&request, seen),
        ))
    }

    fn embed(&self, config: Config, request: EmbedRequest) -> Result<Embeddings> {
        let wanted = http::Request::post(config.url("/api/embed")?)
            .header("accept", "application/json")
            .json(&embed::body(&request, &config)?)?;
        let answer = self.ask(wanted, &request.model)?.json(EMBEDDINGS_LIMIT)?;
        embed::answer(&request, answer)
    }
}

impl<H: Host> Ollama<H> {
    /// Sends a request about a model; an answer that is an error becomes one here.
    fn ask(&self, request: http::Request, model: &str) -> Result<http::Response<H::Body>> {
        let mut response = self.host.send(request).map_err(away)?;
        if response.is_success() {
            return Ok(response);
        }
        let text = response.error_text();
        Err(fault::of_response(
            &self.host,
            response.status,
            &response.headers,
            &text,
            model,
        ))
    }
}

/// A server that is not there is one that was not started, as a rule.
fn away(error: Error) -> Error {
    match error {
        Error::Unavailable(fault) if fault.hint.is_none() => Error::Unavailable(
            fault.hint("check that Ollama runs; it is started with: ollama serve"),
        ),
        error => error,
    }
}
