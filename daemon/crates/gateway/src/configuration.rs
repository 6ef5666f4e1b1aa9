//! The gateway's configuration, checked before it is in force: what refers to nothing, or could never
//! do anything, is refused with the place where it stands.

use crate::cache;
use labd_protocol::{ApiError, Budget, BudgetScope, GatewayConfig, Price, ProviderId};
use labd_store::Record;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// The only record has this id.
pub(crate) const ID: &str = "config";
/// Longest name of a route, in bytes.
const NAME: usize = 100;
/// Most entries of each list.
const ENTRIES: usize = 1_000;
/// The longest pause that can be set: a request is forgotten by then.
const LONGEST_MS: u64 = 600_000;
/// The most repetitions.
const RETRIES: u32 = 10;
/// The most memory for answers, in MiB.
const MEBIBYTES: u32 = 4_096;

/// As it is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ConfigRecord {
    pub config: GatewayConfig,
}

impl Record for ConfigRecord {
    const KIND: &'static str = "gateway";
}

/// Checks a configuration. `has_key` tells whether a provider has a key of this name, and nothing of
/// a provider that there is not.
pub(crate) fn check(
    config: &GatewayConfig,
    has_key: impl Fn(ProviderId, Option<&str>) -> Option<bool>,
) -> Result<(), ApiError> {
    let known = |place: &str, provider: ProviderId, key: Option<&str>| match has_key(provider, key)
    {
        Some(true) => Ok(()),
        Some(false) => Err(ApiError::invalid(
            format!("{place}.key"),
            format!(
                "The provider {provider} has no key named {}. See: labd provider list",
                key.unwrap_or_default()
            ),
        )),
        None => Err(ApiError::invalid(
            format!("{place}.provider"),
            format!("There is no provider {provider}. See: labd provider list"),
        )),
    };
    for (list, count) in [
        ("routes", config.routes.len()),
        ("limits", config.limits.len()),
        ("budgets", config.budgets.len()),
        ("prices", config.prices.len()),
    ] {
        if count > ENTRIES {
            let message = format!("There are {count}; {ENTRIES} is the most.");
            return Err(ApiError::invalid(list, message));
        }
    }
    let mut names = HashSet::new();
    for (at, route) in config.routes.iter().enumerate() {
        let place = format!("routes[{at}]");
        name(&place, &route.name)?;
        if !names.insert(&route.name) {
            let message = format!("There are two routes named {}.", route.name);
            return Err(ApiError::invalid(format!("{place}.name"), message));
        }
        if route.tiers.is_empty() || route.tiers.iter().any(Vec::is_empty) {
            let message = "A route has at least one tier, and each tier at least one target.";
            return Err(ApiError::invalid(format!("{place}.tiers"), message));
        }
        for (tier, targets) in route.tiers.iter().enumerate() {
            for (target, one) in targets.iter().enumerate() {
                let place = format!("{place}.tiers[{tier}][{target}]");
                known(&place, one.provider, one.key.as_deref())?;
                if one.model.trim().is_empty() {
                    let message = "Name a model of the provider. See: labd provider models";
                    return Err(ApiError::invalid(format!("{place}.model"), message));
                }
                if one.weight == 0 {
                    let message = "A target without weight is never asked; leave it out.";
                    return Err(ApiError::invalid(format!("{place}.weight"), message));
                }
            }
        }
    }
    for (at, limit) in config.limits.iter().enumerate() {
        let place = format!("limits[{at}]");
        known(&place, limit.provider, limit.key.as_deref())?;
        for (field, value) in [
            ("concurrent", limit.concurrent),
            ("requests_per_minute", limit.requests_per_minute),
            ("tokens_per_minute", limit.tokens_per_minute),
        ] {
            if value == Some(0) {
                let message = "Nothing would ever be asked; leave it out, or remove the provider.";
                return Err(ApiError::invalid(format!("{place}.{field}"), message));
            }
        }
    }
    for (at, one) in config.budgets.iter().enumerate() {
        budget(&format!("budgets[{at}]"), one)?;
    }
    for (at, one) in config.prices.iter().enumerate() {
        price(&format!("prices[{at}]"), one)?;
    }
    for (field, value, most) in [
        (
            "retry.retries",
            u64::from(config.retry.retries),
            u64::from(RETRIES),
        ),
        ("retry.base_ms", config.retry.base_ms, LONGEST_MS),
        ("retry.max_ms", config.retry.max_ms, LONGEST_MS),
        (
            "retry.longest_wait_ms",
            config.retry.longest_wait_ms,
            LONGEST_MS,
        ),
        (
            "cache.mebibytes",
            u64::from(config.cache.mebibytes),
            u64::from(MEBIBYTES),
        ),
        ("cache.seconds", config.cache.seconds, cache::SECONDS),
    ] {
        if value > most {
            return Err(ApiError::invalid(field, format!("{most} is the most.")));
        }
    }
    for (field, value) in [
        ("timeouts.first_event_ms", config.timeouts.first_event_ms),
        (
            "timeouts.between_events_ms",
            config.timeouts.between_events_ms,
        ),
    ] {
        if value == Some(0) {
            let message = "No answer is that quick; leave it out for no limit of its own.";
            return Err(ApiError::invalid(field, message));
        }
    }
    Ok(())
}

/// A slash parts a provider's name from a model.
fn name(place: &str, name: &str) -> Result<(), ApiError> {
    let fits = !name.is_empty()
        && name.len() <= NAME
        && !name.contains('/')
        && !name.chars().any(|c| c.is_control() || c.is_whitespace());
    if fits {
        return Ok(());
    }
    let message =
        format!("A route's name has 1 to {NAME} characters, without blanks and without `/`: fast.");
    Err(ApiError::invalid(format!("{place}.name"), message))
}

fn budget(place: &str, budget: &Budget) -> Result<(), ApiError> {
    if budget.tokens_per_day.is_none() && budget.money_per_day.is_none() {
        let message = "Say tokens_per_day, money_per_day, or both.";
        return Err(ApiError::invalid(place, message));
    }
    if budget.money_per_day.is_some_and(|money| !is_amount(money)) {
        let message = "An amount is a number from 0 on.";
        return Err(ApiError::invalid(format!("{place}.money_per_day"), message));
    }
    if budget.scope == BudgetScope::Everyone && budget.id.is_some() {
        let message = "Everyone has no id; leave it out, or choose the scope user or project.";
        return Err(ApiError::invalid(format!("{place}.id"), message));
    }
    Ok(())
}

fn price(place: &str, price: &Price) -> Result<(), ApiError> {
    if price.model.is_empty() {
        let message = "Name a model; `*` stands for any characters.";
        return Err(ApiError::invalid(format!("{place}.model"), message));
    }
    for (field, value) in [
        ("input", Some(price.input)),
        ("cached_input", price.cached_input),
        ("cache_writes", price.cache_writes),
        ("output", Some(price.output)),
    ] {
        if value.is_some_and(|value| !is_amount(value)) {
            let message = "An amount is a number from 0 on.";
            return Err(ApiError::invalid(format!("{place}.{field}"), message));
        }
    }
    Ok(())
}

fn is_amount(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(config: serde_json::Value) -> Option<String> {
        let config: GatewayConfig = serde_json::from_value(config).unwrap();
        check(&config, |provider, key| {
            (provider == id()).then(|| key.is_none_or(|key| key == "second"))
        })
        .err()
        .map(|error| error.fields[0].field.clone())
    }

    fn id() -> ProviderId {
        "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap()
    }

    #[test]
    fn what_refers_to_nothing_or_could_do_nothing_is_refused_with_its_place() {
        let id = id().to_string();
        let stranger = "01ARZ3NDEKTSV4RRFFQ69G5FAW";
        let target = |more: serde_json::Value| {
            let mut target = json!({ "provider": id, "model": "m" });
            for (key, value) in more.as_object().unwrap() {
                target[key] = value.clone();
            }
            json!({ "routes": [{ "name": "fast", "tiers": [[target]] }] })
        };
        assert_eq!(refused(target(json!({ "key": "second" }))), None);
        for (config, place) in [
            (
                target(json!({ "key": "third" })),
                "routes[0].tiers[0][0].key",
            ),
            (
                target(json!({ "provider": stranger })),
                "routes[0].tiers[0][0].provider",
            ),
            (
                target(json!({ "model": " " })),
                "routes[0].tiers[0][0].model",
            ),
            (
                target(json!({ "weight": 0 })),
                "routes[0].tiers[0][0].weight",
            ),
            (
                json!({ "routes": [{ "name": "a/b", "tiers": [] }] }),
                "routes[0].name",
            ),
            (
                json!({ "routes": [{ "name": "a", "tiers": [[]] }] }),
                "routes[0].tiers",
            ),
            (
                json!({ "limits": [{ "provider": id, "concurrent": 0 }] }),
                "limits[0].concurrent",
            ),
            (json!({ "budgets": [{ "scope": "user" }] }), "budgets[0]"),
            (
                json!({ "budgets": [{ "scope": "everyone", "id": "x", "tokens_per_day": 1 }] }),
                "budgets[0].id",
            ),
            (
                json!({ "prices": [{ "model": "m", "input": -1.0, "output": 0.0 }] }),
                "prices[0].input",
            ),
            (json!({ "retry": { "retries": 11 } }), "retry.retries"),
            (
                json!({ "timeouts": { "first_event_ms": 0 } }),
                "timeouts.first_event_ms",
            ),
        ] {
            assert_eq!(refused(config.clone()).as_deref(), Some(place), "{config}");
        }
    }

    #[test]
    fn two_routes_of_one_name_are_refused() {
        let id = id().to_string();
        let route = json!({ "name": "a", "tiers": [[{ "provider": id, "model": "m" }]] });
        let config = json!({ "routes": [route, route] });
        assert_eq!(refused(config).as_deref(), Some("routes[1].name"));
    }
}
