//! What a process takes of the machine.

use crate::Result;
use labd_tests::daemon::Memory;
use std::{fs, time::Duration};

/// The processor's time that the threads of a process have had so far.
pub fn cpu(pid: u32) -> Result<Duration> {
    let mut all = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may have ended since the folder was read.
        if let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) {
            let running = text.split_whitespace().next().unwrap_or_default();
            all += running.parse::<u64>()?;
        }
    }
    Ok(Duration::from_nanos(all))
}

/// Its resident memory, in bytes.
pub fn memory(pid: u32) -> Result<u64> {
    Ok(Memory::of(pid)?.all)
}
