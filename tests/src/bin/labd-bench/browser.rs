//! A headless Chromium that tells when a page has painted: `tests/browser/paint.mjs`.

use crate::Result;
use labd_tests::repository::root;
use serde::Deserialize;
use std::{
    process::Stdio,
    time::{Duration, SystemTime},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// A page that never shows what it should is a failure.
const LATEST: Duration = Duration::from_secs(60);

/// An open page, with all its frames. The browser ends when this is dropped.
pub struct Page {
    _browser: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// When a state was on the screen.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Its heading.
    pub first: SystemTime,
    /// Its heading, a chart and rows of a table.
    pub with_data: SystemTime,
}

#[derive(Deserialize)]
struct Line {
    title: String,
    #[serde(rename = "withData")]
    with_data: bool,
    /// Milliseconds since the epoch.
    at: f64,
}

impl Page {
    /// Opens these addresses one after the other; the last one stays.
    pub async fn open(addresses: &[&str]) -> Result<Self> {
        let mut browser = Command::new("node")
            .arg(root().join("tests/browser/paint.mjs"))
            .args(addresses)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lines = BufReader::new(browser.stdout.take().ok_or("no output")?).lines();
        Ok(Self {
            _browser: browser,
            lines,
        })
    }

    /// Waits until the page with this heading has its rows.
    pub async fn shows(&mut self, title: &str) -> Result<Shown> {
        let mut first = None;
        let mut seen = String::new();
        loop {
            let line = timeout(LATEST, self.lines.next_line())
                .await
                .map_err(|_| format!("the browser never showed {title} with rows and a chart; last it showed {seen:?}"))??;
            let line: Line = serde_json::from_str(&line.ok_or("the browser ended")?)?;
            seen.clone_from(&line.title);
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(line.at / 1000.0);
            match first {
                _ if line.title != title => {}
                None if !line.with_data => first = Some(at),
                Some(first) if line.with_data => {
                    return Ok(Shown {
                        first,
                        with_data: at,
                    });
                }
                _ => {}
            }
        }
    }
}
