//! What Gemini asks of a request.

use serde_json::Value;

use super::{
    super::{Broken, Call, Operation, schema},
    newest,
    tables::{BATCH, GENERATE, ONE, SCHEMA},
};
use crate::shape::{At, Flaw, Shape::Object, What, is_base64, items, path, text};

/// In the words of Google's JSON transcoder, and of the service where it is the service that asks.
fn say(flaw: &Flaw) -> Broken {
    let at = flaw.at("[", "]");
    let outer = path(
        flaw.path
            .get(..flaw.path.len().saturating_sub(1))
            .unwrap_or_default(),
        "[",
        "]",
    );
    let name = match flaw.path.last() {
        Some(At::Key(name)) => name.as_str(),
        _ => at.as_str(),
    };
    let given = &flaw.given;
    let message = match &flaw.what {
        What::Unknown if outer.is_empty() => {
            format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.")
        }
        What::Unknown => format!(
            "Invalid JSON payload received. Unknown name \"{name}\" at '{outer}': Cannot find field."
        ),
        What::Type(_) if given.is_array() => format!(
            "Invalid JSON payload received. Unknown name \"{name}\" at '{outer}': Proto field is not repeating, cannot start list."
        ),
        What::Type(expected) => {
            let kind = match *expected {
                "a string" => "TYPE_STRING",
                "a boolean" => "TYPE_BOOL",
                "an integer" => "TYPE_INT32",
                "a decimal number" => "TYPE_FLOAT",
                _ => "TYPE_MESSAGE",
            };
            format!("Invalid value at '{at}' ({kind}), {given}")
        }
        What::Word(_) => format!("Invalid value at '{at}' (TYPE_ENUM), {given}"),
        What::Missing if name == "contents" => {
            "* GenerateContentRequest.contents: contents is not specified\n".to_owned()
        }
        What::Missing => format!("* {at}: required field is not specified\n"),
        What::Low(least) => format!(
            "Unable to submit request because {at} is {given}, but must be at least {least}. Update the value and try again."
        ),
        What::High(most) => format!(
            "Unable to submit request because {at} is {given}, but must be at most {most}. Update the value and try again."
        ),
        What::Short(_) => format!("* {at}: must not be empty\n"),
        What::Long(most, length) => {
            format!("* {at}: at most {most} can be in one batch, not {length}\n")
        }
    };
    Broken::new(message).param(at)
}

/// The rules of all that is posted.
pub fn request(call: &mut Call<'_>) -> Result<(), Broken> {
    let (asked, body) = (call.asked, &call.asked.body);
    if !matches!(asked.operation, Operation::Generate | Operation::Embed) {
        return Ok(());
    }
    if !body.is_object() {
        return Err(Broken::new(
            "Invalid JSON payload received. Unexpected token.",
        ));
    }
    if call.received.body.len() > 20 << 20 {
        return Err(Broken::new(
            "Request payload size exceeds the limit: 20971520 bytes.",
        ));
    }
    if asked.operation == Operation::Embed {
        return embed(
            body,
            &asked.model,
            asked.path.ends_with(":batchEmbedContents"),
        );
    }
    GENERATE.check(body).map_err(|flaw| say(&flaw))?;
    if body
        .get("model")
        .is_some_and(|model| model != &format!("models/{}", asked.model))
    {
        return Err(Broken::new(
            "* GenerateContentRequest.model: unexpected model name format\n",
        ));
    }
    tools(body)?;
    config(body, &asked.model)?;
    let sampling = ["temperature", "topP", "topK"];
    let config = body.get("generationConfig").unwrap_or(&Value::Null);
    call.remarks
        .extend(ignored(config, &sampling, &asked.model));
    if items(
        body.get("systemInstruction").unwrap_or(&Value::Null),
        "parts",
    )
    .iter()
    .any(|part| part.get("text").is_none())
    {
        return Err(Broken::new("Please use text only for system instruction."));
    }
    conversation(items(body, "contents"), &asked.model)
}

fn embed(body: &Value, model: &str, batch: bool) -> Result<(), Broken> {
    let shape = if batch { BATCH } else { ONE };
    shape.check(body).map_err(|flaw| say(&flaw))?;
    for (index, request) in items(body, "requests").iter().enumerate() {
        let named = text(request, "model");
        if named != format!("models/{model}") {
            return Err(Broken::new(format!(
                "* BatchEmbedContentsRequest.requests[{index}].model: model must be 'models/{model}' as in the path\n"
            )));
        }
    }
    let contents = items(body, "requests")
        .iter()
        .chain([body])
        .filter_map(|request| request.get("content"));
    for content in contents {
        let words: String = items(content, "parts")
            .iter()
            .map(|part| text(part, "text"))
            .collect();
        if words.is_empty() {
            return Err(Broken::new(
                "* EmbedContentRequest.content: contains an empty Part.\n",
            ));
        }
    }
    Ok(())
}

/// Every schema of OpenAPI within one.
fn openapi(at: &str, schema: &Value) -> Result<(), Broken> {
    Object(SCHEMA).check(schema).map_err(|mut flaw| {
        flaw.path.insert(0, At::Key(at.to_owned()));
        say(&flaw)
    })?;
    let inner = schema.get("properties").and_then(Value::as_object);
    for (name, inner) in inner.into_iter().flatten() {
        openapi(&format!("{at}.properties[{name}]"), inner)?;
    }
    if let Some(inner) = schema.get("items") {
        openapi(&format!("{at}.items"), inner)?;
    }
    for (index, inner) in items(schema, "anyOf").iter().enumerate() {
        openapi(&format!("{at}.any_of[{index}]"), inner)?;
    }
    let known = |name: &Value| {
        name.as_str().is_some_and(|name| {
            schema
                .get("properties")
                .is_some_and(|all| all.get(name).is_some())
        })
    };
    if let Some(lost) = items(schema, "required").iter().find(|name| !known(name)) {
        return Err(Broken::new(format!(
            "* GenerateContentRequest.{at}.required: property is not defined: {lost}\n"
        )));
    }
    let is = |kind: &str| text(schema, "type").eq_ignore_ascii_case(kind);
    if is("array") && schema.get("items").is_none() {
        return Err(Broken::new(format!(
            "* GenerateContentRequest.{at}.items: missing field.\n"
        )));
    }
    Ok(())
}

/// What the newest models pass over, and those after them will refuse.
pub fn ignored(config: &Value, names: &[&str], model: &str) -> Vec<String> {
    let given = names.iter().filter(|name| config.get(**name).is_some());
    given
        .filter(|_| newest(model))
        .map(|name| format!("{name} is deprecated, and does nothing with {model}"))
        .collect()
}

/// A name begins with a letter or `_`, and goes on with letters, digits, `_`, `.`, `:` and `-`.
pub fn is_name(name: &str) -> bool {
    let first = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-');
    first && name.len() <= 128 && name.bytes().all(rest)
}

fn tools(body: &Value) -> Result<(), Broken> {
    let mut names = Vec::new();
    for (outer, tool) in items(body, "tools").iter().enumerate() {
        for (index, function) in items(tool, "functionDeclarations").iter().enumerate() {
            let at = format!("tools[{outer}].function_declarations[{index}]");
            let name = text(function, "name");
            if !is_name(name) {
                return Err(Broken::new(format!(
                    "* GenerateContentRequest.{at}.name: [FIELD_INVALID]: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.\n"
                )));
            }
            if names.contains(&name) {
                return Err(Broken::new(format!(
                    "Duplicate function declaration found: {name}"
                )));
            }
            names.push(name);
            match (
                function.get("parameters"),
                function.get("parametersJsonSchema"),
            ) {
                (Some(_), Some(_)) => {
                    return Err(Broken::new(format!(
                        "* GenerateContentRequest.{at}: parameters and parameters_json_schema are mutually exclusive\n"
                    )));
                }
                (Some(schema), None) => openapi(&format!("{at}.parameters"), schema)?,
                (None, Some(schema)) => schema::sound(schema).map_err(|message| {
                    Broken::new(format!(
                        "* GenerateContentRequest.{at}.parameters_json_schema: {message}\n"
                    ))
                })?,
                (None, None) => {}
            }
        }
    }
    let config = body
        .pointer("/toolConfig/functionCallingConfig")
        .unwrap_or(&Value::Null);
    let allowed = items(config, "allowedFunctionNames");
    if !allowed.is_empty() && !matches!(text(config, "mode"), "ANY" | "VALIDATED") {
        return Err(Broken::new(
            "Function calling config is set with allowed_function_names but the function calling mode is not ANY.",
        ));
    }
    if text(config, "mode") == "ANY" && names.is_empty() {
        return Err(Broken::new(
            "Function calling mode ANY is set, but no function declarations are provided.",
        ));
    }
    match allowed
        .iter()
        .filter_map(Value::as_str)
        .find(|name| !names.contains(name))
    {
        Some(name) => Err(Broken::new(format!(
            "Allowed function name {name} is not among the function declarations."
        ))),
        None => Ok(()),
    }
}

fn config(body: &Value, model: &str) -> Result<(), Broken> {
    let Some(config) = body.get("generationConfig") else {
        return Ok(());
    };
    let json = matches!(
        text(config, "responseMimeType"),
        "application/json" | "text/x.enum"
    );
    let schemas = [
        "responseSchema",
        "responseJsonSchema",
        "_responseJsonSchema",
    ]
    .map(|name| config.get(name));
    if schemas.iter().flatten().count() > 1 {
        return Err(Broken::new(
            "* GenerateContentRequest.generation_config: response_schema and response_json_schema are mutually exclusive\n",
        ));
    }
    if schemas.iter().flatten().next().is_some() && !json {
        return Err(Broken::new(
            "Unable to submit request because response_schema or response_json_schema is set, but response_mime_type is not application/json.",
        ));
    }
    if let [Some(schema), ..] = schemas {
        openapi("generation_config.response_schema", schema)?;
    }
    let thinking = config.get("thinkingConfig").unwrap_or(&Value::Null);
    let (budget, level) = (
        thinking.get("thinkingBudget"),
        thinking.get("thinkingLevel"),
    );
    if budget.is_some() && level.is_some() {
        return Err(Broken::new(
            "You can only set only one of thinking budget and thinking level.",
        ));
    }
    if level.is_some() && model.starts_with("gemini-2") {
        return Err(Broken::new(
            "Thinking level is not supported for this model.",
        ));
    }
    if model.starts_with("gemini-2.5-pro") && budget == Some(&Value::from(0)) {
        return Err(Broken::new(
            "Budget 0 is invalid. This model only works in thinking mode.",
        ));
    }
    if model.starts_with("gemini-2.0") && !thinking.is_null() {
        return Err(Broken::new(
            "Unable to submit request because thinking is not supported by this model.",
        ));
    }
    Ok(())
}

/// Roles, parts with one thing each, and calls that are answered in the turn right after them.
fn conversation(contents: &[Value], model: &str) -> Result<(), Broken> {
    let count = |content: Option<&Value>, name: &str| {
        let parts = content.map_or(&[][..], |content| items(content, "parts"));
        parts.iter().filter(|part| part.get(name).is_some()).count()
    };
    for (index, content) in contents.iter().enumerate() {
        let role = text(content, "role");
        if !matches!(role, "" | "user" | "model" | "function") {
            return Err(Broken::new("Please use a valid role: user, model."));
        }
        if items(content, "parts").is_empty() {
            return Err(Broken::new(format!(
                "* GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty.\n"
            )));
        }
        for (place, part) in items(content, "parts").iter().enumerate() {
            one(index, place, part)?;
        }
        let before = index.checked_sub(1).and_then(|before| contents.get(before));
        let (calls, results) = (
            count(before, "functionCall"),
            count(Some(content), "functionResponse"),
        );
        if results > 0 && calls == 0 {
            return Err(Broken::new(
                "Please ensure that function response turn comes immediately after a function call turn.",
            ));
        }
        if calls != results {
            return Err(Broken::new(
                "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
            ));
        }
        if count(Some(content), "functionCall") > 0 {
            if role != "model" || before.is_none_or(|before| text(before, "role") == "model") {
                return Err(Broken::new(
                    "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
                ));
            }
            signed(index, content, model)?;
        }
        if let (Some(before), true) = (before, results > 0) {
            names(before, content)?;
        }
    }
    if newest(model)
        && contents
            .last()
            .is_some_and(|last| text(last, "role") == "model")
    {
        return Err(Broken::new(
            "Requests ending with a model turn are not supported.",
        ));
    }
    if count(contents.last(), "functionCall") > 0 {
        return Err(Broken::new(
            "Please ensure that single turn requests end with a user role or a function response",
        ));
    }
    Ok(())
}

/// A part is of one kind, and its bytes are base64.
fn one(index: usize, place: usize, part: &Value) -> Result<(), Broken> {
    let at = format!("contents[{index}].parts[{place}]");
    let kinds = [
        "text",
        "inlineData",
        "fileData",
        "functionCall",
        "functionResponse",
        "executableCode",
        "codeExecutionResult",
    ];
    let given = kinds
        .iter()
        .filter(|kind| part.get(**kind).is_some())
        .count();
    if given == 0 {
        return Err(Broken::new(format!(
            "* GenerateContentRequest.{at}.data: required oneof field 'data' must have one initialized field\n"
        )));
    }
    if given > 1 {
        return Err(Broken::new(format!("Invalid value at '{at}' (oneof), oneof field 'data' is already set. Cannot set more than one.")).param(at));
    }
    let bytes = [
        part.pointer("/inlineData/data"),
        part.get("thoughtSignature"),
    ];
    if bytes
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|data| !is_base64(data))
    {
        return Err(Broken::new(format!(
            "Invalid value at '{at}' (TYPE_BYTES), Base64 decoding failed"
        ))
        .param(at));
    }
    Ok(())
}

/// Gemini 3 wants the signature of the first call of a turn back.
fn signed(index: usize, content: &Value, model: &str) -> Result<(), Broken> {
    let first = items(content, "parts")
        .iter()
        .find(|part| part.get("functionCall").is_some());
    let unsigned = first.is_some_and(|part| part.get("thoughtSignature").is_none());
    if unsigned && model.starts_with("gemini-3") {
        let name = first
            .and_then(|part| part.pointer("/functionCall/name"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        return Err(Broken::new(format!(
            "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call `default_api:{name}` , position {index}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
        )));
    }
    Ok(())
}

/// The results are of the functions that were called.
fn names(before: &Value, content: &Value) -> Result<(), Broken> {
    let of = |content: &Value, way: &str| -> Vec<String> {
        let parts = items(content, "parts").iter();
        let mut names: Vec<_> = parts
            .filter_map(|part| part.pointer(way).and_then(Value::as_str))
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    };
    let (called, answered) = (
        of(before, "/functionCall/name"),
        of(content, "/functionResponse/name"),
    );
    if called != answered {
        return Err(Broken::new(format!(
            "Please ensure that the function responses are of the functions that were called: {} were called, {} are answered.",
            called.join(", "),
            answered.join(", ")
        )));
    }
    let ids = of(content, "/functionResponse/id");
    if let Some(lost) = ids
        .iter()
        .find(|id| !of(before, "/functionCall/id").contains(id))
    {
        return Err(Broken::new(format!(
            "Function response id {lost} does not match the id of a function call of the turn before."
        )));
    }
    Ok(())
}
