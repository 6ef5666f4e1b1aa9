//! From a package to something that can be called.

use super::{PluginOptions, StartError};
use crate::{
    Limits, PluginEvent,
    cache::Cache,
    contract::Contract,
    egress::{Egress, EgressSettings, HttpLimits},
    engine::SharedEngine,
    grants::GrantBook,
    lookup::Resolver,
    manifest::Kind,
    package::Package,
    permitted::{Outside, Permitted},
    plugin::{AnyPlugin, Generation, Plugin, Switch},
    plugin_core::PluginCore,
    pool::Pool,
    sqlite::{Databases, FileRules},
    tls::TrustRoots,
};
use std::sync::Arc;
use tokio::sync::broadcast;

/// What all plugins share.
pub(super) struct Maker {
    pub engine: SharedEngine,
    pub cache: Arc<Cache>,
    pub grants: Arc<GrantBook>,
    pub events: broadcast::Sender<PluginEvent>,
    limits: Arc<Limits>,
    outside: Outside,
}

impl Maker {
    pub fn new(options: &PluginOptions) -> Result<Self, StartError> {
        let roots =
            TrustRoots::system(options.extra_roots.as_deref()).map_err(StartError::Egress)?;
        let http = HttpLimits {
            body: options.limits.http_body,
            headers: options.limits.http_headers,
            first_byte: options.limits.first_event,
            between_bytes: options.limits.between_events,
            ..HttpLimits::default()
        };
        let resolver = Resolver::knowing(options.hosts.clone());
        let egress = Egress::new(EgressSettings {
            roots: roots.clone(),
            proxy: options.proxy.clone(),
            resolver: resolver.clone(),
            limits: http,
        });
        Ok(Self {
            engine: SharedEngine::new()?,
            cache: Arc::new(Cache::open(&options.data_dir.join("cache"))?),
            grants: Arc::new(GrantBook::open(
                &options.data_dir.join("grants.toml"),
                options.ceiling.clone(),
            )?),
            events: PluginCore::channel(),
            limits: Arc::new(options.limits.clone()),
            outside: Outside {
                egress: egress.map_err(StartError::Egress)?,
                roots,
                resolver,
                databases: Databases::new(FileRules {
                    forbidden: vec![options.data_dir.clone()],
                    allowed: options.sqlite_allowed.clone(),
                }),
            },
        })
    }

    /// A plugin that was not there before.
    pub fn plugin(&self, package: Arc<Package>, first_party: bool) -> AnyPlugin {
        let id = package.manifest.id.clone();
        let switch = if self.grants.is_disabled(&id) {
            Switch::Off
        } else {
            Switch::On
        };
        let core = PluginCore::new(id, Arc::clone(&self.limits), self.events.clone());
        let permitted = self.permitted(Arc::new(core), package, first_party);
        match permitted.package.manifest.kind {
            Kind::AiProvider => AnyPlugin::Ai(self.first(permitted, switch)),
            Kind::Connector => AnyPlugin::Connector(self.first(permitted, switch)),
            Kind::Deployer => AnyPlugin::Deployer(self.first(permitted, switch)),
            Kind::Sandbox => AnyPlugin::Sandbox(self.first(permitted, switch)),
        }
    }

    fn first<C: Contract>(&self, permitted: Permitted, switch: Switch) -> Arc<Plugin<C>> {
        Arc::new(Plugin::new(self.generation(permitted), switch))
    }

    /// Another version of a plugin.
    pub fn next<C: Contract>(
        &self,
        plugin: &Plugin<C>,
        package: Arc<Package>,
        first_party: bool,
    ) -> Generation<C> {
        self.generation(self.permitted(Arc::clone(&plugin.core), package, first_party))
    }

    fn permitted(
        &self,
        core: Arc<PluginCore>,
        package: Arc<Package>,
        first_party: bool,
    ) -> Permitted {
        Permitted {
            core,
            package,
            grants: Arc::clone(&self.grants),
            first_party,
            outside: self.outside.clone(),
        }
    }

    fn generation<C: Contract>(&self, permitted: Permitted) -> Generation<C> {
        Generation {
            pool: Pool::new(
                Arc::clone(&permitted.core),
                Arc::clone(&permitted.package),
                self.engine.clone(),
                Arc::clone(&self.cache),
            ),
            permitted,
        }
    }
}
