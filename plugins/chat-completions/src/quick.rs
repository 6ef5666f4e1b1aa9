//! The chunk that most of a stream is made of: some letters of text or reasoning, or why the answer ends,
//! and nothing else. It is read without building a tree of it, in a third of the time; every other chunk is left to
//! [`crate::stream`].

use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// A text, not copied when it needs no unescaping. (An `Option<Cow<str>>` would always copy.)
#[derive(Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl Text<'_> {
    /// The text, unless it is empty.
    pub fn some(text: Option<Self>) -> Option<String> {
        text.map(|text| text.0.into_owned())
            .filter(|text| !text.is_empty())
    }

    fn is_none(text: Option<&Self>) -> bool {
        text.is_none_or(|text| text.0.is_empty())
    }
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: [Choice<'a>; 1],
    #[serde(borrow)]
    object: Option<Text<'a>>,
    // What any other chunk has.
    error: Option<IgnoredAny>,
    usage: Option<IgnoredAny>,
    x_groq: Option<IgnoredAny>,
    timings: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    delta: Delta<'a>,
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    tool_calls: Option<IgnoredAny>,
    reasoning_details: Option<IgnoredAny>,
}

/// The pieces of such a chunk.
pub(crate) struct Pieces {
    pub(crate) reasoning: Option<String>,
    pub(crate) text: Option<String>,
    /// Why the answer ends, in the server's word.
    pub(crate) finish: Option<String>,
}

/// What a chunk tells that holds nothing but such pieces; none of any other.
pub(crate) fn pieces(data: &str) -> Option<Pieces> {
    let chunk: Chunk<'_> = serde_json::from_str(data).ok()?;
    let more = [chunk.error, chunk.usage, chunk.x_groq, chunk.timings];
    let [choice] = chunk.choices;
    let delta = choice.delta;
    let is_plain = more.iter().all(Option::is_none)
        && chunk.object.is_none_or(|object| object.0 != "error")
        && choice.index.unwrap_or(0) == 0
        && Text::is_none(delta.refusal.as_ref())
        && delta.tool_calls.is_none()
        && delta.reasoning_details.is_none();
    is_plain.then(|| Pieces {
        reasoning: Text::some(delta.reasoning_content).or_else(|| Text::some(delta.reasoning)),
        text: Text::some(delta.content),
        finish: Text::some(choice.finish_reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(data: &str) -> Option<(Option<String>, Option<String>, Option<String>)> {
        pieces(data).map(|pieces| (pieces.reasoning, pieces.text, pieces.finish))
    }

    #[test]
    fn text_reasoning_and_the_end_are_read_and_everything_else_is_left() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            told(
                r#"{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"\"ü\n"},"finish_reason":null,"logprobs":null}],"usage":null,"p":"x"}"#
            ),
            Some((None, text("\"ü\n"), None))
        );
        assert_eq!(
            told(
                r#"{"choices":[{"delta":{"content":"","reasoning_content":"A","reasoning":"A"}}]}"#
            ),
            Some((text("A"), None, None))
        );
        assert_eq!(
            told(r#"{"choices":[{"delta":{},"finish_reason":""}]}"#),
            Some((None, None, None))
        );
        assert_eq!(
            told(r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#),
            Some((None, text("a"), text("stop")))
        );
        for other in [
            "",
            "[DONE]",
            r#"{"choices":[]}"#,
            r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}"#,
            r#"{"choices":[{"index":1,"delta":{"content":"a"}}]}"#,
            r#"{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[]}}]}"#,
            r#"{"choices":[{"delta":{"refusal":"no"}}]}"#,
            r#"{"choices":[{"delta":{"reasoning":"a","reasoning_details":[]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[]},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{}}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"usage":{}}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"error":"x"}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"x_groq":{"id":"1"}}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"timings":{}}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"object":"error"}"#,
            r#"{"choices":[{"message":{"content":"a"}}]}"#,
        ] {
            assert_eq!(told(other), None, "{other}");
        }
    }
}
