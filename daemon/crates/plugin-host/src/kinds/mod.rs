//! What the daemon asks of each kind of plugin: one trait per kind, with types that belong to no
//! contract version. The generated bindings of a version are adapted to these in one place.

pub mod ai;
mod bundle;
pub mod connector;
pub mod deployer;
pub mod sandbox;
