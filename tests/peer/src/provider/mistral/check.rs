//! What Mistral asks of a request.

use std::collections::HashSet;

use serde_json::Value;

use super::super::{Broken, schema};
use crate::shape::{At, Flaw, Shape, What, is_name, items, list, may, must, null, text};

use Shape::{Any, Bool, Either, Integer, List, Map, Number, Object, Sized, Tagged, Text, Word};

const URL: Shape = Either(&[
    Text,
    Object(&[
        must("url", Text),
        null("detail", Word(&["low", "auto", "high"])),
    ]),
]);
const THINKING: Shape = List(
    &Tagged(
        "type",
        false,
        &[
            ("text", &[must("text", Text)]),
            ("reference", &[must("reference_ids", list(&Any))]),
        ],
    ),
    0,
    usize::MAX,
);
const PART: Shape = Tagged(
    "type",
    false,
    &[
        ("text", &[must("text", Text)]),
        ("image_url", &[must("image_url", URL)]),
        (
            "document_url",
            &[must("document_url", Text), null("document_name", Text)],
        ),
        ("input_audio", &[must("input_audio", Any)]),
        ("file", &[must("file_id", Text)]),
        ("reference", &[must("reference_ids", list(&Any))]),
        (
            "thinking",
            &[
                must("thinking", THINKING),
                null("signature", Text),
                may("closed", Bool),
            ],
        ),
    ],
);
const CONTENT: Shape = Either(&[Text, list(&PART)]);
const CALL: Shape = Object(&[
    may("id", Text),
    may("type", Word(&["function"])),
    may("index", Integer(0, i64::MAX)),
    must(
        "function",
        Object(&[must("name", Text), must("arguments", Either(&[Text, Map]))]),
    ),
]);
const MESSAGE: Shape = Tagged(
    "role",
    false,
    &[
        ("system", &[must("content", CONTENT)]),
        ("user", &[null("content", CONTENT)]),
        (
            "assistant",
            &[
                null("content", CONTENT),
                null("tool_calls", list(&CALL)),
                may("prefix", Bool),
            ],
        ),
        (
            "tool",
            &[
                null("content", CONTENT),
                null("tool_call_id", Text),
                null("name", Text),
            ],
        ),
    ],
);
const CHAT: Shape = Object(&[
    must("model", Text),
    must("messages", list(&MESSAGE)),
    null("temperature", Number(0.0, 1.5)),
    null("top_p", Number(0.0, 1.0)),
    null("max_tokens", Integer(0, i64::MAX)),
    may("stream", Bool),
    null("stop", Either(&[Text, list(&Text)])),
    null("random_seed", Integer(0, i64::MAX)),
    null("metadata", Map),
    may(
        "response_format",
        Object(&[
            may("type", Word(&["text", "json_object", "json_schema"])),
            null(
                "json_schema",
                Object(&[
                    must("name", Text),
                    must("schema", Map),
                    null("description", Text),
                    may("strict", Bool),
                ]),
            ),
        ]),
    ),
    null(
        "tools",
        list(&Object(&[
            may("type", Word(&["function"])),
            must(
                "function",
                Object(&[
                    must("name", Text),
                    must("parameters", Map),
                    may("description", Text),
                    may("strict", Bool),
                ]),
            ),
        ])),
    ),
    may(
        "tool_choice",
        Either(&[
            Word(&["auto", "none", "any", "required"]),
            Object(&[
                may("type", Word(&["function"])),
                must("function", Object(&[must("name", Text)])),
            ]),
        ]),
    ),
    null("presence_penalty", Number(-2.0, 2.0)),
    null("frequency_penalty", Number(-2.0, 2.0)),
    null("n", Integer(1, i64::MAX)),
    may("prediction", Map),
    may("parallel_tool_calls", Bool),
    null(
        "reasoning_effort",
        Word(&["none", "minimal", "low", "medium", "high", "xhigh"]),
    ),
    null("prompt_mode", Word(&["reasoning"])),
    null("guardrails", list(&Map)),
    null("prompt_cache_key", Text),
    may("safe_prompt", Bool),
]);
const EMBEDDINGS: Shape = Object(&[
    must("model", Text),
    must(
        "input",
        Either(&[
            Sized(1, usize::MAX),
            List(&Sized(1, usize::MAX), 1, usize::MAX),
        ]),
    ),
    null("metadata", Map),
    null("output_dimension", Integer(1, i64::MAX)),
    may(
        "output_dtype",
        Word(&["float", "int8", "uint8", "binary", "ubinary"]),
    ),
    may("encoding_format", Word(&["float", "base64"])),
]);

/// 422 in Pydantic's words; the path goes into `loc`, with the case of a message in it.
fn say(flaw: &Flaw) -> Broken {
    let steps = flaw.path.iter().map(|step| match step {
        At::Key(name) => name.clone(),
        At::Index(index) => index.to_string(),
        At::Case(case) => (*case).to_owned(),
    });
    let way: Vec<String> = std::iter::once("body".to_owned()).chain(steps).collect();
    let (code, message) = match &flaw.what {
        What::Missing => ("missing", "Field required".to_owned()),
        What::Unknown => (
            "extra_forbidden",
            "Extra inputs are not permitted".to_owned(),
        ),
        What::Type("a string") => ("string_type", "Input should be a valid string".to_owned()),
        What::Type("an integer") => ("int_type", "Input should be a valid integer".to_owned()),
        What::Type("a decimal number") => {
            ("float_type", "Input should be a valid number".to_owned())
        }
        What::Type("a boolean") => ("bool_type", "Input should be a valid boolean".to_owned()),
        What::Type("an array") => ("list_type", "Input should be a valid list".to_owned()),
        What::Type(_) => ("model_type", "Input should be an object".to_owned()),
        What::Word(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            (
                "literal_error",
                format!("Input should be {}", words.join(" or ")),
            )
        }
        What::Low(least) => (
            "greater_than_equal",
            format!("Input should be greater than or equal to {least}"),
        ),
        What::High(most) => (
            "less_than_equal",
            format!("Input should be less than or equal to {most}"),
        ),
        What::Short(least) => (
            "too_short",
            format!("Input should have at least {least} item"),
        ),
        What::Long(most, given) => (
            "too_long",
            format!("Input should have at most {most} items, not {given}"),
        ),
    };
    Broken::new(message)
        .status(422)
        .code(code)
        .param(way.join("."))
}

/// 400 with the service's own type and code.
fn refuse(message: String, kind: &str, code: &'static str) -> Broken {
    Broken::new(message).param(kind).code(code)
}

/// The rules of `POST /v1/embeddings`.
pub fn embeddings(body: &Value) -> Result<(), Broken> {
    EMBEDDINGS.check(body).map_err(|flaw| say(&flaw))
}

/// The rules of `POST /v1/chat/completions`.
pub fn chat(body: &Value) -> Result<(), Broken> {
    CHAT.check(body).map_err(|flaw| say(&flaw))?;
    tools(body)?;
    order(items(body, "messages"))?;
    calls(items(body, "messages"))
}

fn named(name: &str) -> Result<(), Broken> {
    if is_name(name, 64) {
        return Ok(());
    }
    Err(refuse(
        format!(
            "Function name was {name} but must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64."
        ),
        "invalid_function_call",
        "3270",
    ))
}

fn tools(body: &Value) -> Result<(), Broken> {
    let mut names = Vec::new();
    for tool in items(body, "tools") {
        let function = tool.get("function").unwrap_or(tool);
        named(text(function, "name"))?;
        names.push(text(function, "name"));
        let parameters = function.get("parameters").unwrap_or(&Value::Null);
        schema::sound(parameters).map_err(|message| {
            refuse(
                format!("Invalid tool schema: {message}"),
                "invalid_request_tool_schema",
                "3220",
            )
        })?;
    }
    let format = body.get("response_format").unwrap_or(&Value::Null);
    if text(format, "type") == "json_schema"
        && !format.get("json_schema").is_some_and(Value::is_object)
    {
        return Err(refuse(
            "response_format of type json_schema needs json_schema".into(),
            "invalid_request_error",
            "3001",
        ));
    }
    if let Some(schema) = format.pointer("/json_schema/schema") {
        schema::sound(schema).map_err(|message| {
            refuse(
                format!("Invalid json_schema: {message}"),
                "invalid_request_error",
                "3001",
            )
        })?;
    }
    let chosen = body.get("tool_choice");
    let forced =
        chosen.is_some_and(|choice| choice.is_object() || choice == "any" || choice == "required");
    if forced && names.is_empty() {
        return Err(refuse(
            "Tool choice is set but no tools are provided.".into(),
            "invalid_request_error",
            "3001",
        ));
    }
    match chosen
        .and_then(|choice| choice.pointer("/function/name"))
        .and_then(Value::as_str)
    {
        Some(name) if !names.contains(&name) => Err(refuse(
            format!("Tool choice {name} is not among the tools."),
            "invalid_request_error",
            "3001",
        )),
        _ => Ok(()),
    }
}

/// Who may speak after whom, and last; `mistral-common`'s `MistralRequestValidator`.
fn order(messages: &[Value]) -> Result<(), Broken> {
    let kind = "invalid_request_message_order";
    let wrong = |message: String| Err(refuse(message, kind, "3230"));
    let Some(last) = messages.last() else {
        return wrong("Conversation must have at least one message".into());
    };
    let mut before = "";
    for message in messages {
        let role = text(message, "role");
        let fits = match before {
            "" => matches!(role, "system" | "user"),
            "system" => matches!(role, "system" | "user" | "assistant"),
            "user" => matches!(role, "system" | "user" | "assistant"),
            "assistant" => matches!(role, "assistant" | "user" | "tool"),
            _ => matches!(role, "assistant" | "tool"),
        };
        if !fits {
            return wrong(format!("Unexpected role '{role}' after role '{before}'"));
        }
        before = role;
    }
    let prefix = last.get("prefix") == Some(&Value::Bool(true));
    if !matches!(before, "user" | "tool") && !prefix {
        return wrong(format!(
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got {before}"
        ));
    }
    Ok(())
}

/// Ids of nine letters and digits, and as many results as calls, of the same ids.
fn calls(messages: &[Value]) -> Result<(), Broken> {
    let kind = "invalid_request_message_order";
    let mut open: HashSet<&str> = HashSet::new();
    for message in messages {
        match text(message, "role") {
            "tool" => {
                let id = text(message, "tool_call_id");
                well_formed(id)?;
                if !open.remove(id) {
                    let message = if open.is_empty() {
                        "Not the same number of function calls and responses".to_owned()
                    } else {
                        format!("Unexpected tool call id {id} in tool results")
                    };
                    return Err(refuse(message, kind, "3230"));
                }
            }
            role => {
                if !open.is_empty() {
                    return Err(refuse(
                        "Not the same number of function calls and responses".into(),
                        kind,
                        "3230",
                    ));
                }
                let calls = items(message, "tool_calls");
                let silent = match message.get("content") {
                    None | Some(Value::Null) => true,
                    Some(Value::String(words)) => words.is_empty(),
                    Some(other) => other.as_array().is_some_and(Vec::is_empty),
                };
                if role == "assistant" && silent && calls.is_empty() {
                    return Err(refuse(
                        "Assistant message must have either content or tool_calls, but not none."
                            .into(),
                        "invalid_request_error",
                        "3240",
                    ));
                }
                for call in calls {
                    well_formed(text(call, "id"))?;
                    let function = call.get("function").unwrap_or(call);
                    named(text(function, "name"))?;
                    let arguments = function.get("arguments").and_then(Value::as_str);
                    if arguments.is_some_and(|text| serde_json::from_str::<Value>(text).is_err()) {
                        return Err(refuse(
                            "Expected valid JSON in function call arguments".into(),
                            "invalid_function_call",
                            "3270",
                        ));
                    }
                    open.insert(text(call, "id"));
                }
            }
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    Err(refuse(
        "Not the same number of function calls and responses".into(),
        kind,
        "3230",
    ))
}

fn well_formed(id: &str) -> Result<(), Broken> {
    if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(refuse(
        format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9."),
        "invalid_function_call",
        "3280",
    ))
}
