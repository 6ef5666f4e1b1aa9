//! Turns: one request, one answer, one new state of the project.
//!
//! 1. The context is assembled and sent; what was sent is kept.
//! 2. Each piece of the answer is journaled as an event and applied to a working copy; complete
//!    files are compiled early.
//! 3. At the answer's last byte the working copy is compiled and painted as a **candidate**. Beside
//!    that, its queries and server code are checked and its files are stored.
//! 4. When all is well, the candidate is the project's new head. Otherwise it is kept as a draft,
//!    and the last good state is painted again.
//!
//! A turn outlives the client that started it, and ends in exactly one `finished` event.

mod entry;
mod finish;
mod restart;
mod run;
mod work;

pub(crate) use entry::TurnEntry;

use crate::{
    Builder,
    limits::{EVENTS_PAGE, EVENTS_WAIT, REQUEST_BYTES},
    workspace::records::{TurnRecord, key, stream},
};
use jiff::Timestamp;
use labd_protocol::{
    ApiError, ErrorCode, Notice, ProjectId, StartTurn, Turn, TurnEvent, TurnEvents, TurnId,
    TurnState, Usage,
};
use labd_store::Batch;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A turn that runs.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) turn: TurnId,
    /// Someone wants it to stop.
    pub(crate) stop: CancellationToken,
    /// It has ended.
    pub(crate) ended: CancellationToken,
}

impl Builder {
    /// Starts a turn, or finds it when it has been started.
    ///
    /// # Errors
    /// `conflict` while another turn of the project runs; when nothing is asked, or no model is
    /// there to be asked.
    pub async fn turn_start(&self, project: ProjectId, start: StartTurn) -> Result<Turn, ApiError> {
        if let Some(there) = self.repo().find_turn(project, start.id)? {
            return self.turn_view(there);
        }
        let text = start.text.trim().to_owned();
        if text.is_empty() {
            return Err(ApiError::invalid(
                "text",
                "Say what you want, in plain words.",
            ));
        }
        if text.len() > REQUEST_BYTES {
            let message = format!("A request has at most {REQUEST_BYTES} bytes.");
            return Err(ApiError::new(ErrorCode::TooLarge, message));
        }
        let lock = self.lock(project);
        let _changing = lock.lock().await;
        if let Some(there) = self.repo().find_turn(project, start.id)? {
            return self.turn_view(there);
        }
        let record = self.repo().project(project)?;
        if let Some(turn) = self.running_turn(project) {
            let message = format!(
                "Turn {turn} is running in this project. Wait for it to end, or stop it, then ask again."
            );
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        if self.is_shutting_down() {
            let message = "labd is shutting down. Ask again when it runs.";
            return Err(ApiError::new(ErrorCode::Overloaded, message));
        }
        // A model belongs to its provider.
        let model = match start.provider {
            Some(provider) if Some(provider) != record.provider => start.model,
            _ => start.model.or_else(|| record.model.clone()),
        };
        let model = self
            .models()
            .resolve(project, start.provider.or(record.provider), model)
            .await?;
        let turn = TurnRecord {
            id: start.id,
            project,
            text,
            provider: model.provider().to_owned(),
            model: model.model().to_owned(),
            state: TurnState::Running,
            started_at: Timestamp::now(),
            ended_at: None,
            snapshot: None,
            usage: Usage::default(),
            error: None,
            prompt: None,
            answer: String::new(),
            changed: Vec::new(),
            fault: None,
        };
        let mut batch = Batch::new();
        let id = key(project, turn.id);
        batch.expect_absent::<TurnRecord>(&id)?;
        batch.put(&id, &turn)?;
        let started = TurnEvent::Started {
            text: turn.text.clone(),
            provider: turn.provider.clone(),
            model: turn.model.clone(),
        };
        batch.append(&stream(project, turn.id), TurnEntry::now(started))?;
        self.repo().store.commit(batch).await?;

        let running = Running {
            turn: turn.id,
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        };
        self.set_running(project, running.clone());
        self.notify(Notice::Turn {
            project,
            turn: turn.id,
        });
        let view = self.turn_view(turn.clone())?;
        run::spawn(self.clone(), record, turn, model, running);
        Ok(view)
    }

    /// The turns of a project, the latest first.
    ///
    /// # Errors
    /// When there is no such project.
    pub async fn turns(&self, project: ProjectId) -> Result<Vec<Turn>, ApiError> {
        self.repo().project(project)?;
        let turns = self.repo().turns(project)?;
        turns
            .into_iter()
            .rev()
            .map(|turn| self.turn_view(turn))
            .collect()
    }

    /// One turn.
    ///
    /// # Errors
    /// When there is none.
    pub async fn turn(&self, project: ProjectId, turn: TurnId) -> Result<Turn, ApiError> {
        self.turn_view(self.repo().turn(project, turn)?)
    }

    /// Stops a turn and waits for its end. Stopping one that has ended changes nothing.
    ///
    /// # Errors
    /// When there is no such turn.
    pub async fn turn_stop(&self, project: ProjectId, turn: TurnId) -> Result<Turn, ApiError> {
        self.repo().turn(project, turn)?;
        if self.running_turn(project) == Some(turn) {
            self.stop_running(project).await;
        }
        self.turn(project, turn).await
    }

    /// Events after `after`, at most `max` (and at most 1 000, and not much more than a mebibyte of
    /// text). When there are none yet, waits for `wait` at most.
    ///
    /// # Errors
    /// When there is no such turn.
    pub async fn turn_events(
        &self,
        project: ProjectId,
        turn: TurnId,
        after: u64,
        max: u32,
        wait: Duration,
    ) -> Result<TurnEvents, ApiError> {
        let record = self.repo().turn(project, turn)?;
        let stream = stream(project, turn);
        let journal = self.repo().store.journal();
        let max = usize::try_from(max.clamp(1, EVENTS_PAGE)).unwrap_or(usize::MAX);
        let read = || {
            journal
                .read::<TurnEntry>(&stream, after, max)
                .map_err(ApiError::from)
        };
        let finished =
            |(_, entry): &(u64, TurnEntry)| matches!(entry.event, TurnEvent::Finished { .. });
        let running =
            record.state == TurnState::Running && self.running_turn(project) == Some(turn);
        let is_over = || -> Result<bool, ApiError> {
            let last = journal.last_seq(&stream)?;
            if running || after < last {
                return Ok(false);
            }
            // The record of a turn that has ended may be read a moment before its last event is
            // durable; without that event it is not over, unless its end could not be written.
            let entry = journal.read::<TurnEntry>(&stream, last.saturating_sub(1), 1)?;
            Ok(record.state == TurnState::Running || entry.last().is_some_and(finished))
        };
        let mut found = read()?;
        let over = found.is_empty() && is_over()?;
        if found.is_empty() && !over && journal.wait(&stream, after, wait.min(EVENTS_WAIT)).await {
            found = read()?;
        }
        entry::fit(&mut found);
        let end = over || found.last().is_some_and(finished);
        let events = found
            .into_iter()
            .map(|(seq, entry)| entry.numbered(seq))
            .collect();
        Ok(TurnEvents { events, end })
    }

    /// The whole prompt that was sent to the model, as text.
    ///
    /// # Errors
    /// When there is no such turn, or it ended before anything was sent.
    pub async fn turn_prompt(&self, project: ProjectId, turn: TurnId) -> Result<String, ApiError> {
        let record = self.repo().turn(project, turn)?;
        let Some(blob) = record.prompt else {
            let message = "Nothing has been sent in this turn.";
            return Err(ApiError::new(ErrorCode::NotFound, message));
        };
        let text = self.repo().blob(blob).await?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn turn_view(&self, record: TurnRecord) -> Result<Turn, ApiError> {
        let stream = stream(record.project, record.id);
        let last_seq = self.repo().store.journal().last_seq(&stream)?;
        let running = self.running_turn(record.project) == Some(record.id);
        let state = match record.state {
            // Its end could not be written; the next start of the daemon will.
            TurnState::Running if !running && self.is_started() => TurnState::Interrupted,
            state => state,
        };
        Ok(Turn {
            id: record.id,
            project: record.project,
            text: record.text,
            provider: record.provider,
            model: record.model,
            state,
            started_at: record.started_at,
            ended_at: record.ended_at,
            snapshot: record.snapshot,
            usage: record.usage,
            error: record.error,
            last_seq,
        })
    }
}
