//! Write labd plugins: one trait per kind, one macro to export it.
//!
//! | kind | trait | what it may ask of the host |
//! | --- | --- | --- |
//! | [`ai`] | [`ai::AiProvider`] | [`Host::send`] |
//! | [`connector`] | [`connector::Connector`] | [`Host::connect`], [`Host::open_database`], [`Host::send`] |
//! | [`deployer`] | [`deployer::Deployer`] | [`Host::send`], [`Host::bundle_files`], [`Host::bundle_read`], [`Host::placeholder`] |
//! | [`sandbox`] | [`sandbox::Sandbox`] | [`Host::app_query`], [`Host::app_user`] |
//!
//! Each module begins with a complete plugin. A plugin is generic over [`Host`]: in the daemon
//! that is [`WasmHost`], in `cargo test` it is the fake of the feature `testing`, so that all
//! logic is tested natively. Everything is synchronous; the daemon suspends a call that waits.
//!
//! A plugin is a `cdylib` built with `cargo build --release --target wasm32-wasip2`, beside a
//! `plugin.toml` that declares what it needs. It imports exactly the capabilities that it calls.
//! A panic is logged with its place, and then ends the instance, never the daemon.

#[doc(hidden)]
pub mod bindings;

pub mod ai;
pub mod api;
pub mod bundle;
pub mod config;
pub mod connector;
pub mod deployer;
mod error;
mod host;
pub mod http;
pub mod json;
pub mod log;
pub mod net;
pub mod sandbox;
pub mod sqlite;
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::{Denial, Error, Fault, Result};
pub use host::{Host, WasmHost};
pub use zeroize::Zeroizing;

/// Exports a plugin: `export_plugin!(ai_provider: MyProvider);`, `export_plugin!(connector: …);`,
/// `export_plugin!(deployer: …);` or `export_plugin!(sandbox: …);`, where `MyProvider<H>` implements the kind's trait for every
/// [`Host`]. Natively it does nothing. Once in a crate.
#[macro_export]
macro_rules! export_plugin {
    (ai_provider: $plugin:ident) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, missing_docs)]
        const _: () = {
            type Exported = $crate::ai::rt::Adapter<$plugin<$crate::WasmHost>>;
            $crate::bindings::ai::__export_ai_provider!(Exported with_types_in $crate::bindings::ai);
        };
    };
    (connector: $plugin:ident) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, missing_docs)]
        const _: () = {
            type Exported = $crate::connector::rt::Adapter<$plugin<$crate::WasmHost>>;
            $crate::bindings::connector::__export_connector!(Exported with_types_in $crate::bindings::connector);
        };
    };
    (deployer: $plugin:ident) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, missing_docs)]
        const _: () = {
            type Exported = $crate::deployer::rt::Adapter<$plugin<$crate::WasmHost>>;
            $crate::bindings::deployer::__export_deployer!(Exported with_types_in $crate::bindings::deployer);
        };
    };
    (sandbox: $plugin:ident) => {
        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, missing_docs)]
        const _: () = {
            type Exported = $crate::sandbox::rt::Adapter<$plugin<$crate::WasmHost>>;
            $crate::bindings::sandbox::__export_sandbox!(Exported with_types_in $crate::bindings::sandbox);
        };
    };
}
