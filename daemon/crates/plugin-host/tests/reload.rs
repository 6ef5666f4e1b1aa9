//! Versions take each other's place while calls are made: no call fails, no instance stays behind,
//! and a bad version never displaces a good one.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod support;

use labd_plugin_host::{
    ChangeError, PluginError, PluginHost, PluginOptions, PluginState, PluginSummary,
    kinds::{
        ai::{ProviderAccess, Request},
        connector::Connection,
    },
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use support::{Guest, ID, World, source};

const OK: &str = "(i32.const 1024)";

/// A provider whose answers are one text: its version.
fn provider(version: &str) -> Guest {
    let head = format!(
        r#"(import "[export]labd:ai-provider/provider@0.1.0" "[resource-new]completion"
             (func $new (param i32) (result i32)))
           (memory (export "memory") 2)
           (data (i32.const 512) "{version}")
           (global $told (mut i32) (i32.const 0))"#
    );
    let complete = "(global.set $told (i32.const 0))
        (i32.store offset=4 (i32.const 2048) (call $new (i32.const 1)))
        (i32.const 2048)";
    // A list of one event `text` at 5000 first, then an empty one.
    let next = format!(
        "(i32.store8 (i32.const 5000) (i32.const 1))
         (i32.store (i32.const 5004) (i32.const 512))
         (i32.store (i32.const 5008) (i32.const {}))
         (i32.store (i32.const 5104) (i32.const 5000))
         (i32.store (i32.const 5108) (i32.eqz (global.get $told)))
         (global.set $told (i32.const 1))
         (i32.const 5100)",
        version.len()
    );
    Guest::new(World::Provider)
        .head(head)
        .body("describe", OK)
        .body("complete", complete)
        .body("[method]completion.next", next)
}

/// A connector whose connections answer pings, or do not.
fn connector(ping: &str) -> Guest {
    Guest::new(World::Connector)
        .head(
            r#"(import "[export]labd:connector/connector@0.1.0" "[resource-new]connection"
                 (func $new (param i32) (result i32)))
               (memory (export "memory") 2)"#,
        )
        .body("describe", OK)
        .body(
            "open",
            "(i32.store offset=4 (i32.const 2048) (call $new (i32.const 1))) (i32.const 2048)",
        )
        .body("[method]connection.ping", ping)
}

/// Writes a package as an installed one.
fn install_files(data: &Path, guest: &Guest, version: &str) -> PathBuf {
    let dir = data.join("plugins").join(ID).join(version);
    fs::create_dir_all(&dir).unwrap();
    let manifest = guest.manifest().replace("1.0.0", version);
    fs::write(dir.join("plugin.toml"), manifest).unwrap();
    fs::write(dir.join("plugin.wasm"), guest.component()).unwrap();
    dir
}

fn start(data: &Path) -> PluginHost {
    PluginHost::start(PluginOptions {
        data_dir: data.to_owned(),
        ..PluginOptions::default()
    })
    .unwrap()
}

fn summary(host: &PluginHost) -> PluginSummary {
    host.inspect(ID).unwrap().0
}

fn version(host: &PluginHost) -> String {
    summary(host).version.unwrap().to_string()
}

async fn ask(host: &PluginHost) -> Result<String, PluginError> {
    let provider = host.ai_provider(ID).unwrap();
    let access = ProviderAccess::default();
    let mut answer = provider.complete(&access, Request::default()).await?;
    let mut text = String::new();
    loop {
        let events = answer.next(8).await?;
        if events.is_empty() {
            return Ok(text);
        }
        for event in events {
            let labd_plugin_host::kinds::ai::Event::Text(more) = event else {
                panic!("{event:?}");
            };
            text.push_str(&more);
        }
    }
}

async fn open(host: &PluginHost) -> Box<dyn Connection> {
    host.connector(ID).unwrap().open(source("a")).await.unwrap()
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_replacements_under_two_hundred_calls_a_second_fail_none_and_leak_none() {
    let dir = tempfile::tempdir().unwrap();
    install_files(dir.path(), &provider("v1"), "1.0.0");
    let host = start(dir.path());
    let over = Arc::new(AtomicBool::new(false));
    let (calls, versions) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let load = tokio::spawn({
        let (host, over) = (host.clone(), Arc::clone(&over));
        let (calls, versions) = (Arc::clone(&calls), Arc::clone(&versions));
        async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(5));
            let mut running = tokio::task::JoinSet::new();
            while !over.load(Ordering::Acquire) {
                ticks.tick().await;
                let (host, calls, versions) =
                    (host.clone(), Arc::clone(&calls), Arc::clone(&versions));
                running.spawn(async move {
                    let text = ask(&host).await.unwrap();
                    let number: usize = text.strip_prefix('v').unwrap().parse().unwrap();
                    versions.fetch_max(number, Ordering::AcqRel);
                    calls.fetch_add(1, Ordering::AcqRel);
                });
            }
            while let Some(call) = running.join_next().await {
                call.unwrap();
            }
        }
    });
    for number in 2..=51_usize {
        // Each has answered before the next one comes.
        until("calls", || versions.load(Ordering::Acquire) + 1 >= number).await;
        let version = format!("1.0.{number}");
        let next = install_files(dir.path(), &provider(&format!("v{number}")), &version);
        host.install(next).await.unwrap();
    }
    until("calls of the last one", || {
        versions.load(Ordering::Acquire) == 51
    })
    .await;
    over.store(true, Ordering::Release);
    load.await.unwrap();
    let summary = summary(&host);
    assert_eq!(summary.state, PluginState::Ready);
    assert_eq!((summary.counters.errors, summary.counters.traps), (0, 0));
    // Two calls for each one's text and its end, one to begin it and one to close it.
    assert!(calls.load(Ordering::Acquire) > 50 && summary.counters.calls > 200);
    // What is left is warm, and of the last version.
    host.disable(ID).await.unwrap();
    until("an instance stays behind", || {
        host.inspect(ID).unwrap().0.counters.instances == 0
    })
    .await;
    let left = fs::read_dir(dir.path().join("plugins").join(ID)).unwrap();
    assert_eq!(left.count(), 1);
}

#[tokio::test]
async fn a_connection_of_a_former_version_ends_what_it_began_and_is_used_no_more() {
    let dir = tempfile::tempdir().unwrap();
    install_files(dir.path(), &connector(OK), "1.0.0");
    let host = start(dir.path());
    let mut former = open(&host).await;
    assert!(former.is_usable());
    let next = install_files(dir.path(), &connector(OK), "1.1.0");
    host.install(next).await.unwrap();
    assert!(!former.is_usable());
    former.ping().await.unwrap();
    assert!(open(&host).await.is_usable());
    assert_eq!(version(&host), "1.1.0");
}

#[tokio::test]
async fn a_bad_version_never_displaces_a_good_one() {
    let dir = tempfile::tempdir().unwrap();
    install_files(dir.path(), &provider("v1"), "1.0.0");
    let host = start(dir.path());
    assert_eq!(ask(&host).await.unwrap(), "v1");
    let start_traps = provider("v2").head(
        "(memory (export \"memory\") 2) (func $s unreachable) (start $s)
         (func $new (param i32) (result i32) (i32.const 0)) (global $told (mut i32) (i32.const 0))",
    );
    let cases: [(&str, Guest, &str); 3] = [
        (
            "1.1.0",
            provider("v2").body("describe", "unreachable"),
            "describe",
        ),
        ("1.2.0", start_traps, "cannot be instantiated"),
        (
            "1.3.0",
            provider("v2").head(
                r#"(import "labd:host/http@0.1.0" "send"
                     (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
                   (import "[export]labd:ai-provider/provider@0.1.0" "[resource-new]completion"
                     (func $new (param i32) (result i32)))
                   (memory (export "memory") 2)
                   (global $told (mut i32) (i32.const 0))"#,
            ),
            "labd:host/http",
        ),
    ];
    for (version, guest, says) in cases {
        let bad = install_files(dir.path(), &guest, version);
        let refused = host.install(bad).await.unwrap_err();
        let text = refused.to_string();
        assert!(matches!(refused, ChangeError::Refused { .. }), "{text}");
        assert!(text.contains(says) && text.contains(version), "{text}");
        assert_eq!(ask(&host).await.unwrap(), "v1");
    }
    let garbage = dir.path().join("plugins").join(ID).join("1.4.0");
    fs::create_dir_all(&garbage).unwrap();
    fs::write(garbage.join("plugin.toml"), "no manifest").unwrap();
    assert!(matches!(
        host.install(garbage).await,
        Err(ChangeError::Package(_))
    ));
    let other = install_files(dir.path(), &connector(OK), "1.5.0");
    let refused = host.install(other).await.unwrap_err();
    assert!(
        matches!(refused, ChangeError::OtherKind { .. }),
        "{refused}"
    );
    assert_eq!(ask(&host).await.unwrap(), "v1");
    assert_eq!(version(&host), "1.0.0");
    let log = host.log(ID, None, 50, Duration::ZERO).await.unwrap();
    assert!(
        log.iter()
            .any(|line| line.level == "error" && line.text.contains("1.1.0"))
    );
}

#[tokio::test]
async fn a_version_that_asks_for_more_waits_while_the_old_one_serves_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let small = connector(OK).permissions("net = \"from-config\"");
    install_files(dir.path(), &small, "1.0.0");
    let host = start(dir.path());
    host.grant(ID, None).await.unwrap();
    let large = connector(OK).permissions("net = \"from-config\"\nreveal = [\"password\"]");
    let next = install_files(dir.path(), &large, "1.1.0");
    let check = |host: &PluginHost| {
        let summary = summary(host);
        assert_eq!(summary.version.unwrap().to_string(), "1.0.0");
        assert_eq!(summary.state, PluginState::Ready);
        let waiting = summary.waiting.unwrap();
        assert_eq!(waiting.version.to_string(), "1.1.0");
        assert_eq!(waiting.asks, ["reveal=password"]);
    };
    host.install(next).await.unwrap();
    check(&host);
    open(&host).await.ping().await.unwrap();
    drop(host);
    let host = start(dir.path());
    check(&host);
    open(&host).await.ping().await.unwrap();
    host.grant(ID, None).await.unwrap();
    assert_eq!(version(&host), "1.1.0");
    assert_eq!(summary(&host).waiting, None);
    let mut connection = open(&host).await;
    connection.ping().await.unwrap();
    assert!(connection.is_usable(), "its connections can be kept");
    // A version that asks for less needs nobody's yes.
    let less = install_files(dir.path(), &small, "1.2.0");
    host.install(less).await.unwrap();
    assert_eq!(version(&host), "1.2.0");
}

#[tokio::test]
async fn a_crash_looping_plugin_is_quarantined_says_why_and_a_mended_version_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    install_files(dir.path(), &connector("unreachable"), "1.0.0");
    let host = PluginHost::start(PluginOptions {
        data_dir: dir.path().to_owned(),
        limits: labd_plugin_host::Limits {
            restarts: 1,
            backoff: Duration::from_millis(1),
            ..Default::default()
        },
        ..PluginOptions::default()
    })
    .unwrap();
    for _ in 0..2 {
        assert!(open(&host).await.ping().await.is_err());
    }
    assert!(
        matches!(summary(&host).state, PluginState::Quarantined(why) if why.contains("unreachable"))
    );
    let log = host.log(ID, None, 10, Duration::ZERO).await.unwrap();
    let last = log.last().unwrap();
    assert_eq!((last.level, last.by_plugin), ("error", false));
    assert!(last.text.contains("quarantined") && last.text.contains("unreachable"));
    let mended = install_files(dir.path(), &connector(OK), "1.0.1");
    host.install(mended).await.unwrap();
    assert_eq!(summary(&host).state, PluginState::Ready);
    open(&host).await.ping().await.unwrap();
}

#[tokio::test]
async fn a_removed_plugin_is_gone_with_its_files_and_grants() {
    let dir = tempfile::tempdir().unwrap();
    let guest = connector(OK).permissions("net = \"from-config\"");
    install_files(dir.path(), &guest, "1.0.0");
    let host = start(dir.path());
    host.grant(ID, None).await.unwrap();
    let held = host.connector(ID).unwrap();
    host.remove(ID).await.unwrap();
    assert!(host.inspect(ID).is_none() && host.connector(ID).is_none());
    let refused = held.open(source("a")).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("was removed"), "{refused}");
    assert!(!dir.path().join("plugins").join(ID).exists());
    assert!(matches!(
        host.remove(ID).await,
        Err(ChangeError::UnknownPlugin(_))
    ));
    let again = install_files(dir.path(), &guest, "1.0.0");
    let summary = host.install(again).await.unwrap();
    assert_eq!(summary.state, PluginState::AwaitingGrant);
}

#[tokio::test]
async fn what_ships_with_the_daemon_is_neither_replaced_nor_removed_but_can_be_disabled() {
    let ours = connector(OK).host();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = install_files(elsewhere.path(), &connector(OK), "9.0.0");
    for refused in [
        ours.host.install(other).await.map(|_| ()),
        ours.host.remove(ID).await,
    ] {
        assert!(matches!(refused, Err(ChangeError::FirstParty { .. })));
    }
    ours.host.disable(ID).await.unwrap();
    assert_eq!(summary(&ours.host).state, PluginState::Disabled);
    assert!(ours.host.connector_for_scheme("guest").is_none());
    let refused = ours.host.connector(ID).unwrap().open(source("a")).await;
    let refused = refused.map(|_| ()).unwrap_err();
    assert!(
        refused.to_string().contains("labd plugin enable"),
        "{refused}"
    );
    ours.host.enable(ID).await.unwrap();
    assert!(open(&ours.host).await.is_usable());
}
