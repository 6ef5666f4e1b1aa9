//! A project's files.

use crate::api::Api;
use crate::http::extract::{Answer, Body, Params, Search};
use axum::Json;
use axum::extract::State;
use labd_protocol::{FileContent, FileEntry, FileSave, FileSaved, ProjectId, SnapshotId};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(files))
        .routes(routes!(file, file_save, file_remove))
}

/// The files of the head
#[utoipa::path(
    get, path = "/projects/{id}/files", tag = "files", params(("id" = String, Path, description = "The project's id")),
    responses((status = 200, body = Vec<FileEntry>))
)]
async fn files(State(api): State<Api>, Params(id): Params<ProjectId>) -> Answer<Vec<FileEntry>> {
    Ok(Json(api.backend().files(id).await?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct At {
    /// Another state than the head.
    #[param(value_type = Option<String>)]
    snapshot: Option<SnapshotId>,
}

/// A file of the head, or of another state
#[utoipa::path(
    get, path = "/projects/{id}/files/{*path}", tag = "files",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("path" = String, Path, description = "The file's path; its slashes stand as they are"),
        At
    ),
    responses((status = 200, body = FileContent))
)]
async fn file(
    State(api): State<Api>,
    Params((id, path)): Params<(ProjectId, String)>,
    Search(at): Search<At>,
) -> Answer<FileContent> {
    Ok(Json(api.backend().file(id, path, at.snapshot).await?))
}

/// A file's new text.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileText {
    /// The text.
    content: String,
    /// The hash of what the edit was based on; absent for a new file. Another one now is a
    /// `conflict`, and nothing is overwritten.
    #[serde(default)]
    base: Option<String>,
}

/// Save a file by hand
#[utoipa::path(
    put, path = "/projects/{id}/files/{*path}", tag = "files",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("path" = String, Path, description = "The file's path; its slashes stand as they are")
    ),
    request_body = FileText, responses((status = 200, body = FileSaved))
)]
async fn file_save(
    State(api): State<Api>,
    Params((id, path)): Params<(ProjectId, String)>,
    Body(text): Body<FileText>,
) -> Answer<FileSaved> {
    let save = FileSave {
        path,
        content: Some(text.content),
        base: text.base,
    };
    Ok(Json(api.backend().file_save(id, save).await?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Base {
    /// The hash of the file that is to go. Another one now is a `conflict`.
    base: Option<String>,
}

/// Remove a file by hand
#[utoipa::path(
    delete, path = "/projects/{id}/files/{*path}", tag = "files",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("path" = String, Path, description = "The file's path; its slashes stand as they are"),
        Base
    ),
    responses((status = 200, body = FileSaved))
)]
async fn file_remove(
    State(api): State<Api>,
    Params((id, path)): Params<(ProjectId, String)>,
    Search(base): Search<Base>,
) -> Answer<FileSaved> {
    let save = FileSave {
        path,
        content: None,
        base: base.base,
    };
    Ok(Json(api.backend().file_save(id, save).await?))
}
