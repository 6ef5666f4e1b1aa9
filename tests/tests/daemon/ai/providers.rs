//! Each provider's plugin before a peer that plays that provider and is as strict: through the
//! whole daemon, in two turns.

use super::*;
use labd_tests::ai_peer::{Answer as Said, Provider, Usage};

/// Two turns through a plugin with a model: what was said is understood, and what was asked is as
/// the provider wants it.
async fn agrees(plugin: &str, provider: Provider, model: &str) {
    agrees_by(plugin, provider, model, json!({})).await;
}

/// The same with these settings of the plugin.
async fn agrees_by(plugin: &str, provider: Provider, model: &str, settings: Value) {
    let usage = Usage {
        input: 900,
        cached: 300,
        output: 70,
        reasoning: 20,
        ..Usage::default()
    };
    let text = app();
    let pieces: Vec<String> = text
        .chars()
        .collect::<Vec<_>>()
        .chunks(50)
        .map(|chars| chars.iter().collect())
        .collect();
    let answer = Said::default()
        .thinking(["Let me ", "think."], "c2lnbmF0dXJl")
        .say(pieces)
        .costing(usage);
    let peer = AiPeer::plan()
        .then(Reply::answer(answer.clone()))
        .then(Reply::answer(answer).split(7))
        .start()
        .await
        .unwrap();
    let url = match provider {
        Provider::Anthropic | Provider::Ollama => peer.origin_of(provider),
        _ => peer.base_url_of(provider),
    };
    let mut config = settings;
    config["base-url"] = json!(url);
    let create = json!({
        "name": "Acme AI", "plugin": plugin, "api_key": KEY,
        "config": config, "default_model": model,
    });
    let daemon = Daemon::start().await.unwrap();
    let world = World::provided(daemon, peer, create).await;
    for ask in ["Show what has to be ordered", "Once more"] {
        let turn = world.ask(ask).await;
        assert_eq!(turn.state(), "done", "{plugin}: {turn:?}");
        assert_eq!(turn.prose().trim(), "Hier ist dein Lager.", "{plugin}");
        // Of Ollama the peer counts what it read itself.
        let input = turn.turn["usage"]["input"].as_u64();
        let read = provider == Provider::Ollama && input > Some(900);
        assert!(read || input == Some(900), "{plugin}: {input:?}");
        assert_eq!(turn.turn["usage"]["output"], 70, "{plugin}");
    }
    world.shows_the_app().await;
    assert_eq!(world.peer.complaints(), [], "{plugin}");
}

/// Two turns through a plugin: their requests, and the tokens of the second that came from a cache.
async fn asked_twice(plugin: &str, provider: Provider, model: &str) -> (Vec<Value>, Value) {
    let usage = Usage {
        input: 900,
        cached: 700,
        ..Usage::default()
    };
    let said = Reply::answer(Said::text([app()]).costing(usage));
    let plan = AiPeer::plan().then(said.clone()).then(said);
    let peer = plan.start().await.unwrap();
    let url = match provider {
        Provider::Anthropic => peer.origin_of(provider),
        _ => peer.base_url_of(provider),
    };
    let create = json!({
        "name": "Acme AI", "plugin": plugin, "api_key": KEY,
        "config": { "base-url": url }, "default_model": model,
    });
    let daemon = Daemon::start().await.unwrap();
    let world = World::provided(daemon, peer, create).await;
    world.ask("Show what has to be ordered").await;
    let second = world.ask("Once more").await;
    assert_eq!(second.state(), "done", "{plugin}: {second:?}");
    assert_eq!(world.peer.complaints(), [], "{plugin}");
    let requests = world.peer.requests();
    let bodies = requests.iter().map(|one| one.json().unwrap());
    (bodies.collect(), second.turn["usage"].clone())
}

#[tokio::test]
async fn anthropic_is_told_what_comes_again_with_the_next_turn() {
    let (bodies, usage) = asked_twice("labd.anthropic", Provider::Anthropic, "claude-opus-5").await;
    assert_eq!(usage["cached_input"], 700);
    let [first, second] = bodies.as_slice() else {
        panic!("{} requests", bodies.len());
    };
    // The guide and the database, word for word, the last of which is marked.
    assert_eq!(first["system"], second["system"]);
    let system = first["system"].as_array().unwrap();
    assert_eq!(system.len(), 2);
    assert_eq!(system[0]["cache_control"], Value::Null);
    let mark = json!({ "type": "ephemeral" });
    assert_eq!(system[1]["cache_control"], mark);
    // Then what was said before, but not the app as it is now.
    let marks = |body: &Value| -> Vec<bool> {
        let messages = body["messages"].as_array().unwrap().iter();
        messages
            .map(|message| message.to_string().contains("cache_control"))
            .collect()
    };
    assert_eq!(marks(first), [false]);
    assert_eq!(marks(second), [false, true, false]);
}

#[tokio::test]
async fn openai_is_told_which_turns_begin_alike() {
    let (bodies, usage) = asked_twice("labd.openai", Provider::OpenAi, "gpt-5-mini").await;
    assert_eq!(usage["cached_input"], 700);
    let keys: Vec<&str> = bodies
        .iter()
        .map(|body| body["prompt_cache_key"].as_str().unwrap())
        .collect();
    assert_eq!(keys.len(), 2);
    assert!(!keys[0].is_empty() && keys[0] == keys[1], "{keys:?}");
    assert_eq!(bodies[0]["instructions"], bodies[1]["instructions"]);
}

#[tokio::test]
async fn anthropic_is_asked_as_it_wants_to_be() {
    agrees("labd.anthropic", Provider::Anthropic, "claude-opus-5").await;
}

#[tokio::test]
async fn openai_is_asked_as_it_wants_to_be() {
    agrees("labd.openai", Provider::OpenAi, "gpt-5-mini").await;
}

#[tokio::test]
async fn gemini_is_asked_as_it_wants_to_be() {
    agrees("labd.gemini", Provider::Gemini, "gemini-3-flash").await;
}

#[tokio::test]
async fn gemini_is_asked_for_interactions_as_it_wants_to_be() {
    let settings = json!({ "api": "interactions" });
    agrees_by("labd.gemini", Provider::Gemini, "gemini-3-flash", settings).await;
}

#[tokio::test]
async fn mistral_is_asked_as_it_wants_to_be() {
    agrees("labd.mistral", Provider::Mistral, "magistral-medium-latest").await;
}

#[tokio::test]
async fn ollama_is_asked_as_it_wants_to_be() {
    agrees("labd.ollama", Provider::Ollama, "gemma3:4b").await;
}

#[tokio::test]
async fn compatible_servers_are_asked_as_they_want_to_be() {
    agrees("labd.openai-compatible", Provider::Compatible, "acme-large").await;
}
