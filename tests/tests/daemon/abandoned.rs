//! A query ends with whoever asked for it, at every door.

use std::time::Duration;

use labd_protocol::{LabdClient, within};
use labd_tests::{
    daemon::{Daemon, until},
    servers::{self, TestDatabase},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::postgres::{SLOW, connected, until_statements};

/// It counts for hours and takes no memory.
const ENDLESS: &str = "WITH RECURSIVE n(x) AS (SELECT 1::bigint UNION ALL SELECT x + 1 FROM n)
     SELECT max(x) FROM n";

/// The database itself ends a statement after fifteen seconds. What ends sooner was cancelled.
const ENDED_BY_ITSELF: f64 = 12.0;

#[derive(Clone, Copy, Debug)]
enum Door {
    /// HTTP; the connection is closed.
    Http,
    /// RPC; the call is withdrawn, the connection stays.
    Call,
    /// RPC; the connection is closed.
    Socket,
}

const DOORS: [Door; 3] = [Door::Http, Door::Call, Door::Socket];

/// Asks, stays for as long as `stay` takes, and leaves. What comes back is the connection that
/// stays open when only the call was withdrawn.
async fn ask_and_leave(
    daemon: &Daemon,
    source: &str,
    door: Door,
    stay: impl Future<Output = ()>,
) -> Option<LabdClient> {
    let body = json!({ "text": ENDLESS });
    match door {
        Door::Http => {
            let (port, body) = (daemon.port(), body.to_string());
            let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let request = format!(
                "POST /api/v1/sources/{source}/query HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
                 Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                daemon.token(),
                body.len()
            );
            client.write_all(request.as_bytes()).await.unwrap();
            stay.await;
            None
        }
        Door::Call | Door::Socket => {
            let labd: LabdClient = daemon.rpc().await.unwrap();
            let query = serde_json::from_value(body).unwrap();
            let call = labd.source_query(within(SLOW), source.parse().unwrap(), query);
            tokio::select! {
                answer = call => panic!("an endless query was answered: {answer:?}"),
                () = stay => {}
            }
            matches!(door, Door::Call).then_some(labd)
        }
    }
}

#[tokio::test]
async fn a_running_query_ends_with_its_client() {
    let database = servers::postgres().await.unwrap();
    let (daemon, id) = connected(&database).await;
    for door in DOORS {
        let running = until_statements(&database, "state = 'active'", 1);
        let _open = ask_and_leave(&daemon, &id, door, running).await;
        until_none_runs(&database).await;
    }
}

#[tokio::test]
async fn a_query_ends_with_its_client_however_soon_it_leaves() {
    let database = servers::postgres().await.unwrap();
    let (daemon, id) = connected(&database).await;
    for round in 0..6 {
        // From "not yet sent to the database" to "runs".
        let leaving = (0..6).map(|step| {
            let stay = Duration::from_millis(round + 7 * step);
            let door = DOORS[usize::try_from(step).unwrap() % DOORS.len()];
            ask_and_leave(&daemon, &id, door, sleep(stay))
        });
        let _open = futures_util::future::join_all(leaving).await;
        until_none_runs(&database).await;
    }
    // All connections are free again.
    let answer = crate::postgres::query(&daemon, &id, "SELECT 1").await;
    assert_eq!(answer.json()["rows"], json!([[1]]), "{}", answer.text());
}

#[tokio::test]
async fn a_test_of_a_connection_ends_with_its_client() {
    // A server that accepts and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let daemon = Daemon::start_empty().await.unwrap();
    let url = format!("postgres://a:b@{}/c", silent.local_addr().unwrap());
    let (port, body) = (daemon.port(), json!({ "url": url }).to_string());
    let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "POST /api/v1/sources/test HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        daemon.token(),
        body.len()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let (mut server, _) = silent.accept().await.unwrap();
    drop(client);
    // The daemon would wait for the server for longer.
    let mut said = Vec::new();
    timeout(Duration::from_secs(9), server.read_to_end(&mut said))
        .await
        .expect("the daemon hangs up")
        .unwrap();
}

/// Waits until no statement runs, and sees to it that none was ended by its own time limit.
async fn until_none_runs(database: &TestDatabase) {
    let watching = database.client().await.unwrap();
    let sql = "SELECT count(*),
         coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0)::float8
         FROM pg_stat_activity WHERE state = 'active'
         AND datname = current_database() AND pid <> pg_backend_pid()";
    until("the end of all statements", async || {
        let row = watching.query_one(sql, &[]).await.unwrap();
        let oldest: f64 = row.get(1);
        assert!(oldest < ENDED_BY_ITSELF, "nobody cancelled it");
        (row.get::<_, i64>(0) == 0).then_some(())
    })
    .await
    .unwrap();
}
