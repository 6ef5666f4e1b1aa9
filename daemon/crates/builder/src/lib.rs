//! Projects and turns: context, answer parsing, checks, snapshots.

pub mod context;
