//! Names to addresses, with errors that say whose fault it is.

use crate::address::{self, is_loopback_host};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

/// Why a name has no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LookupError {
    /// It does not exist.
    #[error("no such host: {0}; check its spelling")]
    NoSuchHost(String),
    /// Nobody could be asked.
    #[error(
        "{0} cannot be looked up, because no name server answers; check this machine's network"
    )]
    NoNameServer(String),
}

/// Who is asked for the addresses of names. Cloning it is cheap.
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    known: Arc<BTreeMap<String, Vec<IpAddr>>>,
}

impl Resolver {
    /// These names have these addresses; for all others the operating system is asked.
    pub fn knowing(known: BTreeMap<String, Vec<IpAddr>>) -> Self {
        Self {
            known: Arc::new(known),
        }
    }

    /// The addresses of a host. Literal addresses are their own answer, and `localhost` and the
    /// names below it are this machine whatever a name server says (RFC 6761).
    pub(crate) async fn lookup(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, LookupError> {
        if let Some(found) = self.known.get(host) {
            let found = found.iter().map(|address| SocketAddr::new(*address, port));
            return Ok(found.collect());
        }
        lookup(host, port).await
    }
}

async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, LookupError> {
    if let Some(address) = address::literal(host) {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    if is_loopback_host(host) {
        return Ok([
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ]
        .map(|address| SocketAddr::new(address, port))
        .into());
    }
    match tokio::net::lookup_host((host, port)).await {
        Ok(found) => {
            let found: Vec<_> = found.collect();
            if found.is_empty() {
                Err(LookupError::NoSuchHost(host.to_owned()))
            } else {
                Ok(found)
            }
        }
        // std keeps the resolver's own code (EAI_AGAIN) only in the text.
        Err(error) if error.to_string().contains("emporary failure") => {
            tracing::debug!(host, %error, "name lookup failed");
            Err(LookupError::NoNameServer(host.to_owned()))
        }
        Err(error) => {
            tracing::debug!(host, %error, "name lookup failed");
            Err(LookupError::NoSuchHost(host.to_owned()))
        }
    }
}
