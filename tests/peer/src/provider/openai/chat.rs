//! What Chat Completions asks of a request.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    super::{Broken, Provider},
    rules,
};
use crate::shape::{Field, Shape, items, list, may, must, null, text};

use Shape::{
    Any, Bool, Either, Integer, List, Map, Number, Object, Sized, Tagged, Text, Values, Word,
};

const TEXTS: Shape = Either(&[
    Text,
    List(
        &Tagged("type", false, &[("text", &[must("text", Text)])]),
        1,
        usize::MAX,
    ),
]);
const PARTS: Shape = Tagged(
    "type",
    false,
    &[
        ("text", &[must("text", Text)]),
        (
            "image_url",
            &[must(
                "image_url",
                Object(&[
                    must("url", Sized(1, usize::MAX)),
                    may("detail", Word(&["auto", "low", "high", "original"])),
                ]),
            )],
        ),
        (
            "input_audio",
            &[must(
                "input_audio",
                Object(&[must("data", Text), must("format", Word(&["wav", "mp3"]))]),
            )],
        ),
        (
            "file",
            &[must(
                "file",
                Object(&[
                    may("file_data", Text),
                    may("filename", Text),
                    may("file_id", Text),
                ]),
            )],
        ),
    ],
);
const NAME: Field = may("name", Text);
const CALLS: Shape = List(
    &Object(&[
        must("id", Sized(1, 40)),
        must("type", Word(&["function"])),
        must(
            "function",
            Object(&[must("name", Text), must("arguments", Text)]),
        ),
    ]),
    1,
    128,
);
const ASSISTANT: &[Field] = &[
    null(
        "content",
        Either(&[
            Text,
            List(
                &Tagged(
                    "type",
                    false,
                    &[
                        ("text", &[must("text", Text)]),
                        ("refusal", &[must("refusal", Text)]),
                    ],
                ),
                1,
                usize::MAX,
            ),
        ]),
    ),
    null("refusal", Text),
    NAME,
    may("tool_calls", CALLS),
    null("audio", Map),
];
const MESSAGE: Shape = Tagged(
    "role",
    false,
    &[
        ("system", &[must("content", TEXTS), NAME]),
        ("developer", &[must("content", TEXTS), NAME]),
        (
            "user",
            &[
                must("content", Either(&[Text, List(&PARTS, 1, usize::MAX)])),
                NAME,
            ],
        ),
        ("assistant", ASSISTANT),
        (
            "tool",
            &[must("content", TEXTS), must("tool_call_id", Sized(1, 40))],
        ),
    ],
);
const FORMAT: Shape = Tagged(
    "type",
    false,
    &[
        ("text", &[]),
        ("json_object", &[]),
        (
            "json_schema",
            &[must(
                "json_schema",
                Object(&[
                    must("name", Sized(1, 64)),
                    may("description", Text),
                    may("schema", Map),
                    null("strict", Bool),
                ]),
            )],
        ),
    ],
);
const EFFORT: Shape = Word(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]);
const TOOL: Shape = Tagged(
    "type",
    false,
    &[(
        "function",
        &[must(
            "function",
            Object(&[
                must("name", Sized(1, 64)),
                may("description", Text),
                may("parameters", Map),
                null("strict", Bool),
            ]),
        )],
    )],
);
const BODY: Shape = Object(&[
    must("model", Sized(1, 256)),
    must("messages", List(&MESSAGE, 1, 2_048)),
    null("audio", Map),
    null("frequency_penalty", Number(-2.0, 2.0)),
    null("logit_bias", Values(&Number(-100.0, 100.0))),
    null("logprobs", Bool),
    null("max_completion_tokens", Integer(1, i64::MAX)),
    null("max_tokens", Integer(1, i64::MAX)),
    null("metadata", Map),
    null("modalities", list(&Word(&["text", "audio"]))),
    null("n", Integer(1, 128)),
    may("parallel_tool_calls", Bool),
    null("prediction", Map),
    null("presence_penalty", Number(-2.0, 2.0)),
    null("prompt_cache_key", Sized(0, 64)),
    null("prompt_cache_retention", Word(&["in_memory", "24h"])),
    null("reasoning_effort", EFFORT),
    may("response_format", FORMAT),
    null("safety_identifier", Sized(0, 64)),
    null("seed", Integer(i64::MIN, i64::MAX)),
    null(
        "service_tier",
        Word(&["auto", "default", "flex", "scale", "priority", "fast"]),
    ),
    null("stop", Either(&[Text, List(&Text, 1, 4)])),
    null("store", Bool),
    null("stream", Bool),
    null(
        "stream_options",
        Object(&[may("include_usage", Bool), may("include_obfuscation", Bool)]),
    ),
    null("temperature", Number(0.0, 2.0)),
    may(
        "tool_choice",
        Either(&[
            Word(&["none", "auto", "required"]),
            Tagged(
                "type",
                false,
                &[
                    (
                        "function",
                        &[must("function", Object(&[must("name", Text)]))],
                    ),
                    ("allowed_tools", &[must("allowed_tools", Any)]),
                ],
            ),
        ]),
    ),
    may("tools", List(&TOOL, 1, 128)),
    null("top_logprobs", Integer(0, 20)),
    null("top_p", Number(0.0, 1.0)),
    may("user", Text),
    null("verbosity", Word(&["low", "medium", "high"])),
    may("web_search_options", Map),
]);

/// The rules of `POST /v1/chat/completions`.
pub fn check(body: &Value, provider: Provider) -> Result<(), Broken> {
    BODY.check(body).map_err(|flaw| rules::say(&flaw))?;
    rules::metadata(body)?;
    settings(body, provider)?;
    tools(body)?;
    let messages = items(body, "messages");
    for (index, message) in messages.iter().enumerate() {
        one(index, message)?;
    }
    conversation(messages)
}

fn is_set(body: &Value, name: &str) -> bool {
    body.get(name).is_some_and(|value| !value.is_null())
}

fn settings(body: &Value, provider: Provider) -> Result<(), Broken> {
    let model = text(body, "model");
    if is_set(body, "stream_options") && body.get("stream") != Some(&Value::Bool(true)) {
        return Err(Broken::new(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        )
        .param("stream_options"));
    }
    if is_set(body, "max_tokens") && is_set(body, "max_completion_tokens") {
        return Err(Broken::new(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        )
        .code("invalid_parameter_combination"));
    }
    if is_set(body, "top_logprobs") && body.get("logprobs") != Some(&Value::Bool(true)) {
        return Err(Broken::new(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
        )
        .param("top_logprobs"));
    }
    let json = body
        .pointer("/response_format/type")
        .and_then(Value::as_str)
        == Some("json_object");
    if json
        && !body
            .get("messages")
            .is_some_and(|all| all.to_string().to_lowercase().contains("json"))
    {
        return Err(Broken::new("'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.").param("messages"));
    }
    // Other servers know nothing of OpenAI's models.
    if provider == Provider::Compatible {
        return Ok(());
    }
    if !rules::reasons(model) {
        if is_set(body, "reasoning_effort") {
            return Err(Broken::new(
                "Unrecognized request argument supplied: reasoning_effort",
            ));
        }
        return Ok(());
    }
    if is_set(body, "max_tokens") {
        return Err(Broken::new("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
            .param("max_tokens")
            .code("unsupported_parameter"));
    }
    let effort = body.get("reasoning_effort").and_then(Value::as_str);
    if !rules::thinks(model, effort) {
        return Ok(());
    }
    if let Some(given) = body
        .get("temperature")
        .and_then(Value::as_f64)
        .filter(|t| *t != 1.0)
    {
        return Err(Broken::new(format!("Unsupported value: 'temperature' does not support {given} with this model. Only the default (1) value is supported."))
            .param("temperature")
            .code("unsupported_value"));
    }
    for name in [
        "top_p",
        "stop",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
    ] {
        if is_set(body, name) {
            return Err(Broken::new(format!(
                "Unsupported parameter: '{name}' is not supported with this model."
            ))
            .param(name)
            .code("unsupported_parameter"));
        }
    }
    Ok(())
}

fn tools(body: &Value) -> Result<(), Broken> {
    rules::without_tools(body)?;
    for (index, tool) in items(body, "tools").iter().enumerate() {
        let at = format!("tools[{index}].function");
        let function = tool.get("function").unwrap_or(&Value::Null);
        let name = text(function, "name");
        rules::name(&format!("{at}.name"), name)?;
        if let Some(schema) = function.get("parameters") {
            let strict = function.get("strict") == Some(&Value::Bool(true));
            rules::parameters(&format!("{at}.parameters"), name, schema, strict)?;
        }
    }
    let wanted = body
        .pointer("/tool_choice/function/name")
        .and_then(Value::as_str);
    if let Some(wanted) = wanted
        && !rules::tool_names(body, "function").contains(&wanted)
    {
        return Err(Broken::new(format!(
            "Tool choice '{wanted}' not found in 'tools' parameter."
        ))
        .param("tool_choice"));
    }
    if let Some(format) = body.pointer("/response_format/json_schema")
        && let Some(schema) = format.get("schema")
    {
        let strict = format.get("strict") == Some(&Value::Bool(true));
        rules::format("response_format", text(format, "name"), schema, strict)?;
    }
    Ok(())
}

fn one(index: usize, message: &Value) -> Result<(), Broken> {
    let silent = message.get("content").is_none_or(Value::is_null);
    if text(message, "role") == "assistant"
        && silent
        && items(message, "tool_calls").is_empty()
        && !is_set(message, "refusal")
    {
        return Err(
            Broken::new("Invalid value for 'content': expected a string, got null.")
                .param(format!("messages.[{index}].content")),
        );
    }
    for (place, part) in items(message, "content").iter().enumerate() {
        let at = format!("messages[{index}].content[{place}]");
        if let Some(url) = part.pointer("/image_url/url").and_then(Value::as_str) {
            rules::url(&format!("{at}.image_url.url"), url)?;
        }
        if let Some(file) = part.get("file") {
            if is_set(file, "file_data") == is_set(file, "file_id") {
                return Err(Broken::new(format!(
                    "Invalid '{at}.file': exactly one of 'file_data' and 'file_id' is required."
                ))
                .param(at));
            }
            if is_set(file, "file_data") {
                rules::url(&format!("{at}.file.file_data"), text(file, "file_data"))?;
                if !is_set(file, "filename") {
                    return Err(Broken::new(format!(
                        "Missing required parameter: '{at}.file.filename'."
                    ))
                    .code("missing_required_parameter")
                    .param(at));
                }
            }
        }
    }
    Ok(())
}

/// Each call is answered by a message right after it, and each answer is one to such a call.
fn conversation(messages: &[Value]) -> Result<(), Broken> {
    let mut open: HashSet<&str> = HashSet::new();
    let mut calling = 0;
    let unanswered = |calling: usize, open: &HashSet<&str>| {
        let mut ids: Vec<_> = open.iter().copied().collect();
        ids.sort_unstable();
        Broken::new(format!("An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: {}", ids.join(", ")))
            .param(format!("messages.[{calling}].role"))
    };
    let mut following = false;
    for (index, message) in messages.iter().enumerate() {
        if text(message, "role") == "tool" {
            let known = open.remove(text(message, "tool_call_id"));
            if !known && following {
                return Err(Broken::new(format!("Invalid parameter: 'tool_call_id' of '{}' not found in 'tool_calls' of previous message.", text(message, "tool_call_id")))
                    .param(format!("messages.[{index}].tool_call_id")));
            }
            if !known {
                return Err(Broken::new("Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.")
                    .param(format!("messages.[{index}].role")));
            }
            continue;
        }
        if !open.is_empty() {
            return Err(unanswered(calling, &open));
        }
        let calls = items(message, "tool_calls");
        following = !calls.is_empty();
        calling = index;
        for call in calls {
            open.insert(text(call, "id"));
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(unanswered(calling, &open))
    }
}
