//! What both doors offer: the backend, and with it what only the server knows.

use crate::addresses::Addresses;
use crate::backend::Backend;
use crate::deploys::Deploys;
use labd_auth::{Auth, Caller};
use labd_protocol::{
    ApiError, PreviewInfo, ProjectId, Secret, SignInLink, Status, TokenCreate, TokenCreated,
    TokenId, TokenInfo,
};
use std::{path::PathBuf, sync::Arc};
use tokio_util::sync::CancellationToken;

/// The facade that HTTP handlers and RPC methods are thin over. Each method means what the method
/// of the same name in [`labd_protocol::Labd`] does.
#[derive(Clone)]
pub(crate) struct Api(Arc<Parts>);

struct Parts {
    backend: Arc<dyn Backend>,
    auth: Auth,
    addresses: Addresses,
    socket: PathBuf,
    closing: CancellationToken,
}

impl Api {
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        auth: Auth,
        addresses: Addresses,
        socket: PathBuf,
    ) -> Self {
        let closing = CancellationToken::new();
        Self(Arc::new(Parts {
            backend,
            auth,
            addresses,
            socket,
            closing,
        }))
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        self.0.backend.as_ref()
    }

    pub(crate) fn deploys(&self) -> &dyn Deploys {
        self.0.backend.deploys()
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.0.auth
    }

    pub(crate) fn addresses(&self) -> &Addresses {
        &self.0.addresses
    }

    /// Cancelled when the daemon stops: streams end then.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    pub(crate) async fn status(&self) -> Result<Status, ApiError> {
        let mut status = self.backend().status().await?;
        status.console_url = self.addresses().console_url();
        status.socket = self.0.socket.display().to_string();
        Ok(status)
    }

    pub(crate) fn sign_in_link(&self) -> SignInLink {
        let link = self.auth().sign_in_link();
        let url = format!(
            "{}/#sign-in={}",
            self.addresses().console_url(),
            link.value.expose()
        );
        SignInLink {
            url: Secret::new(url),
            expires_at: link.expires_at,
        }
    }

    pub(crate) async fn preview(
        &self,
        project: ProjectId,
        caller: Caller,
    ) -> Result<PreviewInfo, ApiError> {
        let shown = self.backend().preview(project).await?;
        let origin = self.addresses().preview_origin(project);
        let ticket = self.auth().preview_ticket(caller, project);
        Ok(PreviewInfo {
            url: format!("{origin}{}?ticket={}", crate::http::ENTER, ticket.expose()),
            origin,
            revision: shown.revision,
            problems: shown.problems,
        })
    }

    pub(crate) fn tokens(&self) -> Vec<TokenInfo> {
        self.auth().tokens()
    }

    pub(crate) async fn token_create(&self, create: TokenCreate) -> Result<TokenCreated, ApiError> {
        Ok(self.auth().token_create(create).await?)
    }

    pub(crate) async fn token_remove(&self, token: TokenId) -> Result<(), ApiError> {
        Ok(self.auth().token_remove(token).await?)
    }
}
