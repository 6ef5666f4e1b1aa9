//! Deploying, as the doors see it.

use async_trait::async_trait;
use labd_protocol::*;
use std::time::Duration;

/// Deployment targets, deployments and releases, with the names and meanings of
/// [`labd_protocol::Labd`]. What changes something at a target is for people; the doors see to
/// that.
#[async_trait]
#[allow(
    missing_docs,
    reason = "the methods are documented at labd_protocol::Labd"
)]
pub trait Deploys: Send + Sync + 'static {
    async fn targets(&self) -> Result<Vec<DeployTarget>, ApiError>;
    async fn target_create(&self, create: TargetCreate) -> Result<DeployTarget, ApiError>;
    async fn target_update(
        &self,
        target: TargetId,
        update: TargetUpdate,
    ) -> Result<DeployTarget, ApiError>;
    async fn target_remove(&self, target: TargetId) -> Result<(), ApiError>;
    async fn target_test(&self, target: TargetId) -> Result<(), ApiError>;
    async fn deploy_plan(
        &self,
        project: ProjectId,
        target: TargetId,
    ) -> Result<DeployPlan, ApiError>;
    async fn deploy_start(
        &self,
        project: ProjectId,
        start: DeployStart,
    ) -> Result<Deployment, ApiError>;
    async fn deploy_rollback(
        &self,
        project: ProjectId,
        start: RollbackStart,
    ) -> Result<Deployment, ApiError>;
    async fn deploy_destroy(
        &self,
        project: ProjectId,
        start: DestroyStart,
    ) -> Result<Deployment, ApiError>;
    async fn deployments(&self, project: ProjectId) -> Result<Vec<Deployment>, ApiError>;
    async fn deployment(
        &self,
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<Deployment, ApiError>;
    async fn deployment_stop(
        &self,
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<Deployment, ApiError>;
    async fn deployment_resume(
        &self,
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<Deployment, ApiError>;
    /// Returns within `wait`, at once when there are events after `after` or the work has ended.
    async fn deployment_events(
        &self,
        project: ProjectId,
        deployment: DeploymentId,
        after: u64,
        max: u32,
        wait: Duration,
    ) -> Result<DeployEvents, ApiError>;
    async fn deployment_status(
        &self,
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<ReleaseStatus, ApiError>;
    async fn deployment_artifact(
        &self,
        project: ProjectId,
        deployment: DeploymentId,
        part: u32,
    ) -> Result<ArtifactPart, ApiError>;
    /// The whole file that a deployment gives, and what it is.
    async fn deployment_file(
        &self,
        project: ProjectId,
        deployment: DeploymentId,
    ) -> Result<(ArtifactInfo, Vec<u8>), ApiError>;
}
