//! What a user's machine does to the daemon: a damaged file, a full disk.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use labd_protocol::{ErrorCode, answer, within};
use labd_tests::daemon::{Daemon, Home};
use serde_json::json;

use crate::postgres::SLOW;

/// Every file below a folder with its content.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else if path.is_file() {
            let content = fs::read(&path).unwrap();
            found.insert(path, content);
        }
    }
    found
}

/// A daemon that was stopped after it had stored something.
async fn stopped() -> Daemon {
    let mut daemon = Daemon::start().await.unwrap();
    let made = daemon
        .post("/projects", json!({ "name": "Kept" }))
        .await
        .unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(daemon.stop().await.unwrap().success());
    daemon
}

#[tokio::test]
async fn a_damaged_store_is_refused_in_plain_words_and_left_as_it_was() {
    let mut daemon = stopped().await;
    let store = daemon.home.data().join("store");
    let database = store.join("db/db");
    let whole = fs::read(&database).unwrap();
    let flipped = {
        let mut bytes = whole.clone();
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        for byte in &mut bytes[end / 2..end] {
            *byte ^= 0x55;
        }
        bytes
    };
    let nonsense = b"no database at all".to_vec();
    for damaged in [flipped, whole[..whole.len() / 4].to_vec(), nonsense] {
        fs::write(&database, damaged).unwrap();
        let before = contents(&store);
        let refused = daemon
            .home
            .run(&["serve", "--listen", "127.0.0.1:0"])
            .await
            .unwrap();
        assert_eq!(refused.code, 1);
        for part in [
            "damaged",
            "backup",
            "labd serve --accept-loss",
            &store.display().to_string(),
        ] {
            assert!(refused.err.contains(part), "{part}: {}", refused.err);
        }
        assert!(contents(&store) == before, "{}", refused.err);
    }
    fs::write(&database, whole).unwrap();
    daemon.restart().await.unwrap();
    let projects = daemon.get("/projects").await.unwrap().json();
    assert_eq!(projects[0]["name"], "Kept");
}

#[tokio::test]
async fn a_full_disk_is_told_at_every_door_and_harms_nothing() {
    let home = Home::on_a_disk_of(512 << 20).await.unwrap();
    let mut daemon = Daemon::start_in(home, &[]).await.unwrap();
    let create = |name: &str| json!({ "name": name });
    let made = daemon.post("/projects", create("before")).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let sources = daemon.get("/sources").await.unwrap().json();

    let filler = daemon.seen_data().join("filler");
    fill(&filler);
    let refused = daemon.post("/projects", create("during")).await.unwrap();
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert_eq!(refused.json()["code"], "storage_failed");
    assert!(
        refused.text().contains("free some space"),
        "{}",
        refused.text()
    );
    let labd = daemon.rpc().await.unwrap();
    let new = serde_json::from_value(create("during")).unwrap();
    let refused = answer(labd.project_create(within(SLOW), new).await).unwrap_err();
    assert_eq!(refused.code, ErrorCode::StorageFailed);
    let typed = ["project", "new", "during"];
    let typed = daemon.home.run(&typed).await.unwrap();
    assert_eq!(typed.code, 1);
    assert!(typed.err.contains("free some space"), "{}", typed.err);
    let new = json!({ "name": "shop", "url": format!("sqlite://{}", filler.display()) });
    let added = daemon.post("/sources", new).await.unwrap();
    assert!(added.status >= 400, "{}", added.text());

    // What only reads goes on.
    assert_eq!(daemon.get("/sources").await.unwrap().json(), sources);
    let id = sources[0]["id"].as_str().unwrap();
    let asked = crate::postgres::query(&daemon, id, "SELECT count(*) > 0 FROM customers").await;
    assert_eq!(asked.json()["rows"], json!([[1]]), "{}", asked.text());

    fs::remove_file(&filler).unwrap();
    let made = daemon.post("/projects", create("after")).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let names = |daemon: &serde_json::Value| -> Vec<String> {
        let all = daemon.as_array().unwrap().iter();
        all.map(|project| project["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let projects = daemon.get("/projects").await.unwrap().json();
    let mut kept = names(&projects);
    kept.sort();
    assert_eq!(kept, ["after", "before"]);
    assert!(daemon.stop().await.unwrap().success());
}

/// Writes to a file until its disk has no room left.
fn fill(file: &Path) {
    use std::io::Write as _;
    let mut filler = fs::File::create(file).unwrap();
    let block = vec![1; 1 << 20];
    let error = loop {
        if let Err(error) = filler.write_all(&block) {
            break error;
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
}
