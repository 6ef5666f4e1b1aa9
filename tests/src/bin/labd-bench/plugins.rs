//! The plugin host with the packages that the daemon embeds.

use crate::Result;
use labd_plugin_host::{EmbeddedFile, PluginHost, PluginOptions};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A plugin host in a folder of its own, all plugins compiled.
pub struct Plugins {
    /// The host.
    pub host: Arc<PluginHost>,
    /// Its data.
    pub folder: TempDir,
}

impl Plugins {
    /// Starts it.
    pub async fn start() -> Result<Self> {
        let packages = root().join("daemon/embedded/plugins");
        let mut embedded = Vec::new();
        gather(&packages, &packages, &mut embedded)?;
        let folder = tempfile::tempdir()?;
        let host = PluginHost::start(PluginOptions {
            data_dir: folder.path().to_owned(),
            embedded,
            ..PluginOptions::default()
        })?;
        host.precompile_all().await;
        Ok(Self {
            host: Arc::new(host),
            folder,
        })
    }
}

fn gather(base: &Path, folder: &Path, found: &mut Vec<EmbeddedFile>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(base, &path, found)?;
        } else {
            found.push(EmbeddedFile {
                path: path
                    .strip_prefix(base)?
                    .to_string_lossy()
                    .into_owned()
                    .into(),
                bytes: fs::read(&path)?.into(),
            });
        }
    }
    Ok(())
}

/// The files of the sample app, eight of them, by path.
pub fn sample_app() -> Result<Vec<(String, String)>> {
    let base = root().join("examples/apps/shop-dashboard");
    let mut files = Vec::new();
    let mut folders = vec![base.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&base)?.to_string_lossy().into_owned();
                files.push((name, fs::read_to_string(&path)?));
            }
        }
    }
    files.sort();
    Ok(files)
}
