//! The one wasmtime engine, and the ticker that interrupts guests.
//!
//! Calls are fibers under tokio. Instances come from the pooling allocator, which reserves address
//! space (terabytes) but no memory; where the system refuses that (a limit on address space in a
//! container), instances are allocated on demand, which works the same and takes somewhat longer.

use crate::limits::{self, EPOCH_TICK, TICKER_LINGER};
use quanta::Clock;
use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::Thread,
};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// The engine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// This machine cannot run plugins.
    #[error("the WebAssembly engine cannot start: {0}")]
    Engine(String),
    /// The ticker's thread could not be started.
    #[error("the thread that interrupts plugins cannot start: {0}")]
    Ticker(#[from] std::io::Error),
}

/// What all plugins share.
#[derive(Clone)]
pub(crate) struct SharedEngine {
    pub engine: Engine,
    pub clock: Clock,
    pub ticker: Arc<Ticker>,
}

impl SharedEngine {
    pub fn new() -> Result<Self, EngineError> {
        let failed = |e: wasmtime::Error| EngineError::Engine(format!("{e:#}"));
        let engine = match Engine::new(&config(true, true)) {
            Ok(engine) => engine,
            Err(error) => {
                tracing::warn!(%error, "no address space for the pooling allocator; instances are allocated on demand");
                Engine::new(&config(false, true)).map_err(failed)?
            }
        };
        let ticker = Ticker::start(&engine)?;
        Ok(Self {
            engine,
            clock: Clock::new(),
            ticker,
        })
    }

    /// Machine code of a component; in the background on one thread, with the same outcome.
    pub fn compile(&self, wasm: &[u8], in_background: bool) -> wasmtime::Result<Vec<u8>> {
        if in_background {
            Engine::new(&config(false, false))?.precompile_component(wasm)
        } else {
            self.engine.precompile_component(wasm)
        }
    }
}

fn config(pooling: bool, parallel: bool) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(limits::pool::GUEST_STACK)
        .async_stack_size(limits::pool::STACK)
        .parallel_compilation(parallel)
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
    if pooling {
        // Freed memories keep nothing resident. `linear_memory_keep_resident` counts from the lowest address,
        // which is the far end of a stack that most plugins hardly use. `pagemap_scan` would find the pages
        // that matter, and passes over those that are swapped out: the next guest would read them
        // (https://github.com/bytecodealliance/wasmtime/pull/14357).
        let mut pool = PoolingAllocationConfig::default();
        pool.total_component_instances(limits::pool::COMPONENT_INSTANCES)
            .total_core_instances(limits::pool::CORE_INSTANCES)
            .total_memories(limits::pool::MEMORIES)
            .total_tables(limits::pool::TABLES)
            .total_stacks(limits::pool::STACKS)
            .max_core_instances_per_component(limits::pool::CORE_INSTANCES_EACH)
            .max_memories_per_component(limits::pool::MEMORIES_EACH)
            .max_tables_per_component(limits::pool::TABLES_EACH)
            .max_memories_per_module(limits::pool::MEMORIES_EACH)
            .max_tables_per_module(limits::pool::TABLES_EACH)
            .table_elements(limits::Limits::default().table_elements)
            .max_memory_size(limits::MEMORY_CEILING)
            .max_unused_warm_slots(limits::pool::WARM_SLOTS);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

/// Advances the engine's epoch every [`EPOCH_TICK`] while guests run, and sleeps otherwise: an idle
/// daemon does not wake up for it.
///
/// A guest says that it runs each time its future is polled, and one that runs for long is polled
/// again at the next tick, so the ticker need not count who runs.
pub(crate) struct Ticker {
    /// Some guest began to run since the last tick.
    active: AtomicBool,
    parked: AtomicBool,
    thread: Thread,
}

impl Ticker {
    fn start(engine: &Engine) -> Result<Arc<Self>, std::io::Error> {
        let (hand_over, receive) = std::sync::mpsc::channel::<Weak<Self>>();
        let engine = engine.weak();
        let handle = std::thread::Builder::new()
            .name("labd-epoch".into())
            .stack_size(64 * 1024)
            .spawn(move || {
                let Ok(ticker) = receive.recv() else { return };
                let mut idle = 0;
                loop {
                    let (Some(ticker), Some(engine)) = (ticker.upgrade(), engine.upgrade()) else {
                        return;
                    };
                    if ticker.active.swap(false, Ordering::SeqCst) {
                        idle = 0;
                    } else if idle < TICKER_LINGER {
                        idle += 1;
                    } else {
                        ticker.parked.store(true, Ordering::SeqCst);
                        // A guest that began before it saw `parked` is seen here; one that begins
                        // later sees `parked` and wakes this thread.
                        if !ticker.active.load(Ordering::SeqCst) {
                            drop(ticker);
                            drop(engine);
                            std::thread::park();
                            continue;
                        }
                        ticker.parked.store(false, Ordering::SeqCst);
                        idle = 0;
                    }
                    drop(ticker);
                    std::thread::sleep(EPOCH_TICK);
                    engine.increment_epoch();
                }
            })?;
        let ticker = Arc::new(Self {
            active: AtomicBool::new(false),
            parked: AtomicBool::new(false),
            thread: handle.thread().clone(),
        });
        // The receiver lives until it has received.
        let _ = hand_over.send(Arc::downgrade(&ticker));
        Ok(ticker)
    }

    /// A guest, whose deadline is set, is about to run.
    pub fn run(&self) {
        // Where `active` is seen, the ticker is yet to take it back, and ticks many times before it
        // parks: this guest gives way at one of these ticks, and comes here again. This spares most
        // calls the store, for which they would have to wait for one another.
        if self.active.load(Ordering::Relaxed) {
            return;
        }
        self.active.store(true, Ordering::SeqCst);
        if self.parked.load(Ordering::SeqCst) && self.parked.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
    }

    #[cfg(test)]
    fn is_parked(&self) -> bool {
        self.parked.load(Ordering::SeqCst)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn wait_until(what: &str, done: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !done() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_ticker_sleeps_when_no_guest_runs_and_wakes_for_the_next() {
        let shared = SharedEngine::new().unwrap();
        wait_until("it never sleeps", || shared.ticker.is_parked());
        shared.ticker.run();
        assert!(!shared.ticker.is_parked());
        wait_until("it never sleeps again", || shared.ticker.is_parked());
    }
}
