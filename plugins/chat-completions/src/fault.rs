//! Errors of the API. The code decides before the status does: an account without credit answers
//! 429 too, and waiting does not help there.

use crate::limits;
use labd_plugin::{Error, Fault, Host, api, http};
use serde_json::{Value, json};

/// What to do about a key that is refused.
const WRONG_KEY: &str = "check the API key of this provider";

/// What to do about an account that cannot pay.
const SPENT: &str = "the provider's account has no credit left, or its spending limit is reached; raise it there, or use another provider";

/// What an error's body says.
#[derive(Debug, Default)]
struct Told {
    message: String,
    /// Code and type, what there is of them.
    codes: Vec<String>,
}

impl Told {
    /// From JSON in any of the shapes of [`Told::of_value`], or plain text.
    fn of(text: &str) -> Self {
        match serde_json::from_str::<Value>(text) {
            // Some wrap the object in a list.
            Ok(value) => Self::of_value(value.get(0).unwrap_or(&value)),
            Err(_) => Self {
                message: api::plain_message(text),
                codes: Vec::new(),
            },
        }
    }

    /// From `{"error": {…}}`, `{"error": "…", "code": "…"}` (xAI), `{"detail": "…"}` and
    /// `{"message": "…"}` (Mistral), or the object itself (vLLM).
    fn of_value(value: &Value) -> Self {
        match value.get("error").filter(|one| !one.is_null()) {
            Some(error @ Value::Object(_)) => Self::of_object(error),
            Some(Value::String(message)) => Self {
                message: api::excerpt(message),
                codes: codes(value),
            },
            _ => Self::of_object(value),
        }
    }

    fn of_object(value: &Value) -> Self {
        let told = ["message", "detail", "error", "msg"]
            .iter()
            .find_map(|key| value.get(key).filter(|told| !told.is_null()));
        Self {
            message: api::excerpt(&message(told.unwrap_or(value))),
            codes: codes(value),
        }
    }

    fn has(&self, test: impl Fn(&str) -> bool) -> bool {
        self.codes.iter().any(|code| test(code))
    }

    fn fault(&self) -> Fault {
        let fault = Fault::new(self.message.clone());
        match self.codes.first() {
            Some(code) => fault.code(code.clone()),
            None => fault,
        }
    }

    /// What the code alone settles.
    fn settled(&self) -> Option<Error> {
        if self.has(is_spent) {
            return Some(self.spent());
        }
        if self.has(|code| {
            matches!(
                code,
                "invalid_api_key"
                    | "authentication_error"
                    | "invalid_authentication"
                    | "account_deactivated"
            )
        }) {
            return Some(Error::unauthenticated(self.fault().hint(WRONG_KEY)));
        }
        if self.has(|code| matches!(code, "model_not_found" | "invalid_model" | "1500")) {
            return Some(Error::not_found(
                self.fault().hint("choose one of the provider's models"),
            ));
        }
        if self.is_too_long() {
            return Some(Error::invalid(self.fault().hint(
                "the request is longer than the model's context; choose a model with a larger one",
            )));
        }
        None
    }

    /// The account cannot pay, under a code that says so, which the body's own need not.
    fn spent(&self) -> Error {
        let code = self.codes.iter().find(|code| is_spent(code));
        let code = code.map_or("credit_balance_exhausted", String::as_str);
        Error::invalid(self.fault().code(code).hint(SPENT))
    }

    /// By the status: DeepSeek and OpenRouter have one of its own for it, and xAI says it in words
    /// only, as a limit or as a refused key. An invalid request's words may be the user's.
    fn cannot_pay(&self, status: u16) -> bool {
        let message = self.message.to_ascii_lowercase();
        match status {
            402 => true,
            403 | 429 => ["used all available credits", "monthly spending limit"]
                .iter()
                .any(|words| message.contains(words)),
            _ => false,
        }
    }

    /// By the code, or in words where there is none: vLLM, xAI and Mistral say `invalid_request` only.
    fn is_too_long(&self) -> bool {
        self.has(|code| {
            matches!(
                code,
                "context_length_exceeded" | "exceed_context_size_error" | "context_window_exceeded"
            )
        }) || [
            "maximum context length",
            "maximum prompt length",
            "too large for model",
            "model's context",
        ]
        .iter()
        .any(|words| self.message.contains(words))
    }

    /// xAI answers a wrong key with 400, and says what it is in words only.
    fn is_wrong_key(&self) -> bool {
        ["Incorrect API key", "Invalid API Key", "Unauthorized"]
            .iter()
            .any(|words| self.message.starts_with(words))
    }
}

/// Code and type of an error.
fn codes(value: &Value) -> Vec<String> {
    ["code", "type"]
        .iter()
        .filter_map(|key| value.get(key))
        .filter_map(|code| match code {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .collect()
}

/// The words of a message. What is wrong with a request's fields is a list: each field, and why.
fn message(told: &Value) -> String {
    match told {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(field_message).collect::<Vec<_>>().join("; "),
        Value::Object(object) => match object.get("detail").or_else(|| object.get("message")) {
            Some(inner) => message(inner),
            None => told.to_string(),
        },
        _ => told.to_string(),
    }
}

fn field_message(one: &Value) -> String {
    let Some(text) = one.get("msg").and_then(Value::as_str) else {
        return message(one);
    };
    let place: Vec<String> = one
        .get("loc")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|step| {
            step.as_str()
                .map_or_else(|| step.to_string(), str::to_owned)
        })
        .collect();
    if place.is_empty() {
        text.to_owned()
    } else {
        format!("{}: {text}", place.join("."))
    }
}

/// The account cannot pay: waiting does not help. The gateway knows the same codes.
fn is_spent(code: &str) -> bool {
    matches!(
        code,
        "insufficient_quota"
            | "credit_balance_exhausted"
            | "billing_error"
            | "billing_hard_limit_reached"
            | "billing_not_active"
            | "organization_usage_limit_exceeded"
            | "quota_limit_zero"
    ) || code.contains("_spend_limit_")
}

/// The error of a success that is a web page.
pub fn web_page(html: &str) -> Error {
    let hint = "check that `base-url` is the API's own address, which ends with the version as a rule: https://api.openai.com/v1";
    Error::unavailable(Fault::new(api::plain_message(html)).hint(hint))
}

/// The error of a success that is JSON where a stream was asked for: an error after all, or a server
/// that does not stream.
pub fn instead_of_stream(text: &str) -> Error {
    serde_json::from_str::<Value>(text)
        .ok()
        .and_then(|value| in_stream(&value))
        .unwrap_or_else(|| {
            let fault = Fault::new("the server answered at once where a stream was asked for");
            Error::unavailable(fault.hint("it does not support streaming; use another server"))
        })
}

/// The error of a response whose status is no success.
pub fn of_response<H: Host>(
    host: &H,
    status: u16,
    headers: &[(String, String)],
    text: &str,
) -> Error {
    let told = Told::of(text);
    if let Some(error) = told.settled() {
        return error;
    }
    if told.cannot_pay(status) {
        return told.spent();
    }
    let fault = match status {
        401 | 403 => told.fault().hint(WRONG_KEY),
        400 if told.is_wrong_key() => return Error::unauthenticated(told.fault().hint(WRONG_KEY)),
        404 => told
            .fault()
            .hint("check the model's name, and that `base-url` ends with the version, such as /v1"),
        _ => told.fault(),
    };
    match http::status_error(host, status, headers, fault) {
        Error::RateLimited(None) => Error::RateLimited(limits::wait(headers, &told.message)),
        error => error,
    }
}

/// The error that a frame of a stream reports; none when it reports none.
pub fn in_stream(frame: &Value) -> Option<Error> {
    if error_of(frame).is_some() {
        Some(of_frame(frame))
    } else if let Some(error) = frame.get("x_groq").and_then(error_of) {
        Some(of_frame(&json!({ "error": error })))
    } else if frame.get("object").and_then(Value::as_str) == Some("error") || is_bare(frame) {
        Some(of_frame(frame))
    } else {
        None
    }
}

fn error_of(value: &Value) -> Option<&Value> {
    value.get("error").filter(|error| !error.is_null())
}

/// Mistral's `{"detail": …}` and `{"message": "…"}`, which nothing else is.
fn is_bare(frame: &Value) -> bool {
    frame.get("choices").is_none()
        && (frame.get("detail").is_some() || frame.get("message").is_some_and(Value::is_string))
}

/// The error that this frame is, whatever the shape.
pub fn of_frame(frame: &Value) -> Error {
    let told = Told::of_value(frame);
    if let Some(error) = told.settled() {
        return error;
    }
    // OpenRouter, vLLM and llama.cpp put the status here.
    let status = told.codes.iter().find_map(|code| code.parse::<u16>().ok());
    let has = |word: &str| told.has(|code| code.contains(word));
    if status.is_some_and(|status| told.cannot_pay(status)) {
        told.spent()
    } else if status == Some(429) || has("rate_limit") || has("rate-limit") {
        Error::RateLimited(limits::wait(&[], &told.message))
    } else if matches!(status, Some(503 | 529)) || has("overloaded") || has("capacity") {
        Error::Overloaded
    } else if matches!(status, Some(408 | 504)) || has("timeout") {
        Error::Timeout
    } else if matches!(status, Some(401 | 403)) || has("permission") || told.is_wrong_key() {
        Error::unauthenticated(told.fault().hint(WRONG_KEY))
    } else if status == Some(404) || has("NotFound") {
        Error::not_found(told.fault())
    } else if matches!(status, Some(400 | 413 | 422))
        || has("invalid_")
        || has("BadRequest")
        || has("image_")
    {
        Error::invalid(told.fault())
    } else {
        Error::unavailable(told.fault())
    }
}
