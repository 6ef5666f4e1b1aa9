//! The layout of a data directory, and the few careful things done to its files.
//!
//! | path | what |
//! | --- | --- |
//! | `lock` | held by the daemon that owns the directory; its process id |
//! | `keys/master.key` | the master key (unless another place was chosen) |
//! | `keys/data.keys` | the data keys, wrapped by the master key |
//! | `store/db/` | sled's files |
//! | `store/commit` | the number of the last commit that was acknowledged |
//! | `store/clean` | digests of the database's files, written on a clean stop |
//! | `store/check/` | the copy that is tried first after an unclean stop |
//! | `blobs/` | one sealed file per blob |
//! | `salvage/` | copies kept when a loss was accepted |
//!
//! Directories are made 0700, files 0600. A file that is replaced is written beside, synced, renamed,
//! and its directory synced.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    pub(crate) fn master_key(&self) -> PathBuf {
        self.keys().join("master.key")
    }

    pub(crate) fn data_keys(&self) -> PathBuf {
        self.keys().join("data.keys")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.store().join("db")
    }

    pub(crate) fn check(&self) -> PathBuf {
        self.store().join("check")
    }

    pub(crate) fn commit(&self) -> PathBuf {
        self.store().join("commit")
    }

    pub(crate) fn clean(&self) -> PathBuf {
        self.store().join("clean")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn salvage(&self) -> PathBuf {
        self.root.join("salvage")
    }
}

/// The one file of sled's that holds the log.
pub(crate) fn log_file(database: &Path) -> PathBuf {
    database.join("db")
}

/// Makes a directory (and what is missing above it), for its owner only.
pub(crate) fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes a file as a whole or not at all; replaces what was there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut temporary = name.to_owned();
    temporary.push(".new");
    let temporary = dir.join(temporary);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // The original stands; what is left of the new one is of no use.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_dir(dir)
}

/// Removes a file or a whole directory; it is no error when it is not there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The files below a directory in a fixed order, as paths relative to it.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fn walk(root: &Path, below: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
        for entry in fs::read_dir(root.join(below))? {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                walk(root, &path, found)?;
            } else {
                found.push(path);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(dir, Path::new(""), &mut found)?;
    found.sort();
    Ok(found)
}

/// Copies a directory of files. `durable`: synced when this returns.
pub(crate) fn copy_dir(from: &Path, to: &Path, durable: bool) -> io::Result<()> {
    private_dir(to)?;
    for path in list(from)? {
        let target = to.join(&path);
        if let Some(dir) = target.parent() {
            private_dir(dir)?;
        }
        fs::copy(from.join(&path), &target)?;
        if durable {
            File::open(&target)?.sync_all()?;
            if let Some(dir) = target.parent() {
                sync_dir(dir)?;
            }
        }
    }
    if durable { sync_dir(to) } else { Ok(()) }
}

/// The sizes of all files below a directory, added up (bytes).
pub(crate) fn size(dir: &Path) -> io::Result<u64> {
    list(dir)?
        .iter()
        .try_fold(0, |sum, path| Ok(sum + fs::metadata(dir.join(path))?.len()))
}
