//! The daemon itself: how it stands, who may call it, what it announces.

use crate::{DeploymentId, ProjectId, Secret, SourceId, TokenId, TurnId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the daemon stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// labd's version.
    pub version: String,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Its process.
    pub pid: u32,
    /// Where its data lies.
    pub data_dir: String,
    /// Where the console is.
    pub console_url: String,
    /// The socket of the RPC.
    pub socket: String,
    /// Projects.
    pub projects: u64,
    /// Data sources.
    pub sources: u64,
    /// Turns that are running.
    pub running_turns: u64,
    /// Bytes of the store, blobs included.
    pub store_bytes: u64,
    /// What the operator should know: the master key's place, unverified TLS, failed plugins.
    pub warnings: Vec<String>,
}

/// A link that signs in once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInLink {
    /// The address, with its token in the fragment.
    pub url: Secret,
    /// After this it is worthless.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenInfo {
    /// Its id.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// After this it is refused.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
}

/// A new token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// What it is for.
    pub name: String,
    /// Seconds until it expires; never when absent.
    #[serde(default)]
    pub expires_in: Option<u64>,
}

/// A token that was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenCreated {
    /// The token.
    pub info: TokenInfo,
    /// Its secret, shown this once: `Authorization: Bearer labd_…`.
    pub token: Secret,
}

/// Something changed; whoever shows it should read it anew. Notices are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice {
    /// A project was made, changed or removed.
    Project {
        /// Which.
        project: ProjectId,
    },
    /// A turn began or ended.
    Turn {
        /// Its project.
        project: ProjectId,
        /// Which.
        turn: TurnId,
    },
    /// A preview shows another state, or its problems changed.
    Preview {
        /// Its project.
        project: ProjectId,
    },
    /// A source was added, changed or removed, or its schema was read anew.
    Source {
        /// Which.
        source: SourceId,
    },
    /// A deployment began or ended.
    Deployment {
        /// Its project.
        project: ProjectId,
        /// Which.
        deployment: DeploymentId,
    },
    /// A deployment target was added, changed or removed.
    Targets,
    /// A plugin's state changed.
    Plugin {
        /// Its id.
        plugin: String,
    },
    /// A provider or a setting changed.
    Settings,
}
