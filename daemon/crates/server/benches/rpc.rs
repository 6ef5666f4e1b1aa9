//! The time of one `status` call over the Unix socket, there and back.
//!
//! The goal is a median below 60 µs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    missing_docs,
    reason = "a benchmark, which uses a part of the tests' world"
)]

#[path = "../tests/server/fake.rs"]
mod fake;
#[path = "../tests/server/parrot.rs"]
mod parrot;
#[path = "../tests/server/world.rs"]
mod world;

use criterion::{Criterion, criterion_group, criterion_main};
use labd_protocol::{answer, connect, within};
use std::time::Duration;

fn status(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_world, labd) = runtime.block_on(async {
        let world = world::world().await;
        let labd = connect(&world.socket).await.unwrap();
        (world, labd)
    });
    criterion.bench_function("rpc status", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| async { answer(labd.status(within(Duration::from_secs(10))).await).unwrap() });
    });
}

criterion_group!(benches, status);
criterion_main!(benches);
