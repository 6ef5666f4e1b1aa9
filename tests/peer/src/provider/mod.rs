//! The providers: which one a path means, and what each has to be able to say.

pub mod anthropic;
pub mod gemini;
pub mod mistral;
pub mod ollama;
pub mod openai;
pub mod schema;

use bytes::Bytes;
use serde_json::Value;

use crate::{
    answer::Answer,
    record::Received,
    refusal::Refusal,
    reply::{Piece, Rendered},
};

/// A provider that a peer plays. Each has a folder of its own on the server, so that one server
/// plays them all; see [`crate::AiPeer::origin_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// Messages, models.
    Anthropic,
    /// Responses, Chat Completions, embeddings, models.
    OpenAi,
    /// `generateContent`, `streamGenerateContent`, `interactions`, `batchEmbedContents`, models.
    Gemini,
    /// Chat, embeddings, models.
    Mistral,
    /// `/api/chat`, `/api/embed`, `/api/tags`, `/api/show`, `/api/version`.
    Ollama,
    /// A server that speaks OpenAI's Chat Completions and takes what OpenAI takes, for any model.
    Compatible,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Anthropic,
        Self::OpenAi,
        Self::Gemini,
        Self::Mistral,
        Self::Ollama,
        Self::Compatible,
    ];

    /// Its folder on the server.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Gemini => "gemini",
            Self::Mistral => "mistral",
            Self::Ollama => "ollama",
            Self::Compatible => "compatible",
        }
    }

    /// The version in its paths, with a slash before it; none where there is none.
    pub fn version(self) -> &'static str {
        match self {
            Self::Anthropic | Self::OpenAi | Self::Mistral | Self::Compatible => "/v1",
            Self::Gemini => "/v1beta",
            Self::Ollama => "",
        }
    }

    /// By a path: its folder, or a path that only one provider has; and the path that is left.
    pub(crate) fn of(path: &str, otherwise: Self) -> (Self, &str) {
        let inner = path.strip_prefix('/').unwrap_or(path);
        let (first, _) = inner.split_once('/').unwrap_or((inner, ""));
        if let Some(provider) = Self::ALL.into_iter().find(|p| p.folder() == first) {
            return (provider, inner.strip_prefix(first).unwrap_or_default());
        }
        let only = match path {
            "/v1/messages" => Self::Anthropic,
            "/v1/responses" => Self::OpenAi,
            _ if path.starts_with("/v1beta/") => Self::Gemini,
            _ if path.starts_with("/api/") => Self::Ollama,
            _ => otherwise,
        };
        (only, path)
    }
}

/// What is asked of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// An answer.
    Generate,
    /// Embeddings.
    Embed,
    /// The list of models.
    Models,
    /// One model.
    Model,
    /// Something that the peer does not play.
    Other,
}

/// A request as the peer understood it: what a script that is a function goes by.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Of all requests: the first is 0.
    pub number: usize,
    /// Of whom.
    pub provider: Provider,
    /// What.
    pub operation: Operation,
    /// The model; empty where none is named.
    pub model: String,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// The key that came with it.
    pub credential: Option<String>,
    /// The path within the provider's folder, without the query.
    pub path: String,
    /// The query, without its `?`.
    pub query: String,
    /// The body; null where it is no JSON.
    pub body: Value,
}

impl Asked {
    /// Whether the body asks for something with a flag.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.body
            .get(name)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// An id in the form of a provider: `chatcmpl-`, and so many digits that tell the request and
    /// which one of it.
    pub(crate) fn id(&self, prefix: &str, digits: usize, which: usize) -> String {
        format!("{prefix}{:0digits$}", self.number * 1_000 + which)
    }

    /// The model that answers.
    pub(crate) fn served<'a>(&'a self, answer: &'a Answer) -> &'a str {
        answer.model.as_deref().unwrap_or(&self.model)
    }
}

/// A request that breaks a rule, and what the provider says to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Broken {
    pub status: u16,
    /// The field, as the provider names it.
    pub param: Option<String>,
    pub code: Option<&'static str>,
    pub message: String,
}

impl Broken {
    /// 400 with these words.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            message: message.into(),
            ..Self::default()
        }
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }
}

/// A request to check, and where to note what the provider takes in silence.
pub(crate) struct Call<'a> {
    pub received: &'a Received,
    pub asked: &'a Asked,
    pub remarks: Vec<String>,
}

/// One API of one provider: how it checks requests, and says answers and refusals.
pub(crate) trait Wire: Sync {
    /// The key of a request; none where none is needed.
    fn credential(&self, received: &Received, query: &str) -> Result<Option<String>, Broken>;

    /// The first rule that a request breaks.
    fn check(&self, call: &mut Call<'_>) -> Result<(), Broken>;

    /// An answer to a request, or embeddings.
    fn render(&self, answer: &Answer, asked: &Asked) -> Rendered;

    /// The models, or the one that is asked for, which is one of them.
    fn models(&self, names: &[String], asked: &Asked) -> Rendered;

    /// A refusal.
    fn refuse(&self, refusal: &Refusal, asked: &Asked) -> Rendered;

    /// The refusal of a request that breaks a rule.
    fn object(&self, broken: &Broken, asked: &Asked) -> Rendered;

    /// The event of an error in a stream.
    fn error_event(&self, refusal: &Refusal, asked: &Asked) -> Bytes;

    /// An event that nobody knows, of at least so many bytes.
    fn unknown_event(&self, bytes: usize) -> Bytes;

    /// What clients must pass over in a stream.
    fn comment(&self) -> &'static [u8] {
        b": keep-alive\n\n"
    }

    /// The model that does not exist.
    fn no_model(&self, asked: &Asked) -> Rendered {
        self.refuse(&Refusal::Model, asked)
    }
}

/// Which API a request is for, with what is known from its path.
pub(crate) fn route(asked: &mut Asked, method: &str) -> &'static dyn Wire {
    let path = asked.path.clone();
    let (operation, wire): (Operation, &'static dyn Wire) = match asked.provider {
        Provider::Anthropic => anthropic::route(method, &path, asked),
        Provider::OpenAi | Provider::Compatible => openai::route(method, &path, asked),
        Provider::Gemini => gemini::route(method, &path, asked),
        Provider::Mistral => mistral::route(method, &path, asked),
        Provider::Ollama => ollama::route(method, &path, asked),
    };
    asked.operation = operation;
    wire
}

/// Takes model and stream from the body, where most APIs have them.
fn from_body(asked: &mut Asked) {
    asked.model = crate::shape::text(&asked.body, "model").to_owned();
    asked.stream = asked.flag("stream");
}

/// The header's token after `Bearer `.
fn bearer(received: &Received) -> Option<&str> {
    received.header("authorization")?.strip_prefix("Bearer ")
}

/// The texts under a name: one, or a list.
fn texts(body: &Value, name: &str) -> Vec<String> {
    match body.get(name) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// An event of a stream with its name.
fn named(event: &str, data: &Value) -> Bytes {
    format!("event: {event}\ndata: {data}\n\n").into()
}

/// An event of a stream without a name.
fn unnamed(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}

/// The web page of a proxy in between.
fn gateway_page() -> Rendered {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n";
    Rendered::document(502, "text/html", page)
}

/// The headers by which most providers say when to come again.
fn retry_headers(rendered: Rendered, wait: crate::Wait) -> Rendered {
    use crate::Wait;
    match wait {
        Wait::Unsaid | Wait::Reset(_) => rendered,
        Wait::Seconds(seconds) => rendered.header("retry-after", seconds.to_string()),
        Wait::Date(time) => rendered.header("retry-after", crate::clock::http_date(time)),
        Wait::Milliseconds(millis) => rendered
            .header("retry-after-ms", millis.to_string())
            .header("retry-after", millis.div_ceil(1_000).to_string()),
        Wait::RetryInfo(wait) => {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            rendered.header("retry-after", seconds.to_string())
        }
    }
}

/// Pieces of a stream in the order of their making.
#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    fn push(&mut self, mark: crate::reply::Mark, bytes: Bytes) {
        self.0.push(Piece::new(mark, bytes));
    }
}
