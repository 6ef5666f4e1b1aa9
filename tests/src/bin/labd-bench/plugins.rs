//! The plugin host with the packages that the daemon embeds.

use crate::Result;
use labd_plugin_host::{PluginHost, PluginOptions};
use labd_tests::repository::embedded_plugins;
use std::sync::Arc;
use tempfile::TempDir;

/// A plugin host in a folder of its own, all plugins compiled.
pub struct Plugins {
    /// The host.
    pub host: Arc<PluginHost>,
    /// Its data.
    pub folder: TempDir,
}

impl Plugins {
    /// Starts it.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let host = PluginHost::start(PluginOptions {
            data_dir: folder.path().to_owned(),
            embedded: embedded_plugins()?,
            ..PluginOptions::default()
        })?;
        host.precompile_all().await;
        Ok(Self {
            host: Arc::new(host),
            folder,
        })
    }
}
