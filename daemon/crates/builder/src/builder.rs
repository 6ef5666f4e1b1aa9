//! The builder itself: its parts, its locks, its tasks.

use crate::{
    limits::{FIRST_EVENT, NEXT_EVENT},
    ports::{DataSources, ExportKit, Models, Previews},
    turn::Running,
    workspace::repo::Repo,
};
use labd_protocol::{ApiError, Notice, ProjectId, TurnId};
use labd_store::Store;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::broadcast, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Notices that a slow listener may be behind; it reads everything anew after that.
const NOTICES: usize = 256;

/// Between attempts to remove blobs while others are being put.
const GARBAGE: Duration = Duration::from_secs(1);

/// For turns to note that they were interrupted, after their time to finish is over.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The parts around the builder.
#[derive(Clone)]
pub struct BuilderParts {
    /// Data sources.
    pub sources: Arc<dyn DataSources>,
    /// AI providers.
    pub models: Arc<dyn Models>,
    /// Running apps.
    pub previews: Arc<dyn Previews>,
    /// What exported apps bring along; none leaves that to their README.
    pub kit: Option<Arc<dyn ExportKit>>,
}

/// How the builder works.
#[derive(Clone, Debug)]
pub struct BuilderOptions {
    /// Until a provider gives its first event (120 s).
    pub first_event: Duration,
    /// Between two events of a provider (60 s).
    pub next_event: Duration,
}

impl Default for BuilderOptions {
    fn default() -> Self {
        Self {
            first_event: FIRST_EVENT,
            next_event: NEXT_EVENT,
        }
    }
}

/// Projects and turns; a cheap handle.
#[derive(Clone)]
pub struct Builder {
    inner: Arc<Inner>,
}

struct Inner {
    repo: Repo,
    parts: BuilderParts,
    options: BuilderOptions,
    /// Held by whoever changes a project's files or what is shown of it.
    locks: Mutex<HashMap<ProjectId, Arc<tokio::sync::Mutex<()>>>>,
    running: Mutex<HashMap<ProjectId, Running>>,
    notices: broadcast::Sender<Notice>,
    tasks: TaskTracker,
    /// No turn begins any more.
    closing: AtomicBool,
    /// Turns that still run are to end as interrupted.
    shutdown: CancellationToken,
    started: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can leave them half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Builder {
    /// A builder on a store. [`Builder::start`] comes before any turn.
    pub fn new(store: Store, parts: BuilderParts, options: BuilderOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                repo: Repo::new(store),
                parts,
                options,
                locks: Mutex::default(),
                running: Mutex::default(),
                notices: broadcast::Sender::new(NOTICES),
                tasks: TaskTracker::new(),
                closing: AtomicBool::new(false),
                shutdown: CancellationToken::new(),
                started: AtomicBool::new(false),
            }),
        }
    }

    /// Ends turns that were running when the daemon last ended: what had arrived becomes a draft.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(&self) -> Result<(), ApiError> {
        self.end_interrupted().await?;
        self.inner.started.store(true, Ordering::Release);
        Ok(())
    }

    /// Lets turns finish for a while, then ends those that still run as interrupted.
    pub async fn shutdown(&self, grace: Duration) {
        self.inner.closing.store(true, Ordering::Release);
        self.inner.tasks.close();
        if timeout(grace, self.inner.tasks.wait()).await.is_err() {
            self.inner.shutdown.cancel();
            if timeout(LAST_WORDS, self.inner.tasks.wait()).await.is_err() {
                tracing::warn!("some turns did not end in time; the next start ends them");
            }
        }
    }

    /// How many turns run.
    pub fn running_turns(&self) -> u64 {
        locked(&self.inner.running).len() as u64
    }

    /// What changes, as it happens.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.inner.notices.subscribe()
    }

    pub(crate) fn notify(&self, notice: Notice) {
        // Nobody listening is fine.
        let _ = self.inner.notices.send(notice);
    }

    pub(crate) fn repo(&self) -> &Repo {
        &self.inner.repo
    }

    pub(crate) fn options(&self) -> &BuilderOptions {
        &self.inner.options
    }

    pub(crate) fn sources(&self) -> &dyn DataSources {
        &*self.inner.parts.sources
    }

    pub(crate) fn models(&self) -> &dyn Models {
        &*self.inner.parts.models
    }

    pub(crate) fn previews(&self) -> &dyn Previews {
        &*self.inner.parts.previews
    }

    pub(crate) fn kit(&self) -> Option<&dyn ExportKit> {
        self.inner.parts.kit.as_deref()
    }

    /// Runs a task that a shutdown waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.tasks.spawn(task);
    }

    pub(crate) fn is_started(&self) -> bool {
        self.inner.started.load(Ordering::Acquire)
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.inner.closing.load(Ordering::Acquire)
    }

    pub(crate) fn shutdown_token(&self) -> CancellationToken {
        self.inner.shutdown.clone()
    }

    /// The lock of a project's files.
    pub(crate) fn lock(&self, project: ProjectId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(locked(&self.inner.locks).entry(project).or_default())
    }

    pub(crate) fn forget_lock(&self, project: ProjectId) {
        locked(&self.inner.locks).remove(&project);
    }

    /// The turn that runs in a project.
    pub(crate) fn running_turn(&self, project: ProjectId) -> Option<TurnId> {
        locked(&self.inner.running)
            .get(&project)
            .map(|running| running.turn)
    }

    pub(crate) fn set_running(&self, project: ProjectId, running: Running) {
        locked(&self.inner.running).insert(project, running);
    }

    pub(crate) fn clear_running(&self, project: ProjectId) {
        locked(&self.inner.running).remove(&project);
    }

    /// Stops the turn of a project and waits for its end.
    pub(crate) async fn stop_running(&self, project: ProjectId) {
        let running = locked(&self.inner.running).get(&project).cloned();
        if let Some(running) = running {
            running.stop.cancel();
            running.ended.cancelled().await;
        }
    }

    /// Removes blobs that nothing names, as soon as none is being put.
    pub(crate) fn collect_garbage(&self) {
        let builder = self.clone();
        self.spawn(async move {
            loop {
                match builder.repo().collect_garbage().await {
                    Ok(true) => break,
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(%error, "blobs that nothing names could not be removed");
                        break;
                    }
                }
                tokio::select! {
                    () = builder.inner.shutdown.cancelled() => break,
                    () = tokio::time::sleep(GARBAGE) => {}
                }
            }
        });
    }
}
