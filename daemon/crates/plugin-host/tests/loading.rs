//! What is refused when it is loaded, and what a grant changes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod support;

use labd_plugin_host::{
    Happening, Limits, PluginError, PluginHost, PluginOptions, PluginState, PluginSummary,
};
use std::fs;
use support::{Guest, ID, TestHost, World, package, source};

const OK: &str = "(i32.const 1024)";

fn guest() -> Guest {
    Guest::new(World::Connector).body("describe", OK)
}

async fn failure(host: &TestHost) -> String {
    let error = host.host.connector(ID).unwrap().describe().await;
    let Err(PluginError::Internal(message)) = error else {
        panic!("it was loaded");
    };
    let PluginState::Failed(reason) = host.host.inspect(ID).unwrap().0.state else {
        panic!("it is not listed as failed");
    };
    assert!(message.contains(&reason), "{message}");
    reason
}

fn only(host: &PluginHost) -> PluginSummary {
    let mut list = host.list();
    assert_eq!(list.len(), 1);
    list.remove(0)
}

#[tokio::test]
async fn what_is_not_a_component_is_refused() {
    for (bytes, says) in [
        (b"hello".to_vec(), "not a WebAssembly component"),
        (b"\0asm\x01\0\0\0".to_vec(), "core module"),
        (b"\0asm\x0d\0\x01\0garbage".to_vec(), "does not compile"),
    ] {
        let host = TestHost::new(package(guest().manifest(), bytes), Limits::default());
        let reason = failure(&host).await;
        assert!(reason.contains(says), "{reason}");
    }
}

#[tokio::test]
async fn the_wrong_world_is_refused() {
    let other = Guest::new(World::Sandbox).component();
    let host = TestHost::new(package(guest().manifest(), other), Limits::default());
    let reason = failure(&host).await;
    assert!(reason.contains("not a connector"), "{reason}");
}

#[tokio::test]
async fn all_undeclared_imports_are_listed() {
    let guest = guest().head(
        r#"(import "labd:host/net@0.1.0" "targets" (func (param i32)))
           (import "labd:host/http@0.1.0" "send"
             (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
           (memory (export "memory") 2)"#,
    );
    let reason = failure(&guest.host()).await;
    assert!(
        reason.contains("labd:host/http@0.1.0") && reason.contains("labd:host/net@0.1.0"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_start_that_traps_is_a_failure_with_its_reason() {
    let guest = guest().head("(memory (export \"memory\") 2) (func $s unreachable) (start $s)");
    let reason = failure(&guest.host()).await;
    assert!(reason.contains("cannot be instantiated"), "{reason}");
}

#[tokio::test]
async fn a_bad_manifest_never_prevents_start_and_is_listed() {
    let manifest = guest().manifest() + "[extra]\nkey = 1\n";
    let host = TestHost::new(package(manifest, "x"), Limits::default());
    let listed = only(&host.host);
    assert!(matches!(listed.state, PluginState::Failed(reason) if reason.contains("extra")));
    assert!(host.host.connector(ID).is_none());
}

#[tokio::test]
async fn compiled_code_is_kept_between_starts() {
    let host = guest().host();
    host.host.precompile_all().await;
    assert_eq!(only(&host.host).state, PluginState::Ready);
    let artifact = || {
        let entries = fs::read_dir(host.dir.path().join("cache")).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        paths
            .find(|path| path.extension().is_some_and(|e| e == "cwasm"))
            .unwrap()
    };
    let before = fs::metadata(artifact()).unwrap().modified().unwrap();
    let again = PluginHost::start(PluginOptions {
        data_dir: host.dir.path().to_owned(),
        embedded: package(guest().manifest(), guest().component()),
        ..PluginOptions::default()
    })
    .unwrap();
    again.connector(ID).unwrap().describe().await.unwrap();
    let after = fs::metadata(artifact()).unwrap().modified().unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_stranger_waits_for_its_grant_and_a_denial_says_how_to_give_it() {
    let guest = guest()
        .permissions("net = \"from-config\"")
        .head(
            r#"(import "[export]labd:connector/connector@0.1.0" "[resource-new]connection"
                 (func $new (param i32) (result i32)))
               (memory (export "memory") 2)"#,
        )
        .body(
            "open",
            "(i32.store offset=4 (i32.const 2048) (call $new (i32.const 1))) (i32.const 2048)",
        );
    let dir = tempfile::tempdir().unwrap();
    let plugin = dir.path().join("plugins").join(ID).join("1.0.0");
    fs::create_dir_all(&plugin).unwrap();
    fs::write(plugin.join("plugin.toml"), guest.manifest()).unwrap();
    fs::write(plugin.join("plugin.wasm"), guest.component()).unwrap();
    let host = PluginHost::start(PluginOptions {
        data_dir: dir.path().to_owned(),
        ..PluginOptions::default()
    })
    .unwrap();
    let mut events = host.events();
    assert_eq!(only(&host).state, PluginState::AwaitingGrant);
    let connector = host.connector(ID).unwrap();
    let denied = connector.open(source("a")).await.map(|_| ());
    let Err(PluginError::Denied(denial)) = denied else {
        panic!("it was opened");
    };
    assert!(denial.message.ends_with("labd plugin grant labd.guest"));
    assert_eq!(events.recv().await.unwrap().what, Happening::Denied(denial));
    assert_eq!(only(&host).counters.denials, 1);
    host.grant(ID, None).await.unwrap();
    assert!(connector.open(source("a")).await.is_ok());
    host.revoke(ID).await.unwrap();
    assert!(connector.open(source("a")).await.is_err());
}
