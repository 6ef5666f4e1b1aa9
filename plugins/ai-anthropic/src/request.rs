//! labd's request → the API's body. What was not asked for is left out, since the API refuses what
//! it does not know.

use crate::content;
use crate::generation::Generation;
use crate::thinking::{self, Told};
use labd_plugin::ai::{CacheHints, Effort, Request, Retention, Tool, ToolChoice};
use labd_plugin::{Error, Fault, Result};
use serde_json::{Map, Value, json};

/// Tokens of an answer when nobody said how many: the API wants a number, and one beyond the limit
/// of the model, or of what is left of its context, is refused.
const DEFAULT_TOKENS: u32 = 32_000;

/// The same for those who are to think at length, which counts as answer.
const THOUGHTFUL_TOKENS: u32 = 64_000;

/// The body of a request.
#[derive(Debug)]
pub struct Body {
    /// The body.
    pub json: Value,
    /// What was asked for and the model does not take.
    pub left_out: Vec<&'static str>,
    /// Stop texts of blanks alone, which the API refuses: they are to be looked for in the answer.
    pub stops: Vec<String>,
}

/// The body of a request.
///
/// # Errors
/// `invalid-request` when a schema is no JSON, a part cannot be sent, or the model would not go on
/// with words of its own.
pub fn body(request: &Request) -> Result<Body> {
    let generation = Generation::of(&request.model);
    let max_tokens = request.max_tokens.unwrap_or_else(|| {
        let wanted = match request.effort {
            Some(Effort::High | Effort::Highest) => THOUGHTFUL_TOKENS,
            _ => DEFAULT_TOKENS,
        };
        wanted.min(generation.output_limit)
    });
    let told = thinking::told(request, &generation, max_tokens);
    let mut body = Map::new();
    let mut left_out = Vec::new();
    body.insert("model".into(), request.model.clone().into());
    body.insert("max_tokens".into(), max_tokens.into());
    body.insert("stream".into(), true.into());
    tools(request, &mut body)?;
    system(request, &mut body);
    messages(request, &generation, &mut body)?;
    sampling(request, &generation, &told, &mut body, &mut left_out);
    let thinks = told.thinking.is_some() || told.effort.is_some();
    if !thinks && request.effort.is_some_and(|effort| effort != Effort::Off) {
        left_out.push("thinking, which this model or this conversation cannot have");
    }
    output(request, told, &mut body)?;
    let stops = request.stop.iter().cloned();
    let (stops, told): (Vec<_>, Vec<_>) = stops.partition(|text| text.trim().is_empty());
    if !told.is_empty() {
        body.insert("stop_sequences".into(), told.into());
    }
    if let Some(user) = &request.user {
        body.insert("metadata".into(), json!({ "user_id": user }));
    }
    Ok(Body {
        json: body.into(),
        left_out,
        stops,
    })
}

fn tools(request: &Request, body: &mut Map<String, Value>) -> Result<()> {
    if request.tools.is_empty() {
        return Ok(());
    }
    let mut all = request
        .tools
        .iter()
        .map(tool)
        .collect::<Result<Vec<Value>>>()?;
    // They come again when anything does.
    if let Some(cache) = request.cache.as_ref().filter(|cache| any(cache)) {
        mark(all.last_mut(), cache);
    }
    body.insert("tools".into(), all.into());
    let single = request.parallel_tools == Some(false);
    let mut choice = match &request.tool_choice {
        ToolChoice::Automatic if !single => return Ok(()),
        ToolChoice::Automatic => json!({ "type": "auto" }),
        ToolChoice::None => json!({ "type": "none" }),
        ToolChoice::Required => json!({ "type": "any" }),
        ToolChoice::Named(name) => json!({ "type": "tool", "name": name }),
    };
    if single
        && !matches!(request.tool_choice, ToolChoice::None)
        && let Some(choice) = choice.as_object_mut()
    {
        choice.insert("disable_parallel_tool_use".into(), true.into());
    }
    body.insert("tool_choice".into(), choice);
    Ok(())
}

fn tool(tool: &Tool) -> Result<Value> {
    let mut entry = Map::new();
    entry.insert("name".into(), tool.name.clone().into());
    if !tool.description.is_empty() {
        entry.insert("description".into(), tool.description.clone().into());
    }
    let schema = schema(&tool.parameters, &format!("the tool `{}`", tool.name))?;
    entry.insert("input_schema".into(), schema);
    if tool.strict {
        entry.insert("strict".into(), true.into());
    }
    Ok(entry.into())
}

fn schema(text: &str, of: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|error| Error::invalid(format!("the JSON Schema of {of} is no JSON: {error}")))
}

fn system(request: &Request, body: &mut Map<String, Value>) {
    let texts = request.system.iter();
    let mut blocks: Vec<Option<Value>> = texts.map(|text| content::text(text)).collect();
    if let Some(cache) = &request.cache {
        // With messages that come again all of it does.
        let count = match cache.messages {
            0 => usize::try_from(cache.system).unwrap_or(usize::MAX),
            _ => blocks.len(),
        };
        let mut again = blocks.iter_mut().take(count).flatten();
        mark(again.next_back(), cache);
    }
    let blocks: Vec<Value> = blocks.into_iter().flatten().collect();
    if !blocks.is_empty() {
        body.insert("system".into(), blocks.into());
    }
}

fn messages(
    request: &Request,
    generation: &Generation,
    body: &mut Map<String, Value>,
) -> Result<()> {
    let mut all = request
        .messages
        .iter()
        .map(content::message)
        .collect::<Result<Vec<Option<Value>>>>()?;
    if let Some(cache) = &request.cache {
        let count = usize::try_from(cache.messages).unwrap_or(usize::MAX);
        let again = all.iter_mut().take(count).flatten().next_back();
        let blocks = again.and_then(|message| message.get_mut("content")?.as_array_mut());
        // Thinking cannot be marked, and is never the last.
        mark(blocks.and_then(|blocks| blocks.last_mut()), cache);
    }
    let mut all: Vec<Value> = all.into_iter().flatten().collect();
    let last = all.last().and_then(|last| last.get("role")?.as_str());
    if last == Some("assistant") && !generation.goes_on {
        return Err(Error::invalid(
            Fault::new(format!(
                "`{}` does not go on with an answer that was begun for it: the last message is the assistant's",
                request.model
            ))
            .hint("end the conversation with a message of the user that asks to go on; to give an answer its form, use an output schema or the system's words"),
        ));
    }
    all.last_mut().map(content::to_go_on_with);
    body.insert("messages".into(), all.into());
    Ok(())
}

fn any(cache: &CacheHints) -> bool {
    cache.tools || cache.system > 0 || cache.messages > 0
}

/// Says that everything up to this block comes again. There are three such places at most, of the
/// four that the API takes, and all are kept equally long, as it wants of those in front.
fn mark(block: Option<&mut Value>, cache: &CacheHints) {
    let control = match cache.retention {
        Retention::Short => json!({ "type": "ephemeral" }),
        Retention::Long => json!({ "type": "ephemeral", "ttl": "1h" }),
    };
    if let Some(block) = block.and_then(Value::as_object_mut) {
        block.insert("cache_control".into(), control);
    }
}

fn sampling(
    request: &Request,
    generation: &Generation,
    told: &Told,
    body: &mut Map<String, Value>,
    left_out: &mut Vec<&'static str>,
) {
    let samples = generation.samples && !told.thinks;
    match request.temperature {
        Some(temperature) if samples => {
            let most = if generation.is_claude { 1.0 } else { 2.0 };
            body.insert("temperature".into(), json!(temperature.min(most)));
        }
        Some(_) => left_out.push("the temperature, which this model does not take here"),
        None => {}
    }
    match request.top_p {
        Some(_) if generation.is_claude && request.temperature.is_some() => {
            left_out.push("top-p, which Claude takes only without a temperature");
        }
        Some(probability) if samples => {
            body.insert("top_p".into(), json!(probability));
        }
        Some(_) => left_out.push("top-p, which this model does not take here"),
        None => {}
    }
}

/// Thinking, and what the answer must be like.
fn output(request: &Request, told: Told, body: &mut Map<String, Value>) -> Result<()> {
    if let Some(thinking) = told.thinking {
        body.insert("thinking".into(), thinking);
    }
    let mut config = Map::new();
    if let Some(effort) = told.effort {
        config.insert("effort".into(), effort.into());
    }
    if let Some(text) = &request.output_schema {
        let schema = schema(text, "the output")?;
        let format = json!({ "type": "json_schema", "schema": schema });
        config.insert("format".into(), format);
    }
    if !config.is_empty() {
        body.insert("output_config".into(), config.into());
    }
    Ok(())
}
