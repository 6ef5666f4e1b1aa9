//! Data sources and queries by hand.

use crate::api::Api;
use crate::http::extract::{Answer, Body, Nothing, Params, Search};
use crate::http::problem::ProblemDocument;
use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use labd_auth::Caller;
use labd_protocol::{
    CursorId, QueryRequest, QueryResult, SourceCreate, SourceId, SourceInfo, SourceRemoved,
    SourceSchema, SourceTest, SourceTestRequest, SourceUpdate,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(sources, source_create))
        .routes(routes!(source, source_update, source_remove))
        .routes(routes!(source_test))
        .routes(routes!(source_schema))
        .routes(routes!(query_next, query_close))
}

/// What is sent with POST for the sake of its body and changes nothing: it ends with its caller.
pub(super) fn questions() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(source_try))
        .routes(routes!(source_query))
}

/// All sources
#[utoipa::path(get, path = "/sources", tag = "sources", responses((status = 200, body = Vec<SourceInfo>)))]
async fn sources(State(api): State<Api>) -> Answer<Vec<SourceInfo>> {
    Ok(Json(api.backend().sources().await?))
}

/// Test, save and read the schema of a new source
#[utoipa::path(
    post, path = "/sources", tag = "sources", request_body = SourceCreate,
    responses((status = 201, body = SourceInfo))
)]
async fn source_create(
    State(api): State<Api>,
    Body(create): Body<SourceCreate>,
) -> Result<(StatusCode, Json<SourceInfo>), ProblemDocument> {
    Ok((
        StatusCode::CREATED,
        Json(api.backend().source_create(create).await?),
    ))
}

/// Test a connection without saving it
#[utoipa::path(
    post, path = "/sources/test", tag = "sources", request_body = SourceTestRequest,
    responses((status = 200, body = SourceTest))
)]
async fn source_try(
    State(api): State<Api>,
    Body(request): Body<SourceTestRequest>,
) -> Answer<SourceTest> {
    Ok(Json(api.backend().source_try(request).await?))
}

/// One source
#[utoipa::path(
    get, path = "/sources/{id}", tag = "sources", params(("id" = String, Path, description = "The source's id")),
    responses((status = 200, body = SourceInfo))
)]
async fn source(State(api): State<Api>, Params(id): Params<SourceId>) -> Answer<SourceInfo> {
    Ok(Json(api.backend().source(id).await?))
}

/// Change a source
#[utoipa::path(
    patch, path = "/sources/{id}", tag = "sources", params(("id" = String, Path, description = "The source's id")),
    request_body = SourceUpdate, responses((status = 200, body = SourceInfo))
)]
async fn source_update(
    State(api): State<Api>,
    Params(id): Params<SourceId>,
    Body(update): Body<SourceUpdate>,
) -> Answer<SourceInfo> {
    Ok(Json(api.backend().source_update(id, update).await?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Confirm {
    /// Remove the source even though projects use it.
    #[serde(default)]
    confirm: bool,
}

/// Remove a source
///
/// Without `confirm`, a source that projects use is a `conflict`.
#[utoipa::path(
    delete, path = "/sources/{id}", tag = "sources",
    params(("id" = String, Path, description = "The source's id"), Confirm),
    responses((status = 200, body = SourceRemoved))
)]
async fn source_remove(
    State(api): State<Api>,
    Params(id): Params<SourceId>,
    Search(confirm): Search<Confirm>,
) -> Answer<SourceRemoved> {
    Ok(Json(
        api.backend().source_remove(id, confirm.confirm).await?,
    ))
}

/// Test a source that is saved
#[utoipa::path(
    post, path = "/sources/{id}/test", tag = "sources", params(("id" = String, Path, description = "The source's id")),
    responses((status = 200, body = SourceTest))
)]
async fn source_test(State(api): State<Api>, Params(id): Params<SourceId>) -> Answer<SourceTest> {
    Ok(Json(api.backend().source_test(id).await?))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Refresh {
    /// Read the schema anew.
    #[serde(default)]
    refresh: bool,
}

/// The schema of a source
#[utoipa::path(
    get, path = "/sources/{id}/schema", tag = "sources",
    params(("id" = String, Path, description = "The source's id"), Refresh),
    responses((status = 200, body = SourceSchema))
)]
async fn source_schema(
    State(api): State<Api>,
    Params(id): Params<SourceId>,
    Search(refresh): Search<Refresh>,
) -> Answer<SourceSchema> {
    Ok(Json(
        api.backend().source_schema(id, refresh.refresh).await?,
    ))
}

/// Run a statement that reads
#[utoipa::path(
    post, path = "/sources/{id}/query", tag = "sources", params(("id" = String, Path, description = "The source's id")),
    request_body = QueryRequest, responses((status = 200, body = QueryResult))
)]
async fn source_query(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Params(id): Params<SourceId>,
    Body(query): Body<QueryRequest>,
) -> Answer<QueryResult> {
    Ok(Json(
        api.backend()
            .source_query(id, query, &caller.to_string())
            .await?,
    ))
}

/// More rows of a query
#[utoipa::path(
    get, path = "/queries/{cursor}", tag = "sources",
    params(("cursor" = String, Path, description = "`next` of the rows before")),
    responses((status = 200, body = QueryResult))
)]
async fn query_next(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Params(cursor): Params<CursorId>,
) -> Answer<QueryResult> {
    Ok(Json(
        api.backend()
            .query_next(cursor, &caller.to_string())
            .await?,
    ))
}

/// Give up the rest of a query
#[utoipa::path(
    delete, path = "/queries/{cursor}", tag = "sources",
    params(("cursor" = String, Path, description = "`next` of the rows before")),
    responses((status = 204))
)]
async fn query_close(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Params(cursor): Params<CursorId>,
) -> Nothing {
    api.backend()
        .query_close(cursor, &caller.to_string())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
