//! What Messages asks of a request.

use serde_json::Value;

use super::{
    super::{Broken, Call, schema},
    conversation,
};
use crate::{
    record::Received,
    shape::{At, Field, Flaw, Shape, What, is_name, items, list, may, must, null, text},
};

use Shape::{Any, Bool, Either, Integer, Map, Number, Object, Sized, Tagged, Text, Word};

const CACHE: Shape = Tagged(
    "type",
    false,
    &[("ephemeral", &[may("ttl", Word(&["5m", "1h"]))])],
);
const TEXT: &[Field] = &[
    must("text", Text),
    null("cache_control", CACHE),
    null("citations", list(&Map)),
];
const IMAGE: &[Field] = &[
    must(
        "source",
        Tagged(
            "type",
            false,
            &[
                (
                    "base64",
                    &[
                        must(
                            "media_type",
                            Word(&["image/jpeg", "image/png", "image/gif", "image/webp"]),
                        ),
                        must("data", Sized(1, usize::MAX)),
                    ],
                ),
                ("url", &[must("url", Sized(1, usize::MAX))]),
                ("file", &[must("file_id", Sized(1, usize::MAX))]),
            ],
        ),
    ),
    null("cache_control", CACHE),
];
const DOCUMENT: &[Field] = &[
    must(
        "source",
        Tagged(
            "type",
            false,
            &[
                (
                    "base64",
                    &[
                        must("media_type", Word(&["application/pdf"])),
                        must("data", Sized(1, usize::MAX)),
                    ],
                ),
                (
                    "text",
                    &[
                        must("media_type", Word(&["text/plain"])),
                        must("data", Text),
                    ],
                ),
                ("url", &[must("url", Sized(1, usize::MAX))]),
                ("file", &[must("file_id", Sized(1, usize::MAX))]),
                ("content", &[must("content", Any)]),
            ],
        ),
    ),
    null("cache_control", CACHE),
    null("citations", Object(&[may("enabled", Bool)])),
    null("context", Sized(1, usize::MAX)),
    null("title", Sized(1, 500)),
];
const RESULT: &[Field] = &[
    must("tool_use_id", Text),
    may(
        "content",
        Either(&[
            Text,
            list(&Tagged(
                "type",
                false,
                &[("text", TEXT), ("image", IMAGE), ("document", DOCUMENT)],
            )),
        ]),
    ),
    may("is_error", Bool),
    null("cache_control", CACHE),
];
const BLOCK: Shape = Tagged(
    "type",
    false,
    &[
        ("text", TEXT),
        ("image", IMAGE),
        ("document", DOCUMENT),
        ("tool_result", RESULT),
        (
            "tool_use",
            &[
                must("id", Text),
                must("name", Sized(1, 200)),
                must("input", Map),
                null("cache_control", CACHE),
            ],
        ),
        (
            "thinking",
            &[must("thinking", Text), must("signature", Text)],
        ),
        ("redacted_thinking", &[must("data", Text)]),
    ],
);
const SINGLE: &[Field] = &[may("disable_parallel_tool_use", Bool)];
const BODY: Shape = Object(&[
    must("model", Sized(1, 256)),
    must(
        "messages",
        Shape::List(
            &Object(&[
                must("role", Word(&["user", "assistant"])),
                must("content", Either(&[Text, list(&BLOCK)])),
            ]),
            1,
            100_000,
        ),
    ),
    must("max_tokens", Integer(1, i64::MAX)),
    null("cache_control", CACHE),
    may("metadata", Object(&[null("user_id", Sized(0, 256))])),
    may("service_tier", Word(&["auto", "standard_only"])),
    null("inference_geo", Text),
    may("stop_sequences", list(&Text)),
    may("stream", Bool),
    may(
        "system",
        Either(&[Text, list(&Tagged("type", false, &[("text", TEXT)]))]),
    ),
    may("temperature", Number(0.0, 1.0)),
    may("top_k", Integer(0, i64::MAX)),
    may("top_p", Number(0.0, 1.0)),
    may(
        "thinking",
        Tagged(
            "type",
            false,
            &[
                (
                    "enabled",
                    &[
                        must("budget_tokens", Integer(1_024, i64::MAX)),
                        null("display", Word(&["summarized", "omitted"])),
                    ],
                ),
                (
                    "adaptive",
                    &[null("display", Word(&["summarized", "omitted"]))],
                ),
                ("disabled", &[]),
            ],
        ),
    ),
    may(
        "output_config",
        Object(&[
            null("effort", Word(&["low", "medium", "high", "xhigh", "max"])),
            null(
                "format",
                Tagged("type", false, &[("json_schema", &[must("schema", Map)])]),
            ),
        ]),
    ),
    may(
        "tool_choice",
        Tagged(
            "type",
            false,
            &[
                ("auto", SINGLE),
                ("any", SINGLE),
                (
                    "tool",
                    &[must("name", Text), may("disable_parallel_tool_use", Bool)],
                ),
                ("none", &[]),
            ],
        ),
    ),
    may(
        "tools",
        list(&Object(&[
            null("type", Word(&["custom"])),
            must("name", Text),
            may("description", Text),
            must("input_schema", Map),
            may("strict", Bool),
            null("cache_control", CACHE),
            null("eager_input_streaming", Bool),
            may("input_examples", list(&Map)),
            may("defer_loading", Bool),
        ])),
    ),
]);

/// `anthropic-version` is there and known.
pub fn version(received: &Received) -> Result<(), Broken> {
    match received.header("anthropic-version") {
        None => Err(Broken::new("anthropic-version: header is required")),
        Some("2023-06-01" | "2023-01-01") => Ok(()),
        Some(other) => Err(Broken::new(format!(
            "anthropic-version: \"{other}\" is not a valid version. For more information, see: https://docs.anthropic.com/en/api/versioning"
        ))),
    }
}

/// In Pydantic's words, with the case of a union in the path.
fn say(flaw: &Flaw) -> Broken {
    let steps: Vec<String> = flaw
        .path
        .iter()
        .map(|step| match step {
            At::Key(name) => name.clone(),
            At::Index(index) => index.to_string(),
            At::Case(case) => (*case).to_owned(),
        })
        .collect();
    let message = match &flaw.what {
        What::Missing => "Field required".to_owned(),
        What::Unknown => "Extra inputs are not permitted".to_owned(),
        What::Type("a string") => "Input should be a valid string".to_owned(),
        What::Type("an integer") => "Input should be a valid integer".to_owned(),
        What::Type("a decimal number") => "Input should be a valid number".to_owned(),
        What::Type("a boolean") => "Input should be a valid boolean".to_owned(),
        What::Type("an array") => "Input should be a valid list".to_owned(),
        What::Type(_) => "Input should be an object".to_owned(),
        What::Word(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            format!("Input should be {}", words.join(", "))
        }
        What::Low(least) => format!("Input should be greater than or equal to {least}"),
        What::High(most) => format!("Input should be less than or equal to {most}"),
        What::Short(least) => format!("at least {least} required"),
        What::Long(most, given) => format!("at most {most} allowed, not {given}"),
    };
    Broken::new(format!("{}: {message}", steps.join(".")))
}

/// The rules of `POST /v1/messages`.
pub fn messages(call: &mut Call<'_>) -> Result<(), Broken> {
    let body = &call.asked.body;
    if body.is_null() {
        return Err(Broken::new("The request body is not valid JSON"));
    }
    if call.received.body.len() > 32 << 20 {
        let message = "Request exceeds the maximum size";
        return Err(Broken::new(message).status(413).code("request_too_large"));
    }
    BODY.check(body).map_err(|flaw| say(&flaw))?;
    sampling(body)?;
    tools(body)?;
    caches(body)?;
    conversation::check(body)
}

/// Models after Opus 4.6 no longer take what the others do: `claude-opus-4-7`, `claude-sonnet-5`.
fn is_new(model: &str) -> bool {
    let mut words = model.split('-').skip(1);
    match (words.next(), words.next(), words.next()) {
        (Some("opus"), Some("4"), Some(minor)) => matches!(minor, "7" | "8" | "9"),
        (Some(family), Some(major), _) => {
            let named = family.bytes().all(|byte| byte.is_ascii_alphabetic());
            named && major.parse::<u8>().is_ok_and(|major| major >= 5)
        }
        _ => false,
    }
}

fn sampling(body: &Value) -> Result<(), Broken> {
    let model = text(body, "model");
    let number = |name: &str| body.get(name).and_then(Value::as_f64);
    let (temperature, top_p) = (number("temperature"), number("top_p"));
    if is_new(model) {
        if temperature.is_some_and(|t| t != 1.0) {
            return Err(Broken::new("`temperature` is deprecated for this model."));
        }
        if top_p.is_some_and(|p| p < 0.99) {
            return Err(Broken::new("`top_p` is deprecated for this model."));
        }
        if body.get("top_k").is_some() {
            return Err(Broken::new("`top_k` is deprecated for this model."));
        }
    } else if temperature.is_some() && top_p.is_some() {
        return Err(Broken::new(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ));
    }
    let thinking = body.get("thinking").map_or("", |value| text(value, "type"));
    let budget = body
        .pointer("/thinking/budget_tokens")
        .and_then(Value::as_u64);
    if let Some(budget) = budget {
        if is_new(model) {
            return Err(Broken::new(
                "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.",
            ));
        }
        let most = body.get("max_tokens").and_then(Value::as_u64);
        if most.is_some_and(|most| budget >= most) {
            return Err(Broken::new(
                "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
            ));
        }
    }
    if matches!(thinking, "enabled" | "adaptive") {
        if temperature.is_some_and(|t| t != 1.0) {
            return Err(Broken::new(
                "`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking",
            ));
        }
        if top_p.is_some_and(|p| p < 0.95) {
            return Err(Broken::new(
                "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.",
            ));
        }
        if body.get("top_k").is_some() {
            return Err(Broken::new(
                "`top_k` must be unset when thinking is enabled.",
            ));
        }
        let choice = body
            .get("tool_choice")
            .map_or("", |value| text(value, "type"));
        if matches!(choice, "any" | "tool") {
            return Err(Broken::new(
                "Thinking may not be enabled when tool_choice forces tool use.",
            ));
        }
    }
    let blank = items(body, "stop_sequences")
        .iter()
        .position(|stop| stop.as_str().is_some_and(|stop| stop.trim().is_empty()));
    match blank {
        Some(_) => Err(Broken::new(
            "stop_sequences: each stop sequence must contain non-whitespace",
        )),
        None => Ok(()),
    }
}

fn tools(body: &Value) -> Result<(), Broken> {
    let tools = items(body, "tools");
    let mut strict = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        let name = text(tool, "name");
        if !is_name(name, 128) {
            return Err(Broken::new(format!(
                "tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        if tools
            .iter()
            .take(index)
            .any(|other| text(other, "name") == name)
        {
            return Err(Broken::new("tools: Tool names must be unique."));
        }
        let schema = tool.get("input_schema").unwrap_or(&Value::Null);
        if text(schema, "type") != "object" {
            return Err(Broken::new(format!(
                "tools.{index}.custom.input_schema.type: Field required"
            )));
        }
        schema::sound(schema).map_err(|message| {
            Broken::new(format!(
                "tools.{index}.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12 (https://json-schema.org/draft/2020-12): {message}"
            ))
        })?;
        if tool.get("strict").and_then(Value::as_bool) == Some(true) {
            strict.push(schema);
        }
    }
    if strict.len() > 20 {
        return Err(Broken::new(format!(
            "Too many strict tools ({}). The maximum number of strict tools supported is 20.",
            strict.len()
        )));
    }
    let format = body.pointer("/output_config/format/schema");
    strict.extend(format);
    schema::grammar(&strict).map_err(Broken::new)?;
    let Some(choice) = body.get("tool_choice") else {
        return Ok(());
    };
    if tools.is_empty() && text(choice, "type") != "none" {
        return Err(Broken::new(
            "tool_choice: tool_choice may only be specified while providing tools",
        ));
    }
    let name = text(choice, "name");
    if text(choice, "type") == "tool" && !tools.iter().any(|tool| text(tool, "name") == name) {
        return Err(Broken::new(format!(
            "tool_choice: Tool '{name}' not found in provided tools"
        )));
    }
    Ok(())
}

/// Every `cache_control`, in the order in which the prompt is put together.
fn caches(body: &Value) -> Result<(), Broken> {
    let blocks = |of: &'static str| items(body, of).iter();
    let messages = blocks("messages").flat_map(|message| items(message, "content"));
    let all = blocks("tools").chain(blocks("system")).chain(messages);
    let marks: Vec<&Value> = all
        .chain([body])
        .filter_map(|block| block.get("cache_control"))
        .filter(|mark| !mark.is_null())
        .collect();
    if marks.len() > 4 {
        return Err(Broken::new(format!(
            "A maximum of 4 blocks with cache_control may be provided. Found {}.",
            marks.len()
        )));
    }
    let long = |mark: &&Value| text(mark, "ttl") == "1h";
    let first_short = marks.iter().position(|mark| !long(mark));
    let last_long = marks.iter().rposition(long);
    match (first_short, last_long) {
        (Some(short), Some(long)) if short < long => Err(Broken::new(
            "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
        )),
        _ => Ok(()),
    }
}
