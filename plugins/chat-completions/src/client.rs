//! The endpoints of a server, over HTTP.

use crate::dialect::Dialect;
use crate::settings::Settled;
use crate::stream::Chat;
use crate::{embed, fault, models, request, settings};
use labd_plugin::ai::{EmbedRequest, Embeddings, Model, Request, Streamed, Until};
use labd_plugin::stream::SseReader;
use labd_plugin::{Host, Result, api, debug, http};
use serde_json::{Value, json};

/// The most bytes of a list of models.
const MODELS_LIMIT: usize = 4 * 1024 * 1024;

/// The most bytes of an answer with embeddings: 2048 of 3072 numbers, written out.
const EMBEDDINGS_LIMIT: usize = 60 * 1024 * 1024;

/// The most bytes of an answer that comes at once.
const ANSWER_LIMIT: usize = 8 * 1024 * 1024;

/// The events of a response.
pub type Events<B> = SseReader<Opened<B>>;

/// The body of a response.
#[derive(Debug)]
pub enum Opened<B> {
    /// It streams.
    Stream(http::Peeked<B>),
    /// It came at once, and is here the stream that it would have been; empty once it was read.
    Whole(Vec<u8>),
}

impl<B: http::Body> http::Body for Opened<B> {
    fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        match self {
            Self::Stream(body) => body.read(max),
            Self::Whole(rest) => {
                let more = rest.split_off(rest.len().min(max as usize));
                Ok(std::mem::replace(rest, more))
            }
        }
    }
}

/// A server.
pub struct Client<'a, H> {
    host: &'a H,
    base: String,
    dialect: Dialect,
}

impl<'a, H: Host> Client<'a, H> {
    /// A server at this address: up to and with the version, such as `https://api.openai.com/v1`.
    ///
    /// # Errors
    /// `invalid-request` when it is no HTTP address.
    pub fn new(host: &'a H, base_url: &str, dialect: Dialect) -> Result<Self> {
        // People paste the whole endpoint.
        let base = api::base_url(
            base_url,
            &["/chat/completions", "/responses", "/embeddings"],
        )?;
        Ok(Self {
            host,
            base: base.to_owned(),
            dialect,
        })
    }

    /// The server's models, by id.
    ///
    /// # Errors
    /// What the server answers.
    pub fn models(&self) -> Result<Vec<Model>> {
        let url = format!("{}/models", self.base);
        let wanted = http::Request::get(url).header("accept", "application/json");
        Ok(models::of(&self.ask(wanted)?.json(MODELS_LIMIT)?))
    }

    /// Starts an answer.
    ///
    /// # Errors
    /// What the server answers.
    pub fn complete(&self, mut request: Request) -> Result<Streamed<Events<H::Body>, Until<Chat>>> {
        let stops = self.settle(&mut request);
        let answer = Chat::new(&request.model, self.dialect);
        Ok(Streamed::new(
            self.chat(request)?,
            Until::new(stops, answer),
        ))
    }

    /// Takes from a request what its model would refuse, and logs it; the stop texts that are to be
    /// looked for in the answer.
    pub fn settle(&self, request: &mut Request) -> Vec<String> {
        let Settled { left_out, stops } = settings::settle(request, &self.dialect);
        for what in left_out {
            debug!(
                *self.host,
                { model = request.model },
                "left out of the request: {what}"
            );
        }
        stops
    }

    /// The events of an answer, for a decoder of the caller's.
    ///
    /// # Errors
    /// What the server answers.
    pub fn chat(&self, request: Request) -> Result<Events<H::Body>> {
        self.stream("/chat/completions", &request::body(request, &self.dialect)?)
    }

    /// Turns texts into vectors.
    ///
    /// # Errors
    /// What the server answers.
    pub fn embed(&self, request: &EmbedRequest) -> Result<Embeddings> {
        let body = embed::body(request, &self.dialect)?;
        let wanted = http::Request::post(format!("{}/embeddings", self.base))
            .header("accept", "application/json")
            .json(&body)?;
        embed::answer(request, self.ask(wanted)?.json(EMBEDDINGS_LIMIT)?)
    }

    /// Posts a body to an endpoint and reads what it streams. A server that does not stream gives a
    /// whole answer, which is read as a stream of one event.
    ///
    /// # Errors
    /// What the server answers, be it with a status or instead of a stream.
    pub fn stream(&self, path: &str, body: &Value) -> Result<Events<H::Body>> {
        let wanted = http::Request::post(format!("{}{path}", self.base))
            .header("accept", "text/event-stream")
            .json_value(body);
        let response = self.ask(wanted)?;
        let declared = response
            .header("content-type")
            .is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"));
        let mut response = http::Peeked::around(response);
        // Not all who stream say so, and not all who say something else do something else.
        if !declared {
            match response.body.first()? {
                Some(b'{' | b'[') => return whole(&response.bytes(ANSWER_LIMIT)?),
                Some(b'<') => return Err(fault::web_page(&response.error_text())),
                _ => {}
            }
        }
        Ok(SseReader::new(Opened::Stream(response.body)))
    }

    /// Sends a request; an answer that is an error becomes one here.
    fn ask(&self, request: http::Request) -> Result<http::Response<H::Body>> {
        let mut response = self.host.send(request)?;
        if response.is_success() {
            return Ok(response);
        }
        let text = response.error_text();
        let (status, headers) = (response.status, &response.headers);
        Err(fault::of_response(self.host, status, headers, &text))
    }
}

/// The stream that a whole answer would have been: one of Chat Completions has a `message` where a
/// chunk has a `delta`, one of Responses is what its last event brings.
fn whole<B: http::Body>(body: &[u8]) -> Result<Events<B>> {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let event = if answer.pointer("/choices/0/message").is_some() {
        answer
    } else if answer.get("output").is_some_and(Value::is_array) {
        let failed = answer.get("status").and_then(Value::as_str) == Some("failed");
        let end = if failed { "failed" } else { "completed" };
        json!({ "type": format!("response.{end}"), "response": answer })
    } else {
        return Err(fault::instead_of_stream(&String::from_utf8_lossy(body)));
    };
    let stream = format!("data: {event}\n\ndata: [DONE]\n\n");
    Ok(SseReader::new(Opened::Whole(stream.into_bytes())))
}
