//! What is compiled into the binary: the console and the first-party plugins, as `cargo xtask`
//! built them. A binary that was built without has neither, and says so where it matters.

use bytes::Bytes;
use labd_plugin_host::EmbeddedFile;
use labd_server::Assets;
use rust_embed::RustEmbed;
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "embedded/console"]
#[allow_missing = true]
struct ConsoleFiles;

#[derive(RustEmbed)]
#[folder = "embedded/plugins"]
#[allow_missing = true]
struct PluginFiles;

/// The console's files.
pub struct Console;

impl Assets for Console {
    fn get(&self, path: &str) -> Option<Bytes> {
        Some(match ConsoleFiles::get(path)?.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        })
    }
}

/// The first-party plugins.
pub fn plugins() -> Vec<EmbeddedFile> {
    PluginFiles::iter()
        .filter_map(|path| {
            let bytes = PluginFiles::get(&path)?.data;
            Some(EmbeddedFile { path, bytes })
        })
        .collect()
}
