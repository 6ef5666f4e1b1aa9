//! What is configured, as requests need it, and the routes that it makes of names.

use crate::{
    AiPluginEntry,
    blobs::Origin,
    cache::Memory,
    errors,
    lane::Lane,
    record::ProviderRecord,
    route::{Route, Target, common},
};
use labd_plugin_host::kinds::ai::{ProviderAccess, ProviderInfo};
use labd_protocol::{ApiError, ErrorCode, GatewayConfig, ModelTarget, ProviderId};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::OnceCell;

/// Everything that is configured, as requests need it.
pub(crate) struct View {
    pub version: u64,
    pub config: Arc<GatewayConfig>,
    pub default_provider: Option<ProviderId>,
    pub providers: BTreeMap<ProviderId, ProviderView>,
    pub memory: Arc<Memory>,
}

/// A provider of it.
pub(crate) struct ProviderView {
    pub record: ProviderRecord,
    pub name: Arc<str>,
    pub plugin: Option<AiPluginEntry>,
    pub info: OnceCell<ProviderInfo>,
    pub keys: Vec<KeyView>,
}

/// A key of a provider.
pub(crate) struct KeyView {
    pub name: Option<String>,
    pub access: Arc<ProviderAccess>,
    pub lane: Arc<Lane>,
}

impl View {
    fn provider(&self, id: ProviderId) -> Result<(&ProviderView, &AiPluginEntry), ApiError> {
        let provider = self
            .providers
            .get(&id)
            .ok_or_else(|| ApiError::not_found("provider", id))?;
        let plugin = provider.plugin.as_ref().ok_or_else(|| {
            let record = &provider.record;
            ApiError::new(
                ErrorCode::PluginFailed,
                format!(
                    "The plugin {} of {} cannot be used.",
                    record.plugin, record.name
                ),
            )
            .with_hint(format!("See: labd plugin inspect {}", record.plugin))
        })?;
        Ok((provider, plugin))
    }

    async fn info(&self, id: ProviderId) -> Result<&ProviderInfo, ApiError> {
        let (provider, plugin) = self.provider(id)?;
        let described = || async {
            let described = plugin.provider.describe().await;
            described.map_err(|error| errors::of_provider(&provider.name, error))
        };
        provider.info.get_or_try_init(described).await
    }

    /// The targets of a provider's model: one for each key.
    fn targets(&self, target: &ModelTarget) -> Result<Vec<Target>, ApiError> {
        let (provider, plugin) = self.provider(target.provider)?;
        let wanted = provider
            .keys
            .iter()
            .filter(|key| target.key.is_none() || key.name == target.key);
        let made = wanted.map(|key| Target {
            provider: target.provider,
            provider_name: Arc::clone(&provider.name),
            plugin: plugin.plugin.as_str().into(),
            model: target.model.as_str().into(),
            weight: target.weight,
            access: Arc::clone(&key.access),
            lane: Arc::clone(&key.lane),
            service: Arc::clone(&plugin.provider),
            origin: Origin::new(&plugin.plugin, &target.model),
        });
        Ok(made.collect())
    }

    /// A route by its name. Targets whose provider is gone are left out.
    pub async fn route(&self, name: &str) -> Result<Option<Route>, ApiError> {
        let Some(route) = self.config.routes.iter().find(|route| route.name == name) else {
            return Ok(None);
        };
        let mut tiers = Vec::new();
        let mut can = Vec::new();
        let mut last = None;
        for tier in &route.tiers {
            let mut targets = Vec::new();
            for target in tier {
                match self.targets(target) {
                    Ok(mut found) => {
                        targets.append(&mut found);
                        can.push(self.info(target.provider).await?.capabilities);
                    }
                    Err(error) => last = Some(error),
                }
            }
            if !targets.is_empty() {
                tiers.push(targets);
            }
        }
        if tiers.is_empty() {
            let error = last.unwrap_or_else(|| ApiError::not_found("model", name));
            return Err(error.with_hint(format!(
                "The route {name} leads nowhere any more. Change it: labd gateway config"
            )));
        }
        let name: Arc<str> = name.into();
        Ok(Some(Route {
            model: Arc::clone(&name),
            name,
            capabilities: common(can),
            tiers,
        }))
    }

    /// A model of a provider, or its default one.
    pub async fn model(&self, id: ProviderId, model: Option<String>) -> Result<Route, ApiError> {
        let info = self.info(id).await?;
        let (provider, _) = self.provider(id)?;
        let model = model
            .or_else(|| provider.record.default_model.clone())
            .or_else(|| info.default_model.clone())
            .ok_or_else(|| {
                ApiError::new(
                    ErrorCode::InvalidRequest,
                    format!("No model of {} is chosen.", provider.name),
                )
                .with_hint("Choose a default model: console, Settings, AI providers.")
            })?;
        let target = ModelTarget {
            provider: id,
            model,
            key: None,
            weight: 1,
        };
        Ok(Route {
            name: Arc::clone(&provider.name),
            model: target.model.as_str().into(),
            capabilities: info.capabilities,
            tiers: vec![self.targets(&target)?],
        })
    }
}
