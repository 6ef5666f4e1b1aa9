//! One owner per data directory: an exclusive lock on a file that also names its process.
//!
//! The lock is the kernel's (`flock`), so it ends with the process however that ends; the number in
//! the file is only there to be read by a person.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::OpenError;

/// Held while it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(OpenError::io("open the lock file", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Only for the message: an unreadable number is no other error.
                let pid = file
                    .read_to_string(&mut text)
                    .ok()
                    .and_then(|_| text.trim().parse().ok());
                return Err(OpenError::Locked {
                    lock_file: path.to_owned(),
                    pid,
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(OpenError::io("lock", path)(source));
            }
        }
        let named = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        // On a full disk the number may be missing; the lock holds all the same.
        if let Err(error) = named {
            tracing::warn!(%error, "the process id could not be written into the lock file");
        }
        Ok(Self { _file: file })
    }
}
