//! From a chat completion's request to labd's.
//!
//! | message | becomes |
//! | --- | --- |
//! | `system`, `developer` | a system part, wherever it stands |
//! | `user` | the user's parts |
//! | `assistant` | its reasoning, its text, then its calls |
//! | `tool` | a result in the user's next message |
//! | `function` | refused, it is `tool` now |
//!
//! Messages of one side that follow each other become one. What else a message holds (`name`,
//! `annotations`, what libraries add) is passed over.

use crate::errors::Fault;
use crate::input::{
    self, ANY_OBJECT, Content, Conversation, EffortIn, Format, OneOrMany, Refused, RetentionIn,
};
use labd_plugin_host::kinds::ai::{Part, Request, Role, Tool, ToolChoice};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A request that was read.
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) request: Request,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChatIn<'a> {
    model: String,
    #[serde(borrow)]
    messages: Vec<MessageIn<'a>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_completion_tokens: Option<u32>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    stop: Option<OneOrMany>,
    #[serde(borrow)]
    tools: Option<Vec<ToolIn<'a>>>,
    tool_choice: Option<ChoiceIn>,
    parallel_tool_calls: Option<bool>,
    #[serde(borrow)]
    response_format: Option<FormatIn<'a>>,
    reasoning_effort: Option<EffortIn>,
    prompt_cache_key: Option<String>,
    prompt_cache_retention: Option<RetentionIn>,
    safety_identifier: Option<String>,
    user: Option<String>,

    #[serde(rename = "metadata")]
    _metadata: Option<IgnoredAny>,
    #[serde(rename = "service_tier")]
    _service_tier: Option<IgnoredAny>,
    #[serde(rename = "seed")]
    _seed: Option<IgnoredAny>,
    #[serde(rename = "prediction")]
    _prediction: Option<IgnoredAny>,
    #[serde(rename = "prompt_cache_options")]
    _prompt_cache_options: Option<IgnoredAny>,

    n: Option<u32>,
    store: Option<bool>,
    logprobs: Option<bool>,
    top_logprobs: Option<u32>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    logit_bias: Option<BTreeMap<String, f64>>,
    modalities: Option<Vec<String>>,
    verbosity: Option<String>,

    audio: Refused,
    functions: Refused,
    function_call: Refused,
    web_search_options: Refused,
    moderation: Refused,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RoleIn {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

#[derive(Deserialize)]
struct MessageIn<'a> {
    role: RoleIn,
    #[serde(borrow, default)]
    content: Content<'a>,
    #[serde(alias = "reasoning")]
    reasoning_content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallIn>>,
    tool_call_id: Option<String>,
    audio: Refused,
    function_call: Refused,
}

#[derive(Deserialize)]
struct CallIn {
    id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    function: Option<CalledIn>,
}

#[derive(Deserialize)]
struct CalledIn {
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct ToolIn<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    function: Option<FunctionIn<'a>>,
}

#[derive(Deserialize)]
struct FunctionIn<'a> {
    name: String,
    description: Option<String>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    strict: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ChoiceIn {
    Word(String),
    Object {
        #[serde(rename = "type")]
        kind: String,
        function: Option<NameIn>,
    },
}

#[derive(Deserialize)]
struct NameIn {
    name: String,
}

#[derive(Deserialize)]
struct FormatIn<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    json_schema: Option<SchemaIn<'a>>,
}

#[derive(Deserialize)]
struct SchemaIn<'a> {
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
    strict: Option<bool>,
}

/// Reads a request.
pub(super) fn read(caller: &str, body: &[u8]) -> Result<Asked, Fault> {
    let asked: ChatIn<'_> = input::parse(body)?;
    refuse(&asked)?;
    let mut conversation = Conversation::default();
    for (number, message) in asked.messages.into_iter().enumerate() {
        message.add_to(&mut conversation, number)?;
    }
    let mut request = Request {
        tool_choice: choice(asked.tool_choice)?,
        parallel_tools: asked.parallel_tool_calls,
        max_tokens: match asked.max_completion_tokens {
            Some(most) => input::tokens("max_completion_tokens", Some(most))?,
            None => input::tokens("max_tokens", asked.max_tokens)?,
        },
        temperature: input::within("temperature", asked.temperature, 2.0)?,
        top_p: input::within("top_p", asked.top_p, 1.0)?,
        stop: asked.stop.map(OneOrMany::list).unwrap_or_default(),
        effort: asked.reasoning_effort.map(Into::into),
        user: asked
            .safety_identifier
            .or(asked.user)
            .map(|user| input::pseudonym(caller, &user)),
        ..Request::default()
    };
    for (number, tool) in asked.tools.into_iter().flatten().enumerate() {
        request.tools.push(tool.tool(number)?);
    }
    (request.system, request.messages) = conversation.finish("messages")?;
    if let Some(format) = asked.response_format {
        let schema = format.json_schema.as_ref();
        let format = Format {
            kind: &format.kind,
            schema: schema.and_then(|one| one.schema),
            strict: schema.and_then(|one| one.strict),
        };
        let schema = "json_schema.schema";
        input::answer_format(&mut request, "response_format", schema, &format)?;
    }
    let (key, retention) = (asked.prompt_cache_key, asked.prompt_cache_retention);
    request.cache = input::cache(&request, key, retention);
    let include_usage = asked
        .stream_options
        .and_then(|options| options.include_usage);
    Ok(Asked {
        model: asked.model,
        request,
        stream: asked.stream.unwrap_or_default(),
        include_usage: include_usage.unwrap_or_default(),
    })
}

fn refuse(asked: &ChatIn<'_>) -> Result<(), Fault> {
    let some = |number: Option<f64>| number.is_some_and(|number| number != 0.0);
    let not = |text: &Option<String>, holds: &str| text.as_ref().is_some_and(|text| text != holds);
    let modalities = asked.modalities.iter().flatten();
    let tools = "Use tools and tool_choice.";
    input::refuse(&[
        ("n", asked.n.is_some_and(|n| n != 1), "Ask several times."),
        (
            "store",
            asked.store == Some(true),
            "It keeps no answers: leave it out.",
        ),
        ("logprobs", asked.logprobs == Some(true), ""),
        (
            "top_logprobs",
            asked.top_logprobs.is_some_and(|n| n != 0),
            "",
        ),
        ("frequency_penalty", some(asked.frequency_penalty), ""),
        ("presence_penalty", some(asked.presence_penalty), ""),
        (
            "logit_bias",
            asked
                .logit_bias
                .as_ref()
                .is_some_and(|bias| !bias.is_empty()),
            "",
        ),
        (
            "modalities",
            modalities.clone().any(|one| one != "text"),
            "Only text is there.",
        ),
        (
            "verbosity",
            not(&asked.verbosity, "medium"),
            "Ask for it in words.",
        ),
        ("audio", asked.audio.is_some(), "Only text is there."),
        ("functions", asked.functions.is_some(), tools),
        ("function_call", asked.function_call.is_some(), tools),
        ("web_search_options", asked.web_search_options.is_some(), ""),
        ("moderation", asked.moderation.is_some(), ""),
    ])
}

impl MessageIn<'_> {
    fn add_to(self, conversation: &mut Conversation, number: usize) -> Result<(), Fault> {
        let at = |field: &str| format!("messages[{number}].{field}");
        let content = || at("content");
        if self.audio.is_some() {
            return Err(Fault::unsupported(
                at("audio"),
                "labd takes text, pictures and files only.",
            ));
        }
        if self.function_call.is_some() {
            return Err(Fault::unsupported(at("function_call"), "Use tool_calls."));
        }
        match self.role {
            RoleIn::System | RoleIn::Developer => {
                conversation.system.extend(self.content.texts(&content)?);
            }
            RoleIn::User => conversation.add(Role::User, self.content.parts(&content)?),
            RoleIn::Assistant => {
                let text = |text: Option<String>| text.filter(|text| !text.is_empty());
                let mut parts = Vec::new();
                parts.extend(text(self.reasoning_content).map(Part::Reasoning));
                parts.extend(self.content.texts(&content)?.into_iter().map(Part::Text));
                parts.extend(text(self.refusal).map(Part::Text));
                for (index, call) in self.tool_calls.into_iter().flatten().enumerate() {
                    parts.push(call.part(&|field| at(&format!("tool_calls[{index}].{field}")))?);
                }
                conversation.add(Role::Assistant, parts);
            }
            RoleIn::Tool => {
                let id = self.tool_call_id.ok_or_else(|| {
                    Fault::invalid(at("tool_call_id"), "The call that this answers is missing.")
                        .code("missing_required_parameter")
                })?;
                let result = Part::ToolResult {
                    id,
                    content: self.content.texts(&content)?.join("\n"),
                    is_error: false,
                };
                conversation.add(Role::User, [result]);
            }
            RoleIn::Function => {
                let message = "The role function is tool now, with tool_call_id.";
                return Err(Fault::unsupported(at("role"), message));
            }
        }
        Ok(())
    }
}

impl CallIn {
    fn part(self, at: &dyn Fn(&str) -> String) -> Result<Part, Fault> {
        match (self.kind.as_deref(), self.function) {
            (None | Some("function"), Some(function)) => Ok(Part::ToolUse {
                id: self.id,
                name: function.name,
                arguments: input::arguments(|| at("function.arguments"), function.arguments)?,
            }),
            (None | Some("function"), None) => Err(Fault::invalid(
                at("function"),
                "The function that was called is missing.",
            )),
            (Some(_), _) => Err(only_functions(at("type"))),
        }
    }
}

impl ToolIn<'_> {
    fn tool(self, number: usize) -> Result<Tool, Fault> {
        if self.kind != "function" {
            return Err(only_functions(format!("tools[{number}].type")));
        }
        let function = self.function.ok_or_else(|| {
            Fault::invalid(
                format!("tools[{number}].function"),
                "The function is missing.",
            )
        })?;
        let param = format!("tools[{number}].function.parameters");
        Ok(Tool {
            name: function.name,
            description: function.description.unwrap_or_default(),
            parameters: match function.parameters {
                Some(schema) => input::object(&param, schema)?,
                None => ANY_OBJECT.into(),
            },
            strict: function.strict.unwrap_or_default(),
        })
    }
}

fn only_functions(param: String) -> Fault {
    Fault::unsupported(param, "labd knows tools of the type function only.")
}

fn choice(asked: Option<ChoiceIn>) -> Result<ToolChoice, Fault> {
    match asked {
        None => Ok(ToolChoice::Automatic),
        Some(ChoiceIn::Word(word)) => match word.as_str() {
            "auto" => Ok(ToolChoice::Automatic),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(Fault::invalid(
                "tool_choice",
                "tool_choice is auto, none, required, or a function.",
            )),
        },
        Some(ChoiceIn::Object { kind, function }) => match (kind.as_str(), function) {
            ("function", Some(function)) => Ok(ToolChoice::Named(function.name)),
            ("function", None) => Err(Fault::invalid(
                "tool_choice.function",
                "The function is missing.",
            )),
            _ => Err(only_functions("tool_choice.type".into())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::ANY_JSON;
    use labd_plugin_host::kinds::ai::{CacheHints, Effort, Message, Retention};
    use serde_json::{Value, json};

    fn request(body: Value) -> Request {
        match read("me", body.to_string().as_bytes()) {
            Ok(asked) => asked.request,
            Err(fault) => panic!("{fault:?}"),
        }
    }

    fn refused(body: Value) -> (String, String) {
        match read("me", body.to_string().as_bytes()) {
            Ok(_) => panic!("{body} is taken"),
            Err(fault) => (fault.detail.param.unwrap_or_default(), fault.detail.message),
        }
    }

    fn with(extra: Value) -> Value {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        let Value::Object(extra) = extra else {
            panic!("an object")
        };
        body.as_object_mut().unwrap().extend(extra);
        body
    }

    #[test]
    fn a_conversation_alternates_with_its_system_apart() {
        let text = |text: &str| Part::Text(text.into());
        let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": arguments}});
        let made = request(json!({"model": "m", "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "name": "Ada", "content": "One"},
            {"role": "user", "content": [{"type": "text", "text": "Two"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQID"}}]},
            {"role": "assistant", "content": "Hm.", "reasoning_content": "So?", "refusal": null, "annotations": [], "audio": null,
             "tool_calls": [call("c1", "{\"a\":1}"), call("c2", "")]},
            {"role": "tool", "tool_call_id": "c1", "content": "1"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "2"}, {"type": "text", "text": "3"}]},
            {"role": "system", "content": "Be quick."},
            {"role": "user", "content": "Three"}
        ]}));
        assert_eq!(made.system, ["Be brief.", "Be kind.", "Be quick."]);
        let message = |role, parts| Message { role, parts };
        let uses = |id: &str, arguments: &str| Part::ToolUse {
            id: id.into(),
            name: "look".into(),
            arguments: arguments.into(),
        };
        let result = |id: &str, content: &str| Part::ToolResult {
            id: id.into(),
            content: content.into(),
            is_error: false,
        };
        let picture = Part::Image {
            media_type: "image/png".into(),
            data: vec![1, 2, 3],
        };
        assert_eq!(
            made.messages,
            [
                message(Role::User, vec![text("One"), text("Two"), picture]),
                message(
                    Role::Assistant,
                    vec![
                        Part::Reasoning("So?".into()),
                        text("Hm."),
                        uses("c1", "{\"a\":1}"),
                        uses("c2", "{}")
                    ]
                ),
                message(
                    Role::User,
                    vec![result("c1", "1"), result("c2", "2\n3"), text("Three")]
                ),
            ]
        );
    }

    #[test]
    fn every_setting_has_its_place() {
        let made = request(with(json!({
            "max_completion_tokens": 5, "max_tokens": 9, "temperature": 0.5, "top_p": 0.25,
            "stop": ["a", "b"], "parallel_tool_calls": false, "reasoning_effort": "xhigh",
            "tools": [
                {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "b": 1, "a": 2}, "strict": true}},
                {"type": "function", "function": {"name": "g"}}
            ],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": true}},
            "prompt_cache_key": "k", "prompt_cache_retention": "24h", "user": "ada",
            "metadata": {"a": "b"}, "service_tier": "auto", "seed": 1, "n": 1, "store": false,
            "logprobs": false, "frequency_penalty": 0, "logit_bias": {}, "modalities": ["text"]
        })));
        assert_eq!(
            (made.max_tokens, made.temperature, made.top_p),
            (Some(5), Some(0.5), Some(0.25))
        );
        assert_eq!(made.stop, ["a", "b"]);
        assert_eq!(
            (made.parallel_tools, made.effort),
            (Some(false), Some(Effort::Highest))
        );
        assert_eq!(made.tool_choice, ToolChoice::Named("f".into()));
        assert!(made.tools[0].strict && !made.tools[1].strict);
        assert_eq!(made.tools[1].parameters, ANY_OBJECT);
        assert_eq!(made.output_schema.as_deref(), Some(r#"{"type":"object"}"#));
        let hints = CacheHints {
            tools: true,
            system: 0,
            messages: 1,
            retention: Retention::Long,
            key: Some("k".into()),
        };
        assert_eq!(made.cache, Some(hints));
        assert_eq!(made.user, Some(input::pseudonym("me", "ada")));
        assert_eq!(request(with(json!({"max_tokens": 9}))).max_tokens, Some(9));
        assert_eq!(request(with(json!({"stop": "x"}))).stop, ["x"]);
    }

    #[test]
    fn a_schema_stays_as_it_was_written() {
        let schema = r#"{ "type": "object", "b": 1.0, "a": 2 }"#;
        let body = format!(
            r#"{{"model": "m", "messages": [{{"role": "user", "content": "hi"}}],
            "tools": [{{"type": "function", "function": {{"name": "f", "parameters": {schema}}}}}]}}"#
        );
        let Ok(asked) = read("me", body.as_bytes()) else {
            panic!("{body} is right")
        };
        assert_eq!(asked.request.tools[0].parameters, schema);
    }

    #[test]
    fn nothing_is_asked_for_that_was_not_said() {
        let made = request(with(json!({})));
        let plain = Request {
            messages: made.messages.clone(),
            ..Request::default()
        };
        assert_eq!(made, plain);
    }

    #[test]
    fn json_without_a_schema_is_asked_for_in_words() {
        let made = request(with(json!({"response_format": {"type": "json_object"}})));
        assert_eq!(
            (made.system, made.output_schema),
            (vec![ANY_JSON.to_owned()], None)
        );
    }

    #[test]
    fn a_schema_that_cannot_be_kept_to_the_letter_is_asked_for_in_words() {
        let asked = |strict: Value| {
            let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
            let format = json!({"name": "x", "schema": schema, "strict": strict});
            request(with(
                json!({"response_format": {"type": "json_schema", "json_schema": format}}),
            ))
        };
        for strict in [json!(null), json!(false)] {
            let made = asked(strict);
            assert_eq!(made.output_schema, None);
            assert!(made.system[0].starts_with(input::BY_SCHEMA));
            assert!(made.system[0].contains(r#""type":"object""#));
        }
        let made = asked(json!(true));
        assert!(made.output_schema.is_some() && made.system.is_empty());
    }

    #[test]
    fn what_would_change_the_answer_is_refused_by_name() {
        for (param, value) in [
            ("n", json!(2)),
            ("store", json!(true)),
            ("logprobs", json!(true)),
            ("top_logprobs", json!(3)),
            ("frequency_penalty", json!(0.5)),
            ("presence_penalty", json!(-1)),
            ("logit_bias", json!({"50256": -100})),
            ("modalities", json!(["text", "audio"])),
            ("verbosity", json!("low")),
            ("audio", json!({"voice": "alloy", "format": "wav"})),
            ("functions", json!([])),
            ("function_call", json!("auto")),
            ("web_search_options", json!({})),
            ("moderation", json!({"model": "m"})),
            ("top_k", json!(5)),
            ("temperature", json!(2.5)),
            ("top_p", json!(-0.1)),
            ("max_tokens", json!(0)),
            ("tool_choice", json!("any")),
            ("reasoning_effort", json!("huge")),
            ("stream", json!("false")),
        ] {
            let (named, message) = refused(with(json!({ param: value })));
            assert_eq!(named, param, "{message}");
            assert!(message.contains(param), "{message}");
        }
        for (param, extra) in [
            (
                "tools[0].type",
                json!({"tools": [{"type": "custom", "custom": {"name": "x"}}]}),
            ),
            (
                "tools[0].function",
                json!({"tools": [{"type": "function"}]}),
            ),
            (
                "tools[0].function.parameters",
                json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": "{}"}}]}),
            ),
            (
                "tool_choice.type",
                json!({"tool_choice": {"type": "allowed_tools"}}),
            ),
            (
                "response_format.type",
                json!({"response_format": {"type": "grammar"}}),
            ),
            (
                "response_format.json_schema.schema",
                json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}),
            ),
        ] {
            assert_eq!(refused(with(extra)).0, param);
        }
    }

    #[test]
    fn a_conversation_that_the_user_does_not_begin_is_taken() {
        let made = request(json!({
            "model": "m", "response_format": {"type": "json_object"},
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "system", "content": "List x."}]
        }));
        assert_eq!(made.system, ["Be brief.", ANY_JSON]);
        assert_eq!(made.messages[0].parts, [Part::Text("List x.".into())]);
        let made = request(json!({"model": "m", "messages": [
            {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Hi."}
        ]}));
        let roles: Vec<_> = made.messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::User, Role::Assistant, Role::User]);
    }

    #[test]
    fn a_message_that_cannot_be_said_is_refused_by_its_place() {
        let messages = |messages: Value| refused(json!({"model": "m", "messages": messages})).0;
        let user = json!({"role": "user", "content": "hi"});
        assert_eq!(messages(json!([])), "messages");
        assert_eq!(
            messages(json!([{"role": "user", "content": ""}])),
            "messages"
        );
        assert_eq!(
            messages(json!([user, {"role": "robot", "content": "x"}])),
            "messages[1].role"
        );
        assert_eq!(
            messages(json!([user, {"role": "function", "name": "f", "content": "x"}])),
            "messages[1].role"
        );
        assert_eq!(
            messages(json!([user, {"role": "tool", "content": "x"}])),
            "messages[1].tool_call_id"
        );
        assert_eq!(
            messages(json!([user, {"role": "assistant", "audio": {"id": "a"}}])),
            "messages[1].audio"
        );
        assert_eq!(
            messages(json!([{"role": "user", "content": [{"type": "input_audio"}]}])),
            "messages[0].content[0].type"
        );
        let call =
            json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "[1]"}});
        assert_eq!(
            messages(json!([user, {"role": "assistant", "tool_calls": [call]}])),
            "messages[1].tool_calls[0].function.arguments"
        );
    }
}
