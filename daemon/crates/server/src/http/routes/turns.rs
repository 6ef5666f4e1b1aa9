//! Turns.

use crate::api::Api;
use crate::http::extract::{Answer, Body, Params, Search};
use crate::http::problem::ProblemDocument;
use crate::http::sse;
use crate::limits::{MAX_EVENTS, MAX_WAIT};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode};
use labd_auth::Caller;
use labd_protocol::{ProjectId, StartTurn, Turn, TurnEvents, TurnId};
use serde::Deserialize;
use std::time::Duration;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(turns, turn_start))
        .routes(routes!(turn))
        .routes(routes!(turn_stop))
        .routes(routes!(turn_events))
        .routes(routes!(turn_prompt))
}

/// The turns of a project, the latest first
#[utoipa::path(
    get, path = "/projects/{id}/turns", tag = "turns", params(("id" = String, Path, description = "The project's id")),
    responses((status = 200, body = Vec<Turn>))
)]
async fn turns(State(api): State<Api>, Params(id): Params<ProjectId>) -> Answer<Vec<Turn>> {
    Ok(Json(api.backend().turns(id).await?))
}

/// Start a turn, or find it when it has been started
#[utoipa::path(
    post, path = "/projects/{id}/turns", tag = "turns", params(("id" = String, Path, description = "The project's id")),
    request_body = StartTurn, responses((status = 201, body = Turn))
)]
async fn turn_start(
    State(api): State<Api>,
    Params(id): Params<ProjectId>,
    Body(start): Body<StartTurn>,
) -> Result<(StatusCode, Json<Turn>), ProblemDocument> {
    Ok((
        StatusCode::CREATED,
        Json(api.backend().turn_start(id, start).await?),
    ))
}

/// One turn
#[utoipa::path(
    get, path = "/projects/{id}/turns/{turn}", tag = "turns",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("turn" = String, Path, description = "The turn's id")
    ),
    responses((status = 200, body = Turn))
)]
async fn turn(
    State(api): State<Api>,
    Params((id, turn)): Params<(ProjectId, TurnId)>,
) -> Answer<Turn> {
    Ok(Json(api.backend().turn(id, turn).await?))
}

/// Stop a turn
///
/// Stopping one that has ended changes nothing.
#[utoipa::path(
    post, path = "/projects/{id}/turns/{turn}/stop", tag = "turns",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("turn" = String, Path, description = "The turn's id")
    ),
    responses((status = 200, body = Turn))
)]
async fn turn_stop(
    State(api): State<Api>,
    Params((id, turn)): Params<(ProjectId, TurnId)>,
) -> Answer<Turn> {
    Ok(Json(api.backend().turn_stop(id, turn).await?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Page {
    /// The number of the last event that was seen; 0 for none. `Last-Event-ID` counts before it.
    #[serde(default)]
    after: u64,
    /// The most events of a page; 1 000 when absent, and at most.
    max: Option<u32>,
    /// Milliseconds to wait for an event when there is none yet, 30 000 at most. For pages only.
    #[serde(default)]
    wait_ms: u32,
}

/// The events of a turn: a stream, or one page of JSON
///
/// With `Accept: application/json`, a page. Else a stream of server-sent events: `id` is the
/// event's number, `event` its type, `data` a `TurnEventRecord`; it ends after `finished`, and a
/// browser that comes back goes on where it was.
#[utoipa::path(
    get, path = "/projects/{id}/turns/{turn}/events", tag = "turns",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("turn" = String, Path, description = "The turn's id"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The number of the last event that was seen"),
        Page
    ),
    responses((status = 200, content(
        (TurnEvents = "application/json"),
        (String = "text/event-stream")
    )))
)]
async fn turn_events(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Params((id, turn)): Params<(ProjectId, TurnId)>,
    Search(page): Search<Page>,
    headers: HeaderMap,
) -> Result<Response, ProblemDocument> {
    let after = sse::last_event_id(&headers).unwrap_or(page.after);
    let max = page.max.unwrap_or(MAX_EVENTS).clamp(1, MAX_EVENTS);
    if sse::wants_stream(&headers) {
        let first = api
            .backend()
            .turn_events(id, turn, after, MAX_EVENTS, Duration::ZERO)
            .await?;
        return Ok(sse::turn(api, caller, (id, turn), after, first));
    }
    let wait = Duration::from_millis(page.wait_ms.into()).min(MAX_WAIT);
    let closing = api.closing().clone();
    tokio::select! {
        events = api.backend().turn_events(id, turn, after, max, wait) => {
            Ok(Json(events?).into_response())
        }
        () = closing.cancelled() => {
            Ok(Json(TurnEvents { events: Vec::new(), end: false }).into_response())
        }
    }
}

/// The whole prompt that was sent to the model, as text
#[utoipa::path(
    get, path = "/projects/{id}/turns/{turn}/prompt", tag = "turns",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("turn" = String, Path, description = "The turn's id")
    ),
    responses((status = 200, content_type = "text/plain", body = String))
)]
async fn turn_prompt(
    State(api): State<Api>,
    Params((id, turn)): Params<(ProjectId, TurnId)>,
) -> Result<String, ProblemDocument> {
    Ok(api.backend().turn_prompt(id, turn).await?)
}
