//! Compiles the plugins' workspace and hands each plugin to [`packages`].

use std::{fs, path::PathBuf};

use crate::{
    packages::{self, Source},
    step::{self, Context, Failure, Result},
    workspace::Workspace,
};

/// Folders of `plugins/` that hold a `plugin.toml`, sorted.
pub fn folders(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let plugins = workspace.path("plugins");
    if !plugins.exists() {
        return Ok(Vec::new());
    }
    let mut folders = Vec::new();
    for entry in fs::read_dir(&plugins).context(|| "listing plugins".into())? {
        let folder = entry.context(|| "listing plugins".into())?.path();
        if folder.join("plugin.toml").exists() {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

/// Compiles and packages all plugins into `daemon/embedded/plugins`.
pub fn build(workspace: &Workspace) -> Result<()> {
    let folders = folders(workspace)?;
    if folders.is_empty() || !workspace.path("plugins/Cargo.toml").exists() {
        step::note("plugins: there are none yet, nothing to build");
        return Ok(());
    }
    step::run(
        "compile plugins for wasm32-wasip2",
        workspace.plugins_cargo("build").args([
            "--workspace",
            "--release",
            "--target",
            "wasm32-wasip2",
        ]),
    )?;
    step::step("package plugins", || {
        let out = workspace.path("daemon/embedded/plugins");
        let mut names = Vec::new();
        let mut written = 0;
        for folder in folders {
            let source = Source::read(&folder)?;
            let wasm = workspace
                .plugins_target()
                .join("wasm32-wasip2/release")
                .join(source.artifact());
            if !wasm.exists() {
                return Err(Failure::new(format!(
                    "{} was not built: is {} a member of plugins/Cargo.toml with crate-type \
                     cdylib?",
                    wasm.display(),
                    folder.display()
                )));
            }
            let name = source.name();
            let stamp = workspace.stamp(&format!("package-{name}"));
            if packages::write(&source, &wasm, &out.join(&name), stamp)? {
                written += 1;
            }
            names.push(name);
        }
        packages::remove_others(&out, &names)?;
        let word = if written == 0 {
            "up to date".to_owned()
        } else {
            format!("{written} of {} changed", names.len())
        };
        Ok(((), word))
    })
}
