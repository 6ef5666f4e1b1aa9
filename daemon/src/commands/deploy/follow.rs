//! Running work on the terminal, and its file on the disk.

use super::super::{Client, quick, slow};
use crate::{failure::Failure, output};
use labd_protocol::{
    ApiError, ArtifactInfo, DeployEvent, DeployState, Deployment, ErrorCode, LogLevel, StepState,
    answer, within,
};
use std::{fs, io::Write as _, path::Path, time::Duration};

/// How long one call waits for news.
const WAIT: Duration = Duration::from_secs(25);

/// Prints what happens until it has ended. Interrupting the command stops the work.
pub(super) async fn follow(client: &Client, begun: &Deployment) -> Result<Deployment, Failure> {
    tokio::select! {
        followed = events(client, begun) => followed?,
        _ = tokio::signal::ctrl_c() => {
            let call = client.labd.deployment_stop(slow(), begun.project, begun.id);
            answer(call.await)?;
        }
    }
    let call = client.labd.deployment(quick(), begun.project, begun.id);
    let ended = answer(call.await)?;
    if !client.json {
        output::line(outcome(ended.state))?;
    }
    match (ended.state, &ended.error) {
        (DeployState::Done | DeployState::Stopped, _) => Ok(ended),
        (_, Some(error)) => Err(error.clone().into()),
        (state, None) => Err(Failure::with_hint(
            outcome(state),
            format!(
                "To go on: labd deploy resume {} {}",
                ended.project, ended.id
            ),
        )),
    }
}

async fn events(client: &Client, begun: &Deployment) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let wait = u32::try_from(WAIT.as_millis()).unwrap_or(u32::MAX);
        let context = within(WAIT + Duration::from_secs(10));
        let call =
            client
                .labd
                .deployment_events(context, begun.project, begun.id, after, 500, wait);
        let page = answer(call.await)?;
        for record in page.events {
            after = record.seq;
            if client.json {
                let line = serde_json::to_string(&record)
                    .map_err(|error| Failure::new(error.to_string()))?;
                output::line(line)?;
            } else {
                print(&record.event)?;
            }
        }
        if page.end {
            return Ok(());
        }
    }
}

fn print(event: &DeployEvent) -> Result<(), Failure> {
    match event {
        DeployEvent::Started { resumed: true, .. } => output::line("Going on."),
        DeployEvent::Step { id, state, message } => {
            let state = match state {
                StepState::Started => "…",
                StepState::Done => "done",
                StepState::Skipped => "skipped",
                StepState::Failed => "failed",
            };
            let message = message.as_deref().unwrap_or_default();
            output::line(format!("  {id}: {state} {message}").trim_end())
        }
        DeployEvent::Log { level, text } => {
            let level = match level {
                LogLevel::Info => "",
                LogLevel::Warn => "warning: ",
                LogLevel::Error => "error: ",
            };
            output::line(format!("  {level}{text}"))
        }
        DeployEvent::Progress { done, total, unit } => {
            let of = total.map_or_else(String::new, |total| format!(" of {total}"));
            output::line(format!("  {done}{of} {unit}"))
        }
        DeployEvent::Url { url } => output::line(format!("  {url}")),
        DeployEvent::Artifact { artifact } => output::line(format!(
            "  {} ({} bytes, SHA-256 {})",
            artifact.name, artifact.bytes, artifact.sha256
        )),
        DeployEvent::Started { .. } | DeployEvent::Finished { .. } => Ok(()),
    }
}

/// Writes the file of a deployment: to this path, or under its own name into this folder.
pub(super) async fn download(
    client: &Client,
    deployment: &Deployment,
    artifact: &ArtifactInfo,
    path: &Path,
) -> Result<(), Failure> {
    let path = if path.is_dir() {
        path.join(&artifact.name)
    } else {
        path.to_owned()
    };
    let failed = |error: std::io::Error| {
        Failure::new(format!("{} cannot be written: {error}.", path.display()))
    };
    let mut file = fs::File::create(&path).map_err(failed)?;
    let mut written = 0_u64;
    for number in 0.. {
        let (project, id) = (deployment.project, deployment.id);
        let call = client
            .labd
            .deployment_artifact(quick(), project, id, number);
        let part = answer(call.await)?;
        written += part.data.0.len() as u64;
        file.write_all(&part.data.0).map_err(failed)?;
        if !part.more {
            break;
        }
    }
    if written != artifact.bytes {
        return Err(ApiError::new(
            ErrorCode::Internal,
            format!("Only {written} of {} bytes arrived.", artifact.bytes),
        )
        .into());
    }
    if client.json {
        return output::json(&serde_json::json!({ "file": path, "bytes": written }));
    }
    output::line(format!("{} is written.", path.display()))
}

pub(super) fn outcome(state: DeployState) -> &'static str {
    match state {
        DeployState::Running => "It is still running.",
        DeployState::Done => "Done.",
        DeployState::Failed => "It did not work out.",
        DeployState::Stopped => "Stopped.",
        DeployState::Interrupted => "The daemon stopped in the middle.",
    }
}

pub(super) fn word(state: DeployState) -> &'static str {
    match state {
        DeployState::Running => "running",
        DeployState::Done => "done",
        DeployState::Failed => "failed",
        DeployState::Stopped => "stopped",
        DeployState::Interrupted => "interrupted",
    }
}
