//! The gateway in front of AI providers.

use super::{Client, quick, show};
use crate::{cli::GatewayCommand, failure::Failure, output};
use labd_protocol::{
    ApiError, BudgetScope, GatewayConfig, GatewayStatus, KeyState, KeyStatus, Provider, ProviderId,
    UsageLine, UsageTotals, answer,
};
use serde_json::Value;
use std::{io::Read as _, path::Path};

pub(super) async fn run(client: &Client, command: GatewayCommand) -> Result<(), Failure> {
    match command {
        GatewayCommand::Status => {
            let status = answer(client.labd.gateway_status(quick()).await)?;
            show(client, &status, tell_status)
        }
        GatewayCommand::Usage { days } => {
            let lines = answer(client.labd.gateway_usage(quick(), days).await)?;
            show(client, &lines, |lines| tell_usage(lines))
        }
        GatewayCommand::Config { file } => {
            let providers = answer(client.labd.providers(quick()).await)?;
            let config = match file {
                None => answer(client.labd.gateway_config(quick()).await)?,
                Some(file) => {
                    let config = read(&file, &providers)?;
                    answer(client.labd.gateway_configure(quick(), config).await)?
                }
            };
            show(client, &config, |config| {
                output::text(&to_toml(config, &providers)?)
            })
        }
    }
}

fn tell_status(status: &GatewayStatus) -> Result<(), Failure> {
    let rows: Vec<_> = status.keys.iter().map(key_row).collect();
    output::table(
        &[
            "provider",
            "key",
            "state",
            "running",
            "waiting",
            "attempts",
            "failures",
            "p50",
            "p95",
            "tokens/s",
            "last failure",
        ],
        &rows,
    )?;
    let today = &status.today;
    output::line(format!(
        "\ntoday: {} requests ({} failed), {} tokens in, {} out, {}",
        today.requests,
        today.failures,
        today.input,
        today.output,
        money(today),
    ))?;
    if status.cache_hits > 0 {
        output::line(format!(
            "{} answers came from memory since the start",
            status.cache_hits
        ))?;
    }
    for budget in &status.budgets {
        let whose = match (budget.scope, &budget.id) {
            (BudgetScope::User, Some(id)) => format!("the user {id}"),
            (BudgetScope::Project, Some(id)) => format!("the project {id}"),
            _ => "everyone".to_owned(),
        };
        let tokens = budget
            .tokens_per_day
            .map(|most| format!("{} of {most} tokens", budget.tokens));
        let money = budget
            .money_per_day
            .map(|most| format!("{:.4} of {most:.2} in money", budget.money));
        let parts: Vec<_> = [tokens, money].into_iter().flatten().collect();
        output::line(format!("budget of {whose}: {}", parts.join(", ")))?;
    }
    Ok(())
}

fn key_row(key: &KeyStatus) -> Vec<String> {
    let number = |value: Option<f64>, unit: &str| {
        value.map_or_else(String::new, |value| format!("{value:.0}{unit}"))
    };
    vec![
        key.provider_name.clone(),
        key.key.clone().unwrap_or_default(),
        match (key.state, key.resting_until) {
            (KeyState::Resting, Some(until)) => format!("resting until {until:.0}"),
            (KeyState::Resting, None) => "resting".to_owned(),
            (KeyState::Ready, _) => "ready".to_owned(),
            (KeyState::Probing, _) => "probing".to_owned(),
            (KeyState::Refused, _) => "refused".to_owned(),
        },
        key.running.to_string(),
        key.waiting.to_string(),
        key.attempts.to_string(),
        key.failures.to_string(),
        number(key.first_event_p50_ms, " ms"),
        number(key.first_event_p95_ms, " ms"),
        number(key.tokens_per_second, ""),
        key.last_error.clone().unwrap_or_default(),
    ]
}

fn money(totals: &UsageTotals) -> String {
    let unpriced = match totals.unpriced {
        0 => String::new(),
        count => format!(" ({count} requests to models without a price)"),
    };
    format!("{:.4} in money{unpriced}", totals.money)
}

fn tell_usage(lines: &[UsageLine]) -> Result<(), Failure> {
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            let totals = &line.totals;
            vec![
                line.day.to_string(),
                line.provider_name.clone(),
                line.model.clone(),
                line.user.clone(),
                line.project.clone().unwrap_or_default(),
                totals.requests.to_string(),
                totals.failures.to_string(),
                totals.input.to_string(),
                totals.cached_input.to_string(),
                totals.output.to_string(),
                format!("{:.4}", totals.money),
            ]
        })
        .collect();
    output::table(
        &[
            "day", "provider", "model", "user", "project", "requests", "failed", "in", "cached",
            "out", "money",
        ],
        &rows,
    )
}

fn read(file: &Path, providers: &[Provider]) -> Result<GatewayConfig, Failure> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(file).map_err(|error| {
            Failure::new(format!("{} cannot be read: {error}.", file.display()))
        })?;
    }
    from_toml(&text, providers).map_err(|reason| {
        let error = ApiError::invalid("config", format!("{}: {reason}", file.display()));
        error
            .with_hint("Every key is explained in daemon/docs/gateway.md of labd's source.")
            .into()
    })
}

/// Providers by name become providers by id.
fn from_toml(text: &str, providers: &[Provider]) -> Result<GatewayConfig, String> {
    let value: Value = toml::from_str(text).map_err(|error| error.to_string())?;
    let value = rename(value, &|name| {
        let known = providers.iter().find(|provider| provider.name == name);
        match known {
            Some(provider) => Ok(provider.id.to_string()),
            None if name.parse::<ProviderId>().is_ok() => Ok(name.to_owned()),
            None => {
                let names: Vec<_> = providers.iter().map(|one| one.name.as_str()).collect();
                let names = names.join(", ");
                Err(format!("there is no provider {name}. There are: {names}"))
            }
        }
    })?;
    serde_path_to_error::deserialize(value).map_err(|error| error.to_string())
}

/// Providers by id become providers by name.
fn to_toml(config: &GatewayConfig, providers: &[Provider]) -> Result<String, Failure> {
    let value = serde_json::to_value(config).map_err(|error| Failure::new(error.to_string()))?;
    let value = rename(value, &|id| {
        let known = providers.iter().find(|one| one.id.to_string() == id);
        Ok::<_, Failure>(known.map_or_else(|| id.to_owned(), |one| one.name.clone()))
    })?;
    toml::to_string_pretty(&without_nulls(value)).map_err(|error| Failure::new(error.to_string()))
}

fn rename<E>(value: Value, name: &impl Fn(&str) -> Result<String, E>) -> Result<Value, E> {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| {
                let value = match value {
                    Value::String(text) if key == "provider" => Value::String(name(&text)?),
                    value => rename(value, name)?,
                };
                Ok((key, value))
            })
            .collect(),
        Value::Array(all) => all.into_iter().map(|one| rename(one, name)).collect(),
        other => Ok(other),
    }
}

/// TOML has no word for nothing.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_nulls(value)))
            .collect(),
        Value::Array(all) => all.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn provider() -> Provider {
        Provider {
            id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            name: "Claude".into(),
            plugin: "labd.anthropic".into(),
            config: Value::Null,
            default_model: None,
            credentials: Vec::new(),
            offline: false,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    const TEXT: &str = r#"
[[routes]]
name = "fast"
tiers = [[{ provider = "Claude", model = "m", weight = 3 }], [{ provider = "Claude", model = "n" }]]

[[budgets]]
scope = "user"
tokens_per_day = 100
"#;

    #[test]
    fn what_is_printed_can_be_read_back() {
        let providers = [provider()];
        let config = from_toml(TEXT, &providers).unwrap();
        assert_eq!(config.routes[0].tiers[0][0].provider, providers[0].id);
        let printed = to_toml(&config, &providers).unwrap();
        assert!(printed.contains("\"Claude\""), "{printed}");
        assert_eq!(from_toml(&printed, &providers).unwrap(), config);
    }

    #[test]
    fn an_unknown_provider_or_key_is_told() {
        let error = from_toml(&TEXT.replace("Claude", "Clod"), &[provider()]).unwrap_err();
        assert!(
            error.contains("no provider Clod. There are: Claude"),
            "{error}"
        );
        let error = from_toml("route = 1", &[]).unwrap_err();
        assert!(error.contains("route"), "{error}");
    }
}
