//! All running apps.

use crate::{
    candidate::{Candidate, problem},
    problems,
    running::Running,
    site::Vendor,
};
use async_trait::async_trait;
use bytes::Bytes;
use labd_plugin_host::kinds::sandbox::{QueryContract, Sandbox, SourceFile};
use labd_protocol::{ApiError, Problem, ProjectId};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::broadcast;

/// Runs an app's named queries. The binary wires the query broker to it.
#[async_trait]
pub trait Queries: Send + Sync {
    /// Runs a query of a project for a viewer; the answer is JSON.
    async fn run(
        &self,
        project: ProjectId,
        query: &QueryContract,
        params: Map<String, Value>,
        viewer: &str,
    ) -> Result<Bytes, ApiError>;
}

/// A file that a sandbox brings along for all apps.
#[derive(Clone, Debug)]
pub struct VendorAsset {
    /// Its content.
    pub content: Bytes,
    /// Its media type.
    pub media_type: String,
}

/// The sandbox plugin that compiles and runs apps. The binary wires the plugin host to it.
pub trait Sandboxes: Send + Sync {
    /// The plugin.
    fn get(&self) -> Result<Arc<dyn Sandbox>, ApiError>;
    /// One of its assets.
    fn asset(&self, path: &str) -> Option<VendorAsset>;
}

/// What the previews need to know of the daemon.
#[derive(Clone, Debug)]
pub struct PreviewOptions {
    /// The console's origin, the only one that may frame a preview.
    pub console_origin: String,
}

/// All running apps. Cheap to clone.
#[derive(Clone)]
pub struct Previews {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub sandboxes: Arc<dyn Sandboxes>,
    pub queries: Arc<dyn Queries>,
    pub options: PreviewOptions,
    pub vendor: Mutex<Option<Arc<Vendor>>>,
    projects: Mutex<HashMap<ProjectId, Arc<Running>>>,
    notices: broadcast::Sender<ProjectId>,
}

impl Previews {
    /// With nothing running.
    pub fn new(
        sandboxes: Arc<dyn Sandboxes>,
        queries: Arc<dyn Queries>,
        options: PreviewOptions,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                sandboxes,
                queries,
                options,
                vendor: Mutex::default(),
                projects: Mutex::default(),
                notices: broadcast::channel(256).0,
            }),
        }
    }

    /// Projects whose shown state, or its problems, changed.
    pub fn notices(&self) -> broadcast::Receiver<ProjectId> {
        self.inner.notices.subscribe()
    }

    /// Compiles a whole state. Faults of the app stand in the candidate; an error is a fault of the
    /// sandbox.
    pub async fn prepare(
        &self,
        project: ProjectId,
        files: &BTreeMap<String, Bytes>,
    ) -> Result<Candidate, ApiError> {
        let running = self.running(project);
        let mut workspace = running.workspace.lock().await;
        let anew = workspace.is_empty();
        let (candidate, assets) = workspace
            .prepare(self.inner.sandboxes.as_ref(), project, files)
            .await?;
        running.add_assets(assets, anew);
        Ok(candidate)
    }

    /// Compiles one file early, while the rest is still arriving.
    pub async fn warm(
        &self,
        project: ProjectId,
        path: &str,
        content: Bytes,
    ) -> Result<Vec<Problem>, ApiError> {
        let running = self.running(project);
        let mut workspace = running.workspace.lock().await;
        let file = SourceFile {
            path: path.to_owned(),
            content,
        };
        let found = workspace
            .warm(self.inner.sandboxes.as_ref(), project, file)
            .await?;
        Ok(found.iter().map(problem).collect())
    }

    /// Loads the server code of a state, and tells what is wrong with it.
    pub async fn check_server(&self, project: ProjectId, candidate: &Candidate) -> Vec<Problem> {
        let Some(bundle) = candidate.state.server_bundle.clone() else {
            return Vec::new();
        };
        let loaded = match self.inner.sandboxes.get() {
            Ok(sandbox) => sandbox
                .load(&project.to_string(), bundle)
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.message),
        };
        match loaded {
            Ok(server) => {
                self.running(project)
                    .keep_server(&candidate.revision, server);
                Vec::new()
            }
            Err(message) => vec![problems::of_server(&message, None)],
        }
    }

    /// Paints a state in every open preview, at once.
    pub fn show(&self, project: ProjectId, candidate: &Candidate) {
        self.running(project).show(candidate.clone());
        self.notify(project);
    }

    /// The revision that is shown.
    pub fn shown(&self, project: ProjectId) -> Option<String> {
        self.running(project).shown().map(|shown| shown.revision)
    }

    /// Says what is wrong with the shown state; what happens while it runs is added to it.
    pub fn set_problems(&self, project: ProjectId, problems: Vec<Problem>) {
        self.running(project).set_problems(problems);
        self.notify(project);
    }

    /// Everything that is wrong with the shown state.
    pub fn problems(&self, project: ProjectId) -> Vec<Problem> {
        self.running(project).problems()
    }

    /// Shows nothing any more, and gives up the project's instances.
    pub fn forget(&self, project: ProjectId) {
        self.inner
            .projects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&project);
        self.notify(project);
    }

    pub(crate) fn running(&self, project: ProjectId) -> Arc<Running> {
        self.inner
            .projects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(project)
            .or_insert_with(|| Arc::new(Running::new()))
            .clone()
    }

    pub(crate) fn notify(&self, project: ProjectId) {
        // Nobody listening is no fault.
        let _ = self.inner.notices.send(project);
    }
}
