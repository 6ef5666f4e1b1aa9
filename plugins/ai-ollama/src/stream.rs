//! The API's lines → labd's events.
//!
//! Each line holds a piece of the message; the last one says `done`, why, and the counts. The reason
//! is `stop` after calls of tools too. Calls come whole, and from older servers without an id. An
//! error may come as a line of its own.

use crate::context::Seen;
use crate::fault;
use labd_plugin::ai::{
    Decoder, Event, FinishReason, Flow, Part, Request, Started, ToolFragment, ToolStarted, Usage,
};
use labd_plugin::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// A line.
#[derive(Debug, Deserialize)]
pub struct Line {
    model: Option<String>,
    message: Option<Message>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u32>,
    eval_count: Option<u32>,
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Message {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Debug, Deserialize)]
struct Call {
    id: Option<String>,
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    #[serde(default)]
    name: String,
    arguments: Option<Box<RawValue>>,
}

/// The state of one answer.
pub struct Conversation {
    model: String,
    seen: Seen,
    /// Ids that are taken.
    ids: BTreeSet<String>,
    has_begun: bool,
    has_called: bool,
}

impl Conversation {
    /// An answer to a request of which this must be seen.
    pub fn new(request: &Request, seen: Seen) -> Self {
        let parts = request.messages.iter().flat_map(|message| &message.parts);
        let ids = parts.filter_map(|part| match part {
            Part::ToolUse(call) => Some(call.id.clone()),
            _ => None,
        });
        Self {
            model: request.model.clone(),
            seen,
            ids: ids.collect(),
            has_begun: false,
            has_called: false,
        }
    }

    /// The call's own id, or one that no call in the conversation has.
    fn id(&mut self, given: Option<String>) -> String {
        let free = |id: &String| !id.is_empty() && !self.ids.contains(id);
        let id = given.filter(free).unwrap_or_else(|| {
            let mut numbers = self.ids.len()..;
            let made = numbers.find_map(|number| Some(format!("call_{number}")).filter(free));
            made.unwrap_or_default()
        });
        self.ids.insert(id.clone());
        id
    }

    fn call(&mut self, call: Call, events: &mut Vec<Event>) {
        self.has_called = true;
        let id = self.id(call.id);
        events.push(Event::ToolStarted(ToolStarted {
            id: id.clone(),
            name: call.function.name,
        }));
        let given = call.function.arguments;
        let given = given.as_deref().map_or("", RawValue::get);
        // An object; some that stand in the server's place write it into a text.
        let text = serde_json::from_str::<String>(given).ok();
        let object = text.as_deref().unwrap_or(given).trim();
        let fragment = if object.starts_with('{') {
            object
        } else {
            "{}"
        }
        .to_owned();
        events.push(Event::ToolFragment(ToolFragment {
            id: id.clone(),
            fragment,
        }));
        events.push(Event::ToolFinished(id));
    }

    fn finish(&self, line: &Line, events: &mut Vec<Event>) -> Result<()> {
        if line.prompt_eval_count.is_some() || line.eval_count.is_some() {
            events.push(Event::Usage(Usage {
                input: line.prompt_eval_count,
                cached_input: None,
                cache_writes: None,
                output: line.eval_count,
                reasoning: None,
            }));
        }
        let cut_off = line.prompt_eval_count;
        if let Some(error) = cut_off.and_then(|tokens| self.seen.cut_off(tokens)) {
            return Err(error);
        }
        let reason = match line.done_reason.as_deref() {
            Some("length") => FinishReason::Length,
            Some("stop") | None if self.has_called => FinishReason::ToolUse,
            Some("stop") | None => FinishReason::Stop,
            Some(_) => FinishReason::Other,
        };
        events.push(Event::Finish(reason));
        Ok(())
    }
}

impl Decoder<Line> for Conversation {
    fn frame(&mut self, mut line: Line, events: &mut Vec<Event>) -> Result<Flow> {
        if let Some(error) = line.error.take().filter(|error| !error.is_null()) {
            return Err(fault::in_stream(&error, &self.model));
        }
        // Lines of which nothing is known are none of the answer.
        if line.message.is_none() && !line.done {
            return Ok(Flow::More);
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            let model = line.model.take().filter(|model| !model.is_empty());
            events.push(Event::Started(Started {
                model: model.unwrap_or_else(|| self.model.clone()),
                // The API has none.
                id: String::new(),
            }));
        }
        if let Some(message) = line.message.take() {
            let some = |text: Option<String>| text.filter(|text| !text.is_empty());
            events.extend(some(message.thinking).map(Event::Reasoning));
            events.extend(some(message.content).map(Event::Text));
            for call in message.tool_calls.into_iter().flatten() {
                self.call(call, events);
            }
        }
        if !line.done {
            return Ok(Flow::More);
        }
        self.finish(&line, events)?;
        Ok(Flow::Done)
    }

    fn end(&mut self, _: &mut Vec<Event>) -> Result<()> {
        Err(Error::unavailable(
            "the connection ended in the middle of the answer",
        ))
    }
}
