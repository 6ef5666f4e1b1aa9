//! A sealed value: `format (1), key id (4, little-endian), nonce (24), ciphertext and tag`.
//!
//! XChaCha20-Poly1305 with a random nonce; the associated data is the key under which the value is
//! stored, so that a value moved elsewhere does not open. That key (kind and id, stream and number,
//! a blob's name) is itself not sealed: put no secret into an id.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::keys::Keyring;

const FORMAT: u8 = 1;
const HEAD: usize = 1 + 4 + 24;

/// What sealing adds to a value (bytes).
pub(crate) const OVERHEAD: usize = HEAD + 16;

/// Seals `plain` so that it opens only under `place`.
pub(crate) fn seal(keys: &Keyring, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    let id = keys.current();
    let failed = || StoreError::Encode {
        what: describe(place),
        reason: "sealing failed".to_owned(),
    };
    let key = keys.key(id).ok_or_else(failed)?;
    let nonce: [u8; 24] = rand::random();
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: plain,
                aad: place,
            },
        )
        .map_err(|_| failed())?;
    let mut bytes = Vec::with_capacity(plain.len() + OVERHEAD);
    bytes.push(FORMAT);
    bytes.extend_from_slice(&id.to_le_bytes());
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&sealed);
    Ok(bytes)
}

/// Opens what was sealed for `place`.
pub(crate) fn open(
    keys: &Keyring,
    place: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let parts = || {
        let (&[FORMAT], rest) = sealed.split_first_chunk()? else {
            return None;
        };
        let (id, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk::<24>()?;
        let key = keys.key(u32::from_le_bytes(*id))?;
        let payload = Payload {
            msg: rest,
            aad: place,
        };
        XChaCha20Poly1305::new(key.into())
            .decrypt(&XNonce::from(*nonce), payload)
            .ok()
    };
    parts()
        .map(Zeroizing::new)
        .ok_or_else(|| StoreError::DoesNotOpen {
            what: describe(place),
        })
}

/// A place in words, for messages: ids are not secret.
pub(crate) fn describe(place: &[u8]) -> String {
    place
        .split(|&byte| byte == 0)
        .map(|part| {
            if part.iter().all(u8::is_ascii_graphic) {
                String::from_utf8_lossy(part).into_owned()
            } else {
                hex::encode(part)
            }
        })
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
