//! AI providers (`wit/ai-provider`).

use crate::PluginError;
use async_trait::async_trait;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What a provider, or one of its models, can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Calls of tools.
    pub tools: bool,
    /// Arguments of tools that are sure to follow their schema.
    pub strict_tools: bool,
    /// Images in messages.
    pub images: bool,
    /// Files in messages.
    pub files: bool,
    /// Answers bound to a JSON Schema.
    pub structured_output: bool,
    /// Reasoning events.
    pub reasoning: bool,
    /// Of a provider: it has models for [`AiProvider::embed`]. Of a model: it is one, and none for
    /// [`AiProvider::complete`].
    pub embeddings: bool,
    /// Reads [`Request::document`] and not the messages: a generator, not a model.
    pub document: bool,
}

/// What a provider is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderInfo {
    /// For people.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The model to use when nobody chose one.
    pub default_model: Option<String>,
}

/// A model on offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// As the upstream names it.
    pub id: String,
    /// For people.
    pub name: String,
    /// Tokens that request and answer share.
    pub context_window: Option<u32>,
    /// The most tokens of an answer.
    pub output_limit: Option<u32>,
    /// What it can do; none when the upstream does not tell.
    pub capabilities: Option<Capabilities>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The person, and results of tools.
    User,
    /// The model.
    Assistant,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text.
    Text(String),
    /// A picture.
    Image {
        /// `image/png`, …
        media_type: String,
        /// The file's bytes.
        data: Vec<u8>,
    },
    /// A file that is no picture.
    File {
        /// `application/pdf`, …
        media_type: String,
        /// A file name without folders.
        name: Option<String>,
        /// The file's bytes.
        data: Vec<u8>,
    },
    /// A call of a tool, made by the model.
    ToolUse {
        /// The call's id.
        id: String,
        /// The tool.
        name: String,
        /// A JSON object.
        arguments: String,
    },
    /// What a tool answered.
    ToolResult {
        /// The call it answers.
        id: String,
        /// The answer.
        content: String,
        /// The tool failed.
        is_error: bool,
    },
    /// The model's own reasoning in a former answer.
    Reasoning(String),
    /// Opaque bytes of a former answer, right behind the part that they belong to. Sent back
    /// unchanged, to the provider and model that they came from and to no other.
    Blob(Vec<u8>),
}

/// A message of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub parts: Vec<Part>,
}

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// When to call it.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: String,
    /// The arguments must follow the schema to the letter; asked for only where
    /// [`Capabilities::strict_tools`] is.
    pub strict: bool,
}

/// Whether tools must be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Automatic,
    /// No tool.
    None,
    /// Some tool.
    Required,
    /// This tool.
    Named(String),
}

/// How much reasoning to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Not at all, where that can be.
    Off,
    /// The least.
    Minimal,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// All that the model can.
    Highest,
}

/// How long a cache is asked to keep something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retention {
    /// Some minutes.
    #[default]
    Short,
    /// An hour or more.
    Long,
}

/// What of a request is sure to come again, word for word, in later ones. A cache holds only
/// beginnings, in the order tools, system, messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheHints {
    /// The tools come again.
    pub tools: bool,
    /// So many of [`Request::system`], from the first.
    pub system: u32,
    /// So many of [`Request::messages`], from the first.
    pub messages: u32,
    /// For how long.
    pub retention: Retention,
    /// Names requests with the same beginning; says nothing about anyone.
    pub key: Option<String>,
}

/// A request for one answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The model's id.
    pub model: String,
    /// System instructions.
    pub system: Vec<String>,
    /// The conversation, beginning with the user.
    pub messages: Vec<Message>,
    /// Tools, in a deterministic order.
    pub tools: Vec<Tool>,
    /// Whether tools must be called.
    pub tool_choice: ToolChoice,
    /// Whether several tools may be called at once.
    pub parallel_tools: Option<bool>,
    /// JSON Schema that the answer must follow.
    pub output_schema: Option<String>,
    /// The most tokens to answer with.
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Choose among the likeliest words that have this probability together.
    pub top_p: Option<f64>,
    /// Texts at which to stop.
    pub stop: Vec<String>,
    /// How much reasoning to spend.
    pub effort: Option<Effort>,
    /// What comes again, for upstreams that cache by hint.
    pub cache: Option<CacheHints>,
    /// A pseudonym of the person whom the answer is for; never a name or an address.
    pub user: Option<String>,
    /// The builder's context as JSON, for providers with [`Capabilities::document`].
    pub document: Option<String>,
}

/// Tokens; a later report replaces an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request.
    pub input: Option<u32>,
    /// The part of `input` that came from a cache.
    pub cached_input: Option<u32>,
    /// The part of `input` that was written to a cache.
    pub cache_writes: Option<u32>,
    /// Tokens of the answer.
    pub output: Option<u32>,
    /// The part of `output` that was reasoning.
    pub reasoning: Option<u32>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// The token limit was reached.
    Length,
    /// Tools are to be called.
    ToolUse,
    /// A filter of the provider.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The provider paused; send the answer back to go on.
    Pause,
    /// Something else.
    Other,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The upstream has begun.
    Started {
        /// The model that answers.
        model: String,
        /// The upstream's id of this answer.
        id: String,
    },
    /// Text of the answer.
    Text(String),
    /// Reasoning of the model.
    Reasoning(String),
    /// A tool call begins.
    ToolStarted {
        /// The call's id.
        id: String,
        /// The tool.
        name: String,
    },
    /// A fragment of a call's arguments.
    ToolFragment {
        /// The call's id.
        id: String,
        /// JSON text.
        fragment: String,
    },
    /// The arguments of this call are complete.
    ToolFinished(String),
    /// To be kept with the message and sent back unchanged.
    Blob(Vec<u8>),
    /// Tokens so far.
    Usage(Usage),
    /// The end.
    Finish(FinishReason),
}

/// What embeddings are to be compared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A text that is to be found.
    Document,
    /// A text with which to find.
    Query,
}

/// A request for embeddings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbedRequest {
    /// The model's id.
    pub model: String,
    /// At least one, none empty.
    pub texts: Vec<String>,
    /// Numbers per embedding, for models that can be asked for fewer.
    pub dimensions: Option<u32>,
    /// What they are for, where the model makes a difference.
    pub purpose: Option<Purpose>,
    /// As in [`Request::user`].
    pub user: Option<String>,
}

/// The answer to an [`EmbedRequest`]. The host has checked that there is a vector for each text, and
/// that all are of the same length.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    /// The model that answered.
    pub model: String,
    /// One per text, in the order of the texts.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of the input.
    pub usage: Usage,
}

/// A credential, bound to the one origin it was given for.
#[derive(Clone, PartialEq, Eq)]
pub struct BoundCredential {
    /// `https://api.acme.example`, as [`url::Origin::ascii_serialization`] writes it.
    pub origin: String,
    /// The value, without the header's scheme.
    pub value: Zeroizing<String>,
}

impl std::fmt::Debug for BoundCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BoundCredential({}, [sealed])", self.origin)
    }
}

/// With which settings and credentials a provider plugin is to work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderAccess {
    /// Which configured provider this is; instances are never shared between two of them.
    pub provider_id: String,
    /// The configuration, as the manifest's `[config]` describes it.
    pub config: serde_json::Value,
    /// Credentials by their name in the manifest. The host injects them; the plugin never sees one.
    pub credentials: BTreeMap<String, BoundCredential>,
}

/// A running answer. Dropping it closes the upstream connection.
#[async_trait]
pub trait Completion: Send {
    /// Waits for at least one event and gives those that are ready, at most `max`; empty at the end.
    async fn next(&mut self, max: u32) -> Result<Vec<Event>, PluginError>;
}

/// A provider plugin.
#[async_trait]
pub trait AiProvider: Send + Sync {
    /// What it is.
    async fn describe(&self) -> Result<ProviderInfo, PluginError>;
    /// The models on offer.
    async fn models(&self, access: &ProviderAccess) -> Result<Vec<Model>, PluginError>;
    /// Starts an answer.
    async fn complete(
        &self,
        access: &ProviderAccess,
        request: Request,
    ) -> Result<Box<dyn Completion>, PluginError>;
    /// Turns texts into vectors; `invalid-request` from a provider without
    /// [`Capabilities::embeddings`].
    async fn embed(
        &self,
        access: &ProviderAccess,
        request: EmbedRequest,
    ) -> Result<Embeddings, PluginError>;
}
