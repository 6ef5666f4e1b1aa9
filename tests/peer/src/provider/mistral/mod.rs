//! Mistral: chat, embeddings, models.

mod check;
mod render;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Asked, Broken, Call, Operation, Wire, bearer, from_body, gateway_page, retry_headers, texts,
    unnamed,
};
use crate::{
    answer::{Answer, embed},
    record::Received,
    refusal::Refusal,
    reply::Rendered,
};

struct Mistral;

pub fn route(method: &str, path: &str, asked: &mut Asked) -> (Operation, &'static dyn Wire) {
    from_body(asked);
    let operation = match (method, path) {
        ("POST", "/v1/chat/completions") => Operation::Generate,
        ("POST", "/v1/embeddings") => Operation::Embed,
        ("GET", "/v1/models") => Operation::Models,
        ("GET", path) => match path.strip_prefix("/v1/models/") {
            Some(model) => {
                asked.model = model.to_owned();
                Operation::Model
            }
            None => Operation::Other,
        },
        _ => Operation::Other,
    };
    (operation, &Mistral)
}

impl Wire for Mistral {
    fn credential(&self, received: &Received, _query: &str) -> Result<Option<String>, Broken> {
        match bearer(received) {
            Some(key) if !key.is_empty() => Ok(Some(key.to_owned())),
            _ => Err(Broken::new("Unauthorized").status(401)),
        }
    }

    fn check(&self, call: &mut Call<'_>) -> Result<(), Broken> {
        let body = &call.asked.body;
        match call.asked.operation {
            Operation::Generate => check::chat(body),
            Operation::Embed => check::embeddings(body),
            _ => Ok(()),
        }
    }

    fn render(&self, answer: &Answer, asked: &Asked) -> Rendered {
        let rendered = if asked.operation == Operation::Embed {
            Rendered::json(200, &embeddings(answer, asked))
        } else if asked.stream {
            render::stream(answer, asked)
        } else {
            Rendered::json(200, &render::whole(answer, asked))
        };
        headers(rendered, asked, false)
    }

    fn models(&self, names: &[String], asked: &Asked) -> Rendered {
        let model = |name: &String| {
            let embeds = name.contains("embed");
            json!({
                "id": name, "object": "model", "created": 1_767_225_600, "owned_by": "mistralai",
                "capabilities": {
                    "completion_chat": !embeds, "completion_fim": false, "function_calling": !embeds,
                    "fine_tuning": false, "vision": !embeds, "classification": false,
                },
                "name": name, "description": name, "max_context_length": 131_072, "aliases": [],
                "deprecation": null, "default_model_temperature": 0.3, "type": "base",
            })
        };
        let body = if asked.operation == Operation::Model {
            model(&asked.model)
        } else {
            json!({ "object": "list", "data": names.iter().map(model).collect::<Vec<_>>() })
        };
        headers(Rendered::json(200, &body), asked, false)
    }

    fn refuse(&self, refusal: &Refusal, asked: &Asked) -> Rendered {
        let status = match refusal {
            Refusal::Gateway => return gateway_page(),
            Refusal::Model => 400,
            Refusal::Quota => 402,
            other => other.status(),
        };
        let spent = matches!(refusal, Refusal::Limit(_));
        let rendered = Rendered::json(status, &error(refusal, status, asked));
        headers(retry_headers(rendered, refusal.wait()), asked, spent)
    }

    fn object(&self, broken: &Broken, asked: &Asked) -> Rendered {
        let body = match (broken.status, broken.code) {
            (401, _) => json!({ "detail": broken.message }),
            (422, code) => {
                // What `check` found, in Pydantic's words.
                let way: Vec<Value> = broken
                    .param
                    .iter()
                    .flat_map(|param| param.split('.'))
                    .map(|step| {
                        step.parse::<u64>()
                            .map_or_else(|_| step.into(), Value::from)
                    })
                    .collect();
                let detail =
                    json!([{ "type": code, "loc": way, "msg": broken.message, "input": null }]);
                json!({
                    "object": "error", "message": { "detail": detail }, "type": "invalid_request_error",
                    "param": null, "code": null, "raw_status_code": 422,
                })
            }
            (status, code) => envelope(
                &broken.message,
                broken.param.as_deref().unwrap_or("invalid_request_error"),
                code,
                status,
            ),
        };
        headers(Rendered::json(broken.status, &body), asked, false)
    }

    fn error_event(&self, refusal: &Refusal, asked: &Asked) -> Bytes {
        unnamed(&error(refusal, refusal.status(), asked))
    }

    fn unknown_event(&self, bytes: usize) -> Bytes {
        unnamed(&json!({ "object": "chat.completion.hint", "choices": [], "p": "x".repeat(bytes) }))
    }
}

fn embeddings(answer: &Answer, asked: &Asked) -> Value {
    let texts = texts(&asked.body, "input");
    let dimensions = asked
        .body
        .get("output_dimension")
        .and_then(Value::as_u64)
        .unwrap_or(8);
    let vectors = answer
        .vectors
        .clone()
        .unwrap_or_else(|| embed(&texts, dimensions as usize));
    let data: Vec<Value> = vectors
        .into_iter()
        .enumerate()
        .map(
            |(index, vector)| json!({ "object": "embedding", "embedding": vector, "index": index }),
        )
        .collect();
    let tokens = answer.usage.input;
    json!({
        "id": asked.id("", 32, 0), "object": "list", "data": data, "model": asked.served(answer),
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0 },
    })
}

fn envelope(message: &str, kind: &str, code: Option<&str>, status: u16) -> Value {
    json!({
        "object": "error", "message": message, "type": kind, "param": null, "code": code,
        "raw_status_code": status,
    })
}

/// The body of a refusal, of which there are three forms.
fn error(refusal: &Refusal, status: u16, asked: &Asked) -> Value {
    let said = |message: &str, kind: &str, code| envelope(message, kind, Some(code), status);
    match refusal {
        Refusal::Invalid(message) => envelope(message, "invalid_request_error", None, status),
        Refusal::Key | Refusal::PlainKey => json!({ "detail": "Invalid API Key" }),
        Refusal::Forbidden => json!({ "detail": "Forbidden" }),
        Refusal::Model => said(
            &format!("Invalid model: {}", asked.model),
            "invalid_model",
            "1500",
        ),
        Refusal::TooLarge => said(
            "Prompt contains too many tokens, too large for model.",
            "invalid_request_prompt",
            "3051",
        ),
        Refusal::Limit(_) => said("Rate limit exceeded", "rate_limited", "1300"),
        Refusal::Quota => {
            json!({ "message": "You have run out of credits. Please add credits to your organization.", "request_id": asked.id("", 32, 0) })
        }
        Refusal::Overloaded(_) => said(
            "Service tier capacity exceeded for this model.",
            "service_tier_capacity_exceeded",
            "3505",
        ),
        Refusal::Late | Refusal::Timeout => {
            json!({ "message": "The upstream server is timing out" })
        }
        Refusal::Conflict => json!({ "message": "Conflict" }),
        Refusal::Internal | Refusal::Gateway => {
            said("Service unavailable.", "internal_server_error", "1000")
        }
        Refusal::Unavailable(_) => json!({ "message": "The server is temporarily unavailable" }),
    }
}

/// The headers of every answer.
fn headers(rendered: Rendered, asked: &Asked, spent: bool) -> Rendered {
    let left = |all: u64| if spent { 0 } else { all - 1 };
    let rendered = rendered
        .header("mistral-correlation-id", asked.id("", 32, 0))
        .header("x-kong-request-id", asked.id("", 32, 0));
    [("req", 60), ("tokens", 500_000)]
        .into_iter()
        .fold(rendered, |rendered, (of, all)| {
            rendered
                .header(&format!("x-ratelimit-limit-{of}-minute"), all.to_string())
                .header(
                    &format!("x-ratelimit-remaining-{of}-minute"),
                    left(all).to_string(),
                )
        })
}
