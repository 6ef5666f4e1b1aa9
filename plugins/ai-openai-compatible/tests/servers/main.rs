//! What each server does in its own way, over scripted ones.
//!
//! Here is how they are asked; [`hosted`] and [`local`] say what each must give.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod hosted;
mod local;

use labd_ai_openai_compatible::{Config, OpenAiCompatible};
use labd_plugin::Error;
use labd_plugin::ai::{
    AiProvider, Capabilities, Effort, Event, FinishReason, Message, Model, Part, Request, Role,
    ToolResult, ToolUse,
};
use labd_plugin::testing::ai::{drain, every_split, joined, request};
use labd_plugin::testing::{FakeHost, Piece};
use serde_json::{Value, json};

const GROQ: &str = "https://api.groq.com/openai/v1";
const DEEPSEEK: &str = "https://api.deepseek.com/v1";
const OPENROUTER: &str = "https://openrouter.ai/api/v1";
const XAI: &str = "https://api.x.ai/v1";
const TOGETHER: &str = "https://api.together.xyz/v1";
const LM_STUDIO: &str = "http://127.0.0.1:1234/v1";
const VLLM: &str = "http://127.0.0.1:8000/v1";
const LLAMA: &str = "http://127.0.0.1:8080/v1";

fn config(url: &str) -> Config {
    Config {
        base_url: url.into(),
    }
}

fn pieces<T: Into<Vec<u8>>>(
    url: &str,
    pieces: impl IntoIterator<Item = T>,
) -> (Vec<Event>, Option<Error>) {
    let host = FakeHost::new();
    host.respond(200, pieces);
    match OpenAiCompatible::new(host).complete(config(url), request("m", "Hello")) {
        Ok(mut completion) => {
            let (events, error) = drain(&mut completion, 16);
            (joined(&events), error)
        }
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// The events of a stream of these payloads, which every split must give.
fn answer(url: &str, payloads: &[Value]) -> (Vec<Event>, Option<Error>) {
    let data = payloads
        .iter()
        .map(|payload| format!("data: {payload}\n\n"));
    raw(url, &(data.collect::<String>() + "data: [DONE]\n\n"))
}

fn raw(url: &str, stream: &str) -> (Vec<Event>, Option<Error>) {
    let whole = pieces(url, [stream]);
    every_split(stream.as_bytes(), |split| {
        assert_eq!(pieces(url, split), whole);
        Ok(())
    })
    .unwrap();
    whole
}

fn delta(delta: Value) -> Value {
    json!({ "id": "c", "model": "m-1", "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] })
}

fn end(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

fn sent(url: &str, request: Request) -> Value {
    let host = FakeHost::new();
    host.respond(200, ["data: [DONE]\n\n"]);
    OpenAiCompatible::new(host.clone())
        .complete(config(url), request)
        .map(drop)
        .unwrap();
    serde_json::from_slice(host.requests()[0].body.as_deref().unwrap()).unwrap()
}

fn refused(url: &str, status: u16, body: &str) -> Error {
    let host = FakeHost::new();
    host.respond_with(status, &[], [Piece::Bytes(body.into())]);
    OpenAiCompatible::new(host)
        .complete(config(url), request("m", "Hello"))
        .err()
        .unwrap()
}

fn models(url: &str, body: &str) -> Vec<Model> {
    let host = FakeHost::new();
    host.respond(200, [body]);
    OpenAiCompatible::new(host).models(config(url)).unwrap()
}

/// Input, cached, output and reasoning, as they were told last.
fn tokens(events: &[Event]) -> Option<[Option<u32>; 4]> {
    events.iter().rev().find_map(|event| match event {
        Event::Usage(usage) => Some([
            usage.input,
            usage.cached_input,
            usage.output,
            usage.reasoning,
        ]),
        _ => None,
    })
}

fn with_effort(model: &str, effort: Effort) -> Request {
    let mut wanted = request(model, "Hello");
    wanted.effort = Some(effort);
    wanted
}

/// A conversation in which the model reasoned, and then called a tool or just answered.
fn reasoned(calls: bool, blob: Option<&[u8]>) -> Request {
    let mut wanted = request("m", "Hello");
    let mut parts = vec![Part::Reasoning("Hm".into())];
    parts.extend(blob.map(|blob| Part::Blob(blob.to_vec())));
    parts.push(Part::Text("Well.".into()));
    let mut next = vec![Part::Text("Go on".into())];
    if calls {
        parts.push(Part::ToolUse(ToolUse {
            id: "call_1".into(),
            name: "read".into(),
            arguments: "{}".into(),
        }));
        next = vec![Part::ToolResult(ToolResult {
            id: "call_1".into(),
            content: "text".into(),
            is_error: false,
        })];
    }
    let message = |role, parts| Message { role, parts };
    wanted.messages.push(message(Role::Assistant, parts));
    wanted.messages.push(message(Role::User, next));
    wanted
}
