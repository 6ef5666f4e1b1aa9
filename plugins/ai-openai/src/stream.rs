//! The events of a response → labd's.
//!
//! Items are told apart by their `output_index`: some servers give another `item_id` with every
//! event. A call has two ids: events carry the item's, results go back under `call_id`, and only
//! that one is told. What an item's pieces left out is told when it is done.

use labd_chat_completions::fault;
use labd_chat_completions::quick::Text;
use labd_plugin::ai::{
    Decoder, Event, FinishReason, Flow, Started, ToolFragment, ToolStarted, Usage,
};
use labd_plugin::stream::SseEvent;
use labd_plugin::{Error, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is known of an item that is arriving.
#[derive(Debug, Default)]
struct Item {
    /// The id of a call, once that began.
    call: Option<String>,
    /// Some of it was told: of a text or a reasoning, or of a call's arguments.
    told: bool,
    done: bool,
}

/// An event that most of a stream is made of, read without building a tree of it.
#[derive(serde::Deserialize)]
struct Delta<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    delta: Option<Text<'a>>,
    output_index: Option<u64>,
}

/// The state of one answer.
#[derive(Debug)]
pub struct Response {
    model: String,
    started: bool,
    refused: bool,
    called: bool,
    items: BTreeMap<u64, Item>,
}

impl Response {
    /// An answer of this model, unless the stream names another.
    pub fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            started: false,
            refused: false,
            called: false,
            items: BTreeMap::new(),
        }
    }

    /// Begins, once; a server may leave the beginning out.
    fn start(&mut self, response: Option<&Value>, events: &mut Vec<Event>) {
        if self.started {
            return;
        }
        self.started = true;
        let told = |key: &str| response.and_then(|response| text(response, key));
        events.push(Event::Started(Started {
            model: told("model").unwrap_or(&self.model).to_owned(),
            id: told("id").unwrap_or_default().to_owned(),
        }));
    }

    fn item(&mut self, event: &Value) -> &mut Item {
        self.at(event.get("output_index").and_then(Value::as_u64))
    }

    fn at(&mut self, index: Option<u64>) -> &mut Item {
        self.items.entry(index.unwrap_or_default()).or_default()
    }

    /// A piece of a text, of a reasoning or of arguments; false when it is something else.
    fn delta(&mut self, delta: Delta<'_>, events: &mut Vec<Event>) -> bool {
        let kind = delta.kind.0;
        let event: fn(String) -> Event = match kind.as_ref() {
            "response.output_text.delta" => Event::Text,
            "response.refusal.delta" => {
                self.refused = true;
                Event::Text
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                Event::Reasoning
            }
            "response.function_call_arguments.delta" => {
                self.arguments(delta.output_index, Text::some(delta.delta), events);
                return true;
            }
            _ => return false,
        };
        if let Some(piece) = Text::some(delta.delta) {
            self.start(None, events);
            self.at(delta.output_index).told = true;
            events.push(event(piece));
        }
        true
    }

    fn arguments(&mut self, index: Option<u64>, piece: Option<String>, events: &mut Vec<Event>) {
        let item = self.at(index);
        if let (Some(id), Some(fragment)) = (&item.call, piece) {
            events.push(Event::ToolFragment(ToolFragment {
                id: id.clone(),
                fragment,
            }));
            item.told = true;
        }
    }

    fn added(&mut self, event: &Value, events: &mut Vec<Event>) {
        let Some(item) = event.get("item") else {
            return;
        };
        self.start(None, events);
        let known = self.item(event);
        // Some add an item twice.
        if kind(item) == "function_call" && known.call.is_none() && !known.done {
            begin(known, item, events);
        }
    }

    /// Another part of a reasoning is another paragraph.
    fn next_part(&mut self, event: &Value, events: &mut Vec<Event>) {
        let first = event.get("summary_index").and_then(Value::as_u64) == Some(0);
        if !first && self.item(event).told {
            events.push(Event::Reasoning("\n\n".into()));
        }
    }

    fn done(&mut self, event: &Value, events: &mut Vec<Event>) {
        let Some(item) = event.get("item") else {
            return;
        };
        self.start(None, events);
        let known = self.item(event);
        if std::mem::replace(&mut known.done, true) {
            return;
        }
        match kind(item) {
            "message" => {
                let refused = message_done(known.told, item, events);
                self.refused |= refused;
            }
            "reasoning" => reasoning_done(known.told, item, events),
            "function_call" => {
                call_done(known, item, events);
                self.called = true;
            }
            // What OpenAI's own tools do is not asked for.
            _ => {}
        }
    }

    /// Tells the items of an answer of which none came before its end.
    fn whole(&mut self, response: &Value, events: &mut Vec<Event>) {
        let output = response.get("output").and_then(Value::as_array);
        for (index, item) in output.into_iter().flatten().enumerate() {
            self.done(&json!({ "output_index": index, "item": item }), events);
        }
    }

    /// The end, and why.
    fn finish(&mut self, response: &Value, events: &mut Vec<Event>) -> Result<Flow> {
        self.start(Some(response), events);
        if self.items.is_empty() {
            self.whole(response, events);
        }
        for item in self.items.values_mut().filter(|item| !item.done) {
            if let Some(id) = item.call.take() {
                events.push(Event::ToolFinished(id));
            }
        }
        if let Some(usage) = response.get("usage").and_then(usage) {
            events.push(Event::Usage(usage));
        }
        let reason = match text(response, "status") {
            Some("incomplete") => {
                let why = response.pointer("/incomplete_details/reason");
                match why.and_then(Value::as_str) {
                    Some("max_output_tokens") => FinishReason::Length,
                    Some("content_filter") => FinishReason::ContentFilter,
                    _ => FinishReason::Other,
                }
            }
            Some("cancelled") => return Err(Error::unavailable("OpenAI withdrew the answer")),
            _ if self.called => FinishReason::ToolUse,
            _ if self.refused => FinishReason::Refusal,
            _ => FinishReason::Stop,
        };
        events.push(Event::Finish(reason));
        Ok(Flow::Done)
    }
}

impl Decoder<SseEvent> for Response {
    fn frame(&mut self, frame: SseEvent, events: &mut Vec<Event>) -> Result<Flow> {
        let data = frame.data.trim();
        // Some servers end every stream so; the reason has been told before.
        if data.is_empty() || data == "[DONE]" {
            return Ok(Flow::More);
        }
        if let Ok(delta) = serde_json::from_str::<Delta<'_>>(data)
            && self.delta(delta, events)
        {
            return Ok(Flow::More);
        }
        let event: Value = serde_json::from_str(data).map_err(|error| {
            Error::unavailable(format!(
                "the stream holds something that is no JSON: {error}"
            ))
        })?;
        let response = event.get("response");
        match text(&event, "type").unwrap_or(&frame.name) {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.start(response, events);
            }
            "response.reasoning_summary_part.added" => self.next_part(&event, events),
            "response.output_item.added" => self.added(&event, events),
            "response.output_item.done" => self.done(&event, events),
            "response.completed" | "response.incomplete" | "response.cancelled" => {
                return self.finish(response.unwrap_or(&Value::Null), events);
            }
            "response.failed" => {
                let error = response.and_then(|response| response.get("error"));
                return Err(fault::of_frame(&json!({ "error": error })));
            }
            "error" => return Err(fault::of_frame(&event)),
            _ if event.get("error").is_some_and(Value::is_object) => {
                return Err(fault::of_frame(&event));
            }
            _ => {}
        }
        Ok(Flow::More)
    }
}

fn begin(known: &mut Item, item: &Value, events: &mut Vec<Event>) {
    let id = text(item, "call_id").or_else(|| text(item, "id"));
    let id = id.unwrap_or_default().to_owned();
    events.push(Event::ToolStarted(ToolStarted {
        id: id.clone(),
        name: text(item, "name").unwrap_or_default().to_owned(),
    }));
    known.call = Some(id);
}

fn call_done(known: &mut Item, item: &Value, events: &mut Vec<Event>) {
    if known.call.is_none() {
        begin(known, item, events);
    }
    let Some(id) = &known.call else { return };
    if !known.told {
        events.push(Event::ToolFragment(ToolFragment {
            id: id.clone(),
            fragment: text(item, "arguments").unwrap_or("{}").to_owned(),
        }));
    }
    events.push(Event::ToolFinished(id.clone()));
}

/// Tells a text of which no piece came, and keeps its phase. Says whether it is a refusal.
fn message_done(told: bool, item: &Value, events: &mut Vec<Event>) -> bool {
    let parts = item.get("content").and_then(Value::as_array);
    let mut refused = false;
    for part in parts.into_iter().flatten() {
        let refusal = text(part, "refusal");
        refused |= refusal.is_some();
        if let Some(text) = text(part, "text").or(refusal).filter(|_| !told) {
            events.push(Event::Text(text.to_owned()));
        }
    }
    if let Some(phase) = text(item, "phase") {
        keep(&json!({ "type": "message", "phase": phase }), events);
    }
    refused
}

/// Tells a reasoning of which no piece came, and keeps what is to be sent back.
fn reasoning_done(told: bool, item: &Value, events: &mut Vec<Event>) {
    let summary = item.get("summary").filter(|summary| summary.is_array());
    let parts = summary.and_then(Value::as_array).into_iter().flatten();
    let whole: Vec<&str> = parts.filter_map(|part| text(part, "text")).collect();
    if !told && !whole.is_empty() {
        events.push(Event::Reasoning(whole.join("\n\n")));
    }
    // Without it OpenAI would look the item up, which it did not keep.
    if let Some(encrypted) = text(item, "encrypted_content") {
        let mut kept = json!({
            "type": "reasoning",
            "summary": summary.cloned().unwrap_or_else(|| json!([])),
            "encrypted_content": encrypted,
        });
        if let (Some(id), Some(kept)) = (text(item, "id"), kept.as_object_mut()) {
            kept.insert("id".into(), id.into());
        }
        keep(&kept, events);
    }
}

fn keep(item: &Value, events: &mut Vec<Event>) {
    events.push(Event::Blob(item.to_string().into_bytes()));
}

fn usage(value: &Value) -> Option<Usage> {
    let count = |place: &str| {
        let count = value.pointer(place).and_then(Value::as_u64);
        count.and_then(|count| u32::try_from(count).ok())
    };
    value.is_object().then(|| Usage {
        input: count("/input_tokens"),
        cached_input: count("/input_tokens_details/cached_tokens"),
        cache_writes: count("/input_tokens_details/cache_write_tokens"),
        output: count("/output_tokens"),
        reasoning: count("/output_tokens_details/reasoning_tokens"),
    })
}

fn kind(item: &Value) -> &str {
    text(item, "type").unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}
