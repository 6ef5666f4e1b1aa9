//! Programs: finding them, and building the cargo tools that are missing.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    step::{self, Result},
    workspace::Workspace,
};

/// The path of a program in `PATH`.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| executable(candidate))
}

/// Whether this is a file that may be started.
pub fn executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// A cargo tool such as `cargo-nextest`: the one in `PATH`, or else one that is installed, by
/// `cargo install --locked`, into our cache.
///
/// It is built without optimisation: that takes half of the time and makes no difference here.
pub fn cargo_tool(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let folder = workspace.cache().join("tools");
    let ours = folder.join("bin").join(name);
    if let Some(present) = find(name).or_else(|| executable(&ours).then(|| ours.clone())) {
        return Ok(present);
    }
    step::run(
        &format!("install {name} (once)"),
        workspace
            .command("cargo")
            .env("CARGO_TARGET_DIR", workspace.cache().join("tools-target"))
            .args(["install", "--locked", "--debug", "--root"])
            .arg(&folder)
            .arg(name),
    )?;
    // Only needed while it was built.
    let _ = fs::remove_dir_all(workspace.cache().join("tools-target"));
    Ok(ours)
}
