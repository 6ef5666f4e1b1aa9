//! The scripted AI provider does what its script says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use labd_tests::ai_peer::{AiPeer, Reply, Step};
use reqwest::Client;

async fn ask(peer: &AiPeer) -> reqwest::Result<reqwest::Response> {
    // Already installed by another test of this process, or now.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
        .post(format!("{}/chat/completions", peer.base_url()))
        .header("authorization", "Bearer canary")
        .body("{\"stream\":true}")
        .send()
        .await
}

#[tokio::test]
async fn replies_come_in_the_order_of_the_script_and_requests_are_kept() {
    let peer = AiPeer::start([
        Reply::error(429, "{}").header("retry-after", "3"),
        Reply::chat(["Grüß", " dich"]).split(1),
    ])
    .await
    .unwrap();
    let refused = ask(&peer).await.unwrap();
    assert_eq!(
        (
            refused.status().as_u16(),
            refused.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "3")
    );
    let text = ask(&peer).await.unwrap().text().await.unwrap();
    assert!(
        text.contains("Grüß") && text.ends_with("data: [DONE]\n\n"),
        "{text}"
    );
    assert_eq!(ask(&peer).await.unwrap().status(), 501);
    let requests = peer.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[1].header("authorization"), Some("Bearer canary"));
    assert_eq!(requests[1].path, "/v1/chat/completions");
    assert_eq!(requests[1].json().unwrap()["stream"], true);
}

#[tokio::test]
async fn a_cut_breaks_the_body_after_what_was_sent() {
    let peer = AiPeer::start([Reply::chat(["half"])
        .ending_with(Step::Cut)
        .paced(Duration::from_millis(5))])
    .await
    .unwrap();
    let mut response = ask(&peer).await.unwrap();
    let mut seen = Vec::new();
    let ended = loop {
        match response.chunk().await {
            Ok(Some(bytes)) => seen.extend_from_slice(&bytes),
            other => break other,
        }
    };
    assert!(ended.is_err());
    assert!(String::from_utf8(seen).unwrap().contains("half"));
}

#[tokio::test]
async fn a_long_line_arrives_whole_and_silence_lasts() {
    let peer = AiPeer::start([
        Reply::status(200).long_line(10 << 20),
        Reply::stream("data: x\n\n").split_at(3).step(Step::Silence),
    ])
    .await
    .unwrap();
    assert_eq!(
        ask(&peer).await.unwrap().bytes().await.unwrap().len(),
        (10 << 20) + 2
    );
    let waiting = ask(&peer).await.unwrap();
    assert!(
        tokio::time::timeout(Duration::from_millis(200), waiting.bytes())
            .await
            .is_err()
    );
}
