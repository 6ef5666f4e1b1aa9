//! Sending.

use super::{
    Body, HttpPolicy, error,
    headers::{self, incoming, outgoing},
    resolver::VettingResolver,
    scrub::Scrubber,
    settings,
};
use crate::{
    Fault, PluginError,
    address::Reach,
    lookup::Resolver,
    tls::{TrustRoots, verifying_config},
};
use bytes::Bytes;
use http::Method;
use reqwest::{Client, Proxy, redirect};
use rustls::ClientConfig;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;
use url::Url;

/// How many pools of connections are kept; the least recently used one goes.
const MAX_CLIENTS: usize = 64;
/// Connections that are kept open to a host without being used: as many as answer at once under load, or
/// the load would connect anew all the time.
const MAX_IDLE: usize = 64;
/// Response headers are many small ones at most.
const MAX_HEADERS: usize = 256;

/// How much and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Bytes of a response's body.
    pub body: u64,
    /// Bytes of the headers, each way.
    pub headers: usize,
    /// Name lookup, TCP and TLS.
    pub connect: Duration,
    /// From sending to the response's head.
    pub first_byte: Duration,
    /// Between two pieces of the body.
    pub between_bytes: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            body: 64 * 1024 * 1024,
            headers: 128 * 1024,
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(120),
            between_bytes: Duration::from_secs(60),
        }
    }
}

/// What an [`Egress`] is set up with.
#[derive(Clone, Debug)]
pub struct EgressSettings {
    /// Whose certificates are trusted.
    pub roots: TrustRoots,
    /// The operator's proxy, if any: `http://proxy.example:3128`.
    pub proxy: Option<String>,
    /// Who is asked for addresses.
    pub resolver: Resolver,
    /// How much and how long.
    pub limits: HttpLimits,
}

/// A request of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// An absolute URL.
    pub url: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// The body, sent with its length.
    pub body: Option<Bytes>,
    /// Until the response's head; capped by [`HttpLimits::first_byte`].
    pub timeout: Option<Duration>,
}

/// The head of a response, and its body to come.
#[derive(Debug)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Names in lower case; values that echo a credential are scrubbed.
    pub headers: Vec<(String, String)>,
    /// The body, scrubbed likewise.
    pub body: Body,
}

/// Sends requests for all plugins. Cloning it is cheap.
#[derive(Clone)]
pub struct Egress {
    shared: Arc<Shared>,
}

struct Shared {
    tls: ClientConfig,
    proxy: Option<(Url, Proxy)>,
    resolver: Resolver,
    limits: HttpLimits,
    clients: Mutex<Clients>,
}

/// What clients are told apart by: plugins never share a connection.
type Key = (String, Arc<BTreeMap<String, Reach>>);

#[derive(Default)]
struct Clients {
    uses: u64,
    known: HashMap<Key, (Client, u64)>,
}

impl Egress {
    /// Sets up sending.
    ///
    /// # Errors
    /// `invalid-request` when the proxy's URL cannot be used.
    pub fn new(settings: EgressSettings) -> Result<Self, PluginError> {
        let mut tls = verifying_config(&settings.roots)?.with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let proxy = settings
            .proxy
            .map(|text| {
                let invalid = |reason: String| {
                    PluginError::InvalidRequest(Fault::new(format!(
                        "the proxy's URL cannot be used: {reason}"
                    )))
                };
                let url = Url::parse(&text).map_err(|error| invalid(error.to_string()))?;
                let proxy = Proxy::all(text).map_err(|error| invalid(error.to_string()))?;
                Ok::<_, PluginError>((url, proxy))
            })
            .transpose()?;
        Ok(Self {
            shared: Arc::new(Shared {
                tls,
                proxy,
                resolver: settings.resolver,
                limits: settings.limits,
                clients: Mutex::default(),
            }),
        })
    }

    /// Sends a request and waits for the head of its response. Any status is a success.
    ///
    /// # Errors
    /// `denied` for what the policy does not allow; `invalid-request` for what no request may hold;
    /// `unauthenticated` when the credential was given for another origin; `timeout`; `unavailable`
    /// with the reason when there is no answer.
    pub async fn send(
        &self,
        policy: &HttpPolicy,
        request: HttpRequest,
    ) -> Result<HttpResponse, PluginError> {
        let limits = &self.shared.limits;
        let (url, origin) = policy.check_url(&request.url)?;
        let method = parse_method(&request.method)?;
        let credentials = policy.inject(&url, &origin)?;
        let body = request.body.map(|body| {
            let trusted = !credentials.is_empty();
            settings::fill(&policy.settings, body, &origin, trusted, limits.body)
        });
        let body = body.transpose()?;
        let headers = outgoing(
            policy,
            &request.headers,
            body.as_ref().map(Bytes::len),
            credentials,
            limits.headers,
        )?;
        let sent =
            headers::size(&headers) + url.as_str().len() + body.as_ref().map_or(0, Bytes::len);

        let mut outgoing = reqwest::Request::new(method, url.clone());
        *outgoing.headers_mut() = headers;
        *outgoing.body_mut() = body.map(Into::into);
        let client = self.client(policy)?;
        let wait = request
            .timeout
            .unwrap_or(limits.first_byte)
            .min(limits.first_byte);
        let response = timeout(wait, client.execute(outgoing)).await;
        policy.observer.sent(sent as u64);
        let response = response
            .map_err(|_| PluginError::Timeout)?
            .map_err(|error| error::explain(&error, &url, &policy.plugin))?;

        let size = headers::size(response.headers());
        policy.observer.received(size as u64);
        if size > limits.headers {
            return Err(PluginError::Unavailable(Fault::new(format!(
                "the response's headers exceed {} KiB",
                limits.headers / 1024
            ))));
        }
        if policy.searches()
            && let Some(reason) = headers::unsearchable(response.status(), response.headers())
        {
            return Err(PluginError::Unavailable(Fault::new(format!(
                "the response cannot be searched for the credential: {reason}"
            ))));
        }
        Ok(HttpResponse {
            status: response.status().as_u16(),
            headers: incoming(response.headers(), &policy.secrets),
            body: Body {
                response: Some(response),
                rest: Bytes::new(),
                failed: None,
                left: limits.body,
                limit: limits.body,
                between_bytes: limits.between_bytes,
                scrubber: Scrubber::new(Arc::clone(&policy.secrets)),
                url,
                plugin: policy.plugin.clone(),
                observer: policy.observer.clone(),
                place: None,
            },
        })
    }

    /// The client of a policy, with its pool of connections.
    fn client(&self, policy: &HttpPolicy) -> Result<Client, PluginError> {
        let mut clients = self
            .shared
            .clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        clients.uses += 1;
        let now = clients.uses;
        let key = (policy.plugin.clone(), policy.hosts.clone());
        if let Some((client, used)) = clients.known.get_mut(&key) {
            *used = now;
            return Ok(client.clone());
        }
        let client = self.shared.build(policy).map_err(|error| {
            PluginError::Internal(format!("the HTTP client cannot be set up: {error}"))
        })?;
        if clients.known.len() >= MAX_CLIENTS {
            let oldest = clients.known.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                clients.known.remove(&oldest);
            }
        }
        clients.known.insert(key, (client.clone(), now));
        Ok(client)
    }
}

impl Shared {
    fn build(&self, policy: &HttpPolicy) -> reqwest::Result<Client> {
        let proxy_host = self.proxy.as_ref().and_then(|(url, _)| url.host_str());
        let limits = &self.limits;
        let builder = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .dns_resolver(Arc::new(VettingResolver {
                hosts: policy.hosts.clone(),
                proxy: proxy_host.map(str::to_owned),
                resolver: self.resolver.clone(),
            }))
            .user_agent(concat!("labd/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(limits.connect)
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(MAX_IDLE)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(u32::try_from(limits.headers).unwrap_or(u32::MAX));
        match &self.proxy {
            Some((_, proxy)) => builder.proxy(proxy.clone()),
            None => builder,
        }
        .build()
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress")
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

fn parse_method(text: &str) -> Result<Method, PluginError> {
    match Method::from_bytes(text.as_bytes()) {
        // CONNECT asks for a tunnel, TRACE for an echo of the credential.
        Ok(method) if method != Method::CONNECT && method != Method::TRACE => Ok(method),
        _ => Err(PluginError::InvalidRequest(Fault::new(format!(
            "the method `{}` cannot be used",
            text.escape_debug()
        )))),
    }
}
