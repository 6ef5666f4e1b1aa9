//! Values of an app's settings on their way to a deployment target. A plugin writes placeholders
//! into bodies; the values are put in their place here, after the request has left it, and only
//! towards an origin that a credential of the target goes to as well.

use super::policy::denied;
use crate::PluginError;
use bytes::Bytes;
use zeroize::Zeroizing;

/// How every placeholder begins.
const MARK: &str = "labd-setting-";

/// A value and what stands for it.
#[derive(Clone)]
pub struct SealedSetting {
    /// What the plugin writes: nobody can guess it.
    pub placeholder: String,
    /// What stands in its place in the body.
    written: Zeroizing<String>,
    /// The value itself, to be scrubbed from what comes back.
    pub(super) value: Zeroizing<String>,
}

impl SealedSetting {
    /// A fresh placeholder for a value that is written like this.
    pub fn new(value: &Zeroizing<String>, write: impl Fn(&str) -> String) -> Self {
        Self {
            placeholder: format!("{MARK}{}", hex::encode(rand::random::<[u8; 16]>())),
            written: Zeroizing::new(write(value)),
            value: value.clone(),
        }
    }
}

impl std::fmt::Debug for SealedSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedSetting({}, [sealed])", self.placeholder)
    }
}

/// A body with values in the place of placeholders. `trusted` tells whether a credential of the
/// target goes to this origin.
pub(super) fn fill(
    settings: &[SealedSetting],
    body: Bytes,
    origin: &str,
    trusted: bool,
) -> Result<Bytes, PluginError> {
    if settings.is_empty() {
        return Ok(body);
    }
    let mark = MARK.as_bytes();
    let mut filled: Option<Vec<u8>> = None;
    let mut rest: &[u8] = &body;
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        let (before, found) = rest.split_at(at);
        let filled = filled.get_or_insert_default();
        filled.extend_from_slice(before);
        let setting = settings
            .iter()
            .find(|setting| found.starts_with(setting.placeholder.as_bytes()));
        // Without a match the app itself says these words.
        let (written, length) = match setting {
            Some(_) if !trusted => {
                return Err(denied(
                    origin,
                    format!(
                        "a setting of the app is not sent to {origin}, because this target has no \
                         credential for it; enter one with: labd deploy targets update --credential"
                    ),
                ));
            }
            Some(setting) => (setting.written.as_bytes(), setting.placeholder.len()),
            None => (mark, mark.len()),
        };
        filled.extend_from_slice(written);
        rest = found.get(length..).unwrap_or_default();
    }
    let Some(mut filled) = filled else {
        return Ok(body);
    };
    filled.extend_from_slice(rest);
    Ok(filled.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting() -> SealedSetting {
        SealedSetting::new(&Zeroizing::new("pass\"word".to_owned()), |value| {
            value.replace('"', "\\\"")
        })
    }

    #[test]
    fn a_value_takes_the_place_of_its_placeholder_and_of_nothing_else() {
        let setting = setting();
        let body = format!(
            "{{\"a\":\"{0}\",\"b\":\"{MARK}x\",\"c\":\"{0}\"}}",
            setting.placeholder
        );
        let filled = fill(&[setting], body.into(), "https://api.example", true).unwrap();
        assert_eq!(
            filled,
            "{\"a\":\"pass\\\"word\",\"b\":\"labd-setting-x\",\"c\":\"pass\\\"word\"}"
        );
    }

    #[test]
    fn a_placeholder_does_not_leave_towards_an_origin_without_a_credential() {
        let setting = setting();
        let body = Bytes::from(setting.placeholder.clone());
        let denied = fill(&[setting], body, "https://elsewhere.example", false);
        assert!(matches!(denied, Err(PluginError::Denied(_))));
    }
}
