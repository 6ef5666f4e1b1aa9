use std::fs;
use std::path::PathBuf;

use super::{Event, Note, Place, contents, note, put};
use crate::{OpenError, Options, Store, files};

/// A store that was left without closing it: its files as a crash would leave them.
///
/// The files are copied while the store is idle, which is what a crash at that moment leaves.
async fn crashed(commits: u32) -> Place {
    let (running, place) = (Place::new(), Place::new());
    let store = running.open().await;
    for number in 0..commits {
        put(&store, &format!("{number:04}"), &note(&"x".repeat(500)))
            .await
            .unwrap();
    }
    store.journal().append("t", Event::Done).await.unwrap();
    files::copy_dir(&running.path(), &place.path(), false).unwrap();
    place
}

async fn open(place: &Place) -> Result<Store, OpenError> {
    Store::open(&place.path(), Options::default()).await
}

async fn accept_loss(place: &Place) -> Store {
    let options = Options {
        accept_loss: true,
        ..Options::default()
    };
    Store::open(&place.path(), options).await.unwrap()
}

fn log(place: &Place) -> PathBuf {
    place.path().join("store/db/db")
}

/// Opening is refused as damaged, twice in the same way, and the files are left as they are.
async fn refused(place: &Place) -> String {
    let store = place.path().join("store");
    let before = contents(&store);
    let mut told = Vec::new();
    for _ in 0..2 {
        let error = open(place).await.err().unwrap();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        let after = contents(&store);
        assert_eq!(
            before.keys().collect::<Vec<_>>(),
            after.keys().collect::<Vec<_>>()
        );
        assert!(before == after, "{error}");
        told.push(error.to_string());
    }
    assert_eq!(told[0], told[1]);
    assert!(
        told[0].contains("--accept-loss") && told[0].contains("backup"),
        "{}",
        told[0]
    );
    told.remove(0)
}

#[tokio::test]
async fn a_second_open_names_the_process_and_the_lock_file() {
    let place = Place::new();
    let _store = place.open().await;
    let error = open(&place).await.err().unwrap();
    let lock = place.path().join("lock");
    assert!(
        matches!(&error, OpenError::Locked { lock_file, pid: Some(pid) }
        if *lock_file == lock && *pid == std::process::id()),
        "{error}"
    );
    let told = error.to_string();
    assert!(
        told.contains(&std::process::id().to_string()) && told.contains(lock.to_str().unwrap())
    );
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_crash() {
    let place = crashed(50).await;
    let store = open(&place).await.unwrap();
    assert_eq!(store.list::<Note>("").unwrap().len(), 50);
    assert_eq!(store.journal().last_seq("t").unwrap(), 1);
    assert_eq!(store.info().last_commit, 51);
    assert!(!place.path().join("store/check").exists());
    put(&store, "after", &note("the crash")).await.unwrap();
}

#[tokio::test]
async fn a_summary_that_sled_had_only_begun_is_no_damage() {
    let place = crashed(20).await;
    for unfinished in [
        "snap.0000000000000001.generating",
        "snap.FFFFFFFFFFFFFFFF.generating",
    ] {
        fs::write(place.path().join("store/db").join(unfinished), "").unwrap();
    }
    let store = open(&place).await.unwrap();
    assert_eq!(store.list::<Note>("").unwrap().len(), 20);
}

#[tokio::test]
async fn a_truncated_database_is_refused_and_left_as_it_is() {
    let place = crashed(200).await;
    let length = fs::metadata(log(&place)).unwrap().len();
    for kept in [length * 3 / 4, length / 2, 600, 0] {
        fs::File::options()
            .write(true)
            .open(log(&place))
            .unwrap()
            .set_len(kept)
            .unwrap();
        let told = refused(&place).await;
        assert!(
            told.contains("commit 201 was acknowledged") || told.contains("sled"),
            "{told}"
        );
    }
    fs::remove_file(log(&place)).unwrap();
    let error = open(&place).await.err().unwrap();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(!log(&place).exists());
}

#[tokio::test]
async fn a_flipped_byte_is_refused_or_harmless_and_never_read_as_a_value() {
    let place = crashed(100).await;
    let (original, whole) = (fs::read(log(&place)).unwrap(), contents(&place.path()));
    let written = original.iter().rposition(|&byte| byte != 0).unwrap();
    let mut damaged = 0;
    for position in (0..written).step_by(written / 40) {
        let mut flipped = original.clone();
        flipped[position] ^= 0xff;
        fs::write(log(&place), &flipped).unwrap();
        match open(&place).await {
            Err(OpenError::Damaged { .. }) => {
                damaged += 1;
                assert!(fs::read(log(&place)).unwrap() == flipped, "at {position}");
            }
            Err(error) => panic!("at {position}: {error}"),
            // A byte of a page that was written anew since.
            Ok(store) => {
                let notes = store.list::<Note>("").unwrap();
                assert_eq!(notes.len(), 100, "at {position}");
                assert!(
                    notes
                        .iter()
                        .all(|(_, found)| *found == note(&"x".repeat(500)))
                );
                store.close().await.unwrap();
            }
        }
        fs::remove_dir_all(place.path().join("store")).unwrap();
        for (path, bytes) in &whole {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fs::create_dir_all(place.path().join("store/db/blobs")).unwrap();
    }
    assert!(damaged > 10, "only {damaged} flipped bytes were noticed");
}

#[tokio::test]
async fn a_byte_flipped_after_a_clean_stop_is_noticed_too() {
    let place = Place::new();
    let store = place.open().await;
    for number in 0..100 {
        put(&store, &format!("{number:04}"), &note("text"))
            .await
            .unwrap();
    }
    store.close().await.unwrap();
    let mut bytes = fs::read(log(&place)).unwrap();
    let middle = bytes.iter().rposition(|&byte| byte != 0).unwrap() / 2;
    bytes[middle] ^= 0xff;
    fs::write(log(&place), bytes).unwrap();
    refused(&place).await;
}

#[tokio::test]
async fn an_older_copy_of_the_database_is_refused() {
    let place = Place::new();
    let store = place.open().await;
    put(&store, "a", &note("old")).await.unwrap();
    store.close().await.unwrap();
    let aside = place.dir.path().join("aside");
    files::copy_dir(&place.path().join("store/db"), &aside, false).unwrap();
    let store = place.open().await;
    put(&store, "a", &note("new")).await.unwrap();
    store.close().await.unwrap();
    fs::remove_dir_all(place.path().join("store/db")).unwrap();
    files::copy_dir(&aside, &place.path().join("store/db"), false).unwrap();
    let told = refused(&place).await;
    assert!(
        told.contains("ends with commit 1, and commit 2 was acknowledged"),
        "{told}"
    );
}

#[tokio::test]
async fn a_commit_number_that_is_gone_or_unreadable_is_refused() {
    let place = crashed(3).await;
    let number = place.path().join("store/commit");
    fs::write(&number, [7; 1024]).unwrap();
    refused(&place).await;
    fs::remove_file(&number).unwrap();
    refused(&place).await;
}

#[tokio::test]
async fn a_torn_write_of_the_commit_number_leaves_the_one_before() {
    let place = crashed(3).await;
    let number = place.path().join("store/commit");
    let mut bytes = fs::read(&number).unwrap();
    // Four commits: the last one's number is in the first slot.
    bytes[100..300].fill(9);
    fs::write(&number, bytes).unwrap();
    let store = open(&place).await.unwrap();
    assert_eq!(store.info().last_commit, 4);
}

#[tokio::test]
async fn a_loss_that_is_accepted_keeps_a_copy_and_goes_on() {
    let place = crashed(200).await;
    let length = fs::metadata(log(&place)).unwrap().len();
    fs::File::options()
        .write(true)
        .open(log(&place))
        .unwrap()
        .set_len(length / 2)
        .unwrap();
    let found = contents(&place.path().join("store"));
    refused(&place).await;

    let store = accept_loss(&place).await;
    let notes = store.list::<Note>("").unwrap();
    assert!(notes.len() < 200);
    put(&store, "after", &note("the loss")).await.unwrap();
    store.close().await.unwrap();

    let mut kept = fs::read_dir(place.path().join("salvage")).unwrap();
    assert!(contents(&kept.next().unwrap().unwrap().path()) == found);
    assert!(kept.next().is_none());
    let store = open(&place).await.unwrap();
    assert_eq!(store.list::<Note>("").unwrap().len(), notes.len() + 1);
}

#[tokio::test]
async fn a_database_of_a_newer_format_is_refused() {
    let place = Place::new();
    let store = place.open().await;
    store
        .shared
        .read(|db| {
            let mut batch = sled::Batch::default();
            crate::tree::set_meta(&mut batch, 7, 3);
            db.apply_batch(batch).unwrap();
            Ok(())
        })
        .unwrap();
    store.close().await.unwrap();
    let error = open(&place).await.err().unwrap();
    assert!(
        matches!(error, OpenError::NewerFormat { found: 7, known: 1 }),
        "{error}"
    );
}
