//! One SQLite file, opened by the host.

use crate::bindings::base::labd::host::sqlite as wit;
use crate::{Error, Result};

pub use wit::Column;

/// A value of SQLite.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number of 64 bits.
    Integer(i64),
    /// Binary floating point.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Rows of a step, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Vec<Value>>,
    /// No more rows will come.
    pub done: bool,
}

/// A connection to the file.
pub trait Database: 'static {
    /// A prepared statement.
    type Statement: Statement;

    /// Prepares exactly one statement.
    ///
    /// # Errors
    /// `invalid-request` for a fault in the text, or more than one statement; `denied` for what
    /// the host's authorizer refuses.
    fn prepare(&self, sql: &str) -> Result<Self::Statement>;

    /// Rows changed by the last statement that wrote.
    fn changes(&self) -> u64;

    /// Milliseconds that statements may run from now on.
    fn set_time_limit(&self, milliseconds: u32);

    /// Makes the connection refuse every write, or allow what was granted.
    ///
    /// # Errors
    /// `denied` when writing was not granted.
    fn set_read_only(&self, read_only: bool) -> Result<()>;

    /// A token for [`crate::Host::interrupt`].
    fn interrupt_token(&self) -> u64;
}

/// A prepared statement.
pub trait Statement: 'static {
    /// The parameters' names in order, as written; none for a bare `?`.
    fn parameters(&self) -> Vec<Option<String>>;

    /// The result's columns.
    fn columns(&self) -> Vec<Column>;

    /// SQLite itself says that the statement writes nothing.
    fn is_read_only(&self) -> bool;

    /// Binds all parameters anew and starts over.
    ///
    /// # Errors
    /// `invalid-request` when the count differs.
    fn bind(&self, values: &[Value]) -> Result<()>;

    /// Up to `max_rows` rows and about `max_bytes` bytes.
    ///
    /// # Errors
    /// `timeout`, `cancelled`, `conflict` for a violated constraint, `unavailable` for a busy file.
    fn step(&self, max_rows: u32, max_bytes: u32) -> Result<Rows>;
}

impl Database for wit::Database {
    type Statement = wit::Statement;

    fn prepare(&self, sql: &str) -> Result<Self::Statement> {
        wit::Database::prepare(self, sql)
    }

    fn changes(&self) -> u64 {
        wit::Database::changes(self)
    }

    fn set_time_limit(&self, milliseconds: u32) {
        wit::Database::set_time_limit(self, milliseconds);
    }

    fn set_read_only(&self, read_only: bool) -> Result<()> {
        wit::Database::set_read_only(self, read_only)
    }

    fn interrupt_token(&self) -> u64 {
        wit::Database::interrupt_token(self)
    }
}

impl Statement for wit::Statement {
    fn parameters(&self) -> Vec<Option<String>> {
        wit::Statement::parameters(self)
    }

    fn columns(&self) -> Vec<Column> {
        wit::Statement::columns(self)
    }

    fn is_read_only(&self) -> bool {
        wit::Statement::is_read_only(self)
    }

    fn bind(&self, values: &[Value]) -> Result<()> {
        let values: Vec<_> = values
            .iter()
            .map(|value| match value {
                Value::Null => wit::Value::Null,
                Value::Integer(number) => wit::Value::Integer(*number),
                Value::Real(number) => wit::Value::Real(*number),
                Value::Text(text) => wit::Value::Text(text.clone()),
                Value::Blob(bytes) => wit::Value::Blob(bytes.clone()),
            })
            .collect();
        wit::Statement::bind(self, &values)
    }

    fn step(&self, max_rows: u32, max_bytes: u32) -> Result<Rows> {
        let wit::Rows { rows, done } = wit::Statement::step(self, max_rows, max_bytes)?;
        let rows = rows
            .into_iter()
            .map(|row| row.into_iter().map(value).collect::<Result<_>>())
            .collect::<Result<_>>()?;
        Ok(Rows { rows, done })
    }
}

/// The contract spells out integers that some languages cannot hold; this one can.
fn value(value: wit::Value) -> Result<Value> {
    Ok(match value {
        wit::Value::Null => Value::Null,
        wit::Value::Integer(number) => Value::Integer(number),
        wit::Value::LargeInteger(digits) => Value::Integer(digits.parse().map_err(|_| {
            Error::internal(format!("the host gave `{digits}` as a large integer"))
        })?),
        wit::Value::Real(number) => Value::Real(number),
        wit::Value::Text(text) => Value::Text(text),
        wit::Value::Blob(bytes) => Value::Blob(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_integers_are_exact() {
        let given = wit::Value::LargeInteger(i64::MIN.to_string());
        assert_eq!(value(given), Ok(Value::Integer(i64::MIN)));
        assert!(value(wit::Value::LargeInteger("1e19".into())).is_err());
    }
}
