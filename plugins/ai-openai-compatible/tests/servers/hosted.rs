//! Groq, DeepSeek, OpenRouter, xAI and Together.

use super::*;

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
    assert_eq!(tokens(&events), Some([Some(9), None, Some(3), None]));
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
    assert_eq!(tokens(&events), Some([Some(9), Some(4), Some(7), Some(5)]));
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
        matches!(refused(DEEPSEEK, 402, empty), Error::InvalidRequest(fault) if fault.code.as_deref() == Some("credit_balance_exhausted") && fault.hint.as_deref().is_some_and(|hint| hint.contains("credit")))
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
        matches!(fails(json!(402), "no credits"), Error::InvalidRequest(fault) if fault.code.as_deref() == Some("credit_balance_exhausted") && fault.hint.is_some())
    );
    let empty = r#"{"error":{"code":402,"message":"Insufficient credits"}}"#;
    assert!(
        matches!(refused(OPENROUTER, 402, empty), Error::InvalidRequest(fault) if fault.code.as_deref() == Some("credit_balance_exhausted"))
    );
    assert!(matches!(
        fails(json!("server_error"), "gone"),
        Error::Unavailable(_)
    ));
}

#[test]
fn xai_tells_a_spent_account_in_words_which_a_request_may_hold_too() {
    let body = |message: &str| {
        json!({ "code": "Some resource has been exhausted", "error": message }).to_string()
    };
    let spent = body(
        "Your team x has either used all available credits or reached its monthly spending limit.",
    );
    for status in [403, 429] {
        assert!(
            matches!(refused(XAI, status, &spent), Error::InvalidRequest(fault) if fault.code.as_deref() == Some("credit_balance_exhausted") && fault.hint.is_some())
        );
    }
    assert_eq!(
        refused(XAI, 429, &body("Too many requests")),
        Error::RateLimited(None)
    );
    assert!(
        matches!(refused(XAI, 400, &spent), Error::InvalidRequest(fault) if fault.code.as_deref() == Some("Some resource has been exhausted") && fault.hint.is_none())
    );
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
        Some([Some(10), Some(4), Some(35), Some(30)])
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
        sent(XAI, with_effort("grok-4.3", Effort::Minimal))["reasoning_effort"],
        "low"
    );
    // Which refuses to be told.
    let older = sent(XAI, with_effort("grok-4", Effort::Minimal));
    assert_eq!(older.get("reasoning_effort"), None);
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
