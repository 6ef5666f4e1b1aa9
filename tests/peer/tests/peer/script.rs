//! Replies that a test wrote itself, byte for byte.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::{Response, body::Incoming};
use labd_ai_peer::{AiPeer, Reply, Step};

use crate::client::{Answered, open, send};

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}"#;

async fn ask(peer: &AiPeer) -> Answered {
    let url = format!("{}/chat/completions", peer.base_url());
    send("POST", &url, &[("authorization", "Bearer canary")], BODY)
        .await
        .unwrap()
}

async fn begin(peer: &AiPeer) -> Response<Incoming> {
    let url = format!("{}/chat/completions", peer.base_url());
    open("POST", &url, &[], BODY).await.unwrap()
}

#[tokio::test]
async fn replies_come_in_the_order_of_the_script_and_requests_are_kept() {
    let peer = AiPeer::start([
        Reply::error(429, "{}").header("retry-after", "3"),
        Reply::chat(["Grüß", " dich"]).split(1),
    ])
    .await
    .unwrap();
    let refused = ask(&peer).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.headers["retry-after"], "3");
    let text = ask(&peer).await.body;
    assert!(
        text.contains("Grüß") && text.ends_with("data: [DONE]\n\n"),
        "{text}"
    );
    assert_eq!(ask(&peer).await.status, 501);
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
    let mut response = begin(&peer).await;
    let mut seen = Vec::new();
    let ended = loop {
        match response.frame().await {
            Some(Ok(frame)) => seen.extend_from_slice(frame.data_ref().unwrap()),
            other => break other,
        }
    };
    assert!(ended.is_some(), "an error, not an end");
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
    assert_eq!(ask(&peer).await.body.len(), (10 << 20) + 2);
    let waiting = begin(&peer).await.into_body();
    assert!(
        tokio::time::timeout(Duration::from_millis(200), waiting.collect())
            .await
            .is_err()
    );
}
