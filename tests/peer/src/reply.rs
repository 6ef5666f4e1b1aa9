//! What a peer answers, and what goes wrong with it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::{
    answer::Answer,
    provider::{Asked, Wire},
    refusal::Refusal,
};

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

/// What a piece of a body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Says that the answer begins.
    Start,
    /// Carries the answer.
    Content,
    /// Says why it ended, and what it cost.
    End,
    /// Closes the stream: `[DONE]`, `message_stop`.
    Closing,
}

#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub mark: Mark,
    pub step: Step,
}

impl Piece {
    pub fn new(mark: Mark, bytes: impl Into<Bytes>) -> Self {
        let step = Step::Bytes(bytes.into());
        Self { mark, step }
    }
}

/// A response in a provider's own words.
#[derive(Clone, Debug)]
pub(crate) struct Rendered {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub pieces: Vec<Piece>,
    /// One document rather than a stream.
    pub whole: bool,
}

impl Rendered {
    /// A document.
    pub fn document(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            pieces: vec![Piece::new(Mark::Content, body)],
            whole: true,
        }
    }

    /// A JSON document.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::document(status, "application/json", body.to_string())
    }

    /// A stream of these pieces.
    pub fn stream(content_type: &str, pieces: Vec<Piece>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            pieces,
            whole: false,
        }
    }

    /// With a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

#[derive(Clone, Debug)]
enum Content {
    /// Written byte for byte; status.
    Raw(u16),
    Answer(Box<Answer>),
    Refusal(Refusal),
}

#[derive(Clone, Debug)]
enum Edit {
    Header(String, String),
    ContentType(String),
    Append(Piece),
    EndWith(Step),
    StopAfter(usize, Step),
    FailAfter(usize, Refusal),
    HeadAfter(Duration),
    FirstAfter(Duration),
    Paced(Duration),
    AtOnce,
    Split(usize),
    SplitAt(usize),
    WithoutClosing,
    StartTwice,
    Unknown(usize),
    Crlf,
    Comments,
}

/// A reply: an answer or a refusal in the provider's own words, or bytes that a test wrote itself;
/// and what goes wrong with it, in the order of the calls. Unless a step ends the connection or
/// falls silent, the body ends after its last piece.
///
/// ```
/// use labd_ai_peer::{Answer, Refusal, Reply, Step, Wait};
/// use std::time::Duration;
///
/// Reply::answer(Answer::text(["Hel", "lo"])).stopping_after(1, Step::Reset);
/// Reply::answer(Answer::text(["Hel", "lo"])).failing_after(1, Refusal::Overloaded(Wait::Unsaid));
/// Reply::refusal(Refusal::Limit(Wait::Seconds(2))).header("x-should-retry", "false");
/// Reply::chat(["byte for byte"]).split(3).head_after(Duration::from_millis(5));
/// ```
#[derive(Clone, Debug)]
pub struct Reply {
    content: Content,
    edits: Vec<Edit>,
}

impl Reply {
    /// An answer in the words of the provider that is asked: streamed, or whole where the request
    /// does not ask for a stream.
    pub fn answer(answer: Answer) -> Self {
        Self {
            content: Content::Answer(Box::new(answer)),
            edits: Vec::new(),
        }
    }

    /// A refusal in the words of the provider that is asked.
    pub fn refusal(refusal: Refusal) -> Self {
        Self {
            content: Content::Refusal(refusal),
            edits: Vec::new(),
        }
    }

    /// A reply without headers and body.
    pub fn status(status: u16) -> Self {
        Self {
            content: Content::Raw(status),
            edits: Vec::new(),
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
            .append(Mark::End, event(&usage.to_string()))
            .append(Mark::Closing, event("[DONE]"))
    }

    /// With the data of one event.
    pub fn event(self, data: &str) -> Self {
        self.append(Mark::Content, event(data))
    }

    /// With a line of `length` bytes that is a comment, as a server would send to keep the
    /// connection alive.
    pub fn long_line(self, length: usize) -> Self {
        let mut line = vec![b'x'; length.saturating_sub(2)];
        line.splice(..0, *b": ");
        line.extend(*b"\n\n");
        self.append(Mark::Content, line)
    }

    /// With a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.edit(Edit::Header(name.to_owned(), value.to_owned()))
    }

    /// With a piece of an answer's text, as Chat Completions tells it.
    pub fn text(self, text: &str) -> Self {
        let data = chunk(json!([{ "index": 0, "delta": { "content": text } }]));
        self.event(&data)
    }

    /// With the reason why the answer ends, as Chat Completions tells it: `stop`, `length`, …
    pub fn finish(self, reason: &str) -> Self {
        let data = chunk(json!([{ "index": 0, "delta": {}, "finish_reason": reason }]));
        self.append(Mark::End, event(&data))
    }

    /// With another step.
    pub fn step(self, step: Step) -> Self {
        let mark = Mark::Content;
        self.edit(Edit::Append(Piece { mark, step }))
    }

    /// With this step in the place of its end: the reason, usage and the closing mark are not sent.
    pub fn ending_with(self, step: Step) -> Self {
        self.edit(Edit::EndWith(step))
    }

    /// With this step after so many pieces that carry the answer, and nothing after it. Of an
    /// answer that is one document, half arrives; of 0, nothing.
    pub fn stopping_after(self, pieces: usize, step: Step) -> Self {
        self.edit(Edit::StopAfter(pieces, step))
    }

    /// With the provider's event of an error after so many pieces that carry the answer, and the
    /// end of the body after it. An answer that is one document is refused instead.
    pub fn failing_after(self, pieces: usize, refusal: Refusal) -> Self {
        self.edit(Edit::FailAfter(pieces, refusal))
    }

    /// With this delay before its head.
    pub fn head_after(self, delay: Duration) -> Self {
        self.edit(Edit::HeadAfter(delay))
    }

    /// With this delay between its head and its first piece.
    pub fn first_after(self, delay: Duration) -> Self {
        self.edit(Edit::FirstAfter(delay))
    }

    /// With this pause between its pieces.
    pub fn paced(self, pause: Duration) -> Self {
        self.edit(Edit::Paced(pause))
    }

    /// With its neighbouring pieces as one: what has no pause between comes at once.
    pub fn at_once(self) -> Self {
        self.edit(Edit::AtOnce)
    }

    /// With its bytes in pieces of this length, whatever they hold; a pause of a millisecond keeps
    /// the pieces apart on their way.
    pub fn split(self, length: usize) -> Self {
        self.edit(Edit::Split(length))
    }

    /// With its first piece of bytes in two, at this place.
    pub fn split_at(self, at: usize) -> Self {
        self.edit(Edit::SplitAt(at))
    }

    /// With this content type instead of the right one.
    pub fn content_type(self, value: &str) -> Self {
        self.edit(Edit::ContentType(value.to_owned()))
    }

    /// Without the mark that closes a stream, where the provider has one.
    pub fn without_closing(self) -> Self {
        self.edit(Edit::WithoutClosing)
    }

    /// With the event that begins the answer twice.
    pub fn starting_twice(self) -> Self {
        self.edit(Edit::StartTwice)
    }

    /// With an event that nobody knows, of at least so many bytes, after the first piece that
    /// carries the answer.
    pub fn unknown_event(self, bytes: usize) -> Self {
        self.edit(Edit::Unknown(bytes))
    }

    /// With CRLF at the ends of its lines.
    pub fn crlf(self) -> Self {
        self.edit(Edit::Crlf)
    }

    /// With a comment, as proxies send to keep a connection alive, before each piece of a stream of
    /// events; an empty line where the stream is one of JSON lines.
    pub fn comments(self) -> Self {
        self.edit(Edit::Comments)
    }

    /// Whether a test wrote it byte for byte.
    pub(crate) fn is_raw(&self) -> bool {
        matches!(self.content, Content::Raw(_))
    }

    /// Whether it is an answer.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self.content, Content::Answer(_))
    }

    fn edit(mut self, edit: Edit) -> Self {
        self.edits.push(edit);
        self
    }

    fn append(self, mark: Mark, bytes: impl Into<Bytes>) -> Self {
        self.edit(Edit::Append(Piece::new(mark, bytes)))
    }

    /// The response to a request, and the delay before its head.
    pub(crate) fn render(self, wire: &dyn Wire, asked: &Asked) -> (Rendered, Duration) {
        let mut rendered = match &self.content {
            Content::Raw(status) => Rendered {
                status: *status,
                headers: Vec::new(),
                pieces: Vec::new(),
                whole: false,
            },
            Content::Answer(answer) => wire.render(answer, asked),
            Content::Refusal(refusal) => wire.refuse(refusal, asked),
        };
        let mut delay = Duration::ZERO;
        for edit in self.edits {
            match edit {
                Edit::HeadAfter(more) => delay += more,
                Edit::FailAfter(_, refusal) if rendered.whole => {
                    rendered = wire.refuse(&refusal, asked);
                }
                edit => apply(edit, &mut rendered, wire, asked),
            }
        }
        (rendered, delay)
    }
}

fn apply(edit: Edit, rendered: &mut Rendered, wire: &dyn Wire, asked: &Asked) {
    let pieces = &mut rendered.pieces;
    match edit {
        Edit::Header(name, value) => rendered.headers.push((name, value)),
        Edit::ContentType(value) => {
            rendered.headers.retain(|(name, _)| name != "content-type");
            rendered.headers.push(("content-type".to_owned(), value));
        }
        Edit::Append(piece) => {
            rendered.whole = false;
            pieces.push(piece);
        }
        Edit::EndWith(step) if rendered.whole => stop_half(rendered, step),
        Edit::EndWith(step) => {
            pieces.retain(|piece| !matches!(piece.mark, Mark::End | Mark::Closing));
            pieces.push(end(step));
        }
        Edit::StopAfter(0, step) if rendered.whole => {
            rendered.whole = false;
            rendered.pieces = vec![end(step)];
        }
        Edit::StopAfter(_, step) if rendered.whole => stop_half(rendered, step),
        Edit::StopAfter(count, step) => {
            keep(pieces, count);
            pieces.push(end(step));
        }
        Edit::FailAfter(count, refusal) => {
            keep(pieces, count);
            pieces.push(Piece::new(Mark::End, wire.error_event(&refusal, asked)));
        }
        Edit::HeadAfter(_) => {}
        Edit::FirstAfter(delay) => pieces.insert(0, wait(delay)),
        Edit::Paced(pause) => {
            *pieces = pieces
                .drain(..)
                .flat_map(|piece| [wait(pause), piece])
                .skip(1)
                .collect();
        }
        Edit::AtOnce => *pieces = joined(pieces),
        Edit::Split(length) => *pieces = pieces.drain(..).flat_map(|p| split(p, length)).collect(),
        Edit::SplitAt(at) => split_at(pieces, at),
        Edit::WithoutClosing => pieces.retain(|piece| piece.mark != Mark::Closing),
        Edit::StartTwice => {
            let starts: Vec<_> = pieces
                .iter()
                .filter(|p| p.mark == Mark::Start)
                .cloned()
                .collect();
            pieces.splice(0..0, starts);
        }
        Edit::Unknown(bytes) => {
            let place = pieces.iter().position(|p| p.mark == Mark::Content);
            let piece = Piece::new(Mark::Content, wire.unknown_event(bytes));
            pieces.insert(place.map_or(pieces.len(), |place| place + 1), piece);
        }
        Edit::Crlf => each_bytes(pieces, |bytes| {
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            text.replace('\n', "\r\n").into()
        }),
        Edit::Comments => each_bytes(pieces, |bytes| [wire.comment(), &bytes].concat().into()),
    }
}

fn wait(pause: Duration) -> Piece {
    Piece {
        mark: Mark::Start,
        step: Step::Wait(pause),
    }
}

fn end(step: Step) -> Piece {
    let mark = Mark::End;
    Piece { mark, step }
}

/// The first half of a document, then the step.
fn stop_half(rendered: &mut Rendered, step: Step) {
    rendered.whole = false;
    each_bytes(&mut rendered.pieces, |bytes| bytes.slice(..bytes.len() / 2));
    rendered.pieces.push(end(step));
}

/// What stands before the end, with so many pieces that carry the answer.
fn keep(pieces: &mut Vec<Piece>, count: usize) {
    let mut left = count;
    let place = pieces.iter().position(|piece| match piece.mark {
        Mark::Start => false,
        Mark::Content if left > 0 => {
            left -= 1;
            false
        }
        Mark::Content | Mark::End | Mark::Closing => true,
    });
    pieces.truncate(place.unwrap_or(pieces.len()));
}

fn each_bytes(pieces: &mut [Piece], change: impl Fn(Bytes) -> Bytes) {
    for piece in pieces {
        if let Step::Bytes(bytes) = &mut piece.step {
            *bytes = change(std::mem::take(bytes));
        }
    }
}

/// Neighbours that are bytes, as one piece with the mark of the first.
fn joined(pieces: &[Piece]) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (all.last_mut().map(|last| &mut last.step), &piece.step) {
            (Some(Step::Bytes(before)), Step::Bytes(more)) => {
                *before = [before.as_ref(), more].concat().into();
            }
            _ => all.push(piece.clone()),
        }
    }
    all
}

fn split(piece: Piece, length: usize) -> Vec<Piece> {
    let Step::Bytes(bytes) = &piece.step else {
        return vec![piece];
    };
    bytes
        .chunks(length.max(1))
        .flat_map(|part| {
            let part = Piece::new(piece.mark, Bytes::copy_from_slice(part));
            [part, wait(Duration::from_millis(1))]
        })
        .collect()
}

fn split_at(pieces: &mut Vec<Piece>, at: usize) {
    let found = pieces.iter().enumerate().find_map(|(place, piece)| {
        let Step::Bytes(bytes) = &piece.step else {
            return None;
        };
        Some((place, piece.mark, bytes.clone()))
    });
    if let Some((place, mark, bytes)) = found {
        let at = at.min(bytes.len());
        let parts = [
            Piece::new(mark, bytes.slice(..at)),
            wait(Duration::from_millis(1)),
            Piece::new(mark, bytes.slice(at..)),
        ];
        pieces.splice(place..=place, parts);
    }
}

fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

fn chunk(choices: serde_json::Value) -> String {
    json!({ "id": "chatcmpl-peer", "object": "chat.completion.chunk", "model": "peer", "choices": choices })
        .to_string()
}
