//! Plugins.

use super::{Client, quick, show};
use crate::{cli::PluginCommand, failure::Failure, output};
use labd_protocol::{PluginInfo, PluginState, answer};

pub(super) async fn run(client: &Client, command: PluginCommand) -> Result<(), Failure> {
    match command {
        PluginCommand::List => {
            let plugins = answer(client.labd.plugins(quick()).await)?;
            show(client, &plugins, |plugins| {
                let rows: Vec<_> = plugins
                    .iter()
                    .map(|plugin| {
                        vec![
                            plugin.id.clone(),
                            plugin.version.clone(),
                            format!("{:?}", plugin.kind),
                            state(&plugin.state),
                        ]
                    })
                    .collect();
                output::table(&["id", "version", "kind", "state"], &rows)
            })
        }
        PluginCommand::Inspect { plugin } => {
            let plugin = answer(client.labd.plugin(quick(), plugin).await)?;
            show(client, &plugin, inspect)
        }
    }
}

fn inspect(plugin: &PluginInfo) -> Result<(), Failure> {
    output::line(format!("{} {}", plugin.id, plugin.version))?;
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

fn state(state: &PluginState) -> String {
    match state {
        PluginState::Ready => "ready".to_owned(),
        PluginState::Failed { reason } => format!("failed: {reason}"),
        PluginState::Quarantined { reason } => format!("quarantined: {reason}"),
        PluginState::AwaitingGrant { command } => format!("waits for: {command}"),
    }
}
