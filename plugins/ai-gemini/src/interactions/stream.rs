//! The events of an interaction → labd's.
//!
//! An answer is a list of steps, told by their index: `step.start`, `step.delta`, `step.stop`. Steps
//! and deltas of kinds that nobody asked for (searches, annotations) are passed over.

use crate::blob::Blob;
use crate::fault;
use labd_plugin::ai::{
    Decoder, Event, FinishReason, Flow, Started, ToolFragment, ToolStarted, Usage,
};
use labd_plugin::stream::SseEvent;
use labd_plugin::{Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Frame {
    event_type: Option<String>,
    #[serde(default)]
    index: u64,
    interaction: Option<Interaction>,
    step: Option<Step>,
    delta: Option<Delta>,
}

#[derive(Deserialize)]
struct Interaction {
    id: Option<String>,
    model: Option<String>,
    status: Option<String>,
    usage: Option<Counts>,
    #[serde(default)]
    errors: Vec<Value>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    name: Option<String>,
    signature: Option<String>,
    arguments: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    signature: Option<String>,
    arguments: Option<Value>,
    content: Option<Value>,
}

#[derive(Deserialize)]
struct Counts {
    total_input_tokens: Option<u32>,
    total_cached_tokens: Option<u32>,
    total_output_tokens: Option<u32>,
    total_tool_use_tokens: Option<u32>,
    total_thought_tokens: Option<u32>,
}

impl Counts {
    fn usage(&self) -> Usage {
        let sum = |one: Option<u32>, other: Option<u32>| match (one, other) {
            (None, None) => None,
            _ => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
        };
        Usage {
            input: sum(self.total_input_tokens, self.total_tool_use_tokens),
            cached_input: self.total_cached_tokens,
            cache_writes: None,
            // Thoughts are counted beside the answer.
            output: sum(self.total_output_tokens, self.total_thought_tokens),
            reasoning: self.total_thought_tokens,
        }
    }
}

/// A step that is arriving.
enum Open {
    Output,
    /// With its signature so far.
    Thought(String),
    Call {
        id: String,
        signature: String,
        /// Arguments that came with the start, until others do.
        whole: Option<String>,
        has_arguments: bool,
    },
    /// Nobody asked for it.
    Other,
}

/// The state of one answer.
pub struct Steps {
    model: String,
    has_begun: bool,
    has_called: bool,
    open: BTreeMap<u64, Open>,
}

impl Steps {
    /// An answer of this model, unless the stream names another.
    pub fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            has_begun: false,
            has_called: false,
            open: BTreeMap::new(),
        }
    }

    fn start(&mut self, interaction: Option<&Interaction>, events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let told = |of: fn(&Interaction) -> &Option<String>| of(interaction?).clone();
        events.push(Event::Started(Started {
            model: told(|one| &one.model).unwrap_or_else(|| self.model.clone()),
            id: told(|one| &one.id).unwrap_or_default(),
        }));
    }

    fn begin(&mut self, index: u64, step: Step, events: &mut Vec<Event>) {
        self.close(index, events);
        let signature = step.signature.unwrap_or_default();
        let open = match step.kind.as_str() {
            "model_output" => Open::Output,
            "thought" => Open::Thought(signature),
            "function_call" => {
                self.has_called = true;
                let id = step.id.unwrap_or_else(|| format!("call-{index}"));
                events.push(Event::ToolStarted(ToolStarted {
                    id: id.clone(),
                    name: step.name.unwrap_or_default(),
                }));
                Open::Call {
                    id,
                    signature,
                    whole: step
                        .arguments
                        .map(|object| object.get().to_owned())
                        .filter(|object| object.starts_with('{')),
                    has_arguments: false,
                }
            }
            _ => Open::Other,
        };
        self.open.insert(index, open);
    }

    fn delta(&mut self, index: u64, delta: Delta, events: &mut Vec<Event>) {
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        match (delta.kind.as_str(), self.open.get_mut(&index)) {
            ("text", Some(Open::Output)) => events.extend(some(delta.text).map(Event::Text)),
            ("thought_summary", Some(Open::Thought(_))) => {
                let content = delta.content.as_ref();
                let text = content.and_then(|one| one.get("text")?.as_str());
                events.extend(some(text.map(str::to_owned)).map(Event::Reasoning));
            }
            (
                "thought_signature",
                Some(Open::Thought(signature) | Open::Call { signature, .. }),
            ) => signature.push_str(delta.signature.as_deref().unwrap_or_default()),
            (
                "arguments_delta",
                Some(Open::Call {
                    id, has_arguments, ..
                }),
            ) => {
                let fragment = match delta.arguments {
                    Some(Value::String(text)) => Some(text),
                    other => other.map(|object| object.to_string()),
                };
                if let Some(fragment) = some(fragment) {
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
            Some(Open::Thought(signature)) if !signature.is_empty() => {
                events.push(Event::Blob(Blob::Thought(signature).write()));
            }
            Some(Open::Call {
                id,
                signature,
                whole,
                has_arguments,
            }) => {
                if !has_arguments {
                    events.push(Event::ToolFragment(ToolFragment {
                        id: id.clone(),
                        fragment: whole.unwrap_or_else(|| "{}".into()),
                    }));
                }
                events.push(Event::ToolFinished(id));
                if !signature.is_empty() {
                    events.push(Event::Blob(Blob::Step(signature).write()));
                }
            }
            Some(Open::Output | Open::Thought(_) | Open::Other) | None => {}
        }
    }

    fn finish(&mut self, interaction: &Interaction, events: &mut Vec<Event>) -> Result<()> {
        while let Some(index) = self.open.keys().next().copied() {
            self.close(index, events);
        }
        events.extend(
            interaction
                .usage
                .as_ref()
                .map(|one| Event::Usage(one.usage())),
        );
        let status = interaction.status.as_deref().unwrap_or_default();
        let reason = match status {
            "completed" | "requires_action" if self.has_called => FinishReason::ToolUse,
            "completed" => FinishReason::Stop,
            "incomplete" | "budget_exceeded" => FinishReason::Length,
            "failed" => {
                let first = interaction.errors.first();
                let told = first.map(|error| json!({ "error": error }).to_string());
                return Err(told
                    .as_deref()
                    .and_then(fault::in_stream)
                    .unwrap_or_else(|| {
                        Error::unavailable(
                            "the interaction failed, and the server does not say why",
                        )
                    }));
            }
            _ => FinishReason::Other,
        };
        events.push(Event::Finish(reason));
        Ok(())
    }
}

impl Decoder<SseEvent> for Steps {
    fn frame(&mut self, frame: SseEvent, events: &mut Vec<Event>) -> Result<Flow> {
        let data = frame.data.trim();
        if data.is_empty() || data == "[DONE]" {
            return Ok(Flow::More);
        }
        if let Some(error) = data
            .contains("\"error\"")
            .then(|| fault::in_stream(data))
            .flatten()
        {
            return Err(error);
        }
        let told = match serde_json::from_str::<Frame>(data) {
            Ok(told) => told,
            Err(error) => {
                return Err(Error::unavailable(format!(
                    "the stream holds something that is no event: {error}"
                )));
            }
        };
        let kind = told.event_type.as_deref().unwrap_or(&frame.name);
        match (kind, told.interaction, told.step, told.delta) {
            ("interaction.created", interaction, ..) => self.start(interaction.as_ref(), events),
            ("step.start", _, Some(step), _) => {
                self.start(None, events);
                self.begin(told.index, step, events);
            }
            ("step.delta", .., Some(delta)) => self.delta(told.index, delta, events),
            ("step.stop", ..) => self.close(told.index, events),
            ("interaction.completed", Some(interaction), ..) => {
                self.start(Some(&interaction), events);
                self.finish(&interaction, events)?;
                return Ok(Flow::Done);
            }
            _ => {}
        }
        Ok(Flow::More)
    }
}
