//! A server that gives one file over TLS, with a certificate of its own authority.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{io, net::Ipv4Addr, sync::Arc};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct HttpsFile {
    port: u16,
    authority: String,
    serving: JoinHandle<()>,
    release: watch::Sender<bool>,
}

impl HttpsFile {
    /// Serves this content under every path, as `127.0.0.1`.
    ///
    /// # Errors
    /// When there is no certificate or no port.
    pub async fn start(content: impl Into<Bytes>) -> io::Result<Self> {
        Ok(Self::start_held(content).await?.released())
    }

    /// The same, and nobody is answered before [`Self::released`].
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_held(content: impl Into<Bytes>) -> io::Result<Self> {
        let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]);
        let signed = signed.map_err(io::Error::other)?;
        let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], PrivateKeyDer::from(key))
            .map_err(io::Error::other)?;
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let content = content.into();
        let (release, held) = watch::channel(true);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, content) = (acceptor.clone(), content.clone());
                let mut held = held.clone();
                tokio::spawn(async move {
                    // A client that does not trust it ends here.
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    // Nobody is left to release it when this fails.
                    let _ = held.wait_for(|held| !held).await;
                    let answer = service_fn(move |_: Request<Incoming>| {
                        let answer = Response::new(Full::new(content.clone()));
                        async move { Ok::<_, std::convert::Infallible>(answer) }
                    });
                    // One that has heard enough closes.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        });
        Ok(Self {
            port,
            authority: signed.cert.pem(),
            serving,
            release,
        })
    }

    /// Lets everybody be answered.
    #[must_use]
    pub fn released(self) -> Self {
        self.release.send_replace(false);
        self
    }

    /// An address of the file.
    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}/{path}", self.port)
    }

    /// What has to be trusted, PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl Drop for HttpsFile {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
