//! What authors of plugins need without a daemon.

use super::{Client, quick};
use crate::{
    cli::{PluginNewOptions, PluginTestOptions},
    config::Config,
    failure::Failure,
    output,
};
use labd_plugin_host::Kind;
use labd_plugin_kit::{
    build::{self, BuildError, Built},
    check::{self, CheckError, Finding, Report},
    conform::{self, ConformError, report},
    scaffold::{self, ScaffoldError},
};
use labd_protocol::{ApiError, ErrorCode, answer};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// How what a plugin asks for differs from what the installed one asks for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
enum Installed {
    /// There is no daemon to ask.
    Unknown { reason: String },
    /// The daemon has no such plugin.
    No,
    /// It has.
    Yes {
        version: String,
        more: Vec<String>,
        less: Vec<String>,
    },
}

#[derive(Serialize)]
struct Checked<'a> {
    #[serde(flatten)]
    report: &'a Report,
    installed: Installed,
}

/// Begins a plugin.
pub(super) fn new(options: PluginNewOptions, json: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Begun {
        folder: PathBuf,
        id: String,
        name: String,
    }
    let kinds = [
        Kind::AiProvider,
        Kind::Connector,
        Kind::Deployer,
        Kind::Sandbox,
    ];
    let kind = kinds.into_iter().find(|kind| kind.as_str() == options.kind);
    let begun = scaffold::new(&scaffold::Options {
        folder: options.folder,
        kind: kind.ok_or_else(|| Failure::new("There is no such kind."))?,
        language: options.language.parse().map_err(Failure::new)?,
        id: options.id,
        name: options.name,
    })?;
    if json {
        return output::json(&Begun {
            folder: begun.folder,
            id: begun.id,
            name: begun.name,
        });
    }
    let folder = begun.folder.display();
    output::line(format!("{folder}: the plugin {}", begun.id))?;
    output::line(format!("next:  cd {folder}"))?;
    output::line("       labd plugin test    builds it and tries it out")?;
    output::line("       labd plugin dev     lets the running daemon serve it")
}

/// Builds a plugin's package.
pub(super) async fn build(folder: &Path, json: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Shown {
        package: PathBuf,
        bytes: u64,
    }
    let built = built(folder).await?;
    if json {
        return output::json(&Shown {
            package: built.package,
            bytes: built.bytes,
        });
    }
    output::line(format!(
        "{}: a component of {} KiB",
        built.package.display(),
        built.bytes.div_ceil(1024)
    ))
}

/// Runs a plugin's build, which takes its time.
pub(super) async fn built(folder: &Path) -> Result<Built, Failure> {
    let folder = folder.to_owned();
    match tokio::task::spawn_blocking(move || build::build(&folder)).await {
        Ok(built) => Ok(built?),
        Err(error) => Err(Failure::new(error.to_string())),
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let message = format!("{error}.");
        match error {
            BuildError::NoSource(_) => Self {
                error: ApiError::new(ErrorCode::NotFound, message)
                    .with_hint("Begin one with: labd plugin new"),
            },
            BuildError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Self {
                    error: ApiError::new(ErrorCode::NotFound, message),
                }
            }
            _ => Self::new(message),
        }
    }
}

impl From<ScaffoldError> for Failure {
    fn from(error: ScaffoldError) -> Self {
        let code = match error {
            ScaffoldError::Io { .. } => ErrorCode::Internal,
            _ => ErrorCode::InvalidRequest,
        };
        Self {
            error: ApiError::new(code, format!("{error}.")),
        }
    }
}

pub(super) async fn check(config: &Config, path: &Path, json: bool) -> Result<(), Failure> {
    // What a source was built to. Building it would run code of its author.
    let built = path.join("dist");
    let report = match build::is_source(path) {
        true if !built.exists() => {
            return Err(Failure {
                error: ApiError::new(
                    ErrorCode::NotFound,
                    format!("{} is not built yet.", path.display()),
                )
                .with_hint("Build it with: labd plugin build"),
            });
        }
        true => check::check(&built)?,
        false => check::check(path)?,
    };
    let installed = installed(config, &report).await?;
    let count = report.faults.len();
    if json {
        output::json(&Checked {
            report: &report,
            installed,
        })?;
    } else {
        print(&report, &installed)?;
    }
    match count {
        0 => Ok(()),
        1 => Err(Failure::new("There is a fault; see above.")),
        count => Err(Failure::new(format!(
            "There are {count} faults; see above."
        ))),
    }
}

/// Runs the conformance kit.
pub(super) async fn test(options: PluginTestOptions, json: bool) -> Result<(), Failure> {
    let there = options.folder.join("dist");
    let package = match options.package {
        Some(package) => package,
        None if build::is_source(&options.folder) => built(&options.folder).await?.package,
        None if there.join("plugin.toml").exists() => there,
        None => options.folder.clone(),
    };
    let outcome = conform::run(&conform::Options {
        package,
        source: options.folder,
        calls: options.calls,
        only: options.only,
    })
    .await?;
    if let Some(file) = options.junit {
        std::fs::write(&file, report::junit(&outcome)).map_err(|error| {
            Failure::new(format!("{} cannot be written: {error}.", file.display()))
        })?;
    }
    if json {
        output::json(&outcome)?;
    } else {
        output::text(&report::human(&outcome))?;
    }
    match outcome.failures() {
        0 if outcome.checks.is_empty() => Err(Failure::new("No check has such a name.")),
        0 => Ok(()),
        1 => Err(Failure::new("A check failed; see above.")),
        count => Err(Failure::new(format!("{count} checks failed; see above."))),
    }
}

impl From<ConformError> for Failure {
    fn from(error: ConformError) -> Self {
        match error {
            ConformError::Check(error) => error.into(),
            ConformError::Faulty { .. } => Self::with_hint(
                format!("{error}."),
                "See each of them with: labd plugin check",
            ),
            error => Self::new(format!("{error}.")),
        }
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        let code = match error {
            CheckError::NotFound(_) => ErrorCode::NotFound,
            CheckError::Io { .. } => ErrorCode::Internal,
        };
        Self {
            error: ApiError::new(code, format!("{error}."))
                .with_hint("Give a package's folder, with plugin.toml in it, or a component."),
        }
    }
}

async fn installed(config: &Config, report: &Report) -> Result<Installed, Failure> {
    let Some(plugin) = &report.plugin else {
        return Ok(Installed::Unknown {
            reason: "the manifest cannot be read".into(),
        });
    };
    let Ok(client) = Client::connect(config, false).await else {
        return Ok(Installed::Unknown {
            reason: "no daemon is running".into(),
        });
    };
    let known = match answer(client.labd.plugin(quick(), plugin.id.clone()).await) {
        Ok(known) => known,
        Err(error) if error.code == ErrorCode::NotFound => return Ok(Installed::No),
        Err(error) => return Err(error.into()),
    };
    let before = known.declared;
    let beyond = |these: &[String], those: &[String]| -> Vec<String> {
        let beyond = these.iter().filter(|line| !those.contains(line));
        beyond.cloned().collect()
    };
    Ok(Installed::Yes {
        version: known.version,
        more: beyond(&report.asks, &before),
        less: beyond(&before, &report.asks),
    })
}

fn print(report: &Report, installed: &Installed) -> Result<(), Failure> {
    if let Some(plugin) = &report.plugin {
        output::line(format!(
            "{} {}: {}, {}",
            plugin.id, plugin.version, plugin.kind, plugin.name
        ))?;
        let license = plugin.license.as_deref().unwrap_or("none named");
        output::line(format!("  license   {license}"))?;
        output::line(format!("  contract  {}", plugin.host))?;
    }
    if let Some(component) = &report.component {
        output::line(format!(
            "  component {} KiB, SHA-256 {}",
            component.bytes.div_ceil(1024),
            component.sha256
        ))?;
        output::line(format!("  imports   {}", listed(&component.imports)))?;
        output::line(format!("  exports   {}", listed(&component.exports)))?;
    }
    for asset in &report.assets {
        output::line(format!(
            "  asset     {}, {} bytes, SHA-256 {}",
            asset.path, asset.bytes, asset.sha256
        ))?;
    }
    output::line(format!("  asks for  {}", listed(&report.asks)))?;
    output::line(format!("  installed {}", difference(installed)))?;
    for (mark, findings) in [("advice", &report.advice), ("FAULT ", &report.faults)] {
        for finding in findings {
            found(mark, finding)?;
        }
    }
    if report.faults.is_empty() {
        output::line("no faults")?;
    }
    Ok(())
}

fn found(mark: &str, finding: &Finding) -> Result<(), Failure> {
    output::line(format!("{mark}  {finding}"))?;
    match &finding.help {
        Some(help) => output::line(format!("        {help}")),
        None => Ok(()),
    }
}

fn listed(lines: &[String]) -> String {
    match lines {
        [] => "nothing".into(),
        some => some.join(", "),
    }
}

fn difference(installed: &Installed) -> String {
    match installed {
        Installed::Unknown { reason } => format!("not compared: {reason}"),
        Installed::No => "not yet".into(),
        Installed::Yes {
            version,
            more,
            less,
        } => match (more.is_empty(), less.is_empty()) {
            (true, true) => format!("{version}, which asks for the same"),
            (true, false) => format!("{version}; this one does without {}", less.join(", ")),
            (false, true) => format!(
                "{version}; this one also asks for {}, which must be granted first",
                more.join(", ")
            ),
            (false, false) => format!(
                "{version}; this one also asks for {}, which must be granted first, and does without {}",
                more.join(", "),
                less.join(", ")
            ),
        },
    }
}
