//! The limits of deploying, each with its unit and its reason.

use std::time::Duration;

/// A whole deployment: builds at a target take minutes, and none takes an hour.
pub const DEPLOYMENT: Duration = Duration::from_secs(3600);
/// Asking a target for a plan, a check or a status.
pub const ASK: Duration = Duration::from_secs(100);
/// Events taken from a deployer at a time.
pub const EVENTS: u32 = 64;
/// Bytes of one stored piece of an artifact: a page over RPC, in base64, stays below a frame.
pub const PART: usize = 1024 * 1024;
/// Artifacts kept for a project at one target; older releases keep everything else.
pub const ARTIFACTS: usize = 10;
/// Settings of one target.
pub const SETTINGS: usize = 100;
