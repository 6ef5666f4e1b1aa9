//! Plugins, configured AI providers, and settings.

use crate::{ProviderId, Secret};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PluginKind {
    /// Answers requests with a model.
    AiProvider,
    /// Speaks a database's protocol.
    Connector,
    /// Publishes apps.
    Deployer,
    /// Compiles and runs apps.
    Sandbox,
}

/// How a plugin stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum PluginState {
    /// It can be called.
    Ready,
    /// It could not be loaded.
    Failed {
        /// Why.
        reason: String,
    },
    /// It crashed too often and is not called any more.
    Quarantined {
        /// Why.
        reason: String,
    },
    /// It asks for more than was granted.
    AwaitingGrant {
        /// What it asks for, a line each: `http=https://api.example`.
        asks: Vec<String>,
        /// The command that grants it.
        command: String,
    },
    /// An operator has disabled it.
    Disabled {
        /// The command that enables it.
        command: String,
    },
}

/// A newer version that asks for more than was granted, and waits while the former one serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginWaiting {
    /// Its version.
    pub version: String,
    /// SHA-256 over its manifest and component.
    pub digest: String,
    /// What it asks for beyond what the plugin may do, a line each.
    pub asks: Vec<String>,
    /// The command that grants it, and lets it serve.
    pub command: String,
}

/// A line of a plugin's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginLogLine {
    /// Counts from 1 since the daemon started.
    pub seq: u64,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `debug`, `info`, `warn`, `error`.
    pub level: String,
    /// The plugin wrote it; else labd did, about the plugin.
    pub by_plugin: bool,
    /// Its text.
    pub text: String,
}

/// What a plugin has done since the daemon started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginCounters {
    /// Calls.
    pub calls: u64,
    /// Calls that ended in an error.
    pub errors: u64,
    /// Instances that trapped.
    pub traps: u64,
    /// Requests beyond its permissions.
    pub denials: u64,
    /// Bytes received from the network.
    pub bytes_in: u64,
    /// Bytes sent to the network.
    pub bytes_out: u64,
    /// Log lines beyond its allowance.
    pub log_lines_dropped: u64,
    /// Milliseconds of its own running time.
    pub cpu_ms: u64,
    /// Living instances.
    pub instances: u64,
    /// Bytes of memory that these have, together.
    pub memory_bytes: u64,
}

/// A credential that a plugin asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialSlot {
    /// Its name: `api-key`.
    pub name: String,
    /// Hosts it is sent to; empty when it goes to the configured address only.
    pub hosts: Vec<String>,
}

/// A plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PluginInfo {
    /// Its id: `labd.postgres`; the folder of its package when its manifest cannot be read.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it is, in a sentence; empty when its manifest says nothing.
    pub description: String,
    /// Its version; empty when its manifest cannot be read.
    pub version: String,
    /// What it is for; none when its manifest cannot be read.
    pub kind: Option<PluginKind>,
    /// SHA-256 over manifest and component; empty when they cannot be read.
    pub digest: String,
    /// It came with labd.
    pub first_party: bool,
    /// How it stands.
    pub state: PluginState,
    /// A newer version that waits for its grant.
    pub waiting: Option<PluginWaiting>,
    /// What it asks for, a line each: `http=https://api.example`.
    pub declared: Vec<String>,
    /// What of that it may do: what is granted and below the operator's ceiling.
    pub permissions: Vec<String>,
    /// Credentials it asks for.
    pub credentials: Vec<CredentialSlot>,
    /// JSON Schema of its configuration.
    #[schema(value_type = Object)]
    pub config_schema: serde_json::Value,
    /// What it has done.
    pub counters: PluginCounters,
}

/// A plugin to install.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginInstall {
    /// Where its package is: the absolute path of a folder or of an archive on the daemon's machine
    /// (not over HTTP), `https://…`, `oci://registry/repository:tag`, or `id@version` in the mirror
    /// folder.
    pub source: String,
    /// The digest of the package, or of the archive it comes in; an address needs one.
    #[serde(default)]
    pub digest: Option<String>,
    /// Take in a package of the daemon's machine without a signature.
    #[serde(default)]
    pub allow_unsigned: bool,
    /// Serve the folder as it lies there, without a copy and without a signature, until the daemon
    /// stops: for authors, who change it all the time.
    #[serde(default)]
    pub in_place: bool,
    /// Take in a version older than the one that is installed.
    #[serde(default)]
    pub downgrade: bool,
    /// Who asks the registry.
    #[serde(default)]
    pub login: Option<RegistryLogin>,
}

/// A user name and a password for a registry. They are used once and not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryLogin {
    /// The user name.
    pub username: String,
    /// The password, or a token.
    pub password: Secret,
}

/// A plugin that was installed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PluginInstalled {
    /// The plugin as it stands now. An older version of it serves while the new one waits for a grant.
    pub plugin: PluginInfo,
    /// The version that was installed.
    pub version: String,
    /// The digest of its package.
    pub digest: String,
    /// Who signed it, as `trust.toml` names the key; none for what is not signed.
    pub signer: Option<String>,
    /// It was not there before.
    pub fresh: bool,
}

/// What looking for packages again has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PluginsReloaded {
    /// Plugins that were put there, by their ids.
    pub added: Vec<String>,
    /// Plugins of which another version or content serves, or waits for its grant.
    pub changed: Vec<String>,
    /// Plugins that are gone, or whose package nobody trusts any more.
    pub removed: Vec<String>,
    /// All plugins as they stand now.
    pub plugins: Vec<PluginInfo>,
}

/// A credential that is held, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialInfo {
    /// Its name: `api-key`.
    pub name: String,
    /// The origin it was given for and is sent to.
    pub origin: String,
    /// It is not used any more, since the provider's address changed; enter it again.
    pub disabled: bool,
}

/// A configured AI provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Provider {
    /// Its id.
    pub id: ProviderId,
    /// Its name, unique.
    pub name: String,
    /// The plugin that speaks to it.
    pub plugin: String,
    /// Its configuration, as the plugin's `config_schema` describes it.
    #[schema(value_type = Object)]
    pub config: serde_json::Value,
    /// The model to use when nobody chose one.
    pub default_model: Option<String>,
    /// Credentials that are held.
    pub credentials: Vec<CredentialInfo>,
    /// It needs no network and no model: labd's own template generator.
    pub offline: bool,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A new provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderCreate {
    /// Its name.
    pub name: String,
    /// The plugin: `labd.openai-compatible`.
    pub plugin: String,
    /// Its configuration.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub config: serde_json::Value,
    /// The API key, for the plugin's only credential. Sealed together with the origin that the
    /// configuration names; never given back.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// The model to use when nobody chose one.
    #[serde(default)]
    pub default_model: Option<String>,
}

/// A change of a provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderUpdate {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// A new configuration. Another address disables the API key until it is entered again.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<serde_json::Value>,
    /// A new API key.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// A new default model.
    #[serde(default)]
    pub default_model: Option<String>,
}

/// A model on offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelInfo {
    /// As the provider names it.
    pub id: String,
    /// For people.
    pub name: String,
    /// Tokens that request and answer share.
    pub context_window: Option<u32>,
}

/// The models of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// In the provider's order.
    pub models: Vec<ModelInfo>,
}

/// Settings of the whole daemon. In an update, an absent field stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The provider to ask when a project names none.
    #[serde(default)]
    pub default_provider: Option<ProviderId>,
}
