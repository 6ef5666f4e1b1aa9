//! Checks that compile or start nothing of ours: formatting, clippy, dependency audit.

use std::process::{Command, Stdio};

use crate::{
    contracts, hosts, node, plugins, setup,
    step::{self, Result},
    tools,
    workspace::Workspace,
};

/// Published contracts, formatting and clippy of both workspaces, types of the TypeScript.
pub fn lint(workspace: &Workspace) -> Result<()> {
    contracts::check(workspace)?;
    let with_plugins = !plugins::folders(workspace)?.is_empty();
    step::run(
        "cargo fmt",
        workspace.cargo("fmt").args(["--all", "--check"]),
    )?;
    if with_plugins {
        step::run(
            "cargo fmt of the plugins",
            workspace.plugins_cargo("fmt").args(["--all", "--check"]),
        )?;
    }
    for folder in hosts::FOLDERS {
        step::run(
            &format!("cargo fmt of {folder}"),
            workspace
                .hosts_cargo(folder, workspace.hosts_target(), "fmt")
                .args(["--all", "--check"]),
        )?;
    }
    // Templates, each a workspace of its own.
    for kind in ["ai-provider", "connector", "deployer", "sandbox"] {
        let manifest = workspace.path("examples/plugin-rust").join(kind);
        step::run(
            &format!("cargo fmt of examples/plugin-rust/{kind}"),
            workspace
                .cargo("fmt")
                .arg("--check")
                .arg("--manifest-path")
                .arg(manifest.join("Cargo.toml")),
        )?;
    }
    setup::to_build(workspace)?;
    step::run(
        "clippy",
        workspace
            .cargo("clippy")
            .args(["--workspace", "--all-targets", "--", "-D", "warnings"]),
    )?;
    if with_plugins {
        // The sandbox includes what the vendor build makes.
        node::build(workspace, &node::VENDOR)?;
        // In release mode, so that C code and build scripts are shared with `plugins`.
        step::run(
            "clippy of the plugins",
            workspace.plugins_cargo("clippy").args([
                "--workspace",
                "--release",
                "--target",
                "wasm32-wasip2",
                "--",
                "-D",
                "warnings",
            ]),
        )?;
    }
    node::run_all(workspace, "typecheck")
}

/// Where `cargo deny` gets its advisories from.
const ADVISORIES: &str = "https://github.com/rustsec/advisory-db";

/// `cargo deny` on both workspaces.
pub fn audit(workspace: &Workspace) -> Result<()> {
    let deny = tools::cargo_tool(workspace, "cargo-deny")?;
    let mut checks = vec!["bans", "licenses", "sources"];
    if reachable(workspace) {
        checks.push("advisories");
    } else {
        step::note("advisories are left out: their database cannot be reached from here");
    }
    let mut manifests = vec!["Cargo.toml"];
    if !plugins::folders(workspace)?.is_empty() {
        manifests.push("plugins/Cargo.toml");
    }
    for manifest in manifests {
        step::run(
            &format!("cargo deny {} for {manifest}", checks.join(" ")),
            workspace
                .command(&deny)
                .arg("--manifest-path")
                .arg(workspace.path(manifest))
                .arg("--config")
                .arg(workspace.path("deny.toml"))
                .args(["--workspace", "--all-features", "--locked", "check"])
                .args(&checks),
        )?;
    }
    Ok(())
}

fn reachable(workspace: &Workspace) -> bool {
    // `timeout` is missing on some systems; then git's own limits apply.
    let mut command: Command = match tools::find("timeout") {
        Some(timeout) => {
            let mut command = workspace.command(timeout);
            command.args(["20", "git"]);
            command
        }
        None => workspace.command("git"),
    };
    command
        .args(["ls-remote", "--quiet", ADVISORIES, "HEAD"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
