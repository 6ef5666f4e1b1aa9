//! Each limit holds against a guest that hits it, and no neighbour is harmed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod support;

use labd_plugin_host::{
    Happening, Limits, PluginError, PluginState,
    kinds::connector::{Connection, Param, QueryOptions},
    limits::LOG_LINE_BYTES,
};
use std::{
    future::Future,
    time::{Duration, Instant},
};
use support::{Guest, ID, TestHost, World, source};

/// Imports and memory of a connector whose `open` works.
const CONNECTOR: &str = r#"
    (import "[export]labd:connector/connector@0.1.0" "[resource-new]connection"
      (func $new (param i32) (result i32)))
    (import "labd:host/clock@0.1.0" "sleep" (func $sleep (param i32 i32)))
    (import "labd:host/log@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))
    (memory (export "memory") 2)
    (table $table 1 funcref)"#;
/// `result<connection, error>` at 2048.
const OPEN: &str =
    "(i32.store offset=4 (i32.const 2048) (call $new (i32.const 1))) (i32.const 2048)";
/// Zeroes: `ok` of anything.
const OK: &str = "(i32.const 1024)";
const FOREVER: &str = "(loop $again (br $again)) unreachable";

fn connector() -> Guest {
    Guest::new(World::Connector)
        .head(CONNECTOR)
        .body("describe", OK)
        .body("open", OPEN)
}

fn ping(body: &str) -> Guest {
    connector().body("[method]connection.ping", body)
}

async fn open(host: &TestHost, source_id: &str) -> Box<dyn Connection> {
    try_open(host, source_id).await.unwrap()
}

async fn try_open(host: &TestHost, source_id: &str) -> Result<Box<dyn Connection>, PluginError> {
    let connector = host.host.connector(ID).unwrap();
    connector.open(source(source_id)).await
}

fn state(host: &TestHost) -> PluginState {
    host.host.inspect(ID).unwrap().0.state
}

fn instances(host: &TestHost) -> u64 {
    host.host.inspect(ID).unwrap().0.counters.instances
}

/// Polls a future once, and gives it up.
async fn begin_and_drop(future: impl Future) {
    tokio::select! {
        biased;
        _ = future => panic!("it was not to end"),
        () = tokio::time::sleep(Duration::from_millis(20)) => {}
    }
}

fn assert_internal<T: std::fmt::Debug>(result: Result<T, PluginError>, says: &str) {
    match result {
        Err(PluginError::Internal(message)) if message.contains(says) => {}
        other => panic!("expected `{says}`, got {other:?}"),
    }
}

#[tokio::test]
async fn a_connector_is_loaded_from_its_package_instantiated_and_called() {
    let host = ping(OK).host();
    assert_eq!(instances(&host), 0);
    let connector = host.host.connector(ID).unwrap();
    assert_eq!(connector.describe().await.unwrap().name, "");
    open(&host, "a").await.ping().await.unwrap();
    assert_eq!(state(&host), PluginState::Ready);
    let (manifest, _) = host.host.connector_for_scheme("guest").unwrap();
    assert_eq!(manifest.id, ID);
}

#[tokio::test]
async fn a_trap_ends_that_instance_only() {
    let host = ping("unreachable").host();
    let mut first = open(&host, "a").await;
    let second = open(&host, "a").await;
    assert_internal(first.ping().await, "unreachable");
    assert!(!first.is_usable());
    assert!(matches!(first.ping().await, Err(PluginError::StateLost(_))));
    assert!(second.is_usable());
    assert_eq!(host.host.inspect(ID).unwrap().0.counters.traps, 1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_loop_is_stopped_and_its_neighbours_run_meanwhile() {
    let host = ping(FOREVER).host_with(Limits {
        cpu: Duration::from_millis(300),
        ..Limits::default()
    });
    let mut looping = open(&host, "a").await;
    let steps = async {
        let mut steps = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            steps += 1;
            if steps == 3 {
                // The loop shares its only thread.
                break;
            }
        }
    };
    let (stopped, ()) = tokio::join!(looping.ping(), steps);
    assert_internal(stopped, "it ran for more than 0.3 s in one call");
}

#[tokio::test]
async fn waiting_costs_no_running_time() {
    let body = "(call $sleep (i32.const 400) (i32.const 3000)) (i32.const 1024)";
    let host = ping(body).host_with(Limits {
        cpu: Duration::from_millis(300),
        ..Limits::default()
    });
    open(&host, "a").await.ping().await.unwrap();
}

#[tokio::test]
async fn a_call_that_takes_too_long_times_out_and_takes_the_instance_along() {
    let body = "(call $sleep (i32.const 60000) (i32.const 3000)) (i32.const 1024)";
    let host = ping(body).host_with(Limits {
        call: Duration::from_millis(200),
        ..Limits::default()
    });
    let mut connection = open(&host, "a").await;
    assert_eq!(connection.ping().await, Err(PluginError::Timeout));
    assert_eq!(instances(&host), 0);
}

#[tokio::test]
async fn a_dropped_call_loses_the_instance() {
    let body = "(call $sleep (i32.const 60000) (i32.const 3000)) (i32.const 1024)";
    let host = ping(body).host();
    let mut connection = open(&host, "a").await;
    begin_and_drop(connection.ping()).await;
    assert!(!connection.is_usable());
    assert_eq!(instances(&host), 0);
    assert!(matches!(
        connection.ping().await,
        Err(PluginError::StateLost(_))
    ));
}

#[tokio::test]
async fn endless_allocation_ends_at_the_limit() {
    let body = "(loop $more
        (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
        unreachable";
    let host = ping(body).host_with(Limits {
        memory: 8 << 20,
        ..Limits::default()
    });
    assert_internal(open(&host, "a").await.ping().await, "8 MiB of memory");
}

#[tokio::test]
async fn memory_is_summed_over_all_memories_of_an_instance() {
    // Each alone stays below the limit: 4 MiB and some pages.
    let head = format!("{CONNECTOR} (memory $other 1)");
    let body = "(if (i32.eq (memory.grow (i32.const 64)) (i32.const -1))
          (then (return (i32.const 1024))))
        (if (i32.eq (memory.grow $other (i32.const 64)) (i32.const -1)) (then unreachable))
        (i32.const 1024)";
    let limits = |memory| Limits {
        memory,
        ..Limits::default()
    };
    let guest = || ping(body).head(head.clone());
    let host = guest().host_with(limits(8 << 20));
    assert_internal(open(&host, "a").await.ping().await, "8 MiB of memory");
    let host = guest().host_with(limits(9 << 20));
    open(&host, "a").await.ping().await.unwrap();
}

#[tokio::test]
async fn the_memory_that_a_manifest_asks_for_is_all_that_it_gets() {
    let body = "(if (i32.eq (memory.grow (i32.const 32)) (i32.const -1)) (then unreachable))
        (i32.const 1024)";
    open(&ping(body).host(), "a").await.ping().await.unwrap();
    let host = ping(body)
        .permissions("[limits]\nmemory = \"1 MiB\"")
        .host();
    assert_internal(open(&host, "a").await.ping().await, "1 MiB of memory");
}

#[tokio::test]
async fn tables_end_at_the_limit() {
    let body = "(loop $more (br_if $more (i32.ne
          (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
        unreachable";
    let host = ping(body).host_with(Limits {
        table_elements: 20_000,
        ..Limits::default()
    });
    assert_internal(open(&host, "a").await.ping().await, "20000 table elements");
}

#[tokio::test]
async fn endless_recursion_is_a_trap() {
    let head = format!("{CONNECTOR} (func $deep (call $deep) (call $deep))");
    let host = ping("(call $deep) (i32.const 1024)").head(head).host();
    assert_internal(open(&host, "a").await.ping().await, "stack");
}

#[tokio::test]
async fn a_flood_of_log_lines_is_dropped_and_counted() {
    let body = "(local $i i32)
        (loop $more
          (call $log (i32.const 1) (i32.const 1024) (i32.const 8) (i32.const 0) (i32.const 0))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $i) (i32.const 5000))))
        (i32.const 1024)";
    let host = ping(body).host_with(Limits {
        log_lines: 10,
        ..Limits::default()
    });
    open(&host, "a").await.ping().await.unwrap();
    let dropped = host.host.inspect(ID).unwrap().0.counters.log_lines_dropped;
    assert!((4000..5000).contains(&dropped), "{dropped}");
}

#[tokio::test]
async fn what_a_call_carries_is_bounded() {
    let body = "(call $log (i32.const 1) (i32.const 0) (i32.const 131072)
          (i32.const 0) (i32.const 0))
        (i32.const 1024)";
    let host = ping(body).host_with(Limits {
        hostcall_bytes: 100_000,
        ..Limits::default()
    });
    assert_internal(open(&host, "a").await.ping().await, "fuel");
}

#[tokio::test]
async fn what_a_call_returns_is_bounded() {
    // A name of 128 KiB.
    let body = "(i32.store offset=8 (i32.const 1024) (i32.const 131072)) (i32.const 1024)";
    let describe = |limits| async move {
        let host = Guest::new(World::Connector).body("describe", body);
        let host = host.host_with(limits);
        let connector = host.host.connector(ID).unwrap();
        connector.describe().await.map(|info| info.name.len())
    };
    assert_eq!(describe(Limits::default()).await, Ok(131_072));
    let limits = Limits {
        hostcall_bytes: 100_000,
        ..Limits::default()
    };
    assert_internal(describe(limits).await, "fuel");
}

#[tokio::test]
async fn a_batch_beyond_its_bytes_is_refused() {
    // 2 000 booleans in one column.
    let body = "(i32.store offset=8 (i32.const 4096) (i32.const 8192))
        (i32.store offset=12 (i32.const 4096) (i32.const 1))
        (i32.store offset=16 (i32.const 4096) (i32.const 2000))
        (i32.store offset=20 (i32.const 4096) (i32.const 8300))
        (i32.store offset=24 (i32.const 4096) (i32.const 1))
        (i32.store offset=12 (i32.const 8300) (i32.const 16384))
        (i32.store offset=16 (i32.const 8300) (i32.const 2000))
        (i32.const 4096)";
    let options = QueryOptions {
        read_only: true,
        timeout: Duration::from_secs(5),
        max_rows: 10_000,
        max_bytes: 1_000_000,
    };
    let guest = connector().body("[method]connection.query", body);
    let host = guest.host();
    let mut connection = open(&host, "a").await;
    let rows = connection.query("select 1", &[], options).await.unwrap();
    assert_eq!(rows.first.rows, 2000);
    let host = guest.host_with(Limits {
        batch_bytes: 1000,
        ..Limits::default()
    });
    let mut connection = open(&host, "a").await;
    let rows = connection.query("select 1", &[], options).await;
    assert_internal(rows, "a batch of 2000 bytes where 1000 are the most");
}

#[tokio::test]
async fn a_long_log_line_is_cut() {
    let body = "(memory.fill (i32.const 8192) (i32.const 97) (i32.const 65536))
        (call $log (i32.const 1) (i32.const 8192) (i32.const 65536) (i32.const 0) (i32.const 0))
        (i32.const 1024)";
    let host = ping(body).host();
    let mut events = host.host.events();
    open(&host, "a").await.ping().await.unwrap();
    let line = loop {
        if let Happening::Log { line, .. } = events.recv().await.unwrap().what {
            break line;
        }
    };
    assert!(
        line.starts_with("aaa") && (8_000..=LOG_LINE_BYTES + 4).contains(&line.len()),
        "{}",
        line.len()
    );
}

#[tokio::test]
async fn handles_are_bounded() {
    let body = "(loop $more (drop (call $new (i32.const 1))) (br $more)) unreachable";
    let host = ping(body).host_with(Limits {
        resources: 500,
        ..Limits::default()
    });
    assert_internal(open(&host, "a").await.ping().await, "trapped");
}

#[tokio::test]
async fn who_wants_one_more_connection_gets_the_place_of_the_one_idle_longest() {
    let host = ping(OK).host_with(Limits {
        connections: 2,
        ..Limits::default()
    });
    let mut first = open(&host, "a").await;
    let mut second = open(&host, "b").await;
    first.ping().await.unwrap();
    let mut third = open(&host, "c").await;
    assert!(matches!(
        second.ping().await,
        Err(PluginError::StateLost(_))
    ));
    first.ping().await.unwrap();
    third.ping().await.unwrap();
    assert_eq!(instances(&host), 2);
}

#[tokio::test]
async fn a_full_queue_answers_overloaded() {
    let body = "(call $sleep (i32.const 60000) (i32.const 3000)) (i32.const 1024)";
    let host = ping(body).host_with(Limits {
        connections: 1,
        queue: 1,
        ..Limits::default()
    });
    let mut busy = open(&host, "a").await;
    let work = async {
        let waiting = try_open(&host, "b");
        tokio::pin!(waiting);
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("there is no place"),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
        assert!(matches!(
            try_open(&host, "c").await,
            Err(PluginError::Overloaded)
        ));
    };
    tokio::select! {
        // An instance is at work from the first poll of its call on.
        biased;
        _ = busy.ping() => panic!("it was not to end"),
        () = work => {}
    }
}

#[tokio::test]
async fn who_traps_too_often_is_quarantined_for_that_owner_until_reset() {
    let host = ping("unreachable").host_with(Limits {
        restarts: 1,
        backoff: Duration::from_millis(1),
        ..Limits::default()
    });
    for _ in 0..2 {
        assert!(open(&host, "a").await.ping().await.is_err());
    }
    let refused = try_open(&host, "a").await.map(|_| ());
    assert_internal(refused, "quarantined");
    assert!(matches!(state(&host), PluginState::Quarantined(reason) if reason.contains("for a")));
    assert!(try_open(&host, "b").await.is_ok());
    host.host.reload(ID).await.unwrap();
    assert!(try_open(&host, "a").await.is_ok());
}

#[tokio::test]
async fn a_batch_that_does_not_add_up_is_refused() {
    // Five rows without a column for them.
    let body = "(i32.store offset=16 (i32.const 4096) (i32.const 5)) (i32.const 4096)";
    let host = connector().body("[method]connection.query", body).host();
    let options = QueryOptions {
        read_only: true,
        timeout: Duration::from_secs(5),
        max_rows: 10,
        max_bytes: 1000,
    };
    let mut connection = open(&host, "a").await;
    let rows = connection.query("select 1", &[Param::Null], options).await;
    match rows {
        // No columns and no values: nothing that could be indexed.
        Ok(rows) => assert!(rows.columns.is_empty() && rows.first.columns.is_empty()),
        Err(error) => assert!(matches!(error, PluginError::Internal(_))),
    }
    // One column, and no values for it.
    let body = "(i32.store offset=8 (i32.const 4096) (i32.const 8192))
        (i32.store offset=12 (i32.const 4096) (i32.const 1))
        (i32.store offset=16 (i32.const 4096) (i32.const 5)) (i32.const 4096)";
    let host = connector().body("[method]connection.query", body).host();
    let mut connection = open(&host, "a").await;
    let rows = connection.query("select 1", &[], options).await;
    assert_internal(rows, "0 columns for a result of 1");
}

#[tokio::test]
async fn idle_guests_use_no_processor() {
    let host = ping(OK).host();
    let mut connection = open(&host, "a").await;
    connection.ping().await.unwrap();
    let before = host.host.inspect(ID).unwrap().0.counters.cpu;
    let start = Instant::now();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let used = host.host.inspect(ID).unwrap().0.counters.cpu - before;
    assert!(used.is_zero() && start.elapsed() >= Duration::from_millis(100));
}
