//! What readers and the writer share.
//!
//! Readers hold the read side of [`Shared::read`] for the length of one call; the writer holds the
//! write side while it applies a batch, so a reader sees a batch as a whole or not at all. It does
//! not hold it while it syncs: a record can be read a moment before it is durable. Journals are
//! read only as far as they are durable.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use crate::Options;
use crate::blobs::Blobs;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::files::Layout;
use crate::journal::Streams;
use crate::keys::{Keyring, MasterKeySource};
use crate::lock::Lock;
use crate::recovery::Opened;

pub(crate) struct Shared {
    pub(crate) layout: Layout,
    pub(crate) options: Options,
    pub(crate) master_key: MasterKeySource,
    pub(crate) keys: Keyring,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) blobs: Blobs,
    pub(crate) streams: Streams,
    /// The number of the last acknowledged commit.
    pub(crate) commit: AtomicU64,
    /// How often the database's log was synced.
    pub(crate) syncs: AtomicU64,
    state: RwLock<State>,
    lock: Mutex<Option<Lock>>,
}

pub(crate) enum State {
    Open {
        db: sled::Db,
        log: File,
    },
    /// A write failed, and the database could not be opened again.
    Down(StoreError),
    Closed,
}

impl State {
    pub(crate) fn db(&self) -> Result<&sled::Db, StoreError> {
        match self {
            Self::Open { db, .. } => Ok(db),
            Self::Down(error) => Err(StoreError::Unavailable {
                reason: error.to_string(),
            }),
            Self::Closed => Err(StoreError::Closed),
        }
    }
}

/// The parts of a store that opening has put together.
pub(crate) struct Parts {
    pub(crate) layout: Layout,
    pub(crate) options: Options,
    pub(crate) master_key: MasterKeySource,
    pub(crate) keys: Keyring,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) blobs: Blobs,
    pub(crate) lock: Lock,
}

impl Shared {
    pub(crate) fn new(parts: Parts, opened: Opened) -> Self {
        Self {
            layout: parts.layout,
            options: parts.options,
            master_key: parts.master_key,
            keys: parts.keys,
            disk: parts.disk,
            blobs: parts.blobs,
            streams: Streams::default(),
            commit: AtomicU64::new(opened.commit),
            syncs: AtomicU64::new(0),
            state: RwLock::new(State::Open {
                db: opened.db,
                log: opened.log,
            }),
            lock: Mutex::new(Some(parts.lock)),
        }
    }

    /// Runs a reader. It must be short: the writer waits for it.
    pub(crate) fn read<R>(
        &self,
        reader: impl FnOnce(&sled::Db) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        reader(state.db()?)
    }

    /// The state, with no reader inside.
    pub(crate) fn exclusive(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what was applied durable.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let db = state.db()?;
        let State::Open { log, .. } = &*state else {
            return Err(StoreError::Closed);
        };
        // Hands everything to the operating system; on Linux it does not sync.
        db.flush()
            .map_err(StoreError::database("write to the database"))?;
        self.disk
            .sync(log)
            .map_err(StoreError::io("sync the database"))?;
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Fails unless the disk has room for this much and the reserve: sled must not run into a full
    /// disk, since it cannot be used any further after that.
    pub(crate) fn check_room(&self, bytes: u64) -> Result<(), StoreError> {
        // sled writes a page anew after every ten changes to it, and a page holds about 16 values.
        let needed = bytes
            .saturating_mul(4)
            .saturating_add(self.options.reserve_bytes);
        let available = self
            .disk
            .available(self.layout.root())
            .map_err(StoreError::io("ask how much room the disk has"))?;
        if available < needed {
            let path = self.layout.root().to_owned();
            return Err(StoreError::Full {
                path,
                needed,
                available,
            });
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Lock>> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets another process have the data directory.
    pub(crate) fn release(&self) {
        drop(self.lock().take());
    }
}
