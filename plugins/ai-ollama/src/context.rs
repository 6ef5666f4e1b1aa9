//! How much of a request the model sees.
//!
//! Ollama gives a model a context of a few thousand tokens unless told otherwise, and cuts off what
//! is beyond it without a word. So the context is asked for by the request's size, and servers are
//! told to refuse what does not fit (`truncate: false`, since 0.12). Servers that do not know this
//! yet, and models that have no more, are found out by the number of tokens that they read.

use labd_plugin::ai::{Part, Request};
use labd_plugin::{Error, Fault};
use serde_json::Value;

/// The least context that is asked for. Another number loads the model anew, so that they are few:
/// this and its doubles.
const LEAST: u64 = 8192;

/// The most: no model has more, and Ollama takes what its model has.
const MOST: u64 = 1 << 20;

/// Tokens that are kept for an answer of which nobody said how long it may be.
const ANSWER: u64 = 4096;

/// Bytes of text in a token, as few as there may be on the whole: English has four to five, code and
/// most other languages some three.
const FEW_BYTES: u64 = 3;

/// Bytes of text in a token, more than there ever are on the whole.
const MANY_BYTES: u64 = 8;

/// Bytes of a request below which it fits into every context.
const SMALL: u64 = 16 * 1024;

/// Tokens of a picture, of the more thorough models.
const PICTURE: u64 = 2048;

/// The context to ask for.
pub fn length(request: &Request) -> u64 {
    let pictures = parts(request).filter(|part| matches!(part, Part::Image(_)));
    let pictures = u64::try_from(pictures.count()).unwrap_or(0);
    let answer = request.max_tokens.map_or(ANSWER, u64::from);
    let needed = bytes(request) / FEW_BYTES + pictures * PICTURE + answer;
    needed.next_power_of_two().clamp(LEAST, MOST)
}

fn parts(request: &Request) -> impl Iterator<Item = &Part> {
    request.messages.iter().flat_map(|message| &message.parts)
}

/// Bytes of text of a request.
fn bytes(request: &Request) -> u64 {
    let of = |text: &String| text.len();
    let system: usize = request.system.iter().map(of).sum();
    let tools = request.tools.iter();
    let tools = tools.map(|tool| tool.name.len() + tool.description.len() + tool.parameters.len());
    let messages = parts(request).map(|part| match part {
        Part::Text(text) => text.len(),
        Part::File(file) => file.data.len(),
        Part::ToolUse(call) => call.name.len() + call.arguments.len(),
        Part::ToolResult(result) => result.content.len(),
        Part::Reasoning(text) => text.len(),
        Part::Image(_) | Part::Blob(_) => 0,
    });
    let all = system + tools.sum::<usize>() + messages.sum::<usize>();
    u64::try_from(all).unwrap_or(u64::MAX)
}

/// What must be seen of a request that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Bytes of its text, without what models may leave out of former answers.
    bytes: u64,
    /// The context that was asked for, if any.
    length: Option<u64>,
}

impl Seen {
    /// Of a request with this body.
    pub fn of(request: &Request, body: &Value) -> Self {
        let thoughts = parts(request).map(|part| match part {
            Part::Reasoning(text) => text.len(),
            _ => 0,
        });
        let thoughts = u64::try_from(thoughts.sum::<usize>()).unwrap_or(0);
        Self {
            bytes: bytes(request).saturating_sub(thoughts),
            length: body.pointer("/options/num_ctx").and_then(Value::as_u64),
        }
    }

    /// The error of a request that was cut off: its tokens are too few for its text, or they fill
    /// all of the context; none when it was seen whole.
    pub fn cut_off(&self, tokens: u32) -> Option<Error> {
        let tokens = u64::from(tokens);
        let too_few = self.bytes >= SMALL && tokens.saturating_mul(MANY_BYTES) < self.bytes;
        let all_full = self.length.is_some_and(|length| tokens >= length);
        (too_few || all_full).then(|| Error::invalid(fault(&format!(
            "the model saw only the last {tokens} tokens of the request, and its answer cannot be trusted"
        ))))
    }
}

/// What to do about a request that does not fit.
pub fn fault(message: &str) -> Fault {
    Fault::new(message).code("context-length").hint(
        "choose a model with a larger context, raise the setting `context-length`, or ask for less at once",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_plugin::ai::Image;
    use labd_plugin::testing::ai::request;
    use serde_json::json;

    #[test]
    fn a_context_is_large_enough_and_one_of_few() {
        let of = |bytes: usize, max: Option<u32>, pictures: usize| {
            let mut wanted = request("m", &"x".repeat(bytes));
            wanted.max_tokens = max;
            for _ in 0..pictures {
                wanted.messages[0].parts.push(Part::Image(Image {
                    media_type: "image/png".into(),
                    data: Vec::new(),
                }));
            }
            length(&wanted)
        };
        assert_eq!(of(5, None, 0), 8192);
        assert_eq!(of(12_000, None, 0), 8192);
        assert_eq!(of(13_000, None, 0), 16_384);
        assert_eq!(of(5, Some(8192), 0), 16_384);
        assert_eq!(of(5, None, 3), 16_384);
        assert_eq!(of(100_000, None, 0), 65_536);
        assert_eq!(of(10_000_000, None, 0), 1 << 20);
    }

    #[test]
    fn a_request_that_was_cut_off_is_found_out() {
        let seen = |bytes: usize, length: Option<u32>| {
            let body = json!({ "options": { "num_ctx": length } });
            Seen::of(&request("m", &"x".repeat(bytes)), &body)
        };
        assert_eq!(seen(5, Some(8192)).cut_off(1), None);
        assert_eq!(seen(100_000, Some(65_536)).cut_off(25_000), None);
        assert_eq!(seen(100_000, None).cut_off(12_500), None);
        for (seen, tokens) in [(seen(100_000, None), 4096), (seen(5, Some(8192)), 8192)] {
            let error = seen.cut_off(tokens).unwrap();
            assert!(matches!(error, Error::InvalidRequest(fault) if fault.hint.is_some()));
        }
    }
}
