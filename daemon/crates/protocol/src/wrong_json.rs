//! What is wrong with JSON, without what it holds: a connection URL in the wrong place must not come
//! back in an error.

/// The error in words, without the value that was found.
pub fn wrong_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    for what in ["invalid type: ", "invalid value: "] {
        let parts = text
            .strip_prefix(what)
            .and_then(|rest| rest.rsplit_once(", expected "));
        if let Some((found, expected)) = parts {
            // `string "…"`, `integer `1``, `map`.
            let kind = found.split(' ').next().unwrap_or_default();
            return format!("{what}{kind}, expected {expected}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ProviderCreate, SourceCreate};

    fn told<T: serde::de::DeserializeOwned>(json: &str) -> String {
        match serde_json::from_str::<T>(json) {
            Ok(_) => panic!("{json} is right"),
            Err(error) => wrong_json(&error),
        }
    }

    #[test]
    fn a_value_in_the_wrong_place_is_not_repeated() {
        for json in [
            r#""postgres://u:canary, expected x@h""#,
            r#"{"name": "x", "url": "h", "save_untested": "canary"}"#,
            r#"{"name": "x", "url": {"canary": 1}}"#,
            r#"{"name": "x", "url": "postgres://u:canary"#,
        ] {
            let told = told::<SourceCreate>(json);
            assert!(!told.contains("canary"), "{told}");
            assert!(told.contains("line 1"), "{told}");
        }
        let told = told::<ProviderCreate>(r#"{"name": "x", "plugin": "p", "api_key": 4711}"#);
        assert!(!told.contains("4711"), "{told}");
        assert!(told.contains("integer, expected a string"), "{told}");
    }
}
