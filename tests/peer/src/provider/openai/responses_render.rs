//! Answers of Responses.

use serde_json::{Map, Value, json};

use super::{
    super::{Asked, Pieces, named},
    now, obfuscation,
};
use crate::{
    answer::{Answer, Finish, Part},
    reply::{Mark, Rendered},
    shape::items,
};

/// The response without its output, with what was asked for.
fn shell(answer: &Answer, asked: &Asked, status: &str) -> Map<String, Value> {
    let body = &asked.body;
    let or = |name: &str, otherwise: Value| body.get(name).cloned().unwrap_or(otherwise);
    let mut response = json!({
        "id": answer.id.clone().unwrap_or_else(|| asked.id("resp_", 50, 0)),
        "object": "response",
        "created_at": now(),
        "status": status,
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": or("instructions", Value::Null),
        "max_output_tokens": or("max_output_tokens", Value::Null),
        "max_tool_calls": null,
        "model": asked.served(answer),
        "output": [],
        "parallel_tool_calls": or("parallel_tool_calls", true.into()),
        "previous_response_id": null,
        "prompt_cache_key": or("prompt_cache_key", Value::Null),
        "prompt_cache_retention": null,
        "reasoning": {
            "effort": body.pointer("/reasoning/effort"), "summary": body.pointer("/reasoning/summary"),
        },
        "safety_identifier": or("safety_identifier", Value::Null),
        "service_tier": "default",
        "store": or("store", true.into()),
        "temperature": or("temperature", 1.into()),
        "text": { "format": { "type": "text" }, "verbosity": "medium" },
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": or("top_p", 1.into()),
        "truncation": "disabled",
        "usage": null,
        "user": null,
        "metadata": {},
    });
    response
        .as_object_mut()
        .map(std::mem::take)
        .unwrap_or_default()
}

fn usage(answer: &Answer) -> Value {
    let usage = &answer.usage;
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": { "cached_tokens": usage.cached },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.input + usage.output,
    })
}

/// Completed, or why not.
fn end(answer: &Answer) -> (&'static str, Value) {
    match answer.finish {
        Finish::Length => ("incomplete", json!({ "reason": "max_output_tokens" })),
        Finish::Filter => ("incomplete", json!({ "reason": "content_filter" })),
        _ => ("completed", Value::Null),
    }
}

fn finished(answer: &Answer, asked: &Asked) -> Value {
    let (status, details) = end(answer);
    let mut response = shell(answer, asked, status);
    let output: Vec<Value> = output(answer, asked)
        .into_iter()
        .map(|item| item.done)
        .collect();
    response.insert("output".into(), output.into());
    response.insert("incomplete_details".into(), details);
    response.insert("usage".into(), usage(answer));
    Value::Object(response)
}

/// The answer as one document.
pub fn whole(answer: &Answer, asked: &Asked) -> Value {
    finished(answer, asked)
}

/// The event that a response has failed.
pub fn failed(asked: &Asked, error: &Value) -> Value {
    let mut response = shell(&Answer::default(), asked, "failed");
    let error = json!({ "code": error.get("code"), "message": error.get("message") });
    response.insert("error".into(), error);
    json!({ "type": "response.failed", "sequence_number": 3, "response": response })
}

/// An item of the output, whole, and the part it is of.
struct Item<'a> {
    part: &'a Part,
    id: String,
    done: Value,
}

fn output<'a>(answer: &'a Answer, asked: &Asked) -> Vec<Item<'a>> {
    let sealed = items(&asked.body, "include")
        .iter()
        .any(|word| word == "reasoning.encrypted_content");
    let item = |(index, part): (usize, &'a Part)| {
        let (prefix, done) = match part {
            Part::Text(pieces) => {
                let part = json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": pieces.concat() });
                (
                    "msg_",
                    json!({ "type": "message", "status": "completed", "content": [part], "role": "assistant" }),
                )
            }
            Part::Refusal(pieces) => {
                let part = json!({ "type": "refusal", "refusal": pieces.concat() });
                (
                    "msg_",
                    json!({ "type": "message", "status": "completed", "content": [part], "role": "assistant" }),
                )
            }
            Part::Reasoning { pieces, signature } => {
                let text = pieces.concat();
                let summary: Vec<Value> = if text.is_empty() {
                    Vec::new()
                } else {
                    vec![json!({ "type": "summary_text", "text": text })]
                };
                let mut item = json!({ "type": "reasoning", "summary": summary });
                if let (Some(item), true, Some(signature)) =
                    (item.as_object_mut(), sealed, signature)
                {
                    item.insert("encrypted_content".into(), signature.clone().into());
                }
                ("rs_", item)
            }
            Part::Call {
                id,
                name,
                arguments,
                ..
            } => {
                let call = id.clone().unwrap_or_else(|| asked.id("call_", 24, index));
                let arguments = arguments.concat();
                let arguments = if arguments.is_empty() {
                    "{}".to_owned()
                } else {
                    arguments
                };
                (
                    "fc_",
                    json!({ "type": "function_call", "status": "completed", "arguments": arguments, "call_id": call, "name": name }),
                )
            }
            Part::Redacted(_) => return None,
        };
        let id = asked.id(prefix, 50, index);
        let mut done = done;
        if let Some(done) = done.as_object_mut() {
            done.insert("id".into(), id.clone().into());
        }
        Some(Item { part, id, done })
    };
    answer.parts.iter().enumerate().filter_map(item).collect()
}

/// The item as it begins: without what is told in pieces.
fn begun(item: &Item<'_>) -> Value {
    let mut begun = item.done.clone();
    if let Some(begun) = begun.as_object_mut() {
        for (name, value) in [
            ("status", json!("in_progress")),
            ("content", json!([])),
            ("arguments", json!("")),
            ("summary", json!([])),
        ] {
            if begun.contains_key(name) {
                begun.insert(name.into(), value);
            }
        }
    }
    begun
}

/// Numbers the events.
struct Events<'a> {
    pieces: Pieces,
    asked: &'a Asked,
    count: usize,
}

impl Events<'_> {
    fn push(&mut self, mark: Mark, kind: &str, data: Value) {
        let mut event = json!({ "type": kind, "sequence_number": self.count });
        if let (Some(event), Value::Object(data)) = (event.as_object_mut(), data) {
            event.extend(data);
            if let Some(padding) =
                obfuscation(self.asked, self.count).filter(|_| kind.ends_with(".delta"))
            {
                event.insert("obfuscation".into(), padding.into());
            }
        }
        self.count += 1;
        self.pieces.push(mark, named(kind, &event));
    }

    /// With the place of the item that it is about.
    fn of(&mut self, item: &Item<'_>, index: usize, kind: &str, more: Value) {
        let mut data = json!({ "item_id": item.id, "output_index": index });
        if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
            data.extend(more);
        }
        self.push(Mark::Content, kind, data);
    }
}

/// The answer as events.
pub fn stream(answer: &Answer, asked: &Asked) -> Rendered {
    let mut events = Events {
        pieces: Pieces::default(),
        asked,
        count: 0,
    };
    for kind in ["response.created", "response.in_progress"] {
        let response = shell(answer, asked, "in_progress");
        events.push(Mark::Start, kind, json!({ "response": response }));
    }
    for (index, item) in output(answer, asked).iter().enumerate() {
        let place = |item: Value| json!({ "output_index": index, "item": item });
        events.push(
            Mark::Content,
            "response.output_item.added",
            place(begun(item)),
        );
        inside(&mut events, item, index);
        events.push(
            Mark::Content,
            "response.output_item.done",
            place(item.done.clone()),
        );
    }
    let kind = format!("response.{}", end(answer).0);
    events.push(
        Mark::End,
        &kind,
        json!({ "response": finished(answer, asked) }),
    );
    Rendered::stream("text/event-stream; charset=utf-8", events.pieces.0)
}

fn inside(events: &mut Events<'_>, item: &Item<'_>, index: usize) {
    match item.part {
        Part::Text(pieces) => {
            let whole = item.done.pointer("/content/0").cloned().unwrap_or_default();
            let empty =
                json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": "" });
            events.of(
                item,
                index,
                "response.content_part.added",
                json!({ "content_index": 0, "part": empty }),
            );
            for delta in pieces {
                let data = json!({ "content_index": 0, "delta": delta, "logprobs": [] });
                events.of(item, index, "response.output_text.delta", data);
            }
            let text = json!({ "content_index": 0, "text": pieces.concat(), "logprobs": [] });
            events.of(item, index, "response.output_text.done", text);
            events.of(
                item,
                index,
                "response.content_part.done",
                json!({ "content_index": 0, "part": whole }),
            );
        }
        Part::Refusal(pieces) => {
            let part = |text: String| json!({ "content_index": 0, "part": { "type": "refusal", "refusal": text } });
            events.of(
                item,
                index,
                "response.content_part.added",
                part(String::new()),
            );
            for delta in pieces {
                events.of(
                    item,
                    index,
                    "response.refusal.delta",
                    json!({ "content_index": 0, "delta": delta }),
                );
            }
            let refusal = json!({ "content_index": 0, "refusal": pieces.concat() });
            events.of(item, index, "response.refusal.done", refusal);
            events.of(
                item,
                index,
                "response.content_part.done",
                part(pieces.concat()),
            );
        }
        Part::Reasoning { pieces, .. } if !pieces.concat().is_empty() => {
            let part = |text: String| json!({ "summary_index": 0, "part": { "type": "summary_text", "text": text } });
            events.of(
                item,
                index,
                "response.reasoning_summary_part.added",
                part(String::new()),
            );
            for delta in pieces {
                let data = json!({ "summary_index": 0, "delta": delta });
                events.of(item, index, "response.reasoning_summary_text.delta", data);
            }
            let text = json!({ "summary_index": 0, "text": pieces.concat() });
            events.of(item, index, "response.reasoning_summary_text.done", text);
            events.of(
                item,
                index,
                "response.reasoning_summary_part.done",
                part(pieces.concat()),
            );
        }
        Part::Reasoning { .. } | Part::Redacted(_) => {}
        Part::Call { arguments, .. } => {
            for delta in arguments.iter().filter(|piece| !piece.is_empty()) {
                events.of(
                    item,
                    index,
                    "response.function_call_arguments.delta",
                    json!({ "delta": delta }),
                );
            }
            let whole = item.done.get("arguments").cloned();
            events.of(
                item,
                index,
                "response.function_call_arguments.done",
                json!({ "arguments": whole }),
            );
        }
    }
}
