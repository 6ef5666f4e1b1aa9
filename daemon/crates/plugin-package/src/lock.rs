//! `plugins.lock`: exactly which packages are installed, and where they came from.
//!
//! ```toml
//! [[plugin]]
//! id = "acme.gateway"
//! version = "1.2.0"
//! digest = "sha256:…"
//! source = "oci://registry.example/acme/gateway@sha256:…"
//! signer = "9f86d081884c7d65"     # absent for what is not signed
//! ```
//! It is written with each change, and installs the same packages on another machine
//! (`labd plugin install --locked <file>`), or fills a folder with them (`labd plugin mirror`).

use crate::{
    digest::Digest,
    manifest::is_id,
    record::{self, RecordError},
    signing::KeyId,
};
use semver::Version;
use serde::{Deserialize, Serialize};
use std::path::Path;

const HEADING: &str = "# Which plugin packages are installed. Written by labd.\n\n";

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// The plugin.
    pub id: String,
    /// Its version.
    pub version: Version,
    /// The digest of the package.
    pub digest: Digest,
    /// Where it came from, as `labd plugin install` takes it.
    pub source: String,
    /// The key that it is signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<KeyId>,
}

/// A read lock file, ordered by id and version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Its entries.
    #[serde(default, rename = "plugin", skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<Locked>,
}

impl Lock {
    /// Reads a lock file. Without one, nothing is installed.
    ///
    /// # Errors
    /// A file that cannot be read or understood.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        record::read::<Self>(path)?
            .unwrap_or_default()
            .checked(path)
    }

    /// Reads a lock file that has to be there.
    ///
    /// # Errors
    /// As [`Lock::read`], and when there is none.
    pub fn read_existing(path: &Path) -> Result<Self, RecordError> {
        match record::read::<Self>(path)? {
            Some(lock) => lock.checked(path),
            None => Err(RecordError::io(path)(std::io::ErrorKind::NotFound.into())),
        }
    }

    /// Ids and versions become names of folders.
    fn checked(self, path: &Path) -> Result<Self, RecordError> {
        match self.plugins.iter().find(|locked| !is_id(&locked.id)) {
            Some(wrong) => Err(RecordError::syntax(
                path,
                format!("`{}` is no plugin's id", wrong.id),
            )),
            None => Ok(self),
        }
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// What the file system says; the file is as it was then.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        record::replace(path, HEADING, self)
    }

    /// The entry of a version.
    pub fn find(&self, id: &str, version: &Version) -> Option<&Locked> {
        let mut entries = self.plugins.iter();
        entries.find(|locked| locked.id == id && locked.version == *version)
    }

    /// Adds an entry, in place of one of the same version.
    pub fn insert(&mut self, entry: Locked) {
        self.plugins
            .retain(|locked| locked.id != entry.id || locked.version != entry.version);
        self.plugins.push(entry);
        self.plugins
            .sort_by(|a, b| (&a.id, &a.version).cmp(&(&b.id, &b.version)));
    }
}
