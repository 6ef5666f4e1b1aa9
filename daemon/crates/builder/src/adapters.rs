//! The real parts as the builder sees them.

use crate::ports::{Candidate, DataSources, Previews};
use async_trait::async_trait;
use bytes::Bytes;
use labd_data::Sources;
use labd_plugin_host::kinds::sandbox::QueryContract;
use labd_protocol::{ApiError, Problem, ProjectId, SourceId, SourceInfo, SourceSchema};
use std::{collections::BTreeMap, sync::Arc};

#[async_trait]
impl DataSources for Sources {
    async fn source(&self, source: SourceId) -> Result<SourceInfo, ApiError> {
        self.get(source).await
    }

    async fn schema(&self, source: SourceId) -> Result<Arc<SourceSchema>, ApiError> {
        Sources::schema(self, source, false).await
    }

    async fn check_query(&self, source: SourceId, query: &QueryContract) -> Result<(), ApiError> {
        Sources::check_query(self, source, query).await.map(drop)
    }
}

#[async_trait]
impl Previews for labd_preview::Previews {
    async fn prepare(
        &self,
        project: ProjectId,
        files: &BTreeMap<String, Bytes>,
    ) -> Result<Candidate, ApiError> {
        let made = labd_preview::Previews::prepare(self, project, files).await?;
        Ok(Candidate {
            revision: made.revision.clone(),
            ok: made.ok,
            problems: made.problems.clone(),
            queries: made.queries.clone(),
            inner: Arc::new(made),
        })
    }

    async fn warm(
        &self,
        project: ProjectId,
        path: &str,
        content: Bytes,
    ) -> Result<Vec<Problem>, ApiError> {
        labd_preview::Previews::warm(self, project, path, content).await
    }

    async fn check_server(&self, project: ProjectId, candidate: &Candidate) -> Vec<Problem> {
        match own(candidate) {
            Some(made) => labd_preview::Previews::check_server(self, project, made).await,
            None => Vec::new(),
        }
    }

    async fn show(&self, project: ProjectId, candidate: &Candidate) {
        if let Some(made) = own(candidate) {
            labd_preview::Previews::show(self, project, made);
        }
    }

    async fn shown(&self, project: ProjectId) -> Option<String> {
        labd_preview::Previews::shown(self, project)
    }

    async fn set_problems(&self, project: ProjectId, problems: Vec<Problem>) {
        labd_preview::Previews::set_problems(self, project, problems);
    }

    async fn problems(&self, project: ProjectId) -> Vec<Problem> {
        labd_preview::Previews::problems(self, project)
    }

    async fn forget(&self, project: ProjectId) {
        labd_preview::Previews::forget(self, project);
    }
}

/// The candidate as its preview made it; every candidate that comes back here did.
fn own(candidate: &Candidate) -> Option<&labd_preview::Candidate> {
    candidate.inner.downcast_ref()
}
