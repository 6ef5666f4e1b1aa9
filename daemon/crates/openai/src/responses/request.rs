//! From a response's request to labd's.
//!
//! | item of `input` | becomes |
//! | --- | --- |
//! | a text | a message of the user |
//! | a message of `system` or `developer` | a system part behind `instructions`, wherever it stands |
//! | a message of `user` or `assistant` | its parts |
//! | `function_call` | a call of the assistant |
//! | `function_call_output` | a result in the user's next message; behind it its pictures and files |
//! | `reasoning` | its summary, and behind it what only its provider reads |
//! | `item_reference` and what OpenAI's own tools leave | refused |

use super::sealed;
use crate::errors::Fault;
use crate::input::{
    self, ANY_OBJECT, Content, Conversation, EffortIn, Format, Refused, RetentionIn,
};
use labd_plugin_host::kinds::ai::{Part, Request, Role, Tool, ToolChoice};
use serde::{Deserialize, Deserializer, Serialize, de, de::IgnoredAny};
use serde_json::value::RawValue;
use std::{fmt, iter};

/// A request that was read.
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) stream: bool,
    pub(super) echo: Echo,
}

/// What of a request comes back with its answer, as it was written.
#[derive(Default, Serialize)]
pub(super) struct Echo {
    #[serde(skip)]
    pub(super) model: String,
    instructions: Option<Box<RawValue>>,
    max_output_tokens: Option<u32>,
    max_tool_calls: Option<u32>,
    metadata: Option<Box<RawValue>>,
    parallel_tool_calls: bool,
    previous_response_id: Option<()>,
    prompt_cache_key: Option<String>,
    reasoning: ReasoningOut,
    safety_identifier: Option<String>,
    service_tier: &'static str,
    store: bool,
    temperature: Option<f64>,
    text: TextOut,
    tool_choice: Option<Box<RawValue>>,
    tools: Box<[Box<RawValue>]>,
    top_logprobs: u32,
    top_p: Option<f64>,
    truncation: &'static str,
    user: Option<String>,
}

#[derive(Default, Serialize)]
struct ReasoningOut {
    effort: Option<Box<RawValue>>,
    summary: Option<Box<RawValue>>,
}

#[derive(Default, Serialize)]
struct TextOut {
    format: Option<Box<RawValue>>,
    verbosity: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponsesIn<'a> {
    model: String,
    #[serde(borrow)]
    input: Input<'a>,
    #[serde(borrow)]
    instructions: Option<&'a RawValue>,
    stream: Option<bool>,
    max_output_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    #[serde(borrow)]
    tools: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    parallel_tool_calls: Option<bool>,
    #[serde(borrow)]
    reasoning: Option<ReasoningIn<'a>>,
    #[serde(borrow)]
    text: Option<TextIn<'a>>,
    prompt_cache_key: Option<String>,
    prompt_cache_retention: Option<RetentionIn>,
    safety_identifier: Option<String>,
    user: Option<String>,
    include: Option<Vec<String>>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    max_tool_calls: Option<u32>,

    #[serde(rename = "service_tier")]
    _service_tier: Option<IgnoredAny>,
    #[serde(rename = "truncation")]
    _truncation: Option<IgnoredAny>,
    #[serde(rename = "stream_options")]
    _stream_options: Option<IgnoredAny>,
    #[serde(rename = "prompt_cache_options")]
    _prompt_cache_options: Option<IgnoredAny>,

    store: Option<bool>,
    background: Option<bool>,
    top_logprobs: Option<u32>,

    previous_response_id: Refused,
    conversation: Refused,
    prompt: Refused,
    context_management: Refused,
    moderation: Refused,
    image: Refused,
}

#[derive(Deserialize)]
struct ReasoningIn<'a> {
    #[serde(borrow)]
    effort: Option<&'a RawValue>,
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct TextIn<'a> {
    #[serde(borrow)]
    format: Option<&'a RawValue>,
    verbosity: Option<String>,
}

#[derive(Deserialize)]
struct FormatIn<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
    strict: Option<bool>,
}

enum Input<'a> {
    Text(String),
    Items(Vec<ItemIn<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Input<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Input<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of items")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Input::Text(text.to_owned()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                let items = Vec::deserialize(de::value::SeqAccessDeserializer::new(list))?;
                Ok(Input::Items(items))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// An item of any kind: fields of one kind are none of another.
#[derive(Deserialize)]
struct ItemIn<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    role: Option<RoleIn>,
    #[serde(borrow, default)]
    content: Content<'a>,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<String>,
    #[serde(borrow)]
    output: Option<Content<'a>>,
    summary: Option<Vec<SummaryIn>>,
    encrypted_content: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RoleIn {
    System,
    Developer,
    User,
    Assistant,
}

#[derive(Deserialize)]
struct SummaryIn {
    text: String,
}

#[derive(Deserialize)]
struct ToolIn<'a> {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
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
        name: Option<String>,
    },
}

/// Reads a request.
pub(super) fn read(caller: &str, body: &[u8]) -> Result<Asked, Fault> {
    let asked: ResponsesIn<'_> = input::parse(body)?;
    refuse(&asked)?;
    let mut request = Request {
        parallel_tools: asked.parallel_tool_calls,
        max_tokens: input::tokens("max_output_tokens", asked.max_output_tokens)?,
        temperature: input::within("temperature", asked.temperature, 2.0)?,
        top_p: input::within("top_p", asked.top_p, 1.0)?,
        user: asked
            .safety_identifier
            .as_deref()
            .or(asked.user.as_deref())
            .map(|user| input::pseudonym(caller, user)),
        ..Request::default()
    };
    if let Some(choice) = asked.tool_choice {
        request.tool_choice = tool_choice(choice)?;
    }
    if let Some(effort) = asked
        .reasoning
        .as_ref()
        .and_then(|reasoning| reasoning.effort)
    {
        let effort: Option<EffortIn> = part("reasoning.effort", effort)?;
        request.effort = effort.map(Into::into);
    }
    for (number, tool) in asked.tools.iter().flatten().enumerate() {
        request.tools.push(read_tool(tool, number)?);
    }
    let mut conversation = Conversation::default();
    if let Some(instructions) = asked.instructions {
        let instructions: String = part("instructions", instructions)?;
        conversation
            .system
            .extend(Some(instructions).filter(|text| !text.is_empty()));
    }
    match asked.input {
        Input::Text(text) => {
            let text = Some(text).filter(|text| !text.is_empty());
            conversation.add(Role::User, text.map(Part::Text));
        }
        Input::Items(items) => {
            for (number, item) in items.into_iter().enumerate() {
                item.add_to(&mut conversation, &asked.model, number)?;
            }
        }
    }
    (request.system, request.messages) = conversation.finish("input")?;
    if let Some(format) = asked.text.as_ref().and_then(|text| text.format) {
        let format: FormatIn<'_> = part("text.format", format)?;
        let format = Format {
            kind: &format.kind,
            schema: format.schema,
            strict: format.strict,
        };
        input::answer_format(&mut request, "text.format", "schema", &format)?;
    }
    let (key, retention) = (asked.prompt_cache_key.clone(), asked.prompt_cache_retention);
    request.cache = input::cache(&request, key, retention);
    let raw = |value: Option<&RawValue>, default: &str| match value {
        Some(value) => Some(value.to_owned()),
        // Written here, and so right.
        None => RawValue::from_string(default.to_owned()).ok(),
    };
    let reasoning = asked.reasoning.as_ref();
    let echo = Echo {
        model: asked.model,
        instructions: asked.instructions.map(ToOwned::to_owned),
        max_output_tokens: request.max_tokens,
        max_tool_calls: asked.max_tool_calls,
        metadata: raw(asked.metadata, "{}"),
        parallel_tool_calls: request.parallel_tools.unwrap_or(true),
        previous_response_id: None,
        prompt_cache_key: asked.prompt_cache_key,
        reasoning: ReasoningOut {
            effort: reasoning.and_then(|one| one.effort).map(ToOwned::to_owned),
            summary: reasoning.and_then(|one| one.summary).map(ToOwned::to_owned),
        },
        safety_identifier: asked.safety_identifier,
        service_tier: "default",
        store: false,
        temperature: request.temperature,
        text: TextOut {
            format: raw(
                asked.text.and_then(|text| text.format),
                r#"{"type":"text"}"#,
            ),
            verbosity: "medium",
        },
        tool_choice: raw(asked.tool_choice, r#""auto""#),
        tools: asked
            .tools
            .into_iter()
            .flatten()
            .map(ToOwned::to_owned)
            .collect(),
        top_logprobs: 0,
        top_p: request.top_p,
        truncation: "disabled",
        user: asked.user,
    };
    Ok(Asked {
        request,
        stream: asked.stream.unwrap_or_default(),
        echo,
    })
}

fn refuse(asked: &ResponsesIn<'_>) -> Result<(), Fault> {
    let verbosity = asked
        .text
        .as_ref()
        .and_then(|text| text.verbosity.as_deref());
    let mut include = asked.include.iter().flatten();
    let keeps_nothing = "It keeps nothing: send the whole conversation in input.";
    input::refuse(&[
        (
            "store",
            asked.store == Some(true),
            "It keeps no responses: leave it out, and send the conversation in input.",
        ),
        ("background", asked.background == Some(true), "Use stream."),
        (
            "top_logprobs",
            asked.top_logprobs.is_some_and(|n| n != 0),
            "",
        ),
        (
            "include",
            include.any(|one| one != "reasoning.encrypted_content"),
            "Only reasoning.encrypted_content can be included.",
        ),
        (
            "text.verbosity",
            verbosity.is_some_and(|one| one != "medium"),
            "Ask for it in words.",
        ),
        (
            "previous_response_id",
            asked.previous_response_id.is_some(),
            keeps_nothing,
        ),
        ("conversation", asked.conversation.is_some(), keeps_nothing),
        (
            "prompt",
            asked.prompt.is_some(),
            "Write it in instructions and input.",
        ),
        ("context_management", asked.context_management.is_some(), ""),
        ("moderation", asked.moderation.is_some(), ""),
        ("image", asked.image.is_some(), ""),
    ])
}

/// Reads a part of the request that was kept as it was written.
fn part<'a, T: Deserialize<'a>>(param: &str, value: &'a RawValue) -> Result<T, Fault> {
    serde_json::from_str(value.get()).map_err(|error| {
        let words = labd_protocol::wrong_json(&error);
        Fault::invalid(param, format!("The parameter {param} is wrong: {words}."))
    })
}

fn read_tool(tool: &RawValue, number: usize) -> Result<Tool, Fault> {
    let at = |field: &str| format!("tools[{number}]{field}");
    let tool: ToolIn<'_> = part(&at(""), tool)?;
    if tool.kind != "function" {
        return Err(only_functions(at(".type")));
    }
    let name = tool.name.ok_or_else(|| missing(at(".name")))?;
    Ok(Tool {
        name,
        description: tool.description.unwrap_or_default(),
        parameters: match tool.parameters {
            Some(schema) if schema.get() != "null" => input::object(&at(".parameters"), schema)?,
            _ => ANY_OBJECT.into(),
        },
        strict: tool.strict.unwrap_or_default(),
    })
}

fn tool_choice(choice: &RawValue) -> Result<ToolChoice, Fault> {
    let wrong = || {
        Fault::invalid(
            "tool_choice",
            "tool_choice is auto, none, required, or a function.",
        )
    };
    match serde_json::from_str(choice.get()).map_err(|_| wrong())? {
        ChoiceIn::Word(word) => match word.as_str() {
            "auto" => Ok(ToolChoice::Automatic),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(wrong()),
        },
        ChoiceIn::Object { kind, name } => match (kind.as_str(), name) {
            ("function", Some(name)) => Ok(ToolChoice::Named(name)),
            ("function", None) => Err(missing("tool_choice.name".into())),
            _ => Err(only_functions("tool_choice.type".into())),
        },
    }
}

impl ItemIn<'_> {
    fn add_to(
        self,
        conversation: &mut Conversation,
        model: &str,
        number: usize,
    ) -> Result<(), Fault> {
        let at = |field: &str| format!("input[{number}].{field}");
        let content = || at("content");
        match (self.kind.as_deref(), self.role) {
            (None | Some("message"), Some(role)) => match role {
                RoleIn::System | RoleIn::Developer => {
                    conversation.system.extend(self.content.texts(&content)?);
                }
                RoleIn::User => conversation.add(Role::User, self.content.parts(&content)?),
                RoleIn::Assistant => {
                    let texts = self.content.texts(&content)?;
                    conversation.add(Role::Assistant, texts.into_iter().map(Part::Text));
                }
            },
            (None | Some("message"), None) => return Err(missing(at("role"))),
            (Some("function_call"), _) => {
                let call = Part::ToolUse {
                    id: self.call_id.ok_or_else(|| missing(at("call_id")))?,
                    name: self.name.ok_or_else(|| missing(at("name")))?,
                    arguments: input::arguments(
                        || at("arguments"),
                        self.arguments.unwrap_or_default(),
                    )?,
                };
                conversation.add(Role::Assistant, [call]);
            }
            (Some("function_call_output"), _) => {
                let output = self.output.ok_or_else(|| missing(at("output")))?;
                let (texts, others) = output.apart(&|| at("output"))?;
                let result = Part::ToolResult {
                    id: self.call_id.ok_or_else(|| missing(at("call_id")))?,
                    content: texts.join("\n"),
                    is_error: false,
                };
                conversation.add(Role::User, iter::once(result).chain(others));
            }
            (Some("reasoning"), _) => {
                let summary = self.summary.into_iter().flatten().map(|part| part.text);
                let summary = summary.collect::<Vec<_>>().join("\n");
                let summary = Some(summary).filter(|text| !text.is_empty());
                let opaque = self.encrypted_content;
                let opaque = opaque.and_then(|text| sealed::open(model, &text));
                let parts = summary.map(Part::Reasoning).into_iter();
                conversation.add(Role::Assistant, parts.chain(opaque.map(Part::Blob)));
            }
            (Some("item_reference"), _) => {
                let message = "labd keeps no items: send the item itself.";
                return Err(Fault::unsupported(at("type"), message));
            }
            (Some(other), _) => {
                let message = format!("labd takes no items of the type {other}.");
                return Err(Fault::unsupported(at("type"), message));
            }
        }
        Ok(())
    }
}

fn missing(param: String) -> Fault {
    let message = format!("The parameter {param} is missing.");
    Fault::invalid(param, message).code("missing_required_parameter")
}

fn only_functions(param: String) -> Fault {
    Fault::unsupported(param, "labd knows tools of the type function only.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::ANY_JSON;
    use labd_plugin_host::kinds::ai::{Effort, Message, Retention};
    use serde_json::{Value, json};

    fn request(body: Value) -> Request {
        match read("me", body.to_string().as_bytes()) {
            Ok(asked) => asked.request,
            Err(fault) => panic!("{fault:?}"),
        }
    }

    fn picture() -> Part {
        Part::Image {
            media_type: "image/png".into(),
            data: vec![1, 2, 3],
        }
    }

    fn pdf() -> Part {
        Part::File {
            media_type: "application/pdf".into(),
            name: Some("a.pdf".into()),
            data: vec![1, 2, 3],
        }
    }

    fn refused(body: Value) -> (String, String) {
        match read("me", body.to_string().as_bytes()) {
            Ok(_) => panic!("{body} is taken"),
            Err(fault) => (fault.detail.param.unwrap_or_default(), fault.detail.message),
        }
    }

    fn with(extra: Value) -> Value {
        let mut body = json!({"model": "m", "input": "hi"});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        body
    }

    #[test]
    fn items_become_a_conversation_that_alternates() {
        let text = |text: &str| Part::Text(text.into());
        let made = request(json!({"model": "m", "instructions": "Be brief.", "input": [
            {"role": "developer", "content": "Be kind."},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "One"},
                {"type": "input_image", "image_url": "data:image/png;base64,AQID", "detail": "auto"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AQID"}
            ]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "So?"}], "encrypted_content": sealed::seal("m", &[7])},
            {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "Hm.", "annotations": []}]},
            {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": sealed::seal("m", &[8])},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": "{\"a\":1}", "status": "completed"},
            {"type": "reasoning", "id": "rs_3", "summary": [], "encrypted_content": sealed::seal("other", &[9])},
            {"type": "function_call_output", "call_id": "c1", "output": "1"},
            {"role": "user", "content": "Two"}
        ]}));
        assert_eq!(made.system, ["Be brief.", "Be kind."]);
        let expected = [
            Message {
                role: Role::User,
                parts: vec![text("One"), picture(), pdf()],
            },
            Message {
                role: Role::Assistant,
                parts: vec![
                    Part::Reasoning("So?".into()),
                    Part::Blob(vec![7]),
                    text("Hm."),
                    Part::Blob(vec![8]),
                    Part::ToolUse {
                        id: "c1".into(),
                        name: "look".into(),
                        arguments: "{\"a\":1}".into(),
                    },
                ],
            },
            Message {
                role: Role::User,
                parts: vec![
                    Part::ToolResult {
                        id: "c1".into(),
                        content: "1".into(),
                        is_error: false,
                    },
                    text("Two"),
                ],
            },
        ];
        assert_eq!(made.messages, expected);
    }

    #[test]
    fn pictures_and_files_of_an_output_stand_behind_it() {
        let made = request(json!({"model": "m", "input": [
            {"role": "user", "content": "hi"},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": [
                {"type": "input_text", "text": "1"},
                {"type": "input_image", "image_url": "data:image/png;base64,AQID"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AQID"},
                {"type": "input_text", "text": "2"}
            ]},
            {"role": "user", "content": "Two"}
        ]}));
        let expected = [
            Part::ToolResult {
                id: "c1".into(),
                content: "1\n2".into(),
                is_error: false,
            },
            picture(),
            pdf(),
            Part::Text("Two".into()),
        ];
        assert_eq!(made.messages[2].parts, expected);
    }

    #[test]
    fn every_setting_has_its_place() {
        let made = request(with(json!({
            "max_output_tokens": 5, "temperature": 0.5, "top_p": 0.25, "parallel_tool_calls": true,
            "reasoning": {"effort": "none", "summary": "auto"},
            "tools": [
                {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true},
                {"type": "function", "name": "g", "parameters": null, "strict": null}
            ],
            "tool_choice": {"type": "function", "name": "f"},
            "text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": true}, "verbosity": "medium"},
            "prompt_cache_key": "k", "safety_identifier": "s", "user": "ada", "store": false,
            "include": ["reasoning.encrypted_content"], "metadata": {"a": "b"}, "truncation": "auto",
            "service_tier": "auto", "background": false, "stream_options": {"include_obfuscation": false}
        })));
        assert_eq!(
            (made.max_tokens, made.temperature, made.top_p),
            (Some(5), Some(0.5), Some(0.25))
        );
        assert_eq!(
            (made.parallel_tools, made.effort),
            (Some(true), Some(Effort::Off))
        );
        assert_eq!(made.tool_choice, ToolChoice::Named("f".into()));
        let tool = |name: &str, description: &str, parameters: &str, strict| Tool {
            name: name.into(),
            description: description.into(),
            parameters: parameters.into(),
            strict,
        };
        let tools = [
            tool("f", "d", r#"{"type":"object"}"#, true),
            tool("g", "", ANY_OBJECT, false),
        ];
        assert_eq!(made.tools, tools);
        assert_eq!(made.output_schema.as_deref(), Some(r#"{"type":"object"}"#));
        let cache = made.cache.unwrap();
        assert_eq!(
            (cache.retention, cache.key.as_deref()),
            (Retention::Short, Some("k"))
        );
        assert_eq!(made.user, Some(input::pseudonym("me", "s")));
    }

    #[test]
    fn nothing_is_asked_for_that_was_not_said() {
        let made = request(with(json!({})));
        let plain = Request {
            messages: made.messages.clone(),
            ..Request::default()
        };
        assert_eq!(made, plain);
        let made = request(with(json!({"text": {"format": {"type": "json_object"}}})));
        assert_eq!(
            (made.system, made.output_schema),
            (vec![ANY_JSON.to_owned()], None)
        );
    }

    #[test]
    fn a_schema_that_cannot_be_kept_to_the_letter_is_asked_for_in_words() {
        let asked = |strict: Value| {
            let format = json!({"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": strict});
            request(with(
                json!({ "instructions": "Be brief.", "text": {"format": format} }),
            ))
        };
        for strict in [json!(null), json!(false)] {
            let made = asked(strict);
            let words = format!("{}\n{}", input::BY_SCHEMA, r#"{"type":"object"}"#);
            assert_eq!(made.system, ["Be brief.".to_owned(), words]);
            assert_eq!(made.output_schema, None);
        }
        let made = asked(json!(true));
        assert_eq!(made.output_schema.as_deref(), Some(r#"{"type":"object"}"#));
        assert_eq!(made.system, ["Be brief."]);
    }

    #[test]
    fn what_labd_cannot_do_is_refused_by_name() {
        for (param, value) in [
            ("store", json!(true)),
            ("background", json!(true)),
            ("previous_response_id", json!("resp_1")),
            ("conversation", json!("conv_1")),
            ("prompt", json!({"id": "p"})),
            ("context_management", json!([])),
            ("moderation", json!({"model": "m"})),
            ("top_logprobs", json!(2)),
            ("include", json!(["message.output_text.logprobs"])),
            ("temperature", json!(3)),
            ("max_output_tokens", json!(0)),
            ("tool_choice", json!("any")),
            ("reasoning.effort", json!({"effort": "huge"})),
            ("text.verbosity", json!({"verbosity": "low"})),
            ("instructions", json!(5)),
            ("top_k", json!(5)),
        ] {
            let field = param.split('.').next().unwrap();
            let (named, message) = refused(with(json!({ field: value })));
            assert_eq!(named, param, "{message}");
            assert!(message.contains(param), "{message}");
        }
        for (param, extra) in [
            ("tools[0].type", json!({"tools": [{"type": "web_search"}]})),
            ("tools[0].name", json!({"tools": [{"type": "function"}]})),
            (
                "tools[0].parameters",
                json!({"tools": [{"type": "function", "name": "f", "parameters": []}]}),
            ),
            (
                "tool_choice.type",
                json!({"tool_choice": {"type": "web_search"}}),
            ),
            (
                "text.format.type",
                json!({"text": {"format": {"type": "grammar"}}}),
            ),
            (
                "text.format.schema",
                json!({"text": {"format": {"type": "json_schema", "name": "x"}}}),
            ),
        ] {
            assert_eq!(refused(with(extra)).0, param);
        }
    }

    #[test]
    fn a_conversation_that_the_user_does_not_begin_is_taken() {
        let made = request(json!({"model": "m", "instructions": "Say hello.", "input": []}));
        assert!(made.system.is_empty());
        assert_eq!(made.messages[0].parts, [Part::Text("Say hello.".into())]);
        let made = request(json!({"model": "m", "input": [{"role": "assistant", "content": "x"}]}));
        let roles: Vec<_> = made.messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::User, Role::Assistant]);
    }

    #[test]
    fn an_item_that_cannot_be_said_is_refused_by_its_place() {
        let user = json!({"role": "user", "content": "hi"});
        let input = |input: Value| refused(json!({"model": "m", "input": input})).0;
        assert_eq!(input(json!("")), "input");
        assert_eq!(input(json!([])), "input");
        assert_eq!(input(json!(5)), "input");
        for (place, item) in [
            ("type", json!({"type": "item_reference", "id": "msg_1"})),
            ("type", json!({"type": "web_search_call", "id": "ws_1"})),
            ("role", json!({"type": "message", "content": "x"})),
            ("role", json!({"role": "tool", "content": "x"})),
            (
                "call_id",
                json!({"type": "function_call", "name": "f", "arguments": "{}"}),
            ),
            (
                "arguments",
                json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "no"}),
            ),
            (
                "output",
                json!({"type": "function_call_output", "call_id": "c"}),
            ),
            (
                "content[0].file_id",
                json!({"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}),
            ),
        ] {
            assert_eq!(input(json!([user, item])), format!("input[1].{place}"));
        }
    }
}
