//! labd's request → the body of an interaction.

use crate::blob::Blob;
use crate::content;
use crate::generation::Generation;
use crate::request::{Body, ends_with_user, sampling, schema};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use labd_plugin::Result;
use labd_plugin::ai::{Effort, Message, Part, Request, Role, ToolChoice};
use serde_json::{Map, Value, json};

/// The body of a request.
///
/// # Errors
/// `invalid-request` when a schema is no JSON object, a part cannot be sent, or the model would not
/// go on with words of its own.
pub fn body(request: &Request) -> Result<Body> {
    let mut body = Map::new();
    let mut left_out = Vec::new();
    let model = request.model.strip_prefix("models/");
    body.insert("model".into(), model.unwrap_or(&request.model).into());
    body.insert("stream".into(), true.into());
    body.insert("store".into(), false.into());
    let system: Vec<&str> = request
        .system
        .iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    if !system.is_empty() {
        body.insert("system_instruction".into(), system.join("\n\n").into());
    }
    let mut steps = Vec::new();
    for message in &request.messages {
        match message.role {
            Role::User => user(message, request, &mut steps)?,
            Role::Assistant => model_steps(message, &mut steps)?,
        }
    }
    let last = steps.last().and_then(|last| last.get("type")?.as_str());
    ends_with_user(
        request,
        !matches!(last, Some("model_output" | "thought" | "function_call")),
    )?;
    body.insert("input".into(), steps.into());
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            let schema = schema(&tool.parameters, &format!("the tool `{}`", tool.name))?;
            Ok(json!({
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": schema,
            }))
        });
        let tools = tools.collect::<Result<Vec<Value>>>()?;
        body.insert("tools".into(), tools.into());
        if request.parallel_tools == Some(false) {
            left_out.push("that tools are called one by one, for which Gemini has no word");
        }
    }
    if let Some(text) = &request.output_schema {
        let schema = schema(text, "the output")?;
        let format = json!({ "type": "text", "mime_type": "application/json", "schema": schema });
        body.insert("response_format".into(), format);
    }
    let config = generation(request, &mut left_out);
    if !config.is_empty() {
        body.insert("generation_config".into(), config.into());
    }
    Ok(Body {
        json: body.into(),
        left_out,
    })
}

fn generation(request: &Request, left_out: &mut Vec<&'static str>) -> Map<String, Value> {
    let mut config = Map::new();
    if let Some(tokens) = request.max_tokens {
        config.insert("max_output_tokens".into(), tokens.into());
    }
    if !request.stop.is_empty() {
        config.insert("stop_sequences".into(), json!(request.stop));
    }
    sampling(request, ["temperature", "top_p"], &mut config, left_out);
    if let Some(effort) = request.effort {
        match Generation::of(&request.model).level_of_all(effort) {
            Some(level) => {
                let level = level.to_ascii_lowercase();
                config.insert("thinking_level".into(), level.into());
                if effort != Effort::Off {
                    config.insert("thinking_summaries".into(), "auto".into());
                }
            }
            None if effort == Effort::Off => {}
            None => left_out.push("thinking, which this model does not do"),
        }
    }
    let allowed =
        |mode: &str, tools: &[&str]| json!({ "allowed_tools": { "mode": mode, "tools": tools } });
    let choice = match &request.tool_choice {
        _ if request.tools.is_empty() => None,
        ToolChoice::Automatic if request.tools.iter().any(|tool| tool.strict) => {
            Some("validated".into())
        }
        ToolChoice::Automatic => None,
        ToolChoice::None => Some("none".into()),
        ToolChoice::Required => Some("any".into()),
        ToolChoice::Named(name) => Some(allowed("any", &[name])),
    };
    if let Some(choice) = choice {
        config.insert("tool_choice".into(), choice);
    }
    config
}

/// Results of tools are steps of their own, right after the calls that they answer.
fn user(message: &Message, request: &Request, steps: &mut Vec<Value>) -> Result<()> {
    let mut input = Vec::new();
    for part in &message.parts {
        match part {
            Part::ToolResult(result) => {
                let mut step = json!({
                    "type": "function_result",
                    "call_id": result.id,
                    "name": content::called(result, request)?,
                    "result": result.content,
                });
                if let Some(step) = step.as_object_mut().filter(|_| result.is_error) {
                    step.insert("is_error".into(), true.into());
                }
                steps.push(step);
            }
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => input.push(json!({ "type": "text", "text": text })),
            Part::Image(image) => input.push(json!({
                "type": "image",
                "mime_type": image.media_type,
                "data": STANDARD.encode(&image.data),
            })),
            Part::File(file) => input.push(json!({
                "type": "document",
                "mime_type": content::media_type(file),
                "data": STANDARD.encode(&file.data),
            })),
            // A user calls no tool and reasons nothing.
            Part::ToolUse(_) | Part::Reasoning(_) | Part::Blob(_) => {}
        }
    }
    if !input.is_empty() {
        steps.push(json!({ "type": "user_input", "content": input }));
    }
    Ok(())
}

fn model_steps(message: &Message, steps: &mut Vec<Value>) -> Result<()> {
    let mut reasoning = None;
    for part in &message.parts {
        let summary = reasoning.take();
        match part {
            Part::Reasoning(text) => reasoning = Some(text),
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => {
                let content = json!([{ "type": "text", "text": text }]);
                steps.push(json!({ "type": "model_output", "content": content }));
            }
            Part::ToolUse(call) => steps.push(json!({
                "type": "function_call",
                "id": call.id,
                "name": call.name,
                "arguments": content::arguments(call)?,
            })),
            Part::Blob(blob) => match Blob::read(blob) {
                Some(Blob::Thought(signature)) => {
                    let mut step = json!({ "type": "thought", "signature": signature });
                    if let (Some(step), Some(text)) = (step.as_object_mut(), summary) {
                        let summary = json!([{ "type": "text", "text": text }]);
                        step.insert("summary".into(), summary);
                    }
                    steps.push(step);
                }
                Some(Blob::Step(signature)) => {
                    let call = steps.last_mut().and_then(Value::as_object_mut);
                    let is_call = |step: &&mut Map<String, Value>| {
                        step.get("type").and_then(Value::as_str) == Some("function_call")
                    };
                    if let Some(call) = call.filter(is_call) {
                        call.insert("signature".into(), signature.into());
                    }
                }
                // Of the other API, or of another provider.
                Some(Blob::Call(_) | Blob::Text { .. }) | None => {}
            },
            // A model answers with neither pictures nor files, nor with results.
            Part::Image(_) | Part::File(_) | Part::ToolResult(_) => {}
        }
    }
    Ok(())
}
