//! Extism: core modules and bytes, one function call at a time, blocking.
//!
//! As it comes: its own configuration of wasmtime (epoch interruption, instances on demand), no
//! time limit, no WASI, its own pool for callers at once.

use crate::{Result, guests::Guests};
use extism::{CompiledPlugin, Plugin, PluginBuilder, Pool, PoolBuilder};
use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// As many as labd has of a provider.
const POOLED: usize = 8;

/// How long a caller waits for an instance.
const WAIT: Duration = Duration::from_secs(30);

/// Extism with its guest.
pub struct Extism {
    compiled: CompiledPlugin,
    plugin: Plugin,
    pool: Pool,
}

impl Extism {
    /// Compiles it.
    pub fn start(guests: &Guests) -> Result<Self> {
        let compiled = builder(guests).with_cache_disabled().compile()?;
        let plugin = Plugin::new_from_compiled(&compiled)?;
        let source = compiled.clone();
        Ok(Self {
            compiled,
            plugin,
            pool: PoolBuilder::new()
                .with_max_instances(POOLED)
                .build(move || Plugin::new_from_compiled(&source)),
        })
    }

    /// As [`crate::labd::Labd::pings`].
    pub fn pings(&mut self, times: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..times {
            ping(&mut self.plugin)?;
        }
        Ok(start.elapsed())
    }

    /// As [`crate::labd::Labd::takes`].
    pub fn takes(&self, times: u32) -> Result<Duration> {
        let start = Instant::now();
        take(&self.pool, times)?;
        Ok(start.elapsed())
    }

    /// As [`crate::labd::Labd::echoes`].
    pub fn echoes(&mut self, size: usize, times: u32) -> Result<Duration> {
        let bodies: Vec<_> = (0..times).map(|_| vec![b'x'; size]).collect();
        let start = Instant::now();
        for body in bodies {
            let back: Vec<u8> = self.plugin.call("echo", &body)?;
            if back.len() != size {
                return Err("another body came back".into());
            }
        }
        Ok(start.elapsed())
    }

    /// As [`crate::labd::Labd::instances`].
    pub fn instances(&self, times: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..times {
            ping(&mut Plugin::new_from_compiled(&self.compiled)?)?;
        }
        Ok(start.elapsed())
    }

    /// As [`crate::labd::Labd::stream`], a call per batch.
    pub fn stream(&self, events: u32, batch: u32) -> Result<Duration> {
        let start = Instant::now();
        let mut plugin = self.pool.get(WAIT)?.ok_or("no instance came")?;
        plugin.call::<_, ()>("begin", events.to_le_bytes().as_slice())?;
        let mut seen = 0;
        loop {
            let bytes: Vec<u8> = plugin.call("next", batch.to_le_bytes().as_slice())?;
            let more = texts(&bytes)?;
            if more.is_empty() {
                break;
            }
            seen += more.len();
        }
        drop(plugin);
        let took = start.elapsed();
        if seen != events as usize {
            return Err(format!("{seen} events of {events} came").into());
        }
        Ok(took)
    }

    /// As [`crate::labd::Labd::callers`], a thread for each.
    pub fn callers(&self, callers: u32, times: u32) -> Result<Duration> {
        let start = Instant::now();
        let threads: Vec<_> = (0..callers)
            .map(|_| {
                let pool = self.pool.clone();
                thread::spawn(move || take(&pool, times))
            })
            .collect();
        for thread in threads {
            thread.join().map_err(|_| "a caller failed")??;
        }
        Ok(start.elapsed())
    }
}

/// As [`crate::labd::first_load`]; a cache is used where its configuration is given.
pub fn first_load(guests: &Guests, cache: Option<&Path>) -> Result<Duration> {
    let start = Instant::now();
    let builder = builder(guests);
    let builder = match cache {
        Some(configuration) => builder.with_cache_config(configuration),
        None => builder.with_cache_disabled(),
    };
    ping(&mut builder.build()?)?;
    Ok(start.elapsed())
}

/// The configuration of a cache in this folder.
pub fn cache(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("cache.toml");
    let place = folder.join("extism");
    fs::write(&file, format!("[cache]\ndirectory = {place:?}\n"))?;
    Ok(file)
}

/// As [`crate::labd::hold`].
pub fn hold(guests: &Guests, count: usize, resident: impl Fn() -> Result<u64>) -> Result<u64> {
    let compiled = builder(guests).with_cache_disabled().compile()?;
    ping(&mut Plugin::new_from_compiled(&compiled)?)?;
    let before = resident()?;
    let mut held = Vec::new();
    for _ in 0..count {
        let mut plugin = Plugin::new_from_compiled(&compiled)?;
        ping(&mut plugin)?;
        held.push(plugin);
    }
    Ok(resident()?.saturating_sub(before))
}

fn builder(guests: &Guests) -> PluginBuilder<'_> {
    PluginBuilder::new(guests.extism.as_slice())
}

fn ping(plugin: &mut Plugin) -> Result<()> {
    Ok(plugin.call("ping", ())?)
}

fn take(pool: &Pool, times: u32) -> Result<()> {
    for _ in 0..times {
        let mut plugin = pool.get(WAIT)?.ok_or("no instance came")?;
        plugin.call::<_, ()>("ping", ())?;
    }
    Ok(())
}

/// Events, as the guest wrote them.
fn texts(mut bytes: &[u8]) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        let (text, rest) = rest.split_at_checked(length).ok_or("an event is cut")?;
        texts.push(String::from_utf8(text.to_vec())?);
        bytes = rest;
    }
    Ok(texts)
}
