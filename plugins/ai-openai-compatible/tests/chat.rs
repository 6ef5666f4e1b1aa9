//! What the provider promises, over scripted servers and recorded answers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use labd_ai_openai_compatible::{Config, OpenAiCompatible};
use labd_plugin::ai::{
    AiProvider, CacheHints, Capabilities, Effort, Event, File, FinishReason, Image, Message, Part,
    Request, Retention, Role, Tool, ToolChoice, ToolResult, ToolUse,
};
use labd_plugin::testing::ai::{drain, every_split, joined, request};
use labd_plugin::testing::{FakeHost, Piece};
use labd_plugin::{Error, Result};
use serde_json::{Value, json};

fn config(url: &str) -> Config {
    Config {
        base_url: url.into(),
    }
}

fn answer<T: Into<Vec<u8>>>(pieces: impl IntoIterator<Item = T>) -> (Vec<Event>, Option<Error>) {
    let host = FakeHost::new();
    host.respond(200, pieces);
    let provider = OpenAiCompatible::new(host);
    match provider.complete(config("http://ai.example/v1"), request("m", "Hello")) {
        Ok(mut completion) => {
            let (events, error) = drain(&mut completion, 16);
            (joined(&events), error)
        }
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// The events of a stream, which every split must give.
fn in_every_split(stream: &str) -> (Vec<Event>, Option<Error>) {
    let whole = answer([stream]);
    every_split(stream.as_bytes(), |pieces| {
        assert_eq!(answer(pieces), whole);
        Ok(())
    })
    .unwrap();
    whole
}

fn text(events: &[Event]) -> String {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_text_arrives_whole_in_every_split() {
    let stream = concat!(
        ": hello\r\n\r\n",
        "data: {\"choices\":[],\"model\":\"\",\"prompt_filter_results\":[]}\r\n\r\n",
        "data: {\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"Hm\"}}]}\r\n\r\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grüß\"}}]}\r\n\r\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" dich 😀\"}}],\"new\":1}\r\n\r\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\r\n\r\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":2,\"cache_write_tokens\":1}}}\r\n\r\n",
        "data: [DONE]\r\n\r\n",
    );
    let (events, error) = in_every_split(stream);
    assert_eq!(error, None);
    assert!(
        matches!(&events[0], Event::Started(started) if started.model == "m-1" && started.id == "c1")
    );
    assert_eq!(events[1], Event::Reasoning("Hm".into()));
    assert_eq!(text(&events), "Grüß dich 😀");
    assert!(
        matches!(&events[3], Event::Usage(usage) if usage.input == Some(7) && usage.cached_input == Some(2) && usage.cache_writes == Some(1) && usage.output == Some(3))
    );
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::Stop)));
    assert_eq!(events.len(), 5);
}

#[test]
fn parallel_calls_keep_their_arguments_apart() {
    let stream = concat!(
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"read\",\"arguments\":\"\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"list\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"\",\"arguments\":\"{\\\"p\\\":\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]}}]}\n\n",
        // No `[DONE]`, a reason that is wrong, and an end without a blank line.
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
    );
    let (events, error) = in_every_split(stream);
    assert_eq!(error, None);
    let of = |id: &str| -> String {
        events
            .iter()
            .filter_map(|event| match event {
                Event::ToolFragment(part) if part.id == id => Some(part.fragment.as_str()),
                _ => None,
            })
            .collect()
    };
    assert_eq!((of("a"), of("b")), ("{\"p\":1}".into(), "{}".into()));
    assert!(events.contains(&Event::ToolFinished("b".into())));
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::ToolUse)));
}

#[test]
fn whole_calls_without_index_or_id_are_told_apart() {
    let stream = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"x\",\"arguments\":{\"n\":1}}},{\"function\":{\"name\":\"y\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";
    let (events, error) = answer([stream]);
    assert_eq!(error, None);
    let names: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::ToolStarted(tool) => Some((tool.id.as_str(), tool.name.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(names, [("call_0", "x"), ("call_1", "y")]);
}

#[test]
fn a_stream_without_a_reason_is_unavailable_and_keeps_what_came() {
    for end in ["", "data: [DONE]\n\n"] {
        let (events, error) = in_every_split(&format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"half\"}}}}]}}\n\n{end}"
        ));
        assert_eq!(text(&events), "half");
        assert!(matches!(error, Some(Error::Unavailable(_))), "{error:?}");
    }
}

#[test]
fn an_error_in_the_stream_is_classified() {
    let of = |json: &str| answer([format!("data: {json}\n\n")]).1.unwrap();
    assert!(matches!(
        of(r#"{"error":{"message":"slow down","type":"rate_limit_error"}}"#),
        Error::RateLimited(None)
    ));
    assert!(matches!(
        of(r#"{"error":{"message":"x","code":529}}"#),
        Error::Overloaded
    ));
    assert!(matches!(
        of(r#"{"error":{"message":"x","code":"insufficient_quota"}}"#),
        Error::InvalidRequest(_)
    ));
    assert!(
        matches!(of(r#"{"error":"broken"}"#), Error::Unavailable(fault) if fault.message == "broken")
    );
    assert!(matches!(of("no json"), Error::Unavailable(_)));
}

fn refused(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
    let host = FakeHost::new();
    host.respond_with(
        status,
        headers,
        [labd_plugin::testing::Piece::Bytes(body.into())],
    );
    OpenAiCompatible::new(host)
        .complete(config("https://ai.example/v1/"), request("m", "Hello"))
        .err()
        .unwrap()
}

#[test]
fn a_refusal_is_classified_by_its_code_before_its_status() {
    let quota = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    assert!(
        matches!(refused(429, &[], quota), Error::InvalidRequest(fault) if fault.code.as_deref() == Some("insufficient_quota") && fault.hint.is_some())
    );
    assert_eq!(
        refused(429, &[("retry-after", "2")], "{}"),
        Error::RateLimited(Some(2000))
    );
    assert!(
        matches!(refused(401, &[("content-type", "text/plain")], "Unauthorized\n"), Error::Unauthenticated(fault) if fault.message == "Unauthorized")
    );
    assert!(
        matches!(refused(401, &[], r#"{"detail":"Invalid API Key"}"#), Error::Unauthenticated(fault) if fault.message == "Invalid API Key")
    );
    assert!(matches!(
        refused(
            400,
            &[],
            r#"{"error":{"message":"gone","code":"model_not_found"}}"#
        ),
        Error::NotFound(_)
    ));
    assert!(matches!(refused(503, &[], ""), Error::Overloaded));
    assert!(matches!(refused(500, &[], "<html>"), Error::Unavailable(_)));
    let json = [("content-type", "application/json; charset=utf-8")];
    assert!(matches!(
        refused(200, &json, r#"{"error":{"message":"no","code":401}}"#),
        Error::Unauthenticated(_)
    ));
    assert!(
        matches!(refused(200, &json, r#"{"choices":[]}"#), Error::Unavailable(fault) if fault.message.contains("stream"))
    );
}

#[test]
fn what_a_body_is_counts_and_not_what_it_says_it_is() {
    let stream = "\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    for kind in ["application/json", "text/plain", "text/html", ""] {
        let host = FakeHost::new();
        let pieces = stream.bytes().map(|byte| Piece::Bytes(vec![byte]));
        host.respond_with(200, &[("content-type", kind)], pieces);
        let mut completion = OpenAiCompatible::new(host)
            .complete(config("http://ai.example/v1"), request("m", "Hello"))
            .unwrap();
        let (events, error) = drain(&mut completion, 16);
        assert_eq!((text(&events).as_str(), error), ("hi", None), "{kind}");
    }
    let page = "<!doctype html><html><head><title>Sign\n in</title></head></html>";
    let html = [("content-type", "text/html; charset=utf-8")];
    for status in [200, 500] {
        assert!(
            matches!(refused(status, &html, page), Error::Unavailable(fault) if fault.message.ends_with("a web page, \"Sign in\""))
        );
    }
    assert!(
        matches!(refused(200, &html, page), Error::Unavailable(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("base-url")))
    );
}

fn sent(url: &str, request: Request) -> Value {
    let host = FakeHost::new();
    host.respond(200, ["data: [DONE]\n\n"]);
    OpenAiCompatible::new(host.clone())
        .complete(config(url), request)
        .map(drop)
        .unwrap();
    let sent = &host.requests()[0];
    assert_eq!(sent.url, format!("{url}/chat/completions"));
    assert!(sent.headers.iter().all(|(name, _)| name != "authorization"));
    serde_json::from_slice(sent.body.as_deref().unwrap()).unwrap()
}

#[test]
fn a_conversation_is_written_as_the_api_has_it() {
    let mut wanted = request("gpt", "Look");
    wanted.system = vec!["Be brief.".into(), "Be right.".into()];
    wanted.messages[0].parts.push(Part::Image(Image {
        media_type: "image/png".into(),
        data: vec![1, 2, 3],
    }));
    let file = |media_type: &str, name: Option<&str>, data: &[u8]| {
        Part::File(File {
            media_type: media_type.into(),
            name: name.map(str::to_owned),
            data: data.to_vec(),
        })
    };
    wanted.messages[0].parts.extend([
        file("application/pdf", Some("a.pdf"), &[1, 2, 3]),
        file("text/csv", None, b"a,b"),
    ]);
    let tool_use = |id: &str| {
        Part::ToolUse(ToolUse {
            id: id.into(),
            name: "read".into(),
            arguments: "{\"p\":1}".into(),
        })
    };
    let result = |id: &str, is_error| {
        Part::ToolResult(ToolResult {
            id: id.into(),
            content: "text".into(),
            is_error,
        })
    };
    wanted.messages.push(Message {
        role: Role::Assistant,
        parts: vec![
            Part::Reasoning("Hm".into()),
            Part::Blob(vec![1]),
            tool_use("a"),
            tool_use("b"),
        ],
    });
    wanted.messages.push(Message {
        role: Role::User,
        parts: vec![
            result("a", false),
            result("b", true),
            Part::Text("Go on".into()),
        ],
    });
    wanted.tools = vec![Tool {
        name: "read".into(),
        description: "Reads.".into(),
        parameters: "{\"type\":\"object\"}".into(),
        strict: true,
    }];
    wanted.parallel_tools = Some(false);
    wanted.tool_choice = ToolChoice::Named("read".into());
    wanted.output_schema = Some("{\"type\":\"object\"}".into());
    wanted.max_tokens = Some(9);
    wanted.temperature = Some(0.5);
    wanted.top_p = Some(0.25);
    wanted.user = Some("u-1".into());
    wanted.cache = Some(CacheHints {
        tools: true,
        system: 2,
        messages: 0,
        retention: Retention::Short,
        key: Some("project-7".into()),
    });
    wanted.stop = vec!["END".into()];
    wanted.effort = Some(Effort::Low);
    let call = |id: &str| json!({ "id": id, "type": "function", "function": { "name": "read", "arguments": "{\"p\":1}" } });
    assert_eq!(
        sent("http://ai.example/v1", wanted.clone()),
        json!({
            "model": "gpt",
            "messages": [
                { "role": "system", "content": "Be brief.\n\nBe right." },
                { "role": "user", "content": [
                    { "type": "text", "text": "Look" },
                    { "type": "image_url", "image_url": { "url": "data:image/png;base64,AQID" } },
                    { "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,AQID" } },
                    { "type": "text", "text": "<file name=\"file\">\na,b\n</file>" },
                ] },
                { "role": "assistant", "content": null, "tool_calls": [call("a"), call("b")] },
                { "role": "tool", "tool_call_id": "a", "content": "text" },
                { "role": "tool", "tool_call_id": "b", "content": "Error: text" },
                { "role": "user", "content": "Go on" },
            ],
            "stream": true,
            "stream_options": { "include_usage": true },
            "tools": [{ "type": "function", "function": { "name": "read", "description": "Reads.", "parameters": { "type": "object" }, "strict": true } }],
            "parallel_tool_calls": false,
            "tool_choice": { "type": "function", "function": { "name": "read" } },
            "response_format": { "type": "json_schema", "json_schema": { "name": "answer", "schema": { "type": "object" }, "strict": true } },
            "max_tokens": 9,
            "temperature": 0.5,
            "top_p": 0.25,
            "user": "u-1",
            "stop": ["END"],
            "reasoning_effort": "low",
        })
    );
    let openai = sent("https://api.openai.com/v1", wanted.clone());
    assert_eq!(openai["max_completion_tokens"], 9);
    assert_eq!(openai["safety_identifier"], "u-1");
    assert_eq!(openai["prompt_cache_key"], "project-7");
    let mistral = sent("https://api.mistral.ai/v1", wanted);
    for key in ["stream_options", "user", "prompt_cache_key"] {
        assert_eq!(mistral.get(key), None, "{key}");
    }
}

#[test]
fn what_comes_again_is_marked_for_the_models_behind_openrouter_that_look_at_marks() {
    let url = "https://openrouter.ai/api/v1";
    let asked = |model: &str, system: u32, messages: u32, retention: Retention| {
        let mut wanted = request(model, "Look");
        wanted.system = vec!["Be brief.".into(), "Be right.".into(), "Today.".into()];
        for (role, parts) in [
            (
                Role::Assistant,
                vec![
                    Part::Text("I read.".into()),
                    Part::ToolUse(ToolUse {
                        id: "a".into(),
                        name: "read".into(),
                        arguments: "{}".into(),
                    }),
                ],
            ),
            (
                Role::User,
                vec![Part::ToolResult(ToolResult {
                    id: "a".into(),
                    content: "text".into(),
                    is_error: false,
                })],
            ),
            (Role::Assistant, vec![Part::Text("Well.".into())]),
            (Role::User, vec![Part::Text("Go on".into())]),
        ] {
            wanted.messages.push(Message { role, parts });
        }
        wanted.cache = Some(CacheHints {
            tools: true,
            system,
            messages,
            retention,
            key: Some("project-7".into()),
        });
        sent(url, wanted)
    };
    let part = |text: &str, control: Option<Value>| {
        let mut part = json!({ "type": "text", "text": text });
        if let Some(control) = control {
            part["cache_control"] = control;
        }
        part
    };
    let short = Some(json!({ "type": "ephemeral" }));
    let long = Some(json!({ "type": "ephemeral", "ttl": "1h" }));
    let claude = "anthropic/claude-opus-5";

    let body = asked(claude, 2, 0, Retention::Long);
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            part("Be brief.\n\nBe right.", long.clone()),
            part("Today.", None)
        ])
    );
    assert_eq!(body["messages"][1]["content"], "Look");
    assert_eq!(body["session_id"], "project-7");

    // Messages that come again bring the system's words with them.
    let body = asked(claude, 0, 1, Retention::Short);
    let all = "Be brief.\n\nBe right.\n\nToday.";
    assert_eq!(
        body["messages"][0]["content"],
        json!([part(all, short.clone())])
    );
    assert_eq!(
        body["messages"][1]["content"],
        json!([part("Look", short.clone())])
    );
    // A result is marked as a text of its message, and nothing twice.
    let body = asked("google/gemini-3.5-flash", 3, 3, Retention::Long);
    assert_eq!(
        body["messages"][3]["content"],
        json!([part("text", short.clone())])
    );
    assert_eq!(body.to_string().matches("cache_control").count(), 2);
    // More than there are is all.
    let body = asked(claude, 3, 99, Retention::Long);
    assert_eq!(body["messages"][5]["content"], json!([part("Go on", long)]));

    for (model, system) in [("openai/gpt-5.4", 3), (claude, 0)] {
        let body = asked(model, system, 0, Retention::Long);
        assert_eq!(body["messages"][0]["content"], all, "{model}");
        assert_eq!(body["session_id"], "project-7");
    }
}

#[test]
fn effort_has_a_word_for_each_step() {
    for (effort, word) in [
        (Effort::Off, "none"),
        (Effort::Minimal, "minimal"),
        (Effort::Medium, "medium"),
        (Effort::High, "high"),
        (Effort::Highest, "xhigh"),
    ] {
        let mut wanted = request("m", "Hello");
        wanted.effort = Some(effort);
        assert_eq!(
            sent("http://ai.example/v1", wanted)["reasoning_effort"],
            word
        );
    }
}

#[test]
fn models_are_listed_in_each_shape() -> Result<()> {
    for body in [
        r#"{"data":[{"id":"b","context_length":8192},{"id":"a"}]}"#,
        r#"{"models":[{"name":"b","max_model_len":8192},{"model":"a"}]}"#,
    ] {
        let host = FakeHost::new();
        host.respond(200, [body]);
        let models =
            OpenAiCompatible::new(host.clone()).models(config("http://127.0.0.1:11434/v1/"))?;
        assert_eq!(host.requests()[0].url, "http://127.0.0.1:11434/v1/models");
        assert_eq!(
            models
                .iter()
                .map(|one| (one.id.as_str(), one.context_window))
                .collect::<Vec<_>>(),
            [("a", None), ("b", Some(8192))]
        );
    }
    Ok(())
}

#[test]
fn what_a_list_tells_of_its_models_is_kept() -> Result<()> {
    let host = FakeHost::new();
    host.respond(
        200,
        [r#"{"data":[
            {"id":"a-openai"},
            {"id":"b-router","top_provider":{"max_completion_tokens":4096},
             "architecture":{"input_modalities":["text","image","file"]},
             "supported_parameters":["tools","structured_outputs"]},
            {"id":"c-mistral","capabilities":{"completion_chat":true,"function_calling":true,"vision":false}},
            {"id":"d-embed","type":"embeddings"}
        ]}"#],
    );
    let models = OpenAiCompatible::new(host).models(config("http://ai.example/v1"))?;
    let told: Vec<_> = models
        .iter()
        .map(|one| (one.output_limit, one.capabilities))
        .collect();
    let router = Capabilities::TOOLS
        | Capabilities::STRICT_TOOLS
        | Capabilities::STRUCTURED_OUTPUT
        | Capabilities::IMAGES
        | Capabilities::FILES;
    let mistral =
        Capabilities::TOOLS | Capabilities::STRICT_TOOLS | Capabilities::STRUCTURED_OUTPUT;
    assert_eq!(
        told,
        [
            (None, None),
            (Some(4096), Some(router)),
            (None, Some(mistral)),
            (None, Some(Capabilities::EMBEDDINGS)),
        ]
    );
    Ok(())
}

#[test]
fn a_base_url_that_is_none_is_refused_by_its_key() {
    let provider = OpenAiCompatible::new(FakeHost::new());
    let error = provider.models(config("api.openai.com")).unwrap_err();
    assert!(error.message().contains("base-url"));
}

#[test]
fn a_server_that_does_not_stream_is_understood() {
    let body = json!({
        "id": "c", "object": "chat.completion", "model": "m-1",
        "choices": [{ "index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "Grüß\n\ndata: dich", "reasoning_content": "Hm",
            "tool_calls": [
                { "id": "a", "type": "function", "function": { "name": "read", "arguments": "{\"p\":1}" } },
                { "id": "b", "type": "function", "function": { "name": "list", "arguments": "" } },
            ],
        } }],
        "usage": { "prompt_tokens": 7, "completion_tokens": 3 },
    });
    // As people format it, and in pieces.
    let body = serde_json::to_string_pretty(&body).unwrap();
    let (events, error) = in_every_split(&body);
    assert_eq!(error, None);
    assert_eq!(events[1], Event::Reasoning("Hm".into()));
    assert_eq!(text(&events), "Grüß\n\ndata: dich");
    assert!(events.contains(&Event::ToolFinished("a".into())));
    assert!(events.contains(&Event::ToolFinished("b".into())));
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Usage(usage) if usage.input == Some(7)))
    );
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::ToolUse)));
}
