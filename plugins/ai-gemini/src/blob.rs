//! Signatures of thoughts, there and back.
//!
//! Gemini signs the parts that its thoughts led to, and wants each signature back in the very part
//! that it came with: Gemini 3 refuses calls of tools without theirs. labd joins neighbouring pieces
//! of text, so that a blob tells how much of the text in front is the part that was signed.

use serde::{Deserialize, Serialize};

/// What the signature of a call stands for that another model made: the API's own word for calls
/// that it did not sign ("Thought signatures", FAQ).
pub const UNSIGNED: &str = "skip_thought_signature_validator";

/// A signature, and what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Blob {
    /// generateContent: the call in front.
    Call(String),
    /// generateContent: the last bytes of the text, or of the reasoning, in front; none for a part
    /// without text.
    Text {
        /// The signature.
        signature: String,
        /// Bytes of the part's text.
        bytes: usize,
    },
    /// Interactions: a thought, whose summary is the reasoning in front, if any.
    Thought(String),
    /// Interactions: the call in front.
    Step(String),
}

impl Blob {
    /// As bytes.
    pub fn write(&self) -> Vec<u8> {
        // An enum of strings and numbers serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From bytes; none when they are another's.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// What begins the ids of calls that this plugin made up, since the API gave none. They are not sent.
const MADE: &str = "made-up-";

/// An id for a call to which the API gave none, unique in the conversation.
pub fn made_id(answer: &str, number: usize) -> String {
    format!("{MADE}{answer}-{number}")
}

/// The id as it is sent: none when it was made up.
pub fn sent_id(id: &str) -> Option<&str> {
    (!id.starts_with(MADE)).then_some(id)
}
