//! `plugin.sig`: a small TOML file in the package.
//!
//! ```toml
//! schema = 1
//! algorithm = "ed25519"
//! key = "9f86d081884c7d65"        # the id of the key
//! digest = "sha256:…"             # of the package
//! signature = "…"                 # Base64, over the text below
//! ```
//! What is signed is the line “labd plugin package 1”, a line feed, and the digest as it is written.

use super::{KeyId, SecretKey};
use crate::{digest::Digest, files::Files};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

const SCHEMA: u32 = 1;
const ALGORITHM: &str = "ed25519";

/// A parsed `plugin.sig`. Nothing in it is to be believed before [`super::Trust::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    schema: u32,
    algorithm: String,
    /// The key that it was made with.
    pub key: KeyId,
    /// The package that it was made for.
    pub digest: Digest,
    signature: String,
}

impl Signature {
    /// Reads a `plugin.sig`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
        let signature: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if signature.schema != SCHEMA || signature.algorithm != ALGORITHM {
            return Err(format!(
                "it is of schema {} and algorithm {:?}, and this labd knows schema {SCHEMA} and {ALGORITHM}",
                signature.schema, signature.algorithm
            ));
        }
        Ok(signature)
    }

    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        BASE64.decode(&self.signature).ok()
    }

    pub(super) fn message(&self) -> Vec<u8> {
        message(&self.digest)
    }
}

fn message(digest: &Digest) -> Vec<u8> {
    format!("labd plugin package 1\n{digest}").into_bytes()
}

/// The package with a signature of this key, in place of one that it may have had.
///
/// # Errors
/// When the signature cannot be written down.
pub fn sign(files: Files, key: &SecretKey) -> Result<Files, toml::ser::Error> {
    let digest = files.digest();
    let signature = Signature {
        schema: SCHEMA,
        algorithm: ALGORITHM.to_owned(),
        key: key.public().id(),
        digest,
        signature: BASE64.encode(key.sign(&message(&digest))),
    };
    Ok(files.with_signature(toml::to_string(&signature)?))
}
