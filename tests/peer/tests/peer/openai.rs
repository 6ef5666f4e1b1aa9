//! OpenAI Chat Completions, embeddings and models, and servers that are compatible.

use std::time::Duration;

use labd_ai_peer::{Answer, Provider, Refusal, Reply, Usage, Wait};
use serde_json::{Value, json};

use crate::client::{Asking, send};

fn right() -> Value {
    json!({
        "model": "gpt-4.1", "max_tokens": 100, "temperature": 0.5,
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [
                { "type": "text", "text": "What is the weather?" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
                { "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA" } },
            ]},
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "{}" } },
            ]},
            { "role": "tool", "tool_call_id": "call_1", "content": "rain" },
        ],
        "tools": [{ "type": "function", "function": {
            "name": "weather", "strict": true, "parameters": {
                "type": "object", "properties": { "city": { "type": "string" } },
                "required": ["city"], "additionalProperties": false,
            },
        }}],
        "tool_choice": "auto", "parallel_tool_calls": true, "metadata": { "a": "b" },
        "stop": ["x"], "safety_identifier": "u", "prompt_cache_key": "p",
    })
}

#[tokio::test]
async fn each_rule_refuses_a_request_that_breaks_it() {
    let asking = Asking::of(Provider::OpenAi, "/v1/chat/completions").await;
    let wrong = [
        (
            "/model",
            json!(null),
            "Missing required parameter: 'model'.",
        ),
        (
            "/messages",
            json!(null),
            "Missing required parameter: 'messages'.",
        ),
        ("/messages", json!([]), "empty_array"),
        ("/top_k", json!(5), "Unknown parameter: 'top_k'."),
        (
            "/temperature",
            json!("warm"),
            "expected a decimal number, but got a string instead",
        ),
        ("/temperature", json!(3.5), "decimal_above_max_value"),
        (
            "/stop",
            json!(["a", "b", "c", "d", "e"]),
            "array_above_max_length",
        ),
        (
            "/messages/0/role",
            json!("model"),
            "Supported values are: 'system', 'developer', 'user', 'assistant', and 'tool'.",
        ),
        (
            "/messages/1/content/0/type",
            json!("input_text"),
            "Invalid value: 'input_text'",
        ),
        (
            "/messages/1/content/1/image_url/url",
            json!("data:image/png;base64,?"),
            "Invalid 'messages[1].content[1].image_url.url'",
        ),
        (
            "/messages/1/content/2/file/filename",
            json!(null),
            "filename",
        ),
        (
            "/messages/2/tool_calls",
            json!(null),
            "Invalid value for 'content': expected a string, got null.",
        ),
        (
            "/messages/2/tool_calls/0/type",
            json!(null),
            "Missing required parameter: 'messages[2].tool_calls[0].type'.",
        ),
        (
            "/messages/2/tool_calls/0/function/arguments",
            json!({}),
            "expected a string, but got an object",
        ),
        (
            "/messages/2/reasoning_content",
            json!("x"),
            "Unknown parameter",
        ),
        (
            "/messages/3",
            json!(null),
            "must be followed by tool messages responding to each 'tool_call_id'",
        ),
        (
            "/messages/3/tool_call_id",
            json!("call_2"),
            "not found in 'tool_calls' of previous message",
        ),
        (
            "/messages/2",
            json!(null),
            "must be a response to a preceeding message with 'tool_calls'",
        ),
        (
            "/tools",
            json!(null),
            "only allowed when 'tools' are specified",
        ),
        ("/tools/0/function/name", json!("a b"), "'^[a-zA-Z0-9_-]+$'"),
        (
            "/tools/0/function/parameters/additionalProperties",
            json!(null),
            "'additionalProperties' is required to be supplied and to be false",
        ),
        (
            "/tools/0/function/parameters/required",
            json!([]),
            "Missing 'city'",
        ),
        (
            "/tools/0/function/parameters/type",
            json!("array"),
            "invalid_function_parameters",
        ),
        (
            "/tools/0/function/parameters/properties/city/type",
            json!("text"),
            "'text' at city is not a type",
        ),
        (
            "/tool_choice",
            json!({ "type": "function", "function": { "name": "none" } }),
            "not found in 'tools'",
        ),
        (
            "/stream_options",
            json!({ "include_usage": true }),
            "only allowed when 'stream' is enabled",
        ),
        ("/max_completion_tokens", json!(5), "at the same time"),
        (
            "/response_format",
            json!({ "type": "json_object" }),
            "must contain the word 'json'",
        ),
        (
            "/response_format",
            json!({ "type": "json_schema", "json_schema": { "name": "a", "strict": true, "schema": { "type": "object", "properties": {} } } }),
            "Invalid schema for response_format 'a'",
        ),
        ("/metadata", json!({ "a": 1 }), "metadata"),
        (
            "/reasoning_effort",
            json!("low"),
            "Unrecognized request argument supplied: reasoning_effort",
        ),
    ];
    asking.refuses(&right(), 400, &wrong).await;
}

#[tokio::test]
async fn models_that_reason_refuse_the_old_settings() {
    let asking = Asking::of(Provider::OpenAi, "/v1/chat/completions").await;
    let right = json!({
        "model": "gpt-5-mini", "max_completion_tokens": 100, "reasoning_effort": "low",
        "messages": [{ "role": "developer", "content": "x" }, { "role": "user", "content": "y" }],
    });
    let wrong = [
        (
            "/temperature",
            json!(0.5),
            "'temperature' does not support 0.5",
        ),
        (
            "/top_p",
            json!(0.5),
            "'top_p' is not supported with this model",
        ),
        (
            "/stop",
            json!(["x"]),
            "'stop' is not supported with this model",
        ),
        ("/reasoning_effort", json!("off"), "Invalid value: 'off'"),
    ];
    asking.refuses(&right, 400, &wrong).await;
    let mut old = right.clone();
    old["max_completion_tokens"] = json!(null);
    old["max_tokens"] = json!(5);
    let refused = asking.post(&old).await.json();
    assert_eq!(refused["error"]["code"], "unsupported_parameter");
    // From GPT-5.1 on a model reasons when it is told to only.
    let asking = Asking::of(Provider::OpenAi, "/v1/chat/completions").await;
    let mut new = right.clone();
    new["model"] = json!("gpt-5.1");
    new.as_object_mut().unwrap().remove("reasoning_effort");
    asking.takes(&new, &[("/temperature", json!(0.5))]).await;
    let asking = Asking::of(Provider::Compatible, "/v1/chat/completions").await;
    asking
        .takes(
            &right,
            &[("/temperature", json!(0.5)), ("/user", json!("u"))],
        )
        .await;
}

#[tokio::test]
async fn an_answer_is_told_whole_and_in_chunks() {
    let asking = Asking::of(Provider::OpenAi, "/v1/chat/completions").await;
    let usage = Usage {
        input: 100,
        cached: 60,
        output: 20,
        reasoning: 5,
        ..Usage::default()
    };
    let answer = Answer::text(["Let me ", "look."])
        .call("weather", ["{\"city\":", "\"Oslo\"}"])
        .call("now", [""; 0])
        .costing(usage);
    for _ in 0..3 {
        asking.peer.then(Reply::answer(answer.clone()));
    }
    let whole = asking.post(&right()).await;
    let body = whole.json();
    assert_eq!(body["choices"][0]["message"]["content"], "Let me look.");
    assert_eq!(
        body["choices"][0]["message"]["tool_calls"][1]["function"]["arguments"],
        "{}"
    );
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 60);
    assert_eq!(whole.header("x-ratelimit-limit-requests"), "500");
    assert!(whole.header("x-request-id").starts_with("req_"));
    let mut asked = right();
    asked["stream"] = json!(true);
    let plain = asking.post(&asked).await;
    assert!(plain.body.ends_with("data: [DONE]\n\n"));
    assert!(
        plain
            .events()
            .iter()
            .all(|event| event.get("usage").is_none())
    );
    asked["stream_options"] = json!({ "include_usage": true });
    let events = asking.post(&asked).await.events();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["choices"], &last["usage"]["total_tokens"]),
        (&json!([]), &json!(120))
    );
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(events[0]["usage"], Value::Null);
    let arguments: String = events
        .iter()
        .filter_map(|event| event.pointer("/choices/0/delta/tool_calls/0"))
        .filter(|call| call["index"] == 0)
        .filter_map(|call| call["function"]["arguments"].as_str())
        .collect();
    assert_eq!(arguments, "{\"city\":\"Oslo\"}");
}

#[tokio::test]
async fn refusals_say_when_to_come_again_in_every_way() {
    let asking = Asking::of(Provider::OpenAi, "/v1/chat/completions").await;
    let date = std::time::UNIX_EPOCH + Duration::from_secs(1_795_406_760);
    let waits = [
        (Wait::Seconds(7), "retry-after", "7"),
        (
            Wait::Date(date),
            "retry-after",
            "Mon, 23 Nov 2026 04:06:00 GMT",
        ),
        (Wait::Milliseconds(250), "retry-after-ms", "250"),
        (
            Wait::Reset(Duration::from_secs(360)),
            "x-ratelimit-reset-requests",
            "6m0s",
        ),
        (
            Wait::RetryInfo(Duration::from_millis(1_500)),
            "retry-after",
            "2",
        ),
    ];
    for (wait, header, value) in waits {
        asking.peer.then(Reply::refusal(Refusal::Limit(wait)));
        let refused = asking.post(&right()).await;
        assert_eq!(
            (refused.status, refused.header(header)),
            (429, value),
            "{wait:?}"
        );
        assert_eq!(refused.json()["error"]["code"], "rate_limit_exceeded");
    }
    let refusals = [
        (Refusal::Quota, 429, "insufficient_quota"),
        (Refusal::PlainKey, 401, "Unauthorized"),
        (Refusal::Model, 404, "model_not_found"),
        (Refusal::Gateway, 502, "<h1>502 Bad Gateway</h1>"),
        (Refusal::Unavailable(Wait::Unsaid), 503, "overloaded"),
    ];
    for (refusal, status, words) in refusals {
        asking
            .peer
            .then(Reply::refusal(refusal).header("x-should-retry", "false"));
        let refused = asking.post(&right()).await;
        assert_eq!(
            (refused.status, refused.header("x-should-retry")),
            (status, "false")
        );
        assert!(refused.body.contains(words), "{}", refused.body);
    }
    assert_eq!(asking.peer.complaints(), []);
}

#[tokio::test]
async fn embeddings_follow_the_texts_and_models_are_listed() {
    let asking = Asking::of(Provider::OpenAi, "/v1/embeddings").await;
    let right =
        json!({ "model": "text-embedding-3-small", "input": ["a", "b", "a"], "dimensions": 4 });
    let body = asking.post(&right).await.json();
    assert_eq!(body["data"][0]["embedding"], body["data"][2]["embedding"]);
    assert_ne!(body["data"][0]["embedding"], body["data"][1]["embedding"]);
    assert_eq!(body["data"][0]["embedding"].as_array().unwrap().len(), 4);
    let wrong = [
        ("/input", json!([]), "empty_array"),
        ("/input", json!([""]), "empty_string"),
        ("/inputs", json!([]), "Unknown parameter: 'inputs'."),
    ];
    asking.refuses(&right, 400, &wrong).await;
    asking.peer.then(Reply::answer(
        Answer::default().embedding(vec![vec![1.0, -2.0]]),
    ));
    let mut coded = right.clone();
    coded["encoding_format"] = json!("base64");
    assert_eq!(
        asking.post(&coded).await.json()["data"][0]["embedding"],
        "AACAPwAAAMA="
    );
    // A list takes no answer from the script, and the refusals do come there.
    let url = format!("{}/models", asking.peer.base_url_of(Provider::OpenAi));
    asking.peer.then(Reply::answer(Answer::default()));
    let listed = send("GET", &url, asking.headers, "").await.unwrap().json();
    assert_eq!(listed["data"][0]["id"], "peer-large");
    assert_eq!(asking.post(&right).await.status, 200);
    asking.peer.then(Reply::refusal(Refusal::Internal));
    assert_eq!(
        send("GET", &url, asking.headers, "").await.unwrap().status,
        500
    );
}
