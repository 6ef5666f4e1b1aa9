//! Who made a package: Ed25519 signatures, and whose are trusted for what.
//!
//! A signature is made over the digest of the whole package, so that it holds however the package
//! comes: as a folder, an archive, or the layers of a registry.

mod key;
mod signature;
mod trust;

pub use key::{KeyError, KeyId, PublicKey, SecretKey};
pub use signature::{Signature, sign};
pub use trust::{Signer, Trust, TrustError, TrustedKey};
