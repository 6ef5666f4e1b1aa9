//! Reading schemas, and keeping them.

use super::{Active, Sources};
use crate::{
    broker::limits,
    errors,
    source::schema::{self, SchemaRecord},
    statement::Statement,
};
use jiff::Timestamp;
use labd_plugin_host::PluginError;
use labd_protocol::{ApiError, SourceId, SourceSchema};
use labd_store::Batch;
use std::sync::Arc;
use tokio::time::timeout;

impl Sources {
    /// The schema. The cached one is given at once and read anew in the background when it is old.
    pub async fn schema(&self, id: SourceId, refresh: bool) -> Result<Arc<SourceSchema>, ApiError> {
        let active = self.active(id).await?;
        if !refresh && let Some(schema) = self.kept_schema(&active)? {
            let age = Timestamp::now().duration_since(schema.read_at);
            if age.unsigned_abs() > limits::SCHEMA_AGE {
                self.refresh_in_background(id);
            }
            return Ok(Arc::new(schema));
        }
        self.read_schema(&active).await.map(Arc::new)
    }

    /// The one that was read from the database which the source is now.
    fn kept_schema(&self, active: &Active) -> Result<Option<SourceSchema>, ApiError> {
        let record = &active.record;
        let kept: Option<SchemaRecord> = self.inner.store.get(&record.id.to_string())?;
        Ok(kept
            .filter(|kept| kept.connection == record.connection)
            .map(|kept| kept.schema))
    }

    async fn read_schema(&self, active: &Active) -> Result<SourceSchema, ApiError> {
        let mut lease = active.pool.lease().await?;
        let read = lease.schema();
        let schema = timeout(limits::SCHEMA, read)
            .await
            .unwrap_or(Err(PluginError::Timeout))
            .map_err(errors::running)?;
        let record = &active.record;
        let schema = schema::to_protocol(schema, &record.dialect, Timestamp::now());
        let stored = SchemaRecord {
            connection: record.connection,
            schema: schema.clone(),
        };
        let mut batch = Batch::new();
        batch.put(&record.id.to_string(), &stored)?;
        self.inner.store.commit(batch).await?;
        self.notify(record.id);
        Ok(schema)
    }

    fn refresh_in_background(&self, id: SourceId) {
        let sources = self.clone();
        tokio::spawn(async move {
            if let Err(error) = sources.schema(id, true).await {
                tracing::warn!(source = %id, %error, "the schema could not be read anew");
            }
        });
    }

    /// Maps the position of an error to the text that the caller knows, and has the schema read
    /// anew when a name was not found.
    pub(super) fn locate(
        &self,
        active: &Active,
        statement: &Statement,
        mut error: ApiError,
    ) -> ApiError {
        error.position = error
            .position
            .map(|position| statement.original_position(position));
        // PostgreSQL: undefined_column, undefined_table. SQLite has one code for all errors.
        let unknown_name = matches!(error.upstream_code.as_deref(), Some("42703" | "42P01"))
            || error.message.contains("no such table")
            || error.message.contains("no such column");
        if unknown_name {
            self.refresh_in_background(active.record.id);
        }
        error
    }
}
