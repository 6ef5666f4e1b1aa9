//! What Ollama asks of a request: little. It passes over what it does not know, so that is noted
//! and not refused.

use serde_json::Value;

use super::super::{Broken, Call, Operation};
use crate::shape::{COUNT, Field, Flaw, Shape, What, items, list, may, null, text};

use Shape::{Any, Bool, Either, Map, Number, Object, Text};

const MODEL: Field = null("model", Text);
const KEEP_ALIVE: Field = null("keep_alive", Either(&[Text, Number(f64::MIN, f64::MAX)]));
const TRUNCATE: Field = null("truncate", Bool);
const OPTIONS: Field = null("options", Map);
const CALL: Shape = Object(&[
    null("id", Text),
    null("type", Text),
    null(
        "function",
        Object(&[
            null("index", COUNT),
            null("name", Text),
            null("arguments", Map),
            null("description", Text),
        ]),
    ),
]);
const MESSAGE: Shape = Object(&[
    null("role", Text),
    null("content", Text),
    null("thinking", Text),
    null("images", list(&Text)),
    null("tool_calls", list(&CALL)),
    null("tool_name", Text),
    null("tool_call_id", Text),
]);
const TOOL: Shape = Object(&[
    null("type", Text),
    null("items", Any),
    null(
        "function",
        Object(&[
            null("name", Text),
            null("description", Text),
            null("parameters", Map),
        ]),
    ),
]);
const CHAT: Shape = Object(&[
    MODEL,
    KEEP_ALIVE,
    TRUNCATE,
    OPTIONS,
    null("messages", list(&MESSAGE)),
    null("stream", Bool),
    null("format", Any),
    null("tools", list(&TOOL)),
    null("think", Either(&[Bool, Text])),
    null("shift", Bool),
    null("logprobs", Bool),
    null("top_logprobs", Shape::Integer(0, 20)),
]);
const EMBED: Shape = Object(&[
    MODEL,
    KEEP_ALIVE,
    TRUNCATE,
    OPTIONS,
    null("dimensions", COUNT),
    null("input", Any),
]);
const SHOW: Shape = Object(&[
    MODEL,
    OPTIONS,
    may("name", Text),
    may("verbose", Bool),
    may("system", Text),
]);
const KNOWN_OPTIONS: [&str; 19] = [
    "num_keep",
    "seed",
    "num_predict",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "repeat_last_n",
    "temperature",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "stop",
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "use_mmap",
    "num_thread",
];

/// In the words of Go's decoder; what it does not know is noted.
fn say(flaw: &Flaw, of: &str, remarks: &mut Vec<String>) -> Result<(), Broken> {
    let at = flaw.at(".", "");
    match &flaw.what {
        What::Unknown => {
            remarks.push(format!("Ollama knows no field {at} and passes over it"));
            Ok(())
        }
        What::Type(expected) => {
            let given = match &flaw.given {
                Value::String(_) => "string",
                Value::Number(_) => "number",
                Value::Bool(_) => "bool",
                Value::Array(_) => "array",
                _ => "object",
            };
            let wanted = match *expected {
                "a string" => "string",
                "a boolean" => "bool",
                "an integer" => "int",
                "an array" => "[]",
                _ => "map[string]interface {}",
            };
            Err(Broken::new(format!(
                "json: cannot unmarshal {given} into Go struct field {of}.{at} of type {wanted}"
            )))
        }
        _ => Err(Broken::new(format!("{at} is out of range"))),
    }
}

/// The rules of all that is posted.
pub fn request(call: &mut Call<'_>) -> Result<(), Broken> {
    let (body, remarks) = (&call.asked.body, &mut call.remarks);
    let (shape, of) = match call.asked.operation {
        Operation::Generate => (CHAT, "ChatRequest"),
        Operation::Embed => (EMBED, "EmbedRequest"),
        Operation::Model => (SHOW, "ShowRequest"),
        _ => return Ok(()),
    };
    if call.received.body.is_empty() {
        return Err(Broken::new("missing request body"));
    }
    if !body.is_object() {
        return Err(Broken::new(
            "invalid character looking for beginning of value",
        ));
    }
    shape.check(body).or_else(|flaw| say(&flaw, of, remarks))?;
    if text(body, "model").is_empty() {
        return Err(Broken::new("model is required"));
    }
    options(body, remarks)?;
    match call.asked.operation {
        Operation::Generate => chat(body, remarks),
        Operation::Embed => embed(body),
        _ => Ok(()),
    }
}

fn options(body: &Value, remarks: &mut Vec<String>) -> Result<(), Broken> {
    let Some(options) = body.get("options").and_then(Value::as_object) else {
        return Ok(());
    };
    for (name, value) in options {
        let whole =
            name.starts_with("num_") || matches!(name.as_str(), "seed" | "top_k" | "repeat_last_n");
        let fits = match name.as_str() {
            "stop" => value
                .as_array()
                .is_some_and(|all| all.iter().all(Value::is_string)),
            "use_mmap" => value.is_boolean(),
            _ if whole => value.is_i64() || value.as_f64().is_some_and(|x| x.fract() == 0.0),
            _ => value.is_number(),
        };
        if !KNOWN_OPTIONS.contains(&name.as_str()) {
            remarks.push(format!("Ollama knows no option {name} and passes over it"));
        } else if !fits {
            let kind = if whole {
                "integer"
            } else if name == "stop" {
                "array"
            } else {
                "float32"
            };
            return Err(Broken::new(format!(
                "option \"{name}\" must be of type {kind}"
            )));
        }
    }
    Ok(())
}

fn embed(body: &Value) -> Result<(), Broken> {
    let fits = match body.get("input") {
        None | Some(Value::Null | Value::String(_)) => true,
        Some(Value::Array(all)) => all.iter().all(Value::is_string),
        Some(_) => false,
    };
    if fits {
        Ok(())
    } else {
        Err(Broken::new("invalid input type"))
    }
}

/// Standard base64 with its padding, as Go's decoder wants it.
fn is_padded_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn chat(body: &Value, remarks: &mut Vec<String>) -> Result<(), Broken> {
    let think = body.get("think").and_then(Value::as_str);
    if let Some(odd) = think.filter(|word| !matches!(*word, "high" | "medium" | "low" | "max")) {
        return Err(Broken::new(format!(
            "invalid think value: \"{odd}\" (must be \"high\", \"medium\", \"low\", \"max\", true, or false)"
        )));
    }
    match body.get("format") {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(Value::String(word)) if word.is_empty() || word == "json" => {}
        Some(odd) => {
            return Err(Broken::new(format!(
                "invalid format: {odd}; expected \"json\" or a valid JSON Schema object"
            ))
            .status(500));
        }
    }
    let mut called: Vec<&str> = Vec::new();
    for (index, message) in items(body, "messages").iter().enumerate() {
        let role = text(message, "role");
        if !matches!(role, "system" | "user" | "assistant" | "tool") {
            remarks.push(format!("messages.{index}: models know no role \"{role}\""));
        }
        let images = items(message, "images").iter().filter_map(Value::as_str);
        if images.clone().any(|data| !is_padded_base64(data)) {
            return Err(Broken::new("illegal base64 data at input byte 0"));
        }
        for call in items(message, "tool_calls") {
            called.push(
                call.pointer("/function/name")
                    .and_then(Value::as_str)
                    .unwrap_or_default(),
            );
        }
        if role == "tool" {
            let name = text(message, "tool_name");
            match called.iter().position(|other| *other == name) {
                Some(place) => {
                    called.remove(place);
                }
                None => remarks.push(format!(
                    "messages.{index}: a result of the tool \"{name}\", which was not called"
                )),
            }
        } else if role == "user" && !called.is_empty() {
            remarks.push(format!(
                "messages.{index}: calls without a result: {}",
                called.join(", ")
            ));
            called.clear();
        }
    }
    Ok(())
}
