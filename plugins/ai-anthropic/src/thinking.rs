//! How much to reason → the fields for it, and the signatures of reasoning, there and back.
//!
//! A `thinking` block goes back to the API exactly as it came: its text stands in the conversation
//! as reasoning, and its signature in the blob behind it. A block whose text was redacted, or was
//! not shown, is a blob alone. Signatures prove to the API that it has thought so itself; without its
//! signature a block stays out.

use crate::generation::{Generation, Thinking};
use labd_plugin::ai::{Effort, Message, Part, Request, Role, ToolChoice};
use serde_json::{Value, json};

/// The least budget of thinking that the API takes.
const LEAST: u32 = 1024;

/// Tokens of `max_tokens` that are kept for the answer itself.
const ANSWER: u32 = 1024;

/// What a model is told of thinking.
#[derive(Debug, Default, PartialEq)]
pub struct Told {
    /// The field `thinking`.
    pub thinking: Option<Value>,
    /// `output_config.effort`.
    pub effort: Option<&'static str>,
    /// It thinks, so that sampling cannot be changed.
    pub thinks: bool,
}

/// What to tell a model, for an answer of at most `max_tokens`.
pub fn told(request: &Request, generation: &Generation, max_tokens: u32) -> Told {
    let Some(effort) = request.effort else {
        return Told::default();
    };
    let off = effort == Effort::Off;
    match generation.thinking {
        Thinking::Never => Told::default(),
        Thinking::Budget
            if off || is_forced(request) || misses_thoughts(request) || is_begun(request) =>
        {
            Told::default()
        }
        Thinking::Budget => with_budget(effort, max_tokens),
        Thinking::Adaptive if off => Told::default(),
        Thinking::Default if off => Told {
            thinking: Some(json!({ "type": "disabled" })),
            ..Told::default()
        },
        Thinking::Always if off => Told {
            effort: Some("low"),
            ..Told::default()
        },
        // The effort governs all of the answer, so that it holds where thinking cannot be asked for.
        Thinking::Adaptive | Thinking::Default | Thinking::Always if is_forced(request) => Told {
            effort: Some(word(effort)),
            ..Told::default()
        },
        Thinking::Adaptive | Thinking::Default | Thinking::Always => Told {
            // Since 4.7 thoughts are left out unless asked for.
            thinking: Some(json!({ "type": "adaptive", "display": "summarized" })),
            effort: Some(word(effort)),
            thinks: true,
        },
    }
}

fn with_budget(effort: Effort, max_tokens: u32) -> Told {
    let wanted = match effort {
        Effort::Off | Effort::Minimal => LEAST,
        Effort::Low => 4096,
        Effort::Medium => 10_000,
        Effort::High => 24_000,
        Effort::Highest => 60_000,
    };
    let budget = wanted.min(max_tokens.saturating_sub(ANSWER));
    if budget < LEAST {
        return Told::default();
    }
    Told {
        thinking: Some(json!({ "type": "enabled", "budget_tokens": budget })),
        effort: None,
        thinks: true,
    }
}

fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::Off | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Highest => "max",
    }
}

/// A model that was asked to think cannot be made to call tools.
fn is_forced(request: &Request) -> bool {
    !request.tools.is_empty()
        && matches!(
            request.tool_choice,
            ToolChoice::Required | ToolChoice::Named(_)
        )
}

/// With a budget, an answer that was begun must begin with thoughts, which it has not.
fn is_begun(request: &Request) -> bool {
    let last = request.messages.last();
    last.is_some_and(|message| message.role == Role::Assistant)
}

/// With a budget, calls of tools that are being answered must begin with the thoughts that led to
/// them. They do not when another provider made the calls.
fn misses_thoughts(request: &Request) -> bool {
    let answering = request.messages.last().is_some_and(|message| {
        let mut parts = message.parts.iter();
        parts.any(|part| matches!(part, Part::ToolResult(_)))
    });
    let of_model = |message: &&Message| message.role == Role::Assistant;
    answering
        && request.messages.iter().rfind(of_model).is_some_and(|last| {
            let mut kept = last.parts.iter().skip_while(|part| match part {
                Part::Reasoning(_) => true,
                Part::Text(text) => text.is_empty(),
                _ => false,
            });
            !matches!(kept.next(), Some(Part::Blob(blob)) if Signature::read(blob).is_some())
        })
}

/// What makes a block of thinking one of the API's own.
#[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// The signature of the reasoning in front, or of none that was shown.
    Signature(String),
    /// All of a redacted block.
    Redacted(String),
}

impl Signature {
    /// As a blob.
    pub fn blob(&self) -> Vec<u8> {
        // An enum of strings serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From a blob; none when it is another's.
    pub fn read(blob: &[u8]) -> Option<Self> {
        serde_json::from_slice(blob).ok()
    }

    /// The block, whose text is the reasoning in front.
    pub fn block(self, reasoning: &str) -> Value {
        match self {
            Self::Signature(signature) => {
                json!({ "type": "thinking", "thinking": reasoning, "signature": signature })
            }
            Self::Redacted(data) => json!({ "type": "redacted_thinking", "data": data }),
        }
    }
}
