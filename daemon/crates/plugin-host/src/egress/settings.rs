//! Values of an app's settings on their way to a deployment target. A plugin writes placeholders
//! into bodies; the values are put in their place here, after the request has left it, and only
//! towards an origin that a credential of the target goes to as well.

use super::policy::denied;
use crate::{Fault, PluginError};
use bytes::Bytes;
use memchr::memmem;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// How every placeholder begins.
const MARK: &str = "labd-setting-";
/// Bytes of a placeholder: the mark, and as many digits as 16 bytes have.
const PLACEHOLDER: usize = MARK.len() + 32;

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

/// A body with values in the place of placeholders, of at most so many bytes. `trusted` tells whether a
/// credential of the target goes to this origin.
pub(super) fn fill(
    settings: &[SealedSetting],
    body: Bytes,
    origin: &str,
    trusted: bool,
    most: u64,
) -> Result<Bytes, PluginError> {
    if settings.is_empty() {
        return Ok(body);
    }
    let mark = MARK.as_bytes();
    let known: HashMap<&[u8], &SealedSetting> = settings
        .iter()
        .map(|setting| (setting.placeholder.as_bytes(), setting))
        .collect();
    let mut filled: Option<Vec<u8>> = None;
    let mut rest: &[u8] = &body;
    while let Some(at) = memmem::find(rest, mark) {
        let (before, found) = rest.split_at(at);
        let filled = filled.get_or_insert_default();
        filled.extend_from_slice(before);
        let setting = found.get(..PLACEHOLDER).and_then(|text| known.get(text));
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
        let length_now = filled.len() + written.len();
        if u64::try_from(length_now).is_ok_and(|bytes| bytes > most) {
            return Err(PluginError::InvalidRequest(Fault::new(format!(
                "the body with the app's settings in it exceeds {} MiB",
                most / (1024 * 1024)
            ))));
        }
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

    const MOST: u64 = 1024;

    #[test]
    fn a_body_does_not_grow_without_bounds() {
        let setting = SealedSetting::new(&Zeroizing::new("x".repeat(500)), str::to_owned);
        let origin = "https://api.example";
        let body = |times| Bytes::from(setting.placeholder.repeat(times));
        let filled = fill(std::slice::from_ref(&setting), body(2), origin, true, MOST);
        assert_eq!(filled.unwrap().len(), 1_000);
        let refused = fill(std::slice::from_ref(&setting), body(3), origin, true, MOST);
        assert!(matches!(refused, Err(PluginError::InvalidRequest(_))));
    }

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
        let filled = fill(&[setting], body.into(), "https://api.example", true, MOST).unwrap();
        assert_eq!(
            filled,
            "{\"a\":\"pass\\\"word\",\"b\":\"labd-setting-x\",\"c\":\"pass\\\"word\"}"
        );
    }

    #[test]
    fn a_placeholder_does_not_leave_towards_an_origin_without_a_credential() {
        let setting = setting();
        let body = Bytes::from(setting.placeholder.clone());
        let denied = fill(&[setting], body, "https://elsewhere.example", false, MOST);
        assert!(matches!(denied, Err(PluginError::Denied(_))));
    }
}
