//! The events of a turn as they are stored.

use crate::limits::{EVENT_TEXT, EVENTS_TEXT};
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

/// An event, in several when its text is longer than [`EVENT_TEXT`].
pub(crate) fn pieces(event: TurnEvent) -> impl Iterator<Item = TurnEvent> {
    let mut next = Some(event);
    std::iter::from_fn(move || {
        let mut event = next.take()?;
        next = split(&mut event);
        Some(event)
    })
}

/// Cuts the text of an event at [`EVENT_TEXT`] and gives the rest as another one.
fn split(event: &mut TurnEvent) -> Option<TurnEvent> {
    use TurnEvent::{FileText, Reasoning, Text};
    let cut = |text: &mut String| {
        (text.len() > EVENT_TEXT).then(|| text.split_off(text.floor_char_boundary(EVENT_TEXT)))
    };
    match event {
        Text { text } => cut(text).map(|text| Text { text }),
        Reasoning { text } => cut(text).map(|text| Reasoning { text }),
        FileText { path, text } => cut(text).map(|text| FileText {
            path: path.clone(),
            text,
        }),
        _ => None,
    }
}

/// As many of these entries, and at least one, as fit a page by their text.
pub(crate) fn fit(entries: &mut Vec<(u64, TurnEntry)>) {
    let mut bytes = 0;
    let fitting = entries.iter().position(|(_, entry)| {
        bytes += match &entry.event {
            TurnEvent::Text { text }
            | TurnEvent::Reasoning { text }
            | TurnEvent::FileText { text, .. } => text.len(),
            _ => 0,
        };
        bytes > EVENTS_TEXT
    });
    if let Some(fitting) = fitting {
        entries.truncate(fitting.max(1));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_become_events_that_are_whole_when_joined() {
        let long = "ä".repeat(EVENT_TEXT);
        let parts: Vec<_> = pieces(TurnEvent::Text { text: long.clone() }).collect();
        let texts: Vec<_> = parts
            .iter()
            .map(|event| match event {
                TurnEvent::Text { text } => text.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(texts.iter().all(|text| text.len() <= EVENT_TEXT));
        assert_eq!(texts.concat(), long);
    }

    #[test]
    fn a_page_holds_at_least_one_event_and_no_more_text_than_fits() {
        let text = |bytes: usize| {
            let text = "x".repeat(bytes);
            (1, TurnEntry::now(TurnEvent::Text { text }))
        };
        let fitted = |mut entries: Vec<_>| {
            fit(&mut entries);
            entries.len()
        };
        let half = EVENTS_TEXT / 2;
        assert_eq!(fitted(vec![text(1), text(1), text(1)]), 3);
        assert_eq!(fitted(vec![text(half), text(half), text(1)]), 2);
        assert_eq!(fitted(vec![text(EVENTS_TEXT + 1), text(1)]), 1);
        assert_eq!(fitted(Vec::new()), 0);
    }
}
