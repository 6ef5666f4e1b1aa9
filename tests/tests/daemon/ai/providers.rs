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
