//! Projects: their settings, files and history.
//!
//! - A **snapshot** is a manifest, path → blob, and is never changed. The **head** is the snapshot
//!   that is the project's state; going back or forward points it elsewhere and removes nothing.
//! - A **draft** is a snapshot that did not pass its checks. It is never the head. Drafts made by
//!   hand are built on by later saves by hand, until one passes or the head moves.
//! - While a turn runs, it alone changes the project's files.

mod export;
pub use export::ExportedProject;
pub(crate) mod files;
mod history;
mod projects;
pub(crate) mod records;
pub(crate) mod repo;
mod save;
