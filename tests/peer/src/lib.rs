//! A server that plays an AI provider from a script, byte for byte: for what the real ones do
//! rarely, and a gateway must bear always.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use labd_ai_peer::{AiPeer, Reply, Step};
//!
//! let peer = AiPeer::start([
//!     Reply::error(429, r#"{"error":{"message":"slow down"}}"#).header("retry-after", "1"),
//!     Reply::chat(["Hel", "lo"]),
//!     Reply::chat(["half"]).ending_with(Step::Cut),
//! ])
//! .await?;
//! assert!(peer.base_url().ends_with("/v1"));
//! assert!(peer.requests().is_empty());
//! # Ok(())
//! # }
//! ```

mod reply;

pub use reply::{Reply, Step};

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// `POST`, …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl Received {
    /// The first header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
    }
}

#[derive(Debug, Default)]
struct State {
    replies: VecDeque<Reply>,
    requests: Vec<Received>,
    /// A list for each request.
    sent: Vec<Vec<SystemTime>>,
    closed: usize,
}

/// The server, on a free port of 127.0.0.1. It ends, with its connections, when it is dropped.
#[derive(Debug)]
pub struct AiPeer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

impl AiPeer {
    /// Starts a server that answers the first request with the first reply, and so on; a request
    /// beyond the script is answered with status 501.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(script: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State {
            replies: script.into_iter().collect(),
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            state,
            serving,
        })
    }

    /// What a provider's `base-url` is: `http://127.0.0.1:…/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The requests so far, in the order in which they arrived whole.
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.state).requests.clone()
    }

    /// Adds a reply to the end of the script.
    pub fn then(&self, reply: Reply) {
        lock(&self.state).replies.push_back(reply);
    }

    /// When each piece of the reply to a request left: that to the first request is 0.
    pub fn sent(&self, request: usize) -> Vec<SystemTime> {
        lock(&self.state)
            .sent
            .get(request)
            .cloned()
            .unwrap_or_default()
    }

    /// How many connections have ended, whoever ended them.
    pub fn closed(&self) -> usize {
        lock(&self.state).closed
    }
}

impl Drop for AiPeer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A test that failed while it held the lock has said so already.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn twins(stream: TcpStream) -> io::Result<(TcpStream, Arc<TcpStream>)> {
    let stream = stream.into_std()?;
    let twin = TcpStream::from_std(stream.try_clone()?)?;
    Ok((TcpStream::from_std(stream)?, Arc::new(twin)))
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    // Each piece of a script leaves as it is, and at once.
    let _ = stream.set_nodelay(true);
    // A second handle, by which a script can have the connection reset.
    let Ok((stream, twin)) = twins(stream) else {
        return;
    };
    let answer = service_fn(|request: Request<Incoming>| {
        let (state, twin) = (Arc::clone(&state), Arc::clone(&twin));
        async move {
            let (head, body) = request.into_parts();
            let body = body
                .collect()
                .await
                .map(|all| all.to_bytes())
                .unwrap_or_default();
            let received = Received {
                method: head.method.to_string(),
                path: head
                    .uri
                    .path_and_query()
                    .map_or_else(String::new, ToString::to_string),
                headers: head
                    .headers
                    .iter()
                    .map(|(name, value)| {
                        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                        (name.as_str().to_owned(), value)
                    })
                    .collect(),
                body,
            };
            let mut locked = lock(&state);
            let number = locked.requests.len();
            locked.requests.push(received);
            locked.sent.push(Vec::new());
            let reply = locked
                .replies
                .pop_front()
                .unwrap_or_else(|| Reply::error(501, "the script has no reply for this request"));
            drop(locked);
            let sent = move || {
                if let Some(times) = lock(&state).sent.get_mut(number) {
                    times.push(SystemTime::now());
                }
            };
            Ok::<_, Infallible>(reply.response(twin, sent))
        }
    });
    // A connection that breaks is part of most scripts.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    lock(&state).closed += 1;
}
