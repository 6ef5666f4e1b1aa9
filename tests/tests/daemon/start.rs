//! From nothing to the first rows.

use std::time::Duration;

use labd_protocol::{answer, within};
use labd_tests::daemon::{Daemon, Home};
use serde_json::json;

const QUICK: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_new_daemon_has_the_sample_shop_and_answers_queries_on_it_at_every_door() {
    let daemon = Daemon::start().await.unwrap();
    let sql = "SELECT COUNT(*) AS n, MIN(id) AS first FROM customers";

    let sources = daemon.home.run_json(&["source", "list"]).await.unwrap();
    assert_eq!(sources[0]["name"], "Sample shop");
    assert_eq!(sources[0]["sample"], true);
    assert_eq!(sources[0]["dialect"], "sqlite");
    let id = sources[0]["id"].as_str().unwrap();

    let typed = daemon
        .home
        .run_json(&["source", "query", "Sample shop", sql])
        .await
        .unwrap();
    assert_eq!(typed["columns"][0]["name"], "n");
    assert!(typed["rows"][0][0].as_i64().unwrap() > 100, "{typed}");
    assert_eq!(typed["rows"][0][1], 1);

    let http = daemon
        .post(&format!("/sources/{id}/query"), json!({ "text": sql }))
        .await
        .unwrap();
    assert_eq!(http.status, 200, "{}", http.text());
    assert_eq!(http.json()["rows"], typed["rows"]);

    let labd = daemon.rpc().await.unwrap();
    let query = serde_json::from_value(json!({ "text": sql })).unwrap();
    let called = answer(
        labd.source_query(within(QUICK), id.parse().unwrap(), query)
            .await,
    )
    .unwrap();
    assert_eq!(json!(called.rows), typed["rows"]);

    let people = daemon
        .home
        .run(&["source", "query", "Sample shop", sql])
        .await
        .unwrap();
    assert_eq!(people.code, 0, "{}", people.err);
    assert!(people.out.starts_with('N'), "{}", people.out);
    assert!(people.out.contains("(1 rows"), "{}", people.out);

    let schema = daemon
        .home
        .run_json(&["source", "schema", "Sample shop"])
        .await
        .unwrap();
    let mut tables: Vec<&str> = schema["relations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|relation| relation["name"].as_str().unwrap())
        .collect();
    tables.sort_unstable();
    for table in ["customers", "inventory", "orders", "payments", "products"] {
        assert!(tables.contains(&table), "{table} in {tables:?}");
    }
}

#[tokio::test]
async fn status_says_the_same_at_every_door() {
    let daemon = Daemon::start_empty().await.unwrap();
    let typed = daemon.home.run_json(&["status"]).await.unwrap();
    assert_eq!(typed["pid"], daemon.pid());
    assert_eq!(typed["sources"], 0);
    assert_eq!(typed["projects"], 0);
    assert_eq!(typed["running_turns"], 0);
    assert_eq!(
        typed["console_url"],
        format!("http://console.labd.localhost:{}", daemon.port())
    );
    assert_eq!(typed["socket"], daemon.socket().display().to_string());

    let http = daemon.get("/status").await.unwrap();
    assert_eq!(http.status, 200);
    assert_eq!(http.json()["pid"], typed["pid"]);
    assert_eq!(http.json()["console_url"], typed["console_url"]);

    let people = daemon.home.run(&["status"]).await.unwrap();
    assert!(
        people.out.contains("serves    0 projects"),
        "{}",
        people.out
    );
}

#[tokio::test]
async fn a_wrong_name_is_answered_with_the_right_ones() {
    let daemon = Daemon::start().await.unwrap();
    let asked = daemon
        .home
        .run(&["source", "query", "Sample", "SELECT 1"])
        .await
        .unwrap();
    assert_eq!(asked.code, 4);
    assert!(
        asked.err.contains("There is no source Sample"),
        "{}",
        asked.err
    );
    assert!(
        asked.err.contains("There are: Sample shop."),
        "{}",
        asked.err
    );

    let asked = daemon
        .home
        .run(&["--json", "source", "query", "Sample", "SELECT 1"])
        .await
        .unwrap();
    let error: serde_json::Value = serde_json::from_str(&asked.err).unwrap();
    assert_eq!(error["code"], "not_found");

    let wrong = daemon
        .home
        .run(&[
            "source",
            "query",
            "Sample shop",
            "SELECT nme FROM customers",
        ])
        .await
        .unwrap();
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("nme"), "{}", wrong.err);
}

#[tokio::test]
async fn without_a_daemon_commands_say_how_to_start_one() {
    let home = Home::new().unwrap();
    let status = home.run(&["status"]).await.unwrap();
    assert_eq!(status.code, 3);
    assert!(status.err.contains("labd serve"), "{}", status.err);
    assert_eq!(status.out, "");
}

#[tokio::test]
async fn callers_without_a_good_token_and_foreign_hosts_and_pages_are_refused() {
    use labd_tests::daemon::send;
    use reqwest::Method;
    let daemon = Daemon::start_empty().await.unwrap();
    let loopback = format!("http://127.0.0.1:{}", daemon.port());
    let none = send(daemon.request_site(Method::GET, &loopback, "/api/v1/status"))
        .await
        .unwrap();
    assert_eq!(none.status, 401);
    assert_eq!(none.json()["code"], "unauthenticated");

    let wrong = send(
        daemon
            .request_site(Method::GET, &loopback, "/api/v1/status")
            .bearer_auth("labd_0000"),
    )
    .await
    .unwrap();
    assert_eq!(wrong.status, 401);

    let rebound = send(
        daemon
            .request_site(Method::GET, "http://evil.example", "/api/v1/status")
            .bearer_auth(daemon.token()),
    )
    .await
    .unwrap();
    assert_eq!(rebound.status, 421);

    let foreign = send(
        daemon
            .request(Method::GET, "/status")
            .header("origin", "http://evil.example"),
    )
    .await
    .unwrap();
    assert_eq!(foreign.status, 403);

    let tokens = daemon.home.run_json(&["token", "list"]).await.unwrap();
    let id = tokens[0]["id"].as_str().unwrap();
    daemon
        .home
        .run_json(&["token", "revoke", id])
        .await
        .unwrap();
    assert_eq!(daemon.get("/status").await.unwrap().status, 401);
}

#[tokio::test]
async fn stopping_ends_cleanly_and_the_next_start_has_everything() {
    let mut daemon = Daemon::start().await.unwrap();
    let before = daemon.home.run_json(&["source", "list"]).await.unwrap();
    assert!(daemon.stop().await.unwrap().success());
    daemon.restart().await.unwrap();
    let after = daemon.home.run_json(&["source", "list"]).await.unwrap();
    assert_eq!(before[0]["id"], after[0]["id"]);
    // The token is the one from before.
    assert_eq!(daemon.get("/status").await.unwrap().status, 200);

    let id = after[0]["id"].as_str().unwrap();
    let removed = daemon.delete(&format!("/sources/{id}")).await.unwrap();
    assert_eq!(removed.status, 200, "{}", removed.text());
    daemon.kill().await.unwrap();
    daemon.restart().await.unwrap();
    let left = daemon.get("/sources").await.unwrap();
    assert_eq!(
        left.json(),
        json!([]),
        "who removes the sample keeps it removed"
    );
}
