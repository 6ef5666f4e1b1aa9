//! wasmtime alone: the components that labd runs too, by bindings that wasmtime generates from the
//! same contracts, without limits, health, permissions or counters.
//!
//! Its configuration is the fastest plain one: the pooling allocator, no fuel, no epochs (unless
//! asked for), no component-model concurrency, a store with WASI that holds nothing. Calls are
//! asynchronous, since a host on tokio needs them so (`Calls::Blocking` shows what they cost).

use crate::{Result, guests::Guests, labd::Load};
use connector::exports::labd::connector::connector as connector_wit;
use provider::exports::labd::ai_provider::provider as provider_wit;
use sandbox::exports::labd::sandbox::sandbox as sandbox_wit;
use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    component::{Component, HasSelf, Linker, ResourceAny, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

mod log {
    wasmtime::component::bindgen!({
        inline: "package labd:bench; world log { import labd:host/log@0.1.0; }",
        path: ["../../wit/common", "../../wit/host"],
        world: "labd:bench/log",
    });
}

mod connector {
    wasmtime::component::bindgen!({
        inline: "package labd:bench; world connector { export labd:connector/connector@0.1.0; }",
        path: ["../../wit/common", "../../wit/host", "../../wit/connector"],
        world: "labd:bench/connector",
        exports: { default: async },
    });
}

mod blocking {
    wasmtime::component::bindgen!({
        inline: "package labd:bench; world connector { export labd:connector/connector@0.1.0; }",
        path: ["../../wit/common", "../../wit/host", "../../wit/connector"],
        world: "labd:bench/connector",
    });
}

mod provider {
    wasmtime::component::bindgen!({
        inline: "package labd:bench; world provider { export labd:ai-provider/provider@0.1.0; }",
        path: ["../../wit/common", "../../wit/host", "../../wit/ai-provider"],
        world: "labd:bench/provider",
        exports: { default: async },
    });
}

mod sandbox {
    wasmtime::component::bindgen!({
        inline: "package labd:bench; world sandbox { export labd:sandbox/sandbox@0.1.0; }",
        path: ["../../wit/common", "../../wit/host", "../../wit/sandbox"],
        world: "labd:bench/sandbox",
        exports: { default: async },
    });
}

/// The most instances at once.
const INSTANCES: u32 = 1100;

/// A store's data.
struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl log::labd::host::log::Host for State {
    fn log(&mut self, _: log::labd::host::log::Level, _: String, _: Vec<(String, String)>) {}
}

fn engine(epochs: bool) -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(8 * INSTANCES)
        .total_memories(INSTANCES)
        .total_tables(4 * INSTANCES);
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(epochs)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(Engine::new(&config)?)
}

fn store(engine: &Engine) -> Store<State> {
    let mut store = Store::new(
        engine,
        State {
            wasi: WasiCtxBuilder::new().build(),
            table: ResourceTable::new(),
        },
    );
    // Without effect where epochs are off.
    store.set_epoch_deadline(u64::MAX / 2);
    store
}

fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    log::labd::host::log::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

fn connector_pre(engine: &Engine, component: &Component) -> Result<connector::ConnectorPre<State>> {
    let pre = linker(engine)?.instantiate_pre(component)?;
    Ok(connector::ConnectorPre::new(pre)?)
}

fn source() -> connector_wit::Config {
    connector_wit::Config {
        user: None,
        database: None,
        base_url: None,
        options: Vec::new(),
        time_zone: String::new(),
        application_name: String::new(),
    }
}

fn request(events: u32) -> provider_wit::Request {
    provider_wit::Request {
        model: String::new(),
        system: Vec::new(),
        messages: Vec::new(),
        tools: Vec::new(),
        tool_choice: provider_wit::ToolChoice::Automatic,
        parallel_tools: None,
        output_schema: None,
        max_tokens: Some(events),
        temperature: None,
        top_p: None,
        stop: Vec::new(),
        effort: None,
        cache: None,
        user: None,
        document: None,
    }
}

/// A connection in an instance of its own.
struct Open {
    store: Store<State>,
    exports: connector::Connector,
    handle: ResourceAny,
}

impl Open {
    async fn new(engine: &Engine, pre: &connector::ConnectorPre<State>) -> Result<Self> {
        let mut store = store(engine);
        let exports = pre.instantiate_async(&mut store).await?;
        let calls = exports.labd_connector_connector();
        let handle = calls.call_open(&mut store, &source()).await??;
        Ok(Self {
            store,
            exports,
            handle,
        })
    }

    async fn ping(&mut self) -> Result<()> {
        let connections = self.exports.labd_connector_connector().connection();
        Ok(connections
            .call_ping(&mut self.store, self.handle)
            .await??)
    }
}

/// The idle instances of the provider: the least that callers can share.
struct Idle {
    engine: Engine,
    pre: provider::ProviderPre<State>,
    instances: Mutex<Vec<(Store<State>, provider::Provider)>>,
}

impl Idle {
    async fn take(&self) -> Result<(Store<State>, provider::Provider)> {
        let idle = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        if let Some(instance) = idle {
            return Ok(instance);
        }
        let mut store = store(&self.engine);
        let exports = self.pre.instantiate_async(&mut store).await?;
        Ok((store, exports))
    }

    fn give_back(&self, instance: (Store<State>, provider::Provider)) {
        self.instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(instance);
    }

    async fn models(&self) -> Result<()> {
        let (mut store, exports) = self.take().await?;
        let calls = exports.labd_ai_provider_provider();
        calls.call_models(&mut store, "null").await??;
        self.give_back((store, exports));
        Ok(())
    }
}

/// wasmtime with the three guests, and something open in each.
pub struct Bare {
    engine: Engine,
    pre: connector::ConnectorPre<State>,
    connection: Open,
    idle: Arc<Idle>,
    server: (Store<State>, sandbox::Sandbox, ResourceAny),
}

impl Bare {
    /// Compiles them.
    pub async fn start(guests: &Guests, epochs: bool) -> Result<Self> {
        let engine = engine(epochs)?;
        let pre = connector_pre(&engine, &Component::new(&engine, &guests.connector)?)?;
        let connection = Open::new(&engine, &pre).await?;

        let component = Component::new(&engine, &guests.provider)?;
        let idle = Idle {
            engine: engine.clone(),
            pre: provider::ProviderPre::new(linker(&engine)?.instantiate_pre(&component)?)?,
            instances: Mutex::default(),
        };

        let component = Component::new(&engine, &guests.sandbox)?;
        let mut store = store(&engine);
        let exports =
            sandbox::Sandbox::instantiate_async(&mut store, &component, &linker(&engine)?).await?;
        let calls = exports.labd_sandbox_sandbox();
        let handle = calls.call_load(&mut store, &[]).await??;
        Ok(Self {
            engine,
            pre,
            connection,
            idle: Arc::new(idle),
            server: (store, exports, handle),
        })
    }

    /// As [`crate::labd::Labd::pings`].
    pub async fn pings(&mut self, times: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..times {
            self.connection.ping().await?;
        }
        Ok(start.elapsed())
    }

    /// As [`crate::labd::Labd::takes`].
    pub async fn takes(&self, times: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..times {
            self.idle.models().await?;
        }
        Ok(start.elapsed())
    }

    /// As [`crate::labd::Labd::echoes`].
    pub async fn echoes(&mut self, size: usize, times: u32) -> Result<Duration> {
        let requests: Vec<_> = (0..times)
            .map(|_| sandbox_wit::Request {
                method: "POST".into(),
                url: "/api/echo".into(),
                headers: Vec::new(),
                body: vec![b'x'; size],
            })
            .collect();
        let (store, exports, handle) = &mut self.server;
        let servers = exports.labd_sandbox_sandbox().server();
        let start = Instant::now();
        for request in requests {
            let response = servers
                .call_handle(&mut *store, *handle, &request)
                .await??;
            if response.body.len() != size {
                return Err("another body came back".into());
            }
        }
        Ok(start.elapsed())
    }

    /// As [`crate::labd::Labd::instances`].
    pub async fn instances(&self, times: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..times {
            Open::new(&self.engine, &self.pre).await?;
        }
        Ok(start.elapsed())
    }

    /// As [`crate::labd::Labd::stream`].
    pub async fn stream(&self, events: u32, batch: u32) -> Result<Duration> {
        let request = request(events);
        let start = Instant::now();
        let (mut store, exports) = self.idle.take().await?;
        let calls = exports.labd_ai_provider_provider();
        let handle = calls.call_complete(&mut store, "null", &request).await??;
        let mut seen = 0;
        loop {
            let completions = calls.completion();
            let more = completions.call_next(&mut store, handle, batch).await??;
            if more.is_empty() {
                break;
            }
            seen += more.len();
        }
        handle.resource_drop_async(&mut store).await?;
        self.idle.give_back((store, exports));
        let took = start.elapsed();
        if seen != events as usize {
            return Err(format!("{seen} events of {events} came").into());
        }
        Ok(took)
    }

    /// As [`crate::labd::Labd::callers`].
    pub async fn callers(&self, callers: u32, times: u32) -> Result<Duration> {
        let start = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let idle = Arc::clone(&self.idle);
            tasks.spawn(async move {
                for _ in 0..times {
                    idle.models().await?;
                    tokio::task::yield_now().await;
                }
                Result::Ok(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(start.elapsed())
    }
}

/// The call that does nothing without a fiber: wasmtime's blocking interface.
pub struct Blocking {
    store: Store<State>,
    exports: blocking::Connector,
    handle: ResourceAny,
}

impl Blocking {
    /// Compiles it.
    pub fn start(guests: &Guests) -> Result<Self> {
        use blocking::exports::labd::connector::connector as wit;
        let engine = engine(false)?;
        let component = Component::new(&engine, &guests.connector)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        log::labd::host::log::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        let mut store = store(&engine);
        let exports = blocking::Connector::instantiate(&mut store, &component, &linker)?;
        let config = wit::Config {
            user: None,
            database: None,
            base_url: None,
            options: Vec::new(),
            time_zone: String::new(),
            application_name: String::new(),
        };
        let calls = exports.labd_connector_connector();
        let handle = calls.call_open(&mut store, &config)??;
        Ok(Self {
            store,
            exports,
            handle,
        })
    }

    /// As [`crate::labd::Labd::pings`].
    pub fn pings(&mut self, times: u32) -> Result<Duration> {
        let connections = self.exports.labd_connector_connector().connection();
        let start = Instant::now();
        for _ in 0..times {
            connections.call_ping(&mut self.store, self.handle)??;
        }
        Ok(start.elapsed())
    }
}

/// As [`crate::labd::first_load`], compiled.
pub async fn first_load(guests: &Guests) -> Result<Duration> {
    let start = Instant::now();
    let engine = engine(false)?;
    let component = Component::new(&engine, &guests.connector)?;
    let pre = connector_pre(&engine, &component)?;
    Open::new(&engine, &pre).await?.ping().await?;
    Ok(start.elapsed())
}

/// Writes compiled code for [`from_cache`].
pub fn compile(guests: &Guests, to: &Path) -> Result<()> {
    let code = engine(false)?.precompile_component(&guests.connector)?;
    Ok(fs::write(to, code)?)
}

/// As [`crate::labd::first_load`], from compiled code. Nothing tells whether it was changed.
#[expect(
    unsafe_code,
    reason = "wasmtime trusts compiled code; this was written just before"
)]
pub async fn from_cache(file: &Path) -> Result<Load> {
    let start = Instant::now();
    let engine = engine(false)?;
    let host_started = start.elapsed();
    // SAFETY: `compile` wrote the file into a folder that only this process knows.
    let component = unsafe { Component::deserialize_file(&engine, file)? };
    let pre = connector_pre(&engine, &component)?;
    Open::new(&engine, &pre).await?.ping().await?;
    Ok(Load {
        host_started,
        all: start.elapsed(),
    })
}

/// As [`crate::labd::hold`].
pub async fn hold(
    guests: &Guests,
    count: usize,
    resident: impl Fn() -> Result<u64>,
) -> Result<u64> {
    let engine = engine(false)?;
    let pre = connector_pre(&engine, &Component::new(&engine, &guests.connector)?)?;
    Open::new(&engine, &pre).await?.ping().await?;
    let before = resident()?;
    let mut held = Vec::new();
    for _ in 0..count {
        let mut connection = Open::new(&engine, &pre).await?;
        connection.ping().await?;
        held.push(connection);
    }
    Ok(resident()?.saturating_sub(before))
}
