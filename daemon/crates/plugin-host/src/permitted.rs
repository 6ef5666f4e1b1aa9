//! What a plugin may do at this moment, and what it is handed for it.

use crate::{
    Denial, PluginError,
    capabilities::{
        http::HttpAccess,
        net::NetAccess,
        sqlite::{SourceFile, SqliteAccess},
    },
    egress::{Egress, HttpPolicy},
    grants::{GrantBook, Granted},
    kinds::{
        ai::{BoundCredential, ProviderAccess},
        connector::SourceAccess,
    },
    lookup::Resolver,
    manifest::{HttpTarget, Permissions},
    net::Dialer,
    package::Package,
    plugin_core::PluginCore,
    sqlite::Databases,
    state::HostState,
    tls::TrustRoots,
};
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;
use zeroize::Zeroizing;

/// Under what a connector's permissions name the address of its data source.
const BASE_URL: &str = "base-url";

/// Looks up grants at each use, so that a revoked one ends with the next call.
#[derive(Clone)]
pub(crate) struct Permitted {
    pub core: Arc<PluginCore>,
    pub package: Arc<Package>,
    pub grants: Arc<GrantBook>,
    pub first_party: bool,
    pub outside: Outside,
}

/// What plugins reach the outside with.
#[derive(Clone)]
pub(crate) struct Outside {
    pub egress: Egress,
    pub roots: TrustRoots,
    pub resolver: Resolver,
    pub databases: Databases,
}

impl Permitted {
    /// What was granted.
    pub fn granted(&self) -> Granted {
        let package = &self.package;
        self.grants
            .effective(&package.manifest, &package.digest, self.first_party)
    }

    /// Refuses a plugin that waits for its grant.
    pub fn check(&self) -> Result<(), PluginError> {
        match self.granted() {
            Granted::Yes(_) => Ok(()),
            Granted::Awaiting => {
                let id = &self.core.id;
                let asked = self.package.manifest.permissions.to_lines().join(", ");
                let denial = Denial {
                    capability: "plugin".into(),
                    target: id.clone(),
                    message: format!(
                        "the plugin {id} waits for its permissions ({asked}); \
                         to allow them: labd plugin grant {id}"
                    ),
                };
                self.core.denied(&denial);
                Err(PluginError::Denied(denial))
            }
        }
    }

    /// What is in force; nothing while it waits.
    pub fn permissions(&self) -> Permissions {
        match self.granted() {
            Granted::Yes(permissions) => permissions,
            Granted::Awaiting => Permissions::default(),
        }
    }

    /// What belongs to a configured provider, to be handed to an instance.
    pub fn for_provider(&self, access: &ProviderAccess) -> Result<HttpAccess, PluginError> {
        self.http(self.permissions(), access)
    }

    fn http(
        &self,
        permissions: Permissions,
        access: &ProviderAccess,
    ) -> Result<HttpAccess, PluginError> {
        if permissions.http.is_empty() {
            return Ok(HttpAccess::default());
        }
        let policy = HttpPolicy::from_manifest(
            &self.core.id,
            &permissions,
            &self.package.manifest.credentials,
            access,
            |origin| self.grants.ceiling().allows_origin(origin),
        )?;
        let policy = policy.observed_by(Arc::clone(&self.core) as _);
        let egress = self.outside.egress.clone();
        Ok(HttpAccess::new(egress, policy, permissions, access.clone()))
    }

    /// Hands an instance what belongs to a configured provider.
    pub fn give_provider(state: &mut HostState, access: &ProviderAccess, http: HttpAccess) {
        let secrets = access.credentials.values();
        state.log.seal(secrets.map(|c| c.value.clone()).collect());
        state.http = http;
    }

    /// The same, unless nothing has changed since the instance was handed it.
    ///
    /// # Errors
    /// As [`Permitted::for_provider`].
    pub fn refresh_provider(
        &self,
        state: &mut HostState,
        access: &ProviderAccess,
    ) -> Result<(), PluginError> {
        let permissions = self.permissions();
        if !state.http.is_of(&permissions, access) {
            let http = self.http(permissions, access)?;
            Self::give_provider(state, access, http);
        }
        Ok(())
    }

    /// The address of a source that is reached by HTTP; none for a plugin that may not.
    pub fn base_url(&self, access: &SourceAccess) -> Option<Url> {
        let wanted = HttpTarget::FromConfig(BASE_URL.to_owned());
        let asked = self.permissions().http.contains(&wanted);
        asked.then(|| access.base_url()).flatten()
    }

    /// A data source as the egress sees it: its address is the only configuration, and its secrets
    /// were given for that address.
    fn source_as_provider(&self, access: &SourceAccess) -> ProviderAccess {
        let url = self.base_url(access);
        let bound = |(name, value): (&String, &Zeroizing<String>)| {
            let origin = url.as_ref()?.origin().ascii_serialization();
            let value = value.clone();
            Some((name.clone(), BoundCredential { origin, value }))
        };
        ProviderAccess {
            provider_id: access.source_id.clone(),
            credentials: access.secrets.iter().filter_map(bound).collect(),
            config: url
                .as_ref()
                .map_or(Value::Null, |url| json!({ BASE_URL: url.as_str() })),
        }
    }

    /// Hands an instance what belongs to a data source.
    pub fn give_source(&self, state: &mut HostState, access: &Arc<SourceAccess>) {
        state.log.seal(access.secrets.values().cloned().collect());
        let permissions = self.permissions();
        match self.for_provider(&self.source_as_provider(access)) {
            Ok(http) => state.http = http,
            Err(error) => tracing::warn!(plugin = %self.core.id, "no HTTP: {error}"),
        }
        state.net = NetAccess(permissions.net.then(|| {
            Dialer::new(Arc::clone(access), self.outside.roots.clone())
                .resolving_with(self.outside.resolver.clone())
                .revealing(self.core.id.clone(), permissions.reveal)
                .observed_by(Arc::clone(&self.core) as _)
        }));
        state.sqlite = SqliteAccess(permissions.sqlite.then(|| SourceFile {
            databases: self.outside.databases.clone(),
            source_id: access.source_id.clone(),
            file: access.sqlite.clone(),
        }));
    }
}
