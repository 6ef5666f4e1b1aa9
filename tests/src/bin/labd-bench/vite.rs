//! The same app as a project of its own, as labd exports it: `npm install`, `vite dev`, and the
//! browser. Its queries go to the same database.

use crate::{
    Result,
    browser::Page,
    figures::{Amount, Figures, Samples, ratio},
    paint::Painted,
};
use std::{
    fs,
    io::Cursor,
    net::TcpListener,
    path::Path,
    process::Stdio,
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::sleep,
};
use zip::ZipArchive;

const EDITS: usize = 10;
const PAUSE: Duration = Duration::from_millis(300);
/// The heading after the last turn of `paint`.
const HEADING: &str = "Overview 30";

/// From nothing to the first paint, and an edit with the server running.
pub async fn measure(figures: &mut Figures, painted: &Painted) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let route = format!("/projects/{}/export", painted.project);
    let zip = painted.daemon.get(&route).await?.body;
    let mut zip = ZipArchive::new(Cursor::new(zip))?;
    zip.extract(folder.path())?;
    let app = fs::read_dir(folder.path())?
        .next()
        .ok_or("an empty export")??
        .path();
    fs::write(
        app.join(".env"),
        format!("DATABASE_URL={}\n", painted.database.url()),
    )?;

    let begun = SystemTime::now();
    let install = Instant::now();
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund"])
        .current_dir(&app)
        .output()
        .await?;
    if !installed.status.success() {
        let error = String::from_utf8_lossy(&installed.stderr).into_owned();
        return Err(format!("npm install: {error}").into());
    }
    let install = install.elapsed();

    let started = SystemTime::now();
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let _server = serve(&app, port).await?;
    let mut page = Page::open(&[&format!("http://127.0.0.1:{port}/")]).await?;
    let shown = page.shows(HEADING).await?;
    let total = shown.with_data.duration_since(begun)?;
    figures.plain(
        "the same app by `npm install && vite dev` until its rows are painted, over labd's paint with rows",
        ratio(total, painted.with_data),
        format!("{} to {}; {} of it `npm install`", Amount::Time(total), Amount::Time(painted.with_data), Amount::Time(install)),
    );
    let served = shown.with_data.duration_since(started)?;
    figures.plain(
        "`vite dev` with everything installed until its rows are painted, over the same",
        ratio(served, painted.with_data),
        format!("{}, the browser's start included", Amount::Time(served)),
    );

    let file = app.join("src/pages/Overview.tsx");
    let source = fs::read_to_string(&file)?;
    let mut edits = Samples::default();
    for number in 0..EDITS {
        sleep(PAUSE).await;
        let title = format!("Edited {number}");
        let saved = SystemTime::now();
        fs::write(&file, source.replace(HEADING, &title))?;
        edits.push(page.shows(&title).await?.first.duration_since(saved)?);
    }
    figures.plain(
        "one file saved until vite's running server shows it, over labd's first paint of a whole answer",
        ratio(edits.p50(), painted.first),
        format!("{} to {}", Amount::Time(edits.p50()), Amount::Time(painted.first)),
    );
    Ok(())
}

/// `npm run dev`, when it listens.
async fn serve(app: &Path, port: u16) -> Result<Child> {
    let mut server = Command::new("node")
        .args([
            "--env-file=.env",
            "node_modules/vite/bin/vite.js",
            "--host",
            "127.0.0.1",
            "--strictPort",
            "--port",
        ])
        .arg(port.to_string())
        .current_dir(app)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(server.stdout.take().ok_or("no output")?).lines();
    while let Some(line) = lines.next_line().await? {
        if line.contains("127.0.0.1") {
            // Its output is read on, so that it never waits for it.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(server);
        }
    }
    Err("vite ended".into())
}
