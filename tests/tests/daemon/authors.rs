//! What authors and operators of plugins hear of the command line: how a package differs from the
//! one that is installed, and codes at the end of commands.

use crate::packages::{package, text};
use labd_tests::daemon::{Daemon, Home};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The package beside it with these permissions instead of its own.
fn asking(folder: &Path, name: &str, permissions: &str) -> PathBuf {
    let other = folder.with_file_name(name);
    fs::create_dir_all(&other).unwrap();
    fs::copy(folder.join("plugin.wasm"), other.join("plugin.wasm")).unwrap();
    let manifest = fs::read_to_string(folder.join("plugin.toml")).unwrap();
    let own = "sqlite = \"from-config\"";
    assert!(manifest.contains(own));
    let manifest = manifest.replace(own, permissions).replace("1.0.0", "1.1.0");
    fs::write(other.join("plugin.toml"), manifest).unwrap();
    other
}

#[tokio::test]
async fn a_check_tells_what_a_package_asks_for_beyond_the_one_that_is_installed() {
    let mut daemon = Daemon::start_empty().await.unwrap();
    let folder = package(&daemon, "1.0.0");
    let checked = async |daemon: &Daemon, folder: &Path| {
        let check = ["plugin", "check", text(folder)];
        daemon.home.run_json(&check).await.unwrap()["installed"].clone()
    };
    assert_eq!(checked(&daemon, &folder).await, json!({ "type": "no" }));
    let both = "sqlite = \"from-config\"\nnet = \"from-config\"";
    let there = asking(&folder, "there", both);
    let install = ["plugin", "install", text(&there), "--allow-unsigned"];
    daemon.home.run_json(&install).await.unwrap();

    let three =
        "sqlite = \"from-config\"\nnet = \"from-config\"\nhttp = [\"https://acme.example\"]";
    let swapped = "sqlite = \"from-config\"\nhttp = [\"https://acme.example\"]";
    let http = "http=https://acme.example";
    let net = "net=from-config";
    for (name, permissions, more, less, says) in [
        (
            "same",
            both,
            json!([]),
            json!([]),
            "1.1.0, which asks for the same",
        ),
        (
            "more",
            three,
            json!([http]),
            json!([]),
            "also asks for http=https://acme.example, which must be granted first",
        ),
        (
            "less",
            "sqlite = \"from-config\"",
            json!([]),
            json!([net]),
            "this one does without net=from-config",
        ),
        (
            "other",
            swapped,
            json!([http]),
            json!([net]),
            "and does without net=from-config",
        ),
    ] {
        let package = asking(&folder, name, permissions);
        let expected = json!({ "type": "yes", "version": "1.1.0", "more": more, "less": less });
        assert_eq!(checked(&daemon, &package).await, expected, "{name}");
        let printed = daemon.home.run(&["plugin", "check", text(&package)]).await;
        let printed = printed.unwrap();
        assert_eq!(printed.code, 0, "{}", printed.out);
        let line = printed.out.lines().find(|line| line.contains("installed"));
        assert!(
            line.is_some_and(|line| line.contains(says)),
            "{}",
            printed.out
        );
    }
    daemon.stop().await.unwrap();
    let alone = checked(&daemon, &there).await;
    assert_eq!(alone["type"], "unknown", "{alone}");
    assert_eq!(alone["reason"], "no daemon is running");
}

/// The code at the end of a command for plugins, as daemon/docs/plugin-commands.md says.
async fn code(home: &Home, command: &[&str]) -> i32 {
    let command = [&["plugin"], command].concat();
    home.run(&command).await.unwrap().code
}

#[tokio::test]
async fn the_codes_at_the_end_of_commands_are_those_of_the_documentation() {
    let mut daemon = Daemon::start_empty().await.unwrap();
    let folder = package(&daemon, "1.0.0");
    let good = text(&folder).to_owned();
    let faulty = asking(&folder, "faulty", "");
    let faulty = text(&faulty);
    let key = daemon.home.path().join("acme.key");
    let key = text(&key);
    let archive = daemon.home.path().join("acme.labd-plugin");
    let archive = text(&archive);
    let nowhere = daemon.home.path().join("nowhere");
    let nowhere = text(&nowhere);
    let afar = "oci://127.0.0.1:1/acme/sqlite:1.0.0";
    let authors: &[(i32, &[&str])] = &[
        (0, &["check", &good]),
        (1, &["check", faulty]),
        (4, &["check", nowhere]),
        (2, &["check", &good, "--unknown"]),
        (1, &["test", faulty]),
        (4, &["test", nowhere]),
        (0, &["keygen", key]),
        (2, &["keygen", key]),
        (0, &["sign", &good, "--key-file", key]),
        (4, &["sign", nowhere, "--key-file", key]),
        (4, &["sign", &good, "--key-file", nowhere]),
        (2, &["sign", &good, "--key-file", &good]),
        (0, &["pack", &good, "--out", archive]),
        (4, &["pack", nowhere]),
        (1, &["push", archive, afar]),
        (2, &["push", archive, nowhere]),
        (4, &["push", nowhere, afar]),
        (0, &["verify"]),
        (1, &["verify", archive]),
        (4, &["verify", nowhere]),
    ];
    let operators: &[(i32, &[&str])] = &[
        (1, &["install", archive]),
        (2, &["install", "no source"]),
        (4, &["install", nowhere]),
        (0, &["list"]),
        (0, &["inspect", "labd.sqlite"]),
        (4, &["inspect", "acme.none"]),
        (4, &["grant", "acme.none", "--yes"]),
        (2, &["revoke", "labd.sqlite"]),
        (4, &["enable", "acme.none"]),
        (4, &["reload", "acme.none"]),
        (0, &["reload"]),
        (4, &["logs", "acme.none"]),
        (4, &["remove", "acme.none", "--yes"]),
        (1, &["remove", "labd.sqlite"]),
        (2, &["remove", "labd.sqlite", "--yes"]),
    ];
    let mut wrong = Vec::new();
    for (expected, command) in authors.iter().chain(operators) {
        let found = code(&daemon.home, command).await;
        if found != *expected {
            wrong.push(format!("{command:?}: {found} instead of {expected}"));
        }
    }
    daemon.stop().await.unwrap();
    for (expected, command) in authors {
        // The key is there by now.
        let expected = if command.contains(&"keygen") {
            2
        } else {
            *expected
        };
        let found = code(&daemon.home, command).await;
        if found != expected {
            wrong.push(format!(
                "{command:?}, no daemon: {found} instead of {expected}"
            ));
        }
    }
    for (_, command) in operators {
        let found = code(&daemon.home, command).await;
        if found != 3 {
            wrong.push(format!("{command:?}, no daemon: {found} instead of 3"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    // Programs read the reason.
    let printed = daemon
        .home
        .run(&["--json", "plugin", "list"])
        .await
        .unwrap();
    let said: Value = serde_json::from_str(&printed.err).unwrap();
    assert_eq!(said["code"], "unreachable", "{said}");
}
