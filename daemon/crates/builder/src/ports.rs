//! What the builder needs from the parts around it, as narrow traits: data sources, models and
//! previews. `adapters.rs` implements them for the real sources and previews, the binary for the
//! gateway's models; tests use their own.

use async_trait::async_trait;
use bytes::Bytes;
use labd_plugin_host::kinds::{
    ai::{Capabilities, Event, Request},
    sandbox::QueryContract,
};
use labd_protocol::{ApiError, Problem, ProjectId, ProviderId, SourceId, SourceInfo, SourceSchema};
use std::{any::Any, collections::BTreeMap, fmt, sync::Arc};

/// Data sources, as far as projects need them.
#[async_trait]
pub trait DataSources: Send + Sync {
    /// One source, without anything secret.
    async fn source(&self, source: SourceId) -> Result<SourceInfo, ApiError>;
    /// Its schema, from a cache where there is one.
    async fn schema(&self, source: SourceId) -> Result<Arc<SourceSchema>, ApiError>;
    /// Has the database check a named query; `position` of an error counts characters in the
    /// contract's `text`.
    async fn check_query(&self, source: SourceId, query: &QueryContract) -> Result<(), ApiError>;
}

/// AI providers.
#[async_trait]
pub trait Models: Send + Sync {
    /// The model that is meant: the named one, or the default. What it uses is counted for the
    /// project.
    async fn resolve(
        &self,
        project: ProjectId,
        provider: Option<ProviderId>,
        model: Option<String>,
    ) -> Result<Arc<dyn Model>, ApiError>;
}

/// A model to be asked.
#[async_trait]
pub trait Model: Send + Sync {
    /// The provider's name.
    fn provider(&self) -> &str;
    /// The model's id.
    fn model(&self) -> &str;
    /// What it can do.
    fn capabilities(&self) -> Capabilities;
    /// Starts an answer.
    async fn complete(&self, request: Request) -> Result<Box<dyn Answer>, ApiError>;
}

/// A running answer. Dropping it closes the connection.
#[async_trait]
pub trait Answer: Send {
    /// Waits for at least one event and gives those that are ready, at most `max`; empty at the end.
    /// An error says what the failure means to whoever asked, with what to do.
    async fn next(&mut self, max: u32) -> Result<Vec<Event>, ApiError>;
}

/// A compiled state of a project.
#[derive(Clone)]
pub struct Candidate {
    /// Its name.
    pub revision: String,
    /// It can be shown: no error stands in `problems`.
    pub ok: bool,
    /// What compiling found.
    pub problems: Vec<Problem>,
    /// The app's queries.
    pub queries: Vec<QueryContract>,
    /// What the preview itself made of it.
    pub inner: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("revision", &self.revision)
            .field("ok", &self.ok)
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

/// Running apps.
#[async_trait]
pub trait Previews: Send + Sync {
    /// Compiles a whole state.
    async fn prepare(
        &self,
        project: ProjectId,
        files: &BTreeMap<String, Bytes>,
    ) -> Result<Candidate, ApiError>;
    /// Compiles one file early.
    async fn warm(
        &self,
        project: ProjectId,
        path: &str,
        content: Bytes,
    ) -> Result<Vec<Problem>, ApiError>;
    /// Loads the server code of a state.
    async fn check_server(&self, project: ProjectId, candidate: &Candidate) -> Vec<Problem>;
    /// Paints a state in every open preview.
    async fn show(&self, project: ProjectId, candidate: &Candidate);
    /// The revision that is shown.
    async fn shown(&self, project: ProjectId) -> Option<String>;
    /// Says what is wrong with the shown state, beside what happens while it runs.
    async fn set_problems(&self, project: ProjectId, problems: Vec<Problem>);
    /// Everything that is wrong with the shown state.
    async fn problems(&self, project: ProjectId) -> Vec<Problem>;
    /// Shows nothing any more.
    async fn forget(&self, project: ProjectId);
}

/// The sources that an exported app needs to run outside labd: `@labd/data`, `@labd/ui`.
pub trait ExportKit: Send + Sync {
    /// Paths below the exported project's `vendor/` folder, with their content: `@labd/data` from
    /// `labd-data/index.ts` on, `@labd/ui` from `labd-ui/index.ts` and `labd-ui/theme.css` on.
    fn files(&self) -> Vec<(String, Bytes)>;
}
