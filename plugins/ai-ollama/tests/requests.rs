//! What the API is asked, to the letter.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use labd_ai_ollama::{Config, Ollama};
use labd_plugin::ai::{
    AiProvider, Capabilities, Effort, EmbedRequest, Embeddings, File, Image, Message, Part,
    Request, Role, Tool, ToolChoice, ToolResult, ToolUse,
};
use labd_plugin::testing::FakeHost;
use labd_plugin::testing::ai::request;
use labd_plugin::{Error, Result};
use serde_json::{Value, json};

fn asked(config: Config, request: Request) -> Result<(FakeHost, Value)> {
    let host = FakeHost::new();
    host.respond(200, [""]);
    Ollama::new(host.clone())
        .complete(config, request)
        .map(drop)?;
    let sent = &host.requests()[0];
    assert_eq!(sent.method, "POST");
    assert!(sent.headers.iter().all(|(name, _)| name != "authorization"));
    let body = serde_json::from_slice(sent.body.as_deref().unwrap()).unwrap();
    Ok((host, body))
}

fn sent(request: Request) -> Value {
    let (host, body) = asked(Config::default(), request).unwrap();
    assert_eq!(host.requests()[0].url, "http://127.0.0.1:11434/api/chat");
    body
}

fn tool(name: &str) -> Tool {
    Tool {
        name: name.into(),
        description: "Reads.".into(),
        parameters: "{\"type\":\"object\"}".into(),
        strict: false,
    }
}

fn tool_use(id: &str, name: &str) -> Part {
    Part::ToolUse(ToolUse {
        id: id.into(),
        name: name.into(),
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

fn file(media_type: &str, data: &[u8]) -> Part {
    Part::File(File {
        media_type: media_type.into(),
        name: None,
        data: data.to_vec(),
    })
}

#[test]
fn the_least_is_a_message_and_a_context() {
    assert_eq!(
        sent(request("gemma3:4b", "Hello")),
        json!({
            "model": "gemma3:4b",
            "messages": [{ "role": "user", "content": "Hello" }],
            "stream": true,
            "truncate": false,
            "shift": false,
            "options": { "num_ctx": 8192 },
        })
    );
}

#[test]
fn a_conversation_is_written_as_the_api_has_it() {
    let mut wanted = request("qwen3:8b", "Look");
    wanted.system = vec!["Be brief.".into(), String::new(), "Be right.".into()];
    wanted.messages[0].parts.extend([
        Part::Image(Image {
            media_type: "image/png".into(),
            data: vec![1, 2, 3],
        }),
        file("text/csv", "ä,b".as_bytes()),
    ]);
    wanted.messages.push(Message {
        role: Role::Assistant,
        parts: vec![
            Part::Reasoning("Hm".into()),
            Part::Blob(vec![1]),
            Part::Text("I read.".into()),
            tool_use("a", "read"),
            tool_use("b", "list"),
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
    wanted.tools = vec![tool("read")];
    wanted.output_schema = Some("{\"type\":\"object\"}".into());
    wanted.max_tokens = Some(9);
    wanted.temperature = Some(0.5);
    wanted.top_p = Some(0.25);
    wanted.stop = vec!["END".into()];
    wanted.effort = Some(Effort::Low);
    let config = Config {
        base_url: Some("http://big.example:11434/api/".into()),
        context_length: Some(32_768),
        keep_alive: Some("10m".into()),
    };
    let call = |id: &str, name: &str| json!({ "id": id, "function": { "name": name, "arguments": { "p": 1 } } });
    let (host, body) = asked(config, wanted).unwrap();
    assert_eq!(host.requests()[0].url, "http://big.example:11434/api/chat");
    assert_eq!(
        body,
        json!({
            "model": "qwen3:8b",
            "messages": [
                { "role": "system", "content": "Be brief.\n\nBe right." },
                { "role": "user", "content": "Look\n\n<file name=\"file\">\nä,b\n</file>", "images": ["AQID"] },
                { "role": "assistant", "content": "I read.", "thinking": "Hm", "tool_calls": [call("a", "read"), call("b", "list")] },
                { "role": "tool", "content": "text", "tool_name": "read", "tool_call_id": "a" },
                { "role": "tool", "content": "Error: text", "tool_name": "list", "tool_call_id": "b" },
                { "role": "user", "content": "Go on" },
            ],
            "stream": true,
            "truncate": false,
            "shift": false,
            "tools": [{ "type": "function", "function": { "name": "read", "description": "Reads.", "parameters": { "type": "object" } } }],
            "format": { "type": "object" },
            "think": true,
            "options": { "num_ctx": 32768, "num_predict": 9, "temperature": 0.5, "top_p": 0.25, "stop": ["END"] },
            "keep_alive": "10m",
        })
    );
}

#[test]
fn tools_are_offered_as_far_as_they_may_be_called() {
    let offered = |choice: ToolChoice, parallel: Option<bool>| {
        let mut wanted = request("m", "Hello");
        wanted.tools = vec![tool("read"), tool("list")];
        wanted.tool_choice = choice;
        wanted.parallel_tools = parallel;
        let (host, body) = asked(Config::default(), wanted).unwrap();
        let names = body["tools"].as_array().into_iter().flatten();
        let names: Vec<String> = names
            .map(|tool| tool["function"]["name"].as_str().unwrap().to_owned())
            .collect();
        (names.join(" "), host.logs().len())
    };
    assert_eq!(
        offered(ToolChoice::Automatic, None),
        ("read list".into(), 0)
    );
    assert_eq!(
        offered(ToolChoice::Automatic, Some(false)),
        ("read list".into(), 1)
    );
    assert_eq!(offered(ToolChoice::None, None), (String::new(), 0));
    assert_eq!(offered(ToolChoice::Required, None), ("read list".into(), 1));
    assert_eq!(
        offered(ToolChoice::Named("list".into()), None),
        ("list".into(), 1)
    );
}

#[test]
fn thinking_is_asked_for_as_the_model_has_it() {
    for (model, effort, think) in [
        ("qwen3:8b", None, Value::Null),
        ("qwen3:8b", Some(Effort::Off), json!(false)),
        ("qwen3:8b", Some(Effort::Highest), json!(true)),
        ("gpt-oss:20b", Some(Effort::Off), json!("low")),
        ("gpt-oss:20b", Some(Effort::Medium), json!("medium")),
        ("gpt-oss:120b-cloud", Some(Effort::Highest), json!("high")),
    ] {
        let mut wanted = request(model, "Hello");
        wanted.effort = effort;
        assert_eq!(sent(wanted)["think"], think, "{model} {effort:?}");
    }
}

#[test]
fn a_model_that_does_not_think_answers_without() {
    let host = FakeHost::new();
    host.respond(
        400,
        [r#"{"error":"\"llama3.2\" does not support thinking"}"#],
    );
    host.respond(200, [""]);
    let mut wanted = request("llama3.2", "Hello");
    wanted.effort = Some(Effort::High);
    Ollama::new(host.clone())
        .complete(Config::default(), wanted.clone())
        .map(drop)
        .unwrap();
    let bodies: Vec<Value> = host
        .requests()
        .iter()
        .map(|sent| serde_json::from_slice(sent.body.as_deref().unwrap()).unwrap())
        .collect();
    assert_eq!(bodies[0]["think"], true);
    assert_eq!(bodies[1].get("think"), None);
    assert_eq!(bodies[0]["messages"], bodies[1]["messages"]);
    assert!(
        host.logs()
            .iter()
            .any(|line| line.message.contains("thinking"))
    );
    // Who did not ask for it is told of whatever else is wrong, and nothing is asked twice.
    let host = FakeHost::new();
    host.respond(400, [r#"{"error":"\"llama3.2\" does not support tools"}"#]);
    assert!(
        Ollama::new(host.clone())
            .complete(Config::default(), wanted)
            .is_err()
    );
    assert_eq!(host.requests().len(), 1);
}

#[test]
fn models_of_the_cloud_have_their_own_context() {
    assert_eq!(
        sent(request("gpt-oss:120b-cloud", "Hello")).get("options"),
        None
    );
    let config = Config {
        base_url: Some("https://ollama.com".into()),
        ..Config::default()
    };
    let (_, body) = asked(config, request("gpt-oss:120b", "Hello")).unwrap();
    assert_eq!(body.get("options"), None);
}

#[test]
fn a_term_in_memory_is_a_time_or_seconds() {
    for (term, word) in [
        (Some("-1"), json!(-1)),
        (Some(" 1h "), json!("1h")),
        (Some(""), Value::Null),
        (None, Value::Null),
    ] {
        let config = Config {
            keep_alive: term.map(str::to_owned),
            ..Config::default()
        };
        let (_, body) = asked(config, request("m", "Hello")).unwrap();
        assert_eq!(body["keep_alive"], word);
    }
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let with = |part: Part, role: Role| {
        let mut wanted = request("m", "Hello");
        wanted.messages.push(Message {
            role,
            parts: vec![part],
        });
        asked(Config::default(), wanted).map(drop).unwrap_err()
    };
    assert!(
        matches!(with(file("application/pdf", &[0xFF]), Role::User), Error::InvalidRequest(fault) if fault.message.contains("application/pdf"))
    );
    assert!(
        matches!(with(result("nobody", false), Role::User), Error::InvalidRequest(fault) if fault.message.contains("`nobody`"))
    );
    let call = Part::ToolUse(ToolUse {
        id: "1".into(),
        name: "read".into(),
        arguments: "1".into(),
    });
    assert!(matches!(
        with(call, Role::Assistant),
        Error::InvalidRequest(_)
    ));
    let config = Config {
        base_url: Some("127.0.0.1:11434".into()),
        ..Config::default()
    };
    let error = asked(config, request("m", "Hi")).map(drop).unwrap_err();
    assert!(error.message().contains("base-url"));
}

#[test]
fn models_tell_what_they_can_in_the_list_or_when_asked() {
    let host = FakeHost::new();
    host.respond(200, [r#"{"models":[
        {"name":"qwen3:8b","model":"qwen3:8b","details":{"context_length":40960},"capabilities":["completion","tools","thinking"]},
        {"name":"old:1b","model":"old:1b","details":{"family":"llama"}},
        {"name":"gone:1b","model":"gone:1b"},
        {"name":"embed","model":"embed","capabilities":["embedding"]}
    ]}"#]);
    host.respond(404, [r#"{"error":"model 'gone:1b' not found"}"#]);
    host.respond(200, [r#"{"model_info":{"general.architecture":"llama","llama.context_length":8192},"capabilities":["completion","vision"]}"#]);
    let models = Ollama::new(host.clone()).models(Config::default()).unwrap();
    let asked: Vec<(String, Option<Value>)> = host
        .requests()
        .into_iter()
        .map(|sent| {
            (
                sent.url,
                sent.body.map(|body| serde_json::from_slice(&body).unwrap()),
            )
        })
        .collect();
    let show = |model: &str| {
        (
            "http://127.0.0.1:11434/api/show".to_owned(),
            Some(json!({ "model": model })),
        )
    };
    assert_eq!(
        asked,
        [
            ("http://127.0.0.1:11434/api/tags".to_owned(), None),
            show("gone:1b"),
            show("old:1b"),
        ]
    );
    let told: Vec<_> = models
        .iter()
        .map(|one| (one.id.as_str(), one.context_window, one.capabilities))
        .collect();
    let bound = Capabilities::STRUCTURED_OUTPUT;
    assert_eq!(
        told,
        [
            ("embed", None, Some(Capabilities::EMBEDDINGS)),
            ("gone:1b", None, None),
            ("old:1b", Some(8192), Some(bound | Capabilities::IMAGES)),
            (
                "qwen3:8b",
                Some(40_960),
                Some(bound | Capabilities::TOOLS | Capabilities::REASONING)
            ),
        ]
    );
}

fn embed(texts: &[&str], status: u16, body: &str) -> (FakeHost, Result<Embeddings>) {
    let host = FakeHost::new();
    host.respond(status, [body]);
    let wanted = EmbedRequest {
        model: "nomic".into(),
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        dimensions: Some(2),
        purpose: None,
        user: Some("u-1".into()),
    };
    let given = Ollama::new(host.clone()).embed(Config::default(), wanted);
    (host, given)
}

#[test]
fn texts_become_vectors_in_their_order() {
    let answer =
        r#"{"model":"nomic:latest","embeddings":[[0.5,-1],[1e-3,2]],"prompt_eval_count":4}"#;
    let (host, given) = embed(&["a", "b"], 200, answer);
    let given = given.unwrap();
    assert_eq!(given.model, "nomic:latest");
    assert_eq!(given.vectors, [[0.5, -1.0], [0.001, 2.0]]);
    assert_eq!(given.usage.input, Some(4));
    let sent = &host.requests()[0];
    assert_eq!(sent.url, "http://127.0.0.1:11434/api/embed");
    assert_eq!(
        serde_json::from_slice::<Value>(sent.body.as_deref().unwrap()).unwrap(),
        json!({ "model": "nomic", "input": ["a", "b"], "truncate": false, "dimensions": 2 })
    );
}

#[test]
fn vectors_that_are_missing_or_do_not_fit_are_unavailable() {
    for answer in [
        "{}",
        r#"{"embeddings":[[1]]}"#,
        r#"{"embeddings":[[1],[1,2]]}"#,
        r#"{"embeddings":[[],[]]}"#,
    ] {
        assert!(
            matches!(
                embed(&["a", "b"], 200, answer).1,
                Err(Error::Unavailable(_))
            ),
            "{answer}"
        );
    }
    for texts in [&[][..], &["a", ""]] {
        let (host, given) = embed(texts, 200, "{}");
        assert!(matches!(given, Err(Error::InvalidRequest(_))));
        assert!(host.requests().is_empty());
    }
    let (_, given) = embed(
        &["a"],
        400,
        r#"{"error":"the input length exceeds the context length"}"#,
    );
    assert!(matches!(given, Err(Error::InvalidRequest(fault)) if fault.hint.is_some()));
}
