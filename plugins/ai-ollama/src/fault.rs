//! Errors of the API: `{"error": "…"}`, as the body of a response and as a line of a stream. There
//! are no codes, so that the status decides, and its words where it does not.

use crate::context;
use labd_plugin::{Error, Fault, Host, api, http};
use serde_json::Value;

/// What the words settle, whatever the status.
fn settled(message: &str, model: &str) -> Option<Error> {
    let lower = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&[
        "exceeds the context length",
        "exceeds the available context",
        "exceed_context_size",
    ]) {
        return Some(Error::invalid(context::fault(&api::excerpt(message))));
    }
    let fault = Fault::new(api::excerpt(message));
    if !model.is_empty() && lower.contains("model") && has(&["not found", "try pulling"]) {
        return Some(Error::not_found(
            fault.hint(format!("fetch the model with: ollama pull {model}")),
        ));
    }
    if has(&["requires more system memory", "out of memory"]) {
        return Some(Error::invalid(fault.hint(
            "the machine has too little memory for this model; choose a smaller one, or lower the setting `context-length`",
        )));
    }
    // It is whole again in hours or days.
    if has(&["usage limit"]) {
        return Some(Error::invalid(fault.code("credit_balance_exhausted").hint(
            "what the account may use of Ollama's cloud is used up; raise it there, or use another provider",
        )));
    }
    if has(&["does not support"]) {
        return Some(Error::invalid(fault.hint(
            "choose a model that does; `ollama show` tells what a model can",
        )));
    }
    None
}

/// Whether a model was refused because it was asked to think, and does not.
pub fn is_of_thinking(error: &Error) -> bool {
    matches!(error, Error::InvalidRequest(fault) if fault.message.contains("does not support thinking"))
}

/// The error of a response whose status is no success, to a request about a model.
pub fn of_response<H: Host>(
    host: &H,
    status: u16,
    headers: &[(String, String)],
    text: &str,
    model: &str,
) -> Error {
    let message = serde_json::from_str::<Value>(text).ok();
    let message = message
        .as_ref()
        .and_then(|value| value.get("error"))
        .map(words)
        .unwrap_or_else(|| api::plain_message(text));
    if let Some(error) = settled(&message, model) {
        return error;
    }
    let fault = Fault::new(api::excerpt(&message));
    let fault = match status {
        401 | 403 => fault.hint(
            "check the API key; Ollama's cloud wants one, and a server of one's own does not",
        ),
        404 => fault.hint("check `base-url`, which is without /api"),
        _ => fault,
    };
    http::status_error(host, status, headers, fault)
}

/// The error that a line reports, in an answer of a model.
pub fn in_stream(error: &Value, model: &str) -> Error {
    let message = words(error);
    settled(&message, model).unwrap_or_else(|| {
        let lower = message.to_ascii_lowercase();
        let has = |word: &str| lower.contains(word);
        if has("rate limit") || has("too many requests") {
            Error::RateLimited(None)
        } else if has("busy") || has("overloaded") {
            Error::Overloaded
        } else if has("unauthorized") {
            Error::unauthenticated(Fault::new(api::excerpt(&message)))
        } else {
            Error::unavailable(Fault::new(api::excerpt(&message)))
        }
    })
}

/// The words of an error, which proxies make an object.
fn words(error: &Value) -> String {
    let message = error.get("message").unwrap_or(error);
    message
        .as_str()
        .map_or_else(|| message.to_string(), str::to_owned)
}
