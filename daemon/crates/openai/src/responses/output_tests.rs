//! Every event of an answer, as a client of responses sees it.

use crate::responses::sealed;
use crate::testing::{Script, Step, ask_events, ask_json};
use labd_plugin_host::kinds::ai::{Event, FinishReason, Part, Usage};
use labd_protocol::{ApiError, ErrorCode};
use serde_json::{Value, json};

const PATH: &str = "/v1/responses";
const MODEL: &str = "Acme/parrot";

fn started() -> Event {
    Event::Started {
        model: "parrot-1".into(),
        id: "up-1".into(),
    }
}

fn text(text: &str) -> Event {
    Event::Text(text.into())
}

fn tool(id: &str, name: &str) -> Event {
    Event::ToolStarted {
        id: id.into(),
        name: name.into(),
    }
}

fn fragment(id: &str, fragment: &str) -> Event {
    Event::ToolFragment {
        id: id.into(),
        fragment: fragment.into(),
    }
}

fn usage() -> Event {
    Event::Usage(Usage {
        input: Some(10),
        cached_input: Some(4),
        cache_writes: Some(2),
        output: Some(6),
        reasoning: Some(3),
    })
}

fn usage_json() -> Value {
    json!({
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 16
    })
}

fn body(extra: Value) -> Value {
    let mut body = json!({"model": MODEL, "input": "hi"});
    body.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    body
}

/// Reasoning with a signature, text with another, two interleaved calls, tokens.
fn full() -> Vec<Event> {
    vec![
        started(),
        Event::Reasoning("So".into()),
        Event::Reasoning("?".into()),
        Event::Blob(vec![1]),
        text("Grü"),
        text("ße"),
        Event::Blob(vec![2]),
        tool("c1", "look"),
        fragment("c1", "{\"a\":"),
        tool("c2", "time"),
        fragment("c1", "1}"),
        Event::ToolFinished("c1".into()),
        Event::ToolFinished("c2".into()),
        usage(),
        Event::Finish(FinishReason::ToolUse),
    ]
}

/// The items of [`full`], without their ids.
fn items() -> Value {
    json!([
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "So?"}], "encrypted_content": sealed::seal(MODEL, &[1])},
        {"type": "message", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "Grüße", "annotations": [], "logprobs": []}]},
        {"type": "reasoning", "summary": [], "encrypted_content": sealed::seal(MODEL, &[2])},
        {"type": "function_call", "status": "completed", "call_id": "c1", "name": "look", "arguments": "{\"a\":1}"},
        {"type": "function_call", "status": "completed", "call_id": "c2", "name": "time", "arguments": "{}"}
    ])
}

/// Takes the ids out of items; they begin with the kind.
fn without_ids(items: &mut Value) {
    for item in items.as_array_mut().unwrap() {
        let id = item.as_object_mut().unwrap().remove("id").unwrap();
        let prefix = match item["type"].as_str().unwrap() {
            "message" => "msg_",
            "reasoning" => "rs_",
            _ => "fc_",
        };
        assert!(id.as_str().unwrap().starts_with(prefix), "{id}");
    }
}

#[tokio::test]
async fn an_answer_is_one_response() {
    let asked = body(json!({
        "instructions": "Be brief.", "metadata": {"a": "b"}, "temperature": 0.5,
        "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}],
        "reasoning": {"effort": "low"}, "max_output_tokens": 50
    }));
    let (status, mut told) = ask_json(&Script::events(full()), PATH, asked).await;
    assert_eq!(status, 200, "{told}");
    assert!(told["id"].take().as_str().unwrap().starts_with("resp_"));
    assert!(told["created_at"].take().is_u64());
    assert!(told["completed_at"].take().is_u64());
    without_ids(&mut told["output"]);
    assert_eq!(
        told,
        json!({
            "id": null, "object": "response", "created_at": null, "completed_at": null,
            "status": "completed", "background": false, "error": null, "incomplete_details": null,
            "model": "parrot-1", "output": items(), "usage": usage_json(),
            "instructions": "Be brief.", "max_output_tokens": 50, "max_tool_calls": null,
            "metadata": {"a": "b"}, "parallel_tool_calls": true, "previous_response_id": null,
            "prompt_cache_key": null, "reasoning": {"effort": "low", "summary": null},
            "safety_identifier": null, "service_tier": "default", "store": false,
            "temperature": 0.5, "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": "auto",
            "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}],
            "top_logprobs": 0, "top_p": null, "truncation": "disabled", "user": null
        })
    );
}

#[tokio::test]
async fn every_event_is_told_in_its_order_and_number() {
    let asked = body(json!({"stream": true}));
    let events = ask_events(&Script::events(full()), PATH, asked).await;
    let mut told = Vec::new();
    for (number, (name, mut event)) in events.into_iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
        let object = event.as_object_mut().unwrap();
        object.remove("sequence_number");
        let kind = object.remove("type").unwrap();
        assert_eq!(kind.as_str(), name.as_deref());
        let kind = name.unwrap();
        if let Some(response) = object.remove("response") {
            let mut output = response["output"].clone();
            without_ids(&mut output);
            assert_eq!(response["model"], "parrot-1");
            told.push((kind, json!([response["status"], output, response["usage"]])));
            continue;
        }
        if let Some(id) = object.remove("item_id") {
            let prefix = id.as_str().unwrap().split('_').next().unwrap().to_owned();
            assert!(["msg", "rs", "fc"].contains(&prefix.as_str()), "{id}");
        }
        if let Some(item) = object.get_mut("item") {
            let mut alone = json!([item.take()]);
            without_ids(&mut alone);
            *item = alone[0].take();
        }
        told.push((kind, event));
    }
    let items = items();
    let added = |index: usize, item: Value| {
        (
            "response.output_item.added",
            json!({"output_index": index, "item": item}),
        )
    };
    let done = |index: usize| {
        (
            "response.output_item.done",
            json!({"output_index": index, "item": items[index]}),
        )
    };
    let summary = |text: &str| json!({"output_index": 0, "summary_index": 0, "part": {"type": "summary_text", "text": text}});
    let content = |text: &str| json!({"output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": text, "annotations": [], "logprobs": []}});
    let call = |call_id: &str, name: &str| json!({"type": "function_call", "status": "in_progress", "call_id": call_id, "name": name, "arguments": ""});
    let empty = || json!({"type": "reasoning", "summary": []});
    let arguments = |index: usize, name: &str, text: &str| {
        (
            "response.function_call_arguments.done",
            json!({"output_index": index, "name": name, "arguments": text}),
        )
    };
    let expected = [
        ("response.created", json!(["in_progress", [], null])),
        ("response.in_progress", json!(["in_progress", [], null])),
        added(0, empty()),
        ("response.reasoning_summary_part.added", summary("")),
        (
            "response.reasoning_summary_text.delta",
            json!({"output_index": 0, "summary_index": 0, "delta": "So"}),
        ),
        (
            "response.reasoning_summary_text.delta",
            json!({"output_index": 0, "summary_index": 0, "delta": "?"}),
        ),
        (
            "response.reasoning_summary_text.done",
            json!({"output_index": 0, "summary_index": 0, "text": "So?"}),
        ),
        ("response.reasoning_summary_part.done", summary("So?")),
        done(0),
        added(
            1,
            json!({"type": "message", "status": "in_progress", "role": "assistant", "content": []}),
        ),
        ("response.content_part.added", content("")),
        (
            "response.output_text.delta",
            json!({"output_index": 1, "content_index": 0, "delta": "Grü", "logprobs": []}),
        ),
        (
            "response.output_text.delta",
            json!({"output_index": 1, "content_index": 0, "delta": "ße", "logprobs": []}),
        ),
        (
            "response.output_text.done",
            json!({"output_index": 1, "content_index": 0, "text": "Grüße", "logprobs": []}),
        ),
        ("response.content_part.done", content("Grüße")),
        done(1),
        added(2, empty()),
        done(2),
        added(3, call("c1", "look")),
        (
            "response.function_call_arguments.delta",
            json!({"output_index": 3, "delta": "{\"a\":"}),
        ),
        added(4, call("c2", "time")),
        (
            "response.function_call_arguments.delta",
            json!({"output_index": 3, "delta": "1}"}),
        ),
        arguments(3, "look", "{\"a\":1}"),
        done(3),
        arguments(4, "time", "{}"),
        done(4),
        (
            "response.completed",
            json!(["completed", items, usage_json()]),
        ),
    ];
    let expected = expected.map(|(kind, event)| (kind.to_owned(), event));
    for (told, expected) in told.iter().zip(&expected) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), expected.len());
}

#[tokio::test]
async fn an_answer_sent_back_is_what_its_provider_said() {
    let script = Script::events(full());
    let (_, told) = ask_json(&script, PATH, body(json!({}))).await;
    let mut input = vec![json!({"role": "user", "content": "hi"})];
    input.extend(told["output"].as_array().unwrap().clone());
    input.push(json!({"type": "function_call_output", "call_id": "c1", "output": "1"}));
    let again = |model: &str| json!({"model": model, "input": input});
    ask_json(&script, PATH, again(MODEL)).await;
    let call = |id: &str, name: &str, arguments: &str| Part::ToolUse {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    };
    let said = [
        Part::Reasoning("So?".into()),
        Part::Blob(vec![1]),
        Part::Text("Grüße".into()),
        Part::Blob(vec![2]),
        call("c1", "look", "{\"a\":1}"),
        call("c2", "time", "{}"),
    ];
    assert_eq!(script.request().messages[1].parts, said);
    ask_json(&script, PATH, again("Acme/cat")).await;
    let parts = &script.request().messages[1].parts;
    assert!(
        !parts.iter().any(|part| matches!(part, Part::Blob(_))),
        "{parts:?}"
    );
}

#[tokio::test]
async fn an_answer_that_was_cut_short_says_why() {
    for (finish, reason) in [
        (FinishReason::Length, "max_output_tokens"),
        (FinishReason::ContentFilter, "content_filter"),
    ] {
        let events = || [started(), text("a"), Event::Finish(finish)];
        let (_, whole) = ask_json(&Script::events(events()), PATH, body(json!({}))).await;
        let asked = body(json!({"stream": true}));
        let mut told = ask_events(&Script::events(events()), PATH, asked).await;
        let (name, last) = told.pop().unwrap();
        assert_eq!(name.as_deref(), Some("response.incomplete"));
        for response in [&whole, &last["response"]] {
            assert_eq!(response["status"], "incomplete");
            assert_eq!(response["incomplete_details"], json!({ "reason": reason }));
            assert_eq!(response["output"][0]["status"], "incomplete");
            assert_eq!(response["completed_at"], Value::Null);
        }
        let (_, item) = told.pop().unwrap();
        assert_eq!(item["item"]["status"], "incomplete");
    }
}

#[tokio::test]
async fn a_refusal_in_words_is_one_in_a_whole_answer() {
    let finish = || Event::Finish(FinishReason::Refusal);
    let events = || [started(), text("N"), text("o."), finish()];
    let (_, told) = ask_json(&Script::events(events()), PATH, body(json!({}))).await;
    assert_eq!(told["status"], "completed");
    assert_eq!(told["incomplete_details"], Value::Null);
    assert_eq!(told["output"][0]["status"], "completed");
    let said = json!([{"type": "refusal", "refusal": "No."}]);
    assert_eq!(told["output"][0]["content"], said);
    let asked = body(json!({"stream": true}));
    let mut told = ask_events(&Script::events(events()), PATH, asked).await;
    let (name, last) = told.pop().unwrap();
    assert_eq!(name.as_deref(), Some("response.incomplete"));
    let response = &last["response"];
    assert_eq!(response["output"][0]["content"][0]["text"], "No.");
    let silent = [started(), finish()];
    let (_, told) = ask_json(&Script::events(silent), PATH, body(json!({}))).await;
    let details = json!({"reason": "content_filter"});
    assert_eq!(
        (&told["status"], &told["incomplete_details"]),
        (&json!("incomplete"), &details)
    );
}

#[tokio::test]
async fn an_error_in_the_middle_is_told_twice_and_nothing_follows() {
    let error = ApiError::new(ErrorCode::RateLimited, "Acme asks to slow down.");
    let steps = [Step::Events(vec![started(), text("a")]), Step::Fail(error)];
    let mut told = ask_events(&Script::of(steps), PATH, body(json!({"stream": true}))).await;
    let (name, failed) = told.pop().unwrap();
    assert_eq!(name.as_deref(), Some("response.failed"));
    assert_eq!(failed["response"]["status"], "failed");
    assert_eq!(
        failed["response"]["error"],
        json!({"code": "rate_limit_exceeded", "message": "Acme asks to slow down."})
    );
    assert_eq!(failed["response"]["output"][0]["status"], "in_progress");
    let (name, error) = told.pop().unwrap();
    assert_eq!(name.as_deref(), Some("error"));
    let number = error["sequence_number"].as_u64().unwrap();
    assert_eq!(failed["sequence_number"], number + 1);
    assert_eq!(
        error,
        json!({
            "type": "error", "sequence_number": number, "code": "rate_limit_exceeded",
            "message": "Acme asks to slow down.", "param": null,
            "error": {
                "message": "Acme asks to slow down.", "type": "rate_limit_error", "param": null,
                "code": "rate_limit_exceeded"
            }
        })
    );
}

#[tokio::test]
async fn an_answer_that_ends_too_early_is_an_error() {
    let events = || [started(), text("a")];
    let (status, told) = ask_json(&Script::events(events()), PATH, body(json!({}))).await;
    assert_eq!(
        (status, &told["error"]["type"]),
        (502, &json!("server_error"))
    );
    let asked = body(json!({"stream": true}));
    let mut told = ask_events(&Script::events(events()), PATH, asked).await;
    assert_eq!(told.pop().unwrap().0.as_deref(), Some("response.failed"));
    assert_eq!(told.pop().unwrap().0.as_deref(), Some("error"));
}
