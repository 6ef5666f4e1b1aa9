//! Introspection by SQLite's own table-valued pragmas: four questions for all tables together, and
//! a small one for each table without statistics.

use crate::{Session, kinds};
use labd_plugin::connector::{ColumnInfo, ForeignKey, Index, Relation, RelationKind, Schema};
use labd_plugin::sqlite::Value;
use labd_plugin::{Host, Result};
use std::collections::BTreeMap;

const TABLES: &str = "
    SELECT name, type, wr FROM pragma_table_list
    WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    ORDER BY name";

/// Hidden columns are those of virtual tables that stand for arguments; generated ones are kept.
const COLUMNS: &str = "
    SELECT t.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk
    FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c
    WHERE t.schema = 'main' AND c.hidden <> 1
    ORDER BY t.name, c.cid";

const FOREIGN_KEYS: &str = "
    SELECT t.name, f.id, f.\"table\", f.\"from\", f.\"to\"
    FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) f
    WHERE t.schema = 'main' AND t.type = 'table'
    ORDER BY t.name, f.id, f.seq";

const INDEXES: &str = "
    SELECT t.name, l.name, l.\"unique\", l.origin, l.partial, i.name
    FROM pragma_table_list t JOIN pragma_index_list(t.name) l JOIN pragma_index_info(l.name) i
    WHERE t.schema = 'main' AND t.type = 'table'
    ORDER BY t.name, l.seq, i.seqno";

/// Tables up to this size are counted.
const COUNTED: u32 = 10_000;

/// Reads the schema.
pub fn read<H: Host>(session: &Session<H>) -> Result<Schema> {
    let mut relations = BTreeMap::new();
    for row in session.rows(TABLES, &[])? {
        let name = text(&row, 0);
        let kind = if text(&row, 1) == "view" {
            RelationKind::View
        } else {
            RelationKind::Table
        };
        relations.insert(
            name.clone(),
            Table {
                without_rowid: integer(&row, 2) != 0,
                keys: Vec::new(),
                relation: Relation {
                    schema_name: "main".into(),
                    name,
                    kind,
                    comment: None,
                    row_estimate: None,
                    columns: Vec::new(),
                    primary_key: Vec::new(),
                    unique_keys: Vec::new(),
                    foreign_keys: Vec::new(),
                    indexes: Vec::new(),
                },
            },
        );
    }
    columns(session, &mut relations)?;
    foreign_keys(session, &mut relations)?;
    indexes(session, &mut relations)?;
    estimates(session, &mut relations)?;
    Ok(Schema {
        default_schema: "main".into(),
        relations: relations
            .into_values()
            .map(|table| table.relation)
            .collect(),
    })
}

type Tables = BTreeMap<String, Table>;

struct Table {
    relation: Relation,
    without_rowid: bool,
    /// The primary key's columns with their place in it.
    keys: Vec<(i64, String)>,
}

fn columns<H: Host>(session: &Session<H>, tables: &mut Tables) -> Result<()> {
    for row in session.rows(COLUMNS, &[])? {
        let Some(table) = tables.get_mut(&text(&row, 0)) else {
            continue;
        };
        let name = text(&row, 1);
        let database_type = text(&row, 2);
        let key = integer(&row, 5);
        if key > 0 {
            table.keys.push((key, name.clone()));
        }
        // Only the rowid itself and keys of tables without one refuse nulls; other primary keys
        // of SQLite do not, for compatibility with its early versions.
        let refuses_null = integer(&row, 3) != 0
            || key > 0 && (table.without_rowid || database_type.eq_ignore_ascii_case("integer"));
        let declared = Some(database_type.as_str()).filter(|name| !name.is_empty());
        table.relation.columns.push(ColumnInfo {
            kind: kinds::declared(declared).kind(),
            name,
            database_type,
            nullable: !refuses_null,
            default_value: optional_text(&row, 4),
            comment: None,
            enum_values: Vec::new(),
            frequency: None,
        });
    }
    for table in tables.values_mut() {
        table.keys.sort();
        table.relation.primary_key = table.keys.iter().map(|(_, name)| name.clone()).collect();
    }
    Ok(())
}

fn foreign_keys<H: Host>(session: &Session<H>, tables: &mut Tables) -> Result<()> {
    let keys: BTreeMap<String, Vec<String>> = tables
        .iter()
        .map(|(name, table)| (name.clone(), table.relation.primary_key.clone()))
        .collect();
    for row in session.rows(FOREIGN_KEYS, &[])? {
        let table_name = text(&row, 0);
        let Some(table) = tables.get_mut(&table_name) else {
            continue;
        };
        // SQLite keeps no names of foreign keys; a number tells them apart.
        let name = format!("{table_name}_fk_{}", integer(&row, 1));
        let referenced_table = text(&row, 2);
        let list = &mut table.relation.foreign_keys;
        if list
            .last()
            .is_none_or(|last: &ForeignKey| last.name != name)
        {
            list.push(ForeignKey {
                name,
                columns: Vec::new(),
                referenced_schema: "main".into(),
                // Without columns it means the other table's primary key.
                referenced_columns: match optional_text(&row, 4) {
                    None => keys.get(&referenced_table).cloned().unwrap_or_default(),
                    Some(_) => Vec::new(),
                },
                referenced_table,
            });
        }
        if let Some(key) = list.last_mut() {
            key.columns.push(text(&row, 3));
            key.referenced_columns.extend(optional_text(&row, 4));
        }
    }
    Ok(())
}

fn indexes<H: Host>(session: &Session<H>, tables: &mut Tables) -> Result<()> {
    let mut found: Vec<(String, String, Index, bool)> = Vec::new();
    for row in session.rows(INDEXES, &[])? {
        let table = text(&row, 0);
        let name = text(&row, 1);
        let unique = integer(&row, 2) != 0;
        // An index over some rows only makes no key of the table.
        let is_key = unique && integer(&row, 4) == 0;
        let column = optional_text(&row, 5);
        match found.last_mut() {
            Some((last_table, _, index, is_key)) if *last_table == table && index.name == name => {
                *is_key &= column.is_some();
                index.columns.push(column.unwrap_or_else(expression));
            }
            _ => found.push((
                table,
                text(&row, 3),
                Index {
                    name,
                    unique,
                    columns: vec![column.clone().unwrap_or_else(expression)],
                },
                is_key && column.is_some(),
            )),
        }
    }
    for (table, origin, index, is_key) in found {
        let Some(table) = tables.get_mut(&table) else {
            continue;
        };
        if is_key && origin != "pk" {
            table.relation.unique_keys.push(index.columns.clone());
        }
        table.relation.indexes.push(index);
    }
    Ok(())
}

fn expression() -> String {
    "(expression)".into()
}

/// From `ANALYZE` where it has run; else counted up to a bound; else the highest rowid, which is
/// right as long as few rows were deleted and costs one step down the tree.
fn estimates<H: Host>(session: &Session<H>, tables: &mut Tables) -> Result<()> {
    let analysed = !session
        .rows(
            "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'",
            &[],
        )?
        .is_empty();
    if analysed {
        let rows = session.rows(
            "SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl",
            &[],
        )?;
        for row in rows {
            if let Some(table) = tables.get_mut(&text(&row, 0)) {
                table.relation.row_estimate = u64::try_from(integer(&row, 1)).ok();
            }
        }
    }
    for table in tables.values_mut() {
        if table.relation.row_estimate.is_some() || table.relation.kind == RelationKind::View {
            continue;
        }
        let name = table.relation.name.replace('"', "\"\"");
        // A virtual table whose module is missing cannot be read; that is no fault of the schema.
        table.relation.row_estimate = number(
            session,
            &format!(
                "SELECT count(*) FROM (SELECT 1 FROM \"{name}\" LIMIT {})",
                COUNTED + 1
            ),
        )
        .filter(|count| *count <= u64::from(COUNTED))
        .or_else(|| {
            (!table.without_rowid)
                .then(|| number(session, &format!("SELECT max(rowid) FROM \"{name}\"")))?
        });
    }
    Ok(())
}

fn number<H: Host>(session: &Session<H>, sql: &str) -> Option<u64> {
    let rows = session.rows(sql, &[]).ok()?;
    u64::try_from(integer(rows.first()?, 0)).ok()
}

fn text(row: &[Value], index: usize) -> String {
    optional_text(row, index).unwrap_or_default()
}

fn optional_text(row: &[Value], index: usize) -> Option<String> {
    match row.get(index) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

fn integer(row: &[Value], index: usize) -> i64 {
    match row.get(index) {
        Some(Value::Integer(number)) => *number,
        _ => 0,
    }
}
