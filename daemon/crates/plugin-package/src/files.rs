//! A package as files in memory, however it came: only what belongs to a package, each file and all
//! together bounded, the assets exactly those of the manifest.
//!
//! | path | what |
//! | --- | --- |
//! | `plugin.toml` | the manifest |
//! | `plugin.wasm`, or `plugin.wasm.gz` | the component, under the name that the manifest gives it |
//! | `plugin.sig` | the signature, if any |
//! | `assets/…` | what the manifest lists, with the content that it says |
//! | `README`, `LICENSE`, `NOTICE`, also with `.md` or `.txt` | for people |

use crate::{
    digest::Digest,
    limits,
    manifest::{Manifest, is_file_name},
    package::{self, PackageError},
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write as _},
    path::{Path, PathBuf},
};

/// The manifest's file.
pub const MANIFEST: &str = "plugin.toml";
/// The signature's file.
pub const SIGNATURE: &str = "plugin.sig";

/// What a file of a package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Manifest,
    Component,
    Packed,
    Signature,
    Asset,
    Text,
}

impl Role {
    /// None for what is no part of a package, and for paths that lead elsewhere.
    pub(crate) fn of(path: &str) -> Option<Self> {
        if path.len() > limits::PATH_BYTES || !path.split('/').all(is_file_name) {
            return None;
        }
        match path {
            MANIFEST => return Some(Self::Manifest),
            SIGNATURE => return Some(Self::Signature),
            _ if path.starts_with("assets/") => return Some(Self::Asset),
            _ if path.contains('/') => return None,
            _ => {}
        }
        let stem = path.strip_suffix(".md").or(path.strip_suffix(".txt"));
        match stem.unwrap_or(path) {
            "README" | "LICENSE" | "NOTICE" => Some(Self::Text),
            _ if path.ends_with(".wasm") => Some(Self::Component),
            _ if path.ends_with(".wasm.gz") => Some(Self::Packed),
            _ => None,
        }
    }

    /// The most bytes that it may have.
    pub(crate) fn limit(self) -> u64 {
        match self {
            Self::Manifest => limits::MANIFEST_BYTES,
            Self::Component | Self::Packed => limits::WASM_BYTES,
            Self::Signature => limits::SIGNATURE_BYTES,
            Self::Asset => limits::ASSET_BYTES,
            Self::Text => limits::TEXT_BYTES,
        }
    }
}

/// A package that is whole: its manifest is understood, its component is there, and its assets are
/// what the manifest says. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Files {
    manifest: Manifest,
    files: BTreeMap<String, Bytes>,
}

impl Files {
    /// Reads the package in a folder. What is no part of a package is an error, so that nobody
    /// publishes more than was meant; names that begin with a dot are passed over.
    ///
    /// # Errors
    /// Whatever is wrong with the package, with the path of the file.
    pub fn read_dir(dir: &Path) -> Result<Self, PackageError> {
        let meta = fs::symlink_metadata(dir).map_err(package::io_error(dir))?;
        if !meta.is_dir() {
            return Err(PackageError::NotPlain(dir.to_owned()));
        }
        let mut collector = Collector::default();
        collect(dir, "", &mut collector)?;
        collector.finish()
    }

    /// Writes the files into a folder that does not exist yet, and syncs them.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_dir(&self, dir: &Path) -> Result<(), PackageError> {
        fs::create_dir(dir).map_err(package::io_error(dir))?;
        let mut folders = vec![dir.to_owned()];
        for (path, bytes) in &self.files {
            let target = dir.join(path);
            if let Some(parent) = target.parent()
                && !folders.iter().any(|folder| folder == parent)
            {
                fs::create_dir_all(parent).map_err(package::io_error(parent))?;
                folders.push(parent.to_owned());
            }
            fs::File::create_new(&target)
                .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
                .map_err(package::io_error(&target))?;
        }
        for folder in folders {
            fs::File::open(&folder)
                .and_then(|folder| folder.sync_all())
                .map_err(package::io_error(&folder))?;
        }
        Ok(())
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The digest of the package; the signature does not count.
    pub fn digest(&self) -> Digest {
        let counted = self.files.iter().filter(|(path, _)| *path != SIGNATURE);
        Digest::of_files(counted.map(|(path, bytes)| (path.as_str(), Digest::of(bytes))))
    }

    /// The content of `plugin.sig`.
    pub fn signature(&self) -> Option<&Bytes> {
        self.files.get(SIGNATURE)
    }

    /// The same package with another `plugin.sig`.
    pub fn with_signature(mut self, signature: impl Into<Bytes>) -> Self {
        self.files.insert(SIGNATURE.into(), signature.into());
        self
    }

    /// Paths and contents, in the order of the paths. The component is unpacked.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes))
    }

    /// Bytes of all files together.
    pub fn size(&self) -> u64 {
        self.files.values().map(|bytes| bytes.len() as u64).sum()
    }
}

fn collect(dir: &Path, prefix: &str, collector: &mut Collector) -> Result<(), PackageError> {
    let entries = fs::read_dir(dir).map_err(package::io_error(dir))?;
    for entry in entries {
        let entry = entry.map_err(package::io_error(dir))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(package::io_error(&path))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(PackageError::NotPart(path));
        };
        if name.starts_with('.') {
            continue;
        }
        let inner = format!("{prefix}{name}");
        if kind.is_dir() {
            if inner != "assets" && !inner.starts_with("assets/") {
                return Err(PackageError::NotPart(path));
            }
            collect(&path, &format!("{inner}/"), collector)?;
        } else {
            let role = Role::of(&inner).ok_or_else(|| PackageError::NotPart(path.clone()))?;
            let bytes = package::read_plain(&path, role.limit())?;
            collector.add(&inner, &bytes[..])?;
        }
    }
    Ok(())
}

/// Takes the files of a package one by one, from wherever they come, and trusts none of them.
#[derive(Default)]
pub(crate) struct Collector {
    files: BTreeMap<String, Bytes>,
    total: u64,
}

impl Collector {
    /// Takes a file. Bytes are counted as they come; what is declared elsewhere does not matter.
    pub(crate) fn add(&mut self, path: &str, from: impl Read) -> Result<(), PackageError> {
        let shown = PathBuf::from(path);
        let role = Role::of(path).ok_or_else(|| PackageError::NotPart(shown.clone()))?;
        if self.files.len() >= limits::FILES {
            return Err(PackageError::TooMany(limits::FILES));
        }
        let left = limits::PACKAGE_BYTES.saturating_sub(self.total);
        let (name, bytes) = match role {
            Role::Packed => {
                let name = path.strip_suffix(".gz").unwrap_or(path);
                let unpacked = GzDecoder::new(from.take(limits::WASM_BYTES));
                (
                    name,
                    package::read_bounded(&shown, unpacked, role.limit().min(left))?,
                )
            }
            _ => (
                path,
                package::read_bounded(&shown, from, role.limit().min(left))?,
            ),
        };
        self.total += bytes.len() as u64;
        if self.files.insert(name.to_owned(), bytes.into()).is_some() {
            return Err(PackageError::Twice(shown));
        }
        Ok(())
    }

    /// Looks whether these files are a package.
    pub(crate) fn finish(self) -> Result<Files, PackageError> {
        let files = self.files;
        let missing = |path: &str| PackageError::Missing(path.into());
        let text = files.get(MANIFEST).ok_or_else(|| missing(MANIFEST))?;
        let manifest = package::parse_manifest(text)?;
        if !files.contains_key(&manifest.wasm) {
            return Err(missing(&manifest.wasm));
        }
        for asset in &manifest.assets {
            let path = format!("assets/{}", asset.path);
            let bytes = files.get(&path).ok_or_else(|| missing(&path))?;
            if Digest::of(bytes).hex() != asset.sha256 {
                return Err(PackageError::Changed(path.into()));
            }
        }
        for path in files.keys() {
            let listed = match Role::of(path) {
                Some(Role::Asset) => manifest
                    .assets
                    .iter()
                    .any(|asset| path.strip_prefix("assets/") == Some(&asset.path)),
                Some(Role::Component) => *path == manifest.wasm,
                _ => true,
            };
            if !listed {
                return Err(PackageError::NotPart(path.into()));
            }
        }
        Ok(Files { manifest, files })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The files of a small package that asks for nothing.
    pub(crate) fn sample(id: &str, version: &str) -> BTreeMap<String, Vec<u8>> {
        let manifest = format!(
            "schema = 1\nid = \"{id}\"\nversion = \"{version}\"\nkind = \"sandbox\"\n\
             host = \">=0.1\"\nwasm = \"plugin.wasm\"\n[[assets]]\npath = \"a/x.js\"\n\
             sha256 = \"{}\"\nmedia-type = \"text/javascript\"\n",
            Digest::of(b"asset").hex()
        );
        BTreeMap::from([
            (MANIFEST.to_owned(), manifest.into_bytes()),
            ("plugin.wasm".to_owned(), b"code".to_vec()),
            ("assets/a/x.js".to_owned(), b"asset".to_vec()),
            ("LICENSE".to_owned(), b"Apache-2.0".to_vec()),
        ])
    }

    pub(crate) fn take(files: &BTreeMap<String, Vec<u8>>) -> Result<Files, PackageError> {
        let mut collector = Collector::default();
        for (path, bytes) in files {
            collector.add(path, &bytes[..])?;
        }
        collector.finish()
    }

    #[test]
    fn a_package_is_written_and_read_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let files = take(&sample("acme.test", "1.0.0")).unwrap();
        files.write_dir(&dir.path().join("p")).unwrap();
        let read = Files::read_dir(&dir.path().join("p")).unwrap();
        assert_eq!(read.digest(), files.digest());
        assert!(read.iter().eq(files.iter()));
    }

    #[test]
    fn every_file_but_the_signature_counts_for_the_digest() {
        let before = take(&sample("acme.test", "1.0.0")).unwrap();
        let signed = before.clone().with_signature("x");
        assert_eq!(signed.digest(), before.digest());
        for path in ["plugin.toml", "plugin.wasm", "LICENSE"] {
            let mut files = sample("acme.test", "1.0.0");
            files
                .entry(path.into())
                .and_modify(|bytes| bytes.push(b'\n'));
            assert_ne!(take(&files).unwrap().digest(), before.digest(), "{path}");
        }
    }

    #[test]
    fn a_packed_component_has_the_same_digest() {
        let mut files = sample("acme.test", "1.0.0");
        let before = take(&files).unwrap().digest();
        let wasm = files.remove("plugin.wasm").unwrap();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&wasm).unwrap();
        files.insert("plugin.wasm.gz".into(), gz.finish().unwrap());
        assert_eq!(take(&files).unwrap().digest(), before);
        files.insert("plugin.wasm".into(), wasm);
        assert!(matches!(take(&files), Err(PackageError::Twice(_))));
    }

    #[test]
    fn what_is_no_part_of_a_package_is_refused() {
        for path in [
            "run.sh",
            "other.wasm",
            "assets/b.js",
            "assets/../plugin.js",
            "../x",
            "/etc/passwd",
            "src/lib.rs",
            "assets",
            "assets/.hidden",
            "assets\\x",
            "README.exe",
        ] {
            let mut files = sample("acme.test", "1.0.0");
            files.insert(path.into(), b"x".to_vec());
            assert!(
                matches!(take(&files), Err(PackageError::NotPart(_))),
                "{path}"
            );
        }
    }

    #[test]
    fn an_asset_that_is_missing_or_another_is_refused() {
        let mut files = sample("acme.test", "1.0.0");
        files.insert("assets/a/x.js".into(), b"other".to_vec());
        assert!(matches!(take(&files), Err(PackageError::Changed(_))));
        files.remove("assets/a/x.js");
        assert!(matches!(take(&files), Err(PackageError::Missing(_))));
    }

    #[test]
    fn links_in_a_folder_are_refused_wherever_they_lead() {
        let dir = tempfile::tempdir().unwrap();
        let files = take(&sample("acme.test", "1.0.0")).unwrap();
        for (number, (path, target)) in [
            ("plugin.wasm", "/etc/hostname"),
            ("assets/a/x.js", "../../plugin.toml"),
            ("assets/a", "/etc"),
            ("LICENSE", "plugin.toml"),
        ]
        .into_iter()
        .enumerate()
        {
            let package = dir.path().join(number.to_string());
            files.write_dir(&package).unwrap();
            let link = package.join(path);
            if link.is_dir() {
                fs::remove_dir_all(&link).unwrap();
            } else {
                fs::remove_file(&link).unwrap();
            }
            std::os::unix::fs::symlink(target, &link).unwrap();
            assert!(Files::read_dir(&package).is_err(), "{path}");
            let link_itself = dir.path().join(format!("link-{number}"));
            std::os::unix::fs::symlink(&package, &link_itself).unwrap();
            assert!(matches!(
                Files::read_dir(&link_itself),
                Err(PackageError::NotPlain(_))
            ));
        }
    }

    #[test]
    fn a_component_of_500_mb_is_refused_without_reading_it() {
        let dir = tempfile::tempdir().unwrap();
        let package = dir.path().join("p");
        take(&sample("acme.test", "1.0.0"))
            .unwrap()
            .write_dir(&package)
            .unwrap();
        let wasm = fs::File::options()
            .write(true)
            .open(package.join("plugin.wasm"))
            .unwrap();
        // Sparse: it takes no room on the disk.
        wasm.set_len(500 << 20).unwrap();
        assert!(matches!(
            Files::read_dir(&package),
            Err(PackageError::TooLarge { .. })
        ));
    }

    #[test]
    fn too_many_files_are_refused() {
        let mut collector = Collector::default();
        for number in 0..limits::FILES {
            collector
                .add(&format!("assets/{number}"), &b""[..])
                .unwrap();
        }
        assert!(matches!(
            collector.add("assets/more", &b""[..]),
            Err(PackageError::TooMany(_))
        ));
    }
}
