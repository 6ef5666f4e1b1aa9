//! A turn, streamed in the terminal.

use super::{Client, quick, slow};
use crate::{cli::ChatOptions, failure::Failure, output};
use labd_protocol::{
    ApiError, CheckState, ErrorCode, FileAction, ProjectId, Severity, StartTurn, TurnEvent, TurnId,
    TurnState, answer, within,
};
use std::time::Duration;

/// How long one call waits for news.
const WAIT: Duration = Duration::from_secs(25);

pub(super) async fn run(client: &Client, options: ChatOptions) -> Result<(), Failure> {
    let project = client.project(&options.project).await?;
    let provider = match &options.provider {
        Some(provider) => Some(client.provider(provider).await?.id),
        None => None,
    };
    let start = StartTurn {
        id: TurnId::generate(),
        text: options.text,
        provider,
        model: options.model,
    };
    let turn = answer(client.labd.turn_start(slow(), project.id, start).await)?;
    tokio::select! {
        outcome = follow(client, project.id, turn.id) => outcome,
        _ = tokio::signal::ctrl_c() => {
            answer(client.labd.turn_stop(slow(), project.id, turn.id).await)?;
            follow_rest(client, project.id, turn.id).await
        }
    }
}

/// After a stop, only how it ended matters.
async fn follow_rest(client: &Client, project: ProjectId, turn: TurnId) -> Result<(), Failure> {
    let turn = answer(client.labd.turn(quick(), project, turn).await)?;
    output::line(format!("\n{}", outcome(turn.state)))
}

async fn follow(client: &Client, project: ProjectId, turn: TurnId) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let wait = u32::try_from(WAIT.as_millis()).unwrap_or(u32::MAX);
        let context = within(WAIT + Duration::from_secs(10));
        let call = client
            .labd
            .turn_events(context, project, turn, after, 500, wait);
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
            if let TurnEvent::Finished { state, error } = record.event {
                return ended(state, error);
            }
        }
        if page.end {
            return Ok(());
        }
    }
}

fn ended(state: TurnState, error: Option<ApiError>) -> Result<(), Failure> {
    match (state, error) {
        (TurnState::Done | TurnState::Stopped, _) => Ok(()),
        (_, Some(error)) => Err(error.into()),
        (state, None) => Err(ApiError::new(ErrorCode::Internal, outcome(state)).into()),
    }
}

fn print(event: &TurnEvent) -> Result<(), Failure> {
    match event {
        TurnEvent::Text { text } => output::text(text),
        TurnEvent::FileStarted { path, action } => {
            let action = match action {
                FileAction::Write => "write",
                FileAction::Edit => "edit",
                FileAction::Delete => "delete",
            };
            output::text(&format!("\n  {action} {path}"))
        }
        TurnEvent::FileFinished {
            fault: Some(fault), ..
        } => output::text(&format!(" — {fault}")),
        TurnEvent::Check { name, state } if *state != CheckState::Running => {
            let state = if *state == CheckState::Passed {
                "passed"
            } else {
                "failed"
            };
            output::text(&format!("\n  check {name}: {state}"))
        }
        TurnEvent::Problems { problems } => {
            for problem in problems {
                let severity = match problem.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                };
                let place = match (&problem.path, problem.line) {
                    (Some(path), Some(line)) => format!(" {path}:{line}"),
                    (Some(path), None) => format!(" {path}"),
                    _ => String::new(),
                };
                output::text(&format!("\n  {severity}{place}: {}", problem.message))?;
            }
            Ok(())
        }
        TurnEvent::Snapshot { message, .. } => output::text(&format!("\n  saved: {message}")),
        TurnEvent::Draft { reason, .. } => output::text(&format!("\n  kept as a draft: {reason}")),
        TurnEvent::Finished { state, .. } => output::line(format!("\n{}", outcome(*state))),
        _ => Ok(()),
    }
}

fn outcome(state: TurnState) -> &'static str {
    match state {
        TurnState::Running => "The turn is still running.",
        TurnState::Done => "Done.",
        TurnState::Stopped => "Stopped.",
        TurnState::Failed => "It did not work out.",
        TurnState::Interrupted => "The daemon stopped in the middle.",
    }
}
