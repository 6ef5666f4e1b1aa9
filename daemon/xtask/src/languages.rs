//! The plugins that are not written in Rust: their toolchains, their packages, their own tests.
//!
//! | folders | built by | toolchain | which comes from |
//! | --- | --- | --- | --- |
//! | `…/build.mjs` | `npm run build` | componentize-qjs | npm, by lock file |
//! | `…/build.py` | `build.py` | componentize-py | PyPI, by `requirements.txt`, into a virtual environment of the cache |
//! | `…/build.sh` | `build.sh` | clang 19, Rust's linkers | Debian, rustup |
//!
//! Each folder's own script makes `dist/`, a package that a daemon can load from where it lies. It
//! is run again when the folder, its language's SDK or a contract has changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    node,
    stamp::{self, Stamp},
    step::{self, Context, Result},
    workspace::Workspace,
};

/// Such folders, or folders of such folders.
const PLACES: [&str; 4] = [
    "examples/plugin-c",
    "examples/plugin-js",
    "examples/plugin-python",
    "tests/guests",
];

/// The SDK for Python, whose tests run natively.
const PYTHON_SDK: &str = "plugin-sdk/python";

/// What builds leave in a folder.
const MADE: [&str; 4] = [".labd", "build", "dist", "__pycache__"];

#[derive(Clone, Copy, PartialEq)]
enum Language {
    JavaScript,
    Python,
    C,
}

impl Language {
    fn of(folder: &Path) -> Option<Self> {
        let has = |name: &str| folder.join(name).exists();
        match () {
            () if has("build.mjs") => Some(Self::JavaScript),
            () if has("build.py") => Some(Self::Python),
            () if has("build.sh") => Some(Self::C),
            () => None,
        }
    }

    /// What a build reads beside its own folder.
    fn inputs(self) -> &'static [&'static str] {
        match self {
            Self::JavaScript => &["plugin-sdk/js/src", "wit"],
            Self::Python => &["plugin-sdk/python/labd", "wit"],
            Self::C => &["wit"],
        }
    }
}

/// Builds every package whose inputs have changed.
pub fn build(workspace: &Workspace) -> Result<()> {
    for (folder, language) in folders(workspace)? {
        build_one(workspace, &folder, language)?;
    }
    Ok(())
}

/// The tests that run natively, of Python; npm's are run with all others of npm.
pub fn test(workspace: &Workspace) -> Result<()> {
    let mut tested = Vec::new();
    for (folder, language) in folders(workspace)? {
        if language == Language::Python && folder.join("test").exists() {
            step::quiet(
                python(workspace, "python3".as_ref(), &folder).args(["build.py", "--prepare"]),
            )?;
            tested.push(folder);
        }
    }
    let sdk = workspace.path(PYTHON_SDK);
    if sdk.exists() {
        tested.push(sdk);
    }
    step::all(tested.into_iter().map(|folder| {
        step::run(
            &format!("python tests in {}", workspace.relative(&folder)),
            python(workspace, "python3".as_ref(), &folder).args([
                "-m",
                "unittest",
                "discover",
                "--start-directory",
                "test",
            ]),
        )
        .map(|_| ())
    }))
}

fn folders(workspace: &Workspace) -> Result<Vec<(PathBuf, Language)>> {
    let mut found = Vec::new();
    for place in PLACES.map(|place| workspace.path(place)) {
        if let Some(language) = Language::of(&place) {
            found.push((place, language));
            continue;
        }
        if !place.exists() {
            continue;
        }
        let listing = || format!("listing {}", place.display());
        for entry in fs::read_dir(&place).context(listing)? {
            let folder = entry.context(listing)?.path();
            found.extend(Language::of(&folder).map(|language| (folder, language)));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

fn build_one(workspace: &Workspace, folder: &Path, language: Language) -> Result<()> {
    let relative = workspace.relative(folder);
    let name = format!("build {relative}");
    let made = |path: &Path| {
        let mut parts = path.components();
        parts.any(|part| MADE.iter().any(|name| part.as_os_str() == *name))
    };
    let mut inputs = stamp::files(folder, &made)?;
    for place in language.inputs() {
        inputs.extend(stamp::files(&workspace.path(place), &made)?);
    }
    let stamp = Stamp::new(
        workspace.stamp(&relative.replace('/', "-")),
        stamp::digest(&inputs)?,
    );
    if stamp.holds() && folder.join("dist/plugin.wasm").exists() {
        return step::step(&name, || Ok(((), "up to date".into())));
    }
    match language {
        Language::JavaScript => {
            node::install(workspace, folder)?;
            step::run(
                &name,
                node::npm(workspace, folder).args(["run", "--silent", "build"]),
            )?;
        }
        Language::Python => {
            let environment = environment(workspace, folder)?;
            step::run(
                &name,
                python(workspace, &environment.join("bin/python"), folder).arg("build.py"),
            )?;
        }
        Language::C => {
            step::run(
                &name,
                workspace
                    .command(folder.join("build.sh"))
                    .current_dir(folder),
            )?;
        }
    }
    stamp.set()
}

/// The virtual environment with what the folder's `requirements.txt` names. Folders that want the
/// same share it.
pub fn environment(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let requirements = folder.join("requirements.txt");
    let content =
        fs::read(&requirements).context(|| format!("reading {}", requirements.display()))?;
    let digest = stamp::sha256(&content);
    let environment = workspace
        .cache()
        .join("python")
        .join(digest.get(..16).unwrap_or(&digest));
    let stamp = Stamp::new(environment.join(".xtask-stamp"), digest);
    if !stamp.holds() {
        step::run(
            "python3 -m venv (once)",
            workspace
                .command("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&environment),
        )?;
        step::run(
            &format!(
                "pip install -r {}/requirements.txt (once)",
                workspace.relative(folder)
            ),
            workspace
                .command(environment.join("bin/python"))
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--disable-pip-version-check",
                    "--requirement",
                ])
                .arg(&requirements),
        )?;
        stamp.set()?;
    }
    Ok(environment)
}

fn python(workspace: &Workspace, program: &Path, folder: &Path) -> std::process::Command {
    let mut python = workspace.command(program);
    // No caches beside the sources.
    python
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    python
}
