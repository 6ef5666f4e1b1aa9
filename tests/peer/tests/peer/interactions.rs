//! Gemini's Interactions.

use std::time::Duration;

use labd_ai_peer::{Answer, Finish, Part, Provider, Refusal, Reply, Usage, Wait};
use serde_json::{Value, json};

use crate::client::{Asking, send};

const PATH: &str = "/v1beta/interactions";

fn right() -> Value {
    json!({
        "model": "gemini-3-flash-preview", "store": false, "system_instruction": "Be brief.",
        "input": [
            { "type": "user_input", "content": [
                { "type": "text", "text": "What is the weather?" },
                { "type": "image", "mime_type": "image/png", "data": "AAAA" },
                { "type": "document", "mime_type": "application/pdf", "data": "AAAA" },
            ]},
            { "type": "thought", "signature": "c2ln", "summary": [{ "type": "text", "text": "Hm." }] },
            { "type": "model_output", "content": [{ "type": "text", "text": "I look." }] },
            { "type": "function_call", "id": "c1", "name": "weather", "arguments": { "city": "Oslo" } },
            { "type": "function_call", "id": "c2", "name": "weather", "arguments": {} },
            { "type": "function_result", "call_id": "c2", "name": "weather", "result": "rain", "is_error": true },
            { "type": "function_result", "call_id": "c1", "result": [{ "type": "text", "text": "sun" }] },
            { "type": "user_input", "content": [{ "type": "text", "text": "Well?" }] },
        ],
        "tools": [{ "type": "function", "name": "weather", "description": "Tells it.", "parameters": {
            "type": "object", "properties": { "city": { "type": "string" } },
        }}],
        "response_format": { "type": "text", "mime_type": "application/json", "schema": { "type": "object" } },
        "generation_config": {
            "max_output_tokens": 100, "temperature": 0.5, "top_p": 0.9, "stop_sequences": ["x"],
            "thinking_level": "low", "thinking_summaries": "auto",
            "tool_choice": { "allowed_tools": { "mode": "any", "tools": ["weather"] } },
        },
    })
}

#[tokio::test]
async fn each_rule_refuses_a_request_that_breaks_it() {
    let asking = Asking::of(Provider::Gemini, PATH).await;
    let wrong = [
        ("/model", json!(null), "'model' is missing"),
        ("/input", json!(null), "'input' is missing"),
        ("/input", json!(""), "'input' must not be empty"),
        ("/input", json!([]), "'input' must not be empty"),
        ("/input", json!(7), "a string, a content, or a list"),
        ("/messages", json!([]), "Unknown parameter 'messages'"),
        ("/contents", json!([]), "Unknown parameter 'contents'"),
        ("/stream", json!("yes"), "'stream' must be a boolean"),
        (
            "/system_instruction",
            json!({ "parts": [] }),
            "'system_instruction' must be a string",
        ),
        ("/input/0/type", json!("user"), "Invalid value"),
        ("/input/0/role", json!("user"), "'input[0].role'"),
        (
            "/input/0/content/0/type",
            json!("input_text"),
            "Invalid value",
        ),
        (
            "/input/0/content/0/text",
            json!(null),
            "'input[0].content[0].text' is missing",
        ),
        ("/input/0/content/1/data", json!("ä"), "not valid base64"),
        (
            "/input/0/content/1/data",
            json!(null),
            "either data or a uri",
        ),
        ("/input/0/content/2/mime_type", json!(null), "no mime_type"),
        ("/input/1/signature", json!("ä"), "not valid base64"),
        (
            "/input/1/summary",
            json!("Hm."),
            "'input[1].summary' must be an array",
        ),
        (
            "/input/3/arguments",
            json!("{}"),
            "'input[3].arguments' must be an object",
        ),
        ("/input/3/id", json!(null), "'input[3].id' is missing"),
        ("/input/3/id", json!("c2"), "another call has it"),
        ("/input/3", json!(null), "No function_call with the id c1"),
        ("/input/5", json!(null), "there is none for c2 of weather"),
        (
            "/input/5/call_id",
            json!("c9"),
            "No function_call with the id c9",
        ),
        ("/input/5/name", json!("time"), "another function"),
        (
            "/input/5/result",
            json!(null),
            "'input[5].result' is missing",
        ),
        ("/input/5/is_error", json!("no"), "must be a boolean"),
        ("/input/5/output", json!("x"), "'input[5].output'"),
        ("/tools/0/type", json!("fn"), "Invalid value"),
        ("/tools/0/name", json!("1 a"), "Invalid function name"),
        (
            "/tools/0/parameters",
            json!({ "type": "thing" }),
            "is not a type",
        ),
        ("/tools/0/strict", json!(true), "'tools[0].strict'"),
        ("/tools", json!(null), "no function is declared"),
        (
            "/generation_config/tool_choice/allowed_tools/tools",
            json!(["time"]),
            "not among the declared functions",
        ),
        (
            "/generation_config/tool_choice",
            json!("required"),
            "Invalid value",
        ),
        (
            "/generation_config/thinking_level",
            json!("LOW"),
            "Invalid value",
        ),
        (
            "/generation_config/thinking_budget",
            json!(5),
            "Unknown parameter",
        ),
        (
            "/generation_config/maxOutputTokens",
            json!(5),
            "Unknown parameter",
        ),
        ("/generation_config/temperature", json!(3), "at most 2"),
        (
            "/generation_config/presence_penalty",
            json!(1),
            "Unknown parameter",
        ),
        ("/max_output_tokens", json!(5), "Unknown parameter"),
        (
            "/response_format/mime_type",
            json!("text/plain"),
            "needs the mime_type",
        ),
        (
            "/response_format/json_schema",
            json!({}),
            "Unknown parameter",
        ),
    ];
    asking.refuses(&right(), 400, &wrong).await;
    let asking = Asking::of(Provider::Gemini, PATH).await;
    let stored = ("/previous_interaction_id", json!("v1_x"), "not found");
    asking.refuses(&right(), 404, &[stored]).await;
    let asking = Asking::of(Provider::Gemini, PATH).await;
    asking
        .takes(
            &right(),
            &[
                ("/input", json!("Hello")),
                ("/input", json!({ "type": "text", "text": "Hello" })),
                ("/input", json!([{ "type": "text", "text": "Hello" }])),
                ("/generation_config/tool_choice", json!("validated")),
                ("/response_format", json!([{ "type": "text" }])),
                ("/store", json!(true)),
            ],
        )
        .await;
    let url = format!("{}{PATH}", asking.peer.origin_of(Provider::Gemini));
    let none = send("POST", &url, &[], right().to_string()).await.unwrap();
    assert_eq!(
        (none.status, &none.json()["error"]["code"]),
        (403, &json!("permission_denied"))
    );
}

#[tokio::test]
async fn the_newest_models_take_no_first_words_and_lost_thoughts_are_noted() {
    let asking = Asking::of(Provider::Gemini, PATH).await;
    let mut asked = right();
    asked["input"] = json!([
        { "type": "user_input", "content": [{ "type": "text", "text": "A city?" }] },
        { "type": "model_output", "content": [{ "type": "text", "text": "It is" }] },
    ]);
    assert_eq!(asking.post(&asked).await.status, 200);
    assert_eq!(asking.peer.complaints(), []);
    asked["model"] = json!("gemini-3.6-flash");
    assert_eq!(asking.post(&asked).await.status, 400);
    let asking = Asking::of(Provider::Gemini, PATH).await;
    let mut asked = right();
    asked["input"].as_array_mut().unwrap().remove(1);
    assert_eq!(asking.post(&asked).await.status, 200);
    let noted = asking.peer.complaints();
    assert!(noted.iter().all(|one| one.status.is_none()));
    assert!(
        noted[0].message.contains("the call c1 of weather"),
        "{noted:?}"
    );
}

#[tokio::test]
async fn an_answer_is_told_whole_and_in_events() {
    let usage = Usage {
        input: 100,
        cached: 60,
        output: 20,
        reasoning: 5,
        ..Usage::default()
    };
    let call = Part::Call {
        id: Some("c1".into()),
        name: "weather".into(),
        arguments: vec!["{\"city\":".into(), "\"Oslo\"}".into()],
        signature: None,
    };
    let answer = Answer::default()
        .thinking(["H", "m."], "c2ln")
        .say(["Let me ", "look."])
        .part(call)
        .costing(usage);
    let asking = Asking::of(Provider::Gemini, PATH).await;
    let mut asked = right();
    asked["stream"] = json!(true);
    asking.peer.then(Reply::answer(answer.clone()));
    let streamed = asking.post(&asked).await;
    assert!(streamed.body.ends_with("event: done\ndata: [DONE]\n\n"));
    let told: Vec<(String, String)> = streamed
        .events()
        .iter()
        .map(|event| {
            let kind = event["event_type"].as_str().unwrap().to_owned();
            let data = event.get("step").or(event.get("delta")).cloned();
            (
                kind,
                data.unwrap_or_default()["type"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            )
        })
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(kind, data)| (kind.as_str(), data.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("interaction.created", ""),
            ("interaction.status_update", ""),
            ("step.start", "thought"),
            ("step.delta", "thought_summary"),
            ("step.delta", "thought_summary"),
            ("step.delta", "thought_signature"),
            ("step.stop", ""),
            ("step.start", "model_output"),
            ("step.delta", "text"),
            ("step.delta", "text"),
            ("step.stop", ""),
            ("step.start", "function_call"),
            ("step.delta", "arguments_delta"),
            ("step.delta", "arguments_delta"),
            ("step.stop", ""),
            ("interaction.completed", ""),
        ]
    );
    let last = streamed.events().pop().unwrap()["interaction"].clone();
    assert_eq!(
        (&last["status"], &last["id"]),
        (&json!("requires_action"), &json!(""))
    );
    let counts = &last["usage"];
    assert_eq!(
        (
            &counts["total_output_tokens"],
            &counts["total_thought_tokens"],
            &counts["total_tokens"]
        ),
        (&json!(15), &json!(5), &json!(120))
    );

    asking.peer.then(Reply::answer(answer.clone()));
    let whole = asking.post(&right()).await.json();
    assert_eq!(whole.get("id"), None, "nothing is stored");
    assert_eq!(
        whole["steps"],
        json!([
            { "type": "thought", "signature": "c2ln", "summary": [{ "type": "text", "text": "Hm." }] },
            { "type": "model_output", "content": [{ "type": "text", "text": "Let me look." }] },
            { "type": "function_call", "id": "c1", "name": "weather", "arguments": { "city": "Oslo" } },
        ])
    );
    // Thoughts are shown to those who ask for them, and what is stored has an id.
    let mut asked = right();
    asked["store"] = json!(true);
    asked["generation_config"]["thinking_summaries"] = json!("none");
    asking
        .peer
        .then(Reply::answer(answer.ending(Finish::Length)));
    let whole = asking.post(&asked).await.json();
    assert_eq!(whole["steps"][0].get("summary"), None);
    assert_eq!(whole["status"], "incomplete");
    assert!(whole["id"].as_str().unwrap().starts_with("v1_"));
}

#[tokio::test]
async fn refusals_have_a_word_for_a_code() {
    let asking = Asking::of(Provider::Gemini, PATH).await;
    let refusals = [
        (Refusal::Key, 400, "API_KEY_INVALID", ""),
        (
            Refusal::Limit(Wait::RetryInfo(Duration::from_millis(34_400))),
            429,
            "\"code\":\"resource_exhausted\"",
            "35",
        ),
        (Refusal::Quota, 429, "limit: 0", ""),
        (
            Refusal::Overloaded(Wait::Unsaid),
            503,
            "\"code\":\"unavailable\"",
            "",
        ),
        (
            Refusal::Invalid("No.".into()),
            400,
            "\"code\":\"invalid_request\"",
            "",
        ),
        (Refusal::Model, 404, "\"code\":\"not_found\"", ""),
    ];
    for (refusal, status, words, wait) in refusals {
        asking.peer.then(Reply::refusal(refusal));
        let refused = asking.post(&right()).await;
        assert_eq!(refused.status, status, "{}", refused.body);
        assert!(refused.body.contains(words), "{}", refused.body);
        assert_eq!(refused.header("retry-after"), wait);
    }
    let mut asked = right();
    asked["stream"] = json!(true);
    let failing = Reply::answer(Answer::text(["a", "b"])).failing_after(2, Refusal::Internal);
    asking.peer.then(failing);
    let events = asking.post(&asked).await.events();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["event_type"], &last["error"]["code"]),
        (&json!("error"), &json!("internal"))
    );
    assert_eq!(asking.peer.complaints(), []);
}
