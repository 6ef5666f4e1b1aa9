//! Ten thousand requests through gateway, plugin and network, to a provider of which a fifth of the
//! answers fails in every way it knows: each ends, none is counted twice, and nothing is left behind.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use futures_util::{StreamExt as _, stream};
use labd_ai_peer::{AiPeer, Answer, Asked, Chance, Ended, Provider, Refusal, Reply, Step};
use labd_gateway::{Customer, Gateway};
use labd_plugin_host::kinds::ai::{Event, FinishReason, Message, Part, Request, Role};
use labd_protocol::{ApiError, ErrorCode, KeyState, Secret};
use labd_tests::gateway::InProcess;
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};

const REQUESTS: u64 = 10_000;
/// At once.
const CALLERS: usize = 64;
/// Which requests fail, and how: the same in every run.
const SEED: u64 = 4;

/// A fifth of the answers fails.
fn script(asked: &Asked) -> Reply {
    let mut chance = Chance::of(SEED, asked.number);
    let answer = || Reply::answer(Answer::text(["eins ", "zwei ", "drei"]));
    if !chance.hits(0.2) {
        return answer();
    }
    let refusals = Refusal::PASSING.len();
    match chance.pick(refusals + 8) {
        0 => answer().stopping_after(0, Step::Cut),
        1 => answer().stopping_after(2, Step::Cut),
        2 => answer().stopping_after(1, Step::Reset),
        3 => answer().stopping_after(0, Step::Silence),
        4 => answer().stopping_after(2, Step::Silence),
        5 => answer().failing_after(0, Refusal::Internal),
        6 => answer().failing_after(2, Refusal::Internal),
        7 => Reply::status(200).step(Step::Cut),
        other => Reply::refusal(Refusal::PASSING[other - 8].clone()),
    }
}

fn request() -> Request {
    Request {
        messages: vec![Message {
            role: Role::User,
            parts: vec![Part::Text("Count to three.".to_owned())],
        }],
        ..Request::default()
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// With a whole answer.
    Whole,
    /// In the middle of one.
    Broken,
    /// Before one.
    Refused,
}

async fn ask(gateway: &Gateway) -> End {
    let customer = Customer {
        user: "load".to_owned(),
        project: None,
    };
    let expected = |error: &ApiError| {
        let passing = [
            ErrorCode::Unreachable,
            ErrorCode::Overloaded,
            ErrorCode::RateLimited,
            ErrorCode::Timeout,
            ErrorCode::Conflict,
        ];
        assert!(passing.contains(&error.code), "{error:?}");
    };
    let route = gateway.named("Acme/large").await.unwrap();
    let mut answer = match gateway.complete(&customer, &route, request()).await {
        Ok(answer) => answer,
        Err(error) => {
            expected(&error);
            return End::Refused;
        }
    };
    let (mut text, mut finish) = (String::new(), None);
    loop {
        match answer.next(16).await {
            Ok(events) if events.is_empty() => break,
            Ok(events) => {
                for event in events {
                    match event {
                        Event::Text(more) => text.push_str(&more),
                        Event::Finish(reason) => finish = Some(reason),
                        _ => {}
                    }
                }
            }
            Err(error) => {
                expected(&error);
                assert!("eins zwei drei".starts_with(&text), "{text}");
                return End::Broken;
            }
        }
    }
    assert_eq!(
        (text.as_str(), finish),
        ("eins zwei drei", Some(FinishReason::Stop))
    );
    End::Whole
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(30), async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    patience.await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_to_a_failing_provider_all_end_and_leave_nothing_behind() {
    // Installed once for the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plan = AiPeer::plan().models(Provider::Compatible, &["large"]);
    let peer = plan
        .counting_only()
        .otherwise(script)
        .start()
        .await
        .unwrap();
    let base_url = peer.base_url_of(Provider::Compatible);
    let inside = InProcess::start(&base_url, "sk-load").await.unwrap();
    let InProcess {
        gateway, provider, ..
    } = &inside;
    // As many at once as the host has instances, so that its own queue is not what is tested.
    let config = json!({
        "limits": [{ "provider": provider, "concurrent": 8, "queue": CALLERS }],
        "retry": { "base_ms": 2, "max_ms": 10, "longest_wait_ms": 1_000 },
        "timeouts": { "first_event_ms": 300, "between_events_ms": 300 },
    });
    let config = serde_json::from_value(config).unwrap();
    gateway.configure(config).await.unwrap();

    let ends = stream::iter(0..REQUESTS)
        .map(|_| ask(gateway))
        .buffer_unordered(CALLERS)
        .fold(BTreeMap::<End, u64>::new(), async |mut ends, end| {
            *ends.entry(end).or_default() += 1;
            ends
        })
        .await;
    let of = |end| ends.get(&end).copied().unwrap_or(0);
    assert_eq!(ends.values().sum::<u64>(), REQUESTS);
    assert!(of(End::Whole) > REQUESTS * 9 / 10, "{ends:?}");
    assert!(of(End::Broken) > 0, "{ends:?}");

    // Counted once: whatever began, and nothing else.
    let today = gateway.status().unwrap().today;
    assert_eq!(today.requests, of(End::Whole) + of(End::Broken), "{ends:?}");
    assert_eq!(today.failures, of(End::Broken), "{ends:?}");
    let attempts = gateway.status().unwrap().keys[0].attempts;
    assert!(attempts > REQUESTS, "{attempts}");

    let status = gateway.status().unwrap();
    assert_eq!((status.keys[0].running, status.keys[0].waiting), (0, 0));
    until("answers are under way still", || peer.running() == 0).await;
    assert!(peer.endings(Ended::Whole) > 0);
    drop(inside);
    until("connections are open still", || peer.open() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_wants_any_more_close_their_connections() {
    const ANSWERS: usize = 200;
    let begun = || Answer::text(["eins ", "zwei ", "drei"]);
    let plan = AiPeer::plan().otherwise(move |_| {
        let silent = Reply::answer(begun());
        silent.stopping_after(2, Step::Silence)
    });
    let peer = plan.start().await.unwrap();
    let base_url = peer.base_url_of(Provider::Compatible);
    let inside = InProcess::start(&base_url, "sk-load").await.unwrap();
    let route = inside.gateway.named("Acme/large").await.unwrap();
    let customer = Customer {
        user: "load".to_owned(),
        project: None,
    };
    stream::iter(0..ANSWERS)
        .for_each_concurrent(32, async |_| {
            let answer = inside.gateway.complete(&customer, &route, request());
            let mut answer = answer.await.unwrap();
            let events = answer.next(16).await.unwrap();
            assert!(!events.is_empty());
        })
        .await;
    until("answers are under way still", || {
        peer.endings(Ended::ByClient) == ANSWERS
    })
    .await;
    until("connections are open still", || peer.open() == 0).await;
    let status = inside.gateway.status().unwrap();
    assert_eq!(status.keys[0].running, 0);
    assert_eq!(status.today.requests, ANSWERS as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_end_leave_their_connections_to_the_next() {
    let answer = || Reply::answer(Answer::text(["eins ", "zwei ", "drei"]));
    let plan = AiPeer::plan().otherwise(move |_| answer());
    let peer = plan.start().await.unwrap();
    let base_url = peer.base_url_of(Provider::Compatible);
    let inside = InProcess::start(&base_url, "sk-load").await.unwrap();
    for _ in 0..50 {
        assert_eq!(ask(&inside.gateway).await, End::Whole);
    }
    // The next one may come before a connection is back; none is thrown away.
    assert_eq!(peer.closed(), 0);
    assert!(peer.open() < 10, "{}", peer.open());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_revoked_under_load_costs_no_request() {
    const ANSWERS: usize = 500;
    let answer = || Reply::answer(Answer::text(["eins ", "zwei ", "drei"]));
    let plan = AiPeer::plan().models(Provider::Compatible, &["large"]);
    let peer = plan.otherwise(move |_| answer()).start().await.unwrap();
    let base_url = peer.base_url_of(Provider::Compatible);
    let inside = InProcess::start(&base_url, "sk-first").await.unwrap();
    let providers = inside.gateway.providers();
    let second = Secret::new("sk-second");
    providers
        .key_set(inside.provider, "second", second)
        .await
        .unwrap();
    let ends: Vec<End> = stream::iter(0..ANSWERS)
        .map(async |number| {
            if number == ANSWERS / 4 {
                peer.revoke("sk-first");
            }
            ask(&inside.gateway).await
        })
        .buffer_unordered(16)
        .collect()
        .await;
    assert_eq!(ends.len(), ANSWERS);
    assert!(ends.iter().all(|end| *end == End::Whole), "{ends:?}");
    let keys = inside.gateway.status().unwrap().keys;
    let states: Vec<_> = keys.iter().map(|key| (&key.key, key.state)).collect();
    let refused = keys.iter().filter(|key| key.state == KeyState::Refused);
    assert_eq!(refused.count(), 1, "{states:?}");
}
