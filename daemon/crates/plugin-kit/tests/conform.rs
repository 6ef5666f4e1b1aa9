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

/// The texts of the deployer's answers, and what is common to its functions.
const DEPLOYER: &str = r#"(import "[export]labd:deployer/deployer@0.1.0" "[resource-new]deployment"
      (func $new (param i32) (result i32)))
    (import "labd:host/http@0.1.0" "send"
      (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (memory (export "memory") 2)
    (data (i32.const 512) "GET")
    (data (i32.const 1000) "x")
    (data (i32.const 1100) "node-project")
    (data (i32.const 1200) "the work is going on already")
    (global $calls (mut i32) (i32.const 0))
    (func $string (param i32 i32 i32)
      (i32.store (local.get 0) (local.get 1))
      (i32.store offset=4 (local.get 0) (local.get 2)))
    (func $list (param i32) (result i32)
      (i32.store8 (i32.const 5000) (local.get 0))
      (call $string (i32.const 5104) (i32.const 5000) (i32.const 1))
      (i32.const 5100))
    (func $step (param i32) (result i32)
      (call $string (i32.const 5004) (i32.const 1000) (i32.const 1))
      (i32.store8 (i32.const 5012) (local.get 0))
      (call $list (i32.const 0)))"#;

/// A deployer of one step `x`, which keeps a checkpoint in the middle. It sends one request to the
/// setting `base-url` when that is wanted. `resumed` is what it does with the checkpoint of work
/// that was given up.
fn deployer(resumed: &str, sends: bool) -> Guest {
    let describe = "(call $string (i32.const 2052) (i32.const 1000) (i32.const 1))
        (call $string (i32.const 2060) (i32.const 1000) (i32.const 1))
        (call $string (i32.const 2072) (i32.const 1300) (i32.const 1))
        (call $string (i32.const 1300) (i32.const 1100) (i32.const 12))
        (i32.const 2048)";
    let plan = "(call $string (i32.const 3004) (i32.const 1000) (i32.const 1))
        (call $string (i32.const 3012) (i32.const 3100) (i32.const 1))
        (call $string (i32.const 3100) (i32.const 1000) (i32.const 1))
        (call $string (i32.const 3112) (i32.const 1000) (i32.const 1))
        (i32.const 3000)";
    // The configuration is `{"base-url":"…"}`.
    let send = "(call $send (i32.const 512) (i32.const 3)
           (i32.add (i32.load (local.get 0)) (i32.const 13))
           (i32.sub (i32.load offset=4 (local.get 0)) (i32.const 15))
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 3500))
         (if (i32.load8_u (i32.const 3500)) (then (return (i32.const 3500))))";
    let deploy = format!(
        "{} (global.set $calls (i32.const 0))
         (if (i32.load8_u offset=72 (local.get 0)) (then {resumed}))
         (i32.store offset=4 (i32.const 4000) (call $new (i32.const 1)))
         (i32.const 4000)",
        if sends { send } else { "" }
    );
    let next = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.eq (global.get $calls) (i32.const 1)) (then (return (call $step (i32.const 0)))))
        (if (i32.eq (global.get $calls) (i32.const 2)) (then
          (call $string (i32.const 5004) (i32.const 1000) (i32.const 1))
          (return (call $list (i32.const 6)))))
        (if (i32.eq (global.get $calls) (i32.const 3)) (then (return (call $step (i32.const 1)))))
        (if (i32.eq (global.get $calls) (i32.const 4)) (then
          (i32.store (i32.const 5004) (i32.const 0))
          (return (call $list (i32.const 7)))))
        (i32.store (i32.const 5108) (i32.const 0))
        (i32.const 5100)";
    let guest = Guest::new(World::Deployer)
        .head(DEPLOYER)
        .body("describe", describe)
        .body("plan", plan)
        .body("deploy", deploy)
        .body("[method]deployment.next", next);
    guest.permissions("http = [\"from-config:base-url\"]")
}

/// Takes work that was given up for work that still goes on.
const STILL_BUSY: &str = "(i32.store8 (i32.const 4500) (i32.const 1))
    (i32.store8 (i32.const 4504) (i32.const 9))
    (call $string (i32.const 4508) (i32.const 1200) (i32.const 28))
    (return (i32.const 4500))";

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
async fn a_deployer_that_does_not_go_on_with_work_that_was_given_up_is_told_where() {
    let outcome = Package::new(&deployer(STILL_BUSY, false), "")
        .test("can be started again")
        .await;
    let check = outcome.checks.first().unwrap();
    let Verdict::Failed {
        expected,
        happened,
        help,
    } = &check.verdict
    else {
        panic!("{}", report::human(&outcome))
    };
    // The checkpoint is the second of four events.
    assert!(expected.contains("behind 2 of 4 events"), "{expected}");
    assert_eq!(happened, "conflict: the work is going on already");
    assert!(help.contains("checkpoint"), "{help}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployer_that_begins_anew_may_be_given_up_at_any_place() {
    let conformance = r#"
        [config]
        base-url = "{peer}"
        [[reply]]
        body = "{}"
    "#;
    let outcome = Package::new(&deployer("", true), conformance)
        .test("that is given up")
        .await;
    let passed = outcome
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Passed);
    assert_eq!(passed.count(), 2, "{}", report::human(&outcome));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_without_permissions_is_not_asked_for_the_way_to_a_database() {
    let outcome = Package::new(
        &Guest::new(World::Connector),
        "[source]\nurl = \"guest://{peer}/db\"\n",
    )
    .test("a")
    .await;
    for name in ["a database that is not there", "a server that says nothing"] {
        let mut checks = outcome.checks.iter();
        let check = checks.find(|check| check.name.starts_with(name)).unwrap();
        assert_eq!(
            check.verdict,
            Verdict::Skipped {
                reason: "the plugin asks for no permission, and so it reaches no database".into()
            }
        );
    }
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
