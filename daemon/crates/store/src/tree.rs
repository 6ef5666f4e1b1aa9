//! Where values lie in sled's one tree, and how a long value is cut into pieces.
//!
//! | key | value |
//! | --- | --- |
//! | `m` | format (2), number of the last commit (8), little-endian; unsealed |
//! | `r/` kind `\0` id | a record |
//! | `j/` stream `\0` seq (8, big-endian) | a journal entry |
//!
//! A value is `number of further pieces (2, little-endian), first piece`; the further pieces follow
//! under the same key with `\0` and their number (4, big-endian) behind it. Names hold no control
//! characters, so the pieces come right after the key they belong to, and no two values share a key.

use std::ops::ControlFlow;

use crate::error::StoreError;
use crate::limits::PIECE;

const META: &[u8] = b"m";

pub(crate) fn record(kind: &str, id: &str) -> Vec<u8> {
    [b"r/", kind.as_bytes(), b"\0", id.as_bytes()].concat()
}

pub(crate) fn stream(stream: &str) -> Vec<u8> {
    [b"j/", stream.as_bytes(), b"\0"].concat()
}

pub(crate) fn entry(stream: &str, seq: u64) -> Vec<u8> {
    [b"j/", stream.as_bytes(), b"\0", &seq.to_be_bytes()].concat()
}

/// The lowest key behind a value and all its pieces.
pub(crate) fn behind(key: &[u8]) -> Vec<u8> {
    [key, b"\x01"].concat()
}

fn piece(key: &[u8], number: u16) -> Vec<u8> {
    [key, b"\0", &u32::from(number).to_be_bytes()].concat()
}

fn damaged(reason: &str) -> StoreError {
    StoreError::Damaged {
        reason: reason.to_owned(),
    }
}

fn failed(error: sled::Error) -> StoreError {
    StoreError::database("read the database")(error)
}

/// The stored format and the number of the last commit; nothing in a database just made.
pub(crate) fn meta(db: &sled::Db) -> Result<Option<(u16, u64)>, StoreError> {
    let Some(bytes) = db.get(META).map_err(failed)? else {
        return Ok(None);
    };
    let parts = || {
        let (format, rest) = bytes.split_first_chunk()?;
        let (commit, _) = rest.split_first_chunk()?;
        Some((u16::from_le_bytes(*format), u64::from_le_bytes(*commit)))
    };
    parts()
        .map(Some)
        .ok_or_else(|| damaged("its head record is cut short"))
}

pub(crate) fn set_meta(batch: &mut sled::Batch, format: u16, commit: u64) {
    batch.insert(
        META,
        [format.to_le_bytes().as_slice(), &commit.to_le_bytes()].concat(),
    );
}

/// How many further pieces the value under `key` has.
fn pieces(db: &sled::Db, key: &[u8]) -> Result<Option<u16>, StoreError> {
    match db.get(key).map_err(failed)? {
        None => Ok(None),
        Some(head) => head
            .split_first_chunk()
            .map(|(count, _)| Some(u16::from_le_bytes(*count)))
            .ok_or_else(|| damaged("a value is cut short")),
    }
}

/// Puts a value, and removes what a longer one before it leaves over.
pub(crate) fn put(
    db: &sled::Db,
    batch: &mut sled::Batch,
    key: &[u8],
    value: &[u8],
) -> Result<(), StoreError> {
    let old = pieces(db, key)?.unwrap_or(0);
    let (first, rest) = value.split_at_checked(PIECE).unwrap_or((value, &[]));
    let count = u16::try_from(rest.len().div_ceil(PIECE))
        .map_err(|_| damaged("a value has too many pieces"))?;
    batch.insert(key, [count.to_le_bytes().as_slice(), first].concat());
    for (number, bytes) in (0..).zip(rest.chunks(PIECE)) {
        batch.insert(piece(key, number), bytes);
    }
    for number in count..old {
        batch.remove(piece(key, number));
    }
    Ok(())
}

/// Removes a value with all its pieces.
pub(crate) fn remove(db: &sled::Db, batch: &mut sled::Batch, key: &[u8]) -> Result<(), StoreError> {
    if let Some(count) = pieces(db, key)? {
        batch.remove(key);
        for number in 0..count {
            batch.remove(piece(key, number));
        }
    }
    Ok(())
}

/// Removes everything whose key starts with `prefix`.
pub(crate) fn remove_all(
    db: &sled::Db,
    batch: &mut sled::Batch,
    prefix: &[u8],
) -> Result<(), StoreError> {
    for key in db.scan_prefix(prefix).keys() {
        batch.remove(key.map_err(failed)?);
    }
    Ok(())
}

pub(crate) fn get(db: &sled::Db, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(head) = db.get(key).map_err(failed)? else {
        return Ok(None);
    };
    let (count, first) = head
        .split_first_chunk()
        .ok_or_else(|| damaged("a value is cut short"))?;
    let mut value = first.to_vec();
    for number in 0..u16::from_le_bytes(*count) {
        let piece = db.get(piece(key, number)).map_err(failed)?;
        value.extend_from_slice(&piece.ok_or_else(|| damaged("a piece of a value is missing"))?);
    }
    Ok(Some(value))
}

pub(crate) fn contains(db: &sled::Db, key: &[u8]) -> Result<bool, StoreError> {
    db.contains_key(key).map_err(failed)
}

/// Visits the values whose keys start with `prefix` and are not below `from`, in order, until told
/// to stop.
pub(crate) fn scan(
    db: &sled::Db,
    prefix: &[u8],
    from: &[u8],
    mut visit: impl FnMut(&[u8], Vec<u8>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut items = db.range(from..);
    while let Some(item) = items.next() {
        let (key, head) = item.map_err(failed)?;
        if !key.starts_with(prefix) {
            break;
        }
        let (count, first) = head
            .split_first_chunk()
            .ok_or_else(|| damaged("a value is cut short"))?;
        let mut value = first.to_vec();
        for number in 0..u16::from_le_bytes(*count) {
            match items.next().transpose().map_err(failed)? {
                Some((found, bytes)) if found == piece(&key, number) => {
                    value.extend_from_slice(&bytes)
                }
                _ => return Err(damaged("a piece of a value is missing")),
            }
        }
        if visit(&key, value)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The highest number in a stream; 0 when it has no entries.
pub(crate) fn last_seq(db: &sled::Db, name: &str) -> Result<u64, StoreError> {
    let prefix = stream(name);
    match db
        .scan_prefix(&prefix)
        .keys()
        .next_back()
        .transpose()
        .map_err(failed)?
    {
        None => Ok(0),
        Some(key) => seq(&key, &prefix).ok_or_else(|| damaged("a journal key is cut short")),
    }
}

/// The number in the key of an entry (or of one of its pieces).
pub(crate) fn seq(key: &[u8], prefix: &[u8]) -> Option<u64> {
    let (seq, _) = key.strip_prefix(prefix)?.split_first_chunk()?;
    Some(u64::from_be_bytes(*seq))
}
