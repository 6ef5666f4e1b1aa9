//! Projects, their history and previews.

use crate::api::Api;
use crate::http::extract::{Answer, Body, Nothing, Params};
use crate::http::problem::ProblemDocument;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderValue, StatusCode, header};
use labd_auth::Caller;
use labd_protocol::{
    PreviewInfo, Problem, Project, ProjectCreate, ProjectId, ProjectUpdate, Rewind, Snapshot,
    SnapshotDetail, SnapshotId,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(projects, project_create))
        .routes(routes!(project, project_update, project_remove))
        .routes(routes!(project_export))
        .routes(routes!(history))
        .routes(routes!(snapshot))
        .routes(routes!(rewind))
        .routes(routes!(preview))
        .routes(routes!(problems))
}

/// All projects, the latest first
#[utoipa::path(get, path = "/projects", tag = "projects", responses((status = 200, body = Vec<Project>)))]
async fn projects(State(api): State<Api>) -> Answer<Vec<Project>> {
    Ok(Json(api.backend().projects().await?))
}

/// Make a project
#[utoipa::path(
    post, path = "/projects", tag = "projects", request_body = ProjectCreate,
    responses((status = 201, body = Project))
)]
async fn project_create(
    State(api): State<Api>,
    Body(create): Body<ProjectCreate>,
) -> Result<(StatusCode, Json<Project>), ProblemDocument> {
    Ok((
        StatusCode::CREATED,
        Json(api.backend().project_create(create).await?),
    ))
}

/// One project
#[utoipa::path(
    get, path = "/projects/{id}", tag = "projects", params(("id" = String, Path, description = "The project's id")),
    responses((status = 200, body = Project))
)]
async fn project(State(api): State<Api>, Params(id): Params<ProjectId>) -> Answer<Project> {
    Ok(Json(api.backend().project(id).await?))
}

/// Change a project's settings
#[utoipa::path(
    patch, path = "/projects/{id}", tag = "projects", params(("id" = String, Path, description = "The project's id")),
    request_body = ProjectUpdate, responses((status = 200, body = Project))
)]
async fn project_update(
    State(api): State<Api>,
    Params(id): Params<ProjectId>,
    Body(update): Body<ProjectUpdate>,
) -> Answer<Project> {
    Ok(Json(api.backend().project_update(id, update).await?))
}

/// Remove a project with its history
#[utoipa::path(
    delete, path = "/projects/{id}", tag = "projects", params(("id" = String, Path, description = "The project's id")),
    responses((status = 204))
)]
async fn project_remove(State(api): State<Api>, Params(id): Params<ProjectId>) -> Nothing {
    api.backend().project_remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The project as a zip file that runs outside labd, without secrets
#[utoipa::path(
    get, path = "/projects/{id}/export", tag = "projects", params(("id" = String, Path, description = "The project's id")),
    responses((status = 200, content_type = "application/zip", body = inline(Vec<u8>)))
)]
async fn project_export(
    State(api): State<Api>,
    Params(id): Params<ProjectId>,
) -> Result<Response, ProblemDocument> {
    let mut response = api.backend().project_export(id).await?.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/zip"),
    );
    let name = format!(
        "attachment; filename=\"labd-{}.zip\"",
        id.to_string().to_lowercase()
    );
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// All states, the latest first, drafts included
#[utoipa::path(
    get, path = "/projects/{id}/history", tag = "projects", params(("id" = String, Path, description = "The project's id")),
    responses((status = 200, body = Vec<Snapshot>))
)]
async fn history(State(api): State<Api>, Params(id): Params<ProjectId>) -> Answer<Vec<Snapshot>> {
    Ok(Json(api.backend().history(id).await?))
}

/// A state with its files
#[utoipa::path(
    get, path = "/projects/{id}/snapshots/{snapshot}", tag = "projects",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("snapshot" = String, Path, description = "The snapshot's id")
    ),
    responses((status = 200, body = SnapshotDetail))
)]
async fn snapshot(
    State(api): State<Api>,
    Params((id, snapshot)): Params<(ProjectId, SnapshotId)>,
) -> Answer<SnapshotDetail> {
    Ok(Json(api.backend().snapshot(id, snapshot).await?))
}

/// Make an earlier, or later, state the head again
///
/// Nothing is deleted.
#[utoipa::path(
    post, path = "/projects/{id}/rewind", tag = "projects", params(("id" = String, Path, description = "The project's id")),
    request_body = Rewind, responses((status = 200, body = Snapshot))
)]
async fn rewind(
    State(api): State<Api>,
    Params(id): Params<ProjectId>,
    Body(rewind): Body<Rewind>,
) -> Answer<Snapshot> {
    Ok(Json(api.backend().rewind(id, rewind).await?))
}

/// The address of the preview, with a ticket for it
///
/// The address opens the preview once, within 30 seconds; it then lives in a cookie.
#[utoipa::path(
    post, path = "/projects/{id}/preview", tag = "projects", params(("id" = String, Path, description = "The project's id")),
    responses((status = 200, body = PreviewInfo))
)]
async fn preview(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Params(id): Params<ProjectId>,
) -> Answer<PreviewInfo> {
    Ok(Json(api.preview(id, caller).await?))
}

/// What is wrong with the state that is shown
#[utoipa::path(
    get, path = "/projects/{id}/problems", tag = "projects", params(("id" = String, Path, description = "The project's id")),
    responses((status = 200, body = Vec<Problem>))
)]
async fn problems(State(api): State<Api>, Params(id): Params<ProjectId>) -> Answer<Vec<Problem>> {
    Ok(Json(api.backend().problems(id).await?))
}
