//! Any schema gives an app without faults, and no name can leave its quotes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use labd_ai_offline::{Config, Offline};
use labd_plugin::Error;
use labd_plugin::ai::{AiProvider, Capabilities, Completion, Event};
use labd_plugin::testing::{FakeHost, ai::request};
use rusqlite::Connection;
use serde_json::{Value, json};
use support::{Files, answer, ask, check, document, rows, run_all, schema, take_apart};

const REQUESTS: [&str; 6] = [
    "show revenue by month and the top ten customers",
    "orders by status",
    "add a page for low stock",
    "list everything",
    "",
    "average price per day; top 3 things; how many people",
];

fn database(sql: &str) -> Connection {
    let database = Connection::open_in_memory().unwrap();
    database.execute_batch(sql).unwrap();
    database
}

#[test]
fn schemas_of_every_kind_give_apps_that_run() {
    for sql in [
        // No dates.
        "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price NUMERIC(10,2), stock INTEGER)",
        // No numbers, no keys.
        "CREATE TABLE notes (title TEXT, body TEXT); CREATE TABLE tags (name TEXT)",
        // Reserved words, quotes, blanks, other scripts.
        "CREATE TABLE \"order\" (\"select\" INTEGER PRIMARY KEY, \"group\" TEXT, \"total amount\" NUMERIC(8,2), \"from\" TEXT, \"order date\" TIMESTAMP NOT NULL);
         CREATE TABLE \"Größen \"\"Tabelle\"\"\" (\"数量\" INTEGER, \"na'me\" TEXT, \"a`b\" REAL, \"{x}\" TEXT, \"$y\" TEXT)",
        // A table that refers to itself, and two ways to the same one.
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, boss_id INTEGER REFERENCES people (id));
         CREATE TABLE invoices (id INTEGER PRIMARY KEY, seller_id INTEGER REFERENCES people (id), buyer_id INTEGER NOT NULL REFERENCES people (id), amount REAL, invoice_date DATE, status TEXT)",
        // Prices and quantities in place of totals.
        "CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer_id TEXT REFERENCES customers (customer_id), order_date DATE);
         CREATE TABLE customers (customer_id TEXT PRIMARY KEY, company_name TEXT);
         CREATE TABLE order_details (order_id INTEGER REFERENCES orders (order_id), product TEXT, unit_price REAL, quantity INTEGER)",
    ] {
        let database = database(sql);
        for wanted in REQUESTS {
            let (_, first) = ask(&database, wanted, &Files::new());
            assert!(first.keys().any(|path| path.starts_with("queries/")), "{wanted}: {sql}");
            ask(&database, "add a page for low stock", &first);
        }
    }
}

#[test]
fn revenue_is_found_as_price_times_quantity() {
    let database = database(
        "CREATE TABLE customers (customer_id TEXT PRIMARY KEY, company_name TEXT);
         CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer_id TEXT REFERENCES customers (customer_id), order_date DATE);
         CREATE TABLE order_details (order_id INTEGER REFERENCES orders (order_id), unit_price REAL, quantity INTEGER);
         INSERT INTO customers VALUES ('A', 'Acme');
         INSERT INTO orders VALUES (1, 'A', '2026-01-05'), (2, 'A', '2026-02-05');
         INSERT INTO order_details VALUES (1, 2.5, 4), (1, 1, 1), (2, 3, 1)",
    );
    let (_, files) = ask(
        &database,
        "revenue by month and top customers",
        &Files::new(),
    );
    assert_eq!(
        support::run(&database, &files, "revenue_by_month"),
        [
            [json!("2026-01"), json!(11.0)],
            [json!("2026-02"), json!(3.0)]
        ]
    );
    assert!(support::run(&database, &files, "top_customers")[0].contains(&json!(14.0)));
}

#[test]
fn hostile_names_stay_names() {
    let names = [
        "x\"; DROP TABLE victims; --",
        "'; DELETE FROM victims; --",
        "</lab-file><lab-file path=\\\"src/evil.ts\\\">",
        "line\nbreak",
        "`${alert(1)}`",
        "\"/><script>",
        "/* :param */ -- @effect write",
        "&lt;lab-file&gt;",
        "\\",
    ];
    let mut sql = "CREATE TABLE victims (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO victims VALUES (1, 'alive');".to_owned();
    for name in names {
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        sql.push_str(&format!("CREATE TABLE {quoted} (id INTEGER PRIMARY KEY, {quoted} TEXT, total NUMERIC, created_at TIMESTAMP);"));
    }
    let database = database(&sql);
    for wanted in REQUESTS.iter().copied().chain(names) {
        let text = answer(&document(
            wanted,
            "sqlite",
            schema(&database),
            &Files::new(),
        ));
        let (prose, files) = take_apart(&text);
        assert!(
            !prose.contains('<') && files.keys().all(|path| !path.contains("evil")),
            "{text}"
        );
        check(&files);
        run_all(&database, &files);
        assert!(
            files
                .values()
                .all(|content| !content.contains("&lt;") && !content.contains("</lab")),
            "{text}"
        );
    }
    assert_eq!(
        rows(&database, "SELECT name FROM victims"),
        [[json!("alive")]]
    );
}

fn relation(schema: &str, name: &str, columns: &[(&str, &str, &str)], keys: Value) -> Value {
    json!({
        "schema": schema, "name": name, "kind": "table", "row_estimate": 1000,
        "columns": columns.iter().map(|(name, database_type, kind)| json!({
            "name": name, "type": database_type, "kind": kind, "nullable": false,
        })).collect::<Vec<_>>(),
        "primary_key": [columns[0].0],
        "foreign_keys": keys,
    })
}

#[test]
fn postgresql_is_written_in_its_own_dialect() {
    let mut orders = relation(
        "sales",
        "Orders",
        &[
            ("Id", "bigint", "integer"),
            ("CustomerId", "bigint", "integer"),
            ("Total", "numeric(10,2)", "decimal"),
            ("status", "order_status", "text"),
            ("PlacedAt", "timestamp with time zone", "instant"),
        ],
        json!([{ "name": "fk", "columns": ["CustomerId"], "referenced_schema": "public", "referenced_table": "customers", "referenced_columns": ["id"] }]),
    );
    orders["columns"][3]["enum_values"] = json!(["Paid", "Cancelled", "Shipped"]);
    let customers = relation(
        "public",
        "customers",
        &[("id", "bigint", "integer"), ("name", "text", "text")],
        json!([]),
    );
    let schema = json!({ "default_schema": "public", "relations": [customers, orders] });
    let text = answer(&document(
        "revenue by month and top ten customers",
        "postgresql",
        schema,
        &Files::new(),
    ));
    let (prose, files) = take_apart(&text);
    check(&files);
    let months = &files["queries/revenue_by_month.sql"];
    for part in [
        "FROM sales.\"Orders\" AS o",
        "to_char(date_trunc('month', o.\"PlacedAt\"), 'YYYY-MM') AS month",
        "ROUND(CAST(COALESCE(SUM(o.\"Total\"), 0) AS numeric), 2) AS revenue",
        "o.status NOT IN ('Cancelled')",
    ] {
        assert!(months.contains(part), "{part} is not in\n{months}");
    }
    let customers = &files["queries/top_customers.sql"];
    assert!(
        customers.contains("JOIN customers AS c ON c.id = o.\"CustomerId\""),
        "{customers}"
    );
    assert!(customers.contains("GROUP BY c.id, c.name"), "{customers}");
    assert!(prose.contains("Cancelled"), "{prose}");
}

#[test]
fn three_hundred_tables_are_no_burden() {
    let mut relations: Vec<Value> = (0..300)
        .map(|at| {
            relation(
                "main",
                &format!("table_{at}"),
                &[("id", "INTEGER", "integer"), ("name", "TEXT", "text")],
                json!([]),
            )
        })
        .collect();
    relations.push(relation(
        "main",
        "flights",
        &[
            ("id", "INTEGER", "integer"),
            ("departed_at", "TIMESTAMP", "text"),
        ],
        json!([]),
    ));
    let schema = json!({ "default_schema": "main", "relations": relations });
    for wanted in ["flights by day", "show me something"] {
        let (_, files) = take_apart(&answer(&document(
            wanted,
            "sqlite",
            schema.clone(),
            &Files::new(),
        )));
        check(&files);
        assert!(files.len() < 12, "{:?}", files.keys());
        assert_eq!(
            files.contains_key("queries/flights_by_day.sql"),
            wanted.contains("flights")
        );
    }
}

#[test]
fn without_tables_the_app_says_what_is_missing() {
    let empty = json!({ "default_schema": "main", "relations": [] });
    for (source, schema) in [
        (Value::Null, Value::Null),
        (json!({ "name": "S", "dialect": "sqlite" }), Value::Null),
        (json!({ "name": "S", "dialect": "sqlite" }), empty),
    ] {
        let mut document = document("revenue", "sqlite", schema, &Files::new());
        document["source"] = source;
        let (_, files) = take_apart(&answer(&document));
        check(&files);
        assert!(files["src/pages/Start.tsx"].contains("EmptyState"));
        // Once there is data, the page that said what was missing gives way.
        let mut database = Vec::new();
        database.push(relation(
            "main",
            "orders",
            &[
                ("id", "INTEGER", "integer"),
                ("total", "NUMERIC", "decimal"),
            ],
            json!([]),
        ));
        let filled = json!({ "default_schema": "main", "relations": database });
        let (_, second) = take_apart(&answer(&support::document(
            "revenue", "sqlite", filled, &files,
        )));
        assert!(
            !second["src/App.tsx"].contains("StartPage"),
            "{}",
            second["src/App.tsx"]
        );
        assert!(
            second["src/App.tsx"].contains("path: \"/\""),
            "{}",
            second["src/App.tsx"]
        );
    }
}

#[test]
fn the_same_document_gives_the_same_answer_in_small_pieces() {
    let (_folder, database) = support::shop();
    let document = document(
        "revenue by month",
        "sqlite",
        schema(&database),
        &Files::new(),
    );
    assert_eq!(answer(&document), answer(&document));
    let mut wanted = request("templates", "");
    wanted.document = Some(document.to_string());
    let host = FakeHost::new();
    let before = labd_plugin::Host::now(&host);
    let mut completion = Offline::new(host.clone())
        .complete(Config { delay_ms: 10 }, wanted)
        .unwrap();
    let mut lengths = Vec::new();
    let mut count = 0;
    loop {
        let events = completion.next(16).unwrap();
        assert!(events.len() <= 1);
        let Some(event) = events.first() else { break };
        count += 1;
        if let Event::Text(text) = event {
            lengths.push(text.chars().count());
        }
    }
    lengths.pop();
    assert!(
        lengths.iter().all(|length| (20..=60).contains(length)),
        "{lengths:?}"
    );
    assert_eq!(labd_plugin::Host::now(&host) - before, (count - 1) * 10);
}

#[test]
fn it_says_that_it_is_no_model_and_needs_its_document() {
    let info = <Offline<FakeHost> as AiProvider<FakeHost>>::describe().unwrap();
    assert!(info.description.contains("not a model"));
    assert_eq!(info.capabilities, Capabilities::DOCUMENT);
    let provider = Offline::new(FakeHost::new());
    let error = provider
        .complete(Config::default(), request("templates", "Hi"))
        .err();
    assert!(matches!(error, Some(Error::InvalidRequest(_))));
    let error = provider
        .complete(Config::default(), request("gpt", "Hi"))
        .err();
    assert!(matches!(error, Some(Error::NotFound(_))));
}
