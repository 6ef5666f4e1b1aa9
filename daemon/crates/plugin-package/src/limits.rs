//! How large a package may be.
//!
//! | limit | unit | value | reason |
//! | --- | --- | --- | --- |
//! | [`MEMORY_CEILING`] | bytes | 512 MiB | the most a manifest may ask for |
//! | [`WASM_BYTES`] | size of a component | 64 MiB | StarlingMonkey and CPython fit |
//! | [`MANIFEST_BYTES`] / [`ASSET_BYTES`] / [`PACKAGE_BYTES`] | bytes | 256 KiB / 16 MiB / 256 MiB | |
//! | [`TEXT_BYTES`] | size of a README or a licence | 1 MiB | for people |
//! | [`SIGNATURE_BYTES`] | size of `plugin.sig` | 4 KiB | a key id, a digest and a signature |
//! | [`FILES`] | files of a package | 1 024 | the largest of ours has some forty |
//! | [`PATH_BYTES`] | length of a path in a package | 512 | |
//! | [`ARCHIVE_BYTES`] | size of an archive | 128 MiB | a full package, compressed by half |
//! | [`RECORD_BYTES`] | size of a lock file, of `trust.toml`, of a registry's manifest or answer | 1 MiB | thousands of entries |
//! | [`CONNECT`] | name lookup, TCP and TLS | 10 s | |
//! | [`SILENCE`] | between two pieces of an answer | 30 s | a silent server is dead |
//! | [`TRANSFER`] | a whole fetch, or push | 4 min | shorter than the longest call of the daemon |
//! | [`REDIRECTS`] | redirects of one download | 5 | storage behind a registry needs one or two |

use std::time::Duration;

/// One mebibyte.
const MIB: u64 = 1024 * 1024;

/// The most memory a manifest may ask for.
pub const MEMORY_CEILING: usize = 512 * MIB as usize;
/// Largest component.
pub const WASM_BYTES: u64 = 64 * MIB;
/// Largest manifest.
pub const MANIFEST_BYTES: u64 = 256 * 1024;
/// Largest asset.
pub const ASSET_BYTES: u64 = 16 * MIB;
/// Largest package, unpacked.
pub const PACKAGE_BYTES: u64 = 256 * MIB;
/// Largest README or licence.
pub const TEXT_BYTES: u64 = MIB;
/// Largest signature file.
pub const SIGNATURE_BYTES: u64 = 4 * 1024;
/// Most files of a package.
pub const FILES: usize = 1024;
/// Longest path in a package.
pub const PATH_BYTES: usize = 512;
/// Largest archive, as it is downloaded.
pub const ARCHIVE_BYTES: u64 = 128 * MIB;
/// Largest lock file, `trust.toml`, registry manifest or answer of a registry.
pub const RECORD_BYTES: u64 = MIB;
/// Name lookup, TCP and TLS.
pub const CONNECT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer.
pub const SILENCE: Duration = Duration::from_secs(30);
/// A whole fetch, or push.
pub const TRANSFER: Duration = Duration::from_secs(240);
/// Redirects of one download.
pub const REDIRECTS: usize = 5;
