//! A connection in use.
//!
//! | dropped | what happens |
//! | --- | --- |
//! | between two calls | the connection goes back to the pool |
//! | between two calls, with rows left | the rows are given up first, so that no transaction stays open |
//! | within a call | the call goes on in the background and is cancelled until it ends; then the connection is closed |
//!
//! A cancellation that reaches a database before its statement does is ignored, and nobody can know
//! from outside which of the two came first. So the call is not torn off: it is what tells that the
//! statement has ended, and until then the cancellation is repeated. The connection is not used
//! again, because a late cancellation would hit a statement of somebody else.

use super::{
    limits,
    pool::{Pool, Pooled},
};
use futures_util::future::BoxFuture;
use labd_plugin_host::{
    PluginError,
    kinds::connector::{
        Batch, Connection, Param, Prepared, QueryOptions, Rows, Schema, ServerInfo,
    },
};
use std::{pin::pin, sync::Arc};
use tokio::{
    runtime::Handle,
    sync::OwnedSemaphorePermit,
    time::{sleep, timeout},
};

/// A connection in use. See the module for what dropping it means.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    /// None within a call, and when the connection was discarded.
    taken: Option<Taken>,
    /// The last query has rows that nobody fetched.
    rows_left: bool,
    /// It had served before.
    pub reused: bool,
}

/// A connection with its place among those of the source.
struct Taken {
    pooled: Pooled,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    pub(super) fn new(
        pool: Arc<Pool>,
        permit: OwnedSemaphorePermit,
        pooled: Pooled,
        reused: bool,
    ) -> Self {
        Self {
            pool,
            taken: Some(Taken {
                pooled,
                _permit: permit,
            }),
            rows_left: false,
            reused,
        }
    }

    /// Calls the connection in such a way that the call can outlive its caller.
    async fn call<T: Send + 'static>(
        &mut self,
        work: impl for<'a> FnOnce(&'a mut dyn Connection) -> BoxFuture<'a, Result<T, PluginError>>
        + Send
        + 'static,
    ) -> Result<T, PluginError> {
        let Some(mut taken) = self.taken.take() else {
            return Err(PluginError::StateLost("the connection is closed".into()));
        };
        let cancel_token = taken.pooled.cancel_token.clone();
        let running = Box::pin(async move {
            let outcome = work(taken.pooled.connection.as_mut()).await;
            (taken, outcome)
        });
        let mut call = Call {
            pool: self.pool.clone(),
            cancel_token,
            running: Some(running),
        };
        let (taken, outcome) = call.end().await?;
        self.taken = Some(taken);
        outcome
    }

    /// As [`Connection::server_info`].
    pub async fn server_info(&mut self) -> Result<ServerInfo, PluginError> {
        self.call(|connection| connection.server_info()).await
    }

    /// As [`Connection::schema`].
    pub async fn schema(&mut self) -> Result<Schema, PluginError> {
        self.call(|connection| connection.schema()).await
    }

    /// As [`Connection::prepare`].
    pub async fn prepare(&mut self, text: &str) -> Result<Prepared, PluginError> {
        let text = text.to_owned();
        self.call(|connection| Box::pin(async move { connection.prepare(&text).await }))
            .await
    }

    /// As [`Connection::query`].
    pub async fn query(
        &mut self,
        text: &str,
        params: &[Param],
        options: QueryOptions,
    ) -> Result<Rows, PluginError> {
        let (text, params) = (text.to_owned(), params.to_vec());
        let rows = self
            .call(move |connection| {
                Box::pin(async move { connection.query(&text, &params, options).await })
            })
            .await?;
        self.rows_left = rows.more;
        Ok(rows)
    }

    /// As [`Connection::next`].
    pub async fn next(&mut self, max_rows: u32, max_bytes: u32) -> Result<Batch, PluginError> {
        let batch = self
            .call(move |connection| connection.next(max_rows, max_bytes))
            .await?;
        self.rows_left = batch.rows > 0;
        Ok(batch)
    }

    /// As [`Connection::close_cursor`].
    pub async fn close_cursor(&mut self) -> Result<(), PluginError> {
        self.call(|connection| connection.close_cursor()).await?;
        self.rows_left = false;
        Ok(())
    }

    /// Closes the connection instead of keeping it.
    pub fn discard(&mut self) {
        self.taken = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(taken) = self.taken.take() else {
            return;
        };
        if !taken.pooled.connection.is_usable() {
            return;
        }
        if !self.rows_left {
            self.pool.give_back(taken.pooled);
        } else if let Ok(runtime) = Handle::try_current() {
            let mut lease = Self {
                pool: self.pool.clone(),
                taken: Some(taken),
                rows_left: false,
                reused: true,
            };
            runtime.spawn(async move {
                let closed = timeout(limits::CANCEL, lease.close_cursor()).await;
                if !matches!(closed, Ok(Ok(()))) {
                    lease.discard();
                }
            });
        }
    }
}

/// A call of a connection. Dropped before its end, it goes on in the background to be cancelled.
struct Call<T: Send + 'static> {
    pool: Arc<Pool>,
    cancel_token: Option<Vec<u8>>,
    running: Option<BoxFuture<'static, (Taken, T)>>,
}

impl<T: Send + 'static> Call<T> {
    async fn end(&mut self) -> Result<(Taken, T), PluginError> {
        let Some(running) = &mut self.running else {
            return Err(PluginError::StateLost("the call has ended".into()));
        };
        let ended = running.await;
        self.running = None;
        Ok(ended)
    }
}

impl<T: Send + 'static> Drop for Call<T> {
    fn drop(&mut self) {
        // A database that cannot cancel notices that the connection is closed, and so does every
        // one when the daemon ends.
        if let Some(running) = self.running.take()
            && let Some(token) = self.cancel_token.take()
            && let Ok(runtime) = Handle::try_current()
        {
            let pool = self.pool.clone();
            runtime.spawn(async move {
                cancel_until_it_ends(&pool, &token, async { drop(running.await) }).await;
            });
        }
    }
}

async fn cancel_until_it_ends(pool: &Pool, token: &[u8], call: impl Future<Output = ()>) {
    let mut call = pin!(call);
    let cancelling = async {
        let mut again = limits::CANCEL_AGAIN;
        loop {
            if let Err(error) = pool.connector.cancel(pool.access.clone(), token).await {
                tracing::debug!(source = pool.access.source_id, %error, "a cancellation failed");
            }
            sleep(again).await;
            again *= 2;
        }
    };
    let ended = timeout(limits::CANCEL, async {
        tokio::select! {
            () = &mut call => {}
            () = cancelling => {}
        }
    });
    if ended.await.is_err() {
        tracing::warn!(
            source = pool.access.source_id,
            "a statement could not be cancelled; its own time limit ends it"
        );
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
