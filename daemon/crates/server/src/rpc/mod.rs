//! The RPC: [`labd_protocol::Labd`] over the Unix socket.
//!
//! - Calls in flight on one connection are bounded; one too many is answered with `overloaded`.
//! - A call that is out of time is told so just before its deadline, where tarpc alone would say
//!   nothing.
//! - What changes something runs to its end even when the client withdraws the call or goes away;
//!   what only reads is dropped.

mod calls;
mod socket;

pub use socket::{Socket, SocketError};

use crate::api::Api;
use crate::limits::{CLOSE_TIME, LAST_WORDS, MAX_CALLS, MAX_RPC_CONNECTIONS};
use calls::Calls;
use futures_util::StreamExt;
use labd_protocol::transport::{ServerTransport, server_error};
use labd_protocol::{ApiError, ErrorCode, Labd, LabdRequest, LabdResponse};
use std::{pin::pin, sync::Arc};
use tarpc::server::{BaseChannel, Channel};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Serves the socket until the daemon stops.
pub(crate) async fn serve(api: Api, socket: Socket) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = api.closing().cancelled() => break,
            accepted = socket.accept() => accepted,
            Some(_ended) = connections.join_next(), if !connections.is_empty() => continue,
        };
        match accepted {
            Ok(_) if connections.len() >= MAX_RPC_CONNECTIONS => {
                tracing::warn!("{MAX_RPC_CONNECTIONS} RPC connections are open; one was closed");
            }
            Ok(stream) => {
                connections.spawn(connection(api.clone(), stream));
            }
            Err(error) => {
                tracing::warn!(%error, "an RPC connection was refused");
                // Out of file descriptors: let some connections end.
                if !matches!(error, SocketError::Foreign { .. }) {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(CLOSE_TIME, ended).await.is_err() {
        tracing::warn!("RPC calls were cut off by the end of the daemon");
    }
}

/// Serves one client until it goes, or the daemon stops and its calls are answered.
async fn connection(api: Api, stream: UnixStream) {
    let transport = ServerTransport::<_, LabdRequest, LabdResponse>::new(stream);
    let mut requests = pin!(BaseChannel::with_defaults(transport).requests());
    let free = Arc::new(Semaphore::new(MAX_CALLS));
    let calls = Calls::new(api.clone());
    let mut closing = false;
    loop {
        let request = tokio::select! {
            request = requests.next() => request,
            () = api.closing().cancelled(), if !closing => {
                closing = true;
                continue;
            }
            // Every call is done when every permit is back; its answer still has to be written.
            _ = free.acquire_many(MAX_CALLS as u32), if closing => {
                drop(tokio::time::timeout(LAST_WORDS, requests.next()).await);
                break;
            }
        };
        match request {
            Some(Ok(request)) => {
                let permit = if closing {
                    None
                } else {
                    free.clone().try_acquire_owned().ok()
                };
                match permit {
                    Some(permit) => {
                        let calls = calls.clone();
                        tokio::spawn(async move {
                            request.execute(calls.serve()).await;
                            drop(permit);
                        });
                    }
                    None => {
                        tokio::spawn(
                            request.execute(tarpc::server::serve(
                                move |_, _: LabdRequest| async move {
                                    Err(server_error(&busy(closing)))
                                },
                            )),
                        );
                    }
                }
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "an RPC connection ended");
                break;
            }
            None => break,
        }
    }
}

fn busy(closing: bool) -> ApiError {
    if closing {
        return ApiError::new(ErrorCode::Overloaded, "The daemon is stopping.");
    }
    ApiError::new(
        ErrorCode::Overloaded,
        format!("{MAX_CALLS} calls are in flight on this connection; wait for one to end."),
    )
}
