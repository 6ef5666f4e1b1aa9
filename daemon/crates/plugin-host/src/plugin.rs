//! A plugin as the daemon knows it over time: one id, one set of counters, and the generation that
//! serves.
//!
//! A generation is a package, its permissions and its instances. Another one takes its place as a
//! whole, after it was compiled, checked and tried; calls in flight stay with the generation that
//! they began in, which goes when the last of them has ended.

use crate::{
    Denial, PluginError,
    bindings::{ai, connector, deployer, sandbox},
    contract::Contract,
    grants::Granted,
    instance::lock,
    package::Package,
    permitted::Permitted,
    plugin_core::PluginCore,
    pool::Pool,
};
use arc_swap::ArcSwap;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU8, Ordering},
};

/// Whether a plugin takes calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    /// It does.
    On,
    /// The operator has disabled it.
    Off,
    /// It was removed; whoever still holds it hears so.
    Gone,
}

/// One version of a plugin at work.
pub(crate) struct Generation<C: Contract> {
    pub pool: Arc<Pool<C>>,
    pub permitted: Permitted,
}

/// See the module.
pub(crate) struct Plugin<C: Contract> {
    pub core: Arc<PluginCore>,
    serving: ArcSwap<Generation<C>>,
    /// A version that asks for more than was granted, until it is.
    waiting: Mutex<Option<Arc<Generation<C>>>>,
    switch: AtomicU8,
}

impl<C: Contract> Plugin<C> {
    pub fn new(generation: Generation<C>, switch: Switch) -> Self {
        Self {
            core: Arc::clone(&generation.permitted.core),
            serving: ArcSwap::from_pointee(generation),
            waiting: Mutex::default(),
            switch: AtomicU8::new(switch as u8),
        }
    }

    /// The generation that serves, for a call that needs none of its permissions.
    pub fn serving(&self) -> Result<Arc<Generation<C>>, PluginError> {
        let id = &self.core.id;
        let refused = |message| {
            Err(PluginError::Denied(Denial {
                capability: "plugin".into(),
                target: id.clone(),
                message,
            }))
        };
        match self.switch() {
            Switch::On => Ok(self.serving.load_full()),
            Switch::Off => refused(format!(
                "the plugin {id} is disabled; to enable it: labd plugin enable {id}"
            )),
            Switch::Gone => refused(format!(
                "the plugin {id} was removed; to bring it back: labd plugin install <where it comes from>"
            )),
        }
    }

    /// The generation that serves, for a call that does what it was granted.
    pub fn permitted(&self) -> Result<Arc<Generation<C>>, PluginError> {
        let generation = self.serving()?;
        generation.permitted.check()?;
        Ok(generation)
    }

    /// The generation that serves, whether or not it takes calls.
    pub fn current(&self) -> Arc<Generation<C>> {
        self.serving.load_full()
    }

    /// The version that waits for its grant.
    pub fn waiting(&self) -> Option<Arc<Generation<C>>> {
        lock(&self.waiting).clone()
    }

    pub fn set_waiting(&self, generation: Option<Arc<Generation<C>>>) {
        *lock(&self.waiting) = generation;
    }

    /// The version that waits takes its place, if it was granted what it asks for meanwhile.
    pub fn take_granted(&self) -> Option<Arc<Generation<C>>> {
        let mut waiting = lock(&self.waiting);
        let granted = waiting
            .as_ref()
            .is_some_and(|g| g.permitted.granted() != Granted::Awaiting);
        if granted { waiting.take() } else { None }
    }

    /// Lets a generation serve; the former one ends with its last call.
    pub fn replace(&self, generation: Arc<Generation<C>>) {
        let former = self.serving.swap(generation);
        former.pool.retire();
    }

    /// An older generation serves until the one that did is granted what it asks for.
    pub fn put_before(&self, older: Arc<Generation<C>>) {
        let newest = self.serving.swap(older);
        self.set_waiting(Some(newest));
    }

    pub fn switch(&self) -> Switch {
        match self.switch.load(Ordering::Acquire) {
            n if n == Switch::On as u8 => Switch::On,
            n if n == Switch::Off as u8 => Switch::Off,
            _ => Switch::Gone,
        }
    }

    /// Turns it on or off. Off, its idle instances go; calls in flight end.
    pub fn turn(&self, switch: Switch) {
        self.switch.store(switch as u8, Ordering::Release);
        if switch != Switch::On {
            self.serving.load().pool.retire();
            if switch == Switch::Gone {
                self.set_waiting(None);
            }
        }
    }
}

/// A plugin of any kind.
#[derive(Clone)]
pub(crate) enum AnyPlugin {
    Ai(Arc<Plugin<ai::Provider>>),
    Connector(Arc<Plugin<connector::Connector>>),
    Deployer(Arc<Plugin<deployer::Deployer>>),
    Sandbox(Arc<Plugin<sandbox::Sandbox>>),
}

/// The same for each kind of plugin.
macro_rules! each {
    ($any:expr, $plugin:ident => $what:expr) => {
        match $any {
            $crate::plugin::AnyPlugin::Ai($plugin) => $what,
            $crate::plugin::AnyPlugin::Connector($plugin) => $what,
            $crate::plugin::AnyPlugin::Deployer($plugin) => $what,
            $crate::plugin::AnyPlugin::Sandbox($plugin) => $what,
        }
    };
}
pub(crate) use each;

impl AnyPlugin {
    pub fn core(&self) -> Arc<PluginCore> {
        each!(self, plugin => Arc::clone(&plugin.core))
    }

    /// The package that serves.
    pub fn package(&self) -> Arc<Package> {
        each!(self, plugin => Arc::clone(&plugin.current().permitted.package))
    }

    /// It ships with the daemon.
    pub fn first_party(&self) -> bool {
        each!(self, plugin => plugin.current().permitted.first_party)
    }

    pub fn switch(&self) -> Switch {
        each!(self, plugin => plugin.switch())
    }
}
