//! Looks for what is wrong on this machine.

use super::{Client, quick};
use crate::{config::Config, failure::Failure, output};
use labd_protocol::answer;
use labd_store::{Options, Store};
use serde::Serialize;
use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    Warning,
    Bad,
}

#[derive(Debug, Serialize)]
struct Finding {
    verdict: Verdict,
    what: String,
}

#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, verdict: Verdict, what: impl Into<String>) {
        let what = what.into();
        self.0.push(Finding { verdict, what });
    }
}

pub(super) async fn run(config: &Config, json: bool) -> Result<(), Failure> {
    let mut findings = Findings::default();
    directory(&mut findings, &config.data_dir);
    match Client::connect(config, json).await {
        Ok(client) => running(&mut findings, &client).await?,
        Err(_) => stopped(&mut findings, config).await,
    }
    let bad = findings
        .0
        .iter()
        .any(|finding| finding.verdict == Verdict::Bad);
    if json {
        output::json(&findings.0)?;
    } else {
        for finding in &findings.0 {
            let mark = match finding.verdict {
                Verdict::Good => "ok     ",
                Verdict::Warning => "warning",
                Verdict::Bad => "BAD    ",
            };
            output::line(format!("{mark}  {}", finding.what))?;
        }
    }
    if bad {
        Err(Failure::new("Something is wrong; see above."))
    } else {
        Ok(())
    }
}

fn directory(findings: &mut Findings, dir: &Path) {
    match fs::metadata(dir) {
        Err(_) => findings.add(
            Verdict::Good,
            format!(
                "{} does not exist yet; the first start makes it",
                dir.display()
            ),
        ),
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => findings.add(
            Verdict::Bad,
            format!(
                "{0} can be read by others; run: chmod 700 {0}",
                dir.display()
            ),
        ),
        Ok(_) => findings.add(
            Verdict::Good,
            format!("{} is for its owner only", dir.display()),
        ),
    }
}

async fn running(findings: &mut Findings, client: &Client) -> Result<(), Failure> {
    let status = answer(client.labd.status(quick()).await)?;
    findings.add(
        Verdict::Good,
        format!(
            "the daemon answers (labd {}, process {})",
            status.version, status.pid
        ),
    );
    if status.version != env!("CARGO_PKG_VERSION") {
        findings.add(
            Verdict::Warning,
            format!(
                "this command is labd {}; restart the daemon",
                env!("CARGO_PKG_VERSION")
            ),
        );
    }
    for warning in status.warnings {
        findings.add(Verdict::Warning, warning);
    }
    Ok(())
}

async fn stopped(findings: &mut Findings, config: &Config) {
    findings.add(
        Verdict::Warning,
        "the daemon does not answer; start it with: labd serve",
    );
    match TcpListener::bind(config.listen) {
        Ok(_) => findings.add(Verdict::Good, format!("{} is free", config.listen)),
        Err(error) => findings.add(
            Verdict::Bad,
            format!(
                "{} cannot be listened on ({error}); set `listen` in labd.toml",
                config.listen
            ),
        ),
    }
    if !config.data_dir.exists() {
        return;
    }
    match Store::open(&config.data_dir, Options::default()).await {
        Ok(store) => {
            let info = store.info();
            findings.add(
                Verdict::Good,
                format!("the store opens; {} commits", info.last_commit),
            );
            if info.master_key.same_disk {
                findings.add(
                    Verdict::Warning,
                    "the master key lies on the same disk as the data",
                );
            }
            if let Err(error) = store.close().await {
                findings.add(Verdict::Bad, error.to_string());
            }
        }
        Err(error) => findings.add(Verdict::Bad, error.to_string()),
    }
}
