//! Contract version 0.1 as the traits of [`crate::kinds`]: one file per kind. Nothing else sees
//! generated types of exports.

mod ai;
mod batch;
mod connector;
mod errors;
mod sandbox;

pub(crate) use ai::AiAdapter;
pub(crate) use connector::ConnectorAdapter;
pub(crate) use sandbox::SandboxAdapter;
