//! Digests: of bytes, and of a whole package.
//!
//! The digest of a package is the SHA-256 of a list of its files, one line each, in the order of
//! their paths' bytes: the file's SHA-256 in lower-case hexadecimal, two spaces, its path. The
//! component counts unpacked, and `plugin.sig` not at all. In the folder of a package that holds
//! `plugin.wasm` this prints it:
//!
//! ```sh
//! find . -type f ! -name plugin.sig -printf '%P\n' | LC_ALL=C sort | xargs sha256sum | sha256sum
//! ```

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};

/// A SHA-256, written `sha256:<64 hexadecimal digits>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Of a package whose files have these paths and digests.
    pub(crate) fn of_files<'a>(files: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort_unstable();
        let mut hash = Sha256::new();
        for (path, digest) in files {
            hash.update(format!("{}  {path}\n", digest.hex()));
        }
        Self(hash.finalize().into())
    }

    /// The hexadecimal digits alone.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// From the hexadecimal digits alone.
    pub fn from_hex(digits: &str) -> Result<Self, WrongDigest> {
        let wrong = || WrongDigest(digits.to_owned());
        if digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| wrong())?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest; write `sha256:` and 64 lower-case hexadecimal digits")]
pub struct WrongDigest(String);

impl FromStr for Digest {
    type Err = WrongDigest;

    fn from_str(text: &str) -> Result<Self, WrongDigest> {
        let digits = text.strip_prefix("sha256:");
        let digest = digits.and_then(|digits| Self::from_hex(digits).ok());
        digest.ok_or_else(|| WrongDigest(text.to_owned()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_the_digest_that_sha256sum_prints() {
        // printf a >a; printf b >b; sha256sum a b | sha256sum
        let digest = Digest::of_files([("b", Digest::of(b"b")), ("a", Digest::of(b"a"))]);
        assert_eq!(
            digest.to_string(),
            "sha256:cb13f400dcb618e400d0f7d54f7cdb330d37a07272cb99a1016cda5830a10556"
        );
    }

    #[test]
    fn only_sha256_in_lower_case_is_a_digest() {
        let good = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(
            good.parse::<Digest>().map(|d| d.to_string()),
            Ok(good.clone())
        );
        for wrong in [
            "0a".repeat(32),
            good.to_uppercase(),
            good.replace("0a", "0A"),
            format!("{good}00"),
            format!("sha512:{}", "0a".repeat(32)),
            "sha256:".into(),
        ] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
