//! Made-up sources, models and previews.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use labd_builder::ports::{Answer, Candidate, DataSources, Model, Models, Previews};
use labd_plugin_host::kinds::{
    ai::{Capabilities, Event, FinishReason, Request},
    sandbox::{Effect, QueryContract},
};
use labd_protocol::{
    ApiError, ColumnSchema, ErrorCode, Problem, ProblemSource, ProjectId, ProviderId, RelationKind,
    RelationSchema, Severity, SourceId, SourceInfo, SourceSchema, ValueKind,
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex},
};

/// What a made-up model does next.
#[derive(Clone, Debug)]
pub enum Step {
    Event(Event),
    Fail(ApiError),
    /// Nothing any more, without an end.
    Hang,
    /// Not even a beginning.
    Refuse(ApiError),
    Panic,
}

impl Step {
    pub fn text(text: &str) -> Self {
        Self::Event(Event::Text(text.to_owned()))
    }

    pub fn stop() -> Self {
        Self::Event(Event::Finish(FinishReason::Stop))
    }
}

#[derive(Default)]
pub struct FakeModels {
    script: Arc<Mutex<VecDeque<Step>>>,
    pub requests: Arc<Mutex<Vec<Request>>>,
    pub document: Mutex<bool>,
}

impl FakeModels {
    pub fn script(&self, steps: impl IntoIterator<Item = Step>) {
        *self.script.lock().unwrap() = steps.into_iter().collect();
    }
}

#[async_trait]
impl Models for FakeModels {
    async fn resolve(
        &self,
        _project: ProjectId,
        _provider: Option<ProviderId>,
        model: Option<String>,
    ) -> Result<Arc<dyn Model>, ApiError> {
        Ok(Arc::new(FakeModel {
            model: model.unwrap_or_else(|| "scripted".to_owned()),
            script: self.script.clone(),
            requests: self.requests.clone(),
            document: *self.document.lock().unwrap(),
        }))
    }
}

struct FakeModel {
    model: String,
    script: Arc<Mutex<VecDeque<Step>>>,
    requests: Arc<Mutex<Vec<Request>>>,
    document: bool,
}

#[async_trait]
impl Model for FakeModel {
    fn provider(&self) -> &str {
        "Scripted"
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            document: self.document,
            ..Capabilities::default()
        }
    }

    async fn complete(&self, request: Request) -> Result<Box<dyn Answer>, ApiError> {
        self.requests.lock().unwrap().push(request);
        let first = self.script.lock().unwrap().front().cloned();
        match first {
            Some(Step::Refuse(error)) => Err(error),
            _ => Ok(Box::new(FakeCompletion(self.script.clone()))),
        }
    }
}

struct FakeCompletion(Arc<Mutex<VecDeque<Step>>>);

#[async_trait]
impl Answer for FakeCompletion {
    async fn next(&mut self, _max: u32) -> Result<Vec<Event>, ApiError> {
        let step = self.0.lock().unwrap().pop_front();
        match step {
            None => Ok(Vec::new()),
            Some(Step::Event(event)) => Ok(vec![event]),
            Some(Step::Fail(error)) => Err(error),
            Some(Step::Panic) => panic!("scripted"),
            Some(Step::Hang | Step::Refuse(_)) => std::future::pending().await,
        }
    }
}

/// Previews that compile nothing: a file with `SYNTAX` in it is a fault, each `queries/*.sql` is a
/// query, and `CRASH` in a server file is a fault of the server code.
#[derive(Default)]
pub struct FakePreviews {
    shown: Mutex<HashMap<ProjectId, String>>,
    problems: Mutex<HashMap<ProjectId, Vec<Problem>>>,
    /// Every revision that was painted, in order.
    pub painted: Mutex<Vec<String>>,
    pub warmed: Mutex<Vec<String>>,
    pub forgotten: Mutex<Vec<ProjectId>>,
}

impl FakePreviews {
    /// Shown revisions name their files, so that tests can read them.
    pub fn revision(files: &BTreeMap<String, Bytes>) -> String {
        let one = |(path, content): (&String, &Bytes)| {
            format!("{path}={}", String::from_utf8_lossy(content).trim())
        };
        files.iter().map(one).collect::<Vec<_>>().join(";")
    }

    pub fn shown_now(&self, project: ProjectId) -> Option<String> {
        self.shown.lock().unwrap().get(&project).cloned()
    }
}

pub fn problem(source: ProblemSource, code: &str, path: &str) -> Problem {
    Problem {
        source,
        severity: Severity::Error,
        code: code.into(),
        message: format!("something is wrong with {path}"),
        path: Some(path.into()),
        line: Some(1),
        column: None,
        hint: None,
        detail: None,
    }
}

#[async_trait]
impl Previews for FakePreviews {
    async fn prepare(
        &self,
        _project: ProjectId,
        files: &BTreeMap<String, Bytes>,
    ) -> Result<Candidate, ApiError> {
        let text = |content: &Bytes| String::from_utf8_lossy(content).into_owned();
        let problems: Vec<Problem> = files
            .iter()
            .filter(|(_, content)| text(content).contains("SYNTAX"))
            .map(|(path, _)| problem(ProblemSource::Compile, "syntax", path))
            .collect();
        let queries = files
            .iter()
            .filter_map(|(path, content)| {
                let name = path.strip_prefix("queries/")?.strip_suffix(".sql")?;
                Some(QueryContract {
                    name: name.into(),
                    path: path.clone(),
                    text: text(content),
                    effect: Effect::Read,
                    parameters: Vec::new(),
                    description: String::new(),
                    cache: None,
                    line_offset: 0,
                })
            })
            .collect();
        let crash = files
            .values()
            .any(|content| text(content).contains("CRASH"));
        Ok(Candidate {
            revision: Self::revision(files),
            ok: problems.is_empty(),
            problems,
            queries,
            inner: Arc::new(crash),
        })
    }

    async fn warm(
        &self,
        _project: ProjectId,
        path: &str,
        _content: Bytes,
    ) -> Result<Vec<Problem>, ApiError> {
        self.warmed.lock().unwrap().push(path.to_owned());
        Ok(Vec::new())
    }

    async fn check_server(&self, _project: ProjectId, candidate: &Candidate) -> Vec<Problem> {
        match candidate.inner.downcast_ref::<bool>() {
            Some(true) => vec![problem(ProblemSource::Server, "server", "server/x.ts")],
            _ => Vec::new(),
        }
    }

    async fn show(&self, project: ProjectId, candidate: &Candidate) {
        self.painted
            .lock()
            .unwrap()
            .push(candidate.revision.clone());
        self.shown
            .lock()
            .unwrap()
            .insert(project, candidate.revision.clone());
    }

    async fn shown(&self, project: ProjectId) -> Option<String> {
        self.shown_now(project)
    }

    async fn set_problems(&self, project: ProjectId, problems: Vec<Problem>) {
        self.problems.lock().unwrap().insert(project, problems);
    }

    async fn problems(&self, project: ProjectId) -> Vec<Problem> {
        self.problems
            .lock()
            .unwrap()
            .get(&project)
            .cloned()
            .unwrap_or_default()
    }

    async fn forget(&self, project: ProjectId) {
        self.forgotten.lock().unwrap().push(project);
        self.shown.lock().unwrap().remove(&project);
        self.problems.lock().unwrap().remove(&project);
    }
}

/// One source; a query with `missing` in it is refused at that word.
#[derive(Default)]
pub struct FakeSources {
    pub source: Mutex<Option<SourceId>>,
    pub away: Mutex<bool>,
    pub checked: Mutex<Vec<String>>,
}

/// What must never be told to a model.
pub const CANARY: &str = "canary-7f3a91";

impl FakeSources {
    pub fn add(&self) -> SourceId {
        *self
            .source
            .lock()
            .unwrap()
            .get_or_insert_with(SourceId::generate)
    }

    fn reach(&self, source: SourceId) -> Result<(), ApiError> {
        if *self.source.lock().unwrap() != Some(source) {
            return Err(ApiError::not_found("source", source));
        }
        if *self.away.lock().unwrap() {
            let message = "db.example:5432 cannot be reached";
            return Err(ApiError::new(ErrorCode::Unreachable, message));
        }
        Ok(())
    }
}

#[async_trait]
impl DataSources for FakeSources {
    async fn source(&self, source: SourceId) -> Result<SourceInfo, ApiError> {
        if *self.source.lock().unwrap() != Some(source) {
            return Err(ApiError::not_found("source", source));
        }
        Ok(SourceInfo {
            id: source,
            name: "Sample shop".into(),
            plugin: "labd.sqlite".into(),
            connector: "SQLite".into(),
            dialect: "sqlite".into(),
            location: format!("/srv/{CANARY}.db"),
            user: Some(CANARY.into()),
            tls: None,
            own_ca: false,
            environment: "development".into(),
            time_zone: "UTC".into(),
            sample: true,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            last_test: None,
            projects: Vec::new(),
        })
    }

    async fn schema(&self, source: SourceId) -> Result<Arc<SourceSchema>, ApiError> {
        self.reach(source)?;
        let table = |name: &str, columns: &[&str]| RelationSchema {
            schema: "main".into(),
            name: name.into(),
            kind: RelationKind::Table,
            comment: None,
            row_estimate: Some(10),
            columns: columns
                .iter()
                .map(|name| ColumnSchema {
                    name: (*name).into(),
                    database_type: "TEXT".into(),
                    kind: ValueKind::Text,
                    nullable: false,
                    default_value: None,
                    comment: None,
                    enum_values: Vec::new(),
                })
                .collect(),
            primary_key: vec!["id".into()],
            unique_keys: Vec::new(),
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
        };
        Ok(Arc::new(SourceSchema {
            dialect: "sqlite".into(),
            default_schema: "main".into(),
            read_at: Timestamp::UNIX_EPOCH,
            relations: vec![
                table("orders", &["id", "total"]),
                table("customers", &["id", "name"]),
            ],
        }))
    }

    async fn check_query(&self, source: SourceId, query: &QueryContract) -> Result<(), ApiError> {
        self.reach(source)?;
        self.checked.lock().unwrap().push(query.name.clone());
        match query.text.find("missing") {
            None => Ok(()),
            Some(at) => Err(ApiError {
                position: u32::try_from(at + 1).ok(),
                ..ApiError::new(ErrorCode::QueryFailed, "no such table: missing")
            }),
        }
    }
}
