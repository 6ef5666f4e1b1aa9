//! Which connector plugin serves which URL.

use labd_plugin_host::kinds::connector::Connector;
use std::sync::Arc;

/// A connector plugin that can be used.
#[derive(Clone)]
pub struct ConnectorEntry {
    /// The plugin's id: `labd.postgres`.
    pub plugin: String,
    /// For people: `PostgreSQL`.
    pub name: String,
    /// The port when the URL names none.
    pub default_port: Option<u16>,
    /// Its sources are files, not servers.
    pub file: bool,
    /// The plugin itself.
    pub connector: Arc<dyn Connector>,
}

/// The connector plugins there are. The binary wires the plugin host to it.
pub trait Connectors: Send + Sync {
    /// The connector for a URL scheme.
    fn for_scheme(&self, scheme: &str) -> Option<ConnectorEntry>;
    /// The connector of a plugin id.
    fn by_plugin(&self, plugin: &str) -> Option<ConnectorEntry>;
    /// All schemes, sorted, for messages.
    fn schemes(&self) -> Vec<String>;
}
