//! Running work: a deployer's events become durable, and then the next ones are asked for.

use crate::{
    Deployments, errors, limits,
    plan::values,
    records::{DeployEntry, DeploymentRecord, Task},
    targets::access,
};
use labd_plugin_host::{
    PluginError,
    kinds::deployer::{self as host, Attempt, DeployEvent as Event, DeployRequest, Scope},
};
use labd_protocol::{ApiError, ArtifactInfo, DeployEvent, DeployState, LogLevel, StepState};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

/// How work ended short of an error.
enum Ended {
    Done,
    Stopped,
    Interrupted,
}

impl Deployments {
    /// Does the work to its end, and stores how it ended.
    pub(crate) async fn run(&self, mut record: DeploymentRecord, stop: CancellationToken) {
        let outcome = tokio::select! {
            biased;
            () = self.inner.closing.cancelled() => Ok(Ended::Interrupted),
            () = stop.cancelled() => Ok(Ended::Stopped),
            outcome = tokio::time::timeout(limits::DEPLOYMENT, self.work(&mut record)) => {
                let late = || Err(errors::of_target(&record.target_name, PluginError::Timeout));
                outcome.unwrap_or_else(|_| late()).map(|()| Ended::Done)
            }
        };
        let (state, error) = match outcome {
            Ok(Ended::Done) => (DeployState::Done, None),
            Ok(Ended::Stopped) => (DeployState::Stopped, None),
            Ok(Ended::Interrupted) => (DeployState::Interrupted, None),
            Err(error) => (DeployState::Failed, Some(error)),
        };
        let key = record.key();
        // What the work stored meanwhile, such as a checkpoint, counts also when it was stopped.
        match self.store().get::<DeploymentRecord>(&key) {
            Ok(Some(stored)) if state != DeployState::Done => record = stored,
            Ok(_) => {}
            Err(error) => tracing::error!(%error, key, "a deployment cannot be read"),
        }
        // Whoever hears of the end may begin the next work at once.
        self.running().remove(&(record.project, record.target));
        match self.end(record, state, error).await {
            Ok(record) => self.settle(&record).await,
            // At the next start it is interrupted.
            Err(error) => tracing::error!(
                error = error.message,
                key,
                "how a deployment ended cannot be stored"
            ),
        }
    }

    async fn work(&self, record: &mut DeploymentRecord) -> Result<(), ApiError> {
        let name = record.target_name.clone();
        let explain = |error| errors::of_target(&name, error);
        let mut deployment = self.set_off(record).await?;
        let mut artifact: Option<Artifact> = None;
        loop {
            let events = deployment.next(limits::EVENTS).await.map_err(explain)?;
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                match event {
                    Event::Artifact { name, media_type } => {
                        artifact = Some(Artifact::new(name, media_type));
                    }
                    Event::ArtifactBytes(bytes) => {
                        if let Some(artifact) = &mut artifact {
                            for (part, data) in artifact.push(&bytes) {
                                self.save_part(record, part, data).await?;
                            }
                        }
                    }
                    Event::Checkpoint(checkpoint) => {
                        record.checkpoint = Some(checkpoint);
                        self.save(record).await?;
                    }
                    Event::Finished(release) => {
                        if let Some(artifact) = artifact.take() {
                            let (info, rest) = artifact.end();
                            if let Some((part, data)) = rest {
                                self.save_part(record, part, data).await?;
                            }
                            record.artifact = Some(info.clone());
                            self.tell(record, DeployEvent::Artifact { artifact: info })
                                .await?;
                        }
                        record.release = release.map(Into::into);
                    }
                    event => {
                        if let Some(event) = shown(event) {
                            self.tell(record, event).await?;
                        }
                    }
                }
            }
        }
    }

    /// Begins the work at the target.
    async fn set_off(
        &self,
        record: &DeploymentRecord,
    ) -> Result<Box<dyn host::Deployment>, ApiError> {
        let attempt = Attempt {
            id: record.id.to_string(),
            checkpoint: record.checkpoint.clone(),
        };
        let (target, plugin) = self.target(record.target)?;
        let access = access(&plugin, &target);
        let begun = match &record.task {
            Task::Deploy {
                snapshot,
                basis,
                settings,
            } => {
                let snapshot = Some(*snapshot);
                let prepared = self.prepare(record.project, target.id, snapshot).await?;
                let request = DeployRequest {
                    app: prepared.app,
                    bundle: prepared.bundle,
                    attempt,
                    basis: basis.clone(),
                    settings: values(&target, settings),
                };
                plugin.deployer.deploy(&access, request).await
            }
            Task::Rollback { release, .. } => {
                let release = release.release();
                plugin.deployer.rollback(&access, release, attempt).await
            }
            Task::Destroy { release } => {
                let scope = match release {
                    Some(release) => Scope::Release(release.release()),
                    None => Scope::Everything,
                };
                plugin.deployer.destroy(&access, scope, attempt).await
            }
        };
        begun.map_err(|error| errors::of_target(&target.name, error))
    }

    async fn tell(&self, record: &DeploymentRecord, event: DeployEvent) -> Result<(), ApiError> {
        let journal = self.store().journal();
        journal
            .append(&record.stream(), DeployEntry::now(event))
            .await?;
        Ok(())
    }
}

/// A file to download, on its way into the store.
struct Artifact {
    name: String,
    media_type: String,
    hash: Sha256,
    bytes: u64,
    next: u32,
    held: Vec<u8>,
}

impl Artifact {
    fn new(name: String, media_type: String) -> Self {
        Self {
            name,
            media_type,
            hash: Sha256::new(),
            bytes: 0,
            next: 0,
            held: Vec::new(),
        }
    }

    /// Takes bytes and gives the parts that are complete.
    fn push(&mut self, bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.held.extend_from_slice(bytes);
        let mut parts = Vec::new();
        while self.held.len() >= limits::PART {
            let rest = self.held.split_off(limits::PART);
            parts.push((self.next, std::mem::replace(&mut self.held, rest)));
            self.next += 1;
        }
        parts
    }

    /// What it is, and its last part, if it does not end with a whole one.
    fn end(self) -> (ArtifactInfo, Option<(u32, Vec<u8>)>) {
        let info = ArtifactInfo {
            name: self.name,
            media_type: self.media_type,
            bytes: self.bytes,
            sha256: hex::encode(self.hash.finalize()),
            kept: true,
        };
        let rest = (!self.held.is_empty() || self.next == 0).then_some((self.next, self.held));
        (info, rest)
    }
}

/// An event for clients; none for what they are told otherwise.
fn shown(event: Event) -> Option<DeployEvent> {
    Some(match event {
        Event::Step { id, state, message } => DeployEvent::Step {
            id,
            state: match state {
                host::StepState::Started => StepState::Started,
                host::StepState::Done => StepState::Done,
                host::StepState::Skipped => StepState::Skipped,
                host::StepState::Failed => StepState::Failed,
            },
            message,
        },
        Event::Log { level, text } => DeployEvent::Log {
            level: match level {
                host::LogLevel::Info => LogLevel::Info,
                host::LogLevel::Warn => LogLevel::Warn,
                host::LogLevel::Error => LogLevel::Error,
            },
            text,
        },
        Event::Progress { done, total, unit } => DeployEvent::Progress { done, total, unit },
        Event::Url(url) => DeployEvent::Url { url },
        Event::Artifact { .. }
        | Event::ArtifactBytes(_)
        | Event::Checkpoint(_)
        | Event::Finished(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_artifact_are_its_bytes() {
        for size in [0, 1, limits::PART - 1, limits::PART, 2 * limits::PART + 5] {
            let whole: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let mut artifact = Artifact::new("a.zip".into(), "application/zip".into());
            let mut parts: Vec<_> = whole
                .chunks(70_001)
                .flat_map(|c| artifact.push(c))
                .collect();
            let (info, rest) = artifact.end();
            parts.extend(rest);
            assert_eq!(info.bytes, size as u64);
            let numbers: Vec<u32> = parts.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, (0..parts.len() as u32).collect::<Vec<_>>());
            assert!(!parts.is_empty());
            let joined: Vec<u8> = parts.into_iter().flat_map(|(_, data)| data).collect();
            assert!(joined == whole, "{size}");
        }
    }
}
