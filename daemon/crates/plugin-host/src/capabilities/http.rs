//! `labd:host/http`: the requests that a plugin sends. What it may send is settled in
//! [`crate::egress`]; here it meets the guest.

use super::not_permitted;
use crate::{
    PluginError,
    bindings::{host::labd::host::http, wire::Error},
    egress::{Body, Egress, HttpPolicy, HttpRequest, SealedSetting},
    state::{Access, HostState},
};
use std::time::Duration;
use wasmtime::component::{Linker, Resource};

/// What this instance may send, and through what; none without permission.
#[derive(Default)]
pub(crate) struct HttpAccess(pub Option<(Egress, HttpPolicy)>);

impl HttpAccess {
    /// Fills in values of settings where the plugin writes placeholders.
    pub fn fill_in(&mut self, settings: Vec<SealedSetting>) {
        if let Some((egress, policy)) = self.0.take() {
            self.0 = Some((egress, policy.filling_in(settings)));
        }
    }
}

pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    http::add_to_linker::<_, Access>(linker, |state| state)
}

impl http::Host for HostState {
    async fn send(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, Error>> {
        let request = HttpRequest {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body.map(Into::into),
            timeout: request.timeout.map(|ms| Duration::from_millis(ms.into())),
        };
        let sent = match &self.http.0 {
            Some((egress, policy)) => egress.send(policy, request).await,
            None => Err(self.without_http()),
        };
        let response = match sent {
            Ok(response) => Ok(http::Response {
                status: response.status,
                headers: response.headers,
                body: self.table.push(response.body)?,
            }),
            Err(error) => Err(error),
        };
        Ok(self.answer(response))
    }
}

impl HostState {
    fn without_http(&self) -> PluginError {
        not_permitted(&self.core.id, "http", "any origin")
    }
}

impl http::HostBody for HostState {
    async fn read(
        &mut self,
        body: Resource<Body>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let read = self.table.get_mut(&body)?.read(max).await;
        Ok(self.answer(read.map(Vec::from)))
    }

    async fn drop(&mut self, body: Resource<Body>) -> wasmtime::Result<()> {
        // The guest itself lets go of it: one whose instance ends, as for an answer that is cancelled, goes
        // with the table, and its connection is closed at once.
        self.table.delete(body)?.leave();
        Ok(())
    }
}
