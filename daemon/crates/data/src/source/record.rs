//! The stored form of a source, and what it becomes for a connector.

use super::{
    connectors::{ConnectorEntry, Connectors},
    url::{self, Place, SourceUrl},
};
use crate::errors;
use jiff::Timestamp;
use labd_plugin_host::{
    kinds::connector::{
        ClientIdentity, ConnectorConfig, SourceAccess, SqliteFile, Target, TlsMode,
    },
    sqlite::{FileIdentity, identify},
};
use labd_protocol::{
    ApiError, ClientCertificate, ErrorCode, Secret, SourceId, SourceInfo, SourceTest, TlsSetting,
};
use labd_store::{Named, Record};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

/// The environment that a source begins with.
pub(crate) const FIRST_ENVIRONMENT: &str = "development";

/// A source as it is stored, sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SourceRecord {
    pub id: SourceId,
    pub name: String,
    pub plugin: String,
    pub connector: String,
    pub dialect: String,
    pub url: Secret,
    pub ca: Option<String>,
    #[serde(default)]
    pub client: Option<ClientCertificate>,
    pub environment: String,
    pub time_zone: String,
    pub sample: bool,
    /// Which file it was when it was set, for a source that is a file but not the daemon's own.
    #[serde(default)]
    pub file: Option<FileIdentity>,
    /// How often what it connects to was changed. What was kept of the database belongs to one
    /// count.
    #[serde(default)]
    pub connection: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_test: Option<SourceTest>,
}

impl Record for SourceRecord {
    const KIND: &'static str = "source";
}

impl Named for SourceRecord {
    const WHAT: &'static str = "source";
    type Id = SourceId;

    fn id(&self) -> SourceId {
        self.id
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// A parsed URL with the connector that serves it.
pub(crate) struct Parsed {
    pub entry: ConnectorEntry,
    pub url: SourceUrl,
}

/// Parses a URL and finds its connector.
pub(crate) fn parse(connectors: &dyn Connectors, text: &str) -> Result<Parsed, ApiError> {
    let scheme = url::scheme(text)?;
    let entry = connectors.for_scheme(&scheme).ok_or_else(|| {
        ApiError::invalid(
            "url",
            format!(
                "No connector speaks {scheme}. There are connectors for: {}.",
                connectors.schemes().join(", ")
            ),
        )
    })?;
    let url = if entry.file {
        url::parse_file(text)?
    } else {
        url::parse_servers(text, entry.default_port)?
    };
    Ok(Parsed { entry, url })
}

/// How a source may be reached.
pub(crate) struct AccessOptions<'a> {
    pub id: &'a str,
    pub ca: Option<&'a str>,
    pub client: Option<&'a ClientCertificate>,
    pub time_zone: &'a str,
    /// Files below this directory are the daemon's own and are not databases for apps.
    pub data_dir: &'a Path,
    /// It is the daemon's own sample database.
    pub sample: bool,
    /// Which file it must be.
    pub file: Option<FileIdentity>,
}

impl Parsed {
    /// What the connector is given.
    pub fn access(&self, options: AccessOptions<'_>) -> Result<Arc<SourceAccess>, ApiError> {
        let (targets, tls, sqlite) = match &self.url.place {
            Place::Servers { targets, tls } => (targets.clone(), *tls, None),
            Place::File(path) => {
                let path = database_file(path, options.data_dir, options.sample)?;
                let file = SqliteFile {
                    path,
                    identity: options.file,
                    writable: false,
                };
                (Vec::new(), TlsMode::Disable, Some(file))
            }
        };
        let password = self.url.password.clone();
        Ok(Arc::new(SourceAccess {
            source_id: options.id.to_owned(),
            targets,
            tls,
            ca: options.ca.map(str::to_owned),
            client: options.client.map(|client| ClientIdentity {
                certificate: client.certificate.clone(),
                key: Zeroizing::new(client.key.expose().to_owned()),
            }),
            sqlite,
            config: ConnectorConfig {
                user: self.url.user.clone(),
                database: self.url.database.clone(),
                options: self.url.options.clone(),
                time_zone: options.time_zone.to_owned(),
                application_name: "labd".to_owned(),
            },
            secrets: password
                .map(|password| BTreeMap::from([("password".to_owned(), password)]))
                .unwrap_or_default(),
        }))
    }

    /// Which file this is now; none for servers.
    pub fn file_identity(&self, data_dir: &Path) -> Result<Option<FileIdentity>, ApiError> {
        let Place::File(path) = &self.url.place else {
            return Ok(None);
        };
        let path = database_file(path, data_dir, false)?;
        identify(&path).map(Some).map_err(errors::connecting)
    }

    /// Where the source is, without secrets.
    pub fn location(&self) -> String {
        match &self.url.place {
            Place::File(path) => path.display().to_string(),
            Place::Servers { targets, .. } => {
                let targets: Vec<_> = targets.iter().map(show_target).collect();
                let database = self.url.database.as_deref().unwrap_or_default();
                format!("{}/{database}", targets.join(","))
            }
        }
    }

    /// How TLS is used; none for a file or a Unix socket.
    pub fn tls(&self) -> Option<TlsSetting> {
        match &self.url.place {
            Place::Servers { targets, tls }
                if targets.iter().any(|t| matches!(t, Target::Tcp { .. })) =>
            {
                Some(match tls {
                    TlsMode::Disable => TlsSetting::Disable,
                    TlsMode::Prefer => TlsSetting::Prefer,
                    TlsMode::Require => TlsSetting::Require,
                    TlsMode::VerifyCa => TlsSetting::VerifyCa,
                    TlsMode::VerifyFull => TlsSetting::VerifyFull,
                })
            }
            _ => None,
        }
    }

    /// What the operator should know about this URL.
    pub fn warnings(&self) -> Vec<String> {
        let Place::Servers { targets, tls } = &self.url.place else {
            return Vec::new();
        };
        if targets.iter().all(url::is_local) {
            return Vec::new();
        }
        let said = match tls {
            TlsMode::Disable => {
                "The connection is not encrypted: passwords and rows can be read on the way."
            }
            TlsMode::Prefer | TlsMode::Require => {
                "The server's certificate is not verified: anyone on the way can pretend to be the server."
            }
            TlsMode::VerifyCa => {
                "The server's name is not verified, only its certificate's issuer."
            }
            TlsMode::VerifyFull => return Vec::new(),
        };
        vec![format!("{said} Use sslmode=verify-full.")]
    }
}

impl SourceRecord {
    /// The source as clients see it.
    pub fn info(&self, connectors: &dyn Connectors) -> SourceInfo {
        // A record was parsed before it was saved; its connector may be gone since.
        let parsed = parse(connectors, self.url.expose()).ok();
        SourceInfo {
            id: self.id,
            name: self.name.clone(),
            plugin: self.plugin.clone(),
            connector: self.connector.clone(),
            dialect: self.dialect.clone(),
            location: parsed.as_ref().map(Parsed::location).unwrap_or_default(),
            user: parsed.as_ref().and_then(|parsed| parsed.url.user.clone()),
            tls: parsed.as_ref().and_then(Parsed::tls),
            own_ca: self.ca.is_some(),
            environment: self.environment.clone(),
            time_zone: self.time_zone.clone(),
            sample: self.sample,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_test: self.last_test.clone(),
            projects: Vec::new(),
        }
    }
}

fn show_target(target: &Target) -> String {
    match target {
        Target::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
        Target::Tcp { host, port } => format!("{host}:{port}"),
        Target::Unix(path) => path.display().to_string(),
    }
}

/// The canonical path of a database file that may be used.
fn database_file(path: &Path, data_dir: &Path, sample: bool) -> Result<PathBuf, ApiError> {
    let canonical = path.canonicalize().map_err(|error| {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => format!("There is no file {}.", path.display()),
            _ => format!("The file {} cannot be opened: {error}.", path.display()),
        };
        ApiError::new(ErrorCode::UnknownDatabase, message)
    })?;
    if !canonical.is_file() {
        return Err(ApiError::invalid(
            "url",
            format!("{} is not a file.", path.display()),
        ));
    }
    let own = data_dir.canonicalize().unwrap_or_else(|_| data_dir.into());
    if canonical.starts_with(&own) && !sample {
        return Err(ApiError::invalid(
            "url",
            "That file belongs to labd itself and cannot be used as a data source.",
        ));
    }
    Ok(canonical)
}
