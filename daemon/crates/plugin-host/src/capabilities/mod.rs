//! What the host offers to plugins: one file per capability, with its part of the store's state and
//! its linker entry.
//!
//! | capability | linked for |
//! | --- | --- |
//! | `log`, `clock` | every plugin |
//! | `http` | plugins whose manifest asks for it |
//! | `net`, `sqlite` | connectors whose manifest asks for it |
//! | `app` | sandboxes |
//! | `bundle` | deployers |

pub(crate) mod app;
pub(crate) mod bundle;
pub(crate) mod clock;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod net;
pub(crate) mod sqlite;

use crate::{Denial, PluginError, bindings::wire::Error, state::HostState};

impl HostState {
    /// A capability's answer as the guest gets it. A denial is shown to the operator as well.
    fn answer<T>(&self, result: Result<T, PluginError>) -> Result<T, Error> {
        result.map_err(|error| {
            if let PluginError::Denied(denial) = &error {
                self.core.denied(denial);
            }
            error.into()
        })
    }
}

/// The plugin may not use a capability at all.
fn not_permitted(plugin: &str, capability: &str, target: &str) -> PluginError {
    PluginError::Denied(Denial {
        capability: capability.to_owned(),
        target: target.to_owned(),
        message: format!(
            "the plugin {plugin} may not use `{capability}` for {target}; \
             if its manifest asks for it, allow it with: labd plugin grant {plugin}"
        ),
    })
}
