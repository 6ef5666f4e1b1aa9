//! Data sources: credentials, schema cache and the query broker.
//!
//! ```text
//! source/     what a source is: its URL, its record, tests, the schema cache
//! statement/  what a statement is: named parameters, its effect, the functions it calls
//! broker/     running one: connection pools, limits, cancellation, exact JSON, cursors
//! sources/    all sources: managing them, their schemas, queries by hand and of apps
//! ```
//!
//! No SQL from outside reaches a database before [`statement::Statement`] has shown that it only
//! reads, and then it runs in a read-only transaction with limits of its own. Parameters are bound,
//! never spliced. Secrets live in sealed records and in [`SourceAccess`], nowhere else.
//!
//! [`SourceAccess`]: labd_plugin_host::kinds::connector::SourceAccess

mod broker;
mod errors;
mod source;
mod sources;
pub mod statement;

pub use broker::limits;
pub use source::connectors::{ConnectorEntry, Connectors};
pub use sources::{CheckedParameter, CheckedQuery, Sources, SourcesOptions};
