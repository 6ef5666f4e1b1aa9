//! Journals: append-only, numbered lists of entries, one per stream.
//!
//! - Numbers start at 1 and have no gaps. Entries that the writer takes in one group and that
//!   [`JournalEntry::join`] accepts become one, with one number.
//! - An entry is seen by readers and waiters once it is durable, not before.
//! - [`Journal::push`] does not wait. When what was pushed cannot be written, the stream takes
//!   nothing more until [`Journal::flush`] has told so: no entry may be missing in the middle.

use std::any::Any;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::limits::STREAMS;
use crate::queue::{Queue, Request};
use crate::shared::Shared;
use crate::{record, seal, tree};

/// An event of a stream.
pub trait JournalEntry: Serialize + DeserializeOwned + Send + 'static {
    /// The version written. Raise it when older entries need [`JournalEntry::migrate`].
    const VERSION: u16 = 1;

    /// Joins `next` onto this entry when both are adjacent deltas of the same kind; gives it back
    /// when they cannot be joined.
    fn join(&mut self, next: Self) -> Option<Self>;

    /// Brings an entry written in version `from` (lower than [`JournalEntry::VERSION`]) to the
    /// present one.
    ///
    /// # Errors
    /// Says why it cannot; so does this default, for every version.
    fn migrate(from: u16, value: Value) -> Result<Value, String> {
        let _ = value;
        Err(format!("nothing is known about version {from}"))
    }
}

/// An entry whose type the writer does not know.
pub(crate) trait Erased: Send {
    fn join(&mut self, next: Box<dyn Erased>) -> Option<Box<dyn Erased>>;
    fn encode(&self, stream: &str) -> Result<Zeroizing<Vec<u8>>, StoreError>;
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<E: JournalEntry> Erased for E {
    fn join(&mut self, next: Box<dyn Erased>) -> Option<Box<dyn Erased>> {
        // Through the box: `&Box<dyn Erased>` would be asked for its own type.
        if !(*next).as_any().is::<E>() {
            return Some(next);
        }
        let next = next.into_any().downcast::<E>().ok()?;
        JournalEntry::join(self, *next).map(|next| Box::new(next) as Box<dyn Erased>)
    }

    fn encode(&self, stream: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        record::encode(|| format!("an entry of {stream}"), E::VERSION, self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// The journals of a store: see [`crate::Store::journal`].
#[derive(Clone)]
pub struct Journal {
    pub(crate) shared: Arc<Shared>,
    pub(crate) queue: Queue,
}

impl Journal {
    /// Appends an entry; returns the number it has got (entries that were joined share one) when it
    /// is durable.
    ///
    /// # Errors
    /// When the entry cannot be encoded or written, or an earlier push to the stream failed.
    pub async fn append<E: JournalEntry>(&self, stream: &str, entry: E) -> Result<u64, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(stream, entry, Some(reply)).await?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Appends an entry without waiting until it is durable. Waits only while the queue is full.
    /// Entries of a stream keep their order.
    ///
    /// # Errors
    /// When the entry cannot be encoded, or an earlier push to the stream failed; whether this one
    /// succeeds is told by the next [`Journal::flush`].
    pub async fn push<E: JournalEntry>(&self, stream: &str, entry: E) -> Result<(), StoreError> {
        if let Some(error) = self.shared.streams.failure(stream) {
            return Err(error);
        }
        self.send(stream, entry, None).await
    }

    async fn send<E: JournalEntry>(
        &self,
        stream: &str,
        entry: E,
        reply: Option<oneshot::Sender<Result<u64, StoreError>>>,
    ) -> Result<(), StoreError> {
        record::check_id(stream)?;
        let bytes = Erased::encode(&entry, stream)?.len();
        let (stream, entry) = (stream.to_owned(), Box::new(entry));
        self.queue
            .send(bytes, |room| Request::Append {
                stream,
                entry,
                bytes,
                reply,
                room,
            })
            .await
    }

    /// Waits until everything appended or pushed to the stream before is durable; returns the
    /// number of its last entry (0: it has none).
    ///
    /// # Errors
    /// When something pushed since the last flush could not be written; entries after it were
    /// refused. The stream takes entries again afterwards.
    pub async fn flush(&self, stream: &str) -> Result<u64, StoreError> {
        record::check_id(stream)?;
        let (reply, answer) = oneshot::channel();
        let stream = stream.to_owned();
        self.queue
            .send(0, |_| Request::Flush { stream, reply })
            .await?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Up to `max` durable entries with numbers above `after`, in order.
    ///
    /// # Errors
    /// When an entry cannot be read, opened or decoded.
    pub fn read<E: JournalEntry>(
        &self,
        stream: &str,
        after: u64,
        max: usize,
    ) -> Result<Vec<(u64, E)>, StoreError> {
        record::check_id(stream)?;
        let Some(from) = after.checked_add(1) else {
            return Ok(Vec::new());
        };
        let (prefix, from) = (tree::stream(stream), tree::entry(stream, from));
        let mut sealed = Vec::new();
        self.shared.read(|db| {
            let last = self.shared.streams.durable(db, stream)?;
            if max == 0 || after >= last {
                return Ok(());
            }
            tree::scan(db, &prefix, &from, |key, value| {
                match tree::seq(key, &prefix) {
                    Some(seq) if seq <= last => sealed.push((seq, value)),
                    _ => return Ok(ControlFlow::Break(())),
                }
                Ok(if sealed.len() < max {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            })
        })?;
        // Opened and decoded outside, so that the writer need not wait for it.
        let open = |(seq, value): (u64, Vec<u8>)| {
            let plain = seal::open(&self.shared.keys, &tree::entry(stream, seq), &value)?;
            let what = || format!("entry {seq} of {stream}");
            Ok((seq, record::decode(what, E::VERSION, E::migrate, &plain)?))
        };
        sealed.into_iter().map(open).collect()
    }

    /// The number of the stream's last durable entry; 0 when it has none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_seq(&self, stream: &str) -> Result<u64, StoreError> {
        record::check_id(stream)?;
        self.shared
            .read(|db| self.shared.streams.durable(db, stream))
    }

    /// Waits until an entry with a number above `after` is durable: `true`; `false` at the deadline,
    /// or as soon as the store is closed or cannot be read.
    pub async fn wait(&self, stream: &str, after: u64, timeout: Duration) -> bool {
        let subscribed = self
            .shared
            .read(|db| self.shared.streams.subscribe(db, stream));
        let Ok(mut durable) = subscribed else {
            return false;
        };
        let reached = durable.wait_for(|&last| last > after);
        matches!(tokio::time::timeout(timeout, reached).await, Ok(Ok(_)))
    }
}

/// The streams in use: how far each is numbered, and how far it is durable.
///
/// A stream that is not here is durable as it lies in the tree: the writer enters a stream before it
/// applies anything to it, with no reader inside.
#[derive(Default)]
pub(crate) struct Streams {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    streams: HashMap<String, Stream>,
    /// Streams of which something pushed was lost, until a flush has told so.
    failed: HashMap<String, StoreError>,
}

struct Stream {
    next: u64,
    durable: watch::Sender<u64>,
}

impl Inner {
    fn load(&mut self, db: &sled::Db, name: &str) -> Result<&mut Stream, StoreError> {
        if !self.streams.contains_key(name) {
            let last = tree::last_seq(db, name)?;
            let stream = Stream {
                next: last + 1,
                durable: watch::Sender::new(last),
            };
            self.streams.insert(name.to_owned(), stream);
        }
        self.streams
            .get_mut(name)
            .ok_or_else(|| StoreError::Unavailable {
                reason: "a stream was not entered".to_owned(),
            })
    }
}

impl Streams {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next entry is the stream's first, as far as is known without asking the tree.
    pub(crate) fn is_new(&self, name: &str) -> bool {
        self.inner()
            .streams
            .get(name)
            .is_none_or(|stream| stream.next == 1)
    }

    fn durable(&self, db: &sled::Db, name: &str) -> Result<u64, StoreError> {
        match self.inner().streams.get(name) {
            Some(stream) => Ok(*stream.durable.borrow()),
            None => tree::last_seq(db, name),
        }
    }

    fn subscribe(&self, db: &sled::Db, name: &str) -> Result<watch::Receiver<u64>, StoreError> {
        Ok(self.inner().load(db, name)?.durable.subscribe())
    }

    /// Takes the next number of a stream.
    pub(crate) fn number(&self, db: &sled::Db, name: &str) -> Result<u64, StoreError> {
        let mut inner = self.inner();
        let stream = inner.load(db, name)?;
        let seq = stream.next;
        stream.next += 1;
        Ok(seq)
    }

    /// Numbers from 1 again: the stream's entries are about to be deleted.
    pub(crate) fn restart(&self, db: &sled::Db, name: &str) -> Result<(), StoreError> {
        let mut inner = self.inner();
        let stream = inner.load(db, name)?;
        stream.next = 1;
        stream.durable.send_replace(0);
        Ok(())
    }

    /// Everything numbered so far is durable: tells those who wait.
    pub(crate) fn settle(&self, names: impl IntoIterator<Item = String>) {
        let mut inner = self.inner();
        for name in names {
            if let Some(stream) = inner.streams.get(&name) {
                stream.durable.send_replace(stream.next - 1);
            }
        }
        if inner.streams.len() > STREAMS {
            inner
                .streams
                .retain(|_, stream| stream.durable.receiver_count() > 0);
        }
    }

    /// The number of the last durable entry, and no longer the failure if there was one.
    pub(crate) fn flushed(&self, db: &sled::Db, name: &str) -> Result<u64, StoreError> {
        if let Some(error) = self.inner().failed.remove(name) {
            return Err(error);
        }
        self.durable(db, name)
    }

    /// Something pushed to the stream was lost.
    pub(crate) fn fail(&self, name: &str, error: &StoreError) {
        self.inner()
            .failed
            .entry(name.to_owned())
            .or_insert_with(|| error.clone());
    }

    pub(crate) fn failure(&self, name: &str) -> Option<StoreError> {
        self.inner().failed.get(name).cloned()
    }

    /// Takes the numbers from the tree again: it was opened anew after a failed write.
    pub(crate) fn reload(&self, db: &sled::Db) -> Result<(), StoreError> {
        for (name, stream) in &mut self.inner().streams {
            let last = tree::last_seq(db, name)?;
            stream.next = last + 1;
            stream.durable.send_replace(last);
        }
        Ok(())
    }

    /// Ends every wait.
    pub(crate) fn close(&self) {
        self.inner().streams.clear();
    }
}
