//! What a plugin package is, where it comes from and whose it is, without anything that could run
//! one.
//!
//! | module | what it settles |
//! | --- | --- |
//! | [`manifest`] | `plugin.toml`: what a plugin is and asks for |
//! | [`files`], [`digest`], [`archive`] | a package in memory, its digest, and as one file |
//! | [`signing`] | keys, `plugin.sig`, and `trust.toml` |
//! | [`source`] | folders, archives, addresses, registries and mirrors that packages come from |
//! | [`lock`], [`home`] | what is installed in a data directory, and how it gets there |
//! | [`package`] | an installed package, as the host uses it |
//! | [`limits`] | how large and how slow all this may be |
//! | [`text`] | what plugins write for people, made harmless |

pub mod archive;
pub mod digest;
pub mod files;
pub mod home;
pub mod limits;
pub mod lock;
pub mod manifest;
pub mod package;
mod record;
pub mod signing;
pub mod source;
pub mod text;

pub use record::RecordError;
