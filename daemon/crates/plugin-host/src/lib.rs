//! The plugin host: engine, contracts, grants, limits, egress and instance pools.
//!
//! The rest of the daemon sees plugins only as the traits in [`kinds`], one per kind, and as
//! [`PluginError`]; [`PluginHost`] hands them out. Nothing outside this crate names wasmtime.
//!
//! | module | what it settles |
//! | --- | --- |
//! | `registry`, `plugin` | which plugins there are, which version serves, and what an operator changes |
//! | `plugin_core`, `journal` | what all of a plugin's versions share: counters, events, log |
//! | [`manifest`] (of `labd-plugin-package`), `grants`, `permitted` | what a plugin is, asks for and may do |
//! | `shape`, `engine`, `cache`, `linker`, `contract` | from bytes to something that can be instantiated |
//! | `state`, `instance`, `pool`, `health`, `limits` | instances, their owners and their limits |
//! | `capabilities` | what the host offers to plugins |
//! | [`egress`], [`net`], [`sqlite`] | what its outgoing capabilities do, without any plugin |
//! | [`address`], [`tls`], [`observe`] | what those share: vetted addresses, trusted roots, reports |
//! | `adapt`, `bindings` | the contract's types, translated to [`kinds`] |

mod adapt;
pub mod address;
mod bindings;
mod cache;
mod capabilities;
mod contract;
pub mod egress;
mod engine;
mod error;
mod grants;
mod health;
mod instance;
mod journal;
pub mod kinds;
pub mod limits;
mod linker;
mod lookup;
pub mod net;
pub mod observe;
mod permitted;
mod plugin;
mod plugin_core;
mod pool;
mod registry;
mod shape;
pub mod sqlite;
mod state;
pub mod tls;

use labd_plugin_package::package;

pub use cache::CacheError;
pub use engine::EngineError;
pub use error::{Denial, Fault, PluginError};
pub use grants::{Ceiling, GrantError};
pub use journal::LogLine;
pub use labd_plugin_package::{
    manifest::{self, Kind, Manifest, ManifestError, Permissions},
    package::{EmbeddedFile, PackageError},
};
pub use limits::Limits;
pub use linker::{LoadError, is_declared};
pub use plugin_core::{Happening, PluginCounters, PluginEvent};
pub use registry::{
    ChangeError, PluginHost, PluginOptions, PluginState, PluginSummary, Rescanned, StartError,
    WaitingVersion,
};
