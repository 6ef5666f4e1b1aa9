//! Providers that refuse, fail, or say nothing.

use super::*;
use labd_tests::{ai_peer::Step, daemon::until};
use std::time::Duration;

#[tokio::test]
async fn a_refused_key_is_told_with_where_to_enter_another() {
    let body = r#"{"error":{"message":"Incorrect API key provided.","type":"invalid_request_error","code":"invalid_api_key"}}"#;
    let world = World::new([Reply::error(401, body)]).await;
    let turn = world.ask("Show anything").await;
    assert_eq!(turn.state(), "failed");
    let (code, text) = turn.error();
    assert_eq!(code, "credential_refused");
    says(
        &text,
        &[
            "Acme AI refuses the API key: Incorrect API key",
            "Enter the API key again",
        ],
    );
    assert_eq!(turn.turn["error"]["upstream_code"], "invalid_api_key");
    assert_eq!(turn.draft(), None);
    assert!(!text.contains("draft"), "{text}");
    assert_eq!(world.head().await, Value::Null);
    world.goes_on().await;
}

#[tokio::test]
async fn a_provider_that_asks_to_wait_is_told_with_its_time() {
    let limited = r#"{"error":{"message":"Rate limit reached","type":"rate_limit_error"}}"#;
    let spent = r#"{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}"#;
    let world = World::new([
        Reply::error(429, limited).header("retry-after", "7"),
        Reply::error(429, spent).header("retry-after", "7"),
        Reply::error(503, ""),
    ])
    .await;
    let turn = world.ask("Show anything").await;
    let (code, text) = turn.error();
    assert_eq!((turn.state(), code), ("failed", "rate_limited"));
    says(&text, &["Acme AI", "Try again in 7 seconds"]);
    assert_eq!(turn.turn["error"]["retry_after_ms"], 7_000);

    // Waiting does not fill an account.
    let turn = world.ask("Show anything").await;
    let (code, text) = turn.error();
    assert_eq!(code, "invalid_request");
    says(&text, &["You exceeded your quota", "credit"]);
    assert!(!text.contains("Try again in"), "{text}");

    let turn = world.ask("Show anything").await;
    let (code, text) = turn.error();
    assert_eq!(code, "overloaded");
    says(&text, &["Try again in a moment"]);
    world.goes_on().await;
}

#[tokio::test]
async fn a_failing_provider_is_told_in_its_own_words() {
    let world = World::new([
        Reply::error(500, r#"{"error":{"message":"The GPU is on fire."}}"#),
        Reply::status(502)
            .header("content-type", "text/html")
            .step(Step::Bytes(
                "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center>"
                    .into(),
            )),
        Reply::error(
            404,
            r#"{"error":{"message":"no such model","code":"model_not_found"}}"#,
        ),
    ])
    .await;
    for (code, words) in [
        (
            "unreachable",
            [
                "No whole answer came from Acme AI: The GPU is on fire.",
                "ask again",
            ],
        ),
        (
            "unreachable",
            ["a web page, \"502 Bad Gateway\"", "ask again"],
        ),
        (
            "not_found",
            ["no such model", "choose one of the provider's models"],
        ),
    ] {
        let turn = world.ask("Show anything").await;
        let (told, text) = turn.error();
        assert_eq!((turn.state(), told), ("failed", code), "{text}");
        says(&text, &words);
        assert!(!text.contains("<html>"), "{text}");
    }
    world.goes_on().await;
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_told_with_its_address() {
    let world = World::new([]).await;
    let gone = AiPeer::start([]).await.unwrap();
    let url = gone.base_url();
    drop(gone);
    let route = format!("/providers/{}", world.provider);
    let update = json!({ "config": { "base-url": url }, "api_key": KEY });
    assert_eq!(world.patch(&route, update).await.status, 200);
    let turn = world.ask("Show anything").await;
    let (code, text) = turn.error();
    assert_eq!((turn.state(), code), ("failed", "unreachable"));
    let host = url.trim_start_matches("http://").trim_end_matches("/v1");
    says(&text, &["connection refused", host, "Check that it runs"]);
    // The same words where the models are listed.
    let models = world.daemon.get(&format!("{route}/models")).await.unwrap();
    assert_eq!(models.json()["code"], "unreachable", "{}", models.text());
    says(&models.text(), &["No whole answer came from Acme AI", host]);

    let back = json!({ "config": { "base-url": world.peer.base_url() }, "api_key": KEY });
    assert_eq!(world.patch(&route, back).await.status, 200);
    world.goes_on().await;
}

#[tokio::test]
async fn a_silent_provider_is_given_up_after_the_configured_time() {
    let waits = "[ai]\nfirst_event_seconds = 2\nnext_event_seconds = 1\n";
    let half = "Here it comes.\n<lab-file path=\"app.json\">\n{\"name\": \"Half\"}\n";
    let world = World::configured(
        waits,
        [
            Reply::status(200)
                .header("content-type", "text/event-stream")
                .step(Step::Silence),
            Reply::chat([half]).ending_with(Step::Silence),
        ],
    )
    .await;
    let turn = world.ask("Show anything").await;
    let (code, text) = turn.error();
    assert_eq!((turn.state(), code), ("failed", "timeout"));
    says(&text, &["Acme AI sent nothing for 2 seconds", "Ask again"]);
    assert_eq!(turn.draft(), None);

    let turn = world.ask("Show anything").await;
    let (code, text) = turn.error();
    assert_eq!((turn.state(), code), ("failed", "timeout"));
    says(
        &text,
        &[
            "Acme AI sent nothing for 1 seconds",
            "What had arrived is kept as a draft",
        ],
    );
    let draft = world.snapshot(turn.draft().unwrap()).await;
    assert_eq!(draft[0].0, "app.json");
    assert_eq!(world.head().await, Value::Null);
    let closed = until("the end of both connections", async || {
        (world.peer.closed() >= 2).then_some(())
    });
    closed.await.unwrap();
    world.goes_on().await;
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_keeps_what_had_arrived() {
    let half = "Here it comes.\n<lab-file path=\"app.json\">\n{\"name\": \"Half\"}\n</lab-file>\n";
    let error = r#"{"error":{"message":"Overloaded, sorry","type":"server_error","code":"boom"}}"#;
    let world = World::new([
        Reply::status(200).text(half).event(error),
        Reply::status(200).event(error),
    ])
    .await;
    let turn = world.ask("Show anything").await;
    let (code, text) = turn.error();
    assert_eq!((turn.state(), code), ("failed", "unreachable"));
    says(
        &text,
        &[
            "Overloaded, sorry",
            "What had arrived is kept as a draft",
            "ask again",
        ],
    );
    let draft = world.snapshot(turn.draft().unwrap()).await;
    assert_eq!(draft, [("app.json".to_owned(), 17)]);
    assert_eq!(world.head().await, Value::Null);

    let turn = world.ask("Show anything").await;
    let (_, text) = turn.error();
    assert!(!text.contains("draft"), "nothing had arrived: {text}");
    world.goes_on().await;
}

#[tokio::test]
async fn stopping_a_turn_closes_the_connection_to_the_provider() {
    let half = "Here it comes.\n<lab-file path=\"app.json\">\n{\"name\": \"Half\"}\n";
    // Chatter without content keeps the connection busy.
    let chatter = Reply::status(200)
        .header("content-type", "text/event-stream")
        .text(half);
    let chatter = (0..10_000)
        .fold(chatter, |reply, _| {
            reply.step(Step::Bytes(": ping\n\n".into()))
        })
        .paced(Duration::from_millis(20));
    let world = World::new([chatter, Reply::status(200).step(Step::Silence)]).await;
    for (kept, closed) in [(true, 1), (false, 2)] {
        let turn = start(&world.daemon, &world.project, "Show anything").await;
        let route = format!("/projects/{}/turns/{turn}", world.project);
        let asked = until("the request", async || {
            (world.peer.requests().len() == closed).then_some(())
        });
        asked.await.unwrap();
        if kept {
            // Started, text, file started, file text.
            follow(&world.daemon, &route, 0, 4).await;
        }
        let stopped = world
            .daemon
            .post(&format!("{route}/stop"), json!({}))
            .await
            .unwrap();
        assert_eq!(stopped.json()["state"], "stopped", "{}", stopped.text());
        let seen = until("the end of the connection", async || {
            (world.peer.closed() >= closed).then_some(())
        });
        seen.await.unwrap();
        let ended = world.end_of(&turn).await;
        assert_eq!(ended.draft().is_some(), kept, "{ended:?}");
        assert_eq!(ended.turn["error"], Value::Null);
    }
    assert_eq!(world.head().await, Value::Null);
    world.goes_on().await;
}
