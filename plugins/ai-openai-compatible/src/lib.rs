//! Every server that speaks the Chat Completions API. The API itself is in `labd-chat-completions`;
//! here are the [`servers`] that are known by their address.

pub mod servers;

use labd_chat_completions::client::{Client, Events};
use labd_chat_completions::stream::Chat;
use labd_plugin::ai::{
    AiProvider, Capabilities, EmbedRequest, Embeddings, Info, Model, Request, Streamed, Until,
};
use labd_plugin::{Host, Result, export_plugin};

/// What the manifest's `[config]` describes.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Up to and with the version: `https://api.openai.com/v1`.
    pub base_url: String,
}

/// The provider.
pub struct OpenAiCompatible<H> {
    host: H,
}

export_plugin!(ai_provider: OpenAiCompatible);

impl<H: Host> AiProvider<H> for OpenAiCompatible<H> {
    type Config = Config;
    type Completion = Streamed<Events<H::Body>, Until<Chat>>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "OpenAI-compatible".into(),
            description: "Every server that speaks the Chat Completions API of OpenAI.".into(),
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
        self.client(&config)?.models()
    }

    fn complete(&self, config: Config, request: Request) -> Result<Self::Completion> {
        self.client(&config)?.complete(request)
    }

    fn embed(&self, config: Config, request: EmbedRequest) -> Result<Embeddings> {
        self.client(&config)?.embed(&request)
    }
}

impl<H: Host> OpenAiCompatible<H> {
    fn client(&self, config: &Config) -> Result<Client<'_, H>> {
        Client::new(
            &self.host,
            &config.base_url,
            servers::dialect_of(&config.base_url),
        )
    }
}
