//! The gateways beside which labd's is measured; only the benchmark needs them.
//!
//! | gateway | version and digests | where it lies |
//! | --- | --- | --- |
//! | LiteLLM's proxy, from PyPI | `tests/gateways/litellm/requirements.txt` | a virtual environment of the cache |
//! | Portkey's gateway, from npm | `tests/gateways/portkey/package-lock.json` | `node_modules` beside it |

use std::path::PathBuf;

use crate::{languages, node, step::Result, workspace::Workspace};

/// The section of labd-bench that needs them.
pub const SECTION: &str = "gateway";

/// Installs both, unless they are there; what starts each, by the variable that tells the benchmark.
pub fn install(workspace: &Workspace) -> Result<[(&'static str, PathBuf); 2]> {
    let portkey = workspace.path("tests/gateways/portkey");
    node::install(workspace, &portkey)?;
    let litellm = languages::environment(workspace, &workspace.path("tests/gateways/litellm"))?;
    Ok([
        ("LABD_BENCH_LITELLM", litellm.join("bin/litellm")),
        (
            "LABD_BENCH_PORTKEY",
            portkey.join("node_modules/@portkey-ai/gateway/build/start-server.js"),
        ),
    ])
}
