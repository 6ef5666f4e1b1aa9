//! What recorded streams of the API become, the same however they are cut.
#![allow(clippy::unwrap_used, reason = "tests")]

use labd_ai_anthropic::stream::Messages;
use labd_plugin::ai::Streamed;
use labd_plugin::stream::SseReader;
use labd_plugin::testing::FakeBody;
use labd_plugin::testing::ai::{drain, joined};
use labd_plugin::testing::recorded::{self, Framing};

/// Whole answers are never asked for: upstream this provider always streams.
const WHOLE: &str = "a whole answer, which is never asked for";

/// What must come of each recording. A recording may hold several answers, of one conversation.
const STREAMS: &[(&str, &str)] = &[
    (
        "vercel-ai/anthropic/anthropic-advisor-20250301.1.chunks.txt",
        "claude-sonnet-4-6 text=11250:564515cb usage=4727,0,0,3391,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-advisor-20260301.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-advisor-stop-reasons.chunks.txt",
        "claude-sonnet-4-6 usage=10,0,0,20,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-advisor-stop-reasons.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-claude-opus-5-reasoning-high.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-clear-thinking.1.chunks.txt",
        "claude-sonnet-4-5-20250929 text=13:71ff7ea7 reasoning=75:9367a725 blobs=1 usage=69,0,0,53,- finish=stop",
    ),
    ("vercel-ai/anthropic/anthropic-clear-thinking.1.json", WHOLE),
    (
        "vercel-ai/anthropic/anthropic-clear-tool-uses.1.chunks.txt",
        "claude-haiku-4-5-20251001 text=440:8cb57585 usage=859,0,0,122,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-clear-tool-uses.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-code-execution-20250825.1.chunks.txt",
        "claude-sonnet-4-5-20250929 text=795:7b49d611 usage=8050,0,0,771,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-code-execution-20250825.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-code-execution-20250825.2.chunks.txt",
        "claude-sonnet-4-5-20250929 text=1790:ce253097 usage=15696,0,0,2479,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-code-execution-20250825.2.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-code-execution-20250825.pptx-skill.chunks.txt",
        "claude-sonnet-4-5-20250929 text=2870:10e0b2b8 usage=320032,0,0,5558,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-code-execution-20250825.pptx-skill.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-code-execution-20260120-prompt-cache.1.chunks.txt",
        "claude-sonnet-5 text=62:963c1dfa usage=9632,6289,3337,198,0 finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-code-execution-file-upload.1.chunks.txt",
        "claude-sonnet-4-5-20250929 text=1019:c97dd5ca usage=11505,0,0,1103,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-code-execution-file-upload.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-combined-context-editing.1.chunks.txt",
        "claude-sonnet-4-5-20250929 text=362:cfcc38f0 reasoning=563:49269034 blobs=1 usage=50,0,0,485,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-combined-context-editing.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-compaction.1.chunks.txt",
        "claude-opus-4-6 text=8512:684d36d3 usage=612,0,0,2819,- finish=stop",
    ),
    ("vercel-ai/anthropic/anthropic-compaction.1.json", WHOLE),
    (
        "vercel-ai/anthropic/anthropic-fallback.chunks.txt",
        "claude-fable-5 text=66:2a5065da usage=412,0,0,264,- finish=stop",
    ),
    ("vercel-ai/anthropic/anthropic-fallback.json", WHOLE),
    (
        "vercel-ai/anthropic/anthropic-json-other-tool.1.chunks.txt",
        "claude-haiku-4-5-20251001 tools=[weather:d041d2d4] usage=843,0,0,28,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-json-other-tool.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-json-output-format.1.chunks.txt",
        "claude-sonnet-4-5-20250929 text=1267:07967156 usage=313,0,0,305,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-json-output-format.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-json-tool.1.chunks.txt",
        "claude-haiku-4-5-20251001 tools=[json:6344bf00] usage=849,0,0,47,- finish=tool-use",
    ),
    ("vercel-ai/anthropic/anthropic-json-tool.1.json", WHOLE),
    (
        "vercel-ai/anthropic/anthropic-json-tool.2.chunks.txt",
        "claude-haiku-4-5-20251001 text=35:e2c228e1 tools=[json:6344bf00] usage=849,0,0,47,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-mcp.1.chunks.txt",
        "claude-sonnet-4-5-20250929 text=112:8cfb90f4 usage=1250,0,0,83,- finish=stop",
    ),
    ("vercel-ai/anthropic/anthropic-mcp.1.json", WHOLE),
    (
        "vercel-ai/anthropic/anthropic-memory-20250818.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-message-delta-input-tokens.chunks.txt",
        "claude-opus-4-5-20251101 text=4:9795c5ff usage=61,-,-,2,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#1",
        "claude-sonnet-4-5-20250929 text=157:b2cc6439 tools=[rollDie:280bf203] usage=3369,0,0,725,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#2",
        "claude-sonnet-4-5-20250929 tools=[rollDie:3a8423c6] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#3",
        "claude-sonnet-4-5-20250929 tools=[rollDie:280bf203] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#4",
        "claude-sonnet-4-5-20250929 tools=[rollDie:3a8423c6] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#5",
        "claude-sonnet-4-5-20250929 tools=[rollDie:280bf203] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#6",
        "claude-sonnet-4-5-20250929 tools=[rollDie:3a8423c6] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#7",
        "claude-sonnet-4-5-20250929 tools=[rollDie:280bf203] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#8",
        "claude-sonnet-4-5-20250929 tools=[rollDie:3a8423c6] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#9",
        "claude-sonnet-4-5-20250929 tools=[rollDie:280bf203] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#10",
        "claude-sonnet-4-5-20250929 tools=[rollDie:3a8423c6] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#11",
        "claude-sonnet-4-5-20250929 tools=[rollDie:280bf203] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#12",
        "claude-sonnet-4-5-20250929 tools=[rollDie:3a8423c6] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#13",
        "claude-sonnet-4-5-20250929 tools=[rollDie:280bf203] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#14",
        "claude-sonnet-4-5-20250929 tools=[rollDie:3a8423c6] usage=0,-,-,0,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.chunks.txt#15",
        "claude-sonnet-4-5-20250929 text=675:69dca341 usage=4551,0,0,197,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-programmatic-tool-calling.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-refusal-no-details.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-refusal.chunks.txt",
        "claude-fable-5 usage=18,0,0,5,- finish=refusal",
    ),
    ("vercel-ai/anthropic/anthropic-refusal.json", WHOLE),
    (
        "vercel-ai/anthropic/anthropic-text.chunks.txt",
        "claude-sonnet-4-5-20250929 text=108:3ff17711 usage=12,0,0,30,- finish=stop",
    ),
    ("vercel-ai/anthropic/anthropic-text.json", WHOLE),
    (
        "vercel-ai/anthropic/anthropic-tool-no-args.chunks.txt",
        "claude-sonnet-4-5-20250929 text=35:54fc8410 tools=[updateIssueList:44136fa3] usage=565,0,0,48,- finish=tool-use",
    ),
    ("vercel-ai/anthropic/anthropic-tool-no-args.json", WHOLE),
    (
        "vercel-ai/anthropic/anthropic-tool-search-bm25.1.chunks.txt#1",
        "claude-sonnet-4-5-20250929 text=177:c7b4b8cc tools=[get_weather:ea61d7e0] usage=1630,0,0,158,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-bm25.1.chunks.txt#2",
        "claude-sonnet-4-5-20250929 text=119:768c68a0 usage=1040,0,0,41,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-bm25.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-deferred-bm25.2.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-deferred-bm25.chunks.txt#1",
        "claude-sonnet-4-5-20250929 text=156:a6ac2d9d tools=[readNoteTree:4efde958] usage=879,0,0,177,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-deferred-bm25.chunks.txt#2",
        "claude-sonnet-4-5-20250929 text=225:94c7994f tools=[executeEditorOperation:80285300] usage=1398,0,0,213,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-deferred-bm25.chunks.txt#3",
        "claude-sonnet-4-5-20250929 text=353:2ea02c33 usage=1639,0,0,95,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-deferred-regex.2.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-deferred-regex.chunks.txt#1",
        "claude-sonnet-4-5-20250929 text=156:5ef4aa0b tools=[readNoteTree:4efde958] usage=904,0,0,175,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-deferred-regex.chunks.txt#2",
        "claude-sonnet-4-5-20250929 text=223:ce4653b9 tools=[executeEditorOperation:9375f90a] usage=1519,0,0,211,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-deferred-regex.chunks.txt#3",
        "claude-sonnet-4-5-20250929 text=425:fad8309e usage=1758,0,0,118,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-regex.1.chunks.txt#1",
        "claude-sonnet-4-5-20250929 text=85:4af5099f tools=[get_temp_data:ea61d7e0] usage=1681,0,0,163,- finish=tool-use",
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-regex.1.chunks.txt#2",
        "claude-sonnet-4-5-20250929 text=239:4ad61700 usage=1071,0,0,67,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-tool-search-regex.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-web-fetch-tool-20260209.1.chunks.txt",
        "claude-sonnet-4-6 text=194:ad917bf3 usage=7172,0,0,144,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-web-fetch-tool-20260209.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-web-fetch-tool.1.chunks.txt",
        "claude-sonnet-4-20250514 text=1664:4b3e7ab8 usage=4230,0,0,446,- finish=stop",
    ),
    ("vercel-ai/anthropic/anthropic-web-fetch-tool.1.json", WHOLE),
    ("vercel-ai/anthropic/anthropic-web-fetch-tool.2.json", WHOLE),
    (
        "vercel-ai/anthropic/anthropic-web-fetch-tool.error.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/anthropic-web-search-tool.1.chunks.txt",
        "claude-sonnet-4-20250514 text=2402:2c86b5f3 usage=15665,0,0,795,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/anthropic-web-search-tool.1.json",
        WHOLE,
    ),
    (
        "vercel-ai/anthropic/duplicate-message-start.chunks.txt",
        "claude-3-haiku-20240307 text=13:dffd6021 usage=17,-,-,227,- finish=stop",
    ),
    (
        "vercel-ai/anthropic/spliced-message-start.chunks.txt",
        "claude-3-haiku-20240307 reasoning=21:ac8d482e tools=[test-tool:unfinished] blobs=1 usage=17,-,-,1,- error=unavailable",
    ),
    (
        "genai/anthropic/ping_stream/response_000.txt",
        "claude-haiku-4-5-20251001 text=6:334d016f usage=25,0,0,15,- finish=stop",
    ),
    (
        "genai/anthropic/tool_stream/response_000.txt",
        "claude-haiku-4-5-20251001 tools=[get_weather:d2ec7044] usage=85,0,0,42,- finish=tool-use",
    ),
    (
        "genai/anthropic/usage_cache_creation_stream/response_000.txt",
        "claude-haiku-4-5-20251001 text=3:b814aabd usage=4211,0,4202,5,- finish=stop",
    ),
    (
        "genai/anthropic/usage_cache_stream/response_000.txt",
        "claude-haiku-4-5-20251001 text=3:b814aabd usage=4211,4202,0,5,- finish=stop",
    ),
    (
        "genai/anthropic/usage_stream/response_000.txt",
        "claude-haiku-4-5-20251001 text=154:896eba0a usage=19,0,0,34,- finish=stop",
    ),
];

/// A stream as the server sends it; recordings of one conversation hold several.
fn streams(name: &str, content: &[u8]) -> Vec<Vec<u8>> {
    if !name.ends_with(".chunks.txt") {
        return vec![content.to_vec()];
    }
    let text = std::str::from_utf8(content).unwrap();
    let answers = text.split_inclusive("{\"type\":\"message_stop\"}");
    let answers = answers.filter(|answer| !answer.trim().is_empty());
    answers
        .map(|answer| recorded::framed(answer, Framing::Named))
        .collect()
}

fn summary(stream: &[u8]) -> String {
    let (events, error) = recorded::replay(stream, |pieces| {
        let reader = SseReader::new(FakeBody::new(pieces));
        let (events, error) = drain(&mut Streamed::new(reader, Messages::new("asked")), 64);
        (joined(&events), error)
    })
    .unwrap();
    recorded::summary(&events, error.as_ref())
}

#[test]
fn every_recording_is_understood_however_it_is_cut() {
    for folder in ["vercel-ai/anthropic", "genai/anthropic"] {
        let Some(path) = recorded::folder(folder) else {
            return;
        };
        let mut found = Vec::new();
        for (name, content) in recorded::files(&path).unwrap() {
            let name = format!("{folder}/{name}");
            if name.ends_with(".json") {
                found.push((name, WHOLE.to_owned()));
                continue;
            }
            let streams = streams(&name, &content);
            let several = streams.len() > 1;
            for (number, stream) in (1..).zip(&streams) {
                let name = match several {
                    true => format!("{name}#{number}"),
                    false => name.clone(),
                };
                found.push((name, summary(stream)));
            }
        }
        let table = STREAMS.iter().copied();
        let table = table.filter(|(name, _)| name.starts_with(folder));
        let differences = recorded::differences(table, &found);
        assert!(differences.is_empty(), "{}", differences.join(",\n"));
    }
}
