//! What the writer is asked to do, and the queue that the requests wait in.
//!
//! The queue is bounded by number and by size; whoever finds it full waits.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::batch::Prepared;
use crate::error::StoreError;
use crate::journal::Erased;
use crate::limits::{QUEUE, QUEUE_KIB};
use crate::shared::Shared;

pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What is done with the database while nothing else happens to it.
pub(crate) type Job = Box<dyn FnOnce(Result<&sled::Db, StoreError>) + Send>;

/// Room in the queue, given back when the request is done.
pub(crate) type Room = Option<OwnedSemaphorePermit>;

pub(crate) enum Request {
    Append {
        stream: String,
        entry: Box<dyn Erased>,
        bytes: usize,
        reply: Option<Reply<u64>>,
        room: Room,
    },
    Flush {
        stream: String,
        reply: Reply<u64>,
    },
    Commit {
        batch: Prepared,
        reply: Reply<()>,
        room: Room,
    },
    Exclusive(Job),
    Close(Reply<()>),
}

impl Request {
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Append { bytes, .. } => *bytes,
            Self::Commit { batch, .. } => batch.bytes,
            Self::Flush { .. } | Self::Exclusive(_) | Self::Close(_) => 0,
        }
    }

    /// Answers a request that is not carried out.
    pub(crate) fn refuse(self, error: &StoreError, shared: &Shared) {
        // Whoever dropped the other end no longer wants the answer.
        match self {
            Self::Append {
                reply: Some(reply), ..
            }
            | Self::Flush { reply, .. } => {
                let _ = reply.send(Err(error.clone()));
            }
            Self::Append {
                stream,
                reply: None,
                ..
            } => shared.streams.fail(&stream, error),
            Self::Commit { reply, .. } | Self::Close(reply) => {
                let _ = reply.send(Err(error.clone()));
            }
            Self::Exclusive(job) => job(Err(error.clone())),
        }
    }
}

/// The writer's end that requests are put in; bounded by number and by size.
#[derive(Clone)]
pub(crate) struct Queue {
    requests: mpsc::Sender<Request>,
    room: Arc<Semaphore>,
}

impl Queue {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Request>) {
        let (requests, queue) = mpsc::channel(QUEUE);
        (
            Self {
                requests,
                room: Arc::new(Semaphore::new(QUEUE_KIB as usize)),
            },
            queue,
        )
    }

    /// Waits for room, then puts the request in.
    pub(crate) async fn send(
        &self,
        bytes: usize,
        request: impl FnOnce(Room) -> Request,
    ) -> Result<(), StoreError> {
        let kib = u32::try_from(bytes / 1024 + 1)
            .unwrap_or(QUEUE_KIB)
            .min(QUEUE_KIB);
        let room = Arc::clone(&self.room).acquire_many_owned(kib).await.ok();
        self.requests
            .send(request(room))
            .await
            .map_err(|_| StoreError::Closed)
    }

    /// The same from a thread that may block, for a request without a size.
    pub(crate) fn send_blocking(&self, request: Request) -> Result<(), StoreError> {
        self.requests
            .blocking_send(request)
            .map_err(|_| StoreError::Closed)
    }
}
