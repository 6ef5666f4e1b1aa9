//! From events to a response: its items, and in a stream what is told while they grow.
//!
//! ```text
//! response.created, response.in_progress
//!   response.output_item.added                                           for each item
//!     message:   content_part.added, output_text.delta…, output_text.done, content_part.done
//!     reasoning: reasoning_summary_part.added, …_text.delta…, …_text.done, …_part.done
//!     call:      function_call_arguments.delta…, function_call_arguments.done
//!   response.output_item.done
//! response.completed | response.incomplete | error, response.failed
//! ```
//! Messages and reasoning follow each other; calls may be open at the same time.

use super::items::{EventOut, Item, ItemOut, Kind, PartOut, Rest};
use super::request::Echo;
use super::sealed;
use crate::errors::{Detail, Fault};
use crate::stream::{self, Encode};
use crate::{new_id, now};
use labd_plugin_host::kinds::ai::{Event, FinishReason, Usage};
use labd_protocol::ApiError;
use serde::Serialize;

/// A response that grows.
pub(super) struct Output {
    id: String,
    created: u64,
    /// What the upstream calls the model; before it has said so, what the client does.
    model: String,
    echo: Echo,
    /// Whether events are told.
    told: bool,
    begun: bool,
    sequence: u64,
    items: Vec<Item>,
    usage: Option<Usage>,
    finish: Option<FinishReason>,
}

#[derive(Serialize)]
struct ResponseOut<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    completed_at: Option<u64>,
    status: &'static str,
    background: bool,
    error: Option<ErrorOut<'a>>,
    incomplete_details: Option<IncompleteOut>,
    model: &'a str,
    output: Vec<ItemOut<'a>>,
    usage: Option<UsageOut>,
    #[serde(flatten)]
    echo: &'a Echo,
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    code: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct IncompleteOut {
    reason: &'static str,
}

/// Tokens as responses count them.
#[derive(Serialize)]
struct UsageOut {
    input_tokens: u32,
    input_tokens_details: InputDetails,
    output_tokens: u32,
    output_tokens_details: OutputDetails,
    total_tokens: u32,
}

#[derive(Serialize)]
struct InputDetails {
    cached_tokens: u32,
    cache_write_tokens: u32,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u32,
}

impl From<Usage> for UsageOut {
    fn from(usage: Usage) -> Self {
        let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
        Self {
            input_tokens: input,
            input_tokens_details: InputDetails {
                cached_tokens: usage.cached_input.unwrap_or(0),
                cache_write_tokens: usage.cache_writes.unwrap_or(0),
            },
            output_tokens: output,
            output_tokens_details: OutputDetails {
                reasoning_tokens: usage.reasoning.unwrap_or(0),
            },
            total_tokens: input.saturating_add(output),
        }
    }
}

#[derive(Serialize)]
struct ResponseEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    response: ResponseOut<'a>,
}

/// An error both as OpenAI's documentation has it and as its libraries look for it.
#[derive(Serialize)]
struct ErrorEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    code: Option<&'a str>,
    message: &'a str,
    param: Option<&'a str>,
    error: &'a Detail,
}

impl Output {
    pub(super) fn streamed(echo: Echo) -> Self {
        Self {
            told: true,
            ..Self::whole(echo)
        }
    }

    pub(super) fn whole(echo: Echo) -> Self {
        Self {
            id: new_id("resp_"),
            created: now(),
            model: echo.model.clone(),
            echo,
            told: false,
            begun: false,
            sequence: 0,
            items: Vec::new(),
            usage: None,
            finish: None,
        }
    }

    /// The response, when the model has finished.
    pub(super) fn body(&mut self) -> Option<Vec<u8>> {
        let (status, _) = self.ended()?;
        self.close_all(&mut Vec::new(), status);
        serde_json::to_vec(&self.response(status, None)).ok()
    }

    /// Takes an event in, and writes what is told of it.
    pub(super) fn take(&mut self, event: Event, out: &mut Vec<u8>) {
        if let Event::Started { model, .. } = event {
            if !model.is_empty() {
                self.model = model;
            }
            return self.begin(out);
        }
        self.begin(out);
        match event {
            Event::Text(text) => self.text(text, out),
            Event::Reasoning(text) => self.reasoning(text, out),
            Event::ToolStarted { id, name } => {
                self.close_text(out);
                let call = Kind::Call {
                    call: id,
                    name,
                    arguments: String::new(),
                };
                self.open(call, out);
            }
            Event::ToolFragment { id, fragment } => self.fragment(&id, &fragment, out),
            Event::ToolFinished(id) => {
                if let Some(index) = self.call(&id) {
                    self.close(index, out, "completed");
                }
            }
            Event::Blob(bytes) => self.opaque(&bytes, out),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish(reason) => self.finish = Some(reason),
            Event::Started { .. } => (),
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            self.tell_response(out, "response.created", "in_progress", None);
            self.tell_response(out, "response.in_progress", "in_progress", None);
        }
    }

    fn text(&mut self, text: String, out: &mut Vec<u8>) {
        let index = match self.last_open(|kind| matches!(kind, Kind::Message { .. })) {
            Some(index) => index,
            None => {
                self.close_text(out);
                let text = String::new();
                let index = self.open(Kind::Message { text }, out);
                let rest = Rest::ContentPart {
                    content_index: 0,
                    part: PartOut::text(""),
                };
                self.tell(out, "response.content_part.added", index, rest);
                index
            }
        };
        let rest = Rest::TextDelta {
            content_index: 0,
            delta: &text,
            logprobs: [],
        };
        self.tell(out, "response.output_text.delta", index, rest);
        if let Some(Kind::Message { text: whole }) = self.kind(index) {
            whole.push_str(&text);
        }
    }

    fn reasoning(&mut self, text: String, out: &mut Vec<u8>) {
        let index = match self.last_open(|kind| matches!(kind, Kind::Reasoning { .. })) {
            Some(index) => index,
            None => {
                self.close_text(out);
                let reasoning = Kind::Reasoning {
                    summary: String::new(),
                    encrypted: None,
                };
                let index = self.open(reasoning, out);
                let rest = Rest::SummaryPart {
                    summary_index: 0,
                    part: PartOut::summary(""),
                };
                self.tell(out, "response.reasoning_summary_part.added", index, rest);
                index
            }
        };
        let rest = Rest::SummaryDelta {
            summary_index: 0,
            delta: &text,
        };
        self.tell(out, "response.reasoning_summary_text.delta", index, rest);
        if let Some(Kind::Reasoning { summary, .. }) = self.kind(index) {
            summary.push_str(&text);
        }
    }

    fn fragment(&mut self, id: &str, fragment: &str, out: &mut Vec<u8>) {
        let Some(index) = self.call(id) else {
            return;
        };
        let rest = Rest::ArgumentsDelta { delta: fragment };
        self.tell(out, "response.function_call_arguments.delta", index, rest);
        if let Some(Kind::Call { arguments, .. }) = self.kind(index) {
            arguments.push_str(fragment);
        }
    }

    /// Bytes of the provider: in the reasoning that they follow, or in an item of their own.
    fn opaque(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let sealed = sealed::seal(&self.echo.model, bytes);
        let open = self.last_open(|kind| matches!(kind, Kind::Reasoning { .. }));
        let index = match open {
            Some(index) => index,
            None => {
                self.close_text(out);
                let reasoning = Kind::Reasoning {
                    summary: String::new(),
                    encrypted: None,
                };
                self.open(reasoning, out)
            }
        };
        if let Some(Kind::Reasoning { encrypted, .. }) = self.kind(index) {
            *encrypted = Some(sealed);
        }
        self.close(index, out, "completed");
    }

    /// Adds an item.
    fn open(&mut self, kind: Kind, out: &mut Vec<u8>) -> usize {
        let index = self.items.len();
        self.items.push(Item::new(kind));
        self.tell_item(out, "response.output_item.added", index, "in_progress");
        index
    }

    /// Ends the message or the reasoning that is open.
    fn close_text(&mut self, out: &mut Vec<u8>) {
        if let Some(index) = self.last_open(|kind| !matches!(kind, Kind::Call { .. })) {
            self.close(index, out, "completed");
        }
    }

    fn close_all(&mut self, out: &mut Vec<u8>, status: &'static str) {
        for index in 0..self.items.len() {
            self.close(index, out, status);
        }
    }

    /// Ends an item, unless it has ended.
    fn close(&mut self, index: usize, out: &mut Vec<u8>, status: &'static str) {
        let Some(item) = self.items.get_mut(index).filter(|item| item.open) else {
            return;
        };
        item.open = false;
        if let Kind::Call { arguments, .. } = &mut item.kind
            && arguments.is_empty()
        {
            arguments.push_str("{}");
        }
        if self.told {
            self.tell_end(index, out);
            self.tell_item(out, "response.output_item.done", index, status);
        }
    }

    fn tell_end(&mut self, index: usize, out: &mut Vec<u8>) {
        let mut sequence = self.sequence;
        let Some(item) = self.items.get(index) else {
            return;
        };
        let mut tell = |kind: &'static str, rest: Rest<'_>| {
            write(out, kind, &mut sequence, index, Some(&item.id), rest);
        };
        match &item.kind {
            Kind::Message { text } => {
                let done = Rest::TextDone {
                    content_index: 0,
                    text,
                    logprobs: [],
                };
                tell("response.output_text.done", done);
                let part = Rest::ContentPart {
                    content_index: 0,
                    part: PartOut::text(text),
                };
                tell("response.content_part.done", part);
            }
            Kind::Reasoning { summary, .. } if !summary.is_empty() => {
                let done = Rest::SummaryDone {
                    summary_index: 0,
                    text: summary,
                };
                tell("response.reasoning_summary_text.done", done);
                let part = Rest::SummaryPart {
                    summary_index: 0,
                    part: PartOut::summary(summary),
                };
                tell("response.reasoning_summary_part.done", part);
            }
            Kind::Reasoning { .. } => (),
            Kind::Call {
                name, arguments, ..
            } => tell(
                "response.function_call_arguments.done",
                Rest::ArgumentsDone { name, arguments },
            ),
        }
        self.sequence = sequence;
    }

    /// The last item, when it is open and of this kind: only a call stays open behind others.
    fn last_open(&self, is: impl Fn(&Kind) -> bool) -> Option<usize> {
        let index = self.items.len().checked_sub(1)?;
        self.items
            .get(index)
            .filter(|item| item.open && is(&item.kind))
            .map(|_| index)
    }

    fn call(&self, id: &str) -> Option<usize> {
        let is = |item: &Item| matches!(&item.kind, Kind::Call { call, .. } if call == id);
        self.items.iter().rposition(|item| item.open && is(item))
    }

    fn kind(&mut self, index: usize) -> Option<&mut Kind> {
        self.items.get_mut(index).map(|item| &mut item.kind)
    }

    fn tell(&mut self, out: &mut Vec<u8>, kind: &'static str, index: usize, rest: Rest<'_>) {
        if self.told
            && let Some(item) = self.items.get(index)
        {
            write(out, kind, &mut self.sequence, index, Some(&item.id), rest);
        }
    }

    fn tell_item(
        &mut self,
        out: &mut Vec<u8>,
        kind: &'static str,
        index: usize,
        status: &'static str,
    ) {
        if self.told
            && let Some(item) = self.items.get(index)
        {
            let item = item.out(status, false);
            write(
                out,
                kind,
                &mut self.sequence,
                index,
                None,
                Rest::Item { item },
            );
        }
    }

    fn tell_response(
        &mut self,
        out: &mut Vec<u8>,
        kind: &'static str,
        status: &'static str,
        error: Option<ErrorOut<'_>>,
    ) {
        if self.told {
            let event = ResponseEvent {
                kind,
                sequence_number: self.sequence,
                response: self.response(status, error),
            };
            stream::event(out, Some(kind), &event);
            self.sequence += 1;
        }
    }

    fn response<'a>(
        &'a self,
        status: &'static str,
        error: Option<ErrorOut<'a>>,
    ) -> ResponseOut<'a> {
        let reason = match self.finish {
            Some(FinishReason::Length | FinishReason::Pause) => "max_output_tokens",
            _ => "content_filter",
        };
        let item_status = |item: &Item| match status {
            "incomplete" if Some(&item.id) == self.items.last().map(|last| &last.id) => status,
            _ if item.open => "in_progress",
            _ => "completed",
        };
        let refused = self.refused();
        ResponseOut {
            id: &self.id,
            object: "response",
            created_at: self.created,
            completed_at: (status == "completed").then(now),
            status,
            background: false,
            error,
            incomplete_details: (status == "incomplete").then_some(IncompleteOut { reason }),
            model: &self.model,
            output: self
                .items
                .iter()
                .map(|item| item.out(item_status(item), refused))
                .collect(),
            usage: self.usage.map(Into::into),
            echo: &self.echo,
        }
    }

    /// Whether what the model says is that it will not answer. A stream has told that as text already.
    fn refused(&self) -> bool {
        !self.told
            && self.finish == Some(FinishReason::Refusal)
            && self.items.iter().any(Item::says)
    }

    /// The status of the response and the event that tells it, once the model has finished.
    fn ended(&self) -> Option<(&'static str, &'static str)> {
        Some(match self.finish? {
            FinishReason::Refusal if self.refused() => ("completed", "response.completed"),
            FinishReason::Stop | FinishReason::ToolUse | FinishReason::Other => {
                ("completed", "response.completed")
            }
            FinishReason::Length
            | FinishReason::Pause
            | FinishReason::ContentFilter
            | FinishReason::Refusal => ("incomplete", "response.incomplete"),
        })
    }
}

fn write(
    out: &mut Vec<u8>,
    kind: &'static str,
    sequence: &mut u64,
    output_index: usize,
    item_id: Option<&str>,
    rest: Rest<'_>,
) {
    let event = EventOut {
        kind,
        sequence_number: *sequence,
        item_id,
        output_index,
        rest,
    };
    stream::event(out, Some(kind), &event);
    *sequence += 1;
}

impl Encode for Output {
    fn event(&mut self, event: Event, out: &mut Vec<u8>) {
        self.take(event, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) -> bool {
        let Some((status, kind)) = self.ended() else {
            return false;
        };
        self.close_all(out, status);
        self.tell_response(out, kind, status, None);
        true
    }

    fn fail(&mut self, error: ApiError, out: &mut Vec<u8>) {
        self.begin(out);
        let fault = Fault::from(error);
        let event = ErrorEvent {
            kind: "error",
            sequence_number: self.sequence,
            code: fault.detail.code.as_deref(),
            message: &fault.detail.message,
            param: fault.detail.param.as_deref(),
            error: &fault.detail,
        };
        stream::event(out, Some("error"), &event);
        self.sequence += 1;
        let error = ErrorOut {
            // OpenAI has a closed list of codes here.
            code: match fault.status.as_u16() {
                429 => "rate_limit_exceeded",
                400..500 => "invalid_prompt",
                _ => "server_error",
            },
            message: &fault.detail.message,
        };
        self.tell_response(out, "response.failed", "failed", Some(error));
    }
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
