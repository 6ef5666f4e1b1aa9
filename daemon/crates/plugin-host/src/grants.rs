//! What the operator has granted.
//!
//! | plugin | granted |
//! | --- | --- |
//! | shipped with the daemon | what it declares |
//! | any other | what `grants.toml` says for its id and digest |
//! | a new digest of a granted id that asks for the same or less | the same |
//! | a new digest that asks for more | nothing, until it is granted: `awaiting-grant` |
//!
//! Effective is what is declared, granted and below the operator's ceiling. `grants.toml` also holds
//! which plugins the operator has disabled.

use crate::manifest::{HttpTarget, Manifest, ManifestError, Permissions};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fs, io,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Mutex,
};

use crate::instance::lock;

/// The most that any plugin may be granted. The default allows everything that is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The only origins that plugins may send requests to; none for no such bound. It also bounds
    /// what a configuration names.
    pub http: Option<Vec<String>>,
    /// Connections to the servers of data sources.
    pub net: bool,
    /// Files of data sources.
    pub sqlite: bool,
    /// Values of credentials.
    pub reveal: bool,
}

impl Default for Ceiling {
    fn default() -> Self {
        Self {
            http: None,
            net: true,
            sqlite: true,
            reveal: true,
        }
    }
}

impl Ceiling {
    /// Whether requests may go to this origin.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.http
            .as_ref()
            .is_none_or(|origins| origins.iter().any(|o| o == origin))
    }

    fn apply(&self, mut permissions: Permissions) -> Permissions {
        permissions.http.retain(|target| match target {
            HttpTarget::Origin(origin) => self.allows_origin(origin),
            // The origin is known, and checked, when there is a configuration.
            HttpTarget::FromConfig(_) => true,
        });
        permissions.net &= self.net;
        permissions.sqlite &= self.sqlite;
        if !self.reveal {
            permissions.reveal.clear();
        }
        permissions
    }
}

/// Why grants cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The file.
    #[error("{path}: {source}")]
    Io {
        /// `grants.toml`.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its content.
    #[error("{path}: {reason}")]
    Syntax {
        /// `grants.toml`.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A grant of what was never asked for.
    #[error("{plugin} does not ask for {permission}; see: labd plugin inspect {plugin}")]
    NotDeclared {
        /// The plugin.
        plugin: String,
        /// The permission.
        permission: String,
    },
}

/// What one plugin was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// It runs with these permissions.
    Yes(Permissions),
    /// It asks for something and nobody has answered.
    Awaiting,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct GrantFile {
    /// Plugins that take no calls.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    disabled: BTreeSet<String>,
    #[serde(default, rename = "grant")]
    grants: Vec<Grant>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    plugin: String,
    digest: String,
    allow: Vec<String>,
}

/// `grants.toml`.
pub(crate) struct GrantBook {
    path: PathBuf,
    ceiling: Ceiling,
    file: Mutex<GrantFile>,
}

impl GrantBook {
    pub fn open(path: &Path, ceiling: Ceiling) -> Result<Self, GrantError> {
        let syntax = |reason: String| GrantError::Syntax {
            path: path.to_owned(),
            reason,
        };
        let file: GrantFile = match fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|e| syntax(e.to_string()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => GrantFile::default(),
            Err(source) => {
                return Err(GrantError::Io {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        for grant in &file.grants {
            parse(&grant.allow).map_err(|e| syntax(e.to_string()))?;
        }
        Ok(Self {
            path: path.to_owned(),
            ceiling,
            file: Mutex::new(file),
        })
    }

    pub fn ceiling(&self) -> &Ceiling {
        &self.ceiling
    }

    /// What is in force for a plugin.
    pub fn effective(&self, manifest: &Manifest, digest: &str, first_party: bool) -> Granted {
        let declared = &manifest.permissions;
        if first_party || declared.is_empty() {
            return Granted::Yes(self.ceiling.apply(declared.clone()));
        }
        let file = lock(&self.file);
        let mut former = None;
        for grant in file.grants.iter().filter(|g| g.plugin == manifest.id) {
            // The file was checked when it was read; what is written to it is checked before.
            let Ok(allowed) = parse(&grant.allow) else {
                continue;
            };
            if grant.digest == digest {
                let both = declared.intersection(&allowed);
                return Granted::Yes(self.ceiling.apply(both));
            }
            if declared.is_within(&allowed) {
                former = Some(declared.clone());
            }
        }
        match former {
            Some(permissions) => Granted::Yes(self.ceiling.apply(permissions)),
            None => Granted::Awaiting,
        }
    }

    /// Adds to what a plugin is granted.
    pub fn grant(
        &self,
        manifest: &Manifest,
        digest: &str,
        more: &Permissions,
    ) -> Result<(), GrantError> {
        let declared = manifest.permissions.to_lines();
        let mut asked = more.to_lines().into_iter();
        if let Some(permission) = asked.find(|line| !declared.contains(line)) {
            return Err(GrantError::NotDeclared {
                plugin: manifest.id.clone(),
                permission,
            });
        }
        self.change(|file| {
            let grants = &mut file.grants;
            let mut grant = Grant {
                plugin: manifest.id.clone(),
                digest: digest.to_owned(),
                allow: more.to_lines(),
            };
            grants.retain_mut(|old| {
                let same = old.plugin == grant.plugin && old.digest == grant.digest;
                if same {
                    grant.allow.append(&mut old.allow);
                }
                !same
            });
            grant.allow.sort();
            grant.allow.dedup();
            grants.push(grant);
        })
    }

    /// Takes back everything that a plugin was granted, whichever its digest.
    pub fn revoke(&self, plugin: &str) -> Result<(), GrantError> {
        self.change(|file| file.grants.retain(|g| g.plugin != plugin))
    }

    /// Whether the operator has disabled a plugin.
    pub fn is_disabled(&self, plugin: &str) -> bool {
        lock(&self.file).disabled.contains(plugin)
    }

    /// Disables or enables a plugin.
    pub fn set_disabled(&self, plugin: &str, disabled: bool) -> Result<(), GrantError> {
        self.change(|file| {
            if disabled {
                file.disabled.insert(plugin.to_owned());
            } else {
                file.disabled.remove(plugin);
            }
        })
    }

    /// Drops whatever is known of a plugin that is removed.
    pub fn forget(&self, plugin: &str) -> Result<(), GrantError> {
        self.change(|file| {
            file.grants.retain(|g| g.plugin != plugin);
            file.disabled.remove(plugin);
        })
    }

    fn change(&self, change: impl FnOnce(&mut GrantFile)) -> Result<(), GrantError> {
        let mut file = lock(&self.file);
        let mut changed = file.clone();
        change(&mut changed);
        let text = toml::to_string(&changed).map_err(|e| GrantError::Syntax {
            path: self.path.clone(),
            reason: e.to_string(),
        })?;
        write_replacing(&self.path, &text).map_err(|source| GrantError::Io {
            path: self.path.clone(),
            source,
        })?;
        *file = changed;
        Ok(())
    }
}

fn parse(lines: &[String]) -> Result<Permissions, ManifestError> {
    Permissions::from_lines(lines.iter().map(String::as_str))
}

fn write_replacing(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension(format!("{:016x}.new", rand::random::<u64>()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(permissions: &str) -> Manifest {
        Manifest::parse(&format!(
            "schema = 1\nid = \"acme.db\"\nversion = \"1.0.0\"\nkind = \"connector\"\n\
             host = \">=0.1\"\nwasm = \"plugin.wasm\"\n[permissions]\n{permissions}\n\
             [connector]\nschemes = [\"acme\"]\n"
        ))
        .unwrap()
    }

    fn book(dir: &tempfile::TempDir, ceiling: Ceiling) -> GrantBook {
        GrantBook::open(&dir.path().join("grants.toml"), ceiling).unwrap()
    }

    #[test]
    fn a_stranger_waits_until_it_is_granted_and_again_when_it_asks_for_more() {
        let dir = tempfile::tempdir().unwrap();
        let small = manifest("net = \"from-config\"");
        let large = manifest("net = \"from-config\"\nreveal = [\"password\"]");
        let grants = book(&dir, Ceiling::default());
        assert_eq!(grants.effective(&large, "1", false), Granted::Awaiting);
        grants.grant(&large, "1", &large.permissions).unwrap();
        let grants = book(&dir, Ceiling::default());
        let granted = Granted::Yes(large.permissions.clone());
        assert_eq!(grants.effective(&large, "1", false), granted);
        // A new digest that asks for the same or less goes on.
        assert_eq!(grants.effective(&large, "2", false), granted);
        let less = Granted::Yes(small.permissions.clone());
        assert_eq!(grants.effective(&small, "3", false), less);
        grants.revoke("acme.db").unwrap();
        assert_eq!(grants.effective(&large, "1", false), Granted::Awaiting);
        grants.grant(&small, "3", &small.permissions).unwrap();
        assert_eq!(grants.effective(&large, "1", false), Granted::Awaiting);
    }

    #[test]
    fn what_ships_with_the_daemon_is_granted_what_it_declares_below_the_ceiling() {
        let dir = tempfile::tempdir().unwrap();
        let plugin = manifest("net = \"from-config\"\nreveal = [\"password\"]");
        let grants = book(
            &dir,
            Ceiling {
                reveal: false,
                ..Ceiling::default()
            },
        );
        let expected = Permissions {
            reveal: Default::default(),
            ..plugin.permissions.clone()
        };
        assert_eq!(grants.effective(&plugin, "1", true), Granted::Yes(expected));
    }

    #[test]
    fn what_was_never_asked_for_cannot_be_granted() {
        let dir = tempfile::tempdir().unwrap();
        let grants = book(&dir, Ceiling::default());
        let all = manifest("net = \"from-config\"\nsqlite = \"from-config\"").permissions;
        let error = grants.grant(&manifest("net = \"from-config\""), "1", &all);
        assert!(matches!(error, Err(GrantError::NotDeclared { .. })));
    }

    #[test]
    fn a_file_with_an_unknown_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("grants.toml");
        fs::write(&path, "[[grants]]\nplugin = \"a.b\"").unwrap();
        assert!(GrantBook::open(&path, Ceiling::default()).is_err());
    }
}
