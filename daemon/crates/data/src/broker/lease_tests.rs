use super::*;
use async_trait::async_trait;
use labd_plugin_host::kinds::connector::{
    Connector, ConnectorConfig, ConnectorInfo, Placeholders, SourceAccess, TlsMode,
};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::sync::Notify;

/// Cancellations that come before the statement runs.
const IGNORED: u32 = 3;

/// A database that ignores the first cancellations, as PostgreSQL does with those that come before
/// the statement.
#[derive(Default)]
struct Slow {
    opened: AtomicU32,
    cancellations: AtomicU32,
    closed_cursors: AtomicU32,
    began: Notify,
    cancelled: Notify,
    ended: Notify,
}

struct Database(Arc<Slow>);

#[async_trait]
impl Connector for Database {
    async fn describe(&self) -> Result<ConnectorInfo, PluginError> {
        Ok(ConnectorInfo {
            name: "slow".into(),
            dialect: "generic".into(),
            placeholders: Placeholders::Question,
        })
    }

    async fn open(&self, _: Arc<SourceAccess>) -> Result<Box<dyn Connection>, PluginError> {
        self.0.opened.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Link(self.0.clone())))
    }

    async fn cancel(&self, _: Arc<SourceAccess>, token: &[u8]) -> Result<(), PluginError> {
        assert_eq!(token, b"token");
        if self.0.cancellations.fetch_add(1, Ordering::SeqCst) >= IGNORED {
            self.0.cancelled.notify_one();
        }
        Ok(())
    }
}

struct Link(Arc<Slow>);

fn rows(more: bool) -> Rows {
    Rows {
        columns: Vec::new(),
        first: Batch::default(),
        more,
        affected: None,
    }
}

#[async_trait]
impl Connection for Link {
    fn is_usable(&self) -> bool {
        true
    }
    async fn ping(&mut self) -> Result<(), PluginError> {
        Ok(())
    }
    async fn server_info(&mut self) -> Result<ServerInfo, PluginError> {
        Err(PluginError::Overloaded)
    }
    async fn schema(&mut self) -> Result<Schema, PluginError> {
        Ok(Schema::default())
    }
    async fn prepare(&mut self, _: &str) -> Result<Prepared, PluginError> {
        Err(PluginError::Overloaded)
    }
    async fn query(
        &mut self,
        text: &str,
        _: &[Param],
        _: QueryOptions,
    ) -> Result<Rows, PluginError> {
        if text == "long" {
            self.0.began.notify_one();
            self.0.cancelled.notified().await;
            self.0.ended.notify_one();
            return Err(PluginError::Cancelled);
        }
        Ok(rows(text == "many"))
    }
    async fn next(&mut self, _: u32, _: u32) -> Result<Batch, PluginError> {
        Ok(Batch::default())
    }
    async fn close_cursor(&mut self) -> Result<(), PluginError> {
        self.0.closed_cursors.fetch_add(1, Ordering::SeqCst);
        self.0.ended.notify_one();
        Ok(())
    }
    async fn cancel_token(&mut self) -> Result<Vec<u8>, PluginError> {
        Ok(b"token".to_vec())
    }
}

fn database() -> (Arc<Slow>, Arc<Pool>) {
    let slow = Arc::new(Slow::default());
    let access = SourceAccess {
        source_id: "source".into(),
        targets: Vec::new(),
        tls: TlsMode::Disable,
        ca: None,
        client: None,
        sqlite: None,
        config: ConnectorConfig::default(),
        secrets: BTreeMap::new(),
    };
    let pool = Pool::new(Arc::new(Database(slow.clone())), Arc::new(access));
    (slow, pool)
}

const OPTIONS: QueryOptions = QueryOptions {
    read_only: true,
    timeout: Duration::from_secs(15),
    max_rows: 1,
    max_bytes: 1,
};

#[tokio::test]
async fn a_call_that_is_given_up_is_cancelled_until_it_ends_and_its_connection_closed() {
    let (slow, pool) = database();
    let mut lease = pool.lease().await.unwrap();
    tokio::select! {
        _ = lease.query("long", &[], OPTIONS) => panic!("it ends only when it is cancelled"),
        () = slow.began.notified() => {}
    }
    drop(lease);
    slow.ended.notified().await;
    assert_eq!(slow.cancellations.load(Ordering::SeqCst), IGNORED + 1);

    let mut next = pool.lease().await.unwrap();
    next.query("short", &[], OPTIONS).await.unwrap();
    assert_eq!(slow.opened.load(Ordering::SeqCst), 2);
    drop(next);
    pool.lease().await.unwrap();
    assert_eq!(slow.opened.load(Ordering::SeqCst), 2, "it was kept");
}

#[tokio::test]
async fn rows_that_nobody_fetches_are_given_up_before_the_connection_is_kept() {
    let (slow, pool) = database();
    let mut lease = pool.lease().await.unwrap();
    lease.query("many", &[], OPTIONS).await.unwrap();
    drop(lease);
    slow.ended.notified().await;
    assert_eq!(slow.closed_cursors.load(Ordering::SeqCst), 1);
    assert_eq!(slow.cancellations.load(Ordering::SeqCst), 0);
}
