//! Anthropic Messages.

use labd_ai_peer::{AiPeer, Answer, Finish, Part, Provider, Refusal, Reply, Usage, Wait};
use serde_json::{Value, json};

use crate::client::{Asking, send};

const HEADERS: &[(&str, &str)] = &[("x-api-key", "k"), ("anthropic-version", "2023-06-01")];

fn right() -> Value {
    json!({
        "model": "claude-sonnet-4-5", "max_tokens": 2048, "stream": false,
        "system": [{ "type": "text", "text": "Be brief.", "cache_control": { "type": "ephemeral", "ttl": "1h" } }],
        "messages": [
            { "role": "user", "content": "What is the weather?" },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "Hm.", "signature": "c2ln" },
                { "type": "tool_use", "id": "toolu_1", "name": "weather", "input": { "city": "Oslo" } },
            ]},
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "toolu_1", "content": "rain" },
                { "type": "text", "text": "And now?", "cache_control": { "type": "ephemeral" } },
            ]},
        ],
        "tools": [{
            "name": "weather", "description": "Tells it.", "strict": true,
            "input_schema": {
                "type": "object", "properties": { "city": { "type": "string" } },
                "required": ["city"], "additionalProperties": false,
            },
        }],
        "tool_choice": { "type": "auto" },
        "metadata": { "user_id": "u" },
    })
}

#[tokio::test]
async fn each_rule_refuses_a_request_that_breaks_it() {
    let asking = Asking::of(Provider::Anthropic, "/v1/messages").await;
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    let wrong = [
        ("/max_tokens", json!(null), "max_tokens: Field required"),
        ("/max_tokens", json!(0), "greater than or equal to 1"),
        ("/model", json!(7), "model: Input should be a valid string"),
        ("/user", json!("u"), "user: Extra inputs are not permitted"),
        ("/stream_options", json!({}), "stream_options: Extra inputs"),
        ("/temperature", json!(1.5), "less than or equal to 1"),
        ("/messages", json!([]), "messages: at least 1"),
        (
            "/messages/0/role",
            json!("system"),
            "messages.0.role: Input should be 'user', 'assistant'",
        ),
        (
            "/messages/0/name",
            json!("x"),
            "messages.0.name: Extra inputs",
        ),
        ("/messages/0/content", json!(""), "non-empty content"),
        (
            "/messages/0/content",
            text(""),
            "text content blocks must be non-empty",
        ),
        ("/messages/0/content", text(" \n"), "non-whitespace"),
        (
            "/messages/1/content/1/id",
            json!("toolu_2"),
            "unexpected `tool_use_id` found in `tool_result` blocks: toolu_1",
        ),
        (
            "/messages/2/content",
            json!("rain"),
            "`tool_use` ids were found without `tool_result` blocks immediately after: toolu_1",
        ),
        (
            "/messages/2",
            json!(null),
            "without `tool_result` blocks immediately after: toolu_1",
        ),
        (
            "/messages/1/content/1/input",
            json!("{}"),
            "messages.1.content.1.tool_use.input: Input should be an object",
        ),
        (
            "/messages/1/content/0/signature",
            json!(null),
            "messages.1.content.0.thinking.signature: Field required",
        ),
        (
            "/messages/1/content/0/signature",
            json!("ä"),
            "Invalid `signature` in `thinking` block",
        ),
        (
            "/messages/2/content/0/cache_control",
            json!({ "type": "ephemeral", "ttl": "1h" }),
            "",
        ),
        (
            "/messages/0/content",
            json!([{ "type": "image", "source": { "type": "base64", "media_type": "image/tiff", "data": "AAAA" } }]),
            "'image/webp'",
        ),
        (
            "/messages/0/content",
            json!([{ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "no!" } }]),
            "Invalid base64 data",
        ),
        ("/tools/0/name", json!("a b"), "should match pattern"),
        (
            "/tools/0/input_schema/type",
            json!(null),
            "tools.0.custom.input_schema.type: Field required",
        ),
        (
            "/tools/0/input_schema/additionalProperties",
            json!(null),
            "additionalProperties",
        ),
        (
            "/tools/0/input_schema/properties/city/minLength",
            json!(1),
            "property 'minLength' is not supported",
        ),
        ("/tools/0/function", json!({}), "Extra inputs"),
        (
            "/tool_choice",
            json!({ "type": "tool", "name": "other" }),
            "Tool 'other' not found",
        ),
        (
            "/tool_choice",
            json!("auto"),
            "tool_choice: Input should be an object",
        ),
        (
            "/thinking",
            json!({ "type": "enabled", "budget_tokens": 2048 }),
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        (
            "/thinking",
            json!({ "type": "enabled", "budget_tokens": 10 }),
            "greater than or equal to 1024",
        ),
        ("/stop_sequences", json!([" "]), "non-whitespace"),
        (
            "/output_config",
            json!({ "format": { "type": "json_schema", "schema": { "type": "object", "properties": {} } } }),
            "additionalProperties",
        ),
    ];
    let (kept, others): (Vec<_>, Vec<_>) =
        wrong.into_iter().partition(|(.., words)| !words.is_empty());
    asking.refuses(&right(), 400, &kept).await;
    // A long term after a short one, and five marks.
    let mut body = right();
    body["system"][0]["cache_control"] = json!({ "type": "ephemeral" });
    body["messages"][2]["content"][0]["cache_control"] = others[0].1.clone();
    assert!(
        asking
            .post(&body)
            .await
            .body
            .contains("must not come after a ttl='5m'")
    );
    body = right();
    let mark = json!({ "type": "text", "text": "x", "cache_control": { "type": "ephemeral" } });
    body["system"] = json!([mark, mark, mark, mark]);
    assert!(
        asking
            .post(&body)
            .await
            .body
            .contains("A maximum of 4 blocks")
    );
}

#[tokio::test]
async fn new_models_refuse_what_they_no_longer_take() {
    let asking = Asking::of(Provider::Anthropic, "/v1/messages").await;
    let mut new = right();
    new["model"] = json!("claude-opus-5");
    new["thinking"] = json!({ "type": "adaptive" });
    new["output_config"] = json!({ "effort": "xhigh" });
    let wrong = [
        ("/temperature", json!(0.5), "`temperature` is deprecated"),
        ("/top_p", json!(0.5), "`top_p` is deprecated"),
        ("/top_k", json!(5), "`top_k` is deprecated"),
        (
            "/thinking",
            json!({ "type": "enabled", "budget_tokens": 1024 }),
            "adaptive",
        ),
        (
            "/tool_choice",
            json!({ "type": "any" }),
            "Thinking may not be enabled when tool_choice forces",
        ),
        (
            "/messages",
            json!([{ "role": "user", "content": "x" }, { "role": "assistant", "content": "y" }]),
            "prefill",
        ),
    ];
    asking.refuses(&new, 400, &wrong).await;
    let old = Asking::of(Provider::Anthropic, "/v1/messages").await;
    let mut warm = right();
    warm["temperature"] = json!(0.5);
    old.takes(&warm, &[("/model", json!("claude-3-5-haiku-20241022"))])
        .await;
    let prefilled =
        json!([{ "role": "user", "content": "x" }, { "role": "assistant", "content": "y" }]);
    old.takes(
        &right(),
        &[
            ("/temperature", json!(0.5)),
            ("/messages", prefilled.clone()),
            (
                "/thinking",
                json!({ "type": "enabled", "budget_tokens": 1024 }),
            ),
        ],
    )
    .await;
    let mut thoughtful = right();
    thoughtful["thinking"] = json!({ "type": "enabled", "budget_tokens": 1024 });
    let wrong = [("/messages", prefilled, "must start with a thinking block")];
    old.refuses(&thoughtful, 400, &wrong).await;
}

#[tokio::test]
async fn the_key_and_the_version_are_asked_for() {
    let peer = AiPeer::plan()
        .keys(&["k"])
        .models(Provider::Anthropic, &["claude-sonnet-4-5"])
        .otherwise(|_| Reply::answer(Answer::text(["fine"])))
        .start()
        .await
        .unwrap();
    let url = format!("{}/messages", peer.base_url_of(Provider::Anthropic));
    let ask = async |headers: &[(&str, &str)], model: &str| {
        let mut body = right();
        body["model"] = json!(model);
        send("POST", &url, headers, body.to_string()).await.unwrap()
    };
    let none = ask(&HEADERS[1..], "claude-sonnet-4-5").await;
    assert_eq!(
        (none.status, &none.json()["error"]["type"]),
        (401, &json!("authentication_error"))
    );
    let version = ask(&HEADERS[..1], "claude-sonnet-4-5").await;
    assert_eq!(
        version.json()["error"]["message"],
        "anthropic-version: header is required"
    );
    let bearer = [("authorization", "Bearer k"), HEADERS[1]];
    assert_eq!(ask(&bearer, "claude-sonnet-4-5").await.status, 401);
    assert_eq!(peer.complaints().len(), 3);
    // What is nobody's fault is no complaint.
    let missing = ask(HEADERS, "claude-none").await;
    assert_eq!(
        (missing.status, &missing.json()["error"]["message"]),
        (404, &json!("model: claude-none"))
    );
    assert_eq!(ask(HEADERS, "claude-sonnet-4-5").await.status, 200);
    peer.revoke("k");
    assert_eq!(ask(HEADERS, "claude-sonnet-4-5").await.status, 401);
    assert_eq!(peer.complaints().len(), 3);
    let listed = send("GET", &url.replace("messages", "models"), &HEADERS[1..], "")
        .await
        .unwrap();
    assert_eq!(listed.status, 401);
}

fn full() -> Answer {
    let usage = Usage {
        input: 100,
        cached: 60,
        cache_writes: 30,
        output: 20,
        reasoning: 5,
    };
    Answer::default()
        .thinking(["H", "m."], "c2ln")
        .part(Part::Redacted("eA==".into()))
        .say(["Let me ", "look."])
        .call("weather", ["{\"city\":", "\"Oslo\"}"])
        .call("now", [""; 0])
        .costing(usage)
}

#[tokio::test]
async fn an_answer_is_told_whole_and_in_events() {
    let asking = Asking::of(Provider::Anthropic, "/v1/messages").await;
    for _ in 0..2 {
        asking.peer.then(Reply::answer(full()));
    }
    let whole = asking.post(&right()).await;
    let body = whole.json();
    assert_eq!(body["stop_reason"], "tool_use");
    assert_eq!(body["usage"]["input_tokens"], 10);
    assert_eq!(body["content"][3]["input"], json!({ "city": "Oslo" }));
    assert_eq!(body["content"][4]["input"], json!({}));
    assert!(whole.header("request-id").starts_with("req_"));
    assert_eq!(whole.header("anthropic-ratelimit-requests-limit"), "50");
    let mut streamed = right();
    streamed["stream"] = json!(true);
    let streamed = asking.post(&streamed).await;
    assert!(
        streamed
            .header("content-type")
            .starts_with("text/event-stream")
    );
    assert!(
        streamed.body.starts_with("event: message_start\ndata: {"),
        "{}",
        streamed.body
    );
    let events = streamed.events();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.first(), Some(&"message_start"));
    assert_eq!(&kinds[kinds.len() - 2..], ["message_delta", "message_stop"]);
    let arguments = events.iter().filter(|event| event["index"] == 4);
    let arguments: Vec<_> = arguments
        .filter_map(|event| event["delta"]["partial_json"].as_str())
        .collect();
    assert_eq!(
        arguments,
        [""],
        "one empty piece of a call without arguments"
    );
    assert_eq!(events[events.len() - 2]["usage"]["output_tokens"], 20);
}

#[tokio::test]
async fn refusals_have_its_own_statuses_headers_and_bodies() {
    let asking = Asking::of(Provider::Anthropic, "/v1/messages").await;
    let refusals = [
        (Refusal::Limit(Wait::Seconds(7)), 429, "rate_limit_error"),
        (Refusal::Overloaded(Wait::Unsaid), 529, "overloaded_error"),
        (Refusal::Quota, 400, "credit balance is too low"),
        (Refusal::TooLarge, 413, "request_too_large"),
        (Refusal::Model, 404, "not_found_error"),
        (Refusal::Internal, 500, "api_error"),
        (Refusal::Key, 401, "authentication_error"),
    ];
    for (refusal, status, words) in refusals {
        asking.peer.then(Reply::refusal(refusal.clone()));
        let refused = asking.post(&right()).await;
        assert_eq!(refused.status, status, "{refusal:?}");
        assert!(refused.body.contains(words), "{}", refused.body);
        assert_eq!(refused.json()["type"], "error");
        if status == 429 {
            assert_eq!(refused.header("retry-after"), "7");
            assert_eq!(
                refused.header("anthropic-ratelimit-requests-remaining"),
                "0"
            );
        }
    }
    assert_eq!(asking.peer.complaints(), []);
    let mut streamed = right();
    streamed["stream"] = json!(true);
    let overloaded = Refusal::Overloaded(Wait::Unsaid);
    asking
        .peer
        .then(Reply::answer(full()).failing_after(3, overloaded));
    let events = asking.post(&streamed).await.events();
    assert_eq!(events.last().unwrap()["error"]["type"], "overloaded_error");
    asking
        .peer
        .then(Reply::answer(Answer::text(["x"]).ending(Finish::Length)));
    assert_eq!(
        asking.post(&right()).await.json()["stop_reason"],
        "max_tokens"
    );
}
