//! Everything labd does, for its doors.

use super::{deploys::DeployDoor, install::Installer, plugins};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use labd_builder::Builder;
use labd_data::Sources;
use labd_deploy::Deployments;
use labd_gateway::{Gateway, Providers};
use labd_plugin_host::{ChangeError, Happening, PluginHost, PluginState, PluginSummary};
use labd_preview::Previews;
use labd_protocol::{
    ApiError, CursorId, ErrorCode, FileContent, FileEntry, FileSave, FileSaved, GatewayConfig,
    GatewayStatus, ModelList, Notice, PluginInfo, PluginInstall, PluginInstalled, PluginLogLine,
    PluginsReloaded, Problem, Project, ProjectCreate, ProjectId, ProjectUpdate, Provider,
    ProviderCreate, ProviderId, ProviderUpdate, QueryRequest, QueryResult, Rewind, Secret,
    Settings, Snapshot, SnapshotDetail, SnapshotId, SourceCreate, SourceId, SourceInfo,
    SourceRemoved, SourceSchema, SourceTest, SourceTestRequest, SourceUpdate, StartTurn, Status,
    Turn, TurnEvents, TurnId, UsageLine,
};
use labd_server::{Backend, Deploys, Shown};
use labd_store::{Store, StoreInfo};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::broadcast;

/// The assembled daemon.
pub struct Daemon {
    store: Store,
    pub plugins: Arc<PluginHost>,
    installer: Installer,
    pub sources: Sources,
    pub providers: Providers,
    pub gateway: Gateway,
    pub previews: Previews,
    pub builder: Builder,
    pub deployments: DeployDoor,
    notices: broadcast::Sender<Notice>,
    started_at: Timestamp,
    /// What the store said of itself, and when: it looks at each of its files for that.
    store_info: Mutex<Option<(Instant, StoreInfo)>>,
}

/// How old what `status` says of the store's size may be.
const STORE_INFO_AGE: Duration = Duration::from_secs(5);

impl Daemon {
    pub fn new(
        store: Store,
        installer: Installer,
        sources: Sources,
        gateway: Gateway,
        previews: Previews,
        builder: Builder,
        deployments: Deployments,
    ) -> Self {
        let plugins = installer.host();
        let providers = gateway.providers().clone();
        let notices = broadcast::channel(256).0;
        forward(sources.notices(), &notices, Some);
        forward(providers.notices(), &notices, Some);
        forward(plugins.events(), &notices, |event| match event.what {
            // Lines would be a flood, and nothing that is shown changes by them.
            Happening::Log { .. } => None,
            _ => Some(Notice::Plugin {
                plugin: event.plugin,
            }),
        });
        forward(builder.notices(), &notices, Some);
        forward(deployments.notices(), &notices, Some);
        forward(previews.notices(), &notices, |project| {
            Some(Notice::Preview { project })
        });
        Self {
            store,
            plugins,
            installer,
            sources,
            providers,
            gateway,
            previews,
            builder,
            deployments: DeployDoor(deployments),
            notices,
            started_at: Timestamp::now(),
            store_info: Mutex::default(),
        }
    }

    fn plugin_info(&self, summary: PluginSummary) -> PluginInfo {
        let manifest = self.plugins.inspect(&summary.id);
        plugins::info(summary, manifest.as_ref().map(|(_, manifest)| manifest))
    }

    /// A plugin after a change, or why there was none.
    fn changed(
        &self,
        plugin: &str,
        changed: Result<PluginSummary, ChangeError>,
    ) -> Result<PluginInfo, ApiError> {
        self.providers.changed();
        let refused = |summary: &PluginSummary| summary.id == plugin;
        match changed {
            Ok(summary) => Ok(self.plugin_info(summary)),
            // It is listed, but there is nothing of it that could be granted or loaded.
            Err(ChangeError::UnknownPlugin(_)) if self.plugins.list().iter().any(refused) => Err(
                ApiError::invalid("plugin", format!("The package {plugin} is refused."))
                    .with_hint("See: labd plugin list"),
            ),
            Err(error) => Err(plugins::refused(error)),
        }
    }

    async fn with_projects(&self, mut source: SourceInfo) -> Result<SourceInfo, ApiError> {
        source.projects = self.builder.projects_of(source.id).await?;
        Ok(source)
    }

    /// What the operator should know.
    /// What the store says of itself, at most [`STORE_INFO_AGE`] old.
    async fn store_info(&self) -> StoreInfo {
        let known = self
            .store_info
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((at, info)) = known
            && at.elapsed() < STORE_INFO_AGE
        {
            return info;
        }
        let store = self.store.clone();
        let info = tokio::task::spawn_blocking(move || store.info())
            .await
            .unwrap_or_else(|_| self.store.info());
        *self
            .store_info
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), info.clone()));
        info
    }

    fn warnings(&self, store: &StoreInfo, sources: Vec<SourceInfo>) -> Vec<String> {
        let mut warnings = Vec::new();
        if store.master_key.same_disk {
            warnings.push(
                "The master key lies on the same disk as the data: copies of the data are protected, the disk itself is not."
                    .to_owned(),
            );
        }
        for plugin in self.plugins.list() {
            let reason = match plugin.state {
                // What the operator chose needs no warning.
                PluginState::Ready | PluginState::Disabled => continue,
                PluginState::Failed(reason) => reason,
                PluginState::Quarantined(reason) => format!(
                    "quarantined: {reason}; to start it again: labd plugin reload {}",
                    plugin.id
                ),
                PluginState::AwaitingGrant => format!(
                    "it waits for its permissions; to allow them: labd plugin grant {}",
                    plugin.id
                ),
            };
            warnings.push(format!("The plugin {} cannot be used: {reason}", plugin.id));
        }
        for source in sources {
            let found = source
                .last_test
                .map(|test| test.warnings)
                .unwrap_or_default();
            warnings.extend(
                found
                    .into_iter()
                    .map(|text| format!("{}: {text}", source.name)),
            );
        }
        warnings
    }
}

/// Passes on what one part announces, for as long as both live. Who falls behind reads anew.
fn forward<T: Clone + Send + 'static>(
    mut from: broadcast::Receiver<T>,
    to: &broadcast::Sender<Notice>,
    translate: impl Fn(T) -> Option<Notice> + Send + 'static,
) {
    let to = to.clone();
    tokio::spawn(async move {
        loop {
            match from.recv().await {
                Ok(notice) => {
                    if let Some(notice) = translate(notice) {
                        // Nobody listening is no fault.
                        let _ = to.send(notice);
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
}

#[async_trait]
impl Backend for Daemon {
    async fn status(&self) -> Result<Status, ApiError> {
        let info = self.store_info().await;
        let sources = self.sources.list().await?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at,
            pid: std::process::id(),
            data_dir: info.data_dir.display().to_string(),
            console_url: String::new(),
            socket: String::new(),
            projects: self.builder.projects().await?.len() as u64,
            sources: sources.len() as u64,
            running_turns: self.builder.running_turns(),
            store_bytes: info.database_bytes + info.blob_bytes,
            warnings: self.warnings(&info, sources),
        })
    }

    async fn sources(&self) -> Result<Vec<SourceInfo>, ApiError> {
        let mut sources = Vec::new();
        for source in self.sources.list().await? {
            sources.push(self.with_projects(source).await?);
        }
        Ok(sources)
    }

    async fn source(&self, source: SourceId) -> Result<SourceInfo, ApiError> {
        self.with_projects(self.sources.get(source).await?).await
    }

    async fn source_create(&self, create: SourceCreate) -> Result<SourceInfo, ApiError> {
        self.sources.create(create).await
    }

    async fn source_update(
        &self,
        source: SourceId,
        update: SourceUpdate,
    ) -> Result<SourceInfo, ApiError> {
        let source = self.sources.update(source, update).await?;
        self.with_projects(source).await
    }

    async fn source_remove(
        &self,
        source: SourceId,
        confirmed: bool,
    ) -> Result<SourceRemoved, ApiError> {
        let info = self.sources.get(source).await?;
        let projects = self.builder.projects_of(source).await?;
        if !projects.is_empty() && !confirmed {
            let count = projects.len();
            return Err(ApiError::new(
                ErrorCode::Conflict,
                format!(
                    "{count} {} the source {}. Without it they keep their files and history, but \
                     show no data until they get another source.",
                    if count == 1 {
                        "project uses"
                    } else {
                        "projects use"
                    },
                    info.name
                ),
            )
            .with_hint("Confirm to remove it all the same."));
        }
        self.sources.remove(source).await?;
        let projects = self.builder.detach_source(source).await?;
        Ok(SourceRemoved { projects })
    }

    async fn source_test(&self, source: SourceId) -> Result<SourceTest, ApiError> {
        self.sources.test(source).await
    }

    async fn source_try(&self, request: SourceTestRequest) -> Result<SourceTest, ApiError> {
        self.sources.try_connection(request).await
    }

    async fn source_schema(
        &self,
        source: SourceId,
        refresh: bool,
    ) -> Result<SourceSchema, ApiError> {
        let schema = self.sources.schema(source, refresh).await?;
        Ok(Arc::unwrap_or_clone(schema))
    }

    async fn source_query(
        &self,
        source: SourceId,
        query: QueryRequest,
        caller: &str,
    ) -> Result<QueryResult, ApiError> {
        self.sources.query(source, query, caller).await
    }

    async fn query_next(&self, cursor: CursorId, caller: &str) -> Result<QueryResult, ApiError> {
        self.sources.query_next(cursor, caller).await
    }

    async fn query_close(&self, cursor: CursorId, caller: &str) -> Result<(), ApiError> {
        self.sources.query_close(cursor, caller).await
    }

    async fn projects(&self) -> Result<Vec<Project>, ApiError> {
        self.builder.projects().await
    }

    async fn project(&self, project: ProjectId) -> Result<Project, ApiError> {
        self.builder.project(project).await
    }

    async fn project_create(&self, create: ProjectCreate) -> Result<Project, ApiError> {
        self.builder.project_create(create).await
    }

    async fn project_update(
        &self,
        project: ProjectId,
        update: ProjectUpdate,
    ) -> Result<Project, ApiError> {
        self.builder.project_update(project, update).await
    }

    async fn project_remove(&self, project: ProjectId) -> Result<(), ApiError> {
        self.builder.project_remove(project).await?;
        self.deployments.0.forget(project).await
    }

    async fn project_export(&self, project: ProjectId) -> Result<Bytes, ApiError> {
        self.builder.project_export(project).await
    }

    async fn history(&self, project: ProjectId) -> Result<Vec<Snapshot>, ApiError> {
        self.builder.history(project).await
    }

    async fn snapshot(
        &self,
        project: ProjectId,
        snapshot: SnapshotId,
    ) -> Result<SnapshotDetail, ApiError> {
        self.builder.snapshot(project, snapshot).await
    }

    async fn rewind(&self, project: ProjectId, rewind: Rewind) -> Result<Snapshot, ApiError> {
        self.builder.rewind(project, rewind).await
    }

    async fn files(&self, project: ProjectId) -> Result<Vec<FileEntry>, ApiError> {
        self.builder.files(project).await
    }

    async fn file(
        &self,
        project: ProjectId,
        path: String,
        snapshot: Option<SnapshotId>,
    ) -> Result<FileContent, ApiError> {
        self.builder.file(project, &path, snapshot).await
    }

    async fn file_save(&self, project: ProjectId, save: FileSave) -> Result<FileSaved, ApiError> {
        self.builder.file_save(project, save).await
    }

    async fn preview(&self, project: ProjectId) -> Result<Shown, ApiError> {
        self.builder.ensure_shown(project).await?;
        Ok(Shown {
            revision: self.previews.shown(project),
            problems: self.previews.problems(project),
        })
    }

    async fn problems(&self, project: ProjectId) -> Result<Vec<Problem>, ApiError> {
        self.builder.problems(project).await
    }

    async fn turn_start(&self, project: ProjectId, start: StartTurn) -> Result<Turn, ApiError> {
        self.builder.turn_start(project, start).await
    }

    async fn turns(&self, project: ProjectId) -> Result<Vec<Turn>, ApiError> {
        self.builder.turns(project).await
    }

    async fn turn(&self, project: ProjectId, turn: TurnId) -> Result<Turn, ApiError> {
        self.builder.turn(project, turn).await
    }

    async fn turn_stop(&self, project: ProjectId, turn: TurnId) -> Result<Turn, ApiError> {
        self.builder.turn_stop(project, turn).await
    }

    async fn turn_events(
        &self,
        project: ProjectId,
        turn: TurnId,
        after: u64,
        max: u32,
        wait: Duration,
    ) -> Result<TurnEvents, ApiError> {
        self.builder
            .turn_events(project, turn, after, max, wait)
            .await
    }

    async fn turn_prompt(&self, project: ProjectId, turn: TurnId) -> Result<String, ApiError> {
        self.builder.turn_prompt(project, turn).await
    }

    async fn plugins(&self) -> Result<Vec<PluginInfo>, ApiError> {
        let all = self.plugins.list().into_iter();
        Ok(all.map(|summary| self.plugin_info(summary)).collect())
    }

    async fn plugin(&self, plugin: String) -> Result<PluginInfo, ApiError> {
        self.plugins
            .list()
            .into_iter()
            .find(|summary| summary.id == plugin)
            .map(|summary| self.plugin_info(summary))
            .ok_or_else(|| ApiError::not_found("plugin", plugin))
    }

    async fn plugin_grant(&self, plugin: String) -> Result<PluginInfo, ApiError> {
        let changed = self.plugins.grant(&plugin, None).await;
        self.changed(&plugin, changed)
    }

    async fn plugin_revoke(&self, plugin: String) -> Result<PluginInfo, ApiError> {
        let changed = self.plugins.revoke(&plugin).await;
        self.changed(&plugin, changed)
    }

    async fn plugin_reload(&self, plugin: String) -> Result<PluginInfo, ApiError> {
        let changed = self.plugins.reload(&plugin).await;
        self.changed(&plugin, changed)
    }

    async fn plugins_reload(&self) -> Result<PluginsReloaded, ApiError> {
        let done = self.installer.rescan().await?;
        self.providers.changed();
        for plugin in &done.removed {
            let plugin = plugin.clone();
            // Nobody is left to tell when this fails.
            let _ = self.notices.send(Notice::Plugin { plugin });
        }
        Ok(PluginsReloaded {
            added: done.added,
            changed: done.changed,
            removed: done.removed,
            plugins: self.plugins().await?,
        })
    }

    async fn plugin_enable(&self, plugin: String) -> Result<PluginInfo, ApiError> {
        let changed = self.plugins.enable(&plugin).await;
        self.changed(&plugin, changed)
    }

    async fn plugin_disable(&self, plugin: String) -> Result<PluginInfo, ApiError> {
        let changed = self.plugins.disable(&plugin).await;
        self.changed(&plugin, changed)
    }

    async fn plugin_install(&self, install: PluginInstall) -> Result<PluginInstalled, ApiError> {
        let done = self.installer.install(install).await?;
        self.providers.changed();
        Ok(PluginInstalled {
            plugin: self.plugin_info(done.summary),
            version: done.version,
            digest: done.digest,
            signer: done.signer,
            fresh: done.fresh,
        })
    }

    async fn plugin_remove(&self, plugin: String) -> Result<(), ApiError> {
        self.installer.remove(&plugin).await?;
        self.providers.changed();
        // Nobody is left to tell when this fails.
        let _ = self.notices.send(Notice::Plugin { plugin });
        Ok(())
    }

    async fn plugin_log(
        &self,
        plugin: String,
        after: Option<u64>,
        max: u32,
        wait: Duration,
    ) -> Result<Vec<PluginLogLine>, ApiError> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let lines = self.plugins.log(&plugin, after, max, wait).await;
        let lines = lines.ok_or_else(|| ApiError::not_found("plugin", plugin))?;
        Ok(lines.into_iter().map(plugins::log_line).collect())
    }

    async fn providers(&self) -> Result<Vec<Provider>, ApiError> {
        self.providers.list().await
    }

    async fn provider_create(&self, create: ProviderCreate) -> Result<Provider, ApiError> {
        self.providers.create(create).await
    }

    async fn provider_update(
        &self,
        provider: ProviderId,
        update: ProviderUpdate,
    ) -> Result<Provider, ApiError> {
        self.providers.update(provider, update).await
    }

    async fn provider_remove(&self, provider: ProviderId) -> Result<(), ApiError> {
        self.providers.remove(provider).await
    }

    async fn provider_models(&self, provider: ProviderId) -> Result<ModelList, ApiError> {
        self.providers.models(provider).await
    }

    async fn provider_key_set(
        &self,
        provider: ProviderId,
        key: String,
        value: Secret,
    ) -> Result<Provider, ApiError> {
        self.providers.key_set(provider, &key, value).await
    }

    async fn provider_key_remove(
        &self,
        provider: ProviderId,
        key: String,
    ) -> Result<Provider, ApiError> {
        self.providers.key_remove(provider, &key).await
    }

    async fn gateway_config(&self) -> Result<GatewayConfig, ApiError> {
        self.gateway.config()
    }

    async fn gateway_configure(&self, config: GatewayConfig) -> Result<GatewayConfig, ApiError> {
        self.gateway.configure(config).await
    }

    async fn gateway_status(&self) -> Result<GatewayStatus, ApiError> {
        self.gateway.status()
    }

    async fn gateway_usage(&self, days: u32) -> Result<Vec<UsageLine>, ApiError> {
        self.gateway
            .usage(usize::try_from(days).unwrap_or(usize::MAX))
    }

    async fn settings(&self) -> Result<Settings, ApiError> {
        self.providers.settings().await
    }

    async fn settings_update(&self, settings: Settings) -> Result<Settings, ApiError> {
        self.providers.settings_update(settings).await
    }

    async fn backup(&self, path: String) -> Result<u64, ApiError> {
        let path = PathBuf::from(path);
        if !path.is_absolute() || path == Path::new("/") {
            return Err(ApiError::invalid(
                "path",
                "Name the file by its whole path.",
            ));
        }
        let summary = self
            .store
            .backup(&path)
            .await
            .map_err(|error| ApiError::new(ErrorCode::StorageFailed, error.to_string()))?;
        Ok(summary.bytes)
    }

    fn deploys(&self) -> &dyn Deploys {
        &self.deployments
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}
