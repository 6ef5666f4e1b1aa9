//! Running statements: by hand, page by page, and the named queries of apps.

use super::{Active, Sources};
use crate::{
    broker::{Held, Lease, Page, by_contract, by_value, first_page, limits, next_page},
    errors,
    source::schema::columns,
    statement::Statement,
};
use bytes::Bytes;
use labd_plugin_host::kinds::{connector::Param, sandbox::QueryContract};
use labd_protocol::{ApiError, CursorId, ErrorCode, QueryRequest, QueryResult, SourceId};
use serde_json::{Map, Value};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

impl Sources {
    /// Runs a statement by hand.
    pub async fn query(
        &self,
        id: SourceId,
        request: QueryRequest,
        caller: &str,
    ) -> Result<QueryResult, ApiError> {
        let started = Instant::now();
        let active = self.active(id).await?;
        let outcome = self.query_page(&active, &request).await;
        record_query("by hand", &active, caller, started, &outcome);
        let (page, lease) = outcome?;
        let held = Held {
            source: id,
            caller: caller.to_owned(),
            page,
            lease,
            max_rows: max_rows(&request),
        };
        self.answer(held, started).await
    }

    async fn query_page(
        &self,
        active: &Active,
        request: &QueryRequest,
    ) -> Result<(Page, Lease), ApiError> {
        let statement = self.reading(active, &request.text).await?;
        let params = by_value(statement.parameters(), &request.params)?;
        self.run(active, &statement, &params, max_rows(request))
            .await
    }

    /// More rows of a query by hand.
    pub async fn query_next(
        &self,
        cursor: CursorId,
        caller: &str,
    ) -> Result<QueryResult, ApiError> {
        let started = Instant::now();
        let mut held = self.inner.cursors.take(cursor, caller)?;
        held.page = next_page(held.page, &mut held.lease, held.max_rows).await?;
        self.answer(held, started).await
    }

    /// Gives up the rest of a query by hand.
    pub async fn query_close(&self, cursor: CursorId, caller: &str) -> Result<(), ApiError> {
        let mut held = self.inner.cursors.take(cursor, caller)?;
        held.lease.close_cursor().await.map_err(errors::running)
    }

    /// A page for the caller. What has more is held for them.
    async fn answer(&self, mut held: Held, started: Instant) -> Result<QueryResult, ApiError> {
        let rows = serde_json::from_slice(&held.page.rows)
            .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
        let columns = columns(&held.page.columns);
        let next = if held.page.more {
            Some(self.inner.cursors.hold(held))
        } else {
            // The next caller of this connection finds it free.
            held.lease.close_cursor().await.map_err(errors::running)?;
            None
        };
        Ok(QueryResult {
            columns,
            rows,
            next,
            truncated: false,
            duration_ms: milliseconds(started),
        })
    }

    /// Runs a named query of an app. The answer is JSON:
    /// `{"columns": […], "rows": [[…]], "truncated": false, "duration_ms": 1.5}`.
    pub async fn run_named(
        &self,
        id: SourceId,
        query: &QueryContract,
        params: Map<String, Value>,
        caller: &str,
    ) -> Result<Bytes, ApiError> {
        let started = Instant::now();
        let active = self.active(id).await?;
        let key = query.cache.map(|_| {
            let params = Value::Object(params.clone()).to_string();
            (id, active.record.connection, query.text.clone(), params)
        });
        if let (Some(key), Some(age)) = (&key, query.cache)
            && let Some(result) = self
                .inner
                .results
                .get(key, Duration::from_millis(u64::from(age)))
        {
            return Ok(result);
        }
        let outcome = self.named_page(&active, query, &params).await;
        record_query(&query.name, &active, caller, started, &outcome);
        let (page, mut lease) = outcome?;
        if page.more {
            // Cut off by a limit: what the database still holds is given up.
            lease.close_cursor().await.map_err(errors::running)?;
        }
        drop(lease);
        let result = Bytes::from(named_answer(&page, started));
        if let Some(key) = key {
            self.inner.results.put(key, result.clone());
        }
        Ok(result)
    }

    async fn named_page(
        &self,
        active: &Active,
        query: &QueryContract,
        params: &Map<String, Value>,
    ) -> Result<(Page, Lease), ApiError> {
        let statement = self.reading_contract(active, query).await?;
        let params = by_contract(statement.parameters(), &query.parameters, params)?;
        self.run(active, &statement, &params, limits::ROWS).await
    }

    async fn run(
        &self,
        active: &Active,
        statement: &Arc<Statement>,
        params: &[Param],
        max_rows: u32,
    ) -> Result<(Page, Lease), ApiError> {
        first_page(&active.pool, statement.text(), params, max_rows)
            .await
            .map_err(|error| self.locate(active, statement, error))
    }
}

fn max_rows(request: &QueryRequest) -> u32 {
    request
        .max_rows
        .unwrap_or(limits::ROWS_BY_HAND)
        .clamp(1, limits::ROWS)
}

fn named_answer(page: &Page, started: Instant) -> Vec<u8> {
    let mut answer = Vec::with_capacity(page.rows.len() + 512);
    answer.extend_from_slice(b"{\"columns\":");
    // Columns are plain strings and enums: writing them cannot fail.
    let _ = serde_json::to_writer(&mut answer, &columns(&page.columns));
    answer.extend_from_slice(b",\"rows\":");
    answer.extend_from_slice(&page.rows);
    let end = format!(
        ",\"truncated\":{},\"duration_ms\":{:.3}}}",
        page.more,
        milliseconds(started)
    );
    answer.extend_from_slice(end.as_bytes());
    answer
}

/// One line per query: never its parameters.
fn record_query(
    name: &str,
    active: &Active,
    caller: &str,
    started: Instant,
    outcome: &Result<(Page, Lease), ApiError>,
) {
    let (rows, bytes, error) = match outcome {
        Ok((page, _)) => (page.count, page.rows.len(), None),
        Err(error) => (0, 0, Some(error.code.as_str())),
    };
    tracing::info!(
        query = name,
        source = %active.record.id,
        caller,
        duration_ms = milliseconds(started),
        rows,
        bytes,
        error,
        "query"
    );
}

fn milliseconds(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1e6).round() / 1e3
}
