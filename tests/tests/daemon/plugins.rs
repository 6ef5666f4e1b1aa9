//! Packages that are dropped in where the daemon looks for plugins.

use labd_tests::daemon::{Daemon, Home, until};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The package of a first-party plugin, as a daemon has unpacked it.
fn unpacked(home: &Home, id: &str) -> PathBuf {
    let versions = home.data().join("plugins").join(id);
    let mut found = fs::read_dir(versions).unwrap();
    found.next().unwrap().unwrap().path()
}

/// The component in a package, and the name of its file.
fn component(package: &Path) -> (Vec<u8>, &'static str) {
    ["plugin.wasm", "plugin.wasm.gz"]
        .into_iter()
        .find_map(|name| Some((fs::read(package.join(name)).ok()?, name)))
        .unwrap()
}

fn drop_in(folder: &Path, manifest: &str, name: &str, wasm: &[u8]) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("plugin.toml"), manifest).unwrap();
    fs::write(folder.join(name), wasm).unwrap();
}

/// A manifest like that of the SQLite connector, under another id.
fn connector(id: &str, permissions: &str) -> String {
    format!(
        "schema = 1\nid = \"{id}\"\nversion = \"1.0.0\"\nkind = \"connector\"\nhost = \">=0.1\"\n\
         wasm = \"plugin.wasm\"\n[permissions]\n{permissions}\n\
         [connector]\nschemes = [\"sqlite\"]\nfile = true\n"
    )
}

/// A home in which a daemon has unpacked what it carries.
async fn used_home() -> Home {
    let mut daemon = Daemon::start_empty().await.unwrap();
    assert!(daemon.stop().await.unwrap().success());
    daemon.home
}

fn plugin<'a>(list: &'a Value, id: &str) -> Option<&'a Value> {
    let mut all = list.as_array().unwrap().iter();
    all.find(|plugin| plugin["id"] == id)
}

#[tokio::test]
async fn bad_packages_are_listed_with_their_reasons_and_the_rest_is_served() {
    let home = used_home().await;
    let plugins = home.data().join("plugins");
    let (sqlite, name) = component(&unpacked(&home, "labd.sqlite"));
    let (offline, offline_name) = component(&unpacked(&home, "labd.offline"));
    let at = |id: &str| plugins.join(id).join("1.0.0");
    let no_file = "sqlite = \"from-config\"";
    drop_in(
        &at("acme.text"),
        &connector("acme.text", no_file),
        "plugin.wasm",
        b"hello",
    );
    drop_in(
        &at("acme.module"),
        &connector("acme.module", no_file),
        "plugin.wasm",
        b"\0asm\x01\0\0\0",
    );
    drop_in(
        &at("acme.world"),
        &connector("acme.world", no_file),
        offline_name,
        &offline,
    );
    drop_in(&at("acme.more"), &connector("acme.more", ""), name, &sqlite);
    let unknown = connector("acme.key", no_file) + "\n[extra]\nkey = 1\n";
    drop_in(&at("acme.key"), &unknown, name, &sqlite);
    let elsewhere = home.path().join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::write(elsewhere.join("plugin.toml"), "this is no manifest").unwrap();
    let nowhere = home.path().join("nowhere");
    let folder = home.path().join("config/labd");
    fs::create_dir_all(&folder).unwrap();
    let dirs = json!([elsewhere, nowhere]);
    fs::write(folder.join("labd.toml"), format!("plugin_dirs = {dirs}\n")).unwrap();

    let daemon = Daemon::start_in(home, &[]).await.unwrap();
    let expected = [
        ("acme.text".to_owned(), "not a WebAssembly component"),
        ("acme.module".to_owned(), "core module"),
        ("acme.world".to_owned(), "not a connector"),
        ("acme.more".to_owned(), "labd:host/sqlite"),
        (
            at("acme.key").display().to_string(),
            "unknown field `extra`",
        ),
        (elsewhere.display().to_string(), "plugin.toml"),
        (nowhere.display().to_string(), "nowhere"),
    ];
    // Components are looked into after the start, one after the other.
    let list = until("every reason", async || {
        let list = daemon.home.run_json(&["plugin", "list"]).await.unwrap();
        let failed = expected.iter().all(|(id, _)| {
            plugin(&list, id).is_some_and(|plugin| plugin["state"]["type"] == "failed")
        });
        failed.then_some(list)
    })
    .await
    .unwrap();
    let over_http = daemon.get("/plugins").await.unwrap().json();
    let printed = daemon.home.run(&["plugin", "list"]).await.unwrap();
    let doctor = daemon.home.run(&["doctor"]).await.unwrap();
    for (id, says) in &expected {
        for list in [&list, &over_http] {
            let reason = plugin(list, id).unwrap()["state"]["reason"]
                .as_str()
                .unwrap();
            assert!(reason.contains(says), "{id}: {reason}");
        }
        for text in [&printed.out, &doctor.out] {
            let told = text
                .lines()
                .any(|line| line.contains(id) && line.contains(says));
            assert!(
                told || id.starts_with('/') && text.contains(id),
                "{id} in {text}"
            );
        }
    }
    let inspected = daemon
        .home
        .run(&["plugin", "inspect", "acme.more"])
        .await
        .unwrap();
    assert!(
        inspected.out.contains("labd:host/sqlite"),
        "{}",
        inspected.out
    );

    let sql = "SELECT COUNT(*) AS n FROM customers";
    let rows = daemon
        .home
        .run_json(&["source", "query", "Sample shop", sql])
        .await
        .unwrap();
    assert!(rows["rows"][0][0].as_i64().unwrap() > 100, "{rows}");
    for id in [
        "labd.sqlite",
        "labd.postgres",
        "labd.sandbox-web",
        "labd.offline",
    ] {
        assert_eq!(plugin(&over_http, id).unwrap()["state"]["type"], "ready");
    }
    // None of them took over the scheme of the one that ships with the daemon.
    let sources = daemon.get("/sources").await.unwrap().json();
    assert_eq!(sources[0]["plugin"], "labd.sqlite");
}

/// A home with a plugin, `acme.sqlite`, that nobody has granted what it asks for.
pub(crate) async fn home_with_a_stranger() -> Home {
    let home = used_home().await;
    let (sqlite, name) = component(&unpacked(&home, "labd.sqlite"));
    let folder = home.data().join("plugins/acme.sqlite/1.0.0");
    let manifest = connector("acme.sqlite", "sqlite = \"from-config\"");
    drop_in(&folder, &manifest, name, &sqlite);
    home
}

#[tokio::test]
async fn a_stranger_waits_until_it_is_granted_what_it_asks_for() {
    let home = home_with_a_stranger().await;
    let mut daemon = Daemon::start_in(home, &["--no-sample"]).await.unwrap();
    let state = async |daemon: &Daemon| {
        let list = daemon.get("/plugins").await.unwrap().json();
        plugin(&list, "acme.sqlite").unwrap()["state"].clone()
    };
    let waiting = state(&daemon).await;
    assert_eq!(waiting["type"], "awaiting-grant", "{waiting}");
    assert_eq!(waiting["asks"], json!(["sqlite=from-config"]), "{waiting}");
    let command = waiting["command"].as_str().unwrap();
    assert_eq!(command, "labd plugin grant acme.sqlite");

    // The command that is named works, and asks a person.
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let alone = daemon.home.run(&words).await.unwrap();
    assert_eq!(alone.code, 1, "{}", alone.out);
    assert!(alone.err.contains("--yes"), "{}", alone.err);
    assert_eq!(state(&daemon).await["type"], "awaiting-grant");
    let granted = daemon
        .home
        .run_json(&["plugin", "grant", "acme.sqlite", "--yes"])
        .await
        .unwrap();
    assert_eq!(granted["state"]["type"], "ready", "{granted}");
    assert_eq!(granted["permissions"], json!(["sqlite=from-config"]));
    daemon.stop().await.unwrap();
    daemon.restart().await.unwrap();
    assert_eq!(state(&daemon).await["type"], "ready");

    let reloaded = daemon
        .home
        .run(&["plugin", "reload", "acme.sqlite"])
        .await
        .unwrap();
    assert_eq!(reloaded.code, 0, "{}", reloaded.err);
    assert!(reloaded.out.contains("ready"), "{}", reloaded.out);
    daemon
        .home
        .run_json(&["plugin", "revoke", "acme.sqlite"])
        .await
        .unwrap();
    assert_eq!(state(&daemon).await["type"], "awaiting-grant");
    let unknown = daemon
        .home
        .run(&["plugin", "grant", "acme.none", "--yes"])
        .await
        .unwrap();
    assert_eq!(unknown.code, 4, "{}", unknown.err);
    let ours = daemon
        .home
        .run(&["plugin", "revoke", "labd.sqlite"])
        .await
        .unwrap();
    assert_eq!(ours.code, 2, "{}", ours.err);
    // Programs with a token cannot decide it.
    for decision in ["grant", "revoke", "enable", "disable", "reload"] {
        let route = format!("/plugins/acme.sqlite/{decision}");
        let asked = daemon.post(&route, json!({})).await.unwrap();
        assert_eq!(asked.status, 403, "{}", asked.text());
    }
}

#[tokio::test]
async fn a_disabled_plugin_takes_no_calls_until_it_is_enabled_also_after_a_restart() {
    let mut daemon = Daemon::start().await.unwrap();
    let query = async |daemon: &Daemon| {
        let sql = ["source", "query", "Sample shop", "SELECT 1 AS one"];
        daemon.home.run(&sql).await.unwrap()
    };
    let before = query(&daemon).await;
    assert_eq!(before.code, 0, "{}", before.err);
    let disabled = ["plugin", "disable", "labd.sqlite"];
    let disabled = daemon.home.run_json(&disabled).await.unwrap();
    assert_eq!(disabled["state"]["type"], "disabled", "{disabled}");
    let refused = query(&daemon).await;
    assert!(
        refused.code != 0 && refused.err.contains("labd plugin enable labd.sqlite"),
        "{}",
        refused.err
    );
    daemon.stop().await.unwrap();
    daemon.restart().await.unwrap();
    assert_ne!(query(&daemon).await.code, 0);
    let enabled = ["plugin", "enable", "labd.sqlite"];
    let enabled = daemon.home.run_json(&enabled).await.unwrap();
    assert_eq!(enabled["state"]["type"], "ready", "{enabled}");
    let rows = query(&daemon).await;
    assert_eq!(rows.code, 0, "{}", rows.err);

    let logged = daemon
        .home
        .run(&["plugin", "logs", "labd.sqlite"])
        .await
        .unwrap();
    assert!(logged.out.contains("labd: it is enabled"), "{}", logged.out);
    let over_http = daemon
        .get("/plugins/labd.sqlite/log?max=1")
        .await
        .unwrap()
        .json();
    assert_eq!(over_http[0]["text"], "it is enabled", "{over_http}");
    let seq = over_http[0]["seq"].as_u64().unwrap();
    let later = format!("/plugins/labd.sqlite/log?after={seq}");
    assert_eq!(daemon.get(&later).await.unwrap().json(), json!([]));
}
