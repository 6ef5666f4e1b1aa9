//! The contracts of `wit/`, embedded.

use labd_plugin_host::Kind;
use std::collections::BTreeMap;
use wit_parser::{PackageId, Resolve, SourceMap, WorldId};

use crate::embedded::WIT;

/// Versions of the contracts' packages by their name: `labd:common` → `0.1.0`.
pub(crate) type Versions = BTreeMap<String, String>;

/// The world that a plugin of a kind targets.
pub(crate) struct Contract {
    pub resolve: Resolve,
    pub world: WorldId,
}

impl Contract {
    /// The contract of a kind. Packages that `versions` names carry that version instead of their
    /// own: what was built against a compatible version is compared as if it were this one.
    pub fn of(kind: Kind, versions: &Versions) -> Result<Self, String> {
        let mut resolve = Resolve::default();
        push(&mut resolve, "common", versions)?;
        push(&mut resolve, "host", versions)?;
        let package = push(&mut resolve, kind.as_str(), versions)?;
        let world = resolve
            .select_world(&[package], Some(&format!("{kind}-plugin")))
            .map_err(|error| format!("{error:#}"))?;
        Ok(Self { resolve, world })
    }

    /// The names of what a plugin of this kind exports.
    pub fn exports(&self) -> Vec<String> {
        names(&self.resolve, self.world, Side::Exports)
    }
}

/// Imports or exports of a world.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Imports,
    Exports,
}

/// The names of a world's imports or exports, sorted.
pub(crate) fn names(resolve: &Resolve, world: WorldId, side: Side) -> Vec<String> {
    let Some(world) = resolve.worlds.get(world) else {
        return Vec::new();
    };
    let items = match side {
        Side::Imports => &world.imports,
        Side::Exports => &world.exports,
    };
    let mut names: Vec<_> = items
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    names.sort();
    names
}

fn push(resolve: &mut Resolve, folder: &str, versions: &Versions) -> Result<PackageId, String> {
    let mut sources = SourceMap::new();
    for (path, text) in WIT {
        if path
            .split_once('/')
            .is_some_and(|(first, _)| first == folder)
        {
            sources.push_str(path, with_versions(text, versions));
        }
    }
    let group = sources
        .parse()
        .map_err(|(_, error)| format!("wit/{folder}: {error}"))?;
    resolve
        .push_group(group)
        .map_err(|error| format!("wit/{folder}: {error:#}"))
}

/// Writes the versions of the map behind the names of packages: `labd:host/log@0.1.0` and
/// `package labd:host@0.1.0` carry that of `labd:host`.
fn with_versions(text: &str, versions: &Versions) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("labd:") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = from
            .find(|c: char| !(c.is_ascii_alphanumeric() || "-:/".contains(c)))
            .unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        out.push_str(name);
        rest = after;
        let package = name.split('/').next().unwrap_or(name);
        if let (Some(version), Some(tail)) = (versions.get(package), after.strip_prefix('@')) {
            let old = tail
                .find(|c: char| !(c.is_ascii_alphanumeric() || ".-+".contains(c)))
                .unwrap_or(tail.len());
            // `@0.1.0.{error}`: the dot belongs to what follows.
            let number = tail.get(..old).unwrap_or_default().trim_end_matches('.');
            out.push('@');
            out.push_str(version);
            rest = tail.get(number.len()..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_takes_the_version_that_it_is_compared_as() {
        let versions = Versions::from([("labd:common".into(), "0.1.7".into())]);
        assert_eq!(
            with_versions(
                "package labd:host@0.1.0;\nuse labd:common/errors@0.1.0.{error};",
                &versions
            ),
            "package labd:host@0.1.0;\nuse labd:common/errors@0.1.7.{error};"
        );
    }

    #[test]
    fn every_contract_is_embedded() {
        for kind in crate::check::KINDS {
            let contract = Contract::of(kind, &Versions::new()).unwrap();
            assert_eq!(contract.exports().len(), 1, "{kind}");
        }
    }
}
