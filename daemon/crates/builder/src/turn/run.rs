//! Asking, and taking the answer.

use super::{Running, TurnEntry, entry::pieces, work::Work};
use crate::{
    Builder,
    answer::{Parser, Piece},
    context,
    limits::{ANSWER_BYTES, EVENTS_AT_ONCE},
    path::ProjectPath,
    ports::{Answer, Model},
    workspace::{
        records::{ProjectRecord, TurnRecord, key, stream},
        repo::State,
    },
};
use bytes::Bytes;
use futures_util::FutureExt;
use labd_plugin_host::kinds::ai::{Event, FinishReason, Request, Usage as ModelUsage};
use labd_protocol::{ApiError, ErrorCode, Notice, ProjectId, TurnEvent, TurnState, Usage};
use labd_store::Batch;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// Complete files that wait to be compiled early; more are not worth the wait.
const WARM_QUEUE: usize = 64;

/// For reports of usage that come after the answer's end.
const LATE_USAGE: Duration = Duration::from_millis(500);

/// How an answer ended.
#[derive(Debug)]
pub(super) enum End {
    /// The model was done.
    Whole,
    /// It came to no end.
    Cut(ApiError),
    /// Someone stopped it.
    Stopped,
    /// The daemon stops.
    Interrupted,
}

/// A turn with all that it works on.
pub(super) struct Active {
    pub(super) builder: Builder,
    pub(super) project: ProjectRecord,
    pub(super) record: TurnRecord,
    pub(super) model: Arc<dyn Model>,
    pub(super) running: Running,
    pub(super) base: State,
}

/// Runs the turn in a task of its own.
pub(super) fn spawn(
    builder: Builder,
    project: ProjectRecord,
    record: TurnRecord,
    model: Arc<dyn Model>,
    running: Running,
) {
    let (id, turn, ended) = (project.id, record.id, running.ended.clone());
    let mut active = Active {
        builder: builder.clone(),
        project,
        record,
        model,
        running,
        base: State::default(),
    };
    builder.clone().spawn(async move {
        let done = AssertUnwindSafe(active.run()).catch_unwind().await;
        let failure = match done {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(ApiError::new(
                ErrorCode::Internal,
                "labd failed in the middle of this turn. The log has more.",
            )),
        };
        if let Some(error) = failure {
            tracing::error!(project = %id, %turn, %error, "a turn failed");
            if let Err(error) = active.fail(error).await {
                tracing::error!(project = %id, %turn, %error, "the end of a turn could not be stored");
            }
        }
        builder.clear_running(id);
        ended.cancel();
        builder.notify(Notice::Turn { project: id, turn });
        builder.notify(Notice::Project { project: id });
    });
}

impl Active {
    pub(super) fn id(&self) -> ProjectId {
        self.project.id
    }

    pub(super) fn stream(&self) -> String {
        stream(self.project.id, self.record.id)
    }

    /// Journals an event without waiting for it to be durable.
    pub(super) async fn tell(&self, event: TurnEvent) -> Result<(), ApiError> {
        let journal = self.builder.repo().store.journal();
        let stream = self.stream();
        for event in pieces(event) {
            journal.push(&stream, TurnEntry::now(event)).await?;
        }
        Ok(())
    }

    async fn run(&mut self) -> Result<(), ApiError> {
        let from = self.project.working.or(self.project.head);
        self.base = self.builder.repo().state(self.id(), from).await?;
        let document =
            context::assemble(&self.builder, &self.project, &self.base, &self.record).await?;
        let (request, prompt) = context::request(&*self.model, self.id(), document)?;
        self.keep_prompt(prompt).await?;

        let mut work = Work::on(&self.base);
        let (end, rest) = self.take(request, &mut work).await?;
        let late = late_usage(rest);
        self.finish(end, work, late).await
    }

    async fn keep_prompt(&mut self, prompt: String) -> Result<(), ApiError> {
        let repo = self.builder.repo();
        let _blobs = repo.hold_blobs().await;
        self.record.prompt = Some(repo.put_text(prompt).await?);
        self.put_record().await
    }

    async fn put_record(&self) -> Result<(), ApiError> {
        let mut batch = Batch::new();
        batch.put(&key(self.id(), self.record.id), &self.record)?;
        self.builder
            .repo()
            .store
            .commit(batch)
            .await
            .map_err(ApiError::from)
    }

    /// Asks, and takes the answer until its end. What may still report usage is given back.
    async fn take(
        &mut self,
        request: Request,
        work: &mut Work,
    ) -> Result<(End, Option<Box<dyn Answer>>), ApiError> {
        let mut parser = Parser::new();
        let warm = Warm::start(&self.builder, self.id());
        let (end, rest) = self.listen(request, &mut parser, work, &warm).await?;
        let whole = matches!(end, End::Whole);
        for piece in parser.finish() {
            self.piece(piece, whole, work, &warm).await?;
        }
        Ok((end, rest))
    }

    async fn listen(
        &mut self,
        request: Request,
        parser: &mut Parser,
        work: &mut Work,
        warm: &Warm,
    ) -> Result<(End, Option<Box<dyn Answer>>), ApiError> {
        let name = self.record.provider.clone();
        let late = |seconds: Duration| {
            let message = format!(
                "{name} sent nothing for {} seconds. Ask again, or choose another model.",
                seconds.as_secs_f64().ceil()
            );
            End::Cut(ApiError::new(ErrorCode::Timeout, message))
        };
        let options = self.builder.options().clone();
        let first = Instant::now() + options.first_event;
        let shutdown = self.builder.shutdown_token();
        let model = Arc::clone(&self.model);
        let started = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok((End::Interrupted, None)),
            () = self.running.stop.cancelled() => return Ok((End::Stopped, None)),
            started = timeout_at(first, model.complete(request)) => started,
        };
        let mut answer = match started {
            Err(_) => return Ok((late(options.first_event), None)),
            Ok(Err(error)) => return Ok((End::Cut(error), None)),
            Ok(Ok(answer)) => answer,
        };
        let (mut deadline, mut waited) = (first, options.first_event);
        loop {
            let next = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok((End::Interrupted, None)),
                () = self.running.stop.cancelled() => return Ok((End::Stopped, None)),
                next = timeout_at(deadline, answer.next(EVENTS_AT_ONCE)) => next,
            };
            let events = match next {
                Err(_) => return Ok((late(waited), None)),
                Ok(Err(error)) => return Ok((End::Cut(error), None)),
                Ok(Ok(events)) if events.is_empty() => return Ok((self.ended(None), None)),
                Ok(Ok(events)) => events,
            };
            (deadline, waited) = (Instant::now() + options.next_event, options.next_event);
            let mut reason = None;
            for event in events {
                match event {
                    Event::Text(text) => {
                        for piece in parser.push(&text) {
                            if piece == Piece::TooLong {
                                let message =
                                    format!("The answer is longer than {ANSWER_BYTES} bytes.");
                                let error = ApiError::new(ErrorCode::TooLarge, message);
                                return Ok((End::Cut(error), None));
                            }
                            self.piece(piece, false, work, warm).await?;
                        }
                    }
                    Event::Reasoning(text) => self.tell(TurnEvent::Reasoning { text }).await?,
                    Event::Usage(usage) => {
                        let usage = totals(usage);
                        self.record.usage = usage;
                        self.tell(TurnEvent::Usage { usage }).await?;
                    }
                    Event::Finish(why) => reason = Some(why),
                    // Tools are not offered, and opaque parts belong to conversations with tools.
                    Event::Started { .. }
                    | Event::ToolStarted { .. }
                    | Event::ToolFragment { .. }
                    | Event::ToolFinished(_)
                    | Event::Blob(_) => {}
                }
            }
            if reason.is_some() {
                // Painting does not wait for the connection to be closed.
                return Ok((self.ended(reason), Some(answer)));
            }
        }
    }

    async fn piece(
        &self,
        piece: Piece,
        whole: bool,
        work: &mut Work,
        warm: &Warm,
    ) -> Result<(), ApiError> {
        let taken = work.take(piece, whole);
        if let Some(file) = taken.warm {
            warm.file(file);
        }
        for event in taken.events {
            self.tell(event).await?;
        }
        Ok(())
    }

    fn ended(&self, reason: Option<FinishReason>) -> End {
        let name = &self.record.provider;
        let (code, message) = match reason {
            Some(FinishReason::Stop | FinishReason::Other | FinishReason::ToolUse) => {
                return End::Whole;
            }
            None => (
                ErrorCode::Unreachable,
                format!("The answer of {name} broke off before its end. Ask again."),
            ),
            Some(FinishReason::Length) => (
                ErrorCode::TooLarge,
                "The answer reached the model's limit of tokens before its end. Ask for less at once, or choose a model with a higher limit.".to_owned(),
            ),
            Some(FinishReason::ContentFilter) => (
                ErrorCode::InvalidRequest,
                format!("A content filter of {name} ended the answer. Say it in other words, or choose another model."),
            ),
            Some(FinishReason::Refusal) => (
                ErrorCode::InvalidRequest,
                "The model declined the request. Say it in other words, or choose another model.".to_owned(),
            ),
            Some(FinishReason::Pause) => (
                ErrorCode::Overloaded,
                format!("{name} paused the answer before its end. Ask again."),
            ),
        };
        End::Cut(ApiError::new(code, message))
    }
}

fn totals(usage: ModelUsage) -> Usage {
    Usage {
        input: usage.input,
        cached_input: usage.cached_input,
        output: usage.output,
        reasoning: usage.reasoning,
    }
}

/// The last report of usage after the answer's end: read beside the checks, not for long.
fn late_usage(rest: Option<Box<dyn Answer>>) -> Option<JoinHandle<Option<Usage>>> {
    let mut rest = rest?;
    Some(tokio::spawn(async move {
        let mut last = None;
        let all = async {
            while let Ok(events) = rest.next(EVENTS_AT_ONCE).await {
                if events.is_empty() {
                    break;
                }
                for event in events {
                    if let Event::Usage(usage) = event {
                        last = Some(totals(usage));
                    }
                }
            }
        };
        // A report that does not come is none.
        let _ = timeout(LATE_USAGE, all).await;
        last
    }))
}

/// Compiles files early, one after another, beside the answer.
struct Warm {
    files: mpsc::Sender<(ProjectPath, Bytes)>,
    over: CancellationToken,
}

impl Warm {
    fn start(builder: &Builder, project: ProjectId) -> Self {
        let (files, mut queue) = mpsc::channel::<(ProjectPath, Bytes)>(WARM_QUEUE);
        let over = CancellationToken::new();
        let (builder, ended) = (builder.clone(), over.clone());
        builder.clone().spawn(async move {
            while let Some((path, content)) = queue.recv().await {
                // What waits now is compiled with the rest; a call that has begun is not dropped,
                // since that would lose the sandbox's state.
                if ended.is_cancelled() {
                    break;
                }
                if let Err(error) = builder
                    .previews()
                    .warm(project, path.as_str(), content)
                    .await
                {
                    tracing::debug!(%project, %path, %error, "a file was not compiled early");
                }
            }
        });
        Self { files, over }
    }

    fn file(&self, file: (ProjectPath, Bytes)) {
        // A full queue means that compiling is behind; the file is compiled with the rest then.
        let _ = self.files.try_send(file);
    }
}

impl Drop for Warm {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

/// The state a turn ends in without regard to its files.
pub(super) fn state_of(end: &End) -> TurnState {
    match end {
        End::Whole => TurnState::Done,
        End::Cut(_) => TurnState::Failed,
        End::Stopped => TurnState::Stopped,
        End::Interrupted => TurnState::Interrupted,
    }
}
