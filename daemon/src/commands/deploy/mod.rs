//! `labd deploy`: a plan, a yes, and what happens then.

mod follow;
mod targets;

use super::{Client, quick, show, slow};
use crate::{
    cli::deploy::{DeployCommand, DeployOptions},
    failure::Failure,
    output,
};
use follow::{download, follow};
use labd_protocol::{
    ApiError, DeployAction, DeployPlan, DeployStart, DeployTarget, Deployment, DeploymentId,
    DestroyStart, Project, RollbackStart, StepChange, TargetId, answer,
};
use std::path::Path;

pub(super) async fn run(client: &Client, options: DeployOptions) -> Result<(), Failure> {
    match options.command {
        Some(command) => other(client, command).await,
        None => deploy(client, options).await,
    }
}

async fn deploy(client: &Client, options: DeployOptions) -> Result<(), Failure> {
    let project = client.project(&options.project.unwrap_or_default()).await?;
    let target = target(client, options.target.as_deref()).await?;
    let plan = answer(client.labd.deploy_plan(slow(), project.id, target.id).await)?;
    if options.plan {
        return show(client, &plan, print_plan);
    }
    if !client.json {
        print_plan(&plan)?;
    }
    if !options.yes && !output::confirm("Deploy this?")? {
        return output::line("Nothing was done.");
    }
    let start = DeployStart {
        id: DeploymentId::generate(),
        target: target.id,
        plan: plan.digest,
    };
    let begun = answer(client.labd.deploy_start(slow(), project.id, start).await)?;
    let deployment = follow(client, &begun).await?;
    match (&options.output, &deployment.artifact) {
        (Some(path), Some(artifact)) => download(client, &deployment, artifact, path).await,
        (None, Some(_)) if !client.json => output::line(format!(
            "To download it: labd deploy download {} {}",
            project.id, deployment.id
        )),
        _ => Ok(()),
    }
}

async fn other(client: &Client, command: DeployCommand) -> Result<(), Failure> {
    match command {
        DeployCommand::Targets { command } => targets::run(client, command).await,
        DeployCommand::Releases { project } => releases(client, &project).await,
        DeployCommand::Status {
            project,
            deployment,
        } => status(client, &project, deployment).await,
        DeployCommand::Rollback {
            project,
            deployment,
            yes,
        } => rollback(client, &project, &deployment, yes).await,
        DeployCommand::Destroy {
            project,
            target,
            release,
            yes,
        } => destroy(client, &project, &target, release, yes).await,
        DeployCommand::Download {
            project,
            deployment,
            output,
        } => fetch(client, &project, deployment, &output).await,
        DeployCommand::Stop {
            project,
            deployment,
        } => {
            let project = client.project(&project).await?;
            let id = parse(&deployment)?;
            let call = client.labd.deployment_stop(slow(), project.id, id);
            let deployment = answer(call.await)?;
            show(client, &deployment, |deployment| {
                output::line(follow::outcome(deployment.state))
            })
        }
        DeployCommand::Resume {
            project,
            deployment,
        } => {
            let project = client.project(&project).await?;
            let id = parse(&deployment)?;
            let call = client.labd.deployment_resume(slow(), project.id, id);
            let begun = answer(call.await)?;
            follow(client, &begun).await.map(drop)
        }
    }
}

async fn releases(client: &Client, project: &str) -> Result<(), Failure> {
    let project = client.project(project).await?;
    let all = answer(client.labd.deployments(quick(), project.id).await)?;
    show(client, &all, |all| {
        let rows: Vec<_> = all
            .iter()
            .map(|deployment| {
                let release = deployment.release.as_ref();
                let action = match deployment.action {
                    DeployAction::Deploy => "deploy",
                    DeployAction::Rollback => "rollback",
                    DeployAction::Destroy => "destroy",
                };
                vec![
                    deployment.target_name.clone(),
                    action.to_owned(),
                    if deployment.live {
                        "live".to_owned()
                    } else {
                        follow::word(deployment.state).to_owned()
                    },
                    release.map_or_else(String::new, |release| release.id.clone()),
                    deployment.started_at.strftime("%F %R").to_string(),
                    deployment.id.to_string(),
                ]
            })
            .collect();
        output::table(
            &["target", "work", "", "release", "at", "deployment"],
            &rows,
        )
    })
}

async fn status(client: &Client, project: &str, deployment: Option<String>) -> Result<(), Failure> {
    let project = client.project(project).await?;
    let id = match deployment {
        Some(text) => parse(&text)?,
        None => {
            let all = answer(client.labd.deployments(quick(), project.id).await)?;
            let live = all.iter().find(|deployment| deployment.live);
            live.ok_or_else(|| none(&project, "Nothing of it is live."))?
                .id
        }
    };
    let call = client.labd.deployment_status(slow(), project.id, id);
    let status = answer(call.await)?;
    show(client, &status, |status| {
        let state = format!("{:?}", status.state).to_lowercase();
        let message = status.message.as_deref().unwrap_or_default();
        let url = status.url.as_deref().unwrap_or_default();
        output::line(format!("{state} {message} {url}").trim_end())
    })
}

async fn rollback(
    client: &Client,
    project: &str,
    deployment: &str,
    yes: bool,
) -> Result<(), Failure> {
    let project = client.project(project).await?;
    let to = parse(deployment)?;
    let call = client.labd.deployment(quick(), project.id, to);
    let old = answer(call.await)?;
    let release = old.release.map_or_else(String::new, |release| release.id);
    let question = format!(
        "Make {release} of {} live again at {}?",
        project.name, old.target_name
    );
    if !yes && !output::confirm(&question)? {
        return output::line("Nothing was done.");
    }
    let start = RollbackStart {
        id: DeploymentId::generate(),
        to,
    };
    let begun = answer(client.labd.deploy_rollback(slow(), project.id, start).await)?;
    follow(client, &begun).await.map(drop)
}

async fn destroy(
    client: &Client,
    project: &str,
    at: &str,
    release: Option<String>,
    yes: bool,
) -> Result<(), Failure> {
    let project = client.project(project).await?;
    let target = target(client, Some(at)).await?;
    let release = release.as_deref().map(parse).transpose()?;
    let what = if release.is_some() {
        "this release"
    } else {
        "everything"
    };
    let question = format!("Take down {what} of {} at {}?", project.name, target.name);
    if !yes && !output::confirm(&question)? {
        return output::line("Nothing was done.");
    }
    let start = DestroyStart {
        id: DeploymentId::generate(),
        target: target.id,
        release,
    };
    let begun = answer(client.labd.deploy_destroy(slow(), project.id, start).await)?;
    follow(client, &begun).await.map(drop)
}

async fn fetch(
    client: &Client,
    project: &str,
    deployment: Option<String>,
    path: &Path,
) -> Result<(), Failure> {
    let project = client.project(project).await?;
    let wanted = deployment.as_deref().map(parse).transpose()?;
    let all = answer(client.labd.deployments(quick(), project.id).await)?;
    let gives = |one: &Deployment| one.artifact.as_ref().is_some_and(|file| file.kept);
    let found = all.iter().find(|one| match wanted {
        Some(id) => one.id == id,
        None => gives(one),
    });
    let found = found.ok_or_else(|| none(&project, "It has no such deployment with a file."))?;
    match &found.artifact {
        Some(artifact) if artifact.kept => download(client, found, artifact, path).await,
        _ => Err(none(&project, "This deployment has no file any more.")),
    }
}

fn none(project: &Project, what: &str) -> Failure {
    let error = ApiError::new(labd_protocol::ErrorCode::NotFound, what);
    Failure {
        error: error.with_hint(format!("See: labd deploy releases {}", project.id)),
    }
}

fn parse(text: &str) -> Result<DeploymentId, Failure> {
    text.parse().map_err(|_| Failure {
        error: ApiError::not_found("deployment", text)
            .with_hint("Use the id, as `labd deploy releases` shows it."),
    })
}

/// A target by its name or id, or the only one.
async fn target(client: &Client, name: Option<&str>) -> Result<DeployTarget, Failure> {
    let targets = answer(client.labd.targets(quick()).await)?;
    let names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
    match (name, targets.as_slice()) {
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(Failure::with_hint(
            format!("There are {} targets.", targets.len()),
            format!("Choose one with --target: {}.", names.join(", ")),
        )),
        (Some(name), _) => {
            let id = name.parse::<TargetId>().ok();
            let found = targets
                .iter()
                .find(|target| Some(target.id) == id || target.name == name);
            match found {
                Some(target) => Ok(target.clone()),
                None => Err(super::unknown("target", name, &names)),
            }
        }
    }
}

fn print_plan(plan: &DeployPlan) -> Result<(), Failure> {
    output::line(format!("{} ({})", plan.summary, plan.target_name))?;
    for step in &plan.steps {
        let mark = match step.change {
            StepChange::Create => '+',
            StepChange::Update => '~',
            StepChange::Delete => '-',
            StepChange::Keep => '=',
        };
        let irreversible = if step.irreversible {
            " (cannot be undone)"
        } else {
            ""
        };
        output::line(format!("  {mark} {}{irreversible}", step.title))?;
        if let Some(detail) = &step.detail {
            output::line(format!("      {detail}"))?;
        }
    }
    if !plan.settings.is_empty() {
        output::line(format!(
            "  The target is given: {}",
            plan.settings.join(", ")
        ))?;
    }
    for warning in &plan.warnings {
        output::line(format!("  ! {warning}"))?;
    }
    Ok(())
}
