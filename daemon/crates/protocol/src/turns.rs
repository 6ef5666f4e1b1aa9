//! Turns and their events.
//!
//! A turn is an append-only list of numbered events, durable before a client is told of them.
//! Every client reads the same list: over HTTP with `Last-Event-ID`, over RPC with
//! `turn_events(turn, after, …)`. Whoever comes back passes the last number it saw.

use crate::{ApiError, Problem, ProjectId, ProviderId, SnapshotId, TurnId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A request to the builder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartTurn {
    /// Chosen by the client. Starting the same turn again gives the turn that is there.
    pub id: TurnId,
    /// What is wanted, in plain words.
    pub text: String,
    /// The provider to ask; the project's or the default one when absent.
    #[serde(default)]
    pub provider: Option<ProviderId>,
    /// The model to ask.
    #[serde(default)]
    pub model: Option<String>,
}

/// How a turn stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Events are still coming.
    Running,
    /// The new state is the project's.
    Done,
    /// Someone stopped it; complete files that pass became the project's state.
    Stopped,
    /// It failed; what arrived is kept as a draft.
    Failed,
    /// The daemon stopped in the middle; what arrived is kept as a draft.
    Interrupted,
}

/// Tokens that a turn used; none where the provider does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Tokens of the request.
    pub input: Option<u32>,
    /// The part of `input` that came from a cache.
    pub cached_input: Option<u32>,
    /// Tokens of the answer.
    pub output: Option<u32>,
    /// The part of `output` that was reasoning.
    pub reasoning: Option<u32>,
}

/// A turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// Its project.
    pub project: ProjectId,
    /// What was asked.
    pub text: String,
    /// Who answers.
    pub provider: String,
    /// The model that answers.
    pub model: String,
    /// How it stands.
    pub state: TurnState,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// The snapshot, or draft, that it made.
    pub snapshot: Option<SnapshotId>,
    /// Tokens.
    pub usage: Usage,
    /// Why it failed.
    pub error: Option<ApiError>,
    /// The number of its last event.
    pub last_seq: u64,
}

/// What an answer does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileAction {
    /// Writes it whole.
    Write,
    /// Replaces parts of it.
    Edit,
    /// Removes it.
    Delete,
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// It runs.
    Running,
    /// Nothing is wrong.
    Passed,
    /// Something is wrong.
    Failed,
}

/// What happens in a turn, in order: `started`, then content, then `finished` once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TurnEvent {
    /// The provider has been asked.
    Started {
        /// What was asked.
        text: String,
        /// Who answers.
        provider: String,
        /// The model that answers.
        model: String,
    },
    /// Prose of the answer.
    Text {
        /// To be appended to the prose before.
        text: String,
    },
    /// Reasoning of the model.
    Reasoning {
        /// To be appended to the reasoning before.
        text: String,
    },
    /// A file begins.
    FileStarted {
        /// Its path.
        path: String,
        /// What is done with it.
        action: FileAction,
    },
    /// Content of the file that was begun last.
    FileText {
        /// Its path.
        path: String,
        /// To be appended to what came before.
        text: String,
    },
    /// The file is complete.
    FileFinished {
        /// Its path.
        path: String,
        /// Its size in bytes; 0 for a deleted one.
        size: u64,
        /// Why the edit could not be applied, in words for the model and the person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<String>,
    },
    /// The preview shows the new state, before it is checked to the end.
    Candidate {
        /// The revision, as the preview names it.
        revision: String,
    },
    /// A check of the new state.
    Check {
        /// `compile`, `queries`, `server`.
        name: String,
        /// How it stands.
        state: CheckState,
    },
    /// What the checks found.
    Problems {
        /// In the order of files and lines.
        problems: Vec<Problem>,
    },
    /// The new state is the project's.
    Snapshot {
        /// Its id.
        id: SnapshotId,
        /// What it is about.
        message: String,
        /// Paths that changed.
        changed: Vec<String>,
    },
    /// What arrived did not become the project's state; it is kept as a draft.
    Draft {
        /// The draft's id.
        id: SnapshotId,
        /// Why, in plain words.
        reason: String,
    },
    /// Tokens so far.
    Usage {
        /// Totals.
        usage: Usage,
    },
    /// The end.
    Finished {
        /// Never `running`.
        state: TurnState,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<ApiError>,
    },
}

/// A numbered event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TurnEventRecord {
    /// From 1, without gaps.
    pub seq: u64,
    /// When it became durable.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What happened.
    pub event: TurnEvent,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TurnEvents {
    /// In order; empty when nothing came in time.
    pub events: Vec<TurnEventRecord>,
    /// The turn has ended and these are its last events.
    pub end: bool,
}
