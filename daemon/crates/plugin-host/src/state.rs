//! What a store holds: the inert WASI baseline, the meters that make limits hold, and the
//! capabilities of this one instance.

use crate::{
    capabilities::{
        app::AppAccess, bundle::BundleAccess, http::HttpAccess, log::LogSink, net::NetAccess,
        sqlite::SqliteAccess,
    },
    plugin_core::{PluginCore, add},
};
use quanta::Clock;
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};
use wasmtime::{
    ResourceLimiter, Store, UpdateDeadline,
    component::{HasData, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::engine::{SharedEngine, Ticker};

/// The data of a store.
pub(crate) struct HostState {
    pub core: Arc<PluginCore>,
    pub log: LogSink,
    pub app: AppAccess,
    pub bundle: BundleAccess,
    pub http: HttpAccess,
    pub net: NetAccess,
    pub sqlite: SqliteAccess,
    pub table: ResourceTable,
    pub space: SpaceMeter,
    wasi: WasiCtx,
}

/// Gives the capabilities access to the whole state.
pub(crate) struct Access;

impl HasData for Access {
    type Data<'a> = &'a mut HostState;
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// A store with every limit in force. `memory` is in bytes.
pub(crate) fn new_store(
    engine: &SharedEngine,
    core: &Arc<PluginCore>,
    memory: usize,
) -> (Store<HostState>, Arc<TimeMeter>) {
    let limits = &core.limits;
    let log = LogSink::new(Arc::clone(core));
    let mut table = ResourceTable::new();
    table.set_max_capacity(limits.resources);
    let wasi = WasiCtxBuilder::new()
        .stderr(log.stream())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(limits.random_bytes)
        .build();
    let mut store = Store::new(
        &engine.engine,
        HostState {
            core: Arc::clone(core),
            log,
            app: AppAccess::default(),
            bundle: BundleAccess::default(),
            http: HttpAccess::default(),
            net: NetAccess::default(),
            sqlite: SqliteAccess::default(),
            table,
            space: SpaceMeter::new(
                memory,
                limits.table_elements,
                Arc::clone(&core.counters.memory),
            ),
            wasi,
        },
    );
    store.limiter(|state| &mut state.space);
    store.set_hostcall_fuel(limits.hostcall_bytes);
    store.set_max_component_handles(limits.resources);
    let meter = Arc::new(TimeMeter::new(engine.clock.clone(), limits.cpu));
    let time = Arc::clone(&meter);
    store.epoch_deadline_callback(move |_| {
        if time.is_spent() {
            return Err(LimitHit::Cpu(time.limit).into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
    (store, meter)
}

/// A limit that ends the instance.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LimitHit {
    #[error("it ran for more than {} in one call", seconds(*.0))]
    Cpu(Duration),
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// Counts memory and tables over all of an instance, since wasmtime asks about each one alone.
pub(crate) struct SpaceMeter {
    memory: usize,
    memory_limit: usize,
    tables: usize,
    table_limit: usize,
    refused: Option<String>,
    pending: usize,
    /// The memory of all instances of the plugin.
    all: Arc<AtomicU64>,
}

impl SpaceMeter {
    fn new(memory_limit: usize, table_limit: usize, all: Arc<AtomicU64>) -> Self {
        Self {
            all,
            memory: 0,
            memory_limit,
            tables: 0,
            table_limit,
            refused: None,
            pending: 0,
        }
    }

    /// The limit at which growth was refused, in words. A guest that is refused memory traps in a
    /// way that says nothing; this tells why.
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }
}

impl Drop for SpaceMeter {
    fn drop(&mut self) {
        self.all.fetch_sub(self.memory as u64, Ordering::Relaxed);
    }
}

impl ResourceLimiter for SpaceMeter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        if self.memory.saturating_add(more) > self.memory_limit {
            self.refused = Some(format!(
                "it wanted more than {} MiB of memory",
                self.memory_limit / (1024 * 1024)
            ));
            return Ok(false);
        }
        self.memory += more;
        self.pending = more;
        add(&self.all, more as u64);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.memory = self.memory.saturating_sub(pending);
        self.all.fetch_sub(pending as u64, Ordering::Relaxed);
        tracing::debug!(%error, "a plugin's memory did not grow");
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        if self.tables.saturating_add(more) > self.table_limit {
            self.refused = Some(format!(
                "it wanted more than {} table elements",
                self.table_limit
            ));
            return Ok(false);
        }
        self.tables += more;
        Ok(true)
    }
}

/// Measures how long a guest itself runs in one call: the time in which its future is polled.
/// Waiting for the network costs it nothing.
///
/// Its clock is the processor's counter where that can be relied upon: two readings of the system's
/// clock would take a quarter of the time of a short call.
pub(crate) struct TimeMeter {
    limit: Duration,
    clock: Clock,
    /// Nanoseconds of the finished polls of this call. Only the poll writes here and below.
    ran: AtomicU64,
    /// When the present poll began, by the clock's own count.
    since: AtomicU64,
    /// When the last poll ended, likewise.
    ended: AtomicU64,
}

impl TimeMeter {
    fn new(clock: Clock, limit: Duration) -> Self {
        let now = clock.raw();
        Self {
            limit,
            clock,
            ran: AtomicU64::new(0),
            since: AtomicU64::new(now),
            ended: AtomicU64::new(now),
        }
    }

    /// Nanoseconds from one reading of the clock until a later one.
    fn between(&self, began: u64, ended: u64) -> u64 {
        self.clock.delta_as_nanos(began, ended.max(began))
    }

    fn is_spent(&self) -> bool {
        let poll = self.between(self.since.load(Ordering::Relaxed), self.clock.raw());
        let ran = self.ran.load(Ordering::Relaxed).saturating_add(poll);
        Duration::from_nanos(ran) > self.limit
    }

    /// Begins a new call.
    pub fn restart(&self) {
        self.ran.store(0, Ordering::Relaxed);
    }

    /// How long the guest has run in this call, without the present poll.
    pub fn ran(&self) -> Duration {
        Duration::from_nanos(self.ran.load(Ordering::Relaxed))
    }

    /// When the guest ran last.
    pub fn last(&self) -> Instant {
        let idle = self.between(self.ended.load(Ordering::Relaxed), self.clock.raw());
        let now = Instant::now();
        now.checked_sub(Duration::from_nanos(idle)).unwrap_or(now)
    }
}

/// A call under a [`TimeMeter`]; the ticker runs while it is polled.
pub(crate) struct Metered<'a, F> {
    pub call: F,
    pub meter: &'a TimeMeter,
    pub ticker: &'a Ticker,
    pub core: &'a PluginCore,
}

impl<F: Future + Unpin> Future for Metered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let began = self.meter.clock.raw();
        self.meter.since.store(began, Ordering::Relaxed);
        self.ticker.run();
        let result = Pin::new(&mut self.call).poll(cx);
        let ended = self.meter.clock.raw();
        let ran = self.meter.between(began, ended);
        self.meter.ended.store(ended, Ordering::Relaxed);
        let before = self.meter.ran.load(Ordering::Relaxed);
        let after = before.saturating_add(ran);
        self.meter.ran.store(after, Ordering::Relaxed);
        add(&self.core.counters.cpu_nanos, ran);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_summed_over_all_memories() {
        let mut meter = SpaceMeter::new(100, 10, Arc::default());
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert!(meter.refused().is_some());
        assert!(meter.memory_growing(60, 100, None).unwrap());
        assert!(!meter.memory_growing(0, 1, None).unwrap());
    }

    #[test]
    fn growth_that_failed_is_given_back() {
        let mut meter = SpaceMeter::new(100, 10, Arc::default());
        assert!(meter.memory_growing(0, 100, None).unwrap());
        meter
            .memory_grow_failed(wasmtime::Error::msg("no memory"))
            .unwrap();
        assert!(meter.memory_growing(0, 100, None).unwrap());
    }

    #[test]
    fn the_memory_of_all_instances_is_known_and_goes_with_them() {
        let all = Arc::<AtomicU64>::default();
        let mut one = SpaceMeter::new(100, 10, Arc::clone(&all));
        let mut other = SpaceMeter::new(100, 10, Arc::clone(&all));
        assert!(one.memory_growing(0, 60, None).unwrap());
        assert!(other.memory_growing(0, 30, None).unwrap());
        assert_eq!(all.load(Ordering::Relaxed), 90);
        other
            .memory_grow_failed(wasmtime::Error::msg("no memory"))
            .unwrap();
        drop(one);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn tables_are_summed_over_all_tables() {
        let mut meter = SpaceMeter::new(100, 10, Arc::default());
        assert!(meter.table_growing(0, 6, None).unwrap());
        assert!(!meter.table_growing(0, 6, None).unwrap());
    }
}
