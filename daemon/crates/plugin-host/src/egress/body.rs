//! A response's body while it arrives.

use super::{error, scrub::Scrubber};
use crate::{Fault, PluginError, observe::Observer};
use bytes::{Bytes, BytesMut};
use futures_util::{
    future::{Either, select},
    task::AtomicWaker,
};
use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};
use tokio::{sync::OwnedSemaphorePermit, task::yield_now, time::timeout};
use url::Url;

/// So many bytes are gathered before a guest is given them: a call of it is dearer than a piece is.
const GATHERED: usize = 16 * 1024;
/// How long the end of a body is waited for that nobody reads any more, and how much may come before it.
const END_TIME: Duration = Duration::from_secs(1);
const END_BYTES: usize = 64 * 1024;

/// A body that is still arriving. Dropping it before its end closes the connection; see also
/// [`Body::leave`].
pub struct Body {
    pub(super) response: Option<reqwest::Response>,
    pub(super) rest: Bytes,
    /// What broke it, once what came before is read.
    pub(super) failed: Option<PluginError>,
    pub(super) scrubber: Scrubber,
    /// Bytes that may still arrive.
    pub(super) left: u64,
    pub(super) limit: u64,
    pub(super) between_bytes: Duration,
    pub(super) url: Url,
    pub(super) plugin: String,
    pub(super) observer: Arc<dyn Observer>,
    /// Given back when the connection is done with.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

impl Body {
    /// With a place among what its plugin may hold open.
    pub(crate) fn keeping(self, place: OwnedSemaphorePermit) -> Self {
        Self {
            place: Some(place),
            ..self
        }
    }

    /// Waits for 1..`max` bytes; empty at the end.
    ///
    /// # Errors
    /// `timeout` when nothing arrives in time; `unavailable` when the connection breaks or the body
    /// is too long. After an error the body is at its end.
    pub async fn read(&mut self, max: u32) -> Result<Bytes, PluginError> {
        while self.rest.is_empty() {
            let Some(response) = &mut self.response else {
                return match self.failed.take() {
                    Some(error) => Err(self.end(error)),
                    None => Ok(self.scrubber.end()),
                };
            };
            let chunk = match timeout(self.between_bytes, response.chunk()).await {
                Ok(Ok(Some(chunk))) => self.gather(chunk).await,
                Ok(Ok(None)) => {
                    self.response = None;
                    continue;
                }
                Ok(Err(error)) => {
                    let error = error::explain(&error, &self.url, &self.plugin);
                    return Err(self.end(error));
                }
                Err(_) => return Err(self.end(PluginError::Timeout)),
            };
            self.observer.received(chunk.len() as u64);
            match self.left.checked_sub(chunk.len() as u64) {
                Some(left) => self.left = left,
                None => {
                    let fault = Fault::new(format!(
                        "the response's body exceeds {} MiB",
                        self.limit / (1024 * 1024)
                    ));
                    return Err(self.end(PluginError::Unavailable(fault)));
                }
            }
            self.rest = self.scrubber.push(chunk);
        }
        let max = usize::try_from(max).unwrap_or(usize::MAX).max(1);
        Ok(self.rest.split_to(max.min(self.rest.len())))
    }

    /// Nothing more comes after an error.
    fn end(&mut self, error: PluginError) -> PluginError {
        self.response = None;
        self.scrubber.end();
        error
    }

    /// Adds to a piece what has arrived with it. A stream's events come as a piece each, and several of them
    /// in one packet.
    async fn gather(&mut self, first: Bytes) -> Bytes {
        let Some(response) = &mut self.response else {
            return first;
        };
        let mut all = BytesMut::new();
        while first.len() + all.len() < GATHERED {
            // The connection hands over one piece at a time: it has its turn, and when nothing came of that,
            // there is nothing more.
            let piece = match select(pin!(response.chunk()), pin!(turn())).await {
                Either::Left((piece, _)) => piece,
                Either::Right(_) => break,
            };
            match piece {
                Ok(Some(more)) => {
                    if all.is_empty() {
                        all.extend_from_slice(&first);
                    }
                    all.extend_from_slice(&more);
                }
                Ok(None) => {
                    self.response = None;
                    break;
                }
                Err(error) => {
                    self.failed = Some(error::explain(&error, &self.url, &self.plugin));
                    self.response = None;
                    break;
                }
            }
        }
        if all.is_empty() { first } else { all.freeze() }
    }

    /// Reads no more of it. Where only its end is missing, its connection can be used again: who has seen
    /// the last event of a stream seldom waits for what HTTP says after it.
    pub fn leave(self) {
        let Some(mut response) = self.response else {
            return;
        };
        let place = self.place;
        tokio::spawn(timeout(END_TIME, async move {
            let _place = place;
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

/// Lets every other task have its turn that is ready. A `yield_now` ends as soon as it is polled again,
/// and hyper's server polls a body again at once.
async fn turn() {
    #[derive(Default)]
    struct Turn {
        come: AtomicBool,
        waiting: AtomicWaker,
    }
    impl Wake for Turn {
        fn wake(self: Arc<Self>) {
            self.come.store(true, Ordering::Release);
            self.waiting.wake();
        }
    }
    /// Who waits no more is not woken.
    struct Waits(Arc<Turn>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.waiting.take();
        }
    }
    let turn = Waits(Arc::default());
    let waker = Waker::from(Arc::clone(&turn.0));
    let mut yielded = pin!(yield_now());
    if yielded
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_ready()
    {
        return;
    }
    poll_fn(|cx| {
        turn.0.waiting.register(cx.waker());
        if turn.0.come.load(Ordering::Acquire) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
