//! Answers of Mistral's chat.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::super::{Asked, Pieces, unnamed};
use crate::{
    answer::{Answer, Finish, Part, Usage},
    clock::unix,
    reply::{Mark, Rendered},
};

fn finish(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Stop if answer.calls() => "tool_calls",
        Finish::Stop | Finish::StopText | Finish::Refusal | Finish::Pause => "stop",
        Finish::Length => "length",
        Finish::Filter => "error",
    }
}

fn usage(usage: &Usage) -> Value {
    let mut counts = json!({
        "prompt_tokens": usage.input, "total_tokens": usage.input + usage.output,
        "completion_tokens": usage.output,
    });
    if let Some(counts) = counts.as_object_mut().filter(|_| usage.cached > 0) {
        let cached = json!({ "cached_tokens": usage.cached });
        counts.insert("prompt_tokens_details".into(), cached);
    }
    counts
}

/// Nine letters and digits.
fn call_id(id: Option<&String>, asked: &Asked, which: usize) -> String {
    id.cloned().unwrap_or_else(|| asked.id("p", 8, which))
}

fn thinking(text: &str) -> Value {
    json!({ "type": "thinking", "thinking": [{ "type": "text", "text": text }] })
}

/// Whether the content is told in typed parts.
fn typed(answer: &Answer) -> bool {
    answer
        .parts
        .iter()
        .any(|part| matches!(part, Part::Reasoning { .. }))
}

fn whole_arguments(pieces: &[String]) -> String {
    let all = pieces.concat();
    if all.is_empty() { "{}".to_owned() } else { all }
}

/// The answer as one document.
pub fn whole(answer: &Answer, asked: &Asked) -> Value {
    let (mut parts, mut plain, mut calls) = (Vec::new(), String::new(), Vec::new());
    for part in &answer.parts {
        match part {
            Part::Text(pieces) | Part::Refusal(pieces) => {
                parts.push(json!({ "type": "text", "text": pieces.concat() }));
                plain.push_str(&pieces.concat());
            }
            Part::Reasoning { pieces, .. } => parts.push(thinking(&pieces.concat())),
            Part::Redacted(_) => {}
            Part::Call {
                id,
                name,
                arguments,
                ..
            } => calls.push(json!({
                "id": call_id(id.as_ref(), asked, calls.len()),
                "function": { "name": name, "arguments": whole_arguments(arguments) },
            })),
        }
    }
    let content: Value = if typed(answer) {
        parts.into()
    } else {
        plain.into()
    };
    let calls: Value = if calls.is_empty() {
        Value::Null
    } else {
        calls.into()
    };
    json!({
        "id": id(answer, asked), "created": unix(SystemTime::now()), "model": asked.served(answer),
        "usage": usage(&answer.usage), "object": "chat.completion",
        "choices": [{
            "index": 0, "finish_reason": finish(answer),
            "message": { "role": "assistant", "tool_calls": calls, "content": content },
        }],
    })
}

fn id(answer: &Answer, asked: &Asked) -> String {
    answer.id.clone().unwrap_or_else(|| asked.id("", 32, 0))
}

/// The answer as chunks. Calls whose arguments are in one piece arrive whole, with the reason why
/// the answer ends; others in pieces, which repeat an empty name.
pub fn stream(answer: &Answer, asked: &Asked) -> Rendered {
    let (id, created) = (id(answer, asked), unix(SystemTime::now()));
    let mut which = 0;
    let mut chunk = |delta: Value, reason: Option<&str>| {
        which += 1;
        let mut chunk = json!({
            "id": id, "object": "chat.completion.chunk", "created": created,
            "model": asked.served(answer),
            "choices": [{ "index": 0, "delta": delta, "finish_reason": reason, "logprobs": null }],
        });
        if let Some(chunk) = chunk.as_object_mut() {
            if reason.is_some() {
                chunk.insert("usage".into(), usage(&answer.usage));
            }
            chunk.insert("p".into(), "abcdefghijk"[..which % 12].into());
        }
        unnamed(&chunk)
    };
    let mut pieces = Pieces::default();
    pieces.push(
        Mark::Start,
        chunk(json!({ "role": "assistant", "content": "" }), None),
    );
    let typed = typed(answer);
    let (mut calls, mut count) = (Vec::new(), 0);
    for part in &answer.parts {
        match part {
            Part::Text(texts) | Part::Refusal(texts) => {
                for text in texts {
                    let content = if typed {
                        json!([{ "type": "text", "text": text }])
                    } else {
                        json!(text)
                    };
                    pieces.push(Mark::Content, chunk(json!({ "content": content }), None));
                }
            }
            Part::Reasoning { pieces: texts, .. } => {
                for text in texts {
                    let content = json!([thinking(text)]);
                    pieces.push(Mark::Content, chunk(json!({ "content": content }), None));
                }
            }
            Part::Redacted(_) => {}
            Part::Call {
                id,
                name,
                arguments,
                ..
            } => {
                let id = call_id(id.as_ref(), asked, count);
                if let [first, rest @ ..] = arguments.as_slice()
                    && !rest.is_empty()
                {
                    let start = json!({ "id": id, "type": "function", "function": { "name": name, "arguments": first }, "index": count });
                    pieces.push(
                        Mark::Content,
                        chunk(json!({ "content": "", "tool_calls": [start] }), None),
                    );
                    for piece in rest {
                        let more = json!({ "type": "function", "function": { "name": "", "arguments": piece }, "index": count });
                        pieces.push(
                            Mark::Content,
                            chunk(json!({ "content": "", "tool_calls": [more] }), None),
                        );
                    }
                } else {
                    let function = json!({ "name": name, "arguments": whole_arguments(arguments) });
                    calls.push(json!({ "id": id, "function": function }));
                }
                count += 1;
            }
        }
    }
    let end = if calls.is_empty() {
        json!({ "content": "" })
    } else {
        json!({ "content": null, "tool_calls": calls })
    };
    // It carries calls, so a script that keeps so many pieces counts it where it does.
    let mark = if calls.is_empty() {
        Mark::End
    } else {
        Mark::Content
    };
    pieces.push(mark, chunk(end, Some(finish(answer))));
    pieces.push(Mark::Closing, "data: [DONE]\n\n".into());
    Rendered::stream("text/event-stream; charset=utf-8", pieces.0)
}
