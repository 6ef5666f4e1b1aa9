//! Answers as they come: server-sent events whose source is asked only when the client reads.
//!
//! - A body holds one batch of events at most. It asks for the next when it is polled, which the
//!   server does when the client has taken what was there: who reads slowly, slows the upstream
//!   down and grows nothing.
//! - What is ready together leaves in one frame.
//! - The status waits for the first events, so that a request that fails has one that says so; after
//!   [`HEARTBEAT`] it is sent without them, and an error becomes an event.
//! - Dropping the body drops the answer.

use crate::errors::{Fault, cut_off};
use crate::{Answer, Body, Models};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body::Frame;
use http_body_util::BodyExt;
use labd_plugin_host::kinds::ai::{Event, Request};
use labd_protocol::ApiError;
use serde::Serialize;
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// A quiet stream says that it lives: proxies close connections that are quiet for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);
const HEARTBEAT_COMMENT: &[u8] = b":\n\n";
/// Events of one batch.
const MAX_EVENTS: u32 = 256;

/// Writes the events of one answer.
pub(crate) trait Encode: Send + Unpin + 'static {
    /// Writes what an event is to the client.
    fn event(&mut self, event: Event, out: &mut Vec<u8>);
    /// Writes the end; false when the answer was not whole.
    fn end(&mut self, out: &mut Vec<u8>) -> bool;
    /// Writes an error, after which nothing comes.
    fn fail(&mut self, error: ApiError, out: &mut Vec<u8>);
}

/// What came of asking: the answer, unless there is none, and its next events.
type Pulled = (Option<Box<dyn Answer>>, Result<Vec<Event>, ApiError>);
type Pulling = Pin<Box<dyn Future<Output = Pulled> + Send>>;

/// Asks a model and waits for the first events.
fn begin(models: &Arc<dyn Models>, caller: &str, model: &str, request: Request) -> Pulling {
    let (models, caller, model) = (models.clone(), caller.to_owned(), model.to_owned());
    Box::pin(async move {
        match models.complete(&caller, &model, request).await {
            Ok(answer) => pull(answer).await,
            Err(error) => (None, Err(error)),
        }
    })
}

async fn pull(mut answer: Box<dyn Answer>) -> Pulled {
    let events = answer.next(MAX_EVENTS).await;
    (Some(answer), events)
}

/// Gives a whole answer to `take`, event for event.
pub(crate) async fn whole(
    models: &Arc<dyn Models>,
    caller: &str,
    model: &str,
    request: Request,
    mut take: impl FnMut(Event),
) -> Result<(), Fault> {
    let mut answer = models.complete(caller, model, request).await?;
    loop {
        let events = answer.next(MAX_EVENTS).await?;
        if events.is_empty() {
            return Ok(());
        }
        events.into_iter().for_each(&mut take);
    }
}

/// An answer as a stream of events.
pub(crate) async fn stream(
    models: &Arc<dyn Models>,
    caller: &str,
    model: &str,
    request: Request,
    encoder: impl Encode,
) -> Result<Response<Body>, Fault> {
    let pulling = begin(models, caller, model, request);
    beating(HEARTBEAT, pulling, encoder).await
}

async fn beating(
    heartbeat: Duration,
    mut pulling: Pulling,
    encoder: impl Encode,
) -> Result<Response<Body>, Fault> {
    let state = match tokio::time::timeout(heartbeat, &mut pulling).await {
        Ok((_, Err(error))) => return Err(error.into()),
        Ok((_, Ok(events))) if events.is_empty() => return Err(cut_off().into()),
        Ok((answer, Ok(events))) => State::Ready(answer, events),
        Err(_) => State::Pulling(pulling),
    };
    let body = Events {
        state,
        encoder,
        heartbeat,
        quiet_since: Instant::now(),
        timer: Box::pin(tokio::time::sleep(heartbeat)),
    };
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // For nginx, which otherwise gathers a stream before it passes it on.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The body of a stream.
struct Events<E> {
    state: State,
    encoder: E,
    heartbeat: Duration,
    /// When something was last written.
    quiet_since: Instant,
    timer: Pin<Box<Sleep>>,
}

enum State {
    /// Events that are not written yet.
    Ready(Option<Box<dyn Answer>>, Vec<Event>),
    Pulling(Pulling),
    Ended,
}

impl<E: Encode> Events<E> {
    /// Writes a batch, and what follows it.
    fn write(&mut self, answer: Option<Box<dyn Answer>>, events: Vec<Event>) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + events.len() * 256);
        match answer {
            Some(answer) if !events.is_empty() => {
                for event in events {
                    self.encoder.event(event, &mut out);
                }
                self.state = State::Pulling(Box::pin(pull(answer)));
            }
            _ => {
                if !self.encoder.end(&mut out) {
                    self.encoder.fail(cut_off(), &mut out);
                }
                self.state = State::Ended;
            }
        }
        out
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        loop {
            let out = match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Poll::Ready(None),
                State::Ready(answer, events) => self.write(answer, events),
                State::Pulling(mut pulling) => match pulling.as_mut().poll(cx) {
                    Poll::Ready((answer, Ok(events))) => {
                        drop(pulling);
                        self.write(answer, events)
                    }
                    Poll::Ready((_, Err(error))) => {
                        let mut out = Vec::new();
                        tracing::debug!(%error, "an answer ended in an error");
                        self.encoder.fail(error, &mut out);
                        out
                    }
                    Poll::Pending => {
                        self.state = State::Pulling(pulling);
                        ready!(self.poll_quiet(cx));
                        HEARTBEAT_COMMENT.to_vec()
                    }
                },
            };
            // A batch may hold nothing that this client is told.
            if !out.is_empty() {
                self.quiet_since = Instant::now();
                return Poll::Ready(Some(out));
            }
        }
    }

    /// Waits until the stream has been quiet for long.
    fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            // The timer is set anew only when it rings: events come more often than it does.
            let until = self.quiet_since + self.heartbeat;
            let rings = Instant::now();
            if until <= rings {
                self.timer.as_mut().reset(rings + self.heartbeat);
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(until);
        }
    }
}

impl<E: Encode> http_body::Body for Events<E> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut()
            .poll_bytes(cx)
            .map(|out| out.map(|out| Ok(Frame::data(Bytes::from(out)))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

/// Appends an event; `data` is one line, since JSON escapes line ends.
pub(crate) fn event(out: &mut Vec<u8>, name: Option<&str>, data: &impl Serialize) {
    let start = out.len();
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    if let Err(error) = serde_json::to_writer(&mut *out, data) {
        // What is written are strings and numbers; a vector takes them all.
        tracing::error!(%error, "an event could not be written");
        out.truncate(start);
        return;
    }
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Script, Scripted, Step, text};
    use http_body::Body as _;
    use std::future::poll_fn;
    use std::sync::atomic::Ordering;

    /// Writes texts as they are.
    struct Plain;

    impl Encode for Plain {
        fn event(&mut self, event: Event, out: &mut Vec<u8>) {
            if let Event::Text(text) = event {
                out.extend_from_slice(text.as_bytes());
            }
        }

        fn end(&mut self, out: &mut Vec<u8>) -> bool {
            out.extend_from_slice(b".");
            true
        }

        fn fail(&mut self, error: ApiError, out: &mut Vec<u8>) {
            out.extend_from_slice(error.message.as_bytes());
        }
    }

    fn texts(texts: &[&str]) -> Step {
        Step::Events(
            texts
                .iter()
                .map(|text| Event::Text((*text).into()))
                .collect(),
        )
    }

    async fn streamed(script: &Scripted) -> Result<Response<Body>, Fault> {
        let models: Arc<dyn Models> = Arc::new(script.clone());
        stream(&models, "me", "m", Request::default(), Plain).await
    }

    #[tokio::test]
    async fn what_is_ready_together_leaves_in_one_frame() {
        let script = Script::of([texts(&["a", "b"]), texts(&["c"])]);
        let mut body = streamed(&script).await.unwrap().into_body();
        let mut frames = Vec::new();
        while let Some(frame) = body.frame().await {
            frames.push(frame.unwrap().into_data().unwrap());
        }
        assert_eq!(frames, ["ab", "c", "."]);
    }

    #[tokio::test]
    async fn nothing_is_asked_for_that_nobody_reads() {
        let script = Script::of((0..100).map(|_| texts(&["a"])));
        let mut body = streamed(&script).await.unwrap().into_body();
        // The first batch is what the status waited for.
        assert_eq!(script.asked.load(Ordering::SeqCst), 1);
        for read in 1..=10 {
            body.frame().await.unwrap().unwrap();
            assert_eq!(script.asked.load(Ordering::SeqCst), read);
        }
    }

    #[tokio::test]
    async fn dropping_the_body_drops_the_answer_even_while_it_waits() {
        let script = Script::of([texts(&["a"]), Step::Never]);
        let mut body = streamed(&script).await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        let waits = poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx).is_pending()));
        assert!(waits.await);
        assert_eq!(script.dropped.load(Ordering::SeqCst), 0);
        drop(body);
        assert_eq!(script.dropped.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn the_end_drops_the_answer_before_the_body_is_dropped() {
        let script = Script::of([texts(&["a"])]);
        let mut body = streamed(&script).await.unwrap().into_body();
        while body.frame().await.is_some() {}
        assert_eq!(script.dropped.load(Ordering::SeqCst), 1);
        assert!(body.is_end_stream());
    }

    #[tokio::test]
    async fn a_quiet_stream_says_that_it_lives() {
        let script = Script::of([Step::Gate, texts(&["a"]), Step::Gate, texts(&["b"])]);
        let models: Arc<dyn Models> = Arc::new(script.clone());
        let pulling = begin(&models, "me", "m", Request::default());
        let response = beating(Duration::from_millis(5), pulling, Plain).await;
        // The status did not wait any longer, nor does what follows.
        let mut body = response.unwrap().into_body();
        for text in ["a", "b"] {
            for _ in 0..3 {
                let comment = body.frame().await.unwrap().unwrap();
                assert_eq!(comment.into_data().unwrap(), HEARTBEAT_COMMENT);
            }
            script.gate.add_permits(1);
            let frame = loop {
                let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
                if frame != HEARTBEAT_COMMENT {
                    break frame;
                }
            };
            assert_eq!(frame, text);
        }
    }

    #[tokio::test]
    async fn an_error_before_the_first_event_is_a_status_and_later_an_event() {
        let error = || Step::Fail(ApiError::new(labd_protocol::ErrorCode::Overloaded, "Full."));
        let refused = streamed(&Script::of([error()])).await.unwrap_err();
        assert_eq!(refused.status, 503);
        let script = Script::of([texts(&["a"]), error()]);
        let body = streamed(&script).await.unwrap().into_body();
        assert_eq!(text(body).await, "aFull.");
        let empty = streamed(&Script::of([])).await.unwrap_err();
        assert_eq!(empty.status, 502);
    }
}
