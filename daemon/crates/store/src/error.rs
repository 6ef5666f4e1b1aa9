//! What can go wrong, said so that the reader knows what to do next.
//!
//! [`OpenError`] keeps a store from opening: nothing was overwritten. [`StoreError`] is the answer
//! to one call. Neither ever carries a stored value.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a store does not open, or a backup cannot be restored. Nothing was overwritten.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process (or another [`crate::Store`] of this one) owns the data directory.
    #[error(
        "the data directory is in use by {}: stop that daemon, or choose another data directory (lock file {})",
        pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")), lock_file.display()
    )]
    Locked {
        /// The lock file.
        lock_file: PathBuf,
        /// The process that holds it, when the file says so.
        pid: Option<u32>,
    },
    /// The master key file can be read by other users.
    #[error(
        "the master key {} can be read by others (mode {mode:03o}): run `chmod 600 {}` and, if others use this machine, consider the key known to them",
        path.display(), path.display()
    )]
    MasterKeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is sealed data, but no master key.
    #[error(
        "the master key {} is missing, and the data in this directory cannot be opened without it: put the key file back (mode 600)",
        path.display()
    )]
    MasterKeyMissing {
        /// Where the key file is expected.
        path: PathBuf,
    },
    /// The master key is another one than the data was sealed with.
    #[error(
        "the master key {} is not the one this data was sealed with: put the right key file in its place; nothing was changed",
        path.display()
    )]
    WrongMasterKey {
        /// The key file.
        path: PathBuf,
    },
    /// A key file does not say what it should.
    #[error("{} cannot be used: {reason}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The data directory was written by a newer daemon.
    #[error(
        "this data is of format {found}, and this daemon knows formats up to {known}: use a newer daemon"
    )]
    NewerFormat {
        /// The format found.
        found: u16,
        /// The newest format known.
        known: u16,
    },
    /// The database's files are damaged, or acknowledged commits are missing from them.
    #[error(
        "the database in {} is damaged: {reason}. Its files are left as they were found. Restore the newest backup into a new data directory, or accept the loss: start once with `labd serve --accept-loss`, which keeps a copy of the files under {} and goes on with what can be read",
        database.display(), salvage.display()
    )]
    Damaged {
        /// The directory of the database.
        database: PathBuf,
        /// Where the copy goes when the loss is accepted.
        salvage: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A backup is restored only into an empty directory.
    #[error("{} is not empty: restore into a new directory (only `keys/master.key` may be there already)", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A file is no complete backup.
    #[error("{} is not a usable backup: {reason}", path.display())]
    Backup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A background task ended early: the runtime is shutting down, or it panicked.
    #[error("the store's background task ended early")]
    Interrupted,
}

impl OpenError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

/// Why a call on an open store failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// An expectation of the batch does not hold: someone else was first. Nothing was written.
    #[error("{what} was changed meanwhile")]
    Conflict {
        /// Kind and id of the record.
        what: String,
    },
    /// An id that the store cannot take.
    #[error("{id:?} is not an id: {reason}")]
    InvalidId {
        /// The id.
        id: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A value beyond the store's limit.
    #[error("{what} takes {bytes} bytes, more than the {limit} that the store accepts")]
    TooLarge {
        /// What it is.
        what: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A value that cannot be written as JSON.
    #[error("{what} cannot be encoded: {reason}")]
    Encode {
        /// What it is.
        what: String,
        /// Why.
        reason: String,
    },
    /// A stored value that its type does not accept.
    #[error("{what} cannot be decoded: {reason}")]
    Decode {
        /// What it is.
        what: String,
        /// Why.
        reason: String,
    },
    /// A value written by a newer daemon.
    #[error(
        "{what} was written in version {found}, and this daemon knows versions up to {known}: use a newer daemon"
    )]
    NewerVersion {
        /// What it is.
        what: String,
        /// The version found.
        found: u16,
        /// The newest version known.
        known: u16,
    },
    /// A sealed value that does not open: it was altered, moved, or sealed with a key that is gone.
    #[error(
        "{what} does not open: it is damaged, was moved, or its key is gone; restore it from a backup"
    )]
    DoesNotOpen {
        /// What it is.
        what: String,
    },
    /// The database's files are damaged.
    #[error("the database is damaged: {reason}; stop the daemon and restore the newest backup")]
    Damaged {
        /// What was found.
        reason: String,
    },
    /// No such blob.
    #[error("there is no blob {id}")]
    NoBlob {
        /// Its id.
        id: crate::BlobId,
    },
    /// The disk is full. Nothing was written; what was stored before is intact.
    #[error("the disk that holds {} is full ({available} bytes left of the {needed} needed): free some space, then try again", path.display())]
    Full {
        /// The data directory.
        path: PathBuf,
        /// How much must be free (bytes).
        needed: u64,
        /// How much is (bytes).
        available: u64,
    },
    /// The operating system refused something. Whether the change was written is not known; it was
    /// not acknowledged.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The system's answer.
        #[source]
        source: Arc<io::Error>,
    },
    /// The database could not be opened again after a failed write; each write tries anew.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// The failure.
        reason: String,
    },
    /// A backup never replaces a file.
    #[error("{} exists already: choose another name", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            source: Arc::new(source),
        }
    }

    /// Sorts an error of the database: damage, a full disk, or the system.
    pub(crate) fn database(action: &'static str) -> impl FnOnce(sled::Error) -> Self {
        move |error| match error {
            sled::Error::Io(source) => Self::Io {
                action,
                source: Arc::new(source),
            },
            other => Self::Damaged {
                reason: other.to_string(),
            },
        }
    }

    /// Whether the cause is a disk, a quota or a file-size limit that is used up.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge
            ),
            _ => false,
        }
    }
}
