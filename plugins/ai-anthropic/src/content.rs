//! Messages and their parts → blocks of content.

use crate::thinking::Signature;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use labd_plugin::ai::{File, Message, Part, Role, ToolResult, ToolUse};
use labd_plugin::{Error, Result};
use serde_json::{Map, Value, json};

/// The most characters of a document's title.
const TITLE: usize = 500;

/// A message; none when nothing of it can be sent.
///
/// # Errors
/// `invalid-request` for a file that the API does not read, and arguments that are no object.
pub fn message(message: &Message) -> Result<Option<Value>> {
    let (role, content) = match message.role {
        Role::User => ("user", user(&message.parts)?),
        Role::Assistant => ("assistant", assistant(&message.parts)?),
    };
    Ok((!content.is_empty()).then(|| json!({ "role": role, "content": content })))
}

/// A block of text; none of blanks alone, which the API refuses.
pub fn text(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({ "type": "text", "text": text }))
}

/// Makes a last message of the model's one to be gone on with: it must not end with a blank.
pub fn to_go_on_with(message: &mut Value) {
    let is_models = message.get("role").and_then(Value::as_str) == Some("assistant");
    let blocks = message.get_mut("content").and_then(Value::as_array_mut);
    let last = blocks.and_then(|blocks| blocks.last_mut()?.get_mut("text"));
    if let Some(text) = last.filter(|_| is_models) {
        *text = text.as_str().unwrap_or_default().trim_end().into();
    }
}

/// Results of tools come first: the API wants them right behind their calls.
fn user(parts: &[Part]) -> Result<Vec<Value>> {
    let mut results = Vec::new();
    let mut others = Vec::new();
    for part in parts {
        match part {
            Part::ToolResult(result) => results.push(tool_result(result)),
            Part::Text(words) => others.extend(text(words)),
            Part::Image(image) => {
                let source = encoded(&image.media_type, &image.data);
                others.push(json!({ "type": "image", "source": source }));
            }
            Part::File(one) => others.push(file(one)?),
            // A user calls no tool and reasons nothing.
            Part::ToolUse(_) | Part::Reasoning(_) | Part::Blob(_) => {}
        }
    }
    results.append(&mut others);
    Ok(results)
}

fn assistant(parts: &[Part]) -> Result<Vec<Value>> {
    let mut content = Vec::new();
    let mut reasoning = "";
    for part in parts {
        match part {
            Part::Reasoning(thought) => {
                reasoning = thought;
                continue;
            }
            Part::Blob(blob) => {
                content.extend(Signature::read(blob).map(|one| one.block(reasoning)));
            }
            Part::Text(words) => content.extend(text(words)),
            Part::ToolUse(call) => content.push(tool_use(call)?),
            // A model answers with neither pictures nor files, nor with results.
            Part::Image(_) | Part::File(_) | Part::ToolResult(_) => {}
        }
        reasoning = "";
    }
    // An answer that was broken off may end with thoughts, which the API refuses.
    while content.last().is_some_and(is_thinking) {
        content.pop();
    }
    Ok(content)
}

fn is_thinking(block: &Value) -> bool {
    let kind = block.get("type").and_then(Value::as_str);
    matches!(kind, Some("thinking" | "redacted_thinking"))
}

fn tool_use(call: &ToolUse) -> Result<Value> {
    let input: Map<String, Value> = serde_json::from_str(&call.arguments).map_err(|error| {
        Error::invalid(format!(
            "the arguments of the call `{}` of `{}` are no JSON object: {error}",
            call.id, call.name
        ))
    })?;
    Ok(json!({ "type": "tool_use", "id": id(&call.id), "name": call.name, "input": input }))
}

fn tool_result(result: &ToolResult) -> Value {
    let mut block = Map::new();
    block.insert("type".into(), "tool_result".into());
    block.insert("tool_use_id".into(), id(&result.id).into());
    if result.is_error {
        block.insert("is_error".into(), true.into());
        // An error must say something.
        let content = match result.content.as_str() {
            "" => "The tool failed and said nothing.",
            content => content,
        };
        block.insert("content".into(), content.into());
    } else if !result.content.is_empty() {
        block.insert("content".into(), result.content.clone().into());
    }
    block.into()
}

/// An id as the API takes it, of letters, digits, `_` and `-`; other providers' ids have others.
fn id(id: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '-' => c,
        _ => '_',
    };
    id.chars().map(plain).collect()
}

/// PDFs and texts are documents; the API reads no other files.
fn file(file: &File) -> Result<Value> {
    let kind = file.media_type.split(';').next().unwrap_or_default().trim();
    let is_text = kind.starts_with("text/") || kind.ends_with("json") || kind.ends_with("xml");
    let source = match std::str::from_utf8(&file.data) {
        _ if kind == "application/pdf" => encoded(kind, &file.data),
        Ok(data) if is_text => json!({ "type": "text", "media_type": "text/plain", "data": data }),
        _ => {
            return Err(Error::invalid(format!(
                "Claude reads PDFs and texts in UTF-8, and this file is {kind}"
            )));
        }
    };
    let mut block = json!({ "type": "document", "source": source });
    let title: String = file
        .name
        .iter()
        .flat_map(|name| name.chars())
        .take(TITLE)
        .collect();
    if let Some(block) = block.as_object_mut().filter(|_| !title.is_empty()) {
        block.insert("title".into(), title.into());
    }
    Ok(block)
}

fn encoded(media_type: &str, data: &[u8]) -> Value {
    json!({ "type": "base64", "media_type": media_type, "data": STANDARD.encode(data) })
}
