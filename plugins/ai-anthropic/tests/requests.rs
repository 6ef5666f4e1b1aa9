//! What the API is asked, to the letter.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use labd_ai_anthropic::{Anthropic, Config};
use labd_plugin::ai::{
    AiProvider, CacheHints, Capabilities, Effort, Event, File, FinishReason, Image, Message, Part,
    Request, Retention, Role, Tool, ToolChoice, ToolResult, ToolUse,
};
use labd_plugin::testing::ai::{drain, joined, request};
use labd_plugin::testing::{FakeHost, Piece};
use labd_plugin::{Error, Result};
use serde_json::{Value, json};

fn tried(request: Request) -> Result<(FakeHost, Value)> {
    let host = FakeHost::new();
    host.respond(200, ["event: ping\n\n"]);
    Anthropic::new(host.clone())
        .complete(Config::default(), request)
        .map(drop)?;
    let sent = &host.requests()[0];
    assert_eq!(
        (sent.method.as_str(), sent.url.as_str()),
        ("POST", "https://api.anthropic.com/v1/messages")
    );
    let version = ("anthropic-version".to_owned(), "2023-06-01".to_owned());
    assert!(sent.headers.contains(&version));
    assert!(sent.headers.iter().all(|(name, _)| name != "x-api-key"));
    let body = serde_json::from_slice(sent.body.as_deref().unwrap()).unwrap();
    Ok((host, body))
}

fn sent(request: Request) -> Value {
    tried(request).unwrap().1
}

fn tool_use(id: &str) -> Part {
    Part::ToolUse(ToolUse {
        id: id.into(),
        name: "read".into(),
        arguments: "{\"p\":1}".into(),
    })
}

fn result(id: &str, content: &str, is_error: bool) -> Part {
    Part::ToolResult(ToolResult {
        id: id.into(),
        content: content.into(),
        is_error,
    })
}

fn tool(strict: bool) -> Tool {
    Tool {
        name: "read".into(),
        description: "Reads.".into(),
        parameters: "{\"type\":\"object\"}".into(),
        strict,
    }
}

fn file(media_type: &str, name: Option<&str>, data: &[u8]) -> Part {
    Part::File(File {
        media_type: media_type.into(),
        name: name.map(str::to_owned),
        data: data.to_vec(),
    })
}

fn hints(tools: bool, system: u32, messages: u32, retention: Retention) -> Option<CacheHints> {
    Some(CacheHints {
        tools,
        system,
        messages,
        retention,
        key: None,
    })
}

#[test]
fn the_least_is_a_model_a_message_and_a_limit() {
    assert_eq!(
        sent(request("claude-sonnet-4-5", "Hello")),
        json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 32000,
            "stream": true,
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Hello" }] }],
        })
    );
    for (model, limit) in [("claude-3-haiku-20240307", 4096), ("MiniMax-M2", 8192)] {
        assert_eq!(sent(request(model, "Hello"))["max_tokens"], limit);
    }
}

#[test]
fn a_conversation_is_written_as_the_api_has_it() {
    let mut wanted = request("claude-sonnet-4-5", "Look");
    wanted.system = vec!["Be brief.".into(), String::new(), "Be right.".into()];
    wanted.messages[0].parts.extend([
        Part::Text(String::new()),
        Part::Image(Image {
            media_type: "image/png".into(),
            data: vec![1, 2, 3],
        }),
        file("application/pdf", Some("a.pdf"), &[1, 2, 3]),
        file("text/csv; charset=utf-8", None, "ä,b".as_bytes()),
    ]);
    wanted.messages.push(Message {
        role: Role::Assistant,
        parts: vec![
            Part::Text("I read.".into()),
            tool_use("toolu_1"),
            tool_use("call:2|x"),
        ],
    });
    wanted.messages.push(Message {
        role: Role::User,
        parts: vec![
            Part::Text("Go on".into()),
            result("toolu_1", "text", false),
            result("call:2|x", "", true),
            result("toolu_3", "", false),
        ],
    });
    wanted.tools = vec![tool(true)];
    wanted.parallel_tools = Some(false);
    wanted.tool_choice = ToolChoice::Named("read".into());
    wanted.output_schema = Some("{\"type\":\"object\"}".into());
    wanted.max_tokens = Some(9);
    wanted.temperature = Some(1.5);
    wanted.user = Some("u-1".into());
    wanted.stop = vec!["END".into()];
    let call =
        |id: &str| json!({ "type": "tool_use", "id": id, "name": "read", "input": { "p": 1 } });
    assert_eq!(
        sent(wanted),
        json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 9,
            "stream": true,
            "tools": [{ "name": "read", "description": "Reads.", "input_schema": { "type": "object" }, "strict": true }],
            "tool_choice": { "type": "tool", "name": "read", "disable_parallel_tool_use": true },
            "system": [{ "type": "text", "text": "Be brief." }, { "type": "text", "text": "Be right." }],
            "messages": [
                { "role": "user", "content": [
                    { "type": "text", "text": "Look" },
                    { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "AQID" } },
                    { "type": "document", "title": "a.pdf", "source": { "type": "base64", "media_type": "application/pdf", "data": "AQID" } },
                    { "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": "ä,b" } },
                ] },
                { "role": "assistant", "content": [{ "type": "text", "text": "I read." }, call("toolu_1"), call("call_2_x")] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": "toolu_1", "content": "text" },
                    { "type": "tool_result", "tool_use_id": "call_2_x", "is_error": true, "content": "The tool failed and said nothing." },
                    { "type": "tool_result", "tool_use_id": "toolu_3" },
                    { "type": "text", "text": "Go on" },
                ] },
            ],
            "temperature": 1.0,
            "output_config": { "format": { "type": "json_schema", "schema": { "type": "object" } } },
            "stop_sequences": ["END"],
            "metadata": { "user_id": "u-1" },
        })
    );
}

#[test]
fn each_choice_of_tools_has_its_word() {
    for (choice, parallel, word) in [
        (ToolChoice::Automatic, None, Value::Null),
        (ToolChoice::Automatic, Some(true), Value::Null),
        (
            ToolChoice::Automatic,
            Some(false),
            json!({ "type": "auto", "disable_parallel_tool_use": true }),
        ),
        (ToolChoice::None, Some(false), json!({ "type": "none" })),
        (ToolChoice::Required, None, json!({ "type": "any" })),
    ] {
        let mut wanted = request("claude-sonnet-4-5", "Hello");
        wanted.tools = vec![tool(false)];
        wanted.tool_choice = choice;
        wanted.parallel_tools = parallel;
        let body = sent(wanted);
        assert_eq!(body["tool_choice"], word);
        assert_eq!(body["tools"][0].get("strict"), None);
    }
}

#[test]
fn what_comes_again_is_marked_where_it_ends() {
    let mut wanted = request("claude-sonnet-4-5", "One");
    wanted.system = vec!["A".into(), "B".into()];
    wanted.tools = vec![tool(false), tool(false)];
    wanted.messages.push(Message {
        role: Role::Assistant,
        parts: vec![
            Part::Text("Two".into()),
            Part::Blob(br#"{"redacted":"x"}"#.to_vec()),
        ],
    });
    wanted
        .messages
        .push(request("", "Three").messages.remove(0));
    let marked = |wanted: &Request| {
        let body = sent(wanted.clone());
        let mut places = Vec::new();
        for place in [
            "/tools/0",
            "/tools/1",
            "/system/0",
            "/system/1",
            "/messages/0/content/0",
            "/messages/1/content/0",
            "/messages/1/content/1",
            "/messages/2/content/0",
        ] {
            let control = body.pointer(place).and_then(|one| one.get("cache_control"));
            places.extend(control.map(|control| (place, control.clone())));
        }
        places
    };
    let short = json!({ "type": "ephemeral" });
    let long = json!({ "type": "ephemeral", "ttl": "1h" });
    assert!(marked(&wanted).is_empty());
    wanted.cache = hints(true, 0, 0, Retention::Short);
    assert_eq!(marked(&wanted), [("/tools/1", short.clone())]);
    wanted.cache = hints(false, 1, 0, Retention::Long);
    assert_eq!(
        marked(&wanted),
        [("/tools/1", long.clone()), ("/system/0", long.clone())]
    );
    // All of the system comes again with messages; thinking cannot be marked.
    wanted.cache = hints(false, 0, 2, Retention::Short);
    assert_eq!(
        marked(&wanted),
        [
            ("/tools/1", short.clone()),
            ("/system/1", short.clone()),
            ("/messages/1/content/0", short)
        ]
    );
}

#[test]
fn no_message_ends_with_thoughts() {
    let thoughts = [
        Part::Reasoning("Hm.".into()),
        Part::Blob(br#"{"signature":"s"}"#.to_vec()),
        Part::Blob(br#"{"redacted":"x"}"#.to_vec()),
    ];
    let text = [Part::Text("Yes".into())];
    let mut wanted = request("claude-sonnet-4-5", "One");
    for (parts, next) in [
        ([&thoughts[..], &text, &thoughts].concat(), "Two"),
        // Nothing is left of it.
        (thoughts.to_vec(), "Three"),
    ] {
        wanted.messages.push(Message {
            role: Role::Assistant,
            parts,
        });
        wanted.messages.push(request("", next).messages.remove(0));
    }
    let user =
        |text: &str| json!({ "role": "user", "content": [{ "type": "text", "text": text }] });
    assert_eq!(
        sent(wanted)["messages"],
        json!([
            user("One"),
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "Hm.", "signature": "s" },
                { "type": "redacted_thinking", "data": "x" },
                { "type": "text", "text": "Yes" },
            ] },
            user("Two"),
            user("Three"),
        ])
    );
}

#[test]
fn thinking_is_asked_for_as_the_model_has_it() {
    let fields = |model: &str, effort: Effort, max: Option<u32>| {
        let mut wanted = request(model, "Hello");
        wanted.effort = Some(effort);
        wanted.max_tokens = max;
        let body = sent(wanted);
        (body["thinking"].clone(), body["output_config"].clone())
    };
    let budget = |tokens: u32| {
        (
            json!({ "type": "enabled", "budget_tokens": tokens }),
            Value::Null,
        )
    };
    let adaptive = |word: &str| {
        (
            json!({ "type": "adaptive", "display": "summarized" }),
            json!({ "effort": word }),
        )
    };
    let nothing = (Value::Null, Value::Null);
    for (model, effort, max, expected) in [
        (
            "claude-3-5-sonnet-20241022",
            Effort::High,
            None,
            nothing.clone(),
        ),
        ("claude-sonnet-4-5", Effort::Off, None, nothing.clone()),
        ("claude-sonnet-4-5", Effort::Minimal, None, budget(1024)),
        ("claude-sonnet-4-5", Effort::Medium, None, budget(10_000)),
        ("claude-sonnet-4-5", Effort::Highest, None, budget(60_000)),
        (
            "claude-opus-4-1",
            Effort::Highest,
            None,
            budget(32_000 - 1024),
        ),
        // The budget is less than the limit, and what is left of it is for the answer.
        ("claude-sonnet-4-5", Effort::High, Some(4096), budget(3072)),
        (
            "claude-sonnet-4-5",
            Effort::High,
            Some(1500),
            nothing.clone(),
        ),
        ("claude-opus-4-6", Effort::Low, None, adaptive("low")),
        ("claude-opus-4-7", Effort::Off, None, nothing),
        ("claude-opus-5", Effort::Highest, None, adaptive("max")),
        (
            "claude-opus-5",
            Effort::Off,
            None,
            (json!({ "type": "disabled" }), Value::Null),
        ),
        (
            "claude-fable-5",
            Effort::Off,
            None,
            (Value::Null, json!({ "effort": "low" })),
        ),
    ] {
        assert_eq!(fields(model, effort, max), expected, "{model} {effort:?}");
    }
}

#[test]
fn what_a_model_does_not_take_is_left_out_and_logged() {
    let keys =
        |body: &Value| ["temperature", "top_p", "thinking"].map(|key| body.get(key).is_some());
    let mut wanted = request("claude-sonnet-4-5", "Hello");
    wanted.top_p = Some(0.5);
    assert_eq!(keys(&sent(wanted.clone())), [false, true, false]);
    wanted.temperature = Some(0.5);
    assert_eq!(keys(&sent(wanted.clone())), [true, false, false]);
    wanted.effort = Some(Effort::Low);
    assert_eq!(keys(&sent(wanted.clone())), [false, false, true]);
    // A model that is made to call a tool does not think with a budget.
    wanted.tools = vec![tool(false)];
    wanted.tool_choice = ToolChoice::Required;
    assert_eq!(keys(&sent(wanted.clone())), [true, false, false]);
    wanted.model = "claude-opus-4-8".into();
    let (host, body) = tried(wanted.clone()).unwrap();
    assert_eq!(keys(&body), [false, false, false]);
    assert_eq!(body["output_config"], json!({ "effort": "low" }));
    let logs = host.logs();
    let told = |word: &str| logs.iter().any(|line| line.message.contains(word));
    assert!(told("temperature") && told("top-p") && !told("thinking"));
    wanted.model = "claude-opus-5".into();
    assert_eq!(keys(&sent(wanted)), [false, false, false]);
}

#[test]
fn an_answer_that_was_begun_is_refused_for_models_that_would_not_go_on_with_it() {
    let begun = |model: &str, text: &str| {
        let mut wanted = request(model, "A city?");
        wanted.messages.push(Message {
            role: Role::Assistant,
            parts: vec![Part::Text(text.into())],
        });
        wanted
    };
    let error = tried(begun("claude-opus-5", "It is")).map(drop).err();
    let Some(Error::InvalidRequest(fault)) = error else {
        panic!("{error:?}");
    };
    assert!(fault.message.contains("`claude-opus-5`"), "{fault:?}");
    assert!(fault.hint.unwrap().contains("message of the user"));
    // Nothing of it is sent, so that nothing was begun.
    assert_eq!(
        sent(begun("claude-opus-5", " "))["messages"][1],
        Value::Null
    );
    // Older models go on, and do not think before it.
    let mut old = begun("claude-sonnet-4-5", "It is");
    old.effort = Some(Effort::High);
    let (host, body) = tried(old).unwrap();
    assert_eq!(body["messages"][1]["content"][0]["text"], "It is");
    assert_eq!(body.get("thinking"), None);
    assert!(host.logs()[0].message.contains("thinking"));
}

#[test]
fn stop_texts_that_the_api_refuses_are_looked_for_in_the_answer() {
    let event = |event: Value| format!("data: {event}\n\n");
    let delta = |text: &str| {
        event(
            json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } }),
        )
    };
    let host = FakeHost::new();
    host.respond_with(
        200,
        &[("content-type", "text/event-stream")],
        [
            event(json!({ "type": "message_start", "message": { "id": "m" } })),
            event(json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text" } })),
            delta("one\n"),
            delta("\ntwo"),
        ]
        .map(|text| Piece::Bytes(text.into())),
    );
    let mut wanted = request("claude-opus-5", "Count");
    wanted.stop = vec!["\n\n".into(), "END".into()];
    let mut answer = Anthropic::new(host.clone())
        .complete(Config::default(), wanted)
        .map_err(|error| error.message().to_owned())
        .unwrap();
    let (events, error) = drain(&mut answer, 16);
    assert!(error.is_none());
    let told = joined(&events);
    assert!(told.contains(&Event::Text("one".into())), "{told:?}");
    assert_eq!(told.last(), Some(&Event::Finish(FinishReason::Stop)));
    let body = host.requests()[0].body.clone().unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["stop_sequences"], json!(["END"]));
}

#[test]
fn thoughts_go_back_where_they_stood() {
    let mut wanted = request("claude-sonnet-4-5", "Hello");
    wanted.effort = Some(Effort::Medium);
    wanted.messages.push(Message {
        role: Role::Assistant,
        parts: vec![
            Part::Reasoning("Hm.".into()),
            Part::Blob(br#"{"signature":"s1"}"#.to_vec()),
            Part::Blob(br#"{"redacted":"r1"}"#.to_vec()),
            Part::Blob(br#"{"signature":"s2"}"#.to_vec()),
            Part::Text("Then".into()),
            // Without its signature, and of another provider.
            Part::Reasoning("Aha.".into()),
            Part::Text("Yes".into()),
            Part::Blob(vec![1, 2]),
            tool_use("1"),
        ],
    });
    wanted.messages.push(Message {
        role: Role::User,
        parts: vec![result("1", "x", false)],
    });
    let body = sent(wanted.clone());
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            { "type": "thinking", "thinking": "Hm.", "signature": "s1" },
            { "type": "redacted_thinking", "data": "r1" },
            { "type": "thinking", "thinking": "", "signature": "s2" },
            { "type": "text", "text": "Then" },
            { "type": "text", "text": "Yes" },
            { "type": "tool_use", "id": "1", "name": "read", "input": { "p": 1 } },
        ])
    );
    assert_eq!(body["thinking"]["type"], "enabled");
    // Calls of another provider have no thoughts in front, which a budget would want.
    wanted.messages[1].parts.drain(..4);
    assert_eq!(sent(wanted.clone()).get("thinking"), None);
    wanted.model = "claude-opus-4-6".into();
    assert_eq!(sent(wanted)["thinking"]["type"], "adaptive");
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let with = |part: Part, role: Role| {
        let mut wanted = request("claude-sonnet-4-5", "Hello");
        wanted.messages.push(Message {
            role,
            parts: vec![part],
        });
        wanted
    };
    let word = with(file("application/zip", None, b"PK"), Role::User);
    assert!(
        matches!(tried(word), Err(Error::InvalidRequest(fault)) if fault.message.contains("application/zip"))
    );
    let latin = with(file("text/plain", None, &[0xE4]), Role::User);
    assert!(matches!(tried(latin), Err(Error::InvalidRequest(_))));
    let call = Part::ToolUse(ToolUse {
        id: "1".into(),
        name: "read".into(),
        arguments: "[]".into(),
    });
    let call = with(call, Role::Assistant);
    assert!(
        matches!(tried(call), Err(Error::InvalidRequest(fault)) if fault.message.contains("`read`"))
    );
    let mut schema = request("claude-sonnet-4-5", "Hello");
    schema.output_schema = Some("{".into());
    assert!(matches!(tried(schema), Err(Error::InvalidRequest(_))));
}

#[test]
fn what_the_api_refuses_of_texts_is_not_sent() {
    let mut wanted = request("claude-sonnet-4-5", "Hello");
    wanted.system = vec![" \n".into()];
    wanted.messages[0].parts.extend([
        Part::Text("\n".into()),
        file("text/plain", Some(&"n".repeat(600)), b"a"),
        file("text/plain", Some(""), b"a"),
    ]);
    wanted.messages.push(Message {
        role: Role::Assistant,
        parts: vec![Part::Text("So far \n".into())],
    });
    let body = sent(wanted);
    assert_eq!(body.get("system"), None);
    let first = body["messages"][0]["content"].as_array().unwrap();
    assert_eq!(first.len(), 3);
    assert_eq!(first[1]["title"].as_str().map(str::len), Some(500));
    assert_eq!(first[2].get("title"), None);
    assert_eq!(body["messages"][1]["content"][0]["text"], "So far");
}

#[test]
fn a_base_url_leads_elsewhere_and_one_that_is_none_is_refused() {
    for (url, asked) in [
        ("http://127.0.0.1:9/v1/", "http://127.0.0.1:9/v1/messages"),
        (
            "https://gate.example/anthropic",
            "https://gate.example/anthropic/v1/messages",
        ),
    ] {
        let host = FakeHost::new();
        host.respond(200, [""]);
        let config = Config {
            base_url: Some(url.into()),
        };
        let provider = Anthropic::new(host.clone());
        provider
            .complete(config, request("m", "Hi"))
            .map(drop)
            .unwrap();
        assert_eq!(host.requests()[0].url, asked);
    }
    let config = Config {
        base_url: Some("api.anthropic.com".into()),
    };
    let error = Anthropic::new(FakeHost::new()).models(config).unwrap_err();
    assert!(error.message().contains("base-url"));
}

#[test]
fn models_are_read_page_by_page() {
    let host = FakeHost::new();
    host.respond(200, [r#"{"data":[
        {"type":"model","id":"claude-b","display_name":"Claude B","created_at":"2026-01-01T00:00:00Z",
         "max_input_tokens":200000,"max_tokens":64000,
         "capabilities":{"image_input":{"supported":true},"pdf_input":{"supported":false},
           "structured_outputs":{"supported":true},"thinking":{"supported":true,"types":{}}}}
    ],"has_more":true,"first_id":"claude-b","last_id":"claude-b"}"#]);
    host.respond(200, [r#"{"data":[{"type":"model","id":"claude-a","display_name":"Claude A"}],"has_more":false,"last_id":"claude-a"}"#]);
    let models = Anthropic::new(host.clone())
        .models(Config::default())
        .unwrap();
    let urls: Vec<String> = host.requests().into_iter().map(|sent| sent.url).collect();
    assert_eq!(
        urls,
        [
            "https://api.anthropic.com/v1/models?limit=1000",
            "https://api.anthropic.com/v1/models?limit=1000&after_id=claude-b"
        ]
    );
    assert_eq!(
        (models[0].id.as_str(), models[0].name.as_str()),
        ("claude-b", "Claude B")
    );
    assert_eq!(
        (models[0].context_window, models[0].output_limit),
        (Some(200_000), Some(64_000))
    );
    assert_eq!(
        models[0].capabilities,
        Some(
            Capabilities::TOOLS
                | Capabilities::STRICT_TOOLS
                | Capabilities::STRUCTURED_OUTPUT
                | Capabilities::IMAGES
                | Capabilities::REASONING
        )
    );
    assert_eq!(
        (models[1].id.as_str(), models[1].capabilities),
        ("claude-a", None)
    );
}

#[test]
fn pages_without_end_come_to_one() {
    let host = FakeHost::new();
    for _ in 0..25 {
        host.respond(
            200,
            [r#"{"data":[{"id":"a"}],"has_more":true,"last_id":"a"}"#],
        );
    }
    Anthropic::new(host.clone())
        .models(Config::default())
        .unwrap();
    assert_eq!(host.requests().len(), 20);
}
