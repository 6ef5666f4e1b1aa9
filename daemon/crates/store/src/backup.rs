//! A backup: one file with everything but the master key.
//!
//! `magic (16)`, then frames of `kind (1), length (8, little-endian), bytes`:
//!
//! | kind | bytes |
//! | --- | --- |
//! | `K` | the file of wrapped data keys |
//! | `R` | length of key (4, little-endian), key, value: as they lie in the tree |
//! | `B` | name of a blob (64), the sealed blob |
//! | `E` | commit number (8, little-endian), BLAKE3 of everything before this frame (32); the last |
//!
//! - The records are read between two groups of the writer, so they are those of one commit. Blobs
//!   are immutable, durable before a record names them, and not removed while a backup runs.
//! - Values stay sealed. To open a restored backup one needs the master key it was made under.
//! - A backup never replaces a file; it gets its name when it is whole.
//! - Restoring checks the whole file first, and writes the wrapped keys last: a directory that was
//!   restored by half does not open.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::blobs::{self, BlobId};
use crate::commit::CommitFile;
use crate::error::{OpenError, StoreError};
use crate::files::{self, Layout};
use crate::lock::Lock;
use crate::queue::{Queue, Request};
use crate::recovery;
use crate::shared::Shared;
use crate::{Options, disk, tree};

const MAGIC: &[u8; 16] = b"labd backup 1\n\0\0";
/// Longer frames are damage: a blob is at most 256 MiB.
const MAX_FRAME: u64 = 512 * 1024 * 1024;
/// How much of a backup is put into the database at a time (bytes).
const RESTORE_BATCH: usize = 256 * 1024;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSummary {
    /// The file.
    pub path: PathBuf,
    /// Its size (bytes).
    pub bytes: u64,
    /// How many values of the database are in it: records, journal entries and their pieces.
    pub values: u64,
    /// How many blobs.
    pub blobs: u64,
    /// The number of the last commit in it.
    pub commit: u64,
}

/// Writes a backup; blocks.
pub(crate) fn write(
    shared: &Shared,
    queue: &Queue,
    to: &Path,
) -> Result<BackupSummary, StoreError> {
    if to.exists() {
        return Err(StoreError::Exists {
            path: to.to_owned(),
        });
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let written = write_partial(shared, queue, to, &partial).and_then(|summary| {
        if to.exists() {
            return Err(StoreError::Exists {
                path: to.to_owned(),
            });
        }
        let dir = to
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        fs::rename(&partial, to)
            .and_then(|()| files::sync_dir(dir))
            .map_err(StoreError::io("give the backup its name"))?;
        Ok(summary)
    });
    if written.is_err() {
        // Half a backup is of no use, and the disk may be full.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn write_partial(
    shared: &Shared,
    queue: &Queue,
    to: &Path,
    partial: &Path,
) -> Result<BackupSummary, StoreError> {
    let _hold = shared.blobs.hold();
    // A leftover may have been made with other permissions.
    files::remove(partial).map_err(StoreError::io("remove a half-written backup"))?;
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(partial)
        .map_err(StoreError::io("make the backup file"))?;
    let mut frames = Frames::new(file).map_err(StoreError::io("write the backup"))?;
    let keys =
        fs::read(shared.layout.data_keys()).map_err(StoreError::io("read the wrapped keys"))?;
    frames
        .put(b'K', &[&keys])
        .map_err(StoreError::io("write the backup"))?;

    let (reply, answer) = oneshot::channel();
    queue.send_blocking(Request::Exclusive(Box::new(move |db| {
        // When nobody waits any more, the backup was given up.
        let _ = reply.send(db.and_then(|db| dump(db, frames)));
    })))?;
    let (mut frames, values, commit) = answer.blocking_recv().unwrap_or(Err(StoreError::Closed))?;

    let mut blobs = 0;
    for (id, _) in shared
        .blobs
        .list()
        .map_err(StoreError::io("list the blobs"))?
    {
        let sealed = shared.blobs.sealed(&id)?;
        frames
            .put(b'B', &[id.to_string().as_bytes(), &sealed])
            .map_err(StoreError::io("write the backup"))?;
        blobs += 1;
    }
    let bytes = frames
        .finish(commit)
        .map_err(StoreError::io("write the backup"))?;
    Ok(BackupSummary {
        path: to.to_owned(),
        bytes,
        values,
        blobs,
        commit,
    })
}

fn dump(db: &sled::Db, mut frames: Frames) -> Result<(Frames, u64, u64), StoreError> {
    let commit = tree::meta(db)?.map_or(0, |(_, commit)| commit);
    let mut values = 0;
    for item in db.iter() {
        let (key, value) = item.map_err(StoreError::database("read the database"))?;
        let length = u32::try_from(key.len()).unwrap_or(u32::MAX).to_le_bytes();
        frames
            .put(b'R', &[&length, &key, &value])
            .map_err(StoreError::io("write the backup"))?;
        values += 1;
    }
    Ok((frames, values, commit))
}

/// Writes frames and digests them.
struct Frames {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Frames {
    fn new(file: File) -> io::Result<Self> {
        let mut frames = Self {
            file: BufWriter::new(file),
            hasher: blake3::Hasher::new(),
            bytes: 0,
        };
        frames.write(MAGIC)?;
        Ok(frames)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn put(&mut self, kind: u8, parts: &[&[u8]]) -> io::Result<()> {
        let length = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        self.write(&[kind])?;
        self.write(&length.to_le_bytes())?;
        parts.iter().try_for_each(|part| self.write(part))
    }

    /// Writes the last frame and syncs; returns the size of the file.
    fn finish(mut self, commit: u64) -> io::Result<u64> {
        let digest = self.hasher.finalize();
        self.put(b'E', &[&commit.to_le_bytes(), digest.as_bytes()])?;
        self.file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()?;
        Ok(self.bytes)
    }
}

/// Reads frames; an error is damage in words, or the system's.
struct Reader {
    file: BufReader<File>,
    hasher: blake3::Hasher,
}

enum Frame {
    Keys(Vec<u8>),
    Value(Vec<u8>, Vec<u8>),
    Blob(BlobId, Vec<u8>),
    End { commit: u64 },
}

impl Reader {
    fn open(path: &Path) -> io::Result<Self> {
        let mut reader = Self {
            file: BufReader::new(File::open(path)?),
            hasher: blake3::Hasher::new(),
        };
        let magic = reader.take(MAGIC.len() as u64)?;
        if magic != MAGIC {
            Err(invalid("it does not start like one"))
        } else {
            Ok(reader)
        }
    }

    fn take(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.by_ref().take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(invalid("it is cut short"));
        }
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn next(&mut self) -> io::Result<Frame> {
        let digest = self.hasher.finalize();
        let head = self.take(9)?;
        let Some((&[kind], length)) = head.split_first_chunk() else {
            return Err(invalid("it is cut short"));
        };
        let length = u64::from_le_bytes(length.try_into().unwrap_or([0xff; 8]));
        if length > MAX_FRAME {
            return Err(invalid("it is damaged"));
        }
        let bytes = self.take(length)?;
        parse(kind, bytes, &digest).ok_or_else(|| invalid("it is damaged"))
    }
}

fn parse(kind: u8, mut bytes: Vec<u8>, digest: &blake3::Hash) -> Option<Frame> {
    match kind {
        b'K' => Some(Frame::Keys(bytes)),
        b'R' => {
            let (length, rest) = bytes.split_first_chunk()?;
            let (key, value) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            Some(Frame::Value(key.to_vec(), value.to_vec()))
        }
        b'B' => {
            let name = std::str::from_utf8(bytes.get(..64)?).ok()?.parse().ok()?;
            bytes.drain(..64);
            Some(Frame::Blob(name, bytes))
        }
        b'E' => {
            let (commit, found) = bytes.split_first_chunk()?;
            let found: [u8; 32] = found.try_into().ok()?;
            (*digest == found).then_some(Frame::End {
                commit: u64::from_le_bytes(*commit),
            })
        }
        _ => None,
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Restores a backup; blocks.
pub(crate) fn restore(backup: &Path, data_dir: &Path) -> Result<BackupSummary, OpenError> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => OpenError::Backup {
            path: backup.to_owned(),
            reason: error.to_string(),
        },
        _ => OpenError::io("read the backup", backup)(error),
    };
    let summary = verify(backup).map_err(unreadable)?;
    let layout = Layout::new(data_dir);
    check_empty(&layout)?;
    files::private_dir(data_dir).map_err(OpenError::io("make the directory", data_dir))?;
    let lock = Lock::take(&layout.lock())?;
    for dir in [
        layout.keys(),
        layout.store(),
        layout.blobs(),
        layout.database(),
    ] {
        files::private_dir(&dir).map_err(OpenError::io("make the directory", &dir))?;
    }
    let commit = layout.commit();
    CommitFile::create(&commit, summary.commit).map_err(OpenError::io("write", &commit))?;
    let keys = fill(backup, &layout).map_err(unreadable)?;
    files::sync_dir(&layout.blobs())
        .and_then(|()| recovery::mark_clean(&layout))
        .and_then(|()| files::replace(&layout.data_keys(), &keys))
        .and_then(|()| files::sync_dir(data_dir))
        .map_err(OpenError::io("finish restoring into", data_dir))?;
    drop(lock);
    Ok(summary)
}

/// Reads a backup to its end.
fn verify(backup: &Path) -> io::Result<BackupSummary> {
    let mut reader = Reader::open(backup)?;
    let (mut keys, mut values, mut blobs) = (0, 0, 0);
    loop {
        match reader.next()? {
            Frame::Keys(_) => keys += 1,
            Frame::Value(..) => values += 1,
            Frame::Blob(..) => blobs += 1,
            Frame::End { commit } if keys == 1 => {
                let (path, bytes) = (backup.to_owned(), fs::metadata(backup)?.len());
                return Ok(BackupSummary {
                    path,
                    bytes,
                    values,
                    blobs,
                    commit,
                });
            }
            Frame::End { .. } => return Err(invalid("it holds no keys")),
        }
    }
}

/// Puts a backup's content into the directory; returns the wrapped keys.
fn fill(backup: &Path, layout: &Layout) -> io::Result<Vec<u8>> {
    let failed = |error: StoreError| io::Error::other(error.to_string());
    let database = layout.database();
    let opened =
        recovery::open_database(&database, Options::default().cache_bytes).map_err(failed)?;
    let db = opened.db;
    let mut reader = Reader::open(backup)?;
    let mut keys = Vec::new();
    let mut batch = sled::Batch::default();
    let mut pending = 0;
    loop {
        match reader.next()? {
            Frame::Keys(bytes) => keys = bytes,
            Frame::Value(key, value) => {
                pending += key.len() + value.len();
                batch.insert(key, value);
                if pending > RESTORE_BATCH {
                    db.apply_batch(std::mem::take(&mut batch))?;
                    pending = 0;
                }
            }
            Frame::Blob(id, sealed) => blobs::restore(&layout.blobs(), id, &sealed)?,
            Frame::End { .. } => break,
        }
    }
    db.apply_batch(batch)?;
    db.flush()?;
    disk::Disk::sync(&disk::Real, &opened.log)?;
    drop(opened.log);
    recovery::close_database(db, &database)?;
    Ok(keys)
}

/// Only a master key may be there already.
fn check_empty(layout: &Layout) -> Result<(), OpenError> {
    let found = match files::list(layout.root()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(OpenError::io("list", layout.root()))?,
    };
    if found
        .iter()
        .all(|path| layout.root().join(path) == layout.master_key())
    {
        return Ok(());
    }
    Err(OpenError::NotEmpty {
        path: layout.root().to_owned(),
    })
}

/// Runs [`write()`] where blocking is allowed.
pub(crate) async fn run(
    shared: Arc<Shared>,
    queue: Queue,
    to: PathBuf,
) -> Result<BackupSummary, StoreError> {
    tokio::task::spawn_blocking(move || write(&shared, &queue, &to))
        .await
        .unwrap_or(Err(StoreError::Closed))
}
