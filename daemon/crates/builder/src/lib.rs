//! Projects and turns: context, answer parsing, checks, snapshots.
//!
//! ```text
//! turn_start ─► context ─► Model::complete ─► answer::Parser ─► working copy ─► Previews::prepare
//!                                                │                                 │ show
//!                                             journal ◄── events ◄── query and server checks
//!                                                                                  │
//!                                                              new head, or draft ◄┘
//! ```
//!
//! What must hold:
//! - A project's state changes as a whole: by a turn that passed its checks, by a save that did, or
//!   by going back or forward. Nothing is ever lost from its history.
//! - A model proposes files and nothing else: no path leaves the project, no command is run, and
//!   what it is told holds no rows and no secrets.
//! - An event is durable before a client is told of it.

mod adapters;
pub mod answer;
mod builder;
mod checks;
pub mod context;
pub mod edit;
pub mod limits;
mod path;
pub mod ports;
mod settle;
mod turn;
mod workspace;

pub use builder::{Builder, BuilderOptions, BuilderParts};
pub use path::{PathFault, ProjectPath};
pub use workspace::ExportedProject;
