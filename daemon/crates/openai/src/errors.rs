//! Errors as OpenAI writes them: `{"error": {"message", "type", "param", "code"}}`.
//!
//! | labd's code | status | type | code | again? |
//! | --- | --- | --- | --- | --- |
//! | `invalid_request` | 400 | `invalid_request_error` | the upstream's | |
//! | the same, upstream says `insufficient_quota` | 429 | `insufficient_quota` | the same | no |
//! | `unauthenticated` | 401 | `invalid_request_error` | `invalid_api_key` | |
//! | `forbidden`, `permission_denied`, `write_refused` | 403 | `permission_error` | labd's | |
//! | `not_found` | 404 | `invalid_request_error` | the upstream's, or `model_not_found` | |
//! | `conflict` | 409 | `invalid_request_error` | labd's | no |
//! | `too_large` | 413 | `invalid_request_error` | labd's | |
//! | `rate_limited` | 429 | `rate_limit_error` | the upstream's, or `rate_limit_exceeded` | after `retry-after`; no when that is more than a minute |
//! | `overloaded` | 503 | `server_error` | labd's | after `retry-after` |
//! | `unreachable`, `tls_failed` | 502 | `server_error` | labd's | |
//! | `credential_refused` | 502 | `server_error` | labd's | no |
//! | `timeout` | 504 | `server_error` | labd's | no |
//! | any other | as over labd's own API | `server_error` from 500 on | labd's | no |
//!
//! A provider that refuses the key that labd holds is no 401: the caller's own key is good. "Again"
//! is `x-should-retry`, which OpenAI's libraries obey before they look at the status: where an
//! answer may have been made and paid for, or nothing would change, they are told not to ask again.

use crate::{Body, json};
use http::{HeaderValue, Method, Response, StatusCode, header};
use labd_protocol::{ApiError, ErrorCode};
use serde::Serialize;
use std::borrow::Cow;

const INVALID: &str = "invalid_request_error";
const SERVER: &str = "server_error";
const QUOTA: &str = "insufficient_quota";
/// The longest that a client may sensibly wait before it asks again; OpenAI's own wait no longer.
const LONGEST_WAIT_MS: u64 = 60_000;

/// Why a request was not done, as OpenAI tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) detail: Detail,
    /// What OpenAI's libraries are told, where the status alone would mislead them.
    retry: Option<bool>,
    retry_after_ms: Option<u64>,
    allow: Option<Method>,
}

/// What stands under `error`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Detail {
    pub(crate) message: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) param: Option<String>,
    pub(crate) code: Option<Cow<'static, str>>,
}

/// The whole body of an error, and the data of one in a stream.
#[derive(Serialize)]
pub(crate) struct Envelope<'a> {
    pub(crate) error: &'a Detail,
}

impl Fault {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            detail: Detail {
                message: message.into(),
                kind,
                param: None,
                code: None,
            },
            retry: None,
            retry_after_ms: None,
            allow: None,
        }
    }

    /// A parameter is wrong.
    pub(crate) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        let mut fault = Self::new(StatusCode::BAD_REQUEST, INVALID, message);
        fault.detail.param = Some(param.into()).filter(|param| !param.is_empty());
        fault
    }

    /// A parameter asks for what labd does not have.
    pub(crate) fn unsupported(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(param, message).code("unsupported_parameter")
    }

    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.detail.code = Some(Cow::Borrowed(code));
        self
    }

    pub(crate) fn no_such_address(method: &Method, path: &str) -> Self {
        let mut message = format!("There is no {method} {path} here.");
        if path.starts_with("/v1/responses/") {
            message.push_str(" labd keeps no responses; send the conversation in `input`.");
        } else {
            message.push_str(
                " There are: POST /v1/chat/completions, POST /v1/responses, POST /v1/embeddings, \
                 GET /v1/models.",
            );
        }
        Self::new(StatusCode::NOT_FOUND, INVALID, message).code("unknown_url")
    }

    pub(crate) fn wrong_method(method: &Method, right: &Method) -> Self {
        let mut fault = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            INVALID,
            format!("This address does not know {method}; use {right}."),
        )
        .code("method_not_allowed");
        fault.allow = Some(right.clone());
        fault
    }

    pub(crate) fn no_such_model(model: &str) -> Self {
        let message =
            format!("There is no model {model}. GET /v1/models lists those that can be named.");
        let mut fault = Self::new(StatusCode::NOT_FOUND, INVALID, message).code("model_not_found");
        fault.detail.param = Some("model".into());
        fault
    }

    /// The answer.
    pub(crate) fn response(&self) -> Response<Body> {
        let envelope = Envelope {
            error: &self.detail,
        };
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        let mut response = json(self.status, body);
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000)));
            headers.insert("retry-after-ms", HeaderValue::from(wait));
        }
        if let Some(retry) = self.retry {
            let text = if retry { "true" } else { "false" };
            headers.insert("x-should-retry", HeaderValue::from_static(text));
        }
        if let Some(allowed) = &self.allow
            && let Ok(allowed) = HeaderValue::from_str(allowed.as_str())
        {
            headers.insert(header::ALLOW, allowed);
        }
        response
    }
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        let own = Some(Cow::Borrowed(error.code.as_str()));
        let quota = error.upstream_code.as_deref() == Some(QUOTA);
        let upstream = error.upstream_code.map(Cow::Owned);
        let (status, kind, code, retry) = match error.code {
            _ if quota => (429, QUOTA, upstream, Some(false)),
            ErrorCode::InvalidRequest => (400, INVALID, upstream, None),
            ErrorCode::Unauthenticated => (401, INVALID, Some("invalid_api_key".into()), None),
            ErrorCode::Forbidden | ErrorCode::PermissionDenied | ErrorCode::WriteRefused => {
                (403, "permission_error", own, None)
            }
            ErrorCode::NotFound | ErrorCode::UnknownMethod => {
                let code = upstream.or(Some("model_not_found".into()));
                (404, INVALID, code, None)
            }
            ErrorCode::Conflict => (409, INVALID, own, Some(false)),
            ErrorCode::RateLimited => {
                let code = upstream.or(Some("rate_limit_exceeded".into()));
                // Nobody stays for as long as a day's budget takes.
                let long = error
                    .retry_after_ms
                    .is_some_and(|wait| wait > LONGEST_WAIT_MS);
                (429, "rate_limit_error", code, long.then_some(false))
            }
            ErrorCode::Overloaded => (503, SERVER, own, None),
            ErrorCode::Unreachable | ErrorCode::TlsFailed => (502, SERVER, own, None),
            ErrorCode::CredentialRefused => (502, SERVER, own, Some(false)),
            ErrorCode::Timeout => (504, SERVER, own, Some(false)),
            other => {
                let status = other.http_status();
                let kind = if status < 500 { INVALID } else { SERVER };
                (status, kind, own, (status >= 500).then_some(false))
            }
        };
        let mut message = error.message;
        if let Some(hint) = error.hint {
            message.push(' ');
            message.push_str(&hint);
        }
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            detail: Detail {
                message,
                kind,
                param: error.fields.into_iter().next().map(|field| field.field),
                code,
            },
            retry,
            retry_after_ms: error.retry_after_ms,
            allow: None,
        }
    }
}

/// An error from before the face, in its shape; with a status that says more than the code's own.
pub fn refusal(status: StatusCode, error: ApiError) -> Response<Body> {
    let mut fault = Fault::from(error);
    fault.status = status;
    fault.response()
}

/// A stream that ended before its model had.
pub(crate) fn cut_off() -> ApiError {
    ApiError::new(
        ErrorCode::Unreachable,
        "The answer ended before the model had finished. Ask again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::text;
    use serde_json::{Value, json};

    async fn told(error: ApiError) -> (u16, Value, http::HeaderMap) {
        let (parts, body) = Fault::from(error).response().into_parts();
        let body = serde_json::from_str(&text(body).await).unwrap();
        (parts.status.as_u16(), body, parts.headers)
    }

    #[tokio::test]
    async fn a_rate_limit_tells_when_to_come_back() {
        let error = ApiError {
            retry_after_ms: Some(6_500),
            ..ApiError::new(ErrorCode::RateLimited, "Acme asks to slow down.")
        };
        let (status, body, headers) = told(error).await;
        assert_eq!(status, 429);
        assert_eq!(
            body,
            json!({"error": {
                "message": "Acme asks to slow down.", "type": "rate_limit_error",
                "param": null, "code": "rate_limit_exceeded"
            }})
        );
        assert_eq!(headers["retry-after"], "7");
        assert_eq!(headers["retry-after-ms"], "6500");
        assert!(!headers.contains_key("x-should-retry"));
    }

    #[tokio::test]
    async fn nobody_is_to_wait_until_a_budget_begins_anew() {
        let error = ApiError {
            retry_after_ms: Some(3_600_000),
            ..ApiError::new(ErrorCode::RateLimited, "The day's budget is spent.")
        };
        let (status, _, headers) = told(error).await;
        assert_eq!(status, 429);
        assert_eq!(headers["retry-after"], "3600");
        assert_eq!(headers["x-should-retry"], "false");
    }

    #[tokio::test]
    async fn what_would_not_change_is_not_asked_again() {
        let quota = ApiError {
            upstream_code: Some("insufficient_quota".into()),
            ..ApiError::new(ErrorCode::InvalidRequest, "No credit.")
        };
        let (status, body, headers) = told(quota).await;
        assert_eq!((status, &body["error"]["type"]), (429, &json!(QUOTA)));
        assert_eq!(headers["x-should-retry"], "false");
        for (code, status) in [
            (ErrorCode::CredentialRefused, 502),
            (ErrorCode::Timeout, 504),
            (ErrorCode::PluginFailed, 500),
            (ErrorCode::Internal, 500),
            (ErrorCode::StorageFailed, 507),
            (ErrorCode::Conflict, 409),
        ] {
            let (told, _, headers) = told(ApiError::new(code, "No.")).await;
            assert_eq!(told, status, "{code:?}");
            assert_eq!(headers["x-should-retry"], "false", "{code:?}");
        }
    }

    #[tokio::test]
    async fn an_error_names_its_parameter_and_what_would_help() {
        let error = ApiError::invalid("model", "No such model.").with_hint("Choose another.");
        let (status, body, _) = told(error).await;
        assert_eq!(status, 400);
        assert_eq!(
            body,
            json!({"error": {
                "message": "No such model. Choose another.", "type": "invalid_request_error",
                "param": "model", "code": null
            }})
        );
    }

    #[tokio::test]
    async fn only_a_bad_token_is_401() {
        for (code, status) in [
            (ErrorCode::Unauthenticated, 401),
            (ErrorCode::CredentialRefused, 502),
            (ErrorCode::PermissionDenied, 403),
            (ErrorCode::NotFound, 404),
            (ErrorCode::TooLarge, 413),
            (ErrorCode::Unreachable, 502),
            (ErrorCode::Overloaded, 503),
        ] {
            let (told, body, _) = told(ApiError::new(code, "No.")).await;
            assert_eq!(told, status, "{code:?}");
            assert!(body["error"]["code"].is_string(), "{code:?}");
        }
    }
}
