//! Messages and their parts → contents of generateContent.

use crate::blob::{Blob, UNSIGNED, sent_id};
use crate::generation::Generation;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use labd_plugin::ai::{File, Message, Part, Request, Role, ToolResult, ToolUse};
use labd_plugin::{Error, Result};
use serde_json::{Map, Value, json};

/// The contents of a request.
///
/// # Errors
/// `invalid-request` for arguments that are no object, and results of calls that nobody made.
pub fn contents(request: &Request) -> Result<Vec<Value>> {
    let signs = Generation::of(&request.model).wants_signatures();
    let mut all = Vec::new();
    for message in &request.messages {
        let (role, parts) = match message.role {
            Role::User => ("user", user(message, request)?),
            Role::Assistant => ("model", model(message, signs)?),
        };
        if !parts.is_empty() {
            all.push(json!({ "role": role, "parts": parts }));
        }
    }
    Ok(all)
}

/// Results of tools come first: the API wants them right behind their calls.
fn user(message: &Message, request: &Request) -> Result<Vec<Value>> {
    let mut results = Vec::new();
    let mut others = Vec::new();
    for part in &message.parts {
        match part {
            Part::ToolResult(result) => results.push(tool_result(result, request)?),
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => others.push(json!({ "text": text })),
            Part::Image(image) => others.push(inline(&image.media_type, &image.data)),
            Part::File(file) => others.push(inline(media_type(file), &file.data)),
            // A user calls no tool and reasons nothing.
            Part::ToolUse(_) | Part::Reasoning(_) | Part::Blob(_) => {}
        }
    }
    results.append(&mut others);
    Ok(results)
}

fn model(message: &Message, signs: bool) -> Result<Vec<Value>> {
    let mut parts = Vec::new();
    let mut reasoning = None;
    for part in &message.parts {
        let thought = reasoning.take();
        match part {
            Part::Reasoning(text) => reasoning = Some(text.as_str()),
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => parts.push(json!({ "text": text })),
            Part::ToolUse(call) => parts.push(function_call(call)?),
            Part::Blob(blob) => {
                if let Some(blob) = Blob::read(blob) {
                    sign(&mut parts, thought, blob);
                }
            }
            // A model answers with neither pictures nor files, nor with results.
            Part::Image(_) | Part::File(_) | Part::ToolResult(_) => {}
        }
    }
    // Of calls at once the first is signed.
    let first = parts
        .iter_mut()
        .find(|part| part.get("functionCall").is_some());
    if let Some(first) = first.and_then(Value::as_object_mut).filter(|_| signs) {
        first
            .entry("thoughtSignature")
            .or_insert_with(|| UNSIGNED.into());
    }
    Ok(parts)
}

/// Puts a signature where it came from.
fn sign(parts: &mut Vec<Value>, thought: Option<&str>, blob: Blob) {
    match blob {
        Blob::Call(signature) => {
            let call = parts
                .last_mut()
                .filter(|part| part.get("functionCall").is_some());
            if let Some(call) = call.and_then(Value::as_object_mut) {
                call.insert("thoughtSignature".into(), signature.into());
            }
        }
        Blob::Text {
            signature,
            bytes: 0,
        } => parts.push(json!({ "text": "", "thoughtSignature": signature })),
        Blob::Text { signature, bytes } => {
            if let Some(text) = thought {
                let part = tail(text, bytes);
                parts.push(json!({ "text": part, "thought": true, "thoughtSignature": signature }));
                return;
            }
            let last = parts.last().and_then(|part| part.get("text")?.as_str());
            let Some(text) = last.map(str::to_owned) else {
                return;
            };
            parts.pop();
            let part = tail(&text, bytes);
            let rest = text.strip_suffix(part).unwrap_or_default();
            if !rest.is_empty() {
                parts.push(json!({ "text": rest }));
            }
            parts.push(json!({ "text": part, "thoughtSignature": signature }));
        }
        // Of the other API.
        Blob::Thought(_) | Blob::Step(_) => {}
    }
}

/// The last bytes of a text; all of it when it has no such end.
fn tail(text: &str, bytes: usize) -> &str {
    let start = text.len().checked_sub(bytes);
    start.and_then(|start| text.get(start..)).unwrap_or(text)
}

fn function_call(call: &ToolUse) -> Result<Value> {
    let mut function = Map::new();
    function.insert("name".into(), call.name.clone().into());
    function.insert("args".into(), arguments(call)?.into());
    if let Some(id) = sent_id(&call.id) {
        function.insert("id".into(), id.into());
    }
    Ok(json!({ "functionCall": function }))
}

/// The arguments of a call, as an object.
///
/// # Errors
/// `invalid-request` when they are none.
pub fn arguments(call: &ToolUse) -> Result<Map<String, Value>> {
    serde_json::from_str(&call.arguments).map_err(|error| {
        Error::invalid(format!(
            "the arguments of the call `{}` of `{}` are no JSON object: {error}",
            call.id, call.name
        ))
    })
}

fn tool_result(result: &ToolResult, request: &Request) -> Result<Value> {
    let mut function = Map::new();
    function.insert("name".into(), called(result, request)?.into());
    let key = if result.is_error { "error" } else { "output" };
    function.insert("response".into(), json!({ key: result.content }));
    if let Some(id) = sent_id(&result.id) {
        function.insert("id".into(), id.into());
    }
    Ok(json!({ "functionResponse": function }))
}

/// The tool that a result is of.
///
/// # Errors
/// `invalid-request` when nobody called it.
pub fn called<'a>(result: &ToolResult, request: &'a Request) -> Result<&'a str> {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let mut calls = parts.filter_map(|part| match part {
        Part::ToolUse(call) => Some(call),
        _ => None,
    });
    let call = calls.find(|call| call.id == result.id).ok_or_else(|| {
        Error::invalid(format!(
            "there is a result of the call `{}`, and no such call in the messages before",
            result.id
        ))
    })?;
    Ok(&call.name)
}

fn inline(media_type: &str, data: &[u8]) -> Value {
    json!({ "inlineData": { "mimeType": media_type, "data": STANDARD.encode(data) } })
}

/// A file's type as the API takes it: it reads texts of all sorts, and knows some of them only as
/// plain ones.
pub fn media_type(file: &File) -> &str {
    let kind = file.media_type.split(';').next().unwrap_or_default().trim();
    let is_text = kind.ends_with("json") || kind.ends_with("xml") || kind.ends_with("yaml");
    if is_text && kind.starts_with("application/") {
        return "text/plain";
    }
    kind
}
