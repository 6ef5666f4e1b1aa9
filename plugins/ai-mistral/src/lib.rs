//! Mistral: <https://docs.mistral.ai/api>. It speaks the Chat Completions API with differences of
//! its own, which `labd-chat-completions` knows as [`Dialect::MISTRAL`]:
//!
//! | what | how |
//! | --- | --- |
//! | content | a text, or a list of `text` and `thinking` parts, also in a stream |
//! | tool calls | whole with their finish reason, or in pieces that repeat `name: ""` |
//! | ids of calls | nine letters and digits; others are refused, so they are written as such |
//! | roles | no `user` right after `tool`; a last `assistant` is marked `prefix` |
//! | reasoning | `prompt_mode` for Magistral, `reasoning_effort` for others; sent back as `thinking` |
//! | documents | a part `document_url` |
//! | "call some tool" | `any` |
//! | temperature | up to 1.5; a higher one is taken for it |
//! | usage | on the last chunk, unasked; `stream_options` is refused |
//! | padding | a field `p` of random length, ignored |
//! | embeddings | `output_dimension`; no field for a user |
//! | errors | `{"detail": …}`, `{"object": "error", "type", "code", "message"}`, `{"message": …}` |

pub mod models;

use labd_chat_completions::client::{Client, Events};
use labd_chat_completions::dialect::Dialect;
use labd_chat_completions::stream::Chat;
use labd_plugin::ai::{
    AiProvider, Capabilities, EmbedRequest, Embeddings, Info, Model, Request, Streamed, Until,
};
use labd_plugin::{Host, Result, export_plugin};

/// Mistral's own address.
const BASE_URL: &str = "https://api.mistral.ai/v1";

/// What the manifest's `[config]` describes.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Up to and with the version; none for Mistral's own.
    #[serde(default)]
    pub base_url: Option<String>,
}

/// The provider.
pub struct Mistral<H> {
    host: H,
}

export_plugin!(ai_provider: Mistral);

impl<H: Host> AiProvider<H> for Mistral<H> {
    type Config = Config;
    type Completion = Streamed<Events<H::Body>, Until<Chat>>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Mistral".into(),
            description: "Mistral's models, through its own API.".into(),
            capabilities: Capabilities::TOOLS
                | Capabilities::STRICT_TOOLS
                | Capabilities::IMAGES
                | Capabilities::FILES
                | Capabilities::STRUCTURED_OUTPUT
                | Capabilities::REASONING
                | Capabilities::EMBEDDINGS,
            default_model: Some("mistral-medium-latest".into()),
        })
    }

    fn models(&self, config: Config) -> Result<Vec<Model>> {
        Ok(models::known(self.client(&config)?.models()?))
    }

    fn complete(&self, config: Config, request: Request) -> Result<Self::Completion> {
        self.client(&config)?.complete(request)
    }

    fn embed(&self, config: Config, request: EmbedRequest) -> Result<Embeddings> {
        self.client(&config)?.embed(&request)
    }
}

impl<H: Host> Mistral<H> {
    fn client(&self, config: &Config) -> Result<Client<'_, H>> {
        let configured = config.base_url.as_deref().map(str::trim);
        let base = configured.filter(|url| !url.is_empty()).unwrap_or(BASE_URL);
        Client::new(&self.host, base, Dialect::MISTRAL)
    }
}
