//! What this crate needs of others.

use async_trait::async_trait;
use bytes::Bytes;
use labd_plugin_host::{
    kinds::deployer::{Deployer, Setting},
    manifest::Credential,
};
use labd_protocol::{ApiError, ProjectId, SnapshotId};
use std::{collections::BTreeMap, sync::Arc};

/// A deployer plugin that can be used.
#[derive(Clone)]
pub struct DeployerEntry {
    /// Its id: `labd.archive`.
    pub plugin: String,
    /// Credentials that it asks for.
    pub credentials: Vec<Credential>,
    /// The plugin itself.
    pub deployer: Arc<dyn Deployer>,
}

/// The plugins. The binary wires the plugin host to it.
pub trait Deployers: Send + Sync {
    /// A plugin by its id.
    fn get(&self, plugin: &str) -> Option<DeployerEntry>;
    /// The ids of all.
    fn ids(&self) -> Vec<String>;
}

/// A state of a project, as it runs outside labd. It holds no secret.
#[derive(Clone, Debug)]
pub struct ProjectFiles {
    /// The project's name.
    pub name: String,
    /// For folders, sites and repositories.
    pub slug: String,
    /// Which state it is.
    pub snapshot: SnapshotId,
    /// What that state is about.
    pub message: String,
    /// How the files are laid out: `node-project`.
    pub layout: String,
    /// All files, by path.
    pub files: BTreeMap<String, Bytes>,
    /// What the running app reads from its environment.
    pub settings: Vec<Setting>,
}

/// The projects. The binary wires the builder to it.
#[async_trait]
pub trait Bundles: Send + Sync {
    /// `not_found` when there is no such project.
    async fn check(&self, project: ProjectId) -> Result<(), ApiError>;

    /// A state of a project; its head when none is named.
    async fn files(
        &self,
        project: ProjectId,
        snapshot: Option<SnapshotId>,
    ) -> Result<ProjectFiles, ApiError>;
}
