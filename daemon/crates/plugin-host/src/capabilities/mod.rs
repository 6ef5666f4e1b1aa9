//! What the host offers to plugins: one file per capability, with its policy, its part of the
//! store's state and its linker entry.
//!
//! | capability | linked for |
//! | --- | --- |
//! | `log`, `clock` | every plugin |
//! | `app` | sandboxes |

pub(crate) mod app;
pub(crate) mod clock;
pub(crate) mod log;
