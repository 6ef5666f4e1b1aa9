//! Against real files, and a second process that writes them.

use super::*;
use crate::{PluginError, kinds::connector::SqliteFile};
use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// A folder with a database `shop.db` of one table.
struct Shop {
    folder: TempDir,
    databases: Databases,
}

impl Shop {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let shop = Self {
            folder,
            databases: Databases::default(),
        };
        rusqlite::Connection::open(shop.path())?.execute_batch(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price DECIMAL(9,2));
             CREATE INDEX by_name ON orders (name);
             INSERT INTO orders VALUES (1, 'anvil', 9.5), (2, 'rope', 3), (3, 'glue', NULL);",
        )?;
        Ok(shop)
    }

    fn path(&self) -> PathBuf {
        self.folder
            .path()
            .canonicalize()
            .expect("a folder")
            .join("shop.db")
    }

    async fn open(&self, writable: bool) -> Result<Database, PluginError> {
        self.open_path(&self.path(), writable).await
    }

    async fn open_path(&self, path: &Path, writable: bool) -> Result<Database, PluginError> {
        let file = SqliteFile {
            path: path.to_owned(),
            identity: None,
            writable,
        };
        self.databases.open("shop/dev", &file).await
    }
}

async fn rows(database: &Database, sql: &str) -> Result<Vec<Vec<Value>>, PluginError> {
    let mut statement = database.prepare(sql).await?;
    let mut all = Vec::new();
    loop {
        let batch = statement.step(100, 1 << 20).await?;
        all.extend(batch.rows);
        if batch.done {
            return Ok(all);
        }
    }
}

const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

fn denial(error: &PluginError) -> &str {
    match error {
        PluginError::Denied(denial) => &denial.message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_statement_tells_its_parameters_columns_and_effect() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(true).await?;
    let statement = database
        .prepare("SELECT id, name, price, id + 1 AS next FROM orders WHERE id > :id AND name <> ?")
        .await?;
    assert_eq!(statement.parameters(), [Some(":id".to_owned()), None]);
    let columns: Vec<_> = statement
        .columns()
        .iter()
        .map(|column| (column.name.as_str(), column.declared_type.as_deref()))
        .collect();
    assert_eq!(
        columns,
        [
            ("id", Some("INTEGER")),
            ("name", Some("TEXT")),
            ("price", Some("DECIMAL(9,2)")),
            ("next", None)
        ]
    );
    assert!(statement.is_read_only());
    assert!(!database.prepare("DELETE FROM orders").await?.is_read_only());
    Ok(())
}

#[tokio::test]
async fn rows_come_in_batches_and_end_once() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(false).await?;
    let mut statement = database
        .prepare("SELECT id FROM orders ORDER BY id")
        .await?;
    let id = |id| vec![Value::Integer(id)];
    let first = statement.step(2, 1000).await?;
    assert_eq!(
        first,
        Rows {
            rows: vec![id(1), id(2)],
            done: false
        }
    );
    // Another statement in between does not disturb it.
    assert_eq!(
        rows(&database, "SELECT count(*) FROM orders").await?,
        [id(3)]
    );
    assert_eq!(
        statement.step(2, 1000).await?,
        Rows {
            rows: vec![id(3)],
            done: true
        }
    );
    assert_eq!(
        statement.step(2, 1000).await?,
        Rows {
            rows: vec![],
            done: true
        }
    );
    statement.bind(vec![]).await?;
    assert_eq!(statement.step(1, 1000).await?.rows, [id(1)]);
    // One row always comes, however few bytes are wanted.
    assert_eq!(statement.step(10, 0).await?.rows, [id(2)]);
    Ok(())
}

#[tokio::test]
async fn values_arrive_exact() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(false).await?;
    let values = vec![
        Value::Integer(i64::MAX),
        Value::Integer(i64::MIN),
        Value::Real(0.1),
        Value::Text("żółw\u{0}🐢".to_owned()),
        Value::Blob(vec![0, 255]),
        Value::Null,
    ];
    let mut statement = database.prepare("SELECT ?, ?, ?, ?, ?, ?").await?;
    assert!(matches!(
        statement.step(1, 100).await,
        Err(PluginError::InvalidRequest(_))
    ));
    statement.bind(values.clone()).await?;
    assert_eq!(statement.step(1, 100).await?.rows, [values]);
    let error = statement.bind(vec![Value::Null]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the statement has 6 parameters, but 1 values were given"
    );
    // Text in another encoding is handed over as it is.
    let latin = rows(&database, "SELECT CAST(x'e9' AS TEXT)").await?;
    assert_eq!(latin, [[Value::Blob(vec![0xe9])]]);
    Ok(())
}

#[tokio::test]
async fn a_fault_is_told_with_its_code_and_position() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(true).await?;
    let error = database
        .prepare("SELECT 'é', nmae FROM orders")
        .await
        .unwrap_err();
    let PluginError::InvalidRequest(fault) = error else {
        panic!("{error:?}")
    };
    assert_eq!(fault.message, "no such column: nmae");
    assert_eq!(fault.code.as_deref(), Some("SQLITE_ERROR"));
    assert_eq!(fault.position, Some(13));

    let error = rows(&database, "INSERT INTO orders VALUES (1, 'twice', 0)")
        .await
        .unwrap_err();
    let PluginError::Conflict(fault) = error else {
        panic!("{error:?}")
    };
    assert_eq!(fault.code.as_deref(), Some("SQLITE_CONSTRAINT_PRIMARYKEY"));
    Ok(())
}

#[tokio::test]
async fn exactly_one_statement_is_prepared() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(true).await?;
    for sql in [
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE orders",
        "",
        "  -- nothing\n",
        ";",
    ] {
        let error = database.prepare(sql).await.unwrap_err();
        assert!(
            matches!(error, PluginError::InvalidRequest(_)),
            "{sql}: {error:?}"
        );
    }
    database.prepare("SELECT 1; -- the end").await?;
    Ok(())
}

#[tokio::test]
async fn what_is_not_granted_for_writing_is_not_written() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(false).await?;
    for sql in [
        "DELETE FROM orders",
        "CREATE TABLE t (a)",
        "CREATE TEMP TABLE t (a)",
        "REINDEX",
        "SELECT 1; DELETE FROM orders",
    ] {
        assert!(rows(&database, sql).await.is_err(), "{sql}");
    }
    let error = rows(&database, "DELETE FROM orders").await.unwrap_err();
    assert!(denial(&error).contains("is not granted"), "{error}");
    assert!(denial(&database.set_read_only(false).await.unwrap_err()).contains("is not granted"));
    assert_eq!(
        rows(&database, "SELECT count(*) FROM orders").await?,
        [[Value::Integer(3)]]
    );
    Ok(())
}

#[tokio::test]
async fn read_only_can_be_set_on_a_connection_that_may_write() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(true).await?;
    database.set_read_only(true).await?;
    let error = rows(&database, "UPDATE orders SET price = 1")
        .await
        .unwrap_err();
    assert!(
        denial(&error).contains("this call may only read"),
        "{error}"
    );
    assert!(rows(&database, "PRAGMA query_only = OFF").await.is_err());
    database.set_read_only(false).await?;
    rows(&database, "UPDATE orders SET price = 1").await?;
    assert_eq!(database.changes(), 3);
    Ok(())
}

#[tokio::test]
async fn statements_that_reach_beyond_the_database_are_refused() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(true).await?;
    let other = shop.folder.path().join("other.db");
    for sql in [
        format!("ATTACH '{}' AS other", other.display()),
        format!("VACUUM INTO '{}'", other.display()),
        "VACUUM".to_owned(),
        "DETACH main".to_owned(),
        "SELECT load_extension('evil')".to_owned(),
        "SELECT fts3_tokenizer('simple')".to_owned(),
        "PRAGMA writable_schema = ON".to_owned(),
        "PRAGMA journal_mode = WAL".to_owned(),
        "PRAGMA trusted_schema = ON".to_owned(),
        "PRAGMA temp_store_directory = '/tmp'".to_owned(),
        "PRAGMA database_list".to_owned(),
        "SELECT * FROM pragma_database_list".to_owned(),
        "PRAGMA wal_checkpoint".to_owned(),
        "PRAGMA mmap_size = 1000000000".to_owned(),
        "UPDATE sqlite_schema SET sql = ''".to_owned(),
    ] {
        assert!(rows(&database, &sql).await.is_err(), "{sql}");
    }
    assert!(!other.exists());
    let error = rows(&database, "PRAGMA journal_mode = WAL")
        .await
        .unwrap_err();
    assert!(
        denial(&error).starts_with("PRAGMA journal_mode with a value is never"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn pragmas_about_the_schema_are_allowed() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(false).await?;
    let names = rows(&database, "SELECT name FROM pragma_table_info('orders')").await?;
    assert_eq!(names.len(), 3);
    for sql in [
        "PRAGMA table_list",
        "PRAGMA table_xinfo(orders)",
        "PRAGMA index_list('orders')",
        "PRAGMA foreign_key_list(orders)",
        "PRAGMA journal_mode",
        "PRAGMA user_version",
        "EXPLAIN QUERY PLAN SELECT * FROM orders",
        "SELECT * FROM sqlite_schema",
    ] {
        rows(&database, sql)
            .await
            .map_err(|error| format!("{sql}: {error}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_time_limit_ends_an_endless_statement() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(false).await?;
    database.set_time_limit(Duration::from_millis(50));
    let started = Instant::now();
    assert_eq!(rows(&database, ENDLESS).await, Err(PluginError::Timeout));
    assert!(started.elapsed() < Duration::from_secs(5));
    // It stays over until more time is given.
    assert_eq!(rows(&database, "SELECT 1").await, Err(PluginError::Timeout));
    database.set_time_limit(Duration::from_secs(5));
    rows(&database, "SELECT 1").await?;
    Ok(())
}

#[tokio::test]
async fn a_token_interrupts_only_connections_of_its_source() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(false).await?;
    let token = database.interrupt_token();
    let databases = shop.databases.clone();
    assert!(matches!(
        databases.interrupt("other/dev", token),
        Err(PluginError::NotFound(_))
    ));
    let stop = async {
        // The statement may not have begun yet: an interrupt reaches what runs, so go on asking.
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            databases
                .interrupt("shop/dev", token)
                .expect("the connection is open");
        }
    };
    let result = tokio::select! {
        result = rows(&database, ENDLESS) => result,
        () = stop => unreachable!(),
    };
    assert_eq!(result, Err(PluginError::Cancelled));
    rows(&database, "SELECT 1").await?;
    drop(database);
    assert!(matches!(
        databases.interrupt("shop/dev", token),
        Err(PluginError::NotFound(_))
    ));
    Ok(())
}

#[tokio::test]
async fn giving_up_the_wait_stops_the_statement() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(false).await?;
    let wait = tokio::time::timeout(Duration::from_millis(30), rows(&database, ENDLESS));
    assert!(wait.await.is_err());
    let answer = tokio::time::timeout(Duration::from_secs(5), rows(&database, "SELECT 1")).await?;
    assert_eq!(answer?, [[Value::Integer(1)]]);
    Ok(())
}

#[tokio::test]
async fn a_lock_of_another_connection_is_waited_for_and_then_told() -> TestResult {
    let shop = Shop::new()?;
    let other = rusqlite::Connection::open(shop.path())?;
    let database = shop.open(true).await?;
    other.execute_batch("BEGIN IMMEDIATE")?;
    database.set_time_limit(Duration::from_millis(100));
    let error = rows(&database, "DELETE FROM orders").await.unwrap_err();
    assert_eq!(error, PluginError::Timeout);
    database.set_time_limit(Duration::from_secs(20));
    let delete = rows(&database, "DELETE FROM orders WHERE id = 1");
    let commit = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        other.execute_batch("COMMIT")
    };
    let (deleted, committed) = tokio::join!(delete, commit);
    committed?;
    deleted?;
    assert_eq!(database.changes(), 1);
    Ok(())
}

#[tokio::test]
async fn a_file_is_opened_only_where_it_was_granted() -> TestResult {
    let shop = Shop::new()?;
    let folder = shop.path().parent().expect("a folder").to_owned();

    let link = folder.join("link.db");
    symlink(shop.path(), &link)?;
    let error = shop.open_path(&link, false).await.unwrap_err();
    assert!(denial(&error).contains("now leads to"), "{error}");
    let linked_folder = folder.join("linked");
    symlink(&folder, &linked_folder)?;
    assert!(
        shop.open_path(&linked_folder.join("shop.db"), false)
            .await
            .is_err()
    );
    // At the time of the grant a link is followed once, and what it leads to is granted.
    let rules = FileRules::default();
    assert_eq!(granted(&link, &rules)?.0, shop.path());

    let missing = shop
        .open_path(&folder.join("gone.db"), true)
        .await
        .unwrap_err();
    assert!(matches!(missing, PluginError::NotFound(_)), "{missing:?}");
    assert!(!folder.join("gone.db").exists());
    let directory = shop.open_path(&folder, false).await.unwrap_err();
    assert!(
        matches!(directory, PluginError::InvalidRequest(_)),
        "{directory:?}"
    );

    let text = folder.join("text.db");
    std::fs::write(&text, "this is no database, however long the text may be")?;
    let error = shop.open_path(&text, false).await.unwrap_err();
    assert!(
        error.to_string().contains("is not a SQLite database"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_replaced_file_is_refused_until_it_is_set_anew() -> TestResult {
    let shop = Shop::new()?;
    let granted = || -> Result<SqliteFile, Box<dyn std::error::Error>> {
        let (path, identity) = granted(&shop.path(), &FileRules::default())?;
        Ok(SqliteFile {
            path,
            identity: Some(identity),
            writable: false,
        })
    };
    let before = granted()?;
    drop(shop.databases.open("shop/dev", &before).await?);
    let copy = shop.folder.path().join("copy.db");
    std::fs::copy(shop.path(), &copy)?;
    std::fs::rename(&copy, shop.path())?;
    let error = shop.databases.open("shop/dev", &before).await.unwrap_err();
    assert!(denial(&error).contains("was replaced"), "{error}");
    shop.databases.open("shop/dev", &granted()?).await?;
    Ok(())
}

#[tokio::test]
async fn the_daemons_own_directory_is_refused_but_for_the_sample() -> TestResult {
    let mut shop = Shop::new()?;
    let data = shop.folder.path().join("data");
    let sample = data.join("sample");
    std::fs::create_dir_all(&sample)?;
    std::fs::copy(shop.path(), data.join("shop.db"))?;
    std::fs::copy(shop.path(), sample.join("shop.db"))?;
    shop.databases = Databases::new(FileRules {
        forbidden: vec![data.clone()],
        allowed: vec![sample.clone()],
    });
    let error = shop
        .open_path(&data.canonicalize()?.join("shop.db"), false)
        .await
        .unwrap_err();
    assert!(denial(&error).contains("data directory"), "{error}");
    shop.open_path(&sample.canonicalize()?.join("shop.db"), false)
        .await?;
    shop.open(false).await?;
    Ok(())
}

#[tokio::test]
async fn a_value_beyond_the_limit_is_refused() -> TestResult {
    let shop = Shop::new()?;
    let database = shop.open(false).await?;
    let error = rows(&database, "SELECT length(zeroblob(100000000))")
        .await
        .unwrap_err();
    let PluginError::InvalidRequest(fault) = error else {
        panic!("{error:?}")
    };
    assert_eq!(fault.code.as_deref(), Some("SQLITE_TOOBIG"));
    let long = format!("SELECT '{}'", "x".repeat(1 << 20));
    assert!(database.prepare(&long).await.is_err());
    Ok(())
}

const WRITER: &str = "LABD_TEST_SQLITE_WRITER";

/// Not a test of its own: the other process of the test below.
#[test]
fn writer_process() -> TestResult {
    if let Some(path) = std::env::var_os(WRITER) {
        let connection = rusqlite::Connection::open(path)?;
        // It must not fold the log into the file when it ends.
        connection.set_db_config(
            rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
            true,
        )?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.execute("INSERT INTO orders (name) VALUES ('from elsewhere')", [])?;
    }
    Ok(())
}

#[tokio::test]
async fn rows_in_the_log_of_another_process_are_seen() -> TestResult {
    let shop = Shop::new()?;
    rusqlite::Connection::open(shop.path())?.pragma_update(None, "journal_mode", "wal")?;
    let database = shop.open(false).await?;
    let count = |rows: Vec<Vec<Value>>| rows.concat();
    assert_eq!(
        count(rows(&database, "SELECT count(*) FROM orders").await?),
        [Value::Integer(3)]
    );
    for expected in [4, 5] {
        let output = Command::new(std::env::current_exe()?)
            .args(["--exact", "sqlite::tests::writer_process"])
            .env(WRITER, shop.path())
            .output()?;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
        let seen = rows(&database, "SELECT count(*) FROM orders").await?;
        assert_eq!(count(seen), [Value::Integer(expected)]);
    }
    assert!(shop.folder.path().join("shop.db-wal").exists());
    Ok(())
}
