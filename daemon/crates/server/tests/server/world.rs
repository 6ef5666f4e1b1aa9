//! A running server, and a client that can say anything to it.

use crate::fake::{EchoPreview, Fake, SmallConsole};
use crate::parrot::{Compatible, Parrot};
use jiff::{SignedDuration, Timestamp};
use labd_auth::{Auth, Clock};
use labd_protocol::{Secret, TokenCreate};
use labd_server::{Addresses, Assets, Server, ServerParts, Socket};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// No test waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something holds.
pub async fn until(holds: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "it never came true");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub struct SetClock(Mutex<Timestamp>);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl SetClock {
    pub fn pass(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }
}

pub struct World {
    pub fake: Arc<Fake>,
    pub parrot: Arc<Parrot>,
    pub auth: Auth,
    pub clock: Arc<SetClock>,
    pub port: u16,
    pub socket: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

pub async fn world() -> World {
    world_with(Arc::new(SmallConsole)).await
}

pub async fn world_with(assets: Arc<dyn Assets>) -> World {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = labd_store::Store::open(&data, labd_store::Options::default())
        .await
        .unwrap();
    let clock = Arc::new(SetClock(Mutex::new(Timestamp::now())));
    let auth = Auth::open(store, clock.clone()).await.unwrap();
    let fake = Arc::new(Fake::default());
    let parrot = Arc::new(Parrot::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let path = dir.path().join("run/labd.sock");
    let socket = Socket::bind(&path).unwrap();
    let server = Server::new(ServerParts {
        backend: fake.clone(),
        auth: auth.clone(),
        previews: Arc::new(EchoPreview),
        models: Arc::new(Compatible::before(parrot.clone())),
        assets,
        addresses: Addresses::local(port),
        trusted_proxies: Vec::new(),
    });
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        server.serve(listener, socket, stopped).await.unwrap();
    });
    World {
        fake,
        parrot,
        auth,
        clock,
        port,
        socket: path,
        stop: Some(stop),
        running: Some(running),
        _dir: dir,
    }
}

impl World {
    pub fn console(&self) -> String {
        format!("console.labd.localhost:{}", self.port)
    }

    pub fn console_origin(&self) -> String {
        format!("http://{}", self.console())
    }

    pub async fn token(&self, expires_in: Option<u64>) -> String {
        let create = TokenCreate {
            name: "test".into(),
            expires_in,
        };
        self.auth
            .token_create(create)
            .await
            .unwrap()
            .token
            .expose()
            .to_owned()
    }

    /// A `Cookie` header of a browser that is signed in.
    pub async fn cookie(&self) -> String {
        let (_, cookie) = self.auth.sign_in(self.link().expose()).await.unwrap();
        format!("labd_session={}", cookie.value.expose())
    }

    pub fn link(&self) -> Secret {
        self.auth.sign_in_link().value
    }

    /// A request to the API's loopback address.
    pub fn request(&self, method: &str, path: &str) -> Ask {
        Ask {
            port: self.port,
            method: method.into(),
            path: path.into(),
            headers: vec![("host".into(), format!("127.0.0.1:{}", self.port))],
            body: Vec::new(),
        }
    }

    /// A request as a page of the console makes it, signed in.
    pub fn as_console(&self, method: &str, path: &str, cookie: &str) -> Ask {
        self.request(method, path)
            .header("host", &self.console())
            .header("cookie", cookie)
            .header("origin", &self.console_origin())
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/json")
    }

    /// Stops the server and waits for it.
    pub async fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(running) = self.running.take() {
            tokio::time::timeout(PATIENCE, running)
                .await
                .unwrap()
                .unwrap();
        }
    }
}

/// A request to be sent.
#[derive(Clone)]
pub struct Ask {
    port: u16,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    /// Sets a header, in place of one of that name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| found != name);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(mut self, body: serde_json::Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    pub fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// Sends it, and leaves the connection to be read.
    pub async fn open(mut self) -> BufReader<TcpStream> {
        let length = self.body.len().to_string();
        self = self
            .header("content-length", &length)
            .header("connection", "close");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // Whoever is refused may find the connection closed before all is sent.
        drop(stream.write_all(&self.body).await);
        BufReader::new(stream)
    }

    pub async fn send(self) -> Reply {
        tokio::time::timeout(PATIENCE, async {
            let mut stream = self.open().await;
            let mut reply = Reply::head(&mut stream).await;
            let mut rest = Vec::new();
            drop(stream.read_to_end(&mut rest).await);
            reply.body = if reply.header("transfer-encoding") == Some("chunked") {
                unchunk(&rest)
            } else {
                rest
            };
            reply
        })
        .await
        .unwrap()
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads status and headers.
    pub async fn head(stream: &mut BufReader<TcpStream>) -> Self {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(PATIENCE, stream.read_line(&mut line))
                .await
                .unwrap();
            if read.unwrap() == 0 || line == "\r\n" {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let status = lines
            .first()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers = lines[1..]
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self {
            status,
            headers,
            body: Vec::new(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of a problem document.
    pub fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        problem["code"].as_str().unwrap().to_owned()
    }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
        let length =
            usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            break;
        }
        whole.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 4 + length..];
    }
    whole
}
