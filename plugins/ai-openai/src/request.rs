//! labd's request → the body of `POST /responses`.

use crate::{Summary, input, models};
use labd_chat_completions::dialect::Ids;
use labd_chat_completions::messages::joined;
use labd_chat_completions::request::schema;
use labd_chat_completions::{effort, ids};
use labd_plugin::Result;
use labd_plugin::ai::{Request, Retention, Tool, ToolChoice};
use serde_json::{Map, Value, json};

/// The body of a request. Nothing is kept at OpenAI (`store`), so that the reasoning of a former
/// step is only there when it is asked for, encrypted, and sent back.
///
/// # Errors
/// `invalid-request` when a schema is no JSON.
pub fn body(mut request: Request, summary: Summary) -> Result<Value> {
    let mut body = Map::new();
    let mut set = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    set("model", request.model.clone().into());
    if !request.system.is_empty() {
        let system = std::mem::take(&mut request.system);
        set("instructions", joined(system, "\n\n").into());
    }
    let messages = std::mem::take(&mut request.messages);
    set("input", input::items(messages).into());
    set("stream", true.into());
    set("store", false.into());
    // A model that does not reason refuses to be asked for its reasoning, and one of another name
    // may be such a model.
    let reasoning = reasoning(&request, summary);
    if effort::openai_reasons(&request.model) == Some(true) || reasoning.is_some() {
        set("include", json!(["reasoning.encrypted_content"]));
    }
    if let Some(reasoning) = reasoning {
        set("reasoning", reasoning);
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
            ToolChoice::Named(name) => {
                set("tool_choice", json!({ "type": "function", "name": name }));
            }
        }
    }
    if let Some(text) = &request.output_schema {
        let schema = schema(text, "the output")?;
        set(
            "text",
            json!({ "format": { "type": "json_schema", "name": "answer", "schema": schema, "strict": true } }),
        );
    }
    if let Some(tokens) = request.max_tokens {
        set("max_output_tokens", tokens.into());
    }
    if let Some(temperature) = request.temperature {
        set("temperature", json!(temperature));
    }
    if let Some(probability) = request.top_p {
        set("top_p", json!(probability));
    }
    if let Some(user) = &request.user {
        set("safety_identifier", json!(ids::written(user, Ids::UpTo64)));
    }
    // What comes again OpenAI sees by itself; it asks which requests belong together, and how long.
    if let Some(cache) = &request.cache {
        if let Some(key) = &cache.key {
            set("prompt_cache_key", json!(ids::written(key, Ids::UpTo64)));
        }
        if cache.retention == Retention::Long && models::caches_long(&request.model) {
            set("prompt_cache_retention", "24h".into());
        }
    }
    Ok(Value::Object(body))
}

/// How much to reason, and what to show of it; none when no effort was asked for.
fn reasoning(request: &Request, summary: Summary) -> Option<Value> {
    let word = effort::openai(&request.model, request.effort?)?;
    let mut reasoning = json!({ "effort": word });
    let shown = match summary {
        Summary::Auto => "auto",
        Summary::Concise => "concise",
        Summary::Detailed => "detailed",
        Summary::None => return Some(reasoning),
    };
    if let Some(reasoning) = reasoning.as_object_mut().filter(|_| word != "none") {
        reasoning.insert("summary".into(), shown.into());
    }
    Some(reasoning)
}

/// Responses takes tools as strict unless told otherwise.
fn tool(tool: &Tool) -> Result<Value> {
    let parameters = schema(&tool.parameters, &format!("the tool `{}`", tool.name))?;
    Ok(json!({
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
        "strict": tool.strict,
    }))
}
