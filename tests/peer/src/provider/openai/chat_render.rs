//! Answers of Chat Completions.

use serde_json::{Value, json};

use super::{
    super::{Asked, Pieces, Provider, unnamed},
    now, obfuscation,
};
use crate::{
    answer::{Answer, Finish, Part, Usage},
    reply::{Mark, Rendered},
};

fn finish(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Stop if answer.calls() => "tool_calls",
        Finish::Stop | Finish::StopText | Finish::Refusal | Finish::Pause => "stop",
        Finish::Length => "length",
        Finish::Filter => "content_filter",
    }
}

/// `prompt_tokens` counts what came from a cache.
fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": { "cached_tokens": usage.cached, "audio_tokens": 0 },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

fn id(answer: &Answer, asked: &Asked) -> String {
    answer
        .id
        .clone()
        .unwrap_or_else(|| asked.id("chatcmpl-", 29, 0))
}

fn call_id(id: Option<&String>, asked: &Asked, index: usize) -> String {
    id.cloned().unwrap_or_else(|| asked.id("call_", 24, index))
}

/// Servers other than OpenAI show the reasoning.
fn shows(asked: &Asked) -> bool {
    asked.provider == Provider::Compatible
}

/// The answer as one document.
pub fn whole(answer: &Answer, asked: &Asked) -> Value {
    let (mut content, mut reasoning) = (None::<String>, String::new());
    let (mut refusal, mut calls) = (None::<String>, Vec::new());
    for part in &answer.parts {
        match part {
            Part::Text(pieces) => content.get_or_insert_default().push_str(&pieces.concat()),
            Part::Refusal(pieces) => refusal.get_or_insert_default().push_str(&pieces.concat()),
            Part::Reasoning { pieces, .. } => reasoning.push_str(&pieces.concat()),
            Part::Redacted(_) => {}
            Part::Call {
                id,
                name,
                arguments,
                ..
            } => calls.push(json!({
                "id": call_id(id.as_ref(), asked, calls.len()), "type": "function",
                "function": { "name": name, "arguments": whole_arguments(arguments) },
            })),
        }
    }
    let mut message =
        json!({ "role": "assistant", "content": content, "refusal": refusal, "annotations": [] });
    if let Some(message) = message.as_object_mut() {
        if !calls.is_empty() {
            message.insert("tool_calls".into(), calls.into());
        }
        if shows(asked) && !reasoning.is_empty() {
            message.insert("reasoning_content".into(), reasoning.into());
        }
    }
    json!({
        "id": id(answer, asked), "object": "chat.completion", "created": now(),
        "model": asked.served(answer),
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish(answer) }],
        "usage": usage(&answer.usage),
        "service_tier": "default", "system_fingerprint": "fp_peer",
    })
}

fn whole_arguments(pieces: &[String]) -> String {
    let all = pieces.concat();
    if all.is_empty() { "{}".to_owned() } else { all }
}

/// The answer as chunks.
pub fn stream(answer: &Answer, asked: &Asked) -> Rendered {
    let with_usage =
        asked.body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    let (id, created) = (id(answer, asked), now());
    let chunk = |choices: Value, counted: Option<Value>, which: usize| {
        let mut chunk = json!({
            "id": id, "object": "chat.completion.chunk", "created": created,
            "model": asked.served(answer), "service_tier": "default",
            "system_fingerprint": "fp_peer", "choices": choices,
        });
        if let Some(chunk) = chunk.as_object_mut() {
            if with_usage {
                chunk.insert("usage".into(), counted.into());
            }
            if let Some(padding) = obfuscation(asked, which) {
                chunk.insert("obfuscation".into(), padding.into());
            }
        }
        unnamed(&chunk)
    };
    let choice = |delta: Value, reason: Option<&str>| json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason }]);
    let mut pieces = Pieces::default();
    let calls_first = matches!(answer.parts.first(), Some(Part::Call { .. }));
    let content = if calls_first { Value::Null } else { json!("") };
    let start = json!({ "role": "assistant", "content": content, "refusal": null });
    pieces.push(Mark::Start, chunk(choice(start, None), None, 0));
    for (which, delta) in deltas(answer, asked).into_iter().enumerate() {
        pieces.push(Mark::Content, chunk(choice(delta, None), None, which + 1));
    }
    pieces.push(
        Mark::End,
        chunk(choice(json!({}), Some(finish(answer))), None, 5),
    );
    if with_usage {
        pieces.push(Mark::End, chunk(json!([]), Some(usage(&answer.usage)), 7));
    }
    pieces.push(Mark::Closing, "data: [DONE]\n\n".into());
    Rendered::stream("text/event-stream; charset=utf-8", pieces.0)
}

fn deltas(answer: &Answer, asked: &Asked) -> Vec<Value> {
    let mut deltas = Vec::new();
    let mut calls = 0;
    for part in &answer.parts {
        match part {
            Part::Text(pieces) => {
                deltas.extend(pieces.iter().map(|text| json!({ "content": text })))
            }
            Part::Refusal(pieces) => {
                deltas.extend(pieces.iter().map(|text| json!({ "refusal": text })))
            }
            Part::Reasoning { pieces, .. } if shows(asked) => {
                deltas.extend(
                    pieces
                        .iter()
                        .map(|text| json!({ "reasoning_content": text })),
                );
            }
            Part::Reasoning { .. } | Part::Redacted(_) => {}
            Part::Call {
                id,
                name,
                arguments,
                ..
            } => {
                let start = json!({
                    "index": calls, "id": call_id(id.as_ref(), asked, calls), "type": "function",
                    "function": { "name": name, "arguments": "" },
                });
                deltas.push(json!({ "tool_calls": [start] }));
                let none = [String::from("{}")];
                let pieces = if arguments.concat().is_empty() {
                    &none[..]
                } else {
                    arguments
                };
                deltas.extend(pieces.iter().map(|piece| {
                    json!({ "tool_calls": [{ "index": calls, "function": { "arguments": piece } }] })
                }));
                calls += 1;
            }
        }
    }
    deltas
}
