//! OpenAI Responses.

use labd_ai_peer::{Answer, Finish, Part, Provider, Refusal, Reply};
use serde_json::{Value, json};

use crate::client::Asking;

fn right() -> Value {
    json!({
        "model": "gpt-5-mini", "instructions": "Be brief.", "max_output_tokens": 100, "store": false,
        "include": ["reasoning.encrypted_content"], "reasoning": { "effort": "low", "summary": "auto" },
        "input": [
            { "role": "user", "content": [
                { "type": "input_text", "text": "What is the weather?" },
                { "type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AAAA" },
                { "type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA" },
            ]},
            { "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "c2Vj" },
            { "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "call_1", "output": "rain" },
            { "type": "message", "role": "assistant", "id": "msg_1", "content": [{ "type": "output_text", "text": "Rain." }] },
            { "role": "user", "content": "And now?" },
        ],
        "tools": [{ "type": "function", "name": "weather", "strict": true, "parameters": {
            "type": "object", "properties": { "city": { "type": "string" } },
            "required": ["city"], "additionalProperties": false,
        }}],
        "text": { "format": { "type": "json_schema", "name": "a", "strict": true, "schema": {
            "type": "object", "properties": {}, "required": [], "additionalProperties": false,
        }}},
    })
}

#[tokio::test]
async fn each_rule_refuses_a_request_that_breaks_it() {
    let asking = Asking::of(Provider::OpenAi, "/v1/responses").await;
    let wrong = [
        (
            "/model",
            json!(null),
            "Missing required parameter: 'model'.",
        ),
        ("/stop", json!(["x"]), "Unknown parameter: 'stop'."),
        ("/max_tokens", json!(5), "moved to 'max_output_tokens'"),
        ("/messages", json!([]), "moved to 'input'"),
        (
            "/max_output_tokens",
            json!(5),
            "Expected a value >= 16, but got 5 instead.",
        ),
        (
            "/temperature",
            json!(0.5),
            "'temperature' is not supported with this model.",
        ),
        (
            "/tools/0/function",
            json!({}),
            "Unknown parameter: 'tools[0].function'.",
        ),
        (
            "/tools/0/parameters/additionalProperties",
            json!(null),
            "'additionalProperties' is required",
        ),
        (
            "/text/format/schema/additionalProperties",
            json!(null),
            "Invalid schema for response_format 'a'",
        ),
        (
            "/input/0/content/0/type",
            json!("text"),
            "Invalid value: 'text'",
        ),
        (
            "/input/0/content/0/type",
            json!("output_text"),
            "'input_text', 'input_image', and 'input_file'",
        ),
        (
            "/input/4/content/0/type",
            json!("input_text"),
            "'output_text' and 'refusal'",
        ),
        ("/input/0/content/2/filename", json!(null), "filename"),
        (
            "/input/1/encrypted_content",
            json!("?"),
            "could not be verified",
        ),
        ("/input/1/id", json!("x"), "begins with 'rs'"),
        (
            "/input/2/id",
            json!("call_1"),
            "Expected an ID that begins with 'fc'.",
        ),
        (
            "/input/2",
            json!(null),
            "No tool call found for function call output with call_id call_1.",
        ),
        (
            "/input/3",
            json!(null),
            "No tool output found for function call call_1.",
        ),
        (
            "/input/2/call_id",
            json!(null),
            "Missing required parameter: 'input[2].call_id'.",
        ),
        (
            "/tool_choice",
            json!({ "type": "function", "name": "none" }),
            "not found in 'tools'",
        ),
        (
            "/stream_options",
            json!({ "include_usage": true }),
            "Unknown parameter: 'stream_options.include_usage'.",
        ),
    ];
    asking.refuses(&right(), 400, &wrong).await;
    let mut lost = right();
    lost["input"][1] = json!({ "type": "reasoning", "id": "rs_1", "summary": [] });
    assert_eq!(asking.post(&lost).await.status, 404);
    let mut alone = right();
    alone["input"][2] = json!({ "role": "user", "content": "x" });
    alone["input"][3] = json!({ "role": "user", "content": "x" });
    assert!(
        asking
            .post(&alone)
            .await
            .body
            .contains("required following item")
    );
    let mut plain = right();
    plain["model"] = json!("gpt-4.1");
    assert!(
        asking
            .post(&plain)
            .await
            .body
            .contains("'reasoning.effort' is not supported")
    );
}

#[tokio::test]
async fn an_answer_is_told_whole_and_in_numbered_events() {
    let asking = Asking::of(Provider::OpenAi, "/v1/responses").await;
    let answer = Answer::default()
        .thinking(["Hm", "."], "c2Vj")
        .say(["Let me ", "look."])
        .call("weather", ["{\"city\":", "\"Oslo\"}"]);
    for _ in 0..2 {
        asking.peer.then(Reply::answer(answer.clone()));
    }
    let body = asking.post(&right()).await.json();
    assert_eq!(
        (&body["status"], &body["output"][0]["encrypted_content"]),
        (&json!("completed"), &json!("c2Vj"))
    );
    assert_eq!(body["output"][2]["arguments"], "{\"city\":\"Oslo\"}");
    let mut asked = right();
    asked["stream"] = json!(true);
    let streamed = asking.post(&asked).await;
    assert!(
        streamed
            .body
            .starts_with("event: response.created\ndata: {")
    );
    assert!(!streamed.body.contains("[DONE]"));
    let events = streamed.events();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["usage"]["total_tokens"], 18);
    let text: String = events
        .iter()
        .filter(|event| event["type"] == "response.output_text.delta")
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    assert_eq!(text, "Let me look.");
    // The call's item and the call have ids of their own.
    let added = events
        .iter()
        .find(|event| event["item"]["type"] == "function_call")
        .unwrap();
    assert!(added["item"]["id"].as_str().unwrap().starts_with("fc_"));
    assert!(
        added["item"]["call_id"]
            .as_str()
            .unwrap()
            .starts_with("call_")
    );
}

#[tokio::test]
async fn an_answer_ends_incomplete_refused_or_failed() {
    let asking = Asking::of(Provider::OpenAi, "/v1/responses").await;
    let mut asked = right();
    asked["stream"] = json!(true);
    asking
        .peer
        .then(Reply::answer(Answer::text(["x"]).ending(Finish::Length)));
    let events = asking.post(&asked).await.events();
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(
        last["response"]["incomplete_details"]["reason"],
        "max_output_tokens"
    );
    asking.peer.then(Reply::answer(
        Answer::default().part(Part::Refusal(vec!["No.".into()])),
    ));
    let events = asking.post(&asked).await.events();
    assert!(
        events
            .iter()
            .any(|event| event["type"] == "response.refusal.delta")
    );
    asking
        .peer
        .then(Reply::answer(Answer::text(["x", "y"])).failing_after(4, Refusal::Quota));
    let events = asking.post(&asked).await.events();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(&kinds[kinds.len() - 2..], ["error", "response.failed"]);
    assert_eq!(
        events[events.len() - 2]["error"]["code"],
        "insufficient_quota"
    );
}
