use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::{Event, Note, Place, contents, note, put};
use crate::{Batch, OpenError, Options, Store, StoreError, restore};

/// A store with a little of everything.
async fn filled(place: &Place) -> (Store, crate::BlobId) {
    let store = place.open().await;
    for number in 0..50 {
        put(
            &store,
            &format!("{number:03}"),
            &note(&"x".repeat(number * 500)),
        )
        .await
        .unwrap();
    }
    store.journal().append("t", Event::Done).await.unwrap();
    let blob = store.put_blob("blob".into()).await.unwrap();
    (store, blob)
}

fn at(place: &Place, name: &str) -> PathBuf {
    place.dir.path().join(name)
}

#[tokio::test]
async fn a_restored_backup_is_the_store_it_was_made_of() {
    let place = Place::new();
    let (store, blob) = filled(&place).await;
    let (file, new) = (at(&place, "backup"), at(&place, "new"));
    let written = store.backup(&file).await.unwrap();
    assert_eq!((written.commit, written.blobs), (51, 1));
    assert_eq!(written.bytes, fs::metadata(&file).unwrap().len());
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    put(&store, "later", &note("not in it")).await.unwrap();

    assert_eq!(restore(&file, &new).await.unwrap(), written);
    let refused = Store::open(&new, Options::default()).await.err().unwrap();
    assert!(
        matches!(refused, OpenError::MasterKeyMissing { .. }),
        "{refused}"
    );
    fs::copy(
        place.path().join("keys/master.key"),
        new.join("keys/master.key"),
    )
    .unwrap();
    let restored = Store::open(&new, Options::default()).await.unwrap();
    let mut expected = store.list::<Note>("").unwrap();
    expected.retain(|(id, _)| id != "later");
    assert_eq!(restored.list::<Note>("").unwrap(), expected);
    assert_eq!(
        restored.journal().read::<Event>("t", 0, 9).unwrap(),
        [(1, Event::Done)]
    );
    assert_eq!(restored.blob(&blob).await.unwrap(), "blob");
    assert_eq!(restored.info().last_commit, 51);
    put(&restored, "on", &note("it goes")).await.unwrap();
}

#[tokio::test]
async fn a_backup_does_not_hold_the_master_key() {
    let place = Place::new();
    let (store, _) = filled(&place).await;
    let file = at(&place, "backup");
    store.backup(&file).await.unwrap();
    let key = fs::read_to_string(place.path().join("keys/master.key")).unwrap();
    let key = key.trim().rsplit(':').next().unwrap().to_owned();
    let bytes = fs::read(&file).unwrap();
    for secret in [hex::decode(&key).unwrap(), key.into_bytes()] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
}

#[tokio::test]
async fn a_backup_made_while_writing_holds_whole_batches() {
    let place = Place::new();
    let store = place.open().await;
    let writing = store.clone();
    let writer = tokio::spawn(async move {
        for number in 0..200 {
            let mut batch = Batch::new();
            for id in ["a", "b", "c"] {
                batch.put(id, &note(&number.to_string())).unwrap();
            }
            batch.append("t", Event::Done).unwrap();
            writing.commit(batch).await.unwrap();
        }
    });
    for round in 0..5 {
        let (file, new) = (
            at(&place, &format!("backup{round}")),
            at(&place, &format!("new{round}")),
        );
        let written = store.backup(&file).await.unwrap();
        restore(&file, &new).await.unwrap();
        fs::copy(
            place.path().join("keys/master.key"),
            new.join("keys/master.key"),
        )
        .unwrap();
        let restored = Store::open(&new, Options::default()).await.unwrap();
        let notes = restored.list::<Note>("").unwrap();
        assert!(
            notes.windows(2).all(|pair| pair[0].1 == pair[1].1),
            "{notes:?}"
        );
        assert_eq!(restored.journal().last_seq("t").unwrap(), written.commit);
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn a_backup_replaces_no_file() {
    let place = Place::new();
    let (store, _) = filled(&place).await;
    let file = at(&place, "backup");
    fs::write(&file, "precious").unwrap();
    assert!(matches!(
        store.backup(&file).await,
        Err(StoreError::Exists { .. })
    ));
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    let nowhere = at(&place, "no/such/directory/backup");
    assert!(matches!(
        store.backup(&nowhere).await,
        Err(StoreError::Io { .. })
    ));
}

#[tokio::test]
async fn only_an_empty_directory_is_restored_into() {
    let place = Place::new();
    let (store, _) = filled(&place).await;
    let file = at(&place, "backup");
    store.backup(&file).await.unwrap();
    let full = at(&place, "full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("precious"), "data").unwrap();
    let before = contents(&full);
    let refused = restore(&file, &full).await.unwrap_err();
    assert!(matches!(refused, OpenError::NotEmpty { .. }), "{refused}");
    assert_eq!(contents(&full), before);

    let prepared = at(&place, "prepared");
    fs::create_dir_all(prepared.join("keys")).unwrap();
    fs::copy(
        place.path().join("keys/master.key"),
        prepared.join("keys/master.key"),
    )
    .unwrap();
    restore(&file, &prepared).await.unwrap();
    let restored = Store::open(&prepared, Options::default()).await.unwrap();
    assert_eq!(restored.list::<Note>("").unwrap().len(), 50);
}

#[tokio::test]
async fn a_damaged_backup_is_refused_before_anything_is_written() {
    let place = Place::new();
    let (store, _) = filled(&place).await;
    let (file, new) = (at(&place, "backup"), at(&place, "new"));
    store.backup(&file).await.unwrap();
    let whole = fs::read(&file).unwrap();
    for kept in [0, 10, 16, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..kept]).unwrap();
        let refused = restore(&file, &new).await.unwrap_err();
        assert!(
            matches!(refused, OpenError::Backup { .. }),
            "{kept}: {refused}"
        );
    }
    for position in (0..whole.len()).step_by(whole.len() / 30) {
        let mut flipped = whole.clone();
        flipped[position] ^= 0x40;
        fs::write(&file, flipped).unwrap();
        let refused = restore(&file, &new).await.unwrap_err();
        assert!(
            matches!(refused, OpenError::Backup { .. }),
            "{position}: {refused}"
        );
    }
    assert!(!new.exists());
}
