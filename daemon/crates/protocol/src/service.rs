//! The RPC service. Each method does what the HTTP route of the same name does; what is
//! only for whoever may use the machine itself has no such route.

use crate::*;

/// What labd does for its clients over the Unix socket.
///
/// A method that waits (`turn_events`) ends a second before the call's deadline. Results that can
/// be large are paged.
#[tarpc::service]
pub trait Labd {
    /// How the daemon stands.
    async fn status() -> Result<Status, ApiError>;
    /// A link that signs in to the console once. Only over the socket.
    async fn sign_in_link() -> Result<SignInLink, ApiError>;

    /// All sources.
    async fn sources() -> Result<Vec<SourceInfo>, ApiError>;
    /// One source.
    async fn source(source: SourceId) -> Result<SourceInfo, ApiError>;
    /// Tests, saves and reads the schema of a new source.
    async fn source_create(create: SourceCreate) -> Result<SourceInfo, ApiError>;
    /// Changes a source.
    async fn source_update(source: SourceId, update: SourceUpdate) -> Result<SourceInfo, ApiError>;
    /// Removes a source. With projects that use it, only when `confirmed`.
    async fn source_remove(source: SourceId, confirmed: bool) -> Result<SourceRemoved, ApiError>;
    /// Tests a source that is saved.
    async fn source_test(source: SourceId) -> Result<SourceTest, ApiError>;
    /// Tests a connection without saving it.
    async fn source_try(request: SourceTestRequest) -> Result<SourceTest, ApiError>;
    /// The schema of a source; read anew when `refresh`.
    async fn source_schema(source: SourceId, refresh: bool) -> Result<SourceSchema, ApiError>;
    /// Runs a statement that reads.
    async fn source_query(source: SourceId, query: QueryRequest) -> Result<QueryResult, ApiError>;
    /// More rows of a query.
    async fn query_next(cursor: CursorId) -> Result<QueryResult, ApiError>;
    /// Gives up the rest of a query.
    async fn query_close(cursor: CursorId) -> Result<(), ApiError>;

    /// All projects, the latest first.
    async fn projects() -> Result<Vec<Project>, ApiError>;
    /// One project.
    async fn project(project: ProjectId) -> Result<Project, ApiError>;
    /// Makes a project.
    async fn project_create(create: ProjectCreate) -> Result<Project, ApiError>;
    /// Changes a project's settings.
    async fn project_update(project: ProjectId, update: ProjectUpdate)
    -> Result<Project, ApiError>;
    /// Removes a project with its history.
    async fn project_remove(project: ProjectId) -> Result<(), ApiError>;
    /// The project as a zip file that runs outside labd, without secrets.
    async fn project_export(project: ProjectId) -> Result<Base64, ApiError>;
    /// All states, the latest first, drafts included.
    async fn history(project: ProjectId) -> Result<Vec<Snapshot>, ApiError>;
    /// A state with its files.
    async fn snapshot(project: ProjectId, snapshot: SnapshotId)
    -> Result<SnapshotDetail, ApiError>;
    /// Makes an earlier, or later, state the head again. Nothing is deleted.
    async fn rewind(project: ProjectId, rewind: Rewind) -> Result<Snapshot, ApiError>;
    /// The files of the head.
    async fn files(project: ProjectId) -> Result<Vec<FileEntry>, ApiError>;
    /// A file of the head, or of another state.
    async fn file(
        project: ProjectId,
        path: String,
        snapshot: Option<SnapshotId>,
    ) -> Result<FileContent, ApiError>;
    /// Saves or removes a file by hand.
    async fn file_save(project: ProjectId, save: FileSave) -> Result<FileSaved, ApiError>;
    /// The address of the preview, with a ticket for it.
    async fn preview(project: ProjectId) -> Result<PreviewInfo, ApiError>;
    /// What is wrong with the state that is shown.
    async fn problems(project: ProjectId) -> Result<Vec<Problem>, ApiError>;

    /// Starts a turn, or finds it when it has been started.
    async fn turn_start(project: ProjectId, start: StartTurn) -> Result<Turn, ApiError>;
    /// The turns of a project, the latest first.
    async fn turns(project: ProjectId) -> Result<Vec<Turn>, ApiError>;
    /// One turn.
    async fn turn(project: ProjectId, turn: TurnId) -> Result<Turn, ApiError>;
    /// Stops a turn. Stopping one that has ended changes nothing.
    async fn turn_stop(project: ProjectId, turn: TurnId) -> Result<Turn, ApiError>;
    /// Events after `after`, at most `max` (and at most 1 000). When there are none yet, waits for
    /// `wait_ms` at most.
    async fn turn_events(
        project: ProjectId,
        turn: TurnId,
        after: u64,
        max: u32,
        wait_ms: u32,
    ) -> Result<TurnEvents, ApiError>;
    /// The whole prompt that was sent to the model, as text.
    async fn turn_prompt(project: ProjectId, turn: TurnId) -> Result<String, ApiError>;

    /// All deployment targets.
    async fn targets() -> Result<Vec<DeployTarget>, ApiError>;
    /// Checks and saves a new target.
    async fn target_create(create: TargetCreate) -> Result<DeployTarget, ApiError>;
    /// Changes a target.
    async fn target_update(
        target: TargetId,
        update: TargetUpdate,
    ) -> Result<DeployTarget, ApiError>;
    /// Removes a target with its credential. What was deployed there stays.
    async fn target_remove(target: TargetId) -> Result<(), ApiError>;
    /// Checks a target's configuration and credential.
    async fn target_test(target: TargetId) -> Result<(), ApiError>;
    /// What deploying the head of a project would do. Changes nothing.
    async fn deploy_plan(project: ProjectId, target: TargetId) -> Result<DeployPlan, ApiError>;
    /// Deploys what a plan says, or finds the deployment when it was started before.
    async fn deploy_start(project: ProjectId, start: DeployStart) -> Result<Deployment, ApiError>;
    /// Makes an earlier release live again.
    async fn deploy_rollback(
        project: ProjectId,
        start: RollbackStart,
    ) -> Result<Deployment, ApiError>;
    /// Takes down a release, or everything of a project at a target.
    async fn deploy_destroy(
        project: ProjectId,
        start: DestroyStart,
    ) -> Result<Deployment, ApiError>;
    /// The deployments, rollbacks and destructions of a project, the latest first.
    async fn deployments(project: ProjectId) -> Result<Vec<Deployment>, ApiError>;
    /// One of them.
    async fn deployment(
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<Deployment, ApiError>;
    /// Stops running work. Stopping what has ended changes nothing.
    async fn deployment_stop(
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<Deployment, ApiError>;
    /// Goes on with work that was broken off.
    async fn deployment_resume(
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<Deployment, ApiError>;
    /// Events after `after`, as for [`Labd::turn_events`].
    async fn deployment_events(
        project: ProjectId,
        deployment: DeploymentId,
        after: u64,
        max: u32,
        wait_ms: u32,
    ) -> Result<DeployEvents, ApiError>;
    /// How the release of a deployment fares at its target.
    async fn deployment_status(
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<ReleaseStatus, ApiError>;
    /// A piece of the file that a deployment gives, from the first (0) on.
    async fn deployment_artifact(
        project: ProjectId,
        deployment: DeploymentId,
        part: u32,
    ) -> Result<ArtifactPart, ApiError>;

    /// All plugins.
    async fn plugins() -> Result<Vec<PluginInfo>, ApiError>;
    /// One plugin.
    async fn plugin(plugin: String) -> Result<PluginInfo, ApiError>;
    /// Grants a plugin what it asks for. A version that waited for it takes its place.
    async fn plugin_grant(plugin: String) -> Result<PluginInfo, ApiError>;
    /// Takes back what a plugin was granted.
    async fn plugin_revoke(plugin: String) -> Result<PluginInfo, ApiError>;
    /// Reads a plugin's package again and lets it serve with new instances, which also ends a
    /// quarantine. The former one serves on when that fails.
    async fn plugin_reload(plugin: String) -> Result<PluginInfo, ApiError>;
    /// Looks again which packages there are: takes in what was put there by hand, lets what is gone
    /// go, and leaves alone what is as it was.
    async fn plugins_reload() -> Result<PluginsReloaded, ApiError>;
    /// Lets a plugin take calls again.
    async fn plugin_enable(plugin: String) -> Result<PluginInfo, ApiError>;
    /// Refuses further calls of a plugin, also after a restart.
    async fn plugin_disable(plugin: String) -> Result<PluginInfo, ApiError>;
    /// Fetches a plugin's package, verifies its signature, and lets it serve. The former version serves
    /// on when any of that fails, and when the new one asks for more than was granted.
    async fn plugin_install(install: PluginInstall) -> Result<PluginInstalled, ApiError>;
    /// Removes an installed plugin with all its versions and grants.
    async fn plugin_remove(plugin: String) -> Result<(), ApiError>;
    /// The last lines of a plugin's log; or those after the line `after`, for the first of which it
    /// waits up to `wait_ms`, and at most until shortly before the call's deadline.
    async fn plugin_log(
        plugin: String,
        after: Option<u64>,
        max: u32,
        wait_ms: u32,
    ) -> Result<Vec<PluginLogLine>, ApiError>;
    /// All configured providers.
    async fn providers() -> Result<Vec<Provider>, ApiError>;
    /// Adds a provider.
    async fn provider_create(create: ProviderCreate) -> Result<Provider, ApiError>;
    /// Changes a provider.
    async fn provider_update(
        provider: ProviderId,
        update: ProviderUpdate,
    ) -> Result<Provider, ApiError>;
    /// Removes a provider with its credential.
    async fn provider_remove(provider: ProviderId) -> Result<(), ApiError>;
    /// The models of a provider; also the test of its credential.
    async fn provider_models(provider: ProviderId) -> Result<ModelList, ApiError>;
    /// Enters a further API key of a provider under a name, or the same one anew. Requests are
    /// spread over all keys.
    async fn provider_key_set(
        provider: ProviderId,
        key: String,
        value: Secret,
    ) -> Result<Provider, ApiError>;
    /// Removes an API key of a provider.
    async fn provider_key_remove(provider: ProviderId, key: String) -> Result<Provider, ApiError>;
    /// The gateway's configuration: routes, limits, budgets, prices.
    async fn gateway_config() -> Result<GatewayConfig, ApiError>;
    /// Replaces the gateway's configuration.
    async fn gateway_configure(config: GatewayConfig) -> Result<GatewayConfig, ApiError>;
    /// How the gateway stands: keys, budgets, what was used today.
    async fn gateway_status() -> Result<GatewayStatus, ApiError>;
    /// What was used, the latest day first: of the last so many days of which something is known.
    async fn gateway_usage(days: u32) -> Result<Vec<UsageLine>, ApiError>;
    /// The settings.
    async fn settings() -> Result<Settings, ApiError>;
    /// Changes settings.
    async fn settings_update(settings: Settings) -> Result<Settings, ApiError>;

    /// All tokens.
    async fn tokens() -> Result<Vec<TokenInfo>, ApiError>;
    /// Makes a token.
    async fn token_create(create: TokenCreate) -> Result<TokenCreated, ApiError>;
    /// Revokes a token.
    async fn token_remove(token: TokenId) -> Result<(), ApiError>;
    /// Writes a backup to one file on the daemon's machine; the size in bytes.
    async fn backup(path: String) -> Result<u64, ApiError>;
}
