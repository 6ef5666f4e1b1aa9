//! A plugin's configuration: the JSON object that its manifest's `[config]` describes.

use crate::{Error, Fault, Result};
use serde::de::DeserializeOwned;

/// Reads a configuration into the plugin's own type. Use `#[serde(rename_all = "kebab-case",
/// deny_unknown_fields)]` and `#[serde(default)]` there. An empty text is an empty object.
///
/// # Errors
/// `invalid-request` whose message names the key and whose code is the key's path.
///
/// ```
/// #[derive(serde::Deserialize, Debug)]
/// #[serde(rename_all = "kebab-case", deny_unknown_fields)]
/// struct Config { base_url: String, #[serde(default)] max_tokens: Option<u32> }
///
/// let error = labd_plugin::config::parse::<Config>(r#"{"base-url": "http://x", "max-tokens": "many"}"#).unwrap_err();
/// assert_eq!(error.message(), "configuration: `max-tokens`: invalid type: string \"many\", expected u32");
/// ```
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T> {
    let json = if json.trim().is_empty() { "{}" } else { json };
    let mut reader = serde_json::Deserializer::from_str(json);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let mut text = error.inner().to_string();
        if let Some(end) = text.rfind(" at line ") {
            text.truncate(end);
        }
        if path == "." {
            Error::invalid(format!("configuration: {text}"))
        } else {
            Error::invalid(Fault::new(format!("configuration: `{path}`: {text}")).code(path))
        }
    })?;
    reader
        .end()
        .map_err(|_| Error::invalid("configuration: more than one JSON value"))?;
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Sample {
        base_url: String,
        #[serde(default)]
        limits: Limits,
    }

    #[derive(serde::Deserialize, Debug, Default, PartialEq)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
    struct Limits {
        max_tokens: u32,
    }

    fn message(json: &str) -> String {
        match parse::<Sample>(json) {
            Ok(value) => format!("{value:?}"),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn each_fault_names_its_key() {
        assert_eq!(message("{}"), "configuration: missing field `base-url`");
        assert_eq!(message(""), "configuration: missing field `base-url`");
        assert!(
            message(r#"{"base-url":"x","base-uri":1}"#).contains("unknown field `base-uri`"),
            "{}",
            message(r#"{"base-url":"x","base-uri":1}"#)
        );
        assert_eq!(
            message(r#"{"base-url":"x","limits":{"max-tokens":-1}}"#),
            "configuration: `limits.max-tokens`: invalid value: integer `-1`, expected u32"
        );
    }

    #[test]
    fn a_string_never_stands_for_a_number() {
        assert!(
            message(r#"{"base-url":"x","limits":{"max-tokens":"5"}}"#).contains("invalid type")
        );
    }

    #[test]
    fn trailing_text_is_refused() {
        assert!(message(r#"{"base-url":"x"} {}"#).contains("more than one"));
    }
}
