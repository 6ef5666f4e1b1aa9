//! labd's request → the body of generateContent. What was not asked for is left out, since the API
//! refuses what it does not know.
//!
//! Schemas go as JSON Schema (`parametersJsonSchema`, `responseJsonSchema`), not as the API's older
//! dialect of OpenAPI; what it cannot enforce of them it refuses by itself. What comes again it sees
//! by itself too.

use crate::content;
use crate::generation::{Generation, Told};
use labd_plugin::ai::{Effort, Request, Tool, ToolChoice};
use labd_plugin::{Error, Fault, Result};
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
/// `invalid-request` when a schema is no JSON object, a part cannot be sent, or the model would not
/// go on with words of its own.
pub fn body(request: &Request) -> Result<Body> {
    let mut body = Map::new();
    let mut left_out = Vec::new();
    let system = request.system.iter().filter(|text| !text.is_empty());
    let system: Vec<Value> = system.map(|text| json!({ "text": text })).collect();
    if !system.is_empty() {
        body.insert("systemInstruction".into(), json!({ "parts": system }));
    }
    let contents = content::contents(request)?;
    let last = contents.last().and_then(|last| last.get("role")?.as_str());
    ends_with_user(request, last != Some("model"))?;
    body.insert("contents".into(), contents.into());
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(tool);
        let tools = tools.collect::<Result<Vec<Value>>>()?;
        body.insert("tools".into(), json!([{ "functionDeclarations": tools }]));
        if let Some(config) = calling(request) {
            let config = json!({ "functionCallingConfig": config });
            body.insert("toolConfig".into(), config);
        }
        if request.parallel_tools == Some(false) {
            left_out.push("that tools are called one by one, for which Gemini has no word");
        }
    }
    let config = generation(request, &mut left_out)?;
    if !config.is_empty() {
        body.insert("generationConfig".into(), config.into());
    }
    Ok(Body {
        json: body.into(),
        left_out,
    })
}

/// Refuses what the model would refuse: to go on with words of its own.
///
/// # Errors
/// `invalid-request` with what to do instead.
pub fn ends_with_user(request: &Request, ends: bool) -> Result<()> {
    if ends || !Generation::of(&request.model).refuses_first_words() {
        return Ok(());
    }
    Err(Error::invalid(
        Fault::new(format!(
            "`{}` does not go on with an answer that was begun for it: the last message is the assistant's",
            request.model
        ))
        .hint("end the conversation with a message of the user that asks to go on; to give an answer its form, use an output schema or the system's words"),
    ))
}

/// Temperature and top-p under these names, where the model takes them.
pub fn sampling(
    request: &Request,
    names: [&str; 2],
    config: &mut Map<String, Value>,
    left_out: &mut Vec<&'static str>,
) {
    let given = [request.temperature, request.top_p];
    if !Generation::of(&request.model).samples() {
        if given.iter().any(Option::is_some) {
            left_out.push("temperature and top-p, which this model does not take");
        }
        return;
    }
    for (name, value) in names.into_iter().zip(given) {
        if let Some(value) = value {
            config.insert(name.into(), json!(value));
        }
    }
}

fn tool(tool: &Tool) -> Result<Value> {
    let schema = schema(&tool.parameters, &format!("the tool `{}`", tool.name))?;
    Ok(json!({
        "name": tool.name,
        "description": tool.description,
        "parametersJsonSchema": schema,
    }))
}

/// A JSON Schema, as an object.
///
/// # Errors
/// `invalid-request` when it is none.
pub fn schema(text: &str, of: &str) -> Result<Value> {
    let schema: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        Error::invalid(format!(
            "the JSON Schema of {of} is no JSON object: {error}"
        ))
    })?;
    Ok(schema.into())
}

/// Whether tools are called: `VALIDATED` is automatic, with arguments that follow their schema, as
/// they do when calls are forced.
fn calling(request: &Request) -> Option<Value> {
    match &request.tool_choice {
        ToolChoice::Automatic if request.tools.iter().any(|tool| tool.strict) => {
            Some(json!({ "mode": "VALIDATED" }))
        }
        ToolChoice::Automatic => None,
        ToolChoice::None => Some(json!({ "mode": "NONE" })),
        ToolChoice::Required => Some(json!({ "mode": "ANY" })),
        ToolChoice::Named(name) => Some(json!({ "mode": "ANY", "allowedFunctionNames": [name] })),
    }
}

fn generation(request: &Request, left_out: &mut Vec<&'static str>) -> Result<Map<String, Value>> {
    let mut config = Map::new();
    if let Some(tokens) = request.max_tokens {
        config.insert("maxOutputTokens".into(), tokens.into());
    }
    sampling(request, ["temperature", "topP"], &mut config, left_out);
    if !request.stop.is_empty() {
        config.insert("stopSequences".into(), json!(request.stop));
    }
    if let Some(text) = &request.output_schema {
        let schema = schema(text, "the output")?;
        config.insert("responseMimeType".into(), "application/json".into());
        config.insert("responseJsonSchema".into(), schema);
    }
    if let Some(effort) = request.effort {
        let mut thinking = match Generation::of(&request.model).told(effort) {
            Some(Told::Budget(tokens)) => json!({ "thinkingBudget": tokens }),
            Some(Told::Level(level)) => json!({ "thinkingLevel": level }),
            None => {
                if effort != Effort::Off {
                    left_out.push("thinking, which this model does not do");
                }
                return Ok(config);
            }
        };
        // Thoughts are left out unless asked for.
        if let Some(thinking) = thinking.as_object_mut().filter(|_| effort != Effort::Off) {
            thinking.insert("includeThoughts".into(), true.into());
        }
        config.insert("thinkingConfig".into(), thinking);
    }
    Ok(config)
}
