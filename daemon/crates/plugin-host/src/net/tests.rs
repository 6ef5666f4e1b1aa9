//! Against real sockets and real TLS servers on loopback.

use super::*;
use crate::{
    PluginError,
    kinds::connector::{ConnectorConfig, SourceAccess, Target, TlsMode},
    observe::Observer,
    tls::{
        TrustRoots,
        testing::{Authority, Identity},
    },
};
use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// A source whose one server is `host`, with the password `hunter2`.
fn source(host: &str, port: u16, tls: TlsMode) -> SourceAccess {
    SourceAccess {
        source_id: "orders/dev".to_owned(),
        targets: vec![Target::Tcp {
            host: host.to_owned(),
            port,
        }],
        tls,
        ca: None,
        client: None,
        sqlite: None,
        config: ConnectorConfig::default(),
        secrets: [("password".to_owned(), Zeroizing::new("hunter2".to_owned()))].into(),
    }
}

fn dialer(access: SourceAccess) -> Dialer {
    // Roots of a stranger stand for the operating system's.
    let stranger = Authority::new().expect("an authority").pem();
    Dialer::new(
        Arc::new(access),
        TrustRoots::only(&stranger).expect("roots"),
    )
    .revealing("acme.sql", ["password", "missing"])
}

/// Serves one connection after another.
async fn serve<F, T>(handler: F) -> std::io::Result<u16>
where
    F: Fn(TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handler(stream));
        }
    });
    Ok(port)
}

/// A server that answers `?` with `S` in the clear and then echoes over TLS.
async fn tls_server(identity: Identity, alpn: &[&str]) -> Result<u16, Box<dyn std::error::Error>> {
    let acceptor = TlsAcceptor::from(identity.server_config(alpn)?);
    let handler = move |mut stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            let mut question = [0];
            if stream.read_exact(&mut question).await.is_err()
                || stream.write_all(b"S").await.is_err()
            {
                return;
            }
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut buffer = [0; 1024];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                if stream.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        }
    };
    Ok(serve(handler).await?)
}

async fn ask_for_tls(conn: &mut Conn) -> Result<TlsInfo, PluginError> {
    conn.write(b"?").await?;
    assert_eq!(conn.read(1).await?, b"S");
    conn.upgrade_tls(&["postgresql".to_owned()]).await
}

/// Connects with this mode and CA to a server with this certificate, and upgrades.
async fn handshake(
    identity: Identity,
    host: &str,
    mode: TlsMode,
    ca: Option<String>,
) -> Result<TlsInfo, PluginError> {
    let port = tls_server(identity, &[]).await.expect("a server");
    let dialer = dialer(SourceAccess {
        ca,
        ..source(host, port, mode)
    });
    ask_for_tls(&mut dialer.connect(0).await?).await
}

fn message(error: &PluginError) -> String {
    error.to_string()
}

#[tokio::test]
async fn verify_full_accepts_only_the_name_and_the_authority_of_the_source() -> TestResult {
    let authority = Authority::new()?;
    let ca = Some(authority.pem());
    let full = TlsMode::VerifyFull;

    handshake(
        authority.issue(&["localhost"])?,
        "localhost",
        full,
        ca.clone(),
    )
    .await?;
    handshake(
        authority.issue(&["127.0.0.1"])?,
        "127.0.0.1",
        full,
        ca.clone(),
    )
    .await?;

    let error = handshake(
        authority.issue(&["db.example"])?,
        "localhost",
        full,
        ca.clone(),
    )
    .await
    .unwrap_err();
    assert_eq!(
        message(&error),
        "the certificate is for db.example, not for localhost (tls_failed)"
    );

    let error = handshake(authority.issue(&["localhost"])?, "localhost", full, None)
        .await
        .unwrap_err();
    assert!(message(&error).contains("not trusted here"), "{error}");
    assert!(message(&error).contains("own CA certificate"), "{error}");

    let expired = authority.issue_with(&["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    })?;
    let error = handshake(expired, "localhost", full, ca).await.unwrap_err();
    assert_eq!(
        message(&error),
        "the certificate of localhost has expired (tls_failed)"
    );
    Ok(())
}

#[tokio::test]
async fn verify_ca_checks_the_authority_and_not_the_name() -> TestResult {
    let authority = Authority::new()?;
    let other_name = || authority.issue(&["db.example"]);
    let mode = TlsMode::VerifyCa;
    handshake(other_name()?, "localhost", mode, Some(authority.pem())).await?;
    let stranger = Some(Authority::new()?.pem());
    assert!(
        handshake(other_name()?, "localhost", mode, stranger)
            .await
            .is_err()
    );
    assert!(
        handshake(other_name()?, "localhost", mode, None)
            .await
            .is_err()
    );
    Ok(())
}

#[tokio::test]
async fn require_and_prefer_verify_nothing_unless_the_source_has_a_ca() -> TestResult {
    let unknown = || Authority::new()?.issue(&["db.example"]);
    handshake(unknown()?, "localhost", TlsMode::Require, None).await?;
    handshake(unknown()?, "localhost", TlsMode::Prefer, None).await?;
    let stranger = Some(Authority::new()?.pem());
    assert!(
        handshake(unknown()?, "localhost", TlsMode::Require, stranger)
            .await
            .is_err()
    );
    Ok(())
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_when_it_is_the_sources_ca() -> TestResult {
    let (identity, pem) = Identity::self_signed(&["localhost"])?;
    handshake(identity, "localhost", TlsMode::VerifyFull, Some(pem)).await?;
    let (identity, _) = Identity::self_signed(&["localhost"])?;
    let (_, other) = Identity::self_signed(&["localhost"])?;
    assert!(
        handshake(identity, "localhost", TlsMode::VerifyFull, Some(other))
            .await
            .is_err()
    );
    Ok(())
}

#[tokio::test]
async fn a_handshake_tells_protocol_and_channel_binding_and_then_carries_bytes() -> TestResult {
    let authority = Authority::new()?;
    let identity = authority.issue(&["localhost"])?;
    let binding = binding::server_end_point(&identity.certificate);
    assert!(binding.is_some());
    let port = tls_server(identity, &["postgresql"]).await?;
    let access = SourceAccess {
        ca: Some(authority.pem()),
        ..source("localhost", port, TlsMode::VerifyFull)
    };
    let mut conn = dialer(access).connect(0).await?;
    let info = ask_for_tls(&mut conn).await?;
    assert_eq!(
        info,
        TlsInfo {
            alpn: Some("postgresql".to_owned()),
            server_end_point: binding
        }
    );
    conn.write(b"hello").await?;
    assert_eq!(conn.read(3).await?, b"hel");
    assert_eq!(conn.read(100).await?, b"lo");
    assert!(matches!(
        conn.upgrade_tls(&[]).await,
        Err(PluginError::Conflict(_))
    ));
    Ok(())
}

#[tokio::test]
async fn plaintext_before_the_handshake_refuses_the_upgrade() -> TestResult {
    let port = serve(|mut stream| async move {
        let _ = stream.write_all(b"Sinjected").await;
        let _ = stream.read(&mut [0]).await;
    })
    .await?;
    let mut conn = dialer(source("127.0.0.1", port, TlsMode::Require))
        .connect(0)
        .await?;
    assert_eq!(conn.read(1).await?, b"S");
    let error = conn.upgrade_tls(&[]).await.unwrap_err();
    assert!(matches!(error, PluginError::Conflict(_)), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_without_tls_is_told_as_such() -> TestResult {
    let port = serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await?;
    let mut conn = dialer(source("127.0.0.1", port, TlsMode::Require))
        .connect(0)
        .await?;
    let error = conn.upgrade_tls(&[]).await.unwrap_err();
    assert!(
        message(&error).contains("does not answer with TLS"),
        "{error}"
    );
    // What a failed handshake leaves cannot be used in the clear.
    assert!(conn.write(b"password").await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_secret_needs_a_grant_and_tls() -> TestResult {
    let authority = Authority::new()?;
    let port = tls_server(authority.issue(&["localhost"])?, &[]).await?;
    let access = SourceAccess {
        ca: Some(authority.pem()),
        ..source("localhost", port, TlsMode::VerifyFull)
    };
    let observer = Arc::new(Recorder::default());
    let dialer = dialer(access).observed_by(observer.clone());
    let mut conn = dialer.connect(0).await?;

    let error = conn.reveal("token").unwrap_err();
    let PluginError::Denied(denial) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (denial.capability.as_str(), denial.target.as_str()),
        ("reveal", "token")
    );
    assert!(denial.message.contains("labd plugin grant acme.sql"));
    assert!(matches!(
        conn.reveal("password"),
        Err(PluginError::Denied(_))
    ));

    ask_for_tls(&mut conn).await?;
    let secret = conn.reveal("password")?;
    assert!(!format!("{secret:?}").contains("hunter2"));
    assert!(observer.revealed.lock().unwrap().is_empty());
    assert_eq!(secret.read().as_slice(), b"hunter2");
    assert_eq!(*observer.revealed.lock().unwrap(), ["password"]);
    assert!(matches!(
        conn.reveal("missing"),
        Err(PluginError::NotFound(_))
    ));
    Ok(())
}

#[tokio::test]
async fn a_secret_goes_in_the_clear_only_where_the_source_says_so() -> TestResult {
    let port = serve(|mut stream| async move {
        let _ = stream.read(&mut [0]).await;
    })
    .await?;
    for (mode, given) in [
        (TlsMode::Disable, true),
        (TlsMode::Prefer, true),
        (TlsMode::Require, false),
        (TlsMode::VerifyCa, false),
        (TlsMode::VerifyFull, false),
    ] {
        let conn = dialer(source("127.0.0.1", port, mode)).connect(0).await?;
        assert_eq!(conn.reveal("password").is_ok(), given, "{mode:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_unix_socket_needs_no_tls() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("db.sock");
    let listener = UnixListener::bind(&path)?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"hi").await;
        }
    });
    let access = SourceAccess {
        targets: vec![
            Target::Unix(path),
            Target::Unix(folder.path().join("gone.sock")),
        ],
        ..source("", 0, TlsMode::VerifyFull)
    };
    let dialer = dialer(access);
    assert_eq!(dialer.targets()[0].tls, TlsUse::Disable);
    let mut conn = dialer.connect(0).await?;
    assert_eq!(conn.read(10).await?, b"hi");
    assert!(conn.reveal("password").is_ok());
    assert!(matches!(
        conn.upgrade_tls(&[]).await,
        Err(PluginError::Conflict(_))
    ));

    let error = dialer.connect(1).await.unwrap_err();
    assert!(message(&error).starts_with("there is no socket"), "{error}");
    assert!(matches!(
        dialer.connect(2).await,
        Err(PluginError::InvalidRequest(_))
    ));
    Ok(())
}

#[tokio::test]
async fn a_large_write_against_a_server_that_writes_first_does_not_deadlock() -> TestResult {
    const LENGTH: usize = 16 * 1024 * 1024;
    const GREETING: usize = 192 * 1024;
    // The server reads nothing before it has written more than its socket takes without a reader.
    let port = serve(|mut stream| async move {
        let _ = stream.write_all(&vec![b'x'; GREETING]).await;
        let mut buffer = vec![0; 64 * 1024];
        let mut total = 0;
        while total < LENGTH {
            match stream.read(&mut buffer).await {
                Ok(read @ 1..) => total += read,
                _ => return,
            }
        }
        let _ = stream.write_all(b"done").await;
    })
    .await?;
    let observer = Arc::new(Recorder::default());
    let dialer = dialer(source("127.0.0.1", port, TlsMode::Disable)).observed_by(observer.clone());
    let mut conn = dialer.connect(0).await?;
    timeout(Duration::from_secs(20), conn.write(&vec![1; LENGTH])).await??;
    let mut answer = Vec::new();
    while !answer.ends_with(b"done") {
        answer.extend(timeout(Duration::from_secs(20), conn.read(100_000)).await??);
    }
    assert_eq!(answer.len(), GREETING + 4);
    assert_eq!(observer.sent.load(Ordering::SeqCst), LENGTH as u64);
    assert_eq!(
        observer.received.load(Ordering::SeqCst),
        (GREETING + 4) as u64
    );
    assert!(conn.read(1).await?.is_empty(), "the server has closed");
    Ok(())
}

#[tokio::test]
async fn reading_ahead_is_bounded() -> TestResult {
    // A server that only writes, and never reads.
    let port = serve(|mut stream| async move {
        let chunk = vec![b'x'; 64 * 1024];
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await?;
    let observer = Arc::new(Recorder::default());
    let dialer = dialer(source("127.0.0.1", port, TlsMode::Disable)).observed_by(observer.clone());
    let mut conn = dialer.connect(0).await?;
    let write = conn.write(&[0; 64 * 1024 * 1024]);
    assert!(timeout(Duration::from_millis(300), write).await.is_err());
    let received = observer.received.load(Ordering::SeqCst);
    assert!(received <= (256 + 64) * 1024, "{received}");
    assert!(
        conn.write(b"more").await.is_err(),
        "half a message was sent"
    );
    Ok(())
}

#[tokio::test]
async fn what_keeps_a_connection_from_being_made_is_told_apart() -> TestResult {
    let free = TcpListener::bind("127.0.0.1:0").await?;
    let port = free.local_addr()?.port();
    drop(free);
    let error = dialer(source("127.0.0.1", port, TlsMode::Disable))
        .connect(0)
        .await
        .unwrap_err();
    let expected = format!("connection refused by 127.0.0.1:{port}");
    assert!(message(&error).starts_with(&expected), "{error}");

    let unknown = source("db.invalid", 5432, TlsMode::Disable);
    let error = dialer(unknown).connect(0).await.unwrap_err();
    assert!(matches!(error, PluginError::Unavailable(_)));
    let text = message(&error);
    assert!(
        text.contains("no such host: db.invalid") || text.contains("no name server"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn not_even_an_operators_source_reaches_the_metadata_service() {
    for host in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "[fd00:ec2::254]",
    ] {
        let error = dialer(source(host, 80, TlsMode::Disable))
            .connect(0)
            .await
            .unwrap_err();
        let PluginError::Denied(denial) = &error else {
            panic!("{host}: {error:?}")
        };
        assert_eq!(denial.capability, "net");
        assert!(
            denial.message.contains("another server"),
            "{}",
            denial.message
        );
    }
}

#[tokio::test]
async fn a_dropped_connection_is_closed() -> TestResult {
    let (closed, mut ends) = tokio::sync::mpsc::channel(1);
    let port = serve(move |mut stream| {
        let closed = closed.clone();
        async move {
            let end = stream.read(&mut [0]).await.unwrap_or(0);
            let _ = closed.send(end).await;
        }
    })
    .await?;
    drop(
        dialer(source("127.0.0.1", port, TlsMode::Disable))
            .connect(0)
            .await?,
    );
    assert_eq!(timeout(Duration::from_secs(5), ends.recv()).await?, Some(0));
    Ok(())
}

#[derive(Default)]
struct Recorder {
    received: AtomicU64,
    sent: AtomicU64,
    revealed: Mutex<Vec<String>>,
}

impl Observer for Recorder {
    fn received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::SeqCst);
    }
    fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::SeqCst);
    }
    fn revealed(&self, name: &str) {
        self.revealed.lock().expect("a lock").push(name.to_owned());
    }
}
