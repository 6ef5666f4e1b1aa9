//! Plugins that are wrong on purpose: each fails the check that names its fault.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

#[path = "../../plugin-host/tests/support/mod.rs"]
mod support;

use labd_plugin_kit::conform::{ConformError, Options, Outcome, Verdict, report, run};
use std::fs;
use support::{Guest, World};

/// A package, and what is particular to its upstream.
struct Package(tempfile::TempDir);

impl Package {
    fn new(guest: &Guest, conformance: &str) -> Self {
        // The process's one provider of cryptography; another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| fs::write(dir.path().join(name), content).unwrap();
        write("plugin.toml", guest.manifest().as_bytes());
        write("plugin.wasm", &guest.component());
        write("conformance.toml", conformance.as_bytes());
        Self(dir)
    }

    fn options(&self) -> Options {
        Options {
            package: self.0.path().to_owned(),
            source: self.0.path().to_owned(),
            calls: 1000,
            only: None,
        }
    }

    async fn test(&self, only: &str) -> Outcome {
        let only = Some(only.to_owned());
        run(&Options {
            only,
            ..self.options()
        })
        .await
        .unwrap()
    }
}

/// What the check with this name says of a fault.
fn failure<'a>(outcome: &'a Outcome, name: &str) -> &'a str {
    let check = outcome
        .checks
        .iter()
        .find(|check| check.name.contains(name));
    match check.map(|check| &check.verdict) {
        Some(Verdict::Failed { happened, .. }) => happened,
        other => panic!("{name}: {other:?}\n{}", report::human(outcome)),
    }
}

/// A `describe` that answers: the name and the description are `x`.
const DESCRIBE: &str = "(i32.store (i32.const 2052) (i32.const 1000))
    (i32.store (i32.const 2056) (i32.const 1))
    (i32.store (i32.const 2060) (i32.const 1000))
    (i32.store (i32.const 2064) (i32.const 1))
    (i32.const 2048)";

/// A provider that asks the base URL and passes on what comes as text, whatever it is: it reads no
/// status and no frames, and says neither when it starts nor why it ends.
fn passthrough() -> Guest {
    let head = r#"(import "[export]labd:ai-provider/provider@0.1.0" "[resource-new]completion"
             (func $new (param i32) (result i32)))
           (import "labd:host/http@0.1.0" "send"
             (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
           (import "labd:host/http@0.1.0" "[method]body.read"
             (func $read (param i32 i32 i32)))
           (memory (export "memory") 2)
           (data (i32.const 512) "GET")
           (data (i32.const 1000) "x")
           (global $body (mut i32) (i32.const 0))"#;
    // The configuration is `{"base-url":"…"}`.
    let complete = "(call $send (i32.const 512) (i32.const 3)
           (i32.add (i32.load (local.get 0)) (i32.const 13))
           (i32.sub (i32.load offset=4 (local.get 0)) (i32.const 15))
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 3072))
         (if (i32.load8_u (i32.const 3072)) (then (return (i32.const 3072))))
         (global.set $body (i32.load (i32.const 3088)))
         (i32.store offset=4 (i32.const 2048) (call $new (i32.const 1)))
         (i32.const 2048)";
    // One event `text` at 5000, the list of it at 5100.
    let next = "(call $read (global.get $body) (i32.const 1000) (i32.const 4096))
        (if (i32.load8_u (i32.const 4096)) (then (return (i32.const 4096))))
        (i32.store8 (i32.const 5000) (i32.const 1))
        (i32.store (i32.const 5004) (i32.load (i32.const 4100)))
        (i32.store (i32.const 5008) (i32.load (i32.const 4104)))
        (i32.store (i32.const 5104) (i32.const 5000))
        (i32.store (i32.const 5108) (i32.ne (i32.load (i32.const 4104)) (i32.const 0)))
        (i32.const 5100)";
    Guest::new(World::Provider)
        .head(head)
        .body("describe", DESCRIBE)
        .body("complete", complete)
        .body("[method]completion.next", next)
        .permissions("http = [\"from-config:base-url\"]")
}

const EXCHANGE: &str = r#"
    [config]
    base-url = "{peer}"
    [[answer]]
    name = "hello"
    text = "Hallo Grüße"
    [answer.reply]
    body = "Hallo Grüße"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_panics_is_told_so() {
    let outcome = Package::new(&Guest::new(World::Provider), "")
        .test("describes itself")
        .await;
    let happened = failure(&outcome, "describes itself");
    assert!(happened.contains("unreachable"), "{happened}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_never_comes_back_is_told_how_long_it_ran() {
    let guest = Guest::new(World::Sandbox).body("describe", "(loop $on (br $on)) (unreachable)");
    let outcome = Package::new(&guest, "").test("describes itself").await;
    let happened = failure(&outcome, "describes itself");
    assert!(happened.contains("ran for more than 5 s"), "{happened}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_imports_what_it_may_not_is_refused_before_it_runs() {
    let package = Package::new(&passthrough().permissions(""), "");
    let error = run(&package.options()).await.unwrap_err();
    assert!(
        matches!(&error, ConformError::Faulty { faults, .. }
        if faults.contains("labd:host/http")),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_does_not_understand_its_upstream_fails_where_it_matters() {
    let package = Package::new(&passthrough(), EXCHANGE);
    for (check, says) in [
        ("recorded answer", "the first event is Text"),
        ("refuses becomes the right error", "an answer"),
        ("connection that breaks", "an end"),
        // Half a character is no text.
        ("every split", "utf-8"),
    ] {
        let outcome = package.test(check).await;
        let happened = failure(&outcome, check).to_lowercase();
        assert!(
            happened.contains(&says.to_lowercase()),
            "{check}: {happened}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_grows_with_every_call_is_told_by_how_much() {
    let grow = "(memory.fill (i32.mul (memory.grow (i32.const 1)) (i32.const 65536))
        (i32.const 1) (i32.const 65536))";
    let guest = Guest::new(World::Provider)
        .head("(memory (export \"memory\") 2) (data (i32.const 1000) \"x\")")
        .body("describe", format!("{grow} {DESCRIBE}"));
    let outcome = Package::new(&guest, "").test("long run").await;
    let happened = failure(&outcome, "long run");
    assert!(happened.contains("MiB more"), "{happened}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_panics_when_it_connects_is_told_so() {
    let conformance =
        "[source]\nurl = \"guest://{peer}/db\"\n[[query]]\nsql = \"SELECT 1\"\nrows = \"[[1]]\"\n";
    let outcome = Package::new(&Guest::new(World::Connector), conformance)
        .test("rows are exact")
        .await;
    let happened = failure(&outcome, "rows are exact: SELECT 1");
    assert!(happened.contains("unreachable"), "{happened}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_checked_is_skipped_with_the_reason() {
    let guest = Guest::new(World::Provider)
        .head("(memory (export \"memory\") 2) (data (i32.const 1000) \"x\")")
        .body("describe", DESCRIBE);
    let package = Package::new(&guest, "");
    let outcome = run(&package.options()).await.unwrap();
    assert_eq!(outcome.failures(), 0, "{}", report::human(&outcome));
    let skipped = outcome
        .checks
        .iter()
        .find(|check| check.name.contains("every split"));
    assert_eq!(
        skipped.unwrap().verdict,
        Verdict::Skipped {
            reason: "the plugin sends no requests".into()
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_specification_with_an_unknown_key_is_refused() {
    let package = Package::new(&Guest::new(World::Provider), "anser = 1");
    let error = run(&package.options()).await.unwrap_err();
    assert!(error.to_string().contains("anser"), "{error}");
}
