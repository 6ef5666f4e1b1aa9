//! The instances of one plugin.
//!
//! An instance belongs to one owner (a provider, a data source in one environment, a project) and is
//! never handed to another. At most so many exist at a time, and none is added while they have more
//! memory than they may together; who wants one more gets the place of the one that has been idle
//! longest, or else waits in a bounded queue. Idle ones are dropped
//! after a while, so that an idle daemon holds none.

use crate::{
    PluginError,
    cache::Cache,
    contract::Contract,
    engine::SharedEngine,
    health::Health,
    instance::{Failure, Instance, Live, OnTrap, RETIRED, Slot, lock},
    linker::{self, LoadError},
    manifest::Kind,
    package::Package,
    plugin_core::{Happening, PluginCore, add},
};
use labd_plugin_package::text::defuse_lines;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

/// Whose fault a trap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The plugin's: traps count towards quarantine.
    Plugin,
    /// Code of somebody else that the plugin runs.
    Guest,
}

type Loaded<C> = OnceCell<Result<<C as Contract>::Pre, String>>;

/// See the module.
pub(crate) struct Pool<C: Contract> {
    pub core: Arc<PluginCore>,
    pub package: Arc<Package>,
    engine: SharedEngine,
    cache: Arc<Cache>,
    loaded: Loaded<C>,
    /// Held while it is compiled, so that nobody else does the same meanwhile; also when who asked for it has
    /// given up.
    finding: Arc<tokio::sync::Mutex<()>>,
    /// Bytes of memory per instance: the manifest's wish or the default.
    memory: usize,
    places: Arc<Semaphore>,
    /// Places that only cancellations take, so that they need not wait for what they cancel.
    reserved: Arc<Semaphore>,
    waiting: AtomicUsize,
    slots: Mutex<Vec<Weak<Slot<C>>>>,
    warm: Mutex<HashMap<String, Vec<Arc<Slot<C>>>>>,
    health: Arc<HealthBook>,
    retired: Arc<AtomicBool>,
}

/// Health by owner.
pub(crate) struct HealthBook {
    core: Arc<PluginCore>,
    by_owner: Mutex<HashMap<String, Health>>,
}

impl OnTrap for HealthBook {
    fn trapped(&self, owner: &str, reason: &str) {
        tracing::warn!(plugin = %self.core.id, owner, "the plugin's instance is gone: {reason}");
        self.core.emit(Happening::Trapped(reason.to_owned()));
        let mut by_owner = lock(&self.by_owner);
        let health = by_owner.entry(owner.to_owned()).or_default();
        if health.trapped(Instant::now(), reason, &self.core.limits) {
            let reason = health.quarantined().unwrap_or_default().to_owned();
            tracing::error!(plugin = %self.core.id, owner,
                "quarantined: {reason}; to start it again: labd plugin reload {}", self.core.id);
            self.core.emit(Happening::Quarantined(reason));
        }
    }
}

impl<C: Contract> Pool<C> {
    pub fn new(
        core: Arc<PluginCore>,
        package: Arc<Package>,
        engine: SharedEngine,
        cache: Arc<Cache>,
    ) -> Arc<Self> {
        let places = match C::KIND {
            Kind::AiProvider => core.limits.answers,
            Kind::Deployer => core.limits.deployments,
            Kind::Connector => core.limits.connections,
            Kind::Sandbox => core.limits.workspaces,
        };
        Arc::new(Self {
            health: Arc::new(HealthBook {
                core: Arc::clone(&core),
                by_owner: Mutex::default(),
            }),
            memory: package.manifest.memory.unwrap_or(core.limits.memory),
            core,
            package,
            engine,
            cache,
            loaded: OnceCell::new(),
            finding: Arc::default(),
            retired: Arc::default(),
            places: Arc::new(Semaphore::new(places)),
            reserved: Arc::new(Semaphore::new(RESERVED)),
            waiting: AtomicUsize::new(0),
            slots: Mutex::default(),
            warm: Mutex::default(),
        })
    }

    /// Why it cannot be loaded, once that was tried.
    pub fn load_error(&self) -> Option<String> {
        self.loaded.get()?.as_ref().err().cloned()
    }

    /// Why it is quarantined for some owner.
    pub fn quarantined(&self) -> Option<String> {
        let by_owner = lock(&self.health.by_owner);
        by_owner.iter().find_map(|(owner, health)| {
            let reason = health.quarantined()?;
            Some(if owner.is_empty() {
                reason.to_owned()
            } else {
                format!("for {owner}: {reason}")
            })
        })
    }

    /// Loads it, makes an instance and asks that what it is; or why it is not to serve.
    pub async fn try_out(self: &Arc<Self>) -> Result<(), String> {
        let pre = match self.ready().await {
            Ok(pre) => pre,
            Err(error) => return Err(self.load_error().unwrap_or_else(|| error.to_string())),
        };
        let described = match Live::<C>::new(&self.engine, &self.core, pre, self.memory, None).await
        {
            Ok(mut live) => live.describe(&self.core).await,
            Err(failure) => Err(failure),
        };
        let reason = match described {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => {
                let mut error = PluginError::from(error);
                error.each_text(defuse_lines);
                error.to_string()
            }
            Err(Failure::Timeout) => "it did not end in time".into(),
            Err(Failure::Trap(reason)) => reason,
        };
        Err(format!("it does not say what it is (describe): {reason}"))
    }

    /// Ends with its last call: another version serves from now on.
    pub fn retire(self: &Arc<Self>) {
        if self.retired.swap(true, Ordering::AcqRel) {
            return;
        }
        lock(&self.warm).clear();
        tokio::spawn(drain(Arc::clone(self)));
    }

    /// Compiles the component, unless the cache holds it, and checks it, on one thread. A failure is kept,
    /// the code is not: what nobody uses takes no memory, and the first use maps it within milliseconds.
    pub async fn prepare(self: &Arc<Self>) {
        if self.loaded.initialized() {
            return;
        }
        if let Err(reason) = self.found(true).await {
            // Whoever was first has told the same.
            let _ = self.loaded.set(Err(reason));
        }
    }

    /// Compiles, or maps, and checks the component, if that was not done before.
    pub async fn load(self: &Arc<Self>) -> Result<(), PluginError> {
        self.ready().await.map(|_| ())
    }

    async fn ready(self: &Arc<Self>) -> Result<&C::Pre, PluginError> {
        let result = self.loaded.get_or_init(|| self.found(false)).await;
        result.as_ref().map_err(|reason| {
            PluginError::Internal(format!(
                "the plugin {} cannot be loaded: {reason}",
                self.core.id
            ))
        })
    }

    async fn found(self: &Arc<Self>, in_background: bool) -> Result<C::Pre, String> {
        let found = self.find(in_background).await;
        found.map_err(|error| {
            let reason = error.to_string();
            tracing::error!(plugin = %self.core.id, "the plugin cannot be loaded: {reason}");
            self.core.emit(Happening::Failed(reason.clone()));
            reason
        })
    }

    async fn find(self: &Arc<Self>, in_background: bool) -> Result<C::Pre, LoadError> {
        let alone = Arc::clone(&self.finding).lock_owned().await;
        let this = Arc::clone(self);
        let found = tokio::task::spawn_blocking(move || {
            let _alone = alone;
            let component =
                linker::component(&this.engine, &this.cache, &this.package, in_background)?;
            let pre = linker::link(&this.engine, &this.package.manifest, &component)?;
            C::find(pre).map_err(|e| LoadError::WrongWorld {
                kind: C::KIND,
                reason: format!("{e:#}"),
            })
        });
        let pre = found
            .await
            .map_err(|e| LoadError::Compile(e.to_string()))??;
        // A probe: types of functions are only compared now, and a start function may fail.
        match Live::<C>::new(&self.engine, &self.core, &pre, self.memory, None).await {
            Ok(_) => Ok(pre),
            Err(Failure::Timeout) => Err(LoadError::Instantiate("it did not end in time".into())),
            Err(Failure::Trap(reason)) => Err(LoadError::Instantiate(reason)),
        }
    }

    /// A warm instance of this owner, or a new one. It goes back with [`Pool::give_back`].
    pub async fn warm(self: &Arc<Self>, owner: &str) -> Result<Instance<C>, PluginError> {
        loop {
            let slot = lock(&self.warm).get_mut(owner).and_then(Vec::pop);
            match slot {
                Some(slot) => {
                    slot.set_evictable(false);
                    if slot.is_live() {
                        return Ok(self.instance(slot, owner, Blame::Plugin));
                    }
                }
                None => return self.start(owner, Blame::Plugin).await,
            }
        }
    }

    /// Keeps an instance for its owner's next use. It must hold no state of the last one.
    pub fn give_back(&self, instance: Instance<C>) {
        if !instance.is_live() {
            return;
        }
        instance.slot.set_evictable(true);
        let mut warm = lock(&self.warm);
        // Looked at under the lock, so that nothing stays behind what `retire` clears.
        if !instance.is_retired() {
            warm.entry(instance.owner).or_default().push(instance.slot);
        }
    }

    /// A new instance, which its holder keeps; not evictable until its holder says so.
    pub async fn start(
        self: &Arc<Self>,
        owner: &str,
        blame: Blame,
    ) -> Result<Instance<C>, PluginError> {
        let permit = self.place().await?;
        self.start_in(permit, owner, blame).await
    }

    /// A new instance in a place that is kept free for cancellations.
    pub async fn start_reserved(self: &Arc<Self>, owner: &str) -> Result<Instance<C>, PluginError> {
        let permit = Arc::clone(&self.reserved)
            .acquire_owned()
            .await
            .map_err(|_| PluginError::Overloaded)?;
        self.start_in(permit, owner, Blame::Plugin).await
    }

    async fn start_in(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        owner: &str,
        blame: Blame,
    ) -> Result<Instance<C>, PluginError> {
        let pre = self.ready().await?;
        if blame == Blame::Plugin {
            let limits = &self.core.limits;
            let start = {
                let mut by_owner = lock(&self.health.by_owner);
                match by_owner.get_mut(owner) {
                    Some(health) => health.may_start(Instant::now(), limits),
                    None => Ok(Instant::now()),
                }
            };
            match start {
                // A timer costs a millisecond even when its time has come.
                Ok(at) if at > Instant::now() => tokio::time::sleep_until(at.into()).await,
                Ok(_) => {}
                Err(reason) => {
                    return Err(PluginError::Internal(format!(
                        "the plugin {id} is quarantined: {reason}; \
                         to start it again: labd plugin reload {id}",
                        id = self.core.id
                    )));
                }
            }
        }
        match Live::new(&self.engine, &self.core, pre, self.memory, Some(permit)).await {
            Ok(live) => {
                let slot = Arc::new(Slot::new(live, false));
                let mut slots = lock(&self.slots);
                slots.retain(|slot| slot.strong_count() > 0);
                slots.push(Arc::downgrade(&slot));
                Ok(self.instance(slot, owner, blame))
            }
            Err(Failure::Timeout) => Err(PluginError::Timeout),
            Err(Failure::Trap(reason)) => {
                add(&self.core.counters.traps, 1);
                if blame == Blame::Plugin {
                    self.health.trapped(owner, &reason);
                }
                Err(PluginError::Internal(format!(
                    "the plugin {} cannot be started: {reason}",
                    self.core.id
                )))
            }
        }
    }

    fn instance(&self, slot: Arc<Slot<C>>, owner: &str, blame: Blame) -> Instance<C> {
        Instance {
            slot,
            core: Arc::clone(&self.core),
            owner: owner.to_owned(),
            on_trap: match blame {
                Blame::Plugin => Some(Arc::clone(&self.health) as Arc<dyn OnTrap>),
                Blame::Guest => None,
            },
            retired: Arc::clone(&self.retired),
        }
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, PluginError> {
        if self.has_memory()
            && let Ok(permit) = Arc::clone(&self.places).try_acquire_owned()
        {
            return Ok(permit);
        }
        self.evict_longest_idle();
        let limits = &self.core.limits;
        let waiting = Waiting::enter(&self.waiting);
        if waiting.before >= limits.queue {
            return Err(PluginError::Overloaded);
        }
        let place = Arc::clone(&self.places).acquire_owned();
        tokio::pin!(place);
        let deadline = Instant::now() + limits.queue_wait;
        loop {
            let found = if self.has_memory() {
                tokio::time::timeout(LOOK_AGAIN, &mut place).await.ok()
            } else {
                tokio::time::sleep(LOOK_AGAIN).await;
                None
            };
            match found {
                Some(permit) => return permit.map_err(|_| PluginError::Overloaded),
                None if Instant::now() >= deadline => return Err(PluginError::Overloaded),
                // One that was at work may be idle by now.
                None => self.evict_longest_idle(),
            }
        }
    }

    /// Whether one more instance may come.
    fn has_memory(&self) -> bool {
        let together = self.core.counters.memory.load(Ordering::Relaxed);
        usize::try_from(together).is_ok_and(|bytes| bytes < self.core.limits.memory_together)
    }

    fn evict_longest_idle(&self) {
        let slots: Vec<_> = lock(&self.slots).iter().filter_map(Weak::upgrade).collect();
        let longest = slots
            .iter()
            .filter_map(|slot| Some((slot.idle_since()?, slot)))
            .min_by_key(|(since, _)| *since);
        if let Some((_, slot)) = longest {
            slot.evict("its place was needed by another");
        }
    }

    /// Drops what has been idle for too long.
    pub fn sweep(&self, now: Instant) {
        let limits = &self.core.limits;
        let is_old = |slot: &Slot<C>, age| {
            slot.idle_since()
                .is_some_and(|since| now.saturating_duration_since(since) >= age)
        };
        lock(&self.warm).retain(|_, slots| {
            slots.retain(|slot| slot.is_live() && !is_old(slot, limits.idle_instance));
            !slots.is_empty()
        });
        let slots: Vec<_> = lock(&self.slots).iter().filter_map(Weak::upgrade).collect();
        for slot in slots {
            if is_old(&slot, limits.idle_workspace) {
                slot.evict("it was not used for a while");
            }
        }
    }
}

/// How long an idle instance of a former version is kept for a holder that is about to use it.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// Waits until the last instance of a retired pool is gone.
async fn drain<C: Contract>(pool: Arc<Pool<C>>) {
    loop {
        let slots: Vec<_> = lock(&pool.slots).iter().filter_map(Weak::upgrade).collect();
        if !slots.iter().any(|slot| slot.is_live()) {
            return;
        }
        let now = Instant::now();
        for slot in slots {
            let idle = slot.idle_since();
            if idle.is_some_and(|since| now.saturating_duration_since(since) >= DRAIN) {
                slot.evict(RETIRED);
            }
        }
        tokio::time::sleep(DRAIN).await;
    }
}

/// How often those who wait for a place look for an idle instance.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(50);

/// Cancellations that may run at once.
const RESERVED: usize = 4;

/// One of those who wait.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        Self {
            before: count.fetch_add(1, Ordering::SeqCst),
            count,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}
