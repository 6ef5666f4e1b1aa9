//! `cargo xtask`: everything that is done to this repository, from an empty machine on.
//!
//! | command | what it does |
//! | --- | --- |
//! | `setup` | installs what is missing: the Rust target, Debian packages (as root), npm packages |
//! | `run [-- ARGS]` | sets up, builds all, then becomes `labd serve --sign-in-link ARGS` |
//! | `test [-- ARGS]` | sets up, builds all, starts private servers, runs every test; `ARGS` go to nextest and narrow the run to it |
//! | `vendor` | bundles the modules that generated apps may import |
//! | `plugins` | vendor, then compiles and packages the plugins |
//! | `languages` | builds the plugins that are not written in Rust, and tests those in Python |
//! | `console` | builds the web console |
//! | `lint` | published contracts, formatting and clippy, of both workspaces |
//! | `publish-contracts` | lists new versions of contracts in `wit/published.toml` |
//! | `audit` | `cargo deny`: licences, bans, sources, and advisories where their database is reached |
//! | `bench [-- ARGS]` | benchmarks, of labd as it ships; `hosts` (see [`hosts`]) and the sections of labd-bench |
//! | `ci` | what `.ci/run` does |
//!
//! What must hold:
//! - Every command can be run again at any time. A step whose inputs did not change takes no time
//!   and rewrites no file (see [`stamp`]), so that nothing behind it is rebuilt.
//! - One line a step. What a sub-command prints is shown only when it fails (see [`step`]).
//! - All builds select `--workspace`, so that one set of features is built once, and go to one
//!   target directory outside the clone (see [`workspace`]): a second clone does not compile
//!   wasmtime again.
//! - Nothing here is a library of the daemon, and the daemon's build scripts call nothing here.

mod checks;
mod contracts;
mod gateways;
mod hosts;
mod languages;
mod node;
mod packages;
mod plugins;
mod postgres;
mod sdks;
mod setup;
mod stamp;
mod step;
mod tasks;
mod tools;
mod workspace;

use std::{env, process::ExitCode};

use step::{Failure, Result};
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <command> [-- arguments]

  setup     install what is missing to build, run and test
  run       build all, then start the daemon; arguments go to `labd serve`
  test      build all, start private servers, run every test; arguments go to nextest
  vendor    bundle the modules that generated apps may import
  plugins   compile and package the plugins
  languages build the plugins that are not written in Rust, test those in Python
  console   build the web console
  lint      published contracts, formatting and clippy
  publish-contracts
            list new versions of contracts in wit/published.toml; they never change after that
  audit     licences, bans, sources and advisories of all dependencies
  bench     benchmarks of labd as it ships; arguments are sections of labd-bench, and `hosts`: the
            plugin host beside bare wasmtime and Extism
  ci        what .ci/run does: lint, test, audit";

fn main() -> ExitCode {
    match command(env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn command(arguments: Vec<String>) -> Result<()> {
    let mut arguments = arguments.into_iter();
    let name = arguments.next().unwrap_or_default();
    let mut passed: Vec<String> = arguments.collect();
    if passed.first().is_some_and(|first| first == "--") {
        passed.remove(0);
    }
    let takes_arguments = matches!(name.as_str(), "run" | "test" | "bench");
    if !takes_arguments && let Some(extra) = passed.first() {
        return Err(Failure::new(format!(
            "`cargo xtask {name}` takes no arguments, and was given {extra}\n\n{USAGE}"
        )));
    }
    let workspace = || Workspace::open();
    match name.as_str() {
        "setup" => setup::everything(&workspace()?),
        "run" => tasks::run(workspace()?, &passed),
        "test" => tasks::test(&workspace()?, &passed),
        "vendor" => tasks::vendor(&workspace()?),
        "plugins" => tasks::plugins(&workspace()?),
        "languages" => tasks::languages(&workspace()?),
        "console" => tasks::console(&workspace()?),
        "lint" => checks::lint(&workspace()?),
        "publish-contracts" => contracts::publish(&workspace()?),
        "audit" => checks::audit(&workspace()?),
        "bench" => tasks::bench(&workspace()?, &passed),
        "ci" => tasks::ci(&workspace()?),
        "" | "help" | "-h" | "--help" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(Failure::new(format!("there is no task {other}\n\n{USAGE}"))),
    }
}
