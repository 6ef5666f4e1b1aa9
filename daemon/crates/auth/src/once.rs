//! Secrets that are good once, for a short time, and forgotten at a restart.

use crate::credential::{self, Key};
use crate::limits::after;
use jiff::Timestamp;
use labd_protocol::Secret;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What was issued and not redeemed yet, by the hash of its secret.
pub(crate) struct Once<T> {
    purpose: &'static str,
    life: Duration,
    most: usize,
    open: Mutex<HashMap<[u8; 32], (Timestamp, T)>>,
}

impl<T> Once<T> {
    pub(crate) fn new(purpose: &'static str, life: Duration, most: usize) -> Self {
        Self {
            purpose,
            life,
            most,
            open: Mutex::default(),
        }
    }

    /// A secret that gives `value` back once.
    pub(crate) fn issue(&self, key: &Key, now: Timestamp, value: T) -> Secret {
        let secret = credential::random();
        let hash = key.hash(self.purpose, &[secret.as_slice()]).bytes();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (expires_at, _)| *expires_at > now);
        if open.len() >= self.most {
            let oldest = open.iter().min_by_key(|(_, (expires_at, _))| *expires_at);
            if let Some(oldest) = oldest.map(|(hash, _)| *hash) {
                open.remove(&oldest);
            }
        }
        open.insert(hash, (after(now, self.life), value));
        Secret::new(credential::to_hex(&secret))
    }

    /// Takes a secret back; it is spent, whatever comes of it.
    pub(crate) fn redeem(&self, key: &Key, now: Timestamp, text: &str) -> Option<T> {
        let secret = credential::from_hex(text)?;
        let hash = key.hash(self.purpose, &[secret.as_slice()]).bytes();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (expires_at, value) = open.remove(&hash)?;
        (expires_at > now).then_some(value)
    }
}
