//! The API's chunks → labd's events.
//!
//! The finish is told once everything before it is: when usage has come with or after the reason,
//! or at `[DONE]`, or at the end of the stream.

use crate::fault;
use labd_plugin::ai::{
    Decoder, Event, FinishReason, Flow, Started, ToolFragment, ToolStarted, Usage,
};
use labd_plugin::stream::SseEvent;
use labd_plugin::{Error, Result};
use serde_json::Value;

/// A call of a tool that is arriving.
#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    /// It was told; before that its name is not known.
    started: bool,
    /// Arguments that came before the name, or none at all so far.
    held: String,
    has_arguments: bool,
}

/// The state of one answer.
#[derive(Debug)]
pub struct Chat {
    model: String,
    started: bool,
    refused: bool,
    calls: Vec<Call>,
    finish: Option<FinishReason>,
}

impl Chat {
    /// An answer of this model, unless the stream names another.
    pub fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            started: false,
            refused: false,
            calls: Vec::new(),
            finish: None,
        }
    }

    fn start(&mut self, chunk: &Value, events: &mut Vec<Event>) {
        let text = |key: &str| chunk.get(key).and_then(Value::as_str).unwrap_or_default();
        let is_empty = chunk
            .get("choices")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty);
        // Azure begins with a chunk that has neither choices nor a model.
        if self.started || (is_empty && text("model").is_empty()) {
            return;
        }
        self.started = true;
        let model = if text("model").is_empty() {
            &self.model
        } else {
            text("model")
        };
        events.push(Event::Started(Started {
            model: model.to_owned(),
            id: text("id").to_owned(),
        }));
    }

    fn delta(&mut self, delta: &Value, events: &mut Vec<Event>) {
        for key in ["reasoning_content", "reasoning"] {
            if let Some(text) = some_text(delta.get(key)) {
                events.push(Event::Reasoning(text.to_owned()));
                // Some send the same under both names.
                break;
            }
        }
        match delta.get("content") {
            Some(Value::Array(parts)) => parts.iter().for_each(|part| content_part(part, events)),
            content => {
                if let Some(text) = some_text(content) {
                    events.push(Event::Text(text.to_owned()));
                }
            }
        }
        if let Some(text) = some_text(delta.get("refusal")) {
            self.refused = true;
            events.push(Event::Text(text.to_owned()));
        }
        for call in delta
            .get("tool_calls")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.call(call, events);
        }
    }

    fn call(&mut self, part: &Value, events: &mut Vec<Event>) {
        let index = part.get("index").and_then(Value::as_u64);
        let id = some_text(part.get("id")).unwrap_or_default();
        let function = part.get("function");
        let name = some_text(function.and_then(|one| one.get("name"))).unwrap_or_default();
        let arguments = match function.and_then(|one| one.get("arguments")) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            // Some give the object itself.
            Some(other) => other.to_string(),
        };
        // Another id under the same index is another call: some servers number all of them 0.
        let known = self.calls.iter().rposition(|call| {
            let place = index.is_none() || call.index == index;
            let same = id.is_empty() || call.id.is_empty() || call.id == id;
            place && same && (index.is_some() || !id.is_empty() || name.is_empty())
        });
        let at = known.unwrap_or(self.calls.len());
        if known.is_none() {
            self.calls.push(Call {
                index,
                id: id.to_owned(),
                name: String::new(),
                started: false,
                held: String::new(),
                has_arguments: false,
            });
        }
        let Some(call) = self.calls.get_mut(at) else {
            return;
        };
        if !call.started {
            if call.id.is_empty() {
                call.id = id.to_owned();
            }
            call.name.push_str(name);
            call.held.push_str(&arguments);
            // Arguments come after the whole name; the id comes with the name, or never.
            if !call.name.is_empty() && (!call.id.is_empty() || !call.held.is_empty()) {
                call.begin(at, events);
            }
        } else if !arguments.is_empty() {
            call.has_arguments = true;
            events.push(Event::ToolFragment(ToolFragment {
                id: call.id.clone(),
                fragment: arguments,
            }));
        }
    }

    /// Ends the calls, then the answer.
    fn close(&mut self, events: &mut Vec<Event>) -> Result<Flow> {
        let Some(mut reason) = self.finish.take() else {
            return Err(Error::unavailable(
                "the stream ended before the model had finished",
            ));
        };
        for (at, call) in self.calls.iter_mut().enumerate() {
            if !call.started {
                if call.name.is_empty() {
                    continue;
                }
                call.begin(at, events);
            }
            if !call.has_arguments {
                events.push(Event::ToolFragment(ToolFragment {
                    id: call.id.clone(),
                    fragment: "{}".into(),
                }));
            }
            events.push(Event::ToolFinished(call.id.clone()));
        }
        if reason == FinishReason::Stop {
            if self.refused {
                reason = FinishReason::Refusal;
            } else if self.calls.iter().any(|call| call.started) {
                reason = FinishReason::ToolUse;
            }
        }
        events.push(Event::Finish(reason));
        Ok(Flow::Done)
    }
}

impl Call {
    fn begin(&mut self, at: usize, events: &mut Vec<Event>) {
        if self.id.is_empty() {
            self.id = format!("call_{at}");
        }
        self.started = true;
        events.push(Event::ToolStarted(ToolStarted {
            id: self.id.clone(),
            name: self.name.clone(),
        }));
        if !self.held.is_empty() {
            self.has_arguments = true;
            events.push(Event::ToolFragment(ToolFragment {
                id: self.id.clone(),
                fragment: std::mem::take(&mut self.held),
            }));
        }
    }
}

impl Decoder<SseEvent> for Chat {
    fn frame(&mut self, frame: SseEvent, events: &mut Vec<Event>) -> Result<Flow> {
        let data = frame.data.trim();
        if data.is_empty() {
            return Ok(Flow::More);
        }
        if data == "[DONE]" {
            return self.close(events);
        }
        let chunk: Value = serde_json::from_str(data).map_err(|error| {
            Error::unavailable(format!(
                "the stream holds something that is no JSON: {error}"
            ))
        })?;
        if let Some(error) = fault::in_stream(&chunk) {
            return Err(error);
        }
        self.start(&chunk, events);
        let choices = chunk.get("choices").and_then(Value::as_array);
        // Only one choice is asked for; another is not ours.
        let choice = choices
            .into_iter()
            .flatten()
            .find(|choice| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0);
        if let Some(choice) = choice {
            if let Some(delta) = choice.get("delta").or_else(|| choice.get("message")) {
                self.delta(delta, events);
            }
            if let Some(word) = some_text(choice.get("finish_reason")) {
                self.finish = Some(reason(word));
            }
        }
        let usage = chunk.get("usage").and_then(usage);
        if let Some(usage) = usage.filter(|_| self.started) {
            events.push(Event::Usage(usage));
            if self.finish.is_some() {
                return self.close(events);
            }
        }
        Ok(Flow::More)
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<()> {
        self.close(events).map(drop)
    }
}

/// A part of a content that is a list: Mistral's `text` and `thinking`.
fn content_part(part: &Value, events: &mut Vec<Event>) {
    if let Some(text) = some_text(part.get("text")) {
        events.push(Event::Text(text.to_owned()));
    }
    match part.get("thinking") {
        Some(Value::Array(thoughts)) => {
            for text in thoughts.iter().filter_map(|one| some_text(one.get("text"))) {
                events.push(Event::Reasoning(text.to_owned()));
            }
        }
        thinking => {
            if let Some(text) = some_text(thinking) {
                events.push(Event::Reasoning(text.to_owned()));
            }
        }
    }
}

fn some_text(value: Option<&Value>) -> Option<&str> {
    value
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn reason(word: &str) -> FinishReason {
    match word {
        "stop" | "end_turn" | "eos" => FinishReason::Stop,
        "length" | "max_tokens" | "model_length" => FinishReason::Length,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolUse,
        "content_filter" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        _ => FinishReason::Other,
    }
}

pub(crate) fn usage(value: &Value) -> Option<Usage> {
    let count = |place: &str| {
        value
            .pointer(place)
            .and_then(Value::as_u64)
            .and_then(|count| u32::try_from(count).ok())
    };
    value.is_object().then(|| Usage {
        input: count("/prompt_tokens"),
        cached_input: count("/prompt_tokens_details/cached_tokens")
            .or_else(|| count("/prompt_cache_hit_tokens")),
        cache_writes: count("/prompt_tokens_details/cache_write_tokens")
            .or_else(|| count("/cache_creation_input_tokens")),
        output: count("/completion_tokens"),
        reasoning: count("/completion_tokens_details/reasoning_tokens"),
    })
}
