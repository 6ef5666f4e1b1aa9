//! Mistral.

use labd_ai_peer::{Answer, Provider, Refusal, Reply, Wait};
use serde_json::{Value, json};

use crate::client::Asking;

fn right() -> Value {
    json!({
        "model": "mistral-small-latest", "max_tokens": 100, "temperature": 0.5, "stop": ["x"],
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [{ "type": "text", "text": "?" }, { "type": "image_url", "image_url": "data:image/png;base64,AAAA" }] },
            { "role": "assistant", "content": "", "tool_calls": [
                { "id": "gSIMJiOkT", "type": "function", "function": { "name": "weather", "arguments": "{}" } },
            ]},
            { "role": "tool", "tool_call_id": "gSIMJiOkT", "name": "weather", "content": "rain" },
        ],
        "tools": [{ "type": "function", "function": { "name": "weather", "parameters": { "type": "object", "properties": {} } } }],
        "tool_choice": "auto",
    })
}

#[tokio::test]
async fn each_rule_refuses_a_request_that_breaks_it() {
    let asking = Asking::of(Provider::Mistral, "/v1/chat/completions").await;
    let unprocessable = [
        (
            "/stream_options",
            json!({ "include_usage": true }),
            "\"loc\":[\"body\",\"stream_options\"],\"msg\":\"Extra inputs are not permitted\"",
        ),
        ("/seed", json!(1), "extra_forbidden"),
        ("/user", json!("u"), "extra_forbidden"),
        ("/max_completion_tokens", json!(1), "extra_forbidden"),
        ("/model", json!(null), "Field required"),
        ("/temperature", json!(2.0), "less than or equal to 1.5"),
        (
            "/messages/1/name",
            json!("x"),
            "[\"body\",\"messages\",1,\"user\",\"name\"]",
        ),
        (
            "/messages/0/role",
            json!("developer"),
            "Input should be 'system'",
        ),
        (
            "/tools/0/function/parameters",
            json!(null),
            "\"parameters\"",
        ),
    ];
    asking.refuses(&right(), 422, &unprocessable).await;
    let asking = Asking::of(Provider::Mistral, "/v1/chat/completions").await;
    let wrong = [
        (
            "/messages/2/tool_calls/0/id",
            json!("call_1"),
            "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.",
        ),
        ("/messages/3/tool_call_id", json!("call_1"), "3280"),
        (
            "/messages/3/tool_call_id",
            json!("gSIMJiOkU"),
            "Unexpected tool call id",
        ),
        (
            "/messages/3",
            json!({ "role": "user", "content": "x" }),
            "Not the same number of function calls and responses",
        ),
        (
            "/messages/3",
            json!(null),
            "Expected last role User or Tool",
        ),
        (
            "/messages/-",
            json!({ "role": "user", "content": "x" }),
            "Unexpected role 'user' after role 'tool'",
        ),
        (
            "/messages/2",
            json!(null),
            "Unexpected role 'tool' after role 'user'",
        ),
        (
            "/messages/2/tool_calls",
            json!(null),
            "either content or tool_calls",
        ),
        (
            "/messages/2/tool_calls/0/function/arguments",
            json!("{"),
            "valid JSON in function call arguments",
        ),
        (
            "/tools/0/function/name",
            json!("a b"),
            "Function name was a b",
        ),
        (
            "/tool_choice",
            json!({ "type": "function", "function": { "name": "none" } }),
            "not among the tools",
        ),
        (
            "/response_format",
            json!({ "type": "json_schema" }),
            "needs json_schema",
        ),
    ];
    asking.refuses(&right(), 400, &wrong).await;
}

#[tokio::test]
async fn an_answer_is_told_whole_and_in_chunks() {
    let asking = Asking::of(Provider::Mistral, "/v1/chat/completions").await;
    let answer = Answer::default()
        .thinking(["Hm", "."], "")
        .say(["Let me ", "look."])
        .call("weather", ["{\"city\":\"Oslo\"}"])
        .call("now", ["{\"zone\":", "1}"]);
    for _ in 0..2 {
        asking.peer.then(Reply::answer(answer.clone()));
    }
    let body = asking.post(&right()).await.json();
    let message = &body["choices"][0]["message"];
    assert_eq!(message["content"][0]["thinking"][0]["text"], "Hm.");
    assert_eq!(message["content"][1]["text"], "Let me look.");
    assert_eq!(message["tool_calls"][0]["id"].as_str().unwrap().len(), 9);
    let mut asked = right();
    asked["stream"] = json!(true);
    let streamed = asking.post(&asked).await;
    assert!(streamed.body.ends_with("data: [DONE]\n\n"));
    let events = streamed.events();
    let last = events.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(last["usage"]["total_tokens"], 18);
    assert_eq!(
        last["choices"][0]["delta"]["tool_calls"][0]["function"]["name"], "weather",
        "whole, at the end"
    );
    let more = events
        .iter()
        .filter_map(|event| event.pointer("/choices/0/delta/tool_calls/0/function/name"));
    assert_eq!(more.collect::<Vec<_>>(), ["now", "", "weather"]);
}

#[tokio::test]
async fn refusals_have_its_three_forms() {
    let asking = Asking::of(Provider::Mistral, "/v1/chat/completions").await;
    let refusals = [
        (Refusal::Key, 401, "{\"detail\":\"Invalid API Key\"}"),
        (Refusal::Limit(Wait::Unsaid), 429, "\"code\":\"1300\""),
        (Refusal::Model, 400, "\"type\":\"invalid_model\""),
        (Refusal::Timeout, 504, "{\"message\":"),
    ];
    for (refusal, status, words) in refusals {
        asking.peer.then(Reply::refusal(refusal));
        let refused = asking.post(&right()).await;
        assert_eq!(refused.status, status);
        assert!(refused.body.contains(words), "{}", refused.body);
    }
    assert_eq!(asking.peer.complaints(), []);
    let embedding = Asking::of(Provider::Mistral, "/v1/embeddings").await;
    let right = json!({ "model": "mistral-embed", "input": ["a"], "output_dimension": 3 });
    let wrong = [
        ("/dimensions", json!(3), "extra_forbidden"),
        ("/input", json!([]), "too_short"),
    ];
    embedding.refuses(&right, 422, &wrong).await;
    assert_eq!(
        embedding.post(&right).await.json()["data"][0]["embedding"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}
