//! Every limit and wait of the builder in one table, each with its reason.

use std::time::Duration;

/// Longest path of a project file (bytes): it must fit any file system below a home directory.
pub const PATH_BYTES: usize = 240;

/// Longest name of a file or folder (bytes): file systems stop at 255, and editors add suffixes.
pub const PATH_SEGMENT_BYTES: usize = 120;

/// Longest file (bytes): source code is far smaller, and a sandbox compiles it in memory.
pub const FILE_BYTES: usize = 1024 * 1024;

/// Files of a project.
pub const PROJECT_FILES: usize = 2_000;

/// All files of a project together (bytes): they are held in memory while a state is prepared.
pub const PROJECT_BYTES: u64 = 64 * 1024 * 1024;

/// Longest answer (bytes): some four million tokens, more than any model gives.
pub const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Longest tag with its attributes (bytes); what is longer is text.
pub const TAG_BYTES: usize = 4096;

/// SEARCH/REPLACE blocks of one edit: each reads the whole file; beyond it, writing it is better.
pub const EDIT_BLOCKS: usize = 200;

/// Longest request of a user (bytes).
pub const REQUEST_BYTES: usize = 64 * 1024;

/// Until a provider gives its first event: reasoning models and cold local models are slow.
pub const FIRST_EVENT: Duration = Duration::from_secs(120);

/// Between two events of a provider.
pub const NEXT_EVENT: Duration = Duration::from_secs(60);

/// Events taken from a provider at once.
pub const EVENTS_AT_ONCE: u32 = 64;

/// For the checks of one query. A database that is slower is treated as one that is away.
pub const QUERY_CHECK: Duration = Duration::from_secs(15);

/// For all checks of a state's queries.
pub const ALL_QUERY_CHECKS: Duration = Duration::from_secs(60);

/// Queries that are checked at the same time; connections are few.
pub const QUERY_CHECKS_AT_ONCE: usize = 4;

/// For reading a source's schema at the beginning of a turn; it comes from a cache as a rule.
pub const SCHEMA: Duration = Duration::from_secs(30);

/// Events of one page (also what a client may ask for at most).
pub const EVENTS_PAGE: u32 = 1_000;

/// Text of one event (bytes); a longer one becomes several. Written as JSON, where a byte takes up to
/// six, it must fit the store's entries and a frame of the RPC.
pub const EVENT_TEXT: usize = 256 * 1024;

/// Text of all events of a page together (bytes), for the same reason.
pub const EVENTS_TEXT: usize = 1024 * 1024;

/// Longest wait for an event; a client asks again.
pub const EVENTS_WAIT: Duration = Duration::from_secs(60);
