//! OpenRouter's marks of what comes again: `cache_control` on a part of a message that is text, for
//! the models behind it that cache what is marked, Claude and Gemini. For others it sees by itself
//! what comes again. ("Prompt Caching" in its guides: four marks at most, of which Gemini looks at the
//! last; an hour can be asked of Claude.) Tools stand in front of the system's words, and what is
//! marked covers what stands in front of it.

use crate::dialect::{Caches, Dialect};
use crate::messages::object;
use labd_plugin::ai::{Request, Retention};
use serde_json::{Value, json};

/// What of a request is marked.
#[derive(Debug)]
pub(crate) struct Marks {
    /// So many of the system's texts come again.
    pub system: usize,
    /// So many messages come again.
    pub messages: usize,
    control: Value,
}

impl Marks {
    /// Of a request; none where the model looks at none, or nothing comes again.
    pub fn of(request: &Request, dialect: &Dialect) -> Option<Self> {
        let cache = request.cache.as_ref()?;
        let is_claude = request.model.starts_with("anthropic/");
        let marked = is_claude || request.model.starts_with("google/gemini");
        if dialect.caches != Caches::Marks || !marked {
            return None;
        }
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let messages = count(cache.messages);
        // With messages that come again all of the system's words do.
        let system = match messages {
            0 => count(cache.system),
            _ => usize::MAX,
        };
        let control = match cache.retention {
            Retention::Long if is_claude => json!({ "type": "ephemeral", "ttl": "1h" }),
            Retention::Short | Retention::Long => json!({ "type": "ephemeral" }),
        };
        (system > 0).then_some(Self {
            system,
            messages,
            control,
        })
    }

    /// A part of text with the mark.
    pub fn part(&self, text: String) -> Value {
        object([
            ("type", "text".into()),
            ("text", text.into()),
            ("cache_control", self.control.clone()),
        ])
    }

    /// Marks the last text of these messages; those of calls alone have none.
    pub fn mark(&self, messages: &mut [Value]) {
        for message in messages.iter_mut().rev() {
            match message.get_mut("content") {
                Some(content @ Value::String(_)) => {
                    let text = content.as_str().unwrap_or_default();
                    if !text.trim().is_empty() {
                        *content = vec![self.part(text.to_owned())].into();
                        return;
                    }
                }
                Some(Value::Array(parts)) => {
                    let mut texts = parts.iter_mut().rev().filter_map(Value::as_object_mut);
                    let has_text =
                        |text: &Value| !text.as_str().unwrap_or_default().trim().is_empty();
                    if let Some(part) = texts.find(|part| part.get("text").is_some_and(has_text)) {
                        part.insert("cache_control".into(), self.control.clone());
                        return;
                    }
                }
                _ => {}
            }
        }
    }
}
