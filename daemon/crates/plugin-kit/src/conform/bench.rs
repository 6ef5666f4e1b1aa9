//! A host in a temporary directory with nothing but the plugin, granted what it asks for.

use super::{
    ConformError, Setting,
    suite::{Done, fail},
};
use labd_plugin_host::{
    Ceiling, Happening, Limits, PluginError, PluginHost, PluginOptions, PluginState,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::broadcast::error::RecvError, task::JoinHandle};

/// What stands in the place of every secret. Long and odd enough to be nothing else.
pub(super) const CANARY: &str = "canary-7f3a91c2e5d84b06";

/// Limits that a test can wait for.
pub(super) fn limits() -> Limits {
    Limits {
        call: Duration::from_secs(20),
        first_event: Duration::from_secs(20),
        between_events: Duration::from_secs(20),
        // A plugin that traps is told so by each check, not by the first three.
        restarts: u32::MAX,
        backoff: Duration::ZERO,
        log_lines: 10_000,
        ..Limits::default()
    }
}

/// The same for an upstream that falls silent.
pub(super) fn impatient() -> Limits {
    Limits {
        call: Duration::from_secs(2),
        first_event: Duration::from_secs(2),
        between_events: Duration::from_secs(2),
        query_grace: Duration::from_secs(2),
        ..limits()
    }
}

/// Where a text was seen.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub place: &'static str,
    pub text: String,
}

/// See the module.
pub(super) struct Bench {
    pub host: PluginHost,
    id: String,
    said: Arc<Mutex<Vec<Said>>>,
    listening: JoinHandle<()>,
}

impl Bench {
    pub async fn start(
        setting: &Setting<'_>,
        ceiling: Ceiling,
        limits: Limits,
    ) -> Result<Self, ConformError> {
        let host = PluginHost::start(PluginOptions {
            data_dir: setting.data.to_owned(),
            directories: vec![setting.options.package.clone()],
            ceiling,
            limits,
            ..PluginOptions::default()
        })
        .map_err(|error| ConformError::Host(error.to_string()))?;
        let id = setting.manifest.id.clone();
        host.grant(&id, None)
            .await
            .map_err(|error| ConformError::Host(error.to_string()))?;
        host.load(&id).await;
        let said = Arc::new(Mutex::new(Vec::new()));
        let listening = tokio::spawn(listen(host.events(), Arc::clone(&said)));
        Ok(Self {
            host,
            id,
            said,
            listening,
        })
    }

    /// Why the host refuses the plugin, if it does.
    pub fn refused(&self) -> Option<String> {
        match self.host.inspect(&self.id)?.0.state {
            PluginState::Failed(reason) | PluginState::Quarantined(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether the host has loaded the plugin.
    pub fn loaded(&self) -> Done {
        match self.refused() {
            Some(reason) => fail(
                "the host to load it",
                reason,
                "labd plugin check tells what is wrong with the package",
            ),
            None => Ok(()),
        }
    }

    /// Instances that were lost so far.
    pub fn traps(&self) -> u64 {
        self.counters().traps
    }

    /// Instances that exist.
    pub fn instances(&self) -> u64 {
        self.counters().instances
    }

    /// Denials so far.
    pub fn denials(&self) -> u64 {
        self.counters().denials
    }

    fn counters(&self) -> labd_plugin_host::PluginCounters {
        self.host
            .inspect(&self.id)
            .map(|(summary, _)| summary.counters)
            .unwrap_or_default()
    }

    /// Why the last instance was lost.
    pub fn last_trap(&self) -> String {
        let said = lock(&self.said);
        let trap = said.iter().rev().find(|said| said.place == "trap");
        trap.map_or_else(|| "without a reason".into(), |said| said.text.clone())
    }

    /// Notes an error, for the search for secrets.
    pub fn note(&self, error: &PluginError) {
        self.say("an error", format!("{error:?}"));
    }

    /// Notes a text, for the search for secrets.
    pub fn say(&self, place: &'static str, text: String) {
        lock(&self.said).push(Said { place, text });
    }

    /// Notes all that was said on another bench.
    pub fn take_over(&self, other: &Self) {
        for said in other.said() {
            self.say(said.place, said.text);
        }
    }

    /// All that was said so far.
    pub fn said(&self) -> Vec<Said> {
        lock(&self.said).clone()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(
    mut events: tokio::sync::broadcast::Receiver<labd_plugin_host::PluginEvent>,
    said: Arc<Mutex<Vec<Said>>>,
) {
    loop {
        let (place, text) = match events.recv().await {
            Ok(event) => match event.what {
                Happening::Log { line, .. } => ("a log line", line),
                Happening::Trapped(reason) => ("trap", reason),
                other => ("an event", format!("{other:?}")),
            },
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        lock(&said).push(Said { place, text });
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The contract's name of an error.
pub(super) fn name(error: &PluginError) -> &'static str {
    match error {
        PluginError::Denied(_) => "denied",
        PluginError::InvalidRequest(_) => "invalid-request",
        PluginError::Unauthenticated(_) => "unauthenticated",
        PluginError::RateLimited(_) => "rate-limited",
        PluginError::Overloaded => "overloaded",
        PluginError::Timeout => "timeout",
        PluginError::Cancelled => "cancelled",
        PluginError::Unavailable(_) => "unavailable",
        PluginError::NotFound(_) => "not-found",
        PluginError::Conflict(_) => "conflict",
        PluginError::Internal(_) => "internal",
        PluginError::StateLost(_) => "state-lost",
    }
}

/// An error in a report.
pub(super) fn told(error: &PluginError) -> String {
    format!("{}: {error}", name(error))
}
