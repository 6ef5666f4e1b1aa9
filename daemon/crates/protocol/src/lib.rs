//! What labd says to its clients: the data types of RPC and HTTP, error codes, and the tarpc
//! service. A Rust client needs nothing else of labd.
//!
//! JSON names are `snake_case`; times are RFC 3339 in UTC; ids are ULIDs in their usual text form.
//! A field that is absent means "none" or, in an update, "as it was".

mod base64;
mod client;
mod coding;
mod deploy;
mod error;
mod gateway;
mod ids;
mod names;
mod plugins;
mod projects;
mod secret;
mod service;
mod sources;
mod status;
pub mod transport;
mod turns;
mod wrong_json;

pub use base64::Base64;
pub use client::{ClientTransport, answer, client, connect, within};
pub use coding::packed;
pub use deploy::{
    ArtifactInfo, ArtifactPart, DeployAction, DeployEvent, DeployEventRecord, DeployEvents,
    DeployPlan, DeployStart, DeployState, DeployTarget, Deployment, DestroyStart, LogLevel,
    PlanStep, ReleaseInfo, ReleaseState, ReleaseStatus, RollbackStart, StepChange, StepState,
    TargetCreate, TargetUpdate,
};
pub use error::{ApiError, ErrorCode, FieldError};
pub use gateway::{
    AnswerCache, AttemptTimeouts, Budget, BudgetScope, BudgetStatus, GatewayConfig, GatewayStatus,
    KeyState, KeyStatus, ModelRoute, ModelTarget, Price, ProviderLimit, RetryRules, UsageLine,
    UsageTotals,
};
pub use ids::{
    CursorId, DeploymentId, ProjectId, ProviderId, SnapshotId, SourceId, TargetId, TokenId, TurnId,
};
pub use names::name;
pub use plugins::{
    CredentialInfo, CredentialSlot, ModelInfo, ModelList, PluginCounters, PluginInfo,
    PluginInstall, PluginInstalled, PluginKind, PluginLogLine, PluginState, PluginWaiting,
    PluginsReloaded, Provider, ProviderCreate, ProviderUpdate, RegistryLogin, Settings,
};
pub use projects::{
    Author, FileContent, FileEntry, FileSave, FileSaved, PreviewInfo, Problem, ProblemSource,
    Project, ProjectCreate, ProjectUpdate, Rewind, Severity, Snapshot, SnapshotDetail,
};
pub use secret::Secret;
pub use service::{Labd, LabdClient, LabdRequest, LabdResponse};
pub use sources::{
    ClientCertificate, ColumnSchema, ForeignKeySchema, IndexSchema, QueryColumn, QueryRequest,
    QueryResult, RelationKind, RelationSchema, SourceCreate, SourceInfo, SourceRemoved,
    SourceSchema, SourceTest, SourceTestRequest, SourceUpdate, TlsSetting, ValueKind,
};
pub use status::{Notice, SignInLink, Status, TokenCreate, TokenCreated, TokenInfo};
pub use transport::{MAX_DEADLINE, MAX_FRAME, NO_ID};
pub use turns::{
    CheckState, FileAction, StartTurn, Turn, TurnEvent, TurnEventRecord, TurnEvents, TurnState,
    Usage,
};
pub use wrong_json::wrong_json;
