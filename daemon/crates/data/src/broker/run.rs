//! Runs a statement and collects a page of its rows as JSON.

use super::{Lease, Pool, json, limits};
use crate::errors;
use labd_plugin_host::{
    PluginError,
    kinds::connector::{Batch, Column, Param, QueryOptions},
};
use labd_protocol::ApiError;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// A page of rows.
pub(crate) struct Page {
    /// The result's columns.
    pub columns: Vec<Column>,
    /// The rows as a JSON array of arrays.
    pub rows: Vec<u8>,
    /// How many.
    pub count: u32,
    /// Rows that were fetched but did not fit, and from which of them to go on.
    rest: Option<(Batch, usize)>,
    /// The database has more.
    pub more: bool,
}

impl Page {
    fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: vec![b'['],
            count: 0,
            rest: None,
            more: true,
        }
    }

    /// Takes in rows while the page has room; keeps the others.
    fn take(&mut self, batch: Batch, from: usize, max_rows: u32) {
        for row in from..batch.rows {
            if self.count >= max_rows || self.rows.len() >= limits::BYTES {
                self.rest = Some((batch, row));
                return;
            }
            if self.count > 0 {
                self.rows.push(b',');
            }
            json::write_row(&mut self.rows, &self.columns, &batch, row);
            self.count += 1;
        }
    }

    fn is_full(&self, max_rows: u32) -> bool {
        self.rest.is_some() || self.count >= max_rows || self.rows.len() >= limits::BYTES
    }

    fn close(&mut self) {
        self.rows.push(b']');
        self.more |= self.rest.is_some();
    }
}

/// Runs a statement on a connection of the pool. The lease comes back with the page when there
/// are more rows.
///
/// A kept connection that turns out to be broken before the first row is replaced once: the
/// statement only reads, so nothing can happen twice.
pub(crate) async fn first_page(
    pool: &Arc<Pool>,
    text: &str,
    params: &[Param],
    max_rows: u32,
) -> Result<(Page, Lease), ApiError> {
    let deadline = Instant::now() + limits::STATEMENT;
    let mut lease = pool.lease().await?;
    let mut outcome = start(&mut lease, text, params, max_rows, deadline).await;
    if lease.reused
        && matches!(
            outcome,
            Err(PluginError::Unavailable(_) | PluginError::StateLost(_))
        )
    {
        lease.discard();
        drop(lease);
        lease = pool.fresh().await?;
        outcome = start(&mut lease, text, params, max_rows, deadline).await;
    }
    let mut page = outcome.map_err(errors::running)?;
    fill(&mut page, &mut lease, max_rows, deadline)
        .await
        .map_err(errors::running)?;
    page.close();
    Ok((page, lease))
}

/// The next page of a statement whose former page had more.
pub(crate) async fn next_page(
    former: Page,
    lease: &mut Lease,
    max_rows: u32,
) -> Result<Page, ApiError> {
    let deadline = Instant::now() + limits::STATEMENT;
    let mut page = Page::new(former.columns);
    page.more = former.more;
    if let Some((batch, from)) = former.rest {
        page.take(batch, from, max_rows);
    }
    fill(&mut page, lease, max_rows, deadline)
        .await
        .map_err(errors::running)?;
    page.close();
    Ok(page)
}

async fn start(
    lease: &mut Lease,
    text: &str,
    params: &[Param],
    max_rows: u32,
    deadline: Instant,
) -> Result<Page, PluginError> {
    let options = QueryOptions {
        read_only: true,
        timeout: remaining(deadline),
        max_rows: max_rows.saturating_add(1).min(limits::BATCH_ROWS),
        max_bytes: limits::BATCH_BYTES,
    };
    let call = lease.query(text, params, options);
    let rows = within(deadline, call).await?;
    let mut page = Page::new(rows.columns);
    page.more = rows.more;
    page.take(rows.first, 0, max_rows);
    Ok(page)
}

async fn fill(
    page: &mut Page,
    lease: &mut Lease,
    max_rows: u32,
    deadline: Instant,
) -> Result<(), PluginError> {
    while page.more && !page.is_full(max_rows) {
        let wanted = (max_rows - page.count)
            .saturating_add(1)
            .min(limits::BATCH_ROWS);
        let call = lease.next(wanted, limits::BATCH_BYTES);
        let batch = within(deadline, call).await?;
        if batch.rows == 0 {
            page.more = false;
        }
        page.take(batch, 0, max_rows);
    }
    Ok(())
}

/// Gives the call up at the deadline, a second after the database should have done so itself.
async fn within<T>(
    deadline: Instant,
    call: impl Future<Output = Result<T, PluginError>>,
) -> Result<T, PluginError> {
    timeout_at(deadline + Duration::from_secs(1), call)
        .await
        .unwrap_or(Err(PluginError::Timeout))
}

fn remaining(deadline: Instant) -> Duration {
    deadline
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1))
}
