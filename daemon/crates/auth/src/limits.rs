//! How long things live and how many there may be.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A sign-in link: long enough to switch to a browser.
pub const SIGN_IN_LIFE: Duration = Duration::from_secs(5 * 60);
/// A session, from its last use: whoever comes once a month stays signed in.
pub const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// A preview ticket: a page load.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);
/// A preview's cookie: a day's work. The console gets a new one with each ticket.
pub const PREVIEW_LIFE: Duration = Duration::from_secs(24 * 3600);

/// A session is prolonged when it was last prolonged that long ago, so that not every call writes.
pub(crate) const PROLONG_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Sign-in links that can be open at once; a further one replaces the oldest.
pub(crate) const LINKS: usize = 16;
/// Tickets that can be open at once; a further one replaces the oldest.
pub(crate) const TICKETS: usize = 1024;
/// Sessions; a further one ends the one that was unused for longest.
pub(crate) const SESSIONS: usize = 100;
/// Tokens; a further one is refused.
pub(crate) const TOKENS: usize = 1000;
/// Characters of a token's name.
pub(crate) const TOKEN_NAME: usize = 100;

/// The time `life` after `now`, or the end of time.
pub(crate) fn after(now: Timestamp, life: Duration) -> Timestamp {
    SignedDuration::try_from(life)
        .ok()
        .and_then(|life| now.checked_add(life).ok())
        .unwrap_or(Timestamp::MAX)
}

/// The minute that `now` is in.
pub(crate) fn minute(now: Timestamp) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(now)
}
