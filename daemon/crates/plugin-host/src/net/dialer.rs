//! Targets, and connections to them.

use super::{Conn, conn::Peer, stream::Stream, tls};
use crate::{
    Denial, Fault, PluginError,
    address::{Reach, literal, scope},
    kinds::connector::{SourceAccess, Target, TlsMode},
    lookup::Resolver,
    observe::{Observer, Unobserved},
    tls::TrustRoots,
};
use rustls::ClientConfig;
use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    net::{TcpStream, UnixStream},
    time::{Instant, timeout, timeout_at},
};

/// Name lookup and TCP handshake together. A server that takes longer is out of reach for the
/// people who wait for a page.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How TLS is to be used towards a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsUse {
    /// Never.
    Disable,
    /// If the server offers it.
    Prefer,
    /// Always.
    Require,
}

/// A server as the plugin sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetInfo {
    /// The name as the operator wrote it, or the path of the socket.
    pub host: String,
    /// The port; 0 for a Unix socket.
    pub port: u16,
    /// How TLS is to be used.
    pub tls: TlsUse,
}

/// A connector's way to the servers of one data source. Cloning it is cheap.
#[derive(Clone)]
pub struct Dialer {
    pub(super) shared: Arc<Shared>,
}

/// What the connections of a source share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) access: Arc<SourceAccess>,
    pub(super) plugin: String,
    pub(super) revealed: BTreeSet<String>,
    pub(super) observer: Arc<dyn Observer>,
    resolver: Resolver,
    roots: TrustRoots,
    config: OnceLock<ClientConfig>,
}

impl Dialer {
    /// A way to the servers of this source, over which nothing is revealed and nobody listens.
    pub fn new(access: Arc<SourceAccess>, roots: TrustRoots) -> Self {
        Self {
            shared: Arc::new(Shared {
                access,
                plugin: String::new(),
                revealed: BTreeSet::new(),
                observer: Arc::new(Unobserved),
                resolver: Resolver::default(),
                roots,
                config: OnceLock::new(),
            }),
        }
    }

    /// Lets a plugin read these credentials: its manifest's `reveal` list, as far as granted.
    #[must_use]
    pub fn revealing(
        mut self,
        plugin: impl Into<String>,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        shared.plugin = plugin.into();
        shared.revealed = names.into_iter().map(Into::into).collect();
        self
    }

    /// Reports bytes and revealed names to this observer.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        Arc::make_mut(&mut self.shared).observer = observer;
        self
    }

    /// Asks this resolver for addresses.
    #[must_use]
    pub fn resolving_with(mut self, resolver: Resolver) -> Self {
        Arc::make_mut(&mut self.shared).resolver = resolver;
        self
    }

    /// The servers of the source, in the order in which to try them.
    pub fn targets(&self) -> Vec<TargetInfo> {
        let access = &self.shared.access;
        access
            .targets
            .iter()
            .map(|target| match target {
                Target::Tcp { host, port } => TargetInfo {
                    host: host.clone(),
                    port: *port,
                    tls: match access.tls {
                        TlsMode::Disable => TlsUse::Disable,
                        TlsMode::Prefer => TlsUse::Prefer,
                        TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => {
                            TlsUse::Require
                        }
                    },
                },
                Target::Unix(path) => TargetInfo {
                    host: path.display().to_string(),
                    port: 0,
                    tls: TlsUse::Disable,
                },
            })
            .collect()
    }

    /// Connects to one of [`Dialer::targets`], by its index.
    ///
    /// # Errors
    /// `invalid-request` for an index that there is not; `denied` when the name leads to an address
    /// that no data source may use; `unavailable` with the reason when there is no connection.
    pub async fn connect(&self, index: u32) -> Result<Conn, PluginError> {
        let target = usize::try_from(index)
            .ok()
            .and_then(|index| self.shared.access.targets.get(index))
            .ok_or_else(|| {
                PluginError::InvalidRequest(Fault::new(format!(
                    "the data source has no server with the index {index}"
                )))
            })?;
        let (stream, peer) = match target {
            Target::Tcp { host, port } => connect_tcp(&self.shared.resolver, host, *port).await?,
            Target::Unix(path) => connect_unix(path).await?,
        };
        Ok(Conn::new(stream, peer, self.shared.clone()))
    }
}

impl Shared {
    /// The source's TLS configuration, read once.
    pub(super) fn tls_config(&self) -> Result<ClientConfig, PluginError> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let config = tls::client_config(&self.access, &self.roots)?;
        Ok(self.config.get_or_init(|| config).clone())
    }
}

fn unavailable(message: String) -> PluginError {
    PluginError::Unavailable(Fault::new(message))
}

async fn connect_tcp(
    resolver: &Resolver,
    host: &str,
    port: u16,
) -> Result<(Stream, Peer), PluginError> {
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let name = endpoint(host, port);
    let addresses = timeout_at(deadline, resolver.lookup(host, port))
        .await
        .map_err(|_| unavailable(format!("looking up {host} took longer than 10 s")))?
        .map_err(|error| unavailable(error.to_string()))?;
    for address in &addresses {
        vet(host, &name, address.ip())?;
    }
    let mut last = None;
    let mut remaining = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        // A dead address must leave time for those after it.
        let share = deadline.saturating_duration_since(Instant::now()) / remaining.max(1);
        remaining = remaining.saturating_sub(1);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY cannot be set; small writes may be late");
                }
                let peer = Peer {
                    name,
                    host: host.to_owned(),
                    address: Some(address.ip()),
                };
                return Ok((Stream::Tcp(stream), peer));
            }
            Ok(Err(error)) => last = Some(explain_connect(&error, &name, address)),
            Err(_) => {
                last = Some(format!(
                    "{name} does not answer; check the address, and the firewall in between"
                ));
            }
        }
    }
    Err(unavailable(
        last.unwrap_or_else(|| format!("{host} has no address")),
    ))
}

async fn connect_unix(path: &Path) -> Result<(Stream, Peer), PluginError> {
    let name = path.display().to_string();
    let stream = timeout(CONNECT_TIMEOUT, UnixStream::connect(path))
        .await
        .map_err(|_| unavailable(format!("the socket {name} does not answer within 10 s")))?
        .map_err(|error| {
            unavailable(match error.kind() {
                io::ErrorKind::NotFound => {
                    format!("there is no socket {name}; is the server running?")
                }
                io::ErrorKind::ConnectionRefused => {
                    format!("connection refused by the socket {name}; is the server running?")
                }
                io::ErrorKind::PermissionDenied => {
                    format!("the daemon's user may not open the socket {name}")
                }
                _ => format!("the socket {name} cannot be opened: {error}"),
            })
        })?;
    let peer = Peer {
        name,
        host: "localhost".to_owned(),
        address: None,
    };
    Ok((Stream::Unix(stream), peer))
}

/// One address that may not be used ends the attempt: a name that leads there at all is not one to
/// be trusted with a password.
fn vet(host: &str, name: &str, address: IpAddr) -> Result<(), PluginError> {
    if Reach::Private.allows(address) {
        return Ok(());
    }
    let scope = scope(address);
    let subject = match literal(host) {
        Some(_) => format!("{host} is {scope}"),
        None => format!("{host} leads to {address}, {scope}"),
    };
    Err(PluginError::Denied(Denial {
        capability: "net".to_owned(),
        target: name.to_owned(),
        message: format!(
            "{subject}, which no data source may use; give the data source a URL with another \
             server"
        ),
    }))
}

fn explain_connect(error: &io::Error, name: &str, address: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!(
            "connection refused by {name}; the machine answers, but no server listens on port {}",
            address.port()
        ),
        io::ErrorKind::TimedOut => {
            format!("{name} does not answer; check the address, and the firewall in between")
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            format!(
                "no route to {name} ({}); check this machine's network",
                address.ip()
            )
        }
        _ => format!("{name} cannot be reached: {error}"),
    }
}

/// `host:port`, with brackets where the host is an IPv6 address.
fn endpoint(host: &str, port: u16) -> String {
    match literal(host) {
        Some(address) => SocketAddr::new(address, port).to_string(),
        None => format!("{host}:{port}"),
    }
}
