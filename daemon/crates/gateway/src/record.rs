//! The stored form of a provider.

use crate::{AiPluginEntry, config};
use jiff::Timestamp;
use labd_plugin_host::kinds::ai::{BoundCredential, ProviderAccess};
use labd_protocol::{CredentialInfo, Provider, ProviderId, Secret};
use labd_store::{Named, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A credential with the origin it was given for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredCredential {
    pub origin: String,
    pub value: Secret,
}

/// A provider as it is stored, sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProviderRecord {
    pub id: ProviderId,
    pub name: String,
    pub plugin: String,
    pub config: Value,
    pub credentials: BTreeMap<String, StoredCredential>,
    pub default_model: Option<String>,
    pub created_at: Timestamp,
}

impl Record for ProviderRecord {
    const KIND: &'static str = "provider";
}

impl Named for ProviderRecord {
    const WHAT: &'static str = "provider";
    type Id = ProviderId;

    fn id(&self) -> ProviderId {
        self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// Settings of the whole daemon.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SettingsRecord {
    pub default_provider: Option<ProviderId>,
}

impl Record for SettingsRecord {
    const KIND: &'static str = "settings";
}

impl ProviderRecord {
    /// As clients see it.
    pub fn info(&self, plugin: Option<&AiPluginEntry>, offline: bool) -> Provider {
        Provider {
            id: self.id,
            name: self.name.clone(),
            plugin: self.plugin.clone(),
            config: self.config.clone(),
            default_model: self.default_model.clone(),
            credentials: self
                .credentials
                .iter()
                .map(|(name, credential)| CredentialInfo {
                    name: name.clone(),
                    origin: credential.origin.clone(),
                    disabled: !plugin.is_some_and(|plugin| self.is_bound(plugin, name, credential)),
                })
                .collect(),
            offline,
            created_at: self.created_at,
        }
    }

    /// What the plugin may use: credentials whose origin is still the configured one.
    pub fn access(&self, plugin: &AiPluginEntry) -> ProviderAccess {
        let credentials = self
            .credentials
            .iter()
            .filter(|(name, credential)| self.is_bound(plugin, name, credential))
            .map(|(name, credential)| {
                let bound = BoundCredential {
                    origin: credential.origin.clone(),
                    value: Zeroizing::new(credential.value.expose().to_owned()),
                };
                (name.clone(), bound)
            })
            .collect();
        ProviderAccess {
            provider_id: self.id.to_string(),
            config: self.config.clone(),
            credentials,
        }
    }

    fn is_bound(&self, plugin: &AiPluginEntry, name: &str, credential: &StoredCredential) -> bool {
        plugin
            .credentials
            .iter()
            .find(|slot| slot.name == name)
            .and_then(|slot| config::origin(slot, &self.config).ok())
            .is_some_and(|origin| origin == credential.origin)
    }
}
