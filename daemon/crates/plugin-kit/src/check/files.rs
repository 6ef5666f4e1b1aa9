//! The files of a package.

use super::{Asset, Finding, Report};
use flate2::read::GzDecoder;
use labd_plugin_package::{limits, manifest::Manifest};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// A component, also one that is compressed beside its name.
pub(crate) fn wasm(path: &Path) -> Result<Vec<u8>, String> {
    if path.extension().is_some_and(|ending| ending == "gz") {
        return unpacked(path);
    }
    let mut packed = path.as_os_str().to_owned();
    packed.push(".gz");
    let packed = PathBuf::from(packed);
    if fs::symlink_metadata(path).is_err() && fs::symlink_metadata(&packed).is_ok() {
        return unpacked(&packed);
    }
    if fs::symlink_metadata(path).is_err() {
        return Err("it is missing; build the component and put it there".into());
    }
    plain(path, limits::WASM_BYTES)
}

fn unpacked(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = plain(path, limits::WASM_BYTES)?;
    bounded(GzDecoder::new(&*bytes), limits::WASM_BYTES)
}

/// A manifest.
pub(super) fn text(path: &Path) -> Result<String, String> {
    if fs::symlink_metadata(path).is_err() {
        return Err("it is missing; every plugin has one".into());
    }
    String::from_utf8(plain(path, limits::MANIFEST_BYTES)?)
        .map_err(|error| format!("it is not UTF-8: {error}"))
}

fn plain(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let meta = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is not a plain file; a package holds no links".into());
    }
    bounded(
        fs::File::open(path).map_err(|error| error.to_string())?,
        limit,
    )
}

fn bounded(from: impl Read, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    from.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > limit {
        return Err(format!(
            "it is larger than {limit} bytes, the most the host takes"
        ));
    }
    Ok(bytes)
}

/// Checks everything in a package that is neither manifest nor component.
pub(super) fn check(folder: &Path, wasm: &str, manifest: Option<&Manifest>, report: &mut Report) {
    let mut total = 0;
    let mut found = Vec::new();
    walk(folder, folder, &mut found, &mut total, report);
    if total > limits::PACKAGE_BYTES {
        report.faults.push(Finding::of(
            ".",
            format!(
                "the package has {total} bytes, and the host takes {} at most",
                limits::PACKAGE_BYTES
            ),
        ));
    }
    let Some(manifest) = manifest else { return };
    for spec in &manifest.assets {
        let file = format!("assets/{}", spec.path);
        if !found.contains(&file) {
            report.faults.push(Finding::of(
                file,
                "it is listed in the manifest and missing",
            ));
            continue;
        }
        match plain(&folder.join(&file), limits::ASSET_BYTES) {
            Ok(bytes) => {
                let sha256 = hex::encode(Sha256::digest(&bytes));
                if sha256 != spec.sha256 {
                    report.faults.push(
                        Finding::of(
                            &file,
                            format!(
                                "its SHA-256 is {sha256}, and the manifest says {}",
                                spec.sha256
                            ),
                        )
                        .help("write the SHA-256 that `sha256sum` prints"),
                    );
                }
                report.assets.push(Asset {
                    path: spec.path.clone(),
                    bytes: bytes.len() as u64,
                    sha256,
                });
            }
            Err(reason) => report.faults.push(Finding::of(file, reason)),
        }
    }
    let packed = format!("{wasm}.gz");
    for file in found {
        let known = file == "plugin.toml" || file == "plugin.sig" || file == wasm || file == packed;
        let listed = file
            .strip_prefix("assets/")
            .is_some_and(|path| manifest.assets.iter().any(|asset| asset.path == path));
        if !known && !listed {
            report.advice.push(
                Finding::of(
                    file,
                    "it is no part of the package, and nobody is served it",
                )
                .help("list it under [[assets]] with its hash, or leave it out"),
            );
        }
    }
}

fn walk(base: &Path, folder: &Path, found: &mut Vec<String>, total: &mut u64, report: &mut Report) {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    for path in paths {
        let shown = path.strip_prefix(base).unwrap_or(&path);
        let shown = shown.to_string_lossy().into_owned();
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => walk(base, &path, found, total, report),
            Ok(meta) if meta.is_file() => {
                *total += meta.len();
                found.push(shown);
            }
            Ok(_) => report.faults.push(
                Finding::of(shown, "it is a link or a device").help("a package holds plain files"),
            ),
            Err(error) => report.faults.push(Finding::of(shown, error.to_string())),
        }
    }
}
