//! The server.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt, io,
    net::{SocketAddr, TcpStream as Socket},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use http_body_util::BodyExt as _;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::{
    always::{self, Always},
    body::{self, Playing},
    plan::{Function, Plan},
    provider::{Asked, Broken, Call, Operation, Provider, Wire, route},
    record::{Complaint, Ended, Received, Record},
    refusal::Refusal,
    reply::{Rendered, Reply},
};

impl Plan {
    /// Starts the server.
    ///
    /// # Errors
    /// When the address cannot be taken.
    pub async fn start(self) -> io::Result<AiPeer> {
        let listener = TcpListener::bind(self.address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Mutex::new(Script {
                replies: self.replies,
                own: self.own,
                keys: self.keys,
                revoked: HashSet::new(),
            }),
            function: self.function,
            always: self.always.map(Always::new),
            playing: self.playing,
            models: self.models,
            checked: self.checked,
            record: Record::new(self.counts_only),
        });
        let serving = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(AiPeer {
            address,
            shared,
            serving,
        })
    }
}

struct Script {
    replies: VecDeque<Reply>,
    own: HashMap<Provider, VecDeque<Reply>>,
    keys: Option<HashSet<String>>,
    revoked: HashSet<String>,
}

impl Script {
    /// The replies that this provider takes from now.
    fn queue(&mut self, provider: Provider) -> &mut VecDeque<Reply> {
        match self.own.get_mut(&provider) {
            Some(own) if !own.is_empty() => own,
            _ => &mut self.replies,
        }
    }
}

struct Shared {
    script: Mutex<Script>,
    function: Option<Function>,
    always: Option<Always>,
    playing: Provider,
    models: HashMap<Provider, Vec<String>>,
    checked: bool,
    record: Record,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// The server. It ends, with its connections, when it is dropped.
#[derive(Debug)]
pub struct AiPeer {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl AiPeer {
    /// Starts a server on a free port of 127.0.0.1 that answers the first request with the first
    /// reply, and so on; a request beyond the script is answered with status 501.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(script: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        let mut plan = Self::plan();
        plan.replies.extend(script);
        plan.start().await
    }

    /// A server that plays more than a script.
    pub fn plan() -> Plan {
        Plan::new()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the `base-url` of an OpenAI-compatible provider is: `http://127.0.0.1:…/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What stands for `https://api.anthropic.com` and the like: `http://127.0.0.1:…/anthropic`.
    pub fn origin_of(&self, provider: Provider) -> String {
        format!("http://{}/{}", self.address, provider.folder())
    }

    /// The same with the version of the API: `http://127.0.0.1:…/gemini/v1beta`.
    pub fn base_url_of(&self, provider: Provider) -> String {
        format!("{}{}", self.origin_of(provider), provider.version())
    }

    /// Adds a reply to the end of the script.
    pub fn then(&self, reply: Reply) {
        self.script().replies.push_back(reply);
    }

    /// Adds a reply to the end of a provider's own script.
    pub fn then_of(&self, provider: Provider, reply: Reply) {
        let mut script = self.script();
        script.own.entry(provider).or_default().push_back(reply);
    }

    /// Refuses a key from now on.
    pub fn revoke(&self, key: &str) {
        self.script().revoked.insert(key.to_owned());
    }

    /// The requests so far, in the order in which they arrived whole; none when only counting.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.record.lock().requests.clone()
    }

    /// How many requests have arrived whole.
    pub fn count(&self) -> usize {
        self.shared.record.lock().count
    }

    /// The rules that requests broke; empty when all were as the providers want them.
    pub fn complaints(&self) -> Vec<Complaint> {
        self.shared.record.lock().complaints.clone()
    }

    /// When each piece of the reply to a request left: that to the first request is 0.
    pub fn sent(&self, request: usize) -> Vec<SystemTime> {
        let seen = self.shared.record.lock();
        seen.sent.get(request).cloned().unwrap_or_default()
    }

    /// How and when the answer to a request ended; none while it runs.
    pub fn ended(&self, request: usize) -> Option<(Ended, SystemTime)> {
        let seen = self.shared.record.lock();
        seen.ended.get(request).copied().flatten()
    }

    /// How many answers have ended so.
    pub fn endings(&self, how: Ended) -> usize {
        let seen = self.shared.record.lock();
        seen.endings.get(how as usize).copied().unwrap_or_default()
    }

    /// How many answers are under way.
    pub fn running(&self) -> usize {
        let seen = self.shared.record.lock();
        seen.count.saturating_sub(seen.endings.iter().sum())
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        let seen = self.shared.record.lock();
        seen.opened.saturating_sub(seen.closed)
    }

    /// How many connections have ended, whoever ended them.
    pub fn closed(&self) -> usize {
        self.shared.record.lock().closed
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.script()
    }
}

impl Drop for AiPeer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, say: others come free.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        connections.spawn(serve(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

/// Counts a connection as long as it lives, however it ends.
struct Connected(Record);

impl Connected {
    fn new(record: Record) -> Self {
        record.lock().opened += 1;
        Self(record)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.lock().closed += 1;
    }
}

fn twins(stream: TcpStream) -> io::Result<(TcpStream, Arc<Socket>)> {
    // Each piece of a script leaves as it is, and at once.
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let twin = Arc::new(stream.try_clone()?);
    Ok((TcpStream::from_std(stream)?, twin))
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let _connected = Connected::new(shared.record.clone());
    // A second handle, by which a script can have the connection reset.
    let Ok((stream, twin)) = twins(stream) else {
        return;
    };
    let answer = service_fn(|request| shared.answer(request, Arc::clone(&twin)));
    // A connection that breaks is part of most scripts.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        // A test that failed while it held the lock has said so already.
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        socket: Arc<Socket>,
    ) -> Result<Response<Playing>, std::convert::Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(|all| all.to_bytes());
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
            body: body.unwrap_or_default(),
        };
        let exchange = self.record.request(&received);
        let (asked, wire) = self.understand(&received, exchange.number);
        let (rendered, delay) = self.reply(&received, asked, wire);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        body::response(rendered, socket, exchange)
    }

    fn understand(&self, received: &Received, number: usize) -> (Asked, &'static dyn Wire) {
        let (path, query) = received
            .path
            .split_once('?')
            .unwrap_or((&received.path, ""));
        let (provider, path) = Provider::of(path, self.playing);
        let mut asked = Asked {
            number,
            provider,
            operation: Operation::Other,
            model: String::new(),
            stream: false,
            credential: None,
            path: path.to_owned(),
            query: query.to_owned(),
            // Texts to embed have to be known; those to answer have not.
            body: if self.checked || self.always.is_none() || path.contains("mbed") {
                serde_json::from_slice(&received.body).unwrap_or(Value::Null)
            } else {
                always::outline(&received.body)
            },
        };
        let wire = route(&mut asked, &received.method);
        (asked, wire)
    }

    fn reply(
        &self,
        received: &Received,
        mut asked: Asked,
        wire: &'static dyn Wire,
    ) -> (Rendered, Duration) {
        let refused = self.verdict(received, &mut asked, wire);
        let listing = matches!(asked.operation, Operation::Models | Operation::Model);
        let mut script = self.script();
        let queue = script.queue(asked.provider);
        // What a test wrote byte for byte leaves byte for byte, whatever was asked.
        let wanted = match queue.front() {
            Some(reply) if reply.is_raw() => true,
            Some(reply) => refused.is_none() && !(listing && reply.is_answer()),
            None => false,
        };
        let next = wanted.then(|| queue.pop_front()).flatten();
        drop(script);
        if let Some(reply) = next {
            return reply.render(wire, &asked);
        }
        if let Some(refused) = refused {
            return (refused, Duration::ZERO);
        }
        if let (Some(always), false) = (&self.always, listing) {
            return always.render(wire, &asked);
        }
        match &self.function {
            Some(function) => {
                let reply = function(&asked);
                if listing && reply.is_answer() {
                    (self.list(&asked, wire), Duration::ZERO)
                } else {
                    reply.render(wire, &asked)
                }
            }
            None if listing => (self.list(&asked, wire), Duration::ZERO),
            None => {
                let text = "the script has no reply for this request";
                (Rendered::document(501, "text/plain", text), Duration::ZERO)
            }
        }
    }

    fn list(&self, asked: &Asked, wire: &dyn Wire) -> Rendered {
        let some = [String::from("peer-large"), String::from("peer-small")];
        match self.models.get(&asked.provider) {
            Some(names) => wire.models(names, asked),
            None if asked.operation == Operation::Model => {
                wire.models(std::slice::from_ref(&asked.model), asked)
            }
            None => wire.models(&some, asked),
        }
    }

    /// The refusal of a request that the provider would not take.
    fn verdict(
        &self,
        received: &Received,
        asked: &mut Asked,
        wire: &'static dyn Wire,
    ) -> Option<Rendered> {
        if !self.checked || asked.operation == Operation::Other {
            return None;
        }
        let complain = |asked: &Asked, status, message| {
            self.record.complain(Complaint {
                request: asked.number,
                provider: asked.provider,
                status,
                message,
            });
        };
        let object = |asked: &Asked, broken: &Broken| {
            complain(asked, Some(broken.status), broken.message.clone());
            Some(wire.object(broken, asked))
        };
        match wire.credential(received, &asked.query) {
            Ok(key) => asked.credential = key,
            Err(broken) => return object(asked, &broken),
        }
        if let Some(key) = &asked.credential {
            let script = self.script();
            let known = script.keys.as_ref().is_none_or(|keys| keys.contains(key));
            if !known || script.revoked.contains(key) {
                return Some(wire.refuse(&Refusal::Key, asked));
            }
        }
        let mut call = Call {
            received,
            asked,
            remarks: Vec::new(),
        };
        let checked = wire.check(&mut call);
        for remark in std::mem::take(&mut call.remarks) {
            complain(asked, None, remark);
        }
        if let Err(broken) = checked {
            return object(asked, &broken);
        }
        let models = self.models.get(&asked.provider)?;
        let named = asked.operation != Operation::Models;
        (named && !models.contains(&asked.model)).then(|| wire.no_model(asked))
    }
}
