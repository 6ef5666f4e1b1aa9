//! What a handler takes from a request; what does not fit becomes a problem document.

use super::problem::ProblemDocument;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, request::Parts};
use labd_auth::Caller;
use labd_protocol::{ErrorCode, wrong_json};
use serde::de::DeserializeOwned;

/// What most handlers return.
pub(crate) type Answer<T> = Result<axum::Json<T>, ProblemDocument>;

/// `204 No Content`, or why not.
pub(crate) type Nothing = Result<StatusCode, ProblemDocument>;

/// The parameters of the path. What is no id is nothing that exists.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = ProblemDocument;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let Path(params) = Path::from_request_parts(parts, state).await.map_err(|_| {
            ProblemDocument::new(ErrorCode::NotFound, "There is nothing at this address.")
        })?;
        Ok(Self(params))
    }
}

/// A person at the console. Programs with a token cannot decide for one: grants, and whatever else
/// needs somebody's yes, are refused to them.
pub(crate) struct Person;

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = ProblemDocument;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        match parts.extensions.get() {
            Some(Caller::Session(_)) => Ok(Self),
            _ => Err(ProblemDocument::new(
                ErrorCode::Forbidden,
                "This needs a person: an access token cannot decide it.",
            )
            .hint("Do it in the console, or with the command line on the daemon's machine.")),
        }
    }
}

/// The parameters of the query string.
pub(crate) struct Search<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Search<T> {
    type Rejection = ProblemDocument;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let Query(search) = Query::from_request_parts(parts, state)
            .await
            .map_err(|error| ProblemDocument::new(ErrorCode::InvalidRequest, error.body_text()))?;
        Ok(Self(search))
    }
}

/// A body of JSON.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ProblemDocument;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| {
            let status = error.into_response().status();
            ProblemDocument::new(ErrorCode::InvalidRequest, "The body could not be read.")
                .status(status)
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            ProblemDocument::new(
                ErrorCode::InvalidRequest,
                format!("The body is wrong: {}.", wrong_json(&error)),
            )
        })
    }
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

pub(crate) fn not_json() -> ProblemDocument {
    ProblemDocument::new(
        ErrorCode::InvalidRequest,
        "Send Content-Type: application/json.",
    )
    .status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}
