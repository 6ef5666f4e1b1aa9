//! Plugins in other languages: the same provider in each, beside the one in Rust.

use crate::{
    Result,
    figures::{Amount, Figures, Samples},
};
use labd_plugin_host::{
    EmbeddedFile, PluginHost, PluginOptions,
    kinds::ai::{AiProvider, ProviderAccess},
};
use labd_tests::{daemon::Memory, repository};
use std::{fs, path::Path, process, sync::Arc, time::Instant};

/// A language, the folder of its package, and the plugin's id.
const LANGUAGES: [(&str, &str, &str); 4] = [
    (
        "Rust",
        "daemon/embedded/plugins/labd.openai-compatible-0.1.0",
        "labd.openai-compatible",
    ),
    ("C", "examples/plugin-c/dist", "example.echo-c"),
    (
        "JavaScript",
        "examples/plugin-js/ai-provider/dist",
        "example.chat-js",
    ),
    (
        "Python",
        "examples/plugin-python/ai-provider/dist",
        "example.chat-python",
    ),
];

/// Calls of a warm instance.
const CALLS: usize = 2_000;

/// New instances.
const STARTS: usize = 40;

/// Instances that are held at once, the most that a provider plugin has.
const HELD: u32 = 8;

/// Each language in turn.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    for (language, folder, id) in LANGUAGES {
        one(figures, language, &repository::root().join(folder), id).await?;
    }
    Ok(())
}

async fn one(figures: &mut Figures, language: &str, package: &Path, id: &str) -> Result<()> {
    let data = tempfile::tempdir()?;
    let embedded = files(package)?;
    let start = || -> Result<Arc<dyn AiProvider>> {
        let host = PluginHost::start(PluginOptions {
            data_dir: data.path().to_owned(),
            embedded: embedded.clone(),
            ..PluginOptions::default()
        })?;
        host.ai_provider(id)
            .ok_or("there is no such provider".into())
    };
    let mut figure = |what: &str, amount| figures.plain(&format!("{language}: {what}"), amount, "");

    figure("size of the component", Amount::Bytes(size(package)?));

    let cold = Instant::now();
    start()?.describe().await?;
    figure(
        "first load, compiled and called once",
        Amount::Time(cold.elapsed()),
    );

    let cached = Instant::now();
    let provider = start()?;
    provider.describe().await?;
    figure(
        "load from the cache, called once",
        Amount::Time(cached.elapsed()),
    );

    let mut calls = Samples::default();
    for _ in 0..CALLS {
        let call = Instant::now();
        provider.describe().await?;
        calls.push(call.elapsed());
    }
    figure("call of `describe`, p50", Amount::Time(calls.p50()));

    let before = Memory::of(process::id())?.own;
    let mut starts = Samples::default();
    let mut held = before;
    for number in 0..STARTS {
        let access = ProviderAccess {
            // Another owner, and so another instance.
            provider_id: format!("owner-{number}"),
            ..ProviderAccess::default()
        };
        let begin = Instant::now();
        // Whether it likes a configuration that is none is not the point.
        let _ = provider.models(&access).await;
        starts.push(begin.elapsed());
        if number + 2 == HELD as usize {
            held = Memory::of(process::id())?.own;
        }
    }
    figure("a new instance and a call, p50", Amount::Time(starts.p50()));
    let each = held.saturating_sub(before) / u64::from(HELD - 1);
    figure("memory of an idle instance", Amount::Bytes(each));
    Ok(())
}

/// The bytes of the component, unpacked.
fn size(package: &Path) -> Result<u64> {
    let plain = package.join("plugin.wasm");
    if plain.exists() {
        return Ok(fs::metadata(plain)?.len());
    }
    // The last four bytes of gzip are the length of what was packed (RFC 1952).
    let packed = fs::read(package.join("plugin.wasm.gz"))?;
    let length = packed.last_chunk::<4>().ok_or("the component is cut")?;
    Ok(u32::from_le_bytes(*length).into())
}

/// The package as if the daemon had it within itself, so that it need not be granted anything.
fn files(package: &Path) -> Result<Vec<EmbeddedFile>> {
    let mut files = Vec::new();
    for name in ["plugin.toml", "plugin.wasm", "plugin.wasm.gz"] {
        let path = package.join(name);
        if path.exists() {
            files.push(EmbeddedFile {
                path: format!("package/{name}").into(),
                bytes: fs::read(path)?.into(),
            });
        }
    }
    Ok(files)
}
