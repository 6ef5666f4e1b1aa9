//! Secrets that are handed out, and what is kept of them.

use labd_protocol::Secret;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use ulid::Ulid;
use zeroize::{Zeroize, Zeroizing};

/// The key of all hashes and signatures.
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A hash for one purpose only: parts are written with their lengths, so that no two lists of
    /// parts give the same bytes.
    pub(crate) fn hash(&self, purpose: &str, parts: &[&[u8]]) -> Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Hash(hasher.finalize().into())
    }

    /// A signature of a text, 64 hex digits.
    pub(crate) fn sign(&self, purpose: &str, text: &str) -> String {
        let Hash(bytes) = self.hash(purpose, &[text.as_bytes()]);
        blake3::Hash::from_bytes(bytes).to_hex().to_string()
    }

    /// Whether a signature is this key's.
    pub(crate) fn signed(&self, purpose: &str, text: &str, signature: &str) -> bool {
        self.sign(purpose, text)
            .as_bytes()
            .ct_eq(signature.as_bytes())
            .into()
    }
}

/// What is kept of a secret. Not comparable with `==`, which may stop at the first difference.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// For use as a key of a map: what an attacker could learn from the time of a look-up are bits
    /// of a keyed hash, which lead nowhere.
    pub(crate) fn bytes(self) -> [u8; 32] {
        self.0
    }
}

/// 256 random bits.
pub(crate) fn random() -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(bytes.as_mut_slice());
    bytes
}

/// 64 lower-case hex digits.
pub(crate) fn to_hex(bytes: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*bytes).to_hex().to_string()
}

/// Undoes [`to_hex`]; upper case is refused, so that a secret has one form.
pub(crate) fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let hash = blake3::Hash::from_hex(text).ok()?;
    Some(Zeroizing::new(hash.into()))
}

/// An id, by which it is found, and a secret, by which it is believed.
pub(crate) struct Credential {
    pub(crate) id: Ulid,
    secret: Zeroizing<[u8; 32]>,
}

impl Credential {
    pub(crate) fn generate(id: Ulid) -> Self {
        Self {
            id,
            secret: random(),
        }
    }

    /// `<prefix><id>_<secret>`, in lower case.
    pub(crate) fn text(&self, prefix: &str) -> Secret {
        let mut secret = to_hex(&self.secret);
        let id = self.id.to_string().to_ascii_lowercase();
        let text = Secret::new(format!("{prefix}{id}_{secret}"));
        secret.zeroize();
        text
    }

    pub(crate) fn parse(prefix: &str, text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(prefix)?.split_once('_')?;
        Some(Self {
            id: Ulid::from_string(id).ok()?,
            secret: from_hex(secret)?,
        })
    }

    pub(crate) fn hash(&self, key: &Key, purpose: &str) -> Hash {
        key.hash(purpose, &[&self.id.to_bytes(), self.secret.as_slice()])
    }
}
