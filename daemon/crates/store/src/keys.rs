//! The master key, and the data keys that it wraps.
//!
//! - Records, journals and blobs are sealed with a **data key**. The data keys lie in
//!   `keys/data.keys`, wrapped by the **master key**; a copy of the directory without the master key
//!   opens nothing.
//! - The master key comes from a key file today. The file of wrapped keys lists *wraps*, each naming
//!   its source, so that a passphrase, a keyring or a KMS can be added beside it without re-sealing
//!   anything.
//! - A key is made only where there is no data yet: a missing or wrong key is an error, never a
//!   reason to make a new one.
//! - A key file that others can read is refused.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use rand::TryRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::files;

const WRAP_CONTEXT: &str = "labd 2026-11 master key: wraps the data keys";
const CHECK_CONTEXT: &str = "labd 2026-11 master key: tells a wrong key from a damaged file";
const WRAP_AAD: &[u8] = b"labd data keys 1";
const KEY_FILE_PREFIX: &str = "labd-master-key-1:";

/// Where the master key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MasterKeySource {
    /// A file, readable by its owner only; made at the first start.
    KeyFile(PathBuf),
}

/// What can be said about the master key without showing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterKeyInfo {
    /// Where it comes from.
    pub source: MasterKeySource,
    /// Whether it lies on the same disk as the data: then a thief of the whole disk can open the
    /// data, and only copies without the key are protected.
    pub same_disk: bool,
}

type Key = Zeroizing<[u8; 32]>;

/// Bytes of the operating system's generator.
fn random<const N: usize>(path: &Path) -> Result<Zeroizing<[u8; N]>, OpenError> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::rngs::SysRng
        .try_fill_bytes(bytes.as_mut_slice())
        .map_err(|error| OpenError::KeyFile {
            path: path.to_owned(),
            reason: format!("the system gives no random numbers: {error}"),
        })?;
    Ok(bytes)
}

/// The data keys by number, the one that new values are sealed with, and the one that names blobs.
pub(crate) struct Keyring {
    current: u32,
    keys: BTreeMap<u32, Key>,
    names: Key,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealed]")
    }
}

impl Keyring {
    fn new(path: &Path) -> Result<Self, OpenError> {
        Ok(Self {
            current: 1,
            keys: BTreeMap::from([(1, random(path)?)]),
            names: random(path)?,
        })
    }

    pub(crate) fn current(&self) -> u32 {
        self.current
    }

    pub(crate) fn key(&self, id: u32) -> Option<&[u8; 32]> {
        self.keys.get(&id).map(|key| &**key)
    }

    /// The key that turns a blob's content into its name.
    pub(crate) fn names(&self) -> &[u8; 32] {
        &self.names
    }

    /// `current, count, (id, key)…, names`, integers little-endian.
    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(40 + 36 * self.keys.len()));
        bytes.extend_from_slice(&self.current.to_le_bytes());
        bytes.extend_from_slice(
            &u32::try_from(self.keys.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        for (id, key) in &self.keys {
            bytes.extend_from_slice(&id.to_le_bytes());
            bytes.extend_from_slice(key.as_slice());
        }
        bytes.extend_from_slice(self.names.as_slice());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
            let (number, rest) = bytes.split_first_chunk()?;
            Some((u32::from_le_bytes(*number), rest))
        }
        fn key(bytes: &[u8]) -> Option<(Key, &[u8])> {
            let (key, rest) = bytes.split_first_chunk::<32>()?;
            Some((Zeroizing::new(*key), rest))
        }
        let (current, rest) = number(bytes)?;
        let (count, mut rest) = number(rest)?;
        let mut keys = BTreeMap::new();
        for _ in 0..count {
            let (id, after) = number(rest)?;
            let (one, after) = key(after)?;
            keys.insert(id, one);
            rest = after;
        }
        let (names, rest) = key(rest)?;
        (rest.is_empty() && keys.contains_key(&current)).then_some(Self {
            current,
            keys,
            names,
        })
    }
}

/// The file of wrapped keys.
#[derive(Serialize, Deserialize)]
struct Wrapped {
    format: u16,
    wraps: Vec<Wrap>,
}

/// The same data keys, wrapped by one master key.
#[derive(Serialize, Deserialize)]
struct Wrap {
    /// `key-file`; other sources have other names and may add fields.
    source: String,
    /// Tells a wrong master key from a damaged file.
    check: String,
    nonce: String,
    sealed: String,
}

const FORMAT: u16 = 1;
const KEY_FILE: &str = "key-file";

/// A master key, ready to wrap and unwrap.
struct Master {
    wrap: Key,
    check: String,
}

impl Master {
    fn new(key: &[u8; 32]) -> Self {
        let check = blake3::derive_key(CHECK_CONTEXT, key);
        Self {
            wrap: Zeroizing::new(blake3::derive_key(WRAP_CONTEXT, key)),
            check: hex::encode(check.first_chunk::<8>().unwrap_or(&[0; 8])),
        }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.wrap).into())
    }
}

/// Opens the keys of a data directory, or makes them when it holds no data yet.
pub(crate) fn open(
    source: &MasterKeySource,
    data_keys: &Path,
    has_data: bool,
) -> Result<Keyring, OpenError> {
    let MasterKeySource::KeyFile(key_file) = source;
    let wrapped = match fs::read(data_keys) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(OpenError::io("read the wrapped data keys", data_keys)(
                error,
            ));
        }
    };
    match (wrapped, read_key_file(key_file)?) {
        (Some(_), None) => Err(OpenError::MasterKeyMissing { path: key_file.clone() }),
        (Some(wrapped), Some(master)) => unwrap(&wrapped, &master, key_file, data_keys),
        (None, _) if has_data => Err(OpenError::KeyFile {
            path: data_keys.to_owned(),
            reason: "the file is missing, and the data in this directory cannot be opened without it; put it back, or restore a backup into a new directory".to_owned(),
        }),
        (None, master) => {
            let master = match master {
                Some(master) => master,
                None => make_key_file(key_file)?,
            };
            let keys = Keyring::new(data_keys)?;
            let bytes = wrap(&keys, &master, data_keys)?;
            files::replace(data_keys, &bytes)
                .map_err(OpenError::io("write the wrapped data keys", data_keys))?;
            Ok(keys)
        }
    }
}

/// Whether the master key lies on the same disk as the data.
pub(crate) fn info(source: &MasterKeySource, data_dir: &Path) -> MasterKeyInfo {
    let MasterKeySource::KeyFile(path) = source;
    let disk = |path: &Path| fs::metadata(path).ok().map(|found| found.dev());
    // When it cannot be told, the cautious answer.
    let same_disk = disk(path).is_none_or(|key| disk(data_dir) == Some(key));
    MasterKeyInfo {
        source: source.clone(),
        same_disk,
    }
}

fn read_key_file(path: &Path) -> Result<Option<Master>, OpenError> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io("read the master key", path)(error)),
    };
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(OpenError::MasterKeyExposed {
            path: path.to_owned(),
            mode,
        });
    }
    let invalid = || OpenError::KeyFile {
        path: path.to_owned(),
        reason: format!("it should hold one line, `{KEY_FILE_PREFIX}` and 64 hexadecimal digits"),
    };
    let text = Zeroizing::new(fs::read(path).map_err(OpenError::io("read the master key", path))?);
    let digits = text
        .trim_ascii()
        .strip_prefix(KEY_FILE_PREFIX.as_bytes())
        .ok_or_else(invalid)?;
    let mut key: Key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, key.as_mut_slice()).map_err(|_| invalid())?;
    Ok(Some(Master::new(&key)))
}

fn make_key_file(path: &Path) -> Result<Master, OpenError> {
    let key: Key = random(path)?;
    let mut text = Zeroizing::new(String::with_capacity(128));
    text.push_str(KEY_FILE_PREFIX);
    text.push_str(&Zeroizing::new(hex::encode(key.as_slice())));
    text.push('\n');
    if let Some(dir) = path.parent() {
        files::private_dir(dir).map_err(OpenError::io("make the directory", dir))?;
    }
    files::replace(path, text.as_bytes()).map_err(OpenError::io("write the master key", path))?;
    tracing::info!(path = %path.display(), "made a master key; keep a copy of it apart from the data");
    Ok(Master::new(&key))
}

fn wrap(keys: &Keyring, master: &Master, path: &Path) -> Result<Vec<u8>, OpenError> {
    let failed = |reason: &str| OpenError::KeyFile {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let nonce = random::<24>(path)?;
    let sealed = master
        .cipher()
        .encrypt(
            &XNonce::from(*nonce),
            Payload {
                msg: &keys.to_bytes(),
                aad: WRAP_AAD,
            },
        )
        .map_err(|_| failed("the data keys could not be wrapped"))?;
    let wrapped = Wrapped {
        format: FORMAT,
        wraps: vec![Wrap {
            source: KEY_FILE.to_owned(),
            check: master.check.clone(),
            nonce: hex::encode(nonce.as_slice()),
            sealed: hex::encode(sealed),
        }],
    };
    serde_json::to_vec_pretty(&wrapped).map_err(|error| failed(&error.to_string()))
}

fn unwrap(
    bytes: &[u8],
    master: &Master,
    key_file: &Path,
    path: &Path,
) -> Result<Keyring, OpenError> {
    let damaged = |reason: String| OpenError::KeyFile {
        path: path.to_owned(),
        reason: format!(
            "{reason}; put the file back from a copy, or restore a backup into a new directory"
        ),
    };
    let wrapped: Wrapped = serde_json::from_slice(bytes)
        .map_err(|error| damaged(format!("it is damaged ({error})")))?;
    if wrapped.format > FORMAT {
        return Err(OpenError::NewerFormat {
            found: wrapped.format,
            known: FORMAT,
        });
    }
    let wrap = wrapped
        .wraps
        .iter()
        .find(|wrap| wrap.source == KEY_FILE)
        .ok_or_else(|| damaged("it holds no keys wrapped by a key file".to_owned()))?;
    if wrap.check != master.check {
        return Err(OpenError::WrongMasterKey {
            path: key_file.to_owned(),
        });
    }
    let mut nonce = [0; 24];
    let opened = hex::decode_to_slice(&wrap.nonce, &mut nonce)
        .ok()
        .and_then(|()| hex::decode(&wrap.sealed).ok())
        .and_then(|sealed| {
            let payload = Payload {
                msg: &sealed,
                aad: WRAP_AAD,
            };
            master.cipher().decrypt(&XNonce::from(nonce), payload).ok()
        })
        .map(Zeroizing::new);
    opened
        .and_then(|bytes| Keyring::from_bytes(&bytes))
        .ok_or_else(|| damaged("the wrapped keys are damaged".to_owned()))
}
