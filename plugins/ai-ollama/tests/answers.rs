//! What the API answers, and what becomes of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use labd_ai_ollama::{Config, Ollama};
use labd_plugin::Error;
use labd_plugin::ai::{
    AiProvider, Event, FinishReason, Message, Part, Request, Role, Started, ToolFragment,
    ToolStarted, ToolUse, Usage,
};
use labd_plugin::testing::ai::{drain, every_split, joined, request};
use labd_plugin::testing::{FakeHost, Piece};
use serde_json::{Value, json};

type Heard = (Vec<Event>, Option<Error>);

fn heard_to<T: Into<Vec<u8>>>(request: Request, pieces: impl IntoIterator<Item = T>) -> Heard {
    let host = FakeHost::new();
    let pieces = pieces.into_iter().map(|piece| Piece::Bytes(piece.into()));
    host.respond_with(200, &[("content-type", "application/x-ndjson")], pieces);
    let mut completion = Ollama::new(host)
        .complete(Config::default(), request)
        .map_err(|error| error.message().to_owned())
        .unwrap();
    let (events, error) = drain(&mut completion, 16);
    (joined(&events), error)
}

fn heard(lines: &[Value]) -> Heard {
    heard_to(request("m", "Hello"), [stream(lines)])
}

fn stream(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn line(message: &Value) -> Value {
    json!({ "model": "m:latest", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": false })
}

fn done(reason: &str) -> Value {
    json!({ "model": "m:latest", "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": reason,
        "total_duration": 5, "prompt_eval_count": 3, "eval_count": 9 })
}

fn call(id: &str, name: &str, arguments: &str) -> [Event; 3] {
    [
        Event::ToolStarted(ToolStarted {
            id: id.into(),
            name: name.into(),
        }),
        Event::ToolFragment(ToolFragment {
            id: id.into(),
            fragment: arguments.into(),
        }),
        Event::ToolFinished(id.into()),
    ]
}

fn started() -> Event {
    Event::Started(Started {
        model: "m:latest".into(),
        id: String::new(),
    })
}

fn usage() -> Event {
    Event::Usage(Usage {
        input: Some(3),
        cached_input: None,
        cache_writes: None,
        output: Some(9),
        reasoning: None,
    })
}

#[test]
fn thoughts_text_and_calls_are_the_same_in_every_split() {
    let lines = [
        json!({ "hint": "news", "done": false }),
        line(&json!({ "role": "assistant", "content": "", "thinking": "Grö" })),
        line(&json!({ "role": "assistant", "content": "", "thinking": "ße" })),
        line(&json!({ "role": "assistant", "content": "東京" })),
        line(&json!({ "role": "assistant", "content": " 🦜" })),
        line(&json!({ "role": "assistant", "content": "", "tool_calls": [
            { "function": { "index": 0, "name": "read", "arguments": { "p": 1 } } },
            { "id": "call_x", "function": { "index": 1, "name": "list", "arguments": {} } },
        ] })),
        line(&json!({ "tool_calls": [{ "function": { "name": "time" } }] })),
        line(
            &json!({ "tool_calls": [{ "id": "call_y", "function": { "name": "note", "arguments": "{\"n\":12345678901234567890123}" } }] }),
        ),
        done("stop"),
        line(&json!({ "content": "never" })),
    ];
    let mut expected = vec![
        started(),
        Event::Reasoning("Größe".into()),
        Event::Text("東京 🦜".into()),
    ];
    expected.extend(call("call_0", "read", "{\"p\":1}"));
    expected.extend(call("call_x", "list", "{}"));
    expected.extend(call("call_2", "time", "{}"));
    expected.extend(call("call_y", "note", "{\"n\":12345678901234567890123}"));
    expected.extend([usage(), Event::Finish(FinishReason::ToolUse)]);
    for stream in [stream(&lines), stream(&lines).replace('\n', "\r\n\n")] {
        every_split(stream.as_bytes(), |pieces| {
            assert_eq!(
                heard_to(request("m", "Hello"), pieces),
                (expected.clone(), None)
            );
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn no_id_is_taken_twice_in_a_conversation() {
    let mut next = request("m", "Hello");
    next.messages.push(Message {
        role: Role::Assistant,
        parts: ["call_1", "call_2"]
            .map(|id| {
                Part::ToolUse(ToolUse {
                    id: id.into(),
                    name: "read".into(),
                    arguments: "{}".into(),
                })
            })
            .to_vec(),
    });
    let calls = json!({ "tool_calls": [
        { "function": { "name": "read", "arguments": {} } },
        { "id": "call_1", "function": { "name": "read", "arguments": {} } },
    ] });
    let (events, _) = heard_to(next, [stream(&[line(&calls), done("stop")])]);
    let ids: Vec<String> = events
        .into_iter()
        .filter_map(|event| match event {
            Event::ToolStarted(started) => Some(started.id),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["call_3", "call_4"]);
}

#[test]
fn each_reason_has_its_word() {
    for (word, reason) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("load", FinishReason::Other),
        ("", FinishReason::Other),
    ] {
        let (events, error) = heard(&[done(word)]);
        assert_eq!(
            (events.last(), error),
            (Some(&Event::Finish(reason)), None),
            "{word}"
        );
    }
    let (events, _) = heard(&[json!({ "done": true })]);
    assert_eq!(events[1..], [Event::Finish(FinishReason::Stop)]);
}

#[test]
fn a_prompt_that_was_cut_off_is_an_error_that_says_what_to_do() {
    let mut cut = done("stop");
    cut["prompt_eval_count"] = 4096.into();
    let long = request("m", &"word ".repeat(20_000));
    let text = line(&json!({ "content": "a" }));
    let (events, error) = heard_to(long, [stream(&[text, cut])]);
    assert_eq!(events[1], Event::Text("a".into()));
    assert!(!events.iter().any(|event| matches!(event, Event::Finish(_))));
    let Some(Error::InvalidRequest(fault)) = error else {
        unreachable!("{error:?}")
    };
    assert!(fault.message.contains("4096") && fault.hint.unwrap().contains("context-length"));
}

#[test]
fn a_stream_that_breaks_off_is_unavailable() {
    let (events, error) = heard(&[line(&json!({ "content": "a" }))]);
    assert_eq!(events, [started(), Event::Text("a".into())]);
    assert!(matches!(error, Some(Error::Unavailable(_))));
    let (_, error) = heard_to(request("m", "Hi"), ["oops\n"]);
    assert!(matches!(error, Some(Error::Unavailable(_))));
}

fn refused(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
    let host = FakeHost::new();
    host.respond_with(status, headers, [Piece::Bytes(body.into())]);
    let result = Ollama::new(host).complete(Config::default(), request("qwen3:8b", "Hello"));
    result.map(drop).unwrap_err()
}

fn variant(error: &Error) -> std::mem::Discriminant<Error> {
    std::mem::discriminant(error)
}

#[test]
fn each_error_is_the_right_one() {
    for (status, message, expected) in [
        (400, "invalid options", Error::invalid("")),
        (
            400,
            "\"gemma\" does not support thinking",
            Error::invalid(""),
        ),
        (
            400,
            "the input length exceeds the context length",
            Error::invalid(""),
        ),
        (401, "unauthorized", Error::unauthenticated("")),
        (404, "model 'qwen3:8b' not found", Error::not_found("")),
        (
            429,
            "you have reached your hourly usage limit",
            Error::invalid(""),
        ),
        (
            500,
            "model requires more system memory (9 GiB) than is available",
            Error::invalid(""),
        ),
        (
            500,
            "llama runner process has terminated",
            Error::unavailable(""),
        ),
        (502, "upstream error", Error::unavailable("")),
        (
            503,
            "server busy, please try again.  maximum pending requests exceeded",
            Error::Overloaded,
        ),
    ] {
        let error = refused(status, &[], &json!({ "error": message }).to_string());
        assert_eq!(variant(&error), variant(&expected), "{message}: {error:?}");
    }
    let spent = json!({ "error": "you have reached your weekly usage limit" }).to_string();
    assert!(
        matches!(refused(429, &[("retry-after", "7")], &spent), Error::InvalidRequest(fault) if fault.code.as_deref() == Some("credit_balance_exhausted") && fault.hint.is_some())
    );
    let many = json!({ "error": "too many requests" }).to_string();
    assert_eq!(refused(429, &[], &many), Error::RateLimited(None));
    let busy = json!({ "error": "server busy" }).to_string();
    assert_eq!(
        refused(503, &[("retry-after", "7")], &busy),
        Error::RateLimited(Some(7000))
    );
    assert!(
        matches!(refused(404, &[], "404 page not found"), Error::NotFound(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("base-url")))
    );
}

#[test]
fn a_model_that_is_missing_comes_with_the_command_that_fetches_it() {
    for message in [
        "model 'qwen3:8b' not found",
        "model \"qwen3:8b\" not found, try pulling it first",
    ] {
        let body = json!({ "error": message });
        let Error::NotFound(fault) = refused(404, &[], &body.to_string()) else {
            unreachable!("{message}")
        };
        assert!(fault.hint.unwrap().ends_with("ollama pull qwen3:8b"));
        let (_, error) = heard_to(request("qwen3:8b", "Hi"), [format!("{body}\n")]);
        assert!(matches!(error, Some(Error::NotFound(_))));
    }
}

#[test]
fn an_error_in_a_stream_ends_it_with_what_came_before() {
    for (message, expected) in [
        (
            json!("an error was encountered while running the model"),
            Error::unavailable(""),
        ),
        (json!({ "message": "oh" }), Error::unavailable("")),
        (
            json!("model requires more system memory than is available"),
            Error::invalid(""),
        ),
        (json!("server busy, please try again"), Error::Overloaded),
        (json!("too many requests"), Error::RateLimited(None)),
        (
            json!("you have reached your usage limit"),
            Error::invalid(""),
        ),
        (json!("unauthorized"), Error::unauthenticated("")),
    ] {
        let (events, error) = heard(&[
            line(&json!({ "content": "a" })),
            json!({ "error": message }),
            line(&json!({ "content": "never" })),
        ]);
        assert_eq!(events.last(), Some(&Event::Text("a".into())));
        assert_eq!(
            error.as_ref().map(variant),
            Some(variant(&expected)),
            "{message}"
        );
    }
}

#[test]
fn a_server_that_is_not_there_or_another_in_its_place_is_told_as_such() {
    let host = FakeHost::new();
    host.refuse(Error::unavailable("connection refused"));
    let result = Ollama::new(host).complete(Config::default(), request("m", "Hi"));
    let Err(Error::Unavailable(fault)) = result.map(drop) else {
        unreachable!()
    };
    assert!(fault.hint.unwrap().contains("ollama serve"));
    let page = "<html><title>Sign in</title></html>";
    for status in [200, 502] {
        assert!(
            matches!(refused(status, &[("content-type", "text/html")], page), Error::Unavailable(fault) if fault.message.contains("Sign in"))
        );
    }
}
