//! Connectors, contract 0.1.

use super::batch;
use crate::{
    Limits, PluginError,
    bindings::connector::{Connector as Exports, exports::labd::connector::connector as wit},
    instance::Instance,
    kinds::connector::{
        Batch, Column, ColumnInfo, Connection, Connector, ConnectorInfo, EXACT_INTEGER, ForeignKey,
        Index, Param, Parameter, Placeholders, Prepared, QueryOptions, Relation, RelationKind,
        Rows, Schema, ServerInfo, SourceAccess, ValueKind,
    },
    permitted::Permitted,
    plugin::Plugin,
    pool::Blame,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use wasmtime::component::ResourceAny;

/// A connector plugin.
pub(crate) struct ConnectorAdapter {
    pub plugin: Arc<Plugin<Exports>>,
}

#[async_trait]
impl Connector for ConnectorAdapter {
    async fn describe(&self) -> Result<ConnectorInfo, PluginError> {
        let pool = &self.plugin.serving()?.pool;
        let instance = pool.warm("").await?;
        let info = instance
            .call(pool.core.limits.call, |store, exports| {
                Box::pin(exports.labd_connector_connector().call_describe(store))
            })
            .await?;
        pool.give_back(instance);
        Ok(ConnectorInfo {
            name: info.name,
            dialect: info.dialect,
            placeholders: match info.placeholders {
                wit::Placeholders::Dollar => Placeholders::Dollar,
                wit::Placeholders::QuestionNumbered => Placeholders::QuestionNumbered,
                wit::Placeholders::Question => Placeholders::Question,
                wit::Placeholders::AtNumbered => Placeholders::AtNumbered,
                wit::Placeholders::ColonNumbered => Placeholders::ColonNumbered,
                wit::Placeholders::Json => Placeholders::Json,
            },
        })
    }

    async fn open(&self, access: Arc<SourceAccess>) -> Result<Box<dyn Connection>, PluginError> {
        let generation = self.plugin.permitted()?;
        let pool = &generation.pool;
        let instance = pool.start(&access.source_id, Blame::Plugin).await?;
        instance.with_state(|state| generation.permitted.give_source(state, &access));
        let config = config(&access, &generation.permitted);
        let handle = instance
            .call(pool.core.limits.call, move |store, exports| {
                Box::pin(async move {
                    let connector = exports.labd_connector_connector();
                    connector.call_open(store, &config).await
                })
            })
            .await?;
        instance.slot.set_evictable(true);
        Ok(Box::new(WasmConnection {
            instance,
            limits: Arc::clone(&pool.core.limits),
            handle,
            columns: Vec::new(),
            cursor: None,
        }))
    }

    async fn cancel(&self, access: Arc<SourceAccess>, token: &[u8]) -> Result<(), PluginError> {
        let generation = self.plugin.permitted()?;
        let limit = generation.pool.core.limits.cancel;
        let work = async {
            let pool = &generation.pool;
            let instance = pool.start_reserved(&access.source_id).await?;
            instance.with_state(|state| generation.permitted.give_source(state, &access));
            let (config, token) = (config(&access, &generation.permitted), token.to_vec());
            instance
                .call(limit, move |store, exports| {
                    Box::pin(async move {
                        let connector = exports.labd_connector_connector();
                        connector.call_cancel(store, &config, &token).await
                    })
                })
                .await
        };
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(PluginError::Timeout),
        }
    }
}

fn config(access: &SourceAccess, permitted: &Permitted) -> wit::Config {
    let config = access.config.clone();
    wit::Config {
        user: config.user,
        database: config.database,
        base_url: permitted.base_url(access).map(String::from),
        options: config.options,
        time_zone: config.time_zone,
        application_name: config.application_name,
    }
}

/// An open connection in an instance of its own.
struct WasmConnection {
    instance: Instance<Exports>,
    limits: Arc<Limits>,
    handle: ResourceAny,
    /// Of the last query, to check its batches against.
    columns: Vec<Column>,
    cursor: Option<ResourceAny>,
}

impl WasmConnection {
    fn set_cursor(&mut self, cursor: Option<ResourceAny>) {
        self.instance.slot.set_evictable(cursor.is_none());
        self.cursor = cursor;
    }

    fn max_bytes(&self, wanted: u32) -> u32 {
        let most = u32::try_from(self.limits.batch_bytes).unwrap_or(u32::MAX);
        wanted.clamp(1, most)
    }
}

#[async_trait]
impl Connection for WasmConnection {
    fn is_usable(&self) -> bool {
        self.instance.is_live() && !self.instance.is_retired()
    }

    async fn ping(&mut self) -> Result<(), PluginError> {
        let handle = self.handle;
        self.instance
            .call(self.limits.call, move |store, exports| {
                let connection = exports.labd_connector_connector().connection();
                Box::pin(async move { connection.call_ping(store, handle).await })
            })
            .await
    }

    async fn server_info(&mut self) -> Result<ServerInfo, PluginError> {
        let handle = self.handle;
        let info = self
            .instance
            .call(self.limits.call, move |store, exports| {
                let connection = exports.labd_connector_connector().connection();
                Box::pin(async move { connection.call_server_info(store, handle).await })
            })
            .await?;
        Ok(ServerInfo {
            product: info.product,
            user: info.user,
            database: info.database,
            warnings: info.warnings,
        })
    }

    async fn schema(&mut self) -> Result<Schema, PluginError> {
        let handle = self.handle;
        let schema = self
            .instance
            .call(self.limits.call, move |store, exports| {
                let connection = exports.labd_connector_connector().connection();
                Box::pin(async move { connection.call_schema(store, handle).await })
            })
            .await?;
        let mut relations: Vec<_> = schema.relations.into_iter().map(relation).collect();
        relations.sort_by(|a, b| (&a.schema_name, &a.name).cmp(&(&b.schema_name, &b.name)));
        Ok(Schema {
            default_schema: schema.default_schema,
            relations,
        })
    }

    async fn prepare(&mut self, text: &str) -> Result<Prepared, PluginError> {
        let (handle, text) = (self.handle, text.to_owned());
        let prepared = self
            .instance
            .call(self.limits.call, move |store, exports| {
                let connection = exports.labd_connector_connector().connection();
                Box::pin(async move { connection.call_prepare(store, handle, &text).await })
            })
            .await?;
        Ok(Prepared {
            parameters: prepared
                .parameters
                .into_iter()
                .map(|p| Parameter {
                    database_type: p.database_type,
                    kind: kind(p.kind),
                })
                .collect(),
            columns: prepared.columns.into_iter().map(column).collect(),
        })
    }

    async fn query(
        &mut self,
        text: &str,
        params: &[Param],
        options: QueryOptions,
    ) -> Result<Rows, PluginError> {
        self.close_cursor().await?;
        let handle = self.handle;
        let text = text.to_owned();
        let params: Vec<_> = params.iter().map(param).collect();
        let wire_options = wit::QueryOptions {
            read_only: options.read_only,
            timeout: milliseconds(options.timeout),
            max_rows: options.max_rows.max(1),
            max_bytes: self.max_bytes(options.max_bytes),
        };
        let limit = options.timeout.saturating_add(self.limits.query_grace);
        let rows = self
            .instance
            .call(limit, move |store, exports| {
                let connection = exports.labd_connector_connector().connection();
                Box::pin(async move {
                    connection
                        .call_query(store, handle, &text, &params, wire_options)
                        .await
                })
            })
            .await?;
        self.set_cursor(rows.rest);
        self.columns = rows.columns.into_iter().map(column).collect();
        let first = batch::check(rows.first, &self.columns, self.limits.batch_bytes)?;
        Ok(Rows {
            columns: self.columns.clone(),
            first,
            more: self.cursor.is_some(),
            affected: rows.affected,
        })
    }

    async fn next(&mut self, max_rows: u32, max_bytes: u32) -> Result<Batch, PluginError> {
        let Some(cursor) = self.cursor else {
            return Ok(Batch::default());
        };
        let max_bytes = self.max_bytes(max_bytes);
        let given = self
            .instance
            .call(self.limits.call, move |store, exports| {
                let cursors = exports.labd_connector_connector().cursor();
                Box::pin(async move {
                    cursors
                        .call_next(store, cursor, max_rows.max(1), max_bytes)
                        .await
                })
            })
            .await?;
        let batch = batch::check(given, &self.columns, self.limits.batch_bytes)?;
        if batch.rows == 0 {
            self.close_cursor().await?;
        }
        Ok(batch)
    }

    async fn close_cursor(&mut self) -> Result<(), PluginError> {
        let Some(cursor) = self.cursor.take() else {
            return Ok(());
        };
        let closed = self
            .instance
            .call(self.limits.call, move |store, _| {
                Box::pin(async move { cursor.resource_drop_async(store).await.map(Ok) })
            })
            .await;
        self.instance.slot.set_evictable(true);
        closed
    }

    async fn cancel_token(&mut self) -> Result<Vec<u8>, PluginError> {
        let handle = self.handle;
        self.instance
            .call(self.limits.call, move |store, exports| {
                let connection = exports.labd_connector_connector().connection();
                Box::pin(async move { connection.call_cancel_token(store, handle).await })
            })
            .await
    }
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn param(param: &Param) -> wit::Param {
    match param {
        Param::Null => wit::Param::Null,
        Param::Boolean(v) => wit::Param::Boolean(*v),
        Param::Integer(v) if v.unsigned_abs() <= EXACT_INTEGER => wit::Param::Integer(*v),
        Param::Integer(v) => wit::Param::Typed(wit::TypedText {
            kind: wit::ValueKind::Integer,
            text: v.to_string(),
        }),
        Param::Float(v) => wit::Param::Float(*v),
        Param::Text(v) => wit::Param::Text(v.clone()),
        Param::Binary(v) => wit::Param::Binary(v.clone()),
        Param::Typed { kind, text } => wit::Param::Typed(wit::TypedText {
            kind: wire_kind(*kind),
            text: text.clone(),
        }),
        Param::Array { kind, items } => wit::Param::Array(wit::TypedTexts {
            kind: wire_kind(*kind),
            items: items.clone(),
        }),
    }
}

fn wire_kind(kind: ValueKind) -> wit::ValueKind {
    match kind {
        ValueKind::Boolean => wit::ValueKind::Boolean,
        ValueKind::Integer => wit::ValueKind::Integer,
        ValueKind::Float => wit::ValueKind::Float,
        ValueKind::Decimal => wit::ValueKind::Decimal,
        ValueKind::Text => wit::ValueKind::Text,
        ValueKind::Binary => wit::ValueKind::Binary,
        ValueKind::Date => wit::ValueKind::Date,
        ValueKind::Time => wit::ValueKind::Time,
        ValueKind::Timestamp => wit::ValueKind::Timestamp,
        ValueKind::Instant => wit::ValueKind::Instant,
        ValueKind::Uuid => wit::ValueKind::Uuid,
        ValueKind::Json => wit::ValueKind::Json,
        ValueKind::Array => wit::ValueKind::Array,
        ValueKind::Other => wit::ValueKind::Other,
    }
}

fn kind(kind: wit::ValueKind) -> ValueKind {
    match kind {
        wit::ValueKind::Boolean => ValueKind::Boolean,
        wit::ValueKind::Integer => ValueKind::Integer,
        wit::ValueKind::Float => ValueKind::Float,
        wit::ValueKind::Decimal => ValueKind::Decimal,
        wit::ValueKind::Text => ValueKind::Text,
        wit::ValueKind::Binary => ValueKind::Binary,
        wit::ValueKind::Date => ValueKind::Date,
        wit::ValueKind::Time => ValueKind::Time,
        wit::ValueKind::Timestamp => ValueKind::Timestamp,
        wit::ValueKind::Instant => ValueKind::Instant,
        wit::ValueKind::Uuid => ValueKind::Uuid,
        wit::ValueKind::Json => ValueKind::Json,
        wit::ValueKind::Array => ValueKind::Array,
        wit::ValueKind::Other => ValueKind::Other,
    }
}

fn column(column: wit::Column) -> Column {
    Column {
        name: column.name,
        database_type: column.database_type,
        kind: kind(column.kind),
    }
}

fn relation(relation: wit::Relation) -> Relation {
    Relation {
        schema_name: relation.schema_name,
        name: relation.name,
        kind: match relation.kind {
            wit::RelationKind::Table => RelationKind::Table,
            wit::RelationKind::View => RelationKind::View,
            wit::RelationKind::MaterializedView => RelationKind::MaterializedView,
            wit::RelationKind::ForeignTable => RelationKind::ForeignTable,
            wit::RelationKind::Collection => RelationKind::Collection,
        },
        comment: relation.comment,
        row_estimate: relation.row_estimate,
        columns: relation
            .columns
            .into_iter()
            .map(|c| ColumnInfo {
                name: c.name,
                database_type: c.database_type,
                kind: kind(c.kind),
                nullable: c.nullable,
                default_value: c.default_value,
                comment: c.comment,
                enum_values: c.enum_values,
                frequency: c.frequency.map(|of_hundred| of_hundred.min(100)),
            })
            .collect(),
        primary_key: relation.primary_key,
        unique_keys: relation.unique_keys,
        foreign_keys: relation
            .foreign_keys
            .into_iter()
            .map(|k| ForeignKey {
                name: k.name,
                columns: k.columns,
                referenced_schema: k.referenced_schema,
                referenced_table: k.referenced_table,
                referenced_columns: k.referenced_columns,
            })
            .collect(),
        indexes: relation
            .indexes
            .into_iter()
            .map(|i| Index {
                name: i.name,
                columns: i.columns,
                unique: i.unique,
            })
            .collect(),
    }
}
