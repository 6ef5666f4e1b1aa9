//! Puts the contracts into the crate, so that a `labd` without any source tree can check plugins.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// What builds leave behind; it is no source.
const LEFTOVERS: [&str; 5] = ["node_modules", "target", "dist", "generated", "__pycache__"];

/// The name of the list, and the folder it holds.
const LISTS: [(&str, &str); 1] = [("WIT", "wit")];

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?)
        .join("../../..")
        .canonicalize()?;
    let mut code = String::new();
    for (list, folder) in LISTS {
        let base = root.join(folder);
        println!("cargo::rerun-if-changed={}", base.display());
        let mut files = Vec::new();
        collect(&base, &mut files)?;
        files.sort();
        line(
            &mut code,
            &format!("pub(crate) static {list}: &[(&str, &str)] = &["),
        );
        for file in files {
            let name = file.strip_prefix(&base).map_err(io::Error::other)?;
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
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("embedded.rs"), code)
}

fn line(code: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(code, "{text}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && name != ".gitignore" || LEFTOVERS.contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
