//! The connector over a real SQLite.
#![allow(missing_docs)]

mod support;

use labd_db_sqlite::Sqlite;
use labd_plugin::connector::{
    Connection, Connector, Param, QueryOptions, RelationKind, TypedText, TypedTexts, ValueKind,
    Values, is_null,
};
use labd_plugin::testing::connector::{config, options};
use labd_plugin::{Error, Result};
use support::Memory;

const SHOP: &str = "
    CREATE TABLE customers (
        id INTEGER PRIMARY KEY, email VARCHAR(80) NOT NULL UNIQUE, name TEXT DEFAULT 'nobody',
        active BOOLEAN NOT NULL DEFAULT 1, joined DATE);
    CREATE TABLE orders (
        customer INTEGER NOT NULL REFERENCES customers, number INTEGER NOT NULL, total DECIMAL(10,2),
        placed DATETIME, note, PRIMARY KEY (customer, number)) WITHOUT ROWID;
    CREATE TABLE lines (customer INTEGER, number INTEGER, sku TEXT,
        FOREIGN KEY (customer, number) REFERENCES orders (customer, number));
    CREATE INDEX lines_sku ON lines (sku, lower(sku));
    CREATE UNIQUE INDEX some_names ON customers (name) WHERE active;
    CREATE VIEW totals AS SELECT customer, sum(total) AS sum FROM orders GROUP BY customer;
    INSERT INTO customers VALUES (1, 'a@x', 'Änne', 1, '2024-01-31'), (2, 'b@x', NULL, 0, NULL);
    INSERT INTO orders VALUES (1, 1, 10.5, '2024-02-01 10:00:00', 'x'), (1, 2, 7, '2024-02-02 10:00:00', 5);";

fn writing() -> QueryOptions {
    QueryOptions {
        read_only: false,
        ..options()
    }
}

#[test]
fn values_arrive_exact_and_columns_have_one_type() -> Result<()> {
    let mut session = Sqlite::new(Memory::new(SHOP)).open(config())?;
    let rows = session.query("SELECT * FROM customers ORDER BY id", &[], options())?;
    let kinds: Vec<_> = rows.columns.iter().map(|column| column.kind).collect();
    assert_eq!(
        kinds,
        [
            ValueKind::Integer,
            ValueKind::Text,
            ValueKind::Text,
            ValueKind::Boolean,
            ValueKind::Date
        ]
    );
    assert_eq!(rows.columns[1].database_type, "VARCHAR(80)");
    assert_eq!(rows.first.columns[0].values, Values::Integers(vec![1, 2]));
    assert_eq!(
        rows.first.columns[2].values,
        Values::Texts(vec!["Änne".into(), String::new()])
    );
    assert!(is_null(&rows.first.columns[2], 1));
    assert_eq!(
        rows.first.columns[3].values,
        Values::Booleans(vec![true, false])
    );
    assert!(rows.rest.is_none());

    let rows = session.query(
        "SELECT total, placed, note FROM orders ORDER BY number",
        &[],
        options(),
    )?;
    assert_eq!(
        rows.first.columns[0].values,
        Values::Decimals(vec!["10.5".into(), "7".into()])
    );
    assert_eq!(rows.columns[1].kind, ValueKind::Timestamp);
    assert_eq!(
        rows.first.columns[1].values,
        Values::Texts(vec![
            "2024-02-01T10:00:00".into(),
            "2024-02-02T10:00:00".into()
        ])
    );
    assert_eq!(rows.columns[2].kind, ValueKind::Other);
    assert_eq!(
        rows.first.columns[2].values,
        Values::Texts(vec!["x".into(), "5".into()])
    );
    Ok(())
}

#[test]
fn an_expression_takes_its_kind_from_its_values() -> Result<()> {
    let mut session = Sqlite::new(Memory::new(SHOP)).open(config())?;
    let rows = session.query(
        "SELECT sum(total), count(*), 9223372036854775807, x'00ff', NULL FROM orders",
        &[],
        options(),
    )?;
    let kinds: Vec<_> = rows.columns.iter().map(|column| column.kind).collect();
    assert_eq!(
        kinds,
        [
            ValueKind::Float,
            ValueKind::Integer,
            ValueKind::Integer,
            ValueKind::Binary,
            ValueKind::Other
        ]
    );
    assert_eq!(
        rows.first.columns[2].values,
        Values::Integers(vec![i64::MAX])
    );
    Ok(())
}

#[test]
fn a_later_batch_that_does_not_fit_loses_nothing() -> Result<()> {
    let memory = Memory::new(
        "CREATE TABLE t (v INTEGER); INSERT INTO t VALUES (1), (2), (9007199254740993), (2.5), ('x'), (x'0A')",
    );
    let mut session = Sqlite::new(memory).open(config())?;
    let mut rows = session.query(
        "SELECT v FROM t",
        &[],
        QueryOptions {
            max_rows: 2,
            ..options()
        },
    )?;
    assert_eq!(rows.columns[0].kind, ValueKind::Integer);
    let mut rest = rows.rest.take().ok_or_else(|| Error::internal("rest"))?;
    let second = session.fetch(&mut rest, 2, 1000)?;
    assert_eq!(
        second.columns[0].values,
        Values::Decimals(vec!["9007199254740993".into(), "2.5".into()])
    );
    let third = session.fetch(&mut rest, 2, 1000)?;
    assert_eq!(
        third.columns[0].values,
        Values::Texts(vec!["x".into(), "X'0A'".into()])
    );
    assert_eq!(session.fetch(&mut rest, 2, 1000)?.rows, 0);
    Ok(())
}

#[test]
fn parameters_are_bound_and_counted() -> Result<()> {
    let mut session = Sqlite::new(Memory::new(SHOP)).open(config())?;
    let emails = Param::Array(TypedTexts {
        kind: ValueKind::Text,
        items: vec![Some("a@x".into()), Some("it's; DROP TABLE x".into())],
    });
    let large = Param::Typed(TypedText {
        kind: ValueKind::Integer,
        text: i64::MAX.to_string(),
    });
    let rows = session.query(
        "SELECT ?2, ?3, ?5 - 1 FROM customers WHERE email IN (SELECT value FROM json_each(?1)) AND active = ?4",
        &[emails, Param::Float(0.5), Param::Null, Param::Boolean(true), large],
        options(),
    )?;
    assert_eq!(rows.first.rows, 1);
    assert_eq!(rows.first.columns[0].values, Values::Floats(vec![0.5]));
    assert!(is_null(&rows.first.columns[1], 0));
    assert_eq!(
        rows.first.columns[2].values,
        Values::Integers(vec![i64::MAX - 1])
    );

    let error = session.query("SELECT ?1", &[], options()).err().unwrap();
    assert_eq!(
        error.message(),
        "the statement has 1 parameters and 0 were given"
    );
    Ok(())
}

#[test]
fn writing_needs_to_be_asked_for_and_tells_how_many_rows_it_changed() -> Result<()> {
    let mut session = Sqlite::new(Memory::new(SHOP)).open(config())?;
    let update = "/* a */ -- b\n UPDATE customers SET active = 1";
    assert!(matches!(
        session.query(update, &[], options()),
        Err(Error::InvalidRequest(_))
    ));
    assert_eq!(session.query(update, &[], writing())?.affected, Some(2));
    assert_eq!(
        session
            .query("CREATE TABLE more (x)", &[], writing())?
            .affected,
        None
    );
    assert_eq!(session.query("SELECT 1", &[], options())?.affected, None);
    let returned = session.query("INSERT INTO more VALUES (5) RETURNING x", &[], writing())?;
    assert_eq!((returned.first.rows, returned.affected), (1, Some(1)));
    Ok(())
}

#[test]
fn a_statement_is_described_without_running() -> Result<()> {
    let mut session = Sqlite::new(Memory::new(SHOP)).open(config())?;
    let prepared =
        session.prepare("SELECT total, placed FROM orders WHERE placed > :from AND total > ?")?;
    assert_eq!(prepared.parameters.len(), 2);
    assert_eq!(prepared.parameters[0].kind, ValueKind::Other);
    assert_eq!(prepared.columns[0].kind, ValueKind::Decimal);
    assert_eq!(prepared.columns[1].database_type, "DATETIME");
    assert!(session.prepare("SELECT frmo").is_err());
    Ok(())
}

#[test]
fn the_schema_tells_keys_indexes_views_and_sizes() -> Result<()> {
    let mut session = Sqlite::new(Memory::new(SHOP)).open(config())?;
    let schema = session.schema()?;
    let names: Vec<_> = schema
        .relations
        .iter()
        .map(|relation| relation.name.as_str())
        .collect();
    assert_eq!(names, ["customers", "lines", "orders", "totals"]);
    assert_eq!(schema.default_schema, "main");
    let [customers, lines, orders, totals] = schema.relations.try_into().unwrap();

    assert_eq!(customers.primary_key, ["id"]);
    assert_eq!(customers.unique_keys, [["email"]]);
    assert_eq!(customers.row_estimate, Some(2));
    assert!(!customers.columns[0].nullable);
    assert_eq!(
        customers.columns[2].default_value.as_deref(),
        Some("'nobody'")
    );
    assert!(
        customers
            .indexes
            .iter()
            .any(|index| index.name == "some_names" && index.unique)
    );

    assert_eq!(orders.primary_key, ["customer", "number"]);
    assert_eq!(orders.foreign_keys[0].referenced_table, "customers");
    assert_eq!(orders.foreign_keys[0].referenced_columns, ["id"]);
    assert_eq!(orders.row_estimate, Some(2));

    assert_eq!(lines.foreign_keys[0].columns, ["customer", "number"]);
    assert_eq!(
        lines.foreign_keys[0].referenced_columns,
        ["customer", "number"]
    );
    assert_eq!(lines.indexes[0].columns, ["sku", "(expression)"]);

    assert_eq!(totals.kind, RelationKind::View);
    assert_eq!(totals.columns[1].name, "sum");
    assert_eq!(totals.row_estimate, None);
    Ok(())
}

#[test]
fn statistics_and_the_rowid_give_the_size_of_large_tables() -> Result<()> {
    let fill = "CREATE TABLE big (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO big SELECT i FROM n;";
    let size = |setup: &str| -> Result<Option<u64>> {
        let schema = Sqlite::new(Memory::new(setup)).open(config())?.schema()?;
        Ok(schema.relations[0].row_estimate)
    };
    assert_eq!(size(fill)?, Some(20_000));
    assert_eq!(
        size(&format!(
            "{fill} CREATE INDEX i ON big (x); ANALYZE; DELETE FROM big WHERE x > 5;"
        ))?,
        Some(20_000)
    );
    Ok(())
}

#[test]
fn cancel_interrupts_the_connection_of_the_token() -> Result<()> {
    let memory = Memory::new(SHOP);
    let connector = Sqlite::new(memory.clone());
    let token = connector.open(config())?.cancel_token()?;
    connector.cancel(config(), token)?;
    assert_eq!(memory.interrupted.get(), Some(77));
    assert!(matches!(
        connector.cancel(config(), vec![1]),
        Err(Error::InvalidRequest(_))
    ));
    Ok(())
}

#[test]
fn an_option_that_means_nothing_is_refused_by_name() {
    let mut config = config();
    config.options.push(("sslmode".into(), "require".into()));
    let error = Sqlite::new(Memory::new("")).open(config).err().unwrap();
    assert!(error.message().contains("`sslmode`"), "{error:?}");
}
