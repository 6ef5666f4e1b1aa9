//! The service's methods, thin over the facade.

use crate::api::Api;
use crate::limits::{MAX_EVENTS, WAIT_MARGIN};
use labd_auth::Caller;
use labd_protocol::*;
use std::time::{Duration, Instant};
use tarpc::context::Context;

/// The service, as one call gets it.
#[derive(Clone)]
pub(crate) struct Calls {
    api: Api,
}

impl Calls {
    pub(crate) fn new(api: Api) -> Self {
        Self { api }
    }

    /// Answers before the deadline, with or without a result.
    async fn read<T, F>(self, context: Context, call: impl FnOnce(Api) -> F) -> Result<T, ApiError>
    where
        F: Future<Output = Result<T, ApiError>>,
    {
        tokio::time::timeout(time_for(&context), call(self.api))
            .await
            .unwrap_or_else(|_| Err(ApiError::new(ErrorCode::Timeout, "There was no time left.")))
    }

    /// As `read`, but what was begun is finished.
    async fn change<T, F>(
        self,
        context: Context,
        call: impl FnOnce(Api) -> F,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        let task = tokio::spawn(call(self.api));
        match tokio::time::timeout(time_for(&context), task).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => {
                tracing::error!(%error, "an RPC method failed");
                Err(ApiError::new(
                    ErrorCode::Internal,
                    "The daemon failed; its log has more.",
                ))
            }
            Err(_) => Err(ApiError::new(
                ErrorCode::Timeout,
                "There was no time left; the daemon goes on with it.",
            )),
        }
    }
}

/// The time until shortly before the deadline.
fn time_for(context: &Context) -> Duration {
    let left = context.deadline.saturating_duration_since(Instant::now());
    left.saturating_sub((left / 10).min(Duration::from_millis(250)))
}

/// Forwards methods to those of the same name: of the backend, or of a part of it.
macro_rules! methods {
    ($part:ident: $($kind:ident $name:ident($($argument:ident: $of:ty),*) -> $result:ty;)*) => {
        $(async fn $name(self, context: Context, $($argument: $of),*) -> Result<$result, ApiError> {
            self.$kind(context, move |api| async move { api.$part().$name($($argument),*).await })
                .await
        })*
    };
}

impl Labd for Calls {
    methods! { deploys:
        read targets() -> Vec<DeployTarget>;
        change target_create(create: TargetCreate) -> DeployTarget;
        change target_update(target: TargetId, update: TargetUpdate) -> DeployTarget;
        change target_remove(target: TargetId) -> ();
        read target_test(target: TargetId) -> ();
        read deploy_plan(project: ProjectId, target: TargetId) -> DeployPlan;
        change deploy_start(project: ProjectId, start: DeployStart) -> Deployment;
        change deploy_rollback(project: ProjectId, start: RollbackStart) -> Deployment;
        change deploy_destroy(project: ProjectId, start: DestroyStart) -> Deployment;
        read deployments(project: ProjectId) -> Vec<Deployment>;
        read deployment(project: ProjectId, deployment: DeploymentId) -> Deployment;
        change deployment_stop(project: ProjectId, deployment: DeploymentId) -> Deployment;
        change deployment_resume(project: ProjectId, deployment: DeploymentId) -> Deployment;
        read deployment_status(project: ProjectId, deployment: DeploymentId) -> ReleaseStatus;
        read deployment_artifact(project: ProjectId, deployment: DeploymentId, part: u32) -> ArtifactPart;
    }

    async fn deployment_events(
        self,
        context: Context,
        project: ProjectId,
        deployment: DeploymentId,
        after: u64,
        max: u32,
        wait_ms: u32,
    ) -> Result<DeployEvents, ApiError> {
        let left = context.deadline.saturating_duration_since(Instant::now());
        let wait = Duration::from_millis(wait_ms.into()).min(left.saturating_sub(WAIT_MARGIN));
        self.read(context, |api| async move {
            let closing = api.closing().clone();
            let max = max.clamp(1, MAX_EVENTS);
            let events = api
                .deploys()
                .deployment_events(project, deployment, after, max, wait);
            tokio::select! {
                events = events => events,
                () = closing.cancelled() => Ok(DeployEvents { events: Vec::new(), end: false }),
            }
        })
        .await
    }

    methods! { backend:
        read sources() -> Vec<SourceInfo>;
        read source(source: SourceId) -> SourceInfo;
        change source_create(create: SourceCreate) -> SourceInfo;
        change source_update(source: SourceId, update: SourceUpdate) -> SourceInfo;
        change source_remove(source: SourceId, confirmed: bool) -> SourceRemoved;
        read source_test(source: SourceId) -> SourceTest;
        read source_try(request: SourceTestRequest) -> SourceTest;
        read source_schema(source: SourceId, refresh: bool) -> SourceSchema;
        read projects() -> Vec<Project>;
        read project(project: ProjectId) -> Project;
        change project_create(create: ProjectCreate) -> Project;
        change project_update(project: ProjectId, update: ProjectUpdate) -> Project;
        change project_remove(project: ProjectId) -> ();
        read history(project: ProjectId) -> Vec<Snapshot>;
        read snapshot(project: ProjectId, snapshot: SnapshotId) -> SnapshotDetail;
        change rewind(project: ProjectId, rewind: Rewind) -> Snapshot;
        read files(project: ProjectId) -> Vec<FileEntry>;
        read file(project: ProjectId, path: String, snapshot: Option<SnapshotId>) -> FileContent;
        change file_save(project: ProjectId, save: FileSave) -> FileSaved;
        read problems(project: ProjectId) -> Vec<Problem>;
        change turn_start(project: ProjectId, start: StartTurn) -> Turn;
        read turns(project: ProjectId) -> Vec<Turn>;
        read turn(project: ProjectId, turn: TurnId) -> Turn;
        change turn_stop(project: ProjectId, turn: TurnId) -> Turn;
        read turn_prompt(project: ProjectId, turn: TurnId) -> String;
        read plugins() -> Vec<PluginInfo>;
        read plugin(plugin: String) -> PluginInfo;
        change plugin_grant(plugin: String) -> PluginInfo;
        change plugin_revoke(plugin: String) -> PluginInfo;
        change plugin_reload(plugin: String) -> PluginInfo;
        change plugins_reload() -> PluginsReloaded;
        change plugin_enable(plugin: String) -> PluginInfo;
        change plugin_disable(plugin: String) -> PluginInfo;
        change plugin_install(install: PluginInstall) -> PluginInstalled;
        change plugin_remove(plugin: String) -> ();
        read providers() -> Vec<Provider>;
        change provider_create(create: ProviderCreate) -> Provider;
        change provider_update(provider: ProviderId, update: ProviderUpdate) -> Provider;
        change provider_remove(provider: ProviderId) -> ();
        read provider_models(provider: ProviderId) -> ModelList;
        change provider_key_set(provider: ProviderId, key: String, value: Secret) -> Provider;
        change provider_key_remove(provider: ProviderId, key: String) -> Provider;
        read gateway_config() -> GatewayConfig;
        change gateway_configure(config: GatewayConfig) -> GatewayConfig;
        read gateway_status() -> GatewayStatus;
        read gateway_usage(days: u32) -> Vec<UsageLine>;
        read settings() -> Settings;
        change settings_update(settings: Settings) -> Settings;
        change backup(path: String) -> u64;
    }

    async fn status(self, context: Context) -> Result<Status, ApiError> {
        self.read(context, |api| async move { api.status().await })
            .await
    }

    async fn sign_in_link(self, _context: Context) -> Result<SignInLink, ApiError> {
        Ok(self.api.sign_in_link())
    }

    async fn source_query(
        self,
        context: Context,
        source: SourceId,
        query: QueryRequest,
    ) -> Result<QueryResult, ApiError> {
        let caller = Caller::Socket.to_string();
        self.read(context, |api| async move {
            api.backend().source_query(source, query, &caller).await
        })
        .await
    }

    async fn query_next(self, context: Context, cursor: CursorId) -> Result<QueryResult, ApiError> {
        let caller = Caller::Socket.to_string();
        self.read(context, |api| async move {
            api.backend().query_next(cursor, &caller).await
        })
        .await
    }

    async fn query_close(self, context: Context, cursor: CursorId) -> Result<(), ApiError> {
        let caller = Caller::Socket.to_string();
        self.change(context, move |api| async move {
            api.backend().query_close(cursor, &caller).await
        })
        .await
    }

    async fn project_export(
        self,
        context: Context,
        project: ProjectId,
    ) -> Result<Base64, ApiError> {
        let zip = self.read(context, |api| async move {
            api.backend().project_export(project).await
        });
        Ok(Base64(zip.await?.into()))
    }

    async fn preview(self, context: Context, project: ProjectId) -> Result<PreviewInfo, ApiError> {
        self.change(context, move |api| async move {
            api.preview(project, Caller::Socket).await
        })
        .await
    }

    async fn turn_events(
        self,
        context: Context,
        project: ProjectId,
        turn: TurnId,
        after: u64,
        max: u32,
        wait_ms: u32,
    ) -> Result<TurnEvents, ApiError> {
        let left = context.deadline.saturating_duration_since(Instant::now());
        let wait = Duration::from_millis(wait_ms.into()).min(left.saturating_sub(WAIT_MARGIN));
        self.read(context, |api| async move {
            let closing = api.closing().clone();
            let events =
                api.backend()
                    .turn_events(project, turn, after, max.clamp(1, MAX_EVENTS), wait);
            tokio::select! {
                events = events => events,
                // The end of the daemon is no event: whoever waits comes back to the next one.
                () = closing.cancelled() => Ok(TurnEvents { events: Vec::new(), end: false }),
            }
        })
        .await
    }

    async fn plugin_log(
        self,
        context: Context,
        plugin: String,
        after: Option<u64>,
        max: u32,
        wait_ms: u32,
    ) -> Result<Vec<PluginLogLine>, ApiError> {
        let left = context.deadline.saturating_duration_since(Instant::now());
        let wait = Duration::from_millis(wait_ms.into()).min(left.saturating_sub(WAIT_MARGIN));
        self.read(context, |api| async move {
            let closing = api.closing().clone();
            let lines = api.backend().plugin_log(plugin, after, max, wait);
            tokio::select! {
                lines = lines => lines,
                () = closing.cancelled() => Ok(Vec::new()),
            }
        })
        .await
    }

    async fn tokens(self, _context: Context) -> Result<Vec<TokenInfo>, ApiError> {
        Ok(self.api.tokens())
    }

    async fn token_create(
        self,
        context: Context,
        create: TokenCreate,
    ) -> Result<TokenCreated, ApiError> {
        self.change(
            context,
            move |api| async move { api.token_create(create).await },
        )
        .await
    }

    async fn token_remove(self, context: Context, token: TokenId) -> Result<(), ApiError> {
        self.change(
            context,
            move |api| async move { api.token_remove(token).await },
        )
        .await
    }
}
