//! Errors of the API. The code decides before the status does: an account without credit answers
//! 429 too, and waiting does not help there.

use labd_plugin::{Error, Fault, Host, http};
use serde_json::Value;

/// Characters of a message that are kept.
const MESSAGE: usize = 600;

/// What an error's body says.
#[derive(Debug, Default)]
struct Told {
    message: String,
    /// Code and type, what there is of them.
    codes: Vec<String>,
}

impl Told {
    /// From `{"error": {…}}`, `{"error": "…"}`, `{"detail": "…"}`, `{"message": "…"}`, or plain
    /// text.
    fn of(text: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            let message = match text.trim_start().starts_with('<') {
                true => web_page_message(text),
                false => short(text),
            };
            return Self {
                message,
                codes: Vec::new(),
            };
        };
        // Some wrap the object in a list.
        let value = value.get(0).cloned().unwrap_or(value);
        Self::of_object(
            value
                .get("error")
                .filter(|one| !one.is_null())
                .unwrap_or(&value),
        )
    }

    fn of_object(value: &Value) -> Self {
        let message = match value {
            Value::String(text) => text.clone(),
            _ => ["message", "detail", "error", "msg"]
                .iter()
                .find_map(|key| value.get(key))
                .map(|told| {
                    told.as_str()
                        .map_or_else(|| told.to_string(), str::to_owned)
                })
                .unwrap_or_else(|| value.to_string()),
        };
        let codes = ["code", "type"]
            .iter()
            .filter_map(|key| value.get(key))
            .filter_map(|code| match code {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
            .collect();
        Self {
            message: short(&message),
            codes,
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
            let hint = "the provider's account has no credit left, or its spending limit is reached; raise it there, or use another provider";
            return Some(Error::invalid(self.fault().hint(hint)));
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
            return Some(Error::unauthenticated(self.fault()));
        }
        if self.has(|code| code == "model_not_found") {
            return Some(Error::not_found(
                self.fault().hint("choose one of the provider's models"),
            ));
        }
        if self.has(|code| code == "context_length_exceeded") {
            return Some(Error::invalid(self.fault().hint(
                "the request is longer than the model's context; choose a model with a larger one",
            )));
        }
        None
    }
}

/// The account cannot pay: waiting does not help.
fn is_spent(code: &str) -> bool {
    matches!(
        code,
        "insufficient_quota"
            | "credit_balance_exhausted"
            | "billing_hard_limit_reached"
            | "organization_usage_limit_exceeded"
    ) || code.contains("_spend_limit_")
}

fn short(text: &str) -> String {
    let text = text.trim();
    let cut: String = text.chars().take(MESSAGE).collect();
    if cut.is_empty() {
        "the server gave no reason".into()
    } else {
        cut
    }
}

/// What a web page that came instead of an answer is about: it stands in the place of the API when
/// the address is wrong, or when a proxy in between has failed.
fn web_page_message(html: &str) -> String {
    let title = html
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"))
        .map(|(title, _)| title.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|title| !title.is_empty());
    match title {
        Some(title) => format!("the server answered with a web page, \"{}\"", short(&title)),
        None => "the server answered with a web page".to_owned(),
    }
}

/// The error of a success that is a web page.
pub fn web_page(html: &str) -> Error {
    let hint = "check that `base-url` is the API's own address, which ends with the version as a rule: https://api.openai.com/v1";
    Error::unavailable(Fault::new(web_page_message(html)).hint(hint))
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
    let fault = match status {
        401 | 403 => told.fault().hint("check the API key of this provider"),
        404 => told
            .fault()
            .hint("check the model's name, and that `base-url` ends with the version, such as /v1"),
        _ => told.fault(),
    };
    http::status_error(host, status, headers, fault)
}

/// The error that a frame of a stream reports; none when it reports none.
pub fn in_stream(frame: &Value) -> Option<Error> {
    let object = match frame.get("error").filter(|error| !error.is_null()) {
        Some(error) => error,
        None if frame.get("object").and_then(Value::as_str) == Some("error") => frame,
        None => return None,
    };
    let told = Told::of_object(object);
    if let Some(error) = told.settled() {
        return Some(error);
    }
    // OpenRouter puts the upstream's status here.
    let status = object
        .get("code")
        .and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
    let has = |word: &str| told.has(|code| code.contains(word));
    Some(
        if status == Some(429) || has("rate_limit") || has("rate-limit") {
            Error::RateLimited(None)
        } else if matches!(status, Some(503 | 529)) || has("overloaded") {
            Error::Overloaded
        } else if matches!(status, Some(408 | 504)) || has("timeout") {
            Error::Timeout
        } else if matches!(status, Some(401 | 403)) {
            Error::unauthenticated(told.fault())
        } else if matches!(status, Some(400 | 413 | 422)) || has("invalid_request") {
            Error::invalid(told.fault())
        } else {
            Error::unavailable(told.fault())
        },
    )
}
