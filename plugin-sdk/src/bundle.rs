//! The files of the app that a deployer plans or deploys.

use crate::{Error, Host, Result};

pub use crate::bindings::base::labd::host::bundle::{Encoding, File};

/// Files that are asked for at a time.
const PAGE: u32 = 1000;
/// Bytes of a file that are asked for at a time.
const PIECE: u32 = 1 << 20;

/// All files of the bundle, ordered by path.
///
/// # Errors
/// `conflict` when there is no bundle: outside of `plan` and `deploy`.
pub fn files<H: Host>(host: &H) -> Result<Vec<File>> {
    let mut all = Vec::new();
    loop {
        let first = u32::try_from(all.len()).map_err(|_| Error::invalid("too many files"))?;
        let page = host.bundle_files(first, PAGE)?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// A whole file. For a large one [`Reader`] needs less memory.
///
/// # Errors
/// `not-found` when the bundle has no such file.
pub fn read<H: Host>(host: &H, path: &str) -> Result<Vec<u8>> {
    let mut reader = Reader::new(path);
    let mut all = Vec::new();
    loop {
        let piece = reader.next(host)?;
        if piece.is_empty() {
            return Ok(all);
        }
        all.extend(piece);
    }
}

/// Reads a file piece by piece.
#[derive(Clone, Debug)]
pub struct Reader {
    path: String,
    offset: u32,
}

impl Reader {
    /// From the beginning of this file.
    pub fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            offset: 0,
        }
    }

    /// The next piece, at most 1 MiB; empty at the end.
    ///
    /// # Errors
    /// `not-found` when the bundle has no such file.
    pub fn next<H: Host>(&mut self, host: &H) -> Result<Vec<u8>> {
        let piece = host.bundle_read(&self.path, self.offset, PIECE)?;
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        self.offset = self.offset.saturating_add(length);
        Ok(piece)
    }
}
