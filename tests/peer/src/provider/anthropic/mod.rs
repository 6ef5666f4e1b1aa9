//! Anthropic: Messages and models.

mod check;
mod conversation;
mod render;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Asked, Broken, Call, Operation, Wire, from_body, gateway_page, named, retry_headers};
use crate::{
    answer::Answer,
    clock::rfc3339,
    record::Received,
    refusal::{Refusal, Wait},
    reply::Rendered,
};

struct Messages;

pub fn route(method: &str, path: &str, asked: &mut Asked) -> (Operation, &'static dyn Wire) {
    let operation = match (method, path) {
        ("POST", "/v1/messages") => {
            from_body(asked);
            Operation::Generate
        }
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
    (operation, &Messages)
}

impl Wire for Messages {
    fn credential(&self, received: &Received, _query: &str) -> Result<Option<String>, Broken> {
        match received.header("x-api-key") {
            Some(key) if !key.is_empty() => Ok(Some(key.to_owned())),
            _ => Err(Broken::new("x-api-key header is required")
                .status(401)
                .code("authentication_error")),
        }
    }

    fn check(&self, call: &mut Call<'_>) -> Result<(), Broken> {
        check::version(call.received)?;
        match call.asked.operation {
            Operation::Generate => check::messages(call),
            _ => Ok(()),
        }
    }

    fn render(&self, answer: &Answer, asked: &Asked) -> Rendered {
        let rendered = if asked.stream {
            render::stream(answer, asked)
        } else {
            Rendered::json(200, &render::whole(answer, asked))
        };
        limits(rendered, asked, None)
    }

    fn models(&self, names: &[String], asked: &Asked) -> Rendered {
        let model = |name: &String| {
            json!({
                "type": "model", "id": name, "display_name": name,
                "created_at": "2026-01-01T00:00:00Z",
                "max_input_tokens": 200_000, "max_tokens": 64_000, "capabilities": null,
            })
        };
        if asked.operation == Operation::Model {
            return Rendered::json(200, &model(&asked.model));
        }
        let body = json!({
            "data": names.iter().map(model).collect::<Vec<_>>(),
            "has_more": false, "first_id": names.first(), "last_id": names.last(),
        });
        limits(Rendered::json(200, &body), asked, None)
    }

    fn refuse(&self, refusal: &Refusal, asked: &Asked) -> Rendered {
        let status = match refusal {
            Refusal::Gateway => return gateway_page(),
            Refusal::Quota => 400,
            Refusal::Overloaded(_) => 529,
            other => other.status(),
        };
        let (kind, message) = words(refusal, asked);
        let rendered = Rendered::json(status, &envelope(kind, &message, Some(asked)));
        let retry = match status {
            400..=499 if !matches!(status, 408 | 409 | 429) => "false",
            _ => "true",
        };
        let rendered = retry_headers(rendered.header("x-should-retry", retry), refusal.wait());
        match refusal {
            Refusal::Limit(wait) => limits(rendered, asked, Some(*wait)),
            _ => rendered.header("request-id", request_id(asked)),
        }
    }

    fn object(&self, broken: &Broken, asked: &Asked) -> Rendered {
        let kind = broken.code.unwrap_or("invalid_request_error");
        Rendered::json(broken.status, &envelope(kind, &broken.message, Some(asked)))
            .header("x-should-retry", "false")
            .header("request-id", request_id(asked))
    }

    fn error_event(&self, refusal: &Refusal, asked: &Asked) -> Bytes {
        let (kind, message) = words(refusal, asked);
        named("error", &envelope(kind, &message, None))
    }

    fn unknown_event(&self, bytes: usize) -> Bytes {
        let data = json!({ "type": "message_hint", "hint": "x".repeat(bytes) });
        named("message_hint", &data)
    }
}

fn request_id(asked: &Asked) -> String {
    asked.id("req_01", 22, 0)
}

/// The error's type and message.
fn words(refusal: &Refusal, asked: &Asked) -> (&'static str, String) {
    let (kind, message) = match refusal {
        Refusal::Invalid(message) => ("invalid_request_error", message.as_str()),
        Refusal::Key | Refusal::PlainKey => ("authentication_error", "invalid x-api-key"),
        Refusal::Forbidden => (
            "permission_error",
            "Your API key does not have permission to use the specified resource.",
        ),
        Refusal::Model => {
            return ("not_found_error", format!("model: {}", asked.model));
        }
        Refusal::Late => ("timeout_error", "Request timed out"),
        Refusal::Conflict => ("invalid_request_error", "Conflict"),
        Refusal::TooLarge => (
            "request_too_large",
            "Request exceeds the maximum allowed number of bytes.",
        ),
        Refusal::Limit(_) => (
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 50 requests per minute.",
        ),
        Refusal::Quota => (
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
        ),
        Refusal::Internal | Refusal::Gateway => ("api_error", "Internal server error"),
        Refusal::Unavailable(_) => ("api_error", "Service unavailable"),
        Refusal::Timeout => ("timeout_error", "Request timed out"),
        Refusal::Overloaded(_) => ("overloaded_error", "Overloaded"),
    };
    (kind, message.to_owned())
}

/// An error; events have no id of the request.
fn envelope(kind: &str, message: &str, asked: Option<&Asked>) -> Value {
    let mut body = json!({ "type": "error", "error": { "type": kind, "message": message } });
    if let (Some(asked), Some(body)) = (asked, body.as_object_mut()) {
        body.insert("request_id".into(), request_id(asked).into());
    }
    body
}

/// The headers of every answer: what is left of the limits.
fn limits(rendered: Rendered, asked: &Asked, spent: Option<Wait>) -> Rendered {
    let left = |all: u64| if spent.is_some() { 0 } else { all - 1 };
    let wait = match spent {
        Some(Wait::Reset(wait) | Wait::RetryInfo(wait)) => wait,
        Some(Wait::Seconds(seconds)) => Duration::from_secs(seconds),
        _ => Duration::from_secs(1),
    };
    let reset = rfc3339(SystemTime::now() + wait);
    let rendered = rendered.header("request-id", request_id(asked)).header(
        "anthropic-organization-id",
        "00000000-0000-4000-8000-000000000001",
    );
    [
        ("requests", 50),
        ("input-tokens", 30_000),
        ("output-tokens", 8_000),
        ("tokens", 38_000),
    ]
    .into_iter()
    .fold(rendered, |rendered, (of, all)| {
        rendered
            .header(&format!("anthropic-ratelimit-{of}-limit"), all.to_string())
            .header(
                &format!("anthropic-ratelimit-{of}-remaining"),
                left(all).to_string(),
            )
            .header(&format!("anthropic-ratelimit-{of}-reset"), reset.clone())
    })
}
