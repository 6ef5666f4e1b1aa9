//! `labd deploy targets`.

use super::super::{Client, provider, quick, show, slow};
use crate::{
    cli::deploy::{TargetCommand, TargetOptions},
    failure::Failure,
    output,
};
use labd_protocol::{ApiError, DeployTarget, Secret, TargetCreate, TargetUpdate, answer};
use serde_json::json;
use std::{collections::BTreeMap, path::Path};

pub(super) async fn run(client: &Client, command: Option<TargetCommand>) -> Result<(), Failure> {
    match command.unwrap_or(TargetCommand::List) {
        TargetCommand::List => {
            let targets = answer(client.labd.targets(quick()).await)?;
            show(client, &targets, |targets| list(targets))
        }
        TargetCommand::Add { name, plugin, with } => {
            let create = TargetCreate {
                name,
                plugin,
                config: provider::config(&with.config)?,
                credential: credential(&with)?,
                settings: settings(&with)?,
            };
            let target = answer(client.labd.target_create(slow(), create).await)?;
            show(client, &target, saved)
        }
        TargetCommand::Update { target, name, with } => {
            let target = super::target(client, Some(&target)).await?;
            let mut config = None;
            if !with.config.is_empty() {
                let mut merged = target.config.as_object().cloned().unwrap_or_default();
                if let Some(new) = provider::config(&with.config)?.as_object() {
                    merged.extend(new.clone());
                }
                config = Some(merged.into());
            }
            let update = TargetUpdate {
                name,
                config,
                credential: credential(&with)?,
                settings: settings(&with)?,
            };
            let call = client.labd.target_update(slow(), target.id, update);
            show(client, &answer(call.await)?, saved)
        }
        TargetCommand::Test { target } => {
            let target = super::target(client, Some(&target)).await?;
            answer(client.labd.target_test(slow(), target.id).await)?;
            show(client, &target, |target| {
                output::line(format!("{} can be deployed to.", target.name))
            })
        }
        TargetCommand::Remove { target } => {
            let target = super::target(client, Some(&target)).await?;
            answer(client.labd.target_remove(quick(), target.id).await)?;
            if client.json {
                return output::json(&json!({ "removed": target.id }));
            }
            output::line(format!("{} is removed.", target.name))
        }
    }
}

fn saved(target: &DeployTarget) -> Result<(), Failure> {
    output::line(format!("{} is saved.", target.name))
}

fn list(targets: &[DeployTarget]) -> Result<(), Failure> {
    let rows: Vec<_> = targets
        .iter()
        .map(|target| {
            let credentials: Vec<_> = target
                .credentials
                .iter()
                .map(|held| {
                    if held.disabled {
                        format!("{} (enter it again)", held.name)
                    } else {
                        held.name.clone()
                    }
                })
                .collect();
            vec![
                target.name.clone(),
                target.plugin.clone(),
                credentials.join(", "),
                target.settings.join(", "),
                target.id.to_string(),
            ]
        })
        .collect();
    output::table(&["name", "plugin", "credential", "settings", "id"], &rows)
}

fn credential(with: &TargetOptions) -> Result<Option<Secret>, Failure> {
    if !with.credential && with.credential_file.is_none() {
        return Ok(None);
    }
    output::secret("Credential (not shown): ", with.credential_file.as_deref()).map(Some)
}

fn settings(with: &TargetOptions) -> Result<BTreeMap<String, Secret>, Failure> {
    let mut settings = BTreeMap::new();
    for name in &with.settings {
        let value = output::secret(&format!("{name} (not shown): "), None)?;
        settings.insert(name.clone(), value);
    }
    for pair in &with.setting_files {
        let Some((name, file)) = pair.split_once('=') else {
            let message = format!("Write it as NAME=FILE, not {pair}.");
            return Err(ApiError::invalid("setting-file", message).into());
        };
        let value = output::secret("", Some(Path::new(file)))?;
        settings.insert(name.to_owned(), value);
    }
    Ok(settings)
}
