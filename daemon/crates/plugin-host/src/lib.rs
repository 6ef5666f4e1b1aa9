//! The plugin host: engine, contracts, grants, limits, egress and instance pools.
//!
//! The rest of the daemon sees plugins only as the traits in [`kinds`], one per kind, and as
//! [`PluginError`]. Nothing outside this crate names wasmtime.

mod error;
pub mod kinds;

pub use error::{Denial, Fault, PluginError};
