//! Blobs: immutable, sealed files named by what is in them.
//!
//! - The name is BLAKE3 of the content under a secret key: the same content gets the same name, and
//!   a name tells nothing to someone who guesses the content.
//! - A blob is written to a temporary name, synced, renamed, and the directory synced, in that
//!   order: what has a blob's name is whole.
//! - The directory is opened once, through cap-std: no name leads out of it.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::StoreError;
use crate::files;
use crate::keys::Keyring;
use crate::limits::MAX_BLOB;
use crate::seal;

const TEMPORARY: &str = "new-";

/// The name of a blob: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId([u8; 32]);

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}

/// The text is no blob's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a blob's name is 64 hexadecimal digits")]
pub struct NotABlobId;

impl FromStr for BlobId {
    type Err = NotABlobId;

    fn from_str(text: &str) -> Result<Self, NotABlobId> {
        // One name, one spelling: it is a file's name too.
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(NotABlobId);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NotABlobId)?;
        Ok(Self(bytes))
    }
}

impl Serialize for BlobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

pub(crate) struct Blobs {
    path: PathBuf,
    dir: Dir,
    /// Written: by whoever puts or removes blobs. Read: by a backup, for which none may vanish.
    change: RwLock<()>,
}

impl Blobs {
    /// Opens the directory and removes what a crash has left unfinished.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        files::private_dir(path)?;
        let dir = Dir::open_ambient_dir(path, cap_std::ambient_authority())?;
        for entry in dir.entries()? {
            let name = entry?.file_name();
            if name.to_string_lossy().starts_with(TEMPORARY) {
                dir.remove_file(&name)?;
            }
        }
        let blobs = Self {
            path: path.to_owned(),
            dir,
            change: RwLock::new(()),
        };
        // A blob renamed just before a crash may not be durable yet, and `put` takes it as such.
        blobs.sync()?;
        Ok(blobs)
    }

    fn sync(&self) -> io::Result<()> {
        files::sync_dir(&self.path)
    }

    /// Puts blobs; durable when it returns.
    pub(crate) fn put(&self, keys: &Keyring, many: &[Bytes]) -> Result<Vec<BlobId>, StoreError> {
        let _change = self.change.write().unwrap_or_else(PoisonError::into_inner);
        let mut ids = Vec::with_capacity(many.len());
        let mut added = false;
        for bytes in many {
            if bytes.len() > MAX_BLOB {
                let what = "a blob".to_owned();
                return Err(StoreError::TooLarge {
                    what,
                    bytes: bytes.len(),
                    limit: MAX_BLOB,
                });
            }
            let id = BlobId(*blake3::keyed_hash(keys.names(), bytes).as_bytes());
            if !self.dir.exists(id.to_string()) {
                self.write(id, &seal::seal(keys, &place(&id), bytes)?)
                    .map_err(StoreError::io("write a blob"))?;
                added = true;
            }
            ids.push(id);
        }
        if added {
            self.sync().map_err(StoreError::io("write a blob"))?;
        }
        Ok(ids)
    }

    /// Writes a sealed blob under its name; durable once the directory is synced.
    fn write(&self, id: BlobId, sealed: &[u8]) -> io::Result<()> {
        let temporary = format!("{TEMPORARY}{id}");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let written = self
            .dir
            .open_with(&temporary, &options)
            .and_then(|mut file| {
                file.write_all(sealed)?;
                file.sync_data()
            })
            .and_then(|()| self.dir.rename(&temporary, &self.dir, id.to_string()));
        if written.is_err() {
            // Free the space at once: the disk may be full.
            let _ = self.dir.remove_file(&temporary);
        }
        written
    }

    pub(crate) fn get(&self, keys: &Keyring, id: &BlobId) -> Result<Bytes, StoreError> {
        let sealed = self.sealed(id)?;
        let mut plain = seal::open(keys, &place(id), &sealed)?;
        Ok(Bytes::from(std::mem::take(&mut *plain)))
    }

    /// A blob as it lies on the disk.
    pub(crate) fn sealed(&self, id: &BlobId) -> Result<Vec<u8>, StoreError> {
        self.dir
            .read(id.to_string())
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => StoreError::NoBlob { id: *id },
                _ => StoreError::io("read a blob")(error),
            })
    }

    /// Removes the blobs that are not in `live`; returns how many those were.
    pub(crate) fn collect_garbage(&self, live: &HashSet<BlobId>) -> Result<u64, StoreError> {
        let _change = self.change.write().unwrap_or_else(PoisonError::into_inner);
        let mut removed = 0;
        for (id, _) in self.list().map_err(StoreError::io("list the blobs"))? {
            if !live.contains(&id) {
                self.dir
                    .remove_file(id.to_string())
                    .map_err(StoreError::io("remove a blob"))?;
                removed += 1;
            }
        }
        if removed > 0 {
            self.sync().map_err(StoreError::io("remove a blob"))?;
        }
        Ok(removed)
    }

    /// Every blob with the size of its file (bytes).
    pub(crate) fn list(&self) -> io::Result<Vec<(BlobId, u64)>> {
        let mut found = Vec::new();
        for entry in self.dir.entries()? {
            let entry = entry?;
            if let Some(id) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            {
                found.push((id, entry.metadata()?.len()));
            }
        }
        Ok(found)
    }

    /// While this is held, no blob is removed (or put).
    pub(crate) fn hold(&self) -> RwLockReadGuard<'_, ()> {
        self.change.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a blob of a backup into a directory that nobody uses yet.
pub(crate) fn restore(dir: &Path, id: BlobId, sealed: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(dir.join(id.to_string()))?;
    file.write_all(sealed)?;
    file.sync_data()
}

/// What a blob is sealed for.
fn place(id: &BlobId) -> Vec<u8> {
    format!("b/{id}").into_bytes()
}
