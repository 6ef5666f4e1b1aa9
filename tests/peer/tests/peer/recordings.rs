//! What the peer says, held against what the providers said: the recordings in the folder that
//! `LABD_FIXTURES` names.

use std::{collections::BTreeSet, fs, path::Path};

use labd_ai_peer::{Answer, Part, Provider, Reply, Usage};
use serde_json::{Value, json};

use crate::client::Asking;

/// Names whose values are not the provider's: arguments, schemas, what was asked.
const OPEN: [&str; 6] = [
    "args",
    "input",
    "parameters",
    "arguments",
    "schema",
    "metadata",
];

/// The ways to each value, with the types of the objects on them.
fn paths(value: &Value, way: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            let kind = map.get("type").and_then(Value::as_str).unwrap_or_default();
            let way = format!("{way}{{{kind}}}");
            for (name, inner) in map {
                let way = format!("{way}.{name}");
                all.insert(way.clone());
                if !OPEN.contains(&name.as_str()) {
                    paths(inner, &way, all);
                }
            }
        }
        Value::Array(list) => {
            for inner in list {
                paths(inner, &format!("{way}[]"), all);
            }
        }
        _ => {}
    }
}

fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// The ways that are in recordings; none where there are no recordings.
fn recorded(folders: &[&str]) -> Option<BTreeSet<String>> {
    let Some(root) = std::env::var_os("LABD_FIXTURES") else {
        eprintln!("LABD_FIXTURES is unset: what the peer says is not held against recordings");
        return None;
    };
    let mut texts = Vec::new();
    for folder in folders {
        files(&Path::new(&root).join("ai").join(folder), &mut texts);
    }
    let mut all = BTreeSet::new();
    for text in texts {
        match serde_json::from_str::<Value>(&text) {
            Ok(whole) => paths(&whole, "", &mut all),
            Err(_) => {
                let lines = text
                    .lines()
                    .map(|line| line.strip_prefix("data: ").unwrap_or(line).trim());
                for value in lines.filter_map(|line| serde_json::from_str(line).ok()) {
                    paths(&value, "", &mut all);
                }
            }
        }
    }
    assert!(all.len() > 5, "{folders:?} hold recordings");
    Some(all)
}

fn full() -> Answer {
    let usage = Usage {
        input: 100,
        cached: 60,
        cache_writes: 0,
        output: 20,
        reasoning: 5,
    };
    Answer::default()
        .thinking(["H", "m."], "c2ln")
        .say(["Let me ", "look."])
        .part(Part::Call {
            id: None,
            name: "weather".into(),
            arguments: vec!["{\"city\":".into(), "\"Oslo\"}".into()],
            signature: Some("c2ln".into()),
        })
        .costing(usage)
}

/// Every way in the peer's answers is in a recording, but for these.
async fn holds(
    provider: Provider,
    path: &'static str,
    asked: Value,
    folders: &[&str],
    but: &[&str],
) {
    let Some(recorded) = recorded(folders) else {
        return;
    };
    let asking = Asking::of(provider, path).await;
    let mut own = BTreeSet::new();
    for stream in [false, true] {
        let mut body = asked.clone();
        if !path.contains("Content") {
            body["stream"] = json!(stream);
        }
        asking.peer.then(Reply::answer(full()));
        let answered = asking.post(&body).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        let lines = answered
            .body
            .lines()
            .map(|line| line.strip_prefix("data: ").unwrap_or(line));
        let before = own.len();
        for value in lines.filter_map(|line| serde_json::from_str(line.trim()).ok()) {
            paths(&value, "", &mut own);
        }
        assert!(own.len() > before || stream, "{}", answered.body);
    }
    let odd: Vec<_> = own
        .difference(&recorded)
        .filter(|way| !but.iter().any(|but| way.contains(but)))
        .collect();
    assert!(odd.is_empty(), "{provider:?} never said: {odd:#?}");
}

#[tokio::test]
async fn anthropic_says_nothing_that_it_never_said() {
    let asked = json!({ "model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{ "role": "user", "content": "x" }] });
    let folders = ["vercel-ai/anthropic", "genai/anthropic"];
    holds(Provider::Anthropic, "/v1/messages", asked, &folders, &[]).await;
}

#[tokio::test]
async fn openai_says_nothing_that_it_never_said() {
    let messages = json!([{ "role": "user", "content": "x" }]);
    let asked = json!({ "model": "gpt-4.1", "messages": messages });
    let folders = [
        "vercel-ai/openai/chat",
        "genai/openai",
        "genai/github_copilot",
    ];
    // The recordings of whole answers have no calls of tools.
    let but = ["{}.choices[]{}.message{}.tool_calls"];
    holds(
        Provider::OpenAi,
        "/v1/chat/completions",
        asked,
        &folders,
        &but,
    )
    .await;
    let asked =
        json!({ "model": "gpt-5", "input": "x", "include": ["reasoning.encrypted_content"] });
    let folders = ["vercel-ai/openai/responses", "genai/openai_resp"];
    holds(Provider::OpenAi, "/v1/responses", asked, &folders, &[]).await;
}

#[tokio::test]
async fn gemini_says_nothing_that_it_never_said() {
    let asked = json!({ "contents": [{ "role": "user", "parts": [{ "text": "x" }] }] });
    let folders = ["vercel-ai/google", "genai/gemini"];
    // No recording had anything in its cache.
    let but = ["cachedContentTokenCount"];
    for path in [
        "/v1beta/models/gemini-3-flash:generateContent",
        "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse",
    ] {
        holds(Provider::Gemini, path, asked.clone(), &folders, &but).await;
    }
}

#[tokio::test]
async fn gemini_says_nothing_in_interactions_that_it_never_said() {
    let input = json!([{ "type": "user_input", "content": [{ "type": "text", "text": "x" }] }]);
    let folders = ["vercel-ai/google/interactions"];
    // No thought was shown, and no call was signed.
    let but = ["summary", "thought_summary", "{function_call}.signature"];
    for store in [false, true] {
        let asked = json!({
            "model": "gemini-3-flash", "input": input, "store": store,
            "generation_config": { "thinking_summaries": "auto" },
        });
        holds(
            Provider::Gemini,
            "/v1beta/interactions",
            asked,
            &folders,
            &but,
        )
        .await;
    }
}

#[tokio::test]
async fn gemini_says_nothing_in_pieces_of_arguments_that_it_never_said() {
    let asked = json!({
        "contents": [{ "role": "user", "parts": [{ "text": "x" }] }],
        "toolConfig": { "functionCallingConfig": { "streamFunctionCallArguments": true } },
    });
    let path = "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse";
    let folders = ["vercel-ai/google", "genai/gemini"];
    let but = ["cachedContentTokenCount"];
    holds(Provider::Gemini, path, asked, &folders, &but).await;
}

#[tokio::test]
async fn mistral_says_nothing_that_it_never_said() {
    let asked = json!({ "model": "mistral-small-latest", "messages": [{ "role": "user", "content": "x" }] });
    // The padding that the service sends was taken out of the recordings.
    let but = ["{}.p"];
    holds(
        Provider::Mistral,
        "/v1/chat/completions",
        asked,
        &["vercel-ai/mistral"],
        &but,
    )
    .await;
}

#[tokio::test]
async fn ollama_says_nothing_that_it_never_said() {
    let asked = json!({ "model": "gemma3:4b", "messages": [{ "role": "user", "content": "x" }] });
    // The one recording is of a plain text, from Ollama's cloud; the rest is of `api/types.go`.
    let but = ["tool_calls", ".thinking", "load_duration", "eval_duration"];
    holds(
        Provider::Ollama,
        "/api/chat",
        asked,
        &["genai/ollama_cloud"],
        &but,
    )
    .await;
}
