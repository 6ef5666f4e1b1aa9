//! The API's events → labd's.
//!
//! A message is a list of blocks, told by their index: `content_block_start`, `…_delta`, `…_stop`.
//! Blocks, deltas and events of kinds that nobody asked for (tools that run on the server,
//! citations) are passed over. A `message_start` may come twice, and is one when its id is the same;
//! with another id the answer began anew somewhere on its way, and what was told is not its beginning.

use crate::fault;
use crate::thinking::Signature;
use labd_plugin::ai::{
    Decoder, Event, FinishReason, Flow, Started, ToolFragment, ToolStarted, Usage,
};
use labd_plugin::stream::SseEvent;
use labd_plugin::{Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// All that the events tell, in one shape: which it is, is told by `type`.
#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    index: u64,
    message: Option<Message>,
    content_block: Option<Block>,
    delta: Option<Delta>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Message {
    id: Option<String>,
    model: Option<String>,
    #[serde(default)]
    content: Vec<Block>,
    stop_reason: Option<String>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
}

/// Counts so far: those of the last event that has them hold.
#[derive(Default, Deserialize)]
struct Counts {
    input_tokens: Option<u32>,
    cache_creation_input_tokens: Option<u32>,
    cache_read_input_tokens: Option<u32>,
    output_tokens: Option<u32>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize)]
struct OutputDetails {
    thinking_tokens: Option<u32>,
}

/// A block that is arriving.
enum Open {
    Text,
    /// With its signature so far.
    Thinking(String),
    Tool {
        id: String,
        /// Arguments that came with the start, until others do.
        whole: Option<String>,
        has_arguments: bool,
    },
    /// Nobody asked for it.
    Other,
}

/// The state of one answer.
pub struct Messages {
    model: String,
    /// The message's id, once it began.
    id: Option<String>,
    open: BTreeMap<u64, Open>,
    counts: Counts,
    reason: Option<FinishReason>,
}

impl Messages {
    /// An answer of this model, unless the stream names another.
    pub fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            id: None,
            open: BTreeMap::new(),
            counts: Counts::default(),
            reason: None,
        }
    }

    fn start(&mut self, message: Message, events: &mut Vec<Event>) -> Result<()> {
        let id = message.id.unwrap_or_default();
        match &self.id {
            None => {}
            Some(known) if *known == id => return Ok(()),
            Some(_) => {
                return Err(Error::unavailable(
                    "another answer began in the middle of this one; ask again",
                ));
            }
        }
        events.push(Event::Started(Started {
            model: message.model.unwrap_or_else(|| self.model.clone()),
            id: id.clone(),
        }));
        self.id = Some(id);
        self.count(message.usage, events);
        // An answer that needed no model comes whole.
        for (index, block) in (0..).zip(message.content) {
            self.begin(index, block, events);
            self.close(index, events);
        }
        self.reason = message.stop_reason.as_deref().map(reason);
        Ok(())
    }

    fn begin(&mut self, index: u64, block: Block, events: &mut Vec<Event>) {
        self.close(index, events);
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let open = match block.kind.as_str() {
            "text" => {
                events.extend(some(block.text).map(Event::Text));
                Open::Text
            }
            "thinking" => {
                events.extend(some(block.thinking).map(Event::Reasoning));
                Open::Thinking(block.signature.unwrap_or_default())
            }
            "redacted_thinking" => {
                let data = Signature::Redacted(block.data.unwrap_or_default());
                events.push(Event::Blob(data.blob()));
                Open::Other
            }
            "tool_use" => {
                let id = block.id.unwrap_or_else(|| format!("toolu_{index}"));
                events.push(Event::ToolStarted(ToolStarted {
                    id: id.clone(),
                    name: block.name.unwrap_or_default(),
                }));
                Open::Tool {
                    id,
                    whole: block.input.map(|input| input.get().to_owned()),
                    has_arguments: false,
                }
            }
            _ => Open::Other,
        };
        self.open.insert(index, open);
    }

    fn delta(&mut self, index: u64, delta: Delta, events: &mut Vec<Event>) {
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let open = self.open.get_mut(&index);
        match (delta.kind.as_deref(), open) {
            (Some("text_delta"), Some(Open::Text) | None) => {
                events.extend(some(delta.text).map(Event::Text));
            }
            (Some("thinking_delta"), Some(Open::Thinking(_)) | None) => {
                events.extend(some(delta.thinking).map(Event::Reasoning));
            }
            (Some("signature_delta"), Some(Open::Thinking(signature))) => {
                signature.push_str(delta.signature.as_deref().unwrap_or_default());
            }
            (
                Some("input_json_delta"),
                Some(Open::Tool {
                    id, has_arguments, ..
                }),
            ) => {
                if let Some(fragment) = some(delta.partial_json) {
                    *has_arguments = true;
                    let id = id.clone();
                    events.push(Event::ToolFragment(ToolFragment { id, fragment }));
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, index: u64, events: &mut Vec<Event>) {
        match self.open.remove(&index) {
            Some(Open::Thinking(signature)) if !signature.is_empty() => {
                events.push(Event::Blob(Signature::Signature(signature).blob()));
            }
            Some(Open::Tool {
                id,
                whole,
                has_arguments,
            }) => {
                if !has_arguments {
                    let whole = whole.filter(|input| input.starts_with('{'));
                    events.push(Event::ToolFragment(ToolFragment {
                        id: id.clone(),
                        fragment: whole.unwrap_or_else(|| "{}".into()),
                    }));
                }
                events.push(Event::ToolFinished(id));
            }
            Some(Open::Text | Open::Thinking(_) | Open::Other) | None => {}
        }
    }

    fn count(&mut self, more: Option<Counts>, events: &mut Vec<Event>) {
        let Some(more) = more else { return };
        let known = &mut self.counts;
        let newer = |known: &mut Option<u32>, newer: Option<u32>| *known = newer.or(*known);
        newer(&mut known.input_tokens, more.input_tokens);
        newer(&mut known.output_tokens, more.output_tokens);
        newer(
            &mut known.cache_creation_input_tokens,
            more.cache_creation_input_tokens,
        );
        newer(
            &mut known.cache_read_input_tokens,
            more.cache_read_input_tokens,
        );
        known.output_tokens_details = more
            .output_tokens_details
            .or_else(|| known.output_tokens_details.take());
        let (read, written) = (
            known.cache_read_input_tokens,
            known.cache_creation_input_tokens,
        );
        let cached = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
        let details = known.output_tokens_details.as_ref();
        events.push(Event::Usage(Usage {
            // The API counts what the cache had and what it took in apart.
            input: known.input_tokens.map(|count| count.saturating_add(cached)),
            cached_input: read,
            cache_writes: written,
            output: known.output_tokens,
            reasoning: details.and_then(|details| details.thinking_tokens),
        }));
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        while let Some(index) = self.open.keys().next().copied() {
            self.close(index, events);
        }
        events.push(Event::Finish(self.reason.unwrap_or(FinishReason::Other)));
    }
}

impl Decoder<SseEvent> for Messages {
    fn frame(&mut self, frame: SseEvent, events: &mut Vec<Event>) -> Result<Flow> {
        let data = frame.data.trim();
        if data.is_empty() || data == "[DONE]" {
            return Ok(Flow::More);
        }
        let frame = match serde_json::from_str::<Frame>(data) {
            Ok(frame) => frame,
            Err(error) => return not_a_frame(data, &error),
        };
        match frame.kind.as_str() {
            "error" => {
                return Err(fault::in_stream(data)
                    .unwrap_or_else(|| Error::unavailable("the server reports an error")));
            }
            "message_start" => {
                if let Some(message) = frame.message {
                    self.start(message, events)?;
                }
                return Ok(Flow::More);
            }
            "ping" => return Ok(Flow::More),
            _ => {}
        }
        if self.id.is_none() {
            // Nothing is said before the start; a stream without one is none of this API.
            return Ok(Flow::More);
        }
        match (frame.kind.as_str(), frame.content_block, frame.delta) {
            ("content_block_start", Some(block), _) => self.begin(frame.index, block, events),
            ("content_block_delta", _, Some(delta)) => self.delta(frame.index, delta, events),
            ("content_block_stop", ..) => self.close(frame.index, events),
            ("message_delta", _, delta) => {
                let told = delta.and_then(|delta| delta.stop_reason);
                self.reason = told.as_deref().map(reason).or(self.reason);
                self.count(frame.usage, events);
            }
            ("message_stop", ..) => {
                self.finish(events);
                return Ok(Flow::Done);
            }
            _ => {}
        }
        Ok(Flow::More)
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<()> {
        if self.reason.is_none() {
            return Err(Error::unavailable(
                "the connection ended in the middle of the answer",
            ));
        }
        self.finish(events);
        Ok(())
    }
}

/// Events that are not known may have any shape; the known ones have theirs.
fn not_a_frame(data: &str, error: &serde_json::Error) -> Result<Flow> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: String,
    }
    const KNOWN: [&str; 6] = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    match serde_json::from_str::<Kind>(data) {
        Ok(kind) if !KNOWN.contains(&kind.kind.as_str()) => match fault::in_stream(data) {
            Some(error) => Err(error),
            None => Ok(Flow::More),
        },
        _ => match fault::in_stream(data) {
            Some(error) => Err(error),
            None => Err(Error::unavailable(format!(
                "the stream holds something that is no event: {error}"
            ))),
        },
    }
}

fn reason(word: &str) -> FinishReason {
    match word {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolUse,
        "refusal" => FinishReason::Refusal,
        "pause_turn" => FinishReason::Pause,
        _ => FinishReason::Other,
    }
}
