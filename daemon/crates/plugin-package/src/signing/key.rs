//! Keys, and how they are written.
//!
//! | what | text |
//! | --- | --- |
//! | secret key | a file, 0600, whose last line is `ed25519-secret:` and 32 bytes in Base64 |
//! | public key | `ed25519:` and 32 bytes in Base64 |
//! | key id | the first 16 hexadecimal digits of the SHA-256 of the public key's bytes |

use crate::{digest::Digest, record};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{
    fmt, fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    str::FromStr,
};
use zeroize::Zeroizing;

const SECRET: &str = "ed25519-secret:";
const PUBLIC: &str = "ed25519:";

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file system.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is there already, and a key that is overwritten is lost.
    #[error("{0} exists already; choose another name")]
    Exists(PathBuf),
    /// Others could have read it.
    #[error("{0} can be read by other users; if it is still secret: chmod 600 {0}")]
    Readable(PathBuf),
    /// Not a secret key.
    #[error("{0} is no secret key; make one with: labd plugin keygen <file>")]
    NoSecretKey(PathBuf),
    /// Not a public key.
    #[error("`{0}` is no public key; it is written `ed25519:` and 32 bytes in Base64")]
    NoPublicKey(String),
    /// The machine gives no random bytes.
    #[error("this machine gives no random bytes")]
    NoRandom,
}

/// Names a public key in signatures and messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may come from a stranger's file, and goes to terminals and logs.
        fmt::Display::fmt(&self.0.escape_debug(), f)
    }
}

/// With what packages are signed.
pub struct SecretKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
}

impl SecretKey {
    /// A new one.
    ///
    /// # Errors
    /// When the machine gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let random = ring::rand::generate::<[u8; 32]>(&SystemRandom::new());
        let seed = Zeroizing::new(random.map_err(|_| KeyError::NoRandom)?.expose());
        Self::from_seed(seed).ok_or(KeyError::NoRandom)
    }

    fn from_seed(seed: Zeroizing<[u8; 32]>) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).ok()?;
        Some(Self { seed, pair })
    }

    /// Reads a key's file.
    ///
    /// # Errors
    /// When it is no key, or when other users can read it.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let io = |source| KeyError::Io {
            path: path.to_owned(),
            source,
        };
        let file = fs::File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.mode() & 0o077 != 0 {
            return Err(KeyError::Readable(path.to_owned()));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(4096).read_to_string(&mut text).map_err(io)?;
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let seed = lines.find_map(|line| decode(line.trim().strip_prefix(SECRET)?));
        seed.and_then(|seed| Self::from_seed(Zeroizing::new(seed)))
            .ok_or_else(|| KeyError::NoSecretKey(path.to_owned()))
    }

    /// Writes it to a file that is not there yet and that nobody else can read.
    ///
    /// # Errors
    /// When there is a file already, or none can be written.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let text = Zeroizing::new(format!(
            "# A secret key for signing plugins of labd: whoever has it signs in your name.\n\
             # Its public key: {}\n{SECRET}{}\n",
            self.public(),
            BASE64.encode(self.seed.as_slice())
        ));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let written = options.open(path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            record::sync_parent(path)
        });
        written.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
            _ => KeyError::Io {
                path: path.to_owned(),
                source,
            },
        })
    }

    /// The key that others verify with.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(self.pair.public_key().as_ref()) {
            *to = *from;
        }
        PublicKey(bytes)
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public().id())
    }
}

/// With what signatures are verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Its id.
    pub fn id(&self) -> KeyId {
        KeyId(Digest::of(&self.0).hex().chars().take(16).collect())
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.0);
        key.verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", BASE64.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = text.strip_prefix(PUBLIC).and_then(decode);
        bytes
            .map(Self)
            .ok_or_else(|| KeyError::NoPublicKey(text.to_owned()))
    }
}

fn decode(base64: &str) -> Option<[u8; 32]> {
    BASE64.decode(base64).ok()?.try_into().ok()
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_is_written_once_read_again_and_shown_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let key = SecretKey::generate().unwrap();
        key.write(&path).unwrap();
        assert_eq!(SecretKey::read(&path).unwrap().public(), key.public());
        assert!(matches!(key.write(&path), Err(KeyError::Exists(_))));
        assert!(!format!("{key:?}").contains(&BASE64.encode(key.seed.as_slice())));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(SecretKey::read(&path), Err(KeyError::Readable(_))));
    }

    #[test]
    fn a_public_key_is_read_as_it_is_written() {
        let key = SecretKey::generate().unwrap().public();
        assert_eq!(key.to_string().parse::<PublicKey>().unwrap(), key);
        for wrong in ["", "ed25519:", "ed25519:AAAA", "rsa:AAAA"] {
            assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_published_test_vector_verifies() {
        // RFC 8032, section 7.1, test 2.
        let hex = |text: &str| hex::decode(text).unwrap();
        let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = SecretKey::from_seed(Zeroizing::new(seed.try_into().unwrap())).unwrap();
        let public = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert_eq!(key.public().0.to_vec(), public);
        let signature = hex(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        assert_eq!(key.sign(&[0x72]), signature);
        assert!(key.public().verifies(&[0x72], &signature));
        assert!(!key.public().verifies(&[0x73], &signature));
    }
}
