//! Sources that change: another database behind the same name, another file at the same path.

use std::path::Path;

use labd_protocol::{answer, within};
use labd_tests::{
    daemon::Daemon,
    servers::{self, TestDatabase},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::postgres::{SLOW, connected, query};

/// Names of the relations of a source's schema, which is not read anew for it.
async fn relations(daemon: &Daemon, source: &str) -> Value {
    let schema = daemon.get(&format!("/sources/{source}/schema")).await;
    let schema = schema.unwrap().json();
    let names = schema["relations"].as_array().unwrap().iter();
    names.map(|relation| relation["name"].clone()).collect()
}

async fn with_table(name: &str) -> TestDatabase {
    let database = servers::postgres().await.unwrap();
    let client = database.client().await.unwrap();
    let tables = format!(
        "CREATE TABLE {name} (a int); CREATE TABLE place (name text);
         INSERT INTO place VALUES ('{name}');
         CREATE FUNCTION reads() RETURNS text LANGUAGE sql STABLE AS 'SELECT name FROM place'"
    );
    client.batch_execute(&tables).await.unwrap();
    database
}

#[tokio::test]
async fn a_source_that_is_switched_serves_nothing_of_the_database_before() {
    let (here, there) = (with_table("here").await, with_table("there").await);
    let (daemon, id) = connected(&here).await;
    let place = "SELECT name, reads() FROM place";
    let first = query(&daemon, &id, place).await;
    assert_eq!(first.json()["rows"], json!([["here", "here"]]));
    assert_eq!(relations(&daemon, &id).await, json!(["here", "place"]));
    let paged = json!({ "text": "SELECT n FROM generate_series(1, 100) n", "max_rows": 10 });
    let page = daemon.post(&format!("/sources/{id}/query"), paged).await;
    let cursor = page.unwrap().json()["next"].as_str().unwrap().to_owned();

    // The function is no longer one that only reads: what was learnt of the other one is gone.
    let client = there.client().await.unwrap();
    client
        .batch_execute("ALTER FUNCTION reads() VOLATILE")
        .await
        .unwrap();
    let typed = ["source", "update", "shop", "--url", "--url-file", "-"];
    let url = there.url_without_tls();
    let typed = daemon.home.run_with_input(&typed, url.as_str()).await;
    let typed = typed.unwrap();
    assert_eq!(typed.code, 0, "{}", typed.err);
    assert_eq!(relations(&daemon, &id).await, json!(["place", "there"]));
    let refused = query(&daemon, &id, place).await;
    assert_eq!(
        refused.json()["code"],
        "write_refused",
        "{}",
        refused.text()
    );
    let second = query(&daemon, &id, "SELECT name FROM place").await;
    assert_eq!(second.json()["rows"], json!([["there"]]));
    let rest = daemon.get(&format!("/queries/{cursor}")).await.unwrap();
    assert_eq!(rest.json()["code"], "expired", "{}", rest.text());

    // Saved without being reached: not even the schema is left of the one before.
    let mut nowhere = url.clone();
    nowhere.set_path("no_such_database");
    let update = daemon.request(Method::PATCH, &format!("/sources/{id}"));
    let update = update.json(&json!({ "url": nowhere.as_str(), "save_untested": true }));
    let updated = labd_tests::daemon::send(update).await.unwrap();
    assert_eq!(updated.status, 200, "{}", updated.text());
    for route in ["schema", "schema?refresh=true"] {
        let schema = daemon.get(&format!("/sources/{id}/{route}")).await.unwrap();
        assert_eq!(
            schema.json()["code"],
            "unknown_database",
            "{}",
            schema.text()
        );
    }
}

fn database_file(path: &Path, name: &str) {
    let database = rusqlite::Connection::open(path).unwrap();
    database
        .execute_batch(&format!(
            "CREATE TABLE place (name text); INSERT INTO place VALUES ('{name}')"
        ))
        .unwrap();
}

async fn add_file(daemon: &Daemon, path: &Path) -> String {
    let url = format!("sqlite://{}", path.display());
    let create = json!({ "name": "file", "url": url });
    let created = daemon.post("/sources", create).await.unwrap();
    assert_eq!(created.status, 201, "{}", created.text());
    created.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_that_was_replaced_is_refused_after_a_restart_too_until_it_is_accepted() {
    let mut daemon = Daemon::start_empty().await.unwrap();
    let path = daemon.home.path().join("shop.db");
    database_file(&path, "first");
    let id = add_file(&daemon, &path).await;
    assert!(daemon.stop().await.unwrap().success());
    let other = daemon.home.path().join("other.db");
    database_file(&other, "second");
    std::fs::rename(&other, &path).unwrap();
    daemon.restart().await.unwrap();

    let place = "SELECT name FROM place";
    let refused = query(&daemon, &id, place).await;
    assert_eq!(
        refused.json()["code"],
        "permission_denied",
        "{}",
        refused.text()
    );
    for part in ["was replaced", "labd source update"] {
        assert!(refused.text().contains(part), "{}", refused.text());
    }
    let typed = daemon.home.run(&["source", "query", "file", place]).await;
    assert!(typed.unwrap().err.contains("labd source update"));
    let tested = daemon.post(&format!("/sources/{id}/test"), json!({})).await;
    let tested = tested.unwrap().json();
    assert_eq!(tested["error"]["code"], "permission_denied", "{tested}");

    let accept = ["source", "update", "file", "--url", "--url-file", "-"];
    let url = format!("sqlite://{}", path.display());
    let accepted = daemon.home.run_with_input(&accept, &url).await.unwrap();
    assert_eq!(accepted.code, 0, "{}", accepted.err);
    let asked = query(&daemon, &id, place).await;
    assert_eq!(
        asked.json()["rows"],
        json!([["second"]]),
        "{}",
        asked.text()
    );
}

#[tokio::test]
async fn moments_have_one_form_whichever_sqlite_stores() {
    let daemon = Daemon::start_empty().await.unwrap();
    let path = daemon.home.path().join("moments.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(
            "CREATE TABLE m (at DATETIME, day DATE, clock TIME, mixed TIMESTAMP);
             INSERT INTO m VALUES
                ('2024-11-23 14:00:52', '2024-11-23', '07:05', '2024-11-23 14:00:52'),
                ('2024-11-23T14:00:52.123456789', '2024-02-29', '07:05:09.5', 'soon'),
                ('2024-11-23', '0001-01-01', '23:59:59', '2024-11-23');",
        )
        .unwrap();
    let id = add_file(&daemon, &path).await;
    let asked = query(&daemon, &id, "SELECT at, day, clock, mixed FROM m").await;
    let asked = asked.json();
    let kinds: Vec<_> = asked["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["timestamp", "date", "time", "text"]);
    assert_eq!(
        asked["rows"],
        json!([
            [
                "2024-11-23T14:00:52",
                "2024-11-23",
                "07:05:00",
                "2024-11-23 14:00:52"
            ],
            [
                "2024-11-23T14:00:52.123456789",
                "2024-02-29",
                "07:05:09.5",
                "soon"
            ],
            [
                "2024-11-23T00:00:00",
                "0001-01-01",
                "23:59:59",
                "2024-11-23"
            ]
        ])
    );
}

#[tokio::test]
async fn a_client_certificate_signs_in_at_every_door_and_is_given_anew_with_another_url() {
    let database = servers::postgres().await.unwrap();
    database
        .client()
        .await
        .unwrap()
        .batch_execute(
            "DO $$ BEGIN CREATE ROLE cert_user LOGIN;
             EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$",
        )
        .await
        .unwrap();
    let mut url = database.url_as("cert_user", "");
    url.set_password(None).unwrap();
    url.set_query(Some("sslmode=verify-full"));
    let authority = database.authority().unwrap();
    let (certificate, key) = database.client_certificate().unwrap();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let client = json!({ "certificate": read(&certificate), "key": read(&key) });
    let with = |client: Value| json!({ "name": "shop", "url": url.as_str(), "ca": read(&authority), "client": client });
    let daemon = Daemon::start_empty().await.unwrap();

    let without = daemon.post("/sources", with(Value::Null)).await.unwrap();
    assert_eq!(
        without.json()["code"],
        "credential_refused",
        "{}",
        without.text()
    );
    let broken = json!({ "certificate": read(&certificate), "key": "nonsense" });
    let broken = daemon.post("/sources", with(broken)).await.unwrap();
    assert_eq!(
        broken.json()["fields"][0]["field"],
        "client.key",
        "{}",
        broken.text()
    );

    let added = daemon.post("/sources", with(client.clone())).await.unwrap();
    assert_eq!(added.status, 201, "{}", added.text());
    assert_eq!(added.json()["last_test"]["user"], "cert_user");
    let id = added.json()["id"].as_str().unwrap().to_owned();
    let asked = query(&daemon, &id, "SELECT 1").await;
    assert_eq!(asked.json()["rows"], json!([[1]]), "{}", asked.text());

    let labd = daemon.rpc().await.unwrap();
    let mut request = with(client);
    request.as_object_mut().unwrap().remove("name");
    let request = serde_json::from_value(request).unwrap();
    let tried = answer(labd.source_try(within(SLOW), request).await).unwrap();
    assert_eq!(
        tried.user.as_deref(),
        Some("cert_user"),
        "{:?}",
        tried.error
    );

    let [authority, certificate, key] =
        [&authority, &certificate, &key].map(|path| path.to_str().unwrap());
    let typed = [
        "source",
        "add",
        "typed",
        "--url-file",
        "-",
        "--ca-file",
        authority,
        "--client-cert-file",
        certificate,
        "--client-key-file",
        key,
    ];
    let typed = daemon
        .home
        .run_with_input(&typed, url.as_str())
        .await
        .unwrap();
    assert_eq!(typed.code, 0, "{}", typed.err);
    assert!(typed.out.contains("as cert_user"), "{}", typed.out);

    // The key was given for the place of before.
    let update = daemon.request(Method::PATCH, &format!("/sources/{id}"));
    let update = update.json(&json!({ "url": url.as_str() }));
    let updated = labd_tests::daemon::send(update).await.unwrap();
    assert_eq!(
        updated.json()["code"],
        "credential_refused",
        "{}",
        updated.text()
    );
    assert!(!daemon.home.log().contains("PRIVATE KEY"));
}
