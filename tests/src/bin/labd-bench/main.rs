//! labd's figures, end to end: the program that users run, its plugins, a real PostgreSQL and a
//! real browser. Beside each figure stands what it is compared with, taken in the same run.
//!
//! ```text
//! cargo xtask bench                       all
//! cargo xtask bench -- queries prepare    some
//! ```
//!
//! | section | what it measures |
//! | --- | --- |
//! | `daemon` | start until ready, memory when idle, a call over the socket |
//! | `prepare` | the sandbox compiling an app |
//! | `queries` | broker and connector beside tokio-postgres |
//! | `languages` | the same provider in Rust, C, JavaScript and Python |
//! | `paint` | the end of an answer until the open preview shows it |
//! | `gateway` | the AI gateway beside a direct call, Portkey's gateway and LiteLLM's proxy |
//! | `vite` | the same app by `npm install` and `vite dev`, beside `paint`; needs the npm registry |
//!
//! The task that starts this builds everything in release mode and runs the private servers. The
//! result is a table for `BENCHMARKS.md`. A goal that is missed is said, and is no failure: figures
//! depend on the machine.

#![allow(clippy::print_stdout, reason = "the figures are its output")]

mod browser;
mod daemon;
mod figures;
mod gateway;
mod languages;
mod paint;
mod plugins;
mod prepare;
mod queries;
mod vite;

use figures::Figures;
use mimalloc::MiMalloc;
use std::{env, process::ExitCode};

/// The daemon's: parts of it are measured in this process.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Whatever ends a measurement.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const SECTIONS: [&str; 7] = [
    "daemon",
    "prepare",
    "queries",
    "languages",
    "gateway",
    "paint",
    "vite",
];

#[tokio::main]
async fn main() -> ExitCode {
    let chosen: Vec<String> = env::args().skip(1).collect();
    if let Some(unknown) = chosen.iter().find(|one| !SECTIONS.contains(&one.as_str())) {
        eprintln!(
            "there is no section {unknown}; there are: {}",
            SECTIONS.join(", ")
        );
        return ExitCode::FAILURE;
    }
    let mut figures = Figures::default();
    let outcome = measure(&chosen, &mut figures).await;
    println!("{figures}");
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("labd-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(chosen: &[String], figures: &mut Figures) -> Result<()> {
    let wanted = |section: &str| chosen.is_empty() || chosen.iter().any(|one| one == section);
    if wanted("daemon") {
        eprintln!("daemon: start, memory, calls …");
        daemon::measure(figures).await?;
    }
    if wanted("prepare") {
        eprintln!("prepare: compiling the sample app …");
        prepare::measure(figures).await?;
    }
    if wanted("queries") {
        eprintln!("queries: beside tokio-postgres …");
        queries::measure(figures).await?;
    }
    if wanted("languages") {
        eprintln!("languages: plugins in each …");
        languages::measure(figures).await?;
    }
    if wanted("gateway") {
        eprintln!("gateway: the upstream, and the gateways beside it …");
        // On a worker, as requests are in the daemon: from any other thread each step wakes one.
        tokio::spawn(gateway::measure()).await??;
    }
    let painted = if wanted("paint") || wanted("vite") {
        eprintln!("paint: turns in an open preview …");
        Some(paint::measure(figures).await?)
    } else {
        None
    };
    if let Some(painted) = painted.filter(|_| wanted("vite")) {
        eprintln!("vite: npm install and a development server …");
        vite::measure(figures, &painted).await?;
    }
    Ok(())
}
