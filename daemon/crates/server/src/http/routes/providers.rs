//! AI providers and settings.

use crate::api::Api;
use crate::http::extract::{Answer, Body, Nothing, Params};
use crate::http::problem::ProblemDocument;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use labd_protocol::{ModelList, Provider, ProviderCreate, ProviderId, ProviderUpdate, Settings};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(providers, provider_create))
        .routes(routes!(provider_update, provider_remove))
        .routes(routes!(provider_models))
        .routes(routes!(settings, settings_update))
}

/// All configured providers
#[utoipa::path(get, path = "/providers", tag = "providers", responses((status = 200, body = Vec<Provider>)))]
async fn providers(State(api): State<Api>) -> Answer<Vec<Provider>> {
    Ok(Json(api.backend().providers().await?))
}

/// Add a provider
#[utoipa::path(
    post, path = "/providers", tag = "providers", request_body = ProviderCreate,
    responses((status = 201, body = Provider))
)]
async fn provider_create(
    State(api): State<Api>,
    Body(create): Body<ProviderCreate>,
) -> Result<(StatusCode, Json<Provider>), ProblemDocument> {
    Ok((
        StatusCode::CREATED,
        Json(api.backend().provider_create(create).await?),
    ))
}

/// Change a provider
#[utoipa::path(
    patch, path = "/providers/{id}", tag = "providers", params(("id" = String, Path, description = "The provider's id")),
    request_body = ProviderUpdate, responses((status = 200, body = Provider))
)]
async fn provider_update(
    State(api): State<Api>,
    Params(id): Params<ProviderId>,
    Body(update): Body<ProviderUpdate>,
) -> Answer<Provider> {
    Ok(Json(api.backend().provider_update(id, update).await?))
}

/// Remove a provider with its credential
#[utoipa::path(
    delete, path = "/providers/{id}", tag = "providers", params(("id" = String, Path, description = "The provider's id")),
    responses((status = 204))
)]
async fn provider_remove(State(api): State<Api>, Params(id): Params<ProviderId>) -> Nothing {
    api.backend().provider_remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The models of a provider; also the test of its credential
#[utoipa::path(
    get, path = "/providers/{id}/models", tag = "providers", params(("id" = String, Path, description = "The provider's id")),
    responses((status = 200, body = ModelList))
)]
async fn provider_models(
    State(api): State<Api>,
    Params(id): Params<ProviderId>,
) -> Answer<ModelList> {
    Ok(Json(api.backend().provider_models(id).await?))
}

/// The settings
#[utoipa::path(get, path = "/settings", tag = "providers", responses((status = 200, body = Settings)))]
async fn settings(State(api): State<Api>) -> Answer<Settings> {
    Ok(Json(api.backend().settings().await?))
}

/// Change settings
#[utoipa::path(
    patch, path = "/settings", tag = "providers", request_body = Settings,
    responses((status = 200, body = Settings))
)]
async fn settings_update(
    State(api): State<Api>,
    Body(settings): Body<Settings>,
) -> Answer<Settings> {
    Ok(Json(api.backend().settings_update(settings).await?))
}
