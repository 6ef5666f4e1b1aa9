//! labd's request → the API's body. Fields that were not asked for are left out, since servers
//! refuse what they do not know.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use labd_plugin::ai::{Effort, Message, Part, Request, Role, ToolChoice};
use labd_plugin::{Error, Result};
use serde_json::{Map, Value, json};

/// Where servers differ in what they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// OpenAI itself: `max_tokens` is refused by its reasoning models.
    OpenAi,
    /// Mistral refuses `stream_options` and sends usage anyway.
    Mistral,
    /// All others.
    Other,
}

impl Flavour {
    /// By the host of an address.
    pub fn of(url: &str) -> Self {
        let host = url
            .split_once("://")
            .map_or(url, |(_, rest)| rest)
            .split(['/', ':'])
            .next()
            .unwrap_or_default();
        if host.ends_with("openai.com") || host.ends_with("openai.azure.com") {
            Self::OpenAi
        } else if host.ends_with("mistral.ai") {
            Self::Mistral
        } else {
            Self::Other
        }
    }
}

/// The body of a request.
///
/// # Errors
/// `invalid-request` when a schema is no JSON.
pub fn body(request: &Request, flavour: Flavour) -> Result<Value> {
    let mut body = Map::new();
    let mut set = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    set("model", request.model.clone().into());
    set("messages", messages(request).into());
    set("stream", true.into());
    if flavour != Flavour::Mistral {
        set("stream_options", json!({ "include_usage": true }));
    }
    if !request.tools.is_empty() {
        let tools = request
            .tools
            .iter()
            .map(|tool| {
                let parameters = schema(&tool.parameters, &format!("the tool `{}`", tool.name))?;
                Ok(json!({
                    "type": "function",
                    "function": { "name": tool.name, "description": tool.description, "parameters": parameters },
                }))
            })
            .collect::<Result<Vec<_>>>()?;
        set("tools", tools.into());
        match &request.tool_choice {
            ToolChoice::Automatic => {}
            ToolChoice::None => set("tool_choice", "none".into()),
            ToolChoice::Required => set("tool_choice", "required".into()),
            ToolChoice::Named(name) => set(
                "tool_choice",
                json!({ "type": "function", "function": { "name": name } }),
            ),
        }
    }
    if let Some(text) = &request.output_schema {
        let schema = schema(text, "the output")?;
        set(
            "response_format",
            json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema, "strict": true } }),
        );
    }
    if let Some(tokens) = request.max_tokens {
        let key = if flavour == Flavour::OpenAi {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        set(key, tokens.into());
    }
    if let Some(temperature) = request.temperature {
        set("temperature", json!(temperature));
    }
    if !request.stop.is_empty() {
        set("stop", json!(request.stop));
    }
    if let Some(effort) = request.effort {
        let word = match effort {
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
        };
        set("reasoning_effort", word.into());
    }
    Ok(Value::Object(body))
}

fn schema(text: &str, of: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|error| Error::invalid(format!("the JSON Schema of {of} is no JSON: {error}")))
}

fn messages(request: &Request) -> Vec<Value> {
    let mut all = Vec::new();
    if !request.system.is_empty() {
        all.push(json!({ "role": "system", "content": request.system.join("\n\n") }));
    }
    for message in &request.messages {
        match message.role {
            Role::User => user(message, &mut all),
            Role::Assistant => assistant(message, &mut all),
        }
    }
    all
}

/// Results of tools are messages of their own, right after the calls that they answer.
fn user(message: &Message, all: &mut Vec<Value>) {
    let mut content = Vec::new();
    let mut only_text = true;
    for part in &message.parts {
        match part {
            Part::ToolResult(result) => {
                let text = if result.is_error {
                    format!("Error: {}", result.content)
                } else {
                    result.content.clone()
                };
                all.push(json!({ "role": "tool", "tool_call_id": result.id, "content": text }));
            }
            Part::Text(text) => content.push(json!({ "type": "text", "text": text })),
            Part::Image(image) => {
                only_text = false;
                let url = format!(
                    "data:{};base64,{}",
                    image.media_type,
                    STANDARD.encode(&image.data)
                );
                content.push(json!({ "type": "image_url", "image_url": { "url": url } }));
            }
            // A user calls no tool, and this API has nothing opaque.
            Part::ToolUse(_) | Part::Blob(_) => {}
        }
    }
    if content.is_empty() {
        return;
    }
    let content = if only_text {
        // Many servers take a plain text only.
        Value::from(texts(message).join("\n\n"))
    } else {
        content.into()
    };
    all.push(json!({ "role": "user", "content": content }));
}

fn assistant(message: &Message, all: &mut Vec<Value>) {
    let text = texts(message).concat();
    let calls: Vec<Value> = message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolUse(call) => Some(json!({
                "id": call.id,
                "type": "function",
                "function": { "name": call.name, "arguments": call.arguments },
            })),
            _ => None,
        })
        .collect();
    if text.is_empty() && calls.is_empty() {
        return;
    }
    let mut entry = json!({ "role": "assistant", "content": text });
    if let Some(entry) = entry.as_object_mut().filter(|_| !calls.is_empty()) {
        if text.is_empty() {
            entry.insert("content".into(), Value::Null);
        }
        entry.insert("tool_calls".into(), calls.into());
    }
    all.push(entry);
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
