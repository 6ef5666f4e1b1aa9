//! A person at a real browser: the scenarios of `tests/browser`, headless, against a real daemon.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # use serde_json::json;
//! let daemon = labd_tests::daemon::Daemon::start().await?;
//! let seen = labd_tests::browser::play(&daemon, "main-job", &json!({})).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A scenario is a script, `tests/browser/<name>.mjs`; `lab.mjs` beside it says what it is given
//! and what holds in every one. Pictures of what was seen are left in `target/browser`.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tokio::{process::Command, time::timeout};

use crate::daemon::{self, Daemon};

/// The script ends by itself earlier and takes a picture.
const SCENARIO: Duration = Duration::from_secs(320);

/// Why a scenario did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The daemon gave no link to sign in by.
    #[error(transparent)]
    Daemon(#[from] daemon::Error),
    /// Node could not be started.
    #[error("node: {0}")]
    Node(#[from] io::Error),
    /// Something was not as the scenario expects; what the script says.
    #[error("in the browser, {0}:\n{1}")]
    Scenario(String, String),
}

/// Plays a scenario with the given input, signed in by a fresh link; what it returns.
///
/// # Errors
/// [`Error::Scenario`] with the script's own words when it fails, and the rest as named there.
pub async fn play(daemon: &Daemon, name: &str, input: &Value) -> Result<Value, Error> {
    let link = daemon.sign_in_link().await?;
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let child = Command::new("node")
        .arg(scripts.join(format!("{name}.mjs")))
        .env("LABD_SIGN_IN", link)
        .env("LABD_INPUT", input.to_string())
        .env("LABD_PICTURES", pictures())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let failed = |said: String| Error::Scenario(name.to_owned(), said);
    let output = timeout(SCENARIO, child.wait_with_output())
        .await
        .map_err(|_| failed("it does not end".to_owned()))??;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("{said}{why}")));
    }
    let last = said.lines().last().unwrap_or_default();
    serde_json::from_str(last).map_err(|error| failed(format!("{error}: {said}")))
}

/// The folder of the pictures, in the clone.
fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/browser")
}
