//! The database that a connector is tested against, and its answers in a form to compare.

use super::{Setting, bench::CANARY, peer::Peer, spec::Source};
use labd_plugin_host::kinds::connector::{
    Batch, ConnectorConfig, SourceAccess, SqliteFile, Target, TlsMode, ValueKind, Values,
};
use serde_json::Value;
use std::{collections::BTreeMap, env, fs, sync::Arc};
use url::Url;
use zeroize::Zeroizing;

/// The access that a specification describes, or why there is none.
pub(super) struct Database {
    pub access: Arc<SourceAccess>,
    /// Holds the SQLite file.
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    pub fn of(setting: &Setting<'_>, peer: &Peer) -> Result<Self, String> {
        let Some(source) = &setting.spec.source else {
            return Err("conformance.toml has no [source]".into());
        };
        let mut access = empty();
        let options = source.options.iter();
        access.config.options = options.map(|(k, v)| (k.clone(), v.clone())).collect();
        if let Some(script) = &source.sqlite_script {
            let script = setting.spec.folder.join(script);
            let text = fs::read_to_string(&script)
                .map_err(|error| format!("{}: {error}", script.display()))?;
            let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
            let path = folder.path().join("conformance.db");
            rusqlite::Connection::open(&path)
                .and_then(|database| database.execute_batch(&text))
                .map_err(|error| format!("{}: {error}", script.display()))?;
            access.sqlite = Some(SqliteFile {
                path,
                identity: None,
                writable: false,
            });
            return Ok(Self {
                access: Arc::new(access),
                _folder: Some(folder),
            });
        }
        let url = address(source, peer)?;
        server(&mut access, &url);
        Ok(Self {
            access: Arc::new(access),
            _folder: None,
        })
    }

    /// The same database with a part of the access changed.
    pub fn with(&self, change: impl FnOnce(&mut SourceAccess)) -> Arc<SourceAccess> {
        let mut access = SourceAccess::clone(&self.access);
        change(&mut access);
        Arc::new(access)
    }
}

fn address(source: &Source, peer: &Peer) -> Result<Url, String> {
    let text = match (&source.url_env, &source.url) {
        (Some(name), _) => env::var(name)
            .map_err(|_| format!("{name} is not set; it must hold the URL of a database"))?,
        (None, Some(url)) => {
            let authority = peer.origin().replace("http://", "");
            url.replace("{peer}", &authority)
                .replace("{canary}", CANARY)
        }
        (None, None) => {
            return Err("[source] needs `url-env`, `url` or `sqlite-script`".into());
        }
    };
    // The URL may hold a password, and so is not repeated.
    Url::parse(&text).map_err(|error| format!("the source's URL is none: {error}"))
}

fn server(access: &mut SourceAccess, url: &Url) {
    access.targets = vec![Target::Tcp {
        host: url.host_str().unwrap_or_default().into(),
        port: url.port().unwrap_or_default(),
    }];
    for (key, value) in url.query_pairs() {
        match (&*key, &*value) {
            ("sslmode", "prefer") => access.tls = TlsMode::Prefer,
            ("sslmode", "require") => access.tls = TlsMode::Require,
            ("sslmode", "disable") => access.tls = TlsMode::Disable,
            ("sslmode", _) => access.tls = TlsMode::VerifyFull,
            _ => {
                let option = (key.into_owned(), value.into_owned());
                access.config.options.push(option);
            }
        }
    }
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    access.config.user = named(url.username());
    access.config.database = named(url.path().trim_start_matches('/'));
    if let Some(password) = url.password() {
        let password = Zeroizing::new(password.to_owned());
        access.secrets.insert("password".into(), password);
    }
}

fn empty() -> SourceAccess {
    SourceAccess {
        source_id: "conformance".into(),
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

/// Rows of a batch, as `conformance.toml` writes them.
pub(super) fn rows(batch: &Batch) -> Vec<Vec<Value>> {
    let row = |row: usize| {
        let columns = batch.columns.iter();
        let values = columns.map(|column| match column.is_null(row) {
            true => Value::Null,
            false => value(&column.values, row),
        });
        values.collect()
    };
    (0..batch.rows).map(row).collect()
}

fn value(values: &Values, row: usize) -> Value {
    let number = |value: Option<i64>| value.map_or(Value::Null, Value::from);
    match values {
        Values::Booleans(all) => all.get(row).copied().map_or(Value::Null, Value::from),
        Values::Integers(all)
        | Values::Times(all)
        | Values::Timestamps(all)
        | Values::Instants(all) => number(all.get(row).copied()),
        Values::Floats(all) => all.get(row).copied().map_or(Value::Null, Value::from),
        Values::Dates(all) => number(all.get(row).copied().map(i64::from)),
        Values::Decimals(all) | Values::Texts(all) => {
            all.get(row).cloned().map_or(Value::Null, Value::from)
        }
        Values::Binaries(all) => all
            .get(row)
            .map_or(Value::Null, |bytes| hex::encode(bytes).into()),
    }
}

/// A kind as the contract names it.
pub(super) fn kind(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Boolean => "boolean",
        ValueKind::Integer => "integer",
        ValueKind::Float => "float",
        ValueKind::Decimal => "decimal",
        ValueKind::Text => "text",
        ValueKind::Binary => "binary",
        ValueKind::Date => "date",
        ValueKind::Time => "time",
        ValueKind::Timestamp => "timestamp",
        ValueKind::Instant => "instant",
        ValueKind::Uuid => "uuid",
        ValueKind::Json => "json",
        ValueKind::Array => "array",
        ValueKind::Other => "other",
    }
}
