//! The store as others see it.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::backup::{self, BackupSummary};
use crate::batch::{self, Batch};
use crate::blobs::{BlobId, Blobs};
use crate::disk::{Disk, Real};
use crate::error::{OpenError, StoreError};
use crate::files::{self, Layout};
use crate::journal::Journal;
use crate::keys::{self, MasterKeyInfo, MasterKeySource};
use crate::limits::RECORDS_PAGE;
use crate::lock::Lock;
use crate::queue::{Queue, Request};
use crate::record::{self, Record};
use crate::shared::{Parts, Shared};
use crate::writer::Writer;
use crate::{recovery, seal, tree, writer};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a journal entry may wait for company before it is written (10 ms).
    pub window: Duration,
    /// How much company is enough (256 KiB).
    pub window_bytes: usize,
    /// Memory for the database's pages (16 MiB; sled's own default is 1 GiB).
    pub cache_bytes: u64,
    /// How much of the disk must stay free for a write to be accepted (16 MiB): sled must not run
    /// into a full disk in the middle of one.
    pub reserve_bytes: u64,
    /// Where the master key comes from (`keys/master.key` in the data directory).
    pub master_key: Option<MasterKeySource>,
    /// Open a damaged database as far as it can be read, after keeping a copy of its files. Only on a
    /// person's explicit wish.
    pub accept_loss: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: Duration::from_millis(10),
            window_bytes: 256 * 1024,
            cache_bytes: 16 * 1024 * 1024,
            reserve_bytes: 16 * 1024 * 1024,
            master_key: None,
            accept_loss: false,
        }
    }
}

/// What can be told of a store without opening any value.
#[derive(Debug, Clone)]
pub struct StoreInfo {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The size of the database's files (bytes).
    pub database_bytes: u64,
    /// How many blobs there are.
    pub blobs: u64,
    /// The size of the blobs' files (bytes).
    pub blob_bytes: u64,
    /// Room left on the disk (bytes); nothing when the system does not tell.
    pub available_bytes: Option<u64>,
    /// The number of the last acknowledged commit.
    pub last_commit: u64,
    /// How often the database was synced since it was opened.
    pub syncs: u64,
    /// Where the master key comes from, and whether it lies on the same disk as the data.
    pub master_key: MasterKeyInfo,
}

/// An open store; a cheap handle. When the last one is dropped without [`Store::close`], it is
/// closed in the background.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    journal: Journal,
}

impl Store {
    /// Takes the lock file, recovers after a crash, and opens the store. The directory is made (for
    /// its owner only) when it is missing. Needs a tokio runtime, for as long as the store is used.
    ///
    /// # Errors
    /// When the directory is in use, a key is missing or wrong, or the database is damaged. Nothing
    /// is overwritten then.
    pub async fn open(data_dir: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_on(data_dir, options, Arc::new(Real)).await
    }

    pub(crate) async fn open_on(
        data_dir: &Path,
        options: Options,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, OpenError> {
        let layout = Layout::new(data_dir);
        let (shared, writer) = tokio::task::spawn_blocking(move || open(layout, options, disk))
            .await
            .unwrap_or(Err(OpenError::Interrupted))?;
        let (queue, requests) = Queue::new();
        tokio::spawn(writer::run(writer, requests));
        Ok(Self {
            journal: Journal {
                shared: Arc::clone(&shared),
                queue,
            },
            shared,
        })
    }

    fn queue(&self) -> &Queue {
        &self.journal.queue
    }

    /// The record with this id.
    ///
    /// # Errors
    /// When it cannot be read, opened, decoded or migrated.
    pub fn get<T: Record>(&self, id: &str) -> Result<Option<T>, StoreError> {
        let key = batch::key::<T>(id)?;
        let sealed = self.shared.read(|db| tree::get(db, &key))?;
        sealed
            .map(|sealed| self.decode(id, &key, &sealed))
            .transpose()
    }

    /// All records whose id starts with `prefix` (`""`: all), in the order of their ids. For kinds
    /// of which there may be many see [`Store::page`] and [`Store::visit`].
    ///
    /// # Errors
    /// When one of them cannot be read, opened, decoded or migrated.
    pub fn list<T: Record>(&self, prefix: &str) -> Result<Vec<(String, T)>, StoreError> {
        self.page(prefix, None, usize::MAX)
    }

    /// Up to `max` of the records that [`Store::list`] gives, from the first whose id comes after
    /// `after` on. Reads these and no others.
    ///
    /// # Errors
    /// When one of them cannot be read, opened, decoded or migrated.
    pub fn page<T: Record>(
        &self,
        prefix: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<(String, T)>, StoreError> {
        if !prefix.is_empty() {
            record::check_id(prefix)?;
        }
        after.map(record::check_id).transpose()?;
        let (kind, prefix) = (tree::record(T::KIND, ""), tree::record(T::KIND, prefix));
        let from = after.map(|id| tree::behind(&tree::record(T::KIND, id)));
        let from = from.map_or_else(|| prefix.clone(), |from| from.max(prefix.clone()));
        let mut found = Vec::new();
        self.shared.read(|db| {
            if max == 0 {
                return Ok(());
            }
            tree::scan(db, &prefix, &from, |key, sealed| {
                found.push((key.to_vec(), sealed));
                Ok(if found.len() < max {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            })
        })?;
        // Opened and decoded outside, so that the writer need not wait for it.
        let decode = |(key, sealed): (Vec<u8>, Vec<u8>)| {
            let id = String::from_utf8_lossy(key.strip_prefix(&*kind).unwrap_or(&key)).into_owned();
            let value = self.decode(&id, &key, &sealed)?;
            Ok((id, value))
        };
        found.into_iter().map(decode).collect()
    }

    /// Visits the records that [`Store::list`] gives, a page at a time: memory does not grow with
    /// their number. Others may write between two pages.
    ///
    /// # Errors
    /// The first of `visit`, or when a record cannot be read, opened, decoded or migrated.
    pub fn visit<T: Record>(
        &self,
        prefix: &str,
        mut visit: impl FnMut(&str, T) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut after: Option<String> = None;
        loop {
            let page = self.page::<T>(prefix, after.as_deref(), RECORDS_PAGE)?;
            let is_last = page.len() < RECORDS_PAGE;
            for (id, record) in page {
                visit(&id, record)?;
                after = Some(id);
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn decode<T: Record>(&self, id: &str, key: &[u8], sealed: &[u8]) -> Result<T, StoreError> {
        let plain = seal::open(&self.shared.keys, key, sealed)?;
        record::decode(|| batch::name::<T>(id), T::VERSION, T::migrate, &plain)
    }

    /// Writes a batch: durable when this returns, and all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an expectation does not hold, [`StoreError::Full`] when the disk
    /// is full: nothing was written then. After [`StoreError::Io`] or [`StoreError::Unavailable`] the
    /// batch may have been written or not.
    pub async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let batch = batch.prepare(&self.shared.keys)?;
        let (reply, answer) = oneshot::channel();
        self.queue()
            .send(batch.bytes, |room| Request::Commit { batch, reply, room })
            .await?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The journals.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Puts a blob: durable when this returns. The same content gets the same name and is kept once.
    ///
    /// # Errors
    /// When it is larger than 256 MiB, or cannot be written.
    pub async fn put_blob(&self, bytes: Bytes) -> Result<BlobId, StoreError> {
        let ids = self.put_blobs(vec![bytes]).await?;
        ids.first().copied().ok_or(StoreError::Closed)
    }

    /// Puts blobs, with one sync of their directory for all; returns their names in the same order.
    ///
    /// # Errors
    /// When one is larger than 256 MiB, or cannot be written. Those before it may have been.
    pub async fn put_blobs(&self, many: Vec<Bytes>) -> Result<Vec<BlobId>, StoreError> {
        self.blocking(move |shared| {
            shared.read(|_| Ok(()))?;
            let bytes = many.iter().map(Bytes::len).sum::<usize>() as u64;
            shared.check_room(bytes)?;
            shared.blobs.put(&shared.keys, &many)
        })
        .await
    }

    /// The content of a blob.
    ///
    /// # Errors
    /// [`StoreError::NoBlob`] when there is none of that name; others when it cannot be read or does
    /// not open.
    pub async fn blob(&self, id: &BlobId) -> Result<Bytes, StoreError> {
        let id = *id;
        self.blocking(move |shared| shared.blobs.get(&shared.keys, &id))
            .await
    }

    /// Removes the blobs that are not in `live`; returns how many those were. The caller sees to it
    /// that no blob is put, in view of a record yet to be written, between finding out what is live
    /// and this call. Waits for a running backup.
    ///
    /// # Errors
    /// When the directory cannot be listed or changed.
    pub async fn collect_garbage(&self, live: &HashSet<BlobId>) -> Result<u64, StoreError> {
        let live = live.clone();
        self.blocking(move |shared| {
            shared.read(|_| Ok(()))?;
            shared.blobs.collect_garbage(&live)
        })
        .await
    }

    async fn blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || work(&shared))
            .await
            .unwrap_or(Err(StoreError::Closed))
    }

    /// Writes everything but the master key into one file (0600), as of one commit, while the store
    /// is in use; writes wait while the records are copied, and blobs cannot be put meanwhile. The
    /// values in it are sealed: keep the master key, but apart from it.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is such a file; others when it cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<BackupSummary, StoreError> {
        backup::run(
            Arc::clone(&self.shared),
            self.queue().clone(),
            to.to_owned(),
        )
        .await
    }

    /// Sizes, counts and where the master key lies. Looks at every blob's directory entry.
    #[must_use]
    pub fn info(&self) -> StoreInfo {
        let shared = &self.shared;
        // Sizes are for people; one that cannot be had now is shown as nothing.
        let blobs = shared.blobs.list().unwrap_or_default();
        StoreInfo {
            data_dir: shared.layout.root().to_owned(),
            database_bytes: files::size(&shared.layout.database()).unwrap_or_default(),
            blobs: blobs.len() as u64,
            blob_bytes: blobs.iter().map(|(_, bytes)| bytes).sum(),
            available_bytes: shared.disk.available(shared.layout.root()).ok(),
            last_commit: shared.commit.load(Ordering::Acquire),
            syncs: shared.syncs.load(Ordering::Relaxed),
            master_key: keys::info(&shared.master_key, shared.layout.root()),
        }
    }

    /// Writes what is pending, closes the database, notes that it was closed cleanly, and gives the
    /// data directory free. Calls on other handles fail with [`StoreError::Closed`] from then on.
    ///
    /// # Errors
    /// When something pending could not be written; the store is closed all the same.
    pub async fn close(self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue().send(0, |_| Request::Close(reply)).await?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Restores a backup into a new directory. It may hold `keys/master.key` already; otherwise put the
/// master key there before the directory is opened.
///
/// # Errors
/// When the backup is damaged or the directory is not empty: nothing was written then. When
/// restoring itself fails, what is in the directory does not open; remove it.
pub async fn restore(backup: &Path, data_dir: &Path) -> Result<BackupSummary, OpenError> {
    let (backup, data_dir) = (backup.to_owned(), data_dir.to_owned());
    tokio::task::spawn_blocking(move || backup::restore(&backup, &data_dir))
        .await
        .unwrap_or(Err(OpenError::Interrupted))
}

fn open(
    layout: Layout,
    options: Options,
    disk: Arc<dyn Disk>,
) -> Result<(Arc<Shared>, Writer), OpenError> {
    for dir in [layout.root().to_owned(), layout.keys(), layout.store()] {
        files::private_dir(&dir).map_err(OpenError::io("make the directory", &dir))?;
    }
    let lock = Lock::take(&layout.lock())?;
    let master_key = options
        .master_key
        .clone()
        .unwrap_or_else(|| MasterKeySource::KeyFile(layout.master_key()));
    let keys = keys::open(
        &master_key,
        &layout.data_keys(),
        recovery::has_database(&layout),
    )?;
    let blobs = Blobs::open(&layout.blobs()).map_err(OpenError::io("open", &layout.blobs()))?;
    let (opened, commit_file) = recovery::open(&layout, &options, &*disk)?;
    let parts = Parts {
        layout,
        options,
        master_key,
        keys,
        disk,
        blobs,
        lock,
    };
    let shared = Arc::new(Shared::new(parts, opened));
    let writer = Writer::new(Arc::clone(&shared), commit_file);
    Ok((shared, writer))
}
