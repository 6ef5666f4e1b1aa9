//! The two questions to the disk whose answers decide about durability, so that tests can answer
//! them.

use std::fs::File;
use std::io;
use std::path::Path;

pub(crate) trait Disk: Send + Sync {
    /// How much can still be written below `path` (bytes).
    fn available(&self, path: &Path) -> io::Result<u64>;

    /// Returns when the file's content would survive a loss of power.
    fn sync(&self, file: &File) -> io::Result<()>;
}

/// The disk of the machine.
pub(crate) struct Real;

impl Disk for Real {
    fn available(&self, path: &Path) -> io::Result<u64> {
        let found = rustix::fs::statvfs(path)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}
