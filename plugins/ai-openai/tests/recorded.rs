//! What recorded answers of OpenAI, through Responses, become, the same however they are cut.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../chat-completions/tests/support/recordings.rs"]
mod recordings;

use labd_ai_openai::{Api, Config, OpenAi};
use labd_plugin::testing::FakeHost;
use labd_plugin::testing::recorded::Framing;

/// What must come of each recording. Whole answers are never asked for, and understood all the same.
/// Tools of OpenAI's own are not asked for, and what they do is not told. In `openai-phase.1` and
/// `openai-shell-container.1` most pieces of the text were cut out of the recording, and in
/// `parallel-tool-call-wrapper.1` the first line lacks a brace.
const TABLE: &[(&str, &str)] = &[
    (
        "genai/openai_resp/custom_grammar_tool/response_000.txt",
        "gpt-5.4-mini-2026-03-17 blobs=1 usage=358,0,0,68,8 finish=stop",
    ),
    (
        "genai/openai_resp/custom_grammar_tool/response_001.txt",
        "gpt-5.4-mini-2026-03-17 text=5:ed251864 blobs=1 usage=431,0,0,6,0 finish=stop",
    ),
    (
        "genai/openai_resp/multi_tool_ordering/response_000.txt",
        "gpt-5.4-mini-2026-03-17 tools=[get_weather:d2ec7044 get_time:4e447f0c get_currency:d06779a9] blobs=1 usage=150,0,-,80,10 finish=tool-use",
    ),
    (
        "genai/openai_resp/reasoning_stream/response_000.txt",
        "gpt-5.4-mini-2026-03-17 text=183:f7da9526 blobs=2 usage=21,0,-,45,8 finish=stop",
    ),
    (
        "genai/openai_resp/reasoning_stream_completed_empty/response_000.txt",
        "gpt-5.4-mini-2026-03-17 text=183:f7da9526 blobs=2 usage=21,0,-,45,8 finish=stop",
    ),
    (
        "genai/openai_resp/reasoning_stream_tools/response_000.txt",
        "gpt-5.4-mini-2026-03-17 tools=[get_weather:d2ec7044] blobs=1 usage=106,0,-,45,17 finish=tool-use",
    ),
    (
        "genai/openai_resp/reasoning_summary_capture/response_000.txt",
        "gpt-5.4-mini-2026-03-17 text=234:aa772b4d reasoning=488:b2796b72 blobs=2 usage=32,0,-,107,11 finish=stop",
    ),
    (
        "genai/openai_resp/tools_completed_no_output_field/response_000.txt",
        "gpt-5.4 tools=[get_weather:d2ec7044] usage=82,0,-,26,0 finish=tool-use",
    ),
    (
        "genai/openai_resp/utf8_chunking_bug/response_000.txt",
        "o3-mini text=7552:5265ca0a usage=10,-,-,50,0 finish=stop",
    ),
    (
        "vercel-ai/openai/embedding/openai-embedding.json",
        "text-embedding-3-small [5, 5] Some(12)",
    ),
    (
        "vercel-ai/openai/responses/github-copilot-id-rotation.1.chunks.txt",
        "gpt-5.3-codex text=138:2b565af7 reasoning=34:cdddc372 blobs=1 usage=19,0,0,105,44 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-apply-patch-tool-delete.1.chunks.txt",
        "gpt-5.1-2025-11-13 usage=24,0,-,0,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-apply-patch-tool.1.chunks.txt",
        "gpt-5.1-2025-11-13 usage=642,0,-,67,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-apply-patch-tool.1.json",
        "at once: gpt-5.1-2025-11-13 usage=642,0,-,67,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-client-tool-search.1.chunks.txt",
        "gpt-5.4-2026-03-05 usage=65,0,-,31,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-client-tool-search.1.json",
        "at once: gpt-5.4-2026-03-05 usage=65,0,-,28,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-client-tool-search.2.chunks.txt",
        "gpt-5.4-2026-03-05 tools=[get_weather:e3bcc4c9] usage=467,0,-,26,0 finish=tool-use",
    ),
    (
        "vercel-ai/openai/responses/openai-client-tool-search.2.json",
        "at once: gpt-5.4-2026-03-05 tools=[get_weather:e3bcc4c9] usage=461,0,-,26,0 finish=tool-use",
    ),
    (
        "vercel-ai/openai/responses/openai-code-interpreter-tool.1.chunks.txt",
        "gpt-5-nano-2025-08-07 text=596:e63f8a3f usage=6047,2944,-,1623,1408 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-code-interpreter-tool.1.json",
        "at once: gpt-5-nano-2025-08-07 text=461:b3269ffb usage=2283,0,-,1928,1792 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-compaction.1.json",
        "at once: gpt-5.2-2025-12-11 text=3064:17059f5b usage=51097,0,-,2056,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-custom-tool.1.chunks.txt",
        "gpt-5.2-codex usage=50,0,-,20,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-custom-tool.1.json",
        "at once: gpt-5.2-codex usage=50,0,-,20,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-error.1.chunks.txt",
        "gpt-5-nano-2025-08-07 error=invalid-request",
    ),
    (
        "vercel-ai/openai/responses/openai-error.1.json",
        "429: - error=invalid-request",
    ),
    (
        "vercel-ai/openai/responses/openai-file-search-tool.1.chunks.txt",
        "gpt-5-mini-2025-08-07 text=383:a39952f1 usage=3737,2304,-,621,512 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-file-search-tool.1.json",
        "at once: gpt-5-mini-2025-08-07 text=439:ac72500b usage=3700,2560,-,741,640 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-file-search-tool.2.chunks.txt",
        "gpt-5-mini-2025-08-07 text=380:79e34666 usage=3748,2304,-,543,448 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-file-search-tool.2.json",
        "at once: gpt-5-mini-2025-08-07 text=351:044fdf21 usage=3678,2304,-,536,448 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-local-shell-tool.1.chunks.txt",
        "gpt-5-codex usage=407,0,-,151,128 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-local-shell-tool.1.json",
        "at once: gpt-5-codex usage=407,0,-,24,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-mcp-tool-approval.1.chunks.txt",
        "gpt-5-mini-2025-08-07 usage=422,0,-,48,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-mcp-tool-approval.1.json",
        "at once: gpt-5-mini-2025-08-07 usage=422,0,-,104,64 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-mcp-tool-approval.2.chunks.txt",
        "gpt-5-mini-2025-08-07 text=470:c1c7ca99 usage=553,0,-,371,256 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-mcp-tool-approval.2.json",
        "at once: gpt-5-mini-2025-08-07 text=409:77c4abc5 usage=592,0,-,421,320 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-mcp-tool-approval.3.chunks.txt",
        "gpt-5-mini-2025-08-07 usage=609,0,-,48,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-mcp-tool-approval.3.json",
        "at once: gpt-5-mini-2025-08-07 usage=587,0,-,104,64 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-mcp-tool-approval.4.chunks.txt",
        "gpt-5-mini-2025-08-07 text=221:f05900fd usage=779,0,-,69,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-mcp-tool-approval.4.json",
        "at once: gpt-5-mini-2025-08-07 text=260:e7ba43a0 usage=765,0,-,74,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-mcp-tool.1.json",
        "at once: gpt-5-mini-2025-08-07 text=1180:bc90af9a usage=6700,0,-,1078,704 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-phase.1.chunks.txt",
        "gpt-5.3-codex text=25:cbacec8d blobs=2 usage=7112,3072,-,463,64 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-phase.1.json",
        "at once: gpt-5.3-codex text=1366:2c77b308 blobs=2 usage=7243,3072,-,423,58 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-reasoning-encrypted-content.1.chunks.txt",
        "gpt-5.1-codex-max reasoning=163:e8c4cd89 tools=[calculator:38a2d366] blobs=1 usage=134,0,-,28,0 finish=tool-use | gpt-5.1-codex-max tools=[calculator:92b5b9a2] usage=221,0,-,26,0 finish=tool-use | gpt-5.1-codex-max tools=[calculator:5eb88fba] usage=260,0,-,26,0 finish=tool-use | gpt-5.1-codex-max text=28:f0bb39f8 usage=299,0,-,12,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-reasoning-encrypted-content.1.json",
        "at once: gpt-5-mini-2025-08-07 text=56:e60f3294 reasoning=399:1fd85f88 blobs=1 usage=865,0,-,163,128 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-shell-container-multiturn.1.chunks.txt",
        "gpt-5.2-2025-12-11 text=50:dd6c6d10 usage=802,0,-,20,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-shell-container-multiturn.1.json",
        "at once: gpt-5.2-2025-12-11 text=30:be51a02c usage=800,0,-,19,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-shell-container.1.chunks.txt",
        "gpt-5.2-2025-12-11 text=29:ef4d8133 usage=200,0,-,120,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-shell-container.1.json",
        "at once: gpt-5.2-2025-12-11 text=190:f25bdf83 usage=200,0,-,120,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-shell-local-multiturn.1.chunks.txt",
        "gpt-5.2-2025-12-11 text=24:7deb438c usage=444,0,-,12,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-shell-local-multiturn.1.json",
        "at once: gpt-5.2-2025-12-11 text=24:7deb438c usage=444,0,-,12,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-shell-tool.1.chunks.txt",
        "gpt-5.1-2025-11-13 usage=145,0,-,41,0 finish=stop | gpt-5.1-2025-11-13 text=426:a1565f26 usage=331,0,-,166,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-shell-tool.1.json",
        "at once: gpt-5.1-2025-11-13 usage=157,0,-,73,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-tool-search.1.chunks.txt",
        "gpt-5.4-2026-03-05 tools=[get_weather:e3bcc4c9] usage=640,0,-,46,20 finish=tool-use",
    ),
    (
        "vercel-ai/openai/responses/openai-tool-search.1.json",
        "at once: gpt-5.4-2026-03-05 tools=[get_weather:e3bcc4c9] usage=640,0,-,46,20 finish=tool-use",
    ),
    (
        "vercel-ai/openai/responses/openai-web-search-tool.1.chunks.txt",
        "gpt-5-mini-2025-08-07 text=3645:d24e6afa usage=31073,3712,-,4416,3712 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/openai-web-search-tool.1.json",
        "at once: gpt-5-mini-2025-08-07 text=3042:68be198c usage=19681,3712,-,3773,3136 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/parallel-tool-call-wrapper.1.chunks.txt",
        "- error=unavailable",
    ),
    (
        "vercel-ai/openai/responses/parallel-tool-call-wrapper.1.json",
        "at once: gpt-5.4 tools=[parallel:782d26fd] usage=34,0,-,28,0 finish=tool-use",
    ),
    (
        "vercel-ai/openai/responses/programmatic-tool-calling.1.chunks.txt",
        "gpt-5.6-sol tools=[getInventory:2a357113] blobs=1 usage=631,0,0,87,37 finish=tool-use",
    ),
    (
        "vercel-ai/openai/responses/programmatic-tool-calling.1.json",
        "at once: gpt-5.6-sol tools=[getInventory:2a357113] blobs=1 usage=631,0,0,139,55 finish=tool-use",
    ),
    (
        "vercel-ai/openai/responses/programmatic-tool-calling.2.chunks.txt",
        "gpt-5.6-sol tools=[getDemand:2a357113] usage=0,0,0,0,0 finish=tool-use",
    ),
    (
        "vercel-ai/openai/responses/programmatic-tool-calling.2.json",
        "at once: gpt-5.6-sol tools=[getDemand:2a357113] usage=0,0,0,0,0 finish=tool-use",
    ),
    (
        "vercel-ai/openai/responses/programmatic-tool-calling.3.chunks.txt",
        "gpt-5.6-sol text=127:8e65c893 blobs=1 usage=757,0,0,35,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/programmatic-tool-calling.3.json",
        "at once: gpt-5.6-sol text=238:65c43843 blobs=1 usage=802,0,0,58,0 finish=stop",
    ),
    (
        "vercel-ai/openai/responses/reasoning-model-temperature-error.json",
        "400: - error=invalid-request",
    ),
];

#[test]
fn every_recording_gives_what_it_holds_however_it_is_cut() {
    let differences = recordings::differences::<OpenAi<FakeHost>>(
        &[
            "vercel-ai/openai/responses",
            "vercel-ai/openai/embedding",
            "genai/openai_resp",
        ],
        Framing::Named,
        TABLE,
        &Config::default,
    );
    assert_eq!(differences.unwrap(), [""; 0]);
}

/// What must come of each recording of Chat Completions.
const CHAT: &[(&str, &str)] = &[
    (
        "vercel-ai/openai/chat/azure-model-router.1.chunks.txt",
        "gpt-5-nano-2025-08-07 text=19:53f836c9 usage=15,0,-,78,64 finish=stop",
    ),
    (
        "vercel-ai/openai/chat/openai-text.chunks.txt",
        "gpt-4.1-nano-2025-04-14 text=1724:53b2d9e5 usage=16,0,-,300,0 finish=stop",
    ),
    (
        "vercel-ai/openai/chat/openai-text.json",
        "at once: gpt-4.1-nano-2025-04-14 text=1842:0bd93e94 usage=16,0,-,363,0 finish=stop",
    ),
    (
        "vercel-ai/openai/chat/reasoning-model-legacy-parameter-error.json",
        "400: - error=invalid-request",
    ),
];

#[test]
fn every_recording_of_chat_completions_too() {
    let differences = recordings::differences::<OpenAi<FakeHost>>(
        &["vercel-ai/openai/chat"],
        Framing::Done,
        CHAT,
        &|| Config {
            api: Api::Chat,
            ..Config::default()
        },
    );
    assert_eq!(differences.unwrap(), [""; 0]);
}
