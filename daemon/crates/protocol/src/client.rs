//! A Rust client's end of the RPC.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use labd_protocol::{answer, connect, within};
//! use std::time::Duration;
//!
//! let labd = connect("/run/user/1000/labd/labd.sock").await?;
//! let status = answer(labd.status(within(Duration::from_secs(5))).await)?;
//! println!("labd {} serves {} projects", status.version, status.projects);
//! # Ok(())
//! # }
//! ```

use crate::transport::{Frame, Frames};
use crate::{ApiError, ErrorCode, LabdClient, LabdRequest, LabdResponse, MAX_DEADLINE};
use futures_util::{Sink, Stream};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    io,
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tarpc::client::RpcError;
use tarpc::{ClientMessage, Response, ServerError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio_util::codec::Framed;

/// Connects to a daemon's socket. The client can be cloned; its calls share the connection.
///
/// # Errors
/// When nothing listens at `socket`, or it may not be opened.
pub async fn connect(socket: impl AsRef<Path>) -> io::Result<LabdClient> {
    Ok(client(UnixStream::connect(socket).await?))
}

/// A client over a connection that is open already.
pub fn client<Io>(io: Io) -> LabdClient
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    LabdClient::new(tarpc::client::Config::default(), ClientTransport::new(io)).spawn()
}

/// The context of a call that is given up after `time`, [`MAX_DEADLINE`] at most.
pub fn within(time: Duration) -> tarpc::context::Context {
    let mut context = tarpc::context::current();
    context.deadline = Instant::now() + time.min(MAX_DEADLINE);
    context
}

/// Makes one error of the three layers in which a call can fail: the method, the daemon before
/// the method, the connection.
///
/// # Errors
/// The error of whichever layer failed; [`ErrorCode::Unreachable`] when the connection ended.
pub fn answer<T>(called: Result<Result<T, ApiError>, RpcError>) -> Result<T, ApiError> {
    match called {
        Ok(result) => result,
        Err(RpcError::Server(error)) => Err(serde_json::from_str(&error.detail)
            .unwrap_or_else(|_| ApiError::new(ErrorCode::Internal, error.detail))),
        Err(RpcError::DeadlineExceeded) => Err(ApiError::new(
            ErrorCode::Timeout,
            "The daemon did not answer in time.",
        )),
        Err(RpcError::Send(error)) => Err(ApiError::new(
            ErrorCode::InvalidRequest,
            format!("The call cannot be sent: {error}."),
        )),
        Err(error @ (RpcError::Shutdown | RpcError::Channel(_))) => Err(ApiError::new(
            ErrorCode::Unreachable,
            format!("The connection to the daemon ended: {error}."),
        )
        .with_hint("Connect again; a running turn goes on and is followed from its last number.")),
    }
}

/// A tarpc client's transport over one connection.
pub struct ClientTransport<Io> {
    framed: Framed<Io, Frames>,
}

impl<Io: AsyncRead + AsyncWrite> ClientTransport<Io> {
    /// Takes over a connection.
    pub fn new(io: Io) -> Self {
        Self {
            framed: Framed::new(io, Frames::default()),
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Stream for ClientTransport<Io> {
    type Item = io::Result<Response<LabdResponse>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let frame = ready!(Pin::new(&mut self.get_mut().framed).poll_next(cx)?);
        Poll::Ready(frame.map(|frame| match frame {
            Frame::Whole(json) => decode(&json),
            Frame::TooLarge(length) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the daemon announced a frame of {length} bytes"),
            )),
        }))
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Sink<ClientMessage<LabdRequest>> for ClientTransport<Io> {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Sink::<Vec<u8>>::poll_ready(Pin::new(&mut self.get_mut().framed), cx)
    }

    fn start_send(self: Pin<&mut Self>, message: ClientMessage<LabdRequest>) -> io::Result<()> {
        Pin::new(&mut self.get_mut().framed).start_send(serde_json::to_vec(&message)?)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Sink::<Vec<u8>>::poll_flush(Pin::new(&mut self.get_mut().framed), cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Sink::<Vec<u8>>::poll_close(Pin::new(&mut self.get_mut().framed), cx)
    }
}

/// An answer that a newer daemon writes otherwise fails its own call and no other.
fn decode(json: &[u8]) -> io::Result<Response<LabdResponse>> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        request_id: u64,
        #[serde(borrow)]
        message: &'a RawValue,
    }
    let answer: Answer<'_> = serde_json::from_slice(json)?;
    let message = serde_json::from_str::<Result<LabdResponse, ServerError>>(answer.message.get())
        .unwrap_or_else(|error| {
            Err(ServerError::new(
                io::ErrorKind::InvalidData,
                format!("The daemon's answer cannot be read: {error}. Update this client."),
            ))
        });
    Ok(Response {
        request_id: answer.request_id,
        message,
    })
}
