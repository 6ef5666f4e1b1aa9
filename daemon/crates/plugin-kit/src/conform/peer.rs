//! The upstream: an HTTP server on loopback that answers by script, byte for byte.

use super::bench::lock;
use bytes::Bytes;
use std::{
    fmt::Write as _,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// The largest request that is read.
const REQUEST: usize = 64 * 1024 * 1024;

/// A request that arrived.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// How a reply ends.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// As it should.
    Whole,
    /// The connection breaks.
    Cut,
    /// Nothing more comes, and the connection stays open.
    Silence,
    /// These bytes again and again, until nobody listens.
    Flood(Bytes),
}

/// A reply.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// 0 sends not even a head.
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// Each arrives as a piece of its own.
    pub pieces: Vec<Bytes>,
    pub end: End,
}

impl Reply {
    /// A whole reply.
    pub fn of(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            pieces: vec![body.into()],
            end: End::Whole,
        }
    }

    /// Nothing at all, for ever.
    pub fn silence() -> Self {
        Self {
            status: 0,
            headers: Vec::new(),
            pieces: Vec::new(),
            end: End::Silence,
        }
    }
}

/// What is answered to which request.
pub(super) type Script = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

struct Shared {
    script: Mutex<Script>,
    requests: Mutex<Vec<Received>>,
    /// Requests of which no more are kept.
    keep: AtomicUsize,
    /// Connections that closed while their reply had not ended.
    left: AtomicUsize,
}

/// The server. It ends, with its connections, when it is dropped.
pub(super) struct Peer {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Peer {
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let nothing: Script = Arc::new(|_| Reply::of(501, "the script has no reply"));
        let shared = Arc::new(Shared {
            script: Mutex::new(nothing),
            requests: Mutex::default(),
            keep: AtomicUsize::new(256),
            left: AtomicUsize::new(0),
        });
        let state = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    // A connection that breaks is part of most scripts.
                    let _ = serve(stream, &state).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            shared,
            serving,
        })
    }

    /// `http://127.0.0.1:…`
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets what is answered from now on, and forgets requests.
    pub fn play(&self, script: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        *lock(&self.shared.script) = Arc::new(script);
        lock(&self.shared.requests).clear();
    }

    /// The requests since the script was set.
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.shared.requests).clone()
    }

    /// How many connections were closed from the other side before their reply had ended.
    pub fn left(&self) -> usize {
        self.shared.left.load(Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An address where nobody listens.
pub(super) async fn nobody() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Ok(format!("http://{}", listener.local_addr()?))
}

async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(request) = receive(&mut stream).await? {
        let script = Arc::clone(&lock(&shared.script));
        let reply = script(&request);
        {
            let mut requests = lock(&shared.requests);
            if requests.len() < shared.keep.load(Ordering::Relaxed) {
                requests.push(request);
            }
        }
        if !answer(&mut stream, reply, shared).await? {
            return Ok(());
        }
    }
    Ok(())
}

async fn receive(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Received>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) if head.len() < REQUEST => head.push(byte),
            Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
            Err(_) if head.is_empty() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let mut word = || first.next().unwrap_or_default().to_owned();
    let (method, path) = (word(), word());
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse::<usize>().ok())
        .unwrap_or(0);
    if length > REQUEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Received {
        method,
        path,
        headers,
        body: body.into(),
    }))
}

/// Says whether the connection can be used again.
async fn answer(
    stream: &mut BufReader<TcpStream>,
    reply: Reply,
    shared: &Shared,
) -> io::Result<bool> {
    if reply.status > 0 {
        let mut head = format!(
            "HTTP/1.1 {} -\r\ntransfer-encoding: chunked\r\n",
            reply.status
        );
        for (name, value) in &reply.headers {
            // Writing to a string cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
    }
    for piece in reply.pieces.iter().filter(|piece| !piece.is_empty()) {
        if let Err(error) = chunk(stream, piece).await {
            shared.left.fetch_add(1, Ordering::SeqCst);
            return Err(error);
        }
    }
    match reply.end {
        End::Whole => {
            stream.write_all(b"0\r\n\r\n").await?;
            stream.flush().await?;
            Ok(true)
        }
        End::Cut => Ok(false),
        End::Silence => {
            let mut byte = [0];
            // Whatever it is, it is not part of this exchange.
            let _ = stream.read(&mut byte).await;
            shared.left.fetch_add(1, Ordering::SeqCst);
            Ok(false)
        }
        End::Flood(bytes) => loop {
            if chunk(stream, &bytes).await.is_err() {
                shared.left.fetch_add(1, Ordering::SeqCst);
                return Ok(false);
            }
        },
    }
}

async fn chunk(stream: &mut BufReader<TcpStream>, bytes: &[u8]) -> io::Result<()> {
    let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
    framed.extend_from_slice(bytes);
    framed.extend_from_slice(b"\r\n");
    stream.write_all(&framed).await?;
    stream.flush().await
}
