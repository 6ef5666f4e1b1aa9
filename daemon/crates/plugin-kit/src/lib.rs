//! For authors of plugins: what `labd plugin new`, `build`, `check` and `test` do.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`scaffold`] | begins a plugin: a template with the SDK and the contracts |
//! | [`build`] | runs the toolchain of a plugin's language and makes its package |
//! | [`check`] | reads a package and tells every fault of it, without running it |
//! | [`conform`] | runs a plugin in the real host against scripted peers |
//! | `contracts` | the contracts of `wit/` |
//! | `embedded` | contracts, SDKs and templates, as they were when this crate was built |
//!
//! Nothing here talks to a daemon.

pub mod build;
pub mod check;
pub mod conform;
mod contracts;
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}
pub mod scaffold;
