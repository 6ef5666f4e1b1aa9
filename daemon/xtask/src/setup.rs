//! What a machine needs, and how it gets there.
//!
//! | what | looked for | installed by |
//! | --- | --- | --- |
//! | Rust's `wasm32-wasip2`, for a benchmark `wasm32-unknown-unknown` | its folder in the sysroot | `rustup target add` |
//! | a C compiler, clang 19 for wasm, PostgreSQL's server, a container registry, Chromium, OpenSSL | the program or file | `apt-get`, as root on Debian |
//! | Node 20 or later with npm | `node --version` | nobody: Debian's is older |
//! | Python 3 with venv | `import ensurepip, venv` | `apt-get`, as root on Debian |
//! | npm packages | a stamp in `node_modules` | `npm ci`, by lock file |
//!
//! Whoever is not root, or has no `apt-get`, is told everything that is missing at once.

use std::{env, path::Path, process::Command};

use crate::{
    node, postgres,
    step::{self, Failure, Result},
    tools,
    workspace::Workspace,
};

/// The oldest Node that the console's and the vendor modules' builds run on.
const NODE: u32 = 20;

/// Something from the system's packages.
struct Package {
    /// Its name in Debian 12.
    debian: &'static str,
    /// What it is for, in a message.
    purpose: &'static str,
    present: fn() -> bool,
}

const TO_BUILD: [Package; 5] = [
    Package {
        debian: "build-essential",
        purpose: "C compiler for SQLite and ring",
        present: || tools::find("cc").is_some(),
    },
    Package {
        debian: "clang-19",
        purpose: "C compiler for QuickJS in wasm",
        present: || env::var_os("CC_wasm32_wasip2").is_some() || tools::find("clang-19").is_some(),
    },
    Package {
        debian: "llvm-19",
        purpose: "archiver for QuickJS in wasm",
        present: || {
            env::var_os("AR_wasm32_wasip2").is_some() || tools::find("llvm-ar-19").is_some()
        },
    },
    Package {
        debian: "wasi-libc",
        purpose: "C library for QuickJS in wasm",
        present: || {
            env::var_os("CFLAGS_wasm32_wasip2").is_some()
                || Path::new("/usr/include/wasm32-wasi/stdio.h").exists()
        },
    },
    Package {
        debian: "libclang-rt-19-dev-wasm32",
        purpose: "compiler runtime for QuickJS in wasm",
        present: || {
            env::var_os("CC_wasm32_wasip2").is_some()
                || Path::new("/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a")
                    .exists()
        },
    },
];

const TO_TEST: [Package; 5] = [
    Package {
        debian: "postgresql",
        purpose: "private server for tests",
        present: || postgres::programs().is_some(),
    },
    Package {
        debian: "python3-venv",
        purpose: "plugins in Python",
        present: || {
            let mut python = Command::new("python3");
            step::quiet(python.args(["-c", "import ensurepip, venv"])).is_ok()
        },
    },
    Package {
        debian: "openssl",
        purpose: "certificates of the private server",
        present: || tools::find("openssl").is_some(),
    },
    Package {
        debian: "docker-registry",
        purpose: "registry that packages of plugins are pushed to",
        present: || tools::find("docker-registry").is_some(),
    },
    Package {
        debian: "chromium",
        purpose: "browser tests",
        present: || {
            ["chromium", "chromium-browser", "google-chrome"]
                .iter()
                .any(|name| tools::find(name).is_some())
        },
    },
];

/// What building needs.
pub fn to_build(workspace: &Workspace) -> Result<()> {
    have(workspace, &TO_BUILD.iter().collect::<Vec<_>>())
}

/// What building and testing need.
pub fn to_test(workspace: &Workspace) -> Result<()> {
    have(
        workspace,
        &TO_BUILD.iter().chain(&TO_TEST).collect::<Vec<_>>(),
    )
}

fn have(workspace: &Workspace, wanted: &[&Package]) -> Result<()> {
    let parts = [
        rust_target(workspace, "wasm32-wasip2"),
        packages(workspace, wanted),
        node_version(workspace),
    ];
    step::all(parts)
}

/// `cargo xtask setup`: all of it, with the npm packages and the test runner.
pub fn everything(workspace: &Workspace) -> Result<()> {
    to_test(workspace)?;
    node::install_all(workspace)?;
    tools::cargo_tool(workspace, "cargo-nextest").map(|_| ())
}

/// One of Rust's targets.
pub fn rust_target(workspace: &Workspace, target: &str) -> Result<()> {
    let present = || -> Result<bool> {
        let sysroot = step::quiet(workspace.command("rustc").args(["--print", "sysroot"]))?;
        Ok(Path::new(sysroot.trim())
            .join("lib/rustlib")
            .join(target)
            .exists())
    };
    if present()? {
        return Ok(());
    }
    if tools::find("rustup").is_none() {
        return Err(Failure::new(format!(
            "Rust's target {target} is missing and there is no rustup. \
             Install Rust from https://rustup.rs, or your distribution's package with that target."
        )));
    }
    step::run(
        &format!("rustup target add {target}"),
        workspace.command("rustup").args(["target", "add", target]),
    )
    .map(|_| ())
}

fn packages(workspace: &Workspace, wanted: &[&Package]) -> Result<()> {
    let missing: Vec<_> = wanted
        .iter()
        .filter(|package| !(package.present)())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|package| package.debian).collect();
    let names_text = names.join(" ");
    if !postgres::is_root(workspace)? || tools::find("apt-get").is_none() {
        let list: String = missing
            .iter()
            .map(|package| format!("  {:26} {}\n", package.debian, package.purpose))
            .collect();
        return Err(Failure::new(format!(
            "missing from this system (names of Debian 12):\n{list}\
             Install them, on Debian with\n  sudo apt-get update && sudo apt-get install -y {names_text}\n\
             and run this again."
        )));
    }
    let apt = || {
        let mut apt = workspace.command("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-o", "DPkg::Lock::Timeout=300"]);
        apt
    };
    step::run("apt-get update", apt().arg("update"))?;
    step::run(
        &format!("apt-get install {names_text}"),
        apt()
            .args(["install", "-y", "--no-install-recommends"])
            .args(&names),
    )
    .map(|_| ())
}

fn node_version(workspace: &Workspace) -> Result<()> {
    let advice = format!(
        "Install Node {NODE} or later with npm: from https://nodejs.org, with nvm, \
         or from NodeSource's Debian repository."
    );
    if tools::find("node").is_none() || tools::find("npm").is_none() {
        return Err(Failure::new(format!("node or npm is missing. {advice}")));
    }
    let version = step::quiet(workspace.command("node").arg("--version"))?;
    match major(&version) {
        Some(major) if major >= NODE => Ok(()),
        _ => Err(Failure::new(format!(
            "node is {}, which is too old. {advice}",
            version.trim()
        ))),
    }
}

fn major(version: &str) -> Option<u32> {
    version
        .trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(super::major("v20.20.2\n"), Some(20));
        assert_eq!(super::major("command not found"), None);
    }
}
