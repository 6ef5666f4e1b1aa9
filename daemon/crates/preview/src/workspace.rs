//! A project's files in the sandbox.

use crate::{candidate::Candidate, previews::Sandboxes};
use bytes::Bytes;
use labd_plugin_host::{
    PluginError,
    kinds::sandbox::{Asset, Change, Diagnostic, SourceFile, Workspace},
};
use labd_protocol::{ApiError, ErrorCode, ProjectId};
use std::collections::BTreeMap;

/// Bytes of assets after which a workspace is begun anew, so that those of old states go.
const MOST_ASSET_BYTES: usize = 64 * 1024 * 1024;

/// The workspace of one project: what the sandbox holds can be rebuilt from the files at any time.
#[derive(Default)]
pub(crate) struct ProjectWorkspace {
    open: Option<Open>,
}

struct Open {
    workspace: Box<dyn Workspace>,
    files: BTreeMap<String, Bytes>,
    asset_bytes: usize,
}

impl ProjectWorkspace {
    /// Compiles a whole state: only what differs from the last one goes to the sandbox.
    pub async fn prepare(
        &mut self,
        sandboxes: &dyn Sandboxes,
        project: ProjectId,
        files: &BTreeMap<String, Bytes>,
    ) -> Result<(Candidate, Vec<Asset>), ApiError> {
        match self.try_prepare(sandboxes, project, files).await {
            Err(PluginError::StateLost(reason)) => {
                tracing::warn!(%project, reason, "the sandbox lost its state and is rebuilt");
                self.try_prepare(sandboxes, project, files).await
            }
            outcome => outcome,
        }
        .map_err(failed)
    }

    async fn try_prepare(
        &mut self,
        sandboxes: &dyn Sandboxes,
        project: ProjectId,
        files: &BTreeMap<String, Bytes>,
    ) -> Result<(Candidate, Vec<Asset>), PluginError> {
        let mut open = self.take(sandboxes, project).await?;
        let change = difference(&open.files, files);
        let prepared = open.workspace.prepare(change).await?;
        let candidate = Candidate::new(&prepared, files);
        open.files = files.clone();
        open.asset_bytes += prepared
            .new_assets
            .iter()
            .map(|asset| asset.content.len())
            .sum::<usize>();
        if open.asset_bytes < MOST_ASSET_BYTES {
            self.open = Some(open);
        }
        Ok((candidate, prepared.new_assets))
    }

    /// Compiles one file early. A workspace that is lost meanwhile is no fault: `prepare` rebuilds it.
    pub async fn warm(
        &mut self,
        sandboxes: &dyn Sandboxes,
        project: ProjectId,
        file: SourceFile,
    ) -> Result<Vec<Diagnostic>, ApiError> {
        let mut open = self.take(sandboxes, project).await.map_err(failed)?;
        match open.workspace.warm(file).await {
            Ok(diagnostics) => {
                self.open = Some(open);
                Ok(diagnostics)
            }
            Err(PluginError::StateLost(_)) => Ok(Vec::new()),
            Err(error) => Err(failed(error)),
        }
    }

    /// The workspace, out of its place: a call that fails or is given up leaves none behind.
    async fn take(
        &mut self,
        sandboxes: &dyn Sandboxes,
        project: ProjectId,
    ) -> Result<Open, PluginError> {
        if let Some(open) = self.open.take() {
            return Ok(open);
        }
        let sandbox = sandboxes
            .get()
            .map_err(|error| PluginError::Internal(error.message))?;
        Ok(Open {
            workspace: sandbox.open_workspace(&project.to_string()).await?,
            files: BTreeMap::new(),
            asset_bytes: 0,
        })
    }

    /// Whether the next `prepare` begins with nothing, and hands out all assets again.
    pub fn is_empty(&self) -> bool {
        self.open.is_none()
    }
}

fn difference(old: &BTreeMap<String, Bytes>, new: &BTreeMap<String, Bytes>) -> Change {
    Change {
        changed: new
            .iter()
            .filter(|(path, content)| old.get(*path) != Some(content))
            .map(|(path, content)| SourceFile {
                path: path.clone(),
                content: content.clone(),
            })
            .collect(),
        removed: old
            .keys()
            .filter(|path| !new.contains_key(*path))
            .cloned()
            .collect(),
    }
}

fn failed(error: PluginError) -> ApiError {
    ApiError::new(
        ErrorCode::PluginFailed,
        format!("The app could not be compiled: {error}"),
    )
}
