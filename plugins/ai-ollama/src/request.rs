//! labd's request → the API's body.

use crate::Config;
use crate::context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use labd_plugin::ai::{Effort, File, Message, Part, Request, Role, Tool, ToolChoice};
use labd_plugin::{Error, Result};
use serde_json::{Map, Value, json};

/// The body of a request.
#[derive(Debug)]
pub struct Body {
    /// The body.
    pub json: Value,
    /// What was asked for and the API has no word for.
    pub left_out: Vec<&'static str>,
}

/// The body of a request.
///
/// # Errors
/// `invalid-request` when a schema is no JSON, or a part cannot be sent.
pub fn body(request: &Request, config: &Config) -> Result<Body> {
    let mut body = Map::new();
    let mut left_out = Vec::new();
    body.insert("model".into(), request.model.clone().into());
    body.insert("messages".into(), messages(request)?.into());
    body.insert("stream".into(), true.into());
    // What does not fit is refused, neither cut off nor pushed out while the answer is written.
    body.insert("truncate".into(), false.into());
    body.insert("shift".into(), false.into());
    let tools = tools(request, &mut left_out)?;
    if !tools.is_empty() {
        body.insert("tools".into(), tools.into());
    }
    if let Some(text) = &request.output_schema {
        body.insert("format".into(), schema(text, "the output")?);
    }
    if let Some(think) = think(request) {
        body.insert("think".into(), think);
    }
    let options = options(request, config);
    if !options.is_empty() {
        body.insert("options".into(), options.into());
    }
    if let Some(term) = keep_alive(config) {
        body.insert("keep_alive".into(), term);
    }
    Ok(Body {
        json: body.into(),
        left_out,
    })
}

/// Takes the wish to think from a body; whether it held one.
pub fn forget_thinking(body: &mut Value) -> bool {
    body.as_object_mut()
        .is_some_and(|body| body.remove("think").is_some())
}

/// How long the model stays in memory: a number of seconds, or a time with its unit.
pub fn keep_alive(config: &Config) -> Option<Value> {
    let term = config.keep_alive.as_deref().map(str::trim);
    let term = term.filter(|term| !term.is_empty())?;
    let seconds = term.parse::<i64>().ok().map(Value::from);
    Some(seconds.unwrap_or_else(|| term.into()))
}

/// The API calls tools as the model likes; none are offered where none are to be called, and only
/// the one where one is.
fn tools(request: &Request, left_out: &mut Vec<&'static str>) -> Result<Vec<Value>> {
    if request.tools.is_empty() {
        return Ok(Vec::new());
    }
    if request.parallel_tools == Some(false) {
        left_out.push("that tools are called one by one, for which Ollama has no word");
    }
    let all = request.tools.iter();
    let offered: Vec<&Tool> = match &request.tool_choice {
        ToolChoice::None => Vec::new(),
        ToolChoice::Automatic => all.collect(),
        ToolChoice::Required => {
            left_out.push("that a tool must be called, for which Ollama has no word");
            all.collect()
        }
        ToolChoice::Named(name) => {
            left_out.push("that a tool must be called, for which Ollama has no word");
            all.filter(|tool| tool.name == *name).collect()
        }
    };
    offered.into_iter().map(tool).collect()
}

fn tool(tool: &Tool) -> Result<Value> {
    let parameters = schema(&tool.parameters, &format!("the tool `{}`", tool.name))?;
    let function = json!({
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
    });
    Ok(json!({ "type": "function", "function": function }))
}

fn schema(text: &str, of: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|error| Error::invalid(format!("the JSON Schema of {of} is no JSON: {error}")))
}

/// Most models think or do not; gpt-oss knows steps, and always thinks.
fn think(request: &Request) -> Option<Value> {
    let effort = request.effort?;
    if !request.model.contains("gpt-oss") {
        return Some((effort != Effort::Off).into());
    }
    Some(match effort {
        Effort::Off | Effort::Minimal | Effort::Low => "low".into(),
        Effort::Medium => "medium".into(),
        Effort::High | Effort::Highest => "high".into(),
    })
}

fn options(request: &Request, config: &Config) -> Map<String, Value> {
    let mut options = Map::new();
    // Models of the cloud have all of their context.
    let in_cloud = request.model.ends_with("cloud")
        || (config.base_url.as_deref()).is_some_and(|url| url.contains("://ollama.com"));
    match config.context_length {
        Some(length) => drop(options.insert("num_ctx".into(), length.into())),
        None if in_cloud => {}
        None => drop(options.insert("num_ctx".into(), context::length(request).into())),
    }
    if let Some(tokens) = request.max_tokens {
        options.insert("num_predict".into(), tokens.into());
    }
    if let Some(temperature) = request.temperature {
        options.insert("temperature".into(), json!(temperature));
    }
    if let Some(probability) = request.top_p {
        options.insert("top_p".into(), json!(probability));
    }
    if !request.stop.is_empty() {
        options.insert("stop".into(), json!(request.stop));
    }
    options
}

fn messages(request: &Request) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    let system: Vec<&str> = request
        .system
        .iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    if !system.is_empty() {
        all.push(json!({ "role": "system", "content": system.join("\n\n") }));
    }
    for message in &request.messages {
        match message.role {
            Role::User => user(message, request, &mut all)?,
            Role::Assistant => all.extend(assistant(message)?),
        }
    }
    Ok(all)
}

/// Results of tools are messages of their own, right after the calls that they answer.
fn user(message: &Message, request: &Request, all: &mut Vec<Value>) -> Result<()> {
    let mut texts = Vec::new();
    let mut images = Vec::new();
    for part in &message.parts {
        match part {
            Part::ToolResult(result) => {
                let text = match result.is_error {
                    true => format!("Error: {}", result.content),
                    false => result.content.clone(),
                };
                all.push(json!({
                    "role": "tool",
                    "content": text,
                    "tool_name": called(&result.id, request)?,
                    "tool_call_id": result.id,
                }));
            }
            Part::Text(text) => texts.push(text.clone()),
            Part::Image(image) => images.push(STANDARD.encode(&image.data)),
            Part::File(file) => texts.push(attached(file)?),
            // A user calls no tool and reasons nothing, and this API has nothing opaque.
            Part::ToolUse(_) | Part::Reasoning(_) | Part::Blob(_) => {}
        }
    }
    if texts.is_empty() && images.is_empty() {
        return Ok(());
    }
    let mut entry = json!({ "role": "user", "content": texts.join("\n\n") });
    if let Some(entry) = entry.as_object_mut().filter(|_| !images.is_empty()) {
        entry.insert("images".into(), images.into());
    }
    all.push(entry);
    Ok(())
}

/// The tool of a call.
fn called<'a>(id: &str, request: &'a Request) -> Result<&'a str> {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let mut calls = parts.filter_map(|part| match part {
        Part::ToolUse(call) => Some(call),
        _ => None,
    });
    let call = calls.find(|call| call.id == id).ok_or_else(|| {
        Error::invalid(format!(
            "there is a result of the call `{id}`, and no such call in the messages before"
        ))
    })?;
    Ok(&call.name)
}

/// A file, which travels as text.
fn attached(file: &File) -> Result<String> {
    let name = file.name.as_deref().unwrap_or("file");
    let text = std::str::from_utf8(&file.data).map_err(|_| {
        Error::invalid(format!(
            "Ollama reads pictures and texts, and the file {name:?} is {}",
            file.media_type
        ))
    })?;
    Ok(format!("<file name={name:?}>\n{text}\n</file>"))
}

/// An answer; thoughts go along, since models that think between calls of tools go on from them.
fn assistant(message: &Message) -> Result<Option<Value>> {
    let mut content = String::new();
    let mut thinking = String::new();
    let mut calls = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text(text) => content.push_str(text),
            Part::Reasoning(text) => thinking.push_str(text),
            Part::ToolUse(call) => {
                let arguments: Map<String, Value> =
                    serde_json::from_str(&call.arguments).map_err(|error| {
                        Error::invalid(format!(
                            "the arguments of the call `{}` of `{}` are no JSON object: {error}",
                            call.id, call.name
                        ))
                    })?;
                let function = json!({ "name": call.name, "arguments": arguments });
                calls.push(json!({ "id": call.id, "function": function }));
            }
            Part::Image(_) | Part::File(_) | Part::ToolResult(_) | Part::Blob(_) => {}
        }
    }
    if content.is_empty() && calls.is_empty() {
        return Ok(None);
    }
    let mut entry = Map::new();
    entry.insert("role".into(), "assistant".into());
    entry.insert("content".into(), content.into());
    if !thinking.is_empty() {
        entry.insert("thinking".into(), thinking.into());
    }
    if !calls.is_empty() {
        entry.insert("tool_calls".into(), calls.into());
    }
    Ok(Some(entry.into()))
}
