//! The chunks of generateContent → labd's events.
//!
//! A chunk holds parts of the one candidate that was asked for, and the usage so far. There is no
//! last word: the stream ends after the chunk with the reason, which is `STOP` after calls of tools
//! too. A request that is blocked has no candidate, and `promptFeedback` instead.

use crate::arguments::{Arguments, Piece};
use crate::blob::{Blob, made_id};
use crate::fault;
use labd_plugin::ai::{
    Decoder, Event, FinishReason, Flow, Started, ToolFragment, ToolStarted, Usage,
};
use labd_plugin::stream::SseEvent;
use labd_plugin::{Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Counts>,
    model_version: Option<String>,
    response_id: Option<String>,
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    index: u64,
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    thought_signature: Option<String>,
    function_call: Option<Call>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    id: Option<String>,
    name: Option<String>,
    args: Option<Box<RawValue>>,
    #[serde(default)]
    partial_args: Vec<Piece>,
    #[serde(default)]
    will_continue: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    prompt_token_count: Option<u32>,
    tool_use_prompt_token_count: Option<u32>,
    cached_content_token_count: Option<u32>,
    candidates_token_count: Option<u32>,
    thoughts_token_count: Option<u32>,
}

impl Counts {
    fn usage(&self) -> Option<Usage> {
        let sum = |one: Option<u32>, other: Option<u32>| match (one, other) {
            (None, None) => None,
            _ => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
        };
        let usage = Usage {
            input: sum(self.prompt_token_count, self.tool_use_prompt_token_count),
            cached_input: self.cached_content_token_count,
            cache_writes: None,
            // Thoughts are counted beside the answer.
            output: sum(self.candidates_token_count, self.thoughts_token_count),
            reasoning: self.thoughts_token_count,
        };
        (usage.input.is_some() || usage.output.is_some()).then_some(usage)
    }
}

/// A call that is arriving.
struct Open {
    id: String,
    signature: Option<String>,
    arguments: Arguments,
    /// Its arguments came whole.
    is_whole: bool,
}

/// The state of one answer.
pub struct Contents {
    model: String,
    /// The answer's id, once it began.
    id: Option<String>,
    open: Option<Open>,
    calls: usize,
    usage: Option<Usage>,
    reason: Option<FinishReason>,
}

impl Contents {
    /// An answer of this model, unless the stream names another.
    pub fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            id: None,
            open: None,
            calls: 0,
            usage: None,
            reason: None,
        }
    }

    fn start(&mut self, chunk: &mut Chunk, events: &mut Vec<Event>) {
        // Chunks of which nothing is known are none of the answer.
        let is_empty = chunk.candidates.is_empty()
            && chunk.prompt_feedback.is_none()
            && chunk.usage_metadata.is_none();
        if self.id.is_some() || is_empty {
            return;
        }
        let id = chunk.response_id.take().unwrap_or_default();
        events.push(Event::Started(Started {
            model: chunk
                .model_version
                .take()
                .unwrap_or_else(|| self.model.clone()),
            id: id.clone(),
        }));
        self.id = Some(id);
    }

    fn part(&mut self, part: Part, events: &mut Vec<Event>) -> Result<()> {
        let signature = part.thought_signature.filter(|one| !one.is_empty());
        if let Some(call) = part.function_call {
            return self.call(call, signature, events);
        }
        let Some(text) = part.text else {
            return Ok(());
        };
        if self.open.is_some() && !text.is_empty() {
            self.close(events);
        }
        let bytes = text.len();
        if bytes > 0 {
            events.push(match part.thought {
                true => Event::Reasoning(text),
                false => Event::Text(text),
            });
        }
        events.extend(
            signature.map(|signature| Event::Blob(Blob::Text { signature, bytes }.write())),
        );
        Ok(())
    }

    fn call(
        &mut self,
        call: Call,
        signature: Option<String>,
        events: &mut Vec<Event>,
    ) -> Result<()> {
        if let Some(name) = call.name.filter(|name| !name.is_empty()) {
            self.close(events);
            self.calls += 1;
            let answer = self.id.as_deref().unwrap_or_default();
            let given = call.id.filter(|id| !id.is_empty());
            let id = given.unwrap_or_else(|| made_id(answer, self.calls));
            events.push(Event::ToolStarted(ToolStarted {
                id: id.clone(),
                name,
            }));
            self.open = Some(Open {
                id,
                signature: None,
                arguments: Arguments::default(),
                is_whole: false,
            });
        }
        // A word without a name is of the call that is arriving, or of none.
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.signature = signature.or(open.signature.take());
        let whole = call.args.map(|args| args.get().to_owned());
        if let Some(whole) = whole.filter(|args| args.starts_with('{') && !open.is_whole) {
            open.is_whole = true;
            fragment(&open.id, whole, events);
        }
        for piece in call.partial_args.iter().filter(|_| !open.is_whole) {
            let more = open.arguments.add(piece)?;
            fragment(&open.id, more, events);
        }
        if !call.will_continue {
            self.close(events);
        }
        Ok(())
    }

    fn close(&mut self, events: &mut Vec<Event>) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        if !open.is_whole {
            fragment(&open.id, open.arguments.end(), events);
        }
        events.push(Event::ToolFinished(open.id));
        let signature = open.signature.map(Blob::Call);
        events.extend(signature.map(|blob| Event::Blob(blob.write())));
    }

    fn count(&mut self, counts: Option<&Counts>, events: &mut Vec<Event>) {
        let usage = counts.and_then(Counts::usage);
        // Every chunk tells it; only what is new is passed on.
        if usage.is_some() && usage != self.usage {
            events.extend(usage.map(Event::Usage));
            self.usage = usage;
        }
    }
}

fn fragment(id: &str, text: String, events: &mut Vec<Event>) {
    if !text.is_empty() {
        events.push(Event::ToolFragment(ToolFragment {
            id: id.to_owned(),
            fragment: text,
        }));
    }
}

impl Decoder<SseEvent> for Contents {
    fn frame(&mut self, frame: SseEvent, events: &mut Vec<Event>) -> Result<Flow> {
        let data = frame.data.trim();
        if data.is_empty() || data == "[DONE]" {
            return Ok(Flow::More);
        }
        let mut chunk = match serde_json::from_str::<Chunk>(data) {
            Ok(chunk) if chunk.error.is_none() => chunk,
            Ok(_) => {
                return Err(fault::in_stream(data)
                    .unwrap_or_else(|| Error::unavailable("the server reports an error")));
            }
            Err(error) => {
                return Err(fault::in_stream(data).unwrap_or_else(|| {
                    Error::unavailable(format!(
                        "the stream holds something that is no chunk: {error}"
                    ))
                }));
            }
        };
        self.start(&mut chunk, events);
        let blocked = chunk.prompt_feedback.and_then(|told| told.block_reason);
        if blocked.is_some_and(|reason| reason != "BLOCK_REASON_UNSPECIFIED") {
            self.reason = Some(FinishReason::ContentFilter);
        }
        // Only one candidate is asked for; another is not ours.
        let ours = chunk.candidates.into_iter().find(|one| one.index == 0);
        if let Some(candidate) = ours {
            let parts = candidate.content.map(|content| content.parts);
            for part in parts.into_iter().flatten() {
                self.part(part, events)?;
            }
            let told = candidate.finish_reason.as_deref().and_then(reason);
            self.reason = told.or(self.reason);
        }
        self.count(chunk.usage_metadata.as_ref(), events);
        Ok(Flow::More)
    }

    fn end(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let Some(mut reason) = self.reason else {
            return Err(Error::unavailable(
                "the connection ended in the middle of the answer",
            ));
        };
        self.close(events);
        if reason == FinishReason::Stop && self.calls > 0 {
            reason = FinishReason::ToolUse;
        }
        events.push(Event::Finish(reason));
        Ok(())
    }
}

fn reason(word: &str) -> Option<FinishReason> {
    Some(match word {
        "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => FinishReason::ContentFilter,
        // `LANGUAGE`, `MALFORMED_FUNCTION_CALL`, `UNEXPECTED_TOOL_CALL`, `OTHER`, …
        _ => FinishReason::Other,
    })
}
