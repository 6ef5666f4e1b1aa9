//! Which file may be opened.

use crate::{Denial, Fault, PluginError};
use serde::{Deserialize, Serialize};
use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Where database files may lie. Paths are compared as they are on disk, links resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileRules {
    /// Files below these directories are refused: the daemon's data directory.
    pub forbidden: Vec<PathBuf>,
    /// Except below these: the folder of the sample database.
    pub allowed: Vec<PathBuf>,
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileIdentity {
    /// The device it lies on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

/// Checks a path at the time it is granted, and gives it in its canonical form.
///
/// # Errors
/// `not-found` when there is no file; `denied` below a forbidden directory; `invalid-request` when
/// it is not a regular file.
pub fn granted(path: &Path, rules: &FileRules) -> Result<(PathBuf, FileIdentity), PluginError> {
    let canonical = path
        .canonicalize()
        .map_err(|error| unreadable(path, &error))?;
    let identity = identify(&canonical)?;
    rules.check(&canonical)?;
    Ok((canonical, identity))
}

/// Checks a granted path each time it is opened: it must still be canonical, that is, no part of it
/// may have become a link.
pub(super) fn reopened(
    path: &Path,
    rules: &FileRules,
    expected: Option<FileIdentity>,
) -> Result<FileIdentity, PluginError> {
    let (canonical, identity) = granted(path, rules)?;
    if canonical != path {
        return Err(denied(
            path,
            format!(
                "{} now leads to {}; if that is meant, set the URL of the data source anew",
                path.display(),
                canonical.display()
            ),
        ));
    }
    if expected.is_some_and(|expected| expected != identity) {
        return Err(replaced(path));
    }
    Ok(identity)
}

/// The identity of a regular file, which no link leads to.
///
/// # Errors
/// `not-found` and `unavailable` when it cannot be looked at, `invalid-request` when it is no file.
pub fn identify(path: &Path) -> Result<FileIdentity, PluginError> {
    let metadata = path
        .symlink_metadata()
        .map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() {
        return Err(PluginError::InvalidRequest(Fault::new(format!(
            "{} is not a file",
            path.display()
        ))));
    }
    Ok(FileIdentity {
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}

pub(super) fn replaced(path: &Path) -> PluginError {
    denied(
        path,
        format!(
            "{} was replaced by another file since it became a data source; if that is meant, \
             accept the new file by giving its URL again: labd source update NAME --url",
            path.display()
        ),
    )
}

impl FileRules {
    fn check(&self, canonical: &Path) -> Result<(), PluginError> {
        let below = |directories: &[PathBuf]| {
            directories.iter().any(|directory| {
                // A directory that does not exist holds no file.
                directory
                    .canonicalize()
                    .is_ok_and(|directory| canonical.starts_with(directory))
            })
        };
        if below(&self.forbidden) && !below(&self.allowed) {
            return Err(denied(
                canonical,
                format!(
                    "{} lies in the daemon's own data directory, which no data source may open; \
                     copy the file to another directory",
                    canonical.display()
                ),
            ));
        }
        Ok(())
    }
}

fn denied(path: &Path, message: String) -> PluginError {
    PluginError::Denied(Denial {
        capability: "sqlite".to_owned(),
        target: path.display().to_string(),
        message,
    })
}

fn unreadable(path: &Path, error: &io::Error) -> PluginError {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => PluginError::NotFound(Fault::new(format!(
            "there is no file {path}; check the path of the data source"
        ))),
        io::ErrorKind::PermissionDenied => {
            PluginError::Unavailable(Fault::new(format!("the daemon's user may not read {path}")))
        }
        _ => PluginError::Unavailable(Fault::new(format!("{path} cannot be read: {error}"))),
    }
}
