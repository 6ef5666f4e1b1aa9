//! Packages that are put there, changed or taken away by hand while the daemon runs.

use crate::{
    doors::{sign_in, sign_in_link},
    packages::{package, plugin, text},
};
use labd_tests::daemon::{Daemon, send};
use reqwest::Method;
use serde_json::json;
use std::fs;

#[tokio::test]
async fn what_was_put_there_by_hand_is_found_without_a_restart_and_what_was_taken_away_goes() {
    let daemon = Daemon::start_empty().await.unwrap();
    let reload = async || daemon.home.run_json(&["plugin", "reload"]).await.unwrap();
    let nothing = reload().await;
    assert_eq!(
        (&nothing["added"], &nothing["changed"], &nothing["removed"]),
        (&json!([]), &json!([]), &json!([]))
    );
    let folder = package(&daemon, "1.0.0");
    let versions = daemon.home.data().join("plugins/acme.sqlite");
    fs::create_dir_all(&versions).unwrap();
    fs::rename(&folder, versions.join("1.0.0")).unwrap();
    assert!(plugin(&daemon).await.is_none());
    // A program with a token does not decide it.
    let asked = daemon.post("/plugins/reload", json!({})).await.unwrap();
    assert_eq!(asked.status, 403, "{}", asked.text());
    assert!(plugin(&daemon).await.is_none());

    assert_eq!(reload().await["added"], json!(["acme.sqlite"]));
    let found = plugin(&daemon).await.unwrap();
    assert_eq!(found["state"]["type"], "awaiting-grant", "{found}");
    // A person in the console does.
    let (console, token) = sign_in_link(&daemon).await;
    let signed_in = sign_in(&daemon, &console, &token).await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap();
    fs::rename(versions.join("1.0.0"), &folder).unwrap();
    let ask = daemon
        .request_site(Method::POST, &console, "/api/v1/plugins/reload")
        .header("origin", &console)
        .header("cookie", cookie)
        .json(&json!({}));
    let answer = send(ask).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["removed"], json!(["acme.sqlite"]));

    fs::rename(&folder, versions.join("1.0.0")).unwrap();
    assert_eq!(reload().await["added"], json!(["acme.sqlite"]));
    fs::remove_dir_all(&versions).unwrap();
    let printed = daemon.home.run(&["plugin", "reload"]).await.unwrap();
    assert_eq!(printed.code, 0, "{}", printed.err);
    assert!(
        printed.out.contains("gone     acme.sqlite"),
        "{}",
        printed.out
    );
    assert!(plugin(&daemon).await.is_none());
    let printed = daemon.home.run(&["plugin", "reload"]).await.unwrap();
    assert_eq!(printed.out, "nothing has changed\n");
}

#[tokio::test]
async fn a_tampered_package_stops_serving_and_leaves_the_list_when_it_is_removed() {
    let daemon = Daemon::start_empty().await.unwrap();
    let folder = package(&daemon, "1.0.0");
    let install = [
        "plugin",
        "install",
        text(&folder),
        "--allow-unsigned",
        "--grant",
    ];
    daemon.home.run_json(&install).await.unwrap();
    let installed = daemon.home.data().join("plugins/acme.sqlite/1.0.0");
    let wasm = installed.join("plugin.wasm");
    let mut bytes = fs::read(&wasm).unwrap();
    bytes.extend_from_slice(b"\x00\x02\x01x");
    fs::write(&wasm, bytes).unwrap();

    let reloaded = daemon.home.run_json(&["plugin", "reload"]).await.unwrap();
    assert_eq!(reloaded["removed"], json!(["acme.sqlite"]), "{reloaded}");
    assert!(plugin(&daemon).await.is_none(), "a tampered plugin serves");
    let list = async || daemon.home.run(&["plugin", "list"]).await.unwrap().out;
    let told = list().await;
    assert!(
        told.contains("was changed after it was installed"),
        "{told}"
    );
    let remove = ["plugin", "remove", "acme.sqlite", "--yes"];
    assert_eq!(daemon.home.run(&remove).await.unwrap().code, 0);
    let told = list().await;
    assert!(!told.contains("acme.sqlite"), "{told}");
    let again = daemon.home.run_json(&install).await.unwrap();
    assert_eq!(again["plugin"]["state"]["type"], "ready", "{again}");
}
