//! What everything that belongs to one plugin shares: its name, its limits, its counters, and the
//! places where what it does is seen.

use crate::{
    Denial, Limits, PluginError,
    capabilities::log::cut,
    journal::Journal,
    limits::{EVENT_QUEUE, LOG_LINE_BYTES},
    observe::Observer,
};
use labd_plugin_package::text::defuse_line;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

/// Something that happened to a plugin, for whoever shows plugins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginEvent {
    /// The plugin's id.
    pub plugin: String,
    /// What happened.
    pub what: Happening,
}

/// See [`PluginEvent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It wrote a line.
    Log {
        /// `debug`, `info`, `warn`, `error`.
        level: &'static str,
        /// The line, with its fields.
        line: String,
    },
    /// It asked for what it may not have.
    Denied(Denial),
    /// It read the value of the credential with this name.
    Revealed(String),
    /// An instance trapped or hit a limit, and is gone.
    Trapped(String),
    /// It trapped too often and is not started again until it is reloaded.
    Quarantined(String),
    /// It cannot be loaded.
    Failed(String),
    /// The operator changed something about it, in words: another version serves, it is disabled.
    Changed(String),
}

impl Happening {
    /// As a line of the plugin's log: its level, whether the plugin wrote it, and its text.
    fn line(&self) -> (&'static str, bool, String) {
        match self {
            Self::Log { level, line } => (level, true, line.clone()),
            Self::Denied(denial) => ("warn", false, denial.message.clone()),
            Self::Revealed(name) => ("info", false, format!("it read the credential {name}")),
            Self::Trapped(reason) => ("warn", false, format!("an instance is gone: {reason}")),
            Self::Quarantined(reason) => ("error", false, format!("quarantined: {reason}")),
            Self::Failed(reason) => ("error", false, format!("it cannot be loaded: {reason}")),
            Self::Changed(what) => ("info", false, what.clone()),
        }
    }
}

/// Numbers since the daemon started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PluginCounters {
    /// Calls that were made.
    pub calls: u64,
    /// Calls that ended with an error.
    pub errors: u64,
    /// Instances that trapped or hit a limit.
    pub traps: u64,
    /// Requests that its permissions do not cover.
    pub denials: u64,
    /// Bytes that it received from elsewhere.
    pub bytes_in: u64,
    /// Bytes that it sent elsewhere.
    pub bytes_out: u64,
    /// Log lines beyond the limit.
    pub log_lines_dropped: u64,
    /// Its own running time.
    pub cpu: Duration,
    /// Instances that exist now.
    pub instances: u64,
    /// Bytes of linear memory that these have, together.
    pub memory: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub calls: AtomicU64,
    pub errors: AtomicU64,
    pub traps: AtomicU64,
    pub denials: AtomicU64,
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    pub log_lines_dropped: AtomicU64,
    pub cpu_nanos: AtomicU64,
    pub instances: AtomicU64,
    /// Apart, for the instances' meters.
    pub memory: Arc<AtomicU64>,
}

impl Counters {
    pub fn read(&self) -> PluginCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PluginCounters {
            calls: get(&self.calls),
            errors: get(&self.errors),
            traps: get(&self.traps),
            denials: get(&self.denials),
            bytes_in: get(&self.bytes_in),
            bytes_out: get(&self.bytes_out),
            log_lines_dropped: get(&self.log_lines_dropped),
            cpu: Duration::from_nanos(get(&self.cpu_nanos)),
            instances: get(&self.instances),
            memory: get(&self.memory),
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

/// See the module.
pub(crate) struct PluginCore {
    pub id: String,
    pub limits: Arc<Limits>,
    pub counters: Counters,
    pub journal: Journal,
    /// What its instances may still open: see [`Limits::open`].
    open: Arc<Semaphore>,
    lines: Mutex<LineBudget>,
    events: broadcast::Sender<PluginEvent>,
}

impl PluginCore {
    pub fn new(id: String, limits: Arc<Limits>, events: broadcast::Sender<PluginEvent>) -> Self {
        Self {
            id,
            lines: Mutex::new(LineBudget::default()),
            counters: Counters::default(),
            journal: Journal::default(),
            open: Arc::new(Semaphore::new(limits.open)),
            limits,
            events,
        }
    }

    /// The channel that [`PluginEvent`]s go to.
    pub fn channel() -> broadcast::Sender<PluginEvent> {
        broadcast::Sender::new(EVENT_QUEUE)
    }

    /// A place for a connection, a body or a database; what is opened keeps it.
    ///
    /// # Errors
    /// `overloaded` when there is none.
    pub fn place_to_open(&self) -> Result<OwnedSemaphorePermit, PluginError> {
        let place = Arc::clone(&self.open).try_acquire_owned();
        place.map_err(|_| PluginError::Overloaded)
    }

    /// Shows something to whoever follows events, and in the plugin's log.
    pub fn emit(&self, what: Happening) {
        let (level, by_plugin, text) = what.line();
        self.journal.write(level, by_plugin, text);
        if self.events.receiver_count() > 0 {
            // Nobody may have stayed to hear it.
            let _ = self.events.send(PluginEvent {
                plugin: self.id.clone(),
                what,
            });
        }
    }

    /// Shows a denial in the log, the counters and the events. The typed error to the plugin is
    /// the fourth place.
    pub fn denied(&self, denial: &Denial) {
        add(&self.counters.denials, 1);
        if !self.may_log() {
            return;
        }
        // What it asked for is in the plugin's words.
        let denial = &Denial {
            capability: denial.capability.clone(),
            target: shown(&denial.target),
            message: shown(&denial.message),
        };
        tracing::warn!(plugin = %self.id, capability = %denial.capability, target = %denial.target,
            "{}", denial.message);
        self.emit(Happening::Denied(denial.clone()));
    }

    /// Whether the plugin may write one more line now.
    pub fn may_log(&self) -> bool {
        let allowed = self
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(Instant::now(), self.limits.log_lines);
        if !allowed {
            add(&self.counters.log_lines_dropped, 1);
        }
        allowed
    }
}

impl Observer for PluginCore {
    fn received(&self, bytes: u64) {
        add(&self.counters.bytes_in, bytes);
    }

    fn sent(&self, bytes: u64) {
        add(&self.counters.bytes_out, bytes);
    }

    fn revealed(&self, name: &str) {
        self.emit(Happening::Revealed(name.to_owned()));
    }
}

/// A text of a plugin, in one line that ends.
fn shown(text: &str) -> String {
    let mut text = cut(text, LOG_LINE_BYTES).to_owned();
    defuse_line(&mut text);
    text
}

/// So many lines in each second.
#[derive(Default)]
struct LineBudget {
    since: Option<Instant>,
    used: u32,
}

impl LineBudget {
    fn take(&mut self, now: Instant, limit: u32) -> bool {
        let fresh = self
            .since
            .is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1));
        if fresh {
            self.since = Some(now);
            self.used = 0;
        }
        self.used = self.used.saturating_add(1);
        self.used <= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_lines_is_cut_each_second() {
        let mut budget = LineBudget::default();
        let start = Instant::now();
        let written = (0..1000).filter(|_| budget.take(start, 200)).count();
        assert_eq!(written, 200);
        assert!(budget.take(start + Duration::from_secs(1), 200));
    }
}
