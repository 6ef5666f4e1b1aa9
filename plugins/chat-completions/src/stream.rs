//! The API's chunks → labd's events.
//!
//! The finish is told once everything before it is: when usage has come with or after the reason,
//! or at `[DONE]`, or at the end of the stream.

use crate::calls::Calls;
use crate::details::Details;
use crate::dialect::{Dialect, SentBack};
use crate::{fault, quick, usage};
use labd_plugin::ai::{Decoder, Event, FinishReason, Flow, Started};
use labd_plugin::stream::SseEvent;
use labd_plugin::{Error, Fault, Result};
use serde_json::Value;

/// The state of one answer.
#[derive(Debug)]
pub struct Chat {
    model: String,
    started: bool,
    refused: bool,
    calls: Calls,
    /// What of the reasoning is to be sent back, where the server wants that.
    details: Option<Details>,
    finish: Option<FinishReason>,
}

impl Chat {
    /// An answer of this model, unless the stream names another.
    pub fn new(model: &str, dialect: Dialect) -> Self {
        Self {
            model: model.to_owned(),
            started: false,
            refused: false,
            calls: Calls::default(),
            details: (dialect.reasoning == SentBack::Details).then(Details::default),
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
        // Some send the same under both names.
        let reasoning = ["reasoning_content", "reasoning"]
            .iter()
            .find_map(|key| some_text(delta.get(key)));
        if let Some(text) = reasoning {
            events.push(Event::Reasoning(text.to_owned()));
        }
        if let Some(details) = &mut self.details {
            details.piece(delta.get("reasoning_details"), reasoning.is_none(), events);
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
        let calls = delta.get("tool_calls").and_then(Value::as_array);
        for call in calls.into_iter().flatten() {
            self.calls.piece(call, events);
        }
    }

    /// Ends the calls, then the answer.
    fn close(&mut self, events: &mut Vec<Event>) -> Result<Flow> {
        let Some(mut reason) = self.finish.take() else {
            return Err(Error::unavailable(
                "the stream ended before the model had finished",
            ));
        };
        self.calls.finish(events);
        if let Some(blob) = self.details.take().and_then(Details::blob) {
            events.push(Event::Blob(blob));
        }
        if reason == FinishReason::Stop {
            if self.refused {
                reason = FinishReason::Refusal;
            } else if self.calls.any() {
                reason = FinishReason::ToolUse;
            }
        }
        events.push(Event::Finish(reason));
        Ok(Flow::Done)
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
        if self.started
            && let Some(pieces) = quick::pieces(data)
        {
            events.extend(pieces.reasoning.map(Event::Reasoning));
            events.extend(pieces.text.map(Event::Text));
            if let Some(word) = pieces.finish {
                self.finish = Some(reason(&word)?);
            }
            return Ok(Flow::More);
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
                self.finish = Some(reason(word)?);
            }
        }
        if let Some((usage, last)) = usage::of_chunk(&chunk).filter(|_| self.started) {
            events.push(Event::Usage(usage));
            if last && self.finish.is_some() {
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

/// Why the model ended, unless that is a failure.
fn reason(word: &str) -> Result<FinishReason> {
    Ok(match word {
        "stop" | "end_turn" | "eos" => FinishReason::Stop,
        "length" | "max_tokens" | "model_length" => FinishReason::Length,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolUse,
        "content_filter" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        // Mistral, and OpenRouter beside an `error`.
        "error" => {
            let fault = Fault::new("the server broke the answer off with an error").code(word);
            return Err(Error::unavailable(fault));
        }
        // DeepSeek: its machines had too much to do.
        "insufficient_system_resource" => return Err(Error::Overloaded),
        _ => FinishReason::Other,
    })
}
