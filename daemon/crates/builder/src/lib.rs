//! Projects and turns: context, answer parsing, checks, snapshots.

pub mod answer;
pub mod context;
pub mod edit;
pub mod limits;
mod path;

pub use path::{PathFault, ProjectPath};
