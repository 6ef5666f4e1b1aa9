//! Deploying apps: targets, plans, running work, releases.
//!
//! | module | what it settles |
//! | --- | --- |
//! | `targets` | places that apps go to, with their sealed credentials and settings |
//! | `plan` | what deploying would do, and the digest by which a person says yes to exactly that |
//! | `work` | starting, stopping and resuming work; one piece at a time per project and target |
//! | `run` | a deployer's events, journaled before anyone hears of them |
//! | `releases` | what is live, downloads, going back |
//! | `records` | the stored forms |
//! | `ports` | what this crate needs of others: deployer plugins, and a project's files |
//!
//! What must hold:
//! - Nothing changes at a target without a plan that was agreed to: `deploy` takes the digest of one,
//!   and makes the plan anew to see that it is still the same.
//! - An event is durable before a client sees it, and so is a checkpoint before more is asked for.
//! - Work that ran when the daemon ended is `interrupted` at the next start, and goes on only when
//!   somebody says so, under the same id.
//! - A secret is in no plan, event, release or bundle.

mod errors;
mod limits;
mod plan;
mod ports;
mod records;
mod releases;
mod run;
mod targets;
mod work;

pub use ports::{Bundles, DeployerEntry, Deployers, ProjectFiles};

use labd_protocol::{ApiError, DeploymentId, Notice, ProjectId, TargetId};
use labd_store::{Repository, Store};
use records::{DeploymentRecord, TargetRecord};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The plugin that packs an archive: it needs no account and no network.
pub const ARCHIVE_PLUGIN: &str = "labd.archive";

/// Everything about deploying. Cheap to clone.
#[derive(Clone)]
pub struct Deployments {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    targets: Repository<TargetRecord>,
    deployers: Arc<dyn Deployers>,
    bundles: Arc<dyn Bundles>,
    /// Work that runs, by what may run only once.
    running: Mutex<HashMap<(ProjectId, TargetId), Running>>,
    tasks: TaskTracker,
    /// The daemon stops: what runs is left as it is, to be resumed.
    closing: CancellationToken,
    notices: broadcast::Sender<Notice>,
}

struct Running {
    id: DeploymentId,
    stop: CancellationToken,
    /// Cancelled when it has ended.
    ended: CancellationToken,
}

impl Deployments {
    /// Targets and deployments that are stored.
    pub fn new(store: Store, deployers: Arc<dyn Deployers>, bundles: Arc<dyn Bundles>) -> Self {
        Self {
            inner: Arc::new(Inner {
                targets: Repository::new(store.clone()),
                store,
                deployers,
                bundles,
                running: Mutex::default(),
                tasks: TaskTracker::new(),
                closing: CancellationToken::new(),
                notices: broadcast::channel(64).0,
            }),
        }
    }

    /// Marks what ran when the daemon ended, and sees to it that an app can be deployed at all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(&self) -> Result<(), ApiError> {
        self.mark_interrupted().await?;
        self.ensure_archive().await
    }

    /// Ends running work as if the daemon had been killed, but tidily.
    pub async fn shutdown(&self) {
        self.inner.closing.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    /// What changes.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.inner.notices.subscribe()
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    fn running(&self) -> MutexGuard<'_, HashMap<(ProjectId, TargetId), Running>> {
        self.inner
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self, notice: Notice) {
        // Nobody listening is no fault.
        let _ = self.inner.notices.send(notice);
    }

    fn notify_of(&self, record: &DeploymentRecord) {
        self.notify(Notice::Deployment {
            project: record.project,
            deployment: record.id,
        });
    }
}
