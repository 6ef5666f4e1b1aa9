//! What recorded streams of both APIs become, the same however they are cut.
#![allow(clippy::unwrap_used, reason = "tests")]

use labd_ai_gemini::{Answer, fault, interactions, stream};
use labd_plugin::ai::Streamed;
use labd_plugin::stream::SseReader;
use labd_plugin::testing::ai::{drain, joined};
use labd_plugin::testing::recorded::{self, Framing};
use labd_plugin::testing::{FakeBody, FakeHost};

/// Whole answers are never asked for: upstream this provider always streams.
const WHOLE: &str = "a whole answer, which is never asked for";

/// What must come of each recording; those without a byte hold nothing that could be understood.
const RECORDED: &[(&str, &str)] = &[
    (
        "vercel-ai/google/google-429-retry-info.json",
        "- error=rate-limited:34400",
    ),
    (
        "vercel-ai/google/google-reasoning-gemini3.chunks.txt",
        "gemini-3-pro-preview text=55:cf114c23 blobs=1 usage=9,-,-,325,302 finish=stop",
    ),
    ("vercel-ai/google/google-reasoning-gemini3.json", WHOLE),
    (
        "vercel-ai/google/google-reasoning.chunks.txt",
        "gemini-3-pro-preview text=79:4e40e58c blobs=1 usage=9,-,-,285,256 finish=stop",
    ),
    ("vercel-ai/google/google-reasoning.json", WHOLE),
    (
        "vercel-ai/google/google-stream-no-args-tool-call.chunks.txt",
        "gemini-3-flash-preview reasoning=320:b543f381 tools=[read_theme:44136fa3 read_screen:f23671a2 read_screen:73bd8bd5 read_screen:cd979c80] blobs=1 usage=249,-,-,241,183 finish=tool-use",
    ),
    (
        "vercel-ai/google/google-stream-tool-call-arguments.chunks.txt",
        "gemini-3.1-pro-preview tools=[getWeather:153bed77 getWeather:d041d2d4] blobs=1 usage=26,-,-,155,132 finish=tool-use",
    ),
    (
        "vercel-ai/google/google-stream-tool-call-array-arguments-missing-terminal-function-call.chunks.txt",
        "gemini-3-flash-preview tools=[writeItems:47a02a35] blobs=1 usage=54,-,-,195,121 finish=tool-use",
    ),
    (
        "vercel-ai/google/google-text.chunks.txt",
        "gemini-3-pro-preview text=55:47f9afd1 blobs=1 usage=9,-,-,208,185 finish=stop",
    ),
    ("vercel-ai/google/google-text.json", WHOLE),
    (
        "vercel-ai/google/google-tool-call-gemini3.chunks.txt",
        "gemini-3-pro-preview tools=[weather:d041d2d4] blobs=1 usage=29,-,-,819,804 finish=tool-use",
    ),
    ("vercel-ai/google/google-tool-call-gemini3.json", WHOLE),
    (
        "vercel-ai/google/google-tool-call.chunks.txt",
        "gemini-3-pro-preview tools=[weather:d041d2d4] blobs=1 usage=29,-,-,60,45 finish=tool-use",
    ),
    ("vercel-ai/google/google-tool-call.json", WHOLE),
    (
        "vercel-ai/google/google-vertex-stream-tool-call-arguments-nested.1.chunks.txt",
        "gemini-3.1-pro-preview tools=[cookRecipe:a266644b] blobs=1 usage=31,-,-,1710,1026 finish=tool-use",
    ),
    (
        "vercel-ai/google/interactions/basic.chunks.txt",
        "gemini-2.5-flash text=91:da3c2ad0 blobs=1 usage=7,0,-,141,115 finish=stop",
    ),
    ("vercel-ai/google/interactions/basic.json", WHOLE),
    (
        "vercel-ai/google/interactions/google-search.chunks.txt",
        "gemini-2.5-flash text=2406:40abb307 blobs=1 usage=220,0,-,1763,1173 finish=stop",
    ),
    ("vercel-ai/google/interactions/google-search.json", WHOLE),
    (
        "vercel-ai/google/interactions/image-output-modify.chunks.txt",
        "- error=unavailable",
    ),
    (
        "vercel-ai/google/interactions/image-output-modify.json",
        WHOLE,
    ),
    (
        "vercel-ai/google/interactions/image-output.chunks.txt",
        "- error=unavailable",
    ),
    ("vercel-ai/google/interactions/image-output.json", WHOLE),
    (
        "vercel-ai/google/interactions/multi-turn-stateful-turn1.chunks.txt",
        "gemini-2.5-flash text=103:9f34a881 blobs=1 usage=10,0,-,168,137 finish=stop",
    ),
    (
        "vercel-ai/google/interactions/multi-turn-stateful-turn1.json",
        WHOLE,
    ),
    (
        "vercel-ai/google/interactions/multi-turn-stateful-turn2.chunks.txt",
        "gemini-2.5-flash text=262:c1113536 blobs=1 usage=12,0,-,445,391 finish=stop",
    ),
    (
        "vercel-ai/google/interactions/multi-turn-stateful-turn2.json",
        WHOLE,
    ),
    (
        "vercel-ai/google/interactions/multi-turn-stateless-turn1.chunks.txt",
        "gemini-2.5-flash text=89:93b12240 blobs=1 usage=10,0,-,203,174 finish=stop",
    ),
    (
        "vercel-ai/google/interactions/multi-turn-stateless-turn1.json",
        WHOLE,
    ),
    (
        "vercel-ai/google/interactions/multi-turn-stateless-turn2.chunks.txt",
        "gemini-2.5-flash text=107:11d82571 blobs=1 usage=52,0,-,417,395 finish=stop",
    ),
    (
        "vercel-ai/google/interactions/multi-turn-stateless-turn2.json",
        WHOLE,
    ),
    (
        "vercel-ai/google/interactions/structured-output.json",
        WHOLE,
    ),
    (
        "vercel-ai/google/interactions/tool-call-step1.chunks.txt",
        "gemini-2.5-flash tools=[getWeather:d041d2d4] blobs=1 usage=53,0,-,80,65 finish=tool-use",
    ),
    ("vercel-ai/google/interactions/tool-call-step1.json", WHOLE),
    (
        "vercel-ai/google/interactions/tool-call-step2.chunks.txt",
        "gemini-2.5-flash text=89:1b5fcef3 blobs=1 usage=161,0,-,19,0 finish=stop",
    ),
    ("vercel-ai/google/interactions/tool-call-step2.json", WHOLE),
    (
        "genai/gemini/builtin_with_functions/response_000.txt",
        "gemini-3.7-flash tools=[get_weather:501d4dac] blobs=1 usage=90,-,-,98,76 finish=tool-use",
    ),
    (
        "genai/gemini/thinking_stream/response_000.txt",
        "gemini-2.5-flash text=216:2c03ac3a reasoning=1604:7eeeef20 usage=12,-,-,732,697 finish=stop",
    ),
    (
        "genai/gemini/tool_stream/response_000.txt",
        "gemini-3.1-pro-preview text=440:8f8e5369 reasoning=322:02bf5643 tools=[get_weather:1418bbe7] blobs=1 usage=135,-,-,362,226 finish=tool-use",
    ),
    (
        "genai/gemini/url_context_stream/response_000.txt",
        "gemini-3.7-flash text=117:a9d8a563 blobs=1 usage=5914,-,-,209,158 finish=stop",
    ),
];

fn summary(name: &str, content: &[u8]) -> String {
    if name.ends_with("429-retry-info.json") {
        let body = String::from_utf8_lossy(content);
        let error = fault::of_response(&FakeHost::new(), 429, &[], &body);
        return recorded::summary(&[], Some(&error));
    }
    if name.ends_with(".json") {
        return WHOLE.to_owned();
    }
    let is_interaction = name.contains("/interactions/");
    let stream = match (name.ends_with(".chunks.txt"), is_interaction) {
        (false, _) => content.to_vec(),
        // Interactions end with a word of their own.
        (true, true) => recorded::framed(std::str::from_utf8(content).unwrap(), Framing::Done),
        (true, false) => recorded::framed(std::str::from_utf8(content).unwrap(), Framing::Bare),
    };
    let (events, error) = recorded::replay(&stream, |pieces| {
        let reader = SseReader::new(FakeBody::new(pieces));
        let answer = match is_interaction {
            true => Answer::Steps(interactions::Steps::new("asked")),
            false => Answer::Contents(stream::Contents::new("asked")),
        };
        let (events, error) = drain(&mut Streamed::new(reader, answer), 64);
        (joined(&events), error)
    })
    .unwrap();
    recorded::summary(&events, error.as_ref())
}

#[test]
fn every_recording_is_understood_however_it_is_cut() {
    for folder in ["vercel-ai/google", "genai/gemini"] {
        let Some(path) = recorded::folder(folder) else {
            return;
        };
        let files = recorded::files(&path).unwrap().into_iter();
        let files = files.map(|(name, content)| (format!("{folder}/{name}"), content));
        let found: Vec<(String, String)> = files
            .map(|(name, content)| {
                let line = summary(&name, &content);
                (name, line)
            })
            .collect();
        let table = RECORDED.iter().copied();
        let table = table.filter(|(name, _)| name.starts_with(folder));
        let differences = recorded::differences(table, &found);
        assert!(differences.is_empty(), "{}", differences.join(",\n"));
    }
}
