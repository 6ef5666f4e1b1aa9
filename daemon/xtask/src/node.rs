//! npm: packages by lock file, and builds that run only when their inputs changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    stamp::{self, Stamp},
    step::{self, Context, Result},
    workspace::Workspace,
};

/// A folder with a `package.json` and what its build makes.
pub struct NodeBuild {
    /// The name of the step.
    pub name: &'static str,
    /// The folder, from the repository's root. All in it is an input.
    pub folder: &'static str,
    /// What `npm run build` fills.
    pub output: &'static str,
}

/// The modules that generated apps may import.
pub const VENDOR: NodeBuild = NodeBuild {
    name: "vendor modules",
    folder: "plugins/sandbox-web/vendor",
    output: "plugins/sandbox-web/generated",
};

/// The web console.
pub const CONSOLE: NodeBuild = NodeBuild {
    name: "console",
    folder: "daemon/console",
    output: "daemon/embedded/console",
};

/// The scenarios that drive a browser.
const BROWSER_TESTS: &str = "tests/browser";

/// Installs what drives the browser of the tests and benchmarks.
pub fn install_browser_tests(workspace: &Workspace) -> Result<()> {
    install(workspace, &workspace.path(BROWSER_TESTS))
}

/// Installs the packages of every folder that has a lock file.
pub fn install_all(workspace: &Workspace) -> Result<()> {
    for folder in folders(workspace)? {
        install(workspace, &folder)?;
    }
    Ok(())
}

/// Runs a script (`test`, `typecheck`) in every folder whose `package.json` has it.
pub fn run_all(workspace: &Workspace, script: &str) -> Result<()> {
    for folder in folders(workspace)? {
        let manifest = folder.join("package.json");
        let text =
            fs::read_to_string(&manifest).context(|| format!("reading {}", manifest.display()))?;
        if text.contains(&format!("\"{script}\":")) {
            install(workspace, &folder)?;
            step::run(
                &format!("npm run {script} in {}", workspace.relative(&folder)),
                npm(workspace, &folder).args(["run", "--silent", script]),
            )?;
        }
    }
    Ok(())
}

/// Runs `npm run build`, unless it was run on the same inputs.
pub fn build(workspace: &Workspace, build: &NodeBuild) -> Result<()> {
    let folder = workspace.path(build.folder);
    if !folder.join("package.json").exists() {
        step::note(&format!(
            "{}: there is no {} yet, nothing to build",
            build.name, build.folder
        ));
        return Ok(());
    }
    let output = workspace.path(build.output);
    let digest = || {
        Ok(Stamp::new(
            workspace.stamp(&build.name.replace(' ', "-")),
            stamp::digest(&stamp::files(&folder, &|_| false)?)?,
        ))
    };
    if digest()?.holds() && output.exists() {
        return step::step(build.name, || Ok(((), "up to date".into())));
    }
    install(workspace, &folder)?;
    step::run(
        build.name,
        npm(workspace, &folder).args(["run", "--silent", "build"]),
    )?;
    // Read again: a build may write a file beside its sources, such as generated types.
    digest()?.set()
}

/// `npm ci`, unless `node_modules` was made from the same lock file.
pub fn install(workspace: &Workspace, folder: &Path) -> Result<()> {
    let inputs: Vec<PathBuf> = ["package.json", "package-lock.json", ".npmrc"]
        .iter()
        .map(|name| folder.join(name))
        .filter(|path| path.exists())
        .collect();
    // In `node_modules`, so that it goes when that goes.
    let stamp = Stamp::new(
        folder.join("node_modules/.xtask-stamp"),
        stamp::digest(&inputs)?,
    );
    if stamp.holds() {
        return Ok(());
    }
    let name = format!("npm ci in {}", workspace.relative(folder));
    step::run(
        &name,
        npm(workspace, folder).args(["ci", "--no-audit", "--no-fund", "--prefer-offline"]),
    )?;
    stamp.set()
}

/// npm in a folder.
pub fn npm(workspace: &Workspace, folder: &Path) -> std::process::Command {
    let mut npm = workspace.command("npm");
    npm.current_dir(folder).env("NO_UPDATE_NOTIFIER", "1");
    npm
}

fn folders(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for top in ["daemon", "plugins", "examples", "tests", "plugin-sdk"] {
        let top = workspace.path(top);
        if top.exists() {
            let generated = |path: &Path| {
                path.file_name()
                    .is_some_and(|name| name == "embedded" || name == "generated")
            };
            folders.extend(
                stamp::files(&top, &generated)?
                    .into_iter()
                    .filter(|path| path.ends_with("package-lock.json"))
                    .filter_map(|path| path.parent().map(Path::to_owned)),
            );
        }
    }
    Ok(folders)
}
