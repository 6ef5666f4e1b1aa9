//! Checks and what came of them.

use super::Bench;
use labd_plugin_host::manifest::Manifest;
use serde::Serialize;
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// The most that one check may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// The plugin's id.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Its kind.
    pub kind: String,
    /// In the order in which they ran.
    pub checks: Vec<Check>,
    /// How long all of them took.
    pub milliseconds: u64,
}

impl Outcome {
    /// How many checks failed.
    pub fn failures(&self) -> usize {
        let failed = |check: &&Check| matches!(check.verdict, Verdict::Failed { .. });
        self.checks.iter().filter(failed).count()
    }
}

/// One check.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// The promise that was checked.
    pub name: String,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How long it took.
    pub milliseconds: u64,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// The promise holds.
    Passed,
    /// It could not be checked.
    Skipped {
        /// Why, and what would make it possible.
        reason: String,
    },
    /// The promise is broken.
    Failed {
        /// What should have happened.
        expected: String,
        /// What happened.
        happened: String,
        /// What to do about it.
        help: String,
    },
}

/// How a check ends early.
#[derive(Debug)]
pub(super) enum Trouble {
    Skip(String),
    Fail {
        expected: String,
        happened: String,
        help: String,
    },
}

pub(super) type Done = Result<(), Trouble>;

/// A check that cannot be made.
pub(super) fn skip<T>(reason: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Skip(reason.into()))
}

/// A promise that is broken.
pub(super) fn fail<T>(
    expected: impl Into<String>,
    happened: impl Into<String>,
    help: impl Into<String>,
) -> Result<T, Trouble> {
    Err(Trouble::Fail {
        expected: expected.into(),
        happened: happened.into(),
        help: help.into(),
    })
}

/// The plugin as its kind, which is there once it was loaded.
pub(super) fn present<T>(plugin: Option<T>, kind: &str) -> Result<T, Trouble> {
    plugin.map_or_else(
        || fail(kind, "there is none", "see what the check before says"),
        Ok,
    )
}

/// Collects checks.
pub(super) struct Suite {
    plugin: String,
    version: String,
    kind: String,
    only: Option<String>,
    checks: Vec<Check>,
}

impl Suite {
    pub fn new(manifest: &Manifest, only: Option<String>) -> Self {
        Self {
            plugin: manifest.id.clone(),
            version: manifest.version.to_string(),
            kind: manifest.kind.to_string(),
            only,
            checks: Vec::new(),
        }
    }

    /// Runs a check. Whatever it looked for, an instance that is lost in it is a failure.
    pub async fn check(&mut self, name: &str, bench: &Bench, work: impl Future<Output = Done>) {
        if self
            .only
            .as_ref()
            .is_some_and(|only| !name.contains(&**only))
        {
            return;
        }
        let began = Instant::now();
        let before = bench.traps();
        let done = match tokio::time::timeout(PATIENCE, work).await {
            Ok(done) => done,
            Err(_) => fail(
                format!("an end within {} s", PATIENCE.as_secs()),
                "it went on",
                "look for an endless loop, or for a wait without a deadline",
            ),
        };
        let done = match done {
            Ok(()) if bench.traps() > before => fail(
                "every fault to be returned as an error",
                format!("the instance was lost: {}", bench.last_trap()),
                "return an error where it panics, throws or runs out of memory",
            ),
            done => done,
        };
        self.add(name, began.elapsed(), done);
    }

    /// Notes a check that was made elsewhere.
    pub fn add(&mut self, name: &str, took: Duration, done: Done) {
        let verdict = match done {
            Ok(()) => Verdict::Passed,
            Err(Trouble::Skip(reason)) => Verdict::Skipped { reason },
            Err(Trouble::Fail {
                expected,
                happened,
                help,
            }) => Verdict::Failed {
                expected,
                happened,
                help,
            },
        };
        self.checks.push(Check {
            name: name.into(),
            verdict,
            milliseconds: milliseconds(took),
        });
    }

    pub fn outcome(self, took: Duration) -> Outcome {
        Outcome {
            plugin: self.plugin,
            version: self.version,
            kind: self.kind,
            checks: self.checks,
            milliseconds: milliseconds(took),
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
