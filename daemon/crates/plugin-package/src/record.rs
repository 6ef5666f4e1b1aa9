//! Small TOML files that somebody relies on: read with a bound and without unknown keys, replaced as
//! a whole.

use crate::limits;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file system.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its content.
    #[error("{path}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl RecordError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn syntax(path: &Path, reason: impl ToString) -> Self {
        Self::Syntax {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Reads a file; none when there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RecordError> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(RecordError::io(path))?,
    };
    let mut text = String::new();
    file.take(limits::RECORD_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(RecordError::io(path))?;
    if text.len() as u64 > limits::RECORD_BYTES {
        let reason = format!("it is larger than {} bytes", limits::RECORD_BYTES);
        return Err(RecordError::syntax(path, reason));
    }
    let value = toml::from_str(&text).map_err(|error| RecordError::syntax(path, error))?;
    Ok(Some(value))
}

/// Replaces a file, 0600, after a heading for people. After a crash it is the old one or the new one.
pub(crate) fn replace(
    path: &Path,
    heading: &str,
    value: &impl Serialize,
) -> Result<(), RecordError> {
    let text = toml::to_string(value).map_err(|error| RecordError::syntax(path, error))?;
    write_replacing(path, format!("{heading}{text}").as_bytes()).map_err(RecordError::io(path))
}

/// Replaces a file, 0600, as a whole.
pub(crate) fn write_replacing(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension(format!("{:016x}.new", rand::random::<u64>()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&fresh, path));
    match written {
        Ok(()) => sync_parent(path),
        Err(error) => {
            // The first error is the one to report.
            let _ = fs::remove_file(&fresh);
            Err(error)
        }
    }
}

/// Makes a rename last.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => fs::File::open(".")?.sync_all(),
    }
}
