//! Packages of plugins as publishers and operators meet them: signed, installed, locked, mirrored.

use labd_tests::daemon::{Daemon, Home, Printed};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder of a package with the component of the SQLite connector, which ships with the daemon.
pub(crate) fn package(daemon: &Daemon, version: &str) -> PathBuf {
    let versions = daemon.home.data().join("plugins/labd.sqlite");
    let shipped = fs::read_dir(versions)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let folder = daemon.home.path().join(format!("acme-{version}"));
    fs::create_dir_all(&folder).unwrap();
    fs::copy(shipped.join("plugin.wasm"), folder.join("plugin.wasm")).unwrap();
    let manifest = format!(
        "schema = 1\nid = \"acme.sqlite\"\nversion = \"{version}\"\nkind = \"connector\"\n\
         host = \">=0.1\"\nwasm = \"plugin.wasm\"\n[permissions]\nsqlite = \"from-config\"\n\
         [connector]\nschemes = [\"acme-sqlite\"]\nfile = true\n"
    );
    fs::write(folder.join("plugin.toml"), manifest).unwrap();
    folder
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Makes a key; gives its file and what trusts it for `acme.*`.
pub(crate) async fn key(home: &Home) -> (PathBuf, String) {
    let file = home.path().join("acme.key");
    let made = home
        .run_json(&["plugin", "keygen", text(&file)])
        .await
        .unwrap();
    let public = made["public"].as_str().unwrap();
    let trust = format!("[[key]]\nname = \"Acme\"\nkey = \"{public}\"\nplugins = [\"acme.*\"]\n");
    (file, trust)
}

pub(crate) async fn plugin(daemon: &Daemon) -> Option<Value> {
    let list = daemon.get("/plugins").await.unwrap().json();
    let mut all = list.as_array().unwrap().iter();
    all.find(|plugin| plugin["id"] == "acme.sqlite").cloned()
}

pub(crate) fn refused(printed: &Printed, says: &str) {
    assert_ne!(printed.code, 0, "{}", printed.out);
    assert!(printed.err.contains(says), "{}", printed.err);
}

#[tokio::test]
async fn a_signed_plugin_is_installed_upgraded_verified_and_removed() {
    let mut daemon = Daemon::start_empty().await.unwrap();
    let first = package(&daemon, "1.0.0");
    let unsigned = daemon
        .home
        .run(&["plugin", "install", text(&first)])
        .await
        .unwrap();
    refused(&unsigned, "--allow-unsigned");
    let (key, trust) = key(&daemon.home).await;
    let sign = ["plugin", "sign", text(&first), "--key-file", text(&key)];
    daemon.home.run_json(&sign).await.unwrap();
    // Whoever allows the unsigned does not allow strangers.
    let install = ["plugin", "install", text(&first), "--allow-unsigned"];
    refused(&daemon.home.run(&install).await.unwrap(), "trust.toml");
    assert!(plugin(&daemon).await.is_none());

    fs::write(daemon.home.data().join("trust.toml"), trust).unwrap();
    let installed = daemon
        .home
        .run(&["plugin", "install", text(&first)])
        .await
        .unwrap();
    assert_eq!(installed.code, 0, "{}", installed.err);
    for says in [
        "signed by Acme",
        "sqlite=from-config",
        "labd plugin grant acme.sqlite",
    ] {
        assert!(installed.out.contains(says), "{}", installed.out);
    }
    assert_eq!(
        plugin(&daemon).await.unwrap()["state"]["type"],
        "awaiting-grant"
    );
    let granted = ["plugin", "install", text(&first), "--grant"];
    let granted = daemon.home.run_json(&granted).await.unwrap();
    assert_eq!(granted["fresh"], false, "{granted}");
    assert_eq!(granted["plugin"]["state"]["type"], "ready", "{granted}");

    // An archive of a newer version takes its place, with its grant.
    let second = package(&daemon, "1.1.0");
    let sign = ["plugin", "sign", text(&second), "--key-file", text(&key)];
    daemon.home.run_json(&sign).await.unwrap();
    let archive = daemon.home.path().join("second.labd-plugin");
    let pack = ["plugin", "pack", text(&second), "--out", text(&archive)];
    let packed = daemon.home.run_json(&pack).await.unwrap();
    let upgrade = ["plugin", "install", text(&archive)];
    let upgraded = daemon.home.run_json(&upgrade).await.unwrap();
    assert_eq!(upgraded["digest"], packed["digest"]);
    assert_eq!(upgraded["plugin"]["version"], "1.1.0", "{upgraded}");
    assert_eq!(upgraded["plugin"]["state"]["type"], "ready", "{upgraded}");
    let back = daemon
        .home
        .run(&["plugin", "install", text(&first)])
        .await
        .unwrap();
    refused(&back, "--downgrade");
    let lock = fs::read_to_string(daemon.home.data().join("plugins.lock")).unwrap();
    assert!(lock.contains("1.1.0") && !lock.contains("1.0.0"), "{lock}");

    // A version that does not load never displaces one that does.
    let bad = package(&daemon, "1.2.0");
    fs::write(bad.join("plugin.wasm"), "no component").unwrap();
    let sign = ["plugin", "sign", text(&bad), "--key-file", text(&key)];
    daemon.home.run_json(&sign).await.unwrap();
    let bad = daemon
        .home
        .run(&["plugin", "install", text(&bad)])
        .await
        .unwrap();
    refused(&bad, "WebAssembly");
    assert_eq!(plugin(&daemon).await.unwrap()["version"], "1.1.0");
    let kept = fs::read_to_string(daemon.home.data().join("plugins.lock")).unwrap();
    assert_eq!(kept, lock);

    let good = daemon.home.run(&["plugin", "verify"]).await.unwrap();
    assert_eq!(good.code, 0, "{}", good.err);
    assert!(good.out.contains("good, signed by Acme"), "{}", good.out);
    daemon.stop().await.unwrap();
    let wasm = daemon
        .home
        .data()
        .join("plugins/acme.sqlite/1.1.0/plugin.wasm");
    let mut bytes = fs::read(&wasm).unwrap();
    // A custom section that says nothing: the component is as good as before, and another.
    bytes.extend_from_slice(b"\x00\x02\x01x");
    fs::write(&wasm, bytes).unwrap();
    daemon.restart().await.unwrap();
    assert!(plugin(&daemon).await.is_none(), "a tampered plugin serves");
    let listed = daemon.home.run(&["plugin", "list"]).await.unwrap();
    assert!(
        listed.out.contains("was changed after it was installed"),
        "{}",
        listed.out
    );
    let tampered = daemon
        .home
        .run(&["plugin", "verify", "acme.sqlite"])
        .await
        .unwrap();
    refused(&tampered, "cannot be trusted");
    assert!(tampered.out.contains("BAD"), "{}", tampered.out);

    let remove = ["plugin", "remove", "acme.sqlite", "--yes"];
    assert_eq!(daemon.home.run(&remove).await.unwrap().code, 0);
    assert!(!wasm.exists());
    let again = daemon.home.run_json(&upgrade).await.unwrap();
    assert_eq!(again["fresh"], true, "{again}");
    assert_eq!(daemon.home.run(&remove).await.unwrap().code, 0);
    assert!(plugin(&daemon).await.is_none());
    assert_eq!(daemon.home.run(&remove).await.unwrap().code, 4);
    let ours = ["plugin", "remove", "labd.sqlite", "--yes"];
    refused(&daemon.home.run(&ours).await.unwrap(), "ships with labd");
}

#[tokio::test]
async fn a_lock_file_and_a_mirror_make_another_machine_the_same() {
    let daemon = Daemon::start_empty().await.unwrap();
    let folder = package(&daemon, "1.0.0");
    let install = [
        "plugin",
        "install",
        text(&folder),
        "--allow-unsigned",
        "--grant",
    ];
    let installed = daemon.home.run_json(&install).await.unwrap();
    assert_eq!(installed["signer"], Value::Null, "{installed}");
    let lock = daemon.home.data().join("plugins.lock");
    let mirror = daemon.home.path().join("mirror");
    let fill = ["plugin", "mirror", text(&lock), text(&mirror)];
    daemon.home.run_json(&fill).await.unwrap();

    let other = Home::new().unwrap();
    let config = other.path().join("config/labd");
    fs::create_dir_all(&config).unwrap();
    let mirrored = format!("[plugins]\nmirror = {}\n", json!(mirror));
    fs::write(config.join("labd.toml"), mirrored).unwrap();
    let other = Daemon::start_in(other, &["--no-sample"]).await.unwrap();
    let locked = [
        "plugin",
        "install",
        "--locked",
        text(&lock),
        "--allow-unsigned",
    ];
    let same = other.home.run_json(&locked).await.unwrap();
    assert_eq!(same[0]["digest"], installed["digest"], "{same}");
    // Grants are decisions of each machine.
    assert_eq!(
        plugin(&other).await.unwrap()["state"]["type"],
        "awaiting-grant"
    );
    let remove = ["plugin", "remove", "acme.sqlite", "--yes"];
    assert_eq!(other.home.run(&remove).await.unwrap().code, 0);

    // Other bytes than the lock file says are refused.
    fs::write(folder.join("README.md"), "changed").unwrap();
    let file = mirror.join("acme.sqlite-1.0.0.labd-plugin");
    let pack = ["plugin", "pack", text(&folder), "--out", text(&file)];
    other.home.run_json(&pack).await.unwrap();
    refused(
        &other.home.run(&locked).await.unwrap(),
        "not what was asked for",
    );
    assert!(plugin(&other).await.is_none());
}

#[tokio::test]
async fn over_http_a_program_installs_and_removes_nothing() {
    let daemon = Daemon::start_empty().await.unwrap();
    let asked = daemon
        .post("/plugins", json!({"source": "acme.sqlite@1.0.0"}))
        .await;
    assert_eq!(asked.unwrap().status, 403);
    assert_eq!(
        daemon.delete("/plugins/labd.sqlite").await.unwrap().status,
        403
    );
}
