//! The gateway in front of AI providers: its configuration, how it stands, what was used.

use crate::api::Api;
use crate::http::extract::{Answer, Body, Params, Person, Search};
use axum::Json;
use axum::extract::State;
use labd_protocol::{GatewayConfig, GatewayStatus, Provider, ProviderId, Secret, UsageLine};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Days of usage when nobody says how many.
const DAYS: u32 = 30;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(gateway_config, gateway_configure))
        .routes(routes!(gateway_status))
        .routes(routes!(gateway_usage))
        .routes(routes!(provider_key_set, provider_key_remove))
}

/// The gateway's configuration: routes, limits, budgets, prices
#[utoipa::path(get, path = "/gateway/config", tag = "gateway", responses((status = 200, body = GatewayConfig)))]
async fn gateway_config(State(api): State<Api>) -> Answer<GatewayConfig> {
    Ok(Json(api.backend().gateway_config().await?))
}

/// Replace the gateway's configuration; not with a token, which could raise its own budget
#[utoipa::path(
    put, path = "/gateway/config", tag = "gateway", request_body = GatewayConfig,
    responses((status = 200, body = GatewayConfig))
)]
async fn gateway_configure(
    State(api): State<Api>,
    _: Person,
    Body(config): Body<GatewayConfig>,
) -> Answer<GatewayConfig> {
    Ok(Json(api.backend().gateway_configure(config).await?))
}

/// How the gateway stands: keys, budgets, what was used today
#[utoipa::path(get, path = "/gateway/status", tag = "gateway", responses((status = 200, body = GatewayStatus)))]
async fn gateway_status(State(api): State<Api>) -> Answer<GatewayStatus> {
    Ok(Json(api.backend().gateway_status().await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Days {
    /// Of the last so many days of which something is known; 30 when absent.
    days: Option<u32>,
}

/// What was used, the latest day first
#[utoipa::path(get, path = "/gateway/usage", tag = "gateway", params(Days), responses((status = 200, body = Vec<UsageLine>)))]
async fn gateway_usage(
    State(api): State<Api>,
    Search(search): Search<Days>,
) -> Answer<Vec<UsageLine>> {
    let days = search.days.unwrap_or(DAYS);
    Ok(Json(api.backend().gateway_usage(days).await?))
}

/// An API key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyValue {
    /// Sealed together with the origin that the provider's configuration names; never given back.
    api_key: Secret,
}

/// Enter a further API key of a provider under a name, or the same one anew
#[utoipa::path(
    put, path = "/providers/{id}/keys/{key}", tag = "gateway",
    params(("id" = String, Path, description = "The provider's id"), ("key" = String, Path, description = "The key's name")),
    request_body = KeyValue, responses((status = 200, body = Provider))
)]
async fn provider_key_set(
    State(api): State<Api>,
    Params((id, key)): Params<(ProviderId, String)>,
    Body(value): Body<KeyValue>,
) -> Answer<Provider> {
    let set = api.backend().provider_key_set(id, key, value.api_key);
    Ok(Json(set.await?))
}

/// Remove an API key of a provider
#[utoipa::path(
    delete, path = "/providers/{id}/keys/{key}", tag = "gateway",
    params(("id" = String, Path, description = "The provider's id"), ("key" = String, Path, description = "The key's name")),
    responses((status = 200, body = Provider))
)]
async fn provider_key_remove(
    State(api): State<Api>,
    Params((id, key)): Params<(ProviderId, String)>,
) -> Answer<Provider> {
    Ok(Json(api.backend().provider_key_remove(id, key).await?))
}
