//! From bytes to something that can be instantiated: compiled or mapped, its imports checked
//! against what the manifest declares, linked to exactly those, and its exports checked against the
//! kind's world.
//!
//! | import | linked |
//! | --- | --- |
//! | `wasi:cli`, `io`, `clocks`, `random`, `filesystem`, `sockets` 0.2 | always, inert: no arguments, environment, files or sockets |
//! | `labd:common/*` | always (types) |
//! | `labd:host/log`, `clock` | always |
//! | `labd:host/http` | when the manifest asks for `http` |
//! | `labd:host/net`, `sqlite` | when the manifest asks for them |
//! | `labd:host/app` | for sandboxes |
//! | `labd:host/bundle` | for deployers |
//! | anything else | never |

use crate::{
    cache::Cache,
    capabilities::{app, bundle, clock, http, log, net, sqlite},
    engine::SharedEngine,
    manifest::{Kind, Manifest},
    package::{Package, PackageError},
    shape,
    state::HostState,
};
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, InstancePre, Linker};

/// Why a plugin cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its files.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Its component is another than when the daemon started.
    #[error("plugin.wasm was changed on disk; restart labd to take it in")]
    Changed,
    /// Not WebAssembly, or a core module.
    #[error("plugin.wasm is not a WebAssembly component{0}")]
    NotAComponent(&'static str),
    /// Compiling it would take too long.
    #[error("plugin.wasm is too much work for the compiler: {0}")]
    TooMuchWork(String),
    /// It does not validate or cannot be compiled.
    #[error("plugin.wasm does not compile: {0}")]
    Compile(String),
    /// It imports what its manifest does not declare, or what does not exist.
    #[error("plugin.wasm imports what its manifest does not declare: {}", .0.join(", "))]
    Undeclared(Vec<String>),
    /// An import has another type than what the host offers.
    #[error("plugin.wasm cannot be linked: {0}")]
    Link(String),
    /// It does not export what its kind must.
    #[error("plugin.wasm is not a {kind}: {reason}")]
    WrongWorld {
        /// The manifest's kind.
        kind: Kind,
        /// What is missing.
        reason: String,
    },
    /// The probe failed.
    #[error("plugin.wasm cannot be instantiated: {0}")]
    Instantiate(String),
}

/// The component of a package: mapped from the cache, or compiled and kept there.
pub(crate) fn component(
    engine: &SharedEngine,
    cache: &Cache,
    package: &Package,
    in_background: bool,
) -> Result<Component, LoadError> {
    let digest = &package.wasm_digest;
    if let Some(component) = cache.load(&engine.engine, digest) {
        return Ok(component);
    }
    let wasm = package.wasm()?;
    // Grants and the cache go by the digest, so nothing else may run under it.
    if hex::encode(Sha256::digest(&wasm)) != *digest {
        return Err(LoadError::Changed);
    }
    match wasm.get(..8) {
        Some(b"\0asm\x0d\0\x01\0") => {}
        Some(b"\0asm\x01\0\0\0") => {
            return Err(LoadError::NotAComponent(
                ", but a core module; build it for wasm32-wasip2",
            ));
        }
        _ => return Err(LoadError::NotAComponent("")),
    }
    shape::check(&wasm).map_err(LoadError::TooMuchWork)?;
    let compile = |e: wasmtime::Error| LoadError::Compile(format!("{e:#}"));
    let code = engine.compile(&wasm, in_background).map_err(compile)?;
    cache.store(&engine.engine, digest, &code);
    match cache.load(&engine.engine, digest) {
        Some(component) => Ok(component),
        // The disk is full or read-only.
        None => Component::from_binary(&engine.engine, &wasm).map_err(compile),
    }
}

/// Links a component to what its manifest declares.
pub(crate) fn link(
    engine: &SharedEngine,
    manifest: &Manifest,
    component: &Component,
) -> Result<InstancePre<HostState>, LoadError> {
    let mut undeclared: Vec<_> = component
        .component_type()
        .imports(&engine.engine)
        .map(|(name, _)| name.to_owned())
        .filter(|name| !is_declared(name, manifest))
        .collect();
    if !undeclared.is_empty() {
        undeclared.sort();
        return Err(LoadError::Undeclared(undeclared));
    }
    let mut linker = Linker::new(&engine.engine);
    add_all(&mut linker, manifest)
        .and_then(|()| linker.instantiate_pre(component))
        .map_err(|e| LoadError::Link(format!("{e:#}")))
}

fn add_all(linker: &mut Linker<HostState>, manifest: &Manifest) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    log::link(linker)?;
    clock::link(linker)?;
    if manifest.kind == Kind::Sandbox {
        app::link(linker)?;
    }
    if manifest.kind == Kind::Deployer {
        bundle::link(linker)?;
    }
    if !manifest.permissions.http.is_empty() {
        http::link(linker)?;
    }
    if manifest.permissions.net {
        net::link(linker)?;
    }
    if manifest.permissions.sqlite {
        sqlite::link(linker)?;
    }
    Ok(())
}

/// Whether a plugin with this manifest may import this.
pub fn is_declared(import: &str, manifest: &Manifest) -> bool {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    let Some((package, interface)) = name.split_once('/') else {
        return false;
    };
    match package {
        "wasi:cli" | "wasi:io" | "wasi:clocks" | "wasi:random" | "wasi:filesystem"
        | "wasi:sockets" => version.starts_with("0.2."),
        "labd:common" => version.starts_with("0.1."),
        "labd:host" => {
            version.starts_with("0.1.")
                && match interface {
                    "log" | "clock" => true,
                    "app" => manifest.kind == Kind::Sandbox,
                    "bundle" => manifest.kind == Kind::Deployer,
                    "http" => !manifest.permissions.http.is_empty(),
                    "net" => manifest.permissions.net,
                    "sqlite" => manifest.permissions.sqlite,
                    _ => false,
                }
        }
        _ => false,
    }
}
