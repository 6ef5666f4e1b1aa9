use std::time::Duration;

use super::{Event, Note, Place, note, text};
use crate::{Batch, Options, Store, StoreError};

const SOON: Duration = Duration::from_secs(10);

async fn slow(place: &Place) -> Store {
    // A window that the test cannot miss, closed by the flush.
    let options = Options {
        window: Duration::from_secs(60),
        ..Options::default()
    };
    Store::open(&place.path(), options).await.unwrap()
}

#[tokio::test]
async fn entries_are_numbered_from_1_without_gaps_also_after_a_restart() {
    let place = Place::new();
    let store = place.open().await;
    for expected in 1..=3 {
        assert_eq!(
            store.journal().append("t", Event::Done).await.unwrap(),
            expected
        );
    }
    assert_eq!(store.journal().append("u", Event::Done).await.unwrap(), 1);
    store.close().await.unwrap();

    let store = place.open().await;
    assert_eq!(store.journal().last_seq("t").unwrap(), 3);
    assert_eq!(store.journal().append("t", text("x")).await.unwrap(), 4);
    let found = store.journal().read::<Event>("t", 2, 10).unwrap();
    assert_eq!(found, [(3, Event::Done), (4, text("x"))]);
    assert_eq!(store.journal().read::<Event>("t", 0, 2).unwrap().len(), 2);
    assert_eq!(store.journal().read::<Event>("t", 4, 10).unwrap(), []);
    assert_eq!(
        store.journal().read::<Event>("t", u64::MAX, 10).unwrap(),
        []
    );
    assert_eq!(store.journal().last_seq("nothing").unwrap(), 0);
}

#[tokio::test]
async fn adjacent_deltas_are_joined_and_others_are_not() {
    let place = Place::new();
    let store = slow(&place).await;
    let journal = store.journal();
    assert_eq!(journal.append("t", text("start ")).await.unwrap(), 1);
    for event in [text("a"), text("b"), Event::Done, text("c"), text("d")] {
        journal.push("t", event).await.unwrap();
    }
    assert_eq!(journal.flush("t").await.unwrap(), 4);
    let found = journal.read::<Event>("t", 0, 10).unwrap();
    assert_eq!(
        found,
        [
            (1, text("start ")),
            (2, text("ab")),
            (3, Event::Done),
            (4, text("cd"))
        ]
    );
}

#[tokio::test]
async fn joined_entries_are_told_the_same_number() {
    let place = Place::new();
    let store = slow(&place).await;
    let journal = store.journal();
    journal.append("t", Event::Done).await.unwrap();
    let (a, b, last) = tokio::join!(
        journal.append("t", text("a")),
        journal.append("t", text("b")),
        journal.flush("t")
    );
    assert_eq!((a.unwrap(), b.unwrap(), last.unwrap()), (2, 2, 2));
}

#[tokio::test]
async fn a_reader_sees_an_entry_once_it_is_durable() {
    let place = Place::new();
    let store = slow(&place).await;
    let journal = store.journal();
    journal.append("t", Event::Done).await.unwrap();
    journal.push("t", text("x")).await.unwrap();
    assert_eq!(journal.last_seq("t").unwrap(), 1);
    assert_eq!(journal.read::<Event>("t", 1, 10).unwrap(), []);
    assert!(!journal.wait("t", 1, Duration::from_millis(1)).await);
    let waiting = journal.clone();
    let waiter = tokio::spawn(async move { waiting.wait("t", 1, SOON).await });
    journal.flush("t").await.unwrap();
    assert!(waiter.await.unwrap());
    assert_eq!(journal.read::<Event>("t", 1, 10).unwrap(), [(2, text("x"))]);
    assert!(journal.wait("t", 1, Duration::ZERO).await);
}

#[tokio::test]
async fn a_wait_ends_when_the_store_is_closed() {
    let place = Place::new();
    let store = place.open().await;
    let journal = store.journal().clone();
    let waiter = tokio::spawn(async move { journal.wait("t", 0, Duration::MAX).await });
    tokio::task::yield_now().await;
    store.close().await.unwrap();
    assert!(!tokio::time::timeout(SOON, waiter).await.unwrap().unwrap());
}

#[tokio::test]
async fn many_concurrent_appends_take_few_syncs() {
    let place = Place::new();
    let store = place.open().await;
    let before = store.info().syncs;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..500 {
        let journal = store.journal().clone();
        tasks.spawn(async move {
            journal
                .append(&format!("t{}", number % 50), Event::Done)
                .await
        });
    }
    for appended in tasks.join_all().await {
        appended.unwrap();
    }
    let syncs = store.info().syncs - before;
    assert!(syncs <= 50, "{syncs} syncs for 500 appends");
    for stream in 0..50 {
        assert_eq!(store.journal().last_seq(&format!("t{stream}")).unwrap(), 10);
    }
}

#[tokio::test]
async fn a_stream_can_be_deleted_and_begins_again() {
    let place = Place::new();
    let store = place.open().await;
    let journal = store.journal();
    for _ in 0..3 {
        journal
            .append("t", text(&"long ".repeat(3_000)))
            .await
            .unwrap();
    }
    journal.append("t2", Event::Done).await.unwrap();
    let mut batch = Batch::new();
    batch.delete_stream("t").append("t", text("anew")).unwrap();
    store.commit(batch).await.unwrap();
    assert_eq!(
        journal.read::<Event>("t", 0, 10).unwrap(),
        [(1, text("anew"))]
    );
    assert_eq!(journal.append("t", Event::Done).await.unwrap(), 2);
    assert_eq!(journal.last_seq("t2").unwrap(), 1);
    let mut batch = Batch::new();
    batch.delete_stream("t");
    store.commit(batch).await.unwrap();
    assert_eq!(journal.last_seq("t").unwrap(), 0);
    // The head record and the other stream's one entry.
    assert_eq!(store.shared.read(|db| Ok(db.len())).unwrap(), 2);
}

#[tokio::test]
async fn an_entry_of_a_batch_comes_with_its_records_or_not_at_all() {
    let place = Place::new();
    let store = place.open().await;
    let mut refused = Batch::new();
    refused
        .expect_present::<Note>("a")
        .unwrap()
        .append("t", Event::Done)
        .unwrap();
    assert!(matches!(
        store.commit(refused).await,
        Err(StoreError::Conflict { .. })
    ));
    assert_eq!(store.journal().last_seq("t").unwrap(), 0);

    let mut batch = Batch::new();
    batch
        .put("a", &note("done"))
        .unwrap()
        .append("t", Event::Done)
        .unwrap();
    store.commit(batch).await.unwrap();
    assert_eq!(store.get::<Note>("a").unwrap(), Some(note("done")));
    assert_eq!(
        store.journal().read::<Event>("t", 0, 9).unwrap(),
        [(1, Event::Done)]
    );
}

#[tokio::test]
async fn entries_before_a_commit_are_applied_before_it() {
    let place = Place::new();
    let store = slow(&place).await;
    store.journal().append("t", Event::Done).await.unwrap();
    store.journal().push("t", text("before")).await.unwrap();
    let mut batch = Batch::new();
    batch.append("t", text("after")).unwrap();
    store.commit(batch).await.unwrap();
    let found = store.journal().read::<Event>("t", 1, 9).unwrap();
    assert_eq!(found, [(2, text("before")), (3, text("after"))]);
}

#[tokio::test]
async fn more_streams_than_are_kept_in_mind_go_on_where_they_were() {
    let place = Place::new();
    let store = place.open().await;
    for round in 1..=2 {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..600 {
            let journal = store.journal().clone();
            tasks.spawn(async move { journal.append(&format!("t{number}"), Event::Done).await });
        }
        for appended in tasks.join_all().await {
            assert_eq!(appended.unwrap(), round);
        }
    }
}
