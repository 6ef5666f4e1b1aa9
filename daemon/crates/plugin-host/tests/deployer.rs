//! A deployer's reach ends at its bundle, its words are held to the contract, and it sends settings
//! that it never sees.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod support;

use bytes::Bytes;
use labd_plugin_host::{
    Limits, PluginError,
    kinds::{
        ai::BoundCredential,
        deployer::{
            AppSummary, Attempt, Bundle, DeployEvent, DeployRequest, Deployer, Deployment,
            LogLevel, TargetAccess,
        },
    },
};
use std::{collections::BTreeMap, sync::Arc};
use support::{Guest, ID, TestHost, World};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Imports and memory of a deployer whose `deploy` works.
const HEAD: &str = r#"
    (import "[export]labd:deployer/deployer@0.1.0" "[resource-new]deployment"
      (func $new (param i32) (result i32)))
    (import "labd:host/bundle@0.1.0" "read" (func $read (param i32 i32 i32 i32 i32)))
    (import "labd:host/bundle@0.1.0" "placeholder" (func $placeholder (param i32 i32 i32 i32)))
    (memory (export "memory") 2)
    (global $calls (mut i32) (i32.const 0))"#;
/// `result<deployment, error>` at 2048.
const DEPLOY: &str =
    "(i32.store offset=4 (i32.const 2048) (call $new (i32.const 1))) (i32.const 2048)";
/// One `log` event at 5000 with the text at 600, and the list of it at 5100.
const LOG: &str = "
    (i32.store8 (i32.const 5000) (i32.const 1))
    (i32.store (i32.const 5008) (i32.const 600))
    (i32.store (i32.const 5012) (i32.const 5))
    (i32.store (i32.const 5104) (i32.const 5000))
    (i32.store (i32.const 5108) (i32.const 1))
    (i32.const 5100)";
/// `finished` without a release.
const FINISHED: &str = "
    (i32.store8 (i32.const 5000) (i32.const 7))
    (i32.store (i32.const 5104) (i32.const 5000))
    (i32.store (i32.const 5108) (i32.const 1))
    (i32.const 5100)";
const END: &str = "(i32.store (i32.const 5108) (i32.const 0)) (i32.const 5100)";

/// A deployer whose calls of `next` do one after another of these.
fn deployer(data: &str, calls: &[&str]) -> Guest {
    let mut next = String::from("(global.set $calls (i32.add (global.get $calls) (i32.const 1)))");
    for (n, call) in calls.iter().enumerate() {
        next += &format!(
            "(if (i32.eq (global.get $calls) (i32.const {})) (then (return {call})))",
            n + 1
        );
    }
    next += calls.last().unwrap();
    Guest::new(World::Deployer)
        .head(format!("{HEAD} {data}"))
        .body("deploy", DEPLOY)
        .body("[method]deployment.next", next)
}

fn request() -> DeployRequest {
    let files = BTreeMap::from([("a.txt".to_owned(), Bytes::from_static(b"hello"))]);
    DeployRequest {
        app: AppSummary {
            name: "App".into(),
            slug: "app".into(),
            layout: "node-project".into(),
            message: String::new(),
            settings: Vec::new(),
        },
        bundle: Arc::new(Bundle::new(files, |_| "text/plain".into())),
        attempt: Attempt {
            id: "01JD0000000000000000000000".into(),
            checkpoint: None,
        },
        basis: None,
        settings: BTreeMap::new(),
    }
}

fn target(id: &str) -> TargetAccess {
    TargetAccess {
        target_id: id.into(),
        config: serde_json::json!({}),
        credentials: BTreeMap::new(),
    }
}

fn plugin(host: &TestHost) -> Arc<dyn Deployer> {
    host.host.deployer(ID).unwrap()
}

async fn deploy(host: &TestHost) -> Box<dyn Deployment> {
    plugin(host).deploy(&target("t"), request()).await.unwrap()
}

/// All events, and what ended them.
async fn drain(deployment: &mut dyn Deployment) -> (Vec<DeployEvent>, Option<PluginError>) {
    let mut all = Vec::new();
    loop {
        match deployment.next(64).await {
            Ok(events) if events.is_empty() => return (all, None),
            Ok(events) => all.extend(events),
            Err(error) => return (all, Some(error)),
        }
    }
}

fn instances(host: &TestHost) -> u64 {
    host.host.inspect(ID).unwrap().0.counters.instances
}

fn says(error: Option<PluginError>, what: &str) {
    match error {
        Some(PluginError::Internal(message)) if message.contains(what) => {}
        other => panic!("expected `{what}`, got {other:?}"),
    }
}

#[tokio::test]
async fn events_arrive_in_order_and_cannot_drive_a_terminal() {
    let host = deployer("(data (i32.const 600) \"a\\1b[31\")", &[LOG, FINISHED, END]).host();
    let (events, error) = drain(&mut *deploy(&host).await).await;
    assert_eq!(error, None);
    let log = DeployEvent::Log {
        level: LogLevel::Info,
        text: "a [31".into(),
    };
    assert_eq!(events, [log, DeployEvent::Finished(None)]);
    // The instance is warm now, without its bundle.
    assert_eq!(instances(&host), 1);
}

/// A deployer that reads `path`, and gives its content as a log line.
fn reader(path: &str) -> Guest {
    let read = format!(
        "(block (result i32)
          (call $read (i32.const 700) (i32.const {}) (i32.const 0) (i32.const 100) (i32.const 4096))
          (if (i32.load8_u (i32.const 4096)) (then (return (i32.const 4096))))
          (i32.store8 (i32.const 5000) (i32.const 1))
          (i32.store (i32.const 5008) (i32.load (i32.const 4100)))
          (i32.store (i32.const 5012) (i32.load (i32.const 4104)))
          (i32.store (i32.const 5104) (i32.const 5000))
          (i32.store (i32.const 5108) (i32.const 1))
          (i32.const 5100))",
        path.len()
    );
    deployer(
        &format!("(data (i32.const 700) \"{path}\")"),
        &[&read, FINISHED, END],
    )
}

#[tokio::test]
async fn a_bundle_is_read_by_its_own_paths_and_by_nothing_else() {
    let host = reader("a.txt").host();
    let (events, _) = drain(&mut *deploy(&host).await).await;
    assert!(matches!(&events[0], DeployEvent::Log { text, .. } if text == "hello"));
    for path in [
        "/etc/passwd",
        "../../../etc/passwd",
        "./a.txt",
        "b/../a.txt",
        "A.TXT",
        "a.txt/",
        "",
    ] {
        let host = reader(path).host();
        let (events, error) = drain(&mut *deploy(&host).await).await;
        assert!(events.is_empty());
        assert!(
            matches!(error, Some(PluginError::NotFound(_))),
            "{path}: {error:?}"
        );
    }
}

#[tokio::test]
async fn there_is_no_bundle_once_a_deployment_has_ended() {
    let validate = "(call $read (i32.const 700) (i32.const 5) (i32.const 0) (i32.const 9) (i32.const 4096)) (i32.const 4096)";
    let host = deployer("(data (i32.const 700) \"a.txt\")", &[FINISHED, END])
        .body("validate", validate)
        .host();
    let valid = plugin(&host).validate(&target("t")).await;
    assert!(matches!(valid, Err(PluginError::Conflict(_))), "{valid:?}");
    drain(&mut *deploy(&host).await).await;
    let valid = plugin(&host).validate(&target("t")).await;
    assert!(matches!(valid, Err(PluginError::Conflict(_))), "{valid:?}");
}

#[tokio::test]
async fn a_deployment_without_end_is_ended_and_its_instance_with_it() {
    let limits = Limits {
        deploy_events: 10,
        ..Limits::default()
    };
    let host = deployer("", &[LOG]).host_with(limits);
    let (events, error) = drain(&mut *deploy(&host).await).await;
    assert_eq!(events.len(), 10);
    says(error, "more than 10 events");
    assert_eq!(instances(&host), 0);
}

/// `artifact` with the name at 600, then its bytes, 64 KiB at a time.
const ARTIFACT: &str = "(block (result i32)
    (i32.store8 (i32.const 5000) (i32.const 4))
    (i32.store (i32.const 5004) (i32.const 600))
    (i32.store (i32.const 5008) (i32.const 5))
    (i32.store (i32.const 5104) (i32.const 5000))
    (i32.store (i32.const 5108) (i32.const 1))
    (i32.const 5100))";
const BYTES: &str = "(block (result i32)
    (i32.store8 (i32.const 5000) (i32.const 5))
    (i32.store (i32.const 5004) (i32.const 0))
    (i32.store (i32.const 5008) (i32.const 65536))
    (i32.store (i32.const 5104) (i32.const 5000))
    (i32.store (i32.const 5108) (i32.const 1))
    (i32.const 5100))";

#[tokio::test]
async fn an_artifact_without_end_is_ended() {
    let limits = Limits {
        artifact_bytes: 200_000,
        ..Limits::default()
    };
    let host = deployer("(data (i32.const 600) \"a.zip\")", &[ARTIFACT, BYTES]).host_with(limits);
    let (events, error) = drain(&mut *deploy(&host).await).await;
    assert_eq!(events.len(), 4);
    says(error, "artifact of more than");
    assert_eq!(instances(&host), 0);
}

#[tokio::test]
async fn an_artifact_goes_nowhere_but_by_a_plain_name_and_only_when_announced() {
    let named = deployer("(data (i32.const 600) \"../.a\")", &[ARTIFACT]).host();
    says(
        drain(&mut *deploy(&named).await).await.1,
        "not a plain file name",
    );
    let unannounced = deployer("", &[BYTES]).host();
    says(
        drain(&mut *deploy(&unannounced).await).await.1,
        "did not announce",
    );
    let twice = deployer("(data (i32.const 600) \"a.zip\")", &[ARTIFACT]).host();
    says(drain(&mut *deploy(&twice).await).await.1, "second artifact");
}

#[tokio::test]
async fn an_address_that_a_browser_must_not_open_is_refused() {
    let url = "(block (result i32)
        (i32.store8 (i32.const 5000) (i32.const 3))
        (i32.store (i32.const 5004) (i32.const 600))
        (i32.store (i32.const 5008) (i32.const 19))
        (i32.store (i32.const 5104) (i32.const 5000))
        (i32.store (i32.const 5108) (i32.const 1))
        (i32.const 5100))";
    let host = deployer("(data (i32.const 600) \"javascript:alert(1)\")", &[url]).host();
    says(drain(&mut *deploy(&host).await).await.1, "http: or https:");
}

#[tokio::test]
async fn a_trap_in_mid_deployment_ends_it_and_no_neighbour() {
    let host = deployer("(data (i32.const 600) \"hello\")", &[LOG, "unreachable"]).host();
    let mut first = deploy(&host).await;
    let mut second = plugin(&host).deploy(&target("u"), request()).await.unwrap();
    let (events, error) = drain(&mut *first).await;
    assert_eq!(events.len(), 1);
    says(error, "unreachable");
    assert!(first.next(1).await.unwrap().is_empty());
    assert_eq!(second.next(1).await.unwrap().len(), 1);
    assert_eq!(instances(&host), 1);
}

#[tokio::test]
async fn a_deployment_that_ends_without_a_word_has_failed_and_one_that_goes_on_after_its_end_too() {
    let silent = deployer("(data (i32.const 600) \"hello\")", &[LOG, END]).host();
    let (_, error) = drain(&mut *deploy(&silent).await).await;
    assert!(
        matches!(error, Some(PluginError::Unavailable(_))),
        "{error:?}"
    );
    let late = deployer("(data (i32.const 600) \"hello\")", &[FINISHED, LOG]).host();
    let (events, error) = drain(&mut *deploy(&late).await).await;
    assert_eq!(events, [DeployEvent::Finished(None)]);
    says(error, "after `finished`");
}

#[tokio::test]
async fn a_dropped_deployment_takes_its_instance_with_it() {
    let host = deployer("(data (i32.const 600) \"hello\")", &[LOG]).host();
    let mut deployment = deploy(&host).await;
    deployment.next(1).await.unwrap();
    drop(deployment);
    assert_eq!(instances(&host), 0);
}

const SECRET: &str = "postgres://app:pass\"word@db/shop";

/// A deployer that posts the placeholder of `DATABASE_URL`, as JSON, to `url`, and gives what comes
/// back as a log line.
fn sender(url: &str) -> TestHost {
    let data = format!(
        r#"(data (i32.const 700) "DATABASE_URL") (data (i32.const 720) "POST") (data (i32.const 730) "{url}")
           (global $body (mut i32) (i32.const 0))"#
    );
    let head = HEAD.replacen(
        "(memory",
        r#"(import "labd:host/http@0.1.0" "send"
             (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
           (import "labd:host/http@0.1.0" "[method]body.read" (func $receive (param i32 i32 i32)))
           (memory"#,
        1,
    );
    let deploy = format!(
        "(call $placeholder (i32.const 700) (i32.const 12) (i32.const 1) (i32.const 3000))
         (if (i32.load8_u (i32.const 3000)) (then (return (i32.const 3000))))
         (call $send (i32.const 720) (i32.const 4) (i32.const 730) (i32.const {})
           (i32.const 0) (i32.const 0)
           (i32.const 1) (i32.load (i32.const 3004)) (i32.load (i32.const 3008))
           (i32.const 0) (i32.const 0) (i32.const 3072))
         (if (i32.load8_u (i32.const 3072)) (then (return (i32.const 3072))))
         (global.set $body (i32.load (i32.const 3088)))
         {DEPLOY}",
        url.len()
    );
    let receive = "(block (result i32)
        (call $receive (global.get $body) (i32.const 1000) (i32.const 4096))
        (if (i32.load8_u (i32.const 4096)) (then (return (i32.const 4096))))
        (i32.store8 (i32.const 5000) (i32.const 1))
        (i32.store (i32.const 5008) (i32.load (i32.const 4100)))
        (i32.store (i32.const 5012) (i32.load (i32.const 4104)))
        (i32.store (i32.const 5104) (i32.const 5000))
        (i32.store (i32.const 5108) (i32.const 1))
        (i32.const 5100))";
    deployer("", &[receive, FINISHED, END])
        .head(format!("{head} {data}"))
        .body("deploy", deploy)
        .permissions(
            "http = [\"from-config:base-url\"]\n[[credentials]]\nname = \"token\"\n\
             hosts = [\"from-config:base-url\"]\nheader = \"authorization\"\n\
             scheme = \"Bearer {}\"",
        )
        .host()
}

fn with_setting() -> DeployRequest {
    DeployRequest {
        settings: BTreeMap::from([("DATABASE_URL".to_owned(), SECRET.to_owned().into())]),
        ..request()
    }
}

#[tokio::test]
async fn a_setting_reaches_the_target_and_never_the_plugin() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let host = sender(&format!("{origin}/env"));
    let mut target = target("t");
    target.config = serde_json::json!({ "base-url": origin });
    target.credentials.insert(
        "token".into(),
        BoundCredential {
            origin: origin.clone(),
            value: "token-of-the-target".to_owned().into(),
        },
    );
    let echo = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request
            .windows(8)
            .any(|w| w == b"db/shop\0" || w.ends_with(b"db/shop"))
        {
            request.push(stream.read_u8().await.unwrap());
        }
        let answer = format!("have {SECRET}");
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    };
    let deployer = plugin(&host);
    let (deployment, sent) = tokio::join!(deployer.deploy(&target, with_setting()), echo);
    assert!(
        sent.ends_with(r#"postgres://app:pass\"word@db/shop"#),
        "{sent}"
    );
    let (events, error) = drain(&mut *deployment.unwrap()).await;
    assert_eq!(error, None);
    assert!(
        matches!(&events[0], DeployEvent::Log { text, .. } if text == "have [scrubbed]"),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_setting_is_not_sent_where_the_target_has_no_credential_nor_given_when_not_agreed_to() {
    let host = sender("http://127.0.0.1:9/env");
    let mut target = target("t");
    target.config = serde_json::json!({ "base-url": "http://127.0.0.1:9" });
    let deployer = plugin(&host);
    let denied = deployer.deploy(&target, with_setting()).await.map(|_| ());
    assert!(matches!(denied, Err(PluginError::Denied(_))), "{denied:?}");
    let unknown = deployer.deploy(&target, request()).await.map(|_| ());
    assert!(
        matches!(unknown, Err(PluginError::NotFound(_))),
        "{unknown:?}"
    );
}
