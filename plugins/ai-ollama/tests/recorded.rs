//! What recorded streams of the API become, the same however they are cut.
#![allow(clippy::unwrap_used, reason = "tests")]

use labd_ai_ollama::context::Seen;
use labd_ai_ollama::stream::Conversation;
use labd_plugin::ai::Streamed;
use labd_plugin::stream::NdjsonReader;
use labd_plugin::testing::FakeBody;
use labd_plugin::testing::ai::{drain, joined, request};
use labd_plugin::testing::recorded;
use serde_json::Value;

/// What must come of each recording.
const STREAMS: &[(&str, &str)] = &[(
    "simple_stream/response_000.txt",
    "gemma3:4b text=214:ef270e44 usage=21,-,-,40,- finish=stop",
)];

#[test]
fn every_recording_is_understood_however_it_is_cut() {
    let Some(path) = recorded::folder("genai/ollama_cloud") else {
        return;
    };
    let mut found = Vec::new();
    for (name, content) in recorded::files(&path).unwrap() {
        let (events, error) = recorded::replay(&content, |pieces| {
            let asked = request("asked", "Why?");
            let seen = Seen::of(&asked, &Value::Null);
            let reader = NdjsonReader::new(FakeBody::new(pieces));
            let mut answer = Streamed::new(reader, Conversation::new(&asked, seen));
            let (events, error) = drain(&mut answer, 64);
            (joined(&events), error)
        })
        .unwrap();
        found.push((name, recorded::summary(&events, error.as_ref())));
    }
    let differences = recorded::differences(STREAMS.iter().copied(), &found);
    assert!(differences.is_empty(), "{}", differences.join(",\n"));
}
