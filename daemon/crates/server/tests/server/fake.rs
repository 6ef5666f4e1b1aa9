//! A backend that knows projects only by name and turns only by their events.

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use labd_protocol::*;
use labd_server::{Assets, Backend, Deploys, PreviewBody, PreviewSite, Shown};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, broadcast};

pub struct Fake {
    turns: Mutex<HashMap<TurnId, Vec<TurnEvent>>>,
    grown: Notify,
    pub notices: broadcast::Sender<Notice>,
    /// `project_remove` waits for a permit of it.
    pub gate: Semaphore,
    pub removed: AtomicUsize,
    /// Calls that came to the gate, and pages that were asked for.
    pub arrived: AtomicUsize,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            turns: Mutex::default(),
            grown: Notify::new(),
            notices: broadcast::channel(16).0,
            gate: Semaphore::new(0),
            removed: AtomicUsize::new(0),
            arrived: AtomicUsize::new(0),
        }
    }
}

impl Fake {
    pub fn push(&self, turn: TurnId, event: TurnEvent) {
        self.turns
            .lock()
            .unwrap()
            .entry(turn)
            .or_default()
            .push(event);
        self.grown.notify_waiters();
    }

    /// A turn of `texts` pieces of text; finished, if it shall be.
    pub fn turn_of(&self, texts: u64, finished: bool) -> TurnId {
        let turn = TurnId::generate();
        for number in 1..=texts {
            self.push(
                turn,
                TurnEvent::Text {
                    text: format!("piece {number}\n"),
                },
            );
        }
        if finished {
            self.finish(turn);
        }
        turn
    }

    pub fn finish(&self, turn: TurnId) {
        self.push(
            turn,
            TurnEvent::Finished {
                state: TurnState::Done,
                error: None,
            },
        );
    }

    fn page(&self, turn: TurnId, after: u64, max: u32) -> Answer<TurnEvents> {
        let turns = self.turns.lock().unwrap();
        let events = turns
            .get(&turn)
            .ok_or_else(|| ApiError::not_found("turn", turn))?;
        let numbered = events.iter().zip(1..).skip_while(|(_, seq)| *seq <= after);
        let page: Vec<_> = numbered
            .take(max as usize)
            .map(|(event, seq)| TurnEventRecord {
                seq,
                at: jiff::Timestamp::UNIX_EPOCH,
                event: event.clone(),
            })
            .collect();
        let ended = matches!(events.last(), Some(TurnEvent::Finished { .. }));
        let last = page.last().map_or(after, |record| record.seq);
        Ok(TurnEvents {
            end: ended && last >= events.len() as u64,
            events: page,
        })
    }
}

type Answer<T> = Result<T, ApiError>;

fn absent<T>() -> Answer<T> {
    Err(ApiError::new(
        ErrorCode::NotFound,
        "There is no such thing here.",
    ))
}

/// Nothing is deployed here.
macro_rules! no_deployments {
    ($($name:ident($($of:ty),*) -> $result:ty;)*) => {
        #[async_trait]
        impl Deploys for Fake {
            async fn targets(&self) -> Answer<Vec<DeployTarget>> {
                Ok(Vec::new())
            }
            $(async fn $name(&self, $(_: $of),*) -> Answer<$result> {
                Err(ApiError::new(ErrorCode::NotFound, "nothing is deployed"))
            })*
        }
    };
}

no_deployments! {
    target_create(TargetCreate) -> DeployTarget;
    target_update(TargetId, TargetUpdate) -> DeployTarget;
    target_remove(TargetId) -> ();
    target_test(TargetId) -> ();
    deploy_plan(ProjectId, TargetId) -> DeployPlan;
    deploy_start(ProjectId, DeployStart) -> Deployment;
    deploy_rollback(ProjectId, RollbackStart) -> Deployment;
    deploy_destroy(ProjectId, DestroyStart) -> Deployment;
    deployments(ProjectId) -> Vec<Deployment>;
    deployment(ProjectId, DeploymentId) -> Deployment;
    deployment_stop(ProjectId, DeploymentId) -> Deployment;
    deployment_resume(ProjectId, DeploymentId) -> Deployment;
    deployment_events(ProjectId, DeploymentId, u64, u32, Duration) -> DeployEvents;
    deployment_status(ProjectId, DeploymentId) -> ReleaseStatus;
    deployment_artifact(ProjectId, DeploymentId, u32) -> ArtifactPart;
    deployment_file(ProjectId, DeploymentId) -> (ArtifactInfo, Vec<u8>);
}

#[async_trait]
impl Backend for Fake {
    async fn status(&self) -> Answer<Status> {
        Ok(Status {
            version: "0.0.0".into(),
            started_at: jiff::Timestamp::UNIX_EPOCH,
            pid: 1,
            data_dir: "/data".into(),
            console_url: String::new(),
            socket: String::new(),
            projects: 0,
            sources: 0,
            running_turns: 0,
            store_bytes: 0,
            warnings: Vec::new(),
        })
    }
    async fn sources(&self) -> Answer<Vec<SourceInfo>> {
        Ok(vec![SourceInfo {
            id: SourceId::generate(),
            name: "Sample".into(),
            plugin: "labd.sqlite".into(),
            connector: "SQLite".into(),
            dialect: "sqlite".into(),
            location: "/data/sample.db".into(),
            user: None,
            tls: None,
            own_ca: false,
            environment: "development".into(),
            time_zone: "UTC".into(),
            sample: true,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
            last_test: None,
            projects: Vec::new(),
        }])
    }
    async fn source(&self, id: SourceId) -> Answer<SourceInfo> {
        Err(ApiError::not_found("source", id))
    }
    async fn source_create(&self, _: SourceCreate) -> Answer<SourceInfo> {
        absent()
    }
    async fn source_update(&self, _: SourceId, _: SourceUpdate) -> Answer<SourceInfo> {
        absent()
    }
    async fn source_remove(&self, _: SourceId, _: bool) -> Answer<SourceRemoved> {
        absent()
    }
    async fn source_test(&self, _: SourceId) -> Answer<SourceTest> {
        absent()
    }
    async fn source_try(&self, _: SourceTestRequest) -> Answer<SourceTest> {
        absent()
    }
    async fn source_schema(&self, _: SourceId, _: bool) -> Answer<SourceSchema> {
        absent()
    }
    async fn source_query(
        &self,
        _: SourceId,
        _: QueryRequest,
        caller: &str,
    ) -> Answer<QueryResult> {
        Err(ApiError {
            upstream_code: Some("42601".into()),
            position: Some(7),
            retry_after_ms: Some(1500),
            ..ApiError::new(ErrorCode::QueryFailed, format!("{caller} made a mistake."))
        })
    }
    async fn query_next(&self, _: CursorId, _: &str) -> Answer<QueryResult> {
        absent()
    }
    async fn query_close(&self, _: CursorId, _: &str) -> Answer<()> {
        absent()
    }
    async fn projects(&self) -> Answer<Vec<Project>> {
        Ok(Vec::new())
    }
    async fn project(&self, id: ProjectId) -> Answer<Project> {
        Err(ApiError::not_found("project", id))
    }
    async fn project_create(&self, create: ProjectCreate) -> Answer<Project> {
        let now = jiff::Timestamp::UNIX_EPOCH;
        Ok(Project {
            id: create.id.unwrap_or_else(ProjectId::generate),
            name: create.name,
            source: create.source,
            provider: None,
            model: None,
            head: None,
            running_turn: None,
            created_at: now,
            updated_at: now,
        })
    }
    async fn project_update(&self, _: ProjectId, _: ProjectUpdate) -> Answer<Project> {
        absent()
    }
    async fn project_remove(&self, _: ProjectId) -> Answer<()> {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
        self.removed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    async fn project_export(&self, _: ProjectId) -> Answer<Bytes> {
        Ok(Bytes::from_static(b"PK\x05\x06zip"))
    }
    async fn history(&self, _: ProjectId) -> Answer<Vec<Snapshot>> {
        absent()
    }
    async fn snapshot(&self, _: ProjectId, _: SnapshotId) -> Answer<SnapshotDetail> {
        absent()
    }
    async fn rewind(&self, _: ProjectId, _: Rewind) -> Answer<Snapshot> {
        absent()
    }
    async fn files(&self, _: ProjectId) -> Answer<Vec<FileEntry>> {
        absent()
    }
    async fn file(&self, _: ProjectId, path: String, _: Option<SnapshotId>) -> Answer<FileContent> {
        Ok(FileContent {
            path,
            content: String::new(),
            binary: false,
            hash: "h".into(),
        })
    }
    async fn file_save(&self, _: ProjectId, _: FileSave) -> Answer<FileSaved> {
        absent()
    }
    async fn preview(&self, _: ProjectId) -> Answer<Shown> {
        Ok(Shown {
            revision: Some("r1".into()),
            problems: Vec::new(),
        })
    }
    async fn problems(&self, _: ProjectId) -> Answer<Vec<Problem>> {
        Ok(Vec::new())
    }
    async fn turn_start(&self, project: ProjectId, start: StartTurn) -> Answer<Turn> {
        for number in 1..=20 {
            self.push(
                start.id,
                TurnEvent::Text {
                    text: format!("piece {number}\n"),
                },
            );
        }
        self.finish(start.id);
        Ok(Turn {
            id: start.id,
            project,
            text: start.text,
            provider: "offline".into(),
            model: "templates".into(),
            state: TurnState::Running,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            ended_at: None,
            snapshot: None,
            usage: Usage::default(),
            error: None,
            last_seq: 0,
        })
    }
    async fn turns(&self, _: ProjectId) -> Answer<Vec<Turn>> {
        absent()
    }
    async fn turn(&self, _: ProjectId, _: TurnId) -> Answer<Turn> {
        absent()
    }
    async fn turn_stop(&self, _: ProjectId, _: TurnId) -> Answer<Turn> {
        absent()
    }
    async fn turn_events(
        &self,
        _: ProjectId,
        turn: TurnId,
        after: u64,
        max: u32,
        wait: Duration,
    ) -> Answer<TurnEvents> {
        let end = tokio::time::Instant::now() + wait;
        loop {
            let grown = self.grown.notified();
            let page = self.page(turn, after, max)?;
            self.arrived.fetch_add(1, Ordering::SeqCst);
            let waited = tokio::time::timeout_at(end, grown);
            if page.end || !page.events.is_empty() || waited.await.is_err() {
                return Ok(page);
            }
        }
    }
    async fn turn_prompt(&self, _: ProjectId, _: TurnId) -> Answer<String> {
        Ok("the prompt".into())
    }
    async fn plugins(&self) -> Answer<Vec<PluginInfo>> {
        Ok(Vec::new())
    }
    async fn plugin(&self, _: String) -> Answer<PluginInfo> {
        absent()
    }
    async fn plugin_grant(&self, _: String) -> Answer<PluginInfo> {
        absent()
    }
    async fn plugin_revoke(&self, _: String) -> Answer<PluginInfo> {
        absent()
    }
    async fn plugin_reload(&self, _: String) -> Answer<PluginInfo> {
        absent()
    }
    async fn plugin_enable(&self, _: String) -> Answer<PluginInfo> {
        absent()
    }
    async fn plugin_disable(&self, _: String) -> Answer<PluginInfo> {
        absent()
    }
    async fn plugins_reload(&self) -> Answer<PluginsReloaded> {
        Ok(PluginsReloaded {
            added: Vec::new(),
            changed: Vec::new(),
            removed: Vec::new(),
            plugins: self.plugins().await?,
        })
    }
    async fn plugin_install(&self, _: PluginInstall) -> Answer<PluginInstalled> {
        absent()
    }
    async fn plugin_remove(&self, _: String) -> Answer<()> {
        absent()
    }
    async fn plugin_log(
        &self,
        _: String,
        _: Option<u64>,
        _: u32,
        _: Duration,
    ) -> Answer<Vec<PluginLogLine>> {
        absent()
    }
    async fn providers(&self) -> Answer<Vec<Provider>> {
        Ok(Vec::new())
    }
    async fn provider_create(&self, _: ProviderCreate) -> Answer<Provider> {
        absent()
    }
    async fn provider_update(&self, _: ProviderId, _: ProviderUpdate) -> Answer<Provider> {
        absent()
    }
    async fn provider_remove(&self, _: ProviderId) -> Answer<()> {
        absent()
    }
    async fn provider_models(&self, _: ProviderId) -> Answer<ModelList> {
        // Never answers: for what is left waiting.
        std::future::pending().await
    }
    async fn provider_key_set(&self, _: ProviderId, _: String, _: Secret) -> Answer<Provider> {
        absent()
    }
    async fn provider_key_remove(&self, _: ProviderId, _: String) -> Answer<Provider> {
        absent()
    }
    async fn gateway_config(&self) -> Answer<GatewayConfig> {
        Ok(GatewayConfig::default())
    }
    async fn gateway_configure(&self, config: GatewayConfig) -> Answer<GatewayConfig> {
        Ok(config)
    }
    async fn gateway_status(&self) -> Answer<GatewayStatus> {
        absent()
    }
    async fn gateway_usage(&self, _: u32) -> Answer<Vec<UsageLine>> {
        Ok(Vec::new())
    }
    async fn settings(&self) -> Answer<Settings> {
        Ok(Settings::default())
    }
    async fn settings_update(&self, settings: Settings) -> Answer<Settings> {
        Ok(settings)
    }
    fn deploys(&self) -> &dyn Deploys {
        self
    }
    async fn backup(&self, _: String) -> Answer<u64> {
        Ok(42)
    }
    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}

/// Answers with what it was asked, and tries to set a cookie.
pub struct EchoPreview;

#[async_trait]
impl PreviewSite for EchoPreview {
    async fn handle(
        &self,
        project: ProjectId,
        viewer: &str,
        request: http::Request<Bytes>,
    ) -> http::Response<PreviewBody> {
        let text = format!(
            "{project} {viewer} {} {} cookie:{}",
            request.method(),
            request.uri().path(),
            request.headers().contains_key("cookie")
        );
        let body = http_body_util::Full::from(text)
            .map_err(|never| match never {})
            .boxed_unsync();
        let mut response = http::Response::new(body);
        let cookie = http::HeaderValue::from_static("labd_session=evil; Domain=labd.localhost");
        response.headers_mut().insert("set-cookie", cookie);
        response
    }
}

/// A console of three files.
pub struct SmallConsole;

impl Assets for SmallConsole {
    fn get(&self, path: &str) -> Option<Bytes> {
        Some(Bytes::from_static(match path {
            "index.html" => b"<!doctype html><title>console</title>",
            "assets/main-3f2a.js" => b"plain",
            "assets/main-3f2a.js.br" => b"brotli",
            "assets/main-3f2a.js.gz" => b"gzip",
            "manifest.webmanifest" => b"{}",
            _ => return None,
        }))
    }
}
