//! Building a plugin from its source, and making the package of what was built: `dist/` with
//! `plugin.toml`, `plugin.wasm` and `assets/`.
//!
//! | in the folder | language | what is run |
//! | --- | --- | --- |
//! | `Cargo.toml` | Rust | `cargo build --release --target wasm32-wasip2` |
//! | `build.mjs` | JavaScript | `npm ci` once, `npm run build` |
//! | `build.py` | Python | `build.py` in `.venv/`, which has what `requirements.txt` names |
//! | `build.sh` | any | itself |
//!
//! What these print goes to the standard error, so that programs can read the answer.

mod tools;

use crate::scaffold::{self, Language, SUPPORT, ScaffoldError};
use labd_plugin_package::manifest::Manifest;
use sha2::{Digest as _, Sha256};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder with the package.
const PACKAGE: &str = "dist";

/// How a folder is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recipe {
    Language(Language),
    Script,
}

/// What was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The package's folder.
    pub package: PathBuf,
    /// Bytes of the component.
    pub bytes: u64,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is nothing to build.
    #[error(
        "{0} is not a plugin's source: it has no plugin.toml with Cargo.toml, build.mjs, build.py or build.sh beside it"
    )]
    NoSource(PathBuf),
    /// A program is missing.
    #[error("{tool} is missing: {help}")]
    NoTool {
        /// The program.
        tool: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// A program failed; it has said why.
    #[error("{command} failed; what it says stands above")]
    Failed {
        /// The command.
        command: String,
    },
    /// The toolchain made no component.
    #[error("{0}")]
    NoComponent(String),
    /// The manifest cannot be used.
    #[error("plugin.toml: {0}")]
    Manifest(String),
    /// The SDK cannot be put beside the source.
    #[error(transparent)]
    Support(#[from] ScaffoldError),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> BuildError {
    let path = path.to_owned();
    move |source| BuildError::Io { path, source }
}

/// Whether a folder holds a plugin's source, and not only its package.
pub fn is_source(folder: &Path) -> bool {
    recipe(folder).is_some()
}

fn recipe(folder: &Path) -> Option<Recipe> {
    let has = |name: &str| folder.join(name).is_file();
    if !has("plugin.toml") {
        return None;
    }
    [
        ("Cargo.toml", Recipe::Language(Language::Rust)),
        ("build.mjs", Recipe::Language(Language::JavaScript)),
        ("build.py", Recipe::Language(Language::Python)),
        ("build.sh", Recipe::Script),
    ]
    .into_iter()
    .find_map(|(name, recipe)| has(name).then_some(recipe))
}

/// Builds the plugin in a folder. Takes as long as its toolchain does.
///
/// # Errors
/// See [`BuildError`].
pub fn build(folder: &Path) -> Result<Built, BuildError> {
    let folder = &fs::canonicalize(folder).map_err(io_error(folder))?;
    let recipe = recipe(folder).ok_or_else(|| BuildError::NoSource(folder.clone()))?;
    if let Recipe::Language(language) = recipe
        && !folder.join(SUPPORT).exists()
        && !tools::has_sdk_elsewhere(folder, language)
    {
        scaffold::support(folder, language)?;
    }
    let package = folder.join(PACKAGE);
    fs::create_dir_all(&package).map_err(io_error(&package))?;
    let made = match recipe {
        Recipe::Language(Language::Rust) => Some(tools::cargo(folder)?),
        Recipe::Language(Language::JavaScript) => tools::npm(folder)?,
        Recipe::Language(Language::Python) => tools::python(folder)?,
        Recipe::Script => tools::script(folder)?,
    };
    let manifest = read_manifest(folder)?;
    let wasm = package.join(&manifest.wasm);
    if let Some(made) = made {
        fs::copy(&made, &wasm).map_err(io_error(&made))?;
    }
    let bytes = match fs::metadata(&wasm) {
        Ok(found) => found.len(),
        Err(_) => {
            let text = format!("the build made no {}", wasm.display());
            return Err(BuildError::NoComponent(text));
        }
    };
    describe(folder, &package)?;
    Ok(Built { package, bytes })
}

fn read_manifest(folder: &Path) -> Result<Manifest, BuildError> {
    let path = folder.join("plugin.toml");
    let text = fs::read_to_string(&path).map_err(io_error(&path))?;
    Manifest::parse(&text).map_err(|error| BuildError::Manifest(error.to_string()))
}

/// Copies the manifest and the assets, which the manifest lists with their hashes.
fn describe(folder: &Path, package: &Path) -> Result<(), BuildError> {
    let path = folder.join("plugin.toml");
    let mut manifest = fs::read_to_string(&path).map_err(io_error(&path))?;
    let (assets, copies) = (folder.join("assets"), package.join("assets"));
    if copies.exists() {
        fs::remove_dir_all(&copies).map_err(io_error(&copies))?;
    }
    if assets.is_dir() {
        if manifest.lines().any(|line| line.trim() == "[[assets]]") {
            let text = "leave [[assets]] out: the list is made of the folder assets/";
            return Err(BuildError::Manifest(text.into()));
        }
        for file in files(&assets)? {
            let name = file.strip_prefix(&assets).unwrap_or(&file);
            let content = fs::read(&file).map_err(io_error(&file))?;
            let media_type = mime_guess::from_path(name).first_or_octet_stream();
            manifest.push_str(&format!(
                "\n[[assets]]\npath = {:?}\nsha256 = \"{}\"\nmedia-type = \"{media_type}\"\n",
                name.display().to_string(),
                hex::encode(Sha256::digest(&content)),
            ));
            let copy = copies.join(name);
            let parent = copy.parent().unwrap_or(&copies);
            fs::create_dir_all(parent).map_err(io_error(parent))?;
            fs::write(&copy, content).map_err(io_error(&copy))?;
        }
    }
    let copy = package.join("plugin.toml");
    fs::write(&copy, manifest).map_err(io_error(&copy))?;
    // A signature of what was there before is none of this.
    let signature = package.join(labd_plugin_package::files::SIGNATURE);
    match fs::remove_file(&signature) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&signature)(error)),
        _ => Ok(()),
    }
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(io_error(&folder))? {
            let path = entry.map_err(io_error(&folder))?.path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What a build reads: changes when a file of the source does. Cheap enough to be asked often.
///
/// # Errors
/// When a folder cannot be read.
pub fn state(folder: &Path) -> Result<String, BuildError> {
    let mut hash = Sha256::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let listed = fs::read_dir(&folder).map_err(io_error(&folder))?;
        let mut paths: Vec<_> = listed.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let made = [PACKAGE, "build", "node_modules", "target", "__pycache__"];
            // Cargo and npm write their lock files themselves.
            let lock = ["Cargo.lock", "package-lock.json"].contains(&&*name);
            if lock || made.contains(&&*name) || name.starts_with('.') && name != SUPPORT {
                continue;
            }
            // A file that vanishes meanwhile shows in the next state.
            let Ok(found) = fs::metadata(&path) else {
                continue;
            };
            if found.is_dir() {
                folders.push(path);
                continue;
            }
            let changed = found.modified().ok();
            hash.update(format!(
                "{}\0{}\0{changed:?}\n",
                path.display(),
                found.len()
            ));
        }
    }
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(folder: &Path, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.join("build.sh");
        fs::write(&path, format!("#!/bin/sh\nset -e\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn plugin() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        let manifest = "schema = 1\nid = \"a.b\"\nversion = \"0.1.0\"\nkind = \"ai-provider\"\n\
            host = \">=0.1\"\nwasm = \"plugin.wasm\"\nname = \"B\"\ndescription = \"b\"\n";
        fs::write(place.path().join("plugin.toml"), manifest).unwrap();
        place
    }

    #[test]
    fn the_package_lists_its_assets_and_drops_those_that_are_gone() {
        let place = plugin();
        let folder = place.path();
        script(folder, "printf 1234 > dist/plugin.wasm");
        fs::create_dir_all(folder.join("assets/icons")).unwrap();
        fs::write(folder.join("assets/icons/a.svg"), "<svg/>").unwrap();
        let built = build(folder).unwrap();
        assert_eq!(built.bytes, 4);
        let text = fs::read_to_string(built.package.join("plugin.toml")).unwrap();
        let manifest = Manifest::parse(&text).unwrap();
        assert_eq!(manifest.assets.len(), 1);
        assert!(
            text.contains("path = \"icons/a.svg\"") && text.contains("image/svg+xml"),
            "{text}"
        );
        fs::remove_dir_all(folder.join("assets")).unwrap();
        build(folder).unwrap();
        assert!(!built.package.join("assets").exists());
    }

    #[test]
    fn a_failure_names_the_command_and_a_build_without_a_component_is_one() {
        let place = plugin();
        script(place.path(), "exit 3");
        let error = build(place.path()).unwrap_err().to_string();
        assert!(error.contains("build.sh failed"), "{error}");
        script(place.path(), "true");
        let error = build(place.path()).unwrap_err().to_string();
        assert!(error.contains("plugin.wasm"), "{error}");
    }

    #[test]
    fn a_folder_without_a_source_is_told_apart() {
        let place = plugin();
        assert!(!is_source(place.path()));
        let error = build(place.path()).unwrap_err().to_string();
        assert!(error.contains("Cargo.toml"), "{error}");
    }

    #[test]
    fn the_state_follows_the_source_and_not_what_is_built() {
        let place = plugin();
        let before = state(place.path()).unwrap();
        fs::create_dir_all(place.path().join("dist")).unwrap();
        fs::write(place.path().join("dist/plugin.wasm"), "1").unwrap();
        assert_eq!(state(place.path()).unwrap(), before);
        fs::create_dir_all(place.path().join("src")).unwrap();
        fs::write(place.path().join("src/lib.rs"), "1").unwrap();
        assert_ne!(state(place.path()).unwrap(), before);
    }
}
