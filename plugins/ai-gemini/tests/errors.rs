//! Errors of the API in all their shapes, lists of models, and embeddings.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use labd_ai_gemini::{Api, Config, Gemini};
use labd_plugin::ai::{AiProvider, Capabilities, EmbedRequest, Embeddings, Event, Purpose};
use labd_plugin::testing::ai::{drain, request};
use labd_plugin::testing::{FakeHost, Piece};
use labd_plugin::{Error, Result};
use serde_json::{Value, json};

fn refused(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
    let host = FakeHost::new();
    host.respond_with(status, headers, [Piece::Bytes(body.into())]);
    let result = Gemini::new(host).complete(Config::default(), request("gemini-x", "Hello"));
    result.map(drop).unwrap_err()
}

fn error(code: u16, status: &str, message: &str, details: &Value) -> String {
    json!({ "error": { "code": code, "message": message, "status": status, "details": details } })
        .to_string()
}

fn told(code: u16, status: &str) -> String {
    error(code, status, "why", &json!([]))
}

fn variant(error: &Error) -> std::mem::Discriminant<Error> {
    std::mem::discriminant(error)
}

#[test]
fn each_error_is_the_right_one_alone_in_a_list_and_in_a_stream() {
    let key = json!([{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com" }]);
    for (status, body, expected) in [
        (
            400,
            error(400, "INVALID_ARGUMENT", "API key not valid.", &key),
            Error::unauthenticated(""),
        ),
        (400, told(400, "INVALID_ARGUMENT"), Error::invalid("")),
        (400, told(400, "FAILED_PRECONDITION"), Error::invalid("")),
        (
            401,
            told(401, "UNAUTHENTICATED"),
            Error::unauthenticated(""),
        ),
        (
            403,
            told(403, "PERMISSION_DENIED"),
            Error::unauthenticated(""),
        ),
        (404, told(404, "NOT_FOUND"), Error::not_found("")),
        (
            429,
            told(429, "RESOURCE_EXHAUSTED"),
            Error::RateLimited(None),
        ),
        (500, told(500, "INTERNAL"), Error::unavailable("")),
        (503, told(503, "UNAVAILABLE"), Error::Overloaded),
        (504, told(504, "DEADLINE_EXCEEDED"), Error::Timeout),
    ] {
        let list = format!("[{body}\n]");
        for text in [&body, &list] {
            assert_eq!(
                variant(&refused(status, &[], text)),
                variant(&expected),
                "{text}"
            );
            let json = [("content-type", "application/json")];
            assert_eq!(
                variant(&refused(200, &json, text)),
                variant(&expected),
                "200 {text}"
            );
            let host = FakeHost::new();
            let begun = json!({ "candidates": [{ "content": { "parts": [{ "text": "a" }] } }] });
            host.respond(
                200,
                [format!(
                    "data: {begun}\r\n\r\ndata: {}\r\n\r\n",
                    text.replace('\n', "")
                )],
            );
            let mut answer = Gemini::new(host)
                .complete(Config::default(), request("gemini-x", "Hi"))
                .map_err(|_| "refused")
                .unwrap();
            let (events, error) = drain(&mut answer, 8);
            assert_eq!(events.last(), Some(&Event::Text("a".into())));
            assert_eq!(
                error.as_ref().map(variant),
                Some(variant(&expected)),
                "{text}"
            );
        }
    }
}

#[test]
fn a_wait_is_the_bodys_own_or_the_headers() {
    let retry =
        json!([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s" }]);
    let body = error(429, "RESOURCE_EXHAUSTED", "slow down", &retry);
    assert_eq!(refused(429, &[], &body), Error::RateLimited(Some(34_400)));
    let bare = told(429, "RESOURCE_EXHAUSTED");
    assert_eq!(
        refused(429, &[("retry-after", "7")], &bare),
        Error::RateLimited(Some(7000))
    );
    let busy = error(503, "UNAVAILABLE", "busy", &retry);
    assert_eq!(refused(503, &[], &busy), Error::RateLimited(Some(34_400)));
    assert_eq!(
        refused(503, &[("retry-after", "7")], &told(503, "UNAVAILABLE")),
        Error::RateLimited(Some(7000))
    );
}

#[test]
fn a_quota_of_none_is_never_waited_for() {
    let zero = json!([
        { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{ "quotaId": "FreeTier", "quotaValue": "0" }] },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s" },
    ]);
    let retry = json!([{ "retryDelay": "3s" }]);
    for body in [
        error(
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota.",
            &zero,
        ),
        error(
            429,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for metric: x, limit: 0, model: gemini-x",
            &retry,
        ),
        error(
            429,
            "RESOURCE_EXHAUSTED",
            "Your prepayment credits are depleted.",
            &retry,
        ),
    ] {
        let error = refused(429, &[("retry-after", "3")], &body);
        assert!(
            matches!(&error, Error::InvalidRequest(fault) if fault.code.as_deref() == Some("quota_limit_zero") && fault.hint.is_some()),
            "{error:?}"
        );
    }
    let some = error(
        429,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded, limit: 05",
        &retry,
    );
    assert_eq!(refused(429, &[], &some), Error::RateLimited(Some(3000)));
}

#[test]
fn messages_say_what_helps() {
    let long = error(
        400,
        "INVALID_ARGUMENT",
        "The input token count exceeds the maximum number of tokens allowed (1048576).",
        &json!([]),
    );
    assert!(
        matches!(refused(400, &[], &long), Error::InvalidRequest(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("context")))
    );
    let page = "<html><title>Sign in</title></html>";
    for status in [200, 502] {
        assert!(
            matches!(refused(status, &[("content-type", "text/html")], page), Error::Unavailable(fault) if fault.message.contains("Sign in"))
        );
    }
    assert!(matches!(refused(404, &[], "nope"), Error::NotFound(fault) if fault.hint.is_some()));
    assert!(matches!(refused(400, &[], ""), Error::InvalidRequest(_)));
    let json = [("content-type", "application/json")];
    assert!(
        matches!(refused(200, &json, "[]"), Error::Unavailable(fault) if fault.message.contains("stream"))
    );
}

#[test]
fn errors_of_interactions_have_words_for_codes() {
    for (code, expected) in [
        ("resource_exhausted", Error::RateLimited(None)),
        ("rate_limit_exceeded", Error::RateLimited(None)),
        ("unavailable", Error::Overloaded),
        ("invalid_request", Error::invalid("")),
        ("not_found", Error::not_found("")),
        ("gateway_timeout", Error::Timeout),
        ("internal_error", Error::unavailable("")),
    ] {
        let event = json!({ "event_type": "error", "error": { "code": code, "message": "why" } });
        let host = FakeHost::new();
        host.respond(200, [format!("data: {event}\n\n")]);
        let config = Config {
            api: Api::Interactions,
            ..Config::default()
        };
        let mut answer = Gemini::new(host)
            .complete(config, request("gemini-x", "Hi"))
            .map_err(|_| "refused")
            .unwrap();
        let (_, error) = drain(&mut answer, 8);
        assert_eq!(
            error.as_ref().map(variant),
            Some(variant(&expected)),
            "{code}"
        );
    }
}

#[test]
fn models_are_read_page_by_page_and_those_that_answer_are_kept() {
    let host = FakeHost::new();
    host.respond(200, [r#"{"models":[
        {"name":"models/gemini-2.5-flash","displayName":"Gemini 2.5 Flash","inputTokenLimit":1048576,"outputTokenLimit":65536,
         "supportedGenerationMethods":["generateContent","countTokens"],"thinking":true},
        {"name":"models/gemma-3-27b-it","supportedGenerationMethods":["generateContent"]},
        {"name":"models/imagen-4","supportedGenerationMethods":["predict"]}
    ],"nextPageToken":"a/b="}"#]);
    host.respond(200, [r#"{"models":[{"name":"models/gemini-embedding-001","inputTokenLimit":2048,"outputTokenLimit":1,"supportedGenerationMethods":["embedContent"]}]}"#]);
    let models = Gemini::new(host.clone()).models(Config::default()).unwrap();
    let urls: Vec<String> = host.requests().into_iter().map(|sent| sent.url).collect();
    assert!(urls[0].ends_with("/v1beta/models?pageSize=1000"));
    assert!(urls[1].ends_with("/v1beta/models?pageSize=1000&pageToken=a%2Fb%3D"));
    let told: Vec<_> = models
        .iter()
        .map(|one| {
            (
                one.id.as_str(),
                one.name.as_str(),
                one.context_window,
                one.output_limit,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "gemini-2.5-flash",
                "Gemini 2.5 Flash",
                Some(1_048_576),
                Some(65_536)
            ),
            ("gemma-3-27b-it", "gemma-3-27b-it", None, None),
            (
                "gemini-embedding-001",
                "gemini-embedding-001",
                Some(2048),
                None
            ),
        ]
    );
    let general = Capabilities::TOOLS
        | Capabilities::STRICT_TOOLS
        | Capabilities::IMAGES
        | Capabilities::FILES
        | Capabilities::STRUCTURED_OUTPUT
        | Capabilities::REASONING;
    assert_eq!(models[0].capabilities, Some(general));
    assert_eq!(models[1].capabilities, None);
    assert_eq!(models[2].capabilities, Some(Capabilities::EMBEDDINGS));
}

fn embed(texts: &[&str], body: &str) -> (FakeHost, Result<Embeddings>) {
    let host = FakeHost::new();
    host.respond(200, [body]);
    let wanted = EmbedRequest {
        model: "gemini-embedding-001".into(),
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        dimensions: Some(2),
        purpose: Some(Purpose::Query),
        user: None,
    };
    let given = Gemini::new(host.clone()).embed(Config::default(), wanted);
    (host, given)
}

#[test]
fn texts_become_vectors_in_their_order() {
    let answer = r#"{"embeddings":[{"values":[0.5,-1]},{"values":[1e-3,2]}],"usageMetadata":{"promptTokenCount":4}}"#;
    let (host, given) = embed(&["a", "b"], answer);
    let given = given.unwrap();
    assert_eq!(given.vectors, [[0.5, -1.0], [0.001, 2.0]]);
    assert_eq!(given.usage.input, Some(4));
    let sent = &host.requests()[0];
    assert!(
        sent.url
            .ends_with("/v1beta/models/gemini-embedding-001:batchEmbedContents")
    );
    let one = |text: &str| {
        json!({ "model": "models/gemini-embedding-001", "content": { "parts": [{ "text": text }] },
            "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 2 })
    };
    let body: Value = serde_json::from_slice(sent.body.as_deref().unwrap()).unwrap();
    assert_eq!(body, json!({ "requests": [one("a"), one("b")] }));
}

#[test]
fn vectors_that_are_missing_or_do_not_fit_are_unavailable() {
    for answer in [
        "{}",
        r#"{"embeddings":[{"values":[1]}]}"#,
        r#"{"embeddings":[{"values":[1]},{"values":[1,2]}]}"#,
        r#"{"embeddings":[{},{}]}"#,
    ] {
        assert!(
            matches!(embed(&["a", "b"], answer).1, Err(Error::Unavailable(_))),
            "{answer}"
        );
    }
    for texts in [&[][..], &["a", ""]] {
        let (host, given) = embed(texts, "{}");
        assert!(matches!(given, Err(Error::InvalidRequest(_))));
        assert!(host.requests().is_empty());
    }
}
