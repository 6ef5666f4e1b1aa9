//! What a deployer says, held to its contract: sizes, counts and order, texts that cannot drive a
//! terminal, addresses that a browser may open. A plugin that breaks it loses its instance.

use super::deployer::take_release;
use crate::{
    Fault, PluginError,
    bindings::deployer::exports::labd::deployer::deployer as wit,
    kinds::deployer::{DeployEvent, LogLevel, Plan, Release, ReleaseStatus, StepState},
    limits::{ARTIFACT_CHUNK, CHECKPOINT_BYTES, LOG_LINE_BYTES},
    manifest::is_file_name,
    plugin_core::PluginCore,
};
use std::sync::Arc;

/// Steps, warnings and settings of a plan.
const PLAN_ENTRIES: usize = 1000;
/// Longest name of a release, and longest URL.
const NAME_BYTES: usize = 4096;

/// One line that cannot drive a terminal.
pub(super) fn text(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(LOG_LINE_BYTES));
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if clean.len() + c.len_utf8() > LOG_LINE_BYTES {
            break;
        }
        clean.push(c);
    }
    clean
}

/// What has come so far.
pub(super) struct Checked {
    core: Arc<PluginCore>,
    events: u32,
    artifact: bool,
    bytes: u64,
    finished: bool,
}

impl Checked {
    pub(super) fn new(core: &Arc<PluginCore>) -> Self {
        Self {
            core: Arc::clone(core),
            events: 0,
            artifact: false,
            bytes: 0,
            finished: false,
        }
    }

    /// The next event.
    pub(super) fn event(&mut self, event: wit::Event) -> Result<DeployEvent, PluginError> {
        if self.finished {
            return Err(self.broken("gave an event after `finished`"));
        }
        if !matches!(event, wit::Event::ArtifactBytes(_)) {
            self.events = self.events.saturating_add(1);
        }
        let most = self.core.limits.deploy_events;
        if self.events > most {
            return Err(self.broken(&format!("gave more than {most} events")));
        }
        Ok(match event {
            wit::Event::Step(step) => DeployEvent::Step {
                id: text(&step.id),
                state: match step.state {
                    wit::StepState::Started => StepState::Started,
                    wit::StepState::Done => StepState::Done,
                    wit::StepState::Skipped => StepState::Skipped,
                    wit::StepState::Failed => StepState::Failed,
                },
                message: step.message.map(|message| text(&message)),
            },
            wit::Event::Log(line) => DeployEvent::Log {
                level: match line.level {
                    wit::Level::Info => LogLevel::Info,
                    wit::Level::Warn => LogLevel::Warn,
                    wit::Level::Error => LogLevel::Error,
                },
                text: text(&line.text),
            },
            wit::Event::Progress(progress) => DeployEvent::Progress {
                done: progress.done,
                total: progress.total,
                unit: text(&progress.unit),
            },
            wit::Event::Url(url) => DeployEvent::Url(self.url(url)?),
            wit::Event::Artifact(artifact) => self.artifact(artifact)?,
            wit::Event::ArtifactBytes(bytes) => self.bytes(bytes)?,
            wit::Event::Checkpoint(checkpoint) => {
                if checkpoint.len() > CHECKPOINT_BYTES {
                    return Err(self.broken("gave a checkpoint of more than 64 KiB"));
                }
                DeployEvent::Checkpoint(checkpoint)
            }
            wit::Event::Finished(release) => {
                self.finished = true;
                let release = release.map(|release| self.release(take_release(release)));
                DeployEvent::Finished(release.transpose()?)
            }
        })
    }

    fn artifact(&mut self, artifact: wit::Artifact) -> Result<DeployEvent, PluginError> {
        if self.artifact {
            return Err(self.broken("gave a second artifact"));
        }
        if !is_file_name(&artifact.name) {
            return Err(self.broken("gave an artifact whose name is not a plain file name"));
        }
        self.artifact = true;
        Ok(DeployEvent::Artifact {
            name: artifact.name,
            media_type: text(&artifact.media_type),
        })
    }

    fn bytes(&mut self, bytes: Vec<u8>) -> Result<DeployEvent, PluginError> {
        if !self.artifact {
            return Err(self.broken("gave bytes of an artifact that it did not announce"));
        }
        if bytes.is_empty() || bytes.len() > ARTIFACT_CHUNK {
            return Err(self.broken("gave a piece of an artifact that is not 1 byte to 1 MiB"));
        }
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        let most = self.core.limits.artifact_bytes;
        if self.bytes > most {
            return Err(self.broken(&format!(
                "gave an artifact of more than {} MiB",
                most.div_ceil(1 << 20)
            )));
        }
        Ok(DeployEvent::ArtifactBytes(bytes.into()))
    }

    /// Nothing more comes.
    pub(super) fn end(&self) -> Result<(), PluginError> {
        if self.finished {
            return Ok(());
        }
        Err(PluginError::Unavailable(Fault::new(
            "the deployment ended without saying that it is finished",
        )))
    }

    pub(super) fn release(&self, mut release: Release) -> Result<Release, PluginError> {
        release.id = text(&release.id);
        if release.id.is_empty() || release.id.len() > NAME_BYTES {
            return Err(self.broken("gave a release without a usable id"));
        }
        if release
            .state
            .as_ref()
            .is_some_and(|state| state.len() > CHECKPOINT_BYTES)
        {
            return Err(self.broken("gave a release with a state of more than 64 KiB"));
        }
        release.url = release.url.map(|url| self.url(url)).transpose()?;
        Ok(release)
    }

    pub(super) fn status(&self, mut status: ReleaseStatus) -> Result<ReleaseStatus, PluginError> {
        status.message = status.message.map(|message| text(&message));
        status.url = status.url.map(|url| self.url(url)).transpose()?;
        Ok(status)
    }

    pub(super) fn plan(&self, mut plan: Plan) -> Result<Plan, PluginError> {
        let longest = plan
            .steps
            .len()
            .max(plan.warnings.len())
            .max(plan.settings.len());
        if longest > PLAN_ENTRIES {
            return Err(self.broken(&format!("gave a plan of more than {PLAN_ENTRIES} entries")));
        }
        if plan
            .basis
            .as_ref()
            .is_some_and(|basis| basis.len() > CHECKPOINT_BYTES)
        {
            return Err(self.broken("gave a plan with a basis of more than 64 KiB"));
        }
        plan.summary = text(&plan.summary);
        for step in &mut plan.steps {
            step.id = text(&step.id);
            step.title = text(&step.title);
            step.detail = step.detail.take().map(|detail| text(&detail));
        }
        for entry in plan.warnings.iter_mut().chain(&mut plan.settings) {
            *entry = text(entry);
        }
        Ok(plan)
    }

    /// An address that people will be offered to open.
    fn url(&self, url: String) -> Result<String, PluginError> {
        match url::Url::parse(&url) {
            Ok(parsed)
                if matches!(parsed.scheme(), "http" | "https")
                    && url.len() <= NAME_BYTES
                    && parsed.username().is_empty()
                    && parsed.password().is_none() =>
            {
                Ok(parsed.into())
            }
            _ => Err(self.broken("gave an address that is not a plain http: or https: URL")),
        }
    }

    fn broken(&self, what: &str) -> PluginError {
        PluginError::Internal(format!("the plugin {} {what}", self.core.id))
    }
}
