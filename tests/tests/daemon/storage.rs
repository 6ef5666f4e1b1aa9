//! What holds the data: one daemon at a time, with the right key, and whole.

use labd_tests::daemon::{Daemon, Home};
use serde_json::json;
use std::fs;

#[tokio::test]
async fn a_second_daemon_on_the_same_data_is_refused_and_harms_nothing() {
    let daemon = Daemon::start_empty().await.unwrap();
    let second = daemon
        .home
        .run(&["serve", "--listen", "127.0.0.1:0"])
        .await
        .unwrap();
    assert_eq!(second.code, 1);
    assert!(
        second
            .err
            .contains(&daemon.home.data().display().to_string()),
        "{}",
        second.err
    );
    assert_eq!(daemon.get("/status").await.unwrap().status, 200);
    assert_eq!(daemon.home.run(&["status"]).await.unwrap().code, 0);
}

#[tokio::test]
async fn a_wrong_master_key_opens_nothing_and_the_right_one_everything() {
    let mut daemon = Daemon::start().await.unwrap();
    daemon.stop().await.unwrap();
    let key = daemon.home.data().join("keys/master.key");
    let right = fs::read(&key).unwrap();
    let other = Daemon::start_empty().await.unwrap();
    fs::copy(other.home.data().join("keys/master.key"), &key).unwrap();
    let refused = daemon
        .home
        .run(&["serve", "--listen", "127.0.0.1:0"])
        .await
        .unwrap();
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("key"), "{}", refused.err);

    fs::write(&key, right).unwrap();
    daemon.restart().await.unwrap();
    let sources = daemon.get("/sources").await.unwrap();
    assert_eq!(sources.json()[0]["name"], "Sample shop");
}

#[tokio::test]
async fn a_backup_of_a_running_daemon_is_restored_elsewhere() {
    let daemon = Daemon::start().await.unwrap();
    let made = daemon
        .post("/projects", json!({ "name": "Kept" }))
        .await
        .unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let file = daemon.home.path().join("labd.backup");
    let file = file.to_str().unwrap();
    let written = daemon.home.run_json(&["backup", file]).await.unwrap();
    assert_eq!(written["bytes"], fs::metadata(file).unwrap().len());

    let home = Home::new().unwrap();
    let restored = home.run(&["restore", file]).await.unwrap();
    assert_eq!(restored.code, 0, "{}", restored.err);
    let key = |home: &Home| home.data().join("keys/master.key");
    fs::create_dir_all(home.data().join("keys")).unwrap();
    fs::copy(key(&daemon.home), key(&home)).unwrap();
    let other = Daemon::start_in(home, &["--no-sample"]).await.unwrap();
    let projects = other.get("/projects").await.unwrap().json();
    assert_eq!(projects[0]["name"], "Kept");
    assert_eq!(projects[0]["id"], made.json()["id"]);
}
