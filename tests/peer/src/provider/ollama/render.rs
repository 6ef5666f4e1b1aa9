//! Answers of Ollama's chat.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::super::{Asked, Pieces};
use crate::{
    answer::{Answer, Finish, Part, arguments},
    clock::rfc3339,
    reply::{Mark, Rendered},
    shape::{items, text},
};

/// The context where a request sets none.
const NUM_CTX: u64 = 4_096;

/// A long request has no fewer tokens than so many bytes each make, whatever an answer says it cost:
/// clients find out by the count what was cut off.
const BYTES_OF_A_TOKEN: usize = 4;

fn message(fields: Value) -> Value {
    let mut message = json!({ "role": "assistant", "content": "" });
    if let (Some(message), Value::Object(fields)) = (message.as_object_mut(), fields) {
        message.extend(fields);
    }
    message
}

fn call(part: &Part, asked: &Asked, index: usize) -> Option<Value> {
    let Part::Call {
        id,
        name,
        arguments: pieces,
        ..
    } = part
    else {
        return None;
    };
    let id = id.clone().unwrap_or_else(|| asked.id("call_", 8, index));
    let function = json!({ "index": index, "name": name, "arguments": arguments(pieces) });
    Some(json!({ "id": id, "function": function }))
}

fn line(answer: &Answer, asked: &Asked, message: Value, done: bool) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("model".into(), asked.served(answer).into());
    line.insert("created_at".into(), rfc3339(SystemTime::now()).into());
    line.insert("message".into(), message);
    line.insert("done".into(), done.into());
    line
}

/// The reason is `stop` after calls too. What does not fit into the context is cut off in silence,
/// which only the count tells.
fn last(answer: &Answer, asked: &Asked, message: Value) -> Value {
    let mut line = line(answer, asked, message, true);
    let reason = match answer.finish {
        Finish::Length => "length",
        _ => "stop",
    };
    let context = asked
        .body
        .pointer("/options/num_ctx")
        .and_then(Value::as_u64);
    let written = |of: &Value, name: &str| of.get(name).map_or(0, |value| value.to_string().len());
    let messages = items(&asked.body, "messages")
        .iter()
        .map(|message| text(message, "content").len() + written(message, "tool_calls"));
    let bytes = messages.sum::<usize>() + written(&asked.body, "tools");
    let size = u64::try_from(bytes / BYTES_OF_A_TOKEN).unwrap_or(u64::MAX);
    let read = answer.usage.input.max(size);
    let read = read.min(context.unwrap_or(NUM_CTX));
    line.insert("done_reason".into(), reason.into());
    for (name, value) in [
        ("total_duration", 499_049_129),
        ("load_duration", 42_000_000),
        ("prompt_eval_count", read),
        ("prompt_eval_duration", 26_000_000),
        ("eval_count", answer.usage.output),
        ("eval_duration", 380_000_000),
    ] {
        line.insert(name.into(), value.into());
    }
    Value::Object(line)
}

/// The answer as one document.
pub fn whole(answer: &Answer, asked: &Asked) -> Value {
    let (mut content, mut thinking, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &answer.parts {
        match part {
            Part::Text(pieces) | Part::Refusal(pieces) => content.push_str(&pieces.concat()),
            Part::Reasoning { pieces, .. } => thinking.push_str(&pieces.concat()),
            Part::Redacted(_) => {}
            Part::Call { .. } => calls.extend(call(part, asked, calls.len())),
        }
    }
    let mut fields = json!({ "content": content });
    if let Some(fields) = fields.as_object_mut() {
        if !thinking.is_empty() {
            fields.insert("thinking".into(), thinking.into());
        }
        if !calls.is_empty() {
            fields.insert("tool_calls".into(), calls.into());
        }
    }
    last(answer, asked, message(fields))
}

/// The answer as lines. A call comes whole.
pub fn stream(answer: &Answer, asked: &Asked) -> Rendered {
    let mut pieces = Pieces::default();
    let mut calls = 0;
    let mut say = |mark, value: Value| pieces.push(mark, format!("{value}\n").into());
    let content = |fields: Value| Value::Object(line(answer, asked, message(fields), false));
    for part in &answer.parts {
        match part {
            Part::Text(texts) | Part::Refusal(texts) => {
                for text in texts {
                    say(Mark::Content, content(json!({ "content": text })));
                }
            }
            Part::Reasoning { pieces: texts, .. } => {
                for text in texts {
                    say(Mark::Content, content(json!({ "thinking": text })));
                }
            }
            Part::Redacted(_) => {}
            Part::Call { .. } => {
                if let Some(call) = call(part, asked, calls) {
                    say(Mark::Content, content(json!({ "tool_calls": [call] })));
                    calls += 1;
                }
            }
        }
    }
    say(Mark::End, last(answer, asked, message(json!({}))));
    Rendered::stream("application/x-ndjson", pieces.0)
}
