//! The events of a turn as they are stored.

use jiff::Timestamp;
use labd_protocol::{TurnEvent, TurnEventRecord};
use labd_store::JournalEntry;
use serde::{Deserialize, Serialize};

/// An event with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TurnEntry {
    pub(crate) at: Timestamp,
    pub(crate) event: TurnEvent,
}

impl TurnEntry {
    pub(crate) fn now(event: TurnEvent) -> Self {
        Self {
            at: Timestamp::now(),
            event,
        }
    }

    pub(crate) fn numbered(self, seq: u64) -> TurnEventRecord {
        TurnEventRecord {
            seq,
            at: self.at,
            event: self.event,
        }
    }
}

impl JournalEntry for TurnEntry {
    fn join(&mut self, next: Self) -> Option<Self> {
        use TurnEvent::{FileText, Reasoning, Text, Usage};
        match (&mut self.event, &next.event) {
            (Text { text }, Text { text: more })
            | (Reasoning { text }, Reasoning { text: more }) => {
                text.push_str(more);
                None
            }
            (
                FileText { path, text },
                FileText {
                    path: same,
                    text: more,
                },
            ) if path == same => {
                text.push_str(more);
                None
            }
            (Usage { usage }, Usage { usage: later }) => {
                *usage = *later;
                None
            }
            _ => Some(next),
        }
    }
}
