//! What can be stored, and how it becomes bytes: a version (2, little-endian), then JSON.
//!
//! A value of an older version is migrated when it is read; a value of a newer version is an error,
//! because writing it back would lose what this daemon does not know.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::limits::{MAX_ID, MAX_VALUE};

/// A kind of thing that is stored under an id and replaced as a whole.
///
/// ```
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Project { title: String }
///
/// impl labd_store::Record for Project {
///     const KIND: &'static str = "project";
/// }
/// ```
pub trait Record: Serialize + DeserializeOwned + Send + 'static {
    /// A short name, unique among all kinds. It is stored unsealed and never changes.
    const KIND: &'static str;

    /// The version written. Raise it when older values need [`Record::migrate`].
    const VERSION: u16 = 1;

    /// Brings a value written in version `from` (lower than [`Record::VERSION`]) to the present
    /// one. It is called once with the stored version and takes all the steps.
    ///
    /// # Errors
    /// Says why a value of that version cannot be migrated; so does this default, for every version.
    fn migrate(from: u16, value: Value) -> Result<Value, String> {
        let _ = value;
        Err(format!("nothing is known about version {from}"))
    }
}

pub(crate) fn encode<T: Serialize>(
    what: impl Fn() -> String,
    version: u16,
    value: &T,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    // Room for most values, so that growing leaves no copies behind in freed memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    bytes.extend_from_slice(&version.to_le_bytes());
    serde_json::to_writer(&mut *bytes, value).map_err(|error| StoreError::Encode {
        what: what(),
        reason: error.to_string(),
    })?;
    if bytes.len() > MAX_VALUE {
        return Err(StoreError::TooLarge {
            what: what(),
            bytes: bytes.len(),
            limit: MAX_VALUE,
        });
    }
    Ok(bytes)
}

pub(crate) fn decode<T: DeserializeOwned>(
    what: impl Fn() -> String,
    known: u16,
    migrate: fn(u16, Value) -> Result<Value, String>,
    bytes: &[u8],
) -> Result<T, StoreError> {
    let failed = |reason: String| StoreError::Decode {
        what: what(),
        reason,
    };
    let (version, json) = bytes
        .split_first_chunk()
        .map(|(version, json)| (u16::from_le_bytes(*version), json))
        .ok_or_else(|| failed("it is cut short".to_owned()))?;
    if version > known {
        return Err(StoreError::NewerVersion {
            what: what(),
            found: version,
            known,
        });
    }
    // serde_json's messages can quote a value; where it stands is enough.
    let unreadable = |error: serde_json::Error| {
        failed(format!(
            "{:?} error at column {} of its JSON",
            error.classify(),
            error.column()
        ))
    };
    if version == known {
        return serde_json::from_slice(json).map_err(unreadable);
    }
    let old = serde_json::from_slice(json).map_err(unreadable)?;
    let new = migrate(version, old).map_err(failed)?;
    serde_json::from_value(new).map_err(unreadable)
}

/// Checks an id, a kind or a stream's name: it becomes part of a key, where a zero byte separates.
pub(crate) fn check_id(id: &str) -> Result<(), StoreError> {
    let reason = if id.is_empty() {
        "it is empty"
    } else if id.len() > MAX_ID {
        "it is longer than 256 bytes"
    } else if id.chars().any(char::is_control) {
        "it holds a control character"
    } else {
        return Ok(());
    };
    Err(StoreError::InvalidId {
        id: id.to_owned(),
        reason,
    })
}
