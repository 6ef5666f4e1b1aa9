//! Errors over HTTP: problem documents (RFC 9457) with labd's stable codes.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use labd_protocol::{ApiError, ErrorCode, FieldError};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// `urn:labd:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:labd:problem:not_found")]
    pub(crate) kind: String,
    /// The code in words.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The stable reason.
    pub(crate) code: ErrorCode,
    /// A sentence for a person, that says what to do where something can be done.
    pub(crate) detail: String,
    /// Parts of the request that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fields: Vec<FieldError>,
    /// The other side's own code: an SQLSTATE, a provider's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upstream_code: Option<String>,
    /// Where in the statement the fault lies, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<u32>,
    /// What would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    /// Milliseconds after which to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_ms: Option<u64>,
}

impl ProblemDocument {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        ApiError::new(code, detail).into()
    }

    /// With a status that says more than the code's own.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status.as_u16();
        self
    }

    pub(crate) fn http_status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ApiError> for ProblemDocument {
    fn from(error: ApiError) -> Self {
        let code = error.code;
        let mut title = code.as_str().replace('_', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self {
            kind: format!("urn:labd:problem:{}", code.as_str()),
            title,
            status: code.http_status(),
            code,
            detail: error.message,
            fields: error.fields,
            upstream_code: error.upstream_code,
            position: error.position,
            hint: error.hint,
            retry_after_ms: error.retry_after_ms,
        }
    }
}

impl From<ProblemDocument> for ApiError {
    fn from(problem: ProblemDocument) -> Self {
        Self {
            code: problem.code,
            message: problem.detail,
            fields: problem.fields,
            upstream_code: problem.upstream_code,
            position: problem.position,
            hint: problem.hint,
            retry_after_ms: problem.retry_after_ms,
        }
    }
}

impl IntoResponse for ProblemDocument {
    fn into_response(self) -> Response {
        let status = self.http_status();
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media_type);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000)));
        }
        response
    }
}
