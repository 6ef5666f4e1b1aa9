//! What the events of Responses become, and the errors of OpenAI, over a scripted server.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use labd_ai_openai::{Api, Config, OpenAi};
use labd_plugin::Error;
use labd_plugin::ai::{AiProvider, Event, FinishReason};
use labd_plugin::testing::ai::{drain, every_split, joined, request};
use labd_plugin::testing::{FakeHost, Piece};
use serde_json::{Value, json};

fn answer<T: Into<Vec<u8>>>(pieces: impl IntoIterator<Item = T>) -> (Vec<Event>, Option<Error>) {
    let host = FakeHost::new();
    host.respond(200, pieces);
    match OpenAi::new(host).complete(Config::default(), request("m", "Hello")) {
        Ok(mut completion) => {
            let (events, error) = drain(&mut completion, 16);
            (joined(&events), error)
        }
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// Named events, as the API sends them.
fn stream(events: &[Value]) -> String {
    let named = events.iter().map(|event| {
        let kind = event["type"].as_str().unwrap_or_default();
        format!("event: {kind}\ndata: {event}\n\n")
    });
    named.collect()
}

/// The events of a stream, which every split must give.
fn in_every_split(events: &[Value]) -> (Vec<Event>, Option<Error>) {
    let stream = stream(events);
    let whole = answer([stream.as_str()]);
    every_split(stream.as_bytes(), |pieces| {
        assert_eq!(answer(pieces), whole);
        Ok(())
    })
    .unwrap();
    whole
}

fn created() -> Value {
    json!({ "type": "response.created", "response": { "id": "resp_1", "model": "gpt-5.4-2026", "status": "in_progress" } })
}

fn completed() -> Value {
    json!({ "type": "response.completed", "response": { "id": "resp_1", "status": "completed", "usage": {
        "input_tokens": 9, "input_tokens_details": { "cached_tokens": 4, "cache_write_tokens": 2 },
        "output_tokens": 7, "output_tokens_details": { "reasoning_tokens": 5 }
    } } })
}

fn piece(of: &str, at: u64, delta: &str) -> Value {
    json!({ "type": format!("response.{of}.delta"), "item_id": "i", "output_index": at, "delta": delta })
}

fn item(event: &str, at: u64, item: Value) -> Value {
    json!({ "type": format!("response.output_item.{event}"), "output_index": at, "item": item })
}

fn call(at: u64, arguments: &str) -> Value {
    json!({ "type": "function_call", "id": format!("fc_{at}"), "call_id": format!("call_{at}"), "name": "read", "arguments": arguments })
}

fn fragments(events: &[Event], id: &str) -> String {
    let pieces = events.iter().filter_map(|event| match event {
        Event::ToolFragment(piece) if piece.id == id => Some(piece.fragment.as_str()),
        _ => None,
    });
    pieces.collect()
}

#[test]
fn reasoning_text_and_usage_arrive_whole_in_every_split() {
    let part = |index: u64| json!({ "type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": index, "part": {} });
    let (events, error) = in_every_split(&[
        created(),
        json!({ "type": "response.in_progress", "response": { "id": "resp_1" } }),
        item(
            "added",
            0,
            json!({ "type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "not yet" }),
        ),
        part(0),
        piece("reasoning_summary_text", 0, "Über"),
        part(1),
        piece("reasoning_summary_text", 0, "all"),
        json!({ "type": "response.reasoning_summary_text.done", "output_index": 0, "text": "all" }),
        item(
            "done",
            0,
            json!({ "type": "reasoning", "id": "rs", "summary": [{ "type": "summary_text", "text": "Über" }], "encrypted_content": "gAAA" }),
        ),
        item(
            "added",
            1,
            json!({ "type": "message", "id": "msg", "content": [] }),
        ),
        piece("output_text", 1, "Grüß"),
        json!({ "type": "response.something_new", "output_index": 1, "delta": "?" }),
        json!({ "type": "keepalive" }),
        piece("output_text", 1, " dich 😀"),
        json!({ "type": "response.output_text.done", "output_index": 1, "text": "Grüß dich 😀" }),
        item(
            "done",
            1,
            json!({ "type": "message", "id": "msg", "content": [{ "type": "output_text", "text": "Grüß dich 😀" }] }),
        ),
        completed(),
    ]);
    assert_eq!(error, None);
    assert!(
        matches!(&events[0], Event::Started(started) if started.model == "gpt-5.4-2026" && started.id == "resp_1")
    );
    assert_eq!(events[1], Event::Reasoning("Über\n\nall".into()));
    assert!(
        matches!(&events[2], Event::Blob(blob) if serde_json::from_slice::<Value>(blob).unwrap()["encrypted_content"] == "gAAA")
    );
    assert_eq!(events[3], Event::Text("Grüß dich 😀".into()));
    assert!(
        matches!(&events[4], Event::Usage(usage) if usage.input == Some(9) && usage.cached_input == Some(4) && usage.cache_writes == Some(2) && usage.output == Some(7) && usage.reasoning == Some(5))
    );
    assert_eq!(events[5..], [Event::Finish(FinishReason::Stop)]);
}

#[test]
fn parallel_calls_are_told_under_the_id_that_their_results_go_back_under() {
    let (events, error) = in_every_split(&[
        created(),
        item("added", 0, call(0, "")),
        item("added", 1, call(1, "")),
        piece("function_call_arguments", 0, "{\"p\":"),
        piece("function_call_arguments", 1, "{}"),
        piece("function_call_arguments", 0, "\"ö\"}"),
        item("done", 1, call(1, "{}")),
        item("done", 0, call(0, "{\"p\":\"ö\"}")),
        // Told twice by some, and whole by others.
        item("done", 0, call(0, "{\"p\":\"ö\"}")),
        item("done", 2, call(2, "{\"whole\":true}")),
        item("done", 3, call(3, "")),
        completed(),
    ]);
    assert_eq!(error, None);
    assert_eq!(fragments(&events, "call_0"), "{\"p\":\"ö\"}");
    assert_eq!(fragments(&events, "call_1"), "{}");
    assert_eq!(fragments(&events, "call_2"), "{\"whole\":true}");
    assert_eq!(fragments(&events, "call_3"), "{}");
    let finished = events
        .iter()
        .filter(|event| matches!(event, Event::ToolFinished(_)));
    assert_eq!(finished.count(), 4);
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::ToolUse)));
}

#[test]
fn a_refusal_is_told_as_text_and_as_the_reason() {
    let (events, error) = answer([stream(&[
        created(),
        piece("refusal", 0, "I will not."),
        item(
            "done",
            0,
            json!({ "type": "message", "content": [{ "type": "refusal", "refusal": "I will not." }] }),
        ),
        completed(),
    ])]);
    assert_eq!(error, None);
    assert_eq!(events[1], Event::Text("I will not.".into()));
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::Refusal)));
}

#[test]
fn an_incomplete_answer_says_why() {
    for (why, reason) in [
        ("max_output_tokens", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("something_new", FinishReason::Other),
    ] {
        let (events, error) = answer([stream(&[
            created(),
            item("added", 0, call(0, "")),
            piece("function_call_arguments", 0, "{\"p\":"),
            json!({ "type": "response.incomplete", "response": { "status": "incomplete", "incomplete_details": { "reason": why } } }),
        ])]);
        assert_eq!(error, None);
        assert!(events.contains(&Event::ToolFinished("call_0".into())));
        assert_eq!(events.last(), Some(&Event::Finish(reason)), "{why}");
    }
}

#[test]
fn what_a_server_leaves_out_is_made_up_for() {
    // No beginning, no pieces, ids that change, no names of events, no output at the end.
    let (events, error) = answer([concat!(
        "data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"reasoning\",\"summary\":[{\"text\":\"A\"},{\"text\":\"B\"}]}}\n\n",
        "data: {\"type\":\"response.output_item.done\",\"output_index\":1,\"item\":{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"hi\"}]}}\n\n",
        "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n\ndata: [DONE]\n\n",
    )]);
    assert_eq!(error, None);
    assert!(matches!(&events[0], Event::Started(started) if started.model == "m"));
    assert_eq!(
        events[1..],
        [
            Event::Reasoning("A\n\nB".into()),
            Event::Text("hi".into()),
            Event::Finish(FinishReason::Stop),
        ]
    );
}

#[test]
fn an_answer_that_comes_at_once_is_understood() {
    let response = |status: &str, more: Value| {
        let mut response = json!({ "id": "r", "object": "response", "model": "m-1", "status": status, "output": [
            { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "Hm" }], "encrypted_content": "gAAA" },
            { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "hi" }] },
            call(0, "{}"),
        ] });
        for (key, value) in more.as_object().unwrap() {
            response[key] = value.clone();
        }
        response.to_string()
    };
    let usage = json!({ "usage": { "input_tokens": 9, "output_tokens": 7 } });
    let (events, error) = answer([response("completed", usage)]);
    assert_eq!(error, None);
    assert!(matches!(&events[0], Event::Started(started) if started.model == "m-1"));
    assert_eq!(events[1], Event::Reasoning("Hm".into()));
    assert!(matches!(&events[2], Event::Blob(_)));
    assert_eq!(events[3], Event::Text("hi".into()));
    assert_eq!(fragments(&events, "call_0"), "{}");
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::ToolUse)));
    let cut = json!({ "incomplete_details": { "reason": "max_output_tokens" } });
    let (events, _) = answer([response("incomplete", cut)]);
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::Length)));
    let failed = json!({ "error": { "code": "rate_limit_exceeded", "message": "no" } });
    let (_, error) = answer([response("failed", failed)]);
    assert_eq!(error, Some(Error::RateLimited(None)));
}

#[test]
fn a_stream_that_does_not_say_why_it_ends_is_unavailable_and_keeps_what_came() {
    for end in ["", "data: [DONE]\n\n"] {
        let cut = stream(&[created(), piece("output_text", 0, "half")]) + end;
        let (events, error) = answer([cut]);
        assert_eq!(events.last(), Some(&Event::Text("half".into())));
        assert!(matches!(error, Some(Error::Unavailable(_))), "{error:?}");
    }
}

#[test]
fn an_error_in_the_stream_is_understood_nested_and_flat() {
    let of = |event: Value| {
        let (events, error) =
            answer([stream(&[created(), piece("output_text", 0, "half"), event])]);
        assert_eq!(events.last(), Some(&Event::Text("half".into())));
        error.unwrap()
    };
    type Shape = fn(&str, &str) -> Value;
    let nested: Shape = |code, message| json!({ "type": "error", "error": { "code": code, "message": message, "param": null } });
    let flat: Shape = |code, message| json!({ "type": "error", "code": code, "message": message, "param": null, "sequence_number": 3 });
    let failed: Shape = |code, message| json!({ "type": "response.failed", "response": { "status": "failed", "error": { "code": code, "message": message } } });
    for shape in [nested, flat, failed] {
        assert_eq!(
            of(shape("rate_limit_exceeded", "Please try again in 1.5s.")),
            Error::RateLimited(Some(1500))
        );
        assert!(
            matches!(of(shape("server_error", "The server had an error")), Error::Unavailable(fault) if fault.message == "The server had an error" && fault.code.as_deref() == Some("server_error"))
        );
        assert!(matches!(
            of(shape("insufficient_quota", "no")),
            Error::InvalidRequest(fault) if fault.code.as_deref() == Some("insufficient_quota") && fault.hint.is_some()
        ));
        assert!(matches!(
            of(shape("context_length_exceeded", "Your input exceeds")),
            Error::InvalidRequest(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("larger"))
        ));
        assert!(matches!(
            of(shape("invalid_image_format", "no")),
            Error::InvalidRequest(_)
        ));
        assert!(matches!(
            of(shape("image_too_large", "no")),
            Error::InvalidRequest(_)
        ));
        assert_eq!(of(shape("vector_store_timeout", "no")), Error::Timeout);
    }
    let untold =
        json!({ "type": "response.failed", "response": { "status": "failed", "error": null } });
    assert!(matches!(of(untold), Error::Unavailable(_)));
}

fn refused(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
    let mut told = Vec::new();
    for api in [Api::Responses, Api::Chat] {
        let host = FakeHost::new();
        host.respond_with(status, headers, [Piece::Bytes(body.into())]);
        let config = Config {
            api,
            ..Config::default()
        };
        let refused = OpenAi::new(host).complete(config, request("m", "Hello"));
        told.push(refused.err().unwrap());
    }
    assert_eq!(told[0], told[1]);
    told.remove(0)
}

#[test]
fn each_refusal_becomes_the_right_error_whatever_the_api() {
    let body = |message: &str, kind: &str, code: Option<&str>| {
        json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
            .to_string()
    };
    let text = [("content-type", "text/plain")];
    assert!(
        matches!(refused(401, &text, "Unauthorized\n"), Error::Unauthenticated(fault) if fault.message == "Unauthorized" && fault.hint.is_some())
    );
    let wrong = body(
        "Incorrect API key provided: sk-***.",
        "invalid_request_error",
        Some("invalid_api_key"),
    );
    assert!(matches!(
        refused(401, &[], &wrong),
        Error::Unauthenticated(_)
    ));
    let quota = body(
        "You exceeded your current quota",
        "insufficient_quota",
        Some("insufficient_quota"),
    );
    assert!(
        matches!(refused(429, &[("retry-after", "3")], &quota), Error::InvalidRequest(fault) if fault.code.as_deref() == Some("insufficient_quota"))
    );
    // Either of the two may be the one that says it.
    for (kind, code) in [
        ("billing_not_active", "billing_not_active"),
        ("billing_not_active", "429"),
    ] {
        let unpaid = body("Your account is not active", kind, Some(code));
        assert!(
            matches!(refused(429, &[("retry-after", "3")], &unpaid), Error::InvalidRequest(fault) if fault.code.as_deref() == Some("billing_not_active") && fault.hint.is_some())
        );
    }
    let limited = body("Rate limit reached", "tokens", Some("rate_limit_exceeded"));
    assert_eq!(
        refused(429, &[("retry-after-ms", "1250")], &limited),
        Error::RateLimited(Some(1250))
    );
    assert_eq!(
        refused(429, &[("retry-after", "2")], &limited),
        Error::RateLimited(Some(2000))
    );
    let resets = [
        ("x-ratelimit-remaining-requests", "12"),
        ("x-ratelimit-reset-requests", "1h0m0s"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    assert_eq!(
        refused(429, &resets, &limited),
        Error::RateLimited(Some(360_000))
    );
    let said = body(
        "Rate limit reached for m. Please try again in 20ms.",
        "requests",
        Some("rate_limit_exceeded"),
    );
    assert_eq!(refused(429, &[], &said), Error::RateLimited(Some(20)));
    assert_eq!(refused(429, &[], &limited), Error::RateLimited(None));
    let long = body(
        "This model's maximum context length is 8192 tokens.",
        "invalid_request_error",
        Some("context_length_exceeded"),
    );
    assert!(
        matches!(refused(400, &[], &long), Error::InvalidRequest(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("larger")))
    );
    let unknown = body(
        "The model `x` does not exist or you do not have access to it.",
        "invalid_request_error",
        Some("model_not_found"),
    );
    assert!(matches!(refused(404, &[], &unknown), Error::NotFound(_)));
    let parameter = body(
        "Unsupported parameter: 'temperature'",
        "invalid_request_error",
        None,
    );
    assert!(
        matches!(refused(400, &[], &parameter), Error::InvalidRequest(fault) if fault.message.starts_with("Unsupported"))
    );
    let overloaded = body("The engine is currently overloaded", "server_error", None);
    assert_eq!(refused(503, &[], &overloaded), Error::Overloaded);
    assert!(matches!(
        refused(500, &[], &overloaded),
        Error::Unavailable(_)
    ));
    assert!(matches!(
        refused(502, &[("content-type", "text/html")], "<html>"),
        Error::Unavailable(_)
    ));
    let json = [("content-type", "application/json")];
    assert!(matches!(
        refused(200, &json, &quota),
        Error::InvalidRequest(_)
    ));
    assert!(matches!(refused(200, &json, "{}"), Error::Unavailable(_)));
}
