//! Reading and writing what is stored of projects.

use super::{
    files::Files,
    records::{
        Manifest, ProjectRecord, SnapshotRecord, StoredFile, TurnRecord, key, prefix, stream,
    },
};
use crate::path::ProjectPath;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream as streams};
use jiff::Timestamp;
use labd_protocol::{ApiError, Author, ErrorCode, ProjectId, SnapshotId, TurnId};
use labd_store::{Batch, BlobId, Store, StoreError};
use std::collections::HashSet;
use tokio::sync::RwLock;

/// Attempts to change a project's record while others do.
const ATTEMPTS: usize = 16;

/// Blobs read at the same time.
const READS: usize = 8;

/// A state with its files: stored, or on its way there.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) id: Option<SnapshotId>,
    pub(crate) files: Files,
    pub(crate) manifest: Manifest,
}

/// A snapshot that is about to be stored; its blobs are.
pub(crate) struct NewSnapshot {
    pub(crate) record: SnapshotRecord,
    pub(crate) manifest: Manifest,
}

impl NewSnapshot {
    /// Adds it to a batch.
    pub(crate) fn put(&self, project: ProjectId, batch: &mut Batch) -> Result<(), StoreError> {
        let key = key(project, self.record.id);
        batch.put(&key, &self.record)?;
        batch.put(&key, &self.manifest)?;
        Ok(())
    }
}

/// What a snapshot is made of, beside its files.
pub(crate) struct About {
    pub(crate) author: Author,
    pub(crate) message: String,
    pub(crate) turn: Option<TurnId>,
    pub(crate) draft: bool,
}

pub(crate) struct Repo {
    pub(crate) store: Store,
    /// Held for reading from putting blobs until the record that names them is stored; for writing
    /// while blobs that nothing names are removed.
    blobs: RwLock<()>,
}

impl Repo {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            blobs: RwLock::new(()),
        }
    }

    pub(crate) fn project(&self, project: ProjectId) -> Result<ProjectRecord, ApiError> {
        let found = self.store.get(&project.to_string())?;
        found.ok_or_else(|| ApiError::not_found("project", project))
    }

    pub(crate) fn projects(&self) -> Result<Vec<ProjectRecord>, ApiError> {
        let all = self.store.list("")?;
        Ok(all.into_iter().map(|(_, record)| record).collect())
    }

    pub(crate) fn snapshot(
        &self,
        project: ProjectId,
        snapshot: SnapshotId,
    ) -> Result<SnapshotRecord, ApiError> {
        let found = self.store.get(&key(project, snapshot))?;
        found.ok_or_else(|| ApiError::not_found("snapshot", snapshot))
    }

    pub(crate) fn snapshots(&self, project: ProjectId) -> Result<Vec<SnapshotRecord>, ApiError> {
        let all = self.store.list(&prefix(project))?;
        Ok(all.into_iter().map(|(_, record)| record).collect())
    }

    pub(crate) fn turn(&self, project: ProjectId, turn: TurnId) -> Result<TurnRecord, ApiError> {
        self.find_turn(project, turn)?
            .ok_or_else(|| ApiError::not_found("turn", turn))
    }

    pub(crate) fn find_turn(
        &self,
        project: ProjectId,
        turn: TurnId,
    ) -> Result<Option<TurnRecord>, ApiError> {
        self.store.get(&key(project, turn)).map_err(ApiError::from)
    }

    /// The turns of a project, the oldest first.
    pub(crate) fn turns(&self, project: ProjectId) -> Result<Vec<TurnRecord>, ApiError> {
        let all = self.store.list::<TurnRecord>(&prefix(project))?;
        let mut turns: Vec<_> = all.into_iter().map(|(_, record)| record).collect();
        // Clients choose ids, so their order says little.
        turns.sort_by_key(|turn| (turn.started_at, turn.id));
        Ok(turns)
    }

    pub(crate) fn manifest(
        &self,
        project: ProjectId,
        snapshot: SnapshotId,
    ) -> Result<Manifest, ApiError> {
        let found = self.store.get(&key(project, snapshot))?;
        found.ok_or_else(|| ApiError::not_found("snapshot", snapshot))
    }

    pub(crate) async fn blob(&self, id: BlobId) -> Result<Bytes, ApiError> {
        self.store.blob(&id).await.map_err(ApiError::from)
    }

    /// Keeps a text that a record will name.
    pub(crate) async fn put_text(&self, text: String) -> Result<BlobId, ApiError> {
        self.store
            .put_blob(text.into())
            .await
            .map_err(ApiError::from)
    }

    /// A state with its files; the empty one without a snapshot.
    pub(crate) async fn state(
        &self,
        project: ProjectId,
        snapshot: Option<SnapshotId>,
    ) -> Result<State, ApiError> {
        let Some(id) = snapshot else {
            return Ok(State::default());
        };
        let manifest = self.manifest(project, id)?;
        let read = |(path, file): (ProjectPath, StoredFile)| async move {
            Ok::<_, ApiError>((path, self.blob(file.blob).await?))
        };
        let contents: Vec<(ProjectPath, Bytes)> = streams::iter(manifest.files.clone())
            .map(read)
            .buffered(READS)
            .try_collect()
            .await?;
        let mut files = Files::default();
        for (path, content) in contents {
            files
                .put(&path, content)
                .map_err(|fault| ApiError::new(ErrorCode::Internal, fault.to_string()))?;
        }
        Ok(State {
            id: Some(id),
            files,
            manifest,
        })
    }

    /// No blob is removed while this is held.
    pub(crate) async fn hold_blobs(&self) -> tokio::sync::RwLockReadGuard<'_, ()> {
        self.blobs.read().await
    }

    /// Stores the contents that are new since `base`; the rest is named as it was. The caller holds
    /// the blobs until the snapshot itself is stored.
    pub(crate) async fn new_snapshot(
        &self,
        base: &State,
        files: &Files,
        about: About,
    ) -> Result<NewSnapshot, ApiError> {
        let mut manifest = Manifest::default();
        let mut fresh: Vec<(ProjectPath, Bytes)> = Vec::new();
        for (path, content) in files.map() {
            let path: ProjectPath = path
                .parse()
                .map_err(|fault| ApiError::new(ErrorCode::Internal, format!("{fault}.")))?;
            match base.manifest.files.get(&path) {
                Some(file) if base.files.get(&path) == Some(content) => {
                    manifest.files.insert(path, *file);
                }
                _ => fresh.push((path, content.clone())),
            }
        }
        let contents = fresh.iter().map(|(_, content)| content.clone()).collect();
        let blobs = self.store.put_blobs(contents).await?;
        for ((path, content), blob) in fresh.into_iter().zip(blobs) {
            manifest.files.insert(
                path,
                StoredFile {
                    blob,
                    size: content.len() as u64,
                },
            );
        }
        let record = SnapshotRecord {
            id: SnapshotId::generate(),
            parent: base.id,
            created_at: Timestamp::now(),
            author: about.author,
            message: about.message,
            turn: about.turn,
            changed: files.changed(&base.files),
            draft: about.draft,
        };
        Ok(NewSnapshot { record, manifest })
    }

    /// Changes a project's record together with whatever else `change` adds to the batch. When
    /// someone else changed the record meanwhile, it is read and changed again.
    pub(crate) async fn change_project(
        &self,
        project: ProjectId,
        change: impl Fn(&mut ProjectRecord, &mut Batch) -> Result<(), StoreError>,
    ) -> Result<ProjectRecord, ApiError> {
        for _ in 0..ATTEMPTS {
            let old = self.project(project)?;
            let mut new = old.clone();
            let mut batch = Batch::new();
            new.updated_at = Timestamp::now();
            change(&mut new, &mut batch)?;
            let id = project.to_string();
            batch.expect(&id, &old)?.put(&id, &new)?;
            match self.store.commit(batch).await {
                Ok(()) => return Ok(new),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ApiError::new(
            ErrorCode::Conflict,
            "The project is being changed by others; try again.",
        ))
    }

    /// Removes a project with its history, but for its blobs.
    pub(crate) async fn remove(&self, project: ProjectId) -> Result<(), ApiError> {
        let mut batch = Batch::new();
        batch.delete::<ProjectRecord>(&project.to_string());
        for snapshot in self.snapshots(project)? {
            let key = key(project, snapshot.id);
            batch
                .delete::<SnapshotRecord>(&key)
                .delete::<Manifest>(&key);
        }
        for turn in self.turns(project)? {
            batch.delete::<TurnRecord>(&key(project, turn.id));
            batch.delete_stream(&stream(project, turn.id));
        }
        self.store.commit(batch).await.map_err(ApiError::from)
    }

    /// Removes the blobs that nothing names; false when some are just being put. It never waits for
    /// those, since others who put blobs would wait behind it.
    pub(crate) async fn collect_garbage(&self) -> Result<bool, ApiError> {
        let Ok(_alone) = self.blobs.try_write() else {
            return Ok(false);
        };
        let mut live = HashSet::new();
        let named = self.store.visit("", |_, manifest: Manifest| {
            live.extend(manifest.files.values().map(|file| file.blob));
            Ok(())
        });
        named?;
        let named = self.store.visit("", |_, turn: TurnRecord| {
            live.extend(turn.prompt);
            Ok(())
        });
        named?;
        let removed = self.store.collect_garbage(&live).await?;
        tracing::debug!(removed, "removed blobs that nothing names");
        Ok(true)
    }
}
