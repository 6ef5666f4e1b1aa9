//! Connections of one source and environment.
//!
//! Minimum 0, maximum [`limits::CONNECTIONS`]; callers are served in the order they came and wait
//! for a bounded time. What a connection is lent out by, and what happens to a call that is given
//! up in the middle, is in [`lease`](super::lease).

use super::{lease::Lease, limits};
use crate::errors;
use labd_plugin_host::{
    PluginError,
    kinds::connector::{Connection, Connector, SourceAccess},
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
    pub(super) connector: Arc<dyn Connector>,
    pub(super) access: Arc<SourceAccess>,
    slots: Arc<Semaphore>,
    idle: Mutex<Vec<Pooled>>,
}

/// An open connection.
pub(super) struct Pooled {
    pub(super) connection: Box<dyn Connection>,
    /// Of a database that can cancel.
    pub(super) cancel_token: Option<Vec<u8>>,
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
            // Its plugin was replaced, disabled or removed meanwhile, or it is too old.
            if !pooled.connection.is_usable()
                || pooled.opened.elapsed() > limits::CONNECTION_LIFETIME
            {
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

    /// Keeps a connection for its next use.
    pub(super) fn give_back(&self, mut pooled: Pooled) {
        pooled.used = Instant::now();
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
