//! The toolchains.

use super::{BuildError, io_error};
use crate::scaffold::Language;
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const TARGET: &str = "wasm32-wasip2";

/// The SDK is not beside the source: a plugin that lies in labd's own repository, or that names
/// another one.
pub(super) fn has_sdk_elsewhere(folder: &Path, language: Language) -> bool {
    let names_it = |file: &str| {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        text.contains(".labd/sdk")
    };
    match language {
        Language::Rust => !names_it("Cargo.toml"),
        Language::JavaScript => !names_it("build.mjs"),
        Language::Python => false,
    }
}

/// Compiles a crate; gives the component's file.
pub(super) fn cargo(folder: &Path) -> Result<PathBuf, BuildError> {
    let rust = "install Rust from https://rustup.rs";
    let found = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(folder)
        .stderr(Stdio::null())
        .output();
    let found = found.map_err(|error| missing(error, folder, "rustc", rust))?;
    let libraries = String::from_utf8_lossy(&found.stdout);
    if !Path::new(libraries.trim()).is_dir() {
        return Err(BuildError::NoTool {
            tool: "Rust's target wasm32-wasip2",
            help: "run `rustup target add wasm32-wasip2`",
        });
    }
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--target", TARGET])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(folder)
        .stderr(Stdio::inherit());
    let told = cargo
        .output()
        .map_err(|error| missing(error, folder, "cargo", rust))?;
    if !told.status.success() {
        return Err(BuildError::Failed {
            command: "cargo build".into(),
        });
    }
    let manifest = folder.join("Cargo.toml");
    let text = String::from_utf8_lossy(&told.stdout);
    text.lines()
        .filter_map(|line| serde_json::from_str::<Artifact>(line).ok())
        .filter(|artifact| artifact.manifest_path == manifest)
        .flat_map(|artifact| artifact.filenames)
        .find(|file| file.extension().is_some_and(|ending| ending == "wasm"))
        .ok_or_else(|| {
            BuildError::NoComponent(
                "cargo made no component: Cargo.toml needs crate-type = [\"cdylib\"] in [lib]"
                    .into(),
            )
        })
}

/// A message of cargo about something that it made.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    filenames: Vec<PathBuf>,
}

/// The folder's own build, which writes `dist/` itself.
pub(super) fn npm(folder: &Path) -> Result<Option<PathBuf>, BuildError> {
    let node = "install Node.js 20 or later";
    if !folder.join("node_modules").exists() {
        let install = match folder.join("package-lock.json").exists() {
            true => "ci",
            false => "install",
        };
        run(
            folder,
            Command::new("npm").args([install, "--no-audit", "--no-fund"]),
            "npm",
            node,
        )?;
    }
    run(
        folder,
        Command::new("npm").args(["run", "--silent", "build"]),
        "npm",
        node,
    )?;
    Ok(None)
}

/// The folder's own build, in an environment of its own.
pub(super) fn python(folder: &Path) -> Result<Option<PathBuf>, BuildError> {
    let help = "install Python 3.10 or later, with venv (Debian: python3-venv)";
    let wanted = folder.join("requirements.txt");
    let environment = folder.join(".venv");
    // What was installed, to see when something else is wanted.
    let stamp = environment.join("requirements.txt");
    let program = environment.join("bin/python");
    let requirements = fs::read(&wanted).map_err(io_error(&wanted))?;
    if fs::read(&stamp).ok().as_ref() != Some(&requirements) {
        run(
            folder,
            Command::new("python3").args(["-m", "venv", "--clear", ".venv"]),
            "python3",
            help,
        )?;
        let install = ["-m", "pip", "install", "--disable-pip-version-check"];
        run(
            folder,
            Command::new(&program).args(install).args([
                "--quiet",
                "--requirement",
                "requirements.txt",
            ]),
            "python3",
            help,
        )?;
        fs::write(&stamp, requirements).map_err(io_error(&stamp))?;
    }
    run(
        folder,
        Command::new(&program).arg("build.py"),
        "python3",
        help,
    )?;
    Ok(None)
}

/// A script of the folder's own.
pub(super) fn script(folder: &Path) -> Result<Option<PathBuf>, BuildError> {
    let script = folder.join("build.sh");
    run(
        folder,
        &mut Command::new(&script),
        "build.sh",
        "make it executable",
    )?;
    Ok(None)
}

fn run(
    folder: &Path,
    command: &mut Command,
    tool: &'static str,
    help: &'static str,
) -> Result<(), BuildError> {
    let status = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .map_err(|error| missing(error, folder, tool, help))?;
    if status.success() {
        return Ok(());
    }
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or_default().to_string_lossy()];
    words.extend(command.get_args().map(|word| word.to_string_lossy()));
    Err(BuildError::Failed {
        command: words.join(" "),
    })
}

fn missing(error: io::Error, folder: &Path, tool: &'static str, help: &'static str) -> BuildError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            BuildError::NoTool { tool, help }
        }
        _ => io_error(folder)(error),
    }
}
