//! A host whose database is an SQLite in memory of the test itself.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, missing_docs)]

use labd_plugin::net::Target;
use labd_plugin::sqlite::{Column, Database, Rows, Statement, Value};
use labd_plugin::testing::{FakeBody, FakeConn, FakeHost};
use labd_plugin::{Error, Host, Result, http, log};
use rusqlite::types::ValueRef;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

#[derive(Clone)]
pub struct Memory {
    pub connection: Rc<rusqlite::Connection>,
    pub time_limit: Rc<Cell<u32>>,
    pub interrupted: Rc<Cell<Option<u64>>>,
    fake: FakeHost,
}

impl Memory {
    pub fn new(setup: &str) -> Self {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(setup).unwrap();
        Self {
            connection: Rc::new(connection),
            time_limit: Rc::default(),
            interrupted: Rc::default(),
            fake: FakeHost::new(),
        }
    }
}

fn fault(error: &rusqlite::Error) -> Error {
    Error::invalid(error.to_string())
}

impl Host for Memory {
    type Body = FakeBody;
    type Conn = FakeConn;
    type Database = Self;

    fn log(&self, level: log::Level, message: &str, fields: &[(&str, &str)]) {
        self.fake.log(level, message, fields);
    }
    fn now(&self) -> u64 {
        self.fake.now()
    }
    fn sleep(&self, duration: Duration) -> Result<()> {
        self.fake.sleep(duration)
    }
    fn send(&self, request: http::Request) -> Result<http::Response<FakeBody>> {
        self.fake.send(request)
    }
    fn targets(&self) -> Result<Vec<Target>> {
        self.fake.targets()
    }
    fn connect(&self, index: u32) -> Result<FakeConn> {
        self.fake.connect(index)
    }
    fn open_database(&self) -> Result<Self> {
        Ok(self.clone())
    }
    fn interrupt(&self, token: u64) -> Result<()> {
        self.interrupted.set(Some(token));
        Ok(())
    }
    fn app_query(&self, name: &str, parameters: &str) -> Result<String> {
        self.fake.app_query(name, parameters)
    }
    fn app_user(&self) -> String {
        self.fake.app_user()
    }
}

impl Database for Memory {
    type Statement = Prepared;

    fn prepare(&self, sql: &str) -> Result<Prepared> {
        let statement = self
            .connection
            .prepare(sql)
            .map_err(|error| fault(&error))?;
        Ok(Prepared {
            connection: self.connection.clone(),
            sql: sql.into(),
            parameters: (1..=statement.parameter_count())
                .map(|index| statement.parameter_name(index).map(Into::into))
                .collect(),
            columns: statement
                .columns()
                .map(|column| Column {
                    name: column.name().into(),
                    declared_type: column.decl_type().map(Into::into),
                })
                .collect(),
            read_only: statement.readonly(),
            rows: RefCell::default(),
        })
    }
    fn changes(&self) -> u64 {
        self.connection.changes()
    }
    fn set_time_limit(&self, milliseconds: u32) {
        self.time_limit.set(milliseconds);
    }
    fn set_read_only(&self, read_only: bool) -> Result<()> {
        self.connection
            .pragma_update(None, "query_only", read_only)
            .map_err(|error| fault(&error))
    }
    fn interrupt_token(&self) -> u64 {
        77
    }
}

pub struct Prepared {
    connection: Rc<rusqlite::Connection>,
    sql: String,
    parameters: Vec<Option<String>>,
    columns: Vec<Column>,
    read_only: bool,
    rows: RefCell<VecDeque<Vec<Value>>>,
}

impl Statement for Prepared {
    fn parameters(&self) -> Vec<Option<String>> {
        self.parameters.clone()
    }
    fn columns(&self) -> Vec<Column> {
        self.columns.clone()
    }
    fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Runs the statement to its end: the test's host needs no streaming.
    fn bind(&self, values: &[Value]) -> Result<()> {
        let mut statement = self
            .connection
            .prepare(&self.sql)
            .map_err(|error| fault(&error))?;
        let width = statement.column_count();
        let values = values.iter().map(|value| match value {
            Value::Null => rusqlite::types::Value::Null,
            Value::Integer(number) => (*number).into(),
            Value::Real(number) => (*number).into(),
            Value::Text(text) => text.clone().into(),
            Value::Blob(bytes) => bytes.clone().into(),
        });
        let mut found = statement
            .query(rusqlite::params_from_iter(values))
            .map_err(|error| fault(&error))?;
        let mut rows = VecDeque::new();
        while let Some(row) = found.next().map_err(|error| fault(&error))? {
            rows.push_back(
                (0..width)
                    .map(|index| match row.get_ref(index).unwrap() {
                        ValueRef::Null => Value::Null,
                        ValueRef::Integer(number) => Value::Integer(number),
                        ValueRef::Real(number) => Value::Real(number),
                        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into()),
                        ValueRef::Blob(bytes) => Value::Blob(bytes.into()),
                    })
                    .collect(),
            );
        }
        self.rows.replace(rows);
        Ok(())
    }

    fn step(&self, max_rows: u32, _max_bytes: u32) -> Result<Rows> {
        let mut rows = self.rows.borrow_mut();
        let count = rows.len().min(max_rows as usize);
        let taken = rows.drain(..count).collect();
        Ok(Rows {
            rows: taken,
            done: rows.is_empty(),
        })
    }
}
