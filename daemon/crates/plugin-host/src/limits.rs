//! Every limit and timeout of the plugin host, in one place.
//!
//! | limit | unit | default | reason |
//! | --- | --- | --- | --- |
//! | [`Limits::memory`] | bytes, summed over an instance's memories | 128 MiB | a compiler or a QuickJS heap fits, ten of them do not hurt |
//! | [`MEMORY_CEILING`] | bytes | 512 MiB | the most a manifest may ask for |
//! | [`Limits::table_elements`] | elements, summed over an instance's tables | 100 000 | the largest guests seen need some 20 000 |
//! | [`Limits::cpu`] | own running time in one call | 5 s | far beyond any honest call, short enough for a person |
//! | [`EPOCH_TICK`] | time | 10 ms | a guest yields this often, so that its neighbours run |
//! | [`Limits::call`] | wall clock of one call | 30 s | what a person waits for |
//! | [`Limits::first_event`] | wall clock until an AI answer's first event | 120 s | models think before they speak |
//! | [`Limits::between_events`] | wall clock between events | 60 s | a silent upstream is dead |
//! | [`Limits::query_grace`] | wall clock beyond a statement's own timeout | 5 s | the database's error is better than ours |
//! | [`Limits::hostcall_bytes`] | bytes that one host call, or one result, may carry | 32 MiB | a prompt with images fits |
//! | [`Limits::batch_bytes`] | bytes of one batch of rows | 4 MiB | rows come as a stream |
//! | [`Limits::resources`] | handles of an instance | 10 000 | a leak shows before it hurts |
//! | [`Limits::open`] | connections, bodies and databases that a plugin holds open | 512 | two for each answer; the system gives a process some thousand |
//! | [`Limits::random_bytes`] | bytes per call | 1 MiB | nobody needs more at once |
//! | [`Limits::http_body`] / [`Limits::http_headers`] | bytes | 64 MiB / 128 KiB | an answer with images fits |
//! | [`Limits::memory_together`] | bytes, summed over a plugin's instances, beyond which none is added | 1 GiB | a machine has room for some such plugins |
//! | [`Limits::answers`] | instances of a provider plugin, each with one answer | 256 | answers take long, and a team asks at once; an instance has some 40 KiB |
//! | [`Limits::deployments`] | instances of a deployer plugin | 8 | targets limit sooner |
//! | [`Limits::connections`] | instances of a connector plugin | 64 | eight for each of eight sources |
//! | [`Limits::workspaces`] | instances of a sandbox plugin | 32 | two for each of sixteen projects in use |
//! | [`Limits::artifact_bytes`] | bytes of a deployment's file to download | 256 MiB | ten times the largest app seen |
//! | [`Limits::deploy_events`] | events of a deployment | 20 000 | a line for each file of a large app |
//! | [`ARTIFACT_CHUNK`] / [`CHECKPOINT_BYTES`] | bytes of one piece of it / of what a deployer wants kept | 1 MiB / 64 KiB | as the contract says |
//! | [`BUNDLE_FILES`] / [`BUNDLE_READ`] | files of one listing / bytes of one reading | 1000 / 4 MiB | as the contract says |
//! | [`Limits::queue`] | calls that wait for an instance, per plugin | 256 | then the caller is told to come back |
//! | [`Limits::queue_wait`] | wall clock in that queue | 30 s | as for a call |
//! | [`Limits::log_lines`] | lines a second, per plugin | 200 | readable, and a flood is cut |
//! | [`LOG_LINE_BYTES`] | bytes of a line | 8 KiB | a stack trace fits |
//! | [`Limits::restarts`] | traps before quarantine | 3 | one is bad luck |
//! | [`Limits::backoff`] | wait before a restart, at most | 5 s | doubling from 250 ms |
//! | [`Limits::healthy_after`] | time without a trap that restores the budget | 60 s | |
//! | [`Limits::idle_instance`] | time after which an unused instance is dropped | 60 s | an idle daemon is small |
//! | [`FUNCTIONS`] / [`FUNCTION_BYTES`] / [`MODULES`] | of a component | 100 000 / 1 MiB / 1000 | a compilation cannot be interrupted |
//! | [`Limits::idle_workspace`] | the same for workspaces and servers of projects | 10 min | rebuilding them costs a compile |
//!
//! How large a package may be stands in [`labd_plugin_package::limits`].

pub use labd_plugin_package::limits::MEMORY_CEILING;
use std::time::Duration;

/// One mebibyte.
const MIB: usize = 1024 * 1024;

/// How often a running guest gives way, and the unit in which the ticker advances.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);
/// How long the ticker goes on after the last guest has stopped, so that calls in close succession
/// do not wake it each time.
pub const TICKER_LINGER: u32 = 20;
/// Longest line of a plugin's log; what is beyond is cut.
pub const LOG_LINE_BYTES: usize = 8 * 1024;
/// Most functions of a component: CPython with its libraries has some 20 000.
pub const FUNCTIONS: usize = 100_000;
/// Most bytes of one function: interpreters' loops have some 300 KiB. Time and memory of the
/// compiler grow faster than a function.
pub const FUNCTION_BYTES: usize = 1024 * 1024;
/// Most modules and components within a component.
pub const MODULES: usize = 1000;
/// How deep components may be nested.
pub const NESTING: usize = 10;
/// Longest `clock.sleep`.
pub const SLEEP: Duration = Duration::from_secs(60);
/// Largest piece of a deployment's artifact.
pub const ARTIFACT_CHUNK: usize = MIB;
/// Longest checkpoint, and longest state of a release.
pub const CHECKPOINT_BYTES: usize = 64 * 1024;
/// Files that a deployer is told of at once.
pub const BUNDLE_FILES: usize = 1000;
/// Bytes of a bundle's file that a deployer is handed at once.
pub const BUNDLE_READ: usize = 4 * MIB;
/// Events that wait for a slow subscriber before the oldest are dropped.
pub const EVENT_QUEUE: usize = 256;

/// What the engine reserves; address space, not memory.
pub mod pool {
    /// Component instances of all plugins together: each plugin has limits of its own, and a dozen
    /// of them at theirs still fit.
    pub const COMPONENT_INSTANCES: u32 = 1024;
    /// Core instances. They are counted only, and cost nothing before they exist.
    pub const CORE_INSTANCES: u32 = 8192;
    /// Those of one instance of a plugin: toolchains split a component into up to a dozen, those of
    /// languages with shared libraries into some thirty.
    pub const CORE_INSTANCES_EACH: u32 = 64;
    /// Linear memories.
    pub const MEMORIES: u32 = 1536;
    /// Those of one instance: so many that 64 connections of one plugin leave room for others.
    pub const MEMORIES_EACH: u32 = 4;
    /// Tables.
    pub const TABLES: u32 = 3072;
    /// Those of one instance, by the same measure.
    pub const TABLES_EACH: u32 = 8;
    /// Stacks of calls in flight.
    pub const STACKS: u32 = 1024;
    /// Bytes of stack that a guest may use: parsers of nested code need more than the 512 KiB that
    /// are wasmtime's default.
    pub const GUEST_STACK: usize = 1024 * 1024;
    /// Bytes of stack that are reserved for guest and host functions together.
    pub const STACK: usize = 2 * 1024 * 1024;
    /// Freed slots that keep the image of the plugin that used them.
    pub const WARM_SLOTS: u32 = 32;
}

/// The limits that a test or the operator may set; [`Limits::default`] is the table above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes per instance, summed over its memories, unless the manifest asks for another.
    pub memory: usize,
    /// Elements per instance, summed over its tables.
    pub table_elements: usize,
    /// Own running time in one call.
    pub cpu: Duration,
    /// Wall clock of one call.
    pub call: Duration,
    /// Wall clock until an answer's first event.
    pub first_event: Duration,
    /// Wall clock between an answer's events.
    pub between_events: Duration,
    /// Wall clock that a query gets beyond its own timeout.
    pub query_grace: Duration,
    /// Wall clock of a cancellation.
    pub cancel: Duration,
    /// Bytes that one crossing of the boundary may carry.
    pub hostcall_bytes: usize,
    /// Bytes of one batch of rows.
    pub batch_bytes: usize,
    /// Handles of an instance.
    pub resources: usize,
    /// Connections, bodies of responses and databases that all instances of a plugin hold open.
    pub open: usize,
    /// Random bytes per call of the function.
    pub random_bytes: u64,
    /// Bytes of a response's body.
    pub http_body: u64,
    /// Bytes of a request's or response's headers.
    pub http_headers: usize,
    /// Bytes of the file that one deployment gives to download.
    pub artifact_bytes: u64,
    /// Events of one deployment.
    pub deploy_events: u32,
    /// Bytes of memory of all instances of a plugin, beyond which none is added.
    pub memory_together: usize,
    /// Instances of a provider plugin.
    pub answers: usize,
    /// Instances of a deployer plugin.
    pub deployments: usize,
    /// Instances of a connector plugin.
    pub connections: usize,
    /// Instances of a sandbox plugin.
    pub workspaces: usize,
    /// Calls that may wait for an instance, per plugin.
    pub queue: usize,
    /// How long they wait.
    pub queue_wait: Duration,
    /// Log lines a second, per plugin.
    pub log_lines: u32,
    /// Traps before quarantine.
    pub restarts: u32,
    /// Longest wait before a restart.
    pub backoff: Duration,
    /// Time without a trap that restores the budget of restarts.
    pub healthy_after: Duration,
    /// Time after which a warm instance without state is dropped.
    pub idle_instance: Duration,
    /// Time after which an instance that holds a project's state is dropped.
    pub idle_workspace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 128 * MIB,
            table_elements: 100_000,
            cpu: Duration::from_secs(5),
            call: Duration::from_secs(30),
            first_event: Duration::from_secs(120),
            between_events: Duration::from_secs(60),
            query_grace: Duration::from_secs(5),
            cancel: Duration::from_secs(5),
            hostcall_bytes: 32 * MIB,
            batch_bytes: 4 * MIB,
            resources: 10_000,
            open: 512,
            random_bytes: MIB as u64,
            http_body: 64 * MIB as u64,
            http_headers: 128 * 1024,
            artifact_bytes: 256 * MIB as u64,
            deploy_events: 20_000,
            memory_together: 1024 * MIB,
            answers: 256,
            deployments: 8,
            connections: 64,
            workspaces: 32,
            queue: 256,
            queue_wait: Duration::from_secs(30),
            log_lines: 200,
            restarts: 3,
            backoff: Duration::from_secs(5),
            healthy_after: Duration::from_secs(60),
            idle_instance: Duration::from_secs(60),
            idle_workspace: Duration::from_secs(600),
        }
    }
}
