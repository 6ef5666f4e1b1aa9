//! What is sent to OpenAI, over a scripted server.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use labd_ai_openai::{Config, OpenAi, Summary};
use labd_plugin::ai::{
    AiProvider, CacheHints, Effort, EmbedRequest, Event, File, FinishReason, Image, Message, Part,
    Request, Retention, Role, Tool, ToolChoice, ToolResult, ToolUse,
};
use labd_plugin::testing::FakeHost;
use labd_plugin::testing::ai::{drain, request};
use labd_plugin::{Error, config};
use serde_json::{Value, json};

/// What goes out, and where to.
fn sent_to(config: Config, request: Request) -> (String, Value) {
    let host = FakeHost::new();
    host.respond(200, ["data: [DONE]\n\n"]);
    OpenAi::new(host.clone())
        .complete(config, request)
        .map(drop)
        .unwrap();
    let sent = &host.requests()[0];
    assert!(sent.headers.iter().all(|(name, _)| name != "authorization"));
    let body = serde_json::from_slice(sent.body.as_deref().unwrap()).unwrap();
    (sent.url.clone(), body)
}

fn sent(request: Request) -> Value {
    let (url, body) = sent_to(Config::default(), request);
    assert_eq!(url, "https://api.openai.com/v1/responses");
    body
}

fn refused(request: Request) -> String {
    let error = OpenAi::new(FakeHost::new()).complete(Config::default(), request);
    match error.err().unwrap() {
        Error::InvalidRequest(fault) => fault.message,
        other => format!("{other:?}"),
    }
}

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts }
}

fn call(id: &str) -> Part {
    Part::ToolUse(ToolUse {
        id: id.into(),
        name: "read".into(),
        arguments: "{\"p\":1}".into(),
    })
}

fn result(id: &str, is_error: bool) -> Part {
    Part::ToolResult(ToolResult {
        id: id.into(),
        content: "text".into(),
        is_error,
    })
}

fn tool(parameters: &str, strict: bool) -> Tool {
    Tool {
        name: "read".into(),
        description: "Reads.".into(),
        parameters: parameters.into(),
        strict,
    }
}

const CLOSED: &str = r#"{"type":"object","properties":{"p":{"type":"integer"}},"required":["p"],"additionalProperties":false}"#;

fn hints(key: Option<&str>, retention: Retention) -> Option<CacheHints> {
    Some(CacheHints {
        tools: true,
        system: 1,
        messages: 0,
        retention,
        key: key.map(str::to_owned),
    })
}

/// A request that uses all there is.
fn rich() -> Request {
    let mut wanted = request("gpt-5.4", "Look");
    wanted.system = vec!["Be brief.".into(), "Be right.".into()];
    wanted.messages[0].parts.extend([
        Part::Image(Image {
            media_type: "image/png".into(),
            data: vec![1, 2, 3],
        }),
        Part::File(File {
            media_type: "application/pdf".into(),
            name: Some("a.pdf".into()),
            data: vec![1, 2, 3],
        }),
        Part::File(File {
            media_type: "text/csv".into(),
            name: None,
            data: b"a,b".to_vec(),
        }),
    ]);
    wanted.messages.push(message(
        Role::Assistant,
        vec![
            Part::Reasoning("Hm".into()),
            Part::Text("Let me see.".into()),
            call("call_a"),
            call("call_b"),
        ],
    ));
    wanted.messages.push(message(
        Role::User,
        vec![
            result("call_a", false),
            result("call_b", true),
            Part::Text("Go on".into()),
        ],
    ));
    wanted.tools = vec![tool(CLOSED, true), tool("{\"type\":\"object\"}", false)];
    wanted.tool_choice = ToolChoice::Named("read".into());
    wanted.parallel_tools = Some(false);
    wanted.output_schema = Some(CLOSED.into());
    wanted.max_tokens = Some(99);
    wanted.temperature = Some(0.5);
    wanted.top_p = Some(0.25);
    wanted.effort = Some(Effort::Low);
    wanted.user = Some("u-1".into());
    wanted.cache = hints(Some("project-7"), Retention::Long);
    wanted
}

#[test]
fn a_conversation_is_written_as_input_items() {
    let schema: Value = serde_json::from_str(CLOSED).unwrap();
    let call = |id: &str| json!({ "type": "function_call", "call_id": id, "name": "read", "arguments": "{\"p\":1}" });
    assert_eq!(
        sent(rich()),
        json!({
            "model": "gpt-5.4",
            "instructions": "Be brief.\n\nBe right.",
            "input": [
                { "type": "message", "role": "user", "content": [
                    { "type": "input_text", "text": "Look" },
                    { "type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AQID" },
                    { "type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AQID" },
                    { "type": "input_text", "text": "<file name=\"file\">\na,b\n</file>" },
                ] },
                { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Let me see." }] },
                call("call_a"),
                call("call_b"),
                { "type": "function_call_output", "call_id": "call_a", "output": "text" },
                { "type": "function_call_output", "call_id": "call_b", "output": "Error: text" },
                { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "Go on" }] },
            ],
            "stream": true,
            "store": false,
            "include": ["reasoning.encrypted_content"],
            "reasoning": { "effort": "low", "summary": "auto" },
            "tools": [
                { "type": "function", "name": "read", "description": "Reads.", "parameters": schema, "strict": true },
                { "type": "function", "name": "read", "description": "Reads.", "parameters": { "type": "object" }, "strict": false },
            ],
            "parallel_tool_calls": false,
            "tool_choice": { "type": "function", "name": "read" },
            "text": { "format": { "type": "json_schema", "name": "answer", "schema": schema, "strict": true } },
            "max_output_tokens": 99,
            "safety_identifier": "u-1",
            "prompt_cache_key": "project-7",
            "prompt_cache_retention": "24h",
        })
    );
}

#[test]
fn what_was_not_asked_for_is_left_out() {
    assert_eq!(
        sent(request("gpt-4.1-mini", "Hi")),
        json!({
            "model": "gpt-4.1-mini",
            "input": [{ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "Hi" }] }],
            "stream": true,
            "store": false,
        })
    );
}

#[test]
fn a_model_is_asked_only_for_what_it_knows() {
    let mut plain = request("gpt-4o", "Hi");
    plain.effort = Some(Effort::High);
    plain.cache = hints(None, Retention::Long);
    let body = sent(plain);
    for key in ["reasoning", "include", "prompt_cache_retention"] {
        assert_eq!(body.get(key), None, "{key}");
    }
    let mut off = request("gpt-5.4", "Hi");
    off.effort = Some(Effort::Off);
    assert_eq!(sent(off.clone())["reasoning"], json!({ "effort": "none" }));
    off.effort = Some(Effort::Highest);
    let quiet = Config {
        reasoning_summary: Summary::None,
        ..Config::default()
    };
    assert_eq!(
        sent_to(quiet, off).1["reasoning"],
        json!({ "effort": "xhigh" })
    );
}

#[test]
fn a_model_that_reasons_is_not_told_how_to_choose_its_words() {
    for (model, effort, takes) in [
        ("gpt-4.1", None, true),
        ("gpt-5-mini", None, false),
        ("gpt-5.4", Some(Effort::Off), true),
        ("gpt-5.4", Some(Effort::High), false),
    ] {
        for api in ["responses", "chat"] {
            let config = config::parse(&json!({ "api": api }).to_string()).unwrap();
            let mut wanted = request(model, "Hi");
            (wanted.temperature, wanted.top_p) = (Some(0.5), Some(0.25));
            wanted.effort = effort;
            let host = FakeHost::new();
            host.respond(200, ["data: [DONE]\n\n"]);
            OpenAi::new(host.clone())
                .complete(config, wanted)
                .map(drop)
                .unwrap();
            let sent = host.requests()[0].body.clone().unwrap();
            let body: Value = serde_json::from_slice(&sent).unwrap();
            let told = ["temperature", "top_p"].map(|key| body.get(key).is_some());
            assert_eq!(told, [takes; 2], "{model} {api}");
            assert_eq!(host.logs().len(), if takes { 0 } else { 2 }, "{model}");
        }
    }
}

#[test]
fn a_model_of_an_unknown_name_is_asked_for_nothing_that_it_may_refuse() {
    let mut wanted = request("acme-deployment", "Hi");
    assert_eq!(sent(wanted.clone()).get("include"), None);
    wanted.effort = Some(Effort::Off);
    assert_eq!(sent(wanted.clone()).get("reasoning"), None);
    // Who asks for an effort has a model that reasons.
    wanted.effort = Some(Effort::Highest);
    let body = sent(wanted);
    assert_eq!(body["reasoning"]["effort"], "high");
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
}

#[test]
fn the_stop_texts_of_a_model_that_reasons_are_looked_for_in_its_answer() {
    let delta = |text: &str| {
        let event = json!({ "type": "response.output_text.delta", "item_id": "m", "delta": text });
        format!("event: response.output_text.delta\ndata: {event}\n\n")
    };
    let host = FakeHost::new();
    host.respond(200, [delta("1, 2, "), delta("3, E"), delta("ND, 5")]);
    let mut wanted = request("gpt-5-mini", "Count");
    wanted.stop = vec!["END".into()];
    let mut answer = OpenAi::new(host.clone())
        .complete(Config::default(), wanted)
        .map_err(|error| error.message().to_owned())
        .unwrap();
    let (events, error) = drain(&mut answer, 16);
    assert!(error.is_none());
    let texts = events.iter().filter_map(|event| match event {
        Event::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let text: String = texts.collect();
    assert_eq!(text, "1, 2, 3, ");
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::Stop)));
    let sent = &host.requests()[0];
    assert!(sent.url.ends_with("/responses"), "no detour is needed");
    let body: Value = serde_json::from_slice(sent.body.as_deref().unwrap()).unwrap();
    assert_eq!(body.get("stop"), None);
}

#[test]
fn choices_of_tools_have_their_words() {
    for (choice, word) in [
        (ToolChoice::Automatic, None),
        (ToolChoice::None, Some("none")),
        (ToolChoice::Required, Some("required")),
    ] {
        let mut wanted = request("gpt-5", "Hi");
        wanted.tools = vec![tool("{}", false)];
        wanted.tool_choice = choice;
        assert_eq!(
            sent(wanted).get("tool_choice"),
            word.map(Value::from).as_ref()
        );
    }
}

#[test]
fn what_responses_cannot_say_goes_through_chat_completions() {
    let mut stopped = request("gpt-4.1", "Count");
    stopped.stop = vec!["4".into()];
    let mut short = request("gpt-4.1", "Count");
    short.max_tokens = Some(5);
    for wanted in [stopped, short] {
        let (url, body) = sent_to(Config::default(), wanted);
        assert_eq!(url, "https://api.openai.com/v1/chat/completions");
        assert_eq!(body["messages"][0]["content"], "Count");
    }
}

#[test]
fn chat_completions_is_a_setting() {
    let chat: Config =
        config::parse(r#"{"api":"chat","base-url":"https://proxy.example/v1/"}"#).unwrap();
    let (url, body) = sent_to(chat, rich());
    assert_eq!(url, "https://proxy.example/v1/chat/completions");
    assert_eq!(body["max_completion_tokens"], 99);
    assert_eq!(body["reasoning_effort"], "low");
    assert_eq!(body["safety_identifier"], "u-1");
    assert_eq!(body["prompt_cache_key"], "project-7");
    assert_eq!(body["tools"][0]["function"]["strict"], true);
    assert_eq!(body["stream_options"], json!({ "include_usage": true }));
    assert!(config::parse::<Config>(r#"{"api":"x"}"#).is_err());
}

#[test]
fn what_came_as_blobs_goes_back_in_its_place_and_unchanged() {
    let stream = concat!(
        "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"model\":\"gpt-5.4\"}}\n\n",
        "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[]}}\n\n",
        "data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"Hm\"}],\"encrypted_content\":\"gAAA\",\"status\":null}}\n\n",
        "data: {\"type\":\"response.output_item.done\",\"output_index\":1,\"item\":{\"type\":\"message\",\"role\":\"assistant\",\"phase\":\"commentary\",\"content\":[{\"type\":\"output_text\",\"text\":\"I look.\"}]}}\n\n",
        "data: {\"type\":\"response.output_item.done\",\"output_index\":2,\"item\":{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"call_1\",\"name\":\"read\",\"arguments\":\"{}\"}}\n\n",
        "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n\n",
    );
    let host = FakeHost::new();
    host.respond(200, [stream]);
    let mut completion = OpenAi::new(host)
        .complete(Config::default(), request("gpt-5.4", "Hi"))
        .unwrap();
    let (events, error) = drain(&mut completion, 16);
    assert_eq!(error, None);
    // As the host keeps an answer.
    let parts = events
        .into_iter()
        .filter_map(|event| match event {
            Event::Text(text) => Some(Part::Text(text)),
            Event::Reasoning(text) => Some(Part::Reasoning(text)),
            Event::Blob(blob) => Some(Part::Blob(blob)),
            Event::ToolStarted(tool) => Some(call(&tool.id)),
            _ => None,
        })
        .collect();
    let mut next = request("gpt-5.4", "Hi");
    next.messages.push(message(Role::Assistant, parts));
    next.messages
        .push(message(Role::User, vec![result("call_1", false)]));
    assert_eq!(
        sent(next)["input"].as_array().unwrap()[1..],
        [
            json!({ "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "Hm" }], "encrypted_content": "gAAA" }),
            json!({ "type": "message", "role": "assistant", "phase": "commentary", "content": [{ "type": "output_text", "text": "I look." }] }),
            json!({ "type": "function_call", "call_id": "call_1", "name": "read", "arguments": "{\"p\":1}" }),
            json!({ "type": "function_call_output", "call_id": "call_1", "output": "text" }),
        ]
    );
}

#[test]
fn a_reasoning_that_led_to_nothing_and_a_blob_of_nobody_stay_out() {
    let reasoning = br#"{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"g"}"#;
    let mut wanted = request("gpt-5.4", "Hi");
    wanted.messages.push(message(
        Role::Assistant,
        vec![
            Part::Blob(b"\xff\x00".to_vec()),
            Part::Text("Well".into()),
            Part::Blob(reasoning.to_vec()),
        ],
    ));
    let body = sent(wanted);
    assert_eq!(body["input"].as_array().unwrap().len(), 2);
    assert_eq!(body["input"][1]["content"][0]["text"], "Well");
}

#[test]
fn a_long_id_of_another_provider_is_written_as_a_short_one() {
    let long = "x".repeat(80);
    let mut wanted = request("gpt-5.4", "Hi");
    wanted
        .messages
        .push(message(Role::Assistant, vec![call(&long)]));
    wanted
        .messages
        .push(message(Role::User, vec![result(&long, false)]));
    let body = sent(wanted);
    assert_eq!(body["input"][1]["call_id"], body["input"][2]["call_id"]);
    assert_eq!(body["input"][1]["call_id"].as_str().unwrap().len(), 9);
}

#[test]
fn a_schema_that_cannot_be_enforced_is_refused_with_its_place() {
    for (schema, told) in [
        ("[]", "at its root, it must be of type `object`"),
        (
            r#"{"type":"object","anyOf":[]}"#,
            "at its root, it cannot be `anyOf`",
        ),
        (
            r#"{"type":"object"}"#,
            "at its root, the object needs `additionalProperties: false`",
        ),
        (
            r#"{"type":"object","additionalProperties":false,"required":[],"properties":{"a":{}}}"#,
            "the property `a` must be in `required`",
        ),
        (
            r#"{"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":{"type":"array","items":{"allOf":[]}}}}"#,
            "at /properties/a/items, `allOf` is not supported",
        ),
        (
            r#"{"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":{}}}"#,
            "at /properties/a, it needs a `type`",
        ),
        (
            r#"{"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":{"type":["array","null"]}}}"#,
            "at /properties/a, the array needs `items`",
        ),
        (
            r##"{"type":"object","additionalProperties":false,"$defs":{"x":{"type":["object","null"]}}}"##,
            "at /$defs/x, the object needs",
        ),
        (
            r#"{"type":"object","additionalProperties":false,"required":["a"],"properties":{"a":{"anyOf":[{"type":"string"},{"type":"string","not":{}}]}}}"#,
            "at /properties/a/anyOf/1, `not` is not supported",
        ),
    ] {
        let mut output = request("gpt-5.4", "Hi");
        output.output_schema = Some(schema.into());
        let message = refused(output);
        assert!(
            message.contains(told) && message.contains("the output"),
            "{message}"
        );
        let mut strict = request("gpt-5.4", "Hi");
        strict.tools = vec![tool(schema, true)];
        let message = refused(strict);
        assert!(
            message.contains(told) && message.contains("`read`"),
            "{message}"
        );
        // A tool that is not strict may have any schema.
        let mut loose = request("gpt-5.4", "Hi");
        loose.tools = vec![tool(schema, false)];
        sent(loose);
    }
    let mut deep = r#"{"type":"string"}"#.to_owned();
    for _ in 0..11 {
        deep = format!(
            r#"{{"type":"object","additionalProperties":false,"required":["a"],"properties":{{"a":{deep}}}}}"#
        );
    }
    let mut wanted = request("gpt-5.4", "Hi");
    wanted.output_schema = Some(deep);
    assert!(refused(wanted.clone()).contains("10 levels"));
    let values: Vec<String> = (0..1001).map(|n| format!("\"{n}\"")).collect();
    wanted.output_schema = Some(format!(
        r#"{{"type":"object","additionalProperties":false,"required":["a"],"properties":{{"a":{{"enum":[{}]}}}}}}"#,
        values.join(",")
    ));
    assert!(refused(wanted.clone()).contains("1000 enumerated"));
    wanted.output_schema = Some("{".into());
    assert!(refused(wanted).contains("no JSON"));
}

#[test]
fn embeddings_and_models_are_those_of_the_api() {
    let host = FakeHost::new();
    host.respond(200, [r#"{"object":"list","model":"text-embedding-3-small","data":[{"index":0,"embedding":[0.5,1]}],"usage":{"prompt_tokens":4,"total_tokens":4}}"#]);
    host.respond(
        200,
        [r#"{"object":"list","data":[{"id":"gpt-5.4"},{"id":"dall-e-3"},{"id":"text-embedding-3-small"}]}"#],
    );
    let provider = OpenAi::new(host.clone());
    let asked = EmbedRequest {
        model: "text-embedding-3-small".into(),
        texts: vec!["a".into()],
        dimensions: Some(2),
        purpose: None,
        user: Some("u-1".into()),
    };
    let given = provider.embed(Config::default(), asked).unwrap();
    assert_eq!(
        (given.vectors, given.usage.input),
        (vec![vec![0.5, 1.0]], Some(4))
    );
    let models = provider.models(Config::default()).unwrap();
    let ids: Vec<_> = models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["gpt-5.4", "text-embedding-3-small"]);
    let sent = host.requests();
    assert_eq!(sent[0].url, "https://api.openai.com/v1/embeddings");
    assert_eq!(
        serde_json::from_slice::<Value>(sent[0].body.as_deref().unwrap()).unwrap(),
        json!({ "model": "text-embedding-3-small", "input": ["a"], "dimensions": 2, "user": "u-1" })
    );
    assert_eq!(sent[1].url, "https://api.openai.com/v1/models");
}
