use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::{Event, Note, Place, note, put, text};
use crate::disk::{Disk, Real};
use crate::{Options, Store, StoreError};

/// A disk whose room and health the test decides.
struct Faulty {
    available: AtomicU64,
    broken: AtomicBool,
}

impl Faulty {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            available: AtomicU64::new(u64::MAX),
            broken: AtomicBool::new(false),
        })
    }

    fn set_available(&self, bytes: u64) {
        self.available.store(bytes, Ordering::SeqCst);
    }

    fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }
}

impl Disk for Faulty {
    fn available(&self, path: &Path) -> io::Result<u64> {
        Ok(Real
            .available(path)?
            .min(self.available.load(Ordering::SeqCst)))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is broken"));
        }
        Real.sync(file)
    }
}

async fn open(place: &Place, disk: &Arc<Faulty>) -> Store {
    Store::open_on(&place.path(), Options::default(), disk.clone())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_full_disk_is_told_and_harms_nothing() {
    let (place, disk) = (Place::new(), Faulty::new());
    let store = open(&place, &disk).await;
    put(&store, "a", &note("before")).await.unwrap();
    store.journal().append("t", Event::Done).await.unwrap();

    disk.set_available(1_000_000);
    let refused = put(&store, "a", &note("lost")).await.unwrap_err();
    assert!(refused.is_full(), "{refused}");
    assert!(refused.to_string().contains("free some space"), "{refused}");
    assert!(
        store
            .journal()
            .append("t", Event::Done)
            .await
            .unwrap_err()
            .is_full()
    );
    assert!(store.put_blob("x".into()).await.unwrap_err().is_full());
    assert_eq!(store.get::<Note>("a").unwrap(), Some(note("before")));
    assert_eq!(
        store.journal().read::<Event>("t", 0, 9).unwrap(),
        [(1, Event::Done)]
    );

    disk.set_available(u64::MAX);
    put(&store, "a", &note("after")).await.unwrap();
    assert_eq!(store.journal().append("t", Event::Done).await.unwrap(), 2);
    store.close().await.unwrap();
    assert_eq!(
        place.open().await.get::<Note>("a").unwrap(),
        Some(note("after"))
    );
}

#[tokio::test]
async fn what_was_pushed_and_lost_is_told_by_the_next_flush() {
    let (place, disk) = (Place::new(), Faulty::new());
    let store = open(&place, &disk).await;
    let journal = store.journal();
    journal.append("t", Event::Done).await.unwrap();
    disk.set_available(0);
    journal.push("t", text("lost")).await.unwrap();
    // Until the failure is known; then the stream takes nothing more.
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while journal.push("t", text("lost too")).await.is_ok() {
        assert!(std::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    disk.set_available(u64::MAX);
    assert!(
        journal
            .append("t", Event::Done)
            .await
            .unwrap_err()
            .is_full()
    );
    assert!(journal.flush("t").await.unwrap_err().is_full());

    assert_eq!(journal.flush("t").await.unwrap(), 1);
    assert_eq!(journal.append("t", text("on")).await.unwrap(), 2);
    assert_eq!(journal.append("u", text("others")).await.unwrap(), 1);
}

#[tokio::test]
async fn a_failed_sync_acknowledges_nothing_and_the_store_comes_back() {
    let (place, disk) = (Place::new(), Faulty::new());
    let store = open(&place, &disk).await;
    put(&store, "a", &note("before")).await.unwrap();
    store.journal().append("t", Event::Done).await.unwrap();

    disk.set_broken(true);
    let refused = put(&store, "b", &note("unknown")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Io { .. }), "{refused}");
    assert!(store.journal().append("t", Event::Done).await.is_err());
    let refused = store.get::<Note>("a").unwrap_err();
    assert!(
        matches!(refused, StoreError::Unavailable { .. }),
        "{refused}"
    );

    disk.set_broken(false);
    put(&store, "c", &note("after")).await.unwrap();
    assert_eq!(store.get::<Note>("a").unwrap(), Some(note("before")));
    let last = store.journal().last_seq("t").unwrap();
    assert_eq!(
        store.journal().append("t", Event::Done).await.unwrap(),
        last + 1
    );
    let expected = store.list::<Note>("").unwrap();
    store.close().await.unwrap();
    assert_eq!(place.open().await.list::<Note>("").unwrap(), expected);
}

#[tokio::test]
async fn a_store_that_is_closed_while_its_disk_is_broken_is_checked_when_opened() {
    let (place, disk) = (Place::new(), Faulty::new());
    let store = open(&place, &disk).await;
    put(&store, "a", &note("before")).await.unwrap();
    disk.set_broken(true);
    put(&store, "b", &note("unknown")).await.unwrap_err();
    store.close().await.unwrap_err();
    assert!(!place.path().join("store/clean").exists());
    assert_eq!(
        place.open().await.get::<Note>("a").unwrap(),
        Some(note("before"))
    );
}
