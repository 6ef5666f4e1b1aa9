//! The body of a response, as it leaves.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    net::TcpStream as Socket,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::{
    Response,
    http::{HeaderName, HeaderValue, StatusCode},
};
use tokio::{net::TcpStream, time::Sleep};

use crate::{
    record::{Ended, Exchange},
    reply::{Rendered, Step},
};

/// Plays the steps of a reply.
pub struct Playing {
    steps: VecDeque<Step>,
    waiting: Option<Pin<Box<Sleep>>>,
    /// There are bytes that the server may still hold back.
    unsent: bool,
    /// A second handle of the connection, by which it is reset.
    socket: Arc<Socket>,
    exchange: Exchange,
    length: Option<u64>,
}

/// The response on this connection.
pub fn response(
    rendered: Rendered,
    socket: Arc<Socket>,
    mut exchange: Exchange,
) -> Result<Response<Playing>, Infallible> {
    let steps: VecDeque<_> = rendered
        .pieces
        .into_iter()
        .map(|piece| piece.step)
        .collect();
    let length = rendered.whole.then(|| {
        let bytes = steps.iter().map(|step| match step {
            Step::Bytes(bytes) => bytes.len() as u64,
            _ => 0,
        });
        bytes.sum()
    });
    if steps.is_empty() {
        exchange.end(Ended::Whole);
    }
    let mut response = Response::new(Playing {
        steps,
        waiting: None,
        unsent: false,
        socket,
        exchange,
        length,
    });
    *response.status_mut() = StatusCode::from_u16(rendered.status).unwrap_or_default();
    for (name, value) in rendered.headers {
        // A header that is none would be a fault of the test; it shows as a missing one.
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

impl Playing {
    /// Whether to come again first: hyper sends what it has when the body has nothing more for now,
    /// and forgets it when the body fails.
    fn is_unsent(&mut self, end: &Step, context: &Context<'_>) -> bool {
        let unsent = std::mem::take(&mut self.unsent);
        if unsent {
            self.steps.push_front(end.clone());
            context.waker().wake_by_ref();
        }
        unsent
    }

    fn broken(&mut self) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.steps.clear();
        self.exchange.end(Ended::Broken);
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}

impl Body for Playing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                std::task::ready!(waiting.as_mut().poll(context));
                self.waiting = None;
            }
            match self.steps.pop_front() {
                None => {
                    self.exchange.end(Ended::Whole);
                    return Poll::Ready(None);
                }
                Some(Step::Bytes(bytes)) => {
                    self.unsent = true;
                    self.exchange.sent();
                    if self.steps.is_empty() {
                        self.exchange.end(Ended::Whole);
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Wait(pause)) => {
                    self.waiting = Some(Box::pin(tokio::time::sleep(pause)));
                }
                Some(end @ (Step::Cut | Step::Reset)) if self.is_unsent(&end, context) => {
                    return Poll::Pending;
                }
                Some(Step::Cut) => return self.broken(),
                Some(Step::Reset) => {
                    // Without it the connection ends as it does for a cut, and the test tells.
                    if let Ok(socket) = self.socket.try_clone().and_then(TcpStream::from_std) {
                        let _ = socket.set_zero_linger();
                    }
                    return self.broken();
                }
                Some(Step::Silence) => {
                    self.steps.push_front(Step::Silence);
                    return Poll::Pending;
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.waiting.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
