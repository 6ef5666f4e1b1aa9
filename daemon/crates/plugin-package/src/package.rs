//! A plugin's files: `plugin.toml`, `plugin.wasm` or `plugin.wasm.gz`, and `assets/`.
//!
//! Nothing in a package is a link, every size is bounded, and a package's digest covers its
//! manifest and its component; the manifest's hashes cover the assets.

use crate::{
    digest::Digest,
    files::{self, Role},
    home::Home,
    limits,
    manifest::{Manifest, ManifestError, is_file_name},
    record::RecordError,
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// A file that was compiled into the daemon.
#[derive(Clone, Debug)]
pub struct EmbeddedFile {
    /// `<package>/plugin.toml`, `<package>/plugin.wasm.gz`, `<package>/assets/…`.
    pub path: Cow<'static, str>,
    /// Its content.
    pub bytes: Cow<'static, [u8]>,
}

/// Why a package is refused.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A link, a device, or a name that leads elsewhere.
    #[error("{0}: a package holds plain files and folders only, without links")]
    NotPlain(PathBuf),
    /// Too much.
    #[error("{path} is larger than {limit} bytes")]
    TooLarge {
        /// What.
        path: PathBuf,
        /// The most it may have.
        limit: u64,
    },
    /// The manifest names what is not there.
    #[error("{0} is missing")]
    Missing(PathBuf),
    /// Not what a package is made of.
    #[error(
        "{0} is no part of a package, which holds plugin.toml, its component, plugin.sig, the assets \
         that the manifest lists, README, LICENSE and NOTICE"
    )]
    NotPart(PathBuf),
    /// A file, or the component packed and unpacked.
    #[error("{0} is there twice")]
    Twice(PathBuf),
    /// Too many files.
    #[error("it has more than {0} files")]
    TooMany(usize),
    /// An asset is not what the manifest says.
    #[error("{0} is not what the manifest says")]
    Changed(PathBuf),
    /// The archive itself.
    #[error("it is no package's archive: {0}")]
    Archive(String),
    /// An installed package is not what was installed.
    #[error(
        "{dir} was changed after it was installed: its digest is {found}, and plugins.lock says \
         {locked}; remove it and install it again: labd plugin remove {id}"
    )]
    Tampered {
        /// The plugin.
        id: String,
        /// Its folder.
        dir: PathBuf,
        /// What it is.
        found: Digest,
        /// What it was.
        locked: Digest,
    },
    /// What was installed was signed by a key that is not trusted any more.
    #[error(
        "it was signed by the key {key} ({name}), which trust.toml revokes; \
         to do without it: labd plugin remove {id}"
    )]
    Revoked {
        /// The plugin.
        id: String,
        /// The key's id.
        key: String,
        /// Whose it is.
        name: String,
    },
    /// The records of what is installed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

pub(crate) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> PackageError {
    let path = path.to_owned();
    move |source| PackageError::Io { path, source }
}

/// A package on disk whose manifest was read.
#[derive(Debug)]
pub struct Package {
    /// Where it lies.
    pub dir: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The digest of the whole package, in hexadecimal; see [`crate::digest`]. The assets count with
    /// what the manifest says of them, which is checked when they are served.
    pub digest: String,
    /// SHA-256 of the component, in hexadecimal.
    pub wasm_digest: String,
}

impl Package {
    /// Reads a package's manifest and computes its digests. One that lies in
    /// `<data>/plugins/<id>/<version>` and was installed must be what `<data>/plugins.lock` says.
    ///
    /// # Errors
    /// Whatever is wrong with the package, [`PackageError::Tampered`] among it.
    pub fn open(dir: &Path) -> Result<Self, PackageError> {
        let package = Self::read(dir)?;
        if let Some(home) = Home::around(dir) {
            home.check_installed(&package)?;
        }
        Ok(package)
    }

    fn read(dir: &Path) -> Result<Self, PackageError> {
        let meta = fs::symlink_metadata(dir).map_err(io_error(dir))?;
        if !meta.is_dir() {
            return Err(PackageError::NotPlain(dir.to_owned()));
        }
        let text = read_plain(&dir.join(files::MANIFEST), limits::MANIFEST_BYTES)?;
        let manifest = parse_manifest(&text)?;
        let wasm_digest = Digest::of(&read_wasm(dir, &manifest.wasm)?);
        let mut parts = vec![
            (files::MANIFEST.to_owned(), Digest::of(&text)),
            (manifest.wasm.clone(), wasm_digest),
        ];
        for asset in &manifest.assets {
            let wrong = |_| ManifestError::Invalid(format!("asset `{}`", asset.path));
            let digest = Digest::from_hex(&asset.sha256).map_err(wrong)?;
            parts.push((format!("assets/{}", asset.path), digest));
        }
        for entry in fs::read_dir(dir).map_err(io_error(dir))? {
            let entry = entry.map_err(io_error(dir))?;
            let name = entry.file_name();
            if let Some(name) = name.to_str()
                && Role::of(name) == Some(Role::Text)
            {
                let text = read_plain(&entry.path(), limits::TEXT_BYTES)?;
                parts.push((name.to_owned(), Digest::of(&text)));
            }
        }
        let digest = Digest::of_files(parts.iter().map(|(path, digest)| (path.as_str(), *digest)));
        Ok(Self {
            dir: dir.to_owned(),
            digest: digest.hex(),
            wasm_digest: wasm_digest.hex(),
            manifest,
        })
    }

    /// The component's bytes.
    pub fn wasm(&self) -> Result<Vec<u8>, PackageError> {
        read_wasm(&self.dir, &self.manifest.wasm)
    }

    /// An asset whose content is what the manifest says.
    pub fn asset(&self, path: &str) -> Option<(Bytes, String, String)> {
        let spec = self.manifest.assets.iter().find(|a| a.path == path)?;
        let mut file = self.dir.clone();
        for part in std::iter::once("assets").chain(spec.path.split('/')) {
            file.push(part);
            let plain = fs::symlink_metadata(&file).is_ok_and(|m| !m.file_type().is_symlink());
            if !plain {
                tracing::warn!(path = %file.display(), "an asset is missing or a link");
                return None;
            }
        }
        let bytes = match read_plain(&file, limits::ASSET_BYTES) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(%error, "an asset cannot be read");
                return None;
            }
        };
        if hex::encode(Sha256::digest(&bytes)) != spec.sha256 {
            tracing::warn!(path = %file.display(), "an asset is not what its manifest says");
            return None;
        }
        Some((bytes.into(), spec.media_type.clone(), spec.sha256.clone()))
    }
}

pub(crate) fn parse_manifest(text: &[u8]) -> Result<Manifest, ManifestError> {
    let text =
        std::str::from_utf8(text).map_err(|_| ManifestError::Invalid("it is not UTF-8".into()))?;
    Manifest::parse(text)
}

fn read_wasm(dir: &Path, name: &str) -> Result<Vec<u8>, PackageError> {
    let plain = dir.join(name);
    let packed = dir.join(format!("{name}.gz"));
    match fs::symlink_metadata(&plain) {
        Ok(_) => read_plain(&plain, limits::WASM_BYTES),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&plain)(error)),
        Err(_) if fs::symlink_metadata(&packed).is_err() => Err(PackageError::Missing(plain)),
        Err(_) => gunzip(&packed, &read_plain(&packed, limits::WASM_BYTES)?),
    }
}

pub(crate) fn read_plain(path: &Path, limit: u64) -> Result<Vec<u8>, PackageError> {
    let meta = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(PackageError::Missing(path.to_owned()));
        }
        other => other.map_err(io_error(path))?,
    };
    if !meta.is_file() {
        return Err(PackageError::NotPlain(path.to_owned()));
    }
    if meta.len() > limit {
        return Err(PackageError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    let file = fs::File::open(path).map_err(io_error(path))?;
    read_bounded(path, file, limit)
}

fn gunzip(path: &Path, bytes: &[u8]) -> Result<Vec<u8>, PackageError> {
    read_bounded(path, GzDecoder::new(bytes), limits::WASM_BYTES)
}

pub(crate) fn read_bounded(
    path: &Path,
    from: impl Read,
    limit: u64,
) -> Result<Vec<u8>, PackageError> {
    let mut bytes = Vec::new();
    from.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(io_error(path))?;
    if bytes.len() as u64 > limit {
        return Err(PackageError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(bytes)
}

/// Writes embedded packages to `<plugins>/<id>/<version>/`, where they are not there already, and
/// gives what they are. One that is refused does not keep the others away.
pub fn unpack(
    files: &[EmbeddedFile],
    plugins: &Path,
) -> Vec<(String, Result<Package, PackageError>)> {
    let mut packages: BTreeMap<&str, BTreeMap<&str, &[u8]>> = BTreeMap::new();
    for file in files {
        let (package, path) = file.path.split_once('/').unwrap_or((&file.path, ""));
        packages
            .entry(package)
            .or_default()
            .insert(path, &file.bytes);
    }
    packages
        .into_iter()
        .map(|(name, files)| (name.to_owned(), unpack_one(name, &files, plugins)))
        .collect()
}

fn unpack_one(
    name: &str,
    files: &BTreeMap<&str, &[u8]>,
    plugins: &Path,
) -> Result<Package, PackageError> {
    let manifest_name = Path::new(name).join("plugin.toml");
    let text = files
        .get("plugin.toml")
        .ok_or(PackageError::Missing(manifest_name))?;
    let manifest = parse_manifest(text)?;
    let mut hash = Sha256::new();
    for (path, bytes) in files {
        for part in [path.as_bytes(), bytes] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    let stamp = hex::encode(hash.finalize());
    let versions = plugins.join(&manifest.id);
    let dir = versions.join(manifest.version.to_string());
    if fs::read_to_string(dir.join(STAMP)).is_ok_and(|there| there == stamp) {
        return Package::read(&dir);
    }
    let fresh = plugins.join(format!(".unpacking-{:016x}", rand::random::<u64>()));
    let written = write_files(name, files, &manifest.wasm, &fresh)
        .and_then(|()| fs::write(fresh.join(STAMP), &stamp).map_err(io_error(&fresh)))
        .and_then(|()| {
            // Older versions of what the daemon carries are of no use to anybody.
            match fs::remove_dir_all(&versions) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(io_error(&versions)(error))
                }
                _ => Ok(()),
            }
        })
        .and_then(|()| fs::create_dir_all(&versions).map_err(io_error(&versions)))
        .and_then(|()| fs::rename(&fresh, &dir).map_err(io_error(&dir)));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&fresh);
    }
    written?;
    Package::read(&dir)
}

/// Marks an unpacked directory with the hash of what it was unpacked from.
const STAMP: &str = ".unpacked-from";

fn write_files(
    package: &str,
    files: &BTreeMap<&str, &[u8]>,
    wasm: &str,
    to: &Path,
) -> Result<(), PackageError> {
    let packed = format!("{wasm}.gz");
    let mut total = 0_u64;
    for (path, bytes) in files {
        let shown = Path::new(package).join(path);
        let known = *path == "plugin.toml" || *path == wasm || *path == packed;
        let asset = path.starts_with("assets/") && path.split('/').all(is_file_name);
        if !known && !asset {
            return Err(PackageError::NotPlain(shown));
        }
        let (target, bytes) = if *path == packed {
            (wasm, Cow::Owned(gunzip(&shown, bytes)?))
        } else {
            (*path, Cow::Borrowed(*bytes))
        };
        total += bytes.len() as u64;
        if total > limits::PACKAGE_BYTES {
            return Err(PackageError::TooLarge {
                path: package.into(),
                limit: limits::PACKAGE_BYTES,
            });
        }
        let target = to.join(target);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(io_error(parent))?;
        }
        fs::write(&target, bytes).map_err(io_error(&target))?;
    }
    Ok(())
}

/// The packages below `<plugins>/<id>/<version>/`, the newest version of each id first.
pub fn scan(plugins: &Path) -> Vec<(PathBuf, Result<Package, PackageError>)> {
    let mut found = Vec::new();
    for id in folders(plugins) {
        let mut versions: Vec<_> = folders(&id)
            .into_iter()
            .map(|dir| {
                let package = Package::open(&dir);
                (dir, package)
            })
            .collect();
        versions.sort_by(|(_, a), (_, b)| {
            let version = |package: &Result<Package, _>| {
                let package = package.as_ref().ok();
                package.map(|package: &Package| package.manifest.version.clone())
            };
            version(b).cmp(&version(a))
        });
        found.append(&mut versions);
    }
    found
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir()))
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn manifest(version: &str, asset: &str) -> String {
        format!(
            "schema = 1\nid = \"labd.test\"\nversion = \"{version}\"\nkind = \"sandbox\"\n\
             host = \">=0.1\"\nwasm = \"plugin.wasm\"\n[[assets]]\npath = \"a/x.js\"\n\
             sha256 = \"{}\"\nmedia-type = \"text/javascript\"\n",
            hex::encode(Sha256::digest(asset))
        )
    }

    fn embedded(version: &str) -> Vec<EmbeddedFile> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(b"code").unwrap();
        let file = |path: &str, bytes: Vec<u8>| EmbeddedFile {
            path: format!("labd.test-{version}/{path}").into(),
            bytes: bytes.into(),
        };
        vec![
            file("plugin.toml", manifest(version, "asset").into_bytes()),
            file("plugin.wasm.gz", gz.finish().unwrap()),
            file("assets/a/x.js", b"asset".to_vec()),
        ]
    }

    #[test]
    fn embedded_packages_are_unpacked_once_and_replaced_by_newer_ones() {
        let dir = tempfile::tempdir().unwrap();
        let first = unpack(&embedded("1.0.0"), dir.path()).remove(0).1.unwrap();
        assert_eq!(first.wasm().unwrap(), b"code");
        let (bytes, media_type, _) = first.asset("a/x.js").unwrap();
        assert_eq!(
            (&bytes[..], &*media_type),
            (&b"asset"[..], "text/javascript")
        );
        let wasm = first.dir.join("plugin.wasm");
        let before = fs::metadata(&wasm).unwrap().modified().unwrap();
        unpack(&embedded("1.0.0"), dir.path()).remove(0).1.unwrap();
        assert_eq!(fs::metadata(&wasm).unwrap().modified().unwrap(), before);
        unpack(&embedded("1.1.0"), dir.path()).remove(0).1.unwrap();
        assert!(!wasm.exists());
        let scanned = scan(dir.path()).remove(0).1.unwrap();
        assert_eq!(scanned.manifest.version.to_string(), "1.1.0");
    }

    #[test]
    fn an_asset_that_was_changed_or_is_not_listed_is_not_served() {
        let dir = tempfile::tempdir().unwrap();
        let package = unpack(&embedded("1.0.0"), dir.path()).remove(0).1.unwrap();
        assert!(package.asset("../plugin.toml").is_none());
        fs::write(package.dir.join("assets/a/x.js"), "other").unwrap();
        assert!(package.asset("a/x.js").is_none());
    }

    #[test]
    fn links_and_paths_that_lead_elsewhere_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let package = unpack(&embedded("1.0.0"), dir.path()).remove(0).1.unwrap();
        let wasm = package.dir.join("plugin.wasm");
        fs::remove_file(&wasm).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &wasm).unwrap();
        assert!(matches!(
            Package::open(&package.dir),
            Err(PackageError::NotPlain(_))
        ));
        let mut files = embedded("1.0.0");
        files[2].path = "labd.test-1.0.0/assets/../../../x".into();
        assert!(unpack(&files, &dir.path().join("b")).remove(0).1.is_err());
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let dir = tempfile::tempdir().unwrap();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let block = vec![0; 1 << 20];
        for _ in 0..=(limits::WASM_BYTES >> 20) {
            gz.write_all(&block).unwrap();
        }
        let mut files = embedded("1.0.0");
        files[1].bytes = gz.finish().unwrap().into();
        assert!(matches!(
            unpack(&files, dir.path()).remove(0).1,
            Err(PackageError::TooLarge { .. })
        ));
    }
}
