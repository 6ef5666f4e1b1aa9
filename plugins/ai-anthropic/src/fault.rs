//! Errors of the API: `{"type":"error","error":{"type","message"},"request_id"}`, as the body of a
//! response and as an event of a stream. The type decides before the status does; a
//! `rate_limit_error` says when to come again, in `retry-after` or by the moment when a spent
//! `anthropic-ratelimit-*` is whole again.

use labd_plugin::{Error, Fault, Host, api, http};
use serde::Deserialize;

/// What an error says.
#[derive(Debug, Default, Deserialize)]
struct Told {
    error: Option<Inner>,
    request_id: Option<String>,
    /// Servers that are not Anthropic's.
    message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Inner {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
}

impl Told {
    fn kind(&self) -> &str {
        let kind = self.error.as_ref().and_then(|error| error.kind.as_deref());
        kind.unwrap_or_default()
    }

    fn fault(&self) -> Fault {
        let inner = self.error.as_ref();
        let message = inner
            .and_then(|error| error.message.as_deref())
            .or(self.message.as_deref());
        let mut message = api::excerpt(message.unwrap_or_default());
        if let Some(id) = &self.request_id {
            message.push_str(&format!(" (request {id})"));
        }
        let fault = Fault::new(message);
        match self.kind() {
            "" => fault,
            kind => fault.code(kind),
        }
    }

    /// What the type settles, whatever the status.
    fn settled(&self) -> Option<Error> {
        let fault = self.fault();
        let has = |words: &[&str]| {
            let message = fault.message.to_ascii_lowercase();
            words.iter().any(|word| message.contains(word))
        };
        let spent = "the account has no credit left, or its limit of spending is reached; raise it in Anthropic's console, or use another provider";
        let long = "the request is longer than the model's context; shorten it, or choose a model with a larger one";
        Some(match self.kind() {
            "authentication_error" => {
                Error::unauthenticated(fault.hint("check the API key of this provider"))
            }
            "permission_error" => Error::unauthenticated(
                fault.hint("the API key may not use this; check its workspace's permissions"),
            ),
            "billing_error" => Error::invalid(fault.hint(spent)),
            "not_found_error" => Error::not_found(
                fault.hint("choose one of the provider's models; if it is one, check `base-url`"),
            ),
            "request_too_large" => Error::invalid(
                fault.hint("a request is at most 32 MB; send fewer or smaller pictures and files"),
            ),
            "timeout_error" => Error::Timeout,
            // Sent as a rate limit, and no waiting helps.
            "rate_limit_error" if has(&["extra usage"]) => Error::invalid(fault.hint(long)),
            "invalid_request_error" => {
                if has(&["credit balance", "usage limits", "spend limit"]) {
                    // Its own type says nothing of it.
                    Error::invalid(fault.code("billing_error").hint(spent))
                } else if has(&["prompt is too long", "context limit", "context window"]) {
                    Error::invalid(fault.hint(long))
                } else {
                    Error::invalid(fault)
                }
            }
            _ => return None,
        })
    }
}

/// The error of a response whose status is no success.
pub fn of_response<H: Host>(
    host: &H,
    status: u16,
    headers: &[(String, String)],
    text: &str,
) -> Error {
    let told = serde_json::from_str::<Told>(text).unwrap_or_else(|_| Told {
        message: Some(api::plain_message(text)),
        ..Told::default()
    });
    let by_status = |status| http::status_error(host, status, headers, told.fault());
    // What two requests did to each other has no type of its own.
    if status == 409 {
        return by_status(status);
    }
    if let Some(error) = told.settled() {
        return error;
    }
    match (told.kind(), status) {
        ("rate_limit_error", _) => waiting(by_status(429), host, headers),
        ("overloaded_error", _) => by_status(529),
        ("api_error", ..500) => by_status(500),
        (_, 429) => waiting(by_status(429), host, headers),
        (_, 401 | 403) => {
            let fault = told.fault().hint("check the API key of this provider");
            http::status_error(host, status, headers, fault)
        }
        (_, 404) => {
            let fault = told
                .fault()
                .hint("check the model's name and `base-url`, which is without /v1");
            http::status_error(host, status, headers, fault)
        }
        _ => by_status(status),
    }
}

/// A rate limit with its wait, when only the limits themselves tell it.
fn waiting<H: Host>(error: Error, host: &H, headers: &[(String, String)]) -> Error {
    let Error::RateLimited(None) = error else {
        return error;
    };
    let resets = headers.iter().filter_map(|(name, value)| {
        let limit = name
            .strip_prefix("anthropic-ratelimit-")?
            .strip_suffix("-reset")?;
        let remaining = http::header(headers, &format!("anthropic-ratelimit-{limit}-remaining"))?;
        (remaining.trim() == "0").then(|| http::timestamp(value))?
    });
    // All that are spent must be whole again.
    let wait = resets.max().map(|at| at.saturating_sub(host.now()));
    Error::RateLimited(wait.map(|wait| u32::try_from(wait).unwrap_or(u32::MAX)))
}

/// The error that an event, or a body that came in a stream's place, reports; none when it reports
/// none.
pub fn in_stream(text: &str) -> Option<Error> {
    let told = serde_json::from_str::<Told>(text).ok()?;
    told.error.as_ref()?;
    Some(told.settled().unwrap_or_else(|| match told.kind() {
        "overloaded_error" => Error::Overloaded,
        "rate_limit_error" => Error::RateLimited(None),
        _ => Error::unavailable(told.fault()),
    }))
}
