//! Results of named queries that allow to be reused.

use super::limits;
use bytes::Bytes;
use labd_protocol::SourceId;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What makes two results the same: the source and which of its connections, the statement, and its
/// parameters as JSON with sorted keys.
type Key = (SourceId, u64, String, String);

/// Kept results, [`limits::CACHE_BYTES`] at most.
#[derive(Default)]
pub(crate) struct ResultCache {
    entries: Mutex<HashMap<Key, (Instant, Bytes)>>,
}

impl ResultCache {
    /// A result that is at most this old.
    pub fn get(&self, key: &Key, age: Duration) -> Option<Bytes> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (made, result) = entries.get(key)?;
        (made.elapsed() < age.min(limits::CACHE_AGE)).then(|| result.clone())
    }

    /// Keeps a result; when there is no room, the oldest go.
    pub fn put(&self, key: Key, result: Bytes) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(key, (Instant::now(), result));
        let mut size: usize = entries.values().map(|(_, result)| result.len()).sum();
        while size > limits::CACHE_BYTES {
            let oldest = entries
                .iter()
                .min_by_key(|(_, (made, _))| *made)
                .map(|(key, _)| key.clone());
            let Some((_, gone)) = oldest.and_then(|key| entries.remove(&key)) else {
                return;
            };
            size -= gone.len();
        }
    }

    /// Forgets all results of a source.
    pub fn forget(&self, source: SourceId) {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(of, ..), _| *of != source);
    }
}
