//! What the repository itself has for tests and benchmarks: the sample app, the packaged plugins.

use labd_plugin_host::EmbeddedFile;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of `examples/apps/shop-dashboard` by path, those that others need first.
///
/// # Errors
/// When one cannot be read as text.
pub fn sample_app() -> io::Result<BTreeMap<String, String>> {
    let text = |bytes| String::from_utf8(bytes).map_err(io::Error::other);
    files(&root().join("examples/apps/shop-dashboard"))?
        .into_iter()
        .map(|(path, bytes)| Ok((path, text(bytes)?)))
        .collect()
}

/// The packages that `cargo xtask plugins` has made, as the daemon embeds them.
///
/// # Errors
/// When there are none.
pub fn embedded_plugins() -> io::Result<Vec<EmbeddedFile>> {
    let files = files(&root().join("daemon/embedded/plugins"))?;
    Ok(files
        .into_iter()
        .map(|(path, bytes)| EmbeddedFile {
            path: path.into(),
            bytes: bytes.into(),
        })
        .collect())
}

/// All files below a folder, by their path from there.
fn files(base: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![base.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(base) {
                found.insert(name.to_string_lossy().into_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}
