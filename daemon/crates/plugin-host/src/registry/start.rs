//! Which packages there are when the daemon starts, and which version of each serves.
//!
//! What ships with the daemon comes first, so that nobody can take its name; then what is installed
//! in the data directory, newest version first; then further folders. A version that waits for a
//! grant does not displace an older one that has it.

use super::{PluginOptions, maker::Maker};
use crate::{
    grants::Granted,
    package::{self, Package, PackageError},
    plugin::{AnyPlugin, each},
};
use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::Arc,
};

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub plugins: BTreeMap<String, AnyPlugin>,
    /// What ships with the daemon and is refused, by its name.
    pub unfit: BTreeMap<String, String>,
    /// What lies in a folder and is refused, by the folder.
    pub refused: BTreeMap<String, String>,
}

pub(super) fn find(options: &PluginOptions, folder: &Path, maker: &Maker) -> Found {
    let mut found = Found::default();
    let mut digests = HashSet::new();
    let mut take = |name: String, first_party, package: Result<Package, PackageError>| {
        let package = match package {
            Ok(package) => Arc::new(package),
            Err(error) => {
                tracing::error!(plugin = name, "the plugin is refused: {error}");
                let refused = match first_party {
                    true => &mut found.unfit,
                    false => &mut found.refused,
                };
                refused.insert(name, error.to_string());
                return;
            }
        };
        digests.insert(package.wasm_digest.clone());
        match found.plugins.get(&package.manifest.id) {
            None => {
                let id = package.manifest.id.clone();
                found.plugins.insert(id, maker.plugin(package, first_party));
            }
            Some(known) => older(maker, known, package),
        }
    };
    for (name, package) in package::unpack(&options.embedded, folder) {
        take(name, true, package);
    }
    for (dir, package) in package::scan(folder) {
        take(dir.display().to_string(), false, package);
    }
    for dir in &options.directories {
        take(dir.display().to_string(), false, Package::open(dir));
    }
    maker.cache.prune(&digests);
    found
}

/// Another package with the id of one that is there already.
pub(super) fn older(maker: &Maker, known: &AnyPlugin, package: Arc<Package>) {
    let there = known.package();
    if there.dir == package.dir {
        // Scanning finds what was unpacked again.
        return;
    }
    let sibling = there.dir.parent() == package.dir.parent() && !known.first_party();
    if !sibling || there.manifest.kind != package.manifest.kind {
        tracing::warn!(plugin = there.manifest.id, dir = %package.dir.display(),
            "a plugin with this id is there already");
        return;
    }
    each!(known, plugin => {
        let newest = plugin.current();
        let waits = newest.permitted.granted() == Granted::Awaiting;
        let former = maker.next(plugin, package, false);
        if waits && plugin.waiting().is_none() && former.permitted.granted() != Granted::Awaiting {
            plugin.put_before(Arc::new(former));
        }
    });
}
