//! The cached schema of a source, and its form for clients.

use jiff::Timestamp;
use labd_plugin_host::kinds::connector as plugin;
use labd_protocol::{
    ColumnSchema, ForeignKeySchema, IndexSchema, QueryColumn, RelationKind, RelationSchema,
    SourceSchema, ValueKind,
};
use labd_store::Record;
use serde::{Deserialize, Serialize};

/// A schema as it is stored, under the id of its source.
#[derive(Serialize, Deserialize)]
pub(crate) struct SchemaRecord {
    /// The [`connection`](super::record::SourceRecord::connection) that it was read over.
    #[serde(default)]
    pub connection: u64,
    pub schema: SourceSchema,
}

impl Record for SchemaRecord {
    const KIND: &'static str = "schema";
}

/// A schema for clients.
pub(crate) fn to_protocol(
    schema: plugin::Schema,
    dialect: &str,
    read_at: Timestamp,
) -> SourceSchema {
    let mut relations: Vec<_> = schema.relations.into_iter().map(relation).collect();
    relations.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    SourceSchema {
        dialect: dialect.to_owned(),
        default_schema: schema.default_schema,
        read_at,
        relations,
    }
}

fn relation(relation: plugin::Relation) -> RelationSchema {
    RelationSchema {
        schema: relation.schema_name,
        name: relation.name,
        kind: match relation.kind {
            plugin::RelationKind::Table => RelationKind::Table,
            plugin::RelationKind::View => RelationKind::View,
            plugin::RelationKind::MaterializedView => RelationKind::MaterializedView,
            plugin::RelationKind::ForeignTable => RelationKind::ForeignTable,
            plugin::RelationKind::Collection => RelationKind::Collection,
        },
        comment: relation.comment,
        row_estimate: relation.row_estimate,
        columns: relation.columns.into_iter().map(column).collect(),
        primary_key: relation.primary_key,
        unique_keys: relation.unique_keys,
        foreign_keys: relation
            .foreign_keys
            .into_iter()
            .map(|key| ForeignKeySchema {
                name: key.name,
                columns: key.columns,
                referenced_schema: key.referenced_schema,
                referenced_table: key.referenced_table,
                referenced_columns: key.referenced_columns,
            })
            .collect(),
        indexes: relation
            .indexes
            .into_iter()
            .map(|index| IndexSchema {
                name: index.name,
                columns: index.columns,
                unique: index.unique,
            })
            .collect(),
    }
}

fn column(column: plugin::ColumnInfo) -> ColumnSchema {
    ColumnSchema {
        name: column.name,
        database_type: column.database_type,
        kind: kind(column.kind),
        nullable: column.nullable,
        default_value: column.default_value,
        comment: column.comment,
        enum_values: column.enum_values,
    }
}

/// A result's columns for clients.
pub(crate) fn columns(columns: &[plugin::Column]) -> Vec<QueryColumn> {
    columns
        .iter()
        .map(|column| QueryColumn {
            name: column.name.clone(),
            database_type: column.database_type.clone(),
            kind: kind(column.kind),
        })
        .collect()
}

/// A kind for clients.
fn kind(kind: plugin::ValueKind) -> ValueKind {
    match kind {
        plugin::ValueKind::Boolean => ValueKind::Boolean,
        plugin::ValueKind::Integer => ValueKind::Integer,
        plugin::ValueKind::Float => ValueKind::Float,
        plugin::ValueKind::Decimal => ValueKind::Decimal,
        plugin::ValueKind::Text => ValueKind::Text,
        plugin::ValueKind::Binary => ValueKind::Binary,
        plugin::ValueKind::Date => ValueKind::Date,
        plugin::ValueKind::Time => ValueKind::Time,
        plugin::ValueKind::Timestamp => ValueKind::Timestamp,
        plugin::ValueKind::Instant => ValueKind::Instant,
        plugin::ValueKind::Uuid => ValueKind::Uuid,
        plugin::ValueKind::Json => ValueKind::Json,
        plugin::ValueKind::Array => ValueKind::Array,
        plugin::ValueKind::Other => ValueKind::Other,
    }
}
