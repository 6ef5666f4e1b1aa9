//! The end of a turn: a new head, a draft, or nothing.

use super::{
    TurnEntry,
    run::{Active, End, state_of},
    work::Work,
};
use crate::{
    settle::{Checked, Checks, has_errors},
    workspace::{
        files::Files,
        records::{ProjectRecord, TurnRecord, key, stream},
        repo::{About, NewSnapshot},
    },
};
use jiff::Timestamp;
use labd_protocol::{
    ApiError, Author, CheckState, ErrorCode, Problem, ProblemSource, Severity, TurnEvent,
    TurnState, Usage,
};
use labd_store::{Batch, StoreError};
use tokio::task::JoinHandle;

/// Longest message of a snapshot (characters).
const MESSAGE_CHARS: usize = 120;

/// What a turn leaves.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) head: Option<NewSnapshot>,
    pub(super) draft: Option<(NewSnapshot, String)>,
    pub(super) error: Option<ApiError>,
}

/// A state that was tried.
enum Tried {
    /// It is stored, and shown.
    Passed(NewSnapshot),
    /// It is not the project's state.
    Failed(ApiError),
}

impl Outcome {
    /// Adds what is left to a batch, with the turn's last events.
    pub(super) fn put(
        &self,
        turn: &TurnRecord,
        project: &mut ProjectRecord,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let stream = stream(turn.project, turn.id);
        if let Some((draft, reason)) = &self.draft {
            draft.put(turn.project, batch)?;
            let event = TurnEvent::Draft {
                id: draft.record.id,
                reason: reason.clone(),
            };
            batch.append(&stream, TurnEntry::now(event))?;
        }
        if let Some(head) = &self.head {
            head.put(turn.project, batch)?;
            let event = TurnEvent::Snapshot {
                id: head.record.id,
                message: head.record.message.clone(),
                changed: head.record.changed.clone(),
            };
            batch.append(&stream, TurnEntry::now(event))?;
            project.head = Some(head.record.id);
            project.working = None;
        }
        let event = TurnEvent::Finished {
            state: turn.state,
            error: turn.error.clone(),
        };
        batch.append(&stream, TurnEntry::now(event))?;
        batch.put(&key(turn.project, turn.id), turn)?;
        Ok(())
    }

    /// Notes on the turn's record what is left.
    pub(super) fn note(&self, turn: &mut TurnRecord, state: TurnState) {
        turn.state = state;
        turn.ended_at = Some(Timestamp::now());
        turn.error.clone_from(&self.error);
        turn.fault = self.error.as_ref().map(|error| error.message.clone());
        let left = self
            .head
            .as_ref()
            .or(self.draft.as_ref().map(|(draft, _)| draft));
        turn.snapshot = left.map(|snapshot| snapshot.record.id);
        turn.changed = left
            .map(|snapshot| snapshot.record.changed.clone())
            .unwrap_or_default();
    }
}

impl Active {
    /// Ends the turn with what the answer left.
    pub(super) async fn finish(
        &mut self,
        end: End,
        work: Work,
        late: Option<JoinHandle<Option<Usage>>>,
    ) -> Result<(), ApiError> {
        work.prose().clone_into(&mut self.record.answer);
        let lock = self.builder.lock(self.id());
        let _changing = lock.lock().await;
        let builder = self.builder.clone();
        let _blobs = builder.repo().hold_blobs().await;
        let mut state = state_of(&end);
        let mut outcome = Outcome::default();
        match end {
            End::Whole | End::Stopped => {
                let complete = work.files() != &self.base.files || has_errors(work.problems());
                if complete {
                    match self.attempt(&work).await? {
                        Tried::Passed(head) => outcome.head = Some(head),
                        Tried::Failed(error) => {
                            if state == TurnState::Done {
                                state = TurnState::Failed;
                            }
                            outcome.draft = self.draft(work.files(), &error.message).await?;
                            outcome.error = Some(error);
                        }
                    }
                } else if !work.problems().is_empty() {
                    self.tell(TurnEvent::Problems {
                        problems: work.problems().to_vec(),
                    })
                    .await?;
                }
                if state == TurnState::Stopped
                    && let Some(partial) = work.with_partial()
                {
                    let reason = "The turn was stopped in the middle of a file.";
                    outcome.draft = self.draft(&partial, reason).await?;
                }
            }
            End::Cut(mut error) => {
                outcome.draft = self.leave(&work, &error.message).await?;
                if outcome.draft.is_some() {
                    error
                        .message
                        .push_str(" What had arrived is kept as a draft.");
                }
                outcome.error = Some(error);
            }
            End::Interrupted => {
                outcome.draft = self
                    .leave(&work, "labd was stopped in the middle of the turn.")
                    .await?;
            }
        }
        if let Some(late) = late
            && let Ok(Some(usage)) = late.await
        {
            self.record.usage = usage;
            self.tell(TurnEvent::Usage { usage }).await?;
        }
        outcome.note(&mut self.record, state);
        self.store(outcome).await
    }

    /// Ends the turn after a fault of labd itself.
    pub(super) async fn fail(&mut self, error: ApiError) -> Result<(), ApiError> {
        // What could not be journaled before has been told by the error.
        let _ = self.builder.flush(&self.stream()).await;
        let outcome = Outcome {
            error: Some(error),
            ..Outcome::default()
        };
        outcome.note(&mut self.record, TurnState::Failed);
        self.store(outcome).await
    }

    async fn store(&self, outcome: Outcome) -> Result<(), ApiError> {
        let repo = self.builder.repo();
        repo.change_project(self.id(), |project, batch| {
            outcome.put(&self.record, project, batch)
        })
        .await
        .map(drop)
    }

    /// Keeps what arrived as a draft, if anything did.
    async fn leave(
        &self,
        work: &Work,
        reason: &str,
    ) -> Result<Option<(NewSnapshot, String)>, ApiError> {
        match work.with_partial() {
            Some(partial) => self.draft(&partial, reason).await,
            None => self.draft(work.files(), reason).await,
        }
    }

    async fn draft(
        &self,
        files: &Files,
        reason: &str,
    ) -> Result<Option<(NewSnapshot, String)>, ApiError> {
        if *files == self.base.files {
            return Ok(None);
        }
        let draft = self
            .builder
            .repo()
            .new_snapshot(&self.base, files, self.about(true))
            .await?;
        Ok(Some((draft, reason.to_owned())))
    }

    fn about(&self, draft: bool) -> About {
        let TurnRecord {
            provider, model, ..
        } = &self.record;
        let line = self.record.text.lines().next().unwrap_or_default();
        let mut message: String = line.chars().take(MESSAGE_CHARS).collect();
        if message.len() < line.len() {
            message.push('…');
        }
        About {
            author: Author::Model {
                provider: provider.clone(),
                model: model.clone(),
            },
            message,
            turn: Some(self.record.id),
            draft,
        }
    }

    /// Compiles and shows the answer's files, checks and stores them. When they do not pass, the
    /// last good state is shown again.
    async fn attempt(&self, work: &Work) -> Result<Tried, ApiError> {
        let mut problems = work.problems().to_vec();
        self.check("compile", CheckState::Running).await?;
        let prepared = self
            .builder
            .previews()
            .prepare(self.id(), work.files().map())
            .await;
        let candidate = match prepared {
            Ok(candidate) => candidate,
            Err(error) => {
                problems.push(not_compiled(&error));
                return self.refuse(problems, "compile").await;
            }
        };
        problems.extend(candidate.problems.iter().cloned());
        if !candidate.ok || has_errors(&problems) {
            return self.refuse(problems, "compile").await;
        }
        self.builder.previews().show(self.id(), &candidate).await;
        self.tell(TurnEvent::Candidate {
            revision: candidate.revision.clone(),
        })
        .await?;
        self.check("compile", CheckState::Passed).await?;

        let head = match self.base.id == self.project.head {
            true => self.base.files.clone(),
            false => {
                self.builder
                    .repo()
                    .state(self.id(), self.project.head)
                    .await?
                    .files
            }
        };
        let changed = work.files().changed(&head);
        let checks = Checks {
            project: self.id(),
            // The source may have been changed while the answer came.
            source: self.builder.repo().project(self.id())?.source,
            candidate: &candidate,
            changed: &changed,
        };
        let has_queries = !checks.queries().is_empty();
        let has_server = work
            .files()
            .map()
            .keys()
            .any(|path| path.starts_with("server/"));
        for (name, runs) in [("queries", has_queries), ("server", has_server)] {
            if runs {
                self.check(name, CheckState::Running).await?;
            }
        }
        let (Checked { queries, server }, stored) = tokio::join!(
            checks.run(&self.builder),
            self.builder
                .repo()
                .new_snapshot(&self.base, work.files(), self.about(false)),
        );
        let mut failed = false;
        for (name, runs, found) in [
            ("queries", has_queries, queries),
            ("server", has_server, server),
        ] {
            let wrong = has_errors(&found);
            failed |= wrong;
            problems.extend(found);
            if runs || wrong {
                let state = if wrong {
                    CheckState::Failed
                } else {
                    CheckState::Passed
                };
                self.check(name, state).await?;
            }
        }
        if failed {
            self.builder.show_head(self.id()).await?;
            return self.refused(problems).await;
        }
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) => {
                self.builder.show_head(self.id()).await?;
                return Err(error);
            }
        };
        self.builder
            .previews()
            .set_problems(self.id(), problems.clone())
            .await;
        if !problems.is_empty() {
            self.tell(TurnEvent::Problems { problems }).await?;
        }
        Ok(Tried::Passed(stored))
    }

    async fn check(&self, name: &str, state: CheckState) -> Result<(), ApiError> {
        self.tell(TurnEvent::Check {
            name: name.to_owned(),
            state,
        })
        .await
    }

    async fn refuse(&self, problems: Vec<Problem>, check: &str) -> Result<Tried, ApiError> {
        self.check(check, CheckState::Failed).await?;
        self.refused(problems).await
    }

    async fn refused(&self, mut problems: Vec<Problem>) -> Result<Tried, ApiError> {
        problems.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        let errors: Vec<&Problem> = problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .collect();
        let code = if errors
            .iter()
            .all(|problem| problem.source == ProblemSource::Query)
        {
            ErrorCode::QueryFailed
        } else {
            ErrorCode::InvalidRequest
        };
        let first = errors
            .first()
            .map_or_else(String::new, |problem| describe(problem));
        let more = match errors.len() {
            0 | 1 => String::new(),
            count => format!(" And {} more.", count - 1),
        };
        let error = ApiError::new(
            code,
            format!("The new state does not work, so it is kept as a draft and the last good state stays. {first}{more}"),
        )
        .with_hint("Ask for it to be fixed, with the problem's words.");
        self.tell(TurnEvent::Problems { problems }).await?;
        Ok(Tried::Failed(error))
    }
}

fn describe(problem: &Problem) -> String {
    let place = match (&problem.path, problem.line) {
        (Some(path), Some(line)) => format!("{path}, line {line}: "),
        (Some(path), None) => format!("{path}: "),
        _ => String::new(),
    };
    format!("{place}{}", problem.message)
}

fn not_compiled(error: &ApiError) -> Problem {
    Problem {
        source: ProblemSource::Compile,
        severity: Severity::Error,
        code: error.code.as_str().to_owned(),
        message: format!("The app could not be compiled: {}", error.message),
        path: None,
        line: None,
        column: None,
        hint: error.hint.clone(),
        detail: None,
    }
}
