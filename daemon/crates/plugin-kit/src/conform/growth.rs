//! What a long run leaves behind.

use super::suite::{Done, fail, skip};
use std::fs;

/// The most that the process may grow in the second half of a run, in bytes. A plugin that keeps a
/// few KiB of each call is far beyond it.
const GROWTH: u64 = 24 * 1024 * 1024;

/// The memory of this process, in bytes; none where the system does not tell.
pub(super) fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Compares what was used in the middle of a run, when all is warm, with its end.
pub(super) fn compare(middle: Option<u64>, end: Option<u64>, calls: u32) -> Done {
    let (Some(middle), Some(end)) = (middle, end) else {
        return skip(
            "the memory of a process is read from /proc/self/status, which this system does not \
             have: run the kit on Linux too",
        );
    };
    let grown = end.saturating_sub(middle);
    if grown <= GROWTH {
        return Ok(());
    }
    fail(
        format!("no more memory after {calls} calls than after half of them"),
        format!("{} MiB more", grown / (1024 * 1024)),
        "drop what belongs to a call when the call ends: look for lists and maps that only grow",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::suite::Trouble;

    #[test]
    fn what_cannot_be_measured_is_skipped() {
        for (middle, end) in [(None, Some(1)), (Some(1), None), (None, None)] {
            let done = compare(middle, end, 10);
            assert!(
                matches!(&done, Err(Trouble::Skip(reason)) if reason.contains("Linux")),
                "{done:?}"
            );
        }
    }

    #[test]
    fn what_grows_with_the_calls_is_a_failure() {
        assert!(compare(Some(100), Some(100 + GROWTH), 10).is_ok());
        assert!(compare(Some(100), Some(101 + GROWTH), 10).is_err());
        assert!(compare(Some(100), Some(50), 10).is_ok());
    }
}
