//! What a project shows: its state, the assets of all states that were shown, its server code.

use crate::{candidate::Candidate, problems::RunTimeProblems, workspace::ProjectWorkspace};
use labd_plugin_host::kinds::sandbox::{AppServer, Asset};
use labd_protocol::Problem;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Semaphore, watch};

/// Instances of server code per project: enough that one slow handler does not hold up the others.
const SERVERS: usize = 2;

/// A running project.
pub(crate) struct Running {
    pub workspace: tokio::sync::Mutex<ProjectWorkspace>,
    shown: watch::Sender<Option<Candidate>>,
    shared: Mutex<Shared>,
    /// One permit per instance of server code that may run.
    pub server_slots: Semaphore,
}

#[derive(Default)]
struct Shared {
    assets: HashMap<String, Arc<Asset>>,
    problems: Vec<Problem>,
    run_time: RunTimeProblems,
    idle_servers: Vec<(String, Box<dyn AppServer>)>,
}

impl Running {
    pub fn new() -> Self {
        Self {
            workspace: tokio::sync::Mutex::default(),
            shown: watch::channel(None).0,
            shared: Mutex::default(),
            server_slots: Semaphore::new(SERVERS),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in assets. `anew` when the sandbox handed out all of them, so that those of older
    /// states can go; the ones of the state that is shown stay until it is replaced.
    pub fn add_assets(&self, new: Vec<Asset>, anew: bool) {
        let shown = self.shown.borrow().clone();
        let mut shared = self.shared();
        if anew {
            let needed = shown.and_then(|candidate| candidate.state.manifest.clone());
            shared.assets.retain(|name, _| {
                needed
                    .as_ref()
                    .is_some_and(|m| m.modules.contains(name) || m.styles.contains(name))
            });
        }
        for asset in new {
            shared.assets.insert(asset.name.clone(), Arc::new(asset));
        }
    }

    pub fn asset(&self, name: &str) -> Option<Arc<Asset>> {
        self.shared().assets.get(name).cloned()
    }

    /// Shows a state: every open shell is told.
    pub fn show(&self, candidate: Candidate) {
        {
            let mut shared = self.shared();
            shared.problems = candidate.problems.clone();
            shared.run_time = RunTimeProblems::default();
        }
        self.shown.send_replace(Some(candidate));
    }

    pub fn shown(&self) -> Option<Candidate> {
        self.shown.borrow().clone()
    }

    pub fn watch(&self) -> watch::Receiver<Option<Candidate>> {
        self.shown.subscribe()
    }

    pub fn set_problems(&self, problems: Vec<Problem>) {
        self.shared().problems = problems;
    }

    /// What was found before the state ran, then while it ran.
    pub fn problems(&self) -> Vec<Problem> {
        let shared = self.shared();
        [shared.problems.as_slice(), shared.run_time.all()].concat()
    }

    /// Adds a fault of the running state; false when it is known.
    pub fn add_problem(&self, make: impl FnOnce(&HashMap<String, Arc<Asset>>) -> Problem) -> bool {
        let mut shared = self.shared();
        let problem = make(&shared.assets);
        shared.run_time.add(problem)
    }

    /// Loaded server code of this revision that nobody uses.
    pub fn take_server(&self, revision: &str) -> Option<Box<dyn AppServer>> {
        let mut shared = self.shared();
        let index = shared
            .idle_servers
            .iter()
            .position(|(of, _)| of == revision)?;
        Some(shared.idle_servers.swap_remove(index).1)
    }

    /// Keeps loaded server code for the next request; that of other revisions goes.
    pub fn keep_server(&self, revision: &str, server: Box<dyn AppServer>) {
        let mut shared = self.shared();
        shared.idle_servers.retain(|(of, _)| of == revision);
        if shared.idle_servers.len() < SERVERS {
            shared.idle_servers.push((revision.to_owned(), server));
        }
    }
}
