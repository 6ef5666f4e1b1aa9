//! All plugins that the daemon knows.
//!
//! At start only manifests are read (and components hashed); a component is compiled, or mapped
//! from the cache, at the first call, and nothing is instantiated before. A bad package never keeps
//! the daemon from starting: it is listed with its reason.
//!
//! | module | what it does |
//! | --- | --- |
//! | `maker` | from a package to something that can be called |
//! | `start` | which packages there are, and which version of each serves |
//! | `change` | what an operator changes while the daemon runs |
//! | `rescan` | what was put into the folders of packages, or taken out of them, meanwhile |

mod change;
mod maker;
mod rescan;
mod start;

pub use change::ChangeError;
use maker::Maker;
pub use rescan::Rescanned;

use crate::{
    Limits, PluginCounters, PluginError, PluginEvent,
    adapt::{AiAdapter, ConnectorAdapter, DeployerAdapter, SandboxAdapter},
    cache::CacheError,
    contract::Contract,
    engine::EngineError,
    grants::{Ceiling, GrantError, Granted},
    journal::LogLine,
    kinds::{ai::AiProvider, connector::Connector, deployer::Deployer, sandbox::Sandbox},
    manifest::{Kind, Manifest, Permissions},
    package::EmbeddedFile,
    permitted::Permitted,
    plugin::{AnyPlugin, Generation, Switch, each},
};
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, Weak},
    time::{Duration, Instant},
};
use tokio::sync::broadcast;

/// How often idle instances are looked for.
const SWEEP: Duration = Duration::from_secs(15);

/// With what a [`PluginHost`] is started.
#[derive(Clone, Debug, Default)]
pub struct PluginOptions {
    /// The daemon's data directory; `plugins/`, `cache/` and `grants.toml` lie in it.
    pub data_dir: PathBuf,
    /// First-party packages that were compiled into the daemon.
    pub embedded: Vec<EmbeddedFile>,
    /// Further package directories, read where they are: for authors, and for tests. They are
    /// treated like any third party's.
    pub directories: Vec<PathBuf>,
    /// The most that any plugin may be granted.
    pub ceiling: Ceiling,
    /// What holds for every plugin.
    pub limits: Limits,
    /// Certificate authorities besides the operating system's, PEM.
    pub extra_roots: Option<String>,
    /// The proxy for requests of plugins, if any: `http://proxy.example:3128`.
    pub proxy: Option<String>,
    /// Addresses of names, looked up here before the operating system is asked: what hosts(5) is to
    /// a machine. For tests, which have no name server of their own.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
    /// Folders within the data directory in which SQLite files of data sources may lie after all,
    /// such as sample databases.
    pub sqlite_allowed: Vec<PathBuf>,
}

/// Why there is no plugin host.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The grants: without them nobody can tell what is allowed.
    #[error(transparent)]
    Grants(#[from] GrantError),
    /// The cache would let others put code into the daemon.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The certificate authorities or the proxy of the configuration.
    #[error(transparent)]
    Egress(PluginError),
}

/// How a plugin fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginState {
    /// It can be called.
    Ready,
    /// Its package, or its component, is refused.
    Failed(String),
    /// It trapped too often.
    Quarantined(String),
    /// It asks for permissions that nobody has granted yet.
    AwaitingGrant,
    /// The operator has disabled it.
    Disabled,
}

/// A plugin in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginSummary {
    /// Its id, or the directory's name when its manifest cannot be read.
    pub id: String,
    /// Its version; none when its manifest cannot be read.
    pub version: Option<semver::Version>,
    /// Its kind; none when its manifest cannot be read.
    pub kind: Option<Kind>,
    /// SHA-256 over manifest and component; none when they cannot be read.
    pub digest: Option<String>,
    /// It ships with the daemon.
    pub first_party: bool,
    /// How it fares.
    pub state: PluginState,
    /// A newer version that asks for more and is not granted yet.
    pub waiting: Option<WaitingVersion>,
    /// What it asks for.
    pub declared: Permissions,
    /// What is in force: declared, granted and below the ceiling.
    pub granted: Permissions,
    /// Numbers since the daemon started.
    pub counters: PluginCounters,
}

/// A version that waits for its grant while a former one serves.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingVersion {
    /// Its version.
    pub version: semver::Version,
    /// SHA-256 over manifest and component.
    pub digest: String,
    /// What it asks for beyond what the former one has.
    pub asks: Vec<String>,
}

struct Inner {
    plugins: RwLock<BTreeMap<String, AnyPlugin>>,
    /// What was compiled into the daemon and is no plugin, by its name, with the reason.
    unfit: BTreeMap<String, String>,
    /// Packages that are no plugins, by their folder, with the reason.
    refused: RwLock<BTreeMap<String, String>>,
    maker: Maker,
    /// `<data>/plugins`.
    folder: PathBuf,
    /// Packages that the configuration names.
    configured: Vec<PathBuf>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
}

impl Inner {
    fn get(&self, id: &str) -> Option<AnyPlugin> {
        let plugins = self.plugins.read();
        let plugins = plugins.unwrap_or_else(PoisonError::into_inner);
        plugins.get(id).cloned()
    }

    /// All of them, in the order of their ids.
    fn all(&self) -> Vec<AnyPlugin> {
        let plugins = self.plugins.read();
        let plugins = plugins.unwrap_or_else(PoisonError::into_inner);
        plugins.values().cloned().collect()
    }
}

/// The daemon's plugins. Clones are the same host.
#[derive(Clone)]
pub struct PluginHost {
    inner: Arc<Inner>,
}

impl PluginHost {
    /// Reads all manifests. Compiles and instantiates nothing. Must be called within a tokio
    /// runtime.
    pub fn start(options: PluginOptions) -> Result<Self, StartError> {
        let folder = options.data_dir.join("plugins");
        let maker = Maker::new(&options)?;
        let found = start::find(&options, &folder, &maker);
        let inner = Arc::new(Inner {
            plugins: RwLock::new(found.plugins),
            unfit: found.unfit,
            refused: RwLock::new(found.refused),
            maker,
            folder,
            configured: options.directories,
            changing: tokio::sync::Mutex::default(),
        });
        tokio::spawn(sweep(Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    /// Every plugin, ordered by id.
    pub fn list(&self) -> Vec<PluginSummary> {
        let all = self.inner.all();
        let known = all.iter().map(summary);
        let refused = self.inner.refused.read();
        let refused = refused.unwrap_or_else(PoisonError::into_inner);
        let refused = self.inner.unfit.iter().chain(refused.iter());
        let refused = refused.map(|(name, reason)| PluginSummary {
            id: name.clone(),
            version: None,
            kind: None,
            digest: None,
            first_party: false,
            state: PluginState::Failed(reason.clone()),
            waiting: None,
            declared: Permissions::default(),
            granted: Permissions::default(),
            counters: PluginCounters::default(),
        });
        known.chain(refused).collect()
    }

    /// Forgets refused packages that are not in the daemon's folder any more, so that they are not
    /// listed. To be called after such were removed.
    pub fn forget_refused(&self) {
        self.inner.forget_refused();
    }

    /// One plugin with the manifest of the version that serves.
    pub fn inspect(&self, id: &str) -> Option<(PluginSummary, Manifest)> {
        let plugin = self.inner.get(id)?;
        Some((summary(&plugin), plugin.package().manifest.clone()))
    }

    /// The connector with this id.
    pub fn connector(&self, id: &str) -> Option<Arc<dyn Connector>> {
        match self.inner.get(id)? {
            AnyPlugin::Connector(plugin) => Some(Arc::new(ConnectorAdapter { plugin })),
            _ => None,
        }
    }

    /// The connector for URLs of this scheme, with its manifest. Of several, one that ships with the
    /// daemon: a plugin that is dropped in does not get URLs, with their passwords, that were meant
    /// for another.
    pub fn connector_for_scheme(&self, scheme: &str) -> Option<(Manifest, Arc<dyn Connector>)> {
        let speaks = |manifest: &Manifest| {
            let spec = manifest.connector.as_ref();
            spec.is_some_and(|spec| spec.schemes.iter().any(|s| s.eq_ignore_ascii_case(scheme)))
        };
        let (_, package) = self
            .inner
            .all()
            .into_iter()
            .filter(|plugin| plugin.switch() == Switch::On)
            .map(|plugin| (plugin.first_party(), plugin.package()))
            .filter(|(_, package)| speaks(&package.manifest))
            .min_by_key(|(first_party, _)| !first_party)?;
        let connector = self.connector(&package.manifest.id)?;
        Some((package.manifest.clone(), connector))
    }

    /// The provider plugin with this id.
    pub fn ai_provider(&self, id: &str) -> Option<Arc<dyn AiProvider>> {
        match self.inner.get(id)? {
            AnyPlugin::Ai(plugin) => Some(Arc::new(AiAdapter { plugin })),
            _ => None,
        }
    }

    /// The deployer with this id.
    pub fn deployer(&self, id: &str) -> Option<Arc<dyn Deployer>> {
        match self.inner.get(id)? {
            AnyPlugin::Deployer(plugin) => Some(Arc::new(DeployerAdapter { plugin })),
            _ => None,
        }
    }

    /// The sandbox with this id.
    pub fn sandbox(&self, id: &str) -> Option<Arc<dyn Sandbox>> {
        match self.inner.get(id)? {
            AnyPlugin::Sandbox(plugin) => Some(Arc::new(SandboxAdapter { plugin })),
            _ => None,
        }
    }

    /// Manifests of all plugins of a kind that are not disabled, ordered by id.
    pub fn manifests(&self, kind: Kind) -> Vec<Manifest> {
        let on = |plugin: &AnyPlugin| plugin.switch() == Switch::On;
        let all = self.inner.all().into_iter().filter(on);
        let packages = all.map(|plugin| plugin.package());
        packages
            .filter(|package| package.manifest.kind == kind)
            .map(|package| package.manifest.clone())
            .collect()
    }

    /// An asset of a plugin: content, media type, SHA-256 in hexadecimal. Reads a file.
    pub fn asset(&self, id: &str, path: &str) -> Option<(Bytes, String, String)> {
        self.inner.get(id)?.package().asset(path)
    }

    /// What happens to plugins from now on.
    pub fn events(&self) -> broadcast::Receiver<PluginEvent> {
        self.inner.maker.events.subscribe()
    }

    /// What a plugin wrote, and what happened to it, after the line with this number; at most `max`
    /// lines, the last ones when `after` is none. Waits up to `wait` for the first of them.
    ///
    /// None when there is no such plugin.
    pub async fn log(
        &self,
        id: &str,
        after: Option<u64>,
        max: usize,
        wait: Duration,
    ) -> Option<Vec<LogLine>> {
        let core = self.inner.get(id)?.core();
        Some(core.journal.read(after, max, wait).await)
    }

    /// Compiles, or maps, and checks one plugin now instead of at its first call. A failure shows in
    /// [`PluginHost::list`].
    pub async fn load(&self, id: &str) {
        if let Some(plugin) = self.inner.get(id) {
            // The pool has logged the reason and keeps it.
            let _ = each!(&plugin, plugin => plugin.current().pool.load().await);
        }
    }

    /// Compiles what the cache does not hold and checks all plugins, one after another on one thread, so
    /// that first calls are quick. Failures show in [`PluginHost::list`].
    pub async fn precompile_all(&self) {
        for plugin in self.inner.all() {
            each!(&plugin, plugin => plugin.current().pool.prepare().await);
        }
    }
}

fn summary(plugin: &AnyPlugin) -> PluginSummary {
    each!(plugin, plugin => {
        let generation = plugin.current();
        let permitted = &generation.permitted;
        let manifest = &permitted.package.manifest;
        let state = match plugin.switch() {
            Switch::On => state(&generation),
            Switch::Off | Switch::Gone => PluginState::Disabled,
        };
        let granted = permitted.permissions();
        PluginSummary {
            id: manifest.id.clone(),
            version: Some(manifest.version.clone()),
            kind: Some(manifest.kind),
            digest: Some(permitted.package.digest.clone()),
            first_party: permitted.first_party,
            state,
            waiting: plugin.waiting().map(|waiting| waiting_version(&waiting.permitted, &granted)),
            declared: manifest.permissions.clone(),
            granted,
            counters: plugin.core.counters.read(),
        }
    })
}

fn state<C: Contract>(generation: &Generation<C>) -> PluginState {
    if let Some(reason) = generation.pool.load_error() {
        PluginState::Failed(reason)
    } else if generation.permitted.granted() == Granted::Awaiting {
        PluginState::AwaitingGrant
    } else if let Some(reason) = generation.pool.quarantined() {
        PluginState::Quarantined(reason)
    } else {
        PluginState::Ready
    }
}

fn waiting_version(permitted: &Permitted, granted: &Permissions) -> WaitingVersion {
    let manifest = &permitted.package.manifest;
    let has = granted.to_lines();
    let mut asks = manifest.permissions.to_lines();
    asks.retain(|line| !has.contains(line));
    WaitingVersion {
        version: manifest.version.clone(),
        digest: permitted.package.digest.clone(),
        asks,
    }
}

async fn sweep(inner: Weak<Inner>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let now = Instant::now();
        for plugin in inner.all() {
            each!(&plugin, plugin => plugin.current().pool.sweep(now));
        }
    }
}
