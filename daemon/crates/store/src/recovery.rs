//! Opening the database so that damage is seen before anything is overwritten.
//!
//! sled cuts a damaged tail off when it opens. So:
//! - A clean stop leaves the digests of the database's files. When they match, it opens in place.
//! - Otherwise (a crash, or a file that changed since) a **copy** is opened first and read through.
//!   Only when that gives every acknowledged commit are the files themselves opened.
//! - When it does not, opening is refused, and the files stay as they were found. With
//!   [`crate::Options::accept_loss`] they are copied to `salvage/` and opened as far as they can be
//!   read.

use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Options;
use crate::commit::CommitFile;
use crate::disk::Disk;
use crate::error::{OpenError, StoreError};
use crate::files::{self, Layout};
use crate::limits::{HOUSEKEEPING_MS, RELEASE};
use crate::tree;

/// The format of what lies in the tree.
pub(crate) const FORMAT: u16 = 1;

/// The open database, the handle its log is synced through, and the number of its last commit.
pub(crate) struct Opened {
    pub(crate) db: sled::Db,
    pub(crate) log: File,
    pub(crate) commit: u64,
}

/// Opens sled in `dir` and reads its head record.
///
/// # Errors
/// What sled says, also when it says it by panicking, which it does on some damaged files.
pub(crate) fn open_database(dir: &Path, cache_bytes: u64) -> Result<Opened, StoreError> {
    let open = || {
        remove_unfinished(dir).map_err(StoreError::io("prepare the database's directory"))?;
        let db = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .mode(sled::Mode::LowSpace)
            .flush_every_ms(Some(HOUSEKEEPING_MS))
            .open()
            .map_err(StoreError::database("open the database"))?;
        let log = File::open(files::log_file(dir)).map_err(StoreError::io("open the database"))?;
        let (format, commit) = tree::meta(&db)?.unwrap_or((FORMAT, 0));
        if format > FORMAT {
            let what = "the database".to_owned();
            return Err(StoreError::NewerVersion {
                what,
                found: format,
                known: FORMAT,
            });
        }
        Ok(Opened { db, log, commit })
    };
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| {
        Err(StoreError::Damaged {
            reason: "sled gave up on its files".to_owned(),
        })
    })
}

/// Removes the summaries of its log that sled had begun to write when it was interrupted: by a crash,
/// or a full disk. It would take such a file for a whole one, and call it damaged. The one before is
/// removed only after the new one has got its name, so nothing is lost.
fn remove_unfinished(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "generating")
        {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Closes sled and waits until the last of its threads has let go of the files.
pub(crate) fn close_database(db: sled::Db, dir: &Path) -> io::Result<()> {
    // Dropping writes what is pending, and panics when that fails.
    catch_unwind(AssertUnwindSafe(move || drop(db)))
        .map_err(|_| io::Error::other("sled could not close its files"))?;
    let log = match File::open(files::log_file(dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let deadline = Instant::now() + RELEASE;
    loop {
        match log.try_lock() {
            Ok(()) => return log.unlock(),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "sled keeps its files locked",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Whether the directory holds a database or what is left of one.
pub(crate) fn has_database(layout: &Layout) -> bool {
    files::log_file(&layout.database()).exists() || layout.commit().exists()
}

/// Opens the database of a data directory by the rules above.
pub(crate) fn open(
    layout: &Layout,
    options: &Options,
    disk: &dyn Disk,
) -> Result<(Opened, CommitFile), OpenError> {
    let database = layout.database();
    let damaged = |reason: String| OpenError::Damaged {
        database: layout.database(),
        salvage: layout.salvage(),
        reason,
    };
    files::remove(&layout.check()).map_err(OpenError::io("remove", &layout.check()))?;
    let acknowledged = acknowledged(layout, options, &damaged)?;
    let exists = files::log_file(&database).exists();
    if !exists && acknowledged > 0 && !options.accept_loss {
        return Err(damaged(format!(
            "its file is missing, and {acknowledged} commits were acknowledged"
        )));
    }
    if exists && !is_clean(layout) {
        tracing::info!("the database was not closed cleanly; checking it");
        match check(layout, options, acknowledged, &damaged) {
            Ok(()) => {}
            Err(OpenError::Damaged { reason, .. }) if options.accept_loss => {
                salvage(layout, &reason)?
            }
            Err(error) => return Err(error),
        }
    }
    // From here on the digests would no longer be true.
    files::remove(&layout.clean()).map_err(OpenError::io("remove", &layout.clean()))?;
    files::sync_dir(&layout.store()).map_err(OpenError::io("sync", &layout.store()))?;
    files::private_dir(&database).map_err(OpenError::io("make the directory", &database))?;
    let opened = open_database(&database, options.cache_bytes)
        .map_err(|error| refuse(error, &database, &damaged))?;
    let lost = acknowledged.saturating_sub(opened.commit);
    if lost > 0 && !options.accept_loss {
        return Err(damaged(lost_commits(opened.commit, acknowledged)));
    }
    settle(&opened, &database, disk).map_err(OpenError::io("sync", &database))?;
    let mut commit = match CommitFile::open(&layout.commit()) {
        Ok(Some(file)) => file,
        // Only with `accept_loss`: otherwise the number was read above.
        Ok(None) | Err(_) => CommitFile::create(&layout.commit(), opened.commit)
            .map_err(OpenError::io("write", &layout.commit()))?,
    };
    if commit.number() != opened.commit {
        if lost > 0 {
            commit = CommitFile::create(&layout.commit(), opened.commit)
                .map_err(OpenError::io("write", &layout.commit()))?;
        } else {
            commit
                .write(opened.commit, disk)
                .map_err(OpenError::io("write", &layout.commit()))?;
        }
    }
    Ok((opened, commit))
}

/// The number acknowledged last. A new directory gets its file here, before sled makes any.
fn acknowledged(
    layout: &Layout,
    options: &Options,
    damaged: &dyn Fn(String) -> OpenError,
) -> Result<u64, OpenError> {
    let path = layout.commit();
    match CommitFile::open(&path) {
        Ok(Some(file)) => Ok(file.number()),
        Ok(None) if options.accept_loss => Ok(0),
        Ok(None) => Err(damaged(format!(
            "the commit number in {} cannot be read",
            path.display()
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if files::log_file(&layout.database()).exists() && !options.accept_loss {
                return Err(damaged(format!(
                    "the commit number, {}, is missing",
                    path.display()
                )));
            }
            let file = CommitFile::create(&path, 0).map_err(OpenError::io("write", &path))?;
            Ok(file.number())
        }
        Err(error) => Err(OpenError::io("read", &path)(error)),
    }
}

fn lost_commits(found: u64, acknowledged: u64) -> String {
    format!("it ends with commit {found}, and commit {acknowledged} was acknowledged")
}

fn refuse(error: StoreError, path: &Path, damaged: &dyn Fn(String) -> OpenError) -> OpenError {
    match error {
        StoreError::Io { action, source } => OpenError::Io {
            action,
            path: path.to_owned(),
            source: io::Error::new(source.kind(), source.to_string()),
        },
        StoreError::NewerVersion { found, known, .. } => OpenError::NewerFormat { found, known },
        StoreError::Damaged { reason } => damaged(reason),
        other => damaged(other.to_string()),
    }
}

/// Opens a copy, reads it through, and looks for the last acknowledged commit.
fn check(
    layout: &Layout,
    options: &Options,
    acknowledged: u64,
    damaged: &dyn Fn(String) -> OpenError,
) -> Result<(), OpenError> {
    let (database, copy) = (layout.database(), layout.check());
    files::copy_dir(&database, &copy, false)
        .inspect_err(|_| {
            // Free the space at once: the disk may be full. What stays is removed by the next start.
            let _ = files::remove(&copy);
        })
        .map_err(OpenError::io(
            "copy the database, to check it after an unclean stop, to",
            &copy,
        ))?;
    let checked = open_database(&copy, options.cache_bytes).and_then(|opened| {
        let read =
            catch_unwind(AssertUnwindSafe(|| read_through(&opened.db))).unwrap_or_else(|_| {
                Err(StoreError::Damaged {
                    reason: "sled gave up on its files".to_owned(),
                })
            });
        // The copy is removed below; that it did not close well is of no interest.
        let _ = close_database(opened.db, &copy);
        read.map(|()| opened.commit)
    });
    let removed = files::remove(&copy).map_err(OpenError::io("remove", &copy));
    let found = checked.map_err(|error| refuse(error, &copy, damaged))?;
    removed?;
    if found < acknowledged {
        return Err(damaged(lost_commits(found, acknowledged)));
    }
    Ok(())
}

fn read_through(db: &sled::Db) -> Result<(), StoreError> {
    for item in db.iter() {
        item.map_err(StoreError::database("read the database"))?;
    }
    Ok(())
}

/// Keeps a copy of the files before they are opened with a loss.
fn salvage(layout: &Layout, reason: &str) -> Result<(), OpenError> {
    let kept = layout.salvage().join(ulid::Ulid::new().to_string());
    tracing::warn!(reason, kept = %kept.display(), "the database is damaged; keeping a copy and going on with what can be read");
    files::copy_dir(&layout.store(), &kept, true)
        .map_err(OpenError::io("copy the damaged database to", &kept))
}

/// Syncs what opening has written, including the files that sled itself leaves unsynced.
fn settle(opened: &Opened, database: &Path, disk: &dyn Disk) -> io::Result<()> {
    disk.sync(&opened.log)?;
    for path in files::list(database)? {
        // sled replaces its snapshot files as it likes.
        match File::open(database.join(path)) {
            Ok(file) => file.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    files::sync_dir(database)?;
    database.parent().map_or(Ok(()), files::sync_dir)
}

/// The digests of the database's files after a clean stop.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Digests {
    files: Vec<(PathBuf, String)>,
}

impl Digests {
    fn of(database: &Path) -> io::Result<Self> {
        let files = files::list(database)?
            .into_iter()
            .map(|path| {
                let mut hasher = blake3::Hasher::new();
                hasher.update_reader(File::open(database.join(&path))?)?;
                Ok((path, hasher.finalize().to_hex().to_string()))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { files })
    }
}

/// Notes the digests of a database that was just closed.
pub(crate) fn mark_clean(layout: &Layout) -> io::Result<()> {
    let digests = Digests::of(&layout.database())?;
    files::replace(&layout.clean(), &serde_json::to_vec(&digests)?)
}

/// Whether the files are the ones of the last clean stop. What cannot be read is not clean.
fn is_clean(layout: &Layout) -> bool {
    let noted = || -> io::Result<bool> {
        let noted: Digests = serde_json::from_slice(&fs::read(layout.clean())?)?;
        Ok(noted == Digests::of(&layout.database())?)
    };
    noted().unwrap_or(false)
}
