//! What Responses asks of a request.

use std::collections::HashSet;

use serde_json::Value;

use super::{super::Broken, rules};
use crate::shape::{Field, Shape, is_base64, items, list, may, must, null, text};

use Shape::{Any, Bool, Either, Integer, List, Map, Number, Object, Sized, Tagged, Text, Word};

const STATUS: Field = null("status", Word(&["in_progress", "completed", "incomplete"]));
const PART: Shape = Tagged(
    "type",
    false,
    &[
        ("input_text", &[must("text", Text)]),
        (
            "input_image",
            &[
                may("detail", Word(&["auto", "low", "high", "original"])),
                null("image_url", Text),
                null("file_id", Text),
            ],
        ),
        (
            "input_file",
            &[
                may("detail", Word(&["auto", "low", "high"])),
                may("file_data", Text),
                null("file_id", Text),
                may("file_url", Text),
                may("filename", Text),
            ],
        ),
        (
            "output_text",
            &[
                must("text", Text),
                may("annotations", list(&Map)),
                may("logprobs", list(&Map)),
            ],
        ),
        ("refusal", &[must("refusal", Text)]),
    ],
);
const ITEM: Shape = Tagged(
    "type",
    true,
    &[
        (
            "message",
            &[
                must("role", Word(&["user", "assistant", "system", "developer"])),
                must("content", Either(&[Text, list(&PART)])),
                may("id", Text),
                null("phase", Word(&["commentary", "final_answer"])),
                STATUS,
            ],
        ),
        (
            "function_call",
            &[
                must("call_id", Sized(1, 64)),
                must("name", Sized(1, 128)),
                must("arguments", Text),
                may("id", Text),
                may("namespace", Text),
                null("caller", Any),
                STATUS,
            ],
        ),
        (
            "function_call_output",
            &[
                must("call_id", Sized(1, 64)),
                must("output", Either(&[Text, list(&PART)])),
                null("id", Text),
                null("name", Text),
                STATUS,
            ],
        ),
        (
            "reasoning",
            &[
                must("id", Text),
                must(
                    "summary",
                    list(&Tagged(
                        "type",
                        false,
                        &[("summary_text", &[must("text", Text)])],
                    )),
                ),
                may(
                    "content",
                    list(&Tagged(
                        "type",
                        false,
                        &[("reasoning_text", &[must("text", Text)])],
                    )),
                ),
                null("encrypted_content", Text),
                STATUS,
            ],
        ),
        ("item_reference", &[must("id", Text)]),
    ],
);
const TOOL: Shape = Tagged(
    "type",
    false,
    &[(
        "function",
        &[
            must("name", Sized(1, 128)),
            null("parameters", Map),
            null("strict", Bool),
            null("description", Text),
            may("defer_loading", Bool),
        ],
    )],
);
const BODY: Shape = Object(&[
    must("model", Sized(1, 256)),
    must("input", Either(&[Text, list(&ITEM)])),
    null("background", Bool),
    null("conversation", Any),
    null(
        "include",
        list(&Word(&[
            "file_search_call.results",
            "web_search_call.results",
            "web_search_call.action.sources",
            "message.input_image.image_url",
            "computer_call_output.output.image_url",
            "code_interpreter_call.outputs",
            "reasoning.encrypted_content",
            "message.output_text.logprobs",
        ])),
    ),
    null("instructions", Text),
    null("max_output_tokens", Integer(16, i64::MAX)),
    null("max_tool_calls", Integer(1, i64::MAX)),
    null("metadata", Map),
    null("parallel_tool_calls", Bool),
    null("previous_response_id", Text),
    null("prompt", Map),
    null("prompt_cache_key", Sized(0, 64)),
    null("prompt_cache_retention", Word(&["in_memory", "24h"])),
    null(
        "reasoning",
        Object(&[
            null(
                "effort",
                Word(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
            ),
            null("summary", Word(&["auto", "concise", "detailed"])),
            null("generate_summary", Word(&["auto", "concise", "detailed"])),
            null("context", Word(&["auto", "current_turn", "all_turns"])),
            may("mode", Text),
        ]),
    ),
    null("safety_identifier", Sized(0, 64)),
    null(
        "service_tier",
        Word(&["auto", "default", "flex", "scale", "priority", "fast"]),
    ),
    null("store", Bool),
    null("stream", Bool),
    null(
        "stream_options",
        Object(&[may("include_obfuscation", Bool)]),
    ),
    null("temperature", Number(0.0, 2.0)),
    may(
        "text",
        Object(&[
            may(
                "format",
                Tagged(
                    "type",
                    false,
                    &[
                        ("text", &[]),
                        ("json_object", &[]),
                        (
                            "json_schema",
                            &[
                                must("name", Sized(1, 64)),
                                must("schema", Map),
                                may("description", Text),
                                null("strict", Bool),
                            ],
                        ),
                    ],
                ),
            ),
            null("verbosity", Word(&["low", "medium", "high"])),
        ]),
    ),
    may(
        "tool_choice",
        Either(&[
            Word(&["none", "auto", "required"]),
            Tagged(
                "type",
                false,
                &[
                    ("function", &[must("name", Text)]),
                    (
                        "allowed_tools",
                        &[
                            must("mode", Word(&["auto", "required"])),
                            must("tools", list(&Map)),
                        ],
                    ),
                ],
            ),
        ]),
    ),
    may("tools", List(&TOOL, 0, 128)),
    null("top_logprobs", Integer(0, 20)),
    null("top_p", Number(0.0, 1.0)),
    null("truncation", Word(&["auto", "disabled"])),
    may("user", Text),
]);

/// Fields of Chat Completions, and where they are in Responses.
const MOVED: [(&str, &str); 4] = [
    ("messages", "input"),
    ("response_format", "text.format"),
    ("max_tokens", "max_output_tokens"),
    ("reasoning_effort", "reasoning.effort"),
];

/// The rules of `POST /v1/responses`.
pub fn check(body: &Value) -> Result<(), Broken> {
    if let Some((old, new)) = MOVED.into_iter().find(|(old, _)| body.get(old).is_some()) {
        return Err(Broken::new(format!("Unsupported parameter: '{old}'. In the Responses API, this parameter has moved to '{new}'. Try again with the new parameter. See the API documentation for more information: https://platform.openai.com/docs/api-reference/responses/create."))
            .param(old)
            .code("unsupported_parameter"));
    }
    BODY.check(body).map_err(|flaw| rules::say(&flaw))?;
    rules::metadata(body)?;
    settings(body)?;
    tools(body)?;
    let all = items(body, "input");
    for (index, item) in all.iter().enumerate() {
        one(index, item, body)?;
    }
    conversation(body, all)
}

fn settings(body: &Value) -> Result<(), Broken> {
    let unsupported = |name: &str| {
        let message = format!("Unsupported parameter: '{name}' is not supported with this model.");
        Err(Broken::new(message).param(name))
    };
    if body.get("stream_options").is_some_and(|o| !o.is_null())
        && body.get("stream") != Some(&Value::Bool(true))
    {
        return Err(Broken::new(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        )
        .param("stream_options"));
    }
    let effort = body.pointer("/reasoning/effort").and_then(Value::as_str);
    let model = text(body, "model");
    if rules::reasons(model) {
        for name in ["temperature", "top_p"] {
            let given = body.get(name).and_then(Value::as_f64);
            if given.is_some_and(|given| given != 1.0) && rules::thinks(model, effort) {
                return unsupported(name);
            }
        }
        return Ok(());
    }
    if effort.is_some() {
        return unsupported("reasoning.effort");
    }
    if items(body, "include")
        .iter()
        .any(|word| word == "reasoning.encrypted_content")
    {
        return Err(
            Broken::new("Encrypted content is not supported with this model.").param("include"),
        );
    }
    Ok(())
}

fn tools(body: &Value) -> Result<(), Broken> {
    rules::without_tools(body)?;
    for (index, tool) in items(body, "tools").iter().enumerate() {
        let at = format!("tools[{index}]");
        rules::name(&format!("{at}.name"), text(tool, "name"))?;
        if let Some(schema) = tool.get("parameters").filter(|schema| !schema.is_null()) {
            let strict = tool.get("strict") == Some(&Value::Bool(true));
            rules::parameters(
                &format!("{at}.parameters"),
                text(tool, "name"),
                schema,
                strict,
            )?;
        }
    }
    if body.pointer("/tool_choice/type").and_then(Value::as_str) == Some("function") {
        let wanted = body
            .pointer("/tool_choice/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !rules::tool_names(body, "").contains(&wanted) {
            return Err(Broken::new(format!(
                "Tool choice 'function' not found in 'tools' parameter: {wanted}"
            ))
            .param("tool_choice"));
        }
    }
    if let Some(format) = body.pointer("/text/format")
        && let Some(schema) = format.get("schema")
    {
        let strict = format.get("strict") != Some(&Value::Bool(false));
        rules::format("text.format.schema", text(format, "name"), schema, strict)?;
    }
    Ok(())
}

fn one(index: usize, item: &Value, body: &Value) -> Result<(), Broken> {
    let kind = match text(item, "type") {
        "" => "message",
        kind => kind,
    };
    let prefix = match kind {
        "message" => "msg",
        "function_call" => "fc",
        "reasoning" => "rs",
        _ => "",
    };
    if let Some(id) = item.get("id").and_then(Value::as_str)
        && !id.starts_with(prefix)
    {
        return Err(Broken::new(format!(
            "Invalid 'input[{index}].id': '{id}'. Expected an ID that begins with '{prefix}'."
        ))
        .code("invalid_value")
        .param(format!("input[{index}].id")));
    }
    let own = text(item, "role") == "assistant";
    for (place, part) in items(item, "content")
        .iter()
        .enumerate()
        .filter(|_| kind == "message")
    {
        let at = format!("input[{index}].content[{place}]");
        let kind = text(part, "type");
        let fits = matches!(kind, "output_text" | "refusal") == own;
        if !fits {
            let words = if own {
                "'output_text' and 'refusal'"
            } else {
                "'input_text', 'input_image', and 'input_file'"
            };
            return Err(Broken::new(format!(
                "Invalid value: '{kind}'. Supported values are: {words}."
            ))
            .code("invalid_value")
            .param(at));
        }
        media(&at, part)?;
    }
    if kind == "reasoning" {
        return reasoning(index, item, body);
    }
    Ok(())
}

fn media(at: &str, part: &Value) -> Result<(), Broken> {
    let has = |name: &str| part.get(name).is_some_and(|value| !value.is_null());
    let missing = |names: &str| {
        Err(
            Broken::new(format!("Missing required parameter: '{at}.{names}'."))
                .code("missing_required_parameter")
                .param(at),
        )
    };
    match text(part, "type") {
        "input_image" if !has("image_url") && !has("file_id") => missing("image_url"),
        "input_image" if has("image_url") => {
            rules::url(&format!("{at}.image_url"), text(part, "image_url"))
        }
        "input_file" if !has("file_data") && !has("file_id") && !has("file_url") => {
            missing("file_data")
        }
        "input_file" if has("file_data") && !has("filename") => missing("filename"),
        "input_file" if has("file_data") => {
            rules::url(&format!("{at}.file_data"), text(part, "file_data"))
        }
        _ => Ok(()),
    }
}

fn reasoning(index: usize, item: &Value, body: &Value) -> Result<(), Broken> {
    let id = text(item, "id");
    match item.get("encrypted_content").and_then(Value::as_str) {
        Some(content) if !is_base64(content) => {
            Err(Broken::new(format!("The encrypted content for item {id} could not be verified. Reason: Encrypted content could not be decrypted or parsed."))
                .code("invalid_encrypted_content"))
        }
        None if body.get("store") == Some(&Value::Bool(false)) => {
            Err(Broken::new(format!("Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input."))
                .status(404)
                .param(format!("input[{index}].id")))
        }
        _ => Ok(()),
    }
}

fn conversation(body: &Value, all: &[Value]) -> Result<(), Broken> {
    let of = |kind: &'static str| all.iter().filter(move |item| text(item, "type") == kind);
    let continued = ["previous_response_id", "conversation"]
        .iter()
        .any(|name| body.get(name).is_some_and(|v| !v.is_null()));
    let calls: HashSet<&str> = of("function_call")
        .map(|item| text(item, "call_id"))
        .collect();
    let outputs: HashSet<&str> = of("function_call_output")
        .map(|item| text(item, "call_id"))
        .collect();
    if let Some(lost) = outputs.iter().find(|id| !calls.contains(*id) && !continued) {
        return Err(Broken::new(format!(
            "No tool call found for function call output with call_id {lost}."
        ))
        .param("input"));
    }
    if let Some(lost) = calls.iter().find(|id| !outputs.contains(*id)) {
        return Err(
            Broken::new(format!("No tool output found for function call {lost}.")).param("input"),
        );
    }
    let mut ids = HashSet::new();
    for item in all
        .iter()
        .filter(|item| item.get("id").is_some_and(Value::is_string))
    {
        if !ids.insert(text(item, "id")) {
            return Err(Broken::new(format!("Duplicate item found with id {}. Remove duplicate items from your input and try again.", text(item, "id"))).param("input"));
        }
    }
    for (index, item) in all
        .iter()
        .enumerate()
        .filter(|(_, item)| text(item, "type") == "reasoning")
    {
        let follows = all.get(index + 1).is_some_and(|next| {
            matches!(text(next, "type"), "function_call" | "reasoning")
                || text(next, "role") == "assistant"
        });
        if !follows {
            return Err(Broken::new(format!(
                "Item '{}' of type 'reasoning' was provided without its required following item.",
                text(item, "id")
            ))
            .param("input"));
        }
    }
    Ok(())
}
