//! AI providers.

use super::{Client, quick, show, slow};
use crate::{
    cli::{ProviderCommand, ProviderKeyCommand},
    failure::Failure,
    output,
};
use labd_protocol::{ApiError, ProviderCreate, Settings, answer};
use serde_json::{Map, Value, json};

pub(super) async fn run(client: &Client, command: ProviderCommand) -> Result<(), Failure> {
    match command {
        ProviderCommand::Add {
            name,
            plugin,
            settings,
            key_file,
            no_key,
            model,
            default,
        } => {
            let api_key = if no_key {
                None
            } else {
                Some(output::secret(
                    "API key (not shown): ",
                    key_file.as_deref(),
                )?)
            };
            let create = ProviderCreate {
                name,
                plugin,
                config: config(&settings)?,
                api_key,
                default_model: model,
            };
            let provider = answer(client.labd.provider_create(slow(), create).await)?;
            if default {
                let settings = Settings {
                    default_provider: Some(provider.id),
                };
                answer(client.labd.settings_update(quick(), settings).await)?;
            }
            show(client, &provider, |provider| {
                output::line(format!("{} is saved.", provider.name))
            })
        }
        ProviderCommand::List => {
            let providers = answer(client.labd.providers(quick()).await)?;
            let settings = answer(client.labd.settings(quick()).await)?;
            show(client, &providers, |providers| {
                let rows: Vec<_> = providers
                    .iter()
                    .map(|provider| {
                        let default = settings.default_provider == Some(provider.id);
                        vec![
                            provider.name.clone(),
                            provider.plugin.clone(),
                            provider.default_model.clone().unwrap_or_default(),
                            if default { "default" } else { "" }.to_owned(),
                            provider.id.to_string(),
                        ]
                    })
                    .collect();
                output::table(&["name", "plugin", "model", "", "id"], &rows)
            })
        }
        ProviderCommand::Models { provider } => {
            let provider = client.provider(&provider).await?;
            let list = answer(client.labd.provider_models(slow(), provider.id).await)?;
            show(client, &list, |list| {
                let rows: Vec<_> = list
                    .models
                    .iter()
                    .map(|model| vec![model.id.clone(), model.name.clone()])
                    .collect();
                output::table(&["id", "name"], &rows)
            })
        }
        ProviderCommand::Remove { provider } => {
            let provider = client.provider(&provider).await?;
            answer(client.labd.provider_remove(quick(), provider.id).await)?;
            if client.json {
                return output::json(&json!({ "removed": provider.id }));
            }
            output::line(format!("{} is removed.", provider.name))
        }
        ProviderCommand::Key(command) => key(client, command).await,
    }
}

async fn key(client: &Client, command: ProviderKeyCommand) -> Result<(), Failure> {
    let (provider, told) = match command {
        ProviderKeyCommand::Set {
            provider,
            name,
            key_file,
        } => {
            let provider = client.provider(&provider).await?;
            let value = output::secret("API key (not shown): ", key_file.as_deref())?;
            let told = format!("The key {name} of {} is saved.", provider.name);
            let set = client
                .labd
                .provider_key_set(quick(), provider.id, name, value);
            (answer(set.await)?, told)
        }
        ProviderKeyCommand::Remove { provider, name } => {
            let provider = client.provider(&provider).await?;
            let told = format!("The key {name} of {} is removed.", provider.name);
            let removed = client.labd.provider_key_remove(quick(), provider.id, name);
            (answer(removed.await)?, told)
        }
    };
    show(client, &provider, |_| output::line(told))
}

/// Settings as JSON: what reads as a number or a switch is one.
pub(super) fn config(settings: &[String]) -> Result<Value, Failure> {
    let mut config = Map::new();
    for setting in settings {
        let Some((key, value)) = setting.split_once('=') else {
            let message = format!("Write a setting as key=value, not {setting}.");
            return Err(ApiError::invalid("set", message).into());
        };
        let value = match serde_json::from_str(value) {
            Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
            _ => Value::String(value.to_owned()),
        };
        config.insert(key.to_owned(), value);
    }
    Ok(Value::Object(config))
}
