//! The tasks that build and start things.

use std::{fs, os::unix::process::CommandExt, path::Path, process::Command};

use crate::{
    gateways, hosts, languages, node, plugins as wasm,
    postgres::Postgres,
    sdks, setup,
    step::{self, Context, Failure, Result},
    tools,
    workspace::Workspace,
};

/// Bundles the vendor modules.
pub fn vendor(workspace: &Workspace) -> Result<()> {
    setup::to_build(workspace)?;
    node::build(workspace, &node::VENDOR)
}

/// Bundles the vendor modules, compiles and packages the plugins.
pub fn plugins(workspace: &Workspace) -> Result<()> {
    vendor(workspace)?;
    wasm::build(workspace)
}

/// Builds the plugins that are not written in Rust, and runs the tests of those in Python.
pub fn languages(workspace: &Workspace) -> Result<()> {
    setup::to_test(workspace)?;
    languages::build(workspace)?;
    languages::test(workspace)
}

/// Builds the console.
pub fn console(workspace: &Workspace) -> Result<()> {
    setup::to_build(workspace)?;
    node::build(workspace, &node::CONSOLE)
}

/// All that the daemon embeds.
fn embedded(workspace: &Workspace) -> Result<()> {
    node::build(workspace, &node::VENDOR)?;
    wasm::build(workspace)?;
    node::build(workspace, &node::CONSOLE)?;
    // The daemon compiles without them too, and says at start what it lacks.
    for name in ["plugins", "console"] {
        let folder = workspace.path("daemon/embedded").join(name);
        fs::create_dir_all(&folder).context(|| format!("creating {}", folder.display()))?;
    }
    Ok(())
}

/// Builds all and becomes the daemon.
pub fn run(mut workspace: Workspace, arguments: &[String]) -> Result<()> {
    setup::to_build(&workspace)?;
    embedded(&workspace)?;
    step::run(
        "build labd (the first time takes some minutes)",
        workspace
            .cargo("build")
            .args(["--workspace", "--bin", "labd"]),
    )?;
    let mut daemon = workspace.command(workspace.target().join("debug/labd"));
    // Who started this wants to look at it, wherever the output goes.
    daemon.args(["serve", "--sign-in-link"]).args(arguments);
    // A daemon runs for long; builds of other clones go on meanwhile.
    workspace.release();
    eprintln!("  > labd serve --sign-in-link {}", arguments.join(" "));
    Err(Failure::new(format!(
        "cannot start labd: {}",
        daemon.exec()
    )))
}

/// Builds all and runs the tests; with arguments only those tests that nextest selects by them.
pub fn test(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    setup::to_test(workspace)?;
    node::install_browser_tests(workspace)?;
    let python = sdks::install(workspace)?;
    embedded(workspace)?;
    languages::build(workspace)?;
    let nextest = tools::cargo_tool(workspace, "cargo-nextest")?;
    step::run(
        "build labd and all tests (the first time takes some minutes)",
        workspace
            .cargo("build")
            .args(["--workspace", "--lib", "--bins", "--tests", "--examples"]),
    )?;
    let server = Postgres::start(workspace)?;
    let mut tests = nextest_run(workspace, workspace.in_host(&nextest));
    let host = step::shown(
        "tests",
        environment(workspace, &server, &mut tests)
            .env(sdks::PYTHON, python)
            .args(arguments),
    );
    if !arguments.is_empty() {
        return host;
    }
    step::all([
        host,
        documentation(workspace),
        plugin_tests(workspace, &nextest, &server),
        node::run_all(workspace, "test"),
        languages::test(workspace),
    ])
}

/// Examples in the documentation; nextest does not run them.
fn documentation(workspace: &Workspace) -> Result<()> {
    step::run(
        "examples in the documentation",
        workspace
            .cargo("test")
            .args(["--workspace", "--doc", "--quiet"]),
    )
    .map(|_| ())
}

/// The plugins' own tests, which run natively, against the SDK's fakes or the private servers.
fn plugin_tests(workspace: &Workspace, nextest: &Path, server: &Postgres) -> Result<()> {
    if wasm::folders(workspace)?.is_empty() {
        return Ok(());
    }
    let mut tests = nextest_run(workspace, workspace.in_plugins(nextest));
    step::shown(
        "tests of the plugins",
        environment(workspace, server, &mut tests).arg("--no-tests=pass"),
    )
}

/// Adds what every run of nextest is given.
fn nextest_run(workspace: &Workspace, mut nextest: Command) -> Command {
    nextest
        .args(["nextest", "run", "--workspace", "--no-fail-fast"])
        .arg("--config-file")
        .arg(workspace.path(".ci/nextest.toml"));
    nextest
}

/// What tests and benchmarks find in their environment: the private servers, `LABD_BIN` and, where
/// they are beside the clone, `LABD_FIXTURES`.
fn environment<'a>(
    workspace: &Workspace,
    server: &Postgres,
    command: &'a mut Command,
) -> &'a mut Command {
    server.export(command);
    command
        .env("LABD_BIN", workspace.target().join("debug/labd"))
        // Where plugins that tests begin find the dependencies built already.
        .env("LABD_PLUGINS_TARGET", workspace.plugins_target());
    if std::env::var_os("LABD_FIXTURES").is_none()
        && let Ok(fixtures) = workspace.path("../shared/fixtures").canonicalize()
    {
        command.env("LABD_FIXTURES", fixtures);
    }
    command
}

/// Runs all benchmarks, or those that are named: `hosts` is one by itself, the others are sections of
/// labd-bench.
pub fn bench(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let beside: Vec<_> = arguments.iter().filter(|one| *one != hosts::NAME).collect();
    if arguments.is_empty() || !beside.is_empty() {
        bench_labd(workspace, &beside)?;
    }
    if arguments.is_empty() || beside.len() < arguments.len() {
        node::build(workspace, &node::VENDOR)?;
        wasm::build(workspace)?;
        hosts::bench(workspace)?;
    }
    Ok(())
}

fn bench_labd(workspace: &Workspace, arguments: &[&String]) -> Result<()> {
    setup::to_test(workspace)?;
    node::install_browser_tests(workspace)?;
    embedded(workspace)?;
    languages::build(workspace)?;
    let others = if arguments.is_empty() || arguments.iter().any(|one| *one == gateways::SECTION) {
        gateways::install(workspace)?.to_vec()
    } else {
        Vec::new()
    };
    step::run(
        "build labd as it ships (the first time takes a quarter of an hour)",
        workspace
            .cargo("build")
            .args(["--workspace", "--profile", "dist"])
            .args([
                "--bin",
                "labd",
                "--bin",
                "labd-bench",
                "--bin",
                "labd-ai-peer",
            ]),
    )?;
    let server = Postgres::start(workspace)?;
    let dist = workspace.target().join("dist");
    let with_environment = |mut command: Command| {
        environment(workspace, &server, &mut command).env("LABD_BIN", dist.join("labd"));
        command
    };
    for name in criterion_benches(workspace)? {
        let mut cargo = with_environment(workspace.cargo("bench"));
        cargo.args(["--workspace", "--bench", &name]);
        step::shown(&format!("benchmark {name}"), &mut cargo)?;
    }
    let end_to_end = dist.join("labd-bench");
    if workspace.path("tests/src/bin/labd-bench.rs").exists()
        || workspace.path("tests/src/bin/labd-bench").exists()
    {
        let mut command = with_environment(workspace.command(end_to_end));
        command.envs(others).args(arguments);
        step::shown("labd-bench", &mut command)?;
    } else {
        step::note("there is no labd-bench in tests/ yet");
    }
    Ok(())
}

/// Names of the files and folders in `benches/` of every crate.
fn criterion_benches(workspace: &Workspace) -> Result<Vec<String>> {
    let mut places = vec![
        workspace.path("daemon/benches"),
        workspace.path("plugin-sdk/benches"),
        workspace.path("tests/benches"),
    ];
    let crates = workspace.path("daemon/crates");
    for entry in fs::read_dir(&crates).context(|| "listing crates".into())? {
        let entry = entry.context(|| "listing crates".into())?;
        places.push(entry.path().join("benches"));
    }
    let mut names = Vec::new();
    for place in places.iter().filter(|place| place.exists()) {
        for entry in fs::read_dir(place).context(|| format!("listing {}", place.display()))? {
            let path = entry.context(|| "listing benchmarks".into())?.path();
            if path.is_dir() && !path.join("main.rs").exists() {
                continue;
            }
            names.extend(
                path.file_stem()
                    .and_then(|name| name.to_str())
                    .map(str::to_owned),
            );
        }
    }
    names.sort();
    Ok(names)
}

/// Hands over to `.ci/run`, which calls the other tasks.
pub fn ci(workspace: &Workspace) -> Result<()> {
    let mut script = Command::new(workspace.path(".ci/run"));
    script.current_dir(workspace.path(""));
    Err(Failure::new(format!(
        "cannot start .ci/run: {}",
        script.exec()
    )))
}
