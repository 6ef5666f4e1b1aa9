//! Configured AI providers: which plugin, which address, which credential, which model.
//!
//! A credential is sealed together with the one origin it was given for. Pointing a provider at
//! another address does not carry it along: it is disabled until it is entered again.

mod config;
mod errors;
mod plugins;
mod providers;
mod record;

pub use plugins::{AiPluginEntry, AiPlugins, CredentialSlotDef, CredentialTarget};
pub use providers::{OFFLINE_PLUGIN, Providers, Route};
