//! A package as one file: a zip named `<id>-<version>.labd-plugin`.
//!
//! The same package always gives the same bytes: files are ordered by their paths and carry no time.
//! Reading trusts no name and no size of the archive. Directories, links and other special entries,
//! names that occur twice, encryption and everything that is no part of a package are refused; what
//! is unpacked is counted as it comes.

use crate::{
    files::{Collector, Files},
    limits,
    package::{self, PackageError},
};
use std::{
    fs,
    io::{Cursor, Write as _},
    path::Path,
};
use zip::{CompressionMethod, ZipArchive, ZipWriter, result::ZipError, write::SimpleFileOptions};

/// How an archive's name ends, without the dot.
pub const EXTENSION: &str = "labd-plugin";

/// The name of a package's archive.
pub fn file_name(files: &Files) -> String {
    let manifest = files.manifest();
    format!("{}-{}.{EXTENSION}", manifest.id, manifest.version)
}

/// The archive of a package.
///
/// # Errors
/// When the archive is larger than may be read again.
pub fn write(files: &Files) -> Result<Vec<u8>, PackageError> {
    let bytes = pack(files).map_err(wrong)?;
    if bytes.len() as u64 > limits::ARCHIVE_BYTES {
        return Err(PackageError::TooLarge {
            path: file_name(files).into(),
            limit: limits::ARCHIVE_BYTES,
        });
    }
    Ok(bytes)
}

fn pack(files: &Files) -> Result<Vec<u8>, ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    for (path, bytes) in files.iter() {
        zip.start_file(path, options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// The package in an archive.
///
/// # Errors
/// Whatever is wrong with the archive or with the package.
pub fn read(bytes: &[u8]) -> Result<Files, PackageError> {
    if bytes.len() as u64 > limits::ARCHIVE_BYTES {
        return Err(PackageError::TooLarge {
            path: "the archive".into(),
            limit: limits::ARCHIVE_BYTES,
        });
    }
    check_end(bytes)?;
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(wrong)?;
    if zip.has_duplicate_names() {
        return Err(PackageError::Archive("a name occurs twice".into()));
    }
    if zip.len() > limits::FILES {
        return Err(PackageError::TooMany(limits::FILES));
    }
    let mut collector = Collector::default();
    for index in 0..zip.len() {
        let file = zip.by_index(index).map_err(wrong)?;
        let name = file.name().map_err(wrong)?.into_owned();
        // The upper bits of the mode are the type; archives made elsewhere than on Unix have none.
        let kind = file.unix_mode().unwrap_or(0) & 0o170_000;
        if !matches!(kind, 0 | 0o100_000) || file.is_dir() || file.is_symlink() {
            return Err(PackageError::NotPlain(name.into()));
        }
        collector.add(&name, file)?;
    }
    collector.finish()
}

/// The number of entries is looked at before the directory is read: millions of empty ones would fill
/// the memory. What [`write`] never makes, a comment or the extension for huge archives, is refused.
fn check_end(bytes: &[u8]) -> Result<(), PackageError> {
    let wrong = || PackageError::Archive("it is cut, or no package's archive".into());
    let end = bytes.len().checked_sub(END_BYTES).ok_or_else(wrong)?;
    let (before, end) = bytes.split_at(end);
    let (signature, end) = end.split_first_chunk::<4>().ok_or_else(wrong)?;
    let huge = before.len() >= HUGE_BYTES
        && before
            .get(before.len() - HUGE_BYTES..)
            .is_some_and(|tail| tail.starts_with(b"PK\x06\x07"));
    if signature != b"PK\x05\x06" || huge {
        return Err(wrong());
    }
    match end.get(6..8) {
        Some(&[low, high]) if usize::from(u16::from_le_bytes([low, high])) <= limits::FILES => {
            Ok(())
        }
        _ => Err(PackageError::TooMany(limits::FILES)),
    }
}

/// The end record without a comment (APPNOTE 4.3.16).
const END_BYTES: usize = 22;
/// The locator of the extension for huge archives, just before it (APPNOTE 4.3.15).
const HUGE_BYTES: usize = 20;

/// The package in an archive's file.
///
/// # Errors
/// As [`read`], and when the file cannot be read.
pub fn read_file(path: &Path) -> Result<Files, PackageError> {
    read(&read_bytes(path)?)
}

/// An archive's bytes, bounded. Unlike within a package the file may be a link: the user named it.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, PackageError> {
    let file = fs::File::open(path).map_err(package::io_error(path))?;
    package::read_bounded(path, file, limits::ARCHIVE_BYTES)
}

fn wrong(error: ZipError) -> PackageError {
    PackageError::Archive(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::{sample, take};
    use std::collections::BTreeMap;

    fn zipped(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in files {
            zip.start_file(path, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn the_same_package_gives_the_same_bytes_and_comes_back_as_it_was() {
        let files = take(&sample("acme.test", "1.0.0")).unwrap();
        let archive = write(&files).unwrap();
        assert_eq!(archive, write(&files.clone()).unwrap());
        assert_eq!(file_name(&files), "acme.test-1.0.0.labd-plugin");
        let read = read(&archive).unwrap();
        assert!(read.iter().eq(files.iter()));
    }

    #[test]
    fn names_that_lead_elsewhere_and_strangers_are_refused() {
        for path in [
            "../x",
            "/etc/passwd",
            "assets/../../x",
            "a\\b",
            "run.sh",
            "assets/",
        ] {
            let mut files = sample("acme.test", "1.0.0");
            files.insert(path.into(), Vec::new());
            assert!(read(&zipped(&files)).is_err(), "{path}");
        }
    }

    #[test]
    fn a_link_is_refused() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in sample("acme.test", "1.0.0") {
            let options = SimpleFileOptions::default();
            if path == "plugin.wasm" {
                zip.add_symlink(path, "/etc/passwd", options).unwrap();
            } else {
                zip.start_file(path, options).unwrap();
                zip.write_all(&bytes).unwrap();
            }
        }
        let archive = zip.finish().unwrap().into_inner();
        assert!(matches!(read(&archive), Err(PackageError::NotPlain(_))));
    }

    #[test]
    fn a_name_that_occurs_twice_is_refused() {
        let mut files = sample("acme.test", "1.0.0");
        files.insert("NOTICE.md".into(), b"second".to_vec());
        files.insert("README.md".into(), b"third".to_vec());
        // Names of one length, in the local headers and in the directory alike.
        let twice = replace(&zipped(&files), b"NOTICE.md", b"README.md");
        assert!(read(&twice).is_err());
    }

    fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let mut bytes = bytes.to_vec();
        for at in 0..bytes.len() - from.len() {
            if bytes[at..].starts_with(from) {
                bytes[at..at + to.len()].copy_from_slice(to);
            }
        }
        bytes
    }

    #[test]
    fn a_bomb_is_counted_and_not_unpacked() {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("assets/bomb", SimpleFileOptions::default())
            .unwrap();
        let block = vec![0; 1 << 20];
        for _ in 0..(limits::ASSET_BYTES >> 20) + 1 {
            zip.write_all(&block).unwrap();
        }
        let archive = zip.finish().unwrap().into_inner();
        assert!(archive.len() < 1 << 20);
        assert!(matches!(read(&archive), Err(PackageError::TooLarge { .. })));
    }

    #[test]
    fn too_many_files_are_refused_by_their_number() {
        let files = (0..=limits::FILES)
            .map(|number| (format!("assets/{number}"), Vec::new()))
            .collect();
        assert!(matches!(
            read(&zipped(&files)),
            Err(PackageError::TooMany(_))
        ));
    }

    #[test]
    fn what_is_cut_or_no_archive_at_all_is_refused() {
        let archive = write(&take(&sample("acme.test", "1.0.0")).unwrap()).unwrap();
        assert!(read(&archive[..archive.len() / 2]).is_err());
        assert!(read(b"").is_err());
        assert!(read(b"PK\x03\x04 and nothing more").is_err());
    }
}
