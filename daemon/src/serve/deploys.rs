//! Deploying, for the doors.

use async_trait::async_trait;
use labd_deploy::Deployments;
use labd_protocol::{
    ApiError, ArtifactInfo, ArtifactPart, DeployEvents, DeployPlan, DeployStart, DeployTarget,
    Deployment, DeploymentId, DestroyStart, ProjectId, ReleaseStatus, RollbackStart, TargetCreate,
    TargetId, TargetUpdate,
};
use labd_server::Deploys;
use std::time::Duration;

/// See the module.
pub struct DeployDoor(pub Deployments);

/// Forwards to the method of this name.
macro_rules! door {
    ($($name:ident => $method:ident($($argument:ident: $of:ty),*) -> $result:ty;)*) => {
        #[async_trait]
        impl Deploys for DeployDoor {
            $(async fn $name(&self, $($argument: $of),*) -> Result<$result, ApiError> {
                self.0.$method($($argument),*).await
            })*
        }
    };
}

door! {
    targets => targets() -> Vec<DeployTarget>;
    target_create => target_create(create: TargetCreate) -> DeployTarget;
    target_update => target_update(target: TargetId, update: TargetUpdate) -> DeployTarget;
    target_remove => target_remove(target: TargetId) -> ();
    target_test => target_test(target: TargetId) -> ();
    deploy_plan => plan(project: ProjectId, target: TargetId) -> DeployPlan;
    deploy_start => deploy(project: ProjectId, start: DeployStart) -> Deployment;
    deploy_rollback => rollback(project: ProjectId, start: RollbackStart) -> Deployment;
    deploy_destroy => destroy(project: ProjectId, start: DestroyStart) -> Deployment;
    deployments => deployments(project: ProjectId) -> Vec<Deployment>;
    deployment => deployment(project: ProjectId, id: DeploymentId) -> Deployment;
    deployment_stop => stop(project: ProjectId, id: DeploymentId) -> Deployment;
    deployment_resume => resume(project: ProjectId, id: DeploymentId) -> Deployment;
    deployment_events => events(
        project: ProjectId, id: DeploymentId, after: u64, max: u32, wait: Duration
    ) -> DeployEvents;
    deployment_status => status(project: ProjectId, id: DeploymentId) -> ReleaseStatus;
    deployment_artifact => artifact_part(project: ProjectId, id: DeploymentId, part: u32) -> ArtifactPart;
    deployment_file => artifact(project: ProjectId, id: DeploymentId) -> (ArtifactInfo, Vec<u8>);
}
