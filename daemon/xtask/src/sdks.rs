//! OpenAI's own libraries, with which the tests speak to the daemon.
//!
//! | library | version and digests | where it lies |
//! | --- | --- | --- |
//! | for Python, from PyPI | `tests/sdks/python/requirements.txt` | a virtual environment of the cache |
//! | for Node, from npm | `tests/sdks/node/package-lock.json` | `node_modules` beside it |

use std::path::PathBuf;

use crate::{languages, node, step::Result, workspace::Workspace};

/// Where tests find the Python that has the library.
pub const PYTHON: &str = "LABD_TEST_OPENAI_PYTHON";

/// Installs both, unless they are there; the Python of the one.
pub fn install(workspace: &Workspace) -> Result<PathBuf> {
    node::install(workspace, &workspace.path("tests/sdks/node"))?;
    let environment = languages::environment(workspace, &workspace.path("tests/sdks/python"))?;
    Ok(environment.join("bin/python"))
}
