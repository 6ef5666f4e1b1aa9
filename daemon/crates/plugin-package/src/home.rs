//! What is installed in a data directory, and how a package gets there.
//!
//! ```text
//! <data>/plugins.lock                  which packages were installed, with their digests
//! <data>/trust.toml                    whose signatures are trusted
//! <data>/plugins/<id>/<version>/       the packages
//! <data>/plugins/.installing-…/        one that is being written
//! ```
//! A package appears under its name by one rename, after all of it is on the disk and the lock file
//! knows it: a crash before leaves what was there, and a leftover that [`Home::tidy`] removes. Two
//! versions of a plugin lie beside each other while the newer one waits for its grant.
//!
//! | there is | the package | what happens |
//! | --- | --- | --- |
//! | the same version, same digest | | nothing is written |
//! | the same version, another digest | | refused: a version never changes |
//! | a newer version | | refused, unless a downgrade is allowed |

use crate::{
    digest::Digest,
    files::Files,
    lock::{Lock, Locked},
    manifest::is_id,
    package::{self, Package, PackageError},
    record::{self, RecordError},
    signing::{Signer, Trust, TrustError},
    source::Fetched,
};
use jiff::Timestamp;
use semver::Version;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

const STAGING: &str = ".installing-";

/// What the operator allows beyond the usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowances {
    /// A package of this machine without a signature.
    pub unsigned: bool,
    /// A version older than the one that is installed.
    pub downgrade: bool,
}

/// Why a package is not installed. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The lock file or `trust.toml`.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its signature.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Unsigned packages are only taken from this machine.
    #[error(
        "{0} is not signed, and only a package on this machine is taken in without a signature: \
         download it, look at it, and install the file with --allow-unsigned"
    )]
    UnsignedFromAfar(String),
    /// A version that was installed before, with other content.
    #[error(
        "{id} {version} is installed already with another content ({installed}, this one is {found}); \
         a version never changes: raise it, or remove the installed one first: labd plugin remove {id}"
    )]
    OtherContent {
        /// The plugin.
        id: String,
        /// Its version.
        version: Version,
        /// What is installed.
        installed: Digest,
        /// What the package is.
        found: Digest,
    },
    /// Older than what is there.
    #[error(
        "{id} {installed} is installed, which is newer than {version}; to go back: --downgrade"
    )]
    Downgrade {
        /// The plugin.
        id: String,
        /// What is installed.
        installed: Version,
        /// The package's version.
        version: Version,
    },
}

/// A package that was verified and may be placed.
#[derive(Debug)]
pub struct Verified {
    files: Files,
    source: String,
    signer: Option<Signer>,
    allowed: Allowances,
}

impl Verified {
    /// The package.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Who signed it; none for what is taken in without.
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }
}

/// A package in its place.
#[derive(Debug)]
pub struct Placed {
    /// Its folder.
    pub dir: PathBuf,
    /// It was not there before.
    pub fresh: bool,
    former: Lock,
}

/// What is wrong with an installed package, or that nothing is.
#[derive(Debug)]
pub struct Examined {
    /// The plugin.
    pub id: String,
    /// Its version.
    pub version: Version,
    /// Who signed it; none for what was taken in without. Otherwise what is wrong with it.
    pub verdict: Result<Option<Signer>, InstallError>,
}

/// A data directory, as far as plugins go.
#[derive(Clone, Debug)]
pub struct Home {
    data: PathBuf,
}

impl Home {
    /// Of this data directory.
    pub fn new(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
        }
    }

    /// The data directory that a package lies in, as `<data>/plugins/<id>/<version>`.
    pub(crate) fn around(package: &Path) -> Option<Self> {
        let plugins = package.parent()?.parent()?;
        (plugins.file_name()? == "plugins").then(|| Self::new(plugins.parent().unwrap_or(plugins)))
    }

    /// Where packages lie.
    pub fn plugins(&self) -> PathBuf {
        self.data.join("plugins")
    }

    /// The lock file.
    pub fn lock_path(&self) -> PathBuf {
        self.data.join("plugins.lock")
    }

    /// `trust.toml`.
    pub fn trust_path(&self) -> PathBuf {
        self.data.join("trust.toml")
    }

    fn dir(&self, id: &str, version: &Version) -> PathBuf {
        self.plugins().join(id).join(version.to_string())
    }

    /// Removes what a crash in the middle of an installation left. To be called before anything is
    /// installed.
    pub fn tidy(&self) {
        let entries = fs::read_dir(self.plugins()).into_iter().flatten().flatten();
        for entry in entries {
            if entry.file_name().to_string_lossy().starts_with(STAGING)
                && let Err(error) = fs::remove_dir_all(entry.path())
            {
                tracing::warn!(path = %entry.path().display(), %error, "a leftover cannot be removed");
            }
        }
    }

    /// Looks whether a package may be installed here: whether its signature is trusted.
    ///
    /// # Errors
    /// Why it may not.
    pub fn verify(
        &self,
        fetched: Fetched,
        allowed: Allowances,
        now: Timestamp,
    ) -> Result<Verified, InstallError> {
        let trust = Trust::read(&self.trust_path())?;
        let signer = match trust.verify(&fetched.files, now) {
            Ok(signer) => Some(signer),
            Err(TrustError::Unsigned(_)) if allowed.unsigned && fetched.local => None,
            Err(TrustError::Unsigned(id)) if allowed.unsigned => {
                return Err(InstallError::UnsignedFromAfar(id));
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Verified {
            files: fetched.files,
            source: fetched.source,
            signer,
            allowed,
        })
    }

    /// Puts a package into its place. It is known to the lock file then.
    ///
    /// # Errors
    /// The rules of this module, and what the file system says.
    pub fn place(&self, verified: Verified) -> Result<Placed, InstallError> {
        let manifest = verified.files.manifest();
        let (id, version) = (&manifest.id, &manifest.version);
        let dir = self.dir(id, version);
        let found = verified.files.digest();
        let former = self.lock()?;
        let mut lock = former.clone();
        let fresh = match fs::symlink_metadata(&dir) {
            Ok(_) => {
                let there = Files::read_dir(&dir)?.digest();
                if there != found {
                    return Err(InstallError::OtherContent {
                        id: id.clone(),
                        version: version.clone(),
                        installed: there,
                        found,
                    });
                }
                false
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(package::io_error(&dir)(error).into()),
        };
        let newer = self
            .versions(id)
            .into_iter()
            .max()
            .filter(|there| there > version);
        if let Some(installed) = newer.filter(|_| !verified.allowed.downgrade) {
            return Err(InstallError::Downgrade {
                id: id.clone(),
                installed,
                version: version.clone(),
            });
        }
        lock.insert(Locked {
            id: id.clone(),
            version: version.clone(),
            digest: found,
            source: verified.source.clone(),
            signer: verified.signer.as_ref().map(|signer| signer.key.clone()),
        });
        if fresh {
            let staging = self
                .plugins()
                .join(format!("{STAGING}{:016x}", rand::random::<u64>()));
            let placed = self.write(&verified.files, &staging, &dir, &lock);
            if placed.is_err() {
                // The first error is the one to report; `tidy` comes later.
                let _ = fs::remove_dir_all(&staging);
                let _ = former.write(&self.lock_path());
            }
            placed?;
        } else {
            lock.write(&self.lock_path())?;
        }
        Ok(Placed { dir, fresh, former })
    }

    fn write(
        &self,
        files: &Files,
        staging: &Path,
        dir: &Path,
        lock: &Lock,
    ) -> Result<(), InstallError> {
        let versions = dir.parent().unwrap_or(dir);
        fs::create_dir_all(versions).map_err(package::io_error(versions))?;
        files.write_dir(staging)?;
        lock.write(&self.lock_path())?;
        fs::rename(staging, dir)
            .and_then(|()| record::sync_parent(dir))
            .map_err(package::io_error(dir))?;
        Ok(())
    }

    /// Takes a package away again that the host refused.
    ///
    /// # Errors
    /// What the file system says.
    pub fn undo(&self, placed: &Placed) -> Result<(), InstallError> {
        if placed.fresh {
            fs::remove_dir_all(&placed.dir).map_err(package::io_error(&placed.dir))?;
            if let Some(versions) = placed.dir.parent() {
                // It stays when another version is in it.
                let _ = fs::remove_dir(versions);
            }
        }
        placed.former.write(&self.lock_path())?;
        Ok(())
    }

    /// Removes what is installed of a plugin that the host does not know, since its package is refused.
    /// False when there is nothing.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, id: &str) -> Result<bool, InstallError> {
        let versions = self.plugins().join(id);
        if !is_id(id) || !versions.is_dir() {
            return Ok(false);
        }
        fs::remove_dir_all(&versions).map_err(package::io_error(&versions))?;
        self.prune()?;
        Ok(true)
    }

    /// Forgets what is not on the disk any more. To be called after versions were removed.
    ///
    /// # Errors
    /// A lock file that cannot be read or written.
    pub fn prune(&self) -> Result<(), RecordError> {
        let mut lock = Lock::read(&self.lock_path())?;
        let before = lock.plugins.len();
        lock.plugins
            .retain(|locked| self.dir(&locked.id, &locked.version).is_dir());
        if lock.plugins.len() == before {
            return Ok(());
        }
        lock.write(&self.lock_path())
    }

    /// The lock file, without what is not there any more.
    fn lock(&self) -> Result<Lock, RecordError> {
        let mut lock = Lock::read(&self.lock_path())?;
        lock.plugins
            .retain(|locked| self.dir(&locked.id, &locked.version).is_dir());
        Ok(lock)
    }

    fn versions(&self, id: &str) -> Vec<Version> {
        let entries = fs::read_dir(self.plugins().join(id)).into_iter().flatten();
        let names = entries.flatten().map(|entry| entry.file_name());
        names
            .filter_map(|name| Version::parse(name.to_str()?).ok())
            .collect()
    }

    /// Looks at what is installed: each file against the lock file, and the signature against
    /// `trust.toml`. Of all plugins, or of one.
    ///
    /// # Errors
    /// A lock file or `trust.toml` that cannot be read.
    pub fn examine(&self, id: Option<&str>, now: Timestamp) -> Result<Vec<Examined>, InstallError> {
        let trust = Trust::read(&self.trust_path())?;
        let lock = Lock::read(&self.lock_path())?;
        let asked = lock
            .plugins
            .iter()
            .filter(|locked| id.is_none_or(|id| locked.id == id));
        Ok(asked
            .map(|locked| Examined {
                id: locked.id.clone(),
                version: locked.version.clone(),
                verdict: self.examine_one(locked, &trust, now),
            })
            .collect())
    }

    fn examine_one(
        &self,
        locked: &Locked,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<Option<Signer>, InstallError> {
        let dir = self.dir(&locked.id, &locked.version);
        let files = Files::read_dir(&dir)?;
        let found = files.digest();
        if found != locked.digest {
            return Err(tampered(&locked.id, dir, found, locked.digest).into());
        }
        match trust.verify(&files, now) {
            Ok(signer) => Ok(Some(signer)),
            // What an operator took in without a signature stays so.
            Err(TrustError::Unsigned(_)) if locked.signer.is_none() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// That a package is what was installed, and that its key was not revoked since. One that the lock
    /// file does not know was put there by hand.
    pub(crate) fn check_installed(&self, package: &Package) -> Result<(), PackageError> {
        let manifest = &package.manifest;
        let lock = Lock::read(&self.lock_path())?;
        let Some(locked) = lock.find(&manifest.id, &manifest.version) else {
            return Ok(());
        };
        if locked.digest.hex() != package.digest {
            let found = Digest::from_hex(&package.digest).unwrap_or(locked.digest);
            return Err(tampered(
                &manifest.id,
                package.dir.clone(),
                found,
                locked.digest,
            ));
        }
        let Some(signer) = &locked.signer else {
            return Ok(());
        };
        let trust = Trust::read(&self.trust_path())?;
        match trust.key(signer).filter(|key| key.revoked.is_some()) {
            Some(key) => Err(PackageError::Revoked {
                id: manifest.id.clone(),
                key: signer.to_string(),
                name: key.name.clone(),
            }),
            None => Ok(()),
        }
    }
}

fn tampered(id: &str, dir: PathBuf, found: Digest, locked: Digest) -> PackageError {
    PackageError::Tampered {
        id: id.to_owned(),
        dir,
        found,
        locked,
    }
}
