//! Plugins. What decides what a plugin may do needs a person: a session, never a token.

use crate::api::Api;
use crate::http::extract::{Answer, Body, Nothing, Params, Person, Search};
use crate::http::problem::ProblemDocument;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use labd_protocol::{
    ApiError, PluginInfo, PluginInstall, PluginInstalled, PluginLogLine, PluginsReloaded,
};
use serde::Deserialize;
use std::time::Duration;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(plugins, plugin_install))
        .routes(routes!(plugins_reload))
        .routes(routes!(plugin, plugin_remove))
        .routes(routes!(plugin_log))
        .routes(routes!(plugin_grant))
        .routes(routes!(plugin_revoke))
        .routes(routes!(plugin_enable))
        .routes(routes!(plugin_disable))
        .routes(routes!(plugin_reload))
}

/// All plugins
#[utoipa::path(get, path = "/plugins", tag = "plugins", responses((status = 200, body = Vec<PluginInfo>)))]
async fn plugins(State(api): State<Api>) -> Answer<Vec<PluginInfo>> {
    Ok(Json(api.backend().plugins().await?))
}

/// One plugin
#[utoipa::path(
    get, path = "/plugins/{id}", tag = "plugins", params(("id" = String, Path, description = "The plugin's id: `labd.postgres`")),
    responses((status = 200, body = PluginInfo))
)]
async fn plugin(State(api): State<Api>, Params(id): Params<String>) -> Answer<PluginInfo> {
    Ok(Json(api.backend().plugin(id).await?))
}

/// The most lines of one answer.
const MOST_LINES: u32 = 1000;
/// The longest wait for a line.
const LONGEST_WAIT: u32 = 30_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LogSearch {
    /// Only lines after the one with this number; without it the last ones.
    after: Option<u64>,
    /// At most so many lines; 200 when absent, 1 000 at most.
    #[serde(default = "usual_lines")]
    max: u32,
    /// Milliseconds to wait for a line when there is none yet, 30 000 at most.
    #[serde(default)]
    wait_ms: u32,
}

fn usual_lines() -> u32 {
    200
}

/// The log of a plugin: what it wrote, and what happened to it
#[utoipa::path(
    get, path = "/plugins/{id}/log", tag = "plugins", params(("id" = String, Path, description = "The plugin's id"), LogSearch),
    responses((status = 200, body = Vec<PluginLogLine>))
)]
async fn plugin_log(
    State(api): State<Api>,
    Params(id): Params<String>,
    Search(search): Search<LogSearch>,
) -> Answer<Vec<PluginLogLine>> {
    let wait = Duration::from_millis(search.wait_ms.min(LONGEST_WAIT).into());
    let max = search.max.clamp(1, MOST_LINES);
    let closing = api.closing().clone();
    let lines = api.backend().plugin_log(id, search.after, max, wait);
    let lines = tokio::select! {
        lines = lines => lines?,
        () = closing.cancelled() => Vec::new(),
    };
    Ok(Json(lines))
}

/// Install a plugin
///
/// A path of the daemon's machine is for the command line only.
#[utoipa::path(
    post, path = "/plugins", tag = "plugins", request_body = PluginInstall,
    responses((status = 201, body = PluginInstalled))
)]
async fn plugin_install(
    State(api): State<Api>,
    _: Person,
    Body(install): Body<PluginInstall>,
) -> Result<(StatusCode, Json<PluginInstalled>), ProblemDocument> {
    let source = &install.source;
    let path = source.contains('/') || source.ends_with(".labd-plugin") || source.starts_with('.');
    if path && !source.contains("://") {
        let message = "A path of the daemon's machine cannot be installed over HTTP.";
        return Err(ApiError::invalid("source", message)
            .with_hint("Use the command line there: labd plugin install <path>")
            .into());
    }
    let installed = api.backend().plugin_install(install).await?;
    Ok((StatusCode::CREATED, Json(installed)))
}

/// Remove an installed plugin with all its versions and grants
#[utoipa::path(
    delete, path = "/plugins/{id}", tag = "plugins", params(("id" = String, Path, description = "The plugin's id")),
    responses((status = 204))
)]
async fn plugin_remove(State(api): State<Api>, _: Person, Params(id): Params<String>) -> Nothing {
    api.backend().plugin_remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Allow a plugin what it asks for
#[utoipa::path(
    post, path = "/plugins/{id}/grant", tag = "plugins", params(("id" = String, Path, description = "The plugin's id")),
    responses((status = 200, body = PluginInfo))
)]
async fn plugin_grant(
    State(api): State<Api>,
    _: Person,
    Params(id): Params<String>,
) -> Answer<PluginInfo> {
    Ok(Json(api.backend().plugin_grant(id).await?))
}

/// Take back what a plugin was allowed
#[utoipa::path(
    post, path = "/plugins/{id}/revoke", tag = "plugins", params(("id" = String, Path, description = "The plugin's id")),
    responses((status = 200, body = PluginInfo))
)]
async fn plugin_revoke(
    State(api): State<Api>,
    _: Person,
    Params(id): Params<String>,
) -> Answer<PluginInfo> {
    Ok(Json(api.backend().plugin_revoke(id).await?))
}

/// Let a plugin take calls again
#[utoipa::path(
    post, path = "/plugins/{id}/enable", tag = "plugins", params(("id" = String, Path, description = "The plugin's id")),
    responses((status = 200, body = PluginInfo))
)]
async fn plugin_enable(
    State(api): State<Api>,
    _: Person,
    Params(id): Params<String>,
) -> Answer<PluginInfo> {
    Ok(Json(api.backend().plugin_enable(id).await?))
}

/// Refuse further calls of a plugin
#[utoipa::path(
    post, path = "/plugins/{id}/disable", tag = "plugins", params(("id" = String, Path, description = "The plugin's id")),
    responses((status = 200, body = PluginInfo))
)]
async fn plugin_disable(
    State(api): State<Api>,
    _: Person,
    Params(id): Params<String>,
) -> Answer<PluginInfo> {
    Ok(Json(api.backend().plugin_disable(id).await?))
}

/// Look for packages again
///
/// What was put there by hand is taken in, and what is gone goes.
#[utoipa::path(
    post, path = "/plugins/reload", tag = "plugins", responses((status = 200, body = PluginsReloaded))
)]
async fn plugins_reload(State(api): State<Api>, _: Person) -> Answer<PluginsReloaded> {
    Ok(Json(api.backend().plugins_reload().await?))
}

/// Load a plugin anew, which also ends a quarantine
#[utoipa::path(
    post, path = "/plugins/{id}/reload", tag = "plugins", params(("id" = String, Path, description = "The plugin's id")),
    responses((status = 200, body = PluginInfo))
)]
async fn plugin_reload(
    State(api): State<Api>,
    _: Person,
    Params(id): Params<String>,
) -> Answer<PluginInfo> {
    Ok(Json(api.backend().plugin_reload(id).await?))
}
