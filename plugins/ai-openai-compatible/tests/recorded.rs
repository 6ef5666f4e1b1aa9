//! What recorded answers of servers that follow the API become, the same however they are cut.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../chat-completions/tests/support/recordings.rs"]
mod recordings;

use labd_ai_openai_compatible::{Config, OpenAiCompatible};
use labd_plugin::testing::FakeHost;
use labd_plugin::testing::recorded::Framing;

/// What must come of each recording. Whole answers are never asked for, and understood all the same;
/// `minimax_*` of OpenCode speak another API, which must not be taken for this one.
const TABLE: &[(&str, &str)] = &[
    (
        "genai/aihubmix/chat_stream/response_000.txt",
        "gpt-4o-mini-2024-07-18 text=6:2d8bd7d9 usage=15,0,-,3,0 finish=stop",
    ),
    (
        "genai/github_copilot/simple_stream/response_000.txt",
        "gpt-4.1-mini-2025-04-14 text=138:394a0790 finish=stop",
    ),
    (
        "genai/github_copilot/tool_stream/response_000.txt",
        "gpt-4.1-mini-2025-04-14 tools=[get_weather:d2ec7044] finish=tool-use",
    ),
    (
        "genai/openai/stream_tool_call_with_finish_reason/response_000.txt",
        "yakbak-openai-compat-model tools=[get_weather:d2ec7044] usage=163,-,-,11,- finish=tool-use",
    ),
    (
        "genai/opencode_go/minimax_chat/response_000.txt",
        "at once: - error=unavailable",
    ),
    (
        "genai/opencode_go/minimax_stream/response_000.txt",
        "- error=unavailable",
    ),
    (
        "genai/opencode_go/openai_chat/response_000.txt",
        "at once: frank/GLM-5.1 text=5:185f8db3 reasoning=316:68dcbfd3 usage=10,0,-,79,- finish=stop",
    ),
    (
        "genai/opencode_go/openai_stream/response_000.txt",
        "frank/GLM-5.1 text=5:185f8db3 reasoning=409:a448042f usage=10,0,-,123,- finish=stop",
    ),
];

#[test]
fn every_recording_gives_what_it_holds_however_it_is_cut() {
    let differences = recordings::differences::<OpenAiCompatible<FakeHost>>(
        &[
            "genai/aihubmix",
            "genai/github_copilot",
            "genai/openai",
            "genai/opencode_go",
        ],
        Framing::Done,
        TABLE,
        &|| Config {
            base_url: "http://ai.example/v1".into(),
        },
    );
    assert_eq!(differences.unwrap(), [""; 0]);
}
