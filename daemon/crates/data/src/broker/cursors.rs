//! Queries by hand whose rows did not fit one page.
//!
//! A caller may hold [`limits::CURSORS`] of them on a source; one more closes the oldest. A cursor
//! that nobody asks for [`limits::CURSOR_IDLE`] is given up, and its connection with it.

use super::{Lease, Page, limits};
use labd_protocol::{ApiError, CursorId, ErrorCode, SourceId};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// A held query.
pub(crate) struct Held {
    pub source: SourceId,
    pub caller: String,
    pub page: Page,
    pub lease: Lease,
    pub max_rows: u32,
}

/// All held queries.
#[derive(Default)]
pub(crate) struct Cursors {
    held: Mutex<HashMap<CursorId, (Instant, Held)>>,
}

impl Cursors {
    /// Keeps a query for its next page.
    pub fn hold(&self, held: Held) -> CursorId {
        let id = CursorId::generate();
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own: Vec<_> = all
            .iter()
            .filter(|(_, (_, other))| other.source == held.source && other.caller == held.caller)
            .map(|(id, (since, _))| (*since, *id))
            .collect();
        own.sort();
        let surplus = (own.len() + 1).saturating_sub(limits::CURSORS);
        for (_, id) in own.into_iter().take(surplus) {
            all.remove(&id);
        }
        all.insert(id, (Instant::now(), held));
        id
    }

    /// Takes a query out, to go on with it or to close it.
    pub fn take(&self, id: CursorId, caller: &str) -> Result<Held, ApiError> {
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let expired = || {
            ApiError::new(
                ErrorCode::Expired,
                "The rest of this result is not held any more; run the query again.",
            )
        };
        match all.get(&id) {
            Some((_, held)) if held.caller == caller => {}
            _ => return Err(expired()),
        }
        all.remove(&id).map(|(_, held)| held).ok_or_else(expired)
    }

    /// Gives up what nobody asks for, and everything of a source that is gone.
    pub fn evict(&self, gone: Option<SourceId>) {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, (since, held)| {
                since.elapsed() < limits::CURSOR_IDLE && gone != Some(held.source)
            });
    }
}
