//! The API's routes, each described where it is written. Handlers are thin: they take the request
//! apart, call the facade, and name the status.
//!
//! A handler is dropped when its client goes away, unless its routes are [`finished`].

mod daemon;
mod deploy;
mod events;
mod files;
mod gateway;
mod plugins;
mod projects;
mod providers;
mod sources;
mod turns;

use crate::api::Api;
use crate::http::problem::ProblemDocument;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::Method;
use labd_protocol::ErrorCode;
use utoipa_axum::router::OpenApiRouter;

/// All routes under `/api/v1` that need a caller, and `POST /session`, which makes one.
pub(crate) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(daemon::routes())
        .merge(sources::routes())
        .merge(projects::routes())
        .merge(files::routes())
        .merge(turns::routes())
        .merge(deploy::routes())
        .merge(plugins::routes())
        .merge(providers::routes())
        .merge(gateway::routes())
        .merge(events::routes())
        .layer(from_fn(finished))
        .merge(sources::questions())
}

/// A change that was begun is finished, whether the client waits for it or not.
async fn finished(request: Request, next: Next) -> Result<Response, ProblemDocument> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(next.run(request).await);
    }
    tokio::spawn(next.run(request)).await.map_err(|error| {
        tracing::error!(%error, "a request's handler failed");
        ProblemDocument::new(ErrorCode::Internal, "labd failed; its log has more.")
    })
}
