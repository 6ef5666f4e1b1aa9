//! Errors of the API: `{"error":{"code","message","status","details"}}`, alone or in a list, as the
//! body of a response and in a stream. What the details tell decides before the status does: a wrong
//! key is a 400, and a quota of none is a 429 that no waiting helps.

use labd_plugin::{Error, Fault, Host, api, http};
use serde_json::Value;
use std::time::Duration;

/// What an error says.
#[derive(Debug, Default)]
struct Told {
    message: String,
    /// `INVALID_ARGUMENT`, `RESOURCE_EXHAUSTED`, …
    status: String,
    /// `API_KEY_INVALID`, …
    reasons: Vec<String>,
    /// The wait that the server asks for, in milliseconds.
    wait: Option<u32>,
    /// A quota is none at all.
    has_no_quota: bool,
}

impl Told {
    /// From a body; none when it holds no error.
    fn of(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let object = value.get(0).unwrap_or(&value).get("error")?;
        let word = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        // Interactions have a word for a code.
        let status = match word("status") {
            "" => word("code"),
            status => status,
        };
        let mut told = Self {
            message: api::excerpt(match object {
                Value::String(message) => message,
                _ => word("message"),
            }),
            status: status.to_ascii_uppercase(),
            ..Self::default()
        };
        let details = object.get("details").and_then(Value::as_array);
        for detail in details.into_iter().flatten() {
            told.hear(detail);
        }
        told.has_no_quota |=
            told.message.contains("limit: 0,") || told.message.ends_with("limit: 0");
        Some(told)
    }

    /// One of the details: `google.rpc.ErrorInfo`, `QuotaFailure` or `RetryInfo`.
    fn hear(&mut self, detail: &Value) {
        let word = |key: &str| detail.get(key).and_then(Value::as_str);
        self.reasons.extend(word("reason").map(str::to_owned));
        self.wait = word("retryDelay").and_then(delay).or(self.wait);
        let violations = detail.get("violations").and_then(Value::as_array);
        self.has_no_quota |= violations.into_iter().flatten().any(|one| {
            let value = one.get("quotaValue");
            value.and_then(Value::as_str) == Some("0") || value.and_then(Value::as_u64) == Some(0)
        });
    }

    fn fault(&self) -> Fault {
        let code = self.reasons.first().unwrap_or(&self.status);
        let fault = Fault::new(self.message.clone());
        match code.as_str() {
            "" => fault,
            code => fault.code(code),
        }
    }

    /// What the words settle, whatever the status.
    fn settled(&self) -> Option<Error> {
        let fault = self.fault();
        let is = |word: &str| self.status == word || self.reasons.iter().any(|one| one == word);
        let message = self.message.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
        let spent = has(&["credits are depleted", "spending cap", "spend cap"]);
        if is("API_KEY_INVALID") || is("UNAUTHENTICATED") || is("PERMISSION_DENIED") {
            let hint = "check the API key of this provider, and that it may use the Gemini API";
            return Some(Error::unauthenticated(fault.hint(hint)));
        }
        if self.has_no_quota || spent {
            let hint = "the key's project has no quota for this model, or its credit is spent; choose another model, or set up billing for the project";
            // Its own status is that of a limit, which is whole again soon.
            return Some(Error::invalid(fault.code("quota_limit_zero").hint(hint)));
        }
        Some(match self.status.as_str() {
            "NOT_FOUND" => Error::not_found(fault.hint(
                "choose one of the provider's models; if it is one, check that `base-url` ends with the version, such as /v1beta",
            )),
            "RESOURCE_EXHAUSTED" => Error::RateLimited(self.wait),
            "UNAVAILABLE" => self
                .wait
                .map_or(Error::Overloaded, |wait| Error::RateLimited(Some(wait))),
            "DEADLINE_EXCEEDED" => Error::Timeout,
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => {
                Error::invalid(if has(&["maximum number of tokens", "token count"]) {
                    fault.hint("the request is longer than the model's context; shorten it, or choose a model with a larger one")
                } else {
                    fault
                })
            }
            _ => return None,
        })
    }
}

/// Milliseconds of `34.4s`.
fn delay(text: &str) -> Option<u32> {
    let seconds = text.trim().strip_suffix('s')?.parse::<f64>().ok()?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    u32::try_from(wait.as_millis()).ok()
}

/// The error of a response whose status is no success.
pub fn of_response<H: Host>(
    host: &H,
    status: u16,
    headers: &[(String, String)],
    text: &str,
) -> Error {
    let told = Told::of(text).unwrap_or_else(|| Told {
        message: api::plain_message(text),
        ..Told::default()
    });
    let by_status = |fault| http::status_error(host, status, headers, fault);
    match told.settled() {
        // The body's wait is the exact one; without it a header may tell.
        Some(Error::RateLimited(None) | Error::Overloaded) | None => {
            let fault = match status {
                401 | 403 => told.fault().hint("check the API key of this provider"),
                404 => told.fault().hint(
                    "check the model's name, and that `base-url` ends with the version, such as /v1beta",
                ),
                _ => told.fault(),
            };
            match (by_status(fault), told.wait) {
                (Error::RateLimited(None), Some(wait)) => Error::RateLimited(Some(wait)),
                (error, _) => error,
            }
        }
        Some(error) => error,
    }
}

/// The error that a chunk, or a body that came in a stream's place, reports; none when it reports
/// none.
pub fn in_stream(text: &str) -> Option<Error> {
    let told = Told::of(text)?;
    Some(told.settled().unwrap_or_else(|| {
        let has = |word: &str| told.status.contains(word);
        if has("RATE") || has("QUOTA") {
            Error::RateLimited(told.wait)
        } else if has("OVERLOADED") {
            Error::Overloaded
        } else if has("TIMEOUT") {
            Error::Timeout
        } else if has("INVALID") {
            Error::invalid(told.fault())
        } else {
            Error::unavailable(told.fault())
        }
    }))
}
