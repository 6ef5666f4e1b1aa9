//! A client over HTTP/1.1 that does as little as one can: the same for everybody who is measured.

use super::party::Party;
use crate::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::net::TcpStream;

/// How long a whole answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What every piece of the upstream's text begins with.
const PIECE: &[u8] = b"lorem ipsum";

/// One connection to a party, kept.
pub struct Caller {
    party: Arc<Party>,
    sender: http1::SendRequest<Full<Bytes>>,
}

/// A stream that was read to its end.
pub struct Streamed {
    /// Until the first piece of text.
    pub first: Duration,
    /// Until the end.
    pub whole: Duration,
    /// Pieces of text.
    pub pieces: usize,
}

impl Caller {
    /// Connects.
    pub async fn connect(party: &Arc<Party>) -> Result<Self> {
        Ok(Self {
            party: Arc::clone(party),
            sender: connect(party).await?,
        })
    }

    /// Connects anew where the other side has closed the connection, as some do that were not asked
    /// for a while. That is not measured.
    pub async fn ready(&mut self) -> Result<()> {
        if self.sender.is_closed() || self.sender.ready().await.is_err() {
            self.sender = connect(&self.party).await?;
        }
        Ok(())
    }

    /// Asks for a whole answer; how long it took.
    pub async fn ask(&mut self, body: &Bytes) -> Result<Duration> {
        self.ready().await?;
        let begun = Instant::now();
        let response = self.send(body).await?;
        let answer = response.into_body().collect().await?.to_bytes();
        let took = begun.elapsed();
        if !contains(&answer, PIECE) {
            return Err(self.complain("a whole answer", &answer));
        }
        Ok(took)
    }

    /// Asks for a stream and reads it to its end.
    pub async fn stream(&mut self, body: &Bytes) -> Result<Streamed> {
        self.ready().await?;
        let begun = Instant::now();
        let mut incoming = self.send(body).await?.into_body();
        let (mut first, mut all) = (None, Vec::new());
        while let Some(frame) = incoming.frame().await {
            if let Ok(data) = frame?.into_data() {
                if first.is_none() && contains(&data, PIECE) {
                    first = Some(begun.elapsed());
                }
                all.extend_from_slice(&data);
            }
        }
        let whole = begun.elapsed();
        let first = first.ok_or_else(|| self.complain("a stream", &all))?;
        let pieces = all.windows(PIECE.len()).filter(|at| *at == PIECE).count();
        Ok(Streamed {
            first,
            whole,
            pieces,
        })
    }

    /// Begins a stream, reads its first text and closes the connection; when that was.
    pub async fn begin_and_leave(mut self, body: &Bytes) -> Result<SystemTime> {
        let mut incoming = self.send(body).await?.into_body();
        while let Some(frame) = incoming.frame().await {
            if frame?.data_ref().is_some_and(|data| contains(data, PIECE)) {
                let left = SystemTime::now();
                // The connection ends with them.
                drop((incoming, self));
                return Ok(left);
            }
        }
        Err("the stream had no text".into())
    }

    async fn send(&mut self, body: &Bytes) -> Result<Response<Incoming>> {
        let mut request = Request::post(self.party.path)
            .header(header::HOST, self.party.address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, &self.party.authorization);
        for (name, value) in &self.party.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(body.clone()))?;
        let response = tokio::time::timeout(PATIENCE, self.sender.send_request(request)).await??;
        if response.status() != 200 {
            let what = response.status().to_string();
            let answer = response.into_body().collect().await?.to_bytes();
            return Err(self.complain(&what, &answer));
        }
        Ok(response)
    }

    fn complain(&self, what: &str, answer: &[u8]) -> Box<dyn std::error::Error + Send + Sync> {
        let answer = String::from_utf8_lossy(answer.get(..500).unwrap_or(answer));
        format!("{}: {what}: {answer}", self.party.name).into()
    }
}

async fn connect(party: &Party) -> Result<http1::SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(party.address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|at| at == what)
}
