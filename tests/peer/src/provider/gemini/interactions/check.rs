//! What Interactions ask of a request.

use serde_json::Value;

use super::super::{
    super::{Broken, Call, schema},
    check::{ignored, is_name},
    newest,
};
use super::tables::{CONTENT, CREATE, FORMAT, STEP};
use crate::shape::{At, Flaw, What, is_base64, items, text};

/// A flaw in the service's tone.
fn say(flaw: &Flaw) -> Broken {
    let at = flaw.at("[", "]");
    let given = &flaw.given;
    let message = match &flaw.what {
        What::Missing => format!("The required parameter '{at}' is missing."),
        What::Unknown => format!("Unknown parameter '{at}'."),
        What::Type(expected) => format!("The value of '{at}' must be {expected}, not {given}."),
        What::Word(words) => format!(
            "Invalid value {given} at '{at}'. Supported values: {}.",
            words.join(", ")
        ),
        What::Low(least) => format!("'{at}' is {given}, but must be at least {least}."),
        What::High(most) => format!("'{at}' is {given}, but must be at most {most}."),
        What::Short(_) => format!("'{at}' must not be empty."),
        What::Long(most, length) => format!("'{at}' holds {length}, but at most {most} are taken."),
    };
    Broken::new(message).param(at)
}

/// The same for what is inside of this field.
fn inside(outer: &str, mut flaw: Flaw) -> Broken {
    flaw.path.insert(0, At::Key(outer.to_owned()));
    say(&flaw)
}

/// The rules of an interaction that is created.
pub fn request(call: &mut Call<'_>) -> Result<(), Broken> {
    let (asked, body) = (call.asked, &call.asked.body);
    if !body.is_object() {
        return Err(Broken::new("Request body is not a valid JSON object."));
    }
    CREATE.check(body).map_err(|flaw| say(&flaw))?;
    // Nothing is stored here, so that there is nothing to go on from.
    if let Some(lost) = body.get("previous_interaction_id") {
        return Err(Broken::new(format!("Interaction {lost} was not found."))
            .status(404)
            .code("not_found"));
    }
    tools(body)?;
    format(body)?;
    let config = body.get("generation_config").unwrap_or(&Value::Null);
    let level = config.get("thinking_level");
    if level.is_some() && asked.model.contains("gemini-2.0") {
        return Err(Broken::new(
            "Thinking level is not supported for this model.",
        ));
    }
    let sampling = ["temperature", "top_p", "top_k"];
    call.remarks
        .extend(ignored(config, &sampling, &asked.model));
    let steps = input(body.get("input").unwrap_or(&Value::Null))?;
    let lost = conversation(steps, &asked.model)?;
    call.remarks.extend(lost);
    Ok(())
}

/// The steps of an input; none where it is a text, or a list of contents.
fn input(input: &Value) -> Result<&[Value], Broken> {
    let kind = |item: &Value| text(item, "type").to_owned();
    let is_content = |item: &Value| {
        matches!(
            kind(item).as_str(),
            "text" | "image" | "audio" | "video" | "document"
        )
    };
    match input {
        Value::String(words) if !words.is_empty() => Ok(&[]),
        Value::Array(all) if all.first().is_some_and(is_content) => {
            contents("input", all)?;
            Ok(&[])
        }
        Value::Array(all) if !all.is_empty() => {
            let steps = crate::shape::list(&STEP);
            steps.check(input).map_err(|flaw| inside("input", flaw))?;
            Ok(all)
        }
        Value::Object(_) => {
            CONTENT.check(input).map_err(|flaw| inside("input", flaw))?;
            Ok(&[])
        }
        Value::String(_) | Value::Array(_) => Err(Broken::new("'input' must not be empty.")),
        other => Err(Broken::new(format!(
            "The value of 'input' must be a string, a content, or a list, not {other}."
        ))),
    }
}

/// Contents have what their kind needs, in base64.
fn contents(at: &str, all: &[Value]) -> Result<(), Broken> {
    for (index, content) in all.iter().enumerate() {
        let at = format!("{at}[{index}]");
        CONTENT.check(content).map_err(|flaw| inside(&at, flaw))?;
        if text(content, "type") == "text" {
            continue;
        }
        match (
            content.get("data").and_then(Value::as_str),
            content.get("uri"),
        ) {
            (Some(data), None) if is_base64(data) && content.get("mime_type").is_some() => {}
            (Some(data), None) if is_base64(data) => {
                return Err(Broken::new(format!("'{at}' has data but no mime_type.")));
            }
            (Some(_), None) => {
                return Err(Broken::new(format!(
                    "The data of '{at}' is not valid base64."
                )));
            }
            (None, Some(_)) => {}
            _ => {
                return Err(Broken::new(format!(
                    "'{at}' must have either data or a uri."
                )));
            }
        }
    }
    Ok(())
}

fn tools(body: &Value) -> Result<(), Broken> {
    let mut names = Vec::new();
    for (index, tool) in items(body, "tools").iter().enumerate() {
        if text(tool, "type") != "function" {
            continue;
        }
        let name = text(tool, "name");
        if !is_name(name) {
            return Err(Broken::new(format!(
                "Invalid function name at 'tools[{index}].name'. It must start with a letter or an underscore, and have letters, digits, underscores, dots, colons and dashes, 128 at most."
            )));
        }
        if names.contains(&name) {
            return Err(Broken::new(format!(
                "Duplicate function declaration found: {name}"
            )));
        }
        names.push(name);
        if let Some(schema) = tool.get("parameters") {
            schema::sound(schema).map_err(|message| {
                Broken::new(format!(
                    "Invalid schema at 'tools[{index}].parameters': {message}"
                ))
            })?;
        }
    }
    let choice = body.pointer("/generation_config/tool_choice");
    let allowed = choice.and_then(|choice| choice.get("allowed_tools"));
    let mode = match choice {
        Some(Value::String(word)) => word,
        _ => allowed.map_or("", |allowed| text(allowed, "mode")),
    };
    if mode == "any" && names.is_empty() {
        return Err(Broken::new(
            "The tool choice is any, but no function is declared.",
        ));
    }
    let named = allowed.map_or(&[][..], |allowed| items(allowed, "tools"));
    match named
        .iter()
        .filter_map(Value::as_str)
        .find(|name| !names.contains(name))
    {
        Some(name) => Err(Broken::new(format!(
            "The allowed tool {name} is not among the declared functions."
        ))),
        None => Ok(()),
    }
}

/// A format that is text has a schema only with JSON.
fn format(body: &Value) -> Result<(), Broken> {
    let formats = match body.get("response_format") {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    for format in formats.iter().filter(|one| text(one, "type") == "text") {
        FORMAT
            .check(format)
            .map_err(|flaw| inside("response_format", flaw))?;
        let Some(schema) = format.get("schema") else {
            continue;
        };
        if text(format, "mime_type") != "application/json" {
            return Err(Broken::new(
                "A schema in 'response_format' needs the mime_type application/json.",
            ));
        }
        schema::sound(schema).map_err(|message| {
            Broken::new(format!("Invalid schema in 'response_format': {message}"))
        })?;
    }
    Ok(())
}

/// Calls are answered right after them, under their ids, and the last word is not the model's.
/// Returns what the service takes in silence.
fn conversation(steps: &[Value], model: &str) -> Result<Vec<String>, Broken> {
    let (mut known, mut open) = (Vec::new(), Vec::<(&str, &str)>::new());
    let (mut remarks, mut is_signed, mut answers) = (Vec::new(), false, false);
    for (index, step) in steps.iter().enumerate() {
        let at = format!("input[{index}]");
        let kind = text(step, "type");
        contents(&format!("{at}.content"), items(step, "content"))?;
        let signature = step.get("signature").and_then(Value::as_str);
        if signature.is_some_and(|bytes| !bytes.is_empty() && !is_base64(bytes)) {
            return Err(Broken::new(format!(
                "The signature of '{at}' is not valid base64."
            )));
        }
        if !open.is_empty() && !matches!(kind, "function_result" | "function_call") {
            return Err(unanswered(&open));
        }
        match kind {
            "function_call" => {
                let (id, name) = (text(step, "id"), text(step, "name"));
                if answers && !open.is_empty() {
                    return Err(unanswered(&open));
                }
                if id.is_empty() || known.contains(&id) {
                    return Err(Broken::new(format!(
                        "The id {id:?} of '{at}' is empty, or another call has it."
                    )));
                }
                is_signed |= signature.is_some_and(|bytes| !bytes.is_empty());
                if !is_signed && model.contains("gemini-3") {
                    remarks.push(format!(
                        "the call {id} of {name} comes without the signed thought that led to it"
                    ));
                }
                known.push(id);
                open.push((id, name));
                answers = false;
            }
            "function_result" => {
                let id = text(step, "call_id");
                let Some(place) = open.iter().position(|(call, _)| *call == id) else {
                    return Err(Broken::new(format!(
                        "No function_call with the id {id} is waiting for the function_result at '{at}'."
                    )));
                };
                let (_, name) = open.remove(place);
                if step.get("name").is_some_and(|given| given != name) {
                    return Err(Broken::new(format!(
                        "The function_result at '{at}' is of another function than the call {id} of {name}."
                    )));
                }
                answers = true;
                is_signed = false;
            }
            "thought" => is_signed |= signature.is_some_and(|bytes| !bytes.is_empty()),
            "user_input" => is_signed = false,
            _ => {}
        }
    }
    if !open.is_empty() {
        return Err(unanswered(&open));
    }
    let last = steps.last().map(|step| text(step, "type"));
    if newest(model) && matches!(last, Some("model_output" | "thought")) {
        return Err(Broken::new(
            "Requests ending with a model turn are not supported.",
        ));
    }
    Ok(remarks)
}

fn unanswered(open: &[(&str, &str)]) -> Broken {
    let calls: Vec<String> = open
        .iter()
        .map(|(id, name)| format!("{id} of {name}"))
        .collect();
    Broken::new(format!(
        "Each function_call needs its function_result right after it; there is none for {}.",
        calls.join(", ")
    ))
}
