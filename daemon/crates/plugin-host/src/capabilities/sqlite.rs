//! `labd:host/sqlite`: the database file of a connector's data source. What it may do is settled in
//! [`crate::sqlite`]; here it meets the guest.

use super::not_permitted;
use crate::{
    Fault, PluginError,
    bindings::{host::labd::host::sqlite, wire::Error},
    kinds::connector::{EXACT_INTEGER, SqliteFile},
    sqlite::{Database, Databases, Statement, Value},
    state::{Access, HostState},
};
use std::time::Duration;
use wasmtime::component::{Linker, Resource};

/// The file of this instance's data source; none without permission.
#[derive(Default)]
pub(crate) struct SqliteAccess(pub Option<SourceFile>);

/// See [`SqliteAccess`].
#[derive(Clone)]
pub(crate) struct SourceFile {
    pub databases: Databases,
    pub source_id: String,
    /// None for a source that is no file.
    pub file: Option<SqliteFile>,
}

pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    sqlite::add_to_linker::<_, Access>(linker, |state| state)
}

impl HostState {
    fn source_file(&self) -> Result<SourceFile, PluginError> {
        let file = self.sqlite.0.clone();
        file.ok_or_else(|| not_permitted(&self.core.id, "sqlite", "the data source's file"))
    }
}

async fn open(source: Result<SourceFile, PluginError>) -> Result<Database, PluginError> {
    let source = source?;
    let file = source
        .file
        .ok_or_else(|| PluginError::NotFound(Fault::new("the data source is not a file")))?;
    source.databases.open(&source.source_id, &file).await
}

impl sqlite::Host for HostState {
    async fn open(&mut self) -> wasmtime::Result<Result<Resource<Database>, Error>> {
        let opened = match self.core.place_to_open() {
            Ok(place) => open(self.source_file())
                .await
                .map(|database| database.keeping(place)),
            Err(error) => Err(error),
        };
        let opened = match opened {
            Ok(database) => Ok(self.table.push(database)?),
            Err(error) => Err(error),
        };
        Ok(self.answer(opened))
    }

    async fn interrupt(&mut self, token: u64) -> wasmtime::Result<Result<(), Error>> {
        let interrupted = self
            .source_file()
            .and_then(|source| source.databases.interrupt(&source.source_id, token));
        Ok(self.answer(interrupted))
    }
}

impl sqlite::HostDatabase for HostState {
    async fn prepare(
        &mut self,
        database: Resource<Database>,
        sql: String,
    ) -> wasmtime::Result<Result<Resource<Statement>, Error>> {
        let prepared = match self.table.get(&database)?.prepare(&sql).await {
            Ok(statement) => Ok(self.table.push(statement)?),
            Err(error) => Err(error),
        };
        Ok(self.answer(prepared))
    }

    async fn changes(&mut self, database: Resource<Database>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&database)?.changes())
    }

    async fn set_time_limit(
        &mut self,
        database: Resource<Database>,
        milliseconds: u32,
    ) -> wasmtime::Result<()> {
        let limit = Duration::from_millis(milliseconds.into());
        self.table.get(&database)?.set_time_limit(limit);
        Ok(())
    }

    async fn set_read_only(
        &mut self,
        database: Resource<Database>,
        read_only: bool,
    ) -> wasmtime::Result<Result<(), Error>> {
        let set = self.table.get(&database)?.set_read_only(read_only).await;
        Ok(self.answer(set))
    }

    async fn interrupt_token(&mut self, database: Resource<Database>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&database)?.interrupt_token())
    }

    async fn drop(&mut self, database: Resource<Database>) -> wasmtime::Result<()> {
        self.table.delete(database)?;
        Ok(())
    }
}

impl sqlite::HostStatement for HostState {
    async fn parameters(
        &mut self,
        statement: Resource<Statement>,
    ) -> wasmtime::Result<Vec<Option<String>>> {
        Ok(self.table.get(&statement)?.parameters().to_vec())
    }

    async fn columns(
        &mut self,
        statement: Resource<Statement>,
    ) -> wasmtime::Result<Vec<sqlite::Column>> {
        let columns = self.table.get(&statement)?.columns();
        Ok(columns
            .iter()
            .map(|column| sqlite::Column {
                name: column.name.clone(),
                declared_type: column.declared_type.clone(),
            })
            .collect())
    }

    async fn is_read_only(&mut self, statement: Resource<Statement>) -> wasmtime::Result<bool> {
        Ok(self.table.get(&statement)?.is_read_only())
    }

    async fn bind(
        &mut self,
        statement: Resource<Statement>,
        values: Vec<sqlite::Value>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let statement = self.table.get_mut(&statement)?;
        let values: Result<_, _> = values.into_iter().map(value).collect();
        let bound = match values {
            Ok(values) => statement.bind(values).await,
            Err(error) => Err(error),
        };
        Ok(self.answer(bound))
    }

    async fn step(
        &mut self,
        statement: Resource<Statement>,
        max_rows: u32,
        max_bytes: u32,
    ) -> wasmtime::Result<Result<sqlite::Rows, Error>> {
        let statement = self.table.get_mut(&statement)?;
        let stepped = statement.step(max_rows, max_bytes).await;
        Ok(self.answer(stepped.map(|rows| {
            sqlite::Rows {
                rows: rows
                    .rows
                    .into_iter()
                    .map(|row| row.into_iter().map(wire_value).collect())
                    .collect(),
                done: rows.done,
            }
        })))
    }

    async fn drop(&mut self, statement: Resource<Statement>) -> wasmtime::Result<()> {
        self.table.delete(statement)?;
        Ok(())
    }
}

fn value(value: sqlite::Value) -> Result<Value, PluginError> {
    Ok(match value {
        sqlite::Value::Null => Value::Null,
        sqlite::Value::Integer(v) => Value::Integer(v),
        sqlite::Value::LargeInteger(digits) => Value::Integer(digits.parse().map_err(|_| {
            let message = format!("`{digits}` is no whole number of 64 bits");
            PluginError::InvalidRequest(Fault::new(message))
        })?),
        sqlite::Value::Real(v) => Value::Real(v),
        sqlite::Value::Text(v) => Value::Text(v),
        sqlite::Value::Blob(v) => Value::Blob(v),
    })
}

fn wire_value(value: Value) -> sqlite::Value {
    match value {
        Value::Null => sqlite::Value::Null,
        Value::Integer(v) if v.unsigned_abs() <= EXACT_INTEGER => sqlite::Value::Integer(v),
        Value::Integer(v) => sqlite::Value::LargeInteger(v.to_string()),
        Value::Real(v) => sqlite::Value::Real(v),
        Value::Text(v) => sqlite::Value::Text(v),
        Value::Blob(v) => sqlite::Value::Blob(v),
    }
}
