//! Targets.

use crate::{
    ARCHIVE_PLUGIN, Deployments, errors, limits,
    ports::DeployerEntry,
    records::{StoredCredential, TargetRecord},
};
use jiff::Timestamp;
use labd_plugin_host::{
    PluginError,
    kinds::{ai::BoundCredential, deployer::TargetAccess},
    manifest::{Credential, CredentialHost},
};
use labd_protocol::{
    ApiError, CredentialInfo, DeployTarget, ErrorCode, Notice, Secret, TargetCreate, TargetId,
    TargetUpdate, name,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::time::timeout;
use url::Url;
use zeroize::Zeroizing;

impl Deployments {
    /// All targets, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn targets(&self) -> Result<Vec<DeployTarget>, ApiError> {
        let all = self.inner.targets.all()?;
        Ok(all.iter().map(|record| self.info(record)).collect())
    }

    /// Checks and saves a new target.
    ///
    /// # Errors
    /// What the plugin says about its configuration and credential; `conflict` for a name that is
    /// taken.
    pub async fn target_create(&self, create: TargetCreate) -> Result<DeployTarget, ApiError> {
        let plugin = self.plugin(&create.plugin)?;
        let mut record = TargetRecord {
            id: TargetId::generate(),
            name: name("target", &create.name)?,
            plugin: create.plugin,
            config: object(create.config)?,
            credentials: BTreeMap::new(),
            settings: BTreeMap::new(),
            created_at: Timestamp::now(),
        };
        seal(&mut record, &plugin, create.credential)?;
        set(&mut record, create.settings)?;
        self.inner.targets.expect_free_name(&record)?;
        self.check(&plugin, &record).await?;
        self.inner.targets.add(&record).await?;
        self.notify(Notice::Targets);
        Ok(self.info(&record))
    }

    /// Changes a target, after it was checked as it will be.
    ///
    /// # Errors
    /// As [`target_create`](Self::target_create).
    pub async fn target_update(
        &self,
        id: TargetId,
        update: TargetUpdate,
    ) -> Result<DeployTarget, ApiError> {
        let mut record = self.inner.targets.get(id)?;
        let plugin = self.plugin(&record.plugin)?;
        if let Some(new) = &update.name {
            record.name = name("target", new)?;
        }
        if let Some(config) = update.config {
            record.config = object(config)?;
        }
        seal(&mut record, &plugin, update.credential)?;
        set(&mut record, update.settings)?;
        self.check(&plugin, &record).await?;
        let changed = record.clone();
        let saved = self.inner.targets.change(id, move |record| {
            *record = changed;
            Ok(())
        });
        saved.await?;
        self.notify(Notice::Targets);
        Ok(self.info(&record))
    }

    /// Removes a target with its credential. What was deployed there stays.
    ///
    /// # Errors
    /// `conflict` while something runs there.
    pub async fn target_remove(&self, id: TargetId) -> Result<(), ApiError> {
        if self.running().keys().any(|(_, target)| *target == id) {
            return Err(ApiError::new(
                ErrorCode::Conflict,
                "Something is being deployed there. Wait for it, or stop it first.",
            ));
        }
        self.inner.targets.remove_with(id, |_| Ok(())).await?;
        self.notify(Notice::Targets);
        Ok(())
    }

    /// Checks a target's configuration and credential.
    ///
    /// # Errors
    /// What the plugin says.
    pub async fn target_test(&self, id: TargetId) -> Result<(), ApiError> {
        let record = self.inner.targets.get(id)?;
        let plugin = self.plugin(&record.plugin)?;
        self.check(&plugin, &record).await
    }

    /// Sees to it that there is a target that needs no account. Who removes it keeps it removed for
    /// as long as there is another.
    pub(crate) async fn ensure_archive(&self) -> Result<(), ApiError> {
        let none = self.inner.targets.all()?.is_empty();
        if !none || self.inner.deployers.get(ARCHIVE_PLUGIN).is_none() {
            return Ok(());
        }
        let record = TargetRecord {
            id: TargetId::generate(),
            name: "Zip archive".to_owned(),
            plugin: ARCHIVE_PLUGIN.to_owned(),
            config: json!({}),
            credentials: BTreeMap::new(),
            settings: BTreeMap::new(),
            created_at: Timestamp::now(),
        };
        self.inner.targets.add(&record).await
    }

    pub(crate) fn target(&self, id: TargetId) -> Result<(TargetRecord, DeployerEntry), ApiError> {
        let record = self.inner.targets.get(id)?;
        let plugin = self.plugin(&record.plugin)?;
        Ok((record, plugin))
    }

    async fn check(&self, plugin: &DeployerEntry, record: &TargetRecord) -> Result<(), ApiError> {
        let access = access(plugin, record);
        timeout(limits::ASK, plugin.deployer.validate(&access))
            .await
            .unwrap_or(Err(PluginError::Timeout))
            .map_err(|error| errors::of_target(&record.name, error))
    }

    fn plugin(&self, id: &str) -> Result<DeployerEntry, ApiError> {
        self.inner.deployers.get(id).ok_or_else(|| {
            let known = self.inner.deployers.ids().join(", ");
            ApiError::invalid(
                "plugin",
                format!("There is no deployer {id} that can be used. There are: {known}."),
            )
        })
    }

    fn info(&self, record: &TargetRecord) -> DeployTarget {
        let plugin = self.inner.deployers.get(&record.plugin);
        let bound = |name: &str| {
            let slots = plugin.iter().flat_map(|plugin| &plugin.credentials);
            let mut slots = slots.filter(|slot| slot.name == name);
            slots.any(|slot| is_bound(record, slot))
        };
        DeployTarget {
            id: record.id,
            name: record.name.clone(),
            plugin: record.plugin.clone(),
            config: record.config.clone(),
            credentials: record
                .credentials
                .iter()
                .map(|(name, credential)| CredentialInfo {
                    name: name.clone(),
                    origin: credential.origin.clone(),
                    disabled: !bound(name),
                })
                .collect(),
            settings: record.settings.keys().cloned().collect(),
            created_at: record.created_at,
        }
    }
}

/// What the plugin may use: credentials whose origin is still the configured one.
pub(crate) fn access(plugin: &DeployerEntry, record: &TargetRecord) -> TargetAccess {
    let bound = plugin
        .credentials
        .iter()
        .filter(|slot| is_bound(record, slot));
    let credentials = bound.filter_map(|slot| {
        let credential = record.credentials.get(&slot.name)?;
        let bound = BoundCredential {
            origin: credential.origin.clone(),
            value: Zeroizing::new(credential.value.expose().to_owned()),
        };
        Some((slot.name.clone(), bound))
    });
    TargetAccess {
        target_id: record.id.to_string(),
        config: record.config.clone(),
        credentials: credentials.collect(),
    }
}

fn is_bound(record: &TargetRecord, slot: &Credential) -> bool {
    let held = record.credentials.get(&slot.name);
    held.is_some_and(|held| origin(slot, &record.config).as_ref() == Ok(&held.origin))
}

/// The origin that a credential of this configuration goes to. That it is HTTPS, or this machine,
/// the plugin host sees to when it is sent.
fn origin(slot: &Credential, config: &Value) -> Result<String, ApiError> {
    match slot.hosts.first() {
        Some(CredentialHost::Exact(host)) => Ok(format!("https://{host}")),
        Some(CredentialHost::FromConfig(key)) => {
            let text = config.get(key).and_then(Value::as_str).unwrap_or_default();
            let url = Url::parse(text).map_err(|_| {
                ApiError::invalid(
                    format!("config.{key}"),
                    "Write an address, such as https://api.example.",
                )
            })?;
            Ok(url.origin().ascii_serialization())
        }
        None => Err(ApiError::new(
            ErrorCode::InvalidRequest,
            "The plugin does not say where its credential goes.",
        )),
    }
}

fn seal(
    record: &mut TargetRecord,
    plugin: &DeployerEntry,
    credential: Option<Secret>,
) -> Result<(), ApiError> {
    let Some(value) = credential else {
        return Ok(());
    };
    let [slot] = plugin.credentials.as_slice() else {
        return Err(ApiError::invalid(
            "credential",
            format!("The plugin {} takes no credential.", plugin.plugin),
        ));
    };
    if value.expose().trim().is_empty() {
        record.credentials.remove(&slot.name);
        return Ok(());
    }
    let control = |c: char| c.is_control() || c.is_whitespace();
    if value.expose().chars().any(control) {
        return Err(ApiError::invalid(
            "credential",
            "The credential contains blanks or line breaks; copy it again.",
        ));
    }
    let origin = origin(slot, &record.config)?;
    let credential = StoredCredential { origin, value };
    record.credentials.insert(slot.name.clone(), credential);
    Ok(())
}

fn set(record: &mut TargetRecord, settings: BTreeMap<String, Secret>) -> Result<(), ApiError> {
    for (name, value) in settings {
        let field = format!("settings.{name}");
        let fits = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
            && name.len() <= 100
            && name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if !fits {
            return Err(ApiError::invalid(
                field,
                "A setting is named like an environment variable: DATABASE_URL.",
            ));
        }
        if value.expose().is_empty() {
            record.settings.remove(&name);
        } else {
            record.settings.insert(name, value);
        }
    }
    if record.settings.len() > limits::SETTINGS {
        return Err(ApiError::invalid(
            "settings",
            format!("A target holds {} settings at most.", limits::SETTINGS),
        ));
    }
    Ok(())
}

fn object(config: Value) -> Result<Value, ApiError> {
    match config {
        Value::Null => Ok(json!({})),
        Value::Object(_) => Ok(config),
        _ => Err(ApiError::invalid(
            "config",
            "The configuration must be an object.",
        )),
    }
}
