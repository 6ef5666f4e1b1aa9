//! Documents over real databases, and what answers hold.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests; not every test file uses all of it"
)]

use labd_ai_offline::{Config, Offline};
use labd_plugin::ai::{AiProvider, Event};
use labd_plugin::sandbox::{Change, Severity, SourceFile, Workspace};
use labd_plugin::testing::{
    FakeHost,
    ai::{drain, joined, request},
};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub type Files = BTreeMap<String, String>;

/// The sample shop; its file goes when the folder is dropped.
pub fn shop() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    labd_sample::create(&path, jiff::civil::date(2026, 6, 30)).unwrap();
    let database = Connection::open(&path).unwrap();
    (folder, database)
}

/// The schema of a database as the SQLite connector tells it.
pub fn schema(database: &Connection) -> Value {
    let names: Vec<String> = rows(
        database,
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' ORDER BY name",
    )
    .iter()
    .map(|row| text(row, 0))
    .collect();
    let relations: Vec<Value> = names
        .iter()
        .map(|name| {
            let quoted = name.replace('\'', "''");
            let columns = rows(
                database,
                &format!("SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo('{quoted}')"),
            );
            let keys = rows(
                database,
                &format!("SELECT \"table\", \"from\", \"to\" FROM pragma_foreign_key_list('{quoted}') ORDER BY id"),
            );
            let count = rows(database, &format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\"")));
            json!({
                "schema": "main",
                "name": name,
                "kind": "table",
                "row_estimate": count[0][0],
                "columns": columns.iter().map(|row| json!({
                    "name": row[0],
                    "type": row[1],
                    "kind": kind(row[1].as_str().unwrap()),
                    "nullable": row[2] == 0 && row[3] == 0,
                })).collect::<Vec<_>>(),
                "primary_key": columns.iter().filter(|row| row[3] != 0).map(|row| row[0].clone()).collect::<Vec<_>>(),
                "foreign_keys": keys.iter().map(|row| json!({
                    "name": "fk",
                    "columns": [row[1]],
                    "referenced_schema": "main",
                    "referenced_table": row[0],
                    "referenced_columns": [row[2]],
                })).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "default_schema": "main", "relations": relations })
}

fn kind(declared: &str) -> &'static str {
    let declared = declared.to_uppercase();
    let has = |part: &str| declared.contains(part);
    if has("BOOL") {
        "boolean"
    } else if has("INT") {
        "integer"
    } else if has("REAL") {
        "float"
    } else if has("NUMERIC") || has("DECIMAL") {
        "decimal"
    } else if has("BLOB") {
        "binary"
    } else {
        "text"
    }
}

/// The context document of a request.
pub fn document(request: &str, dialect: &str, schema: Value, files: &Files) -> Value {
    let app = files
        .get("app.json")
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    json!({
        "version": 1,
        "app_format": 1,
        "project": "Shop figures",
        "request": request,
        "source": { "name": "Shop", "dialect": dialect, "product": dialect, "time_zone": "UTC" },
        "schema": schema,
        "app": app,
        "files": files.iter().map(|(path, content)| json!({
            "path": path, "size": content.len(), "content": content,
        })).collect::<Vec<_>>(),
        "problems": [],
        "conversation": [],
    })
}

/// The text of the answer to a document.
pub fn answer(document: &Value) -> String {
    let mut wanted = request("templates", "ignored");
    wanted.document = Some(document.to_string());
    let mut completion = Offline::new(FakeHost::new())
        .complete(Config::default(), wanted)
        .unwrap();
    let (events, error) = drain(&mut completion, 7);
    assert_eq!(error, None);
    joined(&events)
        .into_iter()
        .filter_map(|event| match event {
            Event::Text(text) => Some(text),
            _ => None,
        })
        .collect()
}

/// The prose of an answer, and its files.
pub fn take_apart(answer: &str) -> (String, Files) {
    let (prose, tags) = answer
        .split_once("<lab-app title=\"")
        .unwrap_or((answer, ""));
    let mut files = Files::new();
    for block in tags.split("<lab-file path=\"").skip(1) {
        let (path, rest) = block.split_once("\">\n").unwrap();
        let (content, after) = rest.split_once("</lab-file>\n").unwrap();
        assert!(after.is_empty() || after == "</lab-app>\n", "{after}");
        files.insert(path.to_owned(), content.to_owned());
    }
    (prose.to_owned(), files)
}

/// The prose of the answer to a request, and the state after it.
pub fn ask(database: &Connection, request: &str, files: &Files) -> (String, Files) {
    let (prose, fresh) = take_apart(&answer(&document(
        request,
        "sqlite",
        schema(database),
        files,
    )));
    let mut all = files.clone();
    all.extend(fresh);
    check(&all);
    run_all(database, &all);
    (prose, all)
}

/// The sandbox finds no error in an app, and no query that is not used.
pub fn check(files: &Files) {
    let mut project = sandbox_web::workspace::Project::open().unwrap();
    let prepared = project
        .prepare(Change {
            changed: files
                .iter()
                .map(|(path, content)| SourceFile {
                    path: path.clone(),
                    content: content.as_bytes().to_vec(),
                })
                .collect(),
            removed: Vec::new(),
        })
        .unwrap();
    let faults: Vec<_> = prepared
        .diagnostics
        .iter()
        .filter(|one| one.severity == Severity::Error || one.code == "unused-query")
        .collect();
    assert!(faults.is_empty(), "{faults:#?}\n{files:#?}");
}

/// The statement of a query, run.
pub fn run(database: &Connection, files: &Files, name: &str) -> Vec<Vec<Value>> {
    let file = files
        .get(&format!("queries/{name}.sql"))
        .unwrap_or_else(|| panic!("no query {name} in {:?}", files.keys()));
    rows(database, file)
}

/// Runs every query of an app.
pub fn run_all(database: &Connection, files: &Files) {
    for (_, text) in files
        .iter()
        .filter(|(path, _)| path.starts_with("queries/"))
    {
        rows(database, text);
    }
}

/// The rows of a statement.
pub fn rows(database: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut statement = database
        .prepare(sql)
        .unwrap_or_else(|error| panic!("{error}\n{sql}"));
    assert!(statement.readonly(), "{sql}");
    let width = statement.column_count();
    statement
        .query_map([], |row| {
            (0..width)
                .map(|at| {
                    Ok(match row.get_ref(at)? {
                        rusqlite::types::ValueRef::Null => Value::Null,
                        rusqlite::types::ValueRef::Integer(number) => number.into(),
                        rusqlite::types::ValueRef::Real(number) => number.into(),
                        rusqlite::types::ValueRef::Text(text) => {
                            String::from_utf8_lossy(text).into()
                        }
                        rusqlite::types::ValueRef::Blob(_) => Value::Null,
                    })
                })
                .collect()
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{error}\n{sql}"))
}

fn text(row: &[Value], at: usize) -> String {
    row[at].as_str().unwrap().to_owned()
}
