//! For authors of plugins: what `labd plugin check`, `test`, `new` and `build` do.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`check`] | reads a package and tells every fault of it, without running it |
//! | `contracts` | the contracts of `wit/`, as they were when this crate was built |
//!
//! Nothing here talks to a daemon.

pub mod check;
mod contracts;
