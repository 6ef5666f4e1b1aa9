//! What Mistral does differently, over scripted servers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use labd_ai_mistral::{Config, Mistral};
use labd_plugin::ai::{
    AiProvider, Capabilities, Effort, EmbedRequest, Event, File, FinishReason, Image, Message,
    Part, Request, Role, Tool, ToolChoice, ToolResult, ToolUse,
};
use labd_plugin::testing::ai::{drain, every_split, joined, request};
use labd_plugin::testing::{FakeHost, Piece};
use labd_plugin::{Error, config};
use serde_json::{Value, json};

fn sent(request: Request) -> Value {
    let host = FakeHost::new();
    host.respond(200, ["data: [DONE]\n\n"]);
    Mistral::new(host.clone())
        .complete(Config::default(), request)
        .map(drop)
        .unwrap();
    let sent = &host.requests()[0];
    assert_eq!(sent.url, "https://api.mistral.ai/v1/chat/completions");
    assert!(sent.headers.iter().all(|(name, _)| name != "authorization"));
    serde_json::from_slice(sent.body.as_deref().unwrap()).unwrap()
}

fn answer<T: Into<Vec<u8>>>(pieces: impl IntoIterator<Item = T>) -> (Vec<Event>, Option<Error>) {
    let host = FakeHost::new();
    host.respond(200, pieces);
    match Mistral::new(host).complete(Config::default(), request("m", "Hello")) {
        Ok(mut completion) => {
            let (events, error) = drain(&mut completion, 16);
            (joined(&events), error)
        }
        Err(error) => (Vec::new(), Some(error)),
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

fn result(id: &str) -> Part {
    Part::ToolResult(ToolResult {
        id: id.into(),
        content: "text".into(),
        is_error: false,
    })
}

#[test]
fn a_conversation_is_written_as_mistral_takes_it() {
    let mut wanted = request("mistral-medium-latest", "Look");
    wanted.system = vec!["Be brief.".into()];
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
    ]);
    wanted.messages.push(message(
        Role::Assistant,
        vec![
            Part::Reasoning("Hm".into()),
            Part::Text("Let me see.".into()),
            call("toolu_01A09q90qw90lq917835lq9"),
            call("gSIMJiOkT"),
        ],
    ));
    wanted.messages.push(message(
        Role::User,
        vec![
            result("toolu_01A09q90qw90lq917835lq9"),
            result("gSIMJiOkT"),
            Part::Text("Go on".into()),
        ],
    ));
    wanted.tools = vec![Tool {
        name: "read".into(),
        description: "Reads.".into(),
        parameters: "{\"type\":\"object\"}".into(),
        strict: true,
    }];
    wanted.tool_choice = ToolChoice::Required;
    wanted.parallel_tools = Some(false);
    wanted.output_schema = Some("{\"type\":\"object\"}".into());
    wanted.max_tokens = Some(9);
    wanted.temperature = Some(1.75);
    wanted.stop = vec!["END".into()];
    wanted.user = Some("u-1".into());
    let body = sent(wanted);
    let id = body["messages"][2]["tool_calls"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let call = |id: &str| json!({ "id": id, "type": "function", "function": { "name": "read", "arguments": "{\"p\":1}" } });
    assert_eq!(
        body,
        json!({
            "model": "mistral-medium-latest",
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": [
                    { "type": "text", "text": "Look" },
                    { "type": "image_url", "image_url": { "url": "data:image/png;base64,AQID" } },
                    { "type": "document_url", "document_url": "data:application/pdf;base64,AQID", "document_name": "a.pdf" },
                ] },
                { "role": "assistant", "content": [
                    { "type": "thinking", "thinking": [{ "type": "text", "text": "Hm" }], "closed": true },
                    { "type": "text", "text": "Let me see." },
                ], "tool_calls": [call(&id), call("gSIMJiOkT")] },
                { "role": "tool", "tool_call_id": id, "content": "text" },
                { "role": "tool", "tool_call_id": "gSIMJiOkT", "content": "text" },
                { "role": "assistant", "content": "Done." },
                { "role": "user", "content": "Go on" },
            ],
            "stream": true,
            "tools": [{ "type": "function", "function": { "name": "read", "description": "Reads.", "parameters": { "type": "object" }, "strict": true } }],
            "tool_choice": "any",
            "parallel_tool_calls": false,
            "response_format": { "type": "json_schema", "json_schema": { "name": "answer", "schema": { "type": "object" }, "strict": true } },
            "max_tokens": 9,
            "temperature": 1.5,
            "stop": ["END"],
        })
    );
}

#[test]
fn an_answer_that_is_to_go_on_is_marked() {
    let mut wanted = request("m", "Count");
    wanted
        .messages
        .push(message(Role::Assistant, vec![Part::Text("1, 2".into())]));
    assert_eq!(
        sent(wanted)["messages"][1],
        json!({ "role": "assistant", "content": "1, 2", "prefix": true })
    );
}

#[test]
fn effort_is_a_mode_for_magistral_and_a_word_for_others() {
    for (model, effort, key, value) in [
        (
            "magistral-medium-latest",
            Effort::High,
            "prompt_mode",
            json!("reasoning"),
        ),
        (
            "magistral-medium-latest",
            Effort::Off,
            "prompt_mode",
            json!(null),
        ),
        (
            "mistral-small-latest",
            Effort::Minimal,
            "reasoning_effort",
            json!("high"),
        ),
        (
            "mistral-small-latest",
            Effort::Off,
            "reasoning_effort",
            json!("none"),
        ),
    ] {
        let mut wanted = request(model, "Hello");
        wanted.effort = Some(effort);
        let body = sent(wanted);
        assert_eq!(body.get(key), Some(&value), "{model} {effort:?}");
    }
    assert_eq!(
        sent(request("magistral-small-latest", "x")).get("prompt_mode"),
        None
    );
}

#[test]
fn thinking_text_padding_and_usage_are_read_in_every_split() {
    let stream = concat!(
        "data: {\"id\":\"c\",\"model\":\"magistral\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"p\":\"abc\"}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"Ü\"}]}]}}],\"p\":\"\"}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"reference\",\"reference_ids\":[1]},{\"type\":\"text\",\"text\":\"ber\"}]}]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"4\"}]}}],\"p\":\"abcdef\"}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"2\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3,\"total_tokens\":8}}\n\n",
        "data: [DONE]\n\n",
    );
    let whole = answer([stream]);
    every_split(stream.as_bytes(), |pieces| {
        assert_eq!(answer(pieces), whole);
        Ok(())
    })
    .unwrap();
    let (events, error) = whole;
    assert_eq!(error, None);
    assert_eq!(events[1], Event::Reasoning("Über".into()));
    assert_eq!(events[2], Event::Text("42".into()));
    assert!(matches!(&events[3], Event::Usage(usage) if usage.output == Some(3)));
    assert_eq!(events[4], Event::Finish(FinishReason::Stop));
}

#[test]
fn several_whole_calls_with_their_reason_are_told_apart() {
    let stream = concat!(
        "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\",\"tool_calls\":[",
        "{\"id\":\"aaaaaaaaa\",\"function\":{\"name\":\"x\",\"arguments\":\"{\\\"n\\\":1}\"},\"index\":0},",
        "{\"id\":\"bbbbbbbbb\",\"function\":{\"name\":\"x\",\"arguments\":\"{\\\"n\\\":2}\"},\"index\":1}",
        "]},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3}}\n\n",
        "data: [DONE]\n\n",
    );
    let (events, error) = answer([stream]);
    assert_eq!(error, None);
    let pieces: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::ToolFragment(piece) => Some((piece.id.as_str(), piece.fragment.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        pieces,
        [("aaaaaaaaa", "{\"n\":1}"), ("bbbbbbbbb", "{\"n\":2}")]
    );
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::ToolUse)));
}

#[test]
fn reasons_of_the_end_are_told_and_one_is_a_failure() {
    let of = |word: &str| {
        let chunk = format!(
            "data: {{\"model\":\"m\",\"choices\":[{{\"delta\":{{\"content\":\"x\"}},\"finish_reason\":\"{word}\"}}]}}\n\ndata: [DONE]\n\n"
        );
        answer([chunk])
    };
    assert_eq!(
        of("model_length").0.last(),
        Some(&Event::Finish(FinishReason::Length))
    );
    let (events, error) = of("error");
    assert_eq!(events.last(), Some(&Event::Text("x".into())));
    assert!(matches!(error, Some(Error::Unavailable(_))));
}

fn refused(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
    let host = FakeHost::new();
    host.respond_with(status, headers, [Piece::Bytes(body.into())]);
    Mistral::new(host)
        .complete(Config::default(), request("m", "Hello"))
        .err()
        .unwrap()
}

#[test]
fn each_shape_of_an_error_is_understood() {
    assert!(
        matches!(refused(401, &[], r#"{"detail":"Invalid API Key"}"#), Error::Unauthenticated(fault) if fault.message == "Invalid API Key")
    );
    assert!(
        matches!(refused(401, &[], r#"{"message":"Unauthorized","request_id":"1"}"#), Error::Unauthenticated(fault) if fault.message == "Unauthorized")
    );
    let limited = r#"{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}"#;
    assert_eq!(refused(429, &[], limited), Error::RateLimited(None));
    assert_eq!(
        refused(429, &[("retry-after", "7")], limited),
        Error::RateLimited(Some(7000))
    );
    let full = r#"{"object":"error","message":"Service tier capacity exceeded for this model.","type":"service_tier_capacity_exceeded","param":null,"code":"3505"}"#;
    assert_eq!(refused(429, &[], full), Error::RateLimited(None));
    let unknown = r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500"}"#;
    assert!(matches!(refused(400, &[], unknown), Error::NotFound(_)));
    let fields = r#"{"object":"error","message":{"detail":[{"type":"missing","loc":["body","messages",0],"msg":"Field required"},{"loc":[],"msg":"Extra"}]},"type":"invalid_request_error","code":null}"#;
    assert!(
        matches!(refused(422, &[], fields), Error::InvalidRequest(fault) if fault.message == "body.messages.0: Field required; Extra")
    );
    let bare = r#"{"detail":[{"type":"missing","loc":["body","model"],"msg":"Field required"}]}"#;
    assert!(
        matches!(refused(422, &[], bare), Error::InvalidRequest(fault) if fault.message == "body.model: Field required")
    );
    let long = r#"{"object":"error","message":"Prompt contains 200000 tokens, too large for model with 131072 maximum context length","type":"invalid_request_error","code":"3051"}"#;
    assert!(
        matches!(refused(400, &[], long), Error::InvalidRequest(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("larger")))
    );
    assert!(matches!(refused(503, &[], ""), Error::Overloaded));
}

#[test]
fn each_shape_of_an_error_is_understood_in_a_stream_too() {
    let of = |body: &str| {
        let begun = r#"data: {"model":"m","choices":[{"index":0,"delta":{"content":"half"}}]}"#;
        let (events, error) = answer([format!("{begun}\n\ndata: {body}\n\n")]);
        assert_eq!(events.last(), Some(&Event::Text("half".into())));
        error.unwrap()
    };
    let object = |kind: &str, code: &str| {
        format!(
            r#"{{"object":"error","message":"no","type":"{kind}","param":null,"code":"{code}"}}"#
        )
    };
    assert_eq!(
        of(&object("rate_limited", "1300")),
        Error::RateLimited(None)
    );
    assert_eq!(
        of(&object("service_tier_capacity_exceeded", "3505")),
        Error::Overloaded
    );
    assert!(matches!(
        of(&object("invalid_model", "1500")),
        Error::NotFound(_)
    ));
    assert!(matches!(
        of(&object("invalid_request_error", "3001")),
        Error::InvalidRequest(_)
    ));
    assert!(matches!(
        of(&object("internal_server_error", "1000")),
        Error::Unavailable(_)
    ));
    assert!(matches!(
        of(r#"{"detail":"Invalid API Key"}"#),
        Error::Unauthenticated(_)
    ));
    assert!(matches!(
        of(r#"{"message":"Unauthorized","request_id":"1"}"#),
        Error::Unauthenticated(_)
    ));
    assert!(
        matches!(of(r#"{"message":"Something broke"}"#), Error::Unavailable(fault) if fault.message == "Something broke")
    );
}

#[test]
fn embeddings_are_asked_for_in_its_words() {
    let host = FakeHost::new();
    host.respond(200, [r#"{"model":"mistral-embed","data":[{"index":0,"embedding":[0.5,1]}],"usage":{"prompt_tokens":4,"total_tokens":4}}"#]);
    let asked = EmbedRequest {
        model: "mistral-embed".into(),
        texts: vec!["a".into()],
        dimensions: Some(2),
        purpose: None,
        user: Some("u-1".into()),
    };
    let given = Mistral::new(host.clone())
        .embed(Config::default(), asked)
        .unwrap();
    assert_eq!(
        (given.vectors, given.usage.input),
        (vec![vec![0.5, 1.0]], Some(4))
    );
    let sent = &host.requests()[0];
    assert_eq!(sent.url, "https://api.mistral.ai/v1/embeddings");
    assert_eq!(
        serde_json::from_slice::<Value>(sent.body.as_deref().unwrap()).unwrap(),
        json!({ "model": "mistral-embed", "input": ["a"], "output_dimension": 2 })
    );
}

#[test]
fn models_say_what_they_can() {
    let host = FakeHost::new();
    host.respond(
        200,
        [r#"{"object":"list","data":[
            {"id":"mistral-large-latest","max_context_length":262144,"capabilities":{"completion_chat":true,"function_calling":true,"vision":true}},
            {"id":"magistral-small-latest","capabilities":{"completion_chat":true,"function_calling":true,"vision":false}},
            {"id":"mistral-embed","max_context_length":8192,"capabilities":{"completion_chat":false}},
            {"id":"mistral-ocr-latest","capabilities":{"completion_chat":false}}
        ]}"#],
    );
    let config: Config = config::parse(r#"{"base-url":"https://proxy.example/v1/"}"#).unwrap();
    let models = Mistral::new(host.clone()).models(config).unwrap();
    assert_eq!(host.requests()[0].url, "https://proxy.example/v1/models");
    let base = Capabilities::TOOLS | Capabilities::STRICT_TOOLS | Capabilities::STRUCTURED_OUTPUT;
    let told: Vec<_> = models
        .iter()
        .map(|model| (model.id.as_str(), model.context_window, model.capabilities))
        .collect();
    assert_eq!(
        told,
        [
            (
                "magistral-small-latest",
                None,
                Some(base | Capabilities::REASONING)
            ),
            ("mistral-embed", Some(8192), Some(Capabilities::EMBEDDINGS)),
            (
                "mistral-large-latest",
                Some(262_144),
                Some(base | Capabilities::IMAGES | Capabilities::FILES)
            ),
        ]
    );
}
