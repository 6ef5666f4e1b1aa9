//! Connectors that are written in other languages, before an API that serves tables.

use labd_tests::{
    daemon::{Answer, Daemon, Home, send, until},
    repository,
    rest_peer::{ORDERS, RestPeer},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::fs;

/// The token of the API.
const TOKEN: &str = "tok-51c09a7e44";

#[tokio::test]
async fn a_connector_in_javascript_serves_the_tables_of_an_api() {
    serves_tables("examples/plugin-js/connector", "example.rest-js").await;
}

#[tokio::test]
async fn a_connector_in_python_serves_the_tables_of_an_api() {
    serves_tables("examples/plugin-python/connector", "example.rest-python").await;
}

/// The whole walk of a connector whose package is in this folder.
async fn serves_tables(folder: &str, plugin: &str) {
    let peer = RestPeer::start(TOKEN).await.unwrap();
    let daemon = granted(folder, plugin).await;
    refused_token(&daemon, &peer).await;
    let create = json!({ "name": "Shop API", "url": peer.url(TOKEN) });
    let created = daemon.post("/sources", create).await.unwrap();
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(created.json()["plugin"], plugin);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let tested = daemon.post(&format!("/sources/{id}/test"), json!({})).await;
    let tested = tested.unwrap().text();
    assert!(tested.contains("Shop API 1.2"), "{tested}");
    tables(&daemon, &id).await;
    rows(&daemon, &id, &peer).await;
    values(&daemon, &id).await;
    refusals(&daemon, &id).await;
    gives_up(&daemon, &id, &peer).await;
    // None of this cost an instance its life, and the token stayed with the host.
    let told = daemon.get(&format!("/plugins/{plugin}")).await.unwrap();
    let told = told.json();
    assert_eq!(told["state"]["type"], "ready", "{told}");
    assert_eq!(told["counters"]["traps"], 0, "{told}");
    assert_eq!(told["counters"]["denials"], 0, "{told}");
    assert!(!daemon.home.log().contains(TOKEN));
}

/// A daemon with a plugin of a third party that has what it asks for.
async fn granted(folder: &str, plugin: &str) -> Daemon {
    let home = Home::new().unwrap();
    let config = home.path().join("config/labd");
    fs::create_dir_all(&config).unwrap();
    let dirs = json!([repository::root().join(folder).join("dist")]);
    fs::write(config.join("labd.toml"), format!("plugin_dirs = {dirs}\n")).unwrap();
    let daemon = Daemon::start_in(home, &["--no-sample"]).await.unwrap();
    let grant = ["plugin", "grant", plugin, "--yes"];
    let state = daemon.home.run_json(&grant).await.unwrap();
    assert_eq!(state["state"]["type"], "ready", "{state}");
    daemon
}

async fn query(daemon: &Daemon, id: &str, body: Value) -> Answer {
    let route = format!("/sources/{id}/query");
    daemon.post(&route, body).await.unwrap()
}

async fn refused_token(daemon: &Daemon, peer: &RestPeer) {
    let create = json!({ "name": "Wrong", "url": peer.url("tok-of-somebody-else") });
    let refused = daemon.post("/sources", create).await.unwrap();
    let told = refused.text();
    assert_eq!(refused.json()["code"], "credential_refused", "{told}");
    assert!(told.contains("Who are you?"), "{told}");
    assert!(told.contains("rest://:token@"), "{told}");
    assert!(!told.contains("somebody-else"), "{told}");
}

async fn tables(daemon: &Daemon, id: &str) {
    let schema = daemon.get(&format!("/sources/{id}/schema")).await.unwrap();
    let schema = schema.json();
    let relations = schema["relations"].as_array().unwrap();
    let names: Vec<_> = relations.iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["broken", "exact", "limited", "orders", "slow"]);
    let orders = &relations[3];
    assert_eq!(orders["comment"], "What was sold");
    assert_eq!(orders["primary_key"], json!(["id"]));
    assert_eq!(orders["columns"][1]["enum_values"], json!(["DE", "FR"]));
}

async fn rows(daemon: &Daemon, id: &str, peer: &RestPeer) {
    let sql =
        "SELECT id, total AS amount FROM orders WHERE country = :country ORDER BY id DESC LIMIT 2";
    let body = json!({ "text": sql, "params": { "country": "FR" } });
    let few = query(daemon, id, body).await;
    assert_eq!(few.status, 200, "{}", few.text());
    let few = few.json();
    assert_eq!(few["rows"], json!([[2499, "2499.50"], [2496, "2496.50"]]));
    let asked = peer.asked().last().unwrap().clone();
    assert_eq!(
        asked,
        "/api/tables/orders/rows?columns=id%2Ctotal&eq.country=FR&order=id.desc&limit=2"
    );
    let all = json!({ "text": "SELECT id FROM orders", "max_rows": 1000 });
    let mut page = query(daemon, id, all).await.json();
    let mut ids = Vec::new();
    loop {
        let rows = page["rows"].as_array().unwrap();
        assert!(rows.len() <= 1000);
        ids.extend(rows.iter().map(|row| row[0].as_u64().unwrap()));
        let Some(cursor) = page["next"].as_str() else {
            break;
        };
        let next = daemon.get(&format!("/queries/{cursor}")).await.unwrap();
        assert_eq!(next.status, 200, "{}", next.text());
        page = next.json();
    }
    assert!(ids.iter().copied().eq(1..=ORDERS as u64), "{}", ids.len());
}

async fn values(daemon: &Daemon, id: &str) {
    let exact = query(daemon, id, json!({ "text": "SELECT * FROM exact" })).await;
    let exact = exact.json();
    let expected = json!([
        "9007199254740993",
        "12345678901234567890.123456789",
        "0.10",
        true,
        "Größe 😀",
        "AAH/",
        "2024-05-31",
        "2024-05-31T10:30:00.25Z",
        { "a": [1, null] },
    ]);
    assert_eq!(exact["rows"][0], expected, "{exact}");
    let nulls = exact["rows"][1].as_array().unwrap();
    assert!(nulls.len() == 9 && nulls.iter().all(Value::is_null));
}

async fn refusals(daemon: &Daemon, id: &str) {
    for (sql, code, words) in [
        ("SELECT id FROM limited", "rate_limited", "slow down"),
        (
            "SELECT id FROM broken",
            "unreachable",
            "The disk is on fire.",
        ),
        (
            "SELECT id FROM nowhere",
            "query_failed",
            "There is no such table.",
        ),
        (
            "SELECT nothing FROM orders",
            "query_failed",
            "no column \\\"nothing\\\"",
        ),
        (
            "SELECT id FROM orders WHERE id > 3",
            "query_failed",
            "this connector reads SELECT",
        ),
        (
            "SELECT count(*) FROM orders",
            "query_failed",
            "this connector reads SELECT",
        ),
    ] {
        let refused = query(daemon, id, json!({ "text": sql })).await;
        assert_eq!(refused.json()["code"], code, "{sql}: {}", refused.text());
        assert!(refused.text().contains(words), "{sql}: {}", refused.text());
    }
    let limited = json!({ "text": "SELECT id FROM limited" });
    let limited = query(daemon, id, limited).await;
    assert_eq!(limited.json()["retry_after_ms"], 7_000);
    let place = json!({ "text": "SELECT id FROM orders WHERE id > 3" });
    let place = query(daemon, id, place).await;
    assert_eq!(place.json()["position"], 32, "{}", place.text());
}

/// A caller that goes away takes the request to the API along, and the source goes on.
async fn gives_up(daemon: &Daemon, id: &str, peer: &RestPeer) {
    let closed = peer.closed();
    let slow = daemon.request(Method::POST, &format!("/sources/{id}/query"));
    let slow = slow.json(&json!({ "text": "SELECT id FROM slow" }));
    let waiting = tokio::spawn(send(slow));
    let asked = until("the request", async || {
        let asked = peer.asked();
        asked
            .iter()
            .any(|path| path.contains("/slow/rows"))
            .then_some(())
    });
    asked.await.unwrap();
    waiting.abort();
    let seen = until("the end of the connection", async || {
        (peer.closed() > closed).then_some(())
    });
    seen.await.unwrap();
    let on = json!({ "text": "SELECT id FROM orders WHERE id = 7" });
    let on = query(daemon, id, on).await;
    assert_eq!(on.json()["rows"], json!([[7]]), "{}", on.text());
}
