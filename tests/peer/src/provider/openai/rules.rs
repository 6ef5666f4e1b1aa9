//! What OpenAI's APIs have in common in what they ask.

use serde_json::Value;

use super::super::{Broken, schema};
use crate::shape::{
    COUNT, Flaw, Shape, What, is_base64, is_name, items, kind, list, may, must, text,
};

use Shape::{Either, Integer, List, Object, Sized, Text, Word};

/// In OpenAI's words.
pub fn say(flaw: &Flaw) -> Broken {
    let at = flaw.at("[", "]");
    let given = &flaw.given;
    let number = if given.is_f64() { "decimal" } else { "integer" };
    let (code, message) = match &flaw.what {
        What::Missing => (
            "missing_required_parameter",
            format!("Missing required parameter: '{at}'."),
        ),
        What::Unknown => ("unknown_parameter", format!("Unknown parameter: '{at}'.")),
        What::Type(expected) => (
            "invalid_type",
            format!(
                "Invalid type for '{at}': expected {expected}, but got {} instead.",
                kind(given)
            ),
        ),
        What::Word(words) => {
            let given = given.as_str().unwrap_or_default();
            let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            let words = match words.as_slice() {
                [rest @ .., last] if !rest.is_empty() => format!("{}, and {last}", rest.join(", ")),
                all => all.concat(),
            };
            (
                "invalid_value",
                format!("Invalid value: '{given}'. Supported values are: {words}."),
            )
        }
        What::Low(least) => (
            if number == "decimal" {
                "decimal_below_min_value"
            } else {
                "integer_below_min_value"
            },
            format!(
                "Invalid '{at}': {number} below minimum value. Expected a value >= {least}, but got {given} instead."
            ),
        ),
        What::High(most) => (
            if number == "decimal" {
                "decimal_above_max_value"
            } else {
                "integer_above_max_value"
            },
            format!(
                "Invalid '{at}': {number} above maximum value. Expected a value <= {most}, but got {given} instead."
            ),
        ),
        What::Short(least) if given.is_array() => (
            "empty_array",
            format!(
                "Invalid '{at}': empty array. Expected an array with minimum length {least}, but got an empty array instead."
            ),
        ),
        What::Short(least) => (
            "empty_string",
            format!(
                "Invalid '{at}': empty string. Expected a string with minimum length {least}, but got an empty string instead."
            ),
        ),
        What::Long(most, length) if given.is_array() => (
            "array_above_max_length",
            format!(
                "Invalid '{at}': array too long. Expected an array with maximum length {most}, but got an array with length {length} instead."
            ),
        ),
        What::Long(most, length) => (
            "string_above_max_length",
            format!(
                "Invalid '{at}': string too long. Expected a string with maximum length {most}, but got a string with length {length} instead."
            ),
        ),
    };
    Broken::new(message).code(code).param(at)
}

/// Whether a model reasons: it takes other settings than one that does not.
pub fn reasons(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let chat = name.contains("-chat");
    !chat
        && ["o1", "o3", "o4", "gpt-5", "gpt-6", "codex"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// Whether a model reasons for a request with this effort. From GPT-5.1 on it does not unless it is
/// told to; then the old settings are taken.
pub fn thinks(model: &str, effort: Option<&str>) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let asked = name.starts_with("gpt-5.") && !name.contains("pro") && !name.contains("codex");
    reasons(model) && effort.map_or(!asked, |effort| effort != "none")
}

/// The name of a tool.
pub fn name(at: &str, name: &str) -> Result<(), Broken> {
    if is_name(name, 64) {
        return Ok(());
    }
    Err(Broken::new(format!("Invalid '{at}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."))
        .code("invalid_value")
        .param(at))
}

/// The schema of a tool.
pub fn parameters(at: &str, name: &str, schema: &Value, strict: bool) -> Result<(), Broken> {
    let said = |message: String| {
        Broken::new(format!("Invalid schema for function '{name}': {message}"))
            .code("invalid_function_parameters")
            .param(at)
    };
    if text(schema, "type") != "object" {
        let given = text(schema, "type");
        let given = if given.is_empty() { "None" } else { given };
        return Err(said(format!(
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{given}\"'."
        )));
    }
    schema::sound(schema).map_err(said)?;
    if strict {
        schema::strict(schema).map_err(said)
    } else {
        Ok(())
    }
}

/// The schema of the answer.
pub fn format(at: &str, name: &str, schema: &Value, strict: bool) -> Result<(), Broken> {
    let said = |message: String| {
        Broken::new(format!(
            "Invalid schema for response_format '{name}': {message}"
        ))
        .code("invalid_json_schema")
        .param(at)
    };
    if !is_name(name, 64) {
        return Err(Broken::new(format!("Invalid '{at}.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.")).code("invalid_value").param(at));
    }
    schema::sound(schema).map_err(said)?;
    if strict {
        schema::strict(schema).map_err(said)
    } else {
        Ok(())
    }
}

/// A `data:` URL in base64, or an address.
pub fn url(at: &str, url: &str) -> Result<(), Broken> {
    let good = match url.strip_prefix("data:") {
        Some(rest) => rest
            .split_once(";base64,")
            .is_some_and(|(kind, data)| kind.contains('/') && is_base64(data)),
        None => url.starts_with("https://") || url.starts_with("http://"),
    };
    if good {
        return Ok(());
    }
    Err(Broken::new(format!("Invalid '{at}'. Expected a base64-encoded data URL with an image MIME type or a valid URL, but got a value that is neither."))
        .code("invalid_value")
        .param(at))
}

/// At most 16 pairs of short texts.
pub fn metadata(body: &Value) -> Result<(), Broken> {
    let Some(map) = body.get("metadata").and_then(Value::as_object) else {
        return Ok(());
    };
    let long = map.iter().any(|(key, value)| {
        key.len() > 64 || value.as_str().is_none_or(|text| text.chars().count() > 512)
    });
    if map.len() > 16 || long {
        return Err(Broken::new("Invalid 'metadata': at most 16 pairs, keys of at most 64 characters, values that are strings of at most 512.")
            .code("invalid_value")
            .param("metadata"));
    }
    Ok(())
}

const EMBEDDINGS: Shape = Object(&[
    must("model", Sized(1, 256)),
    must(
        "input",
        Either(&[
            Sized(1, usize::MAX),
            List(
                &Either(&[Sized(1, usize::MAX), COUNT, list(&COUNT)]),
                1,
                2_048,
            ),
        ]),
    ),
    may("dimensions", Integer(1, 65_536)),
    may("encoding_format", Word(&["float", "base64"])),
    may("user", Text),
]);

/// The rules of `POST /v1/embeddings`.
pub fn embeddings(body: &Value) -> Result<(), Broken> {
    EMBEDDINGS.check(body).map_err(|flaw| say(&flaw))?;
    if body.get("dimensions").is_some() && text(body, "model").ends_with("ada-002") {
        return Err(
            Broken::new("This model does not support specifying dimensions.").param("dimensions"),
        );
    }
    Ok(())
}

/// The names of the tools of a request.
pub fn tool_names<'a>(body: &'a Value, inside: &str) -> Vec<&'a str> {
    items(body, "tools")
        .iter()
        .map(|tool| {
            if inside.is_empty() {
                tool
            } else {
                tool.get(inside).unwrap_or(tool)
            }
        })
        .map(|tool| text(tool, "name"))
        .collect()
}

/// What asks for tools where there are none.
pub fn without_tools(body: &Value) -> Result<(), Broken> {
    if !items(body, "tools").is_empty() {
        return Ok(());
    }
    let asked = ["tool_choice", "parallel_tool_calls"]
        .into_iter()
        .find(|name| body.get(name).is_some());
    match asked {
        Some(name) => Err(Broken::new(format!(
            "Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified."
        ))
        .param(name)),
        None => Ok(()),
    }
}

/// Little-endian floats in base64, as `encoding_format: base64` asks for them.
pub fn base64(vector: &[f32]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 4);
    for group in bytes.chunks(3) {
        let mut bits = group
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        bits <<= 8 * (3 - group.len());
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place) & 63) as usize;
            match DIGITS.get(digit) {
                Some(digit) if place <= group.len() => text.push(char::from(*digit)),
                _ => text.push('='),
            }
        }
    }
    text
}
