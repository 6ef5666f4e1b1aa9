//! What the server serves: the parts of labd behind its doors, as traits, so that the doors can be
//! tested without them.

use crate::deploys::Deploys;
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use labd_protocol::*;
use std::time::Duration;
use tokio::sync::broadcast;

/// The body of an answer from a preview; it may go on for as long as the browser stays.
pub type PreviewBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// What a preview shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The state; none while the project is empty.
    pub revision: Option<String>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// Everything labd does, with the names and meanings of [`labd_protocol::Labd`]. What concerns
/// only the doors (tokens, sign-in links, tickets) is not here.
///
/// `caller` names whom a cursor belongs to.
#[async_trait]
#[allow(
    missing_docs,
    reason = "the methods are documented at labd_protocol::Labd"
)]
pub trait Backend: Send + Sync + 'static {
    /// How the daemon stands. `console_url` and `socket` are filled in by the server.
    async fn status(&self) -> Result<Status, ApiError>;

    async fn sources(&self) -> Result<Vec<SourceInfo>, ApiError>;
    async fn source(&self, source: SourceId) -> Result<SourceInfo, ApiError>;
    async fn source_create(&self, create: SourceCreate) -> Result<SourceInfo, ApiError>;
    async fn source_update(
        &self,
        source: SourceId,
        update: SourceUpdate,
    ) -> Result<SourceInfo, ApiError>;
    async fn source_remove(
        &self,
        source: SourceId,
        confirmed: bool,
    ) -> Result<SourceRemoved, ApiError>;
    async fn source_test(&self, source: SourceId) -> Result<SourceTest, ApiError>;
    async fn source_try(&self, request: SourceTestRequest) -> Result<SourceTest, ApiError>;
    async fn source_schema(
        &self,
        source: SourceId,
        refresh: bool,
    ) -> Result<SourceSchema, ApiError>;
    async fn source_query(
        &self,
        source: SourceId,
        query: QueryRequest,
        caller: &str,
    ) -> Result<QueryResult, ApiError>;
    async fn query_next(&self, cursor: CursorId, caller: &str) -> Result<QueryResult, ApiError>;
    async fn query_close(&self, cursor: CursorId, caller: &str) -> Result<(), ApiError>;

    async fn projects(&self) -> Result<Vec<Project>, ApiError>;
    async fn project(&self, project: ProjectId) -> Result<Project, ApiError>;
    async fn project_create(&self, create: ProjectCreate) -> Result<Project, ApiError>;
    async fn project_update(
        &self,
        project: ProjectId,
        update: ProjectUpdate,
    ) -> Result<Project, ApiError>;
    async fn project_remove(&self, project: ProjectId) -> Result<(), ApiError>;
    /// A zip file.
    async fn project_export(&self, project: ProjectId) -> Result<Bytes, ApiError>;
    async fn history(&self, project: ProjectId) -> Result<Vec<Snapshot>, ApiError>;
    async fn snapshot(
        &self,
        project: ProjectId,
        snapshot: SnapshotId,
    ) -> Result<SnapshotDetail, ApiError>;
    async fn rewind(&self, project: ProjectId, rewind: Rewind) -> Result<Snapshot, ApiError>;
    async fn files(&self, project: ProjectId) -> Result<Vec<FileEntry>, ApiError>;
    async fn file(
        &self,
        project: ProjectId,
        path: String,
        snapshot: Option<SnapshotId>,
    ) -> Result<FileContent, ApiError>;
    async fn file_save(&self, project: ProjectId, save: FileSave) -> Result<FileSaved, ApiError>;
    /// Sees to it that the preview shows the project's head, and tells what it shows.
    async fn preview(&self, project: ProjectId) -> Result<Shown, ApiError>;
    async fn problems(&self, project: ProjectId) -> Result<Vec<Problem>, ApiError>;

    async fn turn_start(&self, project: ProjectId, start: StartTurn) -> Result<Turn, ApiError>;
    async fn turns(&self, project: ProjectId) -> Result<Vec<Turn>, ApiError>;
    async fn turn(&self, project: ProjectId, turn: TurnId) -> Result<Turn, ApiError>;
    async fn turn_stop(&self, project: ProjectId, turn: TurnId) -> Result<Turn, ApiError>;
    /// Returns within `wait`, at once when there are events after `after` or the turn has ended.
    async fn turn_events(
        &self,
        project: ProjectId,
        turn: TurnId,
        after: u64,
        max: u32,
        wait: Duration,
    ) -> Result<TurnEvents, ApiError>;
    async fn turn_prompt(&self, project: ProjectId, turn: TurnId) -> Result<String, ApiError>;

    async fn plugins(&self) -> Result<Vec<PluginInfo>, ApiError>;
    async fn plugin(&self, plugin: String) -> Result<PluginInfo, ApiError>;
    async fn plugin_grant(&self, plugin: String) -> Result<PluginInfo, ApiError>;
    async fn plugin_revoke(&self, plugin: String) -> Result<PluginInfo, ApiError>;
    async fn plugin_reload(&self, plugin: String) -> Result<PluginInfo, ApiError>;
    async fn plugins_reload(&self) -> Result<PluginsReloaded, ApiError>;
    async fn plugin_enable(&self, plugin: String) -> Result<PluginInfo, ApiError>;
    async fn plugin_disable(&self, plugin: String) -> Result<PluginInfo, ApiError>;
    async fn plugin_install(&self, install: PluginInstall) -> Result<PluginInstalled, ApiError>;
    async fn plugin_remove(&self, plugin: String) -> Result<(), ApiError>;
    /// Returns within `wait`, at once when there are lines after `after`.
    async fn plugin_log(
        &self,
        plugin: String,
        after: Option<u64>,
        max: u32,
        wait: Duration,
    ) -> Result<Vec<PluginLogLine>, ApiError>;
    async fn providers(&self) -> Result<Vec<Provider>, ApiError>;
    async fn provider_create(&self, create: ProviderCreate) -> Result<Provider, ApiError>;
    async fn provider_update(
        &self,
        provider: ProviderId,
        update: ProviderUpdate,
    ) -> Result<Provider, ApiError>;
    async fn provider_remove(&self, provider: ProviderId) -> Result<(), ApiError>;
    async fn provider_models(&self, provider: ProviderId) -> Result<ModelList, ApiError>;
    async fn provider_key_set(
        &self,
        provider: ProviderId,
        key: String,
        value: Secret,
    ) -> Result<Provider, ApiError>;
    async fn provider_key_remove(
        &self,
        provider: ProviderId,
        key: String,
    ) -> Result<Provider, ApiError>;
    async fn gateway_config(&self) -> Result<GatewayConfig, ApiError>;
    async fn gateway_configure(&self, config: GatewayConfig) -> Result<GatewayConfig, ApiError>;
    async fn gateway_status(&self) -> Result<GatewayStatus, ApiError>;
    async fn gateway_usage(&self, days: u32) -> Result<Vec<UsageLine>, ApiError>;
    async fn settings(&self) -> Result<Settings, ApiError>;
    async fn settings_update(&self, settings: Settings) -> Result<Settings, ApiError>;
    async fn backup(&self, path: String) -> Result<u64, ApiError>;

    /// Deploying.
    fn deploys(&self) -> &dyn Deploys;

    /// What changes from now on.
    fn notices(&self) -> broadcast::Receiver<Notice>;
}

/// What answers on the previews' origins, after the server has let the caller in.
#[async_trait]
pub trait PreviewSite: Send + Sync + 'static {
    /// Answers one request. `viewer` names the caller.
    async fn handle(
        &self,
        project: ProjectId,
        viewer: &str,
        request: http::Request<Bytes>,
    ) -> http::Response<PreviewBody>;
}

/// The body of an answer of a model; it may go on for as long as the model speaks.
pub type ModelBody = PreviewBody;

/// What answers under `/v1/` to programs, after the server has let them in: the API that other
/// programs know from OpenAI.
#[async_trait]
pub trait ModelSite: Send + Sync + 'static {
    /// Answers one request. `caller` names who asks.
    async fn handle(
        &self,
        caller: &str,
        request: http::Request<Bytes>,
    ) -> http::Response<ModelBody>;

    /// What the server refuses before, in the shape of this API.
    fn refuse(&self, status: http::StatusCode, error: ApiError) -> http::Response<ModelBody>;
}

/// The console's files, as they were built.
pub trait Assets: Send + Sync + 'static {
    /// A file by its path without a leading slash: `index.html`, `assets/main-3f2a.js.br`.
    fn get(&self, path: &str) -> Option<Bytes>;
}

/// No files: the console was not built.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAssets;

impl Assets for NoAssets {
    fn get(&self, _path: &str) -> Option<Bytes> {
        None
    }
}
