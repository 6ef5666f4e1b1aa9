//! A response's body while it arrives.

use super::{error, scrub::Scrubber};
use crate::{Fault, PluginError, observe::Observer};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use url::Url;

/// How long the end of a body is waited for that nobody reads any more, and how much may come before it.
const END_TIME: Duration = Duration::from_secs(1);
const END_BYTES: usize = 64 * 1024;

/// A body that is still arriving. Dropping it before its end closes the connection; see also
/// [`Body::leave`].
pub struct Body {
    pub(super) response: Option<reqwest::Response>,
    pub(super) rest: Bytes,
    pub(super) scrubber: Scrubber,
    /// Bytes that may still arrive.
    pub(super) left: u64,
    pub(super) limit: u64,
    pub(super) between_bytes: Duration,
    pub(super) url: Url,
    pub(super) plugin: String,
    pub(super) observer: Arc<dyn Observer>,
}

impl Body {
    /// Waits for 1..`max` bytes; empty at the end.
    ///
    /// # Errors
    /// `timeout` when nothing arrives in time; `unavailable` when the connection breaks or the body
    /// is too long. After an error the body is at its end.
    pub async fn read(&mut self, max: u32) -> Result<Bytes, PluginError> {
        while self.rest.is_empty() {
            let Some(response) = &mut self.response else {
                return Ok(Bytes::new());
            };
            let chunk = match timeout(self.between_bytes, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => {
                    self.response = None;
                    self.rest = self.scrubber.end();
                    continue;
                }
                Ok(Err(error)) => {
                    self.response = None;
                    return Err(error::explain(&error, &self.url, &self.plugin));
                }
                Err(_) => {
                    self.response = None;
                    return Err(PluginError::Timeout);
                }
            };
            self.observer.received(chunk.len() as u64);
            match self.left.checked_sub(chunk.len() as u64) {
                Some(left) => self.left = left,
                None => {
                    self.response = None;
                    return Err(PluginError::Unavailable(Fault::new(format!(
                        "the response's body exceeds {} MiB",
                        self.limit / (1024 * 1024)
                    ))));
                }
            }
            self.rest = self.scrubber.push(chunk);
        }
        let max = usize::try_from(max).unwrap_or(usize::MAX).max(1);
        Ok(self.rest.split_to(max.min(self.rest.len())))
    }

    /// Reads no more of it. Where only its end is missing, its connection can be used again: who has seen
    /// the last event of a stream seldom waits for what HTTP says after it.
    pub fn leave(self) {
        let Some(mut response) = self.response else {
            return;
        };
        tokio::spawn(timeout(END_TIME, async move {
            let mut left = END_BYTES;
            while let Ok(Some(chunk)) = response.chunk().await {
                match left.checked_sub(chunk.len()) {
                    Some(less) => left = less,
                    None => return,
                }
            }
        }));
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
