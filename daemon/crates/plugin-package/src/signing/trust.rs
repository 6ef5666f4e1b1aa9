//! `trust.toml`: whose signatures are trusted, and for which plugins.
//!
//! ```toml
//! [[key]]
//! name = "Acme"
//! key = "ed25519:…"
//! plugins = ["acme.*"]     # ids; `acme.*` is every id that begins with `acme.`
//! expires = "2027-12-31"   # optional: the last day, UTC, on which packages are taken in
//!
//! [[key]]
//! name = "Acme, until 2026"
//! key = "ed25519:…"
//! plugins = ["acme.*"]
//! revoked = "it was lost"  # optional: nothing that it signed is taken in, or runs
//! ```
//!
//! | package | verdict |
//! | --- | --- |
//! | without `plugin.sig` | [`TrustError::Unsigned`]: the only one that an operator may overrule |
//! | `plugin.sig` cannot be read, or is of another package | refused |
//! | by a key that is unknown, revoked or expired, or not for this id | refused |
//! | whose signature does not verify | refused |
//! | otherwise | taken in, by the name of the key |

use super::{KeyId, PublicKey, Signature};
use crate::{
    digest::Digest,
    files::Files,
    manifest::is_id,
    record::{self, RecordError},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A key of `trust.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// Whose it is.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// What it may sign.
    pub plugins: Vec<String>,
    /// The last day on which packages are taken in.
    #[serde(default)]
    pub expires: Option<Date>,
    /// Why it is not trusted any more.
    #[serde(default)]
    pub revoked: Option<String>,
}

impl TrustedKey {
    fn covers(&self, id: &str) -> bool {
        self.plugins
            .iter()
            .any(|plugins| match plugins.strip_suffix('*') {
                Some(prefix) => id.starts_with(prefix),
                None => id == plugins,
            })
    }
}

/// Who signed a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The key.
    pub key: KeyId,
    /// Its name in `trust.toml`.
    pub name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "key")]
    keys: Vec<TrustedKey>,
}

/// A read `trust.toml`.
#[derive(Clone, Debug)]
pub struct Trust {
    path: PathBuf,
    keys: Vec<TrustedKey>,
}

/// Why a package is not taken in. Only [`TrustError::Unsigned`] can be overruled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// There is no signature.
    #[error(
        "{0} is not signed; its publisher signs it with `labd plugin sign`. A package on this machine \
         can be installed with --allow-unsigned"
    )]
    Unsigned(String),
    /// `plugin.sig` is no signature.
    #[error("plugin.sig cannot be used: {0}; get the package anew from its publisher")]
    Malformed(String),
    /// The package is not what was signed.
    #[error(
        "the package was changed after it was signed: its digest is {found}, and {signed} was signed; \
         get it anew from its publisher"
    )]
    Changed {
        /// What was signed.
        signed: Digest,
        /// What it is.
        found: Digest,
    },
    /// A key that nobody trusts here.
    #[error(
        "it is signed by the key {key}, which {trust} does not know; if you have its publisher's public \
         key from a place that you trust, add it there:\n\n[[key]]\nname = \"…\"\nkey = \"ed25519:…\"\n\
         plugins = [\"{plugin}\"]\n", trust = trust.display()
    )]
    UnknownKey {
        /// The key.
        key: KeyId,
        /// Where it would have to be.
        trust: PathBuf,
        /// What it signed.
        plugin: String,
    },
    /// A key that is not trusted any more.
    #[error("it is signed by the key {key} ({name}), which is revoked: {reason}")]
    Revoked {
        /// The key.
        key: KeyId,
        /// Whose it is.
        name: String,
        /// Why.
        reason: String,
    },
    /// A key that was trusted until a day that is over.
    #[error(
        "it is signed by the key {key} ({name}), which expired on {expired}; ask its publisher for a \
         package that is signed by a newer key"
    )]
    Expired {
        /// The key.
        key: KeyId,
        /// Whose it is.
        name: String,
        /// The last day.
        expired: Date,
    },
    /// A key for other plugins.
    #[error(
        "it is signed by the key {key} ({name}), which may sign {may} and not {plugin}; if that is \
         meant, add \"{plugin}\" to the key's `plugins` in {trust}", trust = trust.display()
    )]
    NotForThis {
        /// The key.
        key: KeyId,
        /// Whose it is.
        name: String,
        /// What it may sign.
        may: String,
        /// What it signed.
        plugin: String,
        /// Where that is said.
        trust: PathBuf,
    },
    /// The signature was made by somebody else, or for something else.
    #[error("its signature is not one of the key {0}; get the package anew from its publisher")]
    Wrong(KeyId),
}

impl Trust {
    /// Reads `trust.toml`. Without one, nobody is trusted.
    ///
    /// # Errors
    /// A file that cannot be read or understood.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let file: File = record::read(path)?.unwrap_or_default();
        for key in &file.keys {
            let wrong = key.plugins.iter().find(|plugins| !is_pattern(plugins));
            if let Some(wrong) = wrong {
                let reason = format!(
                    "key {:?}: `{wrong}` is neither an id like `acme.gateway` nor `acme.*`",
                    key.name
                );
                return Err(RecordError::syntax(path, reason));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            keys: file.keys,
        })
    }

    /// The keys, in the order of the file.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// The entry of a key.
    pub(crate) fn key(&self, id: &KeyId) -> Option<&TrustedKey> {
        // A key that is listed twice and revoked once is revoked.
        let mut entries: Vec<_> = self.keys.iter().filter(|key| key.key.id() == *id).collect();
        entries.sort_by_key(|key| key.revoked.is_none());
        entries.first().copied()
    }

    /// Who signed a package, when they may.
    ///
    /// # Errors
    /// See the table of this module.
    pub fn verify(&self, files: &Files, now: Timestamp) -> Result<Signer, TrustError> {
        let id = &files.manifest().id;
        let text = files
            .signature()
            .ok_or_else(|| TrustError::Unsigned(id.clone()))?;
        let signature = Signature::parse(text).map_err(TrustError::Malformed)?;
        let found = files.digest();
        if signature.digest != found {
            return Err(TrustError::Changed {
                signed: signature.digest,
                found,
            });
        }
        let key = signature.key.clone();
        let entry = self.key(&key).ok_or_else(|| TrustError::UnknownKey {
            key: key.clone(),
            trust: self.path.clone(),
            plugin: id.clone(),
        })?;
        let name = entry.name.clone();
        if let Some(reason) = &entry.revoked {
            return Err(TrustError::Revoked {
                key,
                name,
                reason: reason.clone(),
            });
        }
        let bytes = signature.bytes().unwrap_or_default();
        if !entry.key.verifies(&signature.message(), &bytes) {
            return Err(TrustError::Wrong(key));
        }
        let today = now.to_zoned(TimeZone::UTC).date();
        if let Some(expired) = entry.expires.filter(|expires| *expires < today) {
            return Err(TrustError::Expired { key, name, expired });
        }
        if !entry.covers(id) {
            return Err(TrustError::NotForThis {
                key,
                name,
                may: entry.plugins.join(", "),
                plugin: id.clone(),
                trust: self.path.clone(),
            });
        }
        Ok(Signer { key, name })
    }
}

fn is_pattern(text: &str) -> bool {
    match text.strip_suffix(".*") {
        // `acme.*` as well as `acme.internal.*`.
        Some(prefix) => is_id(&format!("{prefix}.x")),
        None => is_id(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        files::tests::{sample, take},
        signing::{SecretKey, sign},
    };
    use std::fs;

    const NOW: &str = "2026-06-01T12:00:00Z";

    struct Case {
        dir: tempfile::TempDir,
        key: SecretKey,
        files: Files,
    }

    fn case() -> Case {
        let key = SecretKey::generate().unwrap();
        let files = take(&sample("acme.test", "1.0.0")).unwrap();
        Case {
            dir: tempfile::tempdir().unwrap(),
            files: sign(files, &key).unwrap(),
            key,
        }
    }

    impl Case {
        fn trust(&self, key: &PublicKey, more: &str) -> Trust {
            let path = self.dir.path().join("trust.toml");
            let text = format!("[[key]]\nname = \"Acme\"\nkey = \"{key}\"\n{more}\n");
            fs::write(&path, text).unwrap();
            Trust::read(&path).unwrap()
        }

        fn verdict(&self, files: &Files, more: &str) -> Result<String, TrustError> {
            let trust = self.trust(&self.key.public(), more);
            let signer = trust.verify(files, NOW.parse().unwrap());
            signer.map(|signer| signer.name)
        }
    }

    #[test]
    fn a_trusted_signature_names_its_key() {
        let case = case();
        for plugins in ["acme.*", "acme.test"] {
            let more = format!("plugins = [\"{plugins}\"]\nexpires = \"2026-06-01\"");
            assert_eq!(case.verdict(&case.files, &more), Ok("Acme".into()));
        }
    }

    #[test]
    fn a_key_signs_only_what_it_may() {
        let case = case();
        for plugins in ["acme.other", "other.*", "acme.test.*"] {
            let verdict = case.verdict(&case.files, &format!("plugins = [\"{plugins}\"]"));
            assert!(
                matches!(verdict, Err(TrustError::NotForThis { .. })),
                "{plugins}: {verdict:?}"
            );
        }
        let verdict = case.verdict(&case.files, "plugins = []");
        assert!(matches!(verdict, Err(TrustError::NotForThis { .. })));
    }

    #[test]
    fn a_revoked_or_expired_key_is_refused() {
        let case = case();
        let all = "plugins = [\"acme.*\"]";
        let verdict = case.verdict(&case.files, &format!("{all}\nexpires = \"2026-05-31\""));
        assert!(matches!(verdict, Err(TrustError::Expired { .. })));
        let verdict = case.verdict(&case.files, &format!("{all}\nrevoked = \"lost\""));
        assert!(matches!(verdict, Err(TrustError::Revoked { .. })));
        // Revoked once is revoked, wherever it is listed again.
        let again = format!(
            "{all}\n[[key]]\nname = \"Acme\"\nkey = \"{}\"\n{all}\nrevoked = \"lost\"",
            case.key.public()
        );
        let verdict = case.verdict(&case.files, &again);
        assert!(matches!(verdict, Err(TrustError::Revoked { .. })));
    }

    #[test]
    fn an_unknown_key_is_refused_and_named() {
        let case = case();
        let other = SecretKey::generate().unwrap();
        let trust = case.trust(&other.public(), "plugins = [\"acme.*\"]");
        let error = trust.verify(&case.files, NOW.parse().unwrap()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&case.key.public().id().to_string()), "{text}");
        assert!(text.contains("trust.toml"), "{text}");
    }

    #[test]
    fn a_package_that_was_changed_after_signing_is_refused() {
        let case = case();
        let all = "plugins = [\"acme.*\"]";
        let mut files = sample("acme.test", "1.0.0");
        files.insert("plugin.wasm".into(), b"other".to_vec());
        let signature = case.files.signature().cloned().unwrap();
        let changed = take(&files).unwrap().with_signature(signature.clone());
        let verdict = case.verdict(&changed, all);
        assert!(matches!(verdict, Err(TrustError::Changed { .. })));
        // Nor does it help to write the new digest into plugin.sig.
        let text = String::from_utf8(signature.to_vec()).unwrap();
        let text = text.replace(
            &case.files.digest().to_string(),
            &changed.digest().to_string(),
        );
        let verdict = case.verdict(&changed.with_signature(text), all);
        assert!(matches!(verdict, Err(TrustError::Wrong(_))));
    }

    #[test]
    fn a_signature_of_somebody_else_under_a_trusted_name_is_refused() {
        let case = case();
        let other = SecretKey::generate().unwrap();
        let forged = sign(case.files.clone(), &other).unwrap();
        let text = String::from_utf8(forged.signature().unwrap().to_vec()).unwrap();
        let text = text.replace(
            &other.public().id().to_string(),
            &case.key.public().id().to_string(),
        );
        let verdict = case.verdict(&forged.with_signature(text), "plugins = [\"acme.*\"]");
        assert!(matches!(verdict, Err(TrustError::Wrong(_))));
    }

    #[test]
    fn without_a_signature_or_with_a_broken_one_nothing_is_verified() {
        let case = case();
        let all = "plugins = [\"acme.*\"]";
        let unsigned = take(&sample("acme.test", "1.0.0")).unwrap();
        let verdict = case.verdict(&unsigned, all);
        assert!(matches!(verdict, Err(TrustError::Unsigned(_))));
        for broken in ["", "schema = 2", "\u{fffd}"] {
            let verdict = case.verdict(&unsigned.clone().with_signature(broken), all);
            assert!(matches!(verdict, Err(TrustError::Malformed(_))), "{broken}");
        }
    }

    #[test]
    fn a_trust_file_with_a_typing_error_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trust.toml");
        assert!(Trust::read(&path).unwrap().keys().is_empty());
        let key = SecretKey::generate().unwrap().public();
        for wrong in [
            "plugins = [\"*\"]".to_owned(),
            "plugins = [\"acme*\"]".to_owned(),
            "plugins = [\"acme.*\"]\nexpired = \"2026-01-01\"".to_owned(),
            "plugins = [\"acme.*\"]\nexpires = \"soon\"".to_owned(),
        ] {
            let text = format!("[[key]]\nname = \"Acme\"\nkey = \"{key}\"\n{wrong}\n");
            fs::write(&path, text).unwrap();
            assert!(Trust::read(&path).is_err(), "{wrong}");
        }
    }
}
