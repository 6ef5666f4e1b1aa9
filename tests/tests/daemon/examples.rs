//! The example clients, as an editor's author runs them first.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use labd_tests::daemon::{Daemon, Printed, send};
use reqwest::Method;
use tokio::{process::Command, time::timeout};

const SLOW: Duration = Duration::from_secs(120);

/// Runs a client to its end. It is told nothing: it looks for the daemon where a user's is.
async fn run(daemon: &Daemon, mut client: Command) -> Printed {
    let share = daemon.home.path().join("share");
    if !share.exists() {
        std::fs::create_dir(&share).unwrap();
        std::os::unix::fs::symlink(daemon.home.data(), share.join("labd")).unwrap();
    }
    let child = client
        .arg("show revenue by month and the top ten customers")
        .env("XDG_DATA_HOME", share)
        .env_remove("XDG_RUNTIME_DIR")
        .env_remove("LABD_DATA_DIR")
        .env_remove("LABD_SOCKET")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    timeout(SLOW, child.wait_with_output())
        .await
        .unwrap()
        .unwrap()
        .into()
}

/// It followed the turn over a lost connection to its end, and its preview's address answers.
async fn worked(daemon: &Daemon, printed: Printed) {
    let Printed { code, out, err } = printed;
    assert_eq!(code, 0, "{out}\n{err}");
    assert!(
        err.contains("[dropping the connection after event "),
        "{err}"
    );
    let events = [
        "asking",
        "App.tsx",
        "check queries: ",
        "saved: ",
        "the turn is ",
    ];
    let mut rest = out.to_lowercase();
    for event in events.map(str::to_lowercase) {
        let (_, after) = rest
            .split_once(&event)
            .unwrap_or_else(|| panic!("no {event:?} in its place:\n{out}"));
        rest = after.to_owned();
    }
    assert!(rest.starts_with("done"), "{out}");
    // Nothing came twice.
    assert_eq!(out.matches("saved: ").count(), 1, "{out}");
    assert_eq!(out.matches("src/App.tsx: ").count(), 1, "{out}");

    let url = out
        .lines()
        .find_map(|line| line.strip_prefix("open within 30 seconds: "))
        .unwrap();
    let url = url::Url::parse(url).unwrap();
    let origin = url.origin().ascii_serialization();
    let path = url.as_str().strip_prefix(&origin).unwrap();
    let entered = send(daemon.request_site(Method::GET, &origin, path))
        .await
        .unwrap();
    assert_eq!(entered.status, 303, "{}", entered.text());
    let cookie = entered.header("set-cookie").split(';').next().unwrap();
    let page = send(
        daemon
            .request_site(Method::GET, &origin, "/")
            .header("cookie", cookie),
    )
    .await
    .unwrap();
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("labd-shell"), "{}", page.text());
}

#[tokio::test]
async fn the_rust_client_builds_an_app_over_a_lost_connection() {
    let daemon = Daemon::start().await.unwrap();
    // Built with the daemon, by the same task.
    let labd = PathBuf::from(env::var_os("LABD_BIN").unwrap());
    let client = Command::new(labd.with_file_name("labd-rust-client"));
    let printed = run(&daemon, client).await;
    worked(&daemon, printed).await;
}

#[tokio::test]
async fn the_node_client_builds_an_app_over_a_lost_connection() {
    let daemon = Daemon::start().await.unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/node-client/client.mjs");
    let mut client = Command::new("node");
    client.arg(script);
    let printed = run(&daemon, client).await;
    worked(&daemon, printed).await;
}
