use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Note, Place, contents, note, put};
use crate::{MasterKeySource, OpenError, Options, Store};

/// A closed store with one record, and its master key's file.
async fn closed(place: &Place) -> PathBuf {
    let store = place.open().await;
    put(&store, "a", &note("kept")).await.unwrap();
    store.close().await.unwrap();
    place.path().join("keys/master.key")
}

/// Tries to open, and sees to it that no file was changed by the attempt.
async fn refused(place: &Place) -> OpenError {
    let before = contents(&place.path());
    let error = Store::open(&place.path(), Options::default())
        .await
        .err()
        .unwrap();
    let mut after = contents(&place.path());
    // The number in it is this process's either way.
    after.insert("lock".into(), before[Path::new("lock")].clone());
    assert!(before == after, "{error} changed {:?}", after.keys());
    error
}

#[tokio::test]
async fn what_is_made_is_for_its_owner_only() {
    let place = Place::new();
    let key = closed(&place).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for dir in ["", "keys", "store", "store/db", "blobs"] {
        assert_eq!(mode(&place.path().join(dir)), 0o700, "{dir}");
    }
    for file in [
        key,
        place.path().join("keys/data.keys"),
        place.path().join("store/commit"),
    ] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_master_key_that_others_can_read_is_refused() {
    let place = Place::new();
    let key = closed(&place).await;
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let error = refused(&place).await;
        assert!(
            matches!(error, OpenError::MasterKeyExposed { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_master_key_is_told_and_nothing_is_overwritten() {
    let place = Place::new();
    let other = Place::new();
    let (key, wrong) = (closed(&place).await, closed(&other).await);
    let right = fs::read(&key).unwrap();
    fs::copy(wrong, &key).unwrap();
    let error = refused(&place).await;
    assert!(matches!(error, OpenError::WrongMasterKey { .. }), "{error}");

    fs::write(&key, right).unwrap();
    assert_eq!(
        place.open().await.get::<Note>("a").unwrap(),
        Some(note("kept"))
    );
}

#[tokio::test]
async fn a_missing_key_is_never_replaced_by_a_new_one() {
    let place = Place::new();
    let key = closed(&place).await;
    let aside = place.dir.path().join("aside");
    fs::rename(&key, &aside).unwrap();
    let error = refused(&place).await;
    assert!(
        matches!(error, OpenError::MasterKeyMissing { .. }),
        "{error}"
    );
    fs::rename(&aside, &key).unwrap();

    let wrapped = place.path().join("keys/data.keys");
    fs::rename(&wrapped, &aside).unwrap();
    let error = refused(&place).await;
    assert!(matches!(error, OpenError::KeyFile { .. }), "{error}");
    fs::rename(&aside, &wrapped).unwrap();
    assert_eq!(
        place.open().await.get::<Note>("a").unwrap(),
        Some(note("kept"))
    );
}

#[tokio::test]
async fn damaged_key_files_are_told_apart_from_a_wrong_key() {
    let place = Place::new();
    let key = closed(&place).await;
    let wrapped = place.path().join("keys/data.keys");
    let right = fs::read_to_string(&wrapped).unwrap();
    let sealed = right.find("\"sealed\"").unwrap() + 20;
    let mut flipped = right.clone().into_bytes();
    flipped[sealed] = if flipped[sealed] == b'0' { b'1' } else { b'0' };
    for damaged in [b"".to_vec(), b"{}".to_vec(), flipped] {
        fs::write(&wrapped, damaged).unwrap();
        let error = refused(&place).await;
        assert!(matches!(error, OpenError::KeyFile { .. }), "{error}");
    }
    fs::write(&wrapped, right.replace("\"format\": 1", "\"format\": 9")).unwrap();
    let error = refused(&place).await;
    assert!(
        matches!(error, OpenError::NewerFormat { found: 9, known: 1 }),
        "{error}"
    );
    fs::write(&wrapped, right).unwrap();

    fs::write(&key, "labd-master-key-1:00ff\n").unwrap();
    let error = refused(&place).await;
    assert!(matches!(error, OpenError::KeyFile { .. }), "{error}");
}

#[tokio::test]
async fn the_master_key_can_lie_elsewhere_and_info_says_where() {
    let place = Place::new();
    let elsewhere = place.dir.path().join("elsewhere/labd.key");
    let source = MasterKeySource::KeyFile(elsewhere.clone());
    let options = Options {
        master_key: Some(source.clone()),
        ..Options::default()
    };
    let store = Store::open(&place.path(), options.clone()).await.unwrap();
    put(&store, "a", &note("kept")).await.unwrap();
    let info = store.info();
    assert_eq!(info.master_key.source, source);
    assert!(info.master_key.same_disk);
    assert_eq!(info.last_commit, 1);
    store.close().await.unwrap();
    assert!(elsewhere.exists() && !place.path().join("keys/master.key").exists());

    let store = Store::open(&place.path(), options).await.unwrap();
    assert_eq!(store.get::<Note>("a").unwrap(), Some(note("kept")));
}
