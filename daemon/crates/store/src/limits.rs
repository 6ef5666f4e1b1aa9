//! Every limit and wait of the store in one table, each with its reason.

use std::time::Duration;

/// Longest piece of a value under one key of the tree (bytes).
///
/// sled 0.34 splits a leaf by its number of items (16), not by its size, and puts a node beyond
/// 128 KiB into a file of its own which it never syncs. Pieces of 4 KiB keep a leaf below 100 KiB.
pub(crate) const PIECE: usize = 4 * 1024;

/// Longest record or journal entry, encoded (bytes). What is larger belongs into a blob.
pub(crate) const MAX_VALUE: usize = 8 * 1024 * 1024;

/// Longest blob (bytes): it is sealed in memory in one go.
pub(crate) const MAX_BLOB: usize = 256 * 1024 * 1024;

/// Longest id, kind or stream name (bytes): an index page of the tree holds up to 256 of them.
pub(crate) const MAX_ID: usize = 256;

/// Requests waiting for the writer; the next one waits for room.
pub(crate) const QUEUE: usize = 1024;

/// Memory held by requests that wait for the writer (KiB).
pub(crate) const QUEUE_KIB: u32 = 32 * 1024;

/// Requests that the writer takes into one group, whatever their size.
pub(crate) const GROUP: usize = 1024;

/// Records that a visit of all reads at once.
pub(crate) const RECORDS_PAGE: usize = 256;

/// How many streams the writer keeps in mind; beyond it, those nobody waits for are forgotten (and
/// read from the tree when they are next used).
pub(crate) const STREAMS: usize = 256;

/// How long the files of a database that was just closed may stay locked by the last of sled's
/// threads.
pub(crate) const RELEASE: Duration = Duration::from_secs(10);

/// How often sled may rewrite sparsely used parts of its file (ms). It has no other occasion to, and
/// each round wakes a thread.
pub(crate) const HOUSEKEEPING_MS: u64 = 10_000;
