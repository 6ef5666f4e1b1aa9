//! `labd:host/sqlite`: one SQLite database file of a data source.
//!
//! SQLite runs in the host because its locks and its write-ahead log need the real file. A plugin
//! gets a [`Database`] over the one file of its source; what it can do with it is bounded here:
//!
//! | what | rule |
//! | --- | --- |
//! | the file | canonical path, no links on the way, a regular file, the same device and inode as when it became a data source, outside of the daemon's data directory ([`FileRules`]) |
//! | writing | the file is opened read-only unless writing was granted; [`Database::set_read_only`] adds `query_only` |
//! | SQL | an authorizer refuses `ATTACH`, `VACUUM INTO`, extensions and all pragmas but those that only read; `trusted_schema` is off, defensive mode on |
//! | time | [`Database::set_time_limit`], checked every 1 000 steps of SQLite's machine, also while it waits for a lock (5 s at most) |
//! | size | a value 64 MiB, a statement 1 MiB, a batch of rows 4 MiB |
//!
//! Each database has a thread of its own, so SQLite never blocks the async threads. Dropping the
//! future of a call interrupts what runs; dropping the [`Database`] and its statements ends the
//! thread and closes the file.

mod authorizer;
mod control;
mod database;
mod error;
mod file;
mod registry;
#[cfg(test)]
mod tests;
mod worker;

pub use database::{Database, Statement};
pub use file::{FileIdentity, FileRules, granted, identify};
pub use registry::Databases;

/// A value of SQLite. Text that is not UTF-8 comes as a [`Value::Blob`], unchanged.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// Exact, 64 bits.
    Integer(i64),
    /// Binary floating point.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A result column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The declared type of the table's column it comes from; none for an expression.
    pub declared_type: Option<String>,
}

/// Rows of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Row after row.
    pub rows: Vec<Vec<Value>>,
    /// No more rows will come.
    pub done: bool,
}
