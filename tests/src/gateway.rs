//! A gateway in this process, with one plugin of its own host behind it, as the daemon has it.

use crate::repository::embedded_plugins;
use labd_gateway::{
    AiPluginEntry, AiPlugins, CredentialSlotDef, CredentialTarget, Gateway, Providers,
};
use labd_plugin_host::{PluginHost, PluginOptions};
use labd_protocol::{ProviderCreate, ProviderId, Secret};
use labd_store::{Options, Store};
use serde_json::json;
use std::{error::Error, sync::Arc};
use tempfile::TempDir;

/// The plugin for servers that are compatible with OpenAI.
pub const PLUGIN: &str = "labd.openai-compatible";

/// What the provider is called: its models are `Acme/…`.
pub const NAME: &str = "Acme";

/// The one plugin, as the daemon hands it to the gateway.
struct Plugins(Arc<PluginHost>);

impl AiPlugins for Plugins {
    fn get(&self, plugin: &str) -> Option<AiPluginEntry> {
        let (_, manifest) = self.0.inspect(plugin)?;
        Some(AiPluginEntry {
            plugin: plugin.to_owned(),
            credentials: vec![CredentialSlotDef {
                name: "api-key".to_owned(),
                targets: vec![CredentialTarget::FromConfig("base-url".to_owned())],
            }],
            config_schema: manifest.config,
            provider: self.0.ai_provider(plugin)?,
        })
    }

    fn list(&self) -> Vec<AiPluginEntry> {
        self.get(PLUGIN).into_iter().collect()
    }
}

/// A gateway with one provider.
pub struct InProcess {
    /// The gateway.
    pub gateway: Gateway,
    /// The provider, called [`NAME`].
    pub provider: ProviderId,
    /// What runs its plugin.
    pub host: Arc<PluginHost>,
    /// Where both keep their data.
    pub folder: TempDir,
}

impl InProcess {
    /// Starts one whose provider is at an address, asked with a key.
    ///
    /// # Errors
    /// When the plugins are not built, or host or store do not start.
    pub async fn start(base_url: &str, key: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        // Installed once for the process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir()?;
        let mut embedded = embedded_plugins()?;
        embedded.retain(|file| file.path.starts_with(&format!("{PLUGIN}-")));
        if embedded.is_empty() {
            return Err(format!("{PLUGIN} is not built: run `cargo xtask test`").into());
        }
        let host = Arc::new(PluginHost::start(PluginOptions {
            data_dir: folder.path().join("host"),
            embedded,
            ..PluginOptions::default()
        })?);
        let data = folder.path().join("store");
        let store = Store::open(&data, Options::default()).await?;
        let providers = Providers::new(store.clone(), Arc::new(Plugins(Arc::clone(&host))));
        let create = ProviderCreate {
            name: NAME.to_owned(),
            plugin: PLUGIN.to_owned(),
            config: json!({ "base-url": base_url }),
            api_key: Some(Secret::new(key)),
            default_model: None,
        };
        let provider = providers.create(create).await?.id;
        let gateway = Gateway::open(store, providers)?;
        Ok(Self {
            gateway,
            provider,
            host,
            folder,
        })
    }
}
