//! What an operator changes while the daemon runs. One change at a time; each shows in the plugin's
//! log and to whoever follows events.
//!
//! A version is compiled, linked, instantiated and asked what it is before it takes its place. When
//! any of that fails the former one goes on, and the caller is told why.

use super::{Inner, PluginHost, PluginSummary, maker::Maker, summary};
use crate::{
    contract::Contract,
    grants::{GrantError, Granted},
    manifest::{Kind, Permissions},
    package::{Package, PackageError},
    plugin::{AnyPlugin, Plugin, Switch, each},
    plugin_core::Happening,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

/// Why a change was refused. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such plugin.
    #[error("there is no plugin {0}; see: labd plugin list")]
    UnknownPlugin(String),
    /// It belongs to the daemon.
    #[error(
        "{plugin} ships with labd and cannot be {what}; to do without it: labd plugin disable {plugin}"
    )]
    FirstParty {
        /// The plugin.
        plugin: String,
        /// `replaced`, `removed`.
        what: &'static str,
    },
    /// What ships with the daemon has what it asks for.
    #[error(
        "{0} ships with labd and always has what it asks for; to do without it: labd plugin disable {0}"
    )]
    AlwaysGranted(String),
    /// It lies in a folder that the configuration names.
    #[error("{plugin} lies in {}, which is named by plugin_dirs; take it out of the configuration", dir.display())]
    Configured {
        /// The plugin.
        plugin: String,
        /// Its folder.
        dir: PathBuf,
    },
    /// Its package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The id belongs to a plugin of another kind.
    #[error(
        "{plugin} is a plugin of kind {there}, and this package is of kind {new}; remove the former first: labd plugin remove {plugin}"
    )]
    OtherKind {
        /// The plugin.
        plugin: String,
        /// The kind of the one that is there.
        there: Kind,
        /// The kind of the package.
        new: Kind,
    },
    /// It does not load, or does not answer.
    #[error("{plugin} {version} is refused: {reason}")]
    Refused {
        /// The plugin.
        plugin: String,
        /// The version that was to serve.
        version: semver::Version,
        /// Why.
        reason: String,
    },
    /// The operator's decisions cannot be written.
    #[error(transparent)]
    Grants(#[from] GrantError),
    /// Its files cannot be removed.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl PluginHost {
    /// Takes in the package in this folder: a new plugin, or another version of one that is there.
    /// The folder stays where it is; what lies in `<data>/plugins` is found again at the next start.
    pub async fn install(&self, dir: PathBuf) -> Result<PluginSummary, ChangeError> {
        let _one = self.inner.changing.lock().await;
        let package = open(dir).await?;
        let id = package.manifest.id.clone();
        let plugin = match self.inner.get(&id) {
            Some(plugin) if plugin.first_party() => {
                return Err(ChangeError::FirstParty {
                    plugin: id,
                    what: "replaced",
                });
            }
            Some(plugin) => {
                self.upgrade(&plugin, package).await?;
                plugin
            }
            None => {
                let plugin = self.inner.maker.plugin(Arc::clone(&package), false);
                each!(&plugin, plugin => plugin.current().pool.try_out().await)
                    .map_err(|reason| refused(&package, reason))?;
                self.inner.insert(id, plugin.clone());
                emit(
                    &plugin,
                    format!("{} is installed", package.manifest.version),
                );
                plugin
            }
        };
        self.inner.forget_refused();
        Ok(summary(&plugin))
    }

    /// Reads a plugin's package again and lets it serve with new instances, which also ends a
    /// quarantine.
    pub async fn reload(&self, id: &str) -> Result<PluginSummary, ChangeError> {
        let _one = self.inner.changing.lock().await;
        let plugin = self.known(id)?;
        let package = open(plugin.package().dir.clone()).await?;
        self.upgrade(&plugin, package).await?;
        Ok(summary(&plugin))
    }

    /// Lets a plugin take calls again.
    pub async fn enable(&self, id: &str) -> Result<PluginSummary, ChangeError> {
        let _one = self.inner.changing.lock().await;
        let plugin = self.known(id)?;
        if plugin.switch() == Switch::Off {
            self.inner.maker.grants.set_disabled(id, false)?;
            each!(&plugin, plugin => {
                let current = plugin.current();
                let package = Arc::clone(&current.permitted.package);
                let fresh = self.inner.maker.next(plugin, package, current.permitted.first_party);
                plugin.replace(Arc::new(fresh));
                plugin.turn(Switch::On);
            });
            emit(&plugin, "it is enabled".into());
        }
        Ok(summary(&plugin))
    }

    /// Refuses further calls of a plugin, also after a restart. Those in flight end.
    pub async fn disable(&self, id: &str) -> Result<PluginSummary, ChangeError> {
        let _one = self.inner.changing.lock().await;
        let plugin = self.known(id)?;
        if plugin.switch() == Switch::On {
            self.inner.maker.grants.set_disabled(id, true)?;
            each!(&plugin, plugin => plugin.turn(Switch::Off));
            emit(&plugin, "it is disabled".into());
        }
        Ok(summary(&plugin))
    }

    /// Removes an installed plugin with all its versions and grants.
    pub async fn remove(&self, id: &str) -> Result<(), ChangeError> {
        let _one = self.inner.changing.lock().await;
        let plugin = self.known(id)?;
        if plugin.first_party() {
            return Err(ChangeError::FirstParty {
                plugin: id.to_owned(),
                what: "removed",
            });
        }
        let dir = plugin.package().dir.clone();
        let versions = self.inner.folder.join(id);
        if dir.starts_with(&self.inner.folder) {
            remove_dir(&versions).map_err(io_error(&versions))?;
        } else if self.inner.configured.contains(&dir) {
            return Err(ChangeError::Configured {
                plugin: id.to_owned(),
                dir,
            });
        }
        self.inner.maker.grants.forget(id)?;
        self.inner.take(id);
        each!(&plugin, plugin => plugin.turn(Switch::Gone));
        emit(&plugin, "it is removed".into());
        self.inner.forget_refused();
        Ok(())
    }

    /// Grants a plugin more of what it asks for; everything when `permissions` is none. A version
    /// that waited for it takes its place.
    pub async fn grant(
        &self,
        id: &str,
        permissions: Option<&Permissions>,
    ) -> Result<PluginSummary, ChangeError> {
        let _one = self.inner.changing.lock().await;
        let plugin = self.known(id)?;
        each!(&plugin, plugin => {
            let asking = plugin.waiting().unwrap_or_else(|| plugin.current());
            let package = &asking.permitted.package;
            let permissions = permissions.unwrap_or(&package.manifest.permissions);
            let grants = &self.inner.maker.grants;
            grants.grant(&package.manifest, &package.digest, permissions)?;
        });
        emit(&plugin, "its permissions are granted".into());
        each!(&plugin, plugin => {
            if let Some(granted) = plugin.take_granted() {
                let package = Arc::clone(&granted.permitted.package);
                // It may have waited over a restart, and have been compiled by another version of labd.
                if let Err(reason) = granted.pool.try_out().await {
                    plugin.set_waiting(Some(granted));
                    let error = refused(&package, reason);
                    plugin.core.emit(Happening::Failed(error.to_string()));
                    return Err(error);
                }
                plugin.replace(granted);
                self.serves(&package, plugin);
            }
        });
        Ok(summary(&plugin))
    }

    /// Takes back what a plugin was granted. It ends with the next call; open connections stay.
    pub async fn revoke(&self, id: &str) -> Result<PluginSummary, ChangeError> {
        let _one = self.inner.changing.lock().await;
        let plugin = self.known(id)?;
        if plugin.first_party() {
            return Err(ChangeError::AlwaysGranted(id.to_owned()));
        }
        self.inner.maker.grants.revoke(id)?;
        emit(&plugin, "its permissions are revoked".into());
        Ok(summary(&plugin))
    }

    /// Lets this package take its place, or wait for its grant.
    pub(super) async fn upgrade(
        &self,
        plugin: &AnyPlugin,
        package: Arc<Package>,
    ) -> Result<(), ChangeError> {
        let there = plugin.package().manifest.kind;
        if there != package.manifest.kind {
            return Err(ChangeError::OtherKind {
                plugin: package.manifest.id.clone(),
                there,
                new: package.manifest.kind,
            });
        }
        let serves = each!(plugin, plugin => {
            let serves = upgrade(&self.inner.maker, plugin, Arc::clone(&package)).await?;
            if serves {
                self.serves(&package, plugin);
            }
            serves
        });
        if !serves {
            let version = &package.manifest.version;
            let id = &package.manifest.id;
            emit(
                plugin,
                format!(
                    "{version} asks for more than was granted and waits; to allow it: labd plugin grant {id}"
                ),
            );
        }
        Ok(())
    }

    /// A version has taken its place: the others need not be kept.
    fn serves<C: Contract>(&self, package: &Package, plugin: &Plugin<C>) {
        let version = &package.manifest.version;
        plugin
            .core
            .emit(Happening::Changed(format!("{version} serves from now on")));
        let versions = self.inner.folder.join(&package.manifest.id);
        if package.dir.parent() != Some(&versions) {
            return;
        }
        let others = fs::read_dir(&versions).into_iter().flatten().flatten();
        for other in others.map(|entry| entry.path()) {
            if other != package.dir
                && let Err(error) = remove_dir(&other)
            {
                tracing::warn!(path = %other.display(), %error, "a former version cannot be removed");
            }
        }
    }

    fn known(&self, id: &str) -> Result<AnyPlugin, ChangeError> {
        let plugin = self.inner.get(id);
        plugin.ok_or_else(|| ChangeError::UnknownPlugin(id.to_owned()))
    }
}

impl Inner {
    pub(super) fn insert(&self, id: String, plugin: AnyPlugin) {
        let plugins = self.plugins.write();
        let mut plugins = plugins.unwrap_or_else(PoisonError::into_inner);
        plugins.insert(id, plugin);
    }

    pub(super) fn take(&self, id: &str) {
        let plugins = self.plugins.write();
        let mut plugins = plugins.unwrap_or_else(PoisonError::into_inner);
        plugins.remove(id);
    }
}

/// True when the new version serves; false when it waits for its grant.
async fn upgrade<C: Contract>(
    maker: &Maker,
    plugin: &Plugin<C>,
    package: Arc<Package>,
) -> Result<bool, ChangeError> {
    let current = plugin.current();
    let next = Arc::new(maker.next(plugin, Arc::clone(&package), current.permitted.first_party));
    if let Err(reason) = next.pool.try_out().await {
        let error = refused(&package, reason);
        plugin.core.emit(Happening::Failed(error.to_string()));
        return Err(error);
    }
    // There is nothing to keep where the present one cannot be called either.
    let works =
        current.pool.load_error().is_none() && current.permitted.granted() != Granted::Awaiting;
    if works && next.permitted.granted() == Granted::Awaiting {
        plugin.set_waiting(Some(next));
        return Ok(false);
    }
    plugin.set_waiting(None);
    plugin.replace(next);
    Ok(true)
}

async fn open(dir: PathBuf) -> Result<Arc<Package>, ChangeError> {
    let at = dir.clone();
    match tokio::task::spawn_blocking(move || Package::open(&dir)).await {
        Ok(package) => Ok(Arc::new(package?)),
        Err(error) => Err(io_error(&at)(io::Error::other(error))),
    }
}

fn refused(package: &Package, reason: String) -> ChangeError {
    ChangeError::Refused {
        plugin: package.manifest.id.clone(),
        version: package.manifest.version.clone(),
        reason,
    }
}

pub(super) fn emit(plugin: &AnyPlugin, what: String) {
    plugin.core().emit(Happening::Changed(what));
}

fn remove_dir(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> ChangeError {
    let path = path.to_owned();
    move |source| ChangeError::Io { path, source }
}
