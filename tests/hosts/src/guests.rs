//! The plugins that are measured.

use crate::Result;
use labd_plugin_host::EmbeddedFile;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Where the task that starts this has built the guests.
const BUILT: &str = "LABD_BENCH_GUESTS";

/// See `guests/`.
pub struct Guests {
    /// Does nothing.
    pub connector: Vec<u8>,
    /// Streams.
    pub provider: Vec<u8>,
    /// Echoes.
    pub sandbox: Vec<u8>,
    /// All of it, for Extism.
    pub extism: Vec<u8>,
}

impl Guests {
    /// Reads them.
    pub fn read() -> Result<Self> {
        let built = env::var_os(BUILT).ok_or("start this as `cargo xtask bench -- hosts`")?;
        let read = |target: &str, name: &str| {
            let path = Path::new(&built)
                .join(target)
                .join("release")
                .join(format!("labd_bench_{name}.wasm"));
            fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        Ok(Self {
            connector: read("wasm32-wasip2", "connector")?,
            provider: read("wasm32-wasip2", "provider")?,
            sandbox: read("wasm32-wasip2", "sandbox")?,
            extism: read("wasm32-unknown-unknown", "extism")?,
        })
    }
}

/// The packages that `cargo xtask plugins` has made, as the daemon embeds them.
pub fn first_party() -> Result<Vec<EmbeddedFile>> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../daemon/embedded/plugins");
    let mut found = Vec::new();
    let mut folders = vec![base.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path: PathBuf = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(&base) {
                found.push(EmbeddedFile {
                    path: name.to_string_lossy().into_owned().into(),
                    bytes: fs::read(&path)?.into(),
                });
            }
        }
    }
    Ok(found)
}
