//! One open connection.

use super::{Secret, TlsInfo, dialer::Shared, stream::Stream};
use crate::{Denial, Fault, PluginError, kinds::connector::TlsMode, tls::explain};
use bytes::{Buf, BytesMut};
use rustls_pki_types::ServerName;
use std::{
    future::{Future, poll_fn},
    io, mem,
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWrite},
    sync::OwnedSemaphorePermit,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// The most bytes that are taken from the server while a write waits.
const READ_AHEAD: usize = 256 * 1024;
/// The room that is made for one reading.
const READ_CHUNK: usize = 64 * 1024;
/// A handshake is two or three round trips and some arithmetic.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Who is at the other end.
pub(super) struct Peer {
    /// For messages: `host:port`, or the path of a socket.
    pub(super) name: String,
    /// The name that its certificate must carry.
    pub(super) host: String,
    /// The address; none for a Unix socket.
    pub(super) address: Option<IpAddr>,
}

/// A connection to a server of the data source. Dropping it closes it.
pub struct Conn {
    stream: Stream,
    peer: Peer,
    shared: Arc<Shared>,
    /// Bytes of the server that nobody has read yet.
    ahead: BytesMut,
    /// The server has closed its side.
    ended: bool,
    /// A fault met while reading ahead, told to the next reader.
    failed: Option<io::Error>,
    /// A write has begun and not ended; if its future is gone, nobody knows how much was sent.
    writing: bool,
    /// Given back when the connection is closed.
    place: Option<OwnedSemaphorePermit>,
}

impl Conn {
    /// With a place among what its plugin may hold open.
    pub(crate) fn keeping(mut self, place: OwnedSemaphorePermit) -> Self {
        self.place = Some(place);
        self
    }

    pub(super) fn new(stream: Stream, peer: Peer, shared: Arc<Shared>) -> Self {
        Self {
            stream,
            peer,
            shared,
            ahead: BytesMut::new(),
            ended: false,
            failed: None,
            writing: false,
            place: None,
        }
    }

    /// Whether TLS is up.
    pub fn is_secure(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Waits for 1..`max` bytes; empty when the server has closed.
    ///
    /// Dropping the future loses no bytes.
    ///
    /// # Errors
    /// `unavailable` when the connection broke.
    pub async fn read(&mut self, max: u32) -> Result<Vec<u8>, PluginError> {
        if self.ahead.is_empty() && !self.ended {
            if let Some(error) = self.failed.take() {
                self.ended = true;
                return Err(self.broken(&error));
            }
            poll_fn(|cx| self.poll_fill(cx))
                .await
                .map_err(|error| self.broken(&error))?;
        }
        let max = usize::try_from(max).unwrap_or(usize::MAX).max(1);
        let bytes = self.ahead.get(..max).unwrap_or(&self.ahead).to_vec();
        self.ahead.advance(bytes.len());
        Ok(bytes)
    }

    /// Writes all bytes. Meanwhile up to 256 KiB of the server's are taken in, so that a server
    /// that answers before it has read everything does not wait for us for ever.
    ///
    /// # Errors
    /// `unavailable` when the connection broke; what the server sent before can still be read.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), PluginError> {
        if self.writing {
            return Err(PluginError::Unavailable(Fault::new(format!(
                "an earlier write to {} was given up halfway; open a new connection",
                self.peer.name
            ))));
        }
        self.writing = true;
        let mut rest = bytes;
        poll_fn(|cx| self.poll_write_all(cx, &mut rest))
            .await
            .map_err(|error| self.broken(&error))?;
        self.writing = false;
        self.shared.observer.sent(bytes.len() as u64);
        Ok(())
    }

    /// Turns the connection into TLS.
    ///
    /// # Errors
    /// `conflict` when TLS is up already, when the source does not use it, or when bytes of the
    /// server wait unread: they came before the handshake, so anybody may have sent them.
    /// `unavailable` when the handshake fails, with the reason in plain words.
    pub async fn upgrade_tls(&mut self, alpn: &[String]) -> Result<TlsInfo, PluginError> {
        let conflict = |message: String| Err(PluginError::Conflict(Fault::new(message)));
        if !self.ahead.is_empty() {
            return conflict(format!(
                "{} sent more than its answer before the TLS handshake; somebody in between may \
                 have added it, so the connection is given up",
                self.peer.name
            ));
        }
        if self.shared.access.tls == TlsMode::Disable {
            return conflict("the data source's mode is `disable`: it does not use TLS".to_owned());
        }
        match &self.stream {
            Stream::Tcp(_) => {}
            Stream::Tls(_) => return conflict("TLS is up already".to_owned()),
            Stream::Unix(_) => return conflict("TLS is not used over a Unix socket".to_owned()),
            Stream::Lost => return Err(self.broken(&io::ErrorKind::NotConnected.into())),
        }
        let mut config = self.shared.tls_config()?;
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = self.server_name()?;
        let Stream::Tcp(tcp) = mem::replace(&mut self.stream, Stream::Lost) else {
            return conflict("TLS needs a TCP connection".to_owned());
        };
        let stream = timeout(
            HANDSHAKE_TIMEOUT,
            TlsConnector::from(Arc::new(config)).connect(name, tcp),
        )
        .await
        .map_err(|_| {
            PluginError::Unavailable(Fault::new(format!(
                "{} did not finish the TLS handshake within 10 s",
                self.peer.name
            )))
        })?
        .map_err(|error| self.broken(&error))?;
        let info = TlsInfo::of(&stream);
        self.stream = Stream::Tls(Box::new(stream));
        Ok(info)
    }

    /// A credential of the granted `reveal` list.
    ///
    /// Given out once TLS is up. Also where there is none: over a Unix socket, or where the source's
    /// mode is `disable`, or `prefer`, which by libpq's meaning goes on in the clear when the server
    /// declines, password included.
    ///
    /// # Errors
    /// `denied` when it is not granted or TLS is missing; `not-found` when the source has none.
    pub fn reveal(&self, name: &str) -> Result<Secret, PluginError> {
        let access = &self.shared.access;
        let denied = |message: String| {
            Err(PluginError::Denied(Denial {
                capability: "reveal".to_owned(),
                target: name.to_owned(),
                message,
            }))
        };
        if !self.shared.revealed.contains(name) {
            return denied(format!(
                "the plugin may not read the credential `{name}`; if its manifest asks for it, \
                 allow it with: labd plugin grant {}",
                self.shared.plugin
            ));
        }
        let may_be_plain = matches!(access.tls, TlsMode::Disable | TlsMode::Prefer)
            || matches!(self.stream, Stream::Unix(_));
        if !self.is_secure() && !may_be_plain {
            return denied(format!(
                "`{name}` is not given out over a connection without TLS; the plugin must call \
                 upgrade-tls first, or the source must say `sslmode=disable`"
            ));
        }
        let value = access.secrets.get(name).cloned().ok_or_else(|| {
            PluginError::NotFound(Fault::new(format!("the data source has no `{name}`")))
        })?;
        Ok(Secret {
            source_id: access.source_id.clone(),
            name: name.to_owned(),
            value,
            observer: self.shared.observer.clone(),
        })
    }

    /// A name that cannot stand in a certificate is replaced by the address; the modes that check
    /// names then check that.
    fn server_name(&self) -> Result<ServerName<'static>, PluginError> {
        let host = self.peer.host.trim_end_matches('.');
        let host = host.trim_start_matches('[').trim_end_matches(']');
        ServerName::try_from(host.to_owned())
            .ok()
            .or_else(|| self.peer.address.map(ServerName::from))
            .ok_or_else(|| {
                PluginError::InvalidRequest(Fault::new(format!(
                    "{host} is not a name that a certificate can carry"
                )))
            })
    }

    /// Reads once into `ahead`.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ahead.reserve(READ_CHUNK);
        let read = ready!(pin!(self.stream.read_buf(&mut self.ahead)).poll(cx))?;
        self.ended = read == 0;
        self.shared.observer.received(read as u64);
        Poll::Ready(Ok(()))
    }

    fn poll_write_all(&mut self, cx: &mut Context<'_>, rest: &mut &[u8]) -> Poll<io::Result<()>> {
        loop {
            let stream = Pin::new(&mut self.stream);
            let waits = if rest.is_empty() {
                match stream.poll_flush(cx) {
                    Poll::Ready(done) => return Poll::Ready(done),
                    Poll::Pending => true,
                }
            } else {
                match stream.poll_write(cx, rest)? {
                    Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(written) => {
                        *rest = rest.get(written..).unwrap_or_default();
                        false
                    }
                    Poll::Pending => true,
                }
            };
            if waits && !self.read_ahead(cx) {
                return Poll::Pending;
            }
        }
    }

    /// Takes in what the server has sent, within the limit; whether there was something.
    fn read_ahead(&mut self, cx: &mut Context<'_>) -> bool {
        if self.ended || self.failed.is_some() || self.ahead.len() >= READ_AHEAD {
            return false;
        }
        match self.poll_fill(cx) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                self.failed = Some(error);
                false
            }
            Poll::Pending => false,
        }
    }

    fn broken(&self, error: &io::Error) -> PluginError {
        let name = &self.peer.name;
        if let Some(error) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            let remedy = "give the data source the server's own CA certificate";
            return PluginError::Unavailable(Fault {
                code: Some("tls_failed".into()),
                ..Fault::new(explain(error, &self.peer.host, remedy))
            });
        }
        PluginError::Unavailable(Fault::new(match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                format!("{name} closed the connection")
            }
            io::ErrorKind::UnexpectedEof => {
                format!("{name} closed the connection in the middle of TLS")
            }
            _ => format!("the connection to {name} broke: {error}"),
        }))
    }
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn")
            .field("peer", &self.peer.name)
            .field("secure", &self.is_secure())
            .finish_non_exhaustive()
    }
}
