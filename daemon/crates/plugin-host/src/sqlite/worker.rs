//! The thread of one open database. It owns the connection and its statements, and serves one
//! command after another until nobody can send any more.

use super::{
    Column, FileIdentity, FileRules, Rows, Value, authorizer,
    control::Control,
    error::Context,
    file::{identify, reopened, replaced},
};
use crate::{Fault, PluginError};
use rusqlite::{
    Connection, FileControl, MAIN_DB, OpenFlags, config::DbConfig, limits::Limit, types::ValueRef,
};
use std::{
    collections::HashMap,
    mem,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// How often SQLite asks whether to go on, in steps of its virtual machine: some microseconds.
const PROGRESS_STEPS: i32 = 1000;
/// Between two attempts to get a lock, and how many there are: 5 s in all.
const BUSY_WAIT: Duration = Duration::from_millis(10);
const BUSY_ATTEMPTS: i32 = 500;
/// The most bytes of one batch; one row may be longer.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Limits of a connection that differ from SQLite's own.
const LIMITS: &[(Limit, i32)] = &[
    (Limit::SQLITE_LIMIT_LENGTH, 64 * 1024 * 1024),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 1024 * 1024),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 10_000),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 100),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// Where the answer goes. A receiver that is gone gave up waiting, so a failed send is no error.
pub(super) type Reply<T> = oneshot::Sender<Result<T, PluginError>>;

/// What the handles ask for.
pub(super) enum Command {
    Prepare {
        sql: String,
        reply: Reply<Prepared>,
    },
    Bind {
        id: u64,
        values: Vec<Value>,
        reply: Reply<()>,
    },
    Step {
        id: u64,
        max_rows: u32,
        max_bytes: u32,
        reply: Reply<Rows>,
    },
    Finalize {
        id: u64,
    },
    ReadOnly {
        read_only: bool,
        reply: Reply<()>,
    },
}

/// What is known about a statement once it is compiled.
pub(super) struct Prepared {
    pub(super) id: u64,
    pub(super) parameters: Vec<Option<String>>,
    pub(super) columns: Vec<Column>,
    pub(super) read_only: bool,
}

/// What to open, and how.
pub(super) struct Worker {
    pub(super) path: PathBuf,
    pub(super) writable: bool,
    pub(super) rules: FileRules,
    pub(super) expected: Option<FileIdentity>,
    pub(super) control: Arc<Control>,
}

/// A compiled statement and where it stands.
struct Open<'c> {
    statement: rusqlite::Statement<'c>,
    sql: String,
    progress: Progress,
}

enum Progress {
    /// It needs values first, or failed and must not run on.
    Unbound,
    /// It may be stepped.
    Running,
    /// It has ended; stepping it again would run it again.
    Done,
}

impl Worker {
    /// Starts the thread, which then reports whether the file could be opened.
    pub(super) fn start(
        self,
        opened: Reply<FileIdentity>,
    ) -> Result<mpsc::Sender<Command>, PluginError> {
        let (commands, inbox) = mpsc::channel();
        thread::Builder::new()
            .name("labd-sqlite".to_owned())
            .spawn(move || match self.open() {
                Ok((connection, identity)) => {
                    if opened.send(Ok(identity)).is_ok() {
                        self.serve(&connection, &inbox);
                    }
                }
                Err(error) => {
                    let _ = opened.send(Err(error));
                }
            })
            .map_err(|error| {
                tracing::warn!(%error, "no thread can be started for a SQLite database");
                PluginError::Overloaded
            })?;
        Ok(commands)
    }

    fn context<'a>(&'a self, sql: &'a str) -> Context<'a> {
        Context {
            path: &self.path,
            writable: self.writable,
            control: &self.control,
            sql,
        }
    }

    fn open(&self) -> Result<(Connection, FileIdentity), PluginError> {
        let identity = reopened(&self.path, &self.rules, self.expected)?;
        let context = self.context("");
        let connection = self
            .control
            .timed(|| self.connect().map_err(|error| context.map(error)))?;
        // What was opened is what was checked.
        let mut moved = 0;
        connection
            .file_control(Some(MAIN_DB), FileControl::HasMoved(&mut moved))
            .map_err(|error| context.map(error))?;
        if moved != 0 || identify(&self.path)? != identity {
            return Err(replaced(&self.path));
        }
        Ok((connection, identity))
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let access = if self.writable {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        } else {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        };
        let mut connection = Connection::open_with_flags(
            &self.path,
            access
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_NOFOLLOW
                | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE,
        )?;
        for (limit, value) in LIMITS {
            connection.set_limit(*limit, *value)?;
        }
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false)?;
        let control = self.control.clone();
        connection.progress_handler(
            PROGRESS_STEPS,
            Some(move || control.stop_reason().is_some()),
        )?;
        let control = self.control.clone();
        connection.busy_handler(Some(move |attempt| {
            let go_on = attempt < BUSY_ATTEMPTS && control.stop_reason().is_none();
            if go_on {
                thread::sleep(BUSY_WAIT);
            }
            go_on
        }))?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "query_only", !self.writable)?;
        // SQLite reads the file only now: this tells whether it is a database at all.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        authorizer::install(&mut connection, self.control.clone())?;
        self.control.attach(connection.get_interrupt_handle());
        Ok(connection)
    }

    fn serve(&self, connection: &Connection, inbox: &mpsc::Receiver<Command>) {
        let mut statements = HashMap::new();
        let mut next_id = 0;
        while let Ok(command) = inbox.recv() {
            match command {
                Command::Prepare { sql, reply } => {
                    next_id += 1;
                    let prepared = self
                        .control
                        .timed(|| self.prepare(connection, next_id, sql));
                    let _ = reply.send(prepared.map(|(prepared, open)| {
                        statements.insert(next_id, open);
                        prepared
                    }));
                }
                Command::Bind { id, values, reply } => {
                    let bound = find(&mut statements, id).and_then(|open| self.bind(open, &values));
                    let _ = reply.send(bound);
                }
                Command::Step {
                    id,
                    max_rows,
                    max_bytes,
                    reply,
                } => {
                    let rows = find(&mut statements, id).and_then(|open| {
                        self.control
                            .timed(|| self.step(connection, open, max_rows, max_bytes))
                    });
                    let _ = reply.send(rows);
                }
                Command::Finalize { id } => {
                    statements.remove(&id);
                }
                Command::ReadOnly { read_only, reply } => {
                    let _ = reply.send(self.set_read_only(connection, read_only));
                }
            }
        }
    }

    fn prepare<'c>(
        &self,
        connection: &'c Connection,
        id: u64,
        sql: String,
    ) -> Result<(Prepared, Open<'c>), PluginError> {
        let statement = connection
            .prepare(&sql)
            .map_err(|error| self.context(&sql).map(error))?;
        if statement.expanded_sql().is_none() {
            return Err(PluginError::InvalidRequest(Fault::new(
                "the statement is empty",
            )));
        }
        let prepared = Prepared {
            id,
            parameters: (1..=statement.parameter_count())
                .map(|index| statement.parameter_name(index).map(str::to_owned))
                .collect(),
            columns: statement
                .columns()
                .map(|column| Column {
                    name: column.name().to_owned(),
                    declared_type: column.decl_type().map(str::to_owned),
                })
                .collect(),
            read_only: statement.readonly(),
        };
        let progress = if prepared.parameters.is_empty() {
            Progress::Running
        } else {
            Progress::Unbound
        };
        Ok((
            prepared,
            Open {
                statement,
                sql,
                progress,
            },
        ))
    }

    fn bind(&self, open: &mut Open<'_>, values: &[Value]) -> Result<(), PluginError> {
        let expected = open.statement.parameter_count();
        if values.len() != expected {
            return Err(PluginError::InvalidRequest(Fault::new(format!(
                "the statement has {expected} parameters, but {} values were given",
                values.len()
            ))));
        }
        // Dropping a cursor starts the statement over; SQLite binds only then.
        drop(open.statement.raw_query());
        open.progress = Progress::Unbound;
        for (index, value) in (1..).zip(values) {
            open.statement
                .raw_bind_parameter(index, borrowed(value))
                .map_err(|error| self.context(&open.sql).map(error))?;
        }
        open.progress = Progress::Running;
        Ok(())
    }

    fn step(
        &self,
        connection: &Connection,
        open: &mut Open<'_>,
        max_rows: u32,
        max_bytes: u32,
    ) -> Result<Rows, PluginError> {
        match open.progress {
            Progress::Running => {}
            Progress::Done => {
                return Ok(Rows {
                    rows: Vec::new(),
                    done: true,
                });
            }
            Progress::Unbound => {
                return Err(PluginError::InvalidRequest(Fault::new(
                    "the statement must be bound before it is stepped",
                )));
            }
        }
        let max_rows = usize::try_from(max_rows).unwrap_or(usize::MAX).max(1);
        let max_bytes = usize::try_from(max_bytes)
            .unwrap_or(usize::MAX)
            .min(BATCH_BYTES);
        let result = advance(&mut open.statement, max_rows, max_bytes);
        if !open.statement.readonly() {
            self.control.set_changes(connection.changes());
        }
        open.progress = match &result {
            Ok(rows) if rows.done => Progress::Done,
            Ok(_) => Progress::Running,
            Err(_) => Progress::Unbound,
        };
        result.map_err(|error| self.context(&open.sql).map(error))
    }

    fn set_read_only(&self, connection: &Connection, read_only: bool) -> Result<(), PluginError> {
        let context = self.context("");
        if !read_only && !self.writable {
            return Err(context.denied(format!(
                "writing to {} is not granted; the data source is opened for reading only",
                self.path.display()
            )));
        }
        self.control
            .as_host(|| connection.pragma_update(None, "query_only", read_only))
            .map_err(|error| context.map(error))
    }
}

fn find<'a, 'c>(
    statements: &'a mut HashMap<u64, Open<'c>>,
    id: u64,
) -> Result<&'a mut Open<'c>, PluginError> {
    statements
        .get_mut(&id)
        .ok_or_else(|| PluginError::Internal("the statement is gone".to_owned()))
}

/// Goes on from the row where the statement stands.
fn advance(
    statement: &mut rusqlite::Statement<'_>,
    max_rows: usize,
    max_bytes: usize,
) -> rusqlite::Result<Rows> {
    let mut batch = Rows::default();
    let mut bytes = 0;
    let mut cursor = statement.raw_query();
    while let Some(row) = cursor.next()? {
        let columns = row.as_ref().column_count();
        let mut values = Vec::with_capacity(columns);
        for index in 0..columns {
            let value = owned(row.get_ref(index)?);
            bytes += size(&value);
            values.push(value);
        }
        batch.rows.push(values);
        if batch.rows.len() >= max_rows || bytes >= max_bytes {
            // Dropping the cursor would start the statement over. It owns nothing, so forgetting it
            // loses nothing, and the next one goes on from here.
            mem::forget(cursor);
            return Ok(batch);
        }
    }
    batch.done = true;
    Ok(batch)
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Blob(text.to_vec()),
        },
        ValueRef::Blob(blob) => Value::Blob(blob.to_vec()),
    }
}

fn borrowed(value: &Value) -> rusqlite::types::ToSqlOutput<'_> {
    rusqlite::types::ToSqlOutput::Borrowed(match value {
        Value::Null => ValueRef::Null,
        Value::Integer(integer) => ValueRef::Integer(*integer),
        Value::Real(real) => ValueRef::Real(*real),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Blob(blob) => ValueRef::Blob(blob),
    })
}

/// About the bytes that a value takes on its way to the plugin.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Integer(_) | Value::Real(_) => 8,
        Value::Text(text) => text.len() + 8,
        Value::Blob(blob) => blob.len() + 8,
    }
}
