use super::*;

fn parse(text: &str, dialect: Dialect) -> Result<Statement, StatementError> {
    let placeholders = match dialect {
        Dialect::Sqlite => Placeholders::QuestionNumbered,
        _ => Placeholders::Dollar,
    };
    Statement::parse(text, dialect, placeholders)
}

/// The effect as the broker sees it without a catalogue: unknown functions are not `read`.
fn effect(text: &str, dialect: Dialect) -> Effect {
    let statement = parse(text, dialect).expect(text);
    if statement.unknown_functions().next().is_some() {
        Effect::Admin
    } else {
        statement.effect()
    }
}

#[test]
fn what_only_reads_is_read() {
    for text in [
        "SELECT 1",
        "select '%drop off%' as note",
        "SELECT name FROM t WHERE note ILIKE '%delete; drop%' -- drop table t",
        "WITH x AS (SELECT 1 AS a) SELECT a FROM x UNION ALL SELECT 2 ORDER BY 1 LIMIT 3",
        "SELECT date_trunc('month', created_at) m, sum(total)::numeric(12,2) FROM orders GROUP BY 1",
        "SELECT row_number() OVER (PARTITION BY a ORDER BY b DESC) FROM t",
        "VALUES (1, 'a'), (2, 'b')",
        "EXPLAIN SELECT 1",
        "SELECT * FROM generate_series(1, 10) AS g(n)",
        "SELECT count(*) FILTER (WHERE a > 1) FROM t",
        "SELECT EXTRACT(year FROM created_at), pg_catalog.lower(name) FROM t",
        "SELECT \"update\" FROM \"delete\"",
    ] {
        assert_eq!(effect(text, Dialect::Postgres), Effect::Read, "{text}");
    }
}

#[test]
fn what_writes_or_cannot_be_classified_is_never_read() {
    for text in [
        "DELETE FROM t",
        "UPDATE t SET a = 1",
        "INSERT INTO t VALUES (1)",
        "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
        "SELECT * FROM (WITH x AS (UPDATE t SET a = 1 RETURNING a) SELECT a FROM x) y",
        "SELECT * INTO copy FROM t",
        "SELECT * FROM t FOR UPDATE",
        "SELECT * FROM t WHERE id IN (SELECT id FROM u FOR SHARE)",
        "DROP\tTABLE t",
        "drop/**/table t",
        "CREATE TABLE t (a int)",
        "CREATE TABLE t AS SELECT 1",
        "TRUNCATE t",
        "COPY t TO PROGRAM 'cat'",
        "SET statement_timeout = 0",
        "EXPLAIN ANALYZE DELETE FROM t",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT * FROM pg_read_file('/etc/passwd')",
        "SELECT lo_export(1, '/tmp/x')",
        "SELECT * FROM dblink('host=x', 'select 1') AS t(a int)",
        "SELECT pg_sleep(10)",
        "SELECT pg_advisory_lock(1)",
        "SELECT nextval('s')",
        "SELECT set_config('a.b', 'c', false)",
        "SELECT a FROM t ORDER BY pg_sleep(1)",
        "SELECT CASE WHEN true THEN nextval('s') END",
        "SELECT my_schema.count(a) FROM t",
        "VACUUM",
        "CALL p()",
        "DO $$ BEGIN DELETE FROM t; END $$",
        "/* nothing */ do language plpgsql 'BEGIN END'",
        "IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y",
    ] {
        assert!(effect(text, Dialect::Postgres) > Effect::Read, "{text}");
    }
    for text in [
        "PRAGMA writable_schema = 1",
        "ATTACH DATABASE '/tmp/x' AS x",
        "SELECT load_extension('x')",
        "SELECT writefile('/tmp/x', 'a')",
        "SELECT readfile('/etc/passwd')",
        "SELECT * FROM pragma_journal_mode",
        "REPLACE INTO t VALUES (1)",
        "VACUUM INTO '/tmp/x'",
    ] {
        assert!(
            parse(text, Dialect::Sqlite).is_err() || effect(text, Dialect::Sqlite) > Effect::Read,
            "{text}"
        );
    }
}

#[test]
fn more_than_one_statement_is_refused() {
    assert_eq!(
        parse("SELECT 1; DELETE FROM t", Dialect::Postgres),
        Err(StatementError::Several(2))
    );
    assert_eq!(
        parse(" -- nothing\n ", Dialect::Postgres),
        Err(StatementError::Empty)
    );
    assert!(parse("SELECT 1;", Dialect::Postgres).is_ok());
}

#[test]
fn names_become_placeholders_and_text_that_looks_like_one_stays() {
    let statement = parse(
        "SELECT ':a', \"b:c\", d::int /* :e */ FROM t -- :f\nWHERE g = :year AND h = :region OR i = :year",
        Dialect::Postgres,
    )
    .unwrap();
    assert_eq!(statement.parameters(), ["year", "region"]);
    assert_eq!(
        statement.text(),
        "SELECT ':a', \"b:c\", d::int /* :e */ FROM t -- :f\nWHERE g = $1 AND h = $2 OR i = $1"
    );
    let statement = parse("SELECT :a, :b, :a", Dialect::Sqlite).unwrap();
    assert_eq!(statement.text(), "SELECT ?1, ?2, ?1");
}

#[test]
fn positions_are_mapped_back_over_placeholders() {
    let original = "SELECT é FROM t WHERE a = :first_name AND b = :x AND wrong";
    let statement = parse(original, Dialect::Postgres).unwrap();
    let position = |text: &str, word: &str| {
        let byte = text.find(word).unwrap();
        text[..byte].chars().count() as u32 + 1
    };
    assert_eq!(
        statement.original_position(position(statement.text(), "wrong")),
        position(original, "wrong")
    );
    assert_eq!(
        statement.original_position(position(statement.text(), "$2")),
        position(original, ":x")
    );
    assert_eq!(statement.original_position(8), 8);
}

#[test]
fn a_syntax_error_says_where_it_is() {
    let error = parse("SELECT a,\n  FROM WHERE", Dialect::Postgres).unwrap_err();
    let StatementError::Syntax { message, position } = error else {
        panic!("{error:?}")
    };
    assert!(message.contains("Expected"), "{message}");
    assert!(position.is_some());
    assert!(parse("SELEC 1", Dialect::Postgres).is_err());
    assert!(parse("\"do\" 1", Dialect::Postgres).is_err());
}

#[test]
fn deep_nesting_is_refused_and_not_fatal() {
    let text = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(matches!(
        parse(&text, Dialect::Postgres),
        Err(StatementError::Syntax { .. })
    ));
}
