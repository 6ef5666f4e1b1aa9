//! Packages that come from afar: pushed to a registry and installed from there, or from an address.

use crate::{
    packages::{key, package, plugin, refused, text},
    registry::Registry,
};
use labd_tests::{
    daemon::{Daemon, Home},
    https::HttpsFile,
};
use serde_json::{Value, json};
use std::{fs, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::timeout,
};

/// The longest that a command may take.
const COMMAND: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_plugin_goes_to_a_registry_and_another_machine_installs_it_from_there() {
    let registry = Registry::start_with_passwords().await;
    let daemon = Daemon::start_empty().await.unwrap();
    let home = &daemon.home;
    let folder = package(&daemon, "1.0.0");
    let (key, trust) = key(home).await;
    let sign = ["plugin", "sign", text(&folder), "--key-file", text(&key)];
    home.run_json(&sign).await.unwrap();
    let password = home.path().join("password");
    fs::write(&password, "open sesame\n").unwrap();
    let place = format!("oci://{}/acme/sqlite", registry.address());
    let to = format!("{place}:1.0.0");

    let push = ["plugin", "push", text(&folder), &to];
    refused(&home.run(&push).await.unwrap(), "--username");
    let login = ["--username", "ann", "--password-file", text(&password)];
    let push = [&push[..], &login].concat();
    let pushed = home.run_json(&push).await.unwrap();
    let reference = pushed["reference"].as_str().unwrap();
    assert!(
        reference.starts_with(&format!("{place}@sha256:")),
        "{pushed}"
    );
    let digest = pushed["digest"].as_str().unwrap();

    // Nobody has said yet whom this machine trusts.
    let install = [&["plugin", "install", &to][..], &login].concat();
    refused(&home.run(&install).await.unwrap(), "trust.toml");
    fs::write(home.data().join("trust.toml"), trust).unwrap();
    let stranger = ["plugin", "install", &to];
    refused(&home.run(&stranger).await.unwrap(), "--username");
    let another = format!("sha256:{}", "0".repeat(64));
    let wrong = [&install[..], &["--digest", &another]].concat();
    refused(&home.run(&wrong).await.unwrap(), "not what was asked for");
    assert!(plugin(&daemon).await.is_none());

    let right = [&install[..], &["--digest", digest, "--grant"]].concat();
    let installed = home.run_json(&right).await.unwrap();
    assert_eq!(installed["signer"], "Acme", "{installed}");
    assert_eq!(installed["digest"], digest, "{installed}");
    assert_eq!(plugin(&daemon).await.unwrap()["state"]["type"], "ready");
    // The lock file holds what a tag was at that time.
    let lock = fs::read_to_string(home.data().join("plugins.lock")).unwrap();
    assert!(lock.contains(reference) && lock.contains(digest), "{lock}");
    // Neither the password nor who asked is kept or told.
    for said in [lock, home.log()] {
        assert!(
            !said.contains("open sesame") && !said.contains("ann"),
            "{said}"
        );
    }

    // What nobody has signed is not taken from afar, whatever is allowed.
    let unsigned = package(&daemon, "1.1.0");
    let to = format!("{place}:1.1.0");
    let push = [&["plugin", "push", text(&unsigned), &to][..], &login].concat();
    home.run_json(&push).await.unwrap();
    let install = ["plugin", "install", &to, "--allow-unsigned"];
    let install = [&install[..], &login].concat();
    refused(
        &home.run(&install).await.unwrap(),
        "only a package on this machine",
    );
    assert_eq!(plugin(&daemon).await.unwrap()["version"], "1.0.0");
}

#[tokio::test]
async fn a_plugin_comes_from_an_address_when_its_digest_is_told() {
    let maker = Daemon::start_empty().await.unwrap();
    let folder = package(&maker, "1.0.0");
    let (key, trust) = key(&maker.home).await;
    let sign = ["plugin", "sign", text(&folder), "--key-file", text(&key)];
    maker.home.run_json(&sign).await.unwrap();
    let archive = maker.home.path().join("acme.labd-plugin");
    let pack = ["plugin", "pack", text(&folder), "--out", text(&archive)];
    let packed = maker.home.run_json(&pack).await.unwrap();
    let server = HttpsFile::start_held(fs::read(&archive).unwrap());
    let server = server.await.unwrap();
    let url = server.url("acme.labd-plugin");
    let digest = packed["file_digest"].as_str().unwrap();
    let install = ["plugin", "install", &url, "--digest", digest, "--grant"];
    // Its certificate is of an authority that this machine does not know.
    refused(&maker.home.run(&install).await.unwrap(), "certificate");

    let home = Home::new().unwrap();
    let config = home.path().join("config/labd");
    fs::create_dir_all(&config).unwrap();
    let authority = home.path().join("authority.pem");
    fs::write(&authority, server.authority()).unwrap();
    let tls = format!("[tls]\nextra_roots = {}\n", json!(authority));
    fs::write(config.join("labd.toml"), tls).unwrap();
    let daemon = Daemon::start_in(home, &["--no-sample"]).await.unwrap();
    fs::write(daemon.home.data().join("trust.toml"), trust).unwrap();

    // Whoever waits for a slow one is told what for.
    let another = format!("sha256:{}", "0".repeat(64));
    let wrong = ["plugin", "install", &url, "--digest", &another];
    let mut slow = daemon.home.labd(&wrong).unwrap().spawn().unwrap();
    let mut said = BufReader::new(slow.stderr.take().unwrap()).lines();
    let first = timeout(COMMAND, said.next_line()).await.unwrap().unwrap();
    let first = first.unwrap();
    assert!(
        first.contains(&url) && first.contains("compiled"),
        "{first}"
    );
    let _server = server.released();
    assert_ne!(slow.wait().await.unwrap().code(), Some(0));

    let bare = ["plugin", "install", &url];
    refused(&daemon.home.run(&bare).await.unwrap(), "needs --digest");
    refused(
        &daemon.home.run(&wrong).await.unwrap(),
        "not what was asked for",
    );
    let plain = url.replace("https://127.0.0.1", "http://plugins.example");
    let plain = ["plugin", "install", &plain, "--digest", digest];
    refused(&daemon.home.run(&plain).await.unwrap(), "plain HTTP");
    assert!(plugin(&daemon).await.is_none());
    let installed = daemon.home.run_json(&install).await.unwrap();
    assert_eq!(installed["digest"], packed["digest"], "{installed}");
    assert_eq!(installed["plugin"]["state"]["type"], "ready", "{installed}");
    let lock = fs::read_to_string(daemon.home.data().join("plugins.lock")).unwrap();
    assert!(lock.contains(&url), "{lock}");
    assert_ne!(plugin(&daemon).await.unwrap()["digest"], Value::Null);
}
