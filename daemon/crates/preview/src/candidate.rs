//! A compiled state of a project.

use bytes::Bytes;
use labd_plugin_host::kinds::sandbox::{Diagnostic, Manifest, Prepared, QueryContract, Severity};
use labd_protocol::{Problem, ProblemSource};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::Arc};

/// A compiled state, which may be shown. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its name: the same files give the same name.
    pub revision: String,
    /// It can be shown.
    pub ok: bool,
    /// What compiling found.
    pub problems: Vec<Problem>,
    /// The app's queries.
    pub queries: Vec<QueryContract>,
    pub(crate) state: Arc<State>,
}

/// What is needed to run a state.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub manifest: Option<Manifest>,
    pub title: String,
    pub server_bundle: Option<Bytes>,
    /// Files below `public/`, by their path there.
    pub public: BTreeMap<String, Bytes>,
}

impl Candidate {
    /// A state from what the sandbox made of its files.
    pub(crate) fn new(prepared: &Prepared, files: &BTreeMap<String, Bytes>) -> Self {
        let public: BTreeMap<String, Bytes> = files
            .iter()
            .filter_map(|(path, content)| {
                Some((path.strip_prefix("public/")?.to_owned(), content.clone()))
            })
            .collect();
        let state = State {
            manifest: prepared.manifest.clone(),
            title: title(files),
            server_bundle: prepared.server_bundle.clone(),
            public,
        };
        Self {
            revision: revision(&state, &prepared.queries),
            ok: state.manifest.is_some(),
            problems: prepared.diagnostics.iter().map(problem).collect(),
            queries: prepared.queries.clone(),
            state: Arc::new(state),
        }
    }

    /// The query of a name.
    pub(crate) fn query(&self, name: &str) -> Option<&QueryContract> {
        self.queries.iter().find(|query| query.name == name)
    }
}

/// A diagnostic of the sandbox as a problem of the app.
pub(crate) fn problem(diagnostic: &Diagnostic) -> Problem {
    let source = match diagnostic.path.as_deref() {
        Some(path) if path.starts_with("queries/") => ProblemSource::Query,
        Some(path) if path.starts_with("server/") => ProblemSource::Server,
        _ => ProblemSource::Compile,
    };
    Problem {
        source,
        severity: match diagnostic.severity {
            Severity::Error => labd_protocol::Severity::Error,
            Severity::Warning => labd_protocol::Severity::Warning,
        },
        code: diagnostic.code.clone(),
        message: diagnostic.message.clone(),
        path: diagnostic.path.clone(),
        line: diagnostic.line,
        column: diagnostic.column,
        hint: diagnostic.hint.clone(),
        detail: None,
    }
}

fn revision(state: &State, queries: &[QueryContract]) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    if let Some(manifest) = &state.manifest {
        add(manifest.entry.as_bytes());
        for name in manifest.styles.iter().chain(&manifest.modules) {
            add(name.as_bytes());
        }
    }
    add(state.title.as_bytes());
    add(state.server_bundle.as_deref().unwrap_or_default());
    for query in queries {
        add(query.name.as_bytes());
        add(query.text.as_bytes());
    }
    for (path, content) in &state.public {
        add(path.as_bytes());
        add(content);
    }
    let mut name = hex::encode(hash.finalize());
    name.truncate(16);
    name
}

/// The app's name, from its `app.json`.
fn title(files: &BTreeMap<String, Bytes>) -> String {
    #[derive(serde::Deserialize)]
    struct App {
        name: String,
    }
    files
        .get("app.json")
        .and_then(|content| serde_json::from_slice::<App>(content).ok())
        .map_or_else(|| "App".to_owned(), |app| app.name)
}
