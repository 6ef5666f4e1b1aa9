//! The `labd` daemon and its command line.
//!
//! ```text
//! cli.rs       what can be typed
//! config.rs    the configuration file, and where things lie
//! serve/       the daemon: wires the parts of `crates/` together
//! commands/    everything else: clients of the daemon's socket
//! memory.rs    what gives it out
//! output.rs    how answers are printed
//! ```

mod cli;
mod commands;
mod config;
mod failure;
mod memory;
mod output;
mod serve;

use clap::Parser as _;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    memory::give_back_at_once();
    let cli = cli::Cli::parse();
    let json = cli.global.json;
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the runtime cannot start: {error}")))
        .and_then(|runtime| {
            let outcome = runtime.block_on(run(cli));
            // A prompt that waits for its reader must not hold up the end.
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
            outcome
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::print_failure(&failure, json);
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn run(cli: cli::Cli) -> Result<(), Failure> {
    // The only provider of cryptography in the process; a second installation cannot happen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli.command {
        cli::Command::Serve(options) => serve::run(cli.global, options).await,
        command => {
            let config = config::Config::load(&cli.global)?;
            commands::run(config, command, cli.global.json).await
        }
    }
}
