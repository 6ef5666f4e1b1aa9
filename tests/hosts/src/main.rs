//! The plugin host beside bare wasmtime and Extism, in one run: `cargo xtask bench -- hosts`.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`labd`] | the public path of a daemon: registry, kind, pool of instances, all limits |
//! | [`bare`] | wasmtime alone, with the same bytes of the same components |
//! | [`elsewhere`] | Extism, with a plugin of its own that does the same |
//! | [`guests`] | those plugins, which `guests/` holds |
//! | [`figures`] | the table that comes out |
//!
//! Every row is taken in rounds, each host in turn within a round, so that what else the machine
//! does slows all of them; a figure is the median of the rounds, a quotient the median of the
//! rounds' quotients. Memory is measured in a process for each figure (`memory HOST COUNT`).
//!
//! This is a workspace of its own, outside the repository's lock file, its CI and its audit: Extism
//! brings a second wasmtime, older than the daemon's, and compiling both takes twenty minutes.

#![allow(clippy::print_stdout, reason = "the figures are its output")]

mod bare;
mod elsewhere;
mod figures;
mod guests;
mod labd;

use bare::{Bare, Blocking};
use elsewhere::Extism;
use figures::{Goal, Row, Unit};
use guests::Guests;
use labd::Labd;
use std::{
    env, fs,
    process::{Command, ExitCode},
};

/// Whatever ends a measurement.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Many and short, about a millisecond each, so that the median one was not interrupted.
const ROUNDS: u32 = 201;

/// Of what takes milliseconds and more.
const FEW_ROUNDS: u32 = 31;

/// Of what takes a process, or a compilation.
const FEWEST_ROUNDS: u32 = 9;

const KIB: usize = 1024;
const MIB: usize = 1024 * 1024;

/// Of a stream.
const EVENTS: u32 = 10_000;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match *arguments {
        [] => measure().await,
        ["memory", host, count] => hold(host, count).await,
        _ => Err("usage: labd-bench-hosts [memory labd|wasmtime|extism COUNT]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("labd-bench-hosts: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> Result<()> {
    let guests = Guests::read()?;
    println!("{}", figures::HEAD);
    calls(&guests).await?;
    loads(&guests).await?;
    all_first_party().await?;
    memory()
}

/// What happens while plugins are in use.
async fn calls(guests: &Guests) -> Result<()> {
    let mut labd = Labd::start(guests).await?;
    let mut bare = Bare::start(guests, false).await?;
    let mut epochs = Bare::start(guests, true).await?;
    let mut blocking = Blocking::start(guests)?;
    let mut extism = Extism::start(guests)?;

    let what = "call that does nothing";
    let mut row = Row::new(what, Unit::Time, Goal::OverWasmtime(1.3));
    let mut with_epochs = Row::new(
        format!("{what}; wasmtime with epoch interruption, as labd has it"),
        Unit::Time,
        Goal::None,
    );
    let mut without_fibers = Row::new(
        format!("{what}; wasmtime's blocking interface"),
        Unit::Time,
        Goal::None,
    );
    const CALLS: u32 = 1_000;
    for _ in 0..ROUNDS {
        let seen = labd.pings(CALLS).await?;
        for row in [&mut row, &mut with_epochs, &mut without_fibers] {
            row.labd.each(seen, CALLS);
        }
        row.wasmtime.each(bare.pings(CALLS).await?, CALLS);
        with_epochs.wasmtime.each(epochs.pings(CALLS).await?, CALLS);
        without_fibers.wasmtime.each(blocking.pings(CALLS)?, CALLS);
        row.extism.each(extism.pings(CALLS)?, CALLS);
    }
    println!("{row}\n{with_epochs}\n{without_fibers}");

    let what = "the same by an idle instance, taken from the pool and given back";
    let mut row = Row::new(what, Unit::Time, Goal::None);
    for _ in 0..ROUNDS {
        row.labd.each(labd.takes(CALLS).await?, CALLS);
        row.wasmtime.each(bare.takes(CALLS).await?, CALLS);
        row.extism.each(extism.takes(CALLS)?, CALLS);
    }
    println!("{row}");

    for (name, size, times) in [("1 KiB", KIB, 1_000), ("1 MiB", MIB, 4)] {
        let what = format!("call with {name} there and {name} back");
        let mut row = Row::new(what, Unit::Time, Goal::None);
        for _ in 0..ROUNDS {
            row.labd.each(labd.echoes(size, times).await?, times);
            row.wasmtime.each(bare.echoes(size, times).await?, times);
            row.extism.each(extism.echoes(size, times)?, times);
        }
        println!("{row}");
    }

    let what = "a new instance from the pool of slots, called once and dropped";
    let mut row = Row::new(what, Unit::Time, Goal::AtMost(50e-6));
    const STARTS: u32 = 20;
    for _ in 0..ROUNDS {
        row.labd.each(labd.instances(STARTS).await?, STARTS);
        row.wasmtime.each(bare.instances(STARTS).await?, STARTS);
        row.extism.each(extism.instances(STARTS)?, STARTS);
    }
    println!("{row}");

    for (name, batch) in [("64 a call", 64), ("one a call", 1)] {
        let what = format!("stream of {EVENTS} events, {name}");
        let mut row = Row::new(what, Unit::Time, Goal::None);
        for _ in 0..FEW_ROUNDS {
            row.labd.each(labd.stream(EVENTS, batch).await?, 1);
            row.wasmtime.each(bare.stream(EVENTS, batch).await?, 1);
            row.extism.each(extism.stream(EVENTS, batch)?, 1);
        }
        println!("{row}");
    }

    for callers in [1, 8, 64] {
        let what = format!("calls by {callers} callers at once");
        let mut row = Row::new(what, Unit::Rate, Goal::None);
        let times = 6_400 / callers;
        let all = times * callers;
        for _ in 0..FEW_ROUNDS {
            row.labd.rate(labd.callers(callers, times).await?, all);
            row.wasmtime.rate(bare.callers(callers, times).await?, all);
            row.extism.rate(extism.callers(callers, times)?, all);
        }
        println!("{row}");
    }
    Ok(())
}

/// From nothing to the first answer.
async fn loads(guests: &Guests) -> Result<()> {
    let what = "first load: host started, plugin compiled, one instance called";
    let mut row = Row::new(what, Unit::Time, Goal::None);
    for _ in 0..FEWEST_ROUNDS {
        let folder = tempfile::tempdir()?;
        let load = labd::first_load(guests, folder.path()).await?;
        row.labd.each(load.all, 1);
        row.wasmtime.each(bare::first_load(guests).await?, 1);
        row.extism.each(elsewhere::first_load(guests, None)?, 1);
    }
    println!("{row}");

    let what = "the same from the cache of compiled code";
    let mut row = Row::new(what, Unit::Time, Goal::None);
    let folder = tempfile::tempdir()?;
    let compiled = folder.path().join("compiled");
    let cache = elsewhere::cache(folder.path())?;
    labd::first_load(guests, folder.path()).await?;
    bare::compile(guests, &compiled)?;
    elsewhere::first_load(guests, Some(&cache))?;
    let what = "the same, the host having been started before (Extism has no such thing)";
    let mut rest = Row::new(what, Unit::Time, Goal::None);
    for _ in 0..FEW_ROUNDS {
        let load = labd::first_load(guests, folder.path()).await?;
        row.labd.each(load.all, 1);
        rest.labd.each(load.rest(), 1);
        let load = bare::from_cache(&compiled).await?;
        row.wasmtime.each(load.all, 1);
        rest.wasmtime.each(load.rest(), 1);
        let took = elsewhere::first_load(guests, Some(&cache))?;
        row.extism.each(took, 1);
        rest.extism.each(took, 1);
    }
    println!("{row}\n{rest}");
    Ok(())
}

/// What ships with the daemon.
async fn all_first_party() -> Result<()> {
    let embedded = guests::first_party()?;
    let folder = tempfile::tempdir()?;
    let (_, count) = labd::first_party(folder.path(), embedded.clone()).await?;
    let what = format!("the host's start, {count} first-party plugins known");
    let mut start = Row::new(what, Unit::Time, Goal::None);
    let what = format!("then all {count} of them from the cache, together");
    let mut rest = Row::new(what, Unit::Time, Goal::AtMost(50e-3));
    for _ in 0..FEW_ROUNDS {
        let (load, _) = labd::first_party(folder.path(), embedded.clone()).await?;
        start.labd.each(load.host_started, 1);
        rest.labd.each(load.rest(), 1);
    }
    println!("{start}\n{rest}");
    Ok(())
}

/// What idle instances take, each number of them in a process of its own.
fn memory() -> Result<()> {
    for count in [1_u32, 100, 1_000] {
        let what = format!("resident memory of an idle instance, of {count}");
        let mut row = Row::new(what, Unit::Bytes, Goal::AtMost(MIB as f64));
        for _ in 0..FEWEST_ROUNDS {
            row.labd.push(held("labd", count)?);
            row.wasmtime.push(held("wasmtime", count)?);
            row.extism.push(held("extism", count)?);
        }
        println!("{row}");
    }
    Ok(())
}

/// Bytes for each of so many instances.
fn held(host: &str, count: u32) -> Result<f64> {
    let output = Command::new(env::current_exe()?)
        .args(["memory", host, &count.to_string()])
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{count} instances in {host}: {said}").into());
    }
    let bytes: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(bytes / f64::from(count))
}

async fn hold(host: &str, count: &str) -> Result<()> {
    let guests = Guests::read()?;
    let count = count.parse()?;
    let bytes = match host {
        "labd" => labd::hold(&guests, count, resident).await?,
        "wasmtime" => bare::hold(&guests, count, resident).await?,
        "extism" => elsewhere::hold(&guests, count, resident)?,
        other => return Err(format!("there is no host {other}").into()),
    };
    println!("{bytes}");
    Ok(())
}

/// Bytes of this process that are in memory.
fn resident() -> Result<u64> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup")?;
    let kib: u64 = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Rss:")?.strip_suffix("kB"))
        .ok_or("no Rss in smaps_rollup")?
        .trim()
        .parse()?;
    Ok(kib * 1024)
}
