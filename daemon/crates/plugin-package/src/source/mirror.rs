//! A folder with the packages of a lock file, for machines that reach nothing else.
//!
//! ```text
//! <mirror>/<id>-<version>.labd-plugin
//! <mirror>/plugins.lock
//! ```

use super::{FetchError, Fetcher, Login, Report, Source};
use crate::{
    archive,
    lock::Lock,
    record::{self, RecordError},
};
use semver::Version;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The lock file's name in a mirror.
pub const LOCK: &str = "plugins.lock";

fn name(id: &str, version: &Version) -> String {
    format!("{id}-{version}.{}", archive::EXTENSION)
}

/// The file of a plugin: of this version, or of the newest.
pub(super) fn find(
    mirror: &Path,
    id: &str,
    version: Option<&Version>,
) -> Result<PathBuf, FetchError> {
    let found = match version {
        Some(version) => Some(version.clone()),
        None => versions(mirror, id).into_iter().max(),
    };
    let file = found.map(|version| mirror.join(name(id, &version)));
    file.filter(|file| file.is_file())
        .ok_or_else(|| FetchError::NotMirrored {
            mirror: mirror.to_owned(),
            asked: version.map_or_else(|| id.to_owned(), |version| format!("{id}@{version}")),
        })
}

fn versions(mirror: &Path, id: &str) -> Vec<Version> {
    let entries = fs::read_dir(mirror).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter_map(|name| {
            let name = name.strip_prefix(id)?.strip_prefix('-')?;
            let version = name.strip_suffix(archive::EXTENSION)?.strip_suffix('.')?;
            Version::parse(version).ok()
        })
        .collect()
}

/// Whether a mirror has this version.
pub fn holds(mirror: &Path, id: &str, version: &Version) -> bool {
    mirror.join(name(id, version)).is_file()
}

/// Fills a folder with the packages of a lock file, each exactly as it says. What is there already and
/// right is kept. Gives the files.
///
/// # Errors
/// The first package that cannot be had.
pub async fn fill(
    fetcher: &Fetcher,
    lock: &Lock,
    mirror: &Path,
    login: impl Fn(&Source) -> Option<Login>,
    report: Report<'_>,
) -> Result<Vec<PathBuf>, FetchError> {
    fs::create_dir_all(mirror).map_err(RecordError::io(mirror))?;
    let mut filled = Vec::new();
    for locked in &lock.plugins {
        let file = mirror.join(name(&locked.id, &locked.version));
        let there = archive::read_file(&file);
        if !there.is_ok_and(|files| files.digest() == locked.digest) {
            let source = Source::parse(&locked.source)?;
            let login = login(&source);
            let fetched = fetcher
                .fetch(&source, Some(locked.digest), login.as_ref(), report)
                .await?;
            let bytes = archive::write(&fetched.files)?;
            record::write_replacing(&file, &bytes).map_err(RecordError::io(&file))?;
        }
        filled.push(file);
    }
    lock.write(&mirror.join(LOCK))?;
    Ok(filled)
}
