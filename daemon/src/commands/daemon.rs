//! The daemon itself: status, sign-in, backup and restore.

use super::{Client, open_in_browser, quick, show, slow};
use crate::{config::Config, failure::Failure, output};
use labd_protocol::{ErrorCode, answer};
use labd_store::{Options, Store};
use serde_json::json;
use std::path::Path;

pub(super) async fn status(client: &Client) -> Result<(), Failure> {
    let status = answer(client.labd.status(quick()).await)?;
    show(client, &status, |status| {
        output::line(format!("labd {} (process {})", status.version, status.pid))?;
        output::line(format!("  console   {}", status.console_url))?;
        output::line(format!("  socket    {}", status.socket))?;
        output::line(format!(
            "  data      {} ({})",
            status.data_dir,
            size(status.store_bytes)
        ))?;
        output::line(format!("  since     {}", status.started_at))?;
        output::line(format!(
            "  serves    {} projects, {} sources, {} running turns",
            status.projects, status.sources, status.running_turns
        ))?;
        for warning in &status.warnings {
            output::line(format!("  warning   {warning}"))?;
        }
        Ok(())
    })
}

pub(super) async fn open(client: &Client, print: bool) -> Result<(), Failure> {
    let link = answer(client.labd.sign_in_link(quick()).await)?;
    show(client, &link, |link| output::line(link.url.expose()))?;
    if !print && !client.json {
        open_in_browser(link.url.expose());
    }
    Ok(())
}

pub(super) async fn backup(config: &Config, file: &Path, json: bool) -> Result<(), Failure> {
    let file = std::path::absolute(file)?;
    let bytes = match Client::connect(config, json).await {
        Ok(client) => {
            let path = file.display().to_string();
            answer(client.labd.backup(slow(), path).await)?
        }
        Err(failure) if failure.error.code == ErrorCode::Unreachable => {
            let store = Store::open(&config.data_dir, Options::default())
                .await
                .map_err(|error| Failure::new(error.to_string()))?;
            let summary = store.backup(&file).await;
            let closed = store.close().await;
            let summary = summary.map_err(|error| Failure::new(error.to_string()))?;
            closed.map_err(|error| Failure::new(error.to_string()))?;
            summary.bytes
        }
        Err(failure) => return Err(failure),
    };
    if json {
        return output::json(&json!({ "path": file, "bytes": bytes }));
    }
    output::line(format!("{} written ({}).", file.display(), size(bytes)))?;
    output::line(format!(
        "It can be opened only with the master key; keep a copy of {} apart from it.",
        config.data_dir.join("keys/master.key").display()
    ))
}

pub(super) async fn restore(config: &Config, file: &Path, json: bool) -> Result<(), Failure> {
    labd_store::restore(file, &config.data_dir)
        .await
        .map_err(|error| Failure::new(error.to_string()))?;
    if json {
        return output::json(&json!({ "data_dir": config.data_dir }));
    }
    output::line(format!("Restored to {}.", config.data_dir.display()))
}

pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
