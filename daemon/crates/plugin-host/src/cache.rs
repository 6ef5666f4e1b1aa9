//! Compiled code, kept between starts.
//!
//! An artifact's name is the SHA-256 of the component and a hash of everything that decides whether
//! this engine can run it (wasmtime's version, the target, the compiler's settings). Beside it lies
//! an HMAC under a key that never leaves this machine. What does not match is deleted and compiled
//! again; nothing compiled elsewhere is ever loaded.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    hash::{Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use wasmtime::{Engine, component::Component};
use zeroize::Zeroizing;

/// Why there is no cache. Plugins are then compiled at each start.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The directory cannot be made or read.
    #[error("{path}: {source}")]
    Io {
        /// What was touched.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Somebody else could write code into it.
    #[error(
        "{0} must belong to the user that runs labd and be closed to others; \
         remove it, or: chmod 700 {0}"
    )]
    Open(PathBuf),
}

/// A directory of compiled code.
pub(crate) struct Cache {
    dir: PathBuf,
    key: Zeroizing<[u8; 32]>,
}

impl Cache {
    /// Opens the directory, or makes it.
    pub fn open(dir: &Path) -> Result<Self, CacheError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| CacheError::Io { path, source }
        };
        if let Some(parent) = dir.parent() {
            fs::create_dir_all(parent).map_err(io(parent))?;
        }
        match fs::DirBuilder::new().mode(0o700).create(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(io(dir)(error));
            }
            _ => {}
        }
        let key_path = dir.join("key");
        let key = read_key(&key_path).map_err(io(&key_path))?;
        // The key is opened or made by this process, so its owner is who this process runs as, or
        // the directory is not ours.
        let probe = dir.join(format!(".probe-{}", std::process::id()));
        let ours = File::create(&probe)
            .and_then(|file| file.metadata())
            .map_err(io(&probe))?
            .uid();
        // Left behind it is harmless.
        let _ = fs::remove_file(&probe);
        let meta = fs::symlink_metadata(dir).map_err(io(dir))?;
        let key_meta = fs::symlink_metadata(&key_path).map_err(io(&key_path))?;
        let closed = |meta: &fs::Metadata| meta.permissions().mode() & 0o077 == 0;
        let sound = meta.is_dir()
            && meta.uid() == ours
            && closed(&meta)
            && key_meta.is_file()
            && key_meta.uid() == ours
            && closed(&key_meta);
        if !sound {
            return Err(CacheError::Open(dir.to_owned()));
        }
        Ok(Self {
            dir: dir.to_owned(),
            key,
        })
    }

    /// The component from the cache, if a sound artifact is there.
    pub fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let name = artifact_name(engine, digest);
        let path = self.dir.join(&name);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot read compiled code");
                return None;
            }
        };
        let component = self
            .verify(&name, &mut file)
            .and_then(|()| map(engine, &path).map_err(|e| format!("{e:#}")));
        match component {
            Ok(component) => Some(component),
            Err(reason) => {
                tracing::warn!(path = %path.display(), reason, "compiled code does not match; compiling again");
                self.remove(&name);
                None
            }
        }
    }

    /// Keeps compiled code. A failure is logged: the next start compiles again.
    pub fn store(&self, engine: &Engine, digest: &str, code: &[u8]) {
        let name = artifact_name(engine, digest);
        let written = self.mac(&name, code).finalize().into_bytes();
        let result = self
            .replace(&name, code)
            .and_then(|()| self.replace(&mac_name(&name), &written));
        if let Err(error) = result {
            tracing::warn!(path = %self.dir.join(&name).display(), %error, "compiled code is not kept");
            self.remove(&name);
        }
    }

    /// Removes the artifacts of components that no longer exist.
    pub fn prune(&self, digests: &HashSet<String>) {
        let Ok(entries) = fs::read_dir(&self.dir) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some((digest, _)) = name.to_str().and_then(|name| name.split_once('-')) else {
                continue;
            };
            if digest.len() == 64 && !digests.contains(digest) {
                // It is tried again at the next start.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn mac(&self, name: &str, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = match Hmac::<Sha256>::new_from_slice(self.key.as_slice()) {
            Ok(mac) => mac,
            Err(error) => unreachable!("HMAC takes keys of any length: {error}"),
        };
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(code);
        mac
    }

    fn verify(&self, name: &str, file: &mut File) -> Result<(), String> {
        let told = fs::read(self.dir.join(mac_name(name))).map_err(|e| e.to_string())?;
        let mut code = Vec::new();
        file.read_to_end(&mut code).map_err(|e| e.to_string())?;
        self.mac(name, &code)
            .verify_slice(&told)
            .map_err(|_| "it was changed".to_owned())
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self
            .dir
            .join(format!(".{name}.{:016x}", rand::random::<u64>()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        let written = file
            .write_all(bytes)
            .and_then(|()| fs::rename(&temporary, self.dir.join(name)));
        if written.is_err() {
            // The first error is the one to report.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn remove(&self, name: &str) {
        for name in [name.to_owned(), mac_name(name)] {
            match fs::remove_file(self.dir.join(&name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %self.dir.join(&name).display(), %error, "cannot remove it");
                }
                _ => {}
            }
        }
    }
}

/// Maps an artifact that this daemon wrote.
///
/// The one place of this crate with `unsafe`: wasmtime trusts the code in the file. It may, because
/// the file was authenticated just before, under a key that only this user can read; and because
/// only this user can replace or write to it then and while it is mapped (the directory is 0700 and
/// its owner was checked), who could as well change the daemon itself.
#[expect(unsafe_code, reason = "see above")]
fn map(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are what `Engine::precompile_component` gave to this daemon: `verify` has
    // checked them against an HMAC under its own key, and nobody else can write to the file.
    unsafe { Component::deserialize_file(engine, path) }
}

fn artifact_name(engine: &Engine, digest: &str) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let compatibility = hex::encode(hasher.0.finalize());
    let compatibility = compatibility.get(..32).unwrap_or(&compatibility);
    format!("{digest}-{compatibility}.cwasm")
}

fn mac_name(name: &str) -> String {
    format!("{name}.mac")
}

/// `DefaultHasher` may change between versions of Rust; this does not.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |n, b| (n << 8) | u64::from(*b))
    }
}

fn read_key(path: &Path) -> io::Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(mut file) => {
            *key = rand::random();
            file.write_all(key.as_slice())?;
            file.sync_all()?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let bytes = Zeroizing::new(fs::read(path)?);
            if let Ok(bytes) = <[u8; 32]>::try_from(bytes.as_slice()) {
                *key = bytes;
            } else {
                // A torn write: nothing that it authenticated is worth keeping.
                fs::remove_file(path)?;
                return read_key(path);
            }
        }
        Err(error) => return Err(error),
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SharedEngine;

    const EMPTY: &str = "(component)";

    struct Setup {
        dir: tempfile::TempDir,
        engine: SharedEngine,
        digest: String,
    }

    impl Setup {
        fn new() -> Self {
            Self {
                dir: tempfile::tempdir().unwrap(),
                engine: SharedEngine::new().unwrap(),
                digest: hex::encode(Sha256::digest(EMPTY)),
            }
        }

        fn cache(&self) -> Cache {
            Cache::open(&self.dir.path().join("cache")).unwrap()
        }

        fn filled(&self) -> Cache {
            let cache = self.cache();
            let wasm = wat::parse_str(EMPTY).unwrap();
            let code = self.engine.compile(&wasm, true).unwrap();
            cache.store(&self.engine.engine, &self.digest, &code);
            cache
        }

        fn load(&self) -> bool {
            self.cache()
                .load(&self.engine.engine, &self.digest)
                .is_some()
        }

        fn artifact(&self) -> PathBuf {
            let name = artifact_name(&self.engine.engine, &self.digest);
            self.dir.path().join("cache").join(name)
        }
    }

    #[test]
    fn what_was_compiled_in_the_background_is_mapped_later() {
        let setup = Setup::new();
        assert!(!setup.load());
        setup.filled();
        assert!(setup.load());
    }

    #[test]
    fn changed_code_is_deleted_and_not_loaded() {
        let setup = Setup::new();
        setup.filled();
        let mut code = fs::read(setup.artifact()).unwrap();
        *code.last_mut().unwrap() ^= 1;
        fs::write(setup.artifact(), code).unwrap();
        assert!(!setup.load());
        assert!(!setup.artifact().exists());
    }

    #[test]
    fn code_that_another_key_signed_is_not_loaded() {
        let setup = Setup::new();
        setup.filled();
        fs::remove_file(setup.dir.path().join("cache/key")).unwrap();
        assert!(!setup.load());
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused() {
        let setup = Setup::new();
        setup.filled();
        let dir = setup.dir.path().join("cache");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(Cache::open(&dir), Err(CacheError::Open(_))));
    }

    #[test]
    fn artifacts_of_components_that_are_gone_are_pruned() {
        let setup = Setup::new();
        let cache = setup.filled();
        cache.prune(&HashSet::from([setup.digest.clone()]));
        assert!(setup.load());
        cache.prune(&HashSet::new());
        assert!(!setup.artifact().exists());
    }
}
