//! labd's request → the API's body. Fields that were not asked for are left out, since servers
//! refuse what they do not know.

use crate::dialect::{Caches, Dialect, Ids, Output};
use crate::marks::Marks;
use crate::{effort, ids, messages};
use labd_plugin::ai::{Request, Tool, ToolChoice};
use labd_plugin::{Error, Result};
use serde_json::{Map, Value, json};

/// The body of a request.
///
/// # Errors
/// `invalid-request` when a schema is no JSON.
pub fn body(mut request: Request, dialect: &Dialect) -> Result<Value> {
    let mut body = Map::new();
    let mut set = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    set("model", request.model.clone().into());
    let mut system = std::mem::take(&mut request.system);
    let messages = std::mem::take(&mut request.messages);
    let marks = Marks::of(&request, dialect);
    if let Some(text) = &request.output_schema {
        let schema = schema(text, "the output")?;
        match dialect.output {
            Output::Schema => set(
                "response_format",
                json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema, "strict": true } }),
            ),
            Output::Told => {
                set("response_format", json!({ "type": "json_object" }));
                system.push(format!(
                    "Answer with one JSON value and nothing else. It must follow this JSON Schema:\n{schema}"
                ));
            }
        }
    }
    set(
        "messages",
        messages::of(system, messages, dialect, marks.as_ref()).into(),
    );
    set("stream", true.into());
    if dialect.asks_for_usage {
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
            ToolChoice::Required => set("tool_choice", dialect.some_tool.into()),
            ToolChoice::Named(name) => set(
                "tool_choice",
                json!({ "type": "function", "function": { "name": name } }),
            ),
        }
    }
    if let Some(tokens) = request.max_tokens {
        set(dialect.max_tokens, tokens.into());
    }
    if let Some(temperature) = request.temperature {
        set("temperature", json!(temperature.min(dialect.hottest)));
    }
    if let Some(probability) = request.top_p {
        set("top_p", json!(probability));
    }
    if !request.stop.is_empty() {
        set("stop", json!(request.stop));
    }
    if let (Some(user), Some(key)) = (&request.user, dialect.user) {
        set(key, json!(ids::written(user, dialect.labels)));
    }
    // What comes again most servers see by themselves; some ask which requests belong together.
    if let Some(key) = request.cache.as_ref().and_then(|cache| cache.key.clone()) {
        match dialect.caches {
            Caches::Unasked => {}
            Caches::Key => set(
                "prompt_cache_key",
                json!(ids::written(&key, dialect.labels)),
            ),
            Caches::Marks => set("session_id", json!(ids::written(&key, Ids::UpTo64))),
        }
    }
    if let Some(wanted) = request.effort {
        effort::write(&mut body, dialect.effort, &request.model, wanted);
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

/// A schema that came as text.
///
/// # Errors
/// `invalid-request` when it is no JSON; the message says what the schema is `of`.
pub fn schema(text: &str, of: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|error| Error::invalid(format!("the JSON Schema of {of} is no JSON: {error}")))
}
