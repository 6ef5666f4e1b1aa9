//! What is stored. Each record is sealed by the store.

use crate::AuthError;
use crate::credential::{self, Hash, Key};
use crate::limits::{SESSION_LIFE, after};
use jiff::{SignedDuration, Timestamp};
use labd_protocol::{Secret, TokenId, TokenInfo};
use labd_store::Record;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use ulid::Ulid;

/// The key of hashes and signatures.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeyRecord {
    hex: Secret,
}

impl Record for KeyRecord {
    const KIND: &'static str = "auth-key";
}

impl KeyRecord {
    /// There is one.
    pub(crate) const ID: &'static str = "key";

    pub(crate) fn generate() -> Self {
        Self {
            hex: Secret::new(credential::to_hex(&credential::random())),
        }
    }

    pub(crate) fn key(&self) -> Result<Key, AuthError> {
        let bytes = credential::from_hex(self.hex.expose()).ok_or(AuthError::Damaged("key"))?;
        Ok(Key::new(*bytes))
    }
}

/// A session of the console.
#[derive(Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    pub(crate) id: Ulid,
    pub(crate) hash: Hash,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Record for SessionRecord {
    const KIND: &'static str = "session";
}

impl SessionRecord {
    pub(crate) const PURPOSE: &'static str = "session";

    /// The time from which using it prolongs it, when that happens each `every`.
    pub(crate) fn last_prolonged(&self, every: Duration) -> Timestamp {
        let back = SignedDuration::try_from(SESSION_LIFE).unwrap_or(SignedDuration::ZERO);
        let prolonged = self.expires_at.checked_sub(back).unwrap_or(self.created_at);
        after(prolonged, every)
    }
}

/// A token.
#[derive(Serialize, Deserialize)]
pub(crate) struct TokenRecord {
    pub(crate) id: TokenId,
    pub(crate) hash: Hash,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
}

impl Record for TokenRecord {
    const KIND: &'static str = "token";
}

impl TokenRecord {
    pub(crate) const PURPOSE: &'static str = "token";
    /// By which people and scanners recognise one.
    pub(crate) const PREFIX: &'static str = "labd_";

    pub(crate) fn lives(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| expires_at > now)
    }

    pub(crate) fn info(&self) -> TokenInfo {
        TokenInfo {
            id: self.id,
            name: self.name.clone(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
        }
    }
}
