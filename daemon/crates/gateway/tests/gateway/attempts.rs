//! What is repeated, where, and what is not.

use crate::bench::{Bench, Reply, customer, request};
use labd_plugin_host::{
    Fault, PluginError,
    kinds::ai::{Event, FinishReason},
};
use labd_protocol::{ErrorCode, KeyState};
use serde_json::json;
use std::time::Duration;

fn unavailable() -> Reply {
    Reply::Refuse(PluginError::Unavailable(Fault::new("connection refused")))
}

fn coded(code: &str) -> Reply {
    let fault = Fault {
        code: Some(code.into()),
        ..Fault::new("no credit")
    };
    Reply::Refuse(PluginError::InvalidRequest(fault))
}

/// Two tiers of one provider each, and what is configured besides.
async fn two_tiers(more: serde_json::Value) -> Bench {
    let bench = Bench::new().await;
    let one = bench.provider("One", "k1").await;
    let two = bench.provider("Two", "k2").await;
    let target = |provider| json!([{ "provider": provider, "model": "m" }]);
    let mut config = json!({ "routes": [{ "name": "fast", "tiers": [target(one), target(two)] }] });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    bench.configure(config).await;
    bench
}

#[tokio::test]
async fn what_may_pass_is_repeated_and_then_the_next_tier_is_asked() {
    let bench = two_tiers(json!({})).await;
    bench.fake.play("k1", [unavailable(), Reply::text("late")]);
    assert_eq!(bench.ask("fast").await.unwrap(), "late");
    assert_eq!(bench.fake.keys(), ["k1", "k1"]);

    bench.fake.seen.lock().unwrap().clear();
    bench
        .fake
        .play("k1", [unavailable(), unavailable(), unavailable()]);
    assert_eq!(bench.ask("fast").await.unwrap(), "hello");
    assert_eq!(bench.fake.keys(), ["k1", "k1", "k1", "k2"]);
}

#[tokio::test]
async fn the_last_failure_is_told_when_nobody_answers() {
    let bench = two_tiers(json!({ "retry": { "retries": 0 } })).await;
    bench.fake.play("k1", [unavailable()]);
    bench
        .fake
        .play("k2", [Reply::Refuse(PluginError::Overloaded)]);
    let error = bench.ask("fast").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Overloaded);
    assert!(error.message.contains("Two"), "{}", error.message);
}

#[tokio::test]
async fn too_many_requests_move_to_the_next_key_and_the_first_one_rests() {
    let bench = Bench::new().await;
    let id = bench.provider("One", "k1").await;
    let providers = bench.gateway.providers();
    let value = labd_protocol::Secret::new("k2");
    providers.key_set(id, "second", value).await.unwrap();
    let slow_down = || Reply::Refuse(PluginError::RateLimited(Some(Duration::from_secs(30))));
    bench.fake.play("k1", [slow_down()]);
    bench
        .fake
        .play("k2", [Reply::text("a"), Reply::text("b"), Reply::text("c")]);
    // Until the first key is asked, by chance.
    while !bench.fake.keys().contains(&"k1".to_owned()) {
        bench
            .fake
            .play("k2", [Reply::text("a"), Reply::text("b"), Reply::text("c")]);
        bench.ask("One/m").await.unwrap();
    }
    assert_eq!(bench.fake.keys().last().unwrap(), "k2");
    for _ in 0..20 {
        bench.ask("One/m").await.unwrap();
        assert_eq!(bench.fake.keys().last().unwrap(), "k2");
    }
    let status = bench.gateway.status().unwrap();
    let first = status
        .keys
        .iter()
        .find(|key| key.key.as_deref() == Some("api-key"));
    assert_eq!(first.unwrap().state, KeyState::Resting);
    assert!(first.unwrap().resting_until.is_some());
}

#[tokio::test]
async fn a_short_wait_is_kept_to_and_a_long_one_leads_to_the_next_tier() {
    let wait = |ms| Reply::Refuse(PluginError::RateLimited(Some(Duration::from_millis(ms))));
    let bench = two_tiers(json!({})).await;
    bench.fake.play("k1", [wait(20), Reply::text("waited")]);
    assert_eq!(bench.ask("fast").await.unwrap(), "waited");
    assert_eq!(bench.fake.keys(), ["k1", "k1"]);

    let bench = two_tiers(json!({ "retry": { "longest_wait_ms": 10 } })).await;
    bench.fake.play("k1", [wait(20)]);
    assert_eq!(bench.ask("fast").await.unwrap(), "hello");
    assert_eq!(bench.fake.keys(), ["k1", "k2"]);
}

#[tokio::test]
async fn who_comes_while_all_keys_rest_waits_as_well() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    bench.configure(json!({ "retry": { "retries": 0 } })).await;
    let wait = || Reply::Refuse(PluginError::RateLimited(Some(Duration::from_millis(500))));
    bench.fake.play("k1", [wait()]);
    bench.ask("One/m").await.unwrap_err();
    bench.configure(json!({})).await;
    bench.fake.play("k1", [wait(), Reply::text("waited")]);
    assert_eq!(bench.ask("One/m").await.unwrap(), "waited");
}

#[tokio::test]
async fn nothing_is_repeated_after_the_first_piece() {
    let bench = two_tiers(json!({})).await;
    let half = vec![Event::Text("half".into())];
    let broken = PluginError::Unavailable(Fault::new("connection reset"));
    bench.fake.play("k1", [Reply::Break(half, broken)]);
    let route = bench.gateway.named("fast").await.unwrap();
    let ann = customer("ann");
    let asked = bench.gateway.complete(&ann, &route, request("hi"));
    let mut answer = asked.await.unwrap();
    assert_eq!(answer.next(8).await.unwrap(), [Event::Text("half".into())]);
    assert_eq!(
        answer.next(8).await.unwrap_err().code,
        ErrorCode::Unreachable
    );
    assert_eq!(answer.next(8).await.unwrap(), []);
    assert_eq!(bench.fake.keys(), ["k1"]);
}

#[tokio::test]
async fn a_failure_between_the_head_and_the_first_piece_is_repeated() {
    let bench = two_tiers(json!({})).await;
    let head = vec![Event::Started {
        model: "m".into(),
        id: "1".into(),
    }];
    let broken = PluginError::Overloaded;
    bench.fake.play(
        "k1",
        [Reply::Break(head.clone(), broken), Reply::Events(head)],
    );
    // The second one ends before it began, which is no answer either.
    assert_eq!(bench.ask("fast").await.unwrap(), "hello");
    assert_eq!(bench.fake.keys(), ["k1", "k1", "k1"]);
}

#[tokio::test]
async fn a_wrong_request_is_not_repeated_anywhere() {
    let bench = two_tiers(json!({})).await;
    let wrong = PluginError::InvalidRequest(Fault::new("too long"));
    bench.fake.play("k1", [Reply::Refuse(wrong)]);
    let error = bench.ask("fast").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    assert_eq!(bench.fake.keys(), ["k1"]);
}

#[tokio::test]
async fn a_key_without_credit_is_not_asked_again_and_another_one_is() {
    let bench = two_tiers(json!({})).await;
    bench.fake.play("k1", [coded("insufficient_quota")]);
    assert_eq!(bench.ask("fast").await.unwrap(), "hello");
    assert_eq!(bench.fake.keys(), ["k1", "k2"]);
    assert_eq!(bench.ask("fast").await.unwrap(), "hello");
    assert_eq!(bench.fake.keys(), ["k1", "k2", "k2"]);
}

#[tokio::test]
async fn a_refused_key_is_asked_again_once_it_is_entered_anew() {
    let bench = two_tiers(json!({})).await;
    let refused = PluginError::Unauthenticated(Fault::new("revoked"));
    bench.fake.play("k1", [Reply::Refuse(refused)]);
    bench.ask("fast").await.unwrap();
    bench.ask("fast").await.unwrap();
    assert_eq!(bench.fake.keys(), ["k1", "k2", "k2"]);
    let status = bench.key_of("One");
    assert_eq!(status.state, KeyState::Refused);
    assert!(status.last_error.as_ref().unwrap().contains("revoked"));

    let one = status.provider;
    let providers = bench.gateway.providers();
    let value = labd_protocol::Secret::new("k3");
    providers.key_set(one, "api-key", value).await.unwrap();
    bench.ask("fast").await.unwrap();
    assert_eq!(bench.fake.keys().last().unwrap(), "k3");

    // It may be the same: its account was opened again.
    let refused = PluginError::Unauthenticated(Fault::new("revoked"));
    bench.fake.play("k3", [Reply::Refuse(refused)]);
    bench.ask("fast").await.unwrap();
    assert_eq!(bench.key_of("One").state, KeyState::Refused);
    let value = labd_protocol::Secret::new("k3");
    providers.key_set(one, "api-key", value).await.unwrap();
    bench.ask("fast").await.unwrap();
    assert_eq!(bench.fake.keys().last().unwrap(), "k3");
    assert_eq!(bench.key_of("One").state, KeyState::Ready);
}

#[tokio::test]
async fn a_provider_that_keeps_failing_rests_and_is_asked_when_nobody_else_is_left() {
    let bench = two_tiers(json!({ "retry": { "retries": 2, "base_ms": 1 } })).await;
    bench.fake.play("k1", (0..3).map(|_| unavailable()));
    bench.ask("fast").await.unwrap();
    assert_eq!(bench.fake.keys(), ["k1", "k1", "k1", "k2"]);
    bench.ask("fast").await.unwrap();
    assert_eq!(
        bench.fake.keys().len(),
        5,
        "it rests: {:?}",
        bench.fake.keys()
    );
    // By its own name there is no other.
    assert_eq!(bench.ask("One/m").await.unwrap(), "hello");
    assert_eq!(bench.fake.keys().last().unwrap(), "k1");
    assert_eq!(bench.key_of("One").state, KeyState::Ready);
}

#[tokio::test]
async fn an_attempt_that_is_silent_gives_way_to_the_next_target() {
    let bench = two_tiers(json!({
        "timeouts": { "first_event_ms": 20, "between_events_ms": 20 },
        "retry": { "retries": 0 },
    }))
    .await;
    bench.fake.play("k1", [Reply::Silence(Vec::new())]);
    assert_eq!(bench.ask("fast").await.unwrap(), "hello");
    assert_eq!(bench.fake.keys(), ["k1", "k2"]);

    bench
        .fake
        .play("k1", [Reply::Silence(vec![Event::Text("half".into())])]);
    let error = bench.ask("fast").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Timeout);
    assert_eq!(bench.fake.keys(), ["k1", "k2", "k1"]);
}

#[tokio::test]
async fn dropping_an_answer_or_the_wait_for_one_ends_what_belongs_to_it() {
    let bench = two_tiers(json!({})).await;
    bench.fake.play(
        "k1",
        [
            Reply::Silence(vec![Event::Text("half".into())]),
            Reply::Silence(Vec::new()),
        ],
    );
    let route = bench.gateway.named("fast").await.unwrap();
    let ann = customer("ann");
    let asked = bench.gateway.complete(&ann, &route, request("hi"));
    let answer = asked.await.unwrap();
    assert_eq!(bench.key_of("One").running, 1);
    drop(answer);
    assert_eq!(bench.key_of("One").running, 0);
    let ann = customer("ann");
    let wait = bench.gateway.complete(&ann, &route, request("hi"));
    assert!(
        tokio::time::timeout(Duration::from_millis(20), wait)
            .await
            .is_err()
    );
    let status = bench.key_of("One");
    assert_eq!(status.running, 0);
    assert_eq!(status.state, KeyState::Ready);
    assert_eq!(
        bench.fake.running.load(std::sync::atomic::Ordering::SeqCst),
        0
    );
}

#[tokio::test]
async fn opaque_parts_return_to_their_model_only() {
    let bench = two_tiers(json!({})).await;
    let signed = Reply::Events(vec![
        Event::Reasoning("Hm".into()),
        Event::Blob(b"signature".to_vec()),
        Event::Finish(FinishReason::Stop),
    ]);
    bench.fake.play("k1", [signed]);
    let route = bench.gateway.named("One/m").await.unwrap();
    let ann = customer("ann");
    let asked = bench.gateway.complete(&ann, &route, request("hi"));
    let mut answer = asked.await.unwrap();
    let mut blob = None;
    loop {
        let events = answer.next(1).await.unwrap();
        match events.as_slice() {
            [] => break,
            [Event::Blob(bytes)] => blob = Some(bytes.clone()),
            _ => {}
        }
    }
    let blob = blob.unwrap();
    let mut again = request("and now?");
    let part = labd_plugin_host::kinds::ai::Part::Blob(blob);
    again.messages[0].parts.push(part);
    for (name, expected) in [("One/m", 1), ("One/other", 0)] {
        bench.ask_for(name, "ann", again.clone()).await.unwrap();
        let seen = bench.fake.seen.lock().unwrap();
        let parts = &seen.last().unwrap().request.messages[0].parts;
        let blobs: Vec<_> = parts
            .iter()
            .filter_map(|part| match part {
                labd_plugin_host::kinds::ai::Part::Blob(blob) => Some(blob.as_slice()),
                _ => None,
            })
            .collect();
        assert_eq!(blobs, vec![b"signature".as_slice(); expected], "{name}");
    }
}
