//! Queries: one flight of messages with one wait.
//!
//! ```text
//! BEGIN READ ONLY · bind · execute up to n rows · sync   →   rows          (waited for)
//! ROLLBACK · sync                                        →   (read in the next flight)
//! ```
//!
//! The statement is prepared in a flight of its own the first time. A change of the limit of time
//! goes in front, in the same flight. A statement that may write runs to its end, and its answer
//! is given only once its `COMMIT` is confirmed.

use crate::errors::ServerError;
use crate::params;
use crate::session::{Session, unsendable, write_bind};
use crate::statements::Statement;
use crate::types::Shape;
use crate::values;
use crate::wire::{Reader, garbage, tag};
use labd_plugin::connector::{Batch, BatchBuilder, Param, QueryOptions, Rows, Values};
use labd_plugin::{Error, Fault, Host, Result};
use postgres_protocol::message::frontend;
use std::collections::VecDeque;
use std::rc::Rc;

/// What a statement that writes may return: its rows wait here until it is committed.
const MAX_RETURNED: usize = 32 * 1024 * 1024;

/// How long a statement waits for a lock, in milliseconds: others' work is not to be held up.
const LOCK_TIMEOUT: u32 = 5_000;

/// The rest of a query's rows.
#[derive(Debug)]
pub struct Rest(Source);

#[derive(Debug)]
enum Source {
    /// At the server, in the unnamed portal.
    Portal {
        statement: Rc<Statement>,
        /// The portal waits to be executed again; else its rows are still arriving.
        suspended: bool,
    },
    /// Here, since the statement is committed already.
    Kept(VecDeque<Batch>),
}

/// How reading rows ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The batch is full; more rows of this execution follow.
    Full,
    /// The server holds more.
    Suspended,
    /// That was all; the command's tag.
    Complete(String),
}

impl<H: Host> Session<H> {
    /// Runs a statement in a transaction of its own.
    ///
    /// # Errors
    /// See [`crate::errors`].
    pub fn query(
        &mut self,
        text: &str,
        given: &[Param],
        options: &QueryOptions,
    ) -> Result<Rows<Rest>> {
        match self.try_query(text, given, options) {
            // The table has changed since the statement was prepared, or a pooler between us and
            // the server has forgotten it. Nothing ran: the plan is refused before it begins.
            Err(Error::InvalidRequest(Fault {
                code: Some(code), ..
            })) if matches!(code.as_str(), "0A000" | "26000") && self.forget(text)? => {
                self.try_query(text, given, options)
            }
            result => result,
        }
    }

    /// Forgets a statement; whether there was one.
    fn forget(&mut self, text: &str) -> Result<bool> {
        let Some(name) = self.statements.forget(text) else {
            return Ok(false);
        };
        frontend::close(b'S', &name, &mut self.wire.out).map_err(unsendable)?;
        Ok(true)
    }

    fn try_query(
        &mut self,
        text: &str,
        given: &[Param],
        options: &QueryOptions,
    ) -> Result<Rows<Rest>> {
        let statement = self.statement(text)?;
        let expected = statement.parameters.len();
        if expected != given.len() {
            return Err(Error::invalid(format!(
                "the statement has {expected} parameters and {} were given",
                given.len()
            )));
        }
        let bound = (1..)
            .zip(given.iter().zip(&statement.parameters))
            .map(|(number, (param, expected))| params::text(number, param, expected))
            .collect::<Result<Vec<_>>>()?;

        let limited = self.write_limit(options.timeout.max(1))?;
        self.write_control(if options.read_only {
            "labd_read"
        } else {
            "labd_write"
        })?;
        let formats: Vec<i16> = statement
            .types
            .iter()
            .map(|found| found.shape.format())
            .collect();
        write_bind::<H::Conn>(&mut self.wire, &statement.name, &bound, &formats)?;
        // What writes runs to its end, so that it can be committed before it is answered.
        let execute = if options.read_only {
            options.max_rows
        } else {
            0
        };
        self.write_execute(execute)?;
        self.wire.flush()?;
        // What the last flight left, such as its ROLLBACK, is answered by now.
        self.wire.drain_until(1 + u32::from(limited))?;
        if limited {
            self.wire.until_ready()?;
            self.limit = Some(options.timeout.max(1));
        }
        self.begun()?;
        if options.read_only {
            self.first_read(statement, options)
        } else {
            self.all_written(&statement, options)
        }
    }

    /// Puts a new limit of time in front of a flight. It stands outside the transaction, which
    /// would take it back at its end.
    fn write_limit(&mut self, limit: u32) -> Result<bool> {
        self.started = (self.host.now(), limit);
        if self.limit == Some(limit) {
            return Ok(false);
        }
        let set = format!(
            "SET statement_timeout = {limit}; SET lock_timeout = {}",
            limit.min(LOCK_TIMEOUT)
        );
        frontend::query(&set, &mut self.wire.out).map_err(unsendable)?;
        self.wire.expect_ready();
        Ok(true)
    }

    /// Executes the unnamed portal for a batch; one row more than wanted shows the end at once.
    fn write_execute(&mut self, max_rows: u32) -> Result<()> {
        let rows = match max_rows {
            0 => 0,
            rows => i32::try_from(rows.saturating_add(1)).unwrap_or(i32::MAX),
        };
        frontend::execute("", rows, &mut self.wire.out).map_err(unsendable)?;
        self.write_sync();
        Ok(())
    }

    /// Waits until the transaction has begun.
    fn begun(&mut self) -> Result<()> {
        loop {
            if !self.wire.is_answering() {
                return Err(garbage());
            }
            let message = self.wire.message()?;
            match message.tag {
                tag::COMMAND_COMPLETE => return Ok(()),
                tag::ERROR => {
                    let error = ServerError::parse(message.body);
                    return Err(self.failed(error));
                }
                _ => {}
            }
        }
    }

    fn first_read(
        &mut self,
        statement: Rc<Statement>,
        options: &QueryOptions,
    ) -> Result<Rows<Rest>> {
        let (first, end) = self.read(&statement, options.max_rows.max(1), options.max_bytes)?;
        let rest = match end {
            End::Complete(_) => {
                self.roll_back()?;
                None
            }
            End::Full | End::Suspended => Some(Rest(Source::Portal {
                statement: Rc::clone(&statement),
                suspended: end == End::Suspended,
            })),
        };
        Ok(Rows {
            columns: statement.columns.clone(),
            first,
            rest,
            affected: None,
        })
    }

    /// Reads all rows of a statement that may write, and commits it.
    fn all_written(&mut self, statement: &Statement, options: &QueryOptions) -> Result<Rows<Rest>> {
        let mut kept = VecDeque::new();
        let mut size = 0;
        let command = loop {
            let (batch, end) = self.read(statement, options.max_rows.max(1), options.max_bytes)?;
            size += batch_size(&batch);
            if size > MAX_RETURNED {
                // Closing is the surest way to take back what is not committed yet.
                self.wire.abandon();
                return Err(Error::invalid(format!(
                    "the statement returns more than {} MiB; nothing was changed. Return fewer \
                     columns or rows",
                    MAX_RETURNED >> 20
                )));
            }
            kept.push_back(batch);
            match end {
                End::Full => {}
                End::Complete(command) => break command,
                End::Suspended => return Err(garbage()),
            }
        };
        self.wire.drain()?;
        self.write_control("labd_commit")?;
        self.write_sync();
        self.wire.flush()?;
        // The statement may have set anything.
        self.limit = None;
        self.wire.until_ready()?;
        self.clean_up(&command)?;
        let first = kept
            .pop_front()
            .unwrap_or_else(|| BatchBuilder::new([]).finish());
        Ok(Rows {
            columns: statement.columns.clone(),
            first,
            rest: (!kept.is_empty()).then_some(Rest(Source::Kept(kept))),
            affected: affected(&command),
        })
    }

    /// After anything but a change of rows the session may differ from a fresh one: settings,
    /// locks, temporary tables. The next user gets a fresh one.
    fn clean_up(&mut self, command: &str) -> Result<()> {
        if affected(command).is_some() {
            return Ok(());
        }
        self.statements.clear();
        frontend::query("DISCARD ALL", &mut self.wire.out).map_err(unsendable)?;
        self.wire.expect_ready();
        self.write_controls()?;
        self.wire.flush()
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// See [`crate::errors`].
    pub fn fetch(&mut self, rest: &mut Rest, max_rows: u32, max_bytes: u32) -> Result<Batch> {
        let (statement, suspended) = match &mut rest.0 {
            Source::Kept(batches) => {
                return Ok(batches
                    .pop_front()
                    .unwrap_or_else(|| BatchBuilder::new([]).finish()));
            }
            Source::Portal {
                statement,
                suspended,
            } => (Rc::clone(statement), suspended),
        };
        loop {
            if *suspended {
                self.started.0 = self.host.now();
                self.write_execute(max_rows.max(1))?;
                self.wire.flush()?;
            }
            let (batch, end) = self.read(&statement, max_rows.max(1), max_bytes)?;
            *suspended = end == End::Suspended;
            if let End::Complete(_) = end {
                self.roll_back()?;
                // The portal is gone; what follows is the end.
                rest.0 = Source::Kept(VecDeque::new());
                return Ok(batch);
            }
            if batch.rows > 0 {
                return Ok(batch);
            }
        }
    }

    /// Gives up the rest of a query's rows. A failure shows itself in the next call.
    pub fn close(&mut self, rest: Rest) {
        if matches!(rest.0, Source::Portal { .. }) && self.roll_back().is_err() {
            self.wire.abandon();
        }
    }

    /// Reads rows of the running execution into one batch.
    fn read(
        &mut self,
        statement: &Statement,
        max_rows: u32,
        max_bytes: u32,
    ) -> Result<(Batch, End)> {
        let shapes: Vec<Shape> = statement.types.iter().map(|found| found.shape).collect();
        let mut batch = BatchBuilder::new(statement.types.iter().map(|found| found.kind));
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let end = loop {
            if !self.wire.is_answering() {
                return Err(garbage());
            }
            if (batch.rows() >= max_rows || batch.bytes() >= max_bytes && batch.rows() > 0)
                && self.wire.peek_tag()? == tag::DATA_ROW
            {
                break End::Full;
            }
            let message = self.wire.message()?;
            match message.tag {
                tag::DATA_ROW => {
                    if let Err(error) = read_row(&mut batch, &shapes, message.body) {
                        // What follows in the row cannot be told from the next.
                        self.wire.abandon();
                        return Err(error);
                    }
                }
                tag::COMMAND_COMPLETE => {
                    break End::Complete(Reader(message.body).text().unwrap_or_default());
                }
                tag::PORTAL_SUSPENDED => break End::Suspended,
                tag::EMPTY_QUERY => break End::Complete(String::new()),
                tag::ERROR => {
                    let error = ServerError::parse(message.body);
                    return Err(self.failed(error));
                }
                tag::COPY_IN => return Err(self.refuse_copy()),
                tag::COPY_BOTH => return Err(garbage()),
                tag::COPY_OUT => {
                    self.wire.abandon();
                    return Err(copy_refused());
                }
                _ => {}
            }
        };
        Ok((batch.finish(), end))
    }

    /// The server waits for data that we do not have. It has swallowed our `Sync` meanwhile.
    fn refuse_copy(&mut self) -> Error {
        let mut refuse = || {
            frontend::copy_fail("COPY is not supported here", &mut self.wire.out)
                .map_err(unsendable)?;
            frontend::sync(&mut self.wire.out);
            self.wire.flush()?;
            self.wire.drain()?;
            self.roll_back()
        };
        if refuse().is_err() {
            self.wire.abandon();
        }
        copy_refused()
    }

    /// The statement failed: leaves the transaction, and says why.
    fn failed(&mut self, error: ServerError) -> Error {
        // Whatever goes wrong here shows itself in the next call.
        if self.wire.drain().and_then(|()| self.roll_back()).is_err() {
            self.wire.abandon();
        }
        let (started, limit) = self.started;
        let elapsed = self.host.now().saturating_sub(started);
        // The server's message would tell, but in its own language.
        error
            .stopped(elapsed.saturating_add(20) >= u64::from(limit))
            .unwrap_or_else(|| error.into())
    }
}

fn copy_refused() -> Error {
    Error::invalid("COPY is not supported here; use SELECT or INSERT")
}

/// Reads one row into its columns.
#[inline]
fn read_row(batch: &mut BatchBuilder, shapes: &[Shape], body: &[u8]) -> Result<()> {
    let mut reader = Reader(body);
    let count = reader.u16().ok_or_else(garbage)?;
    if usize::from(count) != shapes.len() {
        return Err(garbage());
    }
    for (column, shape) in shapes.iter().enumerate() {
        match reader.value().ok_or_else(garbage)? {
            None => batch.push_null(column),
            Some(bytes) => values::push(batch, column, *shape, bytes)?,
        }
    }
    batch.end_row();
    Ok(())
}

/// Rows that a command changed: `INSERT 0 5`, `UPDATE 5`, `DELETE 5`, `MERGE 5`.
fn affected(command: &str) -> Option<u64> {
    let mut words = command.split(' ');
    match words.next()? {
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" => words.next_back()?.parse().ok(),
        _ => None,
    }
}

/// About how much memory a batch takes.
fn batch_size(batch: &Batch) -> usize {
    batch
        .columns
        .iter()
        .map(|column| match &column.values {
            Values::Decimals(list) | Values::Texts(list) => {
                list.iter().map(|text| text.len() + 24).sum()
            }
            Values::Binaries(list) => list.iter().map(|bytes| bytes.len() + 24).sum(),
            _ => batch.rows as usize * 8,
        })
        .sum()
}
