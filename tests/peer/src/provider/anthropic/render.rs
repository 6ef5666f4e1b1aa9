//! Answers of Messages.

use serde_json::{Value, json};

use super::super::{Asked, Pieces, named};
use crate::{
    answer::{Answer, Finish, Part, Usage, arguments},
    reply::{Mark, Rendered},
};

/// `input_tokens` leaves out what came from a cache or was written to one.
fn usage(usage: &Usage, output: u64) -> Value {
    json!({
        "input_tokens": usage.input.saturating_sub(usage.cached + usage.cache_writes),
        "cache_creation_input_tokens": usage.cache_writes,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_writes, "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": output,
        "service_tier": "standard",
        "inference_geo": "not_available",
    })
}

fn stop_reason(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Stop if answer.calls() => "tool_use",
        Finish::Stop => "end_turn",
        Finish::StopText => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::Filter | Finish::Refusal => "refusal",
        Finish::Pause => "pause_turn",
    }
}

/// The stop text that ended the answer.
fn stop_sequence(answer: &Answer, asked: &Asked) -> Value {
    let first = asked.body.pointer("/stop_sequences/0").cloned();
    first
        .filter(|_| answer.finish == Finish::StopText)
        .unwrap_or(Value::Null)
}

fn call_id(id: Option<&String>, asked: &Asked, index: usize) -> String {
    id.cloned()
        .unwrap_or_else(|| asked.id("toolu_01", 22, index))
}

/// A part as a whole block.
fn block(part: &Part, asked: &Asked, index: usize) -> Value {
    match part {
        Part::Text(pieces) | Part::Refusal(pieces) => {
            json!({ "type": "text", "text": pieces.concat() })
        }
        Part::Reasoning { pieces, signature } => json!({
            "type": "thinking", "thinking": pieces.concat(),
            "signature": signature.clone().unwrap_or_default(),
        }),
        Part::Redacted(data) => json!({ "type": "redacted_thinking", "data": data }),
        Part::Call {
            id,
            name,
            arguments: pieces,
            ..
        } => json!({
            "type": "tool_use", "id": call_id(id.as_ref(), asked, index), "name": name,
            "input": arguments(pieces),
        }),
    }
}

fn message(answer: &Answer, asked: &Asked) -> Value {
    json!({
        "model": asked.served(answer),
        "id": answer.id.clone().unwrap_or_else(|| asked.id("msg_01", 22, 0)),
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": usage(&answer.usage, 1),
    })
}

/// The answer as one document.
pub fn whole(answer: &Answer, asked: &Asked) -> Value {
    let blocks = answer.parts.iter().enumerate();
    let mut body = message(answer, asked);
    if let Some(body) = body.as_object_mut() {
        let content: Vec<_> = blocks.map(|(i, part)| block(part, asked, i)).collect();
        body.insert("content".into(), content.into());
        body.insert("stop_reason".into(), stop_reason(answer).into());
        body.insert("stop_sequence".into(), stop_sequence(answer, asked));
        body.insert("usage".into(), usage(&answer.usage, answer.usage.output));
    }
    body
}

/// The answer as events.
pub fn stream(answer: &Answer, asked: &Asked) -> Rendered {
    let mut pieces = Pieces::default();
    let mut event = |mark, data: Value| {
        let name = data.get("type").and_then(Value::as_str).unwrap_or_default();
        pieces.push(mark, named(name, &data));
    };
    let start = json!({ "type": "message_start", "message": message(answer, asked) });
    event(Mark::Start, start);
    for (index, part) in answer.parts.iter().enumerate() {
        let empty = match block(part, asked, index) {
            Value::Object(mut block) => {
                for (key, nothing) in [
                    ("text", json!("")),
                    ("thinking", json!("")),
                    ("signature", json!("")),
                    ("input", json!({})),
                ] {
                    if block.contains_key(key) {
                        block.insert(key.into(), nothing);
                    }
                }
                Value::Object(block)
            }
            other => other,
        };
        let begin =
            json!({ "type": "content_block_start", "index": index, "content_block": empty });
        event(Mark::Content, begin);
        if index == 0 {
            event(Mark::Content, json!({ "type": "ping" }));
        }
        for delta in deltas(part) {
            let delta = json!({ "type": "content_block_delta", "index": index, "delta": delta });
            event(Mark::Content, delta);
        }
        event(
            Mark::Content,
            json!({ "type": "content_block_stop", "index": index }),
        );
    }
    let mut total = usage(&answer.usage, answer.usage.output);
    if let Some(total) = total.as_object_mut() {
        total.retain(|name, _| name.ends_with("_tokens"));
    }
    let delta = json!({
        "stop_reason": stop_reason(answer), "stop_sequence": stop_sequence(answer, asked),
    });
    event(
        Mark::End,
        json!({ "type": "message_delta", "delta": delta, "usage": total }),
    );
    event(Mark::Closing, json!({ "type": "message_stop" }));
    Rendered::stream("text/event-stream; charset=utf-8", pieces.0)
        .header("cache-control", "no-cache")
}

fn deltas(part: &Part) -> Vec<Value> {
    match part {
        Part::Text(pieces) | Part::Refusal(pieces) => pieces
            .iter()
            .map(|text| json!({ "type": "text_delta", "text": text }))
            .collect(),
        Part::Reasoning { pieces, signature } => {
            let thinking = pieces
                .iter()
                .map(|text| json!({ "type": "thinking_delta", "thinking": text }));
            let signature = signature
                .iter()
                .map(|text| json!({ "type": "signature_delta", "signature": text }));
            thinking.chain(signature).collect()
        }
        Part::Redacted(_) => Vec::new(),
        // The first piece is empty, and the only one of a call without arguments.
        Part::Call { arguments, .. } => std::iter::once("")
            .chain(arguments.iter().map(String::as_str))
            .map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }))
            .collect(),
    }
}
