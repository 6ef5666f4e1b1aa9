//! What each server does in its own way, over scripted ones.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use labd_ai_openai_compatible::{Config, OpenAiCompatible};
use labd_plugin::Error;
use labd_plugin::ai::{
    AiProvider, Capabilities, Effort, Event, FinishReason, Message, Model, Part, Request, Role,
    ToolResult, ToolUse,
};
use labd_plugin::testing::ai::{drain, every_split, joined, request};
use labd_plugin::testing::{FakeHost, Piece};
use serde_json::{Value, json};

const GROQ: &str = "https://api.groq.com/openai/v1";
const DEEPSEEK: &str = "https://api.deepseek.com/v1";
const OPENROUTER: &str = "https://openrouter.ai/api/v1";
const XAI: &str = "https://api.x.ai/v1";
const TOGETHER: &str = "https://api.together.xyz/v1";
const LM_STUDIO: &str = "http://127.0.0.1:1234/v1";
const VLLM: &str = "http://127.0.0.1:8000/v1";
const LLAMA: &str = "http://127.0.0.1:8080/v1";

fn config(url: &str) -> Config {
    Config {
        base_url: url.into(),
    }
}

fn pieces<T: Into<Vec<u8>>>(
    url: &str,
    pieces: impl IntoIterator<Item = T>,
) -> (Vec<Event>, Option<Error>) {
    let host = FakeHost::new();
    host.respond(200, pieces);
    match OpenAiCompatible::new(host).complete(config(url), request("m", "Hello")) {
        Ok(mut completion) => {
            let (events, error) = drain(&mut completion, 16);
            (joined(&events), error)
        }
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// The events of a stream of these payloads, which every split must give.
fn answer(url: &str, payloads: &[Value]) -> (Vec<Event>, Option<Error>) {
    let data = payloads
        .iter()
        .map(|payload| format!("data: {payload}\n\n"));
    raw(url, &(data.collect::<String>() + "data: [DONE]\n\n"))
}

fn raw(url: &str, stream: &str) -> (Vec<Event>, Option<Error>) {
    let whole = pieces(url, [stream]);
    every_split(stream.as_bytes(), |split| {
        assert_eq!(pieces(url, split), whole);
        Ok(())
    })
    .unwrap();
    whole
}

fn delta(delta: Value) -> Value {
    json!({ "id": "c", "model": "m-1", "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] })
}

fn end(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

fn sent(url: &str, request: Request) -> Value {
    let host = FakeHost::new();
    host.respond(200, ["data: [DONE]\n\n"]);
    OpenAiCompatible::new(host.clone())
        .complete(config(url), request)
        .map(drop)
        .unwrap();
    serde_json::from_slice(host.requests()[0].body.as_deref().unwrap()).unwrap()
}

fn refused(url: &str, status: u16, body: &str) -> Error {
    let host = FakeHost::new();
    host.respond_with(status, &[], [Piece::Bytes(body.into())]);
    OpenAiCompatible::new(host)
        .complete(config(url), request("m", "Hello"))
        .err()
        .unwrap()
}

fn models(url: &str, body: &str) -> Vec<Model> {
    let host = FakeHost::new();
    host.respond(200, [body]);
    OpenAiCompatible::new(host).models(config(url)).unwrap()
}

fn tokens(events: &[Event]) -> Option<(Option<u32>, Option<u32>, Option<u32>, Option<u32>)> {
    events.iter().rev().find_map(|event| match event {
        Event::Usage(usage) => Some((
            usage.input,
            usage.cached_input,
            usage.output,
            usage.reasoning,
        )),
        _ => None,
    })
}

fn with_effort(model: &str, effort: Effort) -> Request {
    let mut wanted = request(model, "Hello");
    wanted.effort = Some(effort);
    wanted
}

/// A conversation in which the model reasoned, and then called a tool or just answered.
fn reasoned(calls: bool, blob: Option<&[u8]>) -> Request {
    let mut wanted = request("m", "Hello");
    let mut parts = vec![Part::Reasoning("Hm".into())];
    parts.extend(blob.map(|blob| Part::Blob(blob.to_vec())));
    parts.push(Part::Text("Well.".into()));
    let mut next = vec![Part::Text("Go on".into())];
    if calls {
        parts.push(Part::ToolUse(ToolUse {
            id: "call_1".into(),
            name: "read".into(),
            arguments: "{}".into(),
        }));
        next = vec![Part::ToolResult(ToolResult {
            id: "call_1".into(),
            content: "text".into(),
            is_error: false,
        })];
    }
    let message = |role, parts| Message { role, parts };
    wanted.messages.push(message(Role::Assistant, parts));
    wanted.messages.push(message(Role::User, next));
    wanted
}

#[test]
fn groq_reasons_in_a_field_of_its_own_and_counts_under_x_groq() {
    let (events, error) = answer(
        GROQ,
        &[
            json!({ "id": "c", "model": "m-1", "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" } }], "x_groq": { "id": "req_1" } }),
            delta(json!({ "reasoning": "Hm", "channel": "analysis" })),
            delta(json!({ "content": "hi" })),
            json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }], "x_groq": { "id": "req_1", "usage": { "prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12 } } }),
        ],
    );
    assert_eq!(error, None);
    assert_eq!(
        events[1..3],
        [Event::Reasoning("Hm".into()), Event::Text("hi".into())]
    );
    assert_eq!(tokens(&events), Some((Some(9), None, Some(3), None)));
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::Stop)));
}

#[test]
fn groq_tells_errors_of_a_stream_under_x_groq_or_as_such() {
    let failed = json!({ "message": "Failed to call a function.", "type": "invalid_request_error", "code": "tool_use_failed", "failed_generation": "<x>" });
    for last in [
        json!({ "choices": [], "x_groq": { "id": "req_1", "error": failed } }),
        json!({ "error": failed }),
    ] {
        let (events, error) = answer(GROQ, &[delta(json!({ "content": "half" })), last]);
        assert_eq!(events.last(), Some(&Event::Text("half".into())));
        assert!(
            matches!(error, Some(Error::InvalidRequest(fault)) if fault.code.as_deref() == Some("tool_use_failed"))
        );
    }
    let over = json!({ "choices": [], "x_groq": { "error": "over capacity" } });
    let (_, error) = answer(GROQ, &[delta(json!({ "content": "half" })), over]);
    assert!(matches!(error, Some(Error::Unavailable(fault)) if fault.message == "over capacity"));
    let limited = r#"{"error":{"message":"Rate limit reached for model `m`. Please try again in 7.66s. Visit https://x","type":"tokens","code":"rate_limit_exceeded"}}"#;
    assert_eq!(refused(GROQ, 429, limited), Error::RateLimited(Some(7660)));
}

#[test]
fn groq_is_asked_in_its_words_and_lists_what_is_switched_off() {
    let mut wanted = with_effort("openai/gpt-oss-120b", Effort::Highest);
    wanted.max_tokens = Some(9);
    let body = sent(GROQ, wanted);
    assert_eq!(
        (&body["max_completion_tokens"], &body["reasoning_effort"]),
        (&json!(9), &json!("high"))
    );
    let qwen = sent(GROQ, with_effort("qwen/qwen3-32b", Effort::High));
    assert_eq!(
        (&qwen["reasoning_format"], &qwen["reasoning_effort"]),
        (&json!("parsed"), &json!("default"))
    );
    let listed = models(
        GROQ,
        r#"{"data":[{"id":"a","active":true,"context_window":131072,"max_completion_tokens":32768},{"id":"b","active":false}]}"#,
    );
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].context_window, listed[0].output_limit),
        (Some(131_072), Some(32_768))
    );
}

#[test]
fn deepseek_gets_its_reasoning_back_with_calls_only() {
    let (events, _) = answer(
        DEEPSEEK,
        &[
            delta(json!({ "content": null, "reasoning_content": "Hm" })),
            delta(json!({ "content": "hi", "reasoning_content": null })),
            json!({ "choices": [{ "index": 0, "delta": { "content": "" }, "finish_reason": "stop" }],
                    "usage": { "prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5, "completion_tokens_details": { "reasoning_tokens": 5 } } }),
        ],
    );
    assert_eq!(events[1], Event::Reasoning("Hm".into()));
    assert_eq!(tokens(&events), Some((Some(9), Some(4), Some(7), Some(5))));
    assert_eq!(
        sent(DEEPSEEK, reasoned(false, None))["messages"][1],
        json!({ "role": "assistant", "content": "Well." })
    );
    let called = &sent(DEEPSEEK, reasoned(true, None))["messages"][1];
    assert_eq!(called["reasoning_content"], "Hm");
    // Elsewhere it never goes back.
    for url in [GROQ, XAI, TOGETHER, LM_STUDIO, VLLM, LLAMA] {
        let message = &sent(url, reasoned(true, None))["messages"][1];
        assert_eq!(message.get("reasoning_content"), None, "{url}");
    }
}

#[test]
fn deepseek_is_told_the_schema_in_words_and_how_to_think() {
    let mut wanted = with_effort("deepseek-v4-pro", Effort::Off);
    wanted.output_schema = Some("{\"type\":\"object\"}".into());
    wanted.user = Some("u-1".into());
    let body = sent(DEEPSEEK, wanted);
    assert_eq!(body["response_format"], json!({ "type": "json_object" }));
    let system = body["messages"][0]["content"].as_str().unwrap();
    assert!(system.contains("JSON") && system.ends_with("{\"type\":\"object\"}"));
    assert_eq!(body["thinking"], json!({ "type": "disabled" }));
    assert_eq!(body.get("user"), None);
}

#[test]
fn deepseek_keeps_alive_with_comments_and_has_failures_of_its_own() {
    let stream = format!(
        ": keep-alive\n\n: keep-alive\n\ndata: {}\n\n: keep-alive\n\ndata: {}\n\ndata: [DONE]\n\n",
        delta(json!({ "content": "hi" })),
        end("insufficient_system_resource")
    );
    let (events, error) = raw(DEEPSEEK, &stream);
    assert_eq!(events.last(), Some(&Event::Text("hi".into())));
    assert_eq!(error, Some(Error::Overloaded));
    let empty = r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#;
    assert!(
        matches!(refused(DEEPSEEK, 402, empty), Error::InvalidRequest(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("credit")))
    );
}

#[test]
fn openrouter_gets_its_reasoning_details_back_as_they_came() {
    let detail = |detail: Value| {
        delta(
            json!({ "role": "assistant", "content": "", "reasoning": detail.get("text"), "reasoning_details": [detail] }),
        )
    };
    let (events, error) = answer(
        OPENROUTER,
        &[
            detail(
                json!({ "type": "reasoning.text", "text": "Ü", "format": "anthropic-claude-v1", "index": 0 }),
            ),
            detail(
                json!({ "type": "reasoning.text", "text": "ber", "format": "anthropic-claude-v1", "index": 0 }),
            ),
            detail(
                json!({ "type": "reasoning.text", "signature": "sig", "format": "anthropic-claude-v1", "index": 0 }),
            ),
            detail(
                json!({ "type": "reasoning.encrypted", "data": "AAAA", "id": "rs_1", "index": 1 }),
            ),
            detail(
                json!({ "type": "reasoning.encrypted", "data": "BBBB", "id": "rs_2", "index": 1 }),
            ),
            delta(json!({ "content": "hi" })),
            end("stop"),
            json!({ "choices": [{ "index": 0, "delta": { "content": "" } }], "usage": { "prompt_tokens": 9, "completion_tokens": 3, "cost": 0.1 } }),
        ],
    );
    assert_eq!(error, None);
    assert_eq!(
        events[1..3],
        [Event::Reasoning("Über".into()), Event::Text("hi".into())]
    );
    let Some(Event::Blob(blob)) = events.iter().find(|event| matches!(event, Event::Blob(_)))
    else {
        unreachable!("there is a blob: {events:?}")
    };
    let body = sent(OPENROUTER, reasoned(true, Some(blob)));
    assert_eq!(
        body["messages"][1]["reasoning_details"],
        json!([
            { "type": "reasoning.text", "text": "Über", "format": "anthropic-claude-v1", "index": 0, "signature": "sig" },
            { "type": "reasoning.encrypted", "data": "AAAA", "id": "rs_1", "index": 1 },
            { "type": "reasoning.encrypted", "data": "BBBB", "id": "rs_2", "index": 1 },
        ])
    );
    // Opaque to anyone else.
    let elsewhere = sent(TOGETHER, reasoned(true, Some(blob)));
    assert_eq!(elsewhere["messages"][1].get("reasoning_details"), None);
}

#[test]
fn openrouter_that_tells_details_only_is_heard_and_asked_in_its_words() {
    let (events, _) = answer(
        OPENROUTER,
        &[
            delta(
                json!({ "reasoning_details": [{ "type": "reasoning.summary", "summary": "Hm", "index": 0 }] }),
            ),
            end("stop"),
        ],
    );
    assert_eq!(events[1], Event::Reasoning("Hm".into()));
    let body = sent(OPENROUTER, with_effort("x/y", Effort::Low));
    assert_eq!(body["reasoning"], json!({ "effort": "low" }));
    assert_eq!(body.get("reasoning_effort"), None);
}

#[test]
fn openrouter_comments_and_tells_a_code_when_it_fails() {
    let fails = |code: Value, message: &str| {
        let last = json!({ "id": "c", "choices": [{ "index": 0, "delta": { "content": "" }, "finish_reason": "error" }], "error": { "code": code, "message": message } });
        let stream = format!(
            ": OPENROUTER PROCESSING\n\ndata: {}\n\n: OPENROUTER PROCESSING\n\ndata: {last}\n\n",
            delta(json!({ "content": "half" }))
        );
        let (events, error) = raw(OPENROUTER, &stream);
        assert_eq!(events.last(), Some(&Event::Text("half".into())));
        error.unwrap()
    };
    assert_eq!(fails(json!(429), "slow down"), Error::RateLimited(None));
    assert_eq!(fails(json!(503), "no provider"), Error::Overloaded);
    assert_eq!(fails(json!(408), "slow"), Error::Timeout);
    assert!(
        matches!(fails(json!(502), "down"), Error::Unavailable(fault) if fault.message == "down")
    );
    assert!(
        matches!(fails(json!(402), "no credits"), Error::InvalidRequest(fault) if fault.hint.is_some())
    );
    assert!(matches!(
        fails(json!("server_error"), "gone"),
        Error::Unavailable(_)
    ));
}

#[test]
fn xai_counts_reasoning_beside_the_answer_and_tells_errors_in_words() {
    let (events, _) = answer(
        XAI,
        &[
            delta(json!({ "reasoning_content": "Hm" })),
            delta(json!({ "content": "hi" })),
            end("stop"),
            json!({ "choices": [], "usage": { "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 45, "prompt_tokens_details": { "cached_tokens": 4 }, "completion_tokens_details": { "reasoning_tokens": 30 } } }),
        ],
    );
    assert_eq!(
        tokens(&events),
        Some((Some(10), Some(4), Some(35), Some(30)))
    );
    let wrong = r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***. You can obtain an API key from https://console.x.ai."}"#;
    assert!(
        matches!(refused(XAI, 400, wrong), Error::Unauthenticated(fault) if fault.hint.is_some())
    );
    let unknown = r#"{"code":"Some requested entity was not found","error":"The model grok-x does not exist."}"#;
    assert!(
        matches!(refused(XAI, 404, unknown), Error::NotFound(fault) if fault.message.starts_with("The model") && fault.code.as_deref() == Some("Some requested entity was not found"))
    );
    let long = r#"{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 131072 but the request contains 200000 tokens."}"#;
    assert!(
        matches!(refused(XAI, 400, long), Error::InvalidRequest(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("larger")))
    );
    assert_eq!(
        sent(XAI, with_effort("grok-4", Effort::Minimal))["reasoning_effort"],
        "low"
    );
}

#[test]
fn together_has_a_reason_and_lists_of_its_own() {
    let (events, error) = answer(
        TOGETHER,
        &[
            json!({ "id": "c", "model": "m-1", "object": "chat.completion.chunk", "choices": [{ "index": 0, "text": "hi", "delta": { "token_id": 7, "role": "assistant", "content": "hi", "reasoning": "Hm" } }], "usage": null }),
            json!({ "choices": [{ "index": 0, "text": "", "finish_reason": "eos", "seed": 1, "delta": { "content": "" } }], "usage": { "prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10 } }),
        ],
    );
    assert_eq!(error, None);
    assert_eq!(
        events[1..3],
        [Event::Reasoning("Hm".into()), Event::Text("hi".into())]
    );
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::Stop)));
    let listed = models(
        TOGETHER,
        r#"[{"id":"chat","type":"chat","context_length":131072},{"id":"flux","type":"image"},{"id":"bge","type":"embedding"},{"id":"rank","type":"rerank"}]"#,
    );
    let told: Vec<_> = listed
        .iter()
        .map(|model| (model.id.as_str(), model.context_window, model.capabilities))
        .collect();
    assert_eq!(
        told,
        [
            ("bge", None, Some(Capabilities::EMBEDDINGS)),
            ("chat", Some(131_072), None)
        ]
    );
}

#[test]
fn lm_studio_names_its_error_and_tells_reasoning() {
    let (events, _) = answer(
        LM_STUDIO,
        &[
            delta(json!({ "reasoning": "Hm" })),
            delta(json!({ "content": "hi" })),
            end("stop"),
        ],
    );
    assert_eq!(events[1], Event::Reasoning("Hm".into()));
    let stream = format!(
        "data: {}\n\nevent: error\ndata: {}\n\n",
        delta(json!({ "content": "half" })),
        json!({ "error": { "message": "The model has crashed without additional information." } })
    );
    let (events, error) = raw(LM_STUDIO, &stream);
    assert_eq!(events.last(), Some(&Event::Text("half".into())));
    assert!(matches!(error, Some(Error::Unavailable(fault)) if fault.message.contains("crashed")));
    let missing = r#"{"error":{"message":"Model \"m\" not found","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#;
    assert!(matches!(
        refused(LM_STUDIO, 404, missing),
        Error::NotFound(_)
    ));
    let address = r#"{"error":"Unexpected endpoint or method. (POST /chat/completions)"}"#;
    assert!(
        matches!(refused(LM_STUDIO, 404, address), Error::NotFound(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("base-url")))
    );
}

#[test]
fn vllm_tells_flat_errors_and_the_length_of_its_models() {
    let missing = r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#;
    assert!(
        matches!(refused(VLLM, 404, missing), Error::NotFound(fault) if fault.code.as_deref() == Some("404"))
    );
    let long =
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.";
    let flat = json!({ "object": "error", "message": long, "type": "BadRequestError", "param": null, "code": 400 });
    for body in [flat.clone(), json!({ "error": flat })] {
        assert!(
            matches!(refused(VLLM, 400, &body.to_string()), Error::InvalidRequest(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("larger")))
        );
    }
    let broken = json!({ "object": "error", "message": "bad grammar", "type": "BadRequestError", "code": 400 });
    for last in [broken.clone(), json!({ "error": broken })] {
        let (_, error) = answer(VLLM, &[delta(json!({ "content": "half" })), last]);
        assert!(
            matches!(error, Some(Error::InvalidRequest(fault)) if fault.message == "bad grammar")
        );
    }
    let (events, _) = answer(
        VLLM,
        &[
            delta(json!({ "reasoning_content": "Hm", "reasoning": "Hm" })),
            json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [{ "index": 0, "id": "chatcmpl-tool-1", "type": "function", "function": { "name": "read", "arguments": "{}" } }] }, "finish_reason": "stop", "stop_reason": null }] }),
        ],
    );
    assert_eq!(events[1], Event::Reasoning("Hm".into()));
    assert_eq!(events.last(), Some(&Event::Finish(FinishReason::ToolUse)));
    assert_eq!(
        models(VLLM, r#"{"data":[{"id":"m","max_model_len":4096}]}"#)[0].context_window,
        Some(4096)
    );
}

#[test]
fn llama_counts_in_timings_and_says_when_it_loads() {
    let timings = json!({ "cache_n": 3, "prompt_n": 4, "prompt_ms": 30.5, "predicted_n": 5, "predicted_ms": 35.4 });
    let last = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }], "timings": timings });
    let (events, error) = answer(LLAMA, &[delta(json!({ "content": "hi" })), last.clone()]);
    assert_eq!(error, None);
    assert_eq!(tokens(&events), Some((Some(7), Some(3), Some(5), None)));
    // A server that counts as it was asked to has the last word.
    let counted = json!({ "choices": [], "usage": { "prompt_tokens": 8, "completion_tokens": 6 }, "timings": timings });
    let (events, _) = answer(LLAMA, &[delta(json!({ "content": "hi" })), last, counted]);
    assert_eq!(tokens(&events), Some((Some(8), None, Some(6), None)));
    let loading = r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
    assert_eq!(refused(LLAMA, 503, loading), Error::Overloaded);
    let long = r#"{"error":{"code":400,"message":"the request exceeds the available context size. try increasing the context size or enable context shift","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#;
    assert!(
        matches!(refused(LLAMA, 400, long), Error::InvalidRequest(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("larger")))
    );
    let listed = models(
        LLAMA,
        r#"{"models":[{"name":"m"}],"object":"list","data":[{"id":"m","meta":{"n_ctx_train":131072}}]}"#,
    );
    assert_eq!(listed[0].context_window, Some(131_072));
}
