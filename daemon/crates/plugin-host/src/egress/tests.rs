//! Against real HTTP servers on loopback.

use super::{resolver::*, *};
use crate::{
    PluginError,
    address::Reach,
    kinds::ai::{BoundCredential, ProviderAccess},
    lookup::Resolver,
    manifest::{Credential, CredentialHost, Permissions},
    observe::Observer,
    tls::{
        TrustRoots,
        testing::{Authority, Identity},
    },
};
use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::dns::Resolve;
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

type TestResult = Result<(), Box<dyn std::error::Error>>;

const SECRET: &str = "canary +secret/";

fn egress_with(limits: HttpLimits) -> Egress {
    let stranger = Authority::new().expect("an authority").pem();
    let roots = TrustRoots::only(&stranger).expect("roots");
    Egress::new(EgressSettings {
        roots,
        proxy: None,
        resolver: Resolver::default(),
        limits,
    })
    .expect("an egress")
}

fn egress() -> Egress {
    egress_with(HttpLimits::default())
}

fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: url.into(),
        ..HttpRequest::default()
    }
}

fn with_header(mut request: HttpRequest, name: &str, value: &str) -> HttpRequest {
    request.headers.push((name.to_owned(), value.to_owned()));
    request
}

/// A policy for one origin of the operator's, with a credential for it.
fn policy(origin: &str) -> HttpPolicy {
    HttpPolicy::new("acme.gateway")
        .allow_configured(origin)
        .expect("a policy")
        .credential(credential(origin))
}

fn credential(origin: &str) -> HeaderCredential {
    HeaderCredential {
        name: "api-key".to_owned(),
        header: HeaderName::from_static("authorization"),
        scheme: "Bearer {}".to_owned(),
        origins: [origin.to_owned()].into(),
        bound: Some(BoundCredential {
            origin: origin.to_owned(),
            value: Zeroizing::new(SECRET.to_owned()),
        }),
    }
}

async fn read_all(mut body: Body) -> Result<Vec<u8>, PluginError> {
    let mut all = Vec::new();
    loop {
        let bytes = body.read(u32::MAX).await?;
        if bytes.is_empty() {
            return Ok(all);
        }
        all.extend_from_slice(&bytes);
    }
}

fn header<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    let found = response.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

fn backwards(text: &str) -> String {
    text.chars().rev().collect()
}

/// Tells in its body what it was sent, and echoes the credential in headers.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut seen = format!(
        "{:?} {} {}\n",
        request.version(),
        request.method(),
        request.uri()
    );
    let authorization = request.headers().get("authorization").cloned();
    for (name, value) in request.headers() {
        let value = value.to_str().unwrap_or("?");
        seen += &format!("{name}: {value}\n");
        // What is scrubbed on its way back is seen all the same.
        if name == "authorization" {
            seen += &format!("backwards: {}\n", backwards(value));
        }
    }
    let body = request
        .into_body()
        .collect()
        .await
        .map(|b| b.to_bytes())
        .unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from([seen.as_bytes(), &body].concat())));
    if let Some(value) = authorization {
        response.headers_mut().insert("x-echo", value);
        let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let location = format!("https://evil.example/?key={encoded}")
            .parse()
            .expect("a value");
        response.headers_mut().insert("location", location);
        *response.status_mut() = http::StatusCode::FOUND;
    }
    Ok(response)
}

/// Serves each connection with `echo`, by the protocol agreed on, and counts connections.
async fn echo_server(
    tls: Option<Identity>,
) -> Result<(u16, Arc<AtomicU64>), Box<dyn std::error::Error>> {
    let acceptor = match tls {
        Some(identity) => Some(TlsAcceptor::from(
            identity.server_config(&["h2", "http/1.1"])?,
        )),
        None => None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let connections = Arc::new(AtomicU64::new(0));
    let counter = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => serve_http1(stream).await,
                    Some(acceptor) => {
                        let Ok(stream) = acceptor.accept(stream).await else {
                            return;
                        };
                        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                                .serve_connection(TokioIo::new(stream), service_fn(echo))
                                .await;
                        } else {
                            serve_http1(stream).await;
                        }
                    }
                }
            });
        }
    });
    Ok((port, connections))
}

async fn serve_http1<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) {
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(echo))
        .await;
}

/// Reads a request's head, answers with these bytes, and reports when the client has gone.
async fn raw_server(answer: Vec<u8>) -> std::io::Result<(String, mpsc::Receiver<Instant>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
    let (closed, ends) = mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_raw(stream, answer.clone(), closed.clone()));
        }
    });
    Ok((origin, ends))
}

async fn answer_raw(mut stream: TcpStream, answer: Vec<u8>, closed: mpsc::Sender<Instant>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_buf(&mut head).await {
            Ok(1..) => {}
            _ => return,
        }
    }
    let _ = stream.write_all(&answer).await;
    while let Ok(1..) = stream.read(&mut [0; 64]).await {}
    let _ = closed.send(Instant::now()).await;
}

#[tokio::test]
async fn only_the_very_origin_may_be_asked() -> TestResult {
    let (port, _) = echo_server(None).await?;
    let origin = format!("http://127.0.0.1:{port}");
    let policy = policy(&origin);
    egress()
        .send(&policy, get(format!("{origin}/v1/models?x=1")))
        .await?;
    for url in [
        "https://api.acme.example/",
        &format!("https://127.0.0.1:{port}/"),
        &format!("http://127.0.0.1:{}/", port ^ 1),
        &format!("http://localhost:{port}/"),
        &format!("http://127.0.0.2:{port}/"),
        "http://169.254.169.254/latest/meta-data",
        "http://2852039166/",
        "http://[::ffff:127.0.0.1]/",
    ] {
        let error = egress().send(&policy, get(url)).await.unwrap_err();
        let PluginError::Denied(denial) = error else {
            panic!("{url}: {error:?}")
        };
        assert_eq!(denial.capability, "http");
        let command = "labd plugin grant acme.gateway";
        assert!(denial.message.ends_with(command), "{}", denial.message);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_request_is_refused() -> TestResult {
    let policy = policy("http://127.0.0.1:1");
    let url = "http://127.0.0.1:1/";
    let method = |method: &str| HttpRequest {
        method: method.to_owned(),
        ..get(url)
    };
    for request in [
        get("file:///etc/passwd"),
        get("no url"),
        get("http://user:pass@127.0.0.1:1/"),
        method("CONNECT"),
        method("TRACE"),
        method("GE T"),
        with_header(get(url), "host", "evil.example"),
        with_header(get(url), "Transfer-Encoding", "chunked"),
        with_header(get(url), "connection", "upgrade"),
        with_header(get(url), "keep-alive", "1"),
        with_header(get(url), "proxy-authorization", "x"),
        with_header(get(url), "content-length", "5"),
        with_header(get(url), "x-a\r\nhost", "x"),
        with_header(get(url), "x-a", "b\r\nhost: evil.example"),
        with_header(get(url), "x-large", &"x".repeat(128 * 1024)),
    ] {
        let error = egress().send(&policy, request.clone()).await.unwrap_err();
        assert!(
            matches!(error, PluginError::InvalidRequest(_)),
            "{request:?}: {error:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_denied_unless_it_was_named() -> TestResult {
    let resolve = |reach| {
        let hosts = Arc::new([("localhost".to_owned(), reach)].into());
        let resolver = VettingResolver {
            hosts,
            proxy: None,
            resolver: Resolver::default(),
        };
        resolver.resolve("localhost".parse().expect("a name"))
    };
    let error = resolve(Reach::Public).await.err().expect("forbidden");
    assert!(
        matches!(error.downcast_ref(), Some(ResolveError::Forbidden { .. })),
        "{error:?}"
    );
    assert!(
        resolve(Reach::Private)
            .await
            .is_ok_and(|found| found.count() > 0)
    );

    // From there it reaches the plugin as a denial.
    let (port, connections) = echo_server(None).await?;
    let origin = format!("http://localhost:{port}");
    let mut policy = policy(&origin);
    policy.hosts = Arc::new([("localhost".to_owned(), Reach::Public)].into());
    let error = egress().send(&policy, get(&origin)).await.unwrap_err();
    let PluginError::Denied(denial) = error else {
        panic!("{error:?}")
    };
    assert!(
        denial.message.starts_with("localhost leads to 127.0.0.1"),
        "{}",
        denial.message
    );
    assert_eq!(connections.load(Ordering::SeqCst), 0);
    Ok(())
}

#[tokio::test]
async fn the_host_writes_the_credential_and_scrubs_its_echo() -> TestResult {
    let (port, _) = echo_server(None).await?;
    let origin = format!("http://127.0.0.1:{port}");
    let policy = policy(&origin);
    let request = HttpRequest {
        method: "POST".to_owned(),
        body: Some(Bytes::from_static(b"prompt")),
        ..with_header(get(format!("{origin}/v1")), "X-Mine", "kept")
    };
    let response = egress().send(&policy, request).await?;
    assert_eq!(response.status, 302, "a redirect is not followed");
    assert_eq!(header(&response, "x-echo"), Some("Bearer [scrubbed]"));
    assert_eq!(
        header(&response, "location"),
        Some("https://evil.example/?key=[scrubbed]")
    );
    let seen = String::from_utf8(read_all(response.body).await?)?;
    assert!(seen.starts_with("HTTP/1.1 POST /v1\n"), "{seen}");
    assert!(
        seen.contains("authorization: Bearer [scrubbed]\n"),
        "{seen}"
    );
    let sent = backwards(&format!("Bearer {SECRET}"));
    assert!(seen.contains(&format!("backwards: {sent}\n")), "{seen}");
    assert!(
        seen.contains("x-mine: kept\n") && seen.contains("content-length: 6\n"),
        "{seen}"
    );
    assert!(seen.ends_with("prompt"), "{seen}");

    let own = with_header(get(&origin), "Authorization", "Bearer mine");
    let error = egress().send(&policy, own).await.unwrap_err();
    assert!(matches!(error, PluginError::Denied(_)), "{error:?}");
    assert!(!format!("{policy:?}").contains(SECRET));
    Ok(())
}

#[tokio::test]
async fn a_credential_goes_only_to_the_origin_it_was_given_for() -> TestResult {
    let (port, _) = echo_server(None).await?;
    let origin = format!("http://127.0.0.1:{port}");
    let elsewhere = "https://api.acme.example";

    // The operator has pointed the provider at another server since.
    let moved = HeaderCredential {
        origins: [origin.clone(), elsewhere.to_owned()].into(),
        ..credential(elsewhere)
    };
    let base = HttpPolicy::new("acme.gateway").allow_configured(&origin)?;
    let error = egress()
        .send(&base.clone().credential(moved), get(&origin))
        .await
        .unwrap_err();
    let PluginError::Unauthenticated(fault) = error else {
        panic!("{error:?}")
    };
    assert!(
        fault
            .message
            .contains("was given for https://api.acme.example"),
        "{fault}"
    );

    // The manifest does not send it there at all.
    let other = base.credential(credential(elsewhere));
    let response = egress().send(&other, get(&origin)).await?;
    let seen = String::from_utf8(read_all(response.body).await?)?;
    assert!(!seen.contains("authorization"), "{seen}");
    Ok(())
}

#[tokio::test]
async fn a_credential_is_not_sent_in_the_clear_to_another_machine() -> TestResult {
    for origin in [
        "http://gpu.example:11434",
        "http://10.0.0.7:11434",
        "http://127.0.0.1.example",
    ] {
        let error = egress()
            .send(&policy(origin), get(origin))
            .await
            .unwrap_err();
        let PluginError::Denied(denial) = error else {
            panic!("{error:?}")
        };
        assert!(denial.message.contains("plain HTTP"), "{}", denial.message);
    }
    Ok(())
}

#[tokio::test]
async fn https_is_verified_and_speaks_http2() -> TestResult {
    let authority = Authority::new()?;
    let (port, _) = echo_server(Some(authority.issue(&["localhost"])?)).await?;
    let origin = format!("https://localhost:{port}");
    let roots = TrustRoots::only(&authority.pem())?;
    let limits = HttpLimits::default();
    let trusting = Egress::new(EgressSettings {
        roots,
        proxy: None,
        resolver: Resolver::default(),
        limits,
    })?;
    let response = trusting.send(&policy(&origin), get(&origin)).await?;
    let seen = String::from_utf8(read_all(response.body).await?)?;
    assert!(seen.starts_with("HTTP/2.0 GET"), "{seen}");
    assert!(seen.contains(&backwards(SECRET)), "{seen}");

    let error = egress()
        .send(&policy(&origin), get(&origin))
        .await
        .unwrap_err();
    assert!(matches!(error, PluginError::Unavailable(_)), "{error:?}");
    assert!(error.to_string().contains("tls.extra_roots"), "{error}");

    let by_address = format!("https://127.0.0.1:{port}");
    let error = trusting
        .send(&policy(&by_address), get(&by_address))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the certificate is for localhost, not for 127.0.0.1"
    );
    Ok(())
}

#[tokio::test]
async fn one_connection_serves_many_requests_of_one_plugin() -> TestResult {
    let (port, connections) = echo_server(None).await?;
    let origin = format!("http://127.0.0.1:{port}");
    let egress = egress();
    for _ in 0..20 {
        // A policy made anew for each call is the same policy.
        let response = egress.send(&policy(&origin), get(&origin)).await?;
        read_all(response.body).await?;
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    let other = HttpPolicy::new("other.plugin").allow_configured(&origin)?;
    egress.send(&other, get(&origin)).await?;
    assert_eq!(connections.load(Ordering::SeqCst), 2);
    Ok(())
}

#[tokio::test]
async fn what_keeps_an_answer_away_is_told_apart() -> TestResult {
    let free = TcpListener::bind("127.0.0.1:0").await?;
    let port = free.local_addr()?.port();
    drop(free);
    let refused = format!("http://127.0.0.1:{port}");
    let error = egress()
        .send(&policy(&refused), get(&refused))
        .await
        .unwrap_err();
    assert!(matches!(error, PluginError::Unavailable(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("connection refused by 127.0.0.1:{port}")
    );

    let unknown = "https://api.invalid";
    let error = egress()
        .send(&policy(unknown), get(unknown))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no such host: api.invalid") || error.contains("no name server"),
        "{error}"
    );

    let plain = TcpListener::bind("127.0.0.1:0").await?;
    let tls = format!("https://{}", plain.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = egress().send(&policy(&tls), get(&tls)).await.unwrap_err();
    assert!(
        error.to_string().contains("does not answer with TLS"),
        "{error}"
    );

    let (nonsense, _) = raw_server(b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec()).await?;
    let error = egress()
        .send(&policy(&nonsense), get(&nonsense))
        .await
        .unwrap_err();
    assert!(matches!(error, PluginError::Unavailable(_)), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_body_beyond_the_limit_breaks_off() -> TestResult {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n".to_vec();
    answer.resize(answer.len() + 3_000_000, b'x');
    let (origin, _) = raw_server(answer).await?;
    let limits = HttpLimits {
        body: 2 * 1024 * 1024,
        ..HttpLimits::default()
    };
    let mut response = egress_with(limits)
        .send(&policy(&origin), get(&origin))
        .await?;
    let mut total = 0;
    let error = loop {
        match response.body.read(100_000).await {
            Ok(bytes) => {
                assert!((1..=100_000).contains(&bytes.len()));
                total += bytes.len();
            }
            Err(error) => break error,
        }
    };
    assert!(total <= 2 * 1024 * 1024);
    assert_eq!(error.to_string(), "the response's body exceeds 2 MiB");
    assert!(response.body.read(1).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn response_headers_beyond_the_limit_are_refused() -> TestResult {
    let large = format!(
        "HTTP/1.1 200 OK\r\nx-large: {}\r\n\r\n",
        "x".repeat(129 * 1024)
    );
    let (origin, _) = raw_server(large.into_bytes()).await?;
    let error = egress()
        .send(&policy(&origin), get(&origin))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the response's headers exceed 128 KiB");
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    let (origin, _) = raw_server(many.into_bytes()).await?;
    assert!(egress().send(&policy(&origin), get(&origin)).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_silent_server_runs_into_the_timeouts() -> TestResult {
    let short = Duration::from_millis(50);
    let (origin, _) = raw_server(Vec::new()).await?;
    let limits = HttpLimits {
        first_byte: short,
        ..HttpLimits::default()
    };
    let error = egress_with(limits)
        .send(&policy(&origin), get(&origin))
        .await
        .unwrap_err();
    assert_eq!(error, PluginError::Timeout);
    let hasty = HttpRequest {
        timeout: Some(short),
        ..get(&origin)
    };
    let error = egress().send(&policy(&origin), hasty).await.unwrap_err();
    assert_eq!(error, PluginError::Timeout);

    let stuck = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello".to_vec();
    let (origin, _) = raw_server(stuck).await?;
    let limits = HttpLimits {
        between_bytes: short,
        ..HttpLimits::default()
    };
    let mut response = egress_with(limits)
        .send(&policy(&origin), get(&origin))
        .await?;
    assert_eq!(response.body.read(100).await?, "hello");
    assert_eq!(response.body.read(100).await, Err(PluginError::Timeout));
    Ok(())
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_body_is_an_error_and_no_end() -> TestResult {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        let Ok((mut stream, _)) = listener.accept().await else {
            return;
        };
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
            .await;
    });
    let response = egress().send(&policy(&origin), get(&origin)).await?;
    let error = read_all(response.body).await.unwrap_err();
    assert!(matches!(error, PluginError::Unavailable(_)), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn dropping_a_body_or_a_waiting_request_closes_the_connection_at_once() -> TestResult {
    let patience = Duration::from_secs(5);
    let begun = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec();
    let (origin, mut closed) = raw_server(begun).await?;
    let mut response = egress().send(&policy(&origin), get(&origin)).await?;
    assert_eq!(response.body.read(100).await?, "hello");
    let dropped = Instant::now();
    drop(response);
    let seen = timeout(patience, closed.recv()).await?.expect("a close");
    assert!(
        seen - dropped < Duration::from_secs(1),
        "{:?}",
        seen - dropped
    );

    let (origin, mut closed) = raw_server(Vec::new()).await?;
    let egress = egress();
    let policy = policy(&origin);
    assert!(
        timeout(
            Duration::from_millis(100),
            egress.send(&policy, get(&origin))
        )
        .await
        .is_err()
    );
    timeout(patience, closed.recv()).await?.expect("a close");
    Ok(())
}

#[tokio::test]
async fn a_body_whose_end_nobody_reads_leaves_its_connection_to_the_next_request() -> TestResult {
    const REQUESTS: usize = 10;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let connections = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let ended = ended.clone();
            tokio::spawn(async move {
                let begun = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
                while matches!(stream.read(&mut [0; 1024]).await, Ok(1..)) {
                    let _ = stream.write_all(begun).await;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    let _ = stream.write_all(b"0\r\n\r\n").await;
                    let _ = ended.send(());
                }
            });
        }
    });
    let egress = egress();
    for _ in 0..REQUESTS {
        let mut response = egress.send(&policy(&origin), get(&origin)).await?;
        assert_eq!(response.body.read(100).await?, "hello");
        response.body.leave();
        timeout(Duration::from_secs(5), ends.recv()).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A busy machine may have been late once or twice.
    let connections = connections.load(Ordering::SeqCst);
    assert!(connections < 5, "{connections}");

    // One that goes on is not read for ever.
    let begun = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec();
    let (origin, mut closed) = raw_server(begun).await?;
    let mut response = egress.send(&policy(&origin), get(&origin)).await?;
    assert_eq!(response.body.read(100).await?, "hello");
    response.body.leave();
    timeout(Duration::from_secs(10), closed.recv())
        .await?
        .expect("a close");
    Ok(())
}

#[tokio::test]
async fn pieces_that_arrive_together_are_read_together_however_often_they_are_asked_for()
-> TestResult {
    const PIECES: usize = 100;
    let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..PIECES {
        answer.extend_from_slice(b"5\r\nhello\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    let (origin, _closed) = raw_server(answer).await?;
    let mut response = egress().send(&policy(&origin), get(&origin)).await?;
    let (mut reads, mut bytes) = (0, 0);
    loop {
        let mut read = std::pin::pin!(response.body.read(1_000_000));
        // As hyper's server does it: once more for every time that nothing is there.
        let piece = std::future::poll_fn(|cx| match read.as_mut().poll(cx) {
            std::task::Poll::Pending => read.as_mut().poll(cx),
            ready => ready,
        })
        .await?;
        if piece.is_empty() {
            break;
        }
        reads += 1;
        bytes += piece.len();
    }
    assert_eq!(bytes, PIECES * 5);
    // They may come in several packets.
    assert!(reads < PIECES / 4, "{reads}");
    Ok(())
}

#[tokio::test]
async fn bytes_are_counted_both_ways() -> TestResult {
    #[derive(Default)]
    struct Counter(AtomicU64, AtomicU64);
    impl Observer for Counter {
        fn received(&self, bytes: u64) {
            self.0.fetch_add(bytes, Ordering::SeqCst);
        }
        fn sent(&self, bytes: u64) {
            self.1.fetch_add(bytes, Ordering::SeqCst);
        }
    }
    let (port, _) = echo_server(None).await?;
    let origin = format!("http://127.0.0.1:{port}");
    let counter = Arc::new(Counter::default());
    let policy = policy(&origin).observed_by(counter.clone());
    let body = Bytes::from(vec![b'x'; 10_000]);
    let request = HttpRequest {
        method: "PUT".to_owned(),
        body: Some(body),
        ..get(&origin)
    };
    let response = egress().send(&policy, request).await?;
    read_all(response.body).await?;
    for count in [&counter.0, &counter.1] {
        let count = count.load(Ordering::SeqCst);
        assert!((10_000..11_000).contains(&count), "{count}");
    }
    Ok(())
}

#[tokio::test]
async fn a_configured_proxy_is_used_and_may_be_private() -> TestResult {
    let (port, _) = echo_server(None).await?;
    let stranger = Authority::new()?.pem();
    let egress = Egress::new(EgressSettings {
        roots: TrustRoots::only(&stranger)?,
        proxy: Some(format!("http://localhost:{port}")),
        resolver: Resolver::default(),
        limits: HttpLimits::default(),
    })?;
    let policy = HttpPolicy::new("acme.gateway").allow("http://api.acme.example")?;
    let response = egress
        .send(&policy, get("http://api.acme.example/v1"))
        .await?;
    let seen = String::from_utf8(read_all(response.body).await?)?;
    assert!(
        seen.starts_with("HTTP/1.1 GET http://api.acme.example/v1"),
        "{seen}"
    );
    Ok(())
}

#[test]
fn a_manifest_becomes_a_policy() -> TestResult {
    let permissions =
        Permissions::from_lines(["http=https://api.acme.example", "http=from-config:base-url"])?;
    let manifest = Credential {
        name: "api-key".to_owned(),
        hosts: vec![
            CredentialHost::Exact("api.acme.example".to_owned()),
            CredentialHost::FromConfig("base-url".to_owned()),
        ],
        header: "x-api-key".to_owned(),
        scheme: "{}".to_owned(),
    };
    let bound = |origin: &str| BoundCredential {
        origin: origin.to_owned(),
        value: Zeroizing::new("key".to_owned()),
    };
    let access = ProviderAccess {
        config: serde_json::json!({ "base-url": "http://127.0.0.1:11434/v1" }),
        credentials: [("api-key".to_owned(), bound("http://127.0.0.1:11434"))].into(),
        ..ProviderAccess::default()
    };
    let build = |within: fn(&str) -> bool| {
        HttpPolicy::from_manifest(
            "acme",
            &permissions,
            std::slice::from_ref(&manifest),
            &access,
            within,
        )
    };
    let policy = build(|_| true)?;
    policy.check_url("https://api.acme.example/v1")?;
    let (local, origin) = policy.check_url("http://127.0.0.1:11434/v1/chat")?;
    assert_eq!(policy.inject(&local, &origin)?.len(), 1);
    assert!(policy.check_url("http://127.0.0.1:11435/").is_err());

    let bounded = build(|origin| origin.starts_with("https:"))?;
    assert!(bounded.check_url("http://127.0.0.1:11434/v1").is_err());
    Ok(())
}
