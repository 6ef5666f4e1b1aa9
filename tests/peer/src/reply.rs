//! What a peer answers.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Response,
    body::Frame,
    http::{HeaderName, HeaderValue, StatusCode},
};
use serde_json::json;
use tokio::net::TcpStream;

/// A step of a reply's body.
#[derive(Clone, Debug)]
pub enum Step {
    /// These bytes, written as one piece.
    Bytes(Bytes),
    /// Nothing for this long.
    Wait(Duration),
    /// The connection ends, though the body has not.
    Cut,
    /// The connection is reset: what was sent a moment before may be lost with it.
    Reset,
    /// Nothing more ever, and the connection stays open.
    Silence,
}

/// A reply: its head, then its steps. Without [`Step::Cut`], [`Step::Reset`] or [`Step::Silence`]
/// the body ends after the last step.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    steps: Vec<Step>,
}

impl Reply {
    /// A reply without headers and body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// An error with a JSON body, or whatever the text is.
    pub fn error(status: u16, body: &str) -> Self {
        Self::status(status)
            .header("content-type", "application/json")
            .step(Step::Bytes(Bytes::copy_from_slice(body.as_bytes())))
    }

    /// A stream of events from these bytes.
    pub fn stream(body: impl Into<Bytes>) -> Self {
        Self::status(200)
            .header("content-type", "text/event-stream")
            .step(Step::Bytes(body.into()))
    }

    /// A whole answer of Chat Completions: a chunk for each text, the reason, usage and `[DONE]`,
    /// each event a piece of its own.
    pub fn chat<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let reply = Self::status(200).header("content-type", "text/event-stream");
        let reply = texts.into_iter().fold(reply, Self::text);
        let usage = json!({
            "id": "chatcmpl-peer", "object": "chat.completion.chunk", "model": "peer",
            "choices": [], "usage": { "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 },
        });
        reply
            .finish("stop")
            .event(&usage.to_string())
            .event("[DONE]")
    }

    /// With the data of one event.
    pub fn event(self, data: &str) -> Self {
        self.step(Step::Bytes(format!("data: {data}\n\n").into()))
    }

    /// With a line of `length` bytes that is a comment, as a server would send to keep the
    /// connection alive.
    pub fn long_line(self, length: usize) -> Self {
        let mut line = vec![b'x'; length.saturating_sub(2)];
        line.splice(..0, *b": ");
        line.extend(*b"\n\n");
        self.step(Step::Bytes(line.into()))
    }

    /// With a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a piece of an answer's text.
    pub fn text(self, text: &str) -> Self {
        self.event(&chunk(
            json!([{ "index": 0, "delta": { "content": text } }]),
        ))
    }

    /// With the reason why the answer ends: `stop`, `length`, …
    pub fn finish(self, reason: &str) -> Self {
        self.event(&chunk(
            json!([{ "index": 0, "delta": {}, "finish_reason": reason }]),
        ))
    }

    /// With another step.
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// With this step in the place of the end of a [`Reply::chat`]: the reason, usage and the
    /// closing mark are not sent. Comes before [`Reply::paced`] and [`Reply::split`].
    pub fn ending_with(mut self, step: Step) -> Self {
        let kept = self.steps.len().saturating_sub(3);
        self.steps.truncate(kept);
        self.step(step)
    }

    /// With this pause between its pieces.
    pub fn paced(mut self, pause: Duration) -> Self {
        self.steps = self
            .steps
            .into_iter()
            .flat_map(|step| [Step::Wait(pause), step])
            .skip(1)
            .collect();
        self
    }

    /// With its bytes in pieces of this length, whatever they hold; a pause of a millisecond keeps
    /// the pieces apart on their way.
    pub fn split(mut self, length: usize) -> Self {
        let mut steps = Vec::new();
        for step in self.steps {
            match step {
                Step::Bytes(bytes) => {
                    for piece in bytes.chunks(length.max(1)) {
                        steps.push(Step::Bytes(Bytes::copy_from_slice(piece)));
                        steps.push(Step::Wait(Duration::from_millis(1)));
                    }
                }
                other => steps.push(other),
            }
        }
        self.steps = steps;
        self
    }

    /// With its first piece of bytes in two, at this place.
    pub fn split_at(mut self, at: usize) -> Self {
        let place = self
            .steps
            .iter()
            .position(|step| matches!(step, Step::Bytes(_)));
        if let Some(place) = place
            && let Some(Step::Bytes(bytes)) = self.steps.get(place).cloned()
        {
            let at = at.min(bytes.len());
            let pieces = [
                Step::Bytes(bytes.slice(..at)),
                Step::Wait(Duration::from_millis(1)),
                Step::Bytes(bytes.slice(at..)),
            ];
            self.steps.splice(place..=place, pieces);
        }
        self
    }

    /// The response on this connection; `sent` is called for each piece as it leaves.
    pub(super) fn response(
        self,
        connection: Arc<TcpStream>,
        sent: impl Fn() + Clone + Send + 'static,
    ) -> Response<UnsyncBoxBody<Bytes, io::Error>> {
        let frames = stream::iter(self.steps).filter_map(move |step| {
            let (connection, sent) = (Arc::clone(&connection), sent.clone());
            async move {
                match step {
                    Step::Bytes(bytes) => {
                        sent();
                        Some(Ok(Frame::data(bytes)))
                    }
                    Step::Wait(pause) => {
                        tokio::time::sleep(pause).await;
                        None
                    }
                    Step::Cut => Some(Err(io::ErrorKind::ConnectionReset.into())),
                    Step::Reset => {
                        // Without it the connection ends as it does for a cut, and the test tells.
                        let _ = connection.set_zero_linger();
                        Some(Err(io::ErrorKind::ConnectionReset.into()))
                    }
                    Step::Silence => std::future::pending().await,
                }
            }
        });
        let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        for (name, value) in self.headers {
            // A header that is none would be a fault of the test; it shows as a missing one.
            if let (Ok(name), Ok(value)) =
                (name.parse::<HeaderName>(), HeaderValue::from_str(&value))
            {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

fn chunk(choices: serde_json::Value) -> String {
    json!({ "id": "chatcmpl-peer", "object": "chat.completion.chunk", "model": "peer", "choices": choices })
        .to_string()
}
