//! Where servers differ, as data. A plugin that knows its server names the dialect; one that is
//! told an address looks it up in a list of its own.

/// What a server takes, where servers differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dialect {
    /// The key of the most tokens to answer with.
    pub max_tokens: &'static str,
    /// The highest temperature; a higher one is taken for it.
    pub hottest: f64,
    /// The key of a pseudonym of the person who asks; none where the server takes none.
    pub user: Option<&'static str>,
    /// The same in requests for embeddings.
    pub embedding_user: Option<&'static str>,
    /// The key of the length of embeddings.
    pub dimensions: &'static str,
    /// Whether usage must be asked for, with `stream_options`. Mistral refuses that and tells anyway.
    pub asks_for_usage: bool,
    /// The word for "call some tool".
    pub some_tool: &'static str,
    /// How an answer is bound to a schema.
    pub output: Output,
    /// How the effort of reasoning is said.
    pub effort: EffortWords,
    /// Which stop texts are taken.
    pub stops: Stops,
    /// How what comes again is told.
    pub caches: Caches,
    /// What of a former reasoning is sent back.
    pub reasoning: SentBack,
    /// Which ids of tool calls are taken.
    pub call_ids: Ids,
    /// Which pseudonyms of persons and names of caches are taken.
    pub labels: Ids,
    /// How files travel that are no text.
    pub documents: Documents,
    /// What must stand between the result of a tool and a message of the user.
    pub after_tools: AfterTools,
    /// Whether an answer that is to go on, a last message of the assistant, is marked `prefix`.
    pub marks_prefix: bool,
}

/// How an answer is bound to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// `response_format` of type `json_schema`: the server enforces it.
    Schema,
    /// `json_object` only: the schema is told to the model, as the server's own manual proposes.
    Told,
}

/// How the effort of reasoning is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffortWords {
    /// `reasoning_effort`: all of OpenAI's words, whatever the model.
    All,
    /// The same, as far as OpenAI's models know them.
    OpenAi,
    /// `low`, `medium`, `high`.
    Three,
    /// `none` to `high` since Grok 4.3, `low` and `high` for Grok 3 Mini, and nothing for others,
    /// which refuse it.
    Xai,
    /// Of gpt-oss `low`, `medium`, `high`; of Qwen `none` or `default` with a reasoning that stands
    /// apart; of others nothing, since they refuse it.
    Groq,
    /// `reasoning: {"effort": …}`.
    OpenRouter,
    /// `thinking: {"type": …}` and `reasoning_effort` up to `max`.
    DeepSeek,
    /// `prompt_mode` for Magistral, `reasoning_effort` of `none` or `high` for the others that reason.
    Mistral,
}

/// Which stop texts are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    /// Any.
    Told,
    /// At most four, and none of a model while it reasons.
    UpToFour,
    /// None: models that reason refuse them, and most do.
    Untold,
}

/// How what comes again is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caches {
    /// Not at all: the server sees it by itself.
    Unasked,
    /// `prompt_cache_key` leads requests with the same beginning to the same cache.
    Key,
    /// `session_id` leads them to the same server, and `cache_control` marks where it ends for the
    /// models that want it marked.
    Marks,
}

/// What of a former reasoning is sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentBack {
    /// Nothing: there is no field for it that the server takes.
    Nothing,
    /// `reasoning_content`, with calls of tools only: there DeepSeek answers 400 without it, even
    /// when it is empty; elsewhere it is ignored, or refused by older models.
    WithCalls,
    /// Parts of type `thinking` in the content.
    Parts,
    /// `reasoning_details`, opaque and exactly as they came.
    Details,
}

/// Which ids are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Any.
    Any,
    /// Nine letters and digits.
    Nine,
    /// At most 64 characters.
    UpTo64,
}

/// How files travel that are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Documents {
    /// A part of type `file`.
    File,
    /// A part of type `document_url`.
    Url,
}

/// What must stand between the result of a tool and a message of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterTools {
    /// Nothing.
    Nothing,
    /// A message of the assistant: Mistral refuses the role `user` after the role `tool`.
    Assistant,
}

impl Dialect {
    /// A server of which nothing is known: the words that most take. LM Studio, vLLM and llama.cpp
    /// are content with them.
    pub const COMMON: Self = Self {
        max_tokens: "max_tokens",
        hottest: 2.0,
        user: Some("user"),
        embedding_user: Some("user"),
        dimensions: "dimensions",
        asks_for_usage: true,
        some_tool: "required",
        output: Output::Schema,
        effort: EffortWords::All,
        stops: Stops::Told,
        caches: Caches::Unasked,
        reasoning: SentBack::Nothing,
        call_ids: Ids::Any,
        labels: Ids::Any,
        documents: Documents::File,
        after_tools: AfterTools::Nothing,
        marks_prefix: false,
    };

    /// OpenAI itself: its reasoning models refuse `max_tokens`.
    pub const OPENAI: Self = Self {
        max_tokens: "max_completion_tokens",
        user: Some("safety_identifier"),
        effort: EffortWords::OpenAi,
        stops: Stops::UpToFour,
        caches: Caches::Key,
        call_ids: Ids::UpTo64,
        labels: Ids::UpTo64,
        ..Self::COMMON
    };

    /// Mistral.
    pub const MISTRAL: Self = Self {
        hottest: 1.5,
        user: None,
        embedding_user: None,
        dimensions: "output_dimension",
        asks_for_usage: false,
        some_tool: "any",
        effort: EffortWords::Mistral,
        reasoning: SentBack::Parts,
        call_ids: Ids::Nine,
        documents: Documents::Url,
        after_tools: AfterTools::Assistant,
        marks_prefix: true,
        ..Self::COMMON
    };

    /// Groq.
    pub const GROQ: Self = Self {
        max_tokens: "max_completion_tokens",
        effort: EffortWords::Groq,
        ..Self::COMMON
    };

    /// DeepSeek.
    pub const DEEPSEEK: Self = Self {
        user: None,
        output: Output::Told,
        effort: EffortWords::DeepSeek,
        reasoning: SentBack::WithCalls,
        ..Self::COMMON
    };

    /// OpenRouter.
    pub const OPENROUTER: Self = Self {
        effort: EffortWords::OpenRouter,
        caches: Caches::Marks,
        reasoning: SentBack::Details,
        ..Self::COMMON
    };

    /// xAI.
    pub const XAI: Self = Self {
        max_tokens: "max_completion_tokens",
        effort: EffortWords::Xai,
        stops: Stops::Untold,
        ..Self::COMMON
    };

    /// Together.
    pub const TOGETHER: Self = Self {
        user: None,
        effort: EffortWords::Three,
        ..Self::COMMON
    };
}
