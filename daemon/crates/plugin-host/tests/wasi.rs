//! WASI is linked because every toolchain imports it, and is inert: a guest sees nothing of the
//! daemon's machine through it, and what it takes is bounded.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod support;

use labd_plugin_host::{Limits, PluginError};
use std::net::TcpListener;
use support::{Guest, ID, TestHost, World};

/// Zeroes: `ok` of anything.
const OK: &str = "(i32.const 1024)";

/// A guest that does something when it is described.
fn guest(import: &str, body: &str) -> Guest {
    Guest::new(World::Connector)
        .with_wasi()
        .head(format!("{import} (memory (export \"memory\") 40)"))
        .body("describe", format!("{body} {OK}"))
}

async fn run(host: &TestHost) -> Result<(), PluginError> {
    let connector = host.host.connector(ID).unwrap();
    connector.describe().await.map(drop)
}

fn assert_internal(result: Result<(), PluginError>, says: &str) {
    match result {
        Err(PluginError::Internal(message)) if message.contains(says) => {}
        other => panic!("expected `{says}`, got {other:?}"),
    }
}

#[tokio::test]
async fn a_guest_sees_no_environment_no_arguments_and_no_folders() {
    assert!(std::env::vars_os().count() > 0 && std::env::args_os().count() > 0);
    for (module, function) in [
        ("cli/environment", "get-environment"),
        ("cli/environment", "get-arguments"),
        ("filesystem/preopens", "get-directories"),
    ] {
        let import =
            format!("(import \"wasi:{module}@0.2.0\" \"{function}\" (func $look (param i32)))");
        // A list lies at 3000: where, and how long.
        let body = "(i32.store (i32.const 3004) (i32.const 9))
            (call $look (i32.const 3000))
            (if (i32.load (i32.const 3004)) (then unreachable))";
        let seen = run(&guest(&import, body).host()).await;
        assert_eq!(seen, Ok(()), "{function}");
    }
}

#[tokio::test]
async fn a_guest_reaches_no_network_through_wasi() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let import = r#"
        (import "wasi:sockets/instance-network@0.2.0" "instance-network"
          (func $network (result i32)))
        (import "wasi:sockets/tcp-create-socket@0.2.0" "create-tcp-socket"
          (func $create (param i32 i32)))
        (import "wasi:sockets/tcp@0.2.0" "[method]tcp-socket.start-connect"
          (func $connect (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;
    let body = format!(
        "(call $create (i32.const 0) (i32.const 3000))
         (if (i32.eqz (i32.load8_u (i32.const 3000))) (then
           (call $connect (i32.load (i32.const 3004)) (call $network) (i32.const 0)
             (i32.const {port}) (i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1)
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
             (i32.const 0) (i32.const 3000))
           (if (i32.eqz (i32.load8_u (i32.const 3000))) (then unreachable))))"
    );
    assert_eq!(run(&guest(import, &body).host()).await, Ok(()));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "it connected");
}

#[tokio::test]
async fn a_guest_resolves_no_names_through_wasi() {
    let import = r#"
        (import "wasi:sockets/instance-network@0.2.0" "instance-network"
          (func $network (result i32)))
        (import "wasi:sockets/ip-name-lookup@0.2.0" "resolve-addresses"
          (func $resolve (param i32 i32 i32 i32)))
        (data (i32.const 512) "127.0.0.1")"#;
    let body = "(call $resolve (call $network) (i32.const 512) (i32.const 9) (i32.const 3000))
        (if (i32.eqz (i32.load8_u (i32.const 3000))) (then unreachable))";
    assert_eq!(run(&guest(import, body).host()).await, Ok(()));
}

#[tokio::test]
async fn random_bytes_are_bounded_per_call() {
    let import = r#"(import "wasi:random/random@0.2.0" "get-random-bytes"
        (func $random (param i64 i32)))"#;
    let take = |bytes: u64| format!("(call $random (i64.const {bytes}) (i32.const 3000))");
    let most = Limits::default().random_bytes;
    assert_eq!(run(&guest(import, &take(most)).host()).await, Ok(()));
    let result = run(&guest(import, &take(most + 1)).host()).await;
    assert_internal(result, "exceeds limit 1048576");
}

#[tokio::test]
async fn handles_of_the_host_are_bounded() {
    let import = r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
        (func $timer (param i64) (result i32)))"#;
    let body = |handles: u32| {
        format!(
            "(local $i i32)
             (loop $more
               (drop (call $timer (i64.const 60000000000)))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $i) (i32.const {handles}))))"
        )
    };
    let run = async |handles| {
        let host = guest(import, &body(handles)).host_with(Limits {
            resources: 500,
            ..Limits::default()
        });
        run(&host).await
    };
    assert_eq!(run(100).await, Ok(()));
    assert_internal(run(100_000).await, "trapped");
}
