//! Data sources, their schemas, and queries.

use crate::{ApiError, CursorId, ProjectId, Secret, SourceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How TLS is used towards a source, with libpq's meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsSetting {
    /// Never.
    Disable,
    /// If offered; nothing is verified. Shown as a warning.
    Prefer,
    /// Always; nothing is verified. Shown as a warning.
    Require,
    /// Always; the certificate must come from a trusted root.
    VerifyCa,
    /// Always; the certificate must come from a trusted root and carry the server's name.
    VerifyFull,
}

/// A data source, without anything secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceInfo {
    /// Its id.
    pub id: SourceId,
    /// Its name, unique.
    pub name: String,
    /// The connector plugin: `labd.postgres`.
    pub plugin: String,
    /// For people: `PostgreSQL`.
    pub connector: String,
    /// The SQL dialect: `postgresql`, `sqlite`, …
    pub dialect: String,
    /// Where it is, without secrets: `db.example:5432/shop` or a file's path.
    pub location: String,
    /// The role, where there is one.
    pub user: Option<String>,
    /// How TLS is used; none for a file.
    pub tls: Option<TlsSetting>,
    /// Its certificate is verified by an authority of its own, not by the operating system's.
    pub own_ca: bool,
    /// The environment that the credential belongs to: `development`.
    pub environment: String,
    /// IANA time zone of its sessions.
    #[schema(example = "UTC")]
    pub time_zone: String,
    /// It is the sample database that labd made itself.
    pub sample: bool,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its settings last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// The outcome of the last test.
    pub last_test: Option<SourceTest>,
    /// Projects that use it.
    pub projects: Vec<ProjectId>,
}

/// A certificate with which the daemon signs in to a server, beside or in place of a password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The certificate, with those between it and its authority after it, PEM. Empty for none.
    pub certificate: String,
    /// Its private key, PEM, without a passphrase. Sealed at once, never given back.
    pub key: Secret,
}

/// A new source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceCreate {
    /// Its name.
    pub name: String,
    /// The connection URL, password and all: `postgresql://user:password@host:5432/database`,
    /// `sqlite:///absolute/path.db`. Sealed at once, never given back.
    pub url: Secret,
    /// The source's own certificate authority, PEM.
    #[serde(default)]
    pub ca: Option<String>,
    /// The certificate to sign in with.
    #[serde(default)]
    pub client: Option<ClientCertificate>,
    /// IANA time zone of its sessions; `UTC` when absent.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Save it even when the test fails.
    #[serde(default)]
    pub save_untested: bool,
}

/// A change of a source. Changing the URL replaces the whole credential.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceUpdate {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// A new connection URL. One without a password never takes over the old one, and the
    /// certificate to sign in with is to be given again.
    #[serde(default)]
    pub url: Option<Secret>,
    /// A new certificate authority, PEM; empty removes it.
    #[serde(default)]
    pub ca: Option<String>,
    /// A new certificate to sign in with; an empty one removes it.
    #[serde(default)]
    pub client: Option<ClientCertificate>,
    /// A new time zone.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Save it even when the test fails.
    #[serde(default)]
    pub save_untested: bool,
}

/// A connection to try without saving it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceTestRequest {
    /// The connection URL.
    pub url: Secret,
    /// The source's own certificate authority, PEM.
    #[serde(default)]
    pub ca: Option<String>,
    /// The certificate to sign in with.
    #[serde(default)]
    pub client: Option<ClientCertificate>,
}

/// The outcome of a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceTest {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `PostgreSQL 15.8`, when it could be reached.
    pub product: Option<String>,
    /// The role.
    pub user: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// Milliseconds to connect and answer.
    pub latency_ms: u64,
    /// What the role can do beyond reading, unverified TLS, and what to do about it.
    pub warnings: Vec<String>,
    /// Why it failed; none when it succeeded.
    pub error: Option<ApiError>,
}

/// What removing a source did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceRemoved {
    /// Projects that are without a source now; their files and history stay.
    pub projects: Vec<ProjectId>,
}

/// What a value is, independent of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// JSON `true` or `false`.
    Boolean,
    /// A JSON number up to 2^53 - 1 either way, beyond that a string.
    Integer,
    /// A JSON number; `"NaN"`, `"Infinity"` and `"-Infinity"` as strings.
    Float,
    /// An exact number, always a string.
    Decimal,
    /// A string.
    Text,
    /// Base64.
    Binary,
    /// `YYYY-MM-DD`, `infinity` or `-infinity`.
    Date,
    /// `HH:MM:SS`, with `.` and digits where there is a fraction of a second.
    Time,
    /// `YYYY-MM-DDTHH:MM:SS` without a zone, with a fraction as a time has it; `infinity` or
    /// `-infinity`. Where a database stores any text in such a column (SQLite), the kind is
    /// [`Text`](Self::Text) as soon as one of the first values is none; a later one that is none
    /// comes as the text that it is.
    Timestamp,
    /// As a timestamp, in UTC and with `Z` at the end.
    Instant,
    /// A string.
    Uuid,
    /// The document itself; as a string when it holds a number that a double cannot hold.
    Json,
    /// An array.
    Array,
    /// The database's own text.
    Other,
}

/// A result column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueryColumn {
    /// Its name.
    pub name: String,
    /// The database's own name of the type.
    #[serde(rename = "type")]
    pub database_type: String,
    /// How its values are written.
    pub kind: ValueKind,
}

/// A statement to run by hand. Only what provably reads is run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    /// One statement, with `:name` for each parameter.
    pub text: String,
    /// Parameters by name; exact numbers as strings.
    #[serde(default)]
    pub params: BTreeMap<String, serde_json::Value>,
    /// The most rows to answer with at once; 1 000 when absent, at most 10 000.
    #[serde(default)]
    pub max_rows: Option<u32>,
}

/// Rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryResult {
    /// The columns.
    pub columns: Vec<QueryColumn>,
    /// The rows, a value per column, written as the column's kind says.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    pub rows: Vec<Vec<serde_json::Value>>,
    /// More rows can be had with this cursor, for 30 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<CursorId>,
    /// A limit of rows or bytes cut the result off.
    #[serde(default)]
    pub truncated: bool,
    /// Milliseconds it took.
    pub duration_ms: f64,
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// A table.
    Table,
    /// A view.
    View,
    /// A materialised view.
    MaterializedView,
    /// A foreign table.
    ForeignTable,
    /// Documents, or keys and values.
    Collection,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ColumnSchema {
    /// Its name.
    pub name: String,
    /// The database's own, exact name of the type.
    #[serde(rename = "type")]
    pub database_type: String,
    /// What its values are.
    pub kind: ValueKind,
    /// It may hold no value.
    pub nullable: bool,
    /// The default, as an expression of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<String>,
    /// What its owner wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The labels of an enumerated type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enum_values: Vec<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForeignKeySchema {
    /// Its name.
    pub name: String,
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The schema referred to.
    pub referenced_schema: String,
    /// The table referred to.
    pub referenced_table: String,
    /// The columns referred to.
    pub referenced_columns: Vec<String>,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexSchema {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// No two rows are equal in it.
    pub unique: bool,
}

/// A table or view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RelationSchema {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// What its owner wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Approximate number of rows.
    pub row_estimate: Option<u64>,
    /// Its columns in order.
    pub columns: Vec<ColumnSchema>,
    /// Columns of the primary key.
    pub primary_key: Vec<String>,
    /// Columns of each unique key.
    #[serde(default)]
    pub unique_keys: Vec<Vec<String>>,
    /// Foreign keys.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKeySchema>,
    /// Indexes.
    #[serde(default)]
    pub indexes: Vec<IndexSchema>,
}

/// What the role of a source may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceSchema {
    /// The SQL dialect.
    pub dialect: String,
    /// The schema that unqualified names mean.
    pub default_schema: String,
    /// When it was read.
    #[schema(value_type = String, format = DateTime)]
    pub read_at: Timestamp,
    /// Tables and views, ordered by schema and name.
    pub relations: Vec<RelationSchema>,
}
