//! Deployment targets, deployments and releases. Looking is for every caller; whatever changes
//! something at a target needs a [`Person`].

use crate::api::Api;
use crate::http::extract::{Answer, Body, Nothing, Params, Person, Search};
use crate::http::problem::ProblemDocument;
use crate::http::sse;
use crate::limits::{MAX_EVENTS, MAX_WAIT};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use labd_auth::Caller;
use labd_protocol::{
    DeployEvents, DeployPlan, DeployStart, DeployTarget, Deployment, DeploymentId, DestroyStart,
    ProjectId, ReleaseStatus, RollbackStart, TargetCreate, TargetId, TargetUpdate,
};
use serde::Deserialize;
use std::time::Duration;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(targets, target_create))
        .routes(routes!(target_update, target_remove))
        .routes(routes!(target_test))
        .routes(routes!(deploy_plan))
        .routes(routes!(deployments, deploy_start))
        .routes(routes!(deploy_rollback))
        .routes(routes!(deploy_destroy))
        .routes(routes!(deployment))
        .routes(routes!(deployment_stop))
        .routes(routes!(deployment_resume))
        .routes(routes!(deployment_events))
        .routes(routes!(deployment_status))
        .routes(routes!(deployment_artifact))
}

/// All deployment targets
#[utoipa::path(get, path = "/targets", tag = "deployments", responses((status = 200, body = Vec<DeployTarget>)))]
async fn targets(State(api): State<Api>) -> Answer<Vec<DeployTarget>> {
    Ok(Json(api.deploys().targets().await?))
}

/// Check and save a new target
///
/// Only a person at the console may.
#[utoipa::path(
    post, path = "/targets", tag = "deployments", request_body = TargetCreate,
    responses((status = 201, body = DeployTarget))
)]
async fn target_create(
    _: Person,
    State(api): State<Api>,
    Body(create): Body<TargetCreate>,
) -> Result<(StatusCode, Json<DeployTarget>), ProblemDocument> {
    let target = api.deploys().target_create(create).await?;
    Ok((StatusCode::CREATED, Json(target)))
}

/// Change a target
///
/// Only a person at the console may.
#[utoipa::path(
    patch, path = "/targets/{id}", tag = "deployments", params(("id" = String, Path, description = "The target's id")),
    request_body = TargetUpdate, responses((status = 200, body = DeployTarget))
)]
async fn target_update(
    _: Person,
    State(api): State<Api>,
    Params(id): Params<TargetId>,
    Body(update): Body<TargetUpdate>,
) -> Answer<DeployTarget> {
    Ok(Json(api.deploys().target_update(id, update).await?))
}

/// Remove a target with its credential
///
/// What was deployed there stays. Only a person at the console may.
#[utoipa::path(
    delete, path = "/targets/{id}", tag = "deployments", params(("id" = String, Path, description = "The target's id")),
    responses((status = 204))
)]
async fn target_remove(_: Person, State(api): State<Api>, Params(id): Params<TargetId>) -> Nothing {
    api.deploys().target_remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Check a target's configuration and credential
#[utoipa::path(
    post, path = "/targets/{id}/test", tag = "deployments", params(("id" = String, Path, description = "The target's id")),
    responses((status = 204))
)]
async fn target_test(State(api): State<Api>, Params(id): Params<TargetId>) -> Nothing {
    api.deploys().target_test(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Where {
    /// The target's id.
    #[param(value_type = String)]
    target: TargetId,
}

/// What deploying the head of a project would do
///
/// Changes nothing. Its `digest` is what agreeing to it hands back.
#[utoipa::path(
    get, path = "/projects/{id}/deploy-plan", tag = "deployments",
    params(("id" = String, Path, description = "The project's id"), Where),
    responses((status = 200, body = DeployPlan))
)]
async fn deploy_plan(
    State(api): State<Api>,
    Params(id): Params<ProjectId>,
    Search(to): Search<Where>,
) -> Answer<DeployPlan> {
    Ok(Json(api.deploys().deploy_plan(id, to.target).await?))
}

/// The deployments, rollbacks and destructions of a project, the latest first
#[utoipa::path(
    get, path = "/projects/{id}/deployments", tag = "deployments", params(("id" = String, Path, description = "The project's id")),
    responses((status = 200, body = Vec<Deployment>))
)]
async fn deployments(
    State(api): State<Api>,
    Params(id): Params<ProjectId>,
) -> Answer<Vec<Deployment>> {
    Ok(Json(api.deploys().deployments(id).await?))
}

/// Deploy what a plan says, or find the deployment when it was started before
///
/// Only a person at the console may.
#[utoipa::path(
    post, path = "/projects/{id}/deployments", tag = "deployments", params(("id" = String, Path, description = "The project's id")),
    request_body = DeployStart, responses((status = 201, body = Deployment))
)]
async fn deploy_start(
    _: Person,
    State(api): State<Api>,
    Params(id): Params<ProjectId>,
    Body(start): Body<DeployStart>,
) -> Result<(StatusCode, Json<Deployment>), ProblemDocument> {
    let deployment = api.deploys().deploy_start(id, start).await?;
    Ok((StatusCode::CREATED, Json(deployment)))
}

/// Make an earlier release live again
///
/// Only a person at the console may.
#[utoipa::path(
    post, path = "/projects/{id}/rollback", tag = "deployments", params(("id" = String, Path, description = "The project's id")),
    request_body = RollbackStart, responses((status = 201, body = Deployment))
)]
async fn deploy_rollback(
    _: Person,
    State(api): State<Api>,
    Params(id): Params<ProjectId>,
    Body(start): Body<RollbackStart>,
) -> Result<(StatusCode, Json<Deployment>), ProblemDocument> {
    let deployment = api.deploys().deploy_rollback(id, start).await?;
    Ok((StatusCode::CREATED, Json(deployment)))
}

/// Take down a release, or everything of a project at a target
///
/// Only a person at the console may.
#[utoipa::path(
    post, path = "/projects/{id}/destroy", tag = "deployments", params(("id" = String, Path, description = "The project's id")),
    request_body = DestroyStart, responses((status = 201, body = Deployment))
)]
async fn deploy_destroy(
    _: Person,
    State(api): State<Api>,
    Params(id): Params<ProjectId>,
    Body(start): Body<DestroyStart>,
) -> Result<(StatusCode, Json<Deployment>), ProblemDocument> {
    let deployment = api.deploys().deploy_destroy(id, start).await?;
    Ok((StatusCode::CREATED, Json(deployment)))
}

/// One deployment
#[utoipa::path(
    get, path = "/projects/{id}/deployments/{deployment}", tag = "deployments",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("deployment" = String, Path, description = "The deployment's id")
    ),
    responses((status = 200, body = Deployment))
)]
async fn deployment(
    State(api): State<Api>,
    Params((id, deployment)): Params<(ProjectId, DeploymentId)>,
) -> Answer<Deployment> {
    Ok(Json(api.deploys().deployment(id, deployment).await?))
}

/// Stop a deployment
///
/// Stopping one that has ended changes nothing. Only a person at the console may.
#[utoipa::path(
    post, path = "/projects/{id}/deployments/{deployment}/stop", tag = "deployments",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("deployment" = String, Path, description = "The deployment's id")
    ),
    responses((status = 200, body = Deployment))
)]
async fn deployment_stop(
    _: Person,
    State(api): State<Api>,
    Params((id, deployment)): Params<(ProjectId, DeploymentId)>,
) -> Answer<Deployment> {
    Ok(Json(api.deploys().deployment_stop(id, deployment).await?))
}

/// Go on with a deployment that was broken off
///
/// Only a person at the console may.
#[utoipa::path(
    post, path = "/projects/{id}/deployments/{deployment}/resume", tag = "deployments",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("deployment" = String, Path, description = "The deployment's id")
    ),
    responses((status = 200, body = Deployment))
)]
async fn deployment_resume(
    _: Person,
    State(api): State<Api>,
    Params((id, deployment)): Params<(ProjectId, DeploymentId)>,
) -> Answer<Deployment> {
    Ok(Json(api.deploys().deployment_resume(id, deployment).await?))
}

/// How the release of a deployment fares at its target
#[utoipa::path(
    get, path = "/projects/{id}/deployments/{deployment}/status", tag = "deployments",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("deployment" = String, Path, description = "The deployment's id")
    ),
    responses((status = 200, body = ReleaseStatus))
)]
async fn deployment_status(
    State(api): State<Api>,
    Params((id, deployment)): Params<(ProjectId, DeploymentId)>,
) -> Answer<ReleaseStatus> {
    Ok(Json(api.deploys().deployment_status(id, deployment).await?))
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

/// The events of a deployment: a stream, or one page of JSON
///
/// With `Accept: application/json`, a page. Else a stream of server-sent events, as for turns;
/// `data` is a `DeployEventRecord`.
#[utoipa::path(
    get, path = "/projects/{id}/deployments/{deployment}/events", tag = "deployments",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("deployment" = String, Path, description = "The deployment's id"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The number of the last event that was seen"),
        Page
    ),
    responses((status = 200, content(
        (DeployEvents = "application/json"),
        (String = "text/event-stream")
    )))
)]
async fn deployment_events(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Params((id, deployment)): Params<(ProjectId, DeploymentId)>,
    Search(page): Search<Page>,
    headers: HeaderMap,
) -> Result<Response, ProblemDocument> {
    let after = sse::last_event_id(&headers).unwrap_or(page.after);
    let max = page.max.unwrap_or(MAX_EVENTS).clamp(1, MAX_EVENTS);
    if sse::wants_stream(&headers) {
        let first = api
            .deploys()
            .deployment_events(id, deployment, after, MAX_EVENTS, Duration::ZERO)
            .await?;
        return Ok(sse::deployment(api, caller, (id, deployment), after, first));
    }
    let wait = Duration::from_millis(page.wait_ms.into()).min(MAX_WAIT);
    let closing = api.closing().clone();
    tokio::select! {
        events = api.deploys().deployment_events(id, deployment, after, max, wait) => {
            Ok(Json(events?).into_response())
        }
        () = closing.cancelled() => {
            Ok(Json(DeployEvents { events: Vec::new(), end: false }).into_response())
        }
    }
}

/// The file that a deployment gives, to download
#[utoipa::path(
    get, path = "/projects/{id}/deployments/{deployment}/artifact", tag = "deployments",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("deployment" = String, Path, description = "The deployment's id")
    ),
    responses((status = 200, content_type = "application/octet-stream", body = inline(Vec<u8>)))
)]
async fn deployment_artifact(
    State(api): State<Api>,
    Params((id, deployment)): Params<(ProjectId, DeploymentId)>,
) -> Result<Response, ProblemDocument> {
    let (info, bytes) = api.deploys().deployment_file(id, deployment).await?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    // A page of a deployer's making must not run on this origin, whatever it calls itself.
    let media_type = match info.media_type.as_str() {
        "application/zip" => "application/zip",
        _ => "application/octet-stream",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // The plugin host has seen to it that the name is a plain file name.
    let name = format!("attachment; filename=\"{}\"", info.name);
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
