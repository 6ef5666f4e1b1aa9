use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Note, Place, note, put};
use crate::{Batch, Record, StoreError, files, limits::RECORDS_PAGE};

#[tokio::test]
async fn a_record_is_there_after_a_restart() {
    let place = Place::new();
    let store = place.open().await;
    put(&store, "a", &note("first")).await.unwrap();
    put(&store, "a", &note("second")).await.unwrap();
    store.close().await.unwrap();

    let store = place.open().await;
    assert_eq!(store.get::<Note>("a").unwrap(), Some(note("second")));
    assert_eq!(store.get::<Note>("b").unwrap(), None);
}

#[tokio::test]
async fn a_list_is_in_the_order_of_ids_and_keeps_to_its_prefix_and_kind() {
    #[derive(Serialize, Deserialize)]
    struct Notebook;
    impl Record for Notebook {
        const KIND: &'static str = "notebook";
    }
    let place = Place::new();
    let store = place.open().await;
    let mut batch = Batch::new();
    for id in ["b/2", "a/1", "b/1", "b", "c"] {
        batch.put(id, &note(id)).unwrap();
    }
    batch.put("b/9", &Notebook).unwrap();
    store.commit(batch).await.unwrap();

    let ids = |prefix| {
        let found = store.list::<Note>(prefix).unwrap();
        found
            .into_iter()
            .map(|(id, value)| {
                assert_eq!(value.text, id);
                id
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(""), ["a/1", "b", "b/1", "b/2", "c"]);
    assert_eq!(ids("b/"), ["b/1", "b/2"]);
    assert_eq!(ids("d"), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_begins_behind_an_id_and_reads_no_further_than_its_end() {
    let place = Place::new();
    let store = place.open().await;
    let mut batch = Batch::new();
    // A value in many pieces, and ids that begin like others.
    let long = note(&"lorem ipsum ".repeat(2_000));
    batch.put("a", &long).unwrap();
    for id in ["a-1", "a/1", "ab", "b"] {
        batch.put(id, &note(id)).unwrap();
    }
    let title = "of another version".to_owned();
    batch.put("c", &Newer { title }).unwrap();
    store.commit(batch).await.unwrap();

    let page = |prefix, after, max| {
        let found = store.page::<Note>(prefix, after, max).unwrap();
        found.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(page("", None, 2), ["a", "a-1"]);
    assert_eq!(page("", Some("a"), 2), ["a-1", "a/1"]);
    assert_eq!(page("", Some("a/0"), 3), ["a/1", "ab", "b"]);
    assert_eq!(page("a", Some("0"), 9), ["a", "a-1", "a/1", "ab"]);
    assert_eq!(page("a", Some("a/1"), 9), ["ab"]);
    assert_eq!(page("a", Some("b"), 9), Vec::<String>::new());
    assert_eq!(page("", Some("a"), 0), Vec::<String>::new());
    // What lies behind the page is not read: this one could not be.
    assert_eq!(page("", None, 5).len(), 5);
    assert!(store.page::<Note>("", None, 6).is_err());
    assert!(store.list::<Note>("").is_err());
}

#[tokio::test]
async fn a_visit_sees_each_record_once_page_by_page_and_ends_when_told() {
    let place = Place::new();
    let store = place.open().await;
    let all = 2 * RECORDS_PAGE + 1;
    let mut batch = Batch::new();
    for number in 0..all {
        batch.put(&format!("{number:04}"), &note("x")).unwrap();
    }
    let title = "of another version".to_owned();
    batch.put("9999", &Newer { title }).unwrap();
    store.commit(batch).await.unwrap();

    let mut seen = Vec::new();
    // The last page cannot be read, which shows once it is asked for.
    let ended = store.visit("", |id, _: Note| {
        seen.push(id.to_owned());
        Ok(())
    });
    assert!(ended.is_err());
    assert_eq!(seen.len(), 2 * RECORDS_PAGE);
    let mut batch = Batch::new();
    batch.delete::<Newer>("9999");
    store.commit(batch).await.unwrap();
    seen.clear();
    let visited = store.visit("", |id, _: Note| {
        seen.push(id.to_owned());
        Ok(())
    });
    visited.unwrap();
    let expected: Vec<_> = (0..all).map(|number| format!("{number:04}")).collect();
    assert_eq!(seen, expected);
    let stopped = store.visit("", |_, _: Note| Err(StoreError::Closed));
    assert!(matches!(stopped, Err(StoreError::Closed)));
}

#[tokio::test]
async fn long_values_are_kept_replaced_and_deleted_whole() {
    let place = Place::new();
    let store = place.open().await;
    let long = |length: usize| note(&"lorem ipsum ".repeat(length / 12));
    for (id, length) in [("a", 4_000), ("b", 5_000), ("c", 1_000_000), ("d", 130_000)] {
        put(&store, id, &long(length)).await.unwrap();
    }
    put(&store, "b", &long(70_000)).await.unwrap();
    put(&store, "d", &note("short")).await.unwrap();
    let mut batch = Batch::new();
    batch.delete::<Note>("c");
    store.commit(batch).await.unwrap();
    store.close().await.unwrap();

    let store = place.open().await;
    let found = store.list::<Note>("").unwrap();
    let expected = [
        ("a", long(4_000)),
        ("b", long(70_000)),
        ("d", note("short")),
    ];
    assert_eq!(found, expected.map(|(id, value)| (id.to_owned(), value)));
    assert_eq!(store.get::<Note>("c").unwrap(), None);
    let keys = store.shared.read(|db| Ok(db.len())).unwrap();
    // The head record, a, b with 17 further pieces, d.
    assert_eq!(keys, 1 + 1 + 18 + 1);
}

#[tokio::test]
async fn sled_keeps_nothing_in_files_that_it_does_not_sync() {
    let place = Place::new();
    let store = place.open().await;
    let mut batch = Batch::new();
    for number in 0..100 {
        batch
            .put(&format!("{number:03}"), &note(&"x".repeat(100_000)))
            .unwrap();
    }
    store.commit(batch).await.unwrap();
    let unsynced = place.path().join("store/db/blobs");
    assert_eq!(
        files::list(&unsynced).unwrap(),
        Vec::<std::path::PathBuf>::new()
    );
}

#[tokio::test]
async fn a_commit_whose_expectation_fails_changes_nothing() {
    let place = Place::new();
    let store = place.open().await;
    put(&store, "a", &note("one")).await.unwrap();

    let mut absent = Batch::new();
    absent
        .expect_absent::<Note>("a")
        .unwrap()
        .put("b", &note("b"))
        .unwrap();
    let mut present = Batch::new();
    present
        .expect_present::<Note>("z")
        .unwrap()
        .put("b", &note("b"))
        .unwrap();
    let mut equal = Batch::new();
    equal
        .expect("a", &note("two"))
        .unwrap()
        .put("b", &note("b"))
        .unwrap();
    for batch in [absent, present, equal] {
        let refused = store.commit(batch).await;
        assert!(
            matches!(refused, Err(StoreError::Conflict { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(store.get::<Note>("b").unwrap(), None);

    let mut batch = Batch::new();
    batch
        .expect("a", &note("one"))
        .unwrap()
        .expect_absent::<Note>("b")
        .unwrap();
    batch.put("a", &note("two")).unwrap();
    store.commit(batch).await.unwrap();
    assert_eq!(store.get::<Note>("a").unwrap(), Some(note("two")));
}

#[tokio::test]
async fn of_many_who_expect_an_id_to_be_free_one_gets_it() {
    let place = Place::new();
    let store = place.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut batch = Batch::new();
            batch
                .expect_absent::<Note>("a")
                .unwrap()
                .put("a", &note(&number.to_string()))
                .unwrap();
            store.commit(batch).await.is_ok()
        });
    }
    assert_eq!(
        tasks
            .join_all()
            .await
            .into_iter()
            .filter(|&won| won)
            .count(),
        1
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newer {
    title: String,
}

impl Record for Newer {
    const KIND: &'static str = "note";
    const VERSION: u16 = 2;

    fn migrate(from: u16, mut value: Value) -> Result<Value, String> {
        match from {
            1 => Ok(json!({ "title": value["text"].take() })),
            other => Err(format!("version {other} is unheard of")),
        }
    }
}

#[tokio::test]
async fn an_older_version_is_migrated_when_read() {
    let place = Place::new();
    let store = place.open().await;
    put(&store, "a", &note("hello")).await.unwrap();
    let found = store.get::<Newer>("a").unwrap();
    assert_eq!(
        found,
        Some(Newer {
            title: "hello".to_owned()
        })
    );
}

#[tokio::test]
async fn a_newer_version_is_refused_with_a_clear_error() {
    let place = Place::new();
    let store = place.open().await;
    let mut batch = Batch::new();
    batch
        .put(
            "a",
            &Newer {
                title: "hello".to_owned(),
            },
        )
        .unwrap();
    store.commit(batch).await.unwrap();
    let refused = store.get::<Note>("a").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "note a was written in version 2, and this daemon knows versions up to 1: use a newer daemon"
    );
}

#[tokio::test]
async fn ids_that_cannot_be_keys_and_values_beyond_the_limit_are_refused() {
    let place = Place::new();
    let store = place.open().await;
    let mut batch = Batch::new();
    for id in ["", "a\0b", "a\nb", &"x".repeat(257)] {
        assert!(
            matches!(batch.put(id, &note("")), Err(StoreError::InvalidId { .. })),
            "{id:?}"
        );
        assert!(
            matches!(store.get::<Note>(id), Err(StoreError::InvalidId { .. })),
            "{id:?}"
        );
    }
    let large = note(&"x".repeat(9 * 1024 * 1024));
    assert!(matches!(
        batch.put("a", &large),
        Err(StoreError::TooLarge { .. })
    ));
    assert!(batch.is_empty());

    batch.delete::<Note>("a\0b");
    assert!(matches!(
        store.commit(batch).await,
        Err(StoreError::InvalidId { .. })
    ));
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let place = Place::new();
    let store = place.open().await;
    let other = store.clone();
    store.close().await.unwrap();
    assert!(matches!(
        put(&other, "a", &note("")).await,
        Err(StoreError::Closed)
    ));
    assert!(matches!(other.get::<Note>("a"), Err(StoreError::Closed)));
    assert!(matches!(
        other.put_blob("x".into()).await,
        Err(StoreError::Closed)
    ));
}

#[tokio::test]
async fn a_store_that_is_dropped_keeps_what_was_acknowledged() {
    let place = Place::new();
    let store = place.open().await;
    put(&store, "a", &note("kept")).await.unwrap();
    drop(store);
    // It is closed in the background; until then the directory is in use.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let store = loop {
        match crate::Store::open(&place.path(), crate::Options::default()).await {
            Err(crate::OpenError::Locked { .. }) if std::time::Instant::now() < deadline => {
                tokio::task::yield_now().await;
            }
            opened => break opened.unwrap(),
        }
    };
    assert_eq!(store.get::<Note>("a").unwrap(), Some(note("kept")));
}
