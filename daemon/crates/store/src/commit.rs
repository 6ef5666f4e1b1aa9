//! The number of the last acknowledged commit, in a small file of its own.
//!
//! The database holds the number of its last commit too. After a crash it may be ahead of this file
//! (a commit written but not acknowledged); when it is behind, acknowledged commits were lost.
//!
//! The file has two slots of 512 bytes, written in turn and synced, so that a torn write leaves the
//! other slot: `magic (8), number (8, little-endian), first 16 bytes of BLAKE3 of those`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::disk::Disk;
use crate::files;

const SLOT: usize = 512;
const MAGIC: [u8; 8] = *b"labdcmt1";

#[derive(Debug)]
pub(crate) struct CommitFile {
    file: File,
    number: u64,
}

impl CommitFile {
    /// Makes the file, with the number 0, before there is a database.
    pub(crate) fn create(path: &Path, number: u64) -> io::Result<Self> {
        files::replace(path, &[slot(number), [0; SLOT]].concat())?;
        Self::open(path)?.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Opens the file; nothing when neither slot holds a number.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path)?;
        let mut number = None;
        for index in 0..2 {
            let mut bytes = [0; SLOT];
            match file.read_exact_at(&mut bytes, index * SLOT as u64) {
                Ok(()) => number = number.max(read(&bytes)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => return Err(error),
            }
        }
        Ok(number.map(|number| Self { file, number }))
    }

    /// The number acknowledged last.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Writes a number into the slot of the older one, and syncs it.
    pub(crate) fn write(&mut self, number: u64, disk: &dyn Disk) -> io::Result<()> {
        self.file
            .write_all_at(&slot(number), (number % 2) * SLOT as u64)?;
        disk.sync(&self.file)?;
        self.number = number;
        Ok(())
    }
}

fn slot(number: u64) -> [u8; SLOT] {
    let head = [MAGIC, number.to_le_bytes()].concat();
    let digest = blake3::hash(&head);
    let mut bytes = [0; SLOT];
    for (to, from) in bytes
        .iter_mut()
        .zip(head.iter().chain(digest.as_bytes().iter().take(16)))
    {
        *to = *from;
    }
    bytes
}

fn read(bytes: &[u8; SLOT]) -> Option<u64> {
    let (_, rest) = bytes.split_first_chunk::<8>()?;
    let (number, _) = rest.split_first_chunk()?;
    let number = u64::from_le_bytes(*number);
    (slot(number) == *bytes).then_some(number)
}
