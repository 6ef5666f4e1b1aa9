//! LM Studio, vLLM and llama.cpp.

use super::*;

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
    assert_eq!(tokens(&events), Some([Some(7), Some(3), Some(5), None]));
    // A server that counts as it was asked to has the last word.
    let counted = json!({ "choices": [], "usage": { "prompt_tokens": 8, "completion_tokens": 6 }, "timings": timings });
    let (events, _) = answer(LLAMA, &[delta(json!({ "content": "hi" })), last, counted]);
    assert_eq!(tokens(&events), Some([Some(8), None, Some(6), None]));
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
