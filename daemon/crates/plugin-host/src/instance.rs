//! One instance of a plugin: a store, its exports, and calls under every limit of time.
//!
//! An instance is taken out of its slot for the length of a call and put back when the call has
//! ended well. So a trap, a timeout, and a future that is dropped all have the same effect: the
//! store goes, its sockets close, and whoever holds the instance hears
//! [`PluginError::StateLost`] from then on.

use crate::{
    PluginError,
    bindings::wire,
    contract::Contract,
    engine::SharedEngine,
    plugin_core::{PluginCore, add},
    state::{HostState, LimitHit, Metered, TimeMeter, new_store},
};
use crossbeam_utils::atomic::AtomicCell;
use futures_util::future::BoxFuture;
use labd_plugin_package::text::defuse_lines;
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;

/// A running instance.
pub(crate) struct Live<C> {
    pub store: Store<HostState>,
    pub exports: C,
    meter: Arc<TimeMeter>,
    engine: SharedEngine,
    _gauge: Gauge,
    _permit: Option<OwnedSemaphorePermit>,
}

/// Counts the instances that exist.
struct Gauge(Arc<PluginCore>);

impl Gauge {
    fn new(core: &Arc<PluginCore>) -> Self {
        add(&core.counters.instances, 1);
        Self(Arc::clone(core))
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.0.counters.instances.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How a call can fail apart from the plugin's own error.
pub(crate) enum Failure {
    /// It trapped or hit a limit.
    Trap(String),
    /// The wall clock ran out.
    Timeout,
}

impl<C: Contract> Live<C> {
    /// Makes an instance that may have so many bytes of memory; its start function runs under the
    /// limits of a call.
    pub async fn new(
        engine: &SharedEngine,
        core: &Arc<PluginCore>,
        pre: &C::Pre,
        memory: usize,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Self, Failure> {
        let (mut store, meter) = new_store(engine, core, memory);
        store.set_epoch_deadline(1);
        let gauge = Gauge::new(core);
        let made = {
            let metered = Metered {
                call: C::instantiate(pre, &mut store),
                meter: &meter,
                ticker: &engine.ticker,
                core,
            };
            within(core.limits.call, metered).await
        };
        match made {
            Some(Ok(exports)) => Ok(Self {
                store,
                exports,
                meter,
                engine: engine.clone(),
                _gauge: gauge,
                _permit: permit,
            }),
            Some(Err(error)) => Err(Failure::Trap(explain(&error, &store))),
            None => Err(Failure::Timeout),
        }
    }

    /// Asks it what it is.
    pub async fn describe(
        &mut self,
        core: &PluginCore,
    ) -> Result<Result<(), wire::Error>, Failure> {
        self.run(core, core.limits.call, |store, exports| {
            exports.describe(store)
        })
        .await
    }

    async fn run<R>(
        &mut self,
        core: &PluginCore,
        limit: Duration,
        call: impl for<'a> FnOnce(&'a mut Store<HostState>, &'a C) -> BoxFuture<'a, wasmtime::Result<R>>,
    ) -> Result<R, Failure> {
        self.meter.restart();
        self.store.set_epoch_deadline(1);
        let outcome = {
            let metered = Metered {
                call: call(&mut self.store, &self.exports),
                meter: &self.meter,
                ticker: &self.engine.ticker,
                core,
            };
            within(limit, metered).await
        };
        match outcome {
            Some(Ok(result)) => Ok(result),
            Some(Err(error)) => {
                tracing::debug!(plugin = %core.id, "{error:?}");
                Err(Failure::Trap(explain(&error, &self.store)))
            }
            None => Err(Failure::Timeout),
        }
    }
}

/// A call for at most so long; none when the time is over. Most calls end without ever waiting, and
/// a timer costs more than they do: only one that waits gets it.
async fn within<F: Future + Unpin>(limit: Duration, mut call: Metered<'_, F>) -> Option<F::Output> {
    let begun = poll_fn(|cx| Poll::Ready(Pin::new(&mut call).poll(cx))).await;
    match begun {
        Poll::Ready(output) => Some(output),
        Poll::Pending => {
            let left = limit.saturating_sub(call.meter.ran());
            // In a place of its own, so that calls which never wait do not carry room for a timer.
            Box::pin(tokio::time::timeout(left, call)).await.ok()
        }
    }
}

/// Why an instance is gone, in a few words.
fn explain(error: &wasmtime::Error, store: &Store<HostState>) -> String {
    if let Some(refused) = store.data().space.refused() {
        return refused.to_owned();
    }
    if let Some(hit) = error.downcast_ref::<LimitHit>() {
        return hit.to_string();
    }
    let cause = error.root_cause().to_string();
    format!("it trapped: {}", cause.trim_start_matches("wasm trap: "))
}

/// Why an instance of a former version is gone.
pub(crate) const RETIRED: &str = "another version has taken its place, or it was disabled";

/// A place for an instance that its pool can empty.
///
/// Whoever takes the instance out has it to himself; a lock would cost more than some calls.
pub(crate) struct Slot<C> {
    live: AtomicCell<Option<Box<Live<C>>>>,
    /// Whether it lies there, or is just being put there.
    present: AtomicBool,
    meter: Arc<TimeMeter>,
    /// The holder can do without the state in it: the pool may drop the instance between calls.
    evictable: AtomicBool,
    gone: Mutex<String>,
}

impl<C> Slot<C> {
    pub fn new(live: Live<C>, evictable: bool) -> Self {
        Self {
            present: AtomicBool::new(true),
            meter: Arc::clone(&live.meter),
            live: AtomicCell::new(Some(Box::new(live))),
            evictable: AtomicBool::new(evictable),
            gone: Mutex::new("a call was cancelled".into()),
        }
    }

    pub fn is_live(&self) -> bool {
        self.present.load(Ordering::Acquire)
    }

    pub fn set_evictable(&self, evictable: bool) {
        self.evictable.store(evictable, Ordering::Relaxed);
    }

    /// Since when it is idle; none while it is gone, at work or needed.
    pub fn idle_since(&self) -> Option<Instant> {
        let idle = self.is_live() && self.evictable.load(Ordering::Relaxed);
        idle.then(|| self.meter.last())
    }

    /// Drops the instance.
    pub fn evict(&self, reason: &str) {
        // Held meanwhile, so that who misses the instance reads why.
        let mut gone = lock(&self.gone);
        let live = self.take();
        if live.is_some() {
            reason.clone_into(&mut gone);
        }
        drop(gone);
        drop(live);
    }

    fn take(&self) -> Option<Box<Live<C>>> {
        let live = self.live.take();
        if live.is_some() {
            self.present.store(false, Ordering::Release);
        }
        live
    }

    fn put(&self, live: Box<Live<C>>) {
        self.present.store(true, Ordering::Release);
        self.live.store(Some(live));
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whoever hears of traps.
pub(crate) trait OnTrap: Send + Sync {
    fn trapped(&self, owner: &str, reason: &str);
}

/// An instance as an adapter holds it.
pub(crate) struct Instance<C> {
    pub slot: Arc<Slot<C>>,
    pub core: Arc<PluginCore>,
    pub owner: String,
    /// Hears of traps; none where a trap is not the plugin's fault, such as server code of an app.
    pub on_trap: Option<Arc<dyn OnTrap>>,
    /// Another version has taken the plugin's place, or it was disabled.
    pub retired: Arc<AtomicBool>,
}

impl<C: Contract> Instance<C> {
    /// Whether calls have a chance.
    pub fn is_live(&self) -> bool {
        self.slot.is_live()
    }

    /// Whether it belongs to a version that serves no more; it may end what it began.
    pub fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Ends it between two calls if it is retired, for holders that can begin anew elsewhere.
    pub fn leave_if_retired(&self) {
        if self.is_retired() {
            self.slot.evict(RETIRED);
        }
    }

    /// Sets up the store between calls. Without effect, and none, when the instance is gone: the
    /// next call tells so.
    pub fn with_state<R>(&self, change: impl FnOnce(&mut HostState) -> R) -> Option<R> {
        let mut live = self.slot.take()?;
        let outcome = change(live.store.data_mut());
        self.slot.put(live);
        Some(outcome)
    }

    /// Calls the plugin.
    pub async fn call<R: Send>(
        &self,
        limit: Duration,
        call: impl for<'a> FnOnce(
            &'a mut Store<HostState>,
            &'a C,
        ) -> BoxFuture<'a, wasmtime::Result<Result<R, wire::Error>>>
        + Send,
    ) -> Result<R, PluginError> {
        let counters = &self.core.counters;
        let Some(mut live) = self.slot.take() else {
            return Err(PluginError::StateLost(lock(&self.slot.gone).clone()));
        };
        add(&counters.calls, 1);
        let result = match live.run(&self.core, limit, call).await {
            Ok(result) => {
                let result = result.map_err(|error| {
                    let mut error = PluginError::from(error);
                    // A plugin that was shown a password may have put it into its message.
                    error.each_text(|text| {
                        live.store.data().log.scrub(text);
                        defuse_lines(text);
                    });
                    error
                });
                self.slot.put(live);
                result
            }
            Err(failure) => {
                drop(live);
                Err(self.failed(failure))
            }
        };
        if result.is_err() {
            add(&counters.errors, 1);
        }
        result
    }

    fn failed(&self, failure: Failure) -> PluginError {
        match failure {
            Failure::Timeout => {
                *lock(&self.slot.gone) = "a call took too long".into();
                PluginError::Timeout
            }
            Failure::Trap(reason) => {
                lock(&self.slot.gone).clone_from(&reason);
                add(&self.core.counters.traps, 1);
                if let Some(listener) = &self.on_trap {
                    listener.trapped(&self.owner, &reason);
                }
                PluginError::Internal(format!("the plugin {} failed: {reason}", self.core.id))
            }
        }
    }
}
