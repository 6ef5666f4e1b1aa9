//! What changes.

use crate::api::Api;
use crate::http::sse;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use labd_auth::Caller;
use labd_protocol::Notice;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(events))
}

/// What changes from now on, as a stream of server-sent events
///
/// `event` is the notice's type, `data` a `Notice`. Notices are not kept; `resync` says that some
/// were missed.
#[utoipa::path(
    get, path = "/events", tag = "daemon",
    responses((status = 200, content_type = "text/event-stream", body = Notice))
)]
async fn events(State(api): State<Api>, Extension(caller): Extension<Caller>) -> Response {
    sse::notices(api, caller)
}
