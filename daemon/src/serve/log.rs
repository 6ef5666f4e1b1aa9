//! The daemon's log: lines on standard error, with a filter that can be changed while it runs.

use super::Config;
use crate::failure::Failure;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

type Change = dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync;

/// The filter of the running log.
pub struct LogFilter(Box<Change>);

impl LogFilter {
    /// Lets another filter count from now on.
    pub fn set(&self, filter: &str) -> Result<(), String> {
        let filter = parse(filter)?;
        (self.0)(filter)
    }
}

fn parse(filter: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(filter).map_err(|error| format!("log: {error}"))
}

/// Starts the log.
pub fn start(config: &Config) -> Result<LogFilter, Failure> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(parse(&config.log).map_err(Failure::new)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let change: Box<Change>;
    let started = if config.log_json {
        let builder = builder.json().with_filter_reloading();
        let handle = builder.reload_handle();
        change = Box::new(move |filter| handle.reload(filter).map_err(|e| e.to_string()));
        builder.try_init()
    } else {
        let builder = builder.with_filter_reloading();
        let handle = builder.reload_handle();
        change = Box::new(move |filter| handle.reload(filter).map_err(|e| e.to_string()));
        builder.try_init()
    };
    started.map_err(|error| Failure::new(error.to_string()))?;
    Ok(LogFilter(change))
}
