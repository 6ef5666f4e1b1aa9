//! Server code of an app runs with the services of its request, and its faults are its own.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod support;

use async_trait::async_trait;
use labd_plugin_host::{
    Limits, PluginError, PluginState,
    kinds::sandbox::{AppRequest, AppResponse, AppServices},
};
use std::{sync::Arc, time::Duration};
use support::{Guest, ID, TestHost, World};

const HEAD: &str = r#"
    (import "[export]labd:sandbox/sandbox@0.1.0" "[resource-new]server"
      (func $new (param i32) (result i32)))
    (import "labd:host/app@0.1.0" "query" (func $query (param i32 i32 i32 i32 i32)))
    (memory (export "memory") 2)
    (data (i32.const 600) "open_orders{}")"#;
const LOAD: &str =
    "(i32.store offset=4 (i32.const 2048) (call $new (i32.const 1))) (i32.const 2048)";

fn server(handle: &str) -> Guest {
    Guest::new(World::Sandbox)
        .head(HEAD)
        .body("load", LOAD)
        .body("[method]server.handle", handle)
}

/// Answers `open_orders` only.
struct Orders;

#[async_trait]
impl AppServices for Orders {
    async fn query(&self, name: &str, parameters: &str) -> Result<String, PluginError> {
        match (name, parameters) {
            ("open_orders", "{}") => Ok("[42]".into()),
            _ => Err(PluginError::Cancelled),
        }
    }

    fn user(&self) -> String {
        "null".into()
    }

    fn log(&self, _level: &str, _message: &str) {}
}

async fn handle(host: &TestHost, project: &str) -> Result<AppResponse, PluginError> {
    let sandbox = host.host.sandbox(ID).unwrap();
    let mut server = sandbox.load(project, "code".into()).await?;
    let request = AppRequest {
        method: "GET".into(),
        url: "/api/orders".into(),
        headers: Vec::new(),
        body: Vec::new().into(),
    };
    server.handle(request, Arc::new(Orders)).await
}

#[tokio::test]
async fn a_handler_reaches_its_queries() {
    let host = server(
        "(call $query (i32.const 600) (i32.const 11) (i32.const 611) (i32.const 2)
           (i32.const 4096))
         (if (i32.load8_u (i32.const 4096)) (then unreachable))
         (i32.store16 (i32.const 5004) (i32.const 200))
         (i32.store (i32.const 5016) (i32.load (i32.const 4100)))
         (i32.store (i32.const 5020) (i32.load (i32.const 4104)))
         (i32.const 5000)",
    )
    .host();
    let response = handle(&host, "p").await.unwrap();
    assert_eq!((response.status, &response.body[..]), (200, &b"[42]"[..]));
}

#[tokio::test]
async fn a_handler_that_loops_is_stopped_and_nobody_is_quarantined() {
    let host = server("(loop $again (br $again)) unreachable").host_with(Limits {
        cpu: Duration::from_millis(50),
        restarts: 0,
        ..Limits::default()
    });
    for _ in 0..3 {
        let Err(PluginError::Internal(message)) = handle(&host, "p").await else {
            panic!("it ended");
        };
        assert!(message.contains("it ran for more than"), "{message}");
    }
    let summary = host.host.inspect(ID).unwrap().0;
    assert_eq!(summary.state, PluginState::Ready);
    assert_eq!((summary.counters.traps, summary.counters.instances), (3, 0));
}
