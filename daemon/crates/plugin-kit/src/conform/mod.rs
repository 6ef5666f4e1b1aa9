//! The conformance kit: a built plugin in the real host, against scripted peers on loopback.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `spec` | `conformance.toml`: what the plugin's upstream says, and what must come of it |
//! | `bench` | a host in a temporary directory with nothing but the plugin, and all that it says |
//! | `peer` | the upstream: HTTP on loopback, byte for byte by script |
//! | `provider`, `connector`, `deployer`, `sandbox` | the checks of each kind |
//! | `given_up` | checks of deployments that are cut off |
//! | `growth` | what a long run leaves behind |
//! | [`report`] | the outcome for people, for CI (JUnit) and for programs |
//!
//! What a check needs and `conformance.toml` does not give is skipped, and the outcome says why: it
//! never passes for want of something to look at.

mod bench;
mod configuration;
mod connector;
mod database;
mod deployer;
mod given_up;
mod growth;
mod order;
mod peer;
mod provider;
mod refusals;
pub mod report;
mod sandbox;
mod spec;
mod suite;

pub use suite::{Check, Outcome, Verdict};

use crate::check::CheckError;
use bench::Bench;
use labd_plugin_host::{Kind, manifest::Manifest};
use spec::Spec;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};
use suite::Suite;

/// What to test, and how much.
#[derive(Clone, Debug)]
pub struct Options {
    /// The package: `plugin.toml`, the component, assets.
    pub package: PathBuf,
    /// The folder with `conformance.toml`.
    pub source: PathBuf,
    /// Calls of the check for growth; 10 000 unless one is in a hurry.
    pub calls: u32,
    /// Only checks whose name contains this.
    pub only: Option<String>,
}

/// Why nothing could be tested.
#[derive(Debug, thiserror::Error)]
pub enum ConformError {
    /// The package is refused.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The package has faults; each is told by `labd plugin check`.
    #[error("{path} has faults: {faults}")]
    Faulty {
        /// The package.
        path: PathBuf,
        /// What they are.
        faults: String,
    },
    /// `conformance.toml`.
    #[error("{path}: {reason}")]
    Spec {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The host cannot be started here.
    #[error("the plugin host cannot be started: {0}")]
    Host(String),
    /// A file or a socket.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Runs every check of the plugin's kind.
///
/// # Errors
/// When there is nothing to test; what a plugin does wrong is in the outcome.
pub async fn run(options: &Options) -> Result<Outcome, ConformError> {
    let began = Instant::now();
    let report = crate::check::check(&options.package)?;
    let faulty = |faults: String| ConformError::Faulty {
        path: options.package.clone(),
        faults,
    };
    if !report.faults.is_empty() {
        let faults: Vec<_> = report.faults.iter().map(ToString::to_string).collect();
        return Err(faulty(faults.join("; ")));
    }
    let text = fs::read_to_string(options.package.join("plugin.toml"))?;
    let manifest = Manifest::parse(&text).map_err(|error| faulty(error.to_string()))?;
    let spec = Spec::read(&options.source)?;
    let data = tempfile::tempdir()?;
    let mut suite = Suite::new(&manifest, options.only.clone());
    let setting = Setting {
        options,
        manifest: &manifest,
        spec: &spec,
        data: data.path(),
    };
    match manifest.kind {
        Kind::AiProvider => provider::run(&setting, &mut suite).await?,
        Kind::Connector => connector::run(&setting, &mut suite).await?,
        Kind::Deployer => deployer::run(&setting, &mut suite).await?,
        Kind::Sandbox => sandbox::run(&setting, &mut suite).await?,
    }
    Ok(suite.outcome(began.elapsed()))
}

/// What all checks share.
struct Setting<'a> {
    options: &'a Options,
    manifest: &'a Manifest,
    spec: &'a Spec,
    data: &'a Path,
}
