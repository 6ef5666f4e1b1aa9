//! The conversation as the input items of Responses.
//!
//! A blob of a former answer is JSON with a `type`: a whole `reasoning` item with its encrypted
//! content, which becomes an item again, or a `message` with the `phase` of the text before it, which
//! newer models want back.

use labd_chat_completions::dialect::Ids;
use labd_chat_completions::ids;
use labd_chat_completions::messages::{data_url, object, result_text, text_file};
use labd_plugin::ai::{File, Message, Part, Role};
use serde_json::Value;

/// The items of a conversation. Texts are moved and not copied: a prompt may be long.
pub fn items(messages: Vec<Message>) -> Vec<Value> {
    let mut all = Vec::new();
    for message in messages {
        match message.role {
            Role::User => user(message.parts, &mut all),
            Role::Assistant => assistant(message.parts, &mut all),
        }
    }
    all
}

/// Results of tools are items of their own, right after the calls that they answer.
fn user(parts: Vec<Part>, all: &mut Vec<Value>) {
    let mut content = Vec::new();
    for part in parts {
        match part {
            Part::ToolResult(result) => all.push(object([
                ("type", "function_call_output".into()),
                ("call_id", call_id(&result.id)),
                (
                    "output",
                    result_text(result.content, result.is_error).into(),
                ),
            ])),
            Part::Text(text) => content.push(text_part("input_text", text)),
            Part::Image(image) => content.push(object([
                ("type", "input_image".into()),
                ("detail", "auto".into()),
                ("image_url", data_url(&image.media_type, &image.data).into()),
            ])),
            Part::File(file) => content.push(attached(&file)),
            // A user calls no tool and reasons nothing.
            Part::ToolUse(_) | Part::Reasoning(_) | Part::Blob(_) => {}
        }
    }
    if !content.is_empty() {
        all.push(message("user", content));
    }
}

fn message(role: &str, content: Vec<Value>) -> Value {
    object([
        ("type", "message".into()),
        ("role", role.into()),
        ("content", content.into()),
    ])
}

fn text_part(kind: &str, text: String) -> Value {
    object([("type", kind.into()), ("text", text.into())])
}

fn call_id(id: &str) -> Value {
    ids::written(id, Ids::UpTo64).into_owned().into()
}

fn attached(file: &File) -> Value {
    match text_file(file) {
        Some(text) => text_part("input_text", text),
        None => object([
            ("type", "input_file".into()),
            ("filename", file.name.as_deref().unwrap_or("file").into()),
            ("file_data", data_url(&file.media_type, &file.data).into()),
        ]),
    }
}

fn assistant(parts: Vec<Part>, all: &mut Vec<Value>) {
    let before = all.len();
    for part in parts {
        match part {
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => {
                all.push(message("assistant", vec![text_part("output_text", text)]));
            }
            Part::ToolUse(call) => all.push(object([
                ("type", "function_call".into()),
                ("call_id", call_id(&call.id)),
                ("name", call.name.into()),
                ("arguments", call.arguments.into()),
            ])),
            Part::Blob(blob) => kept(&blob, before, all),
            // Its summary stands in the blob behind it.
            Part::Reasoning(_) => {}
            // A model answers no tool and attaches nothing.
            Part::ToolResult(_) | Part::Image(_) | Part::File(_) => {}
        }
    }
    // A reasoning without what it led to is refused: the answer was cut off there.
    while all.len() > before && all.last().is_some_and(is_reasoning) {
        all.pop();
    }
}

/// Puts back what a blob holds; one that is none of ours says nothing.
fn kept(blob: &[u8], before: usize, all: &mut Vec<Value>) {
    let Ok(item) = serde_json::from_slice::<Value>(blob) else {
        return;
    };
    if is_reasoning(&item) {
        all.push(item);
        return;
    }
    let last = all.get_mut(before..).and_then(<[Value]>::last_mut);
    if let Some(phase) = item.get("phase")
        && let Some(last) = last.filter(|last| last.get("role").is_some())
        && let Some(last) = last.as_object_mut()
    {
        last.insert("phase".into(), phase.clone());
    }
}

fn is_reasoning(item: &Value) -> bool {
    item.get("type").and_then(Value::as_str) == Some("reasoning")
}
