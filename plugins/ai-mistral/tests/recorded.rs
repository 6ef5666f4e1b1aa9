//! What recorded answers of Mistral become, the same however they are cut.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../chat-completions/tests/support/recordings.rs"]
mod recordings;

use labd_ai_mistral::{Config, Mistral};
use labd_plugin::testing::FakeHost;
use labd_plugin::testing::recorded::Framing;

/// What must come of each recording. Whole answers are never asked for, and understood all the same.
const TABLE: &[(&str, &str)] = &[
    (
        "vercel-ai/mistral/mistral-incremental-tool-call.chunks.txt",
        "zai-glm-5-2 tools=[webSearchTool:1197fa85] usage=171,128,-,14,- finish=tool-use",
    ),
    (
        "vercel-ai/mistral/mistral-reasoning.chunks.txt",
        "magistral-medium-2507 text=9:e93dff0d reasoning=60:3ee98375 usage=10,-,-,46,- finish=stop",
    ),
    (
        "vercel-ai/mistral/mistral-reasoning.json",
        "at once: magistral-medium-2507 text=9:e93dff0d reasoning=60:3ee98375 usage=10,-,-,46,- finish=stop",
    ),
    (
        "vercel-ai/mistral/mistral-text.chunks.txt",
        "mistral-small-latest text=38:6f535b2d usage=13,-,-,8,- finish=stop",
    ),
    (
        "vercel-ai/mistral/mistral-text.json",
        "at once: mistral-small-latest text=1925:744e3a01 usage=13,-,-,434,- finish=stop",
    ),
    (
        "vercel-ai/mistral/mistral-tool-call.chunks.txt",
        "mistral-small-latest tools=[weather:d041d2d4] usage=124,-,-,22,- finish=tool-use",
    ),
    (
        "vercel-ai/mistral/mistral-tool-call.json",
        "at once: mistral-small-latest tools=[weather:d041d2d4] usage=124,-,-,22,- finish=tool-use",
    ),
];

#[test]
fn every_recording_gives_what_it_holds_however_it_is_cut() {
    let differences = recordings::differences::<Mistral<FakeHost>>(
        &["vercel-ai/mistral"],
        Framing::Done,
        TABLE,
        &Config::default,
    );
    assert_eq!(differences.unwrap(), [""; 0]);
}
