//! Commands that talk to the daemon over its socket. `backup`, `restore` and `doctor` work on the
//! data directory itself when no daemon holds it; those for authors of plugins need no daemon.

mod author;
mod chat;
mod daemon;
mod deploy;
mod dev;
mod doctor;
mod gateway;
mod package;
mod plugin;
mod project;
mod provider;
mod source;
mod token;

use crate::{
    cli::{Command, PluginCommand},
    config::Config,
    failure::Failure,
    output,
};
use labd_protocol::{
    ApiError, LabdClient, Project, ProjectId, Provider, ProviderId, SourceId, SourceInfo, answer,
    connect, within,
};
use std::{path::Path, time::Duration};
use tarpc::context::Context;

/// For calls that the daemon answers by itself.
const QUICK: Duration = Duration::from_secs(30);

/// For calls that wait for a database or a provider.
const SLOW: Duration = Duration::from_secs(120);

/// Runs a command.
pub async fn run(config: Config, command: Command, json: bool) -> Result<(), Failure> {
    match command {
        Command::Backup { file } => return daemon::backup(&config, &file, json).await,
        Command::Restore { file } => return daemon::restore(&config, &file, json).await,
        Command::Doctor => return doctor::run(&config, json).await,
        Command::Plugin(PluginCommand::New(options)) => return author::new(options, json),
        Command::Plugin(PluginCommand::Build { folder }) => {
            return author::build(&folder, json).await;
        }
        Command::Plugin(PluginCommand::Dev(options)) => {
            return dev::run(&config, options, json).await;
        }
        Command::Plugin(PluginCommand::Check { path }) => {
            return author::check(&config, &path, json).await;
        }
        Command::Plugin(PluginCommand::Test(options)) => return author::test(options, json).await,
        Command::Plugin(PluginCommand::Package(command)) => {
            return package::run(&config, command, json).await;
        }
        _ => {}
    }
    let client = Client::connect(&config, json).await?;
    match command {
        Command::Status => daemon::status(&client).await,
        Command::Open { print } => daemon::open(&client, print).await,
        Command::Source(command) => source::run(&client, command).await,
        Command::Project(command) => project::run(&client, command).await,
        Command::Chat(options) => chat::run(&client, options).await,
        Command::Deploy(options) => deploy::run(&client, options).await,
        Command::Provider(command) => provider::run(&client, command).await,
        Command::Gateway(command) => gateway::run(&client, command).await,
        Command::Plugin(command) => plugin::run(&client, command).await,
        Command::Token(command) => token::run(&client, command).await,
        Command::Serve(_) | Command::Backup { .. } | Command::Restore { .. } | Command::Doctor => {
            Ok(())
        }
    }
}

/// The daemon, as commands see it.
struct Client {
    labd: LabdClient,
    json: bool,
}

impl Client {
    async fn connect(config: &Config, json: bool) -> Result<Self, Failure> {
        let labd = connect(&config.socket).await.map_err(|error| Failure {
            error: ApiError::new(
                labd_protocol::ErrorCode::Unreachable,
                format!(
                    "The daemon cannot be reached at {}: {error}.",
                    config.socket.display()
                ),
            )
            .with_hint("Start it with: labd serve"),
        })?;
        Ok(Self { labd, json })
    }

    /// A source by its name or id.
    async fn source(&self, name: &str) -> Result<SourceInfo, Failure> {
        let sources = answer(self.labd.sources(quick()).await)?;
        let id = name.parse::<SourceId>().ok();
        let names = || {
            sources
                .iter()
                .map(|source| source.name.as_str())
                .collect::<Vec<_>>()
        };
        match sources.iter().find(|s| Some(s.id) == id || s.name == name) {
            Some(source) => Ok(source.clone()),
            None => Err(unknown("source", name, &names())),
        }
    }

    /// A project by its name or id. Of several with one name, none is meant.
    async fn project(&self, name: &str) -> Result<Project, Failure> {
        let projects = answer(self.labd.projects(quick()).await)?;
        let id = name.parse::<ProjectId>().ok();
        let found: Vec<_> = projects
            .iter()
            .filter(|project| Some(project.id) == id || project.name == name)
            .collect();
        match found.as_slice() {
            [project] => Ok((*project).clone()),
            [] => {
                let names: Vec<_> = projects.iter().map(|p| p.name.as_str()).collect();
                Err(unknown("project", name, &names))
            }
            several => Err(Failure::with_hint(
                format!("{} projects are named {name}.", several.len()),
                "Use the id, as `labd project list` shows it.",
            )),
        }
    }

    /// A provider by its name or id.
    async fn provider(&self, name: &str) -> Result<Provider, Failure> {
        let providers = answer(self.labd.providers(quick()).await)?;
        let id = name.parse::<ProviderId>().ok();
        let names = || {
            providers
                .iter()
                .map(|p| p.name.as_str())
                .collect::<Vec<_>>()
        };
        match providers
            .iter()
            .find(|p| Some(p.id) == id || p.name == name)
        {
            Some(provider) => Ok(provider.clone()),
            None => Err(unknown("provider", name, &names())),
        }
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Failure {
    let error = ApiError::not_found(what, name);
    Failure {
        error: match known {
            [] => error,
            known => error.with_hint(format!("There are: {}.", known.join(", "))),
        },
    }
}

fn quick() -> Context {
    within(QUICK)
}

fn slow() -> Context {
    within(SLOW)
}

/// Opens an address in the desktop's browser, where there is one.
fn open_in_browser(address: &str) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    // Without a desktop the printed address has to do.
    let _ = std::process::Command::new(opener)
        .arg(address)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
}

/// Reads a file that the user names.
fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("{} cannot be read: {error}.", path.display())))
}

/// Prints one value: as JSON, or by the given way for people.
fn show<T: serde::Serialize>(
    client: &Client,
    value: &T,
    people: impl FnOnce(&T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if client.json {
        output::json(value)
    } else {
        people(value)
    }
}
