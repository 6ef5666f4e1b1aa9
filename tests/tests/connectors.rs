//! The first-party connectors, as they ship, in the real plugin host.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use labd_plugin_host::kinds::connector::{
    Connection, Param, QueryOptions, SourceAccess, TlsMode, Values,
};
use labd_plugin_host::{PluginError, PluginHost, PluginOptions};
use labd_tests::{access, repository::embedded_plugins, servers};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A host with one package that `cargo xtask` has built.
struct Host {
    host: PluginHost,
    id: String,
    _data: tempfile::TempDir,
}

fn host(id: &str) -> Host {
    let mut embedded =
        embedded_plugins().expect("the plugins are not built: run `cargo xtask test`");
    embedded.retain(|file| file.path.starts_with(&format!("{id}-")));
    assert!(
        !embedded.is_empty(),
        "{id} is not built: run `cargo xtask test`"
    );
    let data = tempfile::tempdir().unwrap();
    let host = PluginHost::start(PluginOptions {
        data_dir: data.path().to_owned(),
        embedded,
        ..PluginOptions::default()
    })
    .unwrap();
    Host {
        host,
        id: id.to_owned(),
        _data: data,
    }
}

impl Host {
    async fn open(&self, access: &Arc<SourceAccess>) -> Result<Box<dyn Connection>, PluginError> {
        let connector = self.host.connector(&self.id).unwrap();
        connector.open(Arc::clone(access)).await
    }
}

fn file(path: &Path, writable: bool) -> Arc<SourceAccess> {
    Arc::new(access::file(path, writable))
}

fn options() -> QueryOptions {
    QueryOptions {
        read_only: true,
        timeout: Duration::from_secs(15),
        max_rows: 1000,
        max_bytes: 1 << 20,
    }
}

fn writing() -> QueryOptions {
    QueryOptions {
        read_only: false,
        ..options()
    }
}

/// All integers of the first column, to the end of the cursor.
async fn integers(connection: &mut dyn Connection, text: &str, options: QueryOptions) -> Vec<i64> {
    let rows = connection.query(text, &[], options).await.unwrap();
    let mut all = Vec::new();
    let mut batch = rows.first;
    let mut more = rows.more;
    loop {
        match batch.columns.first().map(|column| &column.values) {
            Some(Values::Integers(values)) => all.extend(values),
            None => {}
            other => panic!("not integers: {other:?}"),
        }
        if !more {
            return all;
        }
        batch = connection
            .next(options.max_rows, options.max_bytes)
            .await
            .unwrap();
        more = batch.rows > 0;
    }
}

#[tokio::test]
async fn sqlite_reads_a_file_and_writes_only_where_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, total DECIMAL(10,2));
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
             INSERT INTO orders SELECT i, i / 4.0 FROM n;",
        )
        .unwrap();
    let host = host("labd.sqlite");
    let mut reading = host.open(&file(&path, false)).await.unwrap();
    assert!(
        reading
            .server_info()
            .await
            .unwrap()
            .product
            .starts_with("SQLite 3")
    );
    let schema = reading.schema().await.unwrap();
    assert_eq!(schema.relations[0].name, "orders");
    assert_eq!(schema.relations[0].row_estimate, Some(2500));
    let ids = integers(
        reading.as_mut(),
        "SELECT id FROM orders ORDER BY id",
        options(),
    )
    .await;
    assert_eq!(ids, (1..=2500).collect::<Vec<_>>());
    let rows = reading
        .query(
            "SELECT total FROM orders WHERE id = ?1",
            &[Param::Integer(3)],
            options(),
        )
        .await
        .unwrap();
    assert_eq!(
        rows.first.columns[0].values,
        Values::Decimals(vec!["0.75".into()])
    );

    let delete = "DELETE FROM orders WHERE id > 10";
    assert!(reading.query(delete, &[], options()).await.is_err());
    assert!(reading.query(delete, &[], writing()).await.is_err());
    let mut changing = host.open(&file(&path, true)).await.unwrap();
    let changed = changing.query(delete, &[], writing()).await.unwrap();
    assert_eq!(changed.affected, Some(2490));
    assert_eq!(
        integers(reading.as_mut(), "SELECT count(*) FROM orders", options()).await,
        [10]
    );
}

#[tokio::test]
async fn sqlite_stops_what_takes_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    let host = host("labd.sqlite");
    let mut connection = host.open(&file(&path, false)).await.unwrap();
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let started = Instant::now();
    let short = QueryOptions {
        timeout: Duration::from_millis(200),
        ..options()
    };
    let error = connection.query(endless, &[], short).await.unwrap_err();
    assert!(matches!(error, PluginError::Timeout), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn postgres_reads_within_a_read_only_transaction_and_tells_its_schema() {
    let database = servers::postgres().await.unwrap();
    let host = host("labd.postgres");
    let access = Arc::new(access::server(database.url(), TlsMode::Disable));
    let mut connection = host.open(&access).await.unwrap();
    let info = connection.server_info().await.unwrap();
    assert!(info.product.starts_with("PostgreSQL "), "{info:?}");
    assert!(info.warnings[0].contains("superuser"), "{info:?}");
    let create =
        "CREATE TABLE orders AS SELECT n AS id, n / 4.0 AS total FROM generate_series(1, 25000) n";
    assert!(connection.query(create, &[], options()).await.is_err());
    connection.query(create, &[], writing()).await.unwrap();
    let schema = connection.schema().await.unwrap();
    assert_eq!(schema.relations[0].name, "orders");
    let ids = integers(
        connection.as_mut(),
        "SELECT id FROM orders ORDER BY id",
        options(),
    )
    .await;
    assert_eq!(ids, (1..=25_000).collect::<Vec<_>>());
    let rows = connection
        .query(
            "SELECT total FROM orders WHERE id = $1",
            &[Param::Integer(3)],
            options(),
        )
        .await
        .unwrap();
    assert_eq!(
        rows.first.columns[0].values,
        Values::Decimals(vec!["0.75000000000000000000".into()])
    );
}

#[tokio::test]
async fn postgres_verifies_the_server_and_binds_the_password_to_the_connection() {
    let database = servers::postgres().await.unwrap();
    let host = host("labd.postgres");
    let ca = std::fs::read_to_string(std::env::var("LABD_TEST_POSTGRES_CA").unwrap()).unwrap();
    let mut trusted = access::server(database.url(), TlsMode::VerifyFull);
    trusted.ca = Some(ca);
    // Fails where the server does not offer SCRAM-SHA-256-PLUS with this certificate.
    trusted
        .config
        .options
        .push(("channel_binding".into(), "require".into()));
    let mut connection = host.open(&Arc::new(trusted)).await.unwrap();
    let tls = "SELECT pid FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl";
    assert_eq!(integers(connection.as_mut(), tls, options()).await.len(), 1);

    let mut stranger = access::server(database.url(), TlsMode::VerifyFull);
    stranger.source_id = "stranger".into();
    let error = host.open(&Arc::new(stranger)).await.err().unwrap();
    assert!(matches!(error, PluginError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn postgres_is_cancelled_from_a_second_instance() {
    let database = servers::postgres().await.unwrap();
    let host = host("labd.postgres");
    let access = Arc::new(access::server(database.url(), TlsMode::Disable));
    let mut connection = host.open(&access).await.unwrap();
    let token = connection.cancel_token().await.unwrap();
    let connector = host.host.connector("labd.postgres").unwrap();
    let client = database.client().await.unwrap();
    let canceller = async {
        let deadline = Instant::now() + Duration::from_secs(20);
        let running = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(17)%' AND state = 'active'";
        while client.query(running, &[]).await.unwrap().is_empty() {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        connector.cancel(Arc::clone(&access), &token).await.unwrap();
    };
    let started = Instant::now();
    let (result, ()) = tokio::join!(
        connection.query("SELECT pg_sleep(17)", &[], options()),
        canceller
    );
    assert!(matches!(result, Err(PluginError::Cancelled)), "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(15));
}
