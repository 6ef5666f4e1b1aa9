//! Puts contracts, SDKs and templates into the crate, so that a `labd` without any source tree can
//! check plugins and begin new ones.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// What builds leave behind; it is no source.
const LEFTOVERS: [&str; 7] = [
    "Cargo.lock",
    "node_modules",
    "target",
    "dist",
    "build",
    "generated",
    "__pycache__",
];

/// The name of a list, the folder that it holds, and a folder to put before its paths.
const LISTS: [(&str, &str, &str); 7] = [
    ("WIT", "wit", ""),
    ("RUST_SDK", "plugin-sdk/src", "src"),
    ("JAVASCRIPT_SDK", "plugin-sdk/js/src", "src"),
    ("PYTHON_SDK", "plugin-sdk/python/labd", "labd"),
    ("RUST_TEMPLATES", "examples/plugin-rust", ""),
    ("JAVASCRIPT_TEMPLATES", "examples/plugin-js", ""),
    ("PYTHON_TEMPLATES", "examples/plugin-python", ""),
];

/// The name of a file, and where it is.
const FILES: [(&str, &str); 2] = [
    ("JAVASCRIPT_SDK_PACKAGE", "plugin-sdk/js/package.json"),
    ("PLUGINS_LOCK", "plugins/Cargo.lock"),
];

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?)
        .join("../../..")
        .canonicalize()?;
    let mut code = String::new();
    for (list, folder, before) in LISTS {
        let base = root.join(folder);
        let mut files = Vec::new();
        collect(&base, &mut files)?;
        files.sort();
        line(
            &mut code,
            &format!("pub(crate) static {list}: &[(&str, &str)] = &["),
        );
        for file in files {
            let name = file.strip_prefix(&base).map_err(io::Error::other)?;
            let name = Path::new(before).join(name);
            line(
                &mut code,
                &format!(
                    "({:?}, include_str!({:?})),",
                    name.display().to_string(),
                    file
                ),
            );
        }
        line(&mut code, "];");
    }
    for (name, path) in FILES {
        let path = root.join(path);
        line(
            &mut code,
            &format!("pub(crate) static {name}: &str = include_str!({path:?});"),
        );
    }
    let manifest = sdk_manifest(&root)?;
    line(
        &mut code,
        &format!("pub(crate) static RUST_SDK_MANIFEST: &str = {manifest:?};"),
    );
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("embedded.rs"), code)
}

fn line(code: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(code, "{text}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut has_leftovers = false;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || LEFTOVERS.contains(&&*name) {
            has_leftovers = true;
        } else if path.is_dir() {
            collect(&path, files)?;
        } else {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    // Cargo looks at all that is in a folder: one that is built in would always be new.
    if !has_leftovers && !folder.join("plugin.toml").exists() && !folder.ends_with("examples") {
        let nested = fs::read_dir(folder)?
            .flatten()
            .any(|entry| entry.path().join("plugin.toml").exists());
        if !nested {
            println!("cargo::rerun-if-changed={}", folder.display());
        }
    }
    Ok(())
}

/// The SDK's `Cargo.toml` for a place outside of this workspace.
fn sdk_manifest(root: &Path) -> io::Result<String> {
    let read = |path: &str| -> io::Result<Table> {
        let path = root.join(path);
        println!("cargo::rerun-if-changed={}", path.display());
        fs::read_to_string(path)?.parse().map_err(io::Error::other)
    };
    let mut workspace = read("Cargo.toml")?;
    let mut sdk = read("plugin-sdk/Cargo.toml")?;
    let mut shared = |name: &str| match workspace.get_mut("workspace").map(Value::as_table_mut) {
        Some(Some(table)) => table.remove(name),
        _ => None,
    };
    let package = shared("package").unwrap_or(Value::Table(Table::new()));
    let dependencies = shared("dependencies").unwrap_or(Value::Table(Table::new()));
    // Its lints and its own tests are this workspace's matter.
    sdk.remove("lints");
    sdk.remove("dev-dependencies");
    if let Some(Value::Table(own)) = sdk.get_mut("package") {
        inherit(own, &package);
    }
    if let Some(Value::Table(own)) = sdk.get_mut("dependencies") {
        inherit(own, &dependencies);
    }
    toml::to_string(&sdk).map_err(io::Error::other)
}

/// Puts in what `workspace = true` stands for.
fn inherit(own: &mut Table, shared: &Value) {
    for (name, value) in own.iter_mut() {
        let Value::Table(said) = value else { continue };
        if said.remove("workspace").is_none() {
            continue;
        }
        let Some(shared) = shared.get(name) else {
            continue;
        };
        *value = match (shared, std::mem::take(said)) {
            (shared, said) if said.is_empty() => shared.clone(),
            (Value::Table(shared), said) => {
                let mut both = shared.clone();
                both.extend(said);
                Value::Table(both)
            }
            (version, mut said) => {
                said.insert("version".into(), version.clone());
                Value::Table(said)
            }
        };
    }
}
