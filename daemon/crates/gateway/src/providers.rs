//! All configured providers.

use crate::{
    AiPluginEntry, AiPlugins, config, errors,
    record::{ProviderRecord, SettingsRecord, StoredCredential},
};
use jiff::Timestamp;
use labd_plugin_host::{
    PluginError,
    kinds::ai::{Capabilities, Completion, EmbedRequest, Embeddings, ProviderAccess, Request},
};
use labd_protocol::{
    ApiError, ErrorCode, ModelInfo, ModelList, Notice, Provider, ProviderCreate, ProviderId,
    ProviderUpdate, Secret, Settings, name,
};
use labd_store::{Batch, Repository, Store};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
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
}

/// A model of a provider, ready to be asked.
#[derive(Clone)]
pub struct Route {
    /// The provider.
    pub provider: Provider,
    /// The model's id.
    pub model: String,
    /// What the provider can do.
    pub capabilities: Capabilities,
    plugin: AiPluginEntry,
    access: Arc<ProviderAccess>,
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
        let config = object(create.config);
        config::check(&config, &plugin.config_schema)?;
        let mut record = ProviderRecord {
            id: ProviderId::generate(),
            name: name("provider", &create.name)?,
            plugin: create.plugin,
            config,
            credentials: BTreeMap::new(),
            default_model: model(create.default_model),
            created_at: Timestamp::now(),
        };
        if let Some(key) = create.api_key {
            seal(&mut record, &plugin, key)?;
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
                let config = object(config);
                config::check(&config, &plugin.config_schema)?;
                record.config = config;
            }
            if let Some(key) = update.api_key {
                seal(record, &plugin, key)?;
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
        let access = record.access(&plugin);
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

    /// The model that is meant: the named one, or the default of the named or the default provider.
    pub async fn resolve(
        &self,
        provider: Option<ProviderId>,
        model: Option<String>,
    ) -> Result<Route, ApiError> {
        let id = match provider {
            Some(id) => id,
            None => self.settings_record()?.default_provider.ok_or_else(|| {
                ApiError::new(ErrorCode::InvalidRequest, "No AI provider is chosen.")
                    .with_hint("Add one, or choose a default: console, Settings, AI providers.")
            })?,
        };
        let record = self.records().get(id)?;
        let plugin = self.plugin(&record.plugin)?;
        let info = plugin
            .provider
            .describe()
            .await
            .map_err(|error| errors::of_provider(&record.name, error))?;
        let model = model
            .filter(|model| !model.is_empty())
            .or_else(|| record.default_model.clone())
            .or(info.default_model)
            .ok_or_else(|| {
                ApiError::new(
                    ErrorCode::InvalidRequest,
                    format!("No model of {} is chosen.", record.name),
                )
                .with_hint("Choose a default model: console, Settings, AI providers.")
            })?;
        Ok(Route {
            provider: self.info(&record),
            model,
            capabilities: info.capabilities,
            access: Arc::new(record.access(&plugin)),
            plugin,
        })
    }

    /// Asks a model. Dropping the answer closes the connection.
    pub async fn complete(
        &self,
        route: &Route,
        request: Request,
    ) -> Result<Box<dyn Completion>, ApiError> {
        route
            .plugin
            .provider
            .complete(&route.access, request)
            .await
            .map_err(|error| route.explain(error))
    }

    /// Has a model turn texts into vectors.
    pub async fn embed(
        &self,
        route: &Route,
        request: EmbedRequest,
    ) -> Result<Embeddings, ApiError> {
        route
            .plugin
            .provider
            .embed(&route.access, request)
            .await
            .map_err(|error| route.explain(error))
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

    fn records(&self) -> &Repository<ProviderRecord> {
        &self.inner.records
    }

    fn settings_record(&self) -> Result<SettingsRecord, ApiError> {
        Ok(self.inner.store.get(SETTINGS)?.unwrap_or_default())
    }

    fn notify(&self) {
        // Nobody listening is no fault.
        let _ = self.inner.notices.send(Notice::Settings);
    }
}

impl Route {
    /// An error of this provider in plain words.
    pub fn explain(&self, error: PluginError) -> ApiError {
        errors::of_provider(&self.provider.name, error)
    }
}

fn seal(record: &mut ProviderRecord, plugin: &AiPluginEntry, key: Secret) -> Result<(), ApiError> {
    let [slot] = plugin.credentials.as_slice() else {
        return Err(ApiError::invalid(
            "api_key",
            format!("The plugin {} takes no API key.", plugin.plugin),
        ));
    };
    if key.expose().trim().is_empty() {
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
    };
    record.credentials.insert(slot.name.clone(), credential);
    Ok(())
}

fn object(config: Value) -> Value {
    if config.is_null() { json!({}) } else { config }
}

fn model(text: Option<String>) -> Option<String> {
    text.map(|model| model.trim().to_owned())
        .filter(|model| !model.is_empty())
}
