//! For authors of plugins: what `labd plugin check` and `labd plugin test` do.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`check`] | reads a package and tells every fault of it, without running it |
//! | [`conform`] | runs a plugin in the real host against scripted peers |
//! | `contracts` | the contracts of `wit/`, as they were when this crate was built |
//!
//! Nothing here talks to a daemon.

pub mod check;
pub mod conform;
mod contracts;
