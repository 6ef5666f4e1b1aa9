//! A data source that is reached by HTTP: its address and its password come from its URL, and the
//! host writes the password into the header that the manifest names.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod support;

use labd_plugin_host::{
    PluginError,
    kinds::connector::{SourceAccess, Target, TlsMode},
};
use std::sync::Arc;
use support::{Guest, ID, World};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Asks the address that `open` is given, which lies behind user and database in its config.
const OPEN: &str = "
    (call $send (i32.const 512) (i32.const 3) (local.get 7) (local.get 8)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 3072))
    (if (i32.load8_u (i32.const 3072)) (then (return (i32.const 3072))))
    (i32.store offset=4 (i32.const 2048) (call $new (i32.const 1)))
    (i32.const 2048)";

fn guest(permissions: &'static str) -> Guest {
    Guest::new(World::Connector)
        .head(
            r#"(import "[export]labd:connector/connector@0.1.0" "[resource-new]connection"
                 (func $new (param i32) (result i32)))
               (import "labd:host/http@0.1.0" "send"
                 (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
               (memory (export "memory") 2)
               (data (i32.const 512) "GET")"#,
        )
        .body("open", OPEN)
        .permissions(permissions)
}

fn source(port: u16) -> Arc<SourceAccess> {
    let mut access = Arc::unwrap_or_clone(support::source("s"));
    access.tls = TlsMode::Prefer;
    access.targets = vec![Target::Tcp {
        host: "127.0.0.1".into(),
        port,
    }];
    access.config.database = Some("api/v2".into());
    access
        .secrets
        .insert("password".into(), "token-73".to_owned().into());
    Arc::new(access)
}

#[tokio::test]
async fn its_address_and_its_password_come_from_the_source() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let host = guest(
        "http = [\"from-config:base-url\"]\n[[credentials]]\nname = \"password\"\n\
         hosts = [\"from-config:base-url\"]\nheader = \"x-token\"",
    )
    .host();
    let connector = host.host.connector(ID).unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        String::from_utf8(request).unwrap()
    };
    let (opened, request) = tokio::join!(connector.open(source(port)), server);
    assert!(opened.is_ok(), "{:?}", opened.map(drop));
    assert!(request.starts_with("GET /api/v2 HTTP/1.1"), "{request}");
    assert!(request.contains("x-token: token-73"), "{request}");
}

#[tokio::test]
async fn who_does_not_ask_for_the_address_is_not_told_it() {
    let host = guest("http = [\"https://api.example\"]").host();
    let connector = host.host.connector(ID).unwrap();
    let opened = connector.open(source(9)).await.map(drop);
    // The address is empty then, and no URL.
    assert!(
        matches!(opened, Err(PluginError::InvalidRequest(_))),
        "{opened:?}"
    );
}
