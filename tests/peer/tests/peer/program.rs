//! The program `labd-ai-peer`.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::client::send;

#[tokio::test]
async fn the_program_says_where_it_serves_and_serves_all() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_labd-ai-peer"))
        .args(["--events", "3", "--bytes", "5", "--check"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    let addresses: Value = serde_json::from_str(&first).unwrap();
    let url = |name: &str, path: &str| format!("{}{path}", addresses[name].as_str().unwrap());
    let user = json!([{ "role": "user", "content": "x" }]);
    let bearer = &[("authorization", "Bearer k")];
    let chat = json!({ "model": "m", "messages": user }).to_string();
    for name in ["openai", "mistral", "compatible"] {
        for _ in 0..2 {
            let answered = send(
                "POST",
                &url(name, "/chat/completions"),
                bearer,
                chat.clone(),
            )
            .await
            .unwrap();
            let text = answered.json()["choices"][0]["message"]["content"].clone();
            assert_eq!(text, "loremloremlorem", "{name}");
        }
    }
    let streamed = json!({ "model": "m", "stream": true, "messages": user }).to_string();
    let streamed = send(
        "POST",
        &url("openai", "/chat/completions"),
        bearer,
        streamed,
    )
    .await
    .unwrap();
    assert_eq!(streamed.events().len(), 5);
    let parts = json!({ "contents": [{ "parts": [{ "text": "x" }] }] }).to_string();
    let gemini = url("gemini", "/models/m:generateContent");
    let answered = send("POST", &gemini, &[("x-goog-api-key", "k")], parts)
        .await
        .unwrap();
    assert_eq!(answered.json()["modelVersion"], "m");
    let ollama = url("ollama", "/api/chat");
    assert_eq!(
        send("POST", &ollama, &[], chat.clone())
            .await
            .unwrap()
            .status,
        200
    );
    let refused = send("POST", &url("anthropic", "/messages"), &[], chat)
        .await
        .unwrap();
    assert_eq!(refused.status, 401);
    let mut complaints = BufReader::new(program.stderr.take().unwrap()).lines();
    let told = complaints.next_line().await.unwrap().unwrap();
    assert!(
        told.ends_with("of anthropic: x-api-key header is required"),
        "{told}"
    );
}
