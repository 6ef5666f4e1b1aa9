//! The open databases of all data sources: who may open what, and how to stop what runs.

use super::{Database, FileRules, control::Control, database::Handle, worker::Worker};
use crate::{Fault, PluginError, kinds::connector::SqliteFile};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use tokio::sync::oneshot;

/// Opens the files of data sources, and reaches what runs on them. One for the whole daemon;
/// cloning it is cheap.
#[derive(Clone, Default)]
pub struct Databases {
    rules: FileRules,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    last_token: u64,
    open: HashMap<u64, Running>,
}

struct Running {
    source_id: String,
    control: Arc<Control>,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Databases {
    /// No database is open yet.
    pub fn new(rules: FileRules) -> Self {
        Self {
            rules,
            shared: Arc::default(),
        }
    }

    /// Opens the file of a source.
    ///
    /// # Errors
    /// `not-found` without a file; `denied` when it lies where none may lie, leads elsewhere or was
    /// replaced; `unavailable` when SQLite cannot open it or it is no database.
    pub async fn open(&self, source_id: &str, file: &SqliteFile) -> Result<Database, PluginError> {
        let control = Arc::new(Control::default());
        let registration = self.register(source_id, control.clone());
        let worker = Worker {
            path: file.path.clone(),
            writable: file.writable,
            rules: self.rules.clone(),
            expected: file.identity,
            control: control.clone(),
        };
        let (opened, answer) = oneshot::channel();
        let commands = worker.start(opened)?;
        // From here on, giving up the wait interrupts the thread.
        let handle = Arc::new(Handle {
            commands,
            control,
            registration,
            place: OnceLock::new(),
        });
        answer.await.map_err(|_| {
            PluginError::Internal("the database's thread ended while it opened the file".to_owned())
        })??;
        Ok(Database { handle })
    }

    /// Stops what runs on a connection of this source.
    ///
    /// # Errors
    /// `not-found` when that connection is gone, or belongs to another source.
    pub fn interrupt(&self, source_id: &str, token: u64) -> Result<(), PluginError> {
        let control = lock(&self.shared)
            .open
            .get(&token)
            .filter(|running| running.source_id == source_id)
            .map(|running| running.control.clone())
            .ok_or_else(|| PluginError::NotFound(Fault::new("that connection is gone")))?;
        control.interrupt();
        Ok(())
    }

    fn register(&self, source_id: &str, control: Arc<Control>) -> Registration {
        let mut shared = lock(&self.shared);
        shared.last_token += 1;
        let token = shared.last_token;
        shared.open.insert(
            token,
            Running {
                source_id: source_id.to_owned(),
                control,
            },
        );
        Registration {
            token,
            shared: self.shared.clone(),
        }
    }
}

impl std::fmt::Debug for Databases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Databases")
            .field("rules", &self.rules)
            .field("open", &lock(&self.shared).open.len())
            .finish()
    }
}

/// An entry among the open databases, for as long as it lives.
pub(super) struct Registration {
    token: u64,
    shared: Arc<Mutex<Shared>>,
}

impl Registration {
    pub(super) fn token(&self) -> u64 {
        self.token
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock(&self.shared).open.remove(&self.token);
    }
}
