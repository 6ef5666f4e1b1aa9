//! Names to addresses that may be dialled.

use crate::{
    address::{Reach, Scope, scope},
    lookup::{LookupError, Resolver},
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

/// Resolves the hosts of one policy. The client dials what comes out of it and nothing else, so
/// what was vetted is what is reached.
pub(super) struct VettingResolver {
    pub(super) hosts: Arc<BTreeMap<String, Reach>>,
    /// The operator's own proxy may be anywhere.
    pub(super) proxy: Option<String>,
    pub(super) resolver: Resolver,
}

/// Why there is no address to dial.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// It leads only to where this plugin may not go.
    #[error("{host} leads to {address}, {scope}")]
    Forbidden {
        host: String,
        address: IpAddr,
        scope: Scope,
    },
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let reach = if self.proxy.as_deref() == Some(name.as_str()) {
            Reach::Any
        } else {
            self.hosts
                .get(name.as_str())
                .copied()
                .unwrap_or(Reach::Public)
        };
        let resolver = self.resolver.clone();
        Box::pin(async move {
            // Port 0 means the one of the URL.
            let found = resolver
                .lookup(&host, 0)
                .await
                .map_err(ResolveError::from)?;
            let (allowed, forbidden): (Vec<_>, Vec<_>) = found
                .into_iter()
                .partition(|address| reach.allows(address.ip()));
            match forbidden.first() {
                Some(address) if allowed.is_empty() => {
                    let (address, scope) = (address.ip(), scope(address.ip()));
                    Err(ResolveError::Forbidden {
                        host,
                        address,
                        scope,
                    }
                    .into())
                }
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}
