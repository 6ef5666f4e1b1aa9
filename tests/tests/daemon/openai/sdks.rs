//! OpenAI's own libraries for Python and Node, for each provider behind labd. What they do is in
//! `tests/sdks`; another provider is another row here.

use super::*;
use labd_tests::repository;
use std::{env, path::Path, process::Stdio, time::Duration};
use tokio::{process::Command, time::timeout};

/// Both together take seconds.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test]
async fn openais_libraries_speak_to_a_compatible_server() {
    libraries(&COMPATIBLE).await;
}

#[tokio::test]
async fn openais_libraries_speak_to_openai() {
    libraries(&OPENAI).await;
}

#[tokio::test]
async fn openais_libraries_speak_to_anthropic() {
    libraries(&ANTHROPIC).await;
}

#[tokio::test]
async fn openais_libraries_speak_to_gemini() {
    libraries(&GEMINI).await;
}

#[tokio::test]
async fn openais_libraries_speak_to_gemini_by_interactions() {
    libraries(&INTERACTIONS).await;
}

#[tokio::test]
async fn openais_libraries_speak_to_openai_by_chat_completions() {
    libraries(&OPENAI_CHAT).await;
}

#[tokio::test]
async fn openais_libraries_speak_to_mistral() {
    libraries(&MISTRAL).await;
}

#[tokio::test]
async fn openais_libraries_speak_to_ollama() {
    libraries(&OLLAMA).await;
}

async fn libraries(behind: &Behind) {
    let world = World::before(behind).await;
    let sdks = repository::root().join("tests/sdks");
    let python = env::var("LABD_TEST_OPENAI_PYTHON").unwrap();
    check(&world, behind, &python, &sdks.join("python/check.py")).await;
    check(&world, behind, "node", &sdks.join("node/check.mjs")).await;
    assert_eq!(world.peer.complaints(), []);
    assert_eq!(world.peer.running(), 0);
}

async fn check(world: &World, behind: &Behind, program: &str, script: &Path) {
    let named = |model: &str| format!("{NAME}/{model}");
    let mut command = Command::new(program);
    command
        .arg(script)
        .env("LABD_URL", world.url())
        .env("LABD_TOKEN", world.daemon.token())
        .env("LABD_MODEL", named(behind.model))
        .env("NO_PROXY", "*")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(model) = behind.embeds {
        command.env("LABD_EMBED_MODEL", named(model));
    }
    let ended = timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    assert!(
        ended.status.success(),
        "{}\n{}\n{}",
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
        world.daemon.home.log()
    );
}
