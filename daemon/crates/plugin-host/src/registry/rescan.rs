//! What was put into, or taken out of, the folders of packages by hand while the daemon runs.
//!
//! | a package | what happens |
//! | --- | --- |
//! | of a plugin that is not there | it is taken in, and waits for its grant like any other |
//! | with another version or content than the one that serves | it takes its place as by an installation; the former one serves on when it does not load |
//! | as it was | nothing: the plugin goes on undisturbed |
//! | that cannot be read | it is listed with the reason; what it was before serves on |
//! | that was changed after it was installed, or whose key was revoked since | the plugin goes, and the package is listed with the reason |
//! | that is gone | the plugin goes; its grants stay, as they do when it is not there at a start |
//!
//! What ships with the daemon is left alone.

use super::{ChangeError, Inner, PluginHost, change::emit, start::older};
use crate::{
    package::{self, Package, PackageError},
    plugin::{AnyPlugin, Switch, each},
};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

/// What a rescan has changed, by the plugins' ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rescanned {
    /// They are new.
    pub added: Vec<String>,
    /// Another version or content of theirs serves, or waits for its grant.
    pub changed: Vec<String>,
    /// They are gone.
    pub removed: Vec<String>,
}

/// Packages by the id of their plugin, those to be preferred first, and why others are none.
#[derive(Default)]
struct Found {
    packages: BTreeMap<String, Vec<Arc<Package>>>,
    refused: BTreeMap<PathBuf, PackageError>,
}

impl PluginHost {
    /// Looks again which packages there are in the daemon's folder and in those that the
    /// configuration names.
    ///
    /// # Errors
    /// When the folders cannot be looked through. A package that is refused is listed.
    pub async fn rescan(&self) -> Result<Rescanned, ChangeError> {
        let _one = self.inner.changing.lock().await;
        let mut found = self.look().await?;
        let mut done = Rescanned::default();
        let mut reasons = BTreeMap::new();
        for plugin in self.inner.all() {
            if plugin.first_party() {
                found.packages.remove(&plugin.core().id);
                continue;
            }
            self.known_again(&plugin, &mut found, &mut done, &mut reasons)
                .await;
        }
        for packages in found.packages.into_values() {
            if let Some(id) = self.take_in(packages).await {
                done.added.push(id);
            }
        }
        for (dir, error) in found.refused {
            reasons.insert(dir, error.to_string());
        }
        let named = |(dir, reason): (PathBuf, String)| (dir.display().to_string(), reason);
        self.inner
            .list_refused(reasons.into_iter().map(named).collect());
        Ok(done)
    }

    /// All packages that are not the daemon's own.
    async fn look(&self) -> Result<Found, ChangeError> {
        let folder = self.inner.folder.clone();
        let mut others = self.inner.configured.clone();
        for plugin in self.inner.all() {
            let dir = plugin.package().dir.clone();
            if !dir.starts_with(&folder) && !others.contains(&dir) {
                others.push(dir);
            }
        }
        let at = folder.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let mut all = package::scan(&folder);
            for dir in others {
                let package = Package::open(&dir);
                all.push((dir, package));
            }
            all
        });
        let all = looked.await.map_err(|error| ChangeError::Io {
            path: at,
            source: io::Error::other(error),
        })?;
        let mut found = Found::default();
        for (dir, package) in all {
            match package {
                Ok(package) => {
                    let id = package.manifest.id.clone();
                    found.packages.entry(id).or_default().push(package.into());
                }
                Err(error) => {
                    tracing::error!(dir = %dir.display(), "the package is refused: {error}");
                    found.refused.insert(dir, error);
                }
            }
        }
        Ok(found)
    }

    /// A plugin that was there before.
    async fn known_again(
        &self,
        plugin: &AnyPlugin,
        found: &mut Found,
        done: &mut Rescanned,
        reasons: &mut BTreeMap<PathBuf, String>,
    ) {
        let id = plugin.core().id.clone();
        let there = plugin.package();
        let refused = found.refused.get(&there.dir);
        if let Some(error) = refused.filter(|error| untrusted(error)) {
            let why = format!("it goes: {error}");
            self.go(plugin, &id, why);
            done.removed.push(id);
            // Another version beside it counts as new.
            return;
        }
        let Some(packages) = found.packages.remove(&id) else {
            if refused.is_none() || !there.dir.exists() {
                self.go(plugin, &id, "its package is gone".into());
                done.removed.push(id);
            }
            return;
        };
        let Some(package) = packages.first() else {
            return;
        };
        let waiting =
            each!(plugin, plugin => plugin.waiting().map(|w| Arc::clone(&w.permitted.package)));
        let same = |other: &Package| other.dir == package.dir && other.digest == package.digest;
        if same(&there) || waiting.is_some_and(|waiting| same(&waiting)) {
            return;
        }
        match self.upgrade(plugin, Arc::clone(package)).await {
            Ok(()) => done.changed.push(id),
            Err(error) => {
                tracing::error!(plugin = id, "the package is refused: {error}");
                reasons.insert(package.dir.clone(), error.to_string());
            }
        }
    }

    fn go(&self, plugin: &AnyPlugin, id: &str, why: String) {
        self.inner.take(id);
        each!(plugin, plugin => plugin.turn(Switch::Gone));
        emit(plugin, why);
    }

    /// A plugin that was not there before.
    async fn take_in(&self, packages: Vec<Arc<Package>>) -> Option<String> {
        let maker = &self.inner.maker;
        let mut packages = packages.into_iter();
        let newest = packages.next()?;
        let id = newest.manifest.id.clone();
        let plugin = maker.plugin(newest, false);
        for package in packages {
            older(maker, &plugin, package);
        }
        self.inner.insert(id.clone(), plugin.clone());
        let version = &plugin.package().manifest.version;
        emit(&plugin, format!("{version} was found"));
        // The pool has logged the reason and keeps it.
        let _ = each!(&plugin, plugin => plugin.current().pool.load().await);
        Some(id)
    }
}

impl Inner {
    fn list_refused(&self, reasons: BTreeMap<String, String>) {
        *self.refused.write().unwrap_or_else(PoisonError::into_inner) = reasons;
    }

    /// Forgets packages of the daemon's folder that were refused and are not there any more.
    pub(super) fn forget_refused(&self) {
        self.refused
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|dir, _| {
                let dir = Path::new(dir);
                !dir.starts_with(&self.folder) || dir.exists()
            });
    }
}

/// Nobody trusts what served any more.
fn untrusted(error: &PackageError) -> bool {
    matches!(
        error,
        PackageError::Tampered { .. } | PackageError::Revoked { .. }
    )
}
