//! All configured providers.

use crate::{
    AiPluginEntry, AiPlugins, config, errors,
    record::{ProviderRecord, SettingsRecord, StoredCredential},
};
use jiff::Timestamp;
use labd_plugin_host::PluginError;
use labd_protocol::{
    ApiError, ModelInfo, ModelList, Notice, Provider, ProviderCreate, ProviderId, ProviderUpdate,
    Secret, Settings, name,
};
use labd_store::{Batch, Repository, Store};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::broadcast, time::timeout};

/// The plugin that needs neither network nor model.
pub const OFFLINE_PLUGIN: &str = "labd.offline";

/// The only record of settings has this id.
const SETTINGS: &str = "settings";

/// To list models: one request to the provider.
const LIST_MODELS: Duration = Duration::from_secs(20);

/// All configured providers. Cheap to clone.
#[derive(Clone)]
pub struct Providers {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    records: Repository<ProviderRecord>,
    plugins: Arc<dyn AiPlugins>,
    notices: broadcast::Sender<Notice>,
    version: AtomicU64,
}

impl Providers {
    /// The providers that are stored.
    pub fn new(store: Store, plugins: Arc<dyn AiPlugins>) -> Self {
        Self {
            inner: Arc::new(Inner {
                records: Repository::new(store.clone()),
                store,
                plugins,
                notices: broadcast::channel(64).0,
                version: AtomicU64::new(0),
            }),
        }
    }

    /// What changes.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.inner.notices.subscribe()
    }

    /// All providers, the oldest first.
    pub async fn list(&self) -> Result<Vec<Provider>, ApiError> {
        Ok(self
            .records()
            .all()?
            .iter()
            .map(|record| self.info(record))
            .collect())
    }

    /// One provider.
    pub async fn get(&self, id: ProviderId) -> Result<Provider, ApiError> {
        Ok(self.info(&self.records().get(id)?))
    }

    /// Adds a provider.
    pub async fn create(&self, create: ProviderCreate) -> Result<Provider, ApiError> {
        let plugin = self.plugin(&create.plugin)?;
        let config = config::with_defaults(object(create.config), &plugin.config_schema);
        config::check(&config, &plugin.config_schema)?;
        let mut record = ProviderRecord {
            id: ProviderId::generate(),
            name: name("provider", &create.name)?,
            plugin: create.plugin,
            config,
            credentials: BTreeMap::new(),
            keys: BTreeMap::new(),
            default_model: model(create.default_model),
            created_at: Timestamp::now(),
        };
        if let Some(key) = create.api_key {
            seal(&mut record, &plugin, None, key)?;
        }
        self.records().add(&record).await?;
        self.notify();
        Ok(self.info(&record))
    }

    /// Changes a provider. Another address disables the API key until it is entered again.
    pub async fn update(
        &self,
        id: ProviderId,
        update: ProviderUpdate,
    ) -> Result<Provider, ApiError> {
        let change = self.records().change(id, |record| {
            let plugin = self.plugin(&record.plugin)?;
            if let Some(new) = update.name {
                record.name = name("provider", &new)?;
            }
            if let Some(config) = update.config {
                let config = config::with_defaults(object(config), &plugin.config_schema);
                config::check(&config, &plugin.config_schema)?;
                record.config = config;
            }
            if let Some(key) = update.api_key {
                seal(record, &plugin, None, key)?;
            }
            if update.default_model.is_some() {
                record.default_model = model(update.default_model);
            }
            Ok(())
        });
        let record = change.await?;
        self.notify();
        Ok(self.info(&record))
    }

    /// Enters a further key of a provider, or the same one anew. Requests are spread over all keys.
    pub async fn key_set(
        &self,
        id: ProviderId,
        key: &str,
        value: Secret,
    ) -> Result<Provider, ApiError> {
        let change = self.records().change(id, |record| {
            let plugin = self.plugin(&record.plugin)?;
            seal(record, &plugin, Some(key), value)
        });
        let record = change.await?;
        self.notify();
        Ok(self.info(&record))
    }

    /// Removes a key of a provider.
    pub async fn key_remove(&self, id: ProviderId, key: &str) -> Result<Provider, ApiError> {
        let change = self.records().change(id, |record| {
            let known = record
                .keys
                .remove(key)
                .or_else(|| record.credentials.remove(key));
            match known {
                Some(_) => Ok(()),
                None => Err(ApiError::not_found("key", key)),
            }
        });
        let record = change.await?;
        self.notify();
        Ok(self.info(&record))
    }

    /// Removes a provider with its credential.
    pub async fn remove(&self, id: ProviderId) -> Result<(), ApiError> {
        let removal = self.records().remove_with(id, |batch| {
            let mut settings = self.settings_record()?;
            if settings.default_provider == Some(id) {
                settings.default_provider = None;
                batch.put(SETTINGS, &settings)?;
            }
            Ok(())
        });
        removal.await?;
        self.notify();
        Ok(())
    }

    /// The models of a provider; also the test of its address and its credential.
    pub async fn models(&self, id: ProviderId) -> Result<ModelList, ApiError> {
        let record = self.records().get(id)?;
        let plugin = self.plugin(&record.plugin)?;
        let key = record.usable_keys(&plugin).into_iter().flatten().next();
        let access = record.access(&plugin, key.as_deref());
        let models = timeout(LIST_MODELS, plugin.provider.models(&access))
            .await
            .unwrap_or(Err(PluginError::Timeout))
            .map_err(|error| errors::of_provider(&record.name, error))?;
        let models = models
            .into_iter()
            .map(|model| ModelInfo {
                id: model.id,
                name: model.name,
                context_window: model.context_window,
            })
            .collect();
        Ok(ModelList { models })
    }

    /// The settings.
    pub async fn settings(&self) -> Result<Settings, ApiError> {
        Ok(Settings {
            default_provider: self.settings_record()?.default_provider,
        })
    }

    /// Changes settings.
    pub async fn settings_update(&self, settings: Settings) -> Result<Settings, ApiError> {
        let mut record = self.settings_record()?;
        if let Some(id) = settings.default_provider {
            self.records().get(id)?;
            record.default_provider = Some(id);
        }
        let mut batch = Batch::new();
        batch.put(SETTINGS, &record)?;
        self.inner.store.commit(batch).await?;
        self.notify();
        self.settings().await
    }

    /// Sees to it that the offline generator is there, and is asked when nothing else is chosen.
    pub async fn ensure_offline(&self) -> Result<(), ApiError> {
        if self.inner.plugins.get(OFFLINE_PLUGIN).is_none() {
            return Ok(());
        }
        let existing = self
            .records()
            .all()?
            .into_iter()
            .find(|record| record.plugin == OFFLINE_PLUGIN);
        let id = match existing {
            Some(record) => record.id,
            None => {
                let create = ProviderCreate {
                    name: "Offline templates".to_owned(),
                    plugin: OFFLINE_PLUGIN.to_owned(),
                    config: json!({}),
                    api_key: None,
                    default_model: None,
                };
                self.create(create).await?.id
            }
        };
        if self.settings_record()?.default_provider.is_none() {
            let settings = Settings {
                default_provider: Some(id),
            };
            self.settings_update(settings).await?;
        }
        Ok(())
    }

    fn info(&self, record: &ProviderRecord) -> Provider {
        let plugin = self.inner.plugins.get(&record.plugin);
        record.info(plugin.as_ref(), record.plugin == OFFLINE_PLUGIN)
    }

    fn plugin(&self, id: &str) -> Result<AiPluginEntry, ApiError> {
        self.inner.plugins.get(id).ok_or_else(|| {
            let known: Vec<_> = self
                .inner
                .plugins
                .list()
                .into_iter()
                .map(|entry| entry.plugin)
                .collect();
            ApiError::invalid(
                "plugin",
                format!(
                    "There is no AI plugin {id} that can be used. There are: {}.",
                    known.join(", ")
                ),
            )
        })
    }

    pub(crate) fn records(&self) -> &Repository<ProviderRecord> {
        &self.inner.records
    }

    /// The plugin of a provider, if it can be used.
    pub(crate) fn plugin_of(&self, record: &ProviderRecord) -> Option<AiPluginEntry> {
        self.inner.plugins.get(&record.plugin)
    }

    /// Grows with every change of a provider or a setting.
    pub(crate) fn version(&self) -> u64 {
        self.inner.version.load(Ordering::Acquire)
    }

    pub(crate) fn settings_record(&self) -> Result<SettingsRecord, ApiError> {
        Ok(self.inner.store.get(SETTINGS)?.unwrap_or_default())
    }

    /// Says that what is known of providers, of their plugins or of the gateway's configuration is
    /// another now.
    pub fn changed(&self) {
        self.inner.version.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn notify(&self) {
        self.changed();
        // Nobody listening is no fault.
        let _ = self.inner.notices.send(Notice::Settings);
    }
}

/// Seals a credential: the plugin's own, or a further one under a name.
fn seal(
    record: &mut ProviderRecord,
    plugin: &AiPluginEntry,
    name: Option<&str>,
    key: Secret,
) -> Result<(), ApiError> {
    let [slot] = plugin.credentials.as_slice() else {
        return Err(ApiError::invalid(
            "api_key",
            format!("The plugin {} takes no API key.", plugin.plugin),
        ));
    };
    let further = name.filter(|name| *name != slot.name);
    if let Some(name) = further {
        key_name(name)?;
    }
    if key.expose().trim().is_empty() {
        if further.is_some() {
            return Err(ApiError::invalid("api_key", "The API key is empty."));
        }
        record.credentials.remove(&slot.name);
        return Ok(());
    }
    if key
        .expose()
        .chars()
        .any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(ApiError::invalid(
            "api_key",
            "The API key contains blanks or line breaks; copy it again.",
        ));
    }
    let credential = StoredCredential {
        origin: config::origin(slot, &record.config)?,
        value: key,
        entered: Some(Timestamp::now()),
    };
    match further {
        Some(name) => record.keys.insert(name.to_owned(), credential),
        None => record.credentials.insert(slot.name.clone(), credential),
    };
    Ok(())
}

/// Names of keys stand in addresses and on command lines.
fn key_name(name: &str) -> Result<(), ApiError> {
    let fits = (1..=40).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if fits {
        return Ok(());
    }
    Err(ApiError::invalid(
        "key",
        "A key's name has 1 to 40 of the characters a-z, 0-9, - and _: team-b.",
    ))
}

fn object(config: Value) -> Value {
    if config.is_null() { json!({}) } else { config }
}

fn model(text: Option<String>) -> Option<String> {
    text.map(|model| model.trim().to_owned())
        .filter(|model| !model.is_empty())
}
