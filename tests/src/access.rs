//! What a connector plugin is given, for tests that ask the plugin host without the daemon.

use labd_plugin_host::kinds::connector::{
    ConnectorConfig, SourceAccess, SqliteFile, Target, TlsMode,
};
use std::{collections::BTreeMap, path::Path};
use url::Url;
use zeroize::Zeroizing;

/// A SQLite file.
pub fn file(path: &Path, writable: bool) -> SourceAccess {
    SourceAccess {
        sqlite: Some(SqliteFile {
            identity: None,
            path: path.to_owned(),
            writable,
        }),
        ..nothing()
    }
}

/// The server of a URL, with its user, password and database.
pub fn server(url: &Url, tls: TlsMode) -> SourceAccess {
    let mut access = nothing();
    access.targets = vec![Target::Tcp {
        host: url.host_str().unwrap_or_default().into(),
        port: url.port().unwrap_or_default(),
    }];
    access.tls = tls;
    access.config.user = Some(url.username().into());
    access.config.database = Some(url.path().trim_start_matches('/').into());
    access.secrets.insert(
        "password".into(),
        Zeroizing::new(url.password().unwrap_or_default().into()),
    );
    access
}

fn nothing() -> SourceAccess {
    SourceAccess {
        source_id: "source".into(),
        targets: Vec::new(),
        tls: TlsMode::Disable,
        ca: None,
        client: None,
        sqlite: None,
        config: ConnectorConfig {
            time_zone: "UTC".into(),
            application_name: "labd".into(),
            ..ConnectorConfig::default()
        },
        secrets: BTreeMap::new(),
    }
}
