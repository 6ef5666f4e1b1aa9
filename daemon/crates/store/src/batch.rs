//! A batch: changes that are written together or not at all, with what they expect.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::journal::{Erased, JournalEntry};
use crate::keys::Keyring;
use crate::record::{self, Record};
use crate::{seal, tree};

/// Changes that are written together or not at all.
///
/// ```
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Project { title: String }
/// # impl labd_store::Record for Project { const KIND: &'static str = "project"; }
/// # async fn rename(store: &labd_store::Store) -> Result<(), labd_store::StoreError> {
/// let mut batch = labd_store::Batch::new();
/// batch.expect_absent::<Project>("01hx")?;
/// batch.put("01hx", &Project { title: "Invoices".into() })?;
/// store.commit(batch).await
/// # }
/// ```
#[derive(Default)]
pub struct Batch {
    expect: Vec<Expect>,
    /// What is put (something) or deleted (nothing), by key: the last word on a key counts.
    values: BTreeMap<Vec<u8>, Option<Zeroizing<Vec<u8>>>>,
    delete_streams: Vec<String>,
    append: Vec<(String, Box<dyn Erased>)>,
    bytes: usize,
    /// The first error of a call that has none to return.
    invalid: Option<StoreError>,
}

pub(crate) struct Expect {
    pub(crate) what: String,
    pub(crate) key: Vec<u8>,
    pub(crate) state: Expected,
}

pub(crate) enum Expected {
    Absent,
    Present,
    /// This value, encoded.
    Value(Zeroizing<Vec<u8>>),
}

impl Batch {
    /// A batch that changes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a record, whether there was one or not.
    ///
    /// # Errors
    /// When the id is none, or the value cannot be encoded or is too large.
    pub fn put<T: Record>(&mut self, id: &str, value: &T) -> Result<&mut Self, StoreError> {
        let key = key::<T>(id)?;
        let value = record::encode(|| name::<T>(id), T::VERSION, value)?;
        self.bytes += key.len() + value.len() + seal::OVERHEAD;
        self.values.insert(key, Some(value));
        Ok(self)
    }

    /// Deletes a record; it is no error when there is none.
    pub fn delete<T: Record>(&mut self, id: &str) -> &mut Self {
        match key::<T>(id) {
            Ok(key) => {
                self.bytes += key.len();
                self.values.insert(key, None);
            }
            Err(error) => {
                self.invalid.get_or_insert(error);
            }
        }
        self
    }

    /// The commit fails with [`StoreError::Conflict`] unless there is no such record.
    ///
    /// # Errors
    /// When the id is none.
    pub fn expect_absent<T: Record>(&mut self, id: &str) -> Result<&mut Self, StoreError> {
        self.expected::<T>(id, Expected::Absent)
    }

    /// The commit fails with [`StoreError::Conflict`] unless there is such a record.
    ///
    /// # Errors
    /// When the id is none.
    pub fn expect_present<T: Record>(&mut self, id: &str) -> Result<&mut Self, StoreError> {
        self.expected::<T>(id, Expected::Present)
    }

    /// The commit fails with [`StoreError::Conflict`] unless the record has this value: the one that
    /// was read before it was changed. Values are compared as JSON; the order of fields is of no
    /// account, the order of elements is, so keep sets sorted.
    ///
    /// # Errors
    /// When the id is none, or the value cannot be encoded or is too large.
    pub fn expect<T: Record>(&mut self, id: &str, value: &T) -> Result<&mut Self, StoreError> {
        let value = record::encode(|| name::<T>(id), T::VERSION, value)?;
        self.expected::<T>(id, Expected::Value(value))
    }

    fn expected<T: Record>(&mut self, id: &str, state: Expected) -> Result<&mut Self, StoreError> {
        self.expect.push(Expect {
            what: name::<T>(id),
            key: key::<T>(id)?,
            state,
        });
        Ok(self)
    }

    /// Deletes all entries of a stream (before anything this batch appends to it).
    pub fn delete_stream(&mut self, stream: &str) -> &mut Self {
        match record::check_id(stream) {
            Ok(()) => self.delete_streams.push(stream.to_owned()),
            Err(error) => {
                self.invalid.get_or_insert(error);
            }
        }
        self
    }

    /// Appends an entry to a stream, with the batch's other changes or not at all.
    ///
    /// # Errors
    /// When the stream's name is none, or the entry cannot be encoded or is too large.
    pub fn append<E: JournalEntry>(
        &mut self,
        stream: &str,
        entry: E,
    ) -> Result<&mut Self, StoreError> {
        record::check_id(stream)?;
        self.bytes += record::encode(|| format!("an entry of {stream}"), E::VERSION, &entry)?.len();
        self.append.push((stream.to_owned(), Box::new(entry)));
        Ok(self)
    }

    /// Whether the batch neither changes nor expects anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expect.is_empty()
            && self.values.is_empty()
            && self.delete_streams.is_empty()
            && self.append.is_empty()
            && self.invalid.is_none()
    }

    /// Seals the values: from here on the batch holds none in the clear but what it expects.
    pub(crate) fn prepare(self, keys: &Keyring) -> Result<Prepared, StoreError> {
        if let Some(error) = self.invalid {
            return Err(error);
        }
        let values = self
            .values
            .into_iter()
            .map(|(key, value)| {
                let sealed = value
                    .map(|value| seal::seal(keys, &key, &value))
                    .transpose()?;
                Ok((key, sealed))
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Prepared {
            expect: self.expect,
            values,
            delete_streams: self.delete_streams,
            append: self.append,
            bytes: self.bytes,
        })
    }
}

/// A batch as the writer takes it.
pub(crate) struct Prepared {
    pub(crate) expect: Vec<Expect>,
    pub(crate) values: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub(crate) delete_streams: Vec<String>,
    pub(crate) append: Vec<(String, Box<dyn Erased>)>,
    pub(crate) bytes: usize,
}

impl Expect {
    /// Whether the stored value is as expected.
    pub(crate) fn holds(&self, db: &sled::Db, keys: &Keyring) -> Result<bool, StoreError> {
        match &self.state {
            Expected::Absent => Ok(!tree::contains(db, &self.key)?),
            Expected::Present => tree::contains(db, &self.key),
            Expected::Value(expected) => {
                let Some(sealed) = tree::get(db, &self.key)? else {
                    return Ok(false);
                };
                let stored = seal::open(keys, &self.key, &sealed)?;
                Ok(stored == *expected || same_json(&stored, expected))
            }
        }
    }
}

fn same_json(stored: &[u8], expected: &[u8]) -> bool {
    let parse = |bytes: &[u8]| {
        let (version, json) = bytes.split_first_chunk::<2>()?;
        Some((
            *version,
            serde_json::from_slice::<serde_json::Value>(json).ok()?,
        ))
    };
    match (parse(stored), parse(expected)) {
        (Some(stored), Some(expected)) => stored == expected,
        _ => false,
    }
}

pub(crate) fn key<T: Record>(id: &str) -> Result<Vec<u8>, StoreError> {
    record::check_id(id)?;
    Ok(tree::record(T::KIND, id))
}

pub(crate) fn name<T: Record>(id: &str) -> String {
    format!("{} {id}", T::KIND)
}
