//! What a process that dies, or that may write no further, leaves behind.
//!
//! The tests that are ignored are the other process: this file's tests start them by name.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use labd_store::{Batch, JournalEntry, Options, Record, Store, StoreError};
use rustix::process::{Resource, Rlimit};
use serde::{Deserialize, Serialize};

const DIR: &str = "LABD_STORE_TEST_DIR";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Page {
    number: u64,
    text: String,
}

impl Record for Page {
    const KIND: &'static str = "page";
}

fn page(number: u64) -> Page {
    // Some of one piece, some of several.
    let text = "word ".repeat(usize::try_from(number % 7).unwrap_or(0) * 400);
    Page { number, text }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Step(u64);

impl JournalEntry for Step {
    fn join(&mut self, next: Self) -> Option<Self> {
        Some(next)
    }
}

/// The ignored test of this name, as a process of its own, with SIGXFSZ ignored.
fn other_process(name: &str, dir: &Path) -> Result<Command, std::io::Error> {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
        .arg(std::env::current_exe()?)
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped());
    Ok(command)
}

fn given_dir() -> Option<PathBuf> {
    std::env::var_os(DIR).map(PathBuf::from)
}

/// Writes for ever, and prints what was acknowledged: a lane and how far it has come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that is killed"]
async fn writes_until_killed() {
    let Some(dir) = given_dir() else { return };
    let store = Store::open(&dir, Options::default()).await.unwrap();
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..6 {
        let store = store.clone();
        lanes.spawn(async move {
            let stream = format!("lane{lane}");
            let mut number = store.journal().last_seq(&stream).unwrap();
            loop {
                number += 1;
                let mut batch = Batch::new();
                batch
                    .put(&format!("{stream}/{number:06}"), &page(number))
                    .unwrap();
                // The record and its entry together, or the entry alone, in turn.
                if lane % 2 == 0 {
                    batch.append(&stream, Step(number)).unwrap();
                    store.commit(batch).await.unwrap();
                } else {
                    store.commit(batch).await.unwrap();
                    assert_eq!(
                        store.journal().append(&stream, Step(number)).await.unwrap(),
                        number
                    );
                }
                let blob = store
                    .put_blob(format!("{stream} {number}").into())
                    .await
                    .unwrap();
                println!("ACK {stream} {number} {blob}");
            }
        });
    }
    lanes.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_process_killed_while_writing_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::<String, u64>::new();
    for enough in [1, 40, 150, 300] {
        let mut child = other_process("writes_until_killed", dir.path())
            .unwrap()
            .spawn()
            .unwrap();
        let mut seen = 0;
        let mut blobs = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // The first line follows the harness's own words.
            let Some((_, told)) = line.split_once("ACK ") else {
                continue;
            };
            let told: Vec<_> = told.split(' ').collect();
            acknowledged.insert(told[0].to_owned(), told[1].parse().unwrap());
            blobs.push((format!("{} {}", told[0], told[1]), told[2].parse().unwrap()));
            seen += 1;
            if seen == enough {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= enough, "it ended by itself after {seen}");

        let store = Store::open(dir.path(), Options::default()).await.unwrap();
        for (stream, &last) in &acknowledged {
            let steps = store.journal().read::<Step>(stream, 0, usize::MAX).unwrap();
            let whole: Vec<_> = (1..=steps.len() as u64)
                .map(|number| (number, Step(number)))
                .collect();
            assert_eq!(steps, whole);
            assert!(
                steps.len() as u64 >= last,
                "{stream}: {} of {last}",
                steps.len()
            );
            let pages = store.list::<Page>(&format!("{stream}/")).unwrap();
            assert!(pages.len() >= steps.len());
            for ((id, found), number) in pages.into_iter().zip(1..) {
                assert_eq!((id, found), (format!("{stream}/{number:06}"), page(number)));
            }
        }
        for (content, id) in blobs {
            assert_eq!(store.blob(&id).await.unwrap(), content);
        }
        store.close().await.unwrap();
    }
}

/// Runs into a limit on the size of files in the middle of writing, then is given more room.
#[tokio::test]
#[ignore = "the process whose files may not grow"]
async fn writes_into_a_limit() {
    let Some(dir) = given_dir() else { return };
    let store = Store::open(&dir, Options::default()).await.unwrap();
    let put = async |number: u64| {
        let mut batch = Batch::new();
        batch.put(&format!("{number:06}"), &page(number)).unwrap();
        store.commit(batch).await
    };
    let mut number = 1;
    while number < 50 {
        put(number).await.unwrap();
        number += 1;
    }
    let limit = |current| {
        rustix::process::setrlimit(
            Resource::Fsize,
            Rlimit {
                current,
                maximum: None,
            },
        )
        .unwrap();
    };
    let size = std::fs::metadata(dir.join("store/db/db")).unwrap().len();
    limit(Some(size + 100_000));
    let failure = loop {
        match put(number).await {
            Ok(()) => number += 1,
            Err(error) => break error,
        }
    };
    assert!(failure.is_full(), "{failure}");
    assert!(number > 50, "the limit came too early");
    match store.get::<Page>("000001") {
        Ok(found) => assert_eq!(found, Some(page(1))),
        Err(error) => assert!(matches!(error, StoreError::Unavailable { .. }), "{error}"),
    }
    limit(None);
    put(number).await.unwrap();
    for (expected, (_, found)) in (1..).zip(store.list::<Page>("").unwrap()) {
        assert_eq!(found, page(expected));
    }
    assert_eq!(store.list::<Page>("").unwrap().len() as u64, number);
    store.close().await.unwrap();
    println!("ACK {number}");
}

#[tokio::test]
async fn a_store_that_may_write_no_further_says_so_and_goes_on_when_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let output = other_process("writes_into_a_limit", dir.path())
        .unwrap()
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    let (_, number) = told.split_once("ACK ").unwrap();
    let number: u64 = number.lines().next().unwrap().parse().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    assert_eq!(store.list::<Page>("").unwrap().len() as u64, number);
}
