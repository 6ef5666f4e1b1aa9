//! Projects.

use super::{Client, open_in_browser, quick, show, slow};
use crate::{cli::ProjectCommand, failure::Failure, output};
use labd_protocol::{ApiError, Author, ProjectCreate, ProjectUpdate, Rewind, Snapshot, answer};
use serde_json::json;
use std::path::Path;

pub(super) async fn run(client: &Client, command: ProjectCommand) -> Result<(), Failure> {
    match command {
        ProjectCommand::New { name, source } => new(client, name, source.as_deref()).await,
        ProjectCommand::List => list(client).await,
        ProjectCommand::Open { project, print } => open(client, &project, print).await,
        ProjectCommand::Rename { project, name } => {
            let project = client.project(&project).await?;
            let update = ProjectUpdate {
                name: Some(name),
                ..ProjectUpdate::default()
            };
            let project = answer(
                client
                    .labd
                    .project_update(quick(), project.id, update)
                    .await,
            )?;
            show(client, &project, |project| {
                output::line(format!("It is named {} now.", project.name))
            })
        }
        ProjectCommand::Provider {
            project,
            provider,
            model,
            default: _,
        } => answered_by(client, &project, provider.as_deref(), model).await,
        ProjectCommand::History { project } => history(client, &project).await,
        ProjectCommand::Rewind { project, snapshot } => {
            let project = client.project(&project).await?;
            let snapshot = snapshot.parse().map_err(|_| {
                ApiError::invalid(
                    "snapshot",
                    "Name the state by its id, as `labd project history` shows it.",
                )
            })?;
            let rewind = Rewind { snapshot };
            let snapshot = answer(client.labd.rewind(slow(), project.id, rewind).await)?;
            show(client, &snapshot, |snapshot| {
                output::line(format!("{} is at: {}", project.name, snapshot.message))
            })
        }
        ProjectCommand::Export { project, file } => export(client, &project, &file).await,
        ProjectCommand::Delete { project, yes } => delete(client, &project, yes).await,
    }
}

async fn new(client: &Client, name: String, source: Option<&str>) -> Result<(), Failure> {
    let source = match source {
        Some(source) => Some(client.source(source).await?.id),
        None => answer(client.labd.sources(quick()).await)?
            .into_iter()
            .find(|source| source.sample)
            .map(|source| source.id),
    };
    let create = ProjectCreate {
        id: None,
        name,
        source,
    };
    let project = answer(client.labd.project_create(quick(), create).await)?;
    show(client, &project, |project| {
        output::line(format!("{} is made ({}).", project.name, project.id))?;
        output::line(format!(
            "Say what it should do: labd chat {} \"…\"",
            project.id
        ))
    })
}

async fn list(client: &Client) -> Result<(), Failure> {
    let projects = answer(client.labd.projects(quick()).await)?;
    show(client, &projects, |projects| {
        let rows: Vec<_> = projects
            .iter()
            .map(|project| {
                vec![
                    project.name.clone(),
                    project.updated_at.to_string(),
                    if project.running_turn.is_some() {
                        "building"
                    } else {
                        ""
                    }
                    .to_owned(),
                    project.id.to_string(),
                ]
            })
            .collect();
        output::table(&["name", "changed", "state", "id"], &rows)
    })
}

async fn open(client: &Client, project: &str, print: bool) -> Result<(), Failure> {
    let project = client.project(project).await?;
    let preview = answer(client.labd.preview(slow(), project.id).await)?;
    show(client, &preview, |preview| output::line(&preview.url))?;
    if !print && !client.json {
        open_in_browser(&preview.url);
    }
    Ok(())
}

/// Has a provider, or the default one, answer in a project from now on.
async fn answered_by(
    client: &Client,
    project: &str,
    provider: Option<&str>,
    model: Option<String>,
) -> Result<(), Failure> {
    let project = client.project(project).await?;
    let provider = match provider {
        Some(provider) => Some(client.provider(provider).await?),
        None => None,
    };
    let update = ProjectUpdate {
        provider: Some(provider.as_ref().map(|provider| provider.id)),
        model: Some(model),
        ..ProjectUpdate::default()
    };
    let call = client.labd.project_update(quick(), project.id, update);
    let project = answer(call.await)?;
    show(client, &project, |project| {
        let name = provider.map_or_else(|| "the default provider".to_owned(), |one| one.name);
        let model = project.model.as_deref();
        let model = model.map_or_else(String::new, |model| format!(" ({model})"));
        output::line(format!("{} asks {name}{model} now.", project.name))
    })
}

async fn history(client: &Client, project: &str) -> Result<(), Failure> {
    let project = client.project(project).await?;
    let history = answer(client.labd.history(quick(), project.id).await)?;
    show(client, &history, |history| {
        let rows: Vec<_> = history
            .iter()
            .map(|snapshot| {
                let mark = match snapshot {
                    snapshot if project.head == Some(snapshot.id) => "present",
                    snapshot if snapshot.draft => "draft",
                    _ => "",
                };
                vec![
                    mark.to_owned(),
                    snapshot.created_at.to_string(),
                    author(snapshot),
                    snapshot.message.clone(),
                    snapshot.id.to_string(),
                ]
            })
            .collect();
        output::table(&["", "when", "by", "what", "id"], &rows)
    })
}

fn author(snapshot: &Snapshot) -> String {
    match &snapshot.author {
        Author::Person => "you".to_owned(),
        Author::Model { model, .. } => model.clone(),
    }
}

async fn export(client: &Client, project: &str, file: &Path) -> Result<(), Failure> {
    let project = client.project(project).await?;
    let zip = answer(client.labd.project_export(slow(), project.id).await)?;
    let bytes = zip.0.as_slice();
    let mut options = std::fs::OpenOptions::new();
    std::io::Write::write_all(
        &mut options
            .write(true)
            .create_new(true)
            .open(file)
            .map_err(|error| {
                Failure::new(format!("{} cannot be made: {error}.", file.display()))
            })?,
        bytes,
    )?;
    if client.json {
        return output::json(&json!({ "path": file, "bytes": bytes.len() }));
    }
    output::line(format!(
        "{} written ({} bytes).",
        file.display(),
        bytes.len()
    ))
}

async fn delete(client: &Client, project: &str, yes: bool) -> Result<(), Failure> {
    let project = client.project(project).await?;
    let question = format!("Delete {} with all its history?", project.name);
    if !yes && !output::confirm(&question)? {
        return Ok(());
    }
    answer(client.labd.project_remove(slow(), project.id).await)?;
    if client.json {
        return output::json(&json!({ "deleted": project.id }));
    }
    output::line(format!("{} is deleted.", project.name))
}
