//! How large a package may be.
//!
//! | limit | unit | value | reason |
//! | --- | --- | --- | --- |
//! | [`MEMORY_CEILING`] | bytes | 512 MiB | the most a manifest may ask for |
//! | [`WASM_BYTES`] | size of a component | 64 MiB | StarlingMonkey and CPython fit |
//! | [`MANIFEST_BYTES`] / [`ASSET_BYTES`] / [`PACKAGE_BYTES`] | bytes | 256 KiB / 16 MiB / 256 MiB | |

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
