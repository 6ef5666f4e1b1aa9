use std::collections::HashSet;
use std::fs;

use bytes::Bytes;

use super::Place;
use crate::{BlobId, StoreError};

#[tokio::test]
async fn the_same_content_has_the_same_name_and_is_kept_once() {
    let place = Place::new();
    let store = place.open().await;
    let many = ["one", "two", "one", ""].map(Bytes::from).to_vec();
    let ids = store.put_blobs(many).await.unwrap();
    assert_eq!(ids[0], ids[2]);
    assert_eq!(store.put_blob("two".into()).await.unwrap(), ids[1]);
    assert_eq!(store.info().blobs, 3);
    store.close().await.unwrap();

    let store = place.open().await;
    assert_eq!(store.blob(&ids[0]).await.unwrap(), "one");
    assert_eq!(store.blob(&ids[3]).await.unwrap(), "");
    assert_eq!(store.put_blob("one".into()).await.unwrap(), ids[0]);
}

#[tokio::test]
async fn a_name_tells_nothing_to_someone_who_guesses_the_content() {
    let (place, other) = (Place::new(), Place::new());
    let id = place.open().await.put_blob("guess".into()).await.unwrap();
    assert_ne!(
        id,
        other.open().await.put_blob("guess".into()).await.unwrap()
    );
    assert_ne!(id.to_string(), blake3::hash(b"guess").to_hex().to_string());
}

#[tokio::test]
async fn garbage_is_removed_and_the_living_stay() {
    let place = Place::new();
    let store = place.open().await;
    let ids = store
        .put_blobs(["one", "two", "three"].map(Bytes::from).to_vec())
        .await
        .unwrap();
    let removed = store
        .collect_garbage(&HashSet::from([ids[1]]))
        .await
        .unwrap();
    assert_eq!(removed, 2);
    assert_eq!(store.blob(&ids[1]).await.unwrap(), "two");
    let missing = store.blob(&ids[0]).await.unwrap_err();
    assert!(
        matches!(missing, StoreError::NoBlob { id } if id == ids[0]),
        "{missing}"
    );
}

#[tokio::test]
async fn a_damaged_or_exchanged_blob_does_not_open() {
    let place = Place::new();
    let store = place.open().await;
    let ids = store
        .put_blobs(["one", "two"].map(Bytes::from).to_vec())
        .await
        .unwrap();
    let path = |id: &BlobId| place.path().join("blobs").join(id.to_string());
    fs::copy(path(&ids[0]), path(&ids[1])).unwrap();
    let refused = store.blob(&ids[1]).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::DoesNotOpen { .. }),
        "{refused}"
    );
    assert!(
        refused.to_string().contains(&ids[1].to_string()),
        "{refused}"
    );
    fs::write(path(&ids[0]), "short").unwrap();
    assert!(matches!(
        store.blob(&ids[0]).await,
        Err(StoreError::DoesNotOpen { .. })
    ));
}

#[tokio::test]
async fn what_a_crash_has_left_unfinished_is_removed() {
    let place = Place::new();
    let store = place.open().await;
    let id = store.put_blob("one".into()).await.unwrap();
    store.close().await.unwrap();
    let unfinished = place.path().join(format!("blobs/new-{id}"));
    fs::write(&unfinished, "half").unwrap();
    let store = place.open().await;
    assert!(!unfinished.exists());
    assert_eq!(store.blob(&id).await.unwrap(), "one");
}

#[test]
fn a_name_is_read_as_it_is_written_and_nothing_else_is_one() {
    let text = "0f".repeat(32);
    let id: BlobId = text.parse().unwrap();
    assert_eq!(id.to_string(), text);
    assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
    assert_eq!(
        serde_json::from_str::<BlobId>(&format!("\"{text}\"")).unwrap(),
        id
    );
    for wrong in [
        "",
        "../../etc/passwd",
        &text.to_uppercase(),
        &text[1..],
        &format!("{text}0"),
    ] {
        assert!(wrong.parse::<BlobId>().is_err(), "{wrong}");
    }
}
