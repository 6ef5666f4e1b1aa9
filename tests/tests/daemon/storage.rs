//! What holds the data: one daemon at a time, with the right key, and whole.

use labd_tests::daemon::{Daemon, Home};
use serde_json::json;
use std::{fs, path::Path};

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

/// Whether a file below a folder, but for the keys, holds the bytes; its path.
fn holder(folder: &Path, bytes: &[u8]) -> Option<String> {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() && !path.ends_with("keys") {
            if let Some(found) = holder(&path, bytes) {
                return Some(found);
            }
        } else if kind.is_file()
            && fs::read(&path)
                .unwrap()
                .windows(bytes.len())
                .any(|window| window == bytes)
        {
            return Some(path.display().to_string());
        }
    }
    None
}

#[tokio::test]
async fn a_secret_is_in_no_answer_no_log_and_no_byte_of_the_data() {
    const PASSWORD: &str = "canary-5f1c9b7e";
    const KEY: &str = "sk-canary-81d2aa60";
    let mut daemon = Daemon::start().await.unwrap();
    let mut answers = String::new();

    // Wrong, right, and saved though wrong.
    let database = labd_tests::servers::postgres().await.unwrap();
    let role = format!("role_{}", database.name());
    database
        .client()
        .await
        .unwrap()
        .batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'"))
        .await
        .unwrap();
    let good = database.url_as(&role, PASSWORD);
    let wrong = database.url_as("nobody_at_all", PASSWORD);
    for (name, url, untested) in [
        ("refused", &wrong, false),
        ("good", &good, false),
        ("wrong", &wrong, true),
    ] {
        let create = json!({ "name": name, "url": url.as_str(), "save_untested": untested });
        answers += &daemon.post("/sources", create).await.unwrap().text();
    }
    answers += &daemon
        .post("/sources/test", json!({ "url": wrong.as_str() }))
        .await
        .unwrap()
        .text();
    let sources = daemon.get("/sources").await.unwrap();
    let good = sources
        .json()
        .as_array()
        .unwrap()
        .iter()
        .find(|source| source["name"] == "good")
        .expect("the right password is right")["id"]
        .clone();
    answers += &sources.text();

    let provider = json!({
        "name": "ai", "plugin": "labd.openai-compatible", "api_key": KEY,
        "config": { "base-url": "http://127.0.0.1:9/v1" }
    });
    answers += &daemon.post("/providers", provider).await.unwrap().text();
    answers += &daemon.get("/providers").await.unwrap().text();

    let project = daemon
        .post("/projects", json!({ "name": "Shop", "source": good }))
        .await
        .unwrap()
        .json();
    let route = format!("/projects/{}", project["id"].as_str().unwrap());
    let file = json!({ "content": "{\"name\": \"Shop\"}" });
    answers += &daemon
        .put(&format!("{route}/files/app.json"), file)
        .await
        .unwrap()
        .text();
    let main = json!({ "content": "document.title = 'Shop'; export {};" });
    answers += &daemon
        .put(&format!("{route}/files/src/main.tsx"), main)
        .await
        .unwrap()
        .text();
    let zip = daemon.get(&format!("{route}/export")).await.unwrap();
    answers += &zip.text();
    let query = json!({ "text": "SELECT wrong FROM nowhere" });
    let source = good.as_str().unwrap();
    answers += &daemon
        .post(&format!("/sources/{source}/query"), query)
        .await
        .unwrap()
        .text();
    for command in [
        ["source", "list"].as_slice(),
        &["source", "test", "wrong"],
        &["source", "test", "good"],
        &["doctor"],
        &["status"],
    ] {
        let printed = daemon.home.run(command).await.unwrap();
        answers += &printed.out;
        answers += &printed.err;
    }
    let backup = daemon.home.data().join("backup");
    daemon
        .home
        .run_json(&["backup", backup.to_str().unwrap()])
        .await
        .unwrap();
    daemon.kill().await.unwrap();

    for secret in [PASSWORD, KEY] {
        assert!(!answers.contains(secret), "{answers}");
        assert!(!daemon.home.log().contains(secret), "{}", daemon.home.log());
        // The folder holds data, log and backup.
        assert_eq!(holder(daemon.home.path(), secret.as_bytes()), None);
    }
    let clean = database.client().await.unwrap();
    drop(daemon);
    clean
        .batch_execute(&format!("DROP ROLE {role}"))
        .await
        .unwrap();
}
