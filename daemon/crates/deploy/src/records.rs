//! The stored forms.

use jiff::Timestamp;
use labd_plugin_host::kinds::deployer::Release;
use labd_protocol::{
    ApiError, ArtifactInfo, Base64, DeployAction, DeployEvent, DeployEventRecord, DeployState,
    Deployment, DeploymentId, ProjectId, ReleaseInfo, Secret, SnapshotId, TargetId,
};
use labd_store::{JournalEntry, Named, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A credential with the origin it was given for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredCredential {
    pub(crate) origin: String,
    pub(crate) value: Secret,
}

/// A target as it is stored, sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TargetRecord {
    pub(crate) id: TargetId,
    pub(crate) name: String,
    pub(crate) plugin: String,
    pub(crate) config: Value,
    pub(crate) credentials: BTreeMap<String, StoredCredential>,
    pub(crate) settings: BTreeMap<String, Secret>,
    pub(crate) created_at: Timestamp,
}

impl Record for TargetRecord {
    const KIND: &'static str = "target";
}

impl Named for TargetRecord {
    const WHAT: &'static str = "target";
    type Id = TargetId;

    fn id(&self) -> TargetId {
        self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// A release as its deployer gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredRelease {
    pub(crate) id: String,
    pub(crate) url: Option<String>,
    pub(crate) state: Option<String>,
}

impl StoredRelease {
    pub(crate) fn info(&self) -> ReleaseInfo {
        ReleaseInfo {
            id: self.id.clone(),
            url: self.url.clone(),
        }
    }

    pub(crate) fn release(&self) -> Release {
        Release {
            id: self.id.clone(),
            url: self.url.clone(),
            state: self.state.clone(),
        }
    }
}

impl From<Release> for StoredRelease {
    fn from(release: Release) -> Self {
        Self {
            id: release.id,
            url: release.url,
            state: release.state,
        }
    }
}

/// What work is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Deploy a state. Also a rollback at a target that keeps no releases.
    Deploy {
        snapshot: SnapshotId,
        basis: Option<String>,
        settings: Vec<String>,
    },
    /// Make a release live again.
    Rollback {
        release: StoredRelease,
        snapshot: Option<SnapshotId>,
    },
    /// Take a release down, or everything.
    Destroy { release: Option<StoredRelease> },
}

/// Work as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DeploymentRecord {
    pub(crate) id: DeploymentId,
    pub(crate) project: ProjectId,
    pub(crate) target: TargetId,
    pub(crate) target_name: String,
    pub(crate) action: DeployAction,
    pub(crate) task: Task,
    pub(crate) state: DeployState,
    pub(crate) checkpoint: Option<String>,
    pub(crate) release: Option<StoredRelease>,
    /// What it made is not there any more.
    pub(crate) gone: bool,
    pub(crate) artifact: Option<ArtifactInfo>,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) error: Option<ApiError>,
}

impl Record for DeploymentRecord {
    const KIND: &'static str = "deployment";
}

impl DeploymentRecord {
    /// Its key: those of a project lie together.
    pub(crate) fn key(&self) -> String {
        key(self.project, self.id)
    }

    pub(crate) fn stream(&self) -> String {
        stream(self.project, self.id)
    }

    pub(crate) fn snapshot(&self) -> Option<SnapshotId> {
        match &self.task {
            Task::Deploy { snapshot, .. } => Some(*snapshot),
            Task::Rollback { snapshot, .. } => *snapshot,
            Task::Destroy { .. } => None,
        }
    }

    /// As clients see it.
    pub(crate) fn info(&self, live: bool) -> Deployment {
        Deployment {
            id: self.id,
            project: self.project,
            target: self.target,
            target_name: self.target_name.clone(),
            action: self.action,
            state: self.state,
            snapshot: self.snapshot(),
            release: self.release.as_ref().map(StoredRelease::info),
            live,
            artifact: self.artifact.clone(),
            started_at: self.started_at,
            ended_at: self.ended_at,
            error: self.error.clone(),
        }
    }
}

pub(crate) fn prefix(project: ProjectId) -> String {
    format!("{project}/")
}

pub(crate) fn key(project: ProjectId, id: DeploymentId) -> String {
    format!("{project}/{id}")
}

pub(crate) fn stream(project: ProjectId, id: DeploymentId) -> String {
    format!("deployment/{project}/{id}")
}

/// A piece of an artifact, under its deployment's key and its number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PartRecord {
    pub(crate) data: Base64,
}

impl Record for PartRecord {
    const KIND: &'static str = "artifact-part";
}

pub(crate) fn part_key(project: ProjectId, id: DeploymentId, part: u32) -> String {
    format!("{project}/{id}/{part:08}")
}

/// An event with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeployEntry {
    pub(crate) at: Timestamp,
    pub(crate) event: DeployEvent,
}

impl DeployEntry {
    pub(crate) fn now(event: DeployEvent) -> Self {
        Self {
            at: Timestamp::now(),
            event,
        }
    }

    pub(crate) fn numbered(self, seq: u64) -> DeployEventRecord {
        DeployEventRecord {
            seq,
            at: self.at,
            event: self.event,
        }
    }
}

impl JournalEntry for DeployEntry {
    /// Of progress only the latest matters.
    fn join(&mut self, next: Self) -> Option<Self> {
        match (&self.event, &next.event) {
            (DeployEvent::Progress { .. }, DeployEvent::Progress { .. }) => {
                *self = next;
                None
            }
            _ => Some(next),
        }
    }
}
