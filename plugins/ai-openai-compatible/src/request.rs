//! labd's request → the API's body. Fields that were not asked for are left out, since servers
//! refuse what they do not know.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use labd_plugin::ai::{Effort, File, Message, Part, Request, Role, Tool, ToolChoice};
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
    /// Under what the server takes a pseudonym of the person who asks; none where it takes none.
    pub fn user_key(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("safety_identifier"),
            Self::Mistral => None,
            Self::Other => Some("user"),
        }
    }

    /// Under what the server takes the length of embeddings.
    pub fn dimensions_key(self) -> &'static str {
        match self {
            Self::Mistral => "output_dimension",
            Self::OpenAi | Self::Other => "dimensions",
        }
    }

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
        let tools = request.tools.iter().map(tool).collect::<Result<Vec<_>>>()?;
        set("tools", tools.into());
        if let Some(parallel) = request.parallel_tools {
            set("parallel_tool_calls", parallel.into());
        }
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
    if let Some(probability) = request.top_p {
        set("top_p", json!(probability));
    }
    if !request.stop.is_empty() {
        set("stop", json!(request.stop));
    }
    if let Some(effort) = request.effort {
        let word = match effort {
            Effort::Off => "none",
            Effort::Minimal => "minimal",
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
            Effort::Highest => "xhigh",
        };
        set("reasoning_effort", word.into());
    }
    if let Some(user) = &request.user
        && let Some(key) = flavour.user_key()
    {
        set(key, user.clone().into());
    }
    // What comes again these servers see by themselves; OpenAI alone asks which requests belong
    // together.
    if flavour == Flavour::OpenAi
        && let Some(key) = request.cache.as_ref().and_then(|cache| cache.key.clone())
    {
        set("prompt_cache_key", key.into());
    }
    Ok(Value::Object(body))
}

fn tool(tool: &Tool) -> Result<Value> {
    let parameters = schema(&tool.parameters, &format!("the tool `{}`", tool.name))?;
    let mut function = json!({
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
    });
    if let Some(function) = function.as_object_mut().filter(|_| tool.strict) {
        function.insert("strict".into(), true.into());
    }
    Ok(json!({ "type": "function", "function": function }))
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
            Part::File(file) => {
                only_text = false;
                content.push(attached(file));
            }
            // A user calls no tool and reasons nothing, and this API has nothing opaque.
            Part::ToolUse(_) | Part::Reasoning(_) | Part::Blob(_) => {}
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

/// A file. What is text travels as text, which every server takes.
fn attached(file: &File) -> Value {
    let name = file.name.as_deref().unwrap_or("file");
    let is_text = file.media_type.starts_with("text/") || file.media_type.ends_with("json");
    match std::str::from_utf8(&file.data) {
        Ok(text) if is_text => {
            json!({ "type": "text", "text": format!("<file name={name:?}>\n{text}\n</file>") })
        }
        _ => {
            let data = format!(
                "data:{};base64,{}",
                file.media_type,
                STANDARD.encode(&file.data)
            );
            json!({ "type": "file", "file": { "filename": name, "file_data": data } })
        }
    }
}

/// Reasoning stays out: the API has no field for it that more than one server takes.
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
