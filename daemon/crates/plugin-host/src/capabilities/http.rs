//! `labd:host/http`: the requests that a plugin sends. What it may send is settled in
//! [`crate::egress`]; here it meets the guest.

use super::not_permitted;
use crate::{
    PluginError,
    bindings::{host::labd::host::http, wire::Error},
    egress::{Body, Egress, HttpPolicy, HttpRequest, HttpResponse, SealedSetting},
    kinds::ai::ProviderAccess,
    manifest::Permissions,
    state::{Access, HostState},
};
use std::time::Duration;
use wasmtime::component::{Linker, Resource};

/// What this instance may send, and through what.
#[derive(Default)]
pub(crate) struct HttpAccess {
    /// None without permission.
    way: Option<(Egress, HttpPolicy)>,
    /// What it was made of.
    of: Option<Box<(Permissions, ProviderAccess)>>,
}

impl HttpAccess {
    /// Sends what a policy allows, which was made of these.
    pub fn new(
        egress: Egress,
        policy: HttpPolicy,
        permissions: Permissions,
        access: ProviderAccess,
    ) -> Self {
        Self {
            way: Some((egress, policy)),
            of: Some(Box::new((permissions, access))),
        }
    }

    /// Whether it is just what would be made of these.
    pub fn is_of(&self, permissions: &Permissions, access: &ProviderAccess) -> bool {
        let of = self.of.as_deref();
        of.is_some_and(|(former, given)| former == permissions && given == access)
    }

    /// Fills in values of settings where the plugin writes placeholders: now it is only for this use.
    pub fn fill_in(&mut self, settings: Vec<SealedSetting>) {
        self.of = None;
        if let Some((egress, policy)) = self.way.take() {
            self.way = Some((egress, policy.filling_in(settings)));
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
        let sent = match (&self.http.way, self.core.place_to_open()) {
            (Some((egress, policy)), Ok(place)) => {
                let sent = egress.send(policy, request).await;
                sent.map(|response| HttpResponse {
                    body: response.body.keeping(place),
                    ..response
                })
            }
            (Some(_), Err(full)) => Err(full),
            (None, _) => Err(self.without_http()),
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
