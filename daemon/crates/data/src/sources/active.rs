//! What is kept in memory of a source in use.

use crate::{
    broker::Pool,
    errors,
    source::record::SourceRecord,
    statement::{Dialect, Placeholders, Statement, functions::FunctionName},
};
use labd_plugin_host::kinds::connector::{Connector, SourceAccess};
use labd_protocol::{ApiError, SourceId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Statements that are kept parsed, of one source.
const STATEMENTS: usize = 1_000;

/// A source that has been used since the daemon started, or since the source was changed.
pub(super) struct Active {
    pub record: SourceRecord,
    pub dialect: Dialect,
    pub placeholders: Placeholders,
    pub pool: Arc<Pool>,
    statements: Mutex<HashMap<String, Arc<Statement>>>,
    /// Functions that the catalogue was asked about, and whether they only read.
    functions: Mutex<HashMap<FunctionName, bool>>,
}

impl Active {
    /// Asks the connector what it is. Connections are opened when they are needed.
    pub async fn new(
        record: SourceRecord,
        connector: Arc<dyn Connector>,
        access: Arc<SourceAccess>,
    ) -> Result<Self, ApiError> {
        let info = connector.describe().await.map_err(errors::connecting)?;
        Ok(Self {
            dialect: Dialect::from_name(&info.dialect),
            placeholders: info.placeholders,
            pool: Pool::new(connector, access),
            statements: Mutex::default(),
            functions: Mutex::default(),
            record: SourceRecord {
                dialect: info.dialect,
                ..record
            },
        })
    }

    /// A statement, parsed once.
    pub fn statement(&self, text: &str) -> Result<Arc<Statement>, ApiError> {
        if let Some(known) = lock(&self.statements).get(text) {
            return Ok(known.clone());
        }
        let statement = Statement::parse(text, self.dialect, self.placeholders)
            .map(Arc::new)
            .map_err(errors::statement)?;
        let mut statements = lock(&self.statements);
        if statements.len() >= STATEMENTS {
            statements.clear();
        }
        statements.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    /// What the catalogue said of a function.
    pub fn only_reads(&self, function: &FunctionName) -> Option<bool> {
        lock(&self.functions).get(function).copied()
    }

    /// Keeps what the catalogue said of a function.
    pub fn learn(&self, function: FunctionName, only_reads: bool) {
        lock(&self.functions).insert(function, only_reads);
    }
}

/// All sources in use.
#[derive(Default)]
pub(super) struct Actives(Mutex<InUse>);

#[derive(Default)]
struct InUse {
    by_id: HashMap<SourceId, Arc<Active>>,
    /// How often any of them was forgotten.
    forgotten: u64,
}

/// How things stood when a source was looked for in vain.
#[derive(Clone, Copy)]
pub(super) struct Seen(u64);

impl Actives {
    /// One in use; else what [`put`](Self::put) wants to know.
    pub fn get(&self, id: SourceId) -> Result<Arc<Active>, Seen> {
        let all = lock(&self.0);
        all.by_id.get(&id).cloned().ok_or(Seen(all.forgotten))
    }

    /// Puts one in use, and gives the one that is: of two made at the same time the first. None
    /// when a source was forgotten since, which may be this one in an earlier state.
    pub fn put(&self, seen: Seen, active: Active) -> Option<Arc<Active>> {
        let mut all = lock(&self.0);
        if all.forgotten != seen.0 {
            return None;
        }
        let kept = all.by_id.entry(active.record.id);
        Some(kept.or_insert_with(|| Arc::new(active)).clone())
    }

    /// Lets go of one.
    pub fn forget(&self, id: SourceId) {
        let mut all = lock(&self.0);
        all.forgotten += 1;
        all.by_id.remove(&id);
    }

    /// All in use.
    pub fn all(&self) -> Vec<Arc<Active>> {
        lock(&self.0).by_id.values().cloned().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
