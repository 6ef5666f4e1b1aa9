//! Connections of one source and environment.
//!
//! Minimum 0, maximum [`limits::CONNECTIONS`]; callers are served in the order they came and wait
//! for a bounded time. A connection whose call was given up in the middle is never used again: the
//! statement is cancelled on the server from an instance of its own.

use super::limits;
use crate::errors;
use labd_plugin_host::{
    PluginError,
    kinds::connector::{
        Batch, Connection, Connector, Param, Prepared, QueryOptions, Rows, Schema, ServerInfo,
        SourceAccess,
    },
};
use labd_protocol::ApiError;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// The connections of one source.
pub(crate) struct Pool {
    connector: Arc<dyn Connector>,
    access: Arc<SourceAccess>,
    slots: Arc<Semaphore>,
    idle: Mutex<Vec<Pooled>>,
}

struct Pooled {
    connection: Box<dyn Connection>,
    cancel_token: Option<Vec<u8>>,
    opened: Instant,
    used: Instant,
}

impl Pool {
    pub fn new(connector: Arc<dyn Connector>, access: Arc<SourceAccess>) -> Arc<Self> {
        Arc::new(Self {
            connector,
            access,
            slots: Arc::new(Semaphore::new(limits::CONNECTIONS)),
            idle: Mutex::new(Vec::new()),
        })
    }

    /// A connection that answers.
    pub async fn lease(self: &Arc<Self>) -> Result<Lease, ApiError> {
        let permit = self.permit().await?;
        while let Some(mut pooled) = self.take_idle() {
            if pooled.opened.elapsed() > limits::CONNECTION_LIFETIME {
                continue;
            }
            if pooled.used.elapsed() > limits::HEALTH_CHECK_AFTER {
                let alive = timeout(limits::CONNECT, pooled.connection.ping()).await;
                if !matches!(alive, Ok(Ok(()))) {
                    continue;
                }
            }
            return Ok(Lease::new(self.clone(), permit, pooled, true));
        }
        self.open(permit).await
    }

    /// A connection that was opened just now, for when a kept one turned out to be broken.
    pub async fn fresh(self: &Arc<Self>) -> Result<Lease, ApiError> {
        let permit = self.permit().await?;
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.open(permit).await
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        timeout(limits::CONNECTION_WAIT, self.slots.clone().acquire_owned())
            .await
            .map_err(|_| errors::overloaded())?
            .map_err(|_| errors::overloaded())
    }

    async fn open(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Result<Lease, ApiError> {
        let open = async {
            let mut connection = self.connector.open(self.access.clone()).await?;
            // A database without cancellation gives none; dropping the connection has to do.
            let cancel_token = connection.cancel_token().await.ok();
            Ok(Pooled {
                connection,
                cancel_token,
                opened: Instant::now(),
                used: Instant::now(),
            })
        };
        let pooled = timeout(limits::CONNECT, open)
            .await
            .unwrap_or(Err(PluginError::Timeout))
            .map_err(errors::connecting)?;
        Ok(Lease::new(self.clone(), permit, pooled, false))
    }

    fn take_idle(&self) -> Option<Pooled> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    fn give_back(&self, pooled: Pooled) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(pooled);
    }

    /// Closes connections that were idle for too long.
    pub fn evict_idle(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|pooled| pooled.used.elapsed() < limits::CONNECTION_IDLE);
    }
}

/// A connection in use. It goes back to the pool when dropped between two calls; dropped within a
/// call, the statement is cancelled and the connection closed.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    permit: Option<OwnedSemaphorePermit>,
    pooled: Option<Pooled>,
    busy: bool,
    /// It had served before.
    pub reused: bool,
}

impl Lease {
    fn new(pool: Arc<Pool>, permit: OwnedSemaphorePermit, pooled: Pooled, reused: bool) -> Self {
        Self {
            pool,
            permit: Some(permit),
            pooled: Some(pooled),
            busy: false,
            reused,
        }
    }

    /// The connection, for one call. Whoever calls says when it is over, so that a call that is
    /// given up in the middle is known as such.
    fn begin(&mut self) -> Result<&mut dyn Connection, PluginError> {
        let Some(pooled) = &mut self.pooled else {
            return Err(PluginError::StateLost("the connection is closed".into()));
        };
        self.busy = true;
        Ok(pooled.connection.as_mut())
    }

    fn end<T>(&mut self, outcome: Result<T, PluginError>) -> Result<T, PluginError> {
        self.busy = false;
        outcome
    }

    /// As [`Connection::server_info`].
    pub async fn server_info(&mut self) -> Result<ServerInfo, PluginError> {
        let outcome = self.begin()?.server_info().await;
        self.end(outcome)
    }

    /// As [`Connection::schema`].
    pub async fn schema(&mut self) -> Result<Schema, PluginError> {
        let outcome = self.begin()?.schema().await;
        self.end(outcome)
    }

    /// As [`Connection::prepare`].
    pub async fn prepare(&mut self, text: &str) -> Result<Prepared, PluginError> {
        let outcome = self.begin()?.prepare(text).await;
        self.end(outcome)
    }

    /// As [`Connection::query`].
    pub async fn query(
        &mut self,
        text: &str,
        params: &[Param],
        options: QueryOptions,
    ) -> Result<Rows, PluginError> {
        let outcome = self.begin()?.query(text, params, options).await;
        self.end(outcome)
    }

    /// As [`Connection::next`].
    pub async fn next(&mut self, max_rows: u32, max_bytes: u32) -> Result<Batch, PluginError> {
        let outcome = self.begin()?.next(max_rows, max_bytes).await;
        self.end(outcome)
    }

    /// As [`Connection::close_cursor`].
    pub async fn close_cursor(&mut self) -> Result<(), PluginError> {
        let outcome = self.begin()?.close_cursor().await;
        self.end(outcome)
    }

    /// Closes the connection instead of keeping it.
    pub fn discard(&mut self) {
        self.pooled = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut pooled) = self.pooled.take() else {
            return;
        };
        if !self.busy {
            if pooled.connection.is_usable() {
                pooled.used = Instant::now();
                self.pool.give_back(pooled);
            }
            return;
        }
        let Some(token) = pooled.cancel_token.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (pool, permit) = (self.pool.clone(), self.permit.take());
        drop(pooled);
        runtime.spawn(async move {
            let cancel = pool.connector.cancel(pool.access.clone(), &token);
            if let Ok(Err(error)) = timeout(limits::CANCEL, cancel).await {
                tracing::warn!(source = pool.access.source_id, %error, "a statement could not be cancelled");
            }
            drop(permit);
        });
    }
}
