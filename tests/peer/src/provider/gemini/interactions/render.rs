//! Answers of Interactions.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::super::super::{Asked, Pieces, named};
use crate::{
    answer::{Answer, Finish, Part, arguments},
    clock::rfc3339,
    reply::{Mark, Rendered},
};

fn status(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Length => "incomplete",
        Finish::Filter | Finish::Refusal => "failed",
        Finish::Stop | Finish::StopText | Finish::Pause if answer.calls() => "requires_action",
        Finish::Stop | Finish::StopText | Finish::Pause => "completed",
    }
}

/// `total_output_tokens` leaves out the thoughts; the total is of all three.
fn usage(answer: &Answer) -> Value {
    let usage = &answer.usage;
    json!({
        "total_tokens": usage.input + usage.output,
        "total_input_tokens": usage.input,
        "input_tokens_by_modality": [{ "modality": "text", "tokens": usage.input }],
        "total_cached_tokens": usage.cached,
        "total_output_tokens": usage.output.saturating_sub(usage.reasoning),
        "total_tool_use_tokens": 0,
        "total_thought_tokens": usage.reasoning,
    })
}

/// The id of an interaction; what is not stored has none.
fn id(answer: &Answer, asked: &Asked) -> Option<String> {
    let stored = asked.body.get("store") != Some(&Value::Bool(false));
    stored.then(|| answer.id.clone().unwrap_or_else(|| asked.id("v1_", 60, 0)))
}

fn interaction(answer: &Answer, asked: &Asked, status: &str) -> Map<String, Value> {
    let whole = json!({
        "status": status, "object": "interaction", "model": asked.served(answer),
    });
    match whole {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn finished(answer: &Answer, asked: &Asked) -> Map<String, Value> {
    let mut whole = interaction(answer, asked, status(answer));
    let now = rfc3339(SystemTime::now());
    whole.insert("usage".into(), usage(answer));
    whole.insert("created".into(), now.clone().into());
    whole.insert("updated".into(), now.into());
    whole.insert("service_tier".into(), "standard".into());
    whole
}

/// Whether summaries of thoughts are asked for.
fn shows_thoughts(asked: &Asked) -> bool {
    let summaries = asked.body.pointer("/generation_config/thinking_summaries");
    summaries.and_then(Value::as_str) == Some("auto")
}

/// A step as a stream begins it, and its deltas; as a document has it.
struct Step {
    begins: Value,
    deltas: Vec<Value>,
    whole: Value,
}

fn steps(answer: &Answer, asked: &Asked) -> Vec<Step> {
    let parts = answer.parts.iter().enumerate();
    parts
        .filter_map(|(index, part)| step(index, part, asked))
        .collect()
}

fn step(index: usize, part: &Part, asked: &Asked) -> Option<Step> {
    Some(match part {
        Part::Text(pieces) | Part::Refusal(pieces) => Step {
            begins: json!({ "type": "model_output" }),
            deltas: pieces
                .iter()
                .map(|text| json!({ "type": "text", "text": text }))
                .collect(),
            whole: json!({
                "type": "model_output", "content": [{ "type": "text", "text": pieces.concat() }],
            }),
        },
        Part::Reasoning { pieces, signature } => thought(pieces, signature.as_ref(), asked),
        Part::Redacted(_) => return None,
        Part::Call {
            id,
            name,
            arguments: pieces,
            signature,
        } => {
            let id = id.clone().unwrap_or_else(|| asked.id("", 8, index));
            let mut whole = json!({
                "type": "function_call", "id": id, "name": name, "arguments": arguments(pieces),
            });
            if let (Some(whole), Some(signature)) = (whole.as_object_mut(), signature) {
                whole.insert("signature".into(), signature.clone().into());
            }
            Step {
                begins: json!({
                    "type": "function_call", "id": id, "name": name, "arguments": {},
                    "signature": signature.clone().unwrap_or_default(),
                }),
                deltas: pieces
                    .iter()
                    .map(|text| json!({ "type": "arguments_delta", "arguments": text }))
                    .collect(),
                whole,
            }
        }
    })
}

/// A thought, with its summary only for those who ask for it.
fn thought(pieces: &[String], signature: Option<&String>, asked: &Asked) -> Step {
    let shown: Vec<Value> = pieces
        .iter()
        .filter(|text| shows_thoughts(asked) && !text.is_empty())
        .map(|text| json!({ "type": "text", "text": text }))
        .collect();
    let summaries = shown
        .iter()
        .map(|content| json!({ "type": "thought_summary", "content": content }));
    let signed = signature
        .iter()
        .map(|bytes| json!({ "type": "thought_signature", "signature": bytes }));
    let deltas = summaries.chain(signed).collect();
    let mut whole = Map::new();
    whole.insert("type".into(), "thought".into());
    if let Some(signature) = signature {
        whole.insert("signature".into(), signature.clone().into());
    }
    if !shown.is_empty() {
        let text: String = pieces.concat();
        whole.insert("summary".into(), json!([{ "type": "text", "text": text }]));
    }
    Step {
        begins: json!({ "type": "thought" }),
        deltas,
        whole: whole.into(),
    }
}

/// The answer as one document.
pub fn whole(answer: &Answer, asked: &Asked) -> Value {
    let mut whole = finished(answer, asked);
    if let Some(id) = id(answer, asked) {
        whole.insert("id".into(), id.into());
    }
    let steps: Vec<Value> = steps(answer, asked)
        .into_iter()
        .map(|one| one.whole)
        .collect();
    whole.insert("steps".into(), steps.into());
    whole.into()
}

/// The answer as events.
pub fn stream(answer: &Answer, asked: &Asked) -> Rendered {
    let mut pieces = Pieces::default();
    let mut event = |mark, name: &str, mut data: Value| {
        if let Some(data) = data.as_object_mut() {
            data.insert("event_type".into(), name.into());
        }
        pieces.push(mark, named(name, &data));
    };
    let id = id(answer, asked).unwrap_or_default();
    let with_id = |mut one: Map<String, Value>| {
        one.insert("id".into(), id.clone().into());
        json!({ "interaction": one })
    };
    let created = with_id(interaction(answer, asked, "in_progress"));
    event(Mark::Start, "interaction.created", created);
    let update = json!({ "interaction_id": id, "status": "in_progress" });
    event(Mark::Start, "interaction.status_update", update);
    for (index, step) in steps(answer, asked).into_iter().enumerate() {
        let start = json!({ "index": index, "step": step.begins });
        event(Mark::Content, "step.start", start);
        for delta in step.deltas {
            let delta = json!({ "index": index, "delta": delta });
            event(Mark::Content, "step.delta", delta);
        }
        event(Mark::Content, "step.stop", json!({ "index": index }));
    }
    let completed = with_id(finished(answer, asked));
    event(Mark::End, "interaction.completed", completed);
    pieces.push(Mark::Closing, "event: done\ndata: [DONE]\n\n".into());
    Rendered::stream("text/event-stream", pieces.0)
}
