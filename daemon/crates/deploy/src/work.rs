//! Starting, following, stopping and resuming work.

use crate::{
    Deployments, Running,
    plan::Prepared,
    records::{
        DeployEntry, DeploymentRecord, PartRecord, StoredRelease, Task, key, part_key, prefix,
        stream,
    },
};
use jiff::Timestamp;
use labd_protocol::{
    ApiError, DeployAction, DeployEvent, DeployEvents, DeployStart, DeployState, Deployment,
    DeploymentId, DestroyStart, ErrorCode, ProjectId, RollbackStart, TargetId,
};
use labd_store::{Batch, StoreError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

impl Deployments {
    /// Deploys what a plan says, or finds the deployment when it was started before.
    ///
    /// # Errors
    /// `conflict` when the plan is not what would be done now, or while something else is running
    /// there for this project.
    pub async fn deploy(
        &self,
        project: ProjectId,
        start: DeployStart,
    ) -> Result<Deployment, ApiError> {
        if let Some(record) = self.find(project, start.id)? {
            return self.shown(&record);
        }
        let prepared = self.prepare(project, start.target, None).await?;
        let (plan, shown) = self.plan_of(project, &prepared).await?;
        if shown.digest != start.plan {
            return Err(ApiError::new(
                ErrorCode::Conflict,
                "This is not what the plan said: the project or the target has changed meanwhile.",
            )
            .with_hint("Look at the new plan, and agree to that one."));
        }
        let task = Task::Deploy {
            snapshot: prepared.snapshot,
            basis: plan.basis,
            settings: plan.settings,
        };
        let (target, name) = (prepared.target.id, prepared.target.name);
        let record = new(
            project,
            start.id,
            (target, name),
            DeployAction::Deploy,
            task,
        );
        self.begin(record, false).await
    }

    /// Makes an earlier release live again: by the target itself, or by deploying that state once
    /// more where the target keeps none.
    ///
    /// # Errors
    /// `conflict` when that deployment made nothing that could be live.
    pub async fn rollback(
        &self,
        project: ProjectId,
        start: RollbackStart,
    ) -> Result<Deployment, ApiError> {
        if let Some(record) = self.find(project, start.id)? {
            return self.shown(&record);
        }
        let to = self.record(project, start.to)?;
        let release = released(&to)?;
        let (target, plugin) = self.target(to.target)?;
        let features = crate::plan::describe(&target, &plugin).await?.features;
        let task = if features.rollback {
            Task::Rollback {
                release,
                snapshot: to.snapshot(),
            }
        } else {
            let prepared: Prepared = self.prepare(project, target.id, to.snapshot()).await?;
            let (plan, _) = self.plan_of(project, &prepared).await?;
            Task::Deploy {
                snapshot: prepared.snapshot,
                basis: plan.basis,
                settings: plan.settings,
            }
        };
        let at = (target.id, target.name);
        let record = new(project, start.id, at, DeployAction::Rollback, task);
        self.begin(record, false).await
    }

    /// Takes down a release, or everything of a project at a target.
    ///
    /// # Errors
    /// `invalid_request` when there is nothing that this kind of target could take down.
    pub async fn destroy(
        &self,
        project: ProjectId,
        start: DestroyStart,
    ) -> Result<Deployment, ApiError> {
        if let Some(record) = self.find(project, start.id)? {
            return self.shown(&record);
        }
        let (target, plugin) = self.target(start.target)?;
        if !crate::plan::describe(&target, &plugin)
            .await?
            .features
            .destroy
        {
            return Err(ApiError::new(
                ErrorCode::InvalidRequest,
                format!("{} runs nothing that could be taken down.", target.name),
            ));
        }
        let release = match start.release {
            Some(id) => Some(released(&self.record(project, id)?)?),
            None => None,
        };
        let task = Task::Destroy { release };
        let at = (target.id, target.name);
        let record = new(project, start.id, at, DeployAction::Destroy, task);
        self.begin(record, false).await
    }

    /// Goes on with work that was broken off, under its id and with its last checkpoint.
    ///
    /// # Errors
    /// `conflict` when it runs or is done.
    pub async fn resume(
        &self,
        project: ProjectId,
        id: DeploymentId,
    ) -> Result<Deployment, ApiError> {
        let mut record = self.record(project, id)?;
        match record.state {
            DeployState::Interrupted | DeployState::Failed | DeployState::Stopped => {}
            DeployState::Running => return self.shown(&record),
            DeployState::Done => {
                return Err(ApiError::new(
                    ErrorCode::Conflict,
                    "It is done; there is nothing to go on with.",
                ));
            }
        }
        record.state = DeployState::Running;
        record.ended_at = None;
        record.error = None;
        self.begin(record, true).await
    }

    /// Stops running work, and waits until it has ended. Stopping what has ended changes nothing.
    ///
    /// # Errors
    /// When there is no such work.
    pub async fn stop(&self, project: ProjectId, id: DeploymentId) -> Result<Deployment, ApiError> {
        let record = self.record(project, id)?;
        let found = self
            .running()
            .get(&(project, record.target))
            .filter(|running| running.id == id)
            .map(|running| (running.stop.clone(), running.ended.clone()));
        if let Some((stop, ended)) = found {
            stop.cancel();
            ended.cancelled().await;
        }
        self.deployment(project, id).await
    }

    /// All work of a project, the latest first.
    ///
    /// # Errors
    /// `not_found` when there is no such project, or when the store fails.
    pub async fn deployments(&self, project: ProjectId) -> Result<Vec<Deployment>, ApiError> {
        self.inner.bundles.check(project).await?;
        let records = self.records(project)?;
        let live = crate::releases::live(&records);
        Ok(records
            .iter()
            .rev()
            .map(|record| record.info(crate::releases::is_live(record, &live)))
            .collect())
    }

    /// One piece of work.
    ///
    /// # Errors
    /// `not_found`, or when the store fails.
    pub async fn deployment(
        &self,
        project: ProjectId,
        id: DeploymentId,
    ) -> Result<Deployment, ApiError> {
        self.shown(&self.record(project, id)?)
    }

    /// Events after `after`, at most `max`; waits for `wait` when there are none yet.
    ///
    /// # Errors
    /// `not_found`, or when the store fails.
    pub async fn events(
        &self,
        project: ProjectId,
        id: DeploymentId,
        after: u64,
        max: u32,
        wait: Duration,
    ) -> Result<DeployEvents, ApiError> {
        let stream = stream(project, id);
        let journal = self.store().journal();
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let over = || -> Result<bool, ApiError> {
            if self.record(project, id)?.state == DeployState::Running {
                return Ok(false);
            }
            // The record can be read before the event that was stored with it.
            let last = journal.last_seq(&stream)?;
            let last = journal.read::<DeployEntry>(&stream, last.saturating_sub(1), 1)?;
            let is_end = |event: &DeployEvent| matches!(event, DeployEvent::Finished { .. });
            Ok(last.last().is_some_and(|(_, entry)| is_end(&entry.event)))
        };
        let mut ended = over()?;
        let mut entries = journal.read::<DeployEntry>(&stream, after, max)?;
        if entries.is_empty() && !ended && !wait.is_zero() {
            journal.wait(&stream, after, wait).await;
            ended = over()?;
            entries = journal.read(&stream, after, max)?;
        }
        let seen = entries.last().map_or(after, |(seq, _)| *seq);
        Ok(DeployEvents {
            end: ended && seen >= journal.last_seq(&stream)?,
            events: entries
                .into_iter()
                .map(|(seq, entry)| entry.numbered(seq))
                .collect(),
        })
    }

    /// Forgets all work of a project that is removed. What was deployed stays where it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget(&self, project: ProjectId) -> Result<(), ApiError> {
        let mut batch = Batch::new();
        for record in self.records(project)? {
            self.stop(project, record.id).await?;
            batch.delete::<DeploymentRecord>(&record.key());
            batch.delete_stream(&record.stream());
        }
        for (key, _) in self.store().list::<PartRecord>(&prefix(project))? {
            batch.delete::<PartRecord>(&key);
        }
        Ok(self.store().commit(batch).await?)
    }

    /// Work that ran when the daemon ended was interrupted.
    pub(crate) async fn mark_interrupted(&self) -> Result<(), ApiError> {
        for (_, record) in self.store().list::<DeploymentRecord>("")? {
            if record.state == DeployState::Running {
                self.end(record, DeployState::Interrupted, None).await?;
            }
        }
        Ok(())
    }

    /// Stores how work ended together with its last event.
    pub(crate) async fn end(
        &self,
        mut record: DeploymentRecord,
        state: DeployState,
        error: Option<ApiError>,
    ) -> Result<DeploymentRecord, ApiError> {
        record.state = state;
        record.ended_at = Some(Timestamp::now());
        record.error.clone_from(&error);
        let finished = DeployEvent::Finished {
            state,
            release: record.release.as_ref().map(StoredRelease::info),
            error,
        };
        let mut batch = Batch::new();
        batch.put(&record.key(), &record)?;
        batch.append(&record.stream(), DeployEntry::now(finished))?;
        self.store().commit(batch).await?;
        self.notify_of(&record);
        Ok(record)
    }

    async fn begin(&self, record: DeploymentRecord, resumed: bool) -> Result<Deployment, ApiError> {
        let place = (record.project, record.target);
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        {
            let mut running = self.running();
            if let Some(other) = running.get(&place) {
                if other.id == record.id {
                    return Ok(record.info(false));
                }
                return Err(ApiError::new(
                    ErrorCode::Conflict,
                    format!(
                        "Something is running at {} for this project already.",
                        record.target_name
                    ),
                )
                .with_hint(format!(
                    "Wait for it, or stop it: labd deploy stop {}",
                    other.id
                )));
            }
            let entry = Running {
                id: record.id,
                stop: stop.clone(),
                ended: ended.clone(),
            };
            running.insert(place, entry);
        }
        if let Err(error) = self.save_begun(&record, resumed).await {
            self.running().remove(&place);
            ended.cancel();
            return Err(error);
        }
        self.notify_of(&record);
        let shown = record.info(false);
        let this = self.clone();
        self.inner.tasks.spawn(async move {
            this.run(record, stop).await;
            ended.cancel();
        });
        Ok(shown)
    }

    /// Pieces of an artifact that an earlier attempt left are removed: it is made anew.
    async fn save_begun(&self, record: &DeploymentRecord, resumed: bool) -> Result<(), ApiError> {
        let started = DeployEvent::Started {
            action: record.action,
            resumed,
        };
        let mut batch = Batch::new();
        if resumed {
            let parts = format!("{}/", record.key());
            for (key, _) in self.store().list::<PartRecord>(&parts)? {
                batch.delete::<PartRecord>(&key);
            }
        } else {
            batch.expect_absent::<DeploymentRecord>(&record.key())?;
        }
        batch.put(&record.key(), record)?;
        batch.append(&record.stream(), DeployEntry::now(started))?;
        Ok(self.store().commit(batch).await?)
    }

    pub(crate) async fn save(&self, record: &DeploymentRecord) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.put(&record.key(), record)?;
        self.store().commit(batch).await
    }

    pub(crate) async fn save_part(
        &self,
        record: &DeploymentRecord,
        part: u32,
        data: Vec<u8>,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        let data = labd_protocol::Base64(data);
        batch.put(
            &part_key(record.project, record.id, part),
            &PartRecord { data },
        )?;
        self.store().commit(batch).await
    }

    fn find(
        &self,
        project: ProjectId,
        id: DeploymentId,
    ) -> Result<Option<DeploymentRecord>, ApiError> {
        Ok(self.store().get(&key(project, id))?)
    }

    pub(crate) fn record(
        &self,
        project: ProjectId,
        id: DeploymentId,
    ) -> Result<DeploymentRecord, ApiError> {
        let found = self.find(project, id)?;
        found.ok_or_else(|| ApiError::not_found("deployment", id))
    }

    /// The work of a project, the oldest first.
    pub(crate) fn records(&self, project: ProjectId) -> Result<Vec<DeploymentRecord>, ApiError> {
        let all = self.store().list::<DeploymentRecord>(&prefix(project))?;
        let mut records: Vec<_> = all.into_iter().map(|(_, record)| record).collect();
        // Clients choose ids, so their order says little.
        records.sort_by_key(|record| (record.started_at, record.id));
        Ok(records)
    }

    fn shown(&self, record: &DeploymentRecord) -> Result<Deployment, ApiError> {
        let live = crate::releases::live(&self.records(record.project)?);
        Ok(record.info(crate::releases::is_live(record, &live)))
    }
}

fn new(
    project: ProjectId,
    id: DeploymentId,
    (target, target_name): (TargetId, String),
    action: DeployAction,
    task: Task,
) -> DeploymentRecord {
    DeploymentRecord {
        id,
        project,
        target,
        target_name,
        action,
        task,
        state: DeployState::Running,
        checkpoint: None,
        release: None,
        gone: false,
        artifact: None,
        started_at: Timestamp::now(),
        ended_at: None,
        error: None,
    }
}

/// The release that a deployment made, if it can be live.
fn released(record: &DeploymentRecord) -> Result<StoredRelease, ApiError> {
    match &record.release {
        Some(release) if record.state == DeployState::Done && !record.gone => Ok(release.clone()),
        _ => Err(ApiError::new(
            ErrorCode::Conflict,
            format!(
                "The deployment {} has no release that is still there.",
                record.id
            ),
        )
        .with_hint("Choose one of: labd deploy releases")),
    }
}
