//! Plugins.

use super::{Client, quick, show, slow};
use crate::{cli::PluginCommand, failure::Failure, output};
use labd_protocol::{PluginInfo, PluginKind, PluginState, answer};

pub(super) async fn run(client: &Client, command: PluginCommand) -> Result<(), Failure> {
    match command {
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
        PluginCommand::Reload { plugin } => {
            let plugin = answer(client.labd.plugin_reload(slow(), plugin).await)?;
            show(client, &plugin, inspect)
        }
    }
}

async fn grant(client: &Client, plugin: String, yes: bool) -> Result<(), Failure> {
    let plugin = answer(client.labd.plugin(quick(), plugin).await)?;
    if let PluginState::AwaitingGrant { asks, .. } = &plugin.state {
        let question = format!(
            "{} {} asks for: {}. Allow it?",
            plugin.id,
            plugin.version,
            asks.join(", ")
        );
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
        if plugin.state != PluginState::Ready {
            output::line(format!("{}: {}", plugin.id, state(&plugin.state)))?;
        }
    }
    Ok(())
}

fn inspect(plugin: &PluginInfo) -> Result<(), Failure> {
    output::line(format!("{} {}", plugin.id, plugin.version))?;
    output::line(format!("  kind         {}", kind(plugin)))?;
    output::line(format!("  state        {}", state(&plugin.state)))?;
    output::line(format!("  digest       {}", plugin.digest))?;
    let permissions = match plugin.permissions.as_slice() {
        [] => "none".to_owned(),
        some => some.join(", "),
    };
    output::line(format!("  permissions  {permissions}"))?;
    let counters = &plugin.counters;
    output::line(format!(
        "  so far       {} calls, {} errors, {} traps, {} denials, {} bytes in, {} bytes out, {} ms of running time, {} instances",
        counters.calls,
        counters.errors,
        counters.traps,
        counters.denials,
        counters.bytes_in,
        counters.bytes_out,
        counters.cpu_ms,
        counters.instances
    ))
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
    }
}
