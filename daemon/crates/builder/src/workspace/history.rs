//! Reading states, and going back and forward between them.

use super::{files::Files, records::Manifest};
use crate::{Builder, ProjectPath, checks, ports::Candidate};
use base64::Engine;
use labd_protocol::{
    ApiError, ErrorCode, FileContent, FileEntry, Notice, Problem, ProjectId, Rewind, Snapshot,
    SnapshotDetail, SnapshotId,
};

impl Builder {
    /// All states, the latest first, drafts included.
    ///
    /// # Errors
    /// When there is no such project.
    pub async fn history(&self, project: ProjectId) -> Result<Vec<Snapshot>, ApiError> {
        self.repo().project(project)?;
        let mut records = self.repo().snapshots(project)?;
        records.sort_by_key(|record| std::cmp::Reverse((record.created_at, record.id)));
        Ok(records.into_iter().map(Snapshot::from).collect())
    }

    /// A state with its files.
    ///
    /// # Errors
    /// When there is no such state in this project.
    pub async fn snapshot(
        &self,
        project: ProjectId,
        snapshot: SnapshotId,
    ) -> Result<SnapshotDetail, ApiError> {
        let record = self.repo().snapshot(project, snapshot)?;
        let files = entries(&self.repo().manifest(project, snapshot)?);
        Ok(SnapshotDetail {
            snapshot: record.into(),
            files,
        })
    }

    /// The files of the head.
    ///
    /// # Errors
    /// When there is no such project.
    pub async fn files(&self, project: ProjectId) -> Result<Vec<FileEntry>, ApiError> {
        let record = self.repo().project(project)?;
        let Some(head) = record.head else {
            return Ok(Vec::new());
        };
        Ok(entries(&self.repo().manifest(project, head)?))
    }

    /// A file of the head, or of another state.
    ///
    /// # Errors
    /// When there is no such file.
    pub async fn file(
        &self,
        project: ProjectId,
        path: &str,
        snapshot: Option<SnapshotId>,
    ) -> Result<FileContent, ApiError> {
        let record = self.repo().project(project)?;
        let missing = || ApiError::not_found("file", crate::path::shorten(path));
        let path = ProjectPath::parse(path).map_err(|_| missing())?;
        let state = snapshot.or(record.head).ok_or_else(missing)?;
        let manifest = self.repo().manifest(project, state)?;
        let file = manifest.files.get(&path).ok_or_else(missing)?;
        let content = self.repo().blob(file.blob).await?;
        let (content, binary) = match std::str::from_utf8(&content) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (
                base64::engine::general_purpose::STANDARD.encode(&content),
                true,
            ),
        };
        Ok(FileContent {
            path: path.into(),
            content,
            binary,
            hash: file.blob.to_string(),
        })
    }

    /// Makes an earlier, or later, state the head again. Nothing is deleted.
    ///
    /// # Errors
    /// `conflict` while a turn runs; when there is no such state, or it is a draft.
    pub async fn rewind(&self, project: ProjectId, rewind: Rewind) -> Result<Snapshot, ApiError> {
        let lock = self.lock(project);
        let _changing = lock.lock().await;
        self.refuse_while_running(project)?;
        let record = self.repo().snapshot(project, rewind.snapshot)?;
        if record.draft {
            return Err(ApiError::invalid(
                "snapshot",
                "This state is a draft that did not pass its checks. Go to a state that did, or save the draft's files by hand.",
            ));
        }
        let state = self.repo().state(project, Some(record.id)).await?;
        let candidate = self.previews().prepare(project, state.files.map()).await?;
        self.repo()
            .change_project(project, |project, _| {
                project.head = Some(record.id);
                project.working = None;
                Ok(())
            })
            .await?;
        self.show(project, &candidate, candidate.problems.clone())
            .await;
        self.notify(Notice::Project { project });
        Ok(record.into())
    }

    /// Prepares and shows the head when nothing is shown, as after a restart.
    ///
    /// # Errors
    /// When there is no such project, or no sandbox can compile it.
    pub async fn ensure_shown(&self, project: ProjectId) -> Result<(), ApiError> {
        if self.repo().project(project)?.head.is_none()
            || self.previews().shown(project).await.is_some()
        {
            return Ok(());
        }
        let lock = self.lock(project);
        let _changing = lock.lock().await;
        if self.previews().shown(project).await.is_some() {
            return Ok(());
        }
        self.show_head(project).await
    }

    /// Paints the head again; nothing when the project has none.
    pub(crate) async fn show_head(&self, project: ProjectId) -> Result<(), ApiError> {
        let head = self.repo().project(project)?.head;
        if head.is_none() {
            self.previews().forget(project).await;
            return Ok(());
        }
        let state = self.repo().state(project, head).await?;
        let candidate = self.previews().prepare(project, state.files.map()).await?;
        self.show(project, &candidate, candidate.problems.clone())
            .await;
        Ok(())
    }

    pub(crate) async fn show(
        &self,
        project: ProjectId,
        candidate: &Candidate,
        problems: Vec<Problem>,
    ) {
        if candidate.ok {
            self.previews().show(project, candidate).await;
        }
        self.previews().set_problems(project, problems).await;
    }

    /// Checks all queries of the head anew and says what is wrong with them.
    pub(crate) async fn recheck(&self, project: ProjectId) -> Result<(), ApiError> {
        let lock = self.lock(project);
        let _changing = lock.lock().await;
        let record = self.repo().project(project)?;
        if record.head.is_none() || self.running_turn(project).is_some() {
            return Ok(());
        }
        let state = self.repo().state(project, record.head).await?;
        let candidate = self.previews().prepare(project, state.files.map()).await?;
        let queries: Vec<_> = candidate.queries.iter().collect();
        let mut problems = candidate.problems.clone();
        problems.extend(checks::queries(self.sources(), record.source, &queries).await);
        self.show(project, &candidate, problems).await;
        Ok(())
    }

    pub(crate) fn refuse_while_running(&self, project: ProjectId) -> Result<(), ApiError> {
        let Some(turn) = self.running_turn(project) else {
            return Ok(());
        };
        let message =
            format!("Turn {turn} is changing the project's files. Wait for it to end, or stop it.");
        Err(ApiError::new(ErrorCode::Conflict, message))
    }

    /// The whole text of a file of these, when it is text.
    pub(crate) fn text<'a>(files: &'a Files, path: &str) -> Option<&'a str> {
        files
            .map()
            .get(path)
            .and_then(|content| std::str::from_utf8(content).ok())
    }

    pub(crate) async fn flush(&self, stream: &str) -> Result<(), ApiError> {
        self.repo()
            .store
            .journal()
            .flush(stream)
            .await
            .map(drop)
            .map_err(ApiError::from)
    }
}

fn entries(manifest: &Manifest) -> Vec<FileEntry> {
    let entry = |(path, file): (&ProjectPath, &super::records::StoredFile)| FileEntry {
        path: path.to_string(),
        size: file.size,
        hash: file.blob.to_string(),
    };
    manifest.files.iter().map(entry).collect()
}
