//! The items of an answer, and the events that tell of them.

use crate::new_id;
use serde::Serialize;

/// What an item is.
#[derive(Debug)]
pub(super) enum Kind {
    /// What the model says.
    Message { text: String },
    /// How it came to that, and what only its provider reads.
    Reasoning {
        summary: String,
        encrypted: Option<String>,
    },
    /// A call of a tool.
    Call {
        call: String,
        name: String,
        arguments: String,
    },
}

/// One item of the output.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) open: bool,
}

impl Item {
    pub(super) fn new(kind: Kind) -> Self {
        let prefix = match kind {
            Kind::Message { .. } => "msg_",
            Kind::Reasoning { .. } => "rs_",
            Kind::Call { .. } => "fc_",
        };
        Self {
            id: new_id(prefix),
            kind,
            open: true,
        }
    }

    /// Whether something was said in it.
    pub(super) fn says(&self) -> bool {
        matches!(&self.kind, Kind::Message { text } if !text.is_empty())
    }

    /// The item as it stands, with this status. What is said may be a refusal.
    pub(super) fn out<'a>(&'a self, status: &'static str, refused: bool) -> ItemOut<'a> {
        let said: fn(&'a str) -> PartOut<'a> = if refused {
            PartOut::refusal
        } else {
            PartOut::text
        };
        match &self.kind {
            Kind::Message { text } => ItemOut::Message {
                id: &self.id,
                status,
                role: "assistant",
                content: Some(text.as_str())
                    .filter(|text| !text.is_empty())
                    .map(said)
                    .into_iter()
                    .collect(),
            },
            Kind::Reasoning { summary, encrypted } => ItemOut::Reasoning {
                id: &self.id,
                summary: Some(summary.as_str())
                    .filter(|text| !text.is_empty())
                    .map(PartOut::summary)
                    .into_iter()
                    .collect(),
                encrypted_content: encrypted.as_deref(),
            },
            Kind::Call {
                call,
                name,
                arguments,
            } => ItemOut::FunctionCall {
                id: &self.id,
                status,
                call_id: call,
                name,
                arguments,
            },
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ItemOut<'a> {
    Message {
        id: &'a str,
        status: &'static str,
        role: &'static str,
        content: Vec<PartOut<'a>>,
    },
    Reasoning {
        id: &'a str,
        summary: Vec<PartOut<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'a str>,
    },
    FunctionCall {
        id: &'a str,
        status: &'static str,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
}

#[derive(Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum PartOut<'a> {
    OutputText {
        text: &'a str,
        annotations: [(); 0],
        logprobs: [(); 0],
    },
    Refusal {
        refusal: &'a str,
    },
    SummaryText {
        text: &'a str,
    },
}

impl<'a> PartOut<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self::OutputText {
            text,
            annotations: [],
            logprobs: [],
        }
    }

    pub(super) fn refusal(refusal: &'a str) -> Self {
        Self::Refusal { refusal }
    }

    pub(super) fn summary(text: &'a str) -> Self {
        Self::SummaryText { text }
    }
}

/// What is told of an item: where it is, and what of it is new.
#[derive(Serialize)]
pub(super) struct EventOut<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'a str>,
    pub(super) output_index: usize,
    #[serde(flatten)]
    pub(super) rest: Rest<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Rest<'a> {
    Item {
        item: ItemOut<'a>,
    },
    ContentPart {
        content_index: u32,
        part: PartOut<'a>,
    },
    TextDelta {
        content_index: u32,
        delta: &'a str,
        logprobs: [(); 0],
    },
    TextDone {
        content_index: u32,
        text: &'a str,
        logprobs: [(); 0],
    },
    SummaryPart {
        summary_index: u32,
        part: PartOut<'a>,
    },
    SummaryDelta {
        summary_index: u32,
        delta: &'a str,
    },
    SummaryDone {
        summary_index: u32,
        text: &'a str,
    },
    ArgumentsDelta {
        delta: &'a str,
    },
    ArgumentsDone {
        name: &'a str,
        arguments: &'a str,
    },
}
