//! labd's messages → the API's.

use crate::dialect::{AfterTools, Dialect, Documents, SentBack};
use crate::marks::Marks;
use crate::{details, ids};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use labd_plugin::ai::{File, Message, Part, Role};
use serde_json::{Map, Value, json};

/// What the assistant is taken to have said where the server wants to hear it before the user.
const HEARD: &str = "Done.";

/// The messages of a request, with the system's words first. Texts are moved and not copied: a prompt
/// may be long.
pub(crate) fn of(
    system: Vec<String>,
    messages: Vec<Message>,
    dialect: &Dialect,
    marks: Option<&Marks>,
) -> Vec<Value> {
    let mut all = Vec::new();
    if !system.is_empty() {
        let words = match marks {
            Some(marks) => marked(system, marks),
            None => joined(system, "\n\n").into(),
        };
        all.push(object([("role", "system".into()), ("content", words)]));
    }
    let first = all.len();
    let again = marks.map_or(0, |marks| marks.messages.min(messages.len()));
    let goes_on = messages
        .last()
        .is_some_and(|last| last.role == Role::Assistant);
    for (index, message) in messages.into_iter().enumerate() {
        match message.role {
            Role::User => user(message.parts, dialect, &mut all),
            Role::Assistant => assistant(message.parts, dialect, &mut all),
        }
        if let Some(marks) = marks.filter(|_| index + 1 == again) {
            marks.mark(all.get_mut(first..).unwrap_or_default());
        }
    }
    if dialect.marks_prefix
        && goes_on
        && let Some(last) = all.last_mut().and_then(Value::as_object_mut)
    {
        last.insert("prefix".into(), true.into());
    }
    all
}

/// The system's words in two parts: those that come again, with the mark, and the others.
fn marked(mut system: Vec<String>, marks: &Marks) -> Value {
    let others = system.split_off(marks.system.min(system.len()));
    let mut parts = vec![marks.part(joined(system, "\n\n"))];
    if !others.is_empty() {
        parts.push(text_part(joined(others, "\n\n")));
    }
    parts.into()
}

/// An object of these entries. (`json!` copies what it is given.)
pub fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let entries = entries.into_iter();
    Value::Object(
        entries
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

/// Texts as one; a single one as it is.
pub fn joined(mut texts: Vec<String>, between: &str) -> String {
    match texts.pop() {
        Some(only) if texts.is_empty() => only,
        Some(last) => {
            texts.push(last);
            texts.join(between)
        }
        None => String::new(),
    }
}

/// Results of tools are messages of their own, right after the calls that they answer.
fn user(parts: Vec<Part>, dialect: &Dialect, all: &mut Vec<Value>) {
    let only_text = !parts
        .iter()
        .any(|part| matches!(part, Part::Image(_) | Part::File(_)));
    let mut content = Vec::new();
    let mut texts = Vec::new();
    let mut answers_tools = false;
    for part in parts {
        match part {
            Part::ToolResult(result) => {
                answers_tools = true;
                let id = ids::written(&result.id, dialect.call_ids).into_owned();
                all.push(object([
                    ("role", "tool".into()),
                    ("tool_call_id", id.into()),
                    (
                        "content",
                        result_text(result.content, result.is_error).into(),
                    ),
                ]));
            }
            Part::Text(text) if only_text => texts.push(text),
            Part::Text(text) => content.push(text_part(text)),
            Part::Image(image) => {
                let url = data_url(&image.media_type, &image.data);
                let url = object([("url", url.into())]);
                content.push(object([("type", "image_url".into()), ("image_url", url)]));
            }
            Part::File(file) => content.push(attached(&file, dialect.documents)),
            // A user calls no tool and reasons nothing.
            Part::ToolUse(_) | Part::Reasoning(_) | Part::Blob(_) => {}
        }
    }
    if content.is_empty() && texts.is_empty() {
        return;
    }
    if answers_tools && dialect.after_tools == AfterTools::Assistant {
        all.push(json!({ "role": "assistant", "content": HEARD }));
    }
    let content = if only_text {
        // Many servers take a plain text only.
        Value::from(joined(texts, "\n\n"))
    } else {
        content.into()
    };
    all.push(object([("role", "user".into()), ("content", content)]));
}

fn text_part(text: String) -> Value {
    object([("type", "text".into()), ("text", text.into())])
}

/// What a tool answered, as a text.
pub fn result_text(content: String, is_error: bool) -> String {
    if is_error {
        format!("Error: {content}")
    } else {
        content
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
        return text_part(text);
    }
    let name: Value = file.name.as_deref().unwrap_or("file").into();
    let data: Value = data_url(&file.media_type, &file.data).into();
    match documents {
        Documents::File => {
            let file = object([("filename", name), ("file_data", data)]);
            object([("type", "file".into()), ("file", file)])
        }
        Documents::Url => object([
            ("type", "document_url".into()),
            ("document_url", data),
            ("document_name", name),
        ]),
    }
}

fn assistant(parts: Vec<Part>, dialect: &Dialect, all: &mut Vec<Value>) {
    let mut said = Said::default();
    for part in parts {
        said.take(part, dialect);
    }
    if said.texts.is_empty() && said.calls.is_empty() {
        return;
    }
    let mut entry = Map::new();
    entry.insert("role".into(), "assistant".into());
    let content = if dialect.reasoning == SentBack::Parts && said.has_reasoning {
        said.parts.into()
    } else if said.texts.is_empty() {
        Value::Null
    } else {
        joined(said.texts, "").into()
    };
    entry.insert("content".into(), content);
    match dialect.reasoning {
        SentBack::WithCalls if !said.calls.is_empty() => {
            entry.insert("reasoning_content".into(), said.reasoning.into());
        }
        SentBack::Details if !said.details.is_empty() => {
            entry.insert("reasoning_details".into(), said.details.into());
        }
        _ => {}
    }
    if !said.calls.is_empty() {
        entry.insert("tool_calls".into(), said.calls.into());
    }
    all.push(Value::Object(entry));
}

/// What an answer of the model is made of, as far as the server wants it back.
#[derive(Default)]
struct Said {
    texts: Vec<String>,
    calls: Vec<Value>,
    reasoning: String,
    has_reasoning: bool,
    /// Reasoning and text in their order, where both go into the content.
    parts: Vec<Value>,
    details: Vec<Value>,
}

impl Said {
    fn take(&mut self, part: Part, dialect: &Dialect) {
        match part {
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => {
                if dialect.reasoning == SentBack::Parts {
                    self.parts.push(text_part(text.clone()));
                }
                self.texts.push(text);
            }
            Part::Reasoning(text) => {
                self.has_reasoning = true;
                match dialect.reasoning {
                    SentBack::Parts => self.parts.push(object([
                        ("type", "thinking".into()),
                        ("thinking", vec![text_part(text)].into()),
                        ("closed", true.into()),
                    ])),
                    SentBack::WithCalls => self.reasoning.push_str(&text),
                    SentBack::Nothing | SentBack::Details => {}
                }
            }
            Part::Blob(blob) if dialect.reasoning == SentBack::Details => {
                self.details
                    .extend(details::of_blob(&blob).into_iter().flatten());
            }
            Part::ToolUse(call) => {
                let function = object([
                    ("name", call.name.into()),
                    ("arguments", call.arguments.into()),
                ]);
                let id = ids::written(&call.id, dialect.call_ids).into_owned();
                self.calls.push(object([
                    ("id", id.into()),
                    ("type", "function".into()),
                    ("function", function),
                ]));
            }
            // A model answers no tool and attaches nothing.
            Part::Blob(_) | Part::ToolResult(_) | Part::Image(_) | Part::File(_) => {}
        }
    }
}
