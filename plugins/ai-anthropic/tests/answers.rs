//! What the API answers, and what becomes of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use labd_ai_anthropic::{Anthropic, Config};
use labd_plugin::ai::{
    AiProvider, Event, FinishReason, Message, Part, Role, Started, ToolFragment, ToolStarted, Usage,
};
use labd_plugin::testing::ai::{drain, every_split, joined, request};
use labd_plugin::testing::{FakeHost, Piece};
use labd_plugin::{Error, Result};
use serde_json::{Value, json};

type Heard = (Vec<Event>, Option<Error>);

fn heard<T: Into<Vec<u8>>>(pieces: impl IntoIterator<Item = T>) -> Heard {
    let host = FakeHost::new();
    let pieces = pieces.into_iter().map(|piece| Piece::Bytes(piece.into()));
    host.respond_with(200, &[("content-type", "text/event-stream")], pieces);
    let mut completion = Anthropic::new(host)
        .complete(Config::default(), request("claude-sonnet-4-5", "Hello"))
        .map_err(|error| error.message().to_owned())
        .unwrap();
    let (events, error) = drain(&mut completion, 16);
    (joined(&events), error)
}

/// A stream of these payloads, after the start of a message.
fn stream(payloads: &[Value]) -> String {
    let start = json!({ "type": "message_start", "message": {
        "id": "msg_1", "model": "claude-x", "content": [], "usage": { "input_tokens": 3, "output_tokens": 1 },
    } });
    let all = std::iter::once(&start).chain(payloads);
    all.map(|one| format!("event: {}\ndata: {one}\n\n", one["type"].as_str().unwrap()))
        .collect()
}

fn block(index: u64, block: &Value) -> Value {
    json!({ "type": "content_block_start", "index": index, "content_block": block })
}

fn delta(index: u64, delta: &Value) -> Value {
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

fn stop(index: u64) -> Value {
    json!({ "type": "content_block_stop", "index": index })
}

fn done(reason: &str) -> [Value; 2] {
    [
        json!({ "type": "message_delta", "delta": { "stop_reason": reason }, "usage": { "output_tokens": 7 } }),
        json!({ "type": "message_stop" }),
    ]
}

fn started() -> Event {
    Event::Started(Started {
        model: "claude-x".into(),
        id: "msg_1".into(),
    })
}

fn usage(output: u32) -> Event {
    Event::Usage(Usage {
        input: Some(3),
        cached_input: None,
        cache_writes: None,
        output: Some(output),
        reasoning: None,
    })
}

fn tool(id: &str, name: &str) -> Event {
    Event::ToolStarted(ToolStarted {
        id: id.into(),
        name: name.into(),
    })
}

fn piece(id: &str, fragment: &str) -> Event {
    Event::ToolFragment(ToolFragment {
        id: id.into(),
        fragment: fragment.into(),
    })
}

#[test]
fn tools_in_parallel_thoughts_and_text_are_the_same_in_every_split() {
    let mut payloads = vec![
        block(
            0,
            &json!({ "type": "thinking", "thinking": "", "signature": "" }),
        ),
        delta(0, &json!({ "type": "thinking_delta", "thinking": "Größe" })),
        delta(0, &json!({ "type": "signature_delta", "signature": "sig" })),
        delta(0, &json!({ "type": "signature_delta", "signature": "-1" })),
        stop(0),
        block(1, &json!({ "type": "redacted_thinking", "data": "hidden" })),
        stop(1),
        json!({ "type": "ping" }),
        block(2, &json!({ "type": "text", "text": "" })),
        delta(2, &json!({ "type": "text_delta", "text": "東京 🦜" })),
        delta(2, &json!({ "type": "citations_delta", "citation": {} })),
        stop(2),
        json!({ "type": "news", "delta": 5 }),
        // Two calls whose arguments arrive by turns, and one without any.
        block(
            3,
            &json!({ "type": "tool_use", "id": "a", "name": "read", "input": {} }),
        ),
        block(
            4,
            &json!({ "type": "tool_use", "id": "b", "name": "write", "input": {} }),
        ),
        delta(
            3,
            &json!({ "type": "input_json_delta", "partial_json": "" }),
        ),
        delta(
            3,
            &json!({ "type": "input_json_delta", "partial_json": "{\"p\":" }),
        ),
        delta(
            4,
            &json!({ "type": "input_json_delta", "partial_json": "{\"q\":2}" }),
        ),
        delta(
            3,
            &json!({ "type": "input_json_delta", "partial_json": "1}" }),
        ),
        stop(4),
        stop(3),
        block(
            5,
            &json!({ "type": "tool_use", "id": "c", "name": "list", "input": {} }),
        ),
        delta(
            5,
            &json!({ "type": "input_json_delta", "partial_json": "" }),
        ),
        stop(5),
        block(
            6,
            &json!({ "type": "server_tool_use", "id": "d", "name": "search", "input": {} }),
        ),
        delta(
            6,
            &json!({ "type": "input_json_delta", "partial_json": "{}" }),
        ),
        stop(6),
    ];
    payloads.extend(done("tool_use"));
    let expected = vec![
        started(),
        usage(1),
        Event::Reasoning("Größe".into()),
        Event::Blob(br#"{"signature":"sig-1"}"#.to_vec()),
        Event::Blob(br#"{"redacted":"hidden"}"#.to_vec()),
        Event::Text("東京 🦜".into()),
        tool("a", "read"),
        tool("b", "write"),
        piece("a", "{\"p\":"),
        piece("b", "{\"q\":2}"),
        piece("a", "1}"),
        Event::ToolFinished("b".into()),
        Event::ToolFinished("a".into()),
        tool("c", "list"),
        piece("c", "{}"),
        Event::ToolFinished("c".into()),
        usage(7),
        Event::Finish(FinishReason::ToolUse),
    ];
    for stream in [stream(&payloads), stream(&payloads).replace('\n', "\r\n")] {
        every_split(stream.as_bytes(), |pieces| {
            assert_eq!(heard(pieces), (expected.clone(), None));
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn thoughts_of_an_answer_go_back_as_they_came() {
    let mut payloads = vec![
        block(
            0,
            &json!({ "type": "thinking", "thinking": "", "signature": "" }),
        ),
        delta(0, &json!({ "type": "thinking_delta", "thinking": "Hm." })),
        delta(0, &json!({ "type": "signature_delta", "signature": "abc" })),
        stop(0),
        block(
            1,
            &json!({ "type": "thinking", "thinking": "", "signature": "only" }),
        ),
        stop(1),
        block(2, &json!({ "type": "redacted_thinking", "data": "r" })),
        stop(2),
        block(3, &json!({ "type": "text", "text": "Yes" })),
        stop(3),
    ];
    payloads.extend(done("end_turn"));
    let parts = heard([stream(&payloads)])
        .0
        .into_iter()
        .filter_map(|event| match event {
            Event::Text(text) => Some(Part::Text(text)),
            Event::Reasoning(text) => Some(Part::Reasoning(text)),
            Event::Blob(blob) => Some(Part::Blob(blob)),
            _ => None,
        });
    let mut next = request("claude-sonnet-4-5", "Hello");
    next.messages.push(Message {
        role: Role::Assistant,
        parts: parts.collect(),
    });
    let host = FakeHost::new();
    host.respond(200, [""]);
    Anthropic::new(host.clone())
        .complete(Config::default(), next)
        .map(drop)
        .unwrap();
    let body: Value = serde_json::from_slice(host.requests()[0].body.as_deref().unwrap()).unwrap();
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            { "type": "thinking", "thinking": "Hm.", "signature": "abc" },
            { "type": "thinking", "thinking": "", "signature": "only" },
            { "type": "redacted_thinking", "data": "r" },
            { "type": "text", "text": "Yes" },
        ])
    );
}

#[test]
fn each_reason_has_its_word() {
    for (word, reason) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("tool_use", FinishReason::ToolUse),
        ("refusal", FinishReason::Refusal),
        ("pause_turn", FinishReason::Pause),
        ("news", FinishReason::Other),
    ] {
        let (events, error) = heard([stream(&done(word))]);
        assert_eq!((events.last(), error), (Some(&Event::Finish(reason)), None));
    }
}

#[test]
fn input_is_all_of_it_with_what_the_cache_had_and_took() {
    let start = json!({ "type": "message_start", "message": { "id": "1", "model": "m", "usage": {
        "input_tokens": 2, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 4000, "output_tokens": 1,
    } } });
    let more = json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": {
        "output_tokens": 9, "output_tokens_details": { "thinking_tokens": 5 },
    } });
    let body = format!("data: {start}\n\ndata: {more}\n\ndata: {{\"type\":\"message_stop\"}}\n\n");
    let (events, _) = heard([body]);
    let last = events.iter().rev().find_map(|event| match event {
        Event::Usage(usage) => Some(*usage),
        _ => None,
    });
    let expected = Usage {
        input: Some(4302),
        cached_input: Some(4000),
        cache_writes: Some(300),
        output: Some(9),
        reasoning: Some(5),
    };
    assert_eq!(last, Some(expected));
}

#[test]
fn an_answer_that_comes_whole_is_one() {
    let start = json!({ "type": "message_start", "message": {
        "id": "msg_1", "model": "claude-x", "stop_reason": "tool_use",
        "content": [{ "type": "tool_use", "id": "a", "name": "roll", "input": { "n": 1 } }],
    } });
    let body = format!("data: {start}\n\ndata: {{\"type\":\"message_stop\"}}\n\n");
    let expected = vec![
        started(),
        tool("a", "roll"),
        piece("a", "{\"n\":1}"),
        Event::ToolFinished("a".into()),
        Event::Finish(FinishReason::ToolUse),
    ];
    assert_eq!(heard([body]), (expected, None));
}

#[test]
fn a_start_that_comes_again_is_one_and_another_is_an_error() {
    let again =
        json!({ "type": "message_start", "message": { "id": "msg_1", "model": "claude-x" } });
    let other =
        json!({ "type": "message_start", "message": { "id": "msg_2", "model": "claude-x" } });
    let text = [block(0, &json!({ "type": "text", "text": "a" })), stop(0)];
    let mut payloads = vec![again];
    payloads.extend(text.clone());
    payloads.extend(done("end_turn"));
    let (events, error) = heard([stream(&payloads)]);
    assert_eq!(error, None);
    assert_eq!(
        events
            .iter()
            .filter(|event| matches!(event, Event::Started(_)))
            .count(),
        1
    );
    let mut payloads = text.to_vec();
    payloads.push(other);
    let (events, error) = heard([stream(&payloads)]);
    assert_eq!(events.last(), Some(&Event::Text("a".into())));
    assert!(matches!(error, Some(Error::Unavailable(_))));
}

#[test]
fn a_stream_that_breaks_off_is_unavailable_and_one_that_said_why_is_whole() {
    let text = block(0, &json!({ "type": "text", "text": "a" }));
    let (events, error) = heard([stream(std::slice::from_ref(&text))]);
    assert_eq!(events.last(), Some(&Event::Text("a".into())));
    assert!(matches!(error, Some(Error::Unavailable(_))));
    let [reason, _] = done("end_turn");
    let (events, error) = heard([stream(&[text, reason])]);
    assert_eq!(
        (events.last(), error),
        (Some(&Event::Finish(FinishReason::Stop)), None)
    );
    let (_, error) = heard(["data: oops\n\n"]);
    assert!(matches!(error, Some(Error::Unavailable(_))));
    let (_, error) = heard(["data: {\"type\":\"content_block_delta\",\"delta\":7}\n\n"]);
    assert!(matches!(error, Some(Error::Unavailable(_))));
}

fn envelope(kind: &str, message: &str) -> String {
    json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_7" })
        .to_string()
}

fn refused(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
    let host = FakeHost::new();
    host.respond_with(status, headers, [Piece::Bytes(body.into())]);
    let provider = Anthropic::new(host);
    let result = provider.complete(Config::default(), request("claude-sonnet-4-5", "Hello"));
    result.map(drop).unwrap_err()
}

/// The contract's name of an error, to compare.
fn name(error: &Error) -> String {
    let text = format!("{error:?}");
    text.split(['(', ' ', ':'])
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn each_error_is_the_right_one_in_a_body_and_in_a_stream() {
    for (status, kind, message, expected) in [
        (
            400,
            "invalid_request_error",
            "max_tokens: required",
            Error::invalid(""),
        ),
        (
            401,
            "authentication_error",
            "invalid x-api-key",
            Error::unauthenticated(""),
        ),
        (402, "billing_error", "pay", Error::invalid("")),
        (403, "permission_error", "no", Error::unauthenticated("")),
        (
            404,
            "not_found_error",
            "model: claude-9",
            Error::not_found(""),
        ),
        (413, "request_too_large", "too large", Error::invalid("")),
        (
            429,
            "rate_limit_error",
            "slow down",
            Error::RateLimited(None),
        ),
        (
            429,
            "rate_limit_error",
            "Extra usage is required",
            Error::invalid(""),
        ),
        (500, "api_error", "oh", Error::unavailable("")),
        (504, "timeout_error", "late", Error::Timeout),
        (529, "overloaded_error", "busy", Error::Overloaded),
        // The type counts.
        (500, "overloaded_error", "busy", Error::Overloaded),
    ] {
        let body = envelope(kind, message);
        let in_body = refused(status, &[], &body);
        let variant = |error: &Error| std::mem::discriminant(error);
        assert_eq!(variant(&in_body), variant(&expected), "{kind}: {in_body:?}");
        let text = block(0, &json!({ "type": "text", "text": "a" }));
        let begun = stream(&[text]) + &format!("event: error\ndata: {body}\n\n");
        let (events, error) = heard([begun]);
        assert_eq!(events.last(), Some(&Event::Text("a".into())));
        assert_eq!(error.as_ref().map(name), Some(name(&expected)), "{kind}");
        let at_once = refused(200, &[("content-type", "application/json")], &body);
        assert_eq!(variant(&at_once), variant(&expected), "{kind} with 200");
        if let Some(fault) = in_body.fault() {
            assert_eq!(fault.message, format!("{message} (request req_7)"));
            assert_eq!(fault.code.as_deref(), Some(kind));
        }
    }
}

#[test]
fn what_no_waiting_helps_says_what_does() {
    for (message, code, hint) in [
        (
            "Your credit balance is too low to access the Anthropic API.",
            "billing_error",
            "credit",
        ),
        (
            "You have reached your specified API usage limits.",
            "billing_error",
            "credit",
        ),
        (
            "prompt is too long: 208310 tokens > 200000 maximum",
            "invalid_request_error",
            "longer than",
        ),
        (
            "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
            "invalid_request_error",
            "longer than",
        ),
    ] {
        let error = refused(400, &[], &envelope("invalid_request_error", message));
        let Error::InvalidRequest(fault) = error else {
            unreachable!("{error:?}")
        };
        assert_eq!(fault.code.as_deref(), Some(code), "{message}");
        assert!(fault.hint.unwrap().contains(hint), "{message}");
    }
}

#[test]
fn a_wait_is_what_the_server_says_in_any_of_its_ways() {
    let body = envelope("rate_limit_error", "slow down");
    let wait = |headers: &[(&str, &str)]| match refused(429, headers, &body) {
        Error::RateLimited(wait) => wait,
        other => unreachable!("{other:?}"),
    };
    assert_eq!(wait(&[("retry-after", "7")]), Some(7000));
    assert_eq!(wait(&[]), None);
    // The clock of the fake stands at 2024-01-01T00:00:00Z.
    let limits = [
        ("anthropic-ratelimit-requests-remaining", "12"),
        ("anthropic-ratelimit-requests-reset", "2024-01-01T01:00:00Z"),
        ("anthropic-ratelimit-input-tokens-remaining", "0"),
        (
            "anthropic-ratelimit-input-tokens-reset",
            "2024-01-01T00:00:30Z",
        ),
        ("anthropic-ratelimit-output-tokens-remaining", "0"),
        (
            "anthropic-ratelimit-output-tokens-reset",
            "2024-01-01T00:00:20Z",
        ),
    ];
    assert_eq!(wait(&limits), Some(30_000));
    let down = envelope("api_error", "down");
    assert_eq!(refused(503, &[], &down), Error::Overloaded);
    assert_eq!(
        refused(503, &[("retry-after", "3")], &down),
        Error::RateLimited(Some(3000))
    );
    let conflict = envelope("invalid_request_error", "Conflict");
    assert!(matches!(refused(409, &[], &conflict), Error::Conflict(_)));
    let busy = envelope("overloaded_error", "busy");
    assert_eq!(
        refused(529, &[("retry-after", "3")], &busy),
        Error::RateLimited(Some(3000))
    );
}

#[test]
fn what_is_no_answer_of_the_api_is_told_as_what_it_is() {
    let page = "<html><title>Sign in</title></html>";
    for status in [200, 502] {
        let error = refused(status, &[("content-type", "text/html")], page);
        assert!(
            matches!(&error, Error::Unavailable(fault) if fault.message.contains("Sign in")),
            "{error:?}"
        );
    }
    assert!(
        matches!(refused(401, &[], "nope"), Error::Unauthenticated(fault) if fault.message == "nope")
    );
    assert!(
        matches!(refused(404, &[], "{\"detail\":\"x\"}"), Error::NotFound(fault) if fault.hint.is_some())
    );
    assert!(matches!(refused(400, &[], ""), Error::InvalidRequest(_)));
    let json = [("content-type", "application/json")];
    assert!(
        matches!(refused(200, &json, "{\"type\":\"message\"}"), Error::Unavailable(fault) if fault.message.contains("stream"))
    );
}

#[test]
fn what_a_body_is_counts_and_not_what_it_says_it_is() -> Result<()> {
    let host = FakeHost::new();
    let body = stream(&done("end_turn"));
    host.respond_with(
        200,
        &[("content-type", "application/json")],
        [Piece::Bytes(body.into())],
    );
    let mut completion = Anthropic::new(host).complete(Config::default(), request("m", "Hi"))?;
    let (events, error) = drain(&mut completion, 16);
    assert_eq!((events.len(), error), (4, None));
    Ok(())
}
