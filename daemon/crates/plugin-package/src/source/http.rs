//! Requests whose answers are bounded, and redirects that are looked at.

use super::{FetchError, Report};
use crate::limits;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use reqwest::{Client, Method, Request, Response, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use std::{error::Error as _, net::IpAddr, sync::Arc, time::Duration};
use tokio::time::timeout;
use url::{Host, Url};

/// Sends requests. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: Client,
}

/// Who watches a transfer, and under which name.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a> {
    pub report: Report<'a>,
    pub what: &'a str,
}

/// Nobody watches.
pub(super) const UNWATCHED: Watch<'static> = Watch {
    report: &super::quiet,
    what: "",
};

/// A whole answer.
pub(super) struct Answer {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What is never asked for: plain HTTP from another machine, and addresses with credentials.
pub(super) fn check(url: &Url) -> Result<(), FetchError> {
    let refused = |reason| Err(FetchError::Unsafe(url.to_string(), reason));
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => {
            return refused("plain HTTP is only spoken with this machine itself; use https://");
        }
        _ => return refused("its scheme is neither https nor oci"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated: the message goes to terminals and logs.
        let mut shown = url.clone();
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        return Err(FetchError::Unsafe(
            shown.to_string(),
            "an address with a user name or a password ends up in logs",
        ));
    }
    Ok(())
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

impl Http {
    pub fn new(extra_roots: Option<&str>) -> Result<Self, FetchError> {
        let set_up = |error: &dyn std::fmt::Display| FetchError::SetUp(error.to_string());
        let mut roots = RootCertStore::empty();
        let (_, ignored) =
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if ignored > 0 {
            tracing::debug!(
                ignored,
                "root certificates of the operating system are malformed"
            );
        }
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
            .referer(false)
            .no_proxy()
            .connect_timeout(limits::CONNECT)
            .http1_max_headers(100)
            .build()
            .map_err(|e| set_up(&e))?;
        Ok(Self { client })
    }

    /// Sends one request and reads its answer, whatever its status. No redirect is followed.
    pub async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<Bytes>,
        limit: u64,
        watch: Watch<'_>,
    ) -> Result<Answer, FetchError> {
        check(url)?;
        // A large body takes its time to go out; the whole transfer is bounded by the caller.
        let wait = if body.is_some() {
            limits::TRANSFER
        } else {
            limits::SILENCE
        };
        let mut request = Request::new(method, url.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = body.map(Into::into);
        let sent = within(wait, url, self.client.execute(request)).await?;
        let (status, headers) = (sent.status(), sent.headers().clone());
        // What is wrong is told in a few words, also by a server that would go on for ever.
        let limit = if status.is_success() {
            limit
        } else {
            limit.min(limits::RECORD_BYTES)
        };
        let body = read(sent, url, limit, watch).await?;
        Ok(Answer {
            url: url.clone(),
            status,
            headers,
            body,
        })
    }

    /// Gets a document, following redirects that keep the scheme. `first` goes to the origin of `url`
    /// only.
    pub async fn get(
        &self,
        url: &Url,
        first: HeaderMap,
        limit: u64,
        watch: Watch<'_>,
    ) -> Result<Answer, FetchError> {
        let mut at = url.clone();
        for _ in 0..=limits::REDIRECTS {
            let mut headers = first.clone();
            if at.origin() != url.origin() {
                headers.remove(header::AUTHORIZATION);
            }
            let answer = self
                .send(Method::GET, &at, headers, None, limit, watch)
                .await?;
            if !is_redirect(answer.status) {
                return Ok(answer);
            }
            at = target(&answer)?;
        }
        Err(FetchError::Redirect {
            from: url.clone(),
            to: at.to_string(),
            reason: "there are too many of them",
        })
    }

    /// Gets an archive.
    pub async fn archive(&self, url: &Url, report: Report<'_>) -> Result<Bytes, FetchError> {
        let what = url.path_segments().and_then(|mut parts| parts.next_back());
        let watch = Watch {
            report,
            what: what.unwrap_or("package"),
        };
        let answer = self
            .get(url, HeaderMap::new(), limits::ARCHIVE_BYTES, watch)
            .await?;
        if answer.status != StatusCode::OK {
            return Err(answer.refused());
        }
        Ok(answer.body)
    }
}

pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads.
pub(super) fn target(answer: &Answer) -> Result<Url, FetchError> {
    let location = answer.headers.get(header::LOCATION);
    let location = location
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let refused = |reason| FetchError::Redirect {
        from: answer.url.clone(),
        to: location.escape_debug().to_string(),
        reason,
    };
    let to = answer
        .url
        .join(location)
        .map_err(|_| refused("it is no address"))?;
    if to.scheme() != answer.url.scheme() {
        return Err(refused("its scheme is another"));
    }
    // A server elsewhere must not make this machine ask itself.
    if is_loopback(&to) && !is_loopback(&answer.url) {
        return Err(refused("it leads to this machine itself"));
    }
    check(&to).map_err(|_| refused("it is not safe"))?;
    Ok(to)
}

impl Answer {
    /// The status as an error, with the first words of the body where it is text.
    pub fn refused(&self) -> FetchError {
        let said: String = String::from_utf8_lossy(&self.body)
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        FetchError::Status {
            url: self.url.clone(),
            status: self.status.as_u16(),
            said: if said.is_empty() {
                said
            } else {
                format!(": {said}")
            },
        }
    }
}

async fn within<T>(
    wait: Duration,
    url: &Url,
    work: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, FetchError> {
    match timeout(wait, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) if error.is_timeout() => Err(FetchError::Timeout(url.to_string())),
        Ok(Err(error)) => {
            // The outermost says which request failed, and the innermost why.
            let mut reason = error.source();
            while let Some(inner) = reason.and_then(|error| error.source()) {
                reason = Some(inner);
            }
            Err(FetchError::Unreachable {
                url: url.clone(),
                reason: reason.map_or_else(|| error.to_string(), ToString::to_string),
            })
        }
        Err(_) => Err(FetchError::Timeout(url.to_string())),
    }
}

async fn read(
    mut response: Response,
    url: &Url,
    limit: u64,
    watch: Watch<'_>,
) -> Result<Bytes, FetchError> {
    let too_large = || FetchError::TooLarge {
        url: url.clone(),
        limit,
    };
    let announced = response.content_length();
    if announced.is_some_and(|bytes| bytes > limit) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(piece) = within(limits::SILENCE, url, response.chunk()).await? {
        body.extend_from_slice(&piece);
        if body.len() as u64 > limit {
            return Err(too_large());
        }
        (watch.report)(watch.what, body.len() as u64, announced);
    }
    Ok(body.into())
}
