//! The daemon's end of the RPC: what goes over the Unix socket, and a transport for tarpc that a
//! faulty client cannot break.
//!
//! # Frames
//! A frame is a length (4 bytes, unsigned, big-endian) and as many bytes of JSON, 8 MiB
//! ([`MAX_FRAME`]) at most. Each side sends frames when it likes; answers come in any order.
//!
//! A call carries an id that no other call in flight on this connection has, and one method with
//! its arguments by name (`{}` for none). Methods are those of [`Labd`](crate::Labd), in camel
//! case: `source_create` is `SourceCreate`.
//! ```json
//! {"Request": {"id": 1,
//!              "context": {"deadline": {"secs": 30, "nanos": 0}},
//!              "message": {"SourceSchema": {"source": "01KABCDEFGHJKMNPQRSTVWXYZ0", "refresh": false}}}}
//! ```
//! `deadline` is the time left from now: 10 seconds when absent, 5 minutes ([`MAX_DEADLINE`]) at
//! most; after it the call is given up. `context` may be absent. tarpc's own client adds
//! `"trace_context": {"trace_id": [16 bytes], "span_id": 0, "sampling_decision": "Unsampled"}`
//! there.
//!
//! The answer has the method's name again, and its result or a [`ApiError`]:
//! ```json
//! {"request_id": 1, "message": {"Ok": {"SourceSchema": {"Ok": {"dialect": "sqlite", "…": "…"}}}}}
//! {"request_id": 1, "message": {"Ok": {"SourceSchema": {"Err": {"code": "not_found", "message": "There is no source …"}}}}}
//! ```
//! What never reached a method is answered like this; `detail` is an [`ApiError`] as JSON, and
//! `kind` a number of tarpc's that says less:
//! ```json
//! {"request_id": 1, "message": {"Err": {"kind": 0, "detail": "{\"code\":\"unknown_method\",\"message\":\"There is no method Foo.\"}"}}}
//! ```
//! A call is withdrawn with `{"Cancel": {"request_id": 1}}`; nothing answers that.
//!
//! # Faults
//! | what arrives | what happens |
//! | --- | --- |
//! | a known method, arguments that do not fit | `invalid_request` as that method's error |
//! | an unknown method | `unknown_method` under the call's id |
//! | a `context` that cannot be read, no time left | `invalid_request`, `timeout` under the call's id |
//! | JSON without a usable id, or no JSON at all | `invalid_request` under the id [`NO_ID`] |
//! | an id that is in flight already | nothing: the first call is answered |
//! | a length beyond [`MAX_FRAME`] | `too_large` under [`NO_ID`]; calls in flight are answered, then the connection ends |
//! | the end, be it of the client's direction only | the client is gone: what only reads is given up, changes are finished |
//! | the end in the middle of a frame | that frame never was |
//!
//! Except in the last three cases the connection stays usable and no other call notices.

use crate::{ApiError, ErrorCode, wrong_json};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::{
    io,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tarpc::{ClientMessage, Request, Response, ServerError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Decoder, Encoder, Framed};

/// The most bytes of a frame's JSON.
pub const MAX_FRAME: usize = 8 * 1024 * 1024;

/// The furthest deadline of a call. tarpc computes with it as it comes, and a far one overflows.
pub const MAX_DEADLINE: Duration = Duration::from_secs(5 * 60);

/// The deadline of a call that names none; tarpc's own default.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// The id of an answer to something that had none. Clients count from zero, so that no call of
/// theirs has it; JavaScript reads it as 18446744073709552000.
pub const NO_ID: u64 = u64::MAX;

/// Error answers that may wait to be written before no more calls are read.
const MAX_UNWRITTEN: usize = 64 * 1024;

/// What the codec read.
pub(crate) enum Frame {
    /// One frame's JSON.
    Whole(Bytes),
    /// A frame of that many bytes was announced. Nothing after it can be told apart.
    TooLarge(usize),
}

/// Cuts bytes into frames.
#[derive(Default)]
pub(crate) struct Frames {
    lost: bool,
}

impl Decoder for Frames {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Frame>> {
        if self.lost {
            bytes.clear();
            return Ok(None);
        }
        let Some(length) = bytes
            .first_chunk::<4>()
            .map(|n| u32::from_be_bytes(*n) as usize)
        else {
            return Ok(None);
        };
        if length > MAX_FRAME {
            self.lost = true;
            return Ok(Some(Frame::TooLarge(length)));
        }
        if bytes.len() < 4 + length {
            bytes.reserve(4 + length - bytes.len());
            return Ok(None);
        }
        bytes.advance(4);
        Ok(Some(Frame::Whole(bytes.split_to(length).freeze())))
    }

    fn decode_eof(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Frame>> {
        let frame = self.decode(bytes)?;
        if frame.is_none() {
            bytes.clear();
        }
        Ok(frame)
    }
}

impl Encoder<Vec<u8>> for Frames {
    type Error = io::Error;

    fn encode(&mut self, json: Vec<u8>, bytes: &mut BytesMut) -> io::Result<()> {
        let length = u32::try_from(json.len())
            .ok()
            .filter(|length| *length as usize <= MAX_FRAME)
            .ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("{} bytes do not fit in a frame of {MAX_FRAME}", json.len()),
                )
            })?;
        bytes.reserve(4 + json.len());
        bytes.put_u32(length);
        bytes.put_slice(&json);
        Ok(())
    }
}

/// A tarpc server's transport over one connection: requests of type `Req` come in, responses of
/// type `Resp` go out, and what cannot be understood is answered here. See the module's notes.
pub struct ServerTransport<Io, Req, Resp> {
    framed: Framed<Io, Frames>,
    /// A frame was too large: nothing more is read.
    lost: bool,
    /// The client's end was told.
    ended: bool,
    types: PhantomData<fn(Resp) -> Req>,
}

impl<Io: AsyncRead + AsyncWrite, Req, Resp> ServerTransport<Io, Req, Resp> {
    /// Takes over a connection.
    pub fn new(io: Io) -> Self {
        Self {
            framed: Framed::new(io, Frames::default()),
            lost: false,
            ended: false,
            types: PhantomData,
        }
    }
}

impl<Io, Req, Resp> Stream for ServerTransport<Io, Req, Resp>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    Req: DeserializeOwned,
{
    type Item = io::Result<ClientMessage<Req>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut framed = Pin::new(&mut this.framed);
        loop {
            // A client that sends faults and reads no answers must not fill the memory.
            if this.lost || framed.write_buffer().len() > MAX_UNWRITTEN {
                ready!(Sink::<Vec<u8>>::poll_flush(framed.as_mut(), cx))?;
            }
            if this.lost || this.ended {
                return Poll::Ready(None);
            }
            let Poll::Ready(frame) = framed.as_mut().poll_next(cx)? else {
                if !framed.write_buffer().is_empty() {
                    let _pending = Sink::<Vec<u8>>::poll_flush(framed.as_mut(), cx)?;
                }
                return Poll::Pending;
            };
            let refusal = match frame {
                // Of a stream that merely ends tarpc waits until all calls are answered.
                None => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                }
                Some(Frame::Whole(json)) => match decode(&json) {
                    Ok(message) => return Poll::Ready(Some(Ok(message))),
                    Err(refusal) => refusal,
                },
                Some(Frame::TooLarge(length)) => {
                    this.lost = true;
                    Refusal::new(NO_ID, too_large("request", length))
                }
            };
            framed.as_mut().start_send(refusal.encode()?)?;
        }
    }
}

impl<Io, Req, Resp> Sink<Response<Resp>> for ServerTransport<Io, Req, Resp>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    Resp: Serialize,
{
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Sink::<Vec<u8>>::poll_ready(Pin::new(&mut self.get_mut().framed), cx)
    }

    fn start_send(self: Pin<&mut Self>, response: Response<Resp>) -> io::Result<()> {
        let mut json = serde_json::to_vec(&response)?;
        if json.len() > MAX_FRAME {
            let error = too_large("answer", json.len()).with_hint("Ask for less at a time.");
            json = Refusal::new(response.request_id, error).encode()?;
        }
        Pin::new(&mut self.get_mut().framed).start_send(json)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Sink::<Vec<u8>>::poll_flush(Pin::new(&mut self.get_mut().framed), cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Sink::<Vec<u8>>::poll_close(Pin::new(&mut self.get_mut().framed), cx)
    }
}

/// The error of a call that reaches no method, in the form that [`crate::answer`] undoes: an
/// [`ApiError`] in the `detail` of tarpc's own error.
pub fn server_error(error: &ApiError) -> ServerError {
    let kind = match error.code {
        ErrorCode::UnknownMethod => io::ErrorKind::NotFound,
        ErrorCode::TooLarge => io::ErrorKind::InvalidData,
        ErrorCode::Timeout => io::ErrorKind::TimedOut,
        ErrorCode::Overloaded => io::ErrorKind::WouldBlock,
        ErrorCode::InvalidRequest => io::ErrorKind::InvalidInput,
        _ => io::ErrorKind::Other,
    };
    let detail = serde_json::to_string(error).unwrap_or_else(|_| error.message.clone());
    ServerError::new(kind, detail)
}

fn too_large(what: &str, length: usize) -> ApiError {
    ApiError::new(
        ErrorCode::TooLarge,
        format!("The {what} has {length} bytes; a frame holds {MAX_FRAME}."),
    )
}

/// Why a frame is no message, and how to say so.
struct Refusal {
    id: u64,
    /// The method, when the error can be given as its own.
    method: Option<&'static str>,
    error: ApiError,
}

impl Refusal {
    fn new(id: u64, error: ApiError) -> Self {
        Self {
            id,
            method: None,
            error,
        }
    }

    fn encode(&self) -> io::Result<Vec<u8>> {
        #[derive(Serialize)]
        struct Answer<T> {
            request_id: u64,
            message: Result<T, ServerError>,
        }
        let json = match self.method {
            Some(method) => serde_json::to_vec(&Answer {
                request_id: self.id,
                message: Ok(Method(method, Err::<(), _>(&self.error))),
            }),
            None => serde_json::to_vec(&Answer::<()> {
                request_id: self.id,
                message: Err(server_error(&self.error)),
            }),
        };
        Ok(json?)
    }
}

/// `{"Method": value}`.
struct Method<T>(&'static str, T);

impl<T: Serialize> Serialize for Method<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, &self.1)])
    }
}

/// The first step of decoding: enough to know whom to answer.
#[derive(Deserialize)]
enum Envelope<'a> {
    #[serde(borrow)]
    Request(Call<'a>),
    Cancel {
        request_id: u64,
    },
}

#[derive(Deserialize)]
struct Call<'a> {
    id: u64,
    #[serde(borrow, default)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    message: &'a RawValue,
}

#[derive(Default, Deserialize)]
struct CallContext {
    #[serde(default)]
    deadline: Option<TimeLeft>,
    #[serde(default)]
    trace_context: Option<tarpc::trace::Context>,
}

#[derive(Deserialize)]
struct TimeLeft {
    secs: u64,
    #[serde(default)]
    nanos: u32,
}

fn decode<Req: DeserializeOwned>(json: &[u8]) -> Result<ClientMessage<Req>, Refusal> {
    let call = match serde_json::from_slice(json) {
        Ok(Envelope::Request(call)) => call,
        Ok(Envelope::Cancel { request_id }) => {
            return Ok(ClientMessage::Cancel {
                trace_context: tarpc::trace::Context::default(),
                request_id,
            });
        }
        Err(error) => return Err(refuse_envelope(json, &error)),
    };
    let refuse = |code, message: String| Refusal::new(call.id, ApiError::new(code, message));

    let wanted = call
        .context
        .map_or_else(
            || Ok(CallContext::default()),
            |raw| serde_json::from_str(raw.get()),
        )
        .map_err(|error| {
            refuse(
                ErrorCode::InvalidRequest,
                format!("Wrong context: {}.", wrong_json(&error)),
            )
        })?;
    let time_left = wanted.deadline.map_or(DEFAULT_DEADLINE, |left| {
        Duration::from_secs(left.secs.min(MAX_DEADLINE.as_secs()))
            .saturating_add(Duration::from_nanos(left.nanos.into()))
            .min(MAX_DEADLINE)
    });
    if time_left.is_zero() {
        return Err(refuse(
            ErrorCode::Timeout,
            "The call's deadline has passed.".into(),
        ));
    }
    let message = serde_json::from_str(call.message.get())
        .map_err(|error| refuse_message::<Req>(call.id, call.message.get(), &error))?;

    let mut context = tarpc::context::current();
    context.deadline = Instant::now() + time_left;
    context.trace_context = wanted.trace_context.unwrap_or_default();
    Ok(ClientMessage::Request(Request {
        context,
        id: call.id,
        message,
    }))
}

/// Looks for an id to answer under in a frame that is no envelope.
fn refuse_envelope(json: &[u8], error: &serde_json::Error) -> Refusal {
    let id = serde_json::from_slice::<serde_json::Value>(json)
        .ok()
        .and_then(|value| value.pointer("/Request/id")?.as_u64())
        .unwrap_or(NO_ID);
    let error = ApiError::new(
        ErrorCode::InvalidRequest,
        format!("Not a call: {}.", wrong_json(error)),
    )
    .with_hint(r#"A call is {"Request":{"id":1,"message":{"Status":{}}}}."#);
    Refusal::new(id, error)
}

/// Finds out whether the method or its arguments are wrong.
fn refuse_message<Req: DeserializeOwned>(
    id: u64,
    message: &str,
    error: &serde_json::Error,
) -> Refusal {
    let named = match serde_json::from_str::<serde_json::Value>(message) {
        Ok(serde_json::Value::Object(members)) if members.len() == 1 => members.into_iter().next(),
        _ => None,
    };
    let Some((name, _)) = named else {
        let error = ApiError::new(
            ErrorCode::InvalidRequest,
            "A message is an object with one member: the method's name with its arguments.",
        );
        return Refusal::new(id, error);
    };
    match variants::<Req>().iter().find(|variant| **variant == name) {
        Some(method) => Refusal {
            id,
            method: Some(method),
            error: ApiError::new(
                ErrorCode::InvalidRequest,
                format!("Wrong arguments for {method}: {}.", wrong_json(error)),
            ),
        },
        None => {
            let name: String = name.chars().take(64).collect();
            let error = ApiError::new(
                ErrorCode::UnknownMethod,
                format!("There is no method {name}."),
            );
            Refusal::new(id, error)
        }
    }
}

/// The names of an enum's variants, as its `Deserialize` tells them to a deserializer.
fn variants<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Listen<'a>(&'a mut &'static [&'static str]);

    impl<'de> serde::Deserializer<'de> for Listen<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_enum<V: serde::de::Visitor<'de>>(
            self,
            _name: &'static str,
            variants: &'static [&'static str],
            _visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = variants;
            Err(serde::de::Error::custom("there is no value"))
        }

        fn deserialize_any<V: serde::de::Visitor<'de>>(
            self,
            _visitor: V,
        ) -> Result<V::Value, Self::Error> {
            Err(serde::de::Error::custom("there is no value"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier
            ignored_any
        }
    }

    let mut names: &'static [&'static str] = &[];
    let _no_value = T::deserialize(Listen(&mut names));
    names
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
