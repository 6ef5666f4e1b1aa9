//! Interactions: a conversation as a list of steps, none of which is stored here.

mod check;
mod render;
mod tables;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    super::{Asked, Broken, Call, Wire, gateway_page, named, retry_headers},
    credential, error, headers,
};
use crate::{
    answer::Answer,
    record::Received,
    refusal::{Refusal, Wait},
    reply::Rendered,
};

pub struct Interactions;

/// Errors have a word for a code, and nothing about limits but a header.
fn told(refusal: &Refusal, asked: &Asked) -> (u16, Value) {
    let (status, whole) = error(refusal, asked);
    let whole = whole.get("error").unwrap_or(&Value::Null);
    let code = match whole.get("status").and_then(Value::as_str) {
        Some("INVALID_ARGUMENT" | "FAILED_PRECONDITION") => "invalid_request".to_owned(),
        Some(word) => word.to_ascii_lowercase(),
        None => "internal".to_owned(),
    };
    let error = json!({ "message": whole.get("message"), "code": code });
    (status, error)
}

impl Wire for Interactions {
    fn credential(&self, received: &Received, query: &str) -> Result<Option<String>, Broken> {
        credential(received, query).map_err(|broken| broken.code("permission_denied"))
    }

    fn check(&self, call: &mut Call<'_>) -> Result<(), Broken> {
        check::request(call)
    }

    fn render(&self, answer: &Answer, asked: &Asked) -> Rendered {
        headers(if asked.stream {
            render::stream(answer, asked)
        } else {
            Rendered::json(200, &render::whole(answer, asked))
        })
    }

    /// There is no list of interactions' own.
    fn models(&self, names: &[String], asked: &Asked) -> Rendered {
        super::Gemini.models(names, asked)
    }

    fn refuse(&self, refusal: &Refusal, asked: &Asked) -> Rendered {
        if let Refusal::Gateway = refusal {
            return gateway_page();
        }
        // The gate before all of Google's APIs looks at keys, in its own words.
        if let Refusal::Key | Refusal::PlainKey = refusal {
            return super::Gemini.refuse(refusal, asked);
        }
        let (status, error) = told(refusal, asked);
        let rendered = headers(Rendered::json(status, &json!({ "error": error })));
        match refusal.wait() {
            Wait::Reset(_) => rendered,
            wait => retry_headers(rendered, wait),
        }
    }

    fn object(&self, broken: &Broken, _asked: &Asked) -> Rendered {
        let code = broken.code.unwrap_or("invalid_request");
        let error = json!({ "message": broken.message, "code": code });
        headers(Rendered::json(broken.status, &json!({ "error": error })))
    }

    fn error_event(&self, refusal: &Refusal, asked: &Asked) -> Bytes {
        let (_, error) = told(refusal, asked);
        named("error", &json!({ "event_type": "error", "error": error }))
    }

    fn unknown_event(&self, bytes: usize) -> Bytes {
        let event = json!({ "event_type": "interaction.hint", "hint": "x".repeat(bytes) });
        named("interaction.hint", &event)
    }
}
