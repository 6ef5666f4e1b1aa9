//! What holds for every answer, whatever the upstream: the order of its events.

use labd_plugin_host::kinds::ai::{Event, FinishReason};
use std::collections::BTreeSet;

/// What is wrong with an answer that came to its end.
pub(super) fn fault(events: &[Event]) -> Option<String> {
    let (mut open, mut known) = (BTreeSet::new(), BTreeSet::new());
    let mut finished = false;
    if !matches!(events.first(), Some(Event::Started { .. })) {
        return Some(format!("the first event is {}", shown(events.first())));
    }
    for event in events.iter().skip(1) {
        let wrong = match event {
            Event::Started { .. } => Some("there is a second `started`".to_owned()),
            Event::Usage(_) => None,
            _ if finished => Some(format!("{} comes after `finish`", shown(Some(event)))),
            Event::Finish(_) => {
                finished = true;
                open.iter()
                    .next()
                    .map(|id| format!("the tool call `{id}` is not finished"))
            }
            Event::ToolStarted { id, .. } => {
                open.insert(id.clone());
                (!known.insert(id.clone())).then(|| format!("the tool call `{id}` starts twice"))
            }
            Event::ToolFragment { id, .. } => (!open.contains(id))
                .then(|| format!("a fragment belongs to the tool call `{id}`, which is not open")),
            Event::ToolFinished(id) => (!open.remove(id))
                .then(|| format!("the tool call `{id}` is finished and was not open")),
            Event::Text(_) | Event::Reasoning(_) | Event::Blob(_) => None,
        };
        if wrong.is_some() {
            return wrong;
        }
    }
    (!finished).then(|| "there is no `finish`".to_owned())
}

fn shown(event: Option<&Event>) -> String {
    event.map_or_else(|| "missing".to_owned(), |event| format!("{event:?}"))
}

/// An answer with neighbouring pieces joined, so that two answers can be compared whatever their
/// pieces were.
pub(super) fn joined(events: &[Event]) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    for event in events {
        match (all.last_mut(), event) {
            (Some(Event::Text(before)), Event::Text(text))
            | (Some(Event::Reasoning(before)), Event::Reasoning(text)) => before.push_str(text),
            (
                Some(Event::ToolFragment { id, fragment }),
                Event::ToolFragment {
                    id: other,
                    fragment: more,
                },
            ) if id == other => fragment.push_str(more),
            _ => all.push(event.clone()),
        }
    }
    all.retain(|event| {
        !matches!(event, Event::Text(text) | Event::Reasoning(text)
            | Event::ToolFragment { fragment: text, .. } if text.is_empty())
    });
    all
}

/// The whole text of an answer.
pub(super) fn text(events: &[Event]) -> String {
    let texts = events.iter().filter_map(|event| match event {
        Event::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// The whole reasoning of an answer.
pub(super) fn reasoning(events: &[Event]) -> String {
    let texts = events.iter().filter_map(|event| match event {
        Event::Reasoning(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// Tool calls with all of their arguments.
pub(super) fn tool_calls(events: &[Event]) -> Vec<(String, String)> {
    let mut calls: Vec<(String, String, String)> = Vec::new();
    for event in events {
        match event {
            Event::ToolStarted { id, name } => {
                calls.push((id.clone(), name.clone(), String::new()));
            }
            Event::ToolFragment { id, fragment } => {
                if let Some(call) = calls.iter_mut().find(|call| call.0 == *id) {
                    call.2.push_str(fragment);
                }
            }
            _ => {}
        }
    }
    let calls = calls.into_iter();
    calls
        .map(|(_, name, arguments)| (name, arguments))
        .collect()
}

/// The reason as the contract names it.
pub(super) fn finish(events: &[Event]) -> Option<&'static str> {
    events.iter().find_map(|event| match event {
        Event::Finish(reason) => Some(match reason {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::ToolUse => "tool-use",
            FinishReason::ContentFilter => "content-filter",
            FinishReason::Refusal => "refusal",
            FinishReason::Pause => "pause",
            FinishReason::Other => "other",
        }),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Event {
        Event::Started {
            model: "m".into(),
            id: String::new(),
        }
    }

    fn tool(id: &str) -> Event {
        Event::ToolStarted {
            id: id.into(),
            name: "t".into(),
        }
    }

    #[test]
    fn only_an_answer_in_order_is_without_fault() {
        let text = || Event::Text("x".into());
        let finish = || Event::Finish(FinishReason::Stop);
        assert_eq!(fault(&[started(), text(), finish()]), None);
        for (events, says) in [
            (vec![text(), finish()], "first event"),
            (vec![started(), started(), finish()], "second"),
            (vec![started(), text()], "no `finish`"),
            (vec![started(), finish(), text()], "after `finish`"),
            (vec![started(), tool("1"), finish()], "not finished"),
            (vec![started(), tool("1"), tool("1")], "twice"),
            (vec![started(), Event::ToolFinished("1".into())], "not open"),
        ] {
            let fault = fault(&events).unwrap();
            assert!(fault.contains(says), "{fault}");
        }
    }

    #[test]
    fn pieces_do_not_make_a_difference() {
        let one = [started(), Event::Text("ab".into())];
        let other = [
            started(),
            Event::Text("a".into()),
            Event::Text(String::new()),
            Event::Text("b".into()),
        ];
        assert_eq!(joined(&one), joined(&other));
    }
}
