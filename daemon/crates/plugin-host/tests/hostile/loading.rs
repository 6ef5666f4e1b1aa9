//! Components that are trouble before they are called.

use super::{OK, failure};
use crate::support::{Guest, ID, TestHost, World, package};
use labd_plugin_host::Limits;
use std::time::Duration;

fn guest() -> Guest {
    Guest::new(World::Connector).body("describe", OK)
}

/// Why a component, in WebAssembly text, is refused.
async fn refused(component: &str) -> String {
    let wasm = wat::parse_str(component).unwrap();
    let host = TestHost::new(package(guest().manifest(), wasm), Limits::default());
    host.host.load(ID).await;
    failure(&host)
}

#[tokio::test]
async fn one_component_does_not_take_the_places_of_all_others() {
    for (what, count, says) in [
        ("(memory 1)", 10, "memories"),
        ("(table 1 funcref)", 20, "tables"),
        ("", 100, "core module instances"),
    ] {
        let instances = "(core instance (instantiate $m))".repeat(count);
        let reason = refused(&format!("(component (core module $m {what}) {instances})")).await;
        assert!(reason.contains(says), "{reason}");
        assert!(reason.contains("exceeds"), "{reason}");
    }
}

#[tokio::test]
async fn what_would_keep_the_compiler_busy_for_long_is_refused() {
    let many = format!("(component (core module {}))", "(func)".repeat(150_000));
    let long = format!(
        "(component (core module (func {})))",
        "nop ".repeat(3 << 20)
    );
    for text in [many, long] {
        let reason = refused(&text).await;
        assert!(reason.contains("too much work"), "{reason}");
    }
    // Each type is twice the one before.
    let mut exploding = "(component (type $t0 u8)".to_owned();
    for n in 0..64 {
        exploding.push_str(&format!("(type $t{} (tuple $t{n} $t{n}))", n + 1));
    }
    exploding.push_str("(import \"a:b/c\" (instance (alias outer 1 $t64 (type $t)) (export \"f\" (func (param \"x\" $t))))))");
    let reason = refused(&exploding).await;
    assert!(reason.contains("does not compile"), "{reason}");
}

#[tokio::test]
async fn a_start_that_never_ends_is_a_failure() {
    let head = "(memory (export \"memory\") 2) (func $s (loop $again (br $again))) (start $s)";
    let host = guest().head(head).host_with(Limits {
        cpu: Duration::from_millis(300),
        ..Limits::default()
    });
    host.host.load(ID).await;
    let reason = failure(&host);
    assert!(reason.contains("ran for more than 0.3 s"), "{reason}");
}
