//! What a plugin package is, without anything that could run one.
//!
//! | module | what it settles |
//! | --- | --- |
//! | [`manifest`] | `plugin.toml`: what a plugin is and asks for |
//! | [`package`] | a package's files in a folder, and its digest |
//! | [`limits`] | how large they may be |
//! | [`text`] | what plugins write for people, made harmless |

pub mod limits;
pub mod manifest;
pub mod package;
pub mod text;
