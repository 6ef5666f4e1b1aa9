//! Saving a file by hand.

use super::repo::About;
use crate::{
    Builder, ProjectPath,
    settle::{Checked, Checks},
};
use bytes::Bytes;
use labd_protocol::{
    ApiError, Author, ErrorCode, FileSave, FileSaved, Notice, ProjectId, Snapshot,
};

impl Builder {
    /// Saves or removes a file by hand. A state with errors is kept as a draft, and later saves
    /// build on it; the preview keeps the last good state.
    ///
    /// # Errors
    /// `conflict` while a turn runs, or when the file is not what the edit was based on.
    pub async fn file_save(
        &self,
        project: ProjectId,
        save: FileSave,
    ) -> Result<FileSaved, ApiError> {
        let path = ProjectPath::parse(&save.path)
            .map_err(|fault| ApiError::invalid("path", format!("{fault}.")))?;
        let lock = self.lock(project);
        let _changing = lock.lock().await;
        self.refuse_while_running(project)?;
        let record = self.repo().project(project)?;
        let base = self
            .repo()
            .state(project, record.working.or(record.head))
            .await?;

        let current = base
            .manifest
            .files
            .get(&path)
            .map(|file| file.blob.to_string());
        if save.base != current && !self.is_of_head(project, &record, &path, &save.base)? {
            return Err(changed_meanwhile(&path, current.is_some()));
        }
        let mut files = base.files.clone();
        match save.content {
            Some(content) => files
                .put(&path, Bytes::from(content))
                .map_err(|fault| ApiError::new(ErrorCode::TooLarge, format!("{fault}.")))?,
            None if files.remove(&path) => {}
            None => return Err(ApiError::not_found("file", &path)),
        }
        let message = if files.get(&path).is_some() {
            "Save"
        } else {
            "Remove"
        };
        let message = format!("{message} {path}");
        if let (true, Some(id)) = (files == base.files, base.id) {
            let snapshot = self.repo().snapshot(project, id)?.into();
            return Ok(FileSaved {
                snapshot,
                problems: self.previews().problems(project).await,
            });
        }

        let candidate = self.previews().prepare(project, files.map()).await?;
        let mut problems = candidate.problems.clone();
        let mut ok = candidate.ok;
        if ok {
            let changed = files.changed(&self.repo().state(project, record.head).await?.files);
            let checks = Checks {
                project,
                source: record.source,
                candidate: &candidate,
                changed: &changed,
            };
            let Checked { queries, server } = checks.run(self).await;
            problems.extend(queries);
            problems.extend(server);
            ok = !crate::settle::has_errors(&problems);
        }
        let _blobs = self.repo().hold_blobs().await;
        let about = About {
            author: Author::Person,
            message,
            turn: None,
            draft: !ok,
        };
        let new = self.repo().new_snapshot(&base, &files, about).await?;
        self.repo()
            .change_project(project, |record, batch| {
                new.put(project, batch)?;
                if ok {
                    record.head = Some(new.record.id);
                    record.working = None;
                } else {
                    record.working = Some(new.record.id);
                }
                Ok(())
            })
            .await?;
        if ok {
            self.show(project, &candidate, problems.clone()).await;
        }
        self.notify(Notice::Project { project });
        Ok(FileSaved {
            snapshot: Snapshot::from(new.record),
            problems,
        })
    }

    /// Whether the edit is based on the head's content, though a draft by hand changed the file:
    /// clients read the head.
    fn is_of_head(
        &self,
        project: ProjectId,
        record: &super::records::ProjectRecord,
        path: &ProjectPath,
        base: &Option<String>,
    ) -> Result<bool, ApiError> {
        let (Some(head), Some(_)) = (record.head, record.working) else {
            return Ok(record.working.is_some() && base.is_none());
        };
        let manifest = self.repo().manifest(project, head)?;
        Ok(manifest.files.get(path).map(|file| file.blob.to_string()) == *base)
    }
}

fn changed_meanwhile(path: &ProjectPath, exists: bool) -> ApiError {
    let message = if exists {
        format!(
            "{path} was changed since it was opened. Nothing was overwritten: read it again, then save."
        )
    } else {
        format!("{path} was removed since it was opened. Nothing was saved: save it as a new file.")
    };
    ApiError::new(ErrorCode::Conflict, message)
}
