//! What it costs to cross into a plugin: a call of a warm instance that does nothing, and a new
//! instance from the pool. Goals: below 10 µs and below 100 µs.

#![allow(missing_docs, reason = "what criterion's macros make")]

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{Criterion, criterion_group, criterion_main};
use std::time::{Duration, Instant};
use support::{Guest, ID, World, source};

fn calls(criterion: &mut Criterion) {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => unreachable!("{error}"),
    };
    let _inside = runtime.enter();
    let host = Guest::new(World::Connector)
        .head(
            r#"(import "[export]labd:connector/connector@0.1.0" "[resource-new]connection"
                 (func $new (param i32) (result i32)))
               (memory (export "memory") 2)"#,
        )
        .body("describe", "(i32.const 1024)")
        .body(
            "open",
            "(i32.store offset=4 (i32.const 2048) (call $new (i32.const 1))) (i32.const 2048)",
        )
        .body("[method]connection.ping", "(i32.const 1024)")
        .host();
    runtime.block_on(host.host.precompile_all());
    let Some(connector) = host.host.connector(ID) else {
        unreachable!("the guest is a connector")
    };

    criterion.bench_function("no-op call, warm", |bench| {
        bench.to_async(&runtime).iter_custom(|times| {
            let connector = connector.clone();
            async move {
                let Ok(mut connection) = connector.open(source("a")).await else {
                    unreachable!("the guest opens")
                };
                let start = Instant::now();
                for _ in 0..times {
                    if connection.ping().await.is_err() {
                        return Duration::MAX;
                    }
                }
                start.elapsed()
            }
        });
    });

    criterion.bench_function("instantiate, open and drop", |bench| {
        bench
            .to_async(&runtime)
            .iter(|| async { connector.open(source("a")).await.is_ok() });
    });
}

criterion_group!(benches, calls);
criterion_main!(benches);
