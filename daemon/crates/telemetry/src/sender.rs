//! What the exporter sends with: the daemon's own HTTP client, on its runtime.

use crate::settings::{Collector, TelemetryError};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use reqwest::{Client, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use std::{sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// A collector answers with a few words, or none.
const MOST_BYTES: usize = 64 * 1024;
const CONNECT: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(crate) struct Sender {
    client: Client,
    runtime: Handle,
}

impl Sender {
    pub fn new(collector: &Collector, extra_roots: Option<&str>) -> Result<Self, TelemetryError> {
        let set_up = |error: &dyn std::fmt::Display| TelemetryError::SetUp(error.to_string());
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(pem) = extra_roots {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|e| set_up(&e))?;
                roots.add(certificate).map_err(|e| set_up(&e))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| set_up(&e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("labd/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(collector.timeout)
            .build()
            .map_err(|e| set_up(&e))?;
        Ok(Self {
            client,
            runtime: Handle::try_current().map_err(|e| set_up(&e))?,
        })
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.client.clone();
        // The exporter's thread is none of the runtime's.
        let sent = self.runtime.spawn(async move {
            let mut answer = client.execute(request).await?;
            let mut body = BytesMut::new();
            while let Some(more) = answer.chunk().await? {
                if body.len() + more.len() > MOST_BYTES {
                    break;
                }
                body.extend_from_slice(&more);
            }
            let mut response = Response::new(body.freeze());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            Ok::<_, reqwest::Error>(response)
        });
        sent.await?.map_err(|error| error.without_url().into())
    }
}
