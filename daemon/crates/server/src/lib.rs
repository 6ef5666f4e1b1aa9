//! The doors: HTTP with its events and the console, tarpc over the Unix socket.
//!
//! - [`Backend`] is what is served; both doors offer the same methods of it.
//! - [`Addresses`] says which names labd is reached by; requests for others are refused.
//! - HTTP lets in who has a token or a session (see `http/guard.rs`), the socket who runs as the
//!   daemon's user.
//!
//! Deliberately absent: CORS, TLS (a proxy's work) and HTTP/2 (browsers speak it over TLS only).
//! Only this crate names axum.

mod addresses;
mod api;
mod backend;
mod deploys;
mod http;
pub mod limits;
mod rpc;

pub use addresses::{AddressError, Addresses, IpRange, Site, check_listen};
pub use backend::{
    Assets, Backend, ModelBody, ModelSite, NoAssets, PreviewBody, PreviewSite, Shown,
};
pub use deploys::Deploys;
pub use rpc::{Socket, SocketError};

use api::Api;
use labd_auth::Auth;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What a [`Server`] is made of.
pub struct ServerParts {
    /// Everything labd does.
    pub backend: Arc<dyn Backend>,
    /// Who may call.
    pub auth: Auth,
    /// What answers on the previews' origins.
    pub previews: Arc<dyn PreviewSite>,
    /// What answers under `/v1/`.
    pub models: Arc<dyn ModelSite>,
    /// The console's files.
    pub assets: Arc<dyn Assets>,
    /// Where the console and the previews are.
    pub addresses: Addresses,
    /// Proxies whose `X-Forwarded-Host` counts.
    pub trusted_proxies: Vec<IpRange>,
}

/// Serves HTTP and RPC.
pub struct Server {
    parts: ServerParts,
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
#[error("the API's description cannot be written: {0}")]
pub struct ServerError(#[from] serde_json::Error);

impl Server {
    /// A server that does not listen yet.
    pub fn new(parts: ServerParts) -> Self {
        Self { parts }
    }

    /// Serves until `shutdown` ends. Then accepts nothing more, ends streams, lets calls in flight
    /// finish for [`limits::CLOSE_TIME`], and returns.
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn serve(
        self,
        listener: TcpListener,
        socket: Socket,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServerError> {
        let ServerParts {
            backend,
            auth,
            previews,
            models,
            assets,
            addresses,
            trusted_proxies,
        } = self.parts;
        let api = Api::new(backend, auth, addresses, socket.path().to_owned());
        let http = http::Http::new(api.clone(), previews, models, assets, trusted_proxies)?;
        let closing = api.closing().clone();
        let stop = async {
            shutdown.await;
            closing.cancel();
        };
        tokio::join!(
            stop,
            http::serve(http, listener),
            rpc::serve(api.clone(), socket),
            flush(&api)
        );
        Ok(())
    }
}

/// Writes times of last use now and then, and at the end.
async fn flush(api: &Api) {
    loop {
        let last = tokio::select! {
            () = tokio::time::sleep(limits::FLUSH_EVERY) => false,
            () = api.closing().cancelled() => true,
        };
        if let Err(error) = api.auth().flush().await {
            tracing::warn!(%error, "times of last use could not be written");
        }
        if last {
            return;
        }
    }
}
