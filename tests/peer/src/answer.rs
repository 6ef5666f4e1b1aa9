//! An answer in no provider's words. Each provider's module renders it into its own.

use serde_json::Value;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text, in the pieces in which a stream tells it.
    Text(Vec<String>),
    /// What is shown of the reasoning, in pieces, and the opaque bytes that belong to it: a
    /// signature, an encrypted content. A provider without such a thing leaves it out.
    Reasoning {
        /// May be empty: reasoning that is not shown.
        pieces: Vec<String>,
        /// Base64.
        signature: Option<String>,
    },
    /// Reasoning that is not to be seen at all: `redacted_thinking` of Anthropic. Others leave it
    /// out.
    Redacted(String),
    /// The model declines, in words; providers without a way to tell it say it as text.
    Refusal(Vec<String>),
    /// A call of a tool.
    Call {
        /// In the provider's own form where none is given.
        id: Option<String>,
        /// The tool.
        name: String,
        /// The text of a JSON object, in pieces. Providers that tell arguments as an object, or at
        /// once, join them.
        arguments: Vec<String>,
        /// Opaque bytes that belong to the call, for providers that sign calls (Gemini).
        signature: Option<String>,
    },
}

/// Tokens: totals, as labd counts them. Each provider is rendered with its own way to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// All of the request.
    pub input: u64,
    /// The part of `input` that came from a cache.
    pub cached: u64,
    /// The part of `input` that was written to a cache.
    pub cache_writes: u64,
    /// All of the answer.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            input: 11,
            cached: 0,
            cache_writes: 0,
            output: 7,
            reasoning: 0,
        }
    }
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model is done.
    Stop,
    /// One of the request's stop texts came; it is told where the provider tells it.
    StopText,
    /// The limit of tokens.
    Length,
    /// Something was held back.
    Filter,
    /// The model declines.
    Refusal,
    /// The answer is to be sent back to go on; a plain end where the provider has no such thing.
    Pause,
}

/// What a model says.
///
/// ```
/// use labd_ai_peer::{Answer, Finish};
///
/// let answer = Answer::text(["Let me ", "look."])
///     .thinking(["Hm."], "c2lnbmF0dXJl")
///     .call("weather", [r#"{"city":"#, r#""Oslo"}"#]);
/// assert_eq!(answer.parts.len(), 3);
/// assert_eq!(answer.finish, Finish::Stop);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The model that answers; the one that was asked where none is named.
    pub model: Option<String>,
    /// The provider's id of the answer; one in its form where none is given.
    pub id: Option<String>,
    /// In order.
    pub parts: Vec<Part>,
    /// What it costs.
    pub usage: Usage,
    /// Why it ends. A call of a tool makes [`Finish::Stop`] the provider's word for calls.
    pub finish: Finish,
    /// Whether a provider that tells arguments at once, unless it is asked for pieces, tells them in
    /// pieces unasked (Gemini's generateContent).
    pub pieced: bool,
    /// For requests of embeddings: these instead of those that are made from the texts.
    pub vectors: Option<Vec<Vec<f32>>>,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            model: None,
            id: None,
            parts: Vec::new(),
            usage: Usage::default(),
            finish: Finish::Stop,
            pieced: false,
            vectors: None,
        }
    }
}

impl Answer {
    /// A text in these pieces.
    pub fn text<T: Into<String>>(pieces: impl IntoIterator<Item = T>) -> Self {
        Self::default().say(pieces)
    }

    /// With another text.
    #[must_use]
    pub fn say<T: Into<String>>(mut self, pieces: impl IntoIterator<Item = T>) -> Self {
        self.parts.push(Part::Text(strings(pieces)));
        self
    }

    /// With reasoning and its opaque bytes, as base64.
    #[must_use]
    pub fn thinking<T: Into<String>>(
        mut self,
        pieces: impl IntoIterator<Item = T>,
        signature: &str,
    ) -> Self {
        self.parts.push(Part::Reasoning {
            pieces: strings(pieces),
            signature: Some(signature.to_owned()),
        });
        self
    }

    /// With a call of a tool, whose arguments are told in these pieces.
    #[must_use]
    pub fn call<T: Into<String>>(
        mut self,
        name: &str,
        arguments: impl IntoIterator<Item = T>,
    ) -> Self {
        self.parts.push(Part::Call {
            id: None,
            name: name.to_owned(),
            arguments: strings(arguments),
            signature: None,
        });
        self
    }

    /// With another part.
    #[must_use]
    pub fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// By this model.
    #[must_use]
    pub fn by(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    /// With this usage.
    #[must_use]
    pub fn costing(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// Ending for this reason.
    #[must_use]
    pub fn ending(mut self, finish: Finish) -> Self {
        self.finish = finish;
        self
    }

    /// With the arguments of its calls in pieces even where nobody asks for pieces.
    #[must_use]
    pub fn in_pieces(mut self) -> Self {
        self.pieced = true;
        self
    }

    /// With these embeddings.
    #[must_use]
    pub fn embedding(mut self, vectors: Vec<Vec<f32>>) -> Self {
        self.vectors = Some(vectors);
        self
    }

    /// Whether a tool is called.
    pub(crate) fn calls(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Call { .. }))
    }
}

fn strings<T: Into<String>>(pieces: impl IntoIterator<Item = T>) -> Vec<String> {
    pieces.into_iter().map(Into::into).collect()
}

/// The arguments of a call as a value: an object, which a script with other arguments fails to be.
pub(crate) fn arguments(pieces: &[String]) -> Value {
    let text = pieces.concat();
    if text.is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// Embeddings of texts: always the same for the same text, of length one.
pub(crate) fn embed(texts: &[String], dimensions: usize) -> Vec<Vec<f32>> {
    texts
        .iter()
        .map(|text| {
            let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            });
            let mut chance = crate::Chance::new(seed);
            let raw: Vec<f32> = (0..dimensions)
                .map(|_| (chance.next() * 2.0 - 1.0) as f32)
                .collect();
            let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
            raw.into_iter().map(|x| x / length).collect()
        })
        .collect()
}
