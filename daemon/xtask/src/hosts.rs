//! The plugin host beside bare wasmtime and Extism (`tests/hosts`).
//!
//! Outside the repository's lock file, CI and audit: Extism brings a second wasmtime, older than the
//! daemon's. `lint` looks at the formatting alone, since compiling both takes twenty minutes.

use crate::{
    setup,
    step::{self, Result},
    workspace::Workspace,
};

/// The benchmark's name among the sections of labd-bench.
pub const NAME: &str = "hosts";

/// The benchmark's workspace, and that of the plugins which it measures.
pub const FOLDERS: [&str; 2] = ["tests/hosts", "tests/hosts/guests"];

/// Builds the benchmark and its plugins in release mode, and runs it.
pub fn bench(workspace: &Workspace) -> Result<()> {
    setup::to_build(workspace)?;
    setup::rust_target(workspace, "wasm32-unknown-unknown")?;
    let [hosts, guests] = FOLDERS;
    let built = workspace.hosts_target().join("guests");
    for (target, packages) in [
        (
            "wasm32-wasip2",
            ["connector", "provider", "sandbox"].as_slice(),
        ),
        ("wasm32-unknown-unknown", &["extism"]),
    ] {
        let mut cargo = workspace.hosts_cargo(guests, &built, "build");
        cargo.args(["--release", "--target", target]);
        for package in packages {
            cargo.args(["--package", &format!("labd-bench-{package}")]);
        }
        step::run(&format!("build {guests} for {target}"), &mut cargo)?;
    }
    step::run(
        &format!("build {hosts} in release mode (the first time takes some twenty minutes)"),
        workspace
            .hosts_cargo(hosts, workspace.hosts_target(), "build")
            .arg("--release"),
    )?;
    step::shown(
        "labd-bench-hosts",
        workspace
            .command(workspace.hosts_target().join("release/labd-bench-hosts"))
            .env("LABD_BENCH_GUESTS", built),
    )
}
