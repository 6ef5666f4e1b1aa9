use super::{Event, Login, Note, Place, contents, note, put, text};
use crate::{Batch, Secret, StoreError, tree};

const CANARY: &str = "canary-7f3a91";

#[tokio::test]
async fn a_secret_appears_in_no_byte_of_the_data_directory() {
    let place = Place::new();
    let store = place.open().await;
    let mut batch = Batch::new();
    batch
        .put(
            "a",
            &Login {
                password: Secret::new(CANARY),
            },
        )
        .unwrap();
    batch.put("b", &note(&CANARY.repeat(10_000))).unwrap();
    store.commit(batch).await.unwrap();
    store.journal().append("t", text(CANARY)).await.unwrap();
    store.put_blob(CANARY.into()).await.unwrap();
    let backup = place.dir.path().join("backup");
    store.backup(&backup).await.unwrap();
    let login: Login = store.get("a").unwrap().unwrap();
    assert_eq!(login.password.expose(), CANARY);
    store.close().await.unwrap();

    let files = contents(place.dir.path());
    assert!(files.len() > 6, "{:?}", files.keys());
    for (path, bytes) in files {
        let found = bytes
            .windows(CANARY.len())
            .any(|window| window == CANARY.as_bytes());
        assert!(!found, "the canary is in {}", path.display());
    }
}

#[tokio::test]
async fn a_value_moved_elsewhere_does_not_open() {
    let place = Place::new();
    let store = place.open().await;
    put(&store, "a", &note("one")).await.unwrap();
    put(&store, "b", &note("two")).await.unwrap();
    store.journal().append("t", Event::Done).await.unwrap();
    store
        .shared
        .read(|db| {
            let stored = db.get(tree::record("note", "a")).unwrap().unwrap();
            db.insert(tree::record("note", "b"), &stored).unwrap();
            db.insert(tree::entry("t", 1), &stored).unwrap();
            Ok(())
        })
        .unwrap();
    let refused = store.get::<Note>("b").unwrap_err();
    assert!(
        matches!(refused, StoreError::DoesNotOpen { .. }),
        "{refused}"
    );
    assert!(
        refused.to_string().starts_with("r/note b does not open"),
        "{refused}"
    );
    let refused = store.journal().read::<Event>("t", 0, 1).unwrap_err();
    assert!(
        matches!(refused, StoreError::DoesNotOpen { .. }),
        "{refused}"
    );
    assert_eq!(store.get::<Note>("a").unwrap(), Some(note("one")));
}

#[tokio::test]
async fn an_altered_value_does_not_open() {
    let place = Place::new();
    let store = place.open().await;
    put(&store, "a", &note("one")).await.unwrap();
    let key = tree::record("note", "a");
    let stored = store
        .shared
        .read(|db| Ok(db.get(&key).unwrap().unwrap()))
        .unwrap();
    for position in 2..stored.len() {
        let mut altered = stored.to_vec();
        altered[position] ^= 1;
        store
            .shared
            .read(|db| Ok(db.insert(&key, altered).unwrap()))
            .unwrap();
        let refused = store.get::<Note>("a").unwrap_err();
        assert!(
            matches!(refused, StoreError::DoesNotOpen { .. }),
            "{position}: {refused}"
        );
    }
}

#[test]
fn a_secret_is_not_shown() {
    let login = Login {
        password: Secret::new(CANARY),
    };
    assert_eq!(format!("{login:?}"), "Login { password: [sealed] }");
    let reason = crate::record::decode::<Login>(
        || "login a".to_owned(),
        1,
        <Login as crate::Record>::migrate,
        format!("\u{1}\0{{\"password\":7,\"other\":\"{CANARY}\"}}").as_bytes(),
    );
    assert!(!reason.unwrap_err().to_string().contains(CANARY));
}
