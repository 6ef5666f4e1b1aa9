//! What both APIs answer, and what becomes of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use labd_ai_gemini::{Api, Config, Gemini};
use labd_plugin::Error;
use labd_plugin::ai::{
    AiProvider, Event, FinishReason, Message, Part, Role, Started, ToolFragment, ToolStarted,
    ToolUse, Usage,
};
use labd_plugin::testing::ai::{drain, every_split, joined, request};
use labd_plugin::testing::{FakeHost, Piece};
use serde_json::{Value, json};

type Heard = (Vec<Event>, Option<Error>);

fn config(api: Api) -> Config {
    Config {
        api,
        ..Config::default()
    }
}

fn heard<T: Into<Vec<u8>>>(api: Api, pieces: impl IntoIterator<Item = T>) -> Heard {
    let host = FakeHost::new();
    let pieces = pieces.into_iter().map(|piece| Piece::Bytes(piece.into()));
    host.respond_with(200, &[("content-type", "text/event-stream")], pieces);
    let mut completion = Gemini::new(host)
        .complete(config(api), request("gemini-x", "Hello"))
        .map_err(|error| error.message().to_owned())
        .unwrap();
    let (events, error) = drain(&mut completion, 16);
    (joined(&events), error)
}

fn stream(payloads: &[Value]) -> String {
    payloads
        .iter()
        .map(|one| format!("data: {one}\r\n\r\n"))
        .collect()
}

fn contents(payloads: &[Value]) -> Heard {
    heard(Api::GenerateContent, [stream(payloads)])
}

fn steps(payloads: &[Value]) -> Heard {
    heard(Api::Interactions, [stream(payloads)])
}

fn chunk(parts: &Value) -> Value {
    json!({ "candidates": [{ "content": { "role": "model", "parts": parts }, "index": 0 }], "modelVersion": "gemini-x-1", "responseId": "r" })
}

fn last(reason: &str) -> Value {
    json!({ "candidates": [{ "content": { "parts": [{ "text": "" }] }, "finishReason": reason }],
        "usageMetadata": { "promptTokenCount": 3, "cachedContentTokenCount": 2, "candidatesTokenCount": 4, "thoughtsTokenCount": 5, "totalTokenCount": 12 } })
}

fn usage() -> Event {
    Event::Usage(Usage {
        input: Some(3),
        cached_input: Some(2),
        cache_writes: None,
        output: Some(9),
        reasoning: Some(5),
    })
}

fn started() -> Event {
    Event::Started(Started {
        model: "gemini-x-1".into(),
        id: "r".into(),
    })
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

fn blob(text: &str) -> Event {
    Event::Blob(text.as_bytes().to_vec())
}

#[test]
fn thoughts_text_and_calls_are_the_same_in_every_split() {
    let payloads = [
        json!({ "hint": "news" }),
        chunk(&json!([{ "text": "Größe", "thought": true }])),
        chunk(&json!([{ "text": "東京" }])),
        chunk(
            &json!([{ "text": " 🦜", "thoughtSignature": "s1" }, { "executableCode": { "code": "1" } }]),
        ),
        // Two at once, of which the first is signed.
        chunk(&json!([
            { "functionCall": { "id": "a", "name": "read", "args": { "p": 1 } }, "thoughtSignature": "s2" },
            { "functionCall": { "name": "list" } },
        ])),
        // One in pieces.
        chunk(
            &json!([{ "functionCall": { "name": "write", "willContinue": true }, "thoughtSignature": "s3" }]),
        ),
        chunk(
            &json!([{ "functionCall": { "willContinue": true, "partialArgs": [{ "jsonPath": "$.to", "stringValue": "Kö", "willContinue": true }] } }]),
        ),
        chunk(
            &json!([{ "functionCall": { "willContinue": true, "partialArgs": [{ "jsonPath": "$.to", "stringValue": "ln" }] } }]),
        ),
        chunk(&json!([{ "functionCall": {} }])),
        chunk(&json!([{ "functionCall": {} }])),
        last("STOP"),
    ];
    let mut expected = vec![
        started(),
        Event::Reasoning("Größe".into()),
        Event::Text("東京 🦜".into()),
        blob(r#"{"text":{"signature":"s1","bytes":5}}"#),
    ];
    expected.extend(call("a", "read", "{\"p\":1}"));
    expected.push(blob(r#"{"call":"s2"}"#));
    expected.extend(call("made-up-r-2", "list", "{}"));
    expected.extend(call("made-up-r-3", "write", "{\"to\":\"Köln\"}"));
    expected.push(blob(r#"{"call":"s3"}"#));
    expected.extend([usage(), Event::Finish(FinishReason::ToolUse)]);
    every_split(stream(&payloads).as_bytes(), |pieces| {
        assert_eq!(
            heard(Api::GenerateContent, pieces),
            (expected.clone(), None)
        );
        Ok(())
    })
    .unwrap();
}

#[test]
fn steps_are_the_same_in_every_split() {
    let payloads = [
        json!({ "event_type": "interaction.created", "interaction": { "id": "r", "model": "gemini-x-1", "status": "in_progress" } }),
        json!({ "event_type": "interaction.status_update", "interaction_id": "r", "status": "in_progress" }),
        json!({ "event_type": "step.start", "index": 0, "step": { "type": "thought" } }),
        json!({ "event_type": "step.delta", "index": 0, "delta": { "type": "thought_summary", "content": { "type": "text", "text": "Größe" } } }),
        json!({ "event_type": "step.delta", "index": 0, "delta": { "type": "thought_signature", "signature": "s1" } }),
        json!({ "event_type": "step.stop", "index": 0 }),
        json!({ "event_type": "step.start", "index": 1, "step": { "type": "model_output" } }),
        json!({ "event_type": "step.delta", "index": 1, "delta": { "type": "text", "text": "東京 🦜" } }),
        json!({ "event_type": "step.delta", "index": 1, "delta": { "type": "text_annotation_delta", "annotations": [] } }),
        json!({ "event_type": "step.stop", "index": 1 }),
        json!({ "event_type": "step.start", "index": 2, "step": { "type": "function_call", "id": "a", "name": "read", "arguments": {}, "signature": "" } }),
        json!({ "event_type": "step.delta", "index": 2, "delta": { "type": "arguments_delta", "arguments": "{\"p\"" } }),
        json!({ "event_type": "step.delta", "index": 2, "delta": { "type": "arguments_delta", "arguments": ":1}" } }),
        json!({ "event_type": "step.stop", "index": 2 }),
        json!({ "event_type": "step.start", "index": 3, "step": { "type": "function_call", "id": "b", "name": "list", "signature": "s2" } }),
        json!({ "event_type": "step.stop", "index": 3 }),
        json!({ "event_type": "step.start", "index": 4, "step": { "type": "google_search_call", "id": "c" } }),
        json!({ "event_type": "news" }),
        json!({ "event_type": "interaction.completed", "interaction": { "id": "r", "status": "requires_action", "usage": {
            "total_input_tokens": 1, "total_tool_use_tokens": 2, "total_cached_tokens": 2, "total_output_tokens": 4, "total_thought_tokens": 5 } } }),
    ];
    let mut expected = vec![
        started(),
        Event::Reasoning("Größe".into()),
        blob(r#"{"thought":"s1"}"#),
        Event::Text("東京 🦜".into()),
    ];
    expected.extend(call("a", "read", "{\"p\":1}"));
    expected.extend(call("b", "list", "{}"));
    expected.push(blob(r#"{"step":"s2"}"#));
    expected.extend([usage(), Event::Finish(FinishReason::ToolUse)]);
    let stream = stream(&payloads) + "event: done\ndata: [DONE]\n\n";
    every_split(stream.as_bytes(), |pieces| {
        assert_eq!(heard(Api::Interactions, pieces), (expected.clone(), None));
        Ok(())
    })
    .unwrap();
}

/// The parts of an answer, as they are sent back: neighbouring texts are one.
fn parts(events: Vec<Event>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut calls: Vec<ToolUse> = Vec::new();
    for event in events {
        match event {
            Event::Text(text) => parts.push(Part::Text(text)),
            Event::Reasoning(text) => parts.push(Part::Reasoning(text)),
            Event::Blob(blob) => parts.push(Part::Blob(blob)),
            Event::ToolStarted(started) => calls.push(ToolUse {
                id: started.id,
                name: started.name,
                arguments: String::new(),
            }),
            Event::ToolFragment(piece) => {
                let call = calls.iter_mut().find(|call| call.id == piece.id);
                call.unwrap().arguments.push_str(&piece.fragment);
            }
            Event::ToolFinished(id) => {
                let call = calls.iter().find(|call| call.id == id).unwrap();
                parts.push(Part::ToolUse(call.clone()));
            }
            Event::Started(_) | Event::Usage(_) | Event::Finish(_) => {}
        }
    }
    parts
}

/// What is sent when an answer is in the conversation.
fn sent_back(api: Api, events: Vec<Event>) -> Value {
    let mut next = request("gemini-3-flash-preview", "Hello");
    next.messages.push(Message {
        role: Role::Assistant,
        parts: parts(events),
    });
    let host = FakeHost::new();
    host.respond(200, [""]);
    Gemini::new(host.clone())
        .complete(config(api), next)
        .map(drop)
        .unwrap();
    serde_json::from_slice(host.requests()[0].body.as_deref().unwrap()).unwrap()
}

#[test]
fn each_signature_goes_back_in_the_part_that_it_came_with() {
    let given = json!([
        { "text": "Hm.", "thought": true, "thoughtSignature": "s0" },
        { "text": "Größ" },
        { "text": "e 東", "thoughtSignature": "s1" },
        { "functionCall": { "id": "a", "name": "read", "args": { "p": 1 } }, "thoughtSignature": "s2" },
        { "functionCall": { "id": "b", "name": "read", "args": {} } },
        { "text": "", "thoughtSignature": "s3" },
    ]);
    let (events, error) = contents(&[chunk(&given), last("STOP")]);
    assert_eq!(error, None);
    assert_eq!(
        sent_back(Api::GenerateContent, events.clone())["contents"][1]["parts"],
        given
    );
    // The other API's signatures are not its own.
    let steps = &sent_back(Api::Interactions, events)["input"];
    assert!(!steps.to_string().contains("signature"));
}

#[test]
fn thoughts_of_an_interaction_go_back_as_steps() {
    let (events, error) = steps(&[
        json!({ "event_type": "interaction.created", "interaction": { "id": "r" } }),
        json!({ "event_type": "step.start", "index": 0, "step": { "type": "thought", "signature": "s0" } }),
        json!({ "event_type": "step.stop", "index": 0 }),
        json!({ "event_type": "step.start", "index": 1, "step": { "type": "thought" } }),
        json!({ "event_type": "step.delta", "index": 1, "delta": { "type": "thought_summary", "content": { "type": "text", "text": "Hm." } } }),
        json!({ "event_type": "step.delta", "index": 1, "delta": { "type": "thought_signature", "signature": "s1" } }),
        json!({ "event_type": "step.stop", "index": 1 }),
        json!({ "event_type": "step.start", "index": 2, "step": { "type": "function_call", "id": "a", "name": "read", "arguments": { "p": 1 }, "signature": "s2" } }),
        json!({ "event_type": "step.stop", "index": 2 }),
        json!({ "event_type": "interaction.completed", "interaction": { "status": "requires_action" } }),
    ]);
    assert_eq!(error, None);
    assert_eq!(
        sent_back(Api::Interactions, events.clone())["input"]
            .as_array()
            .unwrap()[1..],
        [
            json!({ "type": "thought", "signature": "s0" }),
            json!({ "type": "thought", "signature": "s1", "summary": [{ "type": "text", "text": "Hm." }] }),
            json!({ "type": "function_call", "id": "a", "name": "read", "arguments": { "p": 1 }, "signature": "s2" }),
        ]
    );
    let parts = &sent_back(Api::GenerateContent, events)["contents"][1]["parts"];
    assert_eq!(parts.as_array().unwrap().len(), 1);
}

#[test]
fn each_reason_has_its_word() {
    let text = || chunk(&json!([{ "text": "a" }]));
    for (word, reason) in [
        ("STOP", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("SAFETY", FinishReason::ContentFilter),
        ("RECITATION", FinishReason::ContentFilter),
        ("BLOCKLIST", FinishReason::ContentFilter),
        ("PROHIBITED_CONTENT", FinishReason::ContentFilter),
        ("SPII", FinishReason::ContentFilter),
        ("LANGUAGE", FinishReason::Other),
        ("MALFORMED_FUNCTION_CALL", FinishReason::Other),
        ("UNEXPECTED_TOOL_CALL", FinishReason::Other),
        ("NEWS", FinishReason::Other),
    ] {
        let (events, error) = contents(&[text(), last(word)]);
        assert_eq!(
            (events.last(), error),
            (Some(&Event::Finish(reason)), None),
            "{word}"
        );
    }
    let (events, error) = contents(&[
        json!({ "promptFeedback": { "blockReason": "SAFETY" }, "usageMetadata": { "promptTokenCount": 4 } }),
    ]);
    assert_eq!(
        (events.last(), error),
        (Some(&Event::Finish(FinishReason::ContentFilter)), None)
    );
    for (status, reason) in [
        ("completed", FinishReason::Stop),
        ("incomplete", FinishReason::Length),
        ("budget_exceeded", FinishReason::Length),
        ("cancelled", FinishReason::Other),
    ] {
        let done =
            json!({ "event_type": "interaction.completed", "interaction": { "status": status } });
        let (events, error) = steps(&[done]);
        assert_eq!(
            (events.last(), error),
            (Some(&Event::Finish(reason)), None),
            "{status}"
        );
    }
    let failed =
        json!({ "event_type": "interaction.completed", "interaction": { "status": "failed" } });
    assert!(matches!(steps(&[failed]).1, Some(Error::Unavailable(_))));
    // Where it says why, that is what it is.
    let why = json!([{ "code": "invalid_request", "message": "The picture is none." }]);
    let failed = json!({ "event_type": "interaction.completed", "interaction": { "status": "failed", "errors": why } });
    assert!(
        matches!(steps(&[failed]).1, Some(Error::InvalidRequest(fault)) if fault.message == "The picture is none.")
    );
}

#[test]
fn stop_texts_that_are_too_many_are_looked_for_in_the_answer() {
    let host = FakeHost::new();
    let pieces = stream(&[chunk(&json!([{ "text": "one END two" }])), last("STOP")]);
    host.respond(200, [pieces]);
    let mut wanted = request("gemini-x", "Count");
    wanted.stop = ["a", "b", "c", "d", "f", "END"].map(Into::into).to_vec();
    let mut answer = Gemini::new(host.clone())
        .complete(config(Api::GenerateContent), wanted)
        .map_err(|error| error.message().to_owned())
        .unwrap();
    let (events, error) = drain(&mut answer, 16);
    assert_eq!(error, None);
    assert!(events.contains(&Event::Text("one ".into())), "{events:?}");
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::Stop)));
    let body = host.requests()[0].body.clone().unwrap();
    assert!(!String::from_utf8(body).unwrap().contains("stopSequences"));
}

#[test]
fn a_stream_that_breaks_off_or_is_none_is_unavailable() {
    let (events, error) = contents(&[chunk(&json!([{ "text": "a" }]))]);
    assert_eq!(events, [started(), Event::Text("a".into())]);
    assert!(matches!(error, Some(Error::Unavailable(_))));
    let created = json!({ "event_type": "interaction.created", "interaction": { "id": "r" } });
    assert!(matches!(steps(&[created]).1, Some(Error::Unavailable(_))));
    for api in [Api::GenerateContent, Api::Interactions] {
        assert!(matches!(
            heard(api, ["data: oops\n\n"]).1,
            Some(Error::Unavailable(_))
        ));
    }
    // Other candidates than the first are not ours.
    let other =
        json!({ "candidates": [{ "index": 1, "content": { "parts": [{ "text": "b" }] } }] });
    let (events, _) = contents(&[chunk(&json!([{ "text": "a" }])), other, last("STOP")]);
    assert_eq!(events[1], Event::Text("a".into()));
}
