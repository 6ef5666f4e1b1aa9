//! A provider's requests: sent within its grants, with a credential it never sees, and closed at
//! once when nobody waits for the answer.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod support;

use labd_plugin_host::{
    Limits, PluginError,
    kinds::ai::{BoundCredential, Completion, Event, ProviderAccess, Request},
};
use std::{collections::BTreeMap, time::Duration};
use support::{Guest, ID, TestHost, World};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SECRET: &str = "sk-canary-73";

/// A provider that gets `url` and passes on what comes as text.
fn provider(url: &str) -> TestHost {
    let head = format!(
        r#"(import "[export]labd:ai-provider/provider@0.1.0" "[resource-new]completion"
             (func $new (param i32) (result i32)))
           (import "labd:host/http@0.1.0" "send"
             (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
           (import "labd:host/http@0.1.0" "[method]body.read"
             (func $read (param i32 i32 i32)))
           (memory (export "memory") 2)
           (data (i32.const 512) "GET")
           (data (i32.const 520) "{url}")
           (global $body (mut i32) (i32.const 0))"#
    );
    let complete = format!(
        "(call $send (i32.const 512) (i32.const 3) (i32.const 520) (i32.const {})
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 3072))
         (if (i32.load8_u (i32.const 3072)) (then (return (i32.const 3072))))
         (global.set $body (i32.load (i32.const 3088)))
         (i32.store offset=4 (i32.const 2048) (call $new (i32.const 1)))
         (i32.const 2048)",
        url.len()
    );
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
        .body("complete", complete)
        .body("[method]completion.next", next)
        .permissions(
            "http = [\"from-config:base-url\"]\n[[credentials]]\nname = \"api-key\"\n\
             hosts = [\"from-config:base-url\"]\nheader = \"authorization\"\n\
             scheme = \"Bearer {}\"",
        )
        .host()
}

fn access(origin: &str) -> ProviderAccess {
    ProviderAccess {
        provider_id: "p".into(),
        config: serde_json::json!({ "base-url": origin }),
        credentials: BTreeMap::from([(
            "api-key".to_owned(),
            BoundCredential {
                origin: origin.to_owned(),
                value: SECRET.to_owned().into(),
            },
        )]),
    }
}

async fn complete(
    host: &TestHost,
    access: &ProviderAccess,
) -> Result<Box<dyn Completion>, PluginError> {
    let provider = host.host.ai_provider(ID).unwrap();
    provider.complete(access, Request::default()).await
}

/// Takes a request, and answers with a body of which `hello` comes at once.
async fn serve(listener: &TcpListener) -> (String, TcpStream) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    (String::from_utf8(request).unwrap(), stream)
}

#[tokio::test]
async fn an_answer_streams_with_a_credential_that_the_host_wrote() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let host = provider(&format!("{origin}/v1"));
    let access = access(&origin);
    let (answer, (request, mut stream)) = tokio::join!(complete(&host, &access), serve(&listener));
    assert!(
        request.contains(&format!("authorization: Bearer {SECRET}")),
        "{request}"
    );
    let mut answer = answer.unwrap();
    assert_eq!(
        answer.next(10).await.unwrap(),
        [Event::Text("hello".into())]
    );
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert!(answer.next(10).await.unwrap().is_empty());
    // The instance is warm now, and bytes were counted.
    let counters = host.host.inspect(ID).unwrap().0.counters;
    assert_eq!(counters.instances, 1);
    assert!(counters.bytes_in >= 5);
}

#[tokio::test]
async fn a_dropped_answer_closes_the_upstream_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let host = provider(&format!("{origin}/v1"));
    let access = access(&origin);
    let (answer, (_, mut stream)) = tokio::join!(complete(&host, &access), serve(&listener));
    let mut answer = answer.unwrap();
    answer.next(10).await.unwrap();
    drop(answer);
    assert_eq!(host.host.inspect(ID).unwrap().0.counters.instances, 0);
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut [0; 16])).await;
    assert!(matches!(closed.unwrap(), Ok(0) | Err(_)));
}

#[tokio::test]
async fn an_answer_that_is_dropped_in_mid_call_closes_the_upstream_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let host = provider(&format!("{origin}/v1"));
    let access = access(&origin);
    let (answer, (_, mut stream)) = tokio::join!(complete(&host, &access), serve(&listener));
    let mut answer = answer.unwrap();
    answer.next(10).await.unwrap();
    tokio::select! {
        biased;
        _ = answer.next(10) => panic!("nothing more was sent"),
        () = tokio::time::sleep(Duration::from_millis(20)) => {}
    }
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut [0; 16])).await;
    assert!(matches!(closed.unwrap(), Ok(0) | Err(_)));
    assert!(answer.next(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn another_origin_is_denied_to_the_plugin_and_shown_to_the_operator() {
    let host = provider("http://127.0.0.1:9/elsewhere");
    let denied = complete(&host, &access("http://127.0.0.1:10")).await;
    let Err(PluginError::Denied(denial)) = denied.map(|_| ()) else {
        panic!("it was sent");
    };
    assert_eq!(denial.target, "http://127.0.0.1:9");
    assert!(
        denial.message.contains("labd plugin grant"),
        "{}",
        denial.message
    );
    let counters = host.host.inspect(ID).unwrap().0.counters;
    assert_eq!((counters.denials, counters.traps), (1, 0));
}

#[tokio::test]
async fn a_credential_does_not_follow_a_changed_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let host = provider(&format!("{origin}/v1"));
    let mut access = access(&origin);
    if let Some(credential) = access.credentials.get_mut("api-key") {
        credential.origin = "https://api.example".into();
    }
    let refused = complete(&host, &access).await.map(|_| ());
    assert!(matches!(refused, Err(PluginError::Unauthenticated(_))));
}

/// A provider whose answers have as many events as `events`, and then are silent for a minute.
fn silent_after(events: u32) -> Guest {
    let head = r#"(import "[export]labd:ai-provider/provider@0.1.0" "[resource-new]completion"
             (func $new (param i32) (result i32)))
           (import "labd:host/clock@0.1.0" "sleep" (func $sleep (param i32 i32)))
           (memory (export "memory") 2)
           (global $events (mut i32) (i32.const 0))"#;
    let next = format!(
        "(if (i32.ge_u (global.get $events) (i32.const {events}))
           (then (call $sleep (i32.const 60000) (i32.const 3000))))
         (global.set $events (i32.add (global.get $events) (i32.const 1)))
         (i32.store8 (i32.const 5000) (i32.const 1))
         (i32.store (i32.const 5104) (i32.const 5000))
         (i32.store (i32.const 5108) (i32.const 1))
         (i32.const 5100)"
    );
    Guest::new(World::Provider)
        .head(head)
        .body(
            "complete",
            "(i32.store offset=4 (i32.const 2048) (call $new (i32.const 1))) (i32.const 2048)",
        )
        .body("[method]completion.next", next)
}

#[tokio::test]
async fn an_answer_that_never_begins_or_falls_silent_times_out() {
    let short = Duration::from_millis(200);
    let host = silent_after(0).host_with(Limits {
        first_event: short,
        ..Limits::default()
    });
    let mut answer = complete(&host, &ProviderAccess::default()).await.unwrap();
    assert_eq!(answer.next(1).await, Err(PluginError::Timeout));

    let host = silent_after(1).host_with(Limits {
        between_events: short,
        ..Limits::default()
    });
    let mut answer = complete(&host, &ProviderAccess::default()).await.unwrap();
    assert_eq!(answer.next(1).await.unwrap(), [Event::Text(String::new())]);
    assert_eq!(answer.next(1).await, Err(PluginError::Timeout));
    assert_eq!(host.host.inspect(ID).unwrap().0.counters.instances, 0);
}

#[tokio::test]
async fn no_more_answers_run_at_once_than_there_are_instances() {
    let host = silent_after(1).host_with(Limits {
        answers: 2,
        queue_wait: Duration::from_millis(50),
        ..Limits::default()
    });
    let access = ProviderAccess::default();
    let first = complete(&host, &access).await.unwrap();
    let _second = complete(&host, &access).await.unwrap();
    let third = complete(&host, &access).await.map(|_| ());
    assert_eq!(third, Err(PluginError::Overloaded));
    drop(first);
    assert!(complete(&host, &access).await.is_ok());
}

#[tokio::test]
async fn no_more_answers_run_at_once_than_have_memory() {
    let host = silent_after(1).host_with(Limits {
        memory_together: 64 * 1024,
        queue_wait: Duration::from_millis(120),
        ..Limits::default()
    });
    let access = ProviderAccess::default();
    let first = complete(&host, &access).await.unwrap();
    let second = complete(&host, &access).await.map(|_| ());
    assert_eq!(second, Err(PluginError::Overloaded));
    // Nothing is wrong with the plugin.
    assert_eq!(host.host.inspect(ID).unwrap().0.counters.traps, 0);
    let (waiting, ()) = tokio::join!(complete(&host, &access), async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(first);
    });
    assert!(waiting.is_ok());
}
