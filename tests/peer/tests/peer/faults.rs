//! What goes wrong, and what the peer sees of it.

use std::time::{Duration, Instant, SystemTime};

use http_body_util::BodyExt as _;
use labd_ai_peer::{
    AiPeer, Answer, Chance, Ended, Operation, Provider, Refusal, Reply, Step, Wait,
};
use serde_json::{Value, json};

use crate::client::{Answered, open, send};

const HEADERS: &[(&str, &str)] = &[("authorization", "Bearer k")];

fn asked(stream: bool) -> String {
    json!({ "model": "gpt-4.1", "stream": stream, "messages": [{ "role": "user", "content": "x" }] }).to_string()
}

fn url(peer: &AiPeer) -> String {
    format!("{}/chat/completions", peer.base_url_of(Provider::OpenAi))
}

async fn stream(peer: &AiPeer) -> hyper::Result<Answered> {
    send("POST", &url(peer), HEADERS, asked(true)).await
}

fn reply() -> Reply {
    Reply::answer(Answer::text(["a", "b", "c"]))
}

/// Polls until something is so.
async fn until(what: &str, so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn text(events: &[Value]) -> String {
    let deltas = events
        .iter()
        .filter_map(|event| event.pointer("/choices/0/delta/content"));
    deltas.filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn streams_are_spoilt_as_the_script_says() {
    let peer = AiPeer::start([
        reply().starting_twice(),
        reply().unknown_event(100_000),
        reply().without_closing(),
        reply().crlf(),
        reply().comments(),
        reply().split(1),
        reply().content_type("text/html"),
        reply().failing_after(2, Refusal::Internal),
        reply().at_once(),
    ])
    .await
    .unwrap();
    let twice = stream(&peer).await.unwrap().events();
    assert_eq!(twice[0], twice[1]);
    assert_eq!(twice[0]["choices"][0]["delta"]["role"], "assistant");
    let unknown = stream(&peer).await.unwrap();
    assert!(unknown.body.len() > 100_000 && text(&unknown.events()) == "abc");
    assert!(!stream(&peer).await.unwrap().body.contains("[DONE]"));
    let crlf = stream(&peer).await.unwrap().body;
    assert_eq!(
        crlf.matches("\r\n\r\n").count(),
        crlf.matches("data: ").count()
    );
    let comments = stream(&peer).await.unwrap();
    assert!(comments.body.starts_with(": keep-alive\n\n") && text(&comments.events()) == "abc");
    let split = stream(&peer).await.unwrap();
    assert_eq!(text(&split.events()), "abc");
    assert_eq!(
        peer.sent(5).len(),
        split.body.len(),
        "a piece for each byte"
    );
    assert_eq!(
        stream(&peer).await.unwrap().header("content-type"),
        "text/html"
    );
    let failed = stream(&peer).await.unwrap().events();
    assert_eq!(text(&failed), "ab");
    assert!(failed.last().unwrap()["error"].is_object());
    assert_eq!(text(&stream(&peer).await.unwrap().events()), "abc");
    assert_eq!(peer.sent(8).len(), 1, "one piece for all");
    assert_eq!(peer.complaints(), []);
}

#[tokio::test]
async fn answers_are_late_and_drip_and_break() {
    let wait = Duration::from_millis(30);
    let peer = AiPeer::start([
        reply().head_after(wait),
        reply().first_after(wait),
        reply().paced(wait),
        reply().stopping_after(1, Step::Cut),
        reply().stopping_after(1, Step::Reset),
        Reply::answer(Answer::text(["a"])).stopping_after(1, Step::Cut),
    ])
    .await
    .unwrap();
    for least in [wait, wait, wait * 4] {
        let begun = Instant::now();
        stream(&peer).await.unwrap();
        assert!(begun.elapsed() >= least);
    }
    assert_eq!(peer.ended(2).unwrap().0, Ended::Whole);
    assert!(stream(&peer).await.is_err());
    assert!(stream(&peer).await.is_err());
    assert!(
        send("POST", &url(&peer), HEADERS, asked(false))
            .await
            .is_err()
    );
    assert_eq!(peer.ended(3).unwrap().0, Ended::Broken);
    assert_eq!(peer.sent(3).len(), 2, "the start and one piece");
    until("all connections are closed", || {
        peer.open() == 0 && peer.closed() == 6
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_is_seen() {
    let peer = AiPeer::start([
        reply().ending_with(Step::Silence),
        reply().head_after(Duration::from_secs(600)),
    ])
    .await
    .unwrap();
    let mut response = open("POST", &url(&peer), HEADERS, asked(true))
        .await
        .unwrap();
    response.frame().await.unwrap().unwrap();
    assert_eq!((peer.running(), peer.ended(0)), (1, None));
    let left = SystemTime::now();
    drop(response);
    until("the answer ends", || peer.ended(0).is_some()).await;
    let (how, when) = peer.ended(0).unwrap();
    assert_eq!(how, Ended::ByClient);
    assert!(when >= left);
    // Before the head too.
    let waiting = tokio::spawn(stream_of(url(&peer)));
    until("the second request arrives", || peer.count() == 2).await;
    assert_eq!(peer.open(), 1);
    waiting.abort();
    until("the second answer ends", || peer.ended(1).is_some()).await;
    until("the connections are closed", || peer.open() == 0).await;
    assert_eq!((peer.running(), peer.endings(Ended::ByClient)), (0, 2));
}

async fn stream_of(url: String) {
    let _ = send("POST", &url, HEADERS, asked(true)).await;
}

#[tokio::test]
async fn one_server_plays_all_and_a_share_fails_the_same_way_each_time() {
    let run = async || {
        let peer = AiPeer::plan()
            .then_of(
                Provider::Mistral,
                Reply::refusal(Refusal::Limit(Wait::Unsaid)),
            )
            .otherwise(|asked| {
                let mut chance = Chance::of(7, asked.number);
                if asked.operation == Operation::Generate && chance.hits(0.2) {
                    let which = chance.pick(Refusal::PASSING.len());
                    return Reply::refusal(Refusal::PASSING[which].clone());
                }
                Reply::answer(Answer::text([asked.model.as_str()]))
            })
            .start()
            .await
            .unwrap();
        let mut statuses = Vec::new();
        for _ in 0..200 {
            statuses.push(
                send("POST", &url(&peer), HEADERS, asked(false))
                    .await
                    .unwrap()
                    .status,
            );
        }
        let mistral = format!("{}/chat/completions", peer.base_url_of(Provider::Mistral));
        let limited = send("POST", &mistral, HEADERS, asked(false)).await.unwrap();
        assert_eq!(limited.status, 429, "{}", limited.body);
        assert_eq!((peer.count(), peer.complaints().len()), (201, 0));
        statuses
    };
    let first = run().await;
    let failed = first.iter().filter(|status| **status != 200).count();
    assert!((20..60).contains(&failed), "{failed} of 200");
    assert_eq!(run().await, first);
}
