//! Making, changing and removing projects.

use super::records::ProjectRecord;
use crate::Builder;
use jiff::Timestamp;
use labd_protocol::{
    ApiError, ErrorCode, Notice, Problem, Project, ProjectCreate, ProjectId, ProjectUpdate,
    SourceId, name,
};
use labd_store::{Batch, StoreError};

impl Builder {
    /// All projects, the one that was changed last first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn projects(&self) -> Result<Vec<Project>, ApiError> {
        let mut records = self.repo().projects()?;
        records.sort_by_key(|record| std::cmp::Reverse((record.updated_at, record.id)));
        Ok(records
            .into_iter()
            .map(|record| self.view(record))
            .collect())
    }

    /// One project.
    ///
    /// # Errors
    /// When there is none.
    pub async fn project(&self, project: ProjectId) -> Result<Project, ApiError> {
        Ok(self.view(self.repo().project(project)?))
    }

    /// Makes a project. With the id of one that is there, gives that one.
    ///
    /// # Errors
    /// When its name is none, or there is no such source.
    pub async fn project_create(&self, create: ProjectCreate) -> Result<Project, ApiError> {
        let id = create.id.unwrap_or_else(ProjectId::generate);
        if let Some(there) = self.repo().store.get::<ProjectRecord>(&id.to_string())? {
            return Ok(self.view(there));
        }
        let name = name("project", &create.name)?;
        self.check_source(create.source).await?;
        let now = Timestamp::now();
        let record = ProjectRecord {
            id,
            name,
            source: create.source,
            provider: None,
            model: None,
            head: None,
            working: None,
            created_at: now,
            updated_at: now,
        };
        let mut batch = Batch::new();
        let key = id.to_string();
        batch.expect_absent::<ProjectRecord>(&key)?;
        batch.put(&key, &record)?;
        match self.repo().store.commit(batch).await {
            Ok(()) => {}
            // Made at the same time with the same id.
            Err(StoreError::Conflict { .. }) => return self.project(id).await,
            Err(error) => return Err(error.into()),
        }
        self.notify(Notice::Project { project: id });
        Ok(self.view(record))
    }

    /// Changes a project's settings.
    ///
    /// # Errors
    /// When there is no such project or source, or the name is none.
    pub async fn project_update(
        &self,
        project: ProjectId,
        update: ProjectUpdate,
    ) -> Result<Project, ApiError> {
        let name = match &update.name {
            Some(new) => Some(name("project", new)?),
            None => None,
        };
        let model = update
            .model
            .map(|model| model.filter(|model| !model.trim().is_empty()));
        self.check_source(update.source).await?;
        let before = self.repo().project(project)?;
        let record = self
            .repo()
            .change_project(project, |record, _| {
                if let Some(name) = &name {
                    record.name.clone_from(name);
                }
                record.source = update.source.or(record.source);
                record.provider = update.provider.unwrap_or(record.provider);
                if let Some(model) = &model {
                    record.model.clone_from(model);
                } else if record.provider != before.provider {
                    // A model of another provider.
                    record.model = None;
                }
                Ok(())
            })
            .await?;
        self.notify(Notice::Project { project });
        if record.source != before.source {
            // The queries of the app now run elsewhere: say at once which of them do not.
            let builder = self.clone();
            self.spawn(async move {
                if let Err(error) = builder.recheck(project).await {
                    tracing::warn!(%project, %error, "the queries could not be checked on the new source");
                }
            });
        }
        Ok(self.view(record))
    }

    /// Removes a project with its history. A running turn is stopped first.
    ///
    /// # Errors
    /// When there is no such project, or the store fails.
    pub async fn project_remove(&self, project: ProjectId) -> Result<(), ApiError> {
        self.repo().project(project)?;
        let lock = self.lock(project);
        loop {
            self.stop_running(project).await;
            let _changing = lock.lock().await;
            if self.running_turn(project).is_some() {
                continue;
            }
            self.repo().remove(project).await?;
            break;
        }
        self.previews().forget(project).await;
        self.forget_lock(project);
        self.collect_garbage();
        self.notify(Notice::Project { project });
        Ok(())
    }

    /// The projects that use a source.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn projects_of(&self, source: SourceId) -> Result<Vec<ProjectId>, ApiError> {
        let all = self.repo().projects()?;
        Ok(all
            .into_iter()
            .filter(|record| record.source == Some(source))
            .map(|record| record.id)
            .collect())
    }

    /// Leaves the projects of a source without one; their files and history stay.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn detach_source(&self, source: SourceId) -> Result<Vec<ProjectId>, ApiError> {
        let projects = self.projects_of(source).await?;
        for project in &projects {
            self.repo()
                .change_project(*project, |record, _| {
                    if record.source == Some(source) {
                        record.source = None;
                    }
                    Ok(())
                })
                .await?;
            self.notify(Notice::Project { project: *project });
        }
        Ok(projects)
    }

    /// What is wrong with the state that is shown.
    ///
    /// # Errors
    /// When there is no such project.
    pub async fn problems(&self, project: ProjectId) -> Result<Vec<Problem>, ApiError> {
        self.repo().project(project)?;
        Ok(self.previews().problems(project).await)
    }

    async fn check_source(&self, source: Option<SourceId>) -> Result<(), ApiError> {
        let Some(source) = source else { return Ok(()) };
        match self.sources().source(source).await {
            Ok(_) => Ok(()),
            Err(error) if error.code == ErrorCode::NotFound => Err(ApiError::invalid(
                "source",
                format!("There is no data source {source}."),
            )),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn view(&self, record: ProjectRecord) -> Project {
        let ProjectRecord {
            id,
            name,
            source,
            provider,
            model,
            head,
            created_at,
            updated_at,
            ..
        } = record;
        let running_turn = self.running_turn(id);
        Project {
            id,
            name,
            source,
            provider,
            model,
            head,
            running_turn,
            created_at,
            updated_at,
        }
    }
}
