//! Plugins as clients see them.

use labd_plugin_host::{
    Kind, Manifest, PluginState as HostState, PluginSummary, manifest::CredentialHost,
};
use labd_protocol::{CredentialSlot, PluginCounters, PluginInfo, PluginKind, PluginState};

/// A plugin; also one whose package is refused, so that its author learns why.
pub fn info(summary: PluginSummary, manifest: Option<&Manifest>) -> PluginInfo {
    let counters = summary.counters;
    PluginInfo {
        kind: summary.kind.map(|kind| match kind {
            Kind::AiProvider => PluginKind::AiProvider,
            Kind::Connector => PluginKind::Connector,
            Kind::Sandbox => PluginKind::Sandbox,
        }),
        version: summary
            .version
            .map(|version| version.to_string())
            .unwrap_or_default(),
        digest: summary.digest.unwrap_or_default(),
        first_party: summary.first_party,
        state: match summary.state {
            HostState::Ready => PluginState::Ready,
            HostState::Failed(reason) => PluginState::Failed { reason },
            HostState::Quarantined(reason) => PluginState::Quarantined { reason },
            HostState::AwaitingGrant => PluginState::AwaitingGrant {
                asks: summary.declared.to_lines(),
                command: format!("labd plugin grant {}", summary.id),
            },
        },
        permissions: summary.granted.to_lines(),
        credentials: manifest
            .map(|manifest| manifest.credentials.as_slice())
            .unwrap_or_default()
            .iter()
            .map(|credential| CredentialSlot {
                name: credential.name.clone(),
                hosts: credential
                    .hosts
                    .iter()
                    .filter_map(|host| match host {
                        CredentialHost::Exact(host) => Some(host.clone()),
                        CredentialHost::FromConfig(_) => None,
                    })
                    .collect(),
            })
            .collect(),
        config_schema: manifest
            .map(|manifest| manifest.config.clone())
            .unwrap_or_default(),
        counters: PluginCounters {
            calls: counters.calls,
            errors: counters.errors,
            traps: counters.traps,
            denials: counters.denials,
            bytes_in: counters.bytes_in,
            bytes_out: counters.bytes_out,
            log_lines_dropped: counters.log_lines_dropped,
            cpu_ms: u64::try_from(counters.cpu.as_millis()).unwrap_or(u64::MAX),
            instances: counters.instances,
        },
        id: summary.id,
    }
}
