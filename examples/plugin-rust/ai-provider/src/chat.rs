//! Chat Completions: the request's body, and the chunks of the answer.

use labd_plugin::ai::{
    Decoder, Event, FinishReason, Flow, Model, Part, Request, Role, Started, Usage,
};
use labd_plugin::stream::SseEvent;
use labd_plugin::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// The body of `POST /chat/completions`.
pub fn body(request: &Request) -> Result<Value> {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(json!({ "role": "system", "content": request.system.join("\n\n") }));
    }
    for message in &request.messages {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let mut content = String::new();
        for part in &message.parts {
            match part {
                Part::Text(text) => content.push_str(text),
                // Of a former answer; this server does not want it back.
                Part::Reasoning(_) | Part::Blob(_) => {}
                // The host asks only for what `describe` says that the provider can do.
                _ => return Err(Error::invalid("this provider takes text only")),
            }
        }
        messages.push(json!({ "role": role, "content": content }));
    }
    let mut body = json!({
        "model": request.model,
        "messages": messages,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if let Some(most) = request.max_tokens {
        body["max_tokens"] = most.into();
    }
    if let Some(temperature) = request.temperature {
        body["temperature"] = temperature.into();
    }
    if !request.stop.is_empty() {
        body["stop"] = json!(request.stop);
    }
    Ok(body)
}

/// What `GET /models` answers.
pub fn models(answer: &Value) -> Result<Vec<Model>> {
    let listed = answer.get("data").and_then(Value::as_array);
    let listed = listed.ok_or_else(|| Error::internal("the list of models has no `data`"))?;
    let ids = listed.iter().filter_map(|model| model.get("id")?.as_str());
    Ok(ids.map(Model::new).collect())
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    id: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
}

/// Turns chunks into events.
pub struct Chat {
    model: String,
    started: bool,
    finish: Option<FinishReason>,
}

impl Chat {
    /// The answer to a request.
    pub fn of(request: &Request) -> Self {
        Self {
            model: request.model.clone(),
            started: false,
            finish: None,
        }
    }
}

impl Decoder<SseEvent> for Chat {
    fn frame(&mut self, frame: SseEvent, events: &mut Vec<Event>) -> Result<Flow> {
        if frame.data.trim() == "[DONE]" {
            return self.end(events).map(|()| Flow::Done);
        }
        let chunk: Chunk = serde_json::from_str(&frame.data)
            .map_err(|error| Error::unavailable(format!("a chunk that is none: {error}")))?;
        if let Some(error) = chunk.error {
            return Err(Error::unavailable(format!("the server says: {error}")));
        }
        if !self.started {
            self.started = true;
            let named = !chunk.model.is_empty();
            events.push(Event::Started(Started {
                model: if named {
                    chunk.model
                } else {
                    self.model.clone()
                },
                id: chunk.id,
            }));
        }
        for choice in chunk.choices {
            if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
                events.push(Event::Text(text));
            }
            if let Some(reason) = choice.finish_reason {
                self.finish = Some(match reason.as_str() {
                    "length" => FinishReason::Length,
                    "content_filter" => FinishReason::ContentFilter,
                    _ => FinishReason::Stop,
                });
            }
        }
        if let Some(tokens) = chunk.usage {
            events.push(Event::Usage(Usage {
                input: tokens.prompt_tokens,
                cached_input: None,
                cache_writes: None,
                output: tokens.completion_tokens,
                reasoning: None,
            }));
        }
        Ok(Flow::More)
    }

    /// The stream ended, with `[DONE]` or without: it is an answer if it said why it ends.
    fn end(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let reason = self.finish.take().ok_or_else(|| {
            Error::unavailable("the connection ended in the middle of the answer")
        })?;
        events.push(Event::Finish(reason));
        Ok(())
    }
}
