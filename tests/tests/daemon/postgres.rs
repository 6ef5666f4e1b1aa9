//! A PostgreSQL database, from its URL to its values.

use std::time::{Duration, Instant};

use labd_protocol::{ErrorCode, answer, within};
use labd_tests::{
    daemon::{Answer, Daemon},
    proxy::Proxy,
    servers::{self, TestDatabase},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use url::Url;

pub const SLOW: Duration = Duration::from_secs(60);

/// Adds a source.
pub async fn create(daemon: &Daemon, name: &str, url: &Url) -> Answer {
    daemon
        .post("/sources", json!({ "name": name, "url": url.as_str() }))
        .await
        .unwrap()
}

/// A daemon with a database as its only source.
pub async fn connected(database: &TestDatabase) -> (Daemon, String) {
    let daemon = Daemon::start_empty().await.unwrap();
    let created = create(&daemon, "shop", &database.url_without_tls()).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let id = created.json()["id"].as_str().unwrap().to_owned();
    (daemon, id)
}

/// Asks over HTTP.
pub async fn query(daemon: &Daemon, source: &str, sql: &str) -> Answer {
    daemon
        .post(
            &format!("/sources/{source}/query"),
            json!({ "text": sql, "max_rows": 1000 }),
        )
        .await
        .unwrap()
}

const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE TABLE customers (
        id bigint PRIMARY KEY,
        email varchar(80) NOT NULL UNIQUE,
        mood mood,
        balance numeric(12,2) NOT NULL DEFAULT 0,
        born timestamptz
    );
    COMMENT ON TABLE customers IS 'Who buys';
    CREATE TABLE orders (
        id serial PRIMARY KEY,
        customer bigint NOT NULL REFERENCES customers (id)
    );
    CREATE VIEW rich AS SELECT * FROM customers WHERE balance > 1000;
    CREATE SCHEMA archive;
    CREATE TABLE archive.old (a int[]);
    INSERT INTO customers SELECT n, 'c' || n || '@example.org', 'glad', n FROM generate_series(1, 50) n;
";

#[tokio::test]
async fn a_database_is_connected_at_every_door_and_its_schema_read_with_exact_types() {
    let database = servers::postgres().await.unwrap();
    database
        .client()
        .await
        .unwrap()
        .batch_execute(TABLES)
        .await
        .unwrap();
    let url = database.url_without_tls();
    let (daemon, id) = connected(&database).await;

    let schema = daemon.get(&format!("/sources/{id}/schema")).await.unwrap();
    let schema = schema.json();
    let relation = |schema_name: &str, name: &str| -> Value {
        schema["relations"]
            .as_array()
            .unwrap()
            .iter()
            .find(|relation| relation["schema"] == schema_name && relation["name"] == name)
            .unwrap_or_else(|| panic!("{schema_name}.{name} in {schema}"))
            .clone()
    };
    let customers = relation("public", "customers");
    let types: Vec<&str> = customers["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "bigint",
            "character varying(80)",
            "mood",
            "numeric(12,2)",
            "timestamp with time zone"
        ]
    );
    assert_eq!(customers["primary_key"], json!(["id"]));
    assert_eq!(customers["comment"], "Who buys");
    assert_eq!(
        customers["columns"][2]["enum_values"],
        json!(["sad", "glad"])
    );
    let orders = relation("public", "orders");
    assert_eq!(orders["foreign_keys"][0]["referenced_table"], "customers");
    assert_eq!(relation("public", "rich")["kind"], "view");
    assert_eq!(
        relation("archive", "old")["columns"][0]["type"],
        "integer[]"
    );

    // Over RPC.
    let labd = daemon.rpc().await.unwrap();
    let new = serde_json::from_value(json!({ "name": "by rpc", "url": url.as_str() })).unwrap();
    let made = answer(labd.source_create(within(SLOW), new).await).unwrap();
    assert_eq!(made.plugin, "labd.postgres");
    assert_eq!(made.user.as_deref(), Some(database.url().username()));

    // On the command line: from standard input, and from a file.
    let from_input = ["source", "add", "by input", "--url-file", "-"];
    let added = daemon
        .home
        .run_with_input(&from_input, url.as_str())
        .await
        .unwrap();
    assert_eq!(added.code, 0, "{}", added.err);
    assert!(
        added.out.contains("Connected to PostgreSQL"),
        "{}",
        added.out
    );
    let file = daemon.home.path().join("url");
    std::fs::write(&file, format!("{url}\n")).unwrap();
    let from_file = [
        "source",
        "add",
        "by file",
        "--url-file",
        file.to_str().unwrap(),
    ];
    let added = daemon.home.run(&from_file).await.unwrap();
    assert_eq!(added.code, 0, "{}", added.err);
    for name in ["by rpc", "by input", "by file"] {
        let counted = daemon
            .home
            .run_json(&["source", "query", name, "SELECT count(*) FROM customers"])
            .await
            .unwrap();
        assert_eq!(counted["rows"], json!([[50]]));
    }

    let twice = create(&daemon, "by file", &url).await;
    assert_eq!(twice.status, 409, "{}", twice.text());
}

#[tokio::test]
async fn every_value_arrives_exactly_as_the_database_has_it() {
    let database = servers::postgres().await.unwrap();
    let (daemon, id) = connected(&database).await;
    let sql = "SELECT 9223372036854775807::bigint AS big, 9007199254740991::bigint AS safe,
        12345678901234567890.123456789012345678::numeric AS exact, 'NaN'::float8 AS nan,
        'NaN'::numeric AS nnan, '-Infinity'::float8 AS inf, 0.1::float8 AS tenth,
        '2024-02-29 23:59:59.123456+02'::timestamptz AS instant,
        '2024-02-29 23:59:59.123456'::timestamp AS local, '2024-02-29'::date AS day,
        ARRAY[1,NULL,3] AS list, ARRAY[['a','b'],['c','d']] AS grid,
        '\\x00ff10'::bytea AS bytes, '{\"a\": [1, null, \"x\"]}'::jsonb AS doc,
        '{\"n\": 12345678901234567890}'::jsonb AS bigdoc,
        NULL::text AS nothing, '𝄞 äöü 😀'::text AS wide, true AS yes,
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS id, '{}'::int[] AS none, ''::text AS blank";
    let rows = query(&daemon, &id, sql).await;
    assert_eq!(rows.status, 200, "{}", rows.text());
    let rows = rows.json();
    let value = |name: &str| {
        let columns = rows["columns"].as_array().unwrap();
        let place = columns
            .iter()
            .position(|column| column["name"] == name)
            .unwrap();
        rows["rows"][0][place].clone()
    };
    for (name, expected) in [
        ("big", json!("9223372036854775807")),
        ("safe", json!(9_007_199_254_740_991_i64)),
        ("exact", json!("12345678901234567890.123456789012345678")),
        ("nan", json!("NaN")),
        ("nnan", json!("NaN")),
        ("inf", json!("-Infinity")),
        ("tenth", json!(0.1)),
        ("instant", json!("2024-02-29T21:59:59.123456Z")),
        ("local", json!("2024-02-29T23:59:59.123456")),
        ("day", json!("2024-02-29")),
        ("list", json!([1, null, 3])),
        ("grid", json!([["a", "b"], ["c", "d"]])),
        ("bytes", json!("AP8Q")),
        ("doc", json!({ "a": [1, null, "x"] })),
        ("nothing", json!(null)),
        ("wide", json!("𝄞 äöü 😀")),
        ("yes", json!(true)),
        ("id", json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("none", json!([])),
        ("blank", json!("")),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    // A document with a number that a double cannot hold comes as its text.
    assert_eq!(value("bigdoc"), json!("{\"n\": 12345678901234567890}"));
}

/// The port of a PostgreSQL server that has TLS turned off: it answers the request for it with `N`.
async fn server_without_tls() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = [0; 8];
            if client.read_exact(&mut request).await.is_ok() {
                assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "SSLRequest");
                // Then it waits for what the client does, which is to leave.
                let _ = client.write_all(b"N").await;
                let _ = client.read(&mut request).await;
            }
        }
    });
    port
}

#[tokio::test]
async fn an_authority_of_ones_own_is_told_and_can_go_again() {
    let database = servers::postgres().await.unwrap();
    let daemon = Daemon::start_empty().await.unwrap();
    let mut url = database.url().clone();
    url.query_pairs_mut().append_pair("sslmode", "verify-full");
    let authority = std::fs::read_to_string(database.authority().unwrap()).unwrap();
    let create = json!({ "name": "shop", "url": url.as_str(), "ca": authority });
    let made = daemon.post("/sources", create).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(made["own_ca"], true, "{made}");
    assert_eq!(made["last_test"]["error"], Value::Null, "{made}");

    // Without it the server's certificate is nobody's.
    let refused = daemon
        .home
        .run(&["source", "update", "shop", "--no-ca"])
        .await
        .unwrap();
    assert_ne!(refused.code, 0, "{}", refused.out);
    let route = format!("/sources/{}", made["id"].as_str().unwrap());
    let kept = daemon.get(&route).await.unwrap().json();
    assert_eq!(kept["own_ca"], true, "{kept}");

    let removed = daemon
        .home
        .run(&["source", "update", "shop", "--no-ca", "--save-untested"])
        .await
        .unwrap();
    assert_eq!(removed.code, 0, "{}", removed.err);
    let source = daemon.get(&route).await.unwrap().json();
    assert_eq!(source["own_ca"], false, "{source}");
    assert_eq!(
        source["last_test"]["error"]["code"], "tls_failed",
        "{source}"
    );
}

#[tokio::test]
async fn each_wrong_part_of_a_url_has_its_own_message() {
    let database = servers::postgres().await.unwrap();
    let daemon = Daemon::start_empty().await.unwrap();
    let good = database.url_without_tls();
    let with = |change: &dyn Fn(&mut Url)| {
        let mut url = good.clone();
        change(&mut url);
        url
    };
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = free.local_addr().unwrap().port();
    drop(free);
    let plain = server_without_tls().await;
    let cases = [
        (
            "host",
            with(&|url| url.set_host(Some("nowhere.invalid")).unwrap()),
            "unreachable",
            "nowhere.invalid",
        ),
        (
            "port",
            with(&|url| url.set_port(Some(closed)).unwrap()),
            "unreachable",
            "refused",
        ),
        (
            "password",
            with(&|url| url.set_password(Some("not the password")).unwrap()),
            "credential_refused",
            "password",
        ),
        (
            "database",
            with(&|url| url.set_path("no_such_database")),
            "unknown_database",
            "no_such_database",
        ),
        (
            "tls",
            with(&|url| url.set_query(Some("sslmode=verify-full"))),
            "tls_failed",
            "certificate",
        ),
        (
            "server without tls",
            with(&|url| {
                url.set_port(Some(plain)).unwrap();
                url.set_query(Some("sslmode=require"));
            }),
            "tls_failed",
            "does not offer TLS",
        ),
    ];
    let mut messages = Vec::new();
    for (part, url, code, word) in cases {
        let answer = create(&daemon, part, &url).await;
        assert_eq!(answer.status, 422, "{part}: {}", answer.text());
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{part}: {problem}");
        let detail = problem["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(word), "{part}: {detail}");
        assert!(!answer.text().contains("not the password"), "{detail}");
        assert!(!messages.contains(&detail), "{detail}");
        messages.push(detail);

        let added = ["source", "add", part, "--url-file", "-"];
        let typed = daemon
            .home
            .run_with_input(&added, url.as_str())
            .await
            .unwrap();
        assert_eq!(typed.code, 1, "{part}: {}", typed.err);
        assert!(typed.err.contains(word), "{part}: {}", typed.err);
    }
    assert_eq!(daemon.get("/sources").await.unwrap().json(), json!([]));

    let scheme = create(&daemon, "scheme", &Url::parse("mysql://h/d").unwrap()).await;
    assert_eq!(scheme.status, 400);
    assert!(scheme.text().contains("postgresql"), "{}", scheme.text());
}

#[tokio::test]
async fn what_writes_waits_or_is_more_than_one_statement_is_refused() {
    let database = servers::postgres().await.unwrap();
    let client = database.client().await.unwrap();
    client.batch_execute(TABLES).await.unwrap();
    let (daemon, id) = connected(&database).await;
    for sql in [
        "DELETE FROM customers",
        "WITH gone AS (DELETE FROM customers RETURNING *) SELECT * FROM gone",
        "SELECT pg_sleep(1)",
        "SELECT nextval('orders_id_seq')",
        "COPY customers TO STDOUT",
        "COPY customers TO PROGRAM 'true'",
        "SELECT 1; DELETE FROM customers",
        "UPDATE customers SET balance = 0",
        "SELECT * INTO copied FROM customers",
        "SELECT * FROM customers FOR UPDATE",
        "CREATE TABLE t (a int)",
        "DO $$ BEGIN DELETE FROM customers; END $$",
        "EXPLAIN ANALYZE DELETE FROM customers",
        "SET default_transaction_read_only = off",
        "COMMIT",
        "SELECT pg_terminate_backend(1)",
        "SELECT set_config('a.b', '1', false)",
    ] {
        let answer = query(&daemon, &id, sql).await;
        let code = answer.json()["code"].clone();
        let expected = match sql {
            "SELECT 1; DELETE FROM customers" => "query_failed",
            _ => "write_refused",
        };
        assert_eq!(code, expected, "{sql}: {}", answer.text());
    }
    let left = client
        .query_one("SELECT count(*) FROM customers", &[])
        .await
        .unwrap();
    assert_eq!(left.get::<_, i64>(0), 50);
}

#[tokio::test]
async fn a_database_that_goes_away_in_the_middle_of_a_query_can_be_asked_again_when_it_is_back() {
    let database = servers::postgres().await.unwrap();
    let proxy = Proxy::to(database.url()).await.unwrap();
    let daemon = Daemon::start_empty().await.unwrap();
    let url = proxy.url(&database.url_without_tls());
    let created = create(&daemon, "shop", &url).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let id = created.json()["id"].as_str().unwrap().to_owned();

    let watching = database.client().await.unwrap();
    let long = "SELECT count(*) FROM generate_series(1, 1000000000)";
    let asked = async { query(&daemon, &id, long).await };
    let cutting = async {
        labd_tests::daemon::until("the query", async || {
            let running = watching
                .query_one(
                    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'
                     AND datname = current_database() AND pid <> pg_backend_pid()
                     AND query LIKE '%1000000000%'",
                    &[],
                )
                .await
                .unwrap();
            (running.get::<_, i64>(0) > 0).then_some(())
        })
        .await
        .unwrap();
        proxy.cut();
    };
    let (broken, ()) = tokio::join!(asked, cutting);
    assert_eq!(broken.json()["code"], "unreachable", "{}", broken.text());
    let away = query(&daemon, &id, "SELECT 1").await;
    assert_eq!(away.json()["code"], "unreachable", "{}", away.text());

    proxy.restore();
    let back = query(&daemon, &id, "SELECT 1").await;
    assert_eq!(back.json()["rows"], json!([[1]]), "{}", back.text());
}

#[tokio::test]
async fn ten_million_rows_come_in_pages_with_bounded_memory_and_can_be_given_up() {
    let database = servers::postgres().await.unwrap();
    let (daemon, id) = connected(&database).await;
    // So that what is counted is this query alone.
    query(&daemon, &id, "SELECT 1").await;
    let before = daemon.memory().unwrap().own;
    let asked = Instant::now();
    let labd = daemon.rpc().await.unwrap();
    let sql = "SELECT n, md5(n::text) AS text FROM generate_series(1, 10000000) n";
    let request = serde_json::from_value(json!({ "text": sql, "max_rows": 10_000 })).unwrap();
    let source = id.parse().unwrap();
    let mut page = answer(labd.source_query(within(SLOW), source, request).await).unwrap();
    assert!(asked.elapsed() < Duration::from_secs(10));
    let mut expected = 1;
    for _ in 0..20 {
        for row in &page.rows {
            assert_eq!(row[0], json!(expected));
            expected += 1;
        }
        let next = page.next.expect("there are more rows");
        page = answer(labd.query_next(within(SLOW), next).await).unwrap();
    }
    assert!(expected > 20 * 1_000, "{expected}");
    let grown = daemon.memory().unwrap().own.saturating_sub(before);
    assert!(grown < 256 << 20, "{grown} bytes");

    let cursor = page.next.unwrap();
    answer(labd.query_close(within(SLOW), cursor).await).unwrap();
    let gone = answer(labd.query_next(within(SLOW), cursor).await).unwrap_err();
    assert!(
        matches!(gone.code, ErrorCode::Expired | ErrorCode::NotFound),
        "{gone:?}"
    );
    until_statements(&database, "state <> 'idle'", 0).await;
}

/// Waits until this many connections of others to the database are as the condition says.
pub async fn until_statements(database: &TestDatabase, condition: &str, count: i64) {
    let watching = database.client().await.unwrap();
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE {condition}
         AND datname = current_database() AND pid <> pg_backend_pid()"
    );
    labd_tests::daemon::until("statements to begin or end", async || {
        let found = watching.query_one(&sql, &[]).await.unwrap();
        (found.get::<_, i64>(0) == count).then_some(())
    })
    .await
    .unwrap();
}
