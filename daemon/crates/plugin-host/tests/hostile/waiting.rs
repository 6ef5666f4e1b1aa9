//! Host calls that would never return. The call's own limit ends them, and the connection closes.

use super::{CONNECTOR, OK, OPEN, source};
use crate::support::{Guest, ID, World};
use labd_plugin_host::{
    Limits, PluginError,
    kinds::ai::{ProviderAccess, Request},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SHORT: Duration = Duration::from_millis(300);

/// A provider that reads the whole of an answer before it tells anything.
fn greedy(url: &str) -> Guest {
    let head = format!(
        r#"(import "labd:host/http@0.1.0" "send"
             (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
           (import "labd:host/http@0.1.0" "[method]body.read"
             (func $read (param i32 i32 i32)))
           (memory (export "memory") 2)
           (data (i32.const 512) "GET")
           (data (i32.const 520) "{url}")"#
    );
    let complete = format!(
        "(call $send (i32.const 512) (i32.const 3) (i32.const 520) (i32.const {})
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 3072))
         (if (i32.load8_u (i32.const 3072)) (then (return (i32.const 3072))))
         (loop $more
           (global.set $end (i32.const 65536))
           (call $read (i32.load (i32.const 3088)) (i32.const 1000) (i32.const 4096))
           (if (i32.load8_u (i32.const 4096)) (then (return (i32.const 4096))))
           (br_if $more (i32.load (i32.const 4104))))
         unreachable",
        url.len()
    );
    Guest::new(World::Provider)
        .head(head)
        .body("complete", complete)
        .permissions("http = [\"from-config:base-url\"]")
}

/// Runs [`greedy`] against a server that goes on as `serve` says.
async fn ask<F: Future<Output = ()>>(limits: Limits, serve: impl FnOnce(TcpStream) -> F) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let host = greedy(&origin).host_with(limits);
    let access = ProviderAccess {
        provider_id: "p".into(),
        config: serde_json::json!({ "base-url": origin }),
        ..ProviderAccess::default()
    };
    let provider = host.host.ai_provider(ID).unwrap();
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        // Ends when the host has closed the connection.
        serve(stream).await;
    };
    let (outcome, ()) = tokio::join!(provider.complete(&access, Request::default()), server);
    assert_eq!(outcome.map(drop), Err(PluginError::Timeout));
}

#[tokio::test]
async fn a_server_that_is_silent_holds_nobody() {
    let limits = Limits {
        first_event: SHORT,
        ..Limits::default()
    };
    ask(limits, |mut stream| async move {
        let mut everything = Vec::new();
        let _ = stream.read_to_end(&mut everything).await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_drips_holds_nobody_either() {
    // Something always comes in time, so that only the limit of the call is left.
    let limits = Limits {
        first_event: SHORT,
        between_events: Duration::from_secs(60),
        ..Limits::default()
    };
    ask(limits, |mut stream| async move {
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut sent = stream.write_all(head).await;
        while sent.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
            sent = stream.write_all(b"1\r\nx\r\n").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_silent_holds_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let ping = format!(
        "(call $connect (i32.const 0) (i32.const 3072))
         (if (i32.load8_u (i32.const 3072)) (then (return (i32.const 3072))))
         (call $read (i32.load (i32.const 3076)) (i32.const 1000) (i32.const 4096))
         (if (i32.load8_u (i32.const 4096)) (then (return (i32.const 4096))))
         {OK}"
    );
    let host = Guest::new(World::Connector)
        .head(CONNECTOR)
        .body("open", OPEN)
        .body("[method]connection.ping", ping)
        .permissions("net = \"from-config\"\nreveal = [\"password\"]")
        .host_with(Limits {
            call: SHORT,
            ..Limits::default()
        });
    let connector = host.host.connector(ID).unwrap();
    let mut connection = connector.open(source("127.0.0.1", port)).await.unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut everything = Vec::new();
        let _ = stream.read_to_end(&mut everything).await;
    };
    let (outcome, ()) = tokio::join!(connection.ping(), server);
    assert_eq!(outcome, Err(PluginError::Timeout));
    assert!(!connection.is_usable());
}
