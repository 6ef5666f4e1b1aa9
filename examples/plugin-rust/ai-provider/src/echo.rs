//! The answer when no server is configured.

use labd_plugin::Result;
use labd_plugin::ai::{Completion, Event, FinishReason, Part, Request, Role, Started};
use std::collections::VecDeque;

/// The one model.
pub const MODEL: &str = "echo";

/// What is still to be said.
pub struct Echo {
    events: VecDeque<Event>,
}

impl Echo {
    /// The last message of the user, said again, word by word.
    pub fn of(request: &Request) -> Self {
        let mut said = String::new();
        let mut messages = request.messages.iter().rev();
        if let Some(message) = messages.find(|message| message.role == Role::User) {
            for part in &message.parts {
                if let Part::Text(text) = part {
                    said.push_str(text);
                }
            }
        }
        let answer = format!("This plugin has no server to ask yet. You said: {said}");
        let mut events = VecDeque::from([Event::Started(Started {
            model: MODEL.into(),
            id: String::new(),
        })]);
        events.extend(
            answer
                .split_inclusive(' ')
                .map(|word| Event::Text(word.into())),
        );
        events.push_back(Event::Finish(FinishReason::Stop));
        Self { events }
    }
}

impl Completion for Echo {
    fn next(&mut self, max: usize) -> Result<Vec<Event>> {
        let count = self.events.len().min(max.max(1));
        Ok(self.events.drain(..count).collect())
    }
}
