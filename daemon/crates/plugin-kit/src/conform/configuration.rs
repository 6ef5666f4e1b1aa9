//! Configurations: the right one with its credentials, and all that can be wrong with one.

use super::{
    Setting,
    bench::{CANARY, told},
    suite::{Done, fail},
};
use labd_plugin_host::{
    PluginError,
    kinds::ai::BoundCredential,
    manifest::{CredentialHost, HttpTarget},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A configuration that must be refused.
pub(super) struct Wrong {
    pub config: Value,
    /// What the message must name.
    names: String,
    why: &'static str,
}

/// Configurations that are wrong by the manifest's own schema, and those of the specification.
pub(super) fn wrong(setting: &Setting<'_>) -> Vec<Wrong> {
    let schema = &setting.manifest.config;
    let good = setting.spec.config_for("{peer}");
    let mut all = Vec::new();
    let changed = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut config = good.clone();
        if let Some(map) = config.as_object_mut() {
            change(map);
        }
        config
    };
    let required = schema.get("required").and_then(Value::as_array);
    for key in required.into_iter().flatten().filter_map(Value::as_str) {
        all.push(Wrong {
            config: changed(&|map| drop(map.remove(key))),
            names: key.to_owned(),
            why: "a key that is missing",
        });
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, property) in properties.into_iter().flatten() {
        let value = match property.get("type").and_then(Value::as_str) {
            Some("string") => Value::from(5),
            Some("integer" | "number" | "boolean" | "array" | "object") => "text".into(),
            _ => continue,
        };
        all.push(Wrong {
            config: changed(&|map| drop(map.insert(key.clone(), value.clone()))),
            names: key.clone(),
            why: "a value of another type",
        });
    }
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        let key = "key-that-does-not-exist";
        all.push(Wrong {
            config: changed(&|map| drop(map.insert(key.into(), 1.into()))),
            names: key.into(),
            why: "an unknown key",
        });
    }
    let more = setting.spec.wrong_config.iter();
    all.extend(more.map(|wrong| Wrong {
        config: wrong.config.clone(),
        names: wrong.names.clone(),
        why: "a value that cannot be",
    }));
    all
}

/// What became of a wrong configuration.
pub(super) fn refused(wrong: &Wrong, config: &Value, error: Option<PluginError>) -> Done {
    let happened = match error {
        Some(PluginError::InvalidRequest(fault)) if fault.message.contains(&wrong.names) => {
            return Ok(());
        }
        Some(error) => told(&error),
        None => "it was accepted".to_owned(),
    };
    fail(
        format!(
            "`invalid-request` that names `{}`, for {}: {config}",
            wrong.names, wrong.why
        ),
        happened,
        "read the configuration into a type that refuses unknown keys and wrong types, before \
         anything else, and name the key in the message",
    )
}

/// A canary for each credential, bound to the place where it may go.
pub(super) fn credentials(
    setting: &Setting<'_>,
    config: &Value,
) -> BTreeMap<String, BoundCredential> {
    let all = setting.manifest.credentials.iter();
    all.filter_map(|credential| {
        let origin = credential.hosts.iter().find_map(|host| match host {
            CredentialHost::Exact(host) => Some(format!("https://{host}")),
            CredentialHost::FromConfig(key) => {
                let url = config.get(key)?.as_str()?;
                Some(url::Url::parse(url).ok()?.origin().ascii_serialization())
            }
        })?;
        let bound = BoundCredential {
            origin,
            value: CANARY.to_owned().into(),
        };
        Some((credential.name.clone(), bound))
    })
    .collect()
}

/// Whether the plugin's requests can be led to the peer.
pub(super) fn leads_to_the_peer(setting: &Setting<'_>) -> bool {
    let config = &setting.spec.config;
    let targets = setting.manifest.permissions.http.iter();
    let mut urls = targets.filter_map(|target| match target {
        HttpTarget::FromConfig(key) => config.get(key)?.as_str(),
        HttpTarget::Origin(_) => None,
    });
    urls.any(|url| url.contains("{peer}"))
}
