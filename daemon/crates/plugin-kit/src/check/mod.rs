//! Reads a package and tells every fault of it. Nothing of it is run.
//!
//! | what | a fault when |
//! | --- | --- |
//! | manifest | a key does not exist, has a value that cannot be, or is missing: each with its line |
//! | component | it is no component, exports another kind's world, or does not fit its contract's types |
//! | imports | the manifest does not declare them; all of them are listed |
//! | assets | one is missing, too large, a link, or not what its hash says |
//! | size | component, manifest, assets or the whole are beyond the host's limits |
//!
//! What works but could be better is advice: a license that is not named, an asset that nobody
//! lists, a credential that can never be sent.

mod component;
mod files;
mod manifest;

use labd_plugin_host::{Kind, Manifest};
use serde::Serialize;
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// What a check found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The folder or file that was checked.
    pub path: PathBuf,
    /// What the manifest says; none without a manifest that can be read.
    pub plugin: Option<About>,
    /// The component; none when there is none.
    pub component: Option<Component>,
    /// Listed assets that are there.
    pub assets: Vec<Asset>,
    /// What it asks for, one line per permission, as grants write them.
    pub asks: Vec<String>,
    /// What keeps the plugin from working.
    pub faults: Vec<Finding>,
    /// What could be better.
    pub advice: Vec<Finding>,
}

/// What a manifest says.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct About {
    /// Reverse name.
    pub id: String,
    /// Its version.
    pub version: String,
    /// `ai-provider`, …
    pub kind: String,
    /// For people.
    pub name: String,
    /// SPDX expression.
    pub license: Option<String>,
    /// Contract versions it works with.
    pub host: String,
}

/// A component.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Component {
    /// Its size, unpacked.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// The kind whose contract it exports; none when it is none's.
    pub kind: Option<String>,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
}

/// A listed asset.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Asset {
    /// Below `assets/`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// Something that was found, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// `plugin.toml`, `plugin.wasm`, `assets/…`.
    pub file: String,
    /// From 1.
    pub line: Option<usize>,
    /// The key in the manifest: `permissions.http`.
    pub key: Option<String>,
    /// A sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Finding {
    fn of(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: None,
            key: None,
            message: message.into(),
            help: None,
        }
    }

    fn at(mut self, key: impl Into<String>, line: Option<usize>) -> Self {
        self.key = Some(key.into());
        self.line = line;
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Why there is nothing to check.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is no such folder or file.
    #[error("there is no {0}")]
    NotFound(PathBuf),
    /// It cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Checks a package's folder, or a component: with the manifest that lies beside it, or else
/// against the contract that it exports.
///
/// # Errors
/// When there is nothing to check; what is wrong with a package is in the report.
pub fn check(path: &Path) -> Result<Report, CheckError> {
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => CheckError::NotFound(path.to_owned()),
        _ => CheckError::Io {
            path: path.to_owned(),
            source,
        },
    };
    let mut report = Report {
        path: path.to_owned(),
        plugin: None,
        component: None,
        assets: Vec::new(),
        asks: Vec::new(),
        faults: Vec::new(),
        advice: Vec::new(),
    };
    if fs::metadata(path).map_err(io)?.is_dir() {
        package(path, &mut report);
        return Ok(report);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let manifest = folder
        .join("plugin.toml")
        .exists()
        .then(|| read_manifest(folder, &mut report))
        .flatten();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match files::wasm(path) {
        Ok(bytes) => component::check(&name, &bytes, manifest.as_ref(), &mut report),
        Err(reason) => report.faults.push(Finding::of(name, reason)),
    }
    Ok(report)
}

fn package(folder: &Path, report: &mut Report) {
    let manifest = read_manifest(folder, report);
    let wasm = manifest
        .as_ref()
        .map_or("plugin.wasm", |manifest| &manifest.wasm);
    match files::wasm(&folder.join(wasm)) {
        Ok(bytes) => component::check(wasm, &bytes, manifest.as_ref(), report),
        Err(reason) => report.faults.push(Finding::of(wasm, reason)),
    }
    files::check(folder, wasm, manifest.as_ref(), report);
}

fn read_manifest(folder: &Path, report: &mut Report) -> Option<Manifest> {
    let text = match files::text(&folder.join("plugin.toml")) {
        Ok(text) => text,
        Err(reason) => {
            report.faults.push(Finding::of("plugin.toml", reason));
            return None;
        }
    };
    let manifest = manifest::check(&text, report)?;
    report.plugin = Some(About {
        id: manifest.id.clone(),
        version: manifest.version.to_string(),
        kind: manifest.kind.to_string(),
        name: manifest.name.clone(),
        license: manifest.license.clone(),
        host: manifest.host.to_string(),
    });
    report.asks = manifest.permissions.to_lines();
    Some(manifest)
}

/// All kinds, for those who must guess.
pub(crate) const KINDS: [Kind; 4] = [
    Kind::AiProvider,
    Kind::Connector,
    Kind::Deployer,
    Kind::Sandbox,
];
