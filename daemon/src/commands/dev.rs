//! `labd plugin dev`: build, serve, show the log, and all of it again when a file changes.

use super::{Client, author, package, plugin, quick};
use crate::{cli::PluginDevOptions, config::Config, failure::Failure, output};
use labd_plugin_kit::build;
use labd_protocol::{PluginInfo, PluginInstall, PluginInstalled, PluginKind, answer, within};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::sleep;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(400);
/// How long one call waits for a line of the log.
const WAIT_MS: u32 = 20_000;
/// Lines of one call.
const LINES: u32 = 500;

pub(super) async fn run(
    config: &Config,
    options: PluginDevOptions,
    json: bool,
) -> Result<(), Failure> {
    let client = Client::connect(config, json).await?;
    let mut log = None;
    loop {
        let state = build::state(&options.folder)?;
        match serve(&client, &options).await {
            Ok(served) => {
                if log.is_none() {
                    log = Some(Log::from_now_on(&client, &served.plugin.id).await?);
                    told(&client, &served, true)?;
                } else {
                    told(&client, &served, false)?;
                }
                if options.once {
                    return Ok(());
                }
            }
            Err(failure) if options.once || log.is_none() && lost(&failure) => return Err(failure),
            // The version before goes on serving; the next change may mend it.
            Err(failure) => output::print_failure(&failure, json),
        }
        tokio::select! {
            changed = change(&options.folder, &state) => changed?,
            failed = follow(&client, log.as_mut()) => return Err(failed),
        }
    }
}

/// Nothing that a change of the source would mend.
fn lost(failure: &Failure) -> bool {
    failure.exit_code() != 1
}

/// Builds the plugin and has the daemon serve it.
async fn serve(client: &Client, options: &PluginDevOptions) -> Result<PluginInstalled, Failure> {
    let built = author::built(&options.folder).await?;
    let install = PluginInstall {
        source: built.package.display().to_string(),
        digest: None,
        allow_unsigned: true,
        in_place: true,
        downgrade: true,
        login: None,
    };
    let call = client
        .labd
        .plugin_install(within(package::INSTALLING), install);
    let mut served = answer(call.await)?;
    if let Some(granted) = package::grant(client, &served.plugin, options.grant).await? {
        served.plugin = granted;
    }
    Ok(served)
}

fn told(client: &Client, served: &PluginInstalled, first: bool) -> Result<(), Failure> {
    if client.json {
        return output::json_line(served);
    }
    let plugin = &served.plugin;
    if let Some((version, asks, command)) = package::asks(plugin) {
        let asks = asks.join(", ");
        return output::line(format!(
            "{} {version} asks for {asks}; to allow it: {command}",
            plugin.id
        ));
    }
    output::line(format!(
        "{} {}: the daemon serves it",
        plugin.id, served.version
    ))?;
    if first {
        output::line(format!("  {}", next(plugin)))?;
        output::line("  it stays until the daemon stops; labd plugin install keeps it")?;
    }
    Ok(())
}

/// How a plugin of this kind is used.
fn next(plugin: &PluginInfo) -> String {
    let id = &plugin.id;
    match plugin.kind {
        Some(PluginKind::AiProvider) => {
            format!(
                "to chat with it: labd provider add <name> --plugin {id}, or the console's settings"
            )
        }
        Some(PluginKind::Connector) => {
            "to read with it: labd source add <url>, with one of the schemes of plugin.toml".into()
        }
        Some(PluginKind::Deployer) => {
            format!("to deploy with it: labd deploy targets add <name> --plugin {id}")
        }
        Some(PluginKind::Sandbox) | None => "it runs the projects whose files fit it best".into(),
    }
}

/// Waits until a file of the source is another.
async fn change(folder: &Path, before: &str) -> Result<(), Failure> {
    loop {
        sleep(LOOK).await;
        let folder: PathBuf = folder.to_owned();
        let now = tokio::task::spawn_blocking(move || build::state(&folder)).await;
        match now {
            Ok(now) if now.as_ref().is_ok_and(|now| now == before) => {}
            Ok(now) => {
                now?;
                return Ok(());
            }
            Err(error) => return Err(Failure::new(error.to_string())),
        }
    }
}

/// Where the reader of a plugin's log stands.
struct Log {
    plugin: String,
    seen: u64,
}

impl Log {
    async fn from_now_on(client: &Client, plugin: &str) -> Result<Self, Failure> {
        let last = client
            .labd
            .plugin_log(quick(), plugin.to_owned(), None, 1, 0);
        Ok(Self {
            plugin: plugin.to_owned(),
            seen: answer(last.await)?.last().map_or(0, |line| line.seq),
        })
    }
}

/// Shows what the plugin writes; ends only when the daemon is gone.
async fn follow(client: &Client, log: Option<&mut Log>) -> Failure {
    let Some(log) = log else {
        return std::future::pending().await;
    };
    loop {
        let more =
            client
                .labd
                .plugin_log(quick(), log.plugin.clone(), Some(log.seen), LINES, WAIT_MS);
        let lines = match answer(more.await) {
            Ok(lines) => lines,
            Err(error) => return error.into(),
        };
        for line in lines {
            log.seen = line.seq;
            let shown = match client.json {
                true => output::json_line(&line),
                false => output::line(plugin::log_line(&line)),
            };
            if let Err(failure) = shown {
                return failure;
            }
        }
    }
}
