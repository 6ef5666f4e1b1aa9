//! OpenRouter's `reasoning_details`: what the provider behind it wants back, such as signatures and
//! encrypted reasoning. They arrive in pieces, are put together as they were, and are sent back so.

use labd_plugin::ai::Event;
use serde_json::{Map, Value};

/// The keys whose texts arrive in pieces.
const TEXTS: [&str; 3] = ["text", "summary", "data"];

/// The details of one answer.
#[derive(Debug, Default)]
pub(crate) struct Details(Vec<Map<String, Value>>);

impl Details {
    /// Takes in those of a chunk. What of them is to be read is told when `tells` is true: when the
    /// chunk has it in no other field.
    pub(crate) fn piece(&mut self, pieces: Option<&Value>, tells: bool, events: &mut Vec<Event>) {
        let pieces = pieces.and_then(Value::as_array).into_iter().flatten();
        for piece in pieces.filter_map(Value::as_object) {
            for key in ["text", "summary"] {
                let text = piece.get(key).and_then(Value::as_str).unwrap_or_default();
                if tells && !text.is_empty() {
                    events.push(Event::Reasoning(text.to_owned()));
                }
            }
            match self.0.last_mut() {
                Some(last) if continues(last, piece) => join(last, piece),
                _ => self.0.push(piece.clone()),
            }
        }
    }

    /// All of them, to be kept; none when there are none.
    pub(crate) fn blob(self) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        serde_json::to_vec(&self.0).ok()
    }
}

/// Whether a piece goes on with the one before: the same place and kind. Encrypted data is whole.
fn continues(last: &Map<String, Value>, piece: &Map<String, Value>) -> bool {
    let same = |key: &str| last.get(key) == piece.get(key);
    let other_id = match (last.get("id"), piece.get("id")) {
        (Some(Value::String(one)), Some(Value::String(other))) => one != other,
        _ => false,
    };
    same("type") && same("index") && !other_id && !piece.contains_key("data")
}

fn join(last: &mut Map<String, Value>, piece: &Map<String, Value>) {
    for (key, value) in piece {
        match (last.get_mut(key), value) {
            (Some(Value::String(before)), Value::String(more)) if TEXTS.contains(&key.as_str()) => {
                before.push_str(more);
            }
            (_, Value::Null) => {}
            _ => {
                last.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The details that a blob holds; none when it is not one of these.
pub(crate) fn of_blob(blob: &[u8]) -> Option<Vec<Value>> {
    serde_json::from_slice(blob).ok()
}
