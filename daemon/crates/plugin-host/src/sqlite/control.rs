//! What the caller, the interrupter and SQLite's callbacks share about one connection.

use crate::PluginError;
use rusqlite::InterruptHandle;
use std::{
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The state of a connection's running time and of its interruption.
#[derive(Default)]
pub(super) struct Control {
    /// Set by whoever interrupts, cleared when the next call begins.
    interrupted: AtomicBool,
    /// A statement of the host itself runs, to which the authorizer's rules do not apply.
    host: AtomicBool,
    /// Rows changed by the last statement that wrote.
    changes: AtomicU64,
    time: Mutex<Time>,
    refused: Mutex<Option<String>>,
    handle: OnceLock<InterruptHandle>,
}

/// How long statements may still run. Only running counts: a reader who takes time between two
/// batches does not use it up.
#[derive(Default)]
struct Time {
    left: Option<Duration>,
    running_since: Option<Instant>,
}

impl Time {
    fn is_over(&self) -> bool {
        let spent = self
            .running_since
            .map(|since| since.elapsed())
            .unwrap_or_default();
        self.left.is_some_and(|left| left <= spent)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Control {
    /// Makes [`Control::interrupt`] reach SQLite itself.
    pub(super) fn attach(&self, handle: InterruptHandle) {
        // A connection is opened once, so there is no earlier handle to lose.
        let _ = self.handle.set(handle);
    }

    /// Stops what runs now.
    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
        if let Some(handle) = self.handle.get() {
            handle.interrupt();
        }
    }

    /// A call begins: earlier interrupts were not meant for it.
    pub(super) fn begin_call(&self) {
        self.interrupted.store(false, Ordering::SeqCst);
    }

    pub(super) fn set_time_limit(&self, limit: Duration) {
        let mut time = lock(&self.time);
        time.left = Some(limit);
        if time.running_since.is_some() {
            time.running_since = Some(Instant::now());
        }
    }

    /// Runs something on the connection, with its time measured.
    ///
    /// # Errors
    /// Those of `run`; `timeout` or `cancelled` when the time is over before it begins.
    pub(super) fn timed<T>(
        &self,
        run: impl FnOnce() -> Result<T, PluginError>,
    ) -> Result<T, PluginError> {
        lock(&self.time).running_since = Some(Instant::now());
        let result = match self.stop_reason() {
            Some(reason) => Err(reason),
            None => run(),
        };
        let mut time = lock(&self.time);
        if let (Some(left), Some(since)) = (time.left, time.running_since) {
            time.left = Some(left.saturating_sub(since.elapsed()));
        }
        time.running_since = None;
        result
    }

    /// Why the running statement must end, if it must.
    pub(super) fn stop_reason(&self) -> Option<PluginError> {
        if self.interrupted.load(Ordering::SeqCst) {
            Some(PluginError::Cancelled)
        } else if lock(&self.time).is_over() {
            Some(PluginError::Timeout)
        } else {
            None
        }
    }

    /// Runs a statement of the host itself.
    pub(super) fn as_host<T>(&self, run: impl FnOnce() -> T) -> T {
        self.host.store(true, Ordering::SeqCst);
        let result = run();
        self.host.store(false, Ordering::SeqCst);
        result
    }

    pub(super) fn is_host(&self) -> bool {
        self.host.load(Ordering::SeqCst)
    }

    /// Notes what the authorizer refused, since SQLite's own message does not say it.
    pub(super) fn refuse(&self, what: String) {
        *lock(&self.refused) = Some(what);
    }

    pub(super) fn take_refused(&self) -> Option<String> {
        lock(&self.refused).take()
    }

    pub(super) fn set_changes(&self, changes: u64) {
        self.changes.store(changes, Ordering::SeqCst);
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }
}
