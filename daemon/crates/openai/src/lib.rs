//! The OpenAI-compatible face: what is written for OpenAI's API speaks to labd's providers.
//!
//! | request | module |
//! | --- | --- |
//! | `POST /v1/chat/completions` | [`chat`] |
//! | `POST /v1/responses` | [`responses`] |
//! | `POST /v1/embeddings` | [`embeddings`] |
//! | `GET /v1/models`, `GET /v1/models/{id}` | [`models`] |
//!
//! What holds:
//! - The face knows no provider: it asks [`Models`], which the binary connects.
//! - What it cannot do is refused, with the parameter named; nothing that changes an answer's
//!   meaning is passed over in silence. Each module begins with the table of what it takes.
//! - It keeps nothing: no responses, no conversations, no files. It fetches nothing for a request.
//! - A stream asks for events only when its client takes them, and its end, whoever made it, drops
//!   the [`Answer`] at once.
//! - It does not know who may call; the server lets callers in before.

mod chat;
mod embeddings;
mod errors;
mod input;
mod models;
mod responses;
mod stream;
#[cfg(test)]
mod testing;

pub use errors::refusal;

use async_trait::async_trait;
use bytes::Bytes;
use errors::Fault;
use http::{HeaderValue, Method, Request as HttpRequest, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use labd_plugin_host::kinds::ai::{EmbedRequest, Embeddings, Event, Request};
use labd_protocol::ApiError;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use ulid::Ulid;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// A model that can be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What stands in `model`.
    pub id: String,
    /// Whose it is, for people.
    pub owner: String,
    /// Since when it can be named, in seconds since 1970.
    pub created: u64,
}

/// The models behind the face.
#[async_trait]
pub trait Models: Send + Sync {
    /// What can be named as `model`.
    async fn list(&self) -> Result<Vec<Entry>, ApiError>;

    /// Asks a model for an answer. `caller` names who asks; [`Request::model`] is filled in behind
    /// this.
    async fn complete(
        &self,
        caller: &str,
        model: &str,
        request: Request,
    ) -> Result<Box<dyn Answer>, ApiError>;

    /// Turns texts into vectors. [`EmbedRequest::model`] is filled in behind this.
    async fn embed(
        &self,
        caller: &str,
        model: &str,
        request: EmbedRequest,
    ) -> Result<Embeddings, ApiError>;
}

/// A running answer. Dropping it closes the upstream connection at once.
#[async_trait]
pub trait Answer: Send {
    /// Waits for at least one event and gives those that are ready, at most `max`; empty at the
    /// end.
    async fn next(&mut self, max: u32) -> Result<Vec<Event>, ApiError>;
}

/// Answers requests under `/v1`.
#[derive(Clone)]
pub struct Face {
    models: Arc<dyn Models>,
}

impl Face {
    /// A face before these models.
    pub fn new(models: Arc<dyn Models>) -> Self {
        Self { models }
    }

    /// Answers one request, whose path begins with `/v1/`. `caller` names who asks.
    pub async fn handle(&self, caller: &str, request: HttpRequest<Bytes>) -> Response<Body> {
        let mut response = match self.answer(caller, &request).await {
            Ok(response) => response,
            Err(fault) => fault.response(),
        };
        if let Ok(id) = HeaderValue::from_str(&new_id("req_")) {
            response.headers_mut().insert("x-request-id", id);
        }
        response
    }

    async fn answer(
        &self,
        caller: &str,
        request: &HttpRequest<Bytes>,
    ) -> Result<Response<Body>, Fault> {
        let path = request.uri().path();
        let body = request.body();
        let models = &self.models;
        match path {
            "/v1/chat/completions" => {
                only(request, Method::POST)?;
                chat::answer(models, caller, body).await
            }
            "/v1/responses" => {
                only(request, Method::POST)?;
                responses::answer(models, caller, body).await
            }
            "/v1/embeddings" => {
                only(request, Method::POST)?;
                embeddings::answer(models.as_ref(), caller, body).await
            }
            "/v1/models" => {
                only(request, Method::GET)?;
                models::all(models.as_ref()).await
            }
            _ => match path.strip_prefix("/v1/models/") {
                Some(id) if !id.is_empty() => {
                    only(request, Method::GET)?;
                    models::one(models.as_ref(), id).await
                }
                _ => Err(Fault::no_such_address(request.method(), path)),
            },
        }
    }
}

/// Refuses every other method.
fn only(request: &HttpRequest<Bytes>, method: Method) -> Result<(), Fault> {
    if *request.method() == method {
        Ok(())
    } else {
        Err(Fault::wrong_method(request.method(), &method))
    }
}

/// An id with its kind before it, as OpenAI writes them.
fn new_id(prefix: &str) -> String {
    let mut id = String::with_capacity(prefix.len() + 26);
    id.push_str(prefix);
    id.push_str(&Ulid::new().to_string().to_ascii_lowercase());
    id
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |passed| passed.as_secs())
}

/// A whole answer.
fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(whole(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn whole(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes))
        .map_err(|never| match never {})
        .boxed_unsync()
}
