//! What a person does in the console, by a real browser.

use super::plugins::home_with_a_stranger;
use labd_tests::{browser::play, daemon::Daemon, servers};
use serde_json::{Value, json};

#[tokio::test]
async fn the_main_job_is_done_from_the_link_to_the_deleted_project() {
    let daemon = Daemon::start().await.unwrap();
    play(&daemon, "main-job", &Value::Null)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn postgresql_is_connected_browsed_and_read_exactly_up_to_the_page() {
    let database = servers::postgres().await.unwrap();
    database
        .client()
        .await
        .unwrap()
        .batch_execute(
            "CREATE TABLE shelves (shelf_id bigint PRIMARY KEY, label text NOT NULL);
             COMMENT ON TABLE shelves IS 'Where goods lie.';
             INSERT INTO shelves VALUES (1, 'Bay 7');",
        )
        .await
        .unwrap();
    let url = database.url_without_tls();
    let mut wrong = url.clone();
    wrong.set_password(Some("not the password")).unwrap();
    // By column: how it is written in SQL, and what the browser has to show.
    let values = [
        ("big", "9223372036854775807::bigint", "9223372036854775807"),
        ("above", "9007199254740993::bigint", "9007199254740993"),
        (
            "exact",
            "12345678901234567890.123456789012345678::numeric",
            "12345678901234567890.123456789012345678",
        ),
        ("kept", "1.10::numeric", "1.10"),
        ("nan", "'NaN'::float8", "NaN"),
        ("nnan", "'NaN'::numeric", "NaN"),
        ("least", "'-Infinity'::float8", "-Infinity"),
        (
            "instant",
            "'2024-02-29 23:59:59.123456+02'::timestamptz",
            "2024-02-29T21:59:59.123456Z",
        ),
        ("list", "ARRAY[1,NULL,3]", "[1,null,3]"),
        (
            "words",
            "ARRAY['a \"b\"', NULL, 'NULL']",
            "[\"a \\\"b\\\"\",null,\"NULL\"]",
        ),
        ("bigs", "ARRAY[9007199254740993]", "[\"9007199254740993\"]"),
        ("bytes", "'\\x00ff10'::bytea", "AP8Q"),
        (
            "doc",
            "'{\"a\": [1, null, \"x\"]}'::jsonb",
            "{\"a\":[1,null,\"x\"]}",
        ),
        (
            "bigdoc",
            "'{\"n\": 12345678901234567890}'::jsonb",
            "{\"n\": 12345678901234567890}",
        ),
        ("nothing", "NULL::text", "null"),
        ("wide", "'𝄞 äöü 😀'::text", "𝄞 äöü 😀"),
        ("blank", "''::text", ""),
    ];
    let columns: Vec<String> = values
        .iter()
        .map(|(name, sql, _)| format!("{sql} AS {name}"))
        .collect();
    let expected: serde_json::Map<String, Value> = values
        .iter()
        .map(|&(name, _, shown)| (name.to_owned(), json!(shown)))
        .collect();
    let input = json!({
        "url": url,
        "wrong": wrong,
        "sql": format!("SELECT {}", columns.join(", ")),
        "expected": expected,
    });
    let daemon = Daemon::start().await.unwrap();
    play(&daemon, "sources", &input)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn faults_of_every_kind_are_shown_beside_the_preview_until_they_are_mended() {
    let daemon = Daemon::start().await.unwrap();
    play(&daemon, "problems", &Value::Null)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn an_app_is_deployed_downloaded_and_taken_back_after_its_plan_was_read() {
    let daemon = Daemon::start().await.unwrap();
    play(&daemon, "deploy", &Value::Null)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn the_console_needs_no_mouse_no_wide_screen_and_no_daylight() {
    let daemon = Daemon::start().await.unwrap();
    play(&daemon, "hands", &Value::Null)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn what_a_plugin_may_do_is_decided_by_a_person_at_the_console() {
    let home = home_with_a_stranger().await;
    let daemon = Daemon::start_in(home, &["--no-sample"]).await.unwrap();
    let input = json!({ "id": "acme.sqlite", "name": "acme.sqlite", "asks": "sqlite=from-config" });
    play(&daemon, "plugins", &input)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}
