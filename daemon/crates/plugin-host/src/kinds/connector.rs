//! Database connectors (`wit/connector`).

use crate::{PluginError, sqlite::FileIdentity};
use async_trait::async_trait;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use url::Url;
use zeroize::Zeroizing;

/// The largest whole number, with either sign, that every guest language holds exactly. What is
/// beyond crosses to a plugin as decimal digits.
pub(crate) const EXACT_INTEGER: u64 = (1 << 53) - 1;

/// How a dialect writes the n-th parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholders {
    /// `$1`
    Dollar,
    /// `?1`
    QuestionNumbered,
    /// `?`
    Question,
    /// `@p1`
    AtNumbered,
    /// `:1`
    ColonNumbered,
    /// `{"$param":1}`, in the place of a value in a statement that is JSON.
    Json,
}

/// What a connector is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorInfo {
    /// For people: `PostgreSQL`.
    pub name: String,
    /// The language of its statements: `postgresql`, `sqlite`, `mysql`, `generic` for another SQL,
    /// or the name of one that is no SQL.
    pub dialect: String,
    /// How parameters are written.
    pub placeholders: Placeholders,
}

/// What a value is, independent of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// True or false.
    Boolean,
    /// A whole number of at most 64 bits.
    Integer,
    /// Binary floating point.
    Float,
    /// An exact number, as decimal text; also `NaN` and `Infinity`.
    Decimal,
    /// Text.
    Text,
    /// Bytes.
    Binary,
    /// A calendar date.
    Date,
    /// A time of day.
    Time,
    /// Date and time without a zone.
    Timestamp,
    /// A point in time.
    Instant,
    /// A UUID.
    Uuid,
    /// A JSON document.
    Json,
    /// An array, as JSON text.
    Array,
    /// Something else, as the database's own text.
    Other,
}

/// A result column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The database's own, complete name of the type.
    pub database_type: String,
    /// What its values are.
    pub kind: ValueKind,
}

/// A parameter as the database describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The database's own name of the type; empty when the database does not type parameters.
    pub database_type: String,
    /// What it takes.
    pub kind: ValueKind,
}

/// A bound parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Binary floating point.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// Everything else that has a text form: decimals, dates, UUIDs, JSON.
    Typed {
        /// What the caller holds it to be.
        kind: ValueKind,
        /// Decimal digits, ISO 8601, hyphens, JSON.
        text: String,
    },
    /// An array of values of one kind.
    Array {
        /// What they are.
        kind: ValueKind,
        /// Each in its text form.
        items: Vec<Option<String>>,
    },
}

/// The values of one column, in the order of the rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Booleans.
    Booleans(Vec<bool>),
    /// Whole numbers.
    Integers(Vec<i64>),
    /// Floating point.
    Floats(Vec<f64>),
    /// Decimal text.
    Decimals(Vec<String>),
    /// Texts; also UUIDs, JSON, arrays and others, as the column's kind says.
    Texts(Vec<String>),
    /// Bytes.
    Binaries(Vec<Vec<u8>>),
    /// Days since 1970-01-01; lowest and highest stand for -infinity and infinity.
    Dates(Vec<i32>),
    /// Microseconds since midnight.
    Times(Vec<i64>),
    /// Microseconds since 1970-01-01T00:00:00 without a zone; lowest and highest as for dates.
    Timestamps(Vec<i64>),
    /// Microseconds since the Unix epoch; lowest and highest as for dates.
    Instants(Vec<i64>),
}

/// One column of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnValues {
    /// A bit per row, least significant first, 1 for null; empty when no row is null.
    pub nulls: Vec<u8>,
    /// The values; a null row holds any value.
    pub values: Values,
}

impl ColumnValues {
    /// Whether the row holds no value.
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls
            .get(row / 8)
            .is_some_and(|byte| byte & (1 << (row % 8)) != 0)
    }
}

/// Rows, column by column. No rows means the end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// How many.
    pub rows: usize,
    /// One entry per result column, each `rows` long. The host checks that they are.
    pub columns: Vec<ColumnValues>,
}

/// How a query is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryOptions {
    /// In a read-only transaction of its own, undone at the end.
    pub read_only: bool,
    /// How long the statement may run.
    pub timeout: Duration,
    /// Rows of the first batch.
    pub max_rows: u32,
    /// Bytes of the first batch, about; at most 4 MiB.
    pub max_bytes: u32,
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The result's columns.
    pub columns: Vec<Column>,
    /// The first rows.
    pub first: Batch,
    /// More rows wait behind [`Connection::next`].
    pub more: bool,
    /// Rows that a writing statement changed, when the database tells.
    pub affected: Option<u64>,
}

/// A checked statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its parameters in order.
    pub parameters: Vec<Parameter>,
    /// Its result columns.
    pub columns: Vec<Column>,
}

/// The server behind a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// `PostgreSQL 15.8`
    pub product: String,
    /// The role.
    pub user: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// What the role can do that a read-only transaction does not stop, and what to do about it.
    pub warnings: Vec<String>,
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// A table.
    Table,
    /// A view.
    View,
    /// A materialised view.
    MaterializedView,
    /// A foreign table.
    ForeignTable,
    /// Documents, or keys and values; its columns are what a sample of them has.
    Collection,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// The database's own, complete name of the type.
    pub database_type: String,
    /// What its values are.
    pub kind: ValueKind,
    /// It may hold no value.
    pub nullable: bool,
    /// The default, as an expression of the database.
    pub default_value: Option<String>,
    /// What its owner wrote about it.
    pub comment: Option<String>,
    /// The labels of an enumerated type.
    pub enum_values: Vec<String>,
    /// Of a field of a collection, in how many of a hundred sampled documents it was.
    pub frequency: Option<u8>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// Its name.
    pub name: String,
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The schema referred to.
    pub referenced_schema: String,
    /// The table referred to.
    pub referenced_table: String,
    /// The columns referred to, in the order of `columns`.
    pub referenced_columns: Vec<String>,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its columns; expressions are left out.
    pub columns: Vec<String>,
    /// No two rows are equal in it.
    pub unique: bool,
}

/// A table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its schema.
    pub schema_name: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// What its owner wrote about it.
    pub comment: Option<String>,
    /// Approximate number of rows.
    pub row_estimate: Option<u64>,
    /// Its columns in order.
    pub columns: Vec<ColumnInfo>,
    /// Columns of the primary key.
    pub primary_key: Vec<String>,
    /// Columns of each unique key.
    pub unique_keys: Vec<Vec<String>>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Indexes.
    pub indexes: Vec<Index>,
}

/// What the role may see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The schema that unqualified names mean.
    pub default_schema: String,
    /// Tables and views, ordered by schema and name.
    pub relations: Vec<Relation>,
}

/// How TLS is used towards a server, with libpq's meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Never.
    Disable,
    /// If the server offers it; nothing is verified.
    Prefer,
    /// Always; nothing is verified.
    Require,
    /// Always; the certificate must come from a trusted root.
    VerifyCa,
    /// Always; the certificate must come from a trusted root and carry the server's name.
    VerifyFull,
}

/// A server of a data source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Over TCP.
    Tcp {
        /// A name or a literal address.
        host: String,
        /// The port.
        port: u16,
    },
    /// Over a Unix socket.
    Unix(PathBuf),
}

/// The SQLite file of a data source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteFile {
    /// Canonical path, as it was when the operator granted it.
    pub path: PathBuf,
    /// Which file that was; none where any file at the path is meant.
    pub identity: Option<FileIdentity>,
    /// Writing was granted.
    pub writable: bool,
}

/// What the plugin is told about the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectorConfig {
    /// The role.
    pub user: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// Parameters of the URL that the host does not consume itself.
    pub options: Vec<(String, String)>,
    /// IANA time zone of the session.
    pub time_zone: String,
    /// Announced to the server.
    pub application_name: String,
}

/// A certificate of the daemon's side, and the key that proves it. No plugin sees either.
#[derive(Clone)]
pub struct ClientIdentity {
    /// The certificate, with those between it and its authority after it, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: Zeroizing<String>,
}

/// What a connector plugin may reach, and with which secrets: one data source in one environment.
#[derive(Clone)]
pub struct SourceAccess {
    /// Which source and environment this is; instances are never shared between two of them.
    pub source_id: String,
    /// Its servers, in the order in which to try them.
    pub targets: Vec<Target>,
    /// How TLS is used towards all of them.
    pub tls: TlsMode,
    /// The source's own certificate authority, PEM.
    pub ca: Option<String>,
    /// With what the daemon signs in by TLS, where the source has such a thing.
    pub client: Option<ClientIdentity>,
    /// Its file, for SQLite.
    pub sqlite: Option<SqliteFile>,
    /// What the plugin is told.
    pub config: ConnectorConfig,
    /// Secrets by the name of the manifest's `reveal` list: `password`.
    pub secrets: BTreeMap<String, Zeroizing<String>>,
}

impl SourceAccess {
    /// The address of a source that is reached by HTTP: the first server, and what stands behind it
    /// in the source's URL as the path. Plain HTTP where TLS is off or need not be. None for files
    /// and Unix sockets.
    pub(crate) fn base_url(&self) -> Option<Url> {
        let Some(Target::Tcp { host, port }) = self.targets.first() else {
            return None;
        };
        let scheme = match self.tls {
            TlsMode::Disable | TlsMode::Prefer => "http",
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => "https",
        };
        let host = match host.contains(':') && !host.starts_with('[') {
            true => format!("[{host}]"),
            false => host.clone(),
        };
        let mut url = Url::parse(&format!("{scheme}://{host}:{port}")).ok()?;
        url.set_path(self.config.database.as_deref().unwrap_or_default());
        Some(url)
    }
}

impl std::fmt::Debug for SourceAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceAccess")
            .field("source_id", &self.source_id)
            .field("targets", &self.targets)
            .field("tls", &self.tls)
            .field("sqlite", &self.sqlite)
            .field("config", &self.config)
            .field("secrets", &"[sealed]")
            .finish()
    }
}

/// One open connection, in an instance of its own. Dropping it closes it.
///
/// Dropping the future of a call in flight makes the connection unusable: every later call gives
/// [`PluginError::StateLost`], and [`Connection::is_usable`] is false.
#[async_trait]
pub trait Connection: Send {
    /// Whether it can still be used.
    fn is_usable(&self) -> bool;
    /// Asks the server for a sign of life.
    async fn ping(&mut self) -> Result<(), PluginError>;
    /// The server and what the role can do.
    async fn server_info(&mut self) -> Result<ServerInfo, PluginError>;
    /// What the role may see.
    async fn schema(&mut self) -> Result<Schema, PluginError>;
    /// Has the database check a statement.
    async fn prepare(&mut self, text: &str) -> Result<Prepared, PluginError>;
    /// Runs one statement. Drops the rest of a former one.
    async fn query(
        &mut self,
        text: &str,
        params: &[Param],
        options: QueryOptions,
    ) -> Result<Rows, PluginError>;
    /// The next rows of the last query; no rows at its end.
    async fn next(&mut self, max_rows: u32, max_bytes: u32) -> Result<Batch, PluginError>;
    /// Gives up the rest of the last query and leaves the connection usable.
    async fn close_cursor(&mut self) -> Result<(), PluginError>;
    /// With which [`Connector::cancel`] reaches what runs here.
    async fn cancel_token(&mut self) -> Result<Vec<u8>, PluginError>;
}

/// A connector plugin.
#[async_trait]
pub trait Connector: Send + Sync {
    /// What it is.
    async fn describe(&self) -> Result<ConnectorInfo, PluginError>;
    /// Opens a connection.
    async fn open(&self, access: Arc<SourceAccess>) -> Result<Box<dyn Connection>, PluginError>;
    /// Cancels what runs on a connection, from an instance of its own in a reserved slot.
    async fn cancel(&self, access: Arc<SourceAccess>, token: &[u8]) -> Result<(), PluginError>;
}
