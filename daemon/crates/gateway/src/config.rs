//! A provider's configuration, checked against what its plugin's manifest declares: an object with
//! known keys, all required ones, each of its type. What a value means is the plugin's to judge.

use crate::{CredentialSlotDef, CredentialTarget};
use labd_protocol::{ApiError, ErrorCode, FieldError};
use serde_json::{Map, Value};
use url::{Host, Url};

/// Checks a configuration.
pub(crate) fn check(config: &Value, schema: &Value) -> Result<(), ApiError> {
    let empty = Map::new();
    let config = match config {
        Value::Null => &empty,
        Value::Object(config) => config,
        _ => {
            return Err(ApiError::invalid(
                "config",
                "The configuration must be an object.",
            ));
        }
    };
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let mut fields: Vec<FieldError> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|key| config.get(*key).is_none_or(Value::is_null))
        .map(|key| fault(key, "This setting is required."))
        .collect();
    for (key, value) in config {
        match properties.get(key) {
            None => {
                let known: Vec<&str> = properties.keys().map(String::as_str).collect();
                let message = format!("There is no such setting. Known are: {}.", known.join(", "));
                fields.push(fault(key, &message));
            }
            Some(property) => fields.extend(type_fault(key, value, property)),
        }
    }
    match fields.first() {
        None => Ok(()),
        Some(first) => Err(ApiError {
            message: format!("{}: {}", first.field, first.message),
            fields,
            ..ApiError::new(ErrorCode::InvalidRequest, "")
        }),
    }
}

/// Adds what the schema has defaults for, so that the address a key goes to can be read from the
/// configuration itself.
pub(crate) fn with_defaults(mut config: Value, schema: &Value) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    if let Some(config) = config.as_object_mut() {
        for (key, property) in properties.into_iter().flatten() {
            if let Some(default) = property.get("default")
                && config.get(key).is_none_or(Value::is_null)
            {
                config.insert(key.clone(), default.clone());
            }
        }
    }
    config
}

fn type_fault(key: &str, value: &Value, property: &Value) -> Option<FieldError> {
    let expected = property.get("type").and_then(Value::as_str)?;
    let fits = match expected {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    if !fits && !value.is_null() {
        return Some(fault(key, &format!("This setting is of type {expected}.")));
    }
    if property.get("format").and_then(Value::as_str) == Some("uri")
        && value.as_str().is_some_and(has_credentials)
    {
        return Some(fault(
            key,
            "An address holds no user name and no password; enter the API key by itself.",
        ));
    }
    let choices = property.get("enum").and_then(Value::as_array)?;
    (!value.is_null() && !choices.contains(value)).then(|| {
        let choices: Vec<String> = choices.iter().map(Value::to_string).collect();
        fault(
            key,
            &format!("This setting is one of {}.", choices.join(", ")),
        )
    })
}

/// Configuration is shown to everyone who may see the provider.
fn has_credentials(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| !url.username().is_empty() || url.password().is_some())
}

fn fault(key: &str, message: &str) -> FieldError {
    FieldError {
        field: format!("config.{key}"),
        message: message.to_owned(),
    }
}

/// The origin that a credential of this configuration goes to.
///
/// It must be HTTPS; plain HTTP is for servers on this machine only.
pub(crate) fn origin(slot: &CredentialSlotDef, config: &Value) -> Result<String, ApiError> {
    let (key, text) = match slot.targets.first() {
        Some(CredentialTarget::Host(host)) => return Ok(format!("https://{host}")),
        Some(CredentialTarget::FromConfig(key)) => (
            key,
            config.get(key).and_then(Value::as_str).unwrap_or_default(),
        ),
        None => {
            return Err(ApiError::new(
                ErrorCode::InvalidRequest,
                "The plugin does not say where its credential goes.",
            ));
        }
    };
    let field = format!("config.{key}");
    let url = Url::parse(text).map_err(|_| {
        ApiError::invalid(&field, "Write an address, such as https://api.example/v1.")
    })?;
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url.origin().ascii_serialization()),
        "http" if local => Ok(url.origin().ascii_serialization()),
        _ => Err(ApiError::invalid(
            field,
            "An API key is sent over https only; plain http is for servers on this machine.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn slot() -> CredentialSlotDef {
        CredentialSlotDef {
            name: "api-key".into(),
            targets: vec![CredentialTarget::FromConfig("base-url".into())],
        }
    }

    #[test]
    fn a_configuration_has_known_keys_of_the_right_type() {
        let schema = json!({
            "properties": { "base-url": { "type": "string" }, "delay-ms": { "type": "integer" }, "mode": { "enum": ["a", "b"], "type": "string" } },
            "required": ["base-url"]
        });
        assert!(
            check(
                &json!({ "base-url": "x", "delay-ms": 3, "mode": "a" }),
                &schema
            )
            .is_ok()
        );
        for (config, field) in [
            (json!({}), "config.base-url"),
            (json!({ "base-url": 1 }), "config.base-url"),
            (
                json!({ "base-url": "x", "delay-ms": "false" }),
                "config.delay-ms",
            ),
            (json!({ "base-url": "x", "other": 1 }), "config.other"),
            (json!({ "base-url": "x", "mode": "c" }), "config.mode"),
            (json!([]), "config"),
        ] {
            assert_eq!(check(&config, &schema).unwrap_err().fields[0].field, field);
        }
        assert!(check(&Value::Null, &Value::Null).is_ok());
    }

    #[test]
    fn defaults_fill_in_what_is_absent() {
        let schema = json!({ "properties": { "base-url": { "default": "https://api.example" }, "api": {} } });
        assert_eq!(
            with_defaults(json!({ "api": "x" }), &schema),
            json!({ "api": "x", "base-url": "https://api.example" })
        );
        let own = json!({ "base-url": "https://other.example" });
        assert_eq!(with_defaults(own.clone(), &schema), own);
        assert_eq!(with_defaults(own.clone(), &Value::Null), own);
    }

    #[test]
    fn an_address_with_a_password_is_refused_and_not_repeated() {
        let schema = json!({ "properties": { "base-url": { "type": "string", "format": "uri" } } });
        for url in [
            "https://u:canary@api.example/v1",
            "https://canary@api.example",
        ] {
            let error = check(&json!({ "base-url": url }), &schema).unwrap_err();
            assert_eq!(error.fields[0].field, "config.base-url");
            assert!(!error.message.contains("canary"), "{}", error.message);
        }
        assert!(check(&json!({ "base-url": "https://api.example/v1" }), &schema).is_ok());
    }

    #[test]
    fn a_key_goes_over_https_or_stays_on_this_machine() {
        let origin = |url: &str| origin(&slot(), &json!({ "base-url": url }));
        assert_eq!(
            origin("https://api.example/v1").unwrap(),
            "https://api.example"
        );
        assert_eq!(
            origin("http://127.0.0.1:8080/v1").unwrap(),
            "http://127.0.0.1:8080"
        );
        for url in [
            "http://api.example",
            "ftp://api.example",
            "nonsense",
            "http://10.0.0.1",
        ] {
            assert!(origin(url).is_err(), "{url}");
        }
    }
}
