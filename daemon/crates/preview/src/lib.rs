//! Running apps: their sandbox, origin, live reload and errors.
//!
//! ```text
//! workspace.rs  a project's files in the sandbox: prepare, warm, rebuild when state is lost
//! candidate.rs  a compiled state and its name
//! running.rs    what a project shows: state, assets, server code, problems
//! problems.rs   faults found while an app runs, mapped back to its sources
//! site/         what answers on a preview's origin: shell, modules, queries, events, server code
//! ```
//!
//! A project is shown from memory: a state is painted as soon as it is compiled, before it is
//! checked to the end and saved; whoever finds a fault shows the last good state again. An open
//! browser holds a warm shell that imports the modules of the new state. A module's name covers its
//! content and all that it imports, so what did not change is never fetched again.
//!
//! No SQL, no secret and no connection is in what a browser receives: the page knows queries by
//! name.

mod candidate;
mod previews;
mod problems;
mod running;
mod site;
mod workspace;

pub use candidate::Candidate;
pub use previews::{PreviewOptions, Previews, Queries, Sandboxes, VendorAsset};
pub use site::PreviewBody;
