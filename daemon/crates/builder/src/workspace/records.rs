//! What is stored of a project. All keys begin with the project's id.

use crate::path::ProjectPath;
use jiff::Timestamp;
use labd_protocol::{
    ApiError, Author, ProjectId, ProviderId, Snapshot, SnapshotId, SourceId, TurnId, TurnState,
    Usage,
};
use labd_store::{BlobId, Record};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A project, under its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProjectRecord {
    pub(crate) id: ProjectId,
    pub(crate) name: String,
    pub(crate) source: Option<SourceId>,
    pub(crate) provider: Option<ProviderId>,
    pub(crate) model: Option<String>,
    pub(crate) head: Option<SnapshotId>,
    /// The last draft made by hand on top of `head`: later saves by hand build on it, so that files
    /// which only work together can be saved one after another.
    pub(crate) working: Option<SnapshotId>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Record for ProjectRecord {
    const KIND: &'static str = "project";
}

/// A state, under `project/snapshot`. Its files are a record of their own, so that a long history
/// is listed without reading them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SnapshotRecord {
    pub(crate) id: SnapshotId,
    pub(crate) parent: Option<SnapshotId>,
    pub(crate) created_at: Timestamp,
    pub(crate) author: Author,
    pub(crate) message: String,
    pub(crate) turn: Option<TurnId>,
    pub(crate) changed: Vec<String>,
    pub(crate) draft: bool,
}

impl Record for SnapshotRecord {
    const KIND: &'static str = "snapshot";
}

impl From<SnapshotRecord> for Snapshot {
    fn from(record: SnapshotRecord) -> Self {
        let SnapshotRecord {
            id,
            parent,
            created_at,
            author,
            message,
            turn,
            changed,
            draft,
        } = record;
        Self {
            id,
            parent,
            created_at,
            author,
            message,
            turn,
            changed,
            draft,
        }
    }
}

/// Where a file's content is. The blob's name changes when the content does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredFile {
    pub(crate) blob: BlobId,
    pub(crate) size: u64,
}

/// The files of a state, under `project/snapshot`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) files: BTreeMap<ProjectPath, StoredFile>,
}

impl Record for Manifest {
    const KIND: &'static str = "manifest";
}

/// A turn, under `project/turn`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TurnRecord {
    pub(crate) id: TurnId,
    pub(crate) project: ProjectId,
    pub(crate) text: String,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) state: TurnState,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) snapshot: Option<SnapshotId>,
    pub(crate) usage: Usage,
    pub(crate) error: Option<ApiError>,
    /// What was sent, as text.
    pub(crate) prompt: Option<BlobId>,
    /// The prose of the answer, for later turns.
    pub(crate) answer: String,
    /// Paths that the answer changed, for later turns.
    pub(crate) changed: Vec<String>,
    /// Why the answer did not become the project's state, for later turns.
    pub(crate) fault: Option<String>,
}

impl Record for TurnRecord {
    const KIND: &'static str = "turn";
}

/// The key of what belongs to a project.
pub(crate) fn key(project: ProjectId, id: impl std::fmt::Display) -> String {
    format!("{project}/{id}")
}

/// The prefix of all that belongs to a project.
pub(crate) fn prefix(project: ProjectId) -> String {
    format!("{project}/")
}

/// The stream of a turn's events.
pub(crate) fn stream(project: ProjectId, turn: TurnId) -> String {
    format!("turn/{project}/{turn}")
}
