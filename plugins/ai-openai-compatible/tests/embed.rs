//! Embeddings, over scripted servers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use labd_ai_openai_compatible::{Config, OpenAiCompatible};
use labd_plugin::ai::{AiProvider, EmbedRequest, Embeddings, Purpose};
use labd_plugin::testing::FakeHost;
use labd_plugin::{Error, Result};
use serde_json::{Value, json};

fn request(texts: &[&str]) -> EmbedRequest {
    EmbedRequest {
        model: "small".into(),
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        dimensions: Some(2),
        purpose: Some(Purpose::Query),
        user: Some("u-1".into()),
    }
}

fn embed(
    url: &str,
    request: EmbedRequest,
    status: u16,
    body: &str,
) -> (FakeHost, Result<Embeddings>) {
    let host = FakeHost::new();
    host.respond(status, [body]);
    let config = Config {
        base_url: url.into(),
    };
    let given = OpenAiCompatible::new(host.clone()).embed(config, request);
    (host, given)
}

#[test]
fn vectors_come_in_the_order_of_the_texts() {
    let answer = r#"{"object":"list","model":"small-2","data":[
        {"object":"embedding","index":1,"embedding":[0.5,-1]},
        {"object":"embedding","index":0,"embedding":[1e-3,2]}
    ],"usage":{"prompt_tokens":5,"total_tokens":5}}"#;
    let (host, given) = embed("http://ai.example/v1/", request(&["a", "b"]), 200, answer);
    let given = given.unwrap();
    assert_eq!(given.model, "small-2");
    assert_eq!(given.vectors, [[0.001, 2.0], [0.5, -1.0]]);
    assert_eq!(given.usage.input, Some(5));
    let sent = &host.requests()[0];
    assert_eq!(sent.url, "http://ai.example/v1/embeddings");
    assert_eq!(
        serde_json::from_slice::<Value>(sent.body.as_deref().unwrap()).unwrap(),
        json!({ "model": "small", "input": ["a", "b"], "dimensions": 2, "user": "u-1" })
    );
}

#[test]
fn mistral_gets_its_own_words() {
    let answer = r#"{"data":[{"embedding":[1]}]}"#;
    let (host, given) = embed("https://api.mistral.ai/v1", request(&["a"]), 200, answer);
    assert_eq!(given.unwrap().model, "small");
    assert_eq!(
        serde_json::from_slice::<Value>(host.requests()[0].body.as_deref().unwrap()).unwrap(),
        json!({ "model": "small", "input": ["a"], "output_dimension": 2 })
    );
}

#[test]
fn what_is_missing_or_does_not_fit_is_unavailable() {
    for answer in [
        r#"{"data":[]}"#,
        r#"{"data":[{"embedding":[1]}]}"#,
        r#"{"data":[{"embedding":[1]},{"embedding":[1,2]}]}"#,
        r#"{"data":[{"embedding":[]},{"embedding":[]}]}"#,
        r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
    ] {
        let (_, given) = embed("http://ai.example/v1", request(&["a", "b"]), 200, answer);
        assert!(matches!(given, Err(Error::Unavailable(_))), "{answer}");
    }
}

#[test]
fn nothing_to_embed_and_errors_of_the_server_are_told_apart() {
    for texts in [&[][..], &["a", ""]] {
        let (host, given) = embed("http://ai.example/v1", request(texts), 200, "{}");
        assert!(matches!(given, Err(Error::InvalidRequest(_))));
        assert!(host.requests().is_empty());
    }
    let answer = r#"{"error":{"message":"no such model","code":"model_not_found"}}"#;
    let (_, given) = embed("http://ai.example/v1", request(&["a"]), 404, answer);
    assert!(matches!(given, Err(Error::NotFound(_))));
}
