//! `labd:host/app`: what the server code of a generated app may reach.

use crate::{
    bindings::{host::labd::host::app, wire::Error},
    kinds::sandbox::AppServices,
    state::{Access, HostState},
};
use std::sync::Arc;
use wasmtime::component::Linker;

/// The services of the request in hand; none between requests, and in workspaces.
#[derive(Default)]
pub(crate) struct AppAccess(pub Option<Arc<dyn AppServices>>);

pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    app::add_to_linker::<_, Access>(linker, |state| state)
}

impl app::Host for HostState {
    async fn query(
        &mut self,
        name: String,
        parameters: String,
    ) -> wasmtime::Result<Result<String, Error>> {
        let Some(services) = self.app.0.clone() else {
            return Ok(Err(Error::Internal(
                "queries can be run only while a request is handled".into(),
            )));
        };
        Ok(services
            .query(&name, &parameters)
            .await
            .map_err(Error::from))
    }

    async fn user(&mut self) -> wasmtime::Result<String> {
        Ok(self
            .app
            .0
            .as_ref()
            .map_or_else(|| "null".to_owned(), |services| services.user()))
    }
}
