//! Contract version 0.1 as the traits of [`crate::kinds`]: one file per kind. Nothing else sees
//! generated types of exports.

mod ai;
mod batch;
mod connector;
mod deploy_events;
mod deployer;
mod errors;
mod sandbox;

pub(crate) use ai::AiAdapter;
pub(crate) use connector::ConnectorAdapter;
pub(crate) use deployer::DeployerAdapter;
pub(crate) use sandbox::SandboxAdapter;
