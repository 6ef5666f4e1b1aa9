//! What the API is asked, to the letter.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use labd_ai_gemini::{Api, Config, Gemini};
use labd_plugin::ai::{
    AiProvider, Effort, File, Image, Message, Part, Request, Role, Tool, ToolChoice, ToolResult,
    ToolUse,
};
use labd_plugin::testing::FakeHost;
use labd_plugin::testing::ai::request;
use labd_plugin::{Error, Result};
use serde_json::{Value, json};

const BASE: &str = "https://generativelanguage.googleapis.com/v1beta";

fn asked(api: Api, request: Request) -> Result<(FakeHost, Value)> {
    let host = FakeHost::new();
    host.respond(200, [""]);
    let config = Config {
        api,
        ..Config::default()
    };
    Gemini::new(host.clone())
        .complete(config, request)
        .map(drop)?;
    let sent = &host.requests()[0];
    assert_eq!(sent.method, "POST");
    assert!(
        sent.headers
            .iter()
            .all(|(name, _)| name != "x-goog-api-key")
    );
    let body = serde_json::from_slice(sent.body.as_deref().unwrap()).unwrap();
    Ok((host, body))
}

fn contents(request: Request) -> Value {
    let model = request.model.clone();
    let (host, body) = asked(Api::GenerateContent, request).unwrap();
    let url = format!("{BASE}/models/{model}:streamGenerateContent?alt=sse");
    assert_eq!(host.requests()[0].url, url);
    body
}

fn interaction(request: Request) -> Value {
    let (host, body) = asked(Api::Interactions, request).unwrap();
    assert_eq!(host.requests()[0].url, format!("{BASE}/interactions"));
    body
}

fn tool_use(id: &str, name: &str) -> Part {
    Part::ToolUse(ToolUse {
        id: id.into(),
        name: name.into(),
        arguments: "{\"p\":1}".into(),
    })
}

fn result(id: &str, content: &str, is_error: bool) -> Part {
    Part::ToolResult(ToolResult {
        id: id.into(),
        content: content.into(),
        is_error,
    })
}

fn tool(strict: bool) -> Tool {
    Tool {
        name: "read".into(),
        description: "Reads.".into(),
        parameters: "{\"type\":\"object\"}".into(),
        strict,
    }
}

fn file(media_type: &str, data: &[u8]) -> Part {
    Part::File(File {
        media_type: media_type.into(),
        name: Some("a".into()),
        data: data.to_vec(),
    })
}

fn said(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts }
}

/// A conversation with everything in it.
fn conversation(model: &str) -> Request {
    let mut wanted = request(model, "Look");
    wanted.system = vec!["Be brief.".into(), String::new(), "Be right.".into()];
    wanted.messages[0].parts.extend([
        Part::Text(String::new()),
        Part::Image(Image {
            media_type: "image/png".into(),
            data: vec![1, 2, 3],
        }),
        file("application/pdf", &[1, 2, 3]),
        file("application/json; charset=utf-8", b"{}"),
    ]);
    wanted.messages.push(said(
        Role::Assistant,
        vec![
            Part::Reasoning("Hm".into()),
            Part::Text("I read.".into()),
            tool_use("fc-1", "read"),
            tool_use("made-up-r-2", "list"),
        ],
    ));
    wanted.messages.push(said(
        Role::User,
        vec![
            Part::Text("Go on".into()),
            result("fc-1", "text", false),
            result("made-up-r-2", "gone", true),
        ],
    ));
    wanted.tools = vec![tool(false)];
    wanted.tool_choice = ToolChoice::Named("read".into());
    wanted.output_schema = Some("{\"type\":\"object\"}".into());
    wanted.max_tokens = Some(9);
    wanted.temperature = Some(0.5);
    wanted.top_p = Some(0.25);
    wanted.stop = vec!["END".into()];
    wanted.effort = Some(Effort::Low);
    wanted
}

#[test]
fn the_least_is_a_message() {
    assert_eq!(
        contents(request("gemini-2.5-flash", "Hello")),
        json!({ "contents": [{ "role": "user", "parts": [{ "text": "Hello" }] }] })
    );
    assert_eq!(
        interaction(request("gemini-2.5-flash", "Hello")),
        json!({
            "model": "gemini-2.5-flash",
            "stream": true,
            "store": false,
            "input": [{ "type": "user_input", "content": [{ "type": "text", "text": "Hello" }] }],
        })
    );
}

#[test]
fn a_conversation_is_written_as_generate_content_has_it() {
    let inline =
        |kind: &str, data: &str| json!({ "inlineData": { "mimeType": kind, "data": data } });
    assert_eq!(
        contents(conversation("gemini-2.5-flash")),
        json!({
            "systemInstruction": { "parts": [{ "text": "Be brief." }, { "text": "Be right." }] },
            "contents": [
                { "role": "user", "parts": [
                    { "text": "Look" },
                    inline("image/png", "AQID"),
                    inline("application/pdf", "AQID"),
                    inline("text/plain", "e30="),
                ] },
                { "role": "model", "parts": [
                    { "text": "I read." },
                    { "functionCall": { "id": "fc-1", "name": "read", "args": { "p": 1 } } },
                    { "functionCall": { "name": "list", "args": { "p": 1 } } },
                ] },
                { "role": "user", "parts": [
                    { "functionResponse": { "id": "fc-1", "name": "read", "response": { "output": "text" } } },
                    { "functionResponse": { "name": "list", "response": { "error": "gone" } } },
                    { "text": "Go on" },
                ] },
            ],
            "tools": [{ "functionDeclarations": [{ "name": "read", "description": "Reads.", "parametersJsonSchema": { "type": "object" } }] }],
            "toolConfig": { "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["read"] } },
            "generationConfig": {
                "maxOutputTokens": 9,
                "temperature": 0.5,
                "topP": 0.25,
                "stopSequences": ["END"],
                "responseMimeType": "application/json",
                "responseJsonSchema": { "type": "object" },
                "thinkingConfig": { "thinkingBudget": 2048, "includeThoughts": true },
            },
        })
    );
}

#[test]
fn a_conversation_is_written_as_interactions_have_it() {
    let mut wanted = conversation("gemini-3-flash-preview");
    wanted.messages[1].parts[0] = Part::Text(String::new());
    assert_eq!(
        interaction(wanted),
        json!({
            "model": "gemini-3-flash-preview",
            "stream": true,
            "store": false,
            "system_instruction": "Be brief.\n\nBe right.",
            "input": [
                { "type": "user_input", "content": [
                    { "type": "text", "text": "Look" },
                    { "type": "image", "mime_type": "image/png", "data": "AQID" },
                    { "type": "document", "mime_type": "application/pdf", "data": "AQID" },
                    { "type": "document", "mime_type": "text/plain", "data": "e30=" },
                ] },
                { "type": "model_output", "content": [{ "type": "text", "text": "I read." }] },
                { "type": "function_call", "id": "fc-1", "name": "read", "arguments": { "p": 1 } },
                { "type": "function_call", "id": "made-up-r-2", "name": "list", "arguments": { "p": 1 } },
                { "type": "function_result", "call_id": "fc-1", "name": "read", "result": "text" },
                { "type": "function_result", "call_id": "made-up-r-2", "name": "list", "result": "gone", "is_error": true },
                { "type": "user_input", "content": [{ "type": "text", "text": "Go on" }] },
            ],
            "tools": [{ "type": "function", "name": "read", "description": "Reads.", "parameters": { "type": "object" } }],
            "response_format": { "type": "text", "mime_type": "application/json", "schema": { "type": "object" } },
            "generation_config": {
                "max_output_tokens": 9,
                "temperature": 0.5,
                "top_p": 0.25,
                "stop_sequences": ["END"],
                "thinking_level": "low",
                "thinking_summaries": "auto",
                "tool_choice": { "allowed_tools": { "mode": "any", "tools": ["read"] } },
            },
        })
    );
}

#[test]
fn each_choice_of_tools_has_its_word() {
    for (choice, strict, contents_word, interaction_word) in [
        (ToolChoice::Automatic, false, Value::Null, Value::Null),
        (
            ToolChoice::Automatic,
            true,
            json!("VALIDATED"),
            json!("validated"),
        ),
        (ToolChoice::None, true, json!("NONE"), json!("none")),
        (ToolChoice::Required, false, json!("ANY"), json!("any")),
    ] {
        let mut wanted = request("gemini-2.5-flash", "Hello");
        wanted.tools = vec![tool(strict)];
        wanted.tool_choice = choice;
        let body = contents(wanted.clone());
        assert_eq!(
            body["toolConfig"]["functionCallingConfig"]["mode"],
            contents_word
        );
        assert_eq!(
            interaction(wanted)["generation_config"]["tool_choice"],
            interaction_word
        );
    }
}

#[test]
fn thinking_is_asked_for_as_the_model_has_it() {
    let config = |model: &str, effort: Effort| {
        let mut wanted = request(model, "Hello");
        wanted.effort = Some(effort);
        contents(wanted)["generationConfig"]["thinkingConfig"].clone()
    };
    assert_eq!(
        config("gemini-2.5-flash", Effort::Off),
        json!({ "thinkingBudget": 0 })
    );
    assert_eq!(
        config("gemini-3-pro-preview", Effort::High),
        json!({ "thinkingLevel": "HIGH", "includeThoughts": true })
    );
    assert_eq!(config("gemini-2.0-flash", Effort::High), Value::Null);
}

#[test]
fn what_the_api_has_no_word_for_is_left_out_and_logged() {
    let mut wanted = request("gemini-2.0-flash", "Hello");
    wanted.effort = Some(Effort::High);
    wanted.tools = vec![tool(false)];
    wanted.parallel_tools = Some(false);
    wanted.temperature = Some(1.0);
    wanted.top_p = Some(0.5);
    let words = ["thinking", "one by one"];
    let newest = ["one by one", "temperature and top-p"];
    for (api, model, words) in [
        (Api::GenerateContent, "gemini-2.0-flash", words),
        (Api::Interactions, "gemini-2.0-flash", words),
        (Api::GenerateContent, "gemini-3.8-flash", newest),
        (Api::Interactions, "gemini-flash-latest", newest),
    ] {
        wanted.model = model.into();
        let (host, body) = asked(api, wanted.clone()).unwrap();
        let has_temperature = body.to_string().contains("\"temperature\"");
        assert_eq!(has_temperature, words[0] == "thinking", "{model}");
        let logs = host.logs();
        assert_eq!(logs.len(), words.len());
        for word in words {
            assert!(
                logs.iter().any(|line| line.message.contains(word)),
                "{word}"
            );
        }
    }
}

#[test]
fn an_answer_that_was_begun_is_refused_for_models_that_would_not_go_on_with_it() {
    let begun = |model: &str, text: &str| {
        let mut wanted = request(model, "A city?");
        let text = Part::Text(text.into());
        wanted.messages.push(said(Role::Assistant, vec![text]));
        wanted
    };
    for api in [Api::GenerateContent, Api::Interactions] {
        let error = asked(api, begun("gemini-3.6-flash", "It is"))
            .map(drop)
            .unwrap_err();
        let Error::InvalidRequest(fault) = error else {
            panic!("{error:?}");
        };
        assert!(fault.message.contains("`gemini-3.6-flash`"), "{fault:?}");
        assert!(fault.hint.unwrap().contains("message of the user"));
        // Nothing of it is sent, so that nothing was begun.
        assert!(asked(api, begun("gemini-3.6-flash", "")).is_ok());
        // Older models go on, and of others the server may tell.
        for model in ["gemini-3.5-flash", "gemini-flash-latest"] {
            let (_, body) = asked(api, begun(model, "It is")).unwrap();
            assert!(body.to_string().contains("It is"), "{model}");
        }
    }
}

#[test]
fn calls_without_their_signature_say_so_to_models_that_want_one() {
    let mut wanted = request("gemini-3-flash-preview", "Hello");
    let calls = vec![tool_use("a", "read"), tool_use("b", "read")];
    wanted.messages.push(said(Role::Assistant, calls));
    let parts = &contents(wanted)["contents"][1]["parts"];
    assert_eq!(
        parts[0]["thoughtSignature"],
        "skip_thought_signature_validator"
    );
    assert_eq!(parts[1].get("thoughtSignature"), None);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    for api in [Api::GenerateContent, Api::Interactions] {
        let mut stray = request("gemini-2.5-flash", "Hello");
        stray.messages[0].parts.push(result("nobody", "x", false));
        let error = asked(api, stray).map(drop).unwrap_err();
        assert!(
            matches!(error, Error::InvalidRequest(fault) if fault.message.contains("`nobody`"))
        );
        let mut call = request("gemini-2.5-flash", "Hello");
        call.messages.push(said(
            Role::Assistant,
            vec![Part::ToolUse(ToolUse {
                id: "1".into(),
                name: "read".into(),
                arguments: "[]".into(),
            })],
        ));
        assert!(matches!(asked(api, call), Err(Error::InvalidRequest(_))));
        for schema in ["{", "[]"] {
            let mut wanted = request("gemini-2.5-flash", "Hello");
            wanted.output_schema = Some(schema.into());
            assert!(matches!(asked(api, wanted), Err(Error::InvalidRequest(_))));
        }
        for model in ["", "a b", "../x", "m?key=1"] {
            assert!(matches!(
                asked(api, request(model, "Hi")),
                Err(Error::InvalidRequest(_))
            ));
        }
    }
}

#[test]
fn a_base_url_leads_elsewhere_and_models_may_have_their_whole_name() {
    for (base, model, url) in [
        (
            "http://127.0.0.1:9/v1beta/",
            "models/gemini-x",
            "http://127.0.0.1:9/v1beta/models/gemini-x",
        ),
        (
            "https://gate.example/g/v1beta/models",
            "tunedModels/mine",
            "https://gate.example/g/v1beta/tunedModels/mine",
        ),
    ] {
        let host = FakeHost::new();
        host.respond(200, [""]);
        let config = Config {
            base_url: Some(base.into()),
            ..Config::default()
        };
        Gemini::new(host.clone())
            .complete(config, request(model, "Hi"))
            .map(drop)
            .unwrap();
        assert_eq!(
            host.requests()[0].url,
            format!("{url}:streamGenerateContent?alt=sse")
        );
    }
    let config = Config {
        base_url: Some("generativelanguage.googleapis.com".into()),
        ..Config::default()
    };
    let error = Gemini::new(FakeHost::new()).models(config).unwrap_err();
    assert!(error.message().contains("base-url"));
}
