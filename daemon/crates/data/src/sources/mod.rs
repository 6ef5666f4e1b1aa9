//! All data sources, and everything that can be asked of one.
//!
//! ```text
//! manage   adding, changing, testing and removing them
//! active   what is kept in memory of one in use
//! schema   reading schemas, and keeping them
//! checked  from a text to a statement that has been shown to only read
//! run      running one: by hand, page by page, and the named queries of apps
//! ```

mod active;
mod checked;
mod manage;
mod run;
mod schema;

pub use checked::{CheckedParameter, CheckedQuery};

use crate::{
    broker::{Cursors, ResultCache, limits},
    source::{
        connectors::Connectors,
        record::{self, AccessOptions, SourceRecord},
    },
};
use active::{Active, Actives};
use labd_protocol::{ApiError, Notice, SourceId};
use labd_store::{Repository, Store};
use std::{
    path::PathBuf,
    sync::{Arc, Weak},
};
use tokio::sync::broadcast;

/// What the sources need to know of the daemon.
#[derive(Clone, Debug)]
pub struct SourcesOptions {
    /// The daemon's own data, which is no database for apps.
    pub data_dir: PathBuf,
}

/// All data sources. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    records: Repository<SourceRecord>,
    connectors: Arc<dyn Connectors>,
    options: SourcesOptions,
    actives: Actives,
    cursors: Cursors,
    results: ResultCache,
    notices: broadcast::Sender<Notice>,
}

impl Sources {
    /// Opens the sources that are stored.
    pub fn new(store: Store, connectors: Arc<dyn Connectors>, options: SourcesOptions) -> Self {
        let inner = Arc::new(Inner {
            records: Repository::new(store.clone()),
            store,
            connectors,
            options,
            actives: Actives::default(),
            cursors: Cursors::default(),
            results: ResultCache::default(),
            notices: broadcast::channel(256).0,
        });
        tokio::spawn(sweep(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// What changes.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.inner.notices.subscribe()
    }

    fn records(&self) -> &Repository<SourceRecord> {
        &self.inner.records
    }

    fn connectors(&self) -> &dyn Connectors {
        self.inner.connectors.as_ref()
    }

    /// A source in use; from here on it is.
    async fn active(&self, id: SourceId) -> Result<Arc<Active>, ApiError> {
        loop {
            let seen = match self.inner.actives.get(id) {
                Ok(active) => return Ok(active),
                Err(seen) => seen,
            };
            let record = self.records().get(id)?;
            let parsed = record::parse(self.connectors(), record.url.expose())?;
            let access = parsed.access(self.access_options(&record, &id.to_string()))?;
            let active = Active::new(record, parsed.entry.connector, access).await?;
            // Unless the source was changed while this was done.
            if let Some(active) = self.inner.actives.put(seen, active) {
                return Ok(active);
            }
        }
    }

    fn access_options<'a>(&'a self, record: &'a SourceRecord, id: &'a str) -> AccessOptions<'a> {
        AccessOptions {
            id,
            ca: record.ca.as_deref(),
            client: record.client.as_ref(),
            time_zone: &record.time_zone,
            data_dir: &self.inner.options.data_dir,
            sample: record.sample,
            file: record.file,
        }
    }

    /// Forgets connections, results and what was learnt, so that the next use sees the stored
    /// record.
    fn forget(&self, id: SourceId) {
        self.inner.actives.forget(id);
        self.inner.cursors.evict(Some(id));
        self.inner.results.forget(id);
    }

    fn notify(&self, source: SourceId) {
        // Nobody listening is no fault.
        let _ = self.inner.notices.send(Notice::Source { source });
    }
}

/// Closes what nobody uses, as long as the sources live.
async fn sweep(inner: Weak<Inner>) {
    loop {
        tokio::time::sleep(limits::CURSOR_IDLE / 2).await;
        let Some(inner) = inner.upgrade() else { return };
        inner.cursors.evict(None);
        for active in inner.actives.all() {
            active.pool.evict_idle();
        }
    }
}
