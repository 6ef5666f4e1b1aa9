//! The connector against a real PostgreSQL.
#![allow(missing_docs)]

mod support;

use labd_db_postgres::Postgres;
use labd_plugin::connector::{
    Connection, Connector, Param, QueryOptions, RelationKind, TypedText, TypedTexts, ValueKind,
    Values, is_null,
};
use labd_plugin::testing::connector::options;
use labd_plugin::{Error, Result};
use std::time::{Duration, Instant};
use support::{Server, ask, run, scratch, writing};

fn texts(values: &Values) -> Vec<&str> {
    match values {
        Values::Texts(list) | Values::Decimals(list) => list.iter().map(String::as_str).collect(),
        other => panic!("not texts: {other:?}"),
    }
}

fn code(error: &Error) -> &str {
    error
        .fault()
        .and_then(|fault| fault.code.as_deref())
        .unwrap_or_default()
}

#[test]
fn the_server_and_its_role_are_described_with_what_would_be_safer() -> Result<()> {
    let mut session = Server::get().open();
    let info = session.server_info()?;
    assert!(info.product.starts_with("PostgreSQL "), "{}", info.product);
    assert_eq!(info.user, Some(Server::get().user));
    assert!(
        info.warnings[0].contains("superuser"),
        "{:?}",
        info.warnings
    );
    assert!(
        info.warnings[1].contains("CREATE ROLE labd_reader"),
        "{:?}",
        info.warnings
    );
    assert_eq!(info.warnings.len(), 2);
    session.ping()
}

#[test]
fn what_is_wrong_in_the_url_is_told_apart() {
    let server = Server::get();
    let error = |change: &dyn Fn(&mut Server)| {
        let mut changed = server.clone();
        change(&mut changed);
        Postgres::new(changed.host())
            .open(changed.config())
            .err()
            .unwrap()
    };
    let wrong_password = error(&|server| server.password = "wrong".into());
    assert!(
        matches!(wrong_password, Error::Unauthenticated(_)),
        "{wrong_password:?}"
    );
    assert_eq!(code(&wrong_password), "28P01");
    let no_password = error(&|server| server.password = String::new());
    assert!(
        no_password.message().contains("has none"),
        "{no_password:?}"
    );
    let wrong_database = error(&|server| server.database = "nowhere".into());
    assert!(
        matches!(wrong_database, Error::NotFound(_)),
        "{wrong_database:?}"
    );
    let wrong_port = error(&|server| server.port = 1);
    assert!(
        matches!(wrong_port, Error::Unavailable(_)),
        "{wrong_port:?}"
    );
    assert!(wrong_port.message().contains(":1: "), "{wrong_port:?}");
    let needs_tls = error(&|server| server.user = "tls_only".into());
    assert!(
        matches!(&needs_tls, Error::Unauthenticated(fault) if fault.hint.as_deref().is_some_and(|hint| hint.contains("sslmode"))),
        "{needs_tls:?}"
    );

    let mut config = server.config();
    config.options.push(("sslmod".into(), "x".into()));
    let option = Postgres::new(server.host()).open(config).err().unwrap();
    assert!(option.message().contains("`sslmod`"), "{option:?}");
}

#[test]
fn a_clear_text_password_is_never_sent_without_tls_and_md5_works() -> Result<()> {
    let server = Server::get();
    let mut session = server.open();
    // Roles are the server's, not the schema's: another run may have made them.
    for (role, encryption) in [("md5_user", "md5"), ("password_user", "scram-sha-256")] {
        let make = format!(
            "DO $$ BEGIN SET LOCAL password_encryption = '{encryption}';
             CREATE ROLE {role} LOGIN PASSWORD 'pencil'; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        );
        run(&mut session, &make)?;
    }
    let as_role = |role: &str| {
        let mut changed = server.clone();
        changed.user = role.into();
        changed.password = "pencil".into();
        Postgres::new(changed.host()).open(changed.config())
    };
    let refused = as_role("password_user").err().unwrap();
    assert!(refused.message().contains("clear text"), "{refused:?}");
    as_role("md5_user")?.ping()
}

#[test]
fn a_known_query_costs_one_round_trip() -> Result<()> {
    let (mut session, _, host) = scratch();
    ask(&mut session, "SELECT 1", &[])?;
    let before = host.waits.get();
    for _ in 0..5 {
        let rows = ask(&mut session, "SELECT 1", &[])?;
        assert_eq!(rows.first.columns[0].values, Values::Integers(vec![1]));
        assert!(rows.rest.is_none());
    }
    assert_eq!(host.waits.get() - before, 5);
    Ok(())
}

#[test]
fn values_arrive_exact() -> Result<()> {
    let (mut session, ..) = scratch();
    run(
        &mut session,
        "CREATE TYPE mood AS ENUM ('sad', 'so so', 'glad')",
    )?;
    run(&mut session, "CREATE DOMAIN price AS numeric(12,2)")?;
    let rows = ask(
        &mut session,
        "SELECT 9223372036854775807::int8, 12345678901234567890.123456789::numeric, 'NaN'::numeric, 'Infinity'::float8,
            0.1::float4, true, '\\x00ff'::bytea, 'ä€😀'::text, '2024-02-29'::date, '-infinity'::date,
            '10:30:00.000001'::time, '2024-02-29 10:00:00.000001'::timestamp, '2024-02-29 12:00:00+02'::timestamptz,
            'infinity'::timestamptz, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '{\"a\": 1e2}'::jsonb,
            ARRAY[[1,2],[3,NULL]], ARRAY[9007199254740993], ARRAY['a \"b\"', NULL, 'NULL'], 'so so'::mood, ARRAY['sad','so so']::mood[],
            5.5::price, '1 day 02:00'::interval, int4range(1, 5), (1, 'x'), NULL::int, 'x'::char(3), 'x'::varchar(7),
            1234.5::numeric(10,2), 7::oid, '{}'::text[], '10.0.0.1/8'::inet, ARRAY['{\"b\": 2}'::jsonb]",
        &[],
    )?;
    let value = |index: usize| &rows.first.columns[index].values;
    let kind = |index: usize| rows.columns[index].kind;
    assert_eq!(value(0), &Values::Integers(vec![i64::MAX]));
    assert_eq!(texts(value(1)), ["12345678901234567890.123456789"]);
    assert_eq!(
        (texts(value(2)), kind(2)),
        (vec!["NaN"], ValueKind::Decimal)
    );
    assert_eq!(value(3), &Values::Floats(vec![f64::INFINITY]));
    assert_eq!(value(4), &Values::Floats(vec![0.1]));
    assert_eq!(value(5), &Values::Booleans(vec![true]));
    assert_eq!(value(6), &Values::Binaries(vec![vec![0, 255]]));
    assert_eq!(texts(value(7)), ["ä€😀"]);
    assert_eq!(value(8), &Values::Dates(vec![19_782]));
    assert_eq!(value(9), &Values::Dates(vec![i32::MIN]));
    assert_eq!(value(10), &Values::Times(vec![37_800_000_001]));
    assert_eq!(value(11), &Values::Timestamps(vec![1_709_200_800_000_001]));
    assert_eq!(value(12), &Values::Instants(vec![1_709_200_800_000_000]));
    assert_eq!(value(13), &Values::Instants(vec![i64::MAX]));
    assert_eq!(
        (texts(value(14)), kind(14)),
        (
            vec!["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
            ValueKind::Uuid
        )
    );
    assert_eq!(
        (texts(value(15)), kind(15)),
        (vec!["{\"a\": 100}"], ValueKind::Json)
    );
    assert_eq!(
        (texts(value(16)), kind(16)),
        (vec!["[[1,2],[3,null]]"], ValueKind::Array)
    );
    assert_eq!(texts(value(17)), ["[\"9007199254740993\"]"]);
    assert_eq!(texts(value(18)), ["[\"a \\\"b\\\"\",null,\"NULL\"]"]);
    assert_eq!(
        (
            texts(value(19)),
            kind(19),
            rows.columns[19].database_type.as_str()
        ),
        (vec!["so so"], ValueKind::Text, "mood")
    );
    assert_eq!(
        (texts(value(20)), kind(20)),
        (vec!["[\"sad\",\"so so\"]"], ValueKind::Array)
    );
    assert_eq!(
        (texts(value(21)), kind(21)),
        (vec!["5.50"], ValueKind::Decimal)
    );
    assert_eq!(
        (texts(value(22)), kind(22)),
        (vec!["1 day 02:00:00"], ValueKind::Other)
    );
    assert_eq!(
        (texts(value(23)), kind(23)),
        (vec!["[1,5)"], ValueKind::Other)
    );
    assert_eq!(
        (texts(value(24)), kind(24)),
        (vec!["(1,x)"], ValueKind::Other)
    );
    assert!(is_null(&rows.first.columns[25], 0));
    assert_eq!(rows.columns[26].database_type, "character(3)");
    assert_eq!(rows.columns[27].database_type, "character varying(7)");
    assert_eq!(
        (texts(value(28)), rows.columns[28].database_type.as_str()),
        (vec!["1234.50"], "numeric(10,2)")
    );
    assert_eq!(value(29), &Values::Integers(vec![7]));
    assert_eq!(texts(value(30)), ["[]"]);
    assert_eq!(texts(value(31)), ["10.0.0.1/8"]);
    assert_eq!(texts(value(32)), ["[{\"b\": 2}]"]);
    Ok(())
}

#[test]
fn parameters_are_bound_by_the_types_that_the_server_described() -> Result<()> {
    let (mut session, ..) = scratch();
    run(&mut session, "CREATE TYPE mood AS ENUM ('sad', 'glad')")?;
    let described = session
        .prepare("SELECT $1::int4, $2::mood, $3::numeric(10,2) WHERE $4 = ANY($5::text[])")?;
    let kinds: Vec<_> = described
        .parameters
        .iter()
        .map(|parameter| parameter.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            ValueKind::Integer,
            ValueKind::Text,
            ValueKind::Decimal,
            ValueKind::Text,
            ValueKind::Array
        ]
    );
    assert_eq!(described.parameters[1].database_type, "mood");

    let rows = ask(
        &mut session,
        "SELECT $1::int4 + 1, $2::mood, $3::timestamptz, $4::bytea, $5::float8, $6::bool WHERE $7 = ANY($8::text[])",
        &[
            Param::Float(41.0),
            Param::Text("glad".into()),
            Param::Typed(TypedText {
                kind: ValueKind::Instant,
                text: "2024-02-29T12:00:00Z".into(),
            }),
            Param::Binary(vec![1, 0]),
            Param::Float(1e300),
            Param::Boolean(true),
            Param::Text("a'; DROP TABLE x; --".into()),
            Param::Array(TypedTexts {
                kind: ValueKind::Text,
                items: vec![None, Some("a'; DROP TABLE x; --".into())],
            }),
        ],
    )?;
    assert_eq!(rows.first.rows, 1);
    assert_eq!(rows.first.columns[0].values, Values::Integers(vec![42]));
    assert_eq!(
        rows.first.columns[2].values,
        Values::Instants(vec![1_709_208_000_000_000])
    );
    assert_eq!(
        rows.first.columns[3].values,
        Values::Binaries(vec![vec![1, 0]])
    );

    let refused = ask(&mut session, "SELECT $1::int4", &[Param::Text("x".into())]).unwrap_err();
    assert_eq!(code(&refused), "22P02");
    let refused = ask(&mut session, "SELECT $1::int4", &[]).unwrap_err();
    assert_eq!(
        refused.message(),
        "the statement has 1 parameters and 0 were given"
    );
    Ok(())
}

#[test]
fn faults_carry_code_position_and_hint() {
    let (mut session, ..) = scratch();
    let error = ask(&mut session, "SELECT nam FROM (SELECT 1 AS name) t", &[]).unwrap_err();
    let Error::InvalidRequest(fault) = error else {
        panic!("{error:?}")
    };
    assert_eq!(fault.code.as_deref(), Some("42703"));
    assert_eq!(fault.position, Some(8));
    assert!(fault.hint.is_some());
    assert!(ask(&mut session, "SELECT 1; SELECT 2", &[]).is_err());
    assert!(ask(&mut session, "SELECT 1 / 0", &[]).is_err());
    assert!(ask(&mut session, "SELECT 1", &[]).is_ok());
}

#[test]
fn reading_never_writes_and_writing_tells_how_much_once_it_is_committed() -> Result<()> {
    let (mut session, ..) = scratch();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t DEFERRABLE INITIALLY DEFERRED)",
    )?;
    let refused = ask(&mut session, "INSERT INTO t VALUES (1)", &[]).unwrap_err();
    assert_eq!(code(&refused), "25006");
    assert_eq!(
        run(&mut session, "INSERT INTO t VALUES (1), (2)")?.affected,
        Some(2)
    );
    let duplicate = run(&mut session, "INSERT INTO t VALUES (1)").unwrap_err();
    assert!(matches!(duplicate, Error::Conflict(_)), "{duplicate:?}");
    // Found only at the commit.
    let deferred = run(&mut session, "INSERT INTO t VALUES (3, 99)").unwrap_err();
    assert_eq!(code(&deferred), "23503");
    let returned = run(&mut session, "UPDATE t SET up = 1 RETURNING id")?;
    assert_eq!((returned.affected, returned.first.rows), (Some(2), 2));
    assert_eq!(
        ask(&mut session, "SELECT count(*) FROM t", &[])?
            .first
            .columns[0]
            .values,
        Values::Integers(vec![2])
    );
    let copy = run(&mut session, "COPY t FROM STDIN").unwrap_err();
    assert!(copy.message().contains("COPY"), "{copy:?}");
    assert!(ask(&mut session, "SELECT 1", &[]).is_ok());
    Ok(())
}

#[test]
fn what_a_statement_sets_does_not_outlive_it() -> Result<()> {
    let (mut session, ..) = scratch();
    run(&mut session, "SET application_name = 'left over'")?;
    run(
        &mut session,
        "SELECT set_config('statement_timeout', '1', false)",
    )?;
    let name = ask(
        &mut session,
        "SELECT current_setting('application_name'), current_setting('statement_timeout'), current_setting('TimeZone')",
        &[],
    )?;
    assert_eq!(texts(&name.first.columns[0].values), ["labd"]);
    assert_eq!(texts(&name.first.columns[1].values), ["15s"]);
    assert_eq!(texts(&name.first.columns[2].values), ["UTC"]);
    Ok(())
}

#[test]
fn a_cursor_gives_all_rows_once_in_batches_within_the_limits() -> Result<()> {
    let (mut session, ..) = scratch();
    let small = QueryOptions {
        max_rows: 10,
        ..options()
    };
    let mut rows = session.query(
        "SELECT n, repeat('x', 100) FROM generate_series(1, 95) n",
        &[],
        &small,
    )?;
    let mut numbers = Vec::new();
    let mut take = |values: &Values| match values {
        Values::Integers(list) => numbers.extend(list.iter().copied()),
        other => panic!("{other:?}"),
    };
    take(&rows.first.columns[0].values);
    let mut rest = rows.rest.take().ok_or_else(|| Error::internal("no rest"))?;
    loop {
        // About two rows fit the bytes.
        let batch = session.fetch(&mut rest, 7, 250)?;
        assert!(batch.rows <= 3, "{}", batch.rows);
        if batch.rows == 0 {
            break;
        }
        take(&batch.columns[0].values);
    }
    assert_eq!(numbers, (1..=95).collect::<Vec<_>>());
    let exact = QueryOptions {
        max_rows: 5,
        ..options()
    };
    assert!(
        session
            .query("SELECT generate_series(1, 5)", &[], &exact)?
            .rest
            .is_none()
    );
    Ok(())
}

#[test]
fn a_cursor_given_up_early_leaves_the_connection_usable() -> Result<()> {
    let (mut session, ..) = scratch();
    for max_rows in [1, 1000] {
        let options = QueryOptions {
            max_rows,
            max_bytes: 500,
            ..options()
        };
        for fetches in 0..3 {
            let mut rows = session.query(
                "SELECT n, repeat('x', 100) FROM generate_series(1, 2000) n",
                &[],
                &options,
            )?;
            let mut rest = rows.rest.take().ok_or_else(|| Error::internal("no rest"))?;
            for _ in 0..fetches {
                session.fetch(&mut rest, max_rows, 500)?;
            }
            session.close(rest);
            session.ping()?;
            assert_eq!(
                ask(&mut session, "SELECT 5", &[])?.first.columns[0].values,
                Values::Integers(vec![5])
            );
        }
    }
    Ok(())
}

#[test]
fn a_fault_in_the_middle_of_the_rows_ends_them_and_nothing_else() -> Result<()> {
    let (mut session, ..) = scratch();
    let small = QueryOptions {
        max_rows: 2,
        ..options()
    };
    let mut rows = session.query(
        "SELECT 10 / (5 - n) FROM generate_series(1, 9) n",
        &[],
        &small,
    )?;
    let mut rest = rows.rest.take().ok_or_else(|| Error::internal("no rest"))?;
    let error = loop {
        match session.fetch(&mut rest, 2, 1000) {
            Ok(batch) => assert!(batch.rows > 0),
            Err(error) => break error,
        }
    };
    assert_eq!(code(&error), "22012");
    session.ping()
}

#[test]
fn a_table_that_changes_under_a_known_statement_is_read_anew() -> Result<()> {
    let (mut session, ..) = scratch();
    run(&mut session, "CREATE TABLE t AS SELECT 1 AS a")?;
    assert_eq!(ask(&mut session, "SELECT * FROM t", &[])?.columns.len(), 1);
    // From another session, so that nothing here can know.
    let (mut other, ..) = scratch();
    let schema = ask(&mut session, "SELECT current_schema()", &[])?;
    let schema = texts(&schema.first.columns[0].values)[0].to_owned();
    run(
        &mut other,
        &format!("ALTER TABLE {schema}.t ADD COLUMN b text DEFAULT 'x'"),
    )?;
    let rows = ask(&mut session, "SELECT * FROM t", &[])?;
    assert_eq!(rows.columns.len(), 2);
    assert_eq!(texts(&rows.first.columns[1].values), ["x"]);
    Ok(())
}

#[test]
fn the_database_ends_what_takes_too_long() -> Result<()> {
    let (mut session, ..) = scratch();
    let started = Instant::now();
    let short = QueryOptions {
        timeout: 100,
        ..options()
    };
    let error = session
        .query("SELECT pg_sleep(20)", &[], &short)
        .unwrap_err();
    assert_eq!(error, Error::Timeout);
    assert!(started.elapsed() < Duration::from_secs(10));
    session.ping()
}

#[test]
fn cancel_reaches_what_runs_on_another_connection() -> Result<()> {
    let (mut session, config, host) = scratch();
    let token = session.cancel_token()?;
    let server = Server::get();
    drop(host);
    let canceller = std::thread::spawn(move || {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut watcher = server.open();
        // Until it runs there is nothing to cancel.
        while Instant::now() < deadline {
            let running = ask(
                &mut watcher,
                "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(19)%' AND state = 'active'",
                &[],
            );
            if running.is_ok_and(|rows| rows.first.rows > 0) {
                return Postgres::new(server.host()).cancel(config, token);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(Error::Timeout)
    });
    let long = QueryOptions {
        timeout: 60_000,
        ..options()
    };
    let error = session
        .query("SELECT pg_sleep(19)", &[], &long)
        .unwrap_err();
    assert_eq!(error, Error::Cancelled);
    canceller
        .join()
        .map_err(|_| Error::internal("panicked"))??;
    session.ping()
}

#[test]
fn the_schema_tells_everything_that_the_role_may_see() -> Result<()> {
    let (mut session, ..) = scratch();
    for text in [
        "CREATE TYPE mood AS ENUM ('sad', 'glad')",
        "CREATE DOMAIN price AS numeric(12,2) NOT NULL",
        "CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email varchar(80) NOT NULL UNIQUE, feels mood DEFAULT 'glad', tags text[], worth price)",
        "COMMENT ON TABLE customers IS 'who buys'",
        "COMMENT ON COLUMN customers.email IS 'where to write'",
        "CREATE TABLE orders (customer int REFERENCES customers, no int, placed timestamptz(3) DEFAULT now(), PRIMARY KEY (customer, no)) PARTITION BY RANGE (no)",
        "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (100)",
        "CREATE VIEW totals AS SELECT customer, count(*) AS orders FROM orders GROUP BY 1",
        "CREATE MATERIALIZED VIEW frozen AS SELECT 1 AS one",
        "CREATE INDEX by_lower ON customers (lower(email), id)",
        "CREATE UNIQUE INDEX some_of_them ON customers (id) WHERE feels = 'sad'",
        "INSERT INTO customers (email, worth) SELECT n::text, 1 FROM generate_series(1, 50) n",
        "ANALYZE customers",
    ] {
        run(&mut session, text)?;
    }
    let schema = session.schema()?;
    let relations: Vec<_> = schema
        .relations
        .iter()
        .filter(|relation| relation.schema_name == schema.default_schema)
        .collect();
    let names: Vec<_> = relations
        .iter()
        .map(|relation| relation.name.as_str())
        .collect();
    assert_eq!(names, ["customers", "frozen", "orders", "totals"]);
    assert!(
        !schema
            .relations
            .iter()
            .any(|relation| relation.schema_name.starts_with("pg_"))
    );

    let customers = relations[0];
    assert_eq!(customers.comment.as_deref(), Some("who buys"));
    assert_eq!(customers.row_estimate, Some(50));
    assert_eq!(customers.primary_key, ["id"]);
    assert_eq!(customers.unique_keys, [["email"]]);
    assert_eq!(
        customers.columns[0].default_value.as_deref(),
        Some("generated as identity")
    );
    assert_eq!(customers.columns[1].database_type, "character varying(80)");
    assert_eq!(
        customers.columns[1].comment.as_deref(),
        Some("where to write")
    );
    assert!(!customers.columns[1].nullable);
    assert_eq!(customers.columns[2].enum_values, ["sad", "glad"]);
    assert_eq!(
        customers.columns[2].default_value.as_deref(),
        Some("'glad'::mood")
    );
    assert!(customers.columns[2].nullable);
    assert_eq!(customers.columns[3].kind, ValueKind::Array);
    assert_eq!(
        (customers.columns[4].kind, customers.columns[4].nullable),
        (ValueKind::Decimal, false)
    );
    let by_lower = customers
        .indexes
        .iter()
        .find(|index| index.name == "by_lower")
        .ok_or_else(|| Error::internal("no index"))?;
    assert_eq!(by_lower.columns, ["lower(email::text)", "id"]);

    assert_eq!(relations[1].kind, RelationKind::MaterializedView);
    let orders = relations[2];
    assert_eq!(orders.kind, RelationKind::Table);
    assert_eq!(
        orders.columns[2].database_type,
        "timestamp(3) with time zone"
    );
    assert_eq!(orders.foreign_keys[0].referenced_table, "customers");
    assert_eq!(orders.foreign_keys[0].referenced_columns, ["id"]);
    assert_eq!(relations[3].kind, RelationKind::View);
    assert_eq!(relations[3].row_estimate, None);
    Ok(())
}

#[test]
fn more_rows_come_back_from_a_write_than_fit_a_batch() -> Result<()> {
    let (mut session, ..) = scratch();
    run(&mut session, "CREATE TABLE t (n int)")?;
    let small = QueryOptions {
        max_rows: 40,
        ..writing()
    };
    let mut rows = session.query(
        "INSERT INTO t SELECT generate_series(1, 100) RETURNING n",
        &[],
        &small,
    )?;
    let mut rest = rows.rest.take().ok_or_else(|| Error::internal("no rest"))?;
    let mut count = rows.first.rows;
    loop {
        let batch = session.fetch(&mut rest, 40, 100_000)?;
        if batch.rows == 0 {
            break;
        }
        count += batch.rows;
    }
    assert_eq!((count, rows.affected), (100, Some(100)));
    Ok(())
}
