//! Gemini.

use std::time::Duration;

use labd_ai_peer::{Answer, Finish, Part, Provider, Refusal, Reply, Usage, Wait};
use serde_json::{Value, json};

use crate::client::{Asking, send};

const WHOLE: &str = "/v1beta/models/gemini-3-flash:generateContent";
const STREAM: &str = "/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse";

fn right() -> Value {
    json!({
        "systemInstruction": { "parts": [{ "text": "Be brief." }] },
        "contents": [
            { "role": "user", "parts": [
                { "text": "What is the weather?" },
                { "inlineData": { "mimeType": "image/png", "data": "AAAA" } },
            ]},
            { "role": "model", "parts": [
                { "text": "Hm.", "thought": true },
                { "functionCall": { "name": "weather", "args": { "city": "Oslo" } }, "thoughtSignature": "c2ln" },
            ]},
            { "role": "user", "parts": [
                { "functionResponse": { "name": "weather", "response": { "result": "rain" } } },
            ]},
        ],
        "tools": [{ "functionDeclarations": [{ "name": "weather", "description": "Tells it.", "parameters": {
            "type": "OBJECT", "properties": { "city": { "type": "STRING" } }, "required": ["city"],
        }}]}],
        "toolConfig": { "functionCallingConfig": { "mode": "AUTO" } },
        "generationConfig": {
            "maxOutputTokens": 100, "temperature": 0.5, "stopSequences": ["x"],
            "responseMimeType": "application/json", "responseJsonSchema": { "type": "object" },
            "thinkingConfig": { "thinkingLevel": "low", "includeThoughts": true },
        },
    })
}

#[tokio::test]
async fn each_rule_refuses_a_request_that_breaks_it() {
    let asking = Asking::of(Provider::Gemini, WHOLE).await;
    let wrong = [
        ("/contents", json!(null), "contents is not specified"),
        (
            "/messages",
            json!([]),
            "Unknown name \\\"messages\\\": Cannot find field.",
        ),
        (
            "/contents/0/content",
            json!("x"),
            "Unknown name \\\"content\\\" at 'contents[0]': Cannot find field.",
        ),
        (
            "/contents/0/parts/0/type",
            json!("text"),
            "at 'contents[0].parts[0]'",
        ),
        (
            "/contents/0/role",
            json!("assistant"),
            "valid role: user, model",
        ),
        (
            "/contents/0/parts",
            json!([]),
            "contents.parts must not be empty",
        ),
        (
            "/contents/0/parts/0",
            json!({}),
            "required oneof field 'data'",
        ),
        (
            "/contents/0/parts/0/inlineData",
            json!({ "mimeType": "a/b", "data": "AAAA" }),
            "already set",
        ),
        (
            "/contents/0/parts/1/inlineData/data",
            json!("ä"),
            "Base64 decoding failed",
        ),
        (
            "/contents/1/parts/1/functionCall/args",
            json!("{}"),
            "contents[1].parts[1].functionCall.args",
        ),
        (
            "/contents/1/parts/1/thoughtSignature",
            json!(null),
            "missing a thought_signature",
        ),
        (
            "/contents/1/parts/1/functionCall/name",
            json!("other"),
            "functions that were called",
        ),
        (
            "/contents/1",
            json!(null),
            "immediately after a function call turn",
        ),
        (
            "/contents/2",
            json!(null),
            "single turn requests end with a user role",
        ),
        (
            "/contents/2/parts/-",
            json!({ "functionResponse": { "name": "weather", "response": {} } }),
            "number of function response parts",
        ),
        (
            "/contents/2/parts/0/functionResponse/response",
            json!("rain"),
            "functionResponse.response",
        ),
        (
            "/systemInstruction/parts/0",
            json!({ "inlineData": { "mimeType": "a/b", "data": "AAAA" } }),
            "text only for system instruction",
        ),
        (
            "/tools/0/functionDeclarations/0/name",
            json!("1 a"),
            "Invalid function name",
        ),
        (
            "/tools/0/functionDeclarations/0/parameters/additionalProperties",
            json!(false),
            "Unknown name \\\"additionalProperties\\\"",
        ),
        (
            "/tools/0/functionDeclarations/0/parameters/required",
            json!(["none"]),
            "property is not defined",
        ),
        (
            "/tools/0/functionDeclarations/0/parametersJsonSchema",
            json!({}),
            "mutually exclusive",
        ),
        (
            "/toolConfig/functionCallingConfig/mode",
            json!("required"),
            "TYPE_ENUM",
        ),
        (
            "/toolConfig/functionCallingConfig/allowedFunctionNames",
            json!(["weather"]),
            "mode is not ANY",
        ),
        (
            "/generationConfig/maxTokens",
            json!(5),
            "at 'generationConfig'",
        ),
        (
            "/generationConfig/temperature",
            json!(3),
            "must be at most 2",
        ),
        (
            "/generationConfig/stopSequences",
            json!(["a", "b", "c", "d", "e", "f"]),
            "stopSequences",
        ),
        (
            "/generationConfig/responseMimeType",
            json!("text/plain"),
            "response_mime_type is not application/json",
        ),
        (
            "/generationConfig/thinkingConfig/thinkingBudget",
            json!(5),
            "only one of thinking budget and thinking level",
        ),
    ];
    asking.refuses(&right(), 400, &wrong).await;
    let refused = asking.peer.complaints().len();
    let url = format!("{}{WHOLE}", asking.peer.origin_of(Provider::Gemini));
    let none = send("POST", &url, &[], right().to_string()).await.unwrap();
    assert_eq!(
        (none.status, &none.json()["error"]["status"]),
        (403, &json!("PERMISSION_DENIED"))
    );
    assert_eq!(asking.peer.complaints().len(), refused + 1);
}

#[tokio::test]
async fn an_answer_is_told_whole_in_events_and_in_a_list() {
    let usage = Usage {
        input: 100,
        cached: 60,
        output: 20,
        reasoning: 5,
        ..Usage::default()
    };
    let answer = Answer::default()
        .thinking(["H", "m."], "c2ln")
        .say(["Let me ", "look."])
        .call("weather", ["{\"city\":", "\"Oslo\"}"])
        .costing(usage);
    let asking = Asking::of(Provider::Gemini, STREAM).await;
    asking.peer.then(Reply::answer(answer.clone()));
    let streamed = asking.post(&right()).await;
    assert!(streamed.body.ends_with("\r\n\r\n") && !streamed.body.contains("event:"));
    let events = streamed.events();
    assert_eq!(
        events[0]["candidates"][0]["content"]["parts"][0]["thought"],
        true
    );
    assert_eq!(
        events[2]["candidates"][0]["content"]["parts"][0]["thoughtSignature"],
        "c2ln"
    );
    let last = events.last().unwrap();
    assert_eq!(
        last["candidates"][0]["finishReason"], "STOP",
        "after a call too"
    );
    let counts = &last["usageMetadata"];
    assert_eq!(
        (&counts["candidatesTokenCount"], &counts["totalTokenCount"]),
        (&json!(15), &json!(120))
    );

    let url = format!(
        "{}{}",
        asking.peer.origin_of(Provider::Gemini),
        STREAM.trim_end_matches("?alt=sse")
    );
    asking.peer.then(Reply::answer(answer.clone()));
    let list = send("POST", &url, asking.headers, right().to_string())
        .await
        .unwrap()
        .json();
    assert_eq!(list.as_array().unwrap().len(), events.len());
    let url = format!("{}{WHOLE}", asking.peer.origin_of(Provider::Gemini));
    asking
        .peer
        .then(Reply::answer(answer.ending(Finish::Filter)));
    let whole = send("POST", &url, asking.headers, right().to_string())
        .await
        .unwrap()
        .json();
    assert_eq!(whole["candidates"][0]["finishReason"], "SAFETY");
    assert_eq!(
        whole["candidates"][0]["content"]["parts"][2]["functionCall"]["args"],
        json!({ "city": "Oslo" })
    );
    // A call has a signature of its own.
    let part = Part::Call {
        id: Some("c1".into()),
        name: "now".into(),
        arguments: vec![],
        signature: Some("eA==".into()),
    };
    asking
        .peer
        .then(Reply::answer(Answer::default().part(part)));
    let events = asking.post(&right()).await.events();
    let part = &events[0]["candidates"][0]["content"]["parts"][0];
    assert_eq!(
        part,
        &json!({ "functionCall": { "name": "now", "args": {}, "id": "c1" }, "thoughtSignature": "eA==" })
    );
}

#[tokio::test]
async fn arguments_come_in_pieces_where_they_are_asked_for_or_the_script_says_so() {
    let call = Part::Call {
        id: None,
        name: "weather".into(),
        arguments: vec![r#"{"city":"Köln","days":[3,true,null],"a b":{}}"#.into()],
        signature: Some("c2ln".into()),
    };
    let answer = Answer::default().part(call).call("now", [""; 0]);
    let asking = Asking::of(Provider::Gemini, STREAM).await;
    let mut asked = right();
    asked["toolConfig"]["functionCallingConfig"]["streamFunctionCallArguments"] = json!(true);
    asking.peer.then(Reply::answer(answer.clone()));
    asking.peer.then(Reply::answer(answer.in_pieces()));
    let wanted = asking.post(&asked).await.events();
    let told = |events: Vec<Value>| -> Vec<Value> {
        let parts = events.into_iter();
        parts
            .map(|event| event["candidates"][0]["content"]["parts"][0].clone())
            .collect()
    };
    let piece = |path: &str, name: &str, value: Value| {
        let mut piece = json!({ "jsonPath": path });
        piece[name] = value;
        piece
    };
    let part =
        |piece: Value| json!({ "functionCall": { "partialArgs": [piece], "willContinue": true } });
    let text = |value: &str, on: bool| {
        let mut piece = piece("$.city", "stringValue", json!(value));
        if on {
            piece["willContinue"] = json!(true);
        }
        part(piece)
    };
    let parts = told(wanted);
    assert_eq!(
        parts,
        [
            json!({ "functionCall": { "name": "weather", "willContinue": true }, "thoughtSignature": "c2ln" }),
            text("Kö", true),
            text("ln", true),
            text("", false),
            part(piece("$.days[0]", "numberValue", json!(3))),
            part(piece("$.days[1]", "boolValue", json!(true))),
            part(piece("$.days[2]", "nullValue", json!("NULL_VALUE"))),
            json!({ "functionCall": {} }),
            json!({ "functionCall": { "name": "now" } }),
            json!({ "text": "" }),
        ]
    );
    assert_eq!(told(asking.post(&right()).await.events()), parts);
    assert_eq!(asking.peer.complaints(), []);
}

#[tokio::test]
async fn the_newest_models_take_no_first_words_and_pass_over_sampling() {
    let mut asked = right();
    asked["contents"] = json!([
        { "role": "user", "parts": [{ "text": "A city?" }] },
        { "role": "model", "parts": [{ "text": "It is" }] },
    ]);
    for (path, status) in [
        ("/v1beta/models/gemini-3.5-flash:generateContent", 200),
        ("/v1beta/models/gemini-3.5-flash-lite:generateContent", 400),
        ("/v1beta/models/gemini-3.8-flash:generateContent", 400),
    ] {
        let asking = Asking::of(Provider::Gemini, path).await;
        let told = asking.post(&asked).await;
        assert_eq!(told.status, status, "{path}: {}", told.body);
        let silent: Vec<_> = asking
            .peer
            .complaints()
            .into_iter()
            .filter(|one| one.status.is_none())
            .collect();
        // The temperature is noted where it does nothing.
        assert_eq!(silent.len(), usize::from(status == 400), "{path}");
    }
}

#[tokio::test]
async fn refusals_have_its_own_statuses_and_details() {
    let asking = Asking::of(Provider::Gemini, WHOLE).await;
    let limited = Wait::RetryInfo(Duration::from_millis(34_400));
    let refusals = [
        (Refusal::Key, 400, "API_KEY_INVALID"),
        (Refusal::Limit(limited), 429, "\"retryDelay\":\"34.4s\""),
        (Refusal::Quota, 429, "limit: 0"),
        (Refusal::Overloaded(Wait::Unsaid), 503, "UNAVAILABLE"),
        (Refusal::Model, 404, "models/gemini-3-flash is not found"),
    ];
    for (refusal, status, words) in refusals {
        asking.peer.then(Reply::refusal(refusal));
        let refused = asking.post(&right()).await;
        assert_eq!(refused.status, status, "{}", refused.body);
        assert!(refused.body.contains(words), "{}", refused.body);
        assert_eq!(refused.header("retry-after"), "");
    }
    assert_eq!(asking.peer.complaints(), []);
}

#[tokio::test]
async fn embeddings_come_in_batches_and_models_are_listed() {
    let asking = Asking::of(
        Provider::Gemini,
        "/v1beta/models/gemini-embedding-001:batchEmbedContents",
    )
    .await;
    let one = |text: &str| {
        json!({
            "model": "models/gemini-embedding-001", "content": { "parts": [{ "text": text }] },
            "taskType": "RETRIEVAL_DOCUMENT", "outputDimensionality": 4,
        })
    };
    let right = json!({ "requests": [one("a"), one("b"), one("a")] });
    let body = asking.post(&right).await.json();
    assert_eq!(body["embeddings"][0], body["embeddings"][2]);
    assert_eq!(body["embeddings"][1]["values"].as_array().unwrap().len(), 4);
    let wrong = [
        (
            "/requests/0/model",
            json!("gemini-embedding-001"),
            "must be 'models/gemini-embedding-001'",
        ),
        (
            "/requests/0/content/parts/0/text",
            json!(""),
            "contains an empty Part",
        ),
        ("/requests/0/taskType", json!("SEARCH"), "TYPE_ENUM"),
        (
            "/requests",
            json!(vec![one("a"); 101]),
            "at most 100 can be in one batch",
        ),
    ];
    asking.refuses(&right, 400, &wrong).await;
    let url = format!(
        "{}/models?pageSize=1000",
        asking.peer.base_url_of(Provider::Gemini)
    );
    let listed = send("GET", &url, asking.headers, "").await.unwrap().json();
    assert_eq!(listed["models"][0]["name"], "models/peer-large");
}
