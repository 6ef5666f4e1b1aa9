//! Introspection: five questions in one round trip, in one snapshot.

use crate::session::{Session, TextRows};
use crate::types;
use labd_plugin::connector::{
    ColumnInfo, ForeignKey, Index, Relation, RelationKind, Schema, ValueKind,
};
use labd_plugin::{Error, Host, Result};
use std::collections::HashMap;

/// What belongs to the user and may be read, of `c` (pg_class) and `n` (pg_namespace). Partitions
/// are left out: their table stands for them.
const VISIBLE: &str = "\
    c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' \
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
    AND (pg_catalog.has_table_privilege(c.oid, 'SELECT') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))";

/// Estimates of a partitioned table are those of its partitions.
fn relations() -> String {
    format!(
        "SELECT c.oid, n.nspname, c.relname, c.relkind, pg_catalog.obj_description(c.oid, 'pg_class'), \
           CASE c.relkind \
             WHEN 'p' THEN (SELECT sum(nullif(k.reltuples, -1)) FROM pg_catalog.pg_partition_tree(c.oid) t \
               JOIN pg_catalog.pg_class k ON k.oid = t.relid WHERE t.isleaf) \
             WHEN 'v' THEN NULL \
             ELSE nullif(c.reltuples, -1) END::bigint \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE {VISIBLE} ORDER BY n.nspname, c.relname"
    )
}

/// Columns with what their type is in the end: a domain's base, an array's mark, an enum's labels.
fn columns() -> String {
    format!(
        "SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), \
           CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END, b.typtype, b.typcategory, \
           NOT (a.attnotnull OR t.typtype = 'd' AND t.typnotnull), \
           CASE WHEN a.attidentity <> '' THEN 'generated as identity' \
             WHEN a.attgenerated <> '' THEN 'generated as ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) \
             ELSE pg_catalog.pg_get_expr(d.adbin, d.adrelid) END, \
           pg_catalog.col_description(a.attrelid, a.attnum), \
           (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e \
             WHERE e.enumtypid = CASE WHEN b.typcategory = 'A' THEN b.typelem ELSE b.oid END) \
         FROM pg_catalog.pg_attribute a \
         JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
         JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END \
         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
         WHERE a.attnum > 0 AND NOT a.attisdropped AND {VISIBLE} ORDER BY a.attrelid, a.attnum"
    )
}

/// Keys with their columns' names, in the keys' own order, as JSON.
fn constraints() -> String {
    let names = |relation: &str, key: &str| {
        format!(
            "(SELECT pg_catalog.json_agg(a.attname ORDER BY k.place) \
             FROM pg_catalog.unnest({key}) WITH ORDINALITY k (number, place) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = {relation} AND a.attnum = k.number)"
        )
    };
    format!(
        "SELECT o.conrelid, o.conname, o.contype, {}, fn.nspname, f.relname, {} \
         FROM pg_catalog.pg_constraint o \
         JOIN pg_catalog.pg_class c ON c.oid = o.conrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_class f ON f.oid = o.confrelid \
         LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace \
         WHERE o.contype IN ('p', 'u', 'f') AND (o.contype <> 'f' OR NOT f.relispartition) AND {VISIBLE} \
         ORDER BY o.conrelid, o.conname",
        names("o.conrelid", "o.conkey"),
        names("o.confrelid", "o.confkey"),
    )
}

/// Indexes with the definition of each key column.
fn indexes() -> String {
    format!(
        "SELECT i.indrelid, x.relname, i.indisunique, \
           (SELECT pg_catalog.json_agg(pg_catalog.pg_get_indexdef(i.indexrelid, k, true) ORDER BY k) \
             FROM pg_catalog.generate_series(1, i.indnkeyatts) k), \
           i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL \
         FROM pg_catalog.pg_index i \
         JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid \
         JOIN pg_catalog.pg_class c ON c.oid = i.indrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE i.indisvalid AND {VISIBLE} ORDER BY i.indrelid, x.relname"
    )
}

/// Reads the schema.
pub fn read<H: Host>(session: &mut Session<H>) -> Result<Schema> {
    let question = format!(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = 30000; \
         SELECT pg_catalog.current_schema(); {}; {}; {}; {}; ROLLBACK",
        relations(),
        columns(),
        constraints(),
        indexes()
    );
    let results = match session.simple(&question) {
        Ok(results) => results,
        Err(error) => {
            session.simple("ROLLBACK")?;
            return Err(error.context("reading the schema"));
        }
    };
    let [default, relations, columns, constraints, indexes] = <[TextRows; 5]>::try_from(results)
        .map_err(|_| {
            Error::unavailable("the server did not answer all questions about its schema")
        })?;
    let mut tables = Tables::default();
    for row in relations {
        tables.relation(row);
    }
    for row in columns {
        tables.column(row);
    }
    for row in constraints {
        tables.constraint(row);
    }
    for row in indexes {
        tables.index(row);
    }
    Ok(Schema {
        default_schema: default
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten())
            .unwrap_or_else(|| "public".into()),
        relations: tables.relations,
    })
}

type Row = Vec<Option<String>>;

/// The relations in order, and where each is by its number.
#[derive(Default)]
struct Tables {
    relations: Vec<Relation>,
    places: HashMap<String, usize>,
}

impl Tables {
    fn get(&mut self, row: &mut Row) -> Option<&mut Relation> {
        let place = *self.places.get(&take(row, 0))?;
        self.relations.get_mut(place)
    }

    fn relation(&mut self, mut row: Row) {
        self.places.insert(take(&mut row, 0), self.relations.len());
        self.relations.push(Relation {
            schema_name: take(&mut row, 1),
            name: take(&mut row, 2),
            kind: match take(&mut row, 3).as_str() {
                "v" => RelationKind::View,
                "m" => RelationKind::MaterializedView,
                "f" => RelationKind::ForeignTable,
                _ => RelationKind::Table,
            },
            comment: optional(&mut row, 4),
            row_estimate: optional(&mut row, 5).and_then(|text| text.parse().ok()),
            columns: Vec::new(),
            primary_key: Vec::new(),
            unique_keys: Vec::new(),
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
        });
    }

    fn column(&mut self, mut row: Row) {
        let Some(relation) = self.get(&mut row) else {
            return;
        };
        let oid = take(&mut row, 3).parse().unwrap_or(0);
        let class = take(&mut row, 4);
        let category = take(&mut row, 5);
        relation.columns.push(ColumnInfo {
            name: take(&mut row, 1),
            database_type: take(&mut row, 2),
            kind: kind(oid, &class, &category),
            nullable: take(&mut row, 6) == "t",
            default_value: optional(&mut row, 7),
            comment: optional(&mut row, 8),
            enum_values: list(&mut row, 9),
            frequency: None,
        });
    }

    fn constraint(&mut self, mut row: Row) {
        let Some(relation) = self.get(&mut row) else {
            return;
        };
        let name = take(&mut row, 1);
        let columns = list(&mut row, 3);
        match take(&mut row, 2).as_str() {
            "p" => relation.primary_key = columns,
            "u" => relation.unique_keys.push(columns),
            _ => relation.foreign_keys.push(ForeignKey {
                name,
                columns,
                referenced_schema: take(&mut row, 4),
                referenced_table: take(&mut row, 5),
                referenced_columns: list(&mut row, 6),
            }),
        }
    }

    fn index(&mut self, mut row: Row) {
        let Some(relation) = self.get(&mut row) else {
            return;
        };
        let columns = list(&mut row, 3);
        // A unique index over whole columns is a key, whether or not a constraint says so.
        if take(&mut row, 4) == "t"
            && columns != relation.primary_key
            && !relation.unique_keys.contains(&columns)
        {
            relation.unique_keys.push(columns.clone());
        }
        relation.indexes.push(Index {
            name: take(&mut row, 1),
            unique: take(&mut row, 2) == "t",
            columns,
        });
    }
}

/// The kind of a column from its type, which for a domain is its base.
fn kind(oid: u32, class: &str, category: &str) -> ValueKind {
    if let Some(found) = types::builtin(oid) {
        return found.kind;
    }
    match (class, category) {
        ("e", _) | (_, "S") => ValueKind::Text,
        (_, "A") => ValueKind::Array,
        _ => ValueKind::Other,
    }
}

fn optional(row: &mut Row, index: usize) -> Option<String> {
    row.get_mut(index).and_then(Option::take)
}

fn take(row: &mut Row, index: usize) -> String {
    optional(row, index).unwrap_or_default()
}

/// A JSON array of texts.
fn list(row: &mut Row, index: usize) -> Vec<String> {
    optional(row, index)
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}
