//! The AI provider plugins there are.

use labd_plugin_host::kinds::ai::AiProvider;
use std::sync::Arc;

/// Where a credential goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialTarget {
    /// Exactly this host, over HTTPS.
    Host(String),
    /// The origin of the URL under this key of the configuration.
    FromConfig(String),
}

/// A credential that a plugin asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialSlotDef {
    /// Its name: `api-key`.
    pub name: String,
    /// Where it goes.
    pub targets: Vec<CredentialTarget>,
}

/// A provider plugin that can be used.
#[derive(Clone)]
pub struct AiPluginEntry {
    /// Its id: `labd.openai-compatible`.
    pub plugin: String,
    /// What it asks for.
    pub credentials: Vec<CredentialSlotDef>,
    /// JSON Schema of its configuration; `null` when it has none.
    pub config_schema: serde_json::Value,
    /// The plugin itself.
    pub provider: Arc<dyn AiProvider>,
}

/// The plugins. The binary wires the plugin host to it.
pub trait AiPlugins: Send + Sync {
    /// A plugin by its id.
    fn get(&self, plugin: &str) -> Option<AiPluginEntry>;
    /// All of them, by id.
    fn list(&self) -> Vec<AiPluginEntry>;
}
