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
    /// When; none where an earlier version stored it.
    #[serde(default)]
    pub entered: Option<Timestamp>,
}

/// A provider as it is stored, sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProviderRecord {
    pub id: ProviderId,
    pub name: String,
    pub plugin: String,
    pub config: Value,
    pub credentials: BTreeMap<String, StoredCredential>,
    /// Further keys for the plugin's only credential, by their names.
    #[serde(default)]
    pub keys: BTreeMap<String, StoredCredential>,
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
                .all()
                .map(|(name, credential)| CredentialInfo {
                    name: name.clone(),
                    origin: credential.origin.clone(),
                    disabled: !plugin.is_some_and(|plugin| self.is_bound(plugin, credential)),
                })
                .collect(),
            offline,
            created_at: self.created_at,
        }
    }

    /// Its credentials: those that its plugin names, then further keys.
    fn all(&self) -> impl Iterator<Item = (&String, &StoredCredential)> {
        self.credentials.iter().chain(&self.keys)
    }

    /// The names of its keys whose origin is still the configured one. A provider without any is
    /// asked without: its server may need none, and otherwise says so.
    pub fn usable_keys(&self, plugin: &AiPluginEntry) -> Vec<Option<String>> {
        let usable: Vec<_> = self
            .all()
            .filter(|(_, credential)| self.is_bound(plugin, credential))
            .map(|(name, _)| Some(name.clone()))
            .collect();
        if usable.is_empty() {
            vec![None]
        } else {
            usable
        }
    }

    /// Whether it has a key of this name.
    pub fn has_key(&self, name: &str) -> bool {
        self.all().any(|(known, _)| known == name)
    }

    /// The credential behind one of its [keys](Self::usable_keys).
    pub fn credential(
        &self,
        plugin: &AiPluginEntry,
        key: Option<&str>,
    ) -> Option<&StoredCredential> {
        let key = key?;
        let credential = self.credentials.get(key).or_else(|| self.keys.get(key))?;
        self.is_bound(plugin, credential).then_some(credential)
    }

    /// What the plugin may use with one of its [keys](Self::usable_keys).
    pub fn access(&self, plugin: &AiPluginEntry, key: Option<&str>) -> ProviderAccess {
        let credential = self.credential(plugin, key);
        let slot = plugin.credentials.first();
        let credentials = slot
            .zip(credential)
            .map(|(slot, credential)| {
                let bound = BoundCredential {
                    origin: credential.origin.clone(),
                    value: Zeroizing::new(credential.value.expose().to_owned()),
                };
                (slot.name.clone(), bound)
            })
            .into_iter()
            .collect();
        ProviderAccess {
            provider_id: self.id.to_string(),
            config: self.config.clone(),
            credentials,
        }
    }

    /// A credential goes only where it was given for.
    fn is_bound(&self, plugin: &AiPluginEntry, credential: &StoredCredential) -> bool {
        plugin
            .credentials
            .first()
            .and_then(|slot| config::origin(slot, &self.config).ok())
            .is_some_and(|origin| origin == credential.origin)
    }
}
