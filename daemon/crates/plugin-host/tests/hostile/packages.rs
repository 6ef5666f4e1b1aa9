//! Packages on disk that are not what they should be. None of them keeps the daemon from starting,
//! and none is used.

use super::OK;
use crate::support::{Guest, ID, World};
use labd_plugin_host::{PluginError, PluginHost, PluginOptions, PluginState};
use sha2::{Digest, Sha256};
use std::{
    fs,
    os::unix::{fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
    process::Command,
};

/// A data directory, with a sound package in it.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(home.package()).unwrap();
        fs::write(home.file("plugin.toml"), guest().manifest()).unwrap();
        fs::write(home.file("plugin.wasm"), guest().component()).unwrap();
        home
    }

    fn package(&self) -> PathBuf {
        self.dir.path().join("plugins").join(ID).join("1.0.0")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.package().join(name)
    }

    fn start(&self) -> PluginHost {
        PluginHost::start(PluginOptions {
            data_dir: self.dir.path().to_owned(),
            ..PluginOptions::default()
        })
        .unwrap()
    }

    /// Why the package is refused; none when it is not even seen.
    fn refusal(&self) -> Option<String> {
        let host = self.start();
        assert!(host.connector(ID).is_none(), "it can be used");
        let mut list = host.list();
        assert!(list.len() < 2);
        list.pop().map(|plugin| match plugin.state {
            PluginState::Failed(reason) => reason,
            other => panic!("it is {other:?}"),
        })
    }
}

fn guest() -> Guest {
    Guest::new(World::Connector).body("describe", OK)
}

/// Takes 500 MB in a list of files, and no place on the disk.
fn sparse(path: &Path) {
    let file = fs::File::create(path).unwrap();
    file.set_len(500 << 20).unwrap();
}

#[tokio::test]
async fn a_component_or_manifest_of_500_mb_is_refused() {
    for name in ["plugin.wasm", "plugin.toml", "plugin.wasm.gz"] {
        let home = Home::new();
        if name == "plugin.wasm.gz" {
            fs::remove_file(home.file("plugin.wasm")).unwrap();
        }
        sparse(&home.file(name));
        let reason = home.refusal().unwrap();
        assert!(reason.contains("is larger than"), "{name}: {reason}");
    }
}

#[tokio::test]
async fn links_are_refused_wherever_they_stand() {
    for name in ["plugin.wasm", "plugin.toml"] {
        let home = Home::new();
        let elsewhere = home.dir.path().join("elsewhere");
        fs::rename(home.file(name), &elsewhere).unwrap();
        symlink(&elsewhere, home.file(name)).unwrap();
        let reason = home.refusal().unwrap();
        assert!(reason.contains("without links"), "{name}: {reason}");
    }
    let home = Home::new();
    let elsewhere = home.dir.path().join("elsewhere");
    fs::rename(home.package(), &elsewhere).unwrap();
    symlink(&elsewhere, home.package()).unwrap();
    home.refusal();
    let home = Home::new();
    let plugin = home.dir.path().join("plugins").join(ID);
    fs::rename(&plugin, elsewhere_of(&home)).unwrap();
    symlink(elsewhere_of(&home), &plugin).unwrap();
    home.refusal();
}

fn elsewhere_of(home: &Home) -> PathBuf {
    home.dir.path().join("elsewhere")
}

#[tokio::test]
async fn pipes_sockets_and_devices_are_refused_without_waiting_for_them() {
    for name in ["plugin.wasm", "plugin.toml"] {
        let pipe = |path: &Path| {
            let made = Command::new("mkfifo").arg(path).status().unwrap();
            assert!(made.success());
        };
        let socket = |path: &Path| drop(UnixListener::bind(path).unwrap());
        let device = |path: &Path| symlink("/dev/zero", path).unwrap();
        for make in [&pipe as &dyn Fn(&Path), &socket, &device] {
            let home = Home::new();
            fs::remove_file(home.file(name)).unwrap();
            make(&home.file(name));
            let reason = home.refusal().unwrap();
            assert!(reason.contains("plain files"), "{name}: {reason}");
        }
    }
}

#[tokio::test]
async fn an_asset_behind_a_link_or_beyond_its_size_is_not_served() {
    let content = "asset";
    let asset = format!(
        "[[assets]]\npath = \"a.js\"\nsha256 = \"{}\"\nmedia-type = \"text/javascript\"\n",
        hex::encode(Sha256::digest(content))
    );
    let home = Home::new();
    fs::write(home.file("plugin.toml"), guest().manifest() + &asset).unwrap();
    let assets = home.file("assets");
    fs::create_dir(&assets).unwrap();
    fs::write(assets.join("a.js"), content).unwrap();
    let host = home.start();
    assert!(host.asset(ID, "a.js").is_some());

    let elsewhere = elsewhere_of(&home);
    fs::rename(&assets, &elsewhere).unwrap();
    symlink(&elsewhere, &assets).unwrap();
    assert!(host.asset(ID, "a.js").is_none(), "the folder is a link");
    fs::remove_file(&assets).unwrap();
    fs::create_dir(&assets).unwrap();
    symlink(elsewhere.join("a.js"), assets.join("a.js")).unwrap();
    assert!(host.asset(ID, "a.js").is_none(), "the file is a link");
    fs::remove_file(assets.join("a.js")).unwrap();
    sparse(&assets.join("a.js"));
    assert!(host.asset(ID, "a.js").is_none(), "it is too large");
    assert!(host.asset(ID, "../plugin.toml").is_none());
}

#[tokio::test]
async fn what_changed_behind_a_hard_link_is_not_run() {
    let home = Home::new();
    let link = elsewhere_of(&home);
    fs::hard_link(home.file("plugin.wasm"), &link).unwrap();
    let host = home.start();
    fs::write(&link, Guest::new(World::Connector).component()).unwrap();
    let described = host.connector(ID).unwrap().describe().await;
    assert!(
        matches!(&described, Err(PluginError::Internal(message)) if message.contains("changed")),
        "{described:?}"
    );
}

#[tokio::test]
async fn a_manifest_that_is_a_bomb_is_only_refused() {
    let deep = 20_000;
    let bombs = [
        format!("x = {}", "[".repeat(deep)),
        format!("x = {}1{}", "[".repeat(deep), "]".repeat(deep)),
        format!("x = {}1{}", "{a=".repeat(deep), "}".repeat(deep)),
        format!("[config]\n{}a = 1", "a.".repeat(deep)),
        format!("[config.{}a]\nb = 1", "a.".repeat(deep)),
        (0..20_000).map(|n| format!("key{n} = 1\n")).collect(),
        "\u{feff}\0\u{1b}]0;title\u{7}".into(),
    ];
    for bomb in bombs {
        let home = Home::new();
        let shown: String = bomb.chars().take(30).collect();
        fs::write(home.file("plugin.toml"), guest().manifest() + &bomb).unwrap();
        let reason = home.refusal().unwrap();
        assert!(reason.len() < 4096, "{shown}: {} bytes", reason.len());
        assert!(!reason.contains('\u{1b}'), "{reason:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_no_text_is_refused() {
    for hostile in ["\\u001b[2Jevil", "\\u202elive", "two\\nlines"] {
        for key in ["name", "description", "license"] {
            let home = Home::new();
            let manifest = format!("{key} = \"{hostile}\"\n{}", guest().manifest());
            fs::write(home.file("plugin.toml"), manifest).unwrap();
            let reason = home.refusal().unwrap();
            assert!(reason.contains(key), "{reason}");
        }
    }
}
