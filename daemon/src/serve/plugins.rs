//! Plugins as clients see them.

use jiff::Timestamp;
use labd_plugin_host::{
    ChangeError, Kind, LogLine, Manifest, PluginState as HostState, PluginSummary,
    manifest::CredentialHost,
};
use labd_protocol::{
    ApiError, CredentialSlot, ErrorCode, PluginCounters, PluginInfo, PluginKind, PluginLogLine,
    PluginState, PluginWaiting,
};

/// A plugin; also one whose package is refused, so that its author learns why.
pub fn info(summary: PluginSummary, manifest: Option<&Manifest>) -> PluginInfo {
    let counters = summary.counters;
    PluginInfo {
        kind: summary.kind.map(|kind| match kind {
            Kind::AiProvider => PluginKind::AiProvider,
            Kind::Connector => PluginKind::Connector,
            Kind::Deployer => PluginKind::Deployer,
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
            HostState::Disabled => PluginState::Disabled {
                command: format!("labd plugin enable {}", summary.id),
            },
        },
        waiting: summary.waiting.map(|waiting| PluginWaiting {
            version: waiting.version.to_string(),
            digest: waiting.digest,
            asks: waiting.asks,
            command: format!("labd plugin grant {}", summary.id),
        }),
        name: manifest.map_or_else(|| summary.id.clone(), |manifest| manifest.name.clone()),
        description: manifest
            .map(|manifest| manifest.description.clone())
            .unwrap_or_default(),
        declared: summary.declared.to_lines(),
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
            memory_bytes: counters.memory,
        },
        id: summary.id,
    }
}

/// A line of a plugin's log.
pub fn log_line(line: LogLine) -> PluginLogLine {
    PluginLogLine {
        seq: line.seq,
        // A clock that stands before 1970 or after 9999 tells no time.
        at: Timestamp::try_from(line.at).unwrap_or(Timestamp::UNIX_EPOCH),
        level: line.level.to_owned(),
        by_plugin: line.by_plugin,
        text: line.text,
    }
}

/// Why a change of a plugin was refused.
pub fn refused(error: ChangeError) -> ApiError {
    let text = error.to_string();
    match error {
        ChangeError::UnknownPlugin(id) => ApiError::not_found("plugin", id),
        ChangeError::FirstParty { .. }
        | ChangeError::AlwaysGranted(_)
        | ChangeError::Configured { .. } => ApiError::invalid("plugin", text),
        ChangeError::OtherKind { .. } => ApiError::new(ErrorCode::Conflict, text),
        ChangeError::Package(_) | ChangeError::Refused { .. } => {
            ApiError::new(ErrorCode::PluginFailed, text)
        }
        ChangeError::Grants(_) | ChangeError::Io { .. } => {
            ApiError::new(ErrorCode::StorageFailed, text)
        }
    }
}
