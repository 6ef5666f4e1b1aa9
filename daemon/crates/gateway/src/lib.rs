//! AI providers, and the gateway in front of them.
//!
//! | module | what it does |
//! | --- | --- |
//! | `providers`, `record`, `config`, `plugins` | configured providers: which plugin, which address, which keys, which model |
//! | `gateway` | from a request to the answer of some model |
//! | `configuration` | routes, limits, budgets, prices: checked and stored |
//! | `view` | what is configured, as requests need it |
//! | `route`, `dispatch`, `verdict` | by which ways a request may go, its attempts, and what a failure means for them |
//! | `lane`, `health`, `turnstile` | a key of a provider: whether it is asked, when it is free, how it fares |
//! | `answer`, `blobs` | a running answer: counted, timed, its opaque parts marked |
//! | `ledger`, `prices` | what was used, what it cost, what budgets leave |
//! | `cache` | answers from memory, for who asks for that |
//! | `span` | what OpenTelemetry is told of a request, where a collector listens |
//! | `errors` | what a provider's error means to whoever asked |
//!
//! What must hold:
//! - A credential is sealed together with the one origin it was given for. Pointing a provider at
//!   another address does not carry it along: it is disabled until it is entered again.
//! - This is the one place where requests are repeated, and only before an answer's first piece.
//! - A request is counted once, whatever became of it.
//! - Dropping an answer, or the future that waits for one, ends everything that belongs to it.

mod answer;
mod blobs;
mod cache;
mod config;
mod configuration;
mod dispatch;
mod errors;
mod gateway;
mod health;
mod lane;
mod ledger;
mod plugins;
mod prices;
mod providers;
mod record;
mod route;
mod span;
mod turnstile;
mod verdict;
mod view;

pub use answer::Answer;
pub use gateway::{DEFAULT_ROUTE, Gateway};
pub use ledger::Customer;
pub use plugins::{AiPluginEntry, AiPlugins, CredentialSlotDef, CredentialTarget};
pub use providers::{OFFLINE_PLUGIN, Providers};
pub use route::Route;
