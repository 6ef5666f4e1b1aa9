//! Answers of `generateContent`.

use serde_json::{Map, Value, json};

use super::{
    super::{Asked, Pieces},
    pieces,
};
use crate::{
    answer::{Answer, Finish, Part, Usage, arguments},
    reply::{Mark, Rendered},
};

/// `STOP` after calls too.
fn finish(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Stop | Finish::StopText | Finish::Pause => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filter => "SAFETY",
        Finish::Refusal => "PROHIBITED_CONTENT",
    }
}

/// `candidatesTokenCount` leaves out the thoughts; the total is of all three.
fn usage(usage: &Usage) -> Value {
    let mut counts = Map::new();
    let visible = usage.output.saturating_sub(usage.reasoning);
    counts.insert("promptTokenCount".into(), usage.input.into());
    counts.insert("candidatesTokenCount".into(), visible.into());
    counts.insert(
        "totalTokenCount".into(),
        (usage.input + usage.output).into(),
    );
    if usage.cached > 0 {
        counts.insert("cachedContentTokenCount".into(), usage.cached.into());
    }
    let details = json!([{ "modality": "TEXT", "tokenCount": usage.input }]);
    counts.insert("promptTokensDetails".into(), details);
    if usage.reasoning > 0 {
        counts.insert("thoughtsTokenCount".into(), usage.reasoning.into());
    }
    Value::Object(counts)
}

/// The parts of a part: each piece of text one, a call whole or in pieces. A signature of reasoning
/// stands on the first part after it that is not a thought.
fn parts(answer: &Answer, joined: bool, pieced: bool) -> Vec<Value> {
    let mut all = Vec::new();
    let mut waiting: Option<&String> = None;
    for part in &answer.parts {
        let from = all.len();
        match part {
            Part::Text(pieces) | Part::Refusal(pieces) => {
                all.extend(
                    texts(pieces, joined)
                        .into_iter()
                        .map(|text| json!({ "text": text })),
                );
            }
            Part::Reasoning { pieces, signature } => {
                let thoughts = texts(pieces, joined)
                    .into_iter()
                    .filter(|text| !text.is_empty());
                all.extend(thoughts.map(|text| json!({ "text": text, "thought": true })));
                waiting = signature.as_ref();
                continue;
            }
            Part::Redacted(_) => continue,
            Part::Call {
                id,
                name,
                arguments: told,
                signature,
            } => {
                let mut call = json!({ "name": name, "args": arguments(told) });
                if let (Some(call), Some(id)) = (call.as_object_mut(), id) {
                    call.insert("id".into(), id.clone().into());
                }
                let mut part = json!({ "functionCall": call });
                if let (Some(part), Some(signature)) = (part.as_object_mut(), signature) {
                    part.insert("thoughtSignature".into(), signature.clone().into());
                    waiting = None;
                }
                if pieced {
                    all.extend(pieces::call(part));
                } else {
                    all.push(part);
                }
            }
        }
        if let (Some(signature), Some(first)) =
            (waiting, all.get_mut(from).and_then(Value::as_object_mut))
        {
            first.insert("thoughtSignature".into(), signature.clone().into());
            waiting = None;
        }
    }
    if let Some(signature) = waiting {
        all.push(json!({ "text": "", "thoughtSignature": signature }));
    }
    all
}

fn texts(pieces: &[String], joined: bool) -> Vec<String> {
    if joined {
        vec![pieces.concat()]
    } else {
        pieces.to_vec()
    }
}

fn response(answer: &Answer, asked: &Asked, parts: Vec<Value>, end: Option<&str>) -> Value {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" } });
    if let Some(candidate) = candidate.as_object_mut() {
        if let Some(end) = end {
            candidate.insert("finishReason".into(), end.into());
        }
        candidate.insert("index".into(), 0.into());
    }
    json!({
        "candidates": [candidate], "usageMetadata": usage(&answer.usage),
        "modelVersion": asked.served(answer),
        "responseId": answer.id.clone().unwrap_or_else(|| asked.id("peer", 18, 0)),
    })
}

/// The answer as one document.
pub fn whole(answer: &Answer, asked: &Asked) -> Value {
    response(
        answer,
        asked,
        parts(answer, true, false),
        Some(finish(answer)),
    )
}

fn responses(answer: &Answer, asked: &Asked) -> Vec<(Mark, Value)> {
    let asks = "/toolConfig/functionCallingConfig/streamFunctionCallArguments";
    let pieced = answer.pieced || asked.body.pointer(asks) == Some(&Value::Bool(true));
    let parts = parts(answer, false, pieced).into_iter();
    let mut all: Vec<_> = parts
        .map(|part| (Mark::Content, response(answer, asked, vec![part], None)))
        .collect();
    let empty = vec![json!({ "text": "" })];
    all.push((
        Mark::End,
        response(answer, asked, empty, Some(finish(answer))),
    ));
    all
}

/// The answer as events, whose lines end with CRLF and which nothing closes.
pub fn events(answer: &Answer, asked: &Asked) -> Rendered {
    let mut pieces = Pieces::default();
    for (mark, response) in responses(answer, asked) {
        pieces.push(mark, format!("data: {response}\r\n\r\n").into());
    }
    Rendered::stream("text/event-stream", pieces.0)
}

/// The answer as a JSON array that grows: what is sent without `alt=sse`.
pub fn array(answer: &Answer, asked: &Asked) -> Rendered {
    let mut pieces = Pieces::default();
    for (index, (mark, response)) in responses(answer, asked).into_iter().enumerate() {
        let before = if index == 0 { "[" } else { ",\r\n" };
        pieces.push(mark, format!("{before}{response}").into());
    }
    pieces.push(Mark::Closing, "\n]\n".into());
    Rendered::stream("application/json; charset=UTF-8", pieces.0)
}
