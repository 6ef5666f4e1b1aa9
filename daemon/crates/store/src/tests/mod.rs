//! The store's promises, one file per part.

mod backup;
mod blobs;
mod disk;
mod journal;
mod keys;
mod records;
mod recovery;
mod repository;
mod sealing;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{Batch, JournalEntry, Options, Record, Secret, Store, StoreError, files};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    text: String,
}

impl Record for Note {
    const KIND: &'static str = "note";
}

fn note(text: &str) -> Note {
    Note {
        text: text.to_owned(),
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Login {
    password: Secret,
}

impl Record for Login {
    const KIND: &'static str = "login";
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Event {
    Text(String),
    Done,
}

impl JournalEntry for Event {
    fn join(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::Text(text), Self::Text(more)) => {
                text.push_str(&more);
                None
            }
            (_, next) => Some(next),
        }
    }
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

/// A data directory of its own.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    async fn open(&self) -> Store {
        Store::open(&self.path(), Options::default()).await.unwrap()
    }
}

async fn put(store: &Store, id: &str, value: &Note) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.put(id, value)?;
    store.commit(batch).await
}

/// Every file below a directory with its content.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files::list(dir)
        .unwrap()
        .into_iter()
        .map(|path| {
            let bytes = fs::read(dir.join(&path)).unwrap();
            (path, bytes)
        })
        .collect()
}
