//! Turns that were running when the daemon ended.

use super::{TurnEntry, finish::Outcome, work::Work};
use crate::{
    Builder,
    limits::EVENTS_PAGE,
    workspace::{
        records::{TurnRecord, stream},
        repo::About,
    },
};
use labd_protocol::{ApiError, Author, TurnEvent, TurnState};

impl Builder {
    /// Ends the turns that were running when the daemon last ended: what their journals hold
    /// becomes a draft.
    pub(crate) async fn end_interrupted(&self) -> Result<(), ApiError> {
        let mut running = Vec::new();
        let seen = self.repo().store.visit("", |_, turn: TurnRecord| {
            running.extend((turn.state == TurnState::Running).then_some(turn));
            Ok(())
        });
        seen?;
        for turn in running {
            let (project, id) = (turn.project, turn.id);
            tracing::info!(%project, turn = %id, "a turn was interrupted by the end of the daemon");
            self.end_one(turn).await?;
        }
        Ok(())
    }

    async fn end_one(&self, mut turn: TurnRecord) -> Result<(), ApiError> {
        let repo = self.repo();
        let project = repo.project(turn.project)?;
        let base = repo
            .state(turn.project, project.working.or(project.head))
            .await?;
        let mut work = Work::on(&base);
        let stream = stream(turn.project, turn.id);
        let (mut after, mut finished) = (0, None);
        loop {
            let page = repo
                .store
                .journal()
                .read::<TurnEntry>(&stream, after, EVENTS_PAGE as usize);
            let page = page?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (_, entry) in page {
                match entry.event {
                    TurnEvent::Usage { usage } => turn.usage = usage,
                    TurnEvent::Finished { state, error } => finished = Some((state, error)),
                    event => work.replay(event),
                }
            }
        }
        debug_assert!(
            finished.is_none(),
            "the end is stored together with the record"
        );
        work.prose().clone_into(&mut turn.answer);
        let _blobs = repo.hold_blobs().await;
        let files = work.with_partial().unwrap_or_else(|| work.files().clone());
        let mut outcome = Outcome::default();
        if files != base.files {
            let about = About {
                author: Author::Model {
                    provider: turn.provider.clone(),
                    model: turn.model.clone(),
                },
                message: turn
                    .text
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .take(120)
                    .collect(),
                turn: Some(turn.id),
                draft: true,
            };
            let draft = repo.new_snapshot(&base, &files, about).await?;
            outcome.draft = Some((
                draft,
                "labd was stopped in the middle of the turn.".to_owned(),
            ));
        }
        outcome.note(&mut turn, TurnState::Interrupted);
        repo.change_project(turn.project, |project, batch| {
            outcome.put(&turn, project, batch)
        })
        .await?;
        Ok(())
    }
}
