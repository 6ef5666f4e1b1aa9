//! All plugins that the daemon knows.
//!
//! At start only manifests are read (and components hashed); a component is compiled, or mapped
//! from the cache, at the first call, and nothing is instantiated before. A bad package never keeps
//! the daemon from starting: it is listed with its reason.

use crate::{
    Limits, PluginCounters, PluginError, PluginEvent,
    adapt::{AiAdapter, ConnectorAdapter, SandboxAdapter},
    bindings::{ai, connector, sandbox},
    cache::{Cache, CacheError},
    egress::{Egress, EgressSettings, HttpLimits},
    engine::{EngineError, SharedEngine},
    grants::{Ceiling, GrantBook, GrantError, Granted},
    kinds::{ai::AiProvider, connector::Connector, sandbox::Sandbox},
    manifest::{Kind, Manifest, Permissions},
    package::{self, EmbeddedFile, Package},
    permitted::{Outside, Permitted},
    plugin_core::PluginCore,
    pool::Pool,
    sqlite::{Databases, FileRules},
    tls::TrustRoots,
};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    sync::{Arc, Weak},
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
    /// What it asks for.
    pub declared: Permissions,
    /// What is in force: declared, granted and below the ceiling.
    pub granted: Permissions,
    /// Numbers since the daemon started.
    pub counters: PluginCounters,
}

enum Runtime {
    Ai(Arc<Pool<ai::Provider>>),
    Connector(Arc<Pool<connector::Connector>>),
    Sandbox(Arc<Pool<sandbox::Sandbox>>),
}

/// The same for each kind of pool.
macro_rules! each {
    ($runtime:expr, $pool:ident => $what:expr) => {
        match $runtime {
            Runtime::Ai($pool) => $what,
            Runtime::Connector($pool) => $what,
            Runtime::Sandbox($pool) => $what,
        }
    };
}

struct Entry {
    permitted: Permitted,
    runtime: Runtime,
}

impl Entry {
    fn manifest(&self) -> &Manifest {
        &self.permitted.package.manifest
    }
}

struct Inner {
    plugins: BTreeMap<String, Entry>,
    refused: BTreeMap<String, String>,
    grants: Arc<GrantBook>,
    events: broadcast::Sender<PluginEvent>,
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
        let engine = SharedEngine::new()?;
        let cache = Arc::new(Cache::open(&options.data_dir.join("cache"))?);
        let grants = Arc::new(GrantBook::open(
            &options.data_dir.join("grants.toml"),
            options.ceiling,
        )?);
        let roots =
            TrustRoots::system(options.extra_roots.as_deref()).map_err(StartError::Egress)?;
        let http = HttpLimits {
            body: options.limits.http_body,
            headers: options.limits.http_headers,
            first_byte: options.limits.first_event,
            between_bytes: options.limits.between_events,
            ..HttpLimits::default()
        };
        let egress = Egress::new(EgressSettings {
            roots: roots.clone(),
            proxy: options.proxy,
            limits: http,
        });
        let outside = Outside {
            egress: egress.map_err(StartError::Egress)?,
            roots,
            databases: Databases::new(FileRules {
                forbidden: vec![options.data_dir.clone()],
                allowed: options.sqlite_allowed,
            }),
        };
        let events = PluginCore::channel();
        let limits = Arc::new(options.limits);
        let mut plugins = BTreeMap::new();
        let mut refused = BTreeMap::new();
        let folder = options.data_dir.join("plugins");
        let mut found: Vec<(String, bool, Result<Package, _>)> =
            package::unpack(&options.embedded, &folder)
                .into_iter()
                .map(|(name, package)| (name, true, package))
                .collect();
        // What ships with the daemon comes first, so that nobody can take its name.
        found.extend(
            package::scan(&folder)
                .into_iter()
                .chain(options.directories.into_iter().map(|dir| {
                    let package = Package::open(&dir);
                    (dir, package)
                }))
                .map(|(dir, package)| (dir.display().to_string(), false, package)),
        );
        let mut seen = HashSet::new();
        for (name, first_party, package) in found {
            let package = match package {
                Ok(package) => Arc::new(package),
                Err(error) => {
                    tracing::error!(plugin = name, "the plugin is refused: {error}");
                    refused.insert(name, error.to_string());
                    continue;
                }
            };
            let id = package.manifest.id.clone();
            if let Some(other) = plugins.get(&id).map(|e: &Entry| &e.permitted.package.dir) {
                // Scanning finds what was unpacked again.
                if *other != package.dir {
                    tracing::warn!(plugin = id, dir = %package.dir.display(), "a plugin with this id is there already");
                }
                continue;
            }
            seen.insert(package.wasm_digest.clone());
            let core = Arc::new(PluginCore::new(
                id.clone(),
                Arc::clone(&limits),
                package.manifest.memory,
                events.clone(),
            ));
            let permitted = Permitted {
                core,
                package,
                grants: Arc::clone(&grants),
                first_party,
                outside: outside.clone(),
            };
            let runtime = runtime(&permitted, &engine, &cache);
            plugins.insert(id, Entry { permitted, runtime });
        }
        cache.prune(&seen);
        let inner = Arc::new(Inner {
            plugins,
            refused,
            grants,
            events,
        });
        tokio::spawn(sweep(Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    /// Every plugin, ordered by id.
    pub fn list(&self) -> Vec<PluginSummary> {
        let known = self.inner.plugins.values().map(summary);
        let refused = self
            .inner
            .refused
            .iter()
            .map(|(name, reason)| PluginSummary {
                id: name.clone(),
                version: None,
                kind: None,
                digest: None,
                first_party: false,
                state: PluginState::Failed(reason.clone()),
                declared: Permissions::default(),
                granted: Permissions::default(),
                counters: PluginCounters::default(),
            });
        known.chain(refused).collect()
    }

    /// One plugin with its manifest.
    pub fn inspect(&self, id: &str) -> Option<(PluginSummary, Manifest)> {
        let entry = self.inner.plugins.get(id)?;
        Some((summary(entry), entry.manifest().clone()))
    }

    /// The connector with this id.
    pub fn connector(&self, id: &str) -> Option<Arc<dyn Connector>> {
        let entry = self.inner.plugins.get(id)?;
        match &entry.runtime {
            Runtime::Connector(pool) => Some(Arc::new(ConnectorAdapter {
                pool: Arc::clone(pool),
                permitted: entry.permitted.clone(),
            })),
            _ => None,
        }
    }

    /// The connector for URLs of this scheme, with its manifest. Of several, one that ships with the
    /// daemon: a plugin that is dropped in does not get URLs, with their passwords, that were meant
    /// for another.
    pub fn connector_for_scheme(&self, scheme: &str) -> Option<(Manifest, Arc<dyn Connector>)> {
        let speaks = |entry: &Entry| {
            let spec = entry.manifest().connector.as_ref();
            spec.is_some_and(|spec| spec.schemes.iter().any(|s| s.eq_ignore_ascii_case(scheme)))
        };
        let all = self.inner.plugins.iter();
        let (id, entry) = all
            .filter(|(_, entry)| speaks(entry))
            .min_by_key(|(_, entry)| !entry.permitted.first_party)?;
        Some((entry.manifest().clone(), self.connector(id)?))
    }

    /// The provider plugin with this id.
    pub fn ai_provider(&self, id: &str) -> Option<Arc<dyn AiProvider>> {
        let entry = self.inner.plugins.get(id)?;
        match &entry.runtime {
            Runtime::Ai(pool) => Some(Arc::new(AiAdapter {
                pool: Arc::clone(pool),
                permitted: entry.permitted.clone(),
            })),
            _ => None,
        }
    }

    /// The sandbox with this id.
    pub fn sandbox(&self, id: &str) -> Option<Arc<dyn Sandbox>> {
        match &self.inner.plugins.get(id)?.runtime {
            Runtime::Sandbox(pool) => Some(Arc::new(SandboxAdapter {
                pool: Arc::clone(pool),
            })),
            _ => None,
        }
    }

    /// Manifests of all plugins of a kind, ordered by id.
    pub fn manifests(&self, kind: Kind) -> Vec<Manifest> {
        let all = self.inner.plugins.values().map(Entry::manifest);
        all.filter(|m| m.kind == kind).cloned().collect()
    }

    /// An asset of a plugin: content, media type, SHA-256 in hexadecimal. Reads a file.
    pub fn asset(&self, id: &str, path: &str) -> Option<(Bytes, String, String)> {
        self.inner.plugins.get(id)?.permitted.package.asset(path)
    }

    /// What happens to plugins from now on.
    pub fn events(&self) -> broadcast::Receiver<PluginEvent> {
        self.inner.events.subscribe()
    }

    /// Grants a plugin more of what it asks for; everything when `permissions` is none.
    pub fn grant(&self, id: &str, permissions: Option<&Permissions>) -> Result<(), GrantError> {
        let entry = self.known(id)?;
        let package = &entry.permitted.package;
        let permissions = permissions.unwrap_or(&package.manifest.permissions);
        self.inner
            .grants
            .grant(&package.manifest, &package.digest, permissions)
    }

    /// Takes back what a plugin was granted. It ends with the next call; open connections stay.
    pub fn revoke(&self, id: &str) -> Result<(), GrantError> {
        self.known(id)?;
        self.inner.grants.revoke(id)
    }

    /// Ends a quarantine, and loads the component anew at the next call.
    pub fn reset(&self, id: &str) -> Result<(), GrantError> {
        let entry = self.known(id)?;
        each!(&entry.runtime, pool => pool.reset());
        Ok(())
    }

    /// Compiles, or maps, and checks one plugin now instead of at its first call. A failure shows in
    /// [`PluginHost::list`].
    pub async fn load(&self, id: &str) {
        if let Some(entry) = self.inner.plugins.get(id) {
            // The pool has logged the reason and keeps it.
            let _ = each!(&entry.runtime, pool => pool.load(false).await);
        }
    }

    /// Compiles what the cache does not hold, one plugin after another on one thread, so that first
    /// calls are quick. Failures show in [`PluginHost::list`].
    pub async fn precompile_all(&self) {
        for entry in self.inner.plugins.values() {
            // The pool has logged the reason and keeps it.
            let _ = each!(&entry.runtime, pool => pool.load(true).await);
        }
    }

    fn known(&self, id: &str) -> Result<&Entry, GrantError> {
        let entry = self.inner.plugins.get(id);
        entry.ok_or_else(|| GrantError::UnknownPlugin(id.to_owned()))
    }
}

fn runtime(permitted: &Permitted, engine: &SharedEngine, cache: &Arc<Cache>) -> Runtime {
    let core = Arc::clone(&permitted.core);
    let package = Arc::clone(&permitted.package);
    let (engine, cache) = (engine.clone(), Arc::clone(cache));
    match package.manifest.kind {
        Kind::AiProvider => Runtime::Ai(Pool::new(core, package, engine, cache)),
        Kind::Connector => Runtime::Connector(Pool::new(core, package, engine, cache)),
        Kind::Sandbox => Runtime::Sandbox(Pool::new(core, package, engine, cache)),
    }
}

fn summary(entry: &Entry) -> PluginSummary {
    let manifest = entry.manifest();
    let failed = each!(&entry.runtime, pool => pool.load_error());
    let quarantined = each!(&entry.runtime, pool => pool.quarantined());
    let granted = entry.permitted.granted();
    let state = if let Some(reason) = failed {
        PluginState::Failed(reason)
    } else if granted == Granted::Awaiting {
        PluginState::AwaitingGrant
    } else if let Some(reason) = quarantined {
        PluginState::Quarantined(reason)
    } else {
        PluginState::Ready
    };
    PluginSummary {
        id: manifest.id.clone(),
        version: Some(manifest.version.clone()),
        kind: Some(manifest.kind),
        digest: Some(entry.permitted.package.digest.clone()),
        first_party: entry.permitted.first_party,
        state,
        declared: manifest.permissions.clone(),
        granted: entry.permitted.permissions(),
        counters: entry.permitted.core.counters.read(),
    }
}

async fn sweep(inner: Weak<Inner>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let now = Instant::now();
        for entry in inner.plugins.values() {
            each!(&entry.runtime, pool => pool.sweep(now));
        }
    }
}
