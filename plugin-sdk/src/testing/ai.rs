//! Small requests, and the whole of an answer.

use crate::ai::{Completion, Event, Message, Part, Request, Role, ToolChoice};
use crate::{Error, Result};

/// A request with one message of the user and nothing else.
pub fn request(model: &str, text: &str) -> Request {
    Request {
        model: model.into(),
        system: Vec::new(),
        messages: vec![Message {
            role: Role::User,
            parts: vec![Part::Text(text.into())],
        }],
        tools: Vec::new(),
        tool_choice: ToolChoice::Automatic,
        parallel_tools: None,
        output_schema: None,
        max_tokens: None,
        temperature: None,
        top_p: None,
        stop: Vec::new(),
        effort: None,
        cache: None,
        user: None,
        document: None,
    }
}

/// All events of an answer, asking for at most `max` at a time, and the error that ended it.
pub fn drain(completion: &mut impl Completion, max: usize) -> (Vec<Event>, Option<Error>) {
    let mut all = Vec::new();
    loop {
        match completion.next(max) {
            Ok(events) if events.is_empty() => return (all, None),
            Ok(events) => all.extend(events),
            Err(error) => return (all, Some(error)),
        }
    }
}

/// Events with neighbouring pieces of text, reasoning and arguments joined: what must be the
/// same however the stream was split.
pub fn joined(events: &[Event]) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    for event in events {
        match (all.last_mut(), event) {
            (Some(Event::Text(text)), Event::Text(more))
            | (Some(Event::Reasoning(text)), Event::Reasoning(more)) => text.push_str(more),
            (Some(Event::ToolFragment(last)), Event::ToolFragment(more)) if last.id == more.id => {
                last.fragment.push_str(&more.fragment);
            }
            _ => all.push(event.clone()),
        }
    }
    all
}

/// Runs a check with a body split at every place into two pieces, and once into single bytes.
///
/// # Errors
/// What the check gives.
pub fn every_split(body: &[u8], mut check: impl FnMut(Vec<Vec<u8>>) -> Result<()>) -> Result<()> {
    check(body.iter().map(|byte| vec![*byte]).collect())?;
    for at in 0..=body.len() {
        let (head, tail) = body.split_at(at);
        check(vec![head.to_vec(), tail.to_vec()])?;
    }
    Ok(())
}
