//! The handles with which async code drives a database's thread.

use super::{
    Column, Rows, Value,
    control::Control,
    registry::Registration,
    worker::{Command, Prepared, Reply},
};
use crate::PluginError;
use std::{
    sync::{Arc, OnceLock, mpsc},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// An open database. It is closed when it and all its statements are dropped.
pub struct Database {
    pub(super) handle: Arc<Handle>,
}

pub(super) struct Handle {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) control: Arc<Control>,
    pub(super) registration: Registration,
    /// Given back when the database is closed.
    pub(super) place: OnceLock<OwnedSemaphorePermit>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.control.interrupt();
    }
}

/// Stops what runs when the future that waits for it is dropped.
struct InterruptOnDrop<'a>(Option<&'a Control>);

impl Drop for InterruptOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(control) = self.0 {
            control.interrupt();
        }
    }
}

impl Handle {
    async fn call<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, PluginError> {
        let gone = || PluginError::StateLost("the database's thread has ended".to_owned());
        let (reply, answer) = oneshot::channel();
        self.control.begin_call();
        self.commands.send(command(reply)).map_err(|_| gone())?;
        let mut guard = InterruptOnDrop(Some(&self.control));
        let answer = answer.await;
        guard.0 = None;
        answer.map_err(|_| gone())?
    }
}

impl Database {
    /// With a place among what its plugin may hold open.
    pub(crate) fn keeping(self, place: OwnedSemaphorePermit) -> Self {
        // It is new, so that it has none.
        let _ = self.handle.place.set(place);
        self
    }

    /// Compiles exactly one statement.
    ///
    /// # Errors
    /// `invalid-request` with the position of the fault, or when there is more than one statement
    /// or none; `denied` for what the authorizer refuses.
    pub async fn prepare(&self, sql: &str) -> Result<Statement, PluginError> {
        let sql = sql.to_owned();
        let prepared = self
            .handle
            .call(|reply| Command::Prepare { sql, reply })
            .await?;
        Ok(Statement {
            handle: self.handle.clone(),
            prepared,
        })
    }

    /// Rows changed by the last statement that wrote.
    pub fn changes(&self) -> u64 {
        self.handle.control.changes()
    }

    /// How long the statements of this connection may run from now on, in all, before they end with
    /// `timeout`. Time in which nobody steps does not count. Without it there is no limit but that
    /// of the caller, who drops the future.
    pub fn set_time_limit(&self, limit: Duration) {
        self.handle.control.set_time_limit(limit);
    }

    /// Makes the connection refuse every write, or allow what was granted.
    ///
    /// # Errors
    /// `denied` when writing is asked for and was not granted.
    pub async fn set_read_only(&self, read_only: bool) -> Result<(), PluginError> {
        self.handle
            .call(|reply| Command::ReadOnly { read_only, reply })
            .await
    }

    /// With which [`Databases::interrupt`](super::Databases::interrupt) stops what runs here.
    pub fn interrupt_token(&self) -> u64 {
        self.handle.registration.token()
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("token", &self.interrupt_token())
            .finish()
    }
}

/// A compiled statement. Dropping it frees it.
pub struct Statement {
    handle: Arc<Handle>,
    prepared: Prepared,
}

impl Statement {
    /// The names of the parameters in order, as written (`?1`, `:year`); none for a bare `?`.
    pub fn parameters(&self) -> &[Option<String>] {
        &self.prepared.parameters
    }

    /// The columns of the result.
    pub fn columns(&self) -> &[Column] {
        &self.prepared.columns
    }

    /// SQLite itself says that the statement writes nothing.
    pub fn is_read_only(&self) -> bool {
        self.prepared.read_only
    }

    /// Binds all parameters anew and starts over.
    ///
    /// # Errors
    /// `invalid-request` when the count differs.
    pub async fn bind(&mut self, values: Vec<Value>) -> Result<(), PluginError> {
        let id = self.prepared.id;
        self.handle
            .call(|reply| Command::Bind { id, values, reply })
            .await
    }

    /// Up to `max_rows` rows and about `max_bytes` bytes, at least one row unless the end is
    /// reached. After the end it gives no rows until it is bound again.
    ///
    /// # Errors
    /// `timeout` and `cancelled` when it was stopped, `conflict` for a violated constraint,
    /// `denied` for a write that is not granted, `unavailable` while another process holds a lock.
    /// After an error it must be bound again.
    pub async fn step(&mut self, max_rows: u32, max_bytes: u32) -> Result<Rows, PluginError> {
        let id = self.prepared.id;
        self.handle
            .call(|reply| Command::Step {
                id,
                max_rows,
                max_bytes,
                reply,
            })
            .await
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // When the thread has ended, so has the statement.
        let _ = self.handle.commands.send(Command::Finalize {
            id: self.prepared.id,
        });
    }
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statement")
            .field("parameters", &self.prepared.parameters)
            .field("columns", &self.prepared.columns)
            .finish_non_exhaustive()
    }
}
