//! Deployments: targets, plans, running work and its events, releases.

use crate::{
    ApiError, Base64, CredentialInfo, DeploymentId, ProjectId, Secret, SnapshotId, TargetId,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A place that apps are deployed to: a deployer plugin with its settings and credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeployTarget {
    /// Its id.
    pub id: TargetId,
    /// Its name, unique.
    pub name: String,
    /// The plugin that brings apps there.
    pub plugin: String,
    /// Its configuration, as the plugin's `config_schema` describes it.
    #[schema(value_type = Object)]
    pub config: serde_json::Value,
    /// The credential that is held.
    pub credentials: Vec<CredentialInfo>,
    /// Names of the app's settings whose values are held for this target.
    pub settings: Vec<String>,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A new target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetCreate {
    /// Its name.
    pub name: String,
    /// The plugin: `labd.archive`.
    pub plugin: String,
    /// Its configuration.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub config: serde_json::Value,
    /// The plugin's credential. Sealed together with the origin it goes to; never given back.
    #[serde(default)]
    pub credential: Option<Secret>,
    /// Values of the app's settings at this target, by name: `DATABASE_URL`. Sealed likewise.
    #[serde(default)]
    pub settings: BTreeMap<String, Secret>,
}

/// A change of a target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetUpdate {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// A new configuration. Another address disables the credential until it is entered again.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<serde_json::Value>,
    /// A new credential; an empty one removes it.
    #[serde(default)]
    pub credential: Option<Secret>,
    /// New values of settings; an empty one removes it, others stay.
    #[serde(default)]
    pub settings: BTreeMap<String, Secret>,
}

/// What a step of a plan does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepChange {
    /// Something new.
    Create,
    /// Something else than before.
    Update,
    /// Something goes.
    Delete,
    /// It stays as it is.
    Keep,
}

/// Something that deploying will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanStep {
    /// Events name it by this.
    pub id: String,
    /// What it does.
    pub change: StepChange,
    /// In a line.
    pub title: String,
    /// What the title leaves out.
    pub detail: Option<String>,
    /// Nothing undoes it.
    pub irreversible: bool,
}

/// What deploying will do: to be read before saying yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeployPlan {
    /// Names exactly this plan; saying yes hands it back.
    pub digest: String,
    /// Where to.
    pub target: TargetId,
    /// The target's name.
    pub target_name: String,
    /// The state of the project that is deployed.
    pub snapshot: SnapshotId,
    /// In a sentence.
    pub summary: String,
    /// In order.
    pub steps: Vec<PlanStep>,
    /// What to know before.
    pub warnings: Vec<String>,
    /// Names of the app's settings whose values the target will be given.
    pub settings: Vec<String>,
}

/// Saying yes to a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeployStart {
    /// The deployment's id, chosen by the client, so that starting it again is the same one.
    pub id: DeploymentId,
    /// Where to.
    pub target: TargetId,
    /// The plan that was agreed to.
    pub plan: String,
}

/// Going back to an earlier release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackStart {
    /// The id of this work, chosen by the client.
    pub id: DeploymentId,
    /// The deployment whose release is to be live again.
    pub to: DeploymentId,
}

/// Taking down what deploying made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DestroyStart {
    /// The id of this work, chosen by the client.
    pub id: DeploymentId,
    /// Where.
    pub target: TargetId,
    /// The deployment whose release is taken down; everything of this project there when absent.
    #[serde(default)]
    pub release: Option<DeploymentId>,
}

/// What kind of work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeployAction {
    /// Bringing the app to its place.
    Deploy,
    /// Going back to an earlier release.
    Rollback,
    /// Taking down.
    Destroy,
}

/// How work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeployState {
    /// At work.
    Running,
    /// Done.
    Done,
    /// It did not work out.
    Failed,
    /// Somebody stopped it.
    Stopped,
    /// The daemon ended in the middle.
    Interrupted,
}

/// A release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseInfo {
    /// The target's own name of it.
    pub id: String,
    /// Where it can be seen.
    pub url: Option<String>,
}

/// A file to download.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactInfo {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// It is still kept.
    pub kept: bool,
}

/// A piece of work at a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// Its project.
    pub project: ProjectId,
    /// Where.
    pub target: TargetId,
    /// The target's name.
    pub target_name: String,
    /// What kind of work.
    pub action: DeployAction,
    /// How it stands.
    pub state: DeployState,
    /// The state of the project; none for a destruction.
    pub snapshot: Option<SnapshotId>,
    /// What it made, or what is live again.
    pub release: Option<ReleaseInfo>,
    /// The release is what people see at the target now.
    pub live: bool,
    /// The file that it gives.
    pub artifact: Option<ArtifactInfo>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<ApiError>,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For whoever follows.
    Info,
    /// Worth a look.
    Warn,
    /// Wrong.
    Error,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Begun.
    Started,
    /// Done.
    Done,
    /// There was nothing to do.
    Skipped,
    /// Failed.
    Failed,
}

/// What happens in a deployment, in order; `finished` comes once, at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DeployEvent {
    /// It begins, or goes on after a break.
    Started {
        /// What kind of work.
        action: DeployAction,
        /// It was broken off before.
        resumed: bool,
    },
    /// A step begins or ends.
    Step {
        /// Its id in the plan.
        id: String,
        /// How far it is.
        state: StepState,
        /// What became of it.
        message: Option<String>,
    },
    /// A line.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// The line.
        text: String,
    },
    /// How far the present step is.
    Progress {
        /// So much is done.
        done: u32,
        /// Of so much.
        total: Option<u32>,
        /// In the plural: `files`.
        unit: String,
    },
    /// Where the app can be reached.
    Url {
        /// `http:` or `https:`.
        url: String,
    },
    /// The file to download is complete.
    Artifact {
        /// What it is.
        artifact: ArtifactInfo,
    },
    /// The end.
    Finished {
        /// Never `running`.
        state: DeployState,
        /// What is live now.
        release: Option<ReleaseInfo>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<ApiError>,
    },
}

/// A numbered event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeployEventRecord {
    /// From 1, without gaps.
    pub seq: u64,
    /// When it became durable.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What happened.
    pub event: DeployEvent,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeployEvents {
    /// In order; empty when nothing came in time.
    pub events: Vec<DeployEventRecord>,
    /// The work has ended and these are its last events.
    pub end: bool,
}

/// A piece of a file to download.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactPart {
    /// Its bytes.
    pub data: Base64,
    /// There is another one.
    pub more: bool,
}

/// How a release fares at its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
    /// The target is at work on it.
    Pending,
    /// People see it.
    Live,
    /// Complete, and not what people see.
    Inactive,
    /// The target could not take it.
    Failed,
    /// The target does not have it any more.
    Gone,
}

/// What is known about a release: from its target, where that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseStatus {
    /// How it fares.
    pub state: ReleaseState,
    /// In the target's words.
    pub message: Option<String>,
    /// Where it can be seen now.
    pub url: Option<String>,
}
