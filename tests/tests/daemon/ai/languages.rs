//! Providers that are written in other languages, before the same scripted server: they must do what
//! the first-party plugin does.

use super::*;
use labd_tests::{ai_peer::Step, daemon::until, repository};
use std::time::Duration;

#[tokio::test]
async fn a_provider_in_javascript_does_what_the_first_party_one_does() {
    behaves("examples/plugin-js/ai-provider", "example.chat-js").await;
}

#[tokio::test]
async fn a_provider_in_python_does_what_the_first_party_one_does() {
    behaves("examples/plugin-python/ai-provider", "example.chat-python").await;
}

#[tokio::test]
async fn a_provider_in_c_says_what_it_was_told() {
    // It asks for nothing, and so nobody has to grant it anything.
    let daemon = with_package("examples/plugin-c").await;
    let peer = AiPeer::start([]).await.unwrap();
    let create = json!({ "name": "Echo", "plugin": "example.echo-c", "default_model": "echo" });
    let world = World::provided(daemon, peer, create).await;
    let turn = world.ask("Say Größe 😀").await;
    // The request is the end of a longer message, which comes back whole.
    assert!(
        turn.prose().trim_end().ends_with("Say Größe 😀"),
        "{turn:?}"
    );
    assert_eq!(turn.turn["error"], Value::Null, "{turn:?}");
    let route = format!("/providers/{}/models", world.provider);
    let models = world.daemon.get(&route).await.unwrap();
    says(&models.text(), &["echo"]);
    assert!(world.peer.requests().is_empty());
}

#[tokio::test]
async fn a_provider_that_throws_is_made_anew_and_quarantined_when_it_goes_on() {
    let world = granted("tests/guests/throws-js", "example.throws-js").await;
    let traps = async || {
        let told = world.daemon.get("/plugins/example.throws-js").await;
        let told = told.unwrap().json();
        told["counters"]["traps"].as_u64().unwrap()
    };
    // What the contract knows is no trap, and what is thrown is not told to the client.
    let turn = world.ask("error").await;
    assert_eq!(turn.error().0, "overloaded", "{turn:?}");
    assert_eq!(traps().await, 0);
    let turn = world.ask("throw").await;
    let (code, text) = turn.error();
    assert_eq!(code, "plugin_failed", "{text}");
    assert!(!text.contains("boom"), "{text}");
    assert_eq!(traps().await, 1);
    // A new instance answers, and its memory is its own.
    let turn = world.ask("count").await;
    assert!(turn.prose().contains("call 1"), "{turn:?}");
    for _ in 0..3 {
        world.ask("throw").await;
    }
    let told = world.daemon.get("/plugins/example.throws-js").await;
    let told = told.unwrap().json();
    assert_eq!(told["state"]["type"], "quarantined", "{told}");
    let turn = world.ask("count").await;
    let (code, text) = turn.error();
    assert_eq!(code, "plugin_failed", "{text}");
    says(&text, &["quarantined", "labd plugin reload"]);
    let reload = ["plugin", "reload", "example.throws-js"];
    let reloaded = world.daemon.home.run_json(&reload).await.unwrap();
    assert_eq!(reloaded["state"]["type"], "ready", "{reloaded}");
    let turn = world.ask("count").await;
    assert!(turn.prose().contains("call 1"), "{turn:?}");
}

/// The whole walk of a provider whose package is in this folder.
async fn behaves(folder: &str, plugin: &str) {
    let world = granted(folder, plugin).await;
    whole_answers(&world).await;
    refusals(&world).await;
    broken_streams(&world).await;
    stops(&world).await;
    models(&world).await;
    // None of this cost an instance its life, and every key stayed with the host.
    let told = world.daemon.get(&format!("/plugins/{plugin}")).await;
    let told = told.unwrap().json();
    assert_eq!(told["counters"]["traps"], 0, "{told}");
    assert_eq!(told["counters"]["denials"], 0, "{told}");
    assert_eq!(told["state"]["type"], "ready", "{told}");
    let bearer = format!("Bearer {KEY}");
    for request in world.peer.requests() {
        assert_eq!(request.header("authorization"), Some(bearer.as_str()));
    }
    assert!(!world.daemon.home.log().contains(KEY));
}

/// A daemon that looks for plugins in this folder too.
async fn with_package(folder: &str) -> Daemon {
    let package = repository::root().join(folder).join("dist");
    let config = format!("plugin_dirs = {}\n", json!([package]));
    Daemon::start_in(home(&config), &[]).await.unwrap()
}

/// A world whose model is reached by a plugin of a third party.
async fn granted(folder: &str, plugin: &str) -> World {
    let daemon = with_package(folder).await;
    let grant = ["plugin", "grant", plugin, "--yes"];
    let state = daemon.home.run_json(&grant).await.unwrap();
    assert_eq!(state["state"]["type"], "ready", "{state}");
    World::through(daemon, plugin, []).await
}

async fn whole_answers(world: &World) {
    world.peer.then(Reply::chat([app().as_str()]));
    let turn = world.ask("Show what has to be ordered").await;
    assert_eq!(turn.state(), "done", "{turn:?}");
    world.shows_the_app().await;
    let usage = &turn.turn["usage"];
    assert_eq!(usage["input"], 11, "{turn:?}");
    assert_eq!(usage["output"], 7, "{turn:?}");
    let asked = world.peer.requests()[0].json().unwrap();
    assert_eq!(asked["model"], "acme-large");
    assert_eq!(asked["stream"], true);
    let last = asked["messages"].as_array().unwrap().last().unwrap();
    says(&last.to_string(), &["Show what has to be ordered"]);
    for length in [1, 3, 61] {
        let prose = format!("Schnitt {length} – ä€😀");
        world.peer.then(Reply::chat([prose.as_str()]).split(length));
        let turn = world.ask(&format!("Cut it at {length}")).await;
        assert!(turn.prose().starts_with(&prose), "{turn:?}");
        assert_eq!(turn.turn["error"], Value::Null, "{turn:?}");
    }
}

async fn refusals(world: &World) {
    let error = |more: &str| format!(r#"{{"error":{{"message":"why not"{more}}}}}"#);
    let spent = error(r#","code":"insufficient_quota""#);
    let unknown = error(r#","code":"model_not_found""#);
    for (reply, code, words) in [
        (
            Reply::error(401, &error("")),
            "credential_refused",
            ["why not", "Enter the API key again"],
        ),
        (
            Reply::error(429, &error("")).header("retry-after", "7"),
            "rate_limited",
            ["Acme AI", "Try again in 7 seconds"],
        ),
        (
            Reply::error(429, &spent),
            "invalid_request",
            ["why not", "credit"],
        ),
        (
            Reply::error(503, ""),
            "overloaded",
            ["Acme AI", "Try again in a moment"],
        ),
        (
            Reply::error(500, &error("")),
            "unreachable",
            ["why not", "ask again"],
        ),
        (
            Reply::error(404, &unknown),
            "not_found",
            ["why not", "choose one of the provider's models"],
        ),
    ] {
        world.peer.then(reply);
        let turn = world.ask("Show anything").await;
        let (told, text) = turn.error();
        assert_eq!((turn.state(), told), ("failed", code), "{text}");
        says(&text, &words);
    }
}

async fn broken_streams(world: &World) {
    let half = "Here it comes.\n<lab-file path=\"app.json\">\n{\"name\": \"Half\"}\n</lab-file>\n";
    let busy = r#"{"error":{"message":"Overloaded, sorry","type":"server_error"}}"#;
    for (reply, words) in [
        (
            Reply::status(200).text(half).event(busy),
            "Overloaded, sorry",
        ),
        (
            // The pause lets what was written before it leave.
            Reply::chat([half])
                .ending_with(Step::Wait(Duration::from_millis(50)))
                .step(Step::Cut),
            "closed the connection",
        ),
        (
            Reply::status(200).text(half),
            "the stream ended before the model had finished",
        ),
    ] {
        world.peer.then(reply);
        let turn = world.ask("Show anything").await;
        let (code, text) = turn.error();
        assert_eq!((turn.state(), code), ("failed", "unreachable"), "{text}");
        says(&text, &[words, "What had arrived is kept as a draft"]);
    }
}

/// Stopping closes the connection, though the plugin is in the middle of a call.
async fn stops(world: &World) {
    let chatter = Reply::status(200)
        .header("content-type", "text/event-stream")
        .text("Here it comes.\n");
    let chatter = (0..10_000)
        .fold(chatter, |reply, _| {
            reply.step(Step::Bytes(": ping\n\n".into()))
        })
        .paced(Duration::from_millis(20));
    for reply in [chatter, Reply::status(200).step(Step::Silence)] {
        let before = world.peer.requests().len();
        let closed = world.peer.closed();
        world.peer.then(reply);
        let turn = start(&world.daemon, &world.project, "Show anything").await;
        let asked = until("the request", async || {
            (world.peer.requests().len() > before).then_some(())
        });
        asked.await.unwrap();
        let route = format!("/projects/{}/turns/{turn}/stop", world.project);
        let stopped = world.daemon.post(&route, json!({})).await.unwrap();
        assert_eq!(stopped.json()["state"], "stopped", "{}", stopped.text());
        let seen = until("the end of the connection", async || {
            (world.peer.closed() > closed).then_some(())
        });
        seen.await.unwrap();
        assert_eq!(world.end_of(&turn).await.turn["error"], Value::Null);
    }
}

async fn models(world: &World) {
    let list = r#"{"object":"list","data":[{"id":"acme-small"},{"id":"acme-large","context_length":8192}]}"#;
    world.peer.then(Reply::error(200, list));
    let route = format!("/providers/{}/models", world.provider);
    let models = world.daemon.get(&route).await.unwrap();
    says(&models.text(), &["acme-large", "acme-small", "8192"]);
}
