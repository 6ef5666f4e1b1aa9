//! Deployers (`wit/deployer`).

pub use super::bundle::{Bundle, BundleFile};

use super::ai::BoundCredential;
use crate::PluginError;
use async_trait::async_trait;
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc};
use zeroize::Zeroizing;

/// What a deployer can do beyond deploying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// It gives a file to download.
    pub artifact: bool,
    /// It asks its target about releases.
    pub releases: bool,
    /// It makes an earlier release live again.
    pub rollback: bool,
    /// It takes down what is there.
    pub destroy: bool,
    /// It gives the target the app's settings.
    pub settings: bool,
}

/// What a deployer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployerInfo {
    /// For people.
    pub name: String,
    /// Where an app goes, in one sentence.
    pub description: String,
    /// What it can do.
    pub features: Features,
    /// The layouts of bundles that it understands, the best first.
    pub layouts: Vec<String>,
}

/// Something that the running app reads from its environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// As an environment variable.
    pub name: String,
    /// For the person who enters it.
    pub description: String,
    /// The app does not start without it.
    pub required: bool,
    /// It must not be shown.
    pub secret: bool,
    /// What the app uses when it is not set.
    pub default_value: Option<String>,
    /// A value was entered for this target.
    pub available: bool,
}

/// What is to be deployed, beside its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSummary {
    /// For people.
    pub name: String,
    /// For folders, sites and repositories.
    pub slug: String,
    /// `node-project`.
    pub layout: String,
    /// A sentence about this state.
    pub message: String,
    /// What it reads from its environment.
    pub settings: Vec<Setting>,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepChange {
    /// Something new.
    Create,
    /// Something else than before.
    Update,
    /// Something goes.
    Delete,
    /// It stays.
    Keep,
}

/// Something that deploying will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    /// Unique in the plan.
    pub id: String,
    /// What it does.
    pub change: StepChange,
    /// In a line.
    pub title: String,
    /// What the title leaves out.
    pub detail: Option<String>,
    /// Neither a rollback nor a destruction undoes it.
    pub irreversible: bool,
}

/// What deploying will do, for the person who says yes to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In one sentence.
    pub summary: String,
    /// In order.
    pub steps: Vec<PlanStep>,
    /// What to know before.
    pub warnings: Vec<String>,
    /// Settings that the target will be given.
    pub settings: Vec<String>,
    /// The state of the target that it was made for.
    pub basis: Option<String>,
}

/// One state of an app in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The target's own name of it.
    pub id: String,
    /// Where it can be seen: `http:` or `https:`.
    pub url: Option<String>,
    /// What the deployer needs to find it again.
    pub state: Option<String>,
}

/// How a release fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// What the target says about a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseStatus {
    /// How it fares.
    pub state: ReleaseState,
    /// In the target's words.
    pub message: Option<String>,
    /// Where it can be seen now.
    pub url: Option<String>,
}

/// A release that the target knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRelease {
    /// Which.
    pub release: Release,
    /// How it fares.
    pub status: ReleaseStatus,
    /// The revision of its bundle.
    pub revision: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub created: Option<u64>,
}

/// What makes a piece of work the same when it is started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// A ULID.
    pub id: String,
    /// The last checkpoint of an attempt that was broken off.
    pub checkpoint: Option<String>,
}

/// What is to be taken down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This release.
    Release(Release),
    /// All that deploying made at this target.
    Everything,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// For whoever follows.
    Info,
    /// Worth a look.
    Warn,
    /// Wrong.
    Error,
}

/// Something that happened in a deployment. Texts hold no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployEvent {
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
        /// In the plural.
        unit: String,
    },
    /// Where the app can be reached: `http:` or `https:`.
    Url(String),
    /// A file to download begins.
    Artifact {
        /// A file name.
        name: String,
        /// Its media type.
        media_type: String,
    },
    /// The file's next bytes.
    ArtifactBytes(Bytes),
    /// What to hand in when this work is started again.
    Checkpoint(String),
    /// The work is done; the release that is live now.
    Finished(Option<Release>),
}

/// A target: a deployer with its settings and credentials.
#[derive(Clone, Debug, Default)]
pub struct TargetAccess {
    /// Which target this is; instances are never shared between two of them.
    pub target_id: String,
    /// The configuration, as the manifest's `[config]` describes it.
    pub config: serde_json::Value,
    /// Credentials by their name in the manifest. The plugin never sees one.
    pub credentials: BTreeMap<String, BoundCredential>,
}

/// Values of the settings that a deployment gives to its target, by name. The plugin sees
/// placeholders.
pub type SettingValues = BTreeMap<String, Zeroizing<String>>;

/// A deployment to be started.
#[derive(Clone)]
pub struct DeployRequest {
    /// What it is.
    pub app: AppSummary,
    /// Its files.
    pub bundle: Arc<Bundle>,
    /// Which work this is.
    pub attempt: Attempt,
    /// [`Plan::basis`] of the plan that a person agreed to.
    pub basis: Option<String>,
    /// Values of the settings that the plan named.
    pub settings: SettingValues,
}

/// Running work. Dropping it cancels it.
#[async_trait]
pub trait Deployment: Send {
    /// Waits for at least one event and gives those that are ready, at most `max`; empty after
    /// [`DeployEvent::Finished`].
    async fn next(&mut self, max: u32) -> Result<Vec<DeployEvent>, PluginError>;
}

/// A deployer plugin.
#[async_trait]
pub trait Deployer: Send + Sync {
    /// What it is.
    async fn describe(&self) -> Result<DeployerInfo, PluginError>;
    /// Checks a target.
    async fn validate(&self, access: &TargetAccess) -> Result<(), PluginError>;
    /// What deploying would do.
    async fn plan(
        &self,
        access: &TargetAccess,
        app: AppSummary,
        bundle: Arc<Bundle>,
    ) -> Result<Plan, PluginError>;
    /// Brings the app to its place.
    async fn deploy(
        &self,
        access: &TargetAccess,
        request: DeployRequest,
    ) -> Result<Box<dyn Deployment>, PluginError>;
    /// What the target says about a release.
    async fn status(
        &self,
        access: &TargetAccess,
        release: Release,
    ) -> Result<ReleaseStatus, PluginError>;
    /// The target's releases, the latest first.
    async fn releases(&self, access: &TargetAccess) -> Result<Vec<KnownRelease>, PluginError>;
    /// Makes an earlier release live again.
    async fn rollback(
        &self,
        access: &TargetAccess,
        release: Release,
        attempt: Attempt,
    ) -> Result<Box<dyn Deployment>, PluginError>;
    /// Takes down what deploying made.
    async fn destroy(
        &self,
        access: &TargetAccess,
        scope: Scope,
        attempt: Attempt,
    ) -> Result<Box<dyn Deployment>, PluginError>;
}
