//! Ollama.

use labd_ai_peer::{AiPeer, Answer, Finish, Provider, Refusal, Reply, Usage, Wait};
use serde_json::{Value, json};

use crate::client::{Asking, send};

fn right() -> Value {
    json!({
        "model": "gemma3:4b", "stream": false, "think": true, "keep_alive": "5m",
        "options": { "num_ctx": 8192, "temperature": 0.5, "stop": ["x"] },
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "What is the weather?", "images": ["AAAA"] },
            { "role": "assistant", "content": "", "tool_calls": [{ "function": { "name": "weather", "arguments": { "city": "Oslo" } } }] },
            { "role": "tool", "tool_name": "weather", "content": "rain" },
        ],
        "tools": [{ "type": "function", "function": { "name": "weather", "description": "x", "parameters": { "type": "object", "properties": {} } } }],
        "format": { "type": "object" },
    })
}

#[tokio::test]
async fn what_it_cannot_read_is_refused_and_what_it_passes_over_is_noted() {
    let asking = Asking::of(Provider::Ollama, "/api/chat").await;
    let wrong = [
        ("/model", json!(null), "model is required"),
        (
            "/model",
            json!(7),
            "cannot unmarshal number into Go struct field ChatRequest.model of type string",
        ),
        (
            "/messages/1/content",
            json!([]),
            "cannot unmarshal array into Go struct field ChatRequest.messages.1.content of type string",
        ),
        ("/messages/1/images", json!(["?"]), "illegal base64 data"),
        (
            "/messages/2/tool_calls/0/function/arguments",
            json!("{}"),
            "of type map[string]interface {}",
        ),
        ("/think", json!("deep"), "invalid think value"),
        (
            "/options/num_ctx",
            json!("8k"),
            "option \\\"num_ctx\\\" must be of type integer",
        ),
    ];
    asking.refuses(&right(), 400, &wrong).await;
    let asking = Asking::of(Provider::Ollama, "/api/chat").await;
    asking
        .takes(
            &right(),
            &[("/think", json!("high")), ("/format", json!("json"))],
        )
        .await;
    for (place, value, words) in [
        ("max_tokens", json!(5), "no field max_tokens"),
        (
            "options",
            json!({ "max_tokens": 5 }),
            "no option max_tokens",
        ),
        (
            "messages",
            json!([{ "role": "tool", "tool_name": "none", "content": "x" }]),
            "\"none\", which was not called",
        ),
        (
            "messages",
            json!([{ "role": "developer", "content": "x" }]),
            "no role \"developer\"",
        ),
    ] {
        let mut body = right();
        body[place] = value;
        let taken = asking.post(&body).await;
        assert_eq!(taken.status, 200, "{}", taken.body);
        let complaints = asking.peer.complaints();
        let last = complaints.last().unwrap();
        assert!(
            last.status.is_none() && last.message.contains(words),
            "{last:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_is_told_in_lines_unless_asked_otherwise() {
    let asking = Asking::of(Provider::Ollama, "/api/chat").await;
    let answer = Answer::default()
        .thinking(["Hm", "."], "")
        .say(["Let me ", "look."])
        .call("weather", ["{\"city\":", "\"Oslo\"}"])
        .costing(Usage {
            input: 10_000,
            ..Usage::default()
        });
    for _ in 0..2 {
        asking.peer.then(Reply::answer(answer.clone()));
    }
    let whole = asking.post(&right()).await;
    let body = whole.json();
    assert_eq!(
        (&body["message"]["thinking"], &body["done_reason"]),
        (&json!("Hm."), &json!("stop"))
    );
    assert_eq!(
        body["prompt_eval_count"], 8192,
        "the rest was cut off in silence"
    );
    let mut asked = right();
    asked.as_object_mut().unwrap().remove("stream");
    let streamed = asking.post(&asked).await;
    assert_eq!(streamed.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = streamed
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines[4]["message"]["tool_calls"][0]["function"]["arguments"],
        json!({ "city": "Oslo" })
    );
    assert!(
        lines[..lines.len() - 1]
            .iter()
            .all(|line| line["done"] == false)
    );
    assert_eq!(lines.last().unwrap()["done"], true);
    asking.peer.then(
        Reply::answer(answer.ending(Finish::Length))
            .failing_after(2, Refusal::Internal)
            .comments(),
    );
    let failed = asking.post(&asked).await.body;
    let last: Value = serde_json::from_str(failed.lines().last().unwrap()).unwrap();
    assert!(last["error"].is_string(), "{failed}");
}

#[tokio::test]
async fn models_are_listed_and_shown_and_a_missing_one_is_told() {
    let peer = AiPeer::plan()
        .models(Provider::Ollama, &["gemma3:4b", "nomic-embed-text"])
        .otherwise(|_| Reply::answer(Answer::text(["x"])))
        .start()
        .await
        .unwrap();
    let origin = peer.origin_of(Provider::Ollama);
    let listed = send("GET", &format!("{origin}/api/tags"), &[], "")
        .await
        .unwrap()
        .json();
    assert_eq!(listed["models"][1]["name"], "nomic-embed-text");
    let show = async |model: &str| {
        let body = json!({ "model": model }).to_string();
        send("POST", &format!("{origin}/api/show"), &[], body)
            .await
            .unwrap()
    };
    assert_eq!(
        show("nomic-embed-text").await.json()["capabilities"],
        json!(["embedding"])
    );
    let missing = show("none").await;
    assert_eq!(
        (missing.status, &missing.json()["error"]),
        (404, &json!("model 'none' not found"))
    );
    let body = json!({ "model": "nomic-embed-text", "input": ["a", "b"] }).to_string();
    let embedded = send("POST", &format!("{origin}/api/embed"), &[], body)
        .await
        .unwrap()
        .json();
    assert_eq!(embedded["embeddings"].as_array().unwrap().len(), 2);
    peer.then(Reply::refusal(Refusal::Overloaded(Wait::Unsaid)));
    let busy = send("GET", &format!("{origin}/api/tags"), &[], "")
        .await
        .unwrap();
    assert_eq!(busy.status, 503);
    assert_eq!(peer.complaints(), []);
}
