//! The checks of a compiled state, as turns and saves by hand run them.

use crate::{Builder, checks, ports::Candidate};
use labd_plugin_host::kinds::sandbox::QueryContract;
use labd_protocol::{Problem, ProjectId, Severity, SourceId};

/// What to check.
pub(crate) struct Checks<'a> {
    pub(crate) project: ProjectId,
    pub(crate) source: Option<SourceId>,
    pub(crate) candidate: &'a Candidate,
    /// Paths that differ from the head, whose queries are known to be right.
    pub(crate) changed: &'a [String],
}

/// What was found.
pub(crate) struct Checked {
    pub(crate) queries: Vec<Problem>,
    pub(crate) server: Vec<Problem>,
}

impl Checks<'_> {
    /// The queries that have to be checked.
    pub(crate) fn queries(&self) -> Vec<&QueryContract> {
        let changed = |query: &&QueryContract| self.changed.contains(&query.path);
        self.candidate.queries.iter().filter(changed).collect()
    }

    /// Runs all checks at the same time.
    pub(crate) async fn run(&self, builder: &Builder) -> Checked {
        let queries = self.queries();
        let (queries, server) = tokio::join!(
            checks::queries(builder.sources(), self.source, &queries),
            builder
                .previews()
                .check_server(self.project, self.candidate),
        );
        Checked { queries, server }
    }
}

/// Whether one of the problems keeps the state from working.
pub(crate) fn has_errors(problems: &[Problem]) -> bool {
    problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
}
