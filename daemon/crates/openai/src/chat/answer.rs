//! From events to chunks, or to one whole completion.

use crate::errors::{Envelope, Fault};
use crate::stream::{self, Encode};
use crate::{new_id, now};
use labd_plugin_host::kinds::ai::{Event, FinishReason, Usage};
use labd_protocol::ApiError;
use serde::Serialize;

/// Tokens as chat completions count them.
#[derive(Clone, Copy, Serialize)]
struct UsageOut {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Clone, Copy, Serialize)]
struct PromptDetails {
    cached_tokens: u32,
    cache_write_tokens: u32,
    audio_tokens: u32,
}

#[derive(Clone, Copy, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u32,
    audio_tokens: u32,
    accepted_prediction_tokens: u32,
    rejected_prediction_tokens: u32,
}

impl From<Usage> for UsageOut {
    fn from(usage: Usage) -> Self {
        let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
        Self {
            prompt_tokens: input,
            completion_tokens: output,
            total_tokens: input.saturating_add(output),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cached_input.unwrap_or(0),
                cache_write_tokens: usage.cache_writes.unwrap_or(0),
                audio_tokens: 0,
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning.unwrap_or(0),
                audio_tokens: 0,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            },
        }
    }
}

fn finish_reason(reason: FinishReason, calls: bool) -> &'static str {
    match reason {
        FinishReason::ToolUse => "tool_calls",
        FinishReason::Length | FinishReason::Pause => "length",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
        FinishReason::Stop | FinishReason::Other if calls => "tool_calls",
        FinishReason::Stop | FinishReason::Other => "stop",
    }
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [ChoiceDelta<'a>],
    /// `null` in every chunk but the last, when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<UsageOut>>,
}

#[derive(Serialize)]
struct ChoiceDelta<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
}

#[derive(Serialize)]
struct CallDelta<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: FunctionDelta<'a>,
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

/// An answer as chunks.
pub(super) struct Chunks {
    id: String,
    created: u64,
    model: String,
    include_usage: bool,
    begun: bool,
    /// The ids of calls, in their order.
    calls: Vec<String>,
    usage: Option<Usage>,
    finished: bool,
}

impl Chunks {
    pub(super) fn new(model: String, include_usage: bool) -> Self {
        Self {
            id: new_id("chatcmpl-"),
            created: now(),
            model,
            include_usage,
            begun: false,
            calls: Vec::new(),
            usage: None,
            finished: false,
        }
    }

    fn chunk(&self, out: &mut Vec<u8>, choices: &[ChoiceDelta<'_>], usage: Option<UsageOut>) {
        let chunk = Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage: self.include_usage.then_some(usage),
        };
        stream::event(out, None, &chunk);
    }

    fn delta(&self, out: &mut Vec<u8>, delta: Delta<'_>, finish_reason: Option<&'static str>) {
        let choice = ChoiceDelta {
            index: 0,
            delta,
            logprobs: None,
            finish_reason,
        };
        self.chunk(out, &[choice], None);
    }

    /// The first chunk says who speaks.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            let delta = Delta {
                role: Some("assistant"),
                content: Some(""),
                ..Delta::default()
            };
            self.delta(out, delta, None);
        }
    }

    fn call(&self, out: &mut Vec<u8>, call: CallDelta<'_>) {
        let delta = Delta {
            tool_calls: Some([call]),
            ..Delta::default()
        };
        self.delta(out, delta, None);
    }
}

impl Encode for Chunks {
    fn event(&mut self, event: Event, out: &mut Vec<u8>) {
        if let Event::Started { model, .. } = event {
            if !model.is_empty() {
                self.model = model;
            }
            return self.begin(out);
        }
        self.begin(out);
        match event {
            Event::Text(text) => {
                let delta = Delta {
                    content: Some(&text),
                    ..Delta::default()
                };
                self.delta(out, delta, None);
            }
            Event::Reasoning(text) => {
                let delta = Delta {
                    reasoning_content: Some(&text),
                    ..Delta::default()
                };
                self.delta(out, delta, None);
            }
            Event::ToolStarted { id, name } => {
                let call = CallDelta {
                    index: self.calls.len(),
                    id: Some(&id),
                    kind: Some("function"),
                    function: FunctionDelta {
                        name: Some(&name),
                        arguments: "",
                    },
                };
                self.call(out, call);
                self.calls.push(id);
            }
            Event::ToolFragment { id, fragment } => {
                // The host has checked that the call has begun. Most fragments are the last call's.
                if let Some(index) = self.calls.iter().rposition(|call| *call == id) {
                    let call = CallDelta {
                        index,
                        id: None,
                        kind: None,
                        function: FunctionDelta {
                            name: None,
                            arguments: &fragment,
                        },
                    };
                    self.call(out, call);
                }
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish(reason) if !self.finished => {
                self.finished = true;
                let reason = finish_reason(reason, !self.calls.is_empty());
                self.delta(out, Delta::default(), Some(reason));
            }
            Event::Started { .. } | Event::ToolFinished(_) | Event::Blob(_) | Event::Finish(_) => {}
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) -> bool {
        if self.finished {
            if self.include_usage {
                self.chunk(out, &[], Some(self.usage.unwrap_or_default().into()));
            }
            out.extend_from_slice(b"data: [DONE]\n\n");
        }
        self.finished
    }

    fn fail(&mut self, error: ApiError, out: &mut Vec<u8>) {
        let fault = Fault::from(error);
        let envelope = Envelope {
            error: &fault.detail,
        };
        stream::event(out, None, &envelope);
    }
}

#[derive(Serialize)]
struct Completion<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageOut>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: MessageOut<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct MessageOut<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<&'a str>,
    annotations: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallOut<'a>>,
}

#[derive(Serialize)]
struct CallOut<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: FunctionOut<'a>,
}

#[derive(Serialize)]
struct FunctionOut<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// An answer as one completion.
#[derive(Default)]
pub(super) struct Whole {
    model: Option<String>,
    text: String,
    reasoning: String,
    calls: Vec<Call>,
    usage: Option<Usage>,
    finish: Option<FinishReason>,
}

struct Call {
    id: String,
    name: String,
    arguments: String,
}

impl Whole {
    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Started { model, .. } if !model.is_empty() => self.model = Some(model),
            Event::Text(text) => add(&mut self.text, text),
            Event::Reasoning(text) => add(&mut self.reasoning, text),
            Event::ToolStarted { id, name } => self.calls.push(Call {
                id,
                name,
                arguments: String::new(),
            }),
            Event::ToolFragment { id, fragment } => {
                if let Some(call) = self.calls.iter_mut().rfind(|call| call.id == id) {
                    add(&mut call.arguments, fragment);
                }
            }
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish(reason) => self.finish = Some(reason),
            Event::Started { .. } | Event::ToolFinished(_) | Event::Blob(_) => (),
        }
    }

    /// The completion, when the model has finished. `asked` is what the client called the model.
    pub(super) fn body(&self, asked: &str) -> Option<Vec<u8>> {
        let calls = self.calls.iter().map(|call| CallOut {
            id: &call.id,
            kind: "function",
            function: FunctionOut {
                name: &call.name,
                arguments: if call.arguments.is_empty() {
                    "{}"
                } else {
                    &call.arguments
                },
            },
        });
        let finish = self.finish?;
        let empty = self.text.is_empty() && !self.calls.is_empty();
        let text = Some(self.text.as_str()).filter(|_| !empty);
        let refused = finish == FinishReason::Refusal && !self.text.is_empty();
        let (content, refusal, finish_reason) = if refused {
            (None, text, "stop")
        } else {
            (text, None, finish_reason(finish, !self.calls.is_empty()))
        };
        let completion = Completion {
            id: new_id("chatcmpl-"),
            object: "chat.completion",
            created: now(),
            model: self.model.as_deref().unwrap_or(asked),
            choices: [Choice {
                index: 0,
                message: MessageOut {
                    role: "assistant",
                    content,
                    refusal,
                    annotations: [],
                    reasoning_content: Some(self.reasoning.as_str())
                        .filter(|text| !text.is_empty()),
                    tool_calls: calls.collect(),
                },
                logprobs: None,
                finish_reason,
            }],
            usage: self.usage.map(Into::into),
        };
        serde_json::to_vec(&completion).ok()
    }
}

/// Joins pieces; the first is taken as it is.
fn add(whole: &mut String, piece: String) {
    if whole.is_empty() {
        *whole = piece;
    } else {
        whole.push_str(&piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Script, Step, ask_events, ask_json};
    use labd_protocol::ErrorCode;
    use serde_json::{Value, json};

    const PATH: &str = "/v1/chat/completions";

    fn started() -> Event {
        Event::Started {
            model: "parrot-1".into(),
            id: "up-1".into(),
        }
    }

    fn usage() -> Event {
        Event::Usage(Usage {
            input: Some(10),
            cached_input: Some(4),
            cache_writes: Some(2),
            output: Some(6),
            reasoning: Some(3),
        })
    }

    fn usage_json() -> Value {
        json!({
            "prompt_tokens": 10, "completion_tokens": 6, "total_tokens": 16,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 3, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0
            }
        })
    }

    fn tool(id: &str, name: &str) -> Event {
        Event::ToolStarted {
            id: id.into(),
            name: name.into(),
        }
    }

    fn fragment(id: &str, fragment: &str) -> Event {
        Event::ToolFragment {
            id: id.into(),
            fragment: fragment.into(),
        }
    }

    fn body(stream: Value) -> Value {
        let mut body =
            json!({"model": "Acme/parrot", "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut()
            .unwrap()
            .extend(stream.as_object().unwrap().clone());
        body
    }

    /// Everything at once: reasoning, text, two interleaved calls, tokens.
    fn full() -> Vec<Event> {
        vec![
            started(),
            Event::Reasoning("Hm".into()),
            Event::Blob(vec![1, 2]),
            Event::Text("Grü".into()),
            Event::Text("ße \"😀\"\n".into()),
            tool("c1", "look"),
            fragment("c1", "{\"a\":"),
            tool("c2", "time"),
            fragment("c1", "1}"),
            Event::ToolFinished("c1".into()),
            Event::ToolFinished("c2".into()),
            usage(),
            Event::Finish(FinishReason::ToolUse),
        ]
    }

    #[tokio::test]
    async fn an_answer_is_one_completion() {
        let (status, mut told) = ask_json(&Script::events(full()), PATH, body(json!({}))).await;
        assert_eq!(status, 200, "{told}");
        let id = told["id"].take();
        assert!(id.as_str().unwrap().starts_with("chatcmpl-"), "{id}");
        assert!(told["created"].take().as_u64().unwrap() > 1_700_000_000);
        let call = |id: &str, name: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
        assert_eq!(
            told,
            json!({
                "id": null, "object": "chat.completion", "created": null, "model": "parrot-1",
                "choices": [{
                    "index": 0,
                    "message": {
                        "role": "assistant", "content": "Grüße \"😀\"\n",
                        "refusal": null, "annotations": [], "reasoning_content": "Hm",
                        "tool_calls": [call("c1", "look", "{\"a\":1}"), call("c2", "time", "{}")]
                    },
                    "logprobs": null, "finish_reason": "tool_calls"
                }],
                "usage": usage_json()
            })
        );
    }

    #[tokio::test]
    async fn an_answer_of_calls_alone_has_no_content() {
        let script = Script::events([
            started(),
            tool("c1", "look"),
            fragment("c1", "{}"),
            Event::ToolFinished("c1".into()),
            Event::Finish(FinishReason::Stop),
        ]);
        let (_, told) = ask_json(&script, PATH, body(json!({}))).await;
        let choice = &told["choices"][0];
        assert_eq!(choice["message"]["content"], Value::Null);
        assert_eq!(choice["finish_reason"], "tool_calls");
        assert_eq!(told.get("usage"), None);
    }

    #[tokio::test]
    async fn every_event_becomes_its_chunk() {
        let asked = body(json!({"stream": true, "stream_options": {"include_usage": true}}));
        let mut events = ask_events(&Script::events(full()), PATH, asked).await;
        assert!(events.iter().all(|(name, _)| name.is_none()));
        assert_eq!(events.pop().unwrap().1, "[DONE]");
        let id = events[0].1["id"].clone();
        let chunks = events.into_iter().map(|(_, mut chunk)| {
            assert_eq!(chunk["id"], id);
            assert_eq!(chunk["object"], "chat.completion.chunk");
            assert_eq!(chunk["model"], "parrot-1");
            assert!(chunk["created"].is_u64());
            let usage = chunk["usage"].take();
            match chunk["choices"].as_array().unwrap().as_slice() {
                [] => usage,
                [choice] => {
                    assert_eq!((&usage, &choice["index"]), (&Value::Null, &json!(0)));
                    let mut told = choice["delta"].clone();
                    if !choice["finish_reason"].is_null() {
                        told["finish"] = choice["finish_reason"].clone();
                    }
                    told
                }
                more => panic!("{more:?}"),
            }
        });
        let call = |index: u32, function: Value| json!({"tool_calls": [{"index": index, "function": function}]});
        let begun = |index: u32, id: &str, name: &str| {
            json!({"tool_calls": [{
                "index": index, "id": id, "type": "function",
                "function": {"name": name, "arguments": ""}
            }]})
        };
        assert_eq!(
            chunks.collect::<Vec<_>>(),
            [
                json!({"role": "assistant", "content": ""}),
                json!({"reasoning_content": "Hm"}),
                json!({"content": "Grü"}),
                json!({"content": "ße \"😀\"\n"}),
                begun(0, "c1", "look"),
                call(0, json!({"arguments": "{\"a\":"})),
                begun(1, "c2", "time"),
                call(0, json!({"arguments": "1}"})),
                json!({"finish": "tool_calls"}),
                usage_json(),
            ]
        );
    }

    #[tokio::test]
    async fn tokens_are_told_in_a_stream_only_when_asked_for() {
        let script = Script::events([started(), usage(), Event::Finish(FinishReason::Stop)]);
        let events = ask_events(&script, PATH, body(json!({"stream": true}))).await;
        assert_eq!(events.len(), 3);
        assert!(
            events.iter().all(|(_, data)| data.get("usage").is_none()),
            "{events:?}"
        );
    }

    #[tokio::test]
    async fn every_end_has_its_reason() {
        for (finish, reason) in [
            (FinishReason::Stop, "stop"),
            (FinishReason::Length, "length"),
            (FinishReason::ToolUse, "tool_calls"),
            (FinishReason::ContentFilter, "content_filter"),
            (FinishReason::Pause, "length"),
            (FinishReason::Other, "stop"),
        ] {
            let events = || [started(), Event::Text("a".into()), Event::Finish(finish)];
            let (_, told) = ask_json(&Script::events(events()), PATH, body(json!({}))).await;
            assert_eq!(told["choices"][0]["finish_reason"], reason);
            let asked = body(json!({"stream": true}));
            let chunks = ask_events(&Script::events(events()), PATH, asked).await;
            assert_eq!(chunks[2].1["choices"][0]["finish_reason"], reason);
        }
    }

    #[tokio::test]
    async fn a_refusal_in_words_is_one_in_a_whole_answer() {
        let events = || {
            let finish = Event::Finish(FinishReason::Refusal);
            [started(), Event::Text("No.".into()), finish]
        };
        let (_, told) = ask_json(&Script::events(events()), PATH, body(json!({}))).await;
        let choice = &told["choices"][0];
        assert_eq!(choice["message"]["refusal"], "No.");
        assert_eq!(choice["message"]["content"], Value::Null);
        assert_eq!(choice["finish_reason"], "stop");
        let asked = body(json!({"stream": true}));
        let chunks = ask_events(&Script::events(events()), PATH, asked).await;
        assert_eq!(chunks[1].1["choices"][0]["delta"]["content"], "No.");
        let reason = &chunks[2].1["choices"][0]["finish_reason"];
        assert_eq!(reason, "content_filter");
        let silent = [started(), Event::Finish(FinishReason::Refusal)];
        let (_, told) = ask_json(&Script::events(silent), PATH, body(json!({}))).await;
        let choice = &told["choices"][0];
        assert_eq!(choice["message"]["refusal"], Value::Null);
        assert_eq!(choice["message"]["content"], "");
        assert_eq!(choice["finish_reason"], "content_filter");
    }

    #[tokio::test]
    async fn an_error_in_the_middle_is_an_event_and_nothing_follows() {
        let error = ApiError {
            retry_after_ms: Some(1_000),
            ..ApiError::new(ErrorCode::RateLimited, "Acme asks to slow down.")
        };
        let steps = || {
            let said = Step::Events(vec![started(), Event::Text("a".into())]);
            [said, Step::Fail(error.clone())]
        };
        let asked = body(json!({"stream": true}));
        let events = ask_events(&Script::of(steps()), PATH, asked).await;
        let told = json!({"error": {
            "message": "Acme asks to slow down.", "type": "rate_limit_error", "param": null,
            "code": "rate_limit_exceeded"
        }});
        assert_eq!((events.len(), &events[2]), (3, &(None, told)));
        let (status, told) = ask_json(&Script::of(steps()), PATH, body(json!({}))).await;
        assert_eq!(
            (status, &told["error"]["code"]),
            (429, &json!("rate_limit_exceeded"))
        );
    }

    #[tokio::test]
    async fn an_answer_that_ends_too_early_is_an_error() {
        let events = || [started(), Event::Text("a".into())];
        let (status, told) = ask_json(&Script::events(events()), PATH, body(json!({}))).await;
        assert_eq!(
            (status, &told["error"]["type"]),
            (502, &json!("server_error"))
        );
        let asked = body(json!({"stream": true}));
        let told = ask_events(&Script::events(events()), PATH, asked).await;
        assert_eq!(told.len(), 3);
        let message = told[2].1["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("before the model had finished"),
            "{message}"
        );
    }

    #[tokio::test]
    async fn an_unknown_model_is_told_before_a_stream_begins() {
        let mut asked = body(json!({"stream": true}));
        asked["model"] = json!("nothing");
        let (status, told) = ask_json(&Script::of([]), PATH, asked).await;
        assert_eq!(
            (status, &told["error"]["code"]),
            (404, &json!("model_not_found"))
        );
    }
}
