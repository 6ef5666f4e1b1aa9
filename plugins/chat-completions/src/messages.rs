//! labd's messages → the API's.

use crate::dialect::{AfterTools, Dialect, Documents, Ids, SentBack};
use crate::{details, ids};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use labd_plugin::ai::{File, Message, Part, Role};
use serde_json::{Map, Value, json};

/// What the assistant is taken to have said where the server wants to hear it before the user.
const HEARD: &str = "Done.";

pub(crate) fn of(system: &[String], messages: &[Message], dialect: &Dialect) -> Vec<Value> {
    let mut all = Vec::new();
    if !system.is_empty() {
        all.push(json!({ "role": "system", "content": system.join("\n\n") }));
    }
    for message in messages {
        match message.role {
            Role::User => user(message, dialect, &mut all),
            Role::Assistant => assistant(message, dialect, &mut all),
        }
    }
    let goes_on = messages
        .last()
        .is_some_and(|last| last.role == Role::Assistant);
    if dialect.marks_prefix
        && goes_on
        && let Some(last) = all.last_mut().and_then(Value::as_object_mut)
    {
        last.insert("prefix".into(), true.into());
    }
    all
}

/// Results of tools are messages of their own, right after the calls that they answer.
fn user(message: &Message, dialect: &Dialect, all: &mut Vec<Value>) {
    let mut content = Vec::new();
    let mut only_text = true;
    let mut answers_tools = false;
    for part in &message.parts {
        match part {
            Part::ToolResult(result) => {
                answers_tools = true;
                let id = ids::written(&result.id, dialect.call_ids);
                let text = result_text(&result.content, result.is_error);
                all.push(json!({ "role": "tool", "tool_call_id": id, "content": text }));
            }
            Part::Text(text) => content.push(json!({ "type": "text", "text": text })),
            Part::Image(image) => {
                only_text = false;
                let url = data_url(&image.media_type, &image.data);
                content.push(json!({ "type": "image_url", "image_url": { "url": url } }));
            }
            Part::File(file) => {
                only_text = false;
                content.push(attached(file, dialect.documents));
            }
            // A user calls no tool and reasons nothing.
            Part::ToolUse(_) | Part::Reasoning(_) | Part::Blob(_) => {}
        }
    }
    if content.is_empty() {
        return;
    }
    if answers_tools && dialect.after_tools == AfterTools::Assistant {
        all.push(json!({ "role": "assistant", "content": HEARD }));
    }
    let content = if only_text {
        // Many servers take a plain text only.
        Value::from(texts(message).join("\n\n"))
    } else {
        content.into()
    };
    all.push(json!({ "role": "user", "content": content }));
}

/// What a tool answered, as a text.
pub fn result_text(content: &str, is_error: bool) -> String {
    if is_error {
        format!("Error: {content}")
    } else {
        content.to_owned()
    }
}

/// Bytes as an address that holds them.
pub fn data_url(media_type: &str, data: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(data))
}

/// A file that is text, as a text that says where it begins and ends: every server takes that.
pub fn text_file(file: &File) -> Option<String> {
    let is_text = file.media_type.starts_with("text/") || file.media_type.ends_with("json");
    let text = std::str::from_utf8(&file.data).ok().filter(|_| is_text)?;
    let name = file.name.as_deref().unwrap_or("file");
    Some(format!("<file name={name:?}>\n{text}\n</file>"))
}

fn attached(file: &File, documents: Documents) -> Value {
    if let Some(text) = text_file(file) {
        return json!({ "type": "text", "text": text });
    }
    let name = file.name.as_deref().unwrap_or("file");
    let data = data_url(&file.media_type, &file.data);
    match documents {
        Documents::File => {
            json!({ "type": "file", "file": { "filename": name, "file_data": data } })
        }
        Documents::Url => {
            json!({ "type": "document_url", "document_url": data, "document_name": name })
        }
    }
}

fn assistant(message: &Message, dialect: &Dialect, all: &mut Vec<Value>) {
    let text = texts(message).concat();
    let calls = calls(message, dialect.call_ids);
    if text.is_empty() && calls.is_empty() {
        return;
    }
    let mut entry = Map::new();
    entry.insert("role".into(), "assistant".into());
    let content = match dialect.reasoning {
        SentBack::Parts => thinking_and_text(message),
        _ => None,
    };
    let content = match content {
        Some(parts) => parts.into(),
        None if text.is_empty() => Value::Null,
        None => text.into(),
    };
    entry.insert("content".into(), content);
    match dialect.reasoning {
        SentBack::WithCalls if !calls.is_empty() => {
            let reasoning: String = message.parts.iter().filter_map(reasoning).collect();
            entry.insert("reasoning_content".into(), reasoning.into());
        }
        SentBack::Details => {
            let details: Vec<Value> = message
                .parts
                .iter()
                .filter_map(|part| match part {
                    Part::Blob(blob) => details::of_blob(blob),
                    _ => None,
                })
                .flatten()
                .collect();
            if !details.is_empty() {
                entry.insert("reasoning_details".into(), details.into());
            }
        }
        _ => {}
    }
    if !calls.is_empty() {
        entry.insert("tool_calls".into(), calls.into());
    }
    all.push(Value::Object(entry));
}

fn calls(message: &Message, taken: Ids) -> Vec<Value> {
    message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolUse(call) => Some(json!({
                "id": ids::written(&call.id, taken),
                "type": "function",
                "function": { "name": call.name, "arguments": call.arguments },
            })),
            _ => None,
        })
        .collect()
}

/// Reasoning and text in their order; none when there is no reasoning, and a plain text will do.
fn thinking_and_text(message: &Message) -> Option<Vec<Value>> {
    message.parts.iter().find_map(reasoning)?;
    let parts = message.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(json!({ "type": "text", "text": text })),
        Part::Reasoning(text) => Some(json!({
            "type": "thinking",
            "thinking": [{ "type": "text", "text": text }],
            "closed": true,
        })),
        _ => None,
    });
    Some(parts.collect())
}

fn reasoning(part: &Part) -> Option<&str> {
    match part {
        Part::Reasoning(text) => Some(text),
        _ => None,
    }
}

fn texts(message: &Message) -> Vec<&str> {
    message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}
