//! Plugins.

use super::{Client, quick, show, slow};
use crate::{cli::PluginCommand, failure::Failure, output};
use labd_protocol::{
    PluginInfo, PluginKind, PluginLogLine, PluginState, PluginWaiting, PluginsReloaded, answer,
};

pub(super) async fn run(client: &Client, command: PluginCommand) -> Result<(), Failure> {
    match command {
        // These were run before: they need no daemon, or not from the start.
        PluginCommand::New(_)
        | PluginCommand::Build { .. }
        | PluginCommand::Check { .. }
        | PluginCommand::Test(_)
        | PluginCommand::Dev(_)
        | PluginCommand::Package(_) => Ok(()),
        PluginCommand::List => {
            let plugins = answer(client.labd.plugins(quick()).await)?;
            show(client, &plugins, |plugins| list(plugins))
        }
        PluginCommand::Inspect { plugin } => {
            let plugin = answer(client.labd.plugin(quick(), plugin).await)?;
            show(client, &plugin, inspect)
        }
        PluginCommand::Grant { plugin, yes } => grant(client, plugin, yes).await,
        PluginCommand::Revoke { plugin } => {
            let plugin = answer(client.labd.plugin_revoke(quick(), plugin).await)?;
            show(client, &plugin, inspect)
        }
        PluginCommand::Reload { plugin: None } => {
            let done = answer(client.labd.plugins_reload(slow()).await)?;
            show(client, &done, rescanned)
        }
        PluginCommand::Reload {
            plugin: Some(plugin),
        } => {
            let plugin = answer(client.labd.plugin_reload(slow(), plugin).await)?;
            show(client, &plugin, inspect)
        }
        PluginCommand::Enable { plugin } => {
            let plugin = answer(client.labd.plugin_enable(quick(), plugin).await)?;
            show(client, &plugin, inspect)
        }
        PluginCommand::Disable { plugin } => {
            let plugin = answer(client.labd.plugin_disable(quick(), plugin).await)?;
            show(client, &plugin, inspect)
        }
        PluginCommand::Logs {
            plugin,
            lines,
            follow,
        } => logs(client, plugin, lines, follow).await,
    }
}

/// How long one call waits for a line.
const WAIT_MS: u32 = 20_000;
/// Lines of one call.
const LINES: u32 = 500;

async fn logs(client: &Client, plugin: String, lines: u32, follow: bool) -> Result<(), Failure> {
    let last = client
        .labd
        .plugin_log(quick(), plugin.clone(), None, lines, 0);
    let last = answer(last.await)?;
    if !follow {
        return show(client, &last, |lines| log_lines(lines));
    }
    let mut seen = last.last().map_or(0, |line| line.seq);
    let mut fresh = last;
    loop {
        for line in &fresh {
            if client.json {
                output::json_line(line)?;
            } else {
                output::line(log_line(line))?;
            }
        }
        let more = client
            .labd
            .plugin_log(quick(), plugin.clone(), Some(seen), LINES, WAIT_MS);
        fresh = answer(more.await)?;
        seen = fresh.last().map_or(seen, |line| line.seq);
    }
}

fn log_lines(lines: &[PluginLogLine]) -> Result<(), Failure> {
    for line in lines {
        output::line(log_line(line))?;
    }
    Ok(())
}

pub(super) fn log_line(line: &PluginLogLine) -> String {
    let by = if line.by_plugin { "" } else { "labd: " };
    format!("{} {:5} {by}{}", line.at, line.level, line.text)
}

async fn grant(client: &Client, plugin: String, yes: bool) -> Result<(), Failure> {
    let plugin = answer(client.labd.plugin(quick(), plugin).await)?;
    let asking = match (&plugin.waiting, &plugin.state) {
        (Some(waiting), _) => Some((&waiting.version, &waiting.asks)),
        (None, PluginState::AwaitingGrant { asks, .. }) => Some((&plugin.version, asks)),
        (None, _) => None,
    };
    if let Some((version, asks)) = asking {
        let id = &plugin.id;
        let question = format!("{id} {version} asks for: {}. Allow it?", asks.join(", "));
        if !yes && !output::confirm(&question)? {
            return Ok(());
        }
    }
    let plugin = answer(client.labd.plugin_grant(quick(), plugin.id).await)?;
    show(client, &plugin, inspect)
}

fn list(plugins: &[PluginInfo]) -> Result<(), Failure> {
    let word = |plugin: &PluginInfo| match &plugin.state {
        PluginState::Ready => "ready",
        PluginState::Failed { .. } => "failed",
        PluginState::Quarantined { .. } => "quarantined",
        PluginState::AwaitingGrant { .. } => "waits for a grant",
        PluginState::Disabled { .. } => "disabled",
    };
    let rows: Vec<_> = plugins
        .iter()
        .map(|plugin| {
            vec![
                plugin.id.clone(),
                plugin.version.clone(),
                kind(plugin).to_owned(),
                word(plugin).to_owned(),
            ]
        })
        .collect();
    output::table(&["id", "version", "kind", "state"], &rows)?;
    // Reasons are sentences, which a table would cut.
    for plugin in plugins {
        remarks(plugin)?;
    }
    Ok(())
}

/// Why a plugin, or a version of it, does not serve.
fn remarks(plugin: &PluginInfo) -> Result<(), Failure> {
    if plugin.state != PluginState::Ready {
        output::line(format!("{}: {}", plugin.id, state(&plugin.state)))?;
    }
    if let Some(waiting) = &plugin.waiting {
        output::line(format!("{}: {}", plugin.id, waits(waiting)))?;
    }
    Ok(())
}

fn rescanned(done: &PluginsReloaded) -> Result<(), Failure> {
    let mut still = true;
    for (what, ids) in [
        ("new", &done.added),
        ("changed", &done.changed),
        ("gone", &done.removed),
    ] {
        for id in ids {
            still = false;
            output::line(format!("{what:<7}  {id}"))?;
        }
    }
    if still {
        output::line("nothing has changed")?;
    }
    // Why one of them does not serve.
    for plugin in &done.plugins {
        remarks(plugin)?;
    }
    Ok(())
}

fn inspect(plugin: &PluginInfo) -> Result<(), Failure> {
    output::line(format!("{} {}", plugin.id, plugin.version))?;
    output::line(format!("  kind         {}", kind(plugin)))?;
    output::line(format!("  state        {}", state(&plugin.state)))?;
    if let Some(waiting) = &plugin.waiting {
        output::line(format!("  waits        {}", waits(waiting)))?;
    }
    output::line(format!("  digest       {}", plugin.digest))?;
    output::line(format!("  asks for     {}", listed(&plugin.declared)))?;
    output::line(format!("  may do       {}", listed(&plugin.permissions)))?;
    let counters = &plugin.counters;
    output::line(format!(
        "  so far       {} calls, {} errors, {} traps, {} denials, {} bytes in, {} bytes out, {} ms of running time, {} instances with {} MiB of memory",
        counters.calls,
        counters.errors,
        counters.traps,
        counters.denials,
        counters.bytes_in,
        counters.bytes_out,
        counters.cpu_ms,
        counters.instances,
        counters.memory_bytes.div_ceil(1024 * 1024)
    ))
}

fn listed(permissions: &[String]) -> String {
    match permissions {
        [] => "nothing".to_owned(),
        some => some.join(", "),
    }
}

fn waits(waiting: &PluginWaiting) -> String {
    format!(
        "version {} asks for {} more; to allow it: {}",
        waiting.version,
        waiting.asks.join(", "),
        waiting.command
    )
}

fn kind(plugin: &PluginInfo) -> &'static str {
    match plugin.kind {
        Some(PluginKind::AiProvider) => "AI provider",
        Some(PluginKind::Connector) => "connector",
        Some(PluginKind::Deployer) => "deployer",
        Some(PluginKind::Sandbox) => "sandbox",
        None => "unknown",
    }
}

fn state(state: &PluginState) -> String {
    match state {
        PluginState::Ready => "ready".to_owned(),
        PluginState::Failed { reason } => format!("failed: {reason}"),
        PluginState::Quarantined { reason } => format!("quarantined: {reason}"),
        PluginState::AwaitingGrant { asks, command } => {
            format!("asks for {}; to allow it: {command}", asks.join(", "))
        }
        PluginState::Disabled { command } => format!("disabled; to enable it: {command}"),
    }
}
