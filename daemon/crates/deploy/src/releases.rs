//! What is live, how a release fares, and downloads.

use crate::{
    Deployments, errors, limits,
    records::{DeploymentRecord, PartRecord, Task, part_key},
    targets::access,
};
use labd_plugin_host::{PluginError, kinds::deployer as host};
use labd_protocol::{
    ApiError, ArtifactInfo, ArtifactPart, DeployAction, DeployState, DeploymentId, ErrorCode,
    ProjectId, ReleaseState, ReleaseStatus, TargetId,
};
use labd_store::Batch;
use std::collections::HashMap;
use tokio::time::timeout;

/// The release that is live at each target, by its name there.
pub(crate) type Live = HashMap<TargetId, String>;

/// What is live, from a project's records, the oldest first.
pub(crate) fn live(records: &[DeploymentRecord]) -> Live {
    let mut done: Vec<_> = records
        .iter()
        .filter(|record| record.state == DeployState::Done)
        .collect();
    done.sort_by_key(|record| record.ended_at);
    let mut live = Live::new();
    for record in done {
        match &record.release {
            Some(release) => {
                live.insert(record.target, release.id.clone());
            }
            None => {
                live.remove(&record.target);
            }
        }
    }
    live
}

/// Whether what a record made is live.
pub(crate) fn is_live(record: &DeploymentRecord, live: &Live) -> bool {
    let release = record.release.as_ref().filter(|_| {
        record.state == DeployState::Done && record.action == DeployAction::Deploy && !record.gone
    });
    release.is_some_and(|release| live.get(&record.target) == Some(&release.id))
}

impl Deployments {
    /// How the release of a deployment fares: by its target where that can be asked, else by what
    /// is stored.
    ///
    /// # Errors
    /// `not_found`, or what the target says.
    pub async fn status(
        &self,
        project: ProjectId,
        id: DeploymentId,
    ) -> Result<ReleaseStatus, ApiError> {
        let record = self.record(project, id)?;
        if let Some(release) = &record.release {
            let (target, plugin) = self.target(record.target)?;
            if crate::plan::describe(&target, &plugin)
                .await?
                .features
                .releases
            {
                let access = access(&plugin, &target);
                let asked = plugin.deployer.status(&access, release.release());
                let status = timeout(limits::ASK, asked)
                    .await
                    .unwrap_or(Err(PluginError::Timeout))
                    .map_err(|error| errors::of_target(&target.name, error))?;
                return Ok(told(status));
            }
        }
        let live = live(&self.records(project)?);
        Ok(ReleaseStatus {
            state: match record.state {
                DeployState::Running => ReleaseState::Pending,
                DeployState::Done if record.gone => ReleaseState::Gone,
                DeployState::Done if is_live(&record, &live) => ReleaseState::Live,
                DeployState::Done => ReleaseState::Inactive,
                DeployState::Failed | DeployState::Stopped | DeployState::Interrupted => {
                    ReleaseState::Failed
                }
            },
            message: record.error.as_ref().map(|error| error.message.clone()),
            url: record.release.and_then(|release| release.url),
        })
    }

    /// A piece of the file that a deployment gives.
    ///
    /// # Errors
    /// `not_found` when it gives none, or it is not kept any more.
    pub async fn artifact_part(
        &self,
        project: ProjectId,
        id: DeploymentId,
        part: u32,
    ) -> Result<ArtifactPart, ApiError> {
        self.artifact_info(project, id)?;
        let found: Option<PartRecord> = self.store().get(&part_key(project, id, part))?;
        let data = found.ok_or_else(|| ApiError::not_found("part", part))?.data;
        let next = part_key(project, id, part.saturating_add(1));
        let more = self.store().get::<PartRecord>(&next)?.is_some();
        Ok(ArtifactPart { data, more })
    }

    /// The whole file that a deployment gives.
    ///
    /// # Errors
    /// `not_found` when it gives none, or it is not kept any more.
    pub async fn artifact(
        &self,
        project: ProjectId,
        id: DeploymentId,
    ) -> Result<(ArtifactInfo, Vec<u8>), ApiError> {
        let info = self.artifact_info(project, id)?;
        let mut whole = Vec::new();
        for part in 0.. {
            let found: Option<PartRecord> = self.store().get(&part_key(project, id, part))?;
            match found {
                Some(part) => whole.extend(part.data.0),
                None => break,
            }
        }
        Ok((info, whole))
    }

    fn artifact_info(
        &self,
        project: ProjectId,
        id: DeploymentId,
    ) -> Result<ArtifactInfo, ApiError> {
        match self.record(project, id)?.artifact {
            Some(info) if info.kept => Ok(info),
            Some(_) => Err(ApiError::new(
                ErrorCode::NotFound,
                format!(
                    "The file of this deployment is not kept any more: only the latest {} are.",
                    limits::ARTIFACTS
                ),
            )
            .with_hint("Roll back to that release to have it made again.")),
            None => Err(ApiError::new(
                ErrorCode::NotFound,
                "This deployment gives no file to download.",
            )),
        }
    }

    /// After work has ended: what was taken down is gone, and old files are dropped. That this
    /// fails changes nothing about the work itself.
    pub(crate) async fn settle(&self, record: &DeploymentRecord) {
        let settled = async {
            let mut records = self.records(record.project)?;
            records.retain(|other| other.target == record.target);
            let mut batch = Batch::new();
            if let (DeployState::Done, Task::Destroy { release }) = (record.state, &record.task) {
                for other in &mut records {
                    let taken = match (&other.release, release) {
                        (Some(made), Some(down)) => made.id == down.id,
                        (Some(_), None) => true,
                        (None, _) => false,
                    };
                    if taken && other.id != record.id && !other.gone {
                        other.gone = true;
                        batch.put(&other.key(), other)?;
                    }
                }
            }
            let kept = records
                .iter_mut()
                .rev()
                .filter(|other| other.artifact.as_ref().is_some_and(|info| info.kept));
            for old in kept.skip(limits::ARTIFACTS) {
                let parts = format!("{}/", old.key());
                for (key, _) in self.store().list::<PartRecord>(&parts)? {
                    batch.delete::<PartRecord>(&key);
                }
                if let Some(info) = &mut old.artifact {
                    info.kept = false;
                }
                batch.put(&old.key(), old)?;
            }
            if !batch.is_empty() {
                self.store().commit(batch).await?;
            }
            Ok::<_, ApiError>(())
        };
        if let Err(error) = settled.await {
            tracing::warn!(error = error.message, "old releases cannot be tidied up");
        }
    }
}

fn told(status: host::ReleaseStatus) -> ReleaseStatus {
    ReleaseStatus {
        state: match status.state {
            host::ReleaseState::Pending => ReleaseState::Pending,
            host::ReleaseState::Live => ReleaseState::Live,
            host::ReleaseState::Inactive => ReleaseState::Inactive,
            host::ReleaseState::Failed => ReleaseState::Failed,
            host::ReleaseState::Gone => ReleaseState::Gone,
        },
        message: status.message,
        url: status.url,
    }
}
