//! What is put into the folders of packages, or taken out of them, by hand is noticed by a rescan.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use labd_plugin_host::{PluginError, PluginHost, PluginOptions, PluginState, PluginSummary};
use std::{
    fs,
    path::{Path, PathBuf},
};
use support::{Guest, World, package, source};

/// A connector whose connections answer pings.
fn connector() -> Guest {
    Guest::new(World::Connector)
        .head(
            r#"(import "[export]labd:connector/connector@0.1.0" "[resource-new]connection"
                 (func $new (param i32) (result i32)))
               (memory (export "memory") 2)"#,
        )
        .body("describe", "(i32.const 1024)")
        .body(
            "open",
            "(i32.store offset=4 (i32.const 2048) (call $new (i32.const 1))) (i32.const 2048)",
        )
        .body("[method]connection.ping", "(i32.const 1024)")
}

/// Writes a package as one that was put there by hand.
fn put(folder: &Path, id: &str, version: &str, guest: &Guest) -> PathBuf {
    let dir = folder.join(id).join(version);
    fs::create_dir_all(&dir).unwrap();
    let manifest = guest.manifest().replace(support::ID, id);
    fs::write(dir.join("plugin.toml"), manifest.replace("1.0.0", version)).unwrap();
    fs::write(dir.join("plugin.wasm"), guest.component()).unwrap();
    dir
}

fn start(data: &Path, directories: Vec<PathBuf>) -> PluginHost {
    PluginHost::start(PluginOptions {
        data_dir: data.to_owned(),
        embedded: package(connector().manifest(), connector().component()),
        directories,
        ..PluginOptions::default()
    })
    .unwrap()
}

fn listed(host: &PluginHost, id: &str) -> Option<PluginSummary> {
    host.list().into_iter().find(|summary| summary.id == id)
}

fn version(host: &PluginHost, id: &str) -> String {
    listed(host, id).unwrap().version.unwrap().to_string()
}

async fn works(host: &PluginHost, id: &str) -> Result<(), PluginError> {
    let connector = host.connector(id).unwrap();
    connector.open(source("a")).await?.ping().await
}

#[tokio::test]
async fn what_is_put_there_is_taken_in_and_what_is_taken_out_goes() {
    let dir = tempfile::tempdir().unwrap();
    let plugins = dir.path().join("plugins");
    let host = start(dir.path(), Vec::new());
    assert_eq!(host.rescan().await.unwrap(), Default::default());
    put(&plugins, "acme.one", "1.0.0", &connector());
    let asking = connector().permissions("net = \"from-config\"");
    let two = put(&plugins, "acme.two", "1.0.0", &asking);
    let done = host.rescan().await.unwrap();
    assert_eq!(done.added, ["acme.one", "acme.two"]);
    assert!(done.changed.is_empty() && done.removed.is_empty());
    works(&host, "acme.one").await.unwrap();
    assert_eq!(
        listed(&host, "acme.two").unwrap().state,
        PluginState::AwaitingGrant
    );
    host.grant("acme.two", None).await.unwrap();
    works(&host, "acme.two").await.unwrap();

    // What is as it was goes on undisturbed, and what ships with the daemon is left alone.
    let mut held = host
        .connector("acme.one")
        .unwrap()
        .open(source("b"))
        .await
        .unwrap();
    fs::remove_dir_all(plugins.join("acme.two")).unwrap();
    let done = host.rescan().await.unwrap();
    assert_eq!(done.removed, ["acme.two"]);
    assert!(done.added.is_empty() && done.changed.is_empty());
    held.ping().await.unwrap();
    assert!(listed(&host, "acme.two").is_none());
    assert!(listed(&host, support::ID).unwrap().first_party);

    // A grant outlives the absence of a package, as it does over a restart.
    put(&plugins, "acme.two", "1.0.0", &asking);
    assert!(two.exists());
    assert_eq!(host.rescan().await.unwrap().added, ["acme.two"]);
    works(&host, "acme.two").await.unwrap();
}

#[tokio::test]
async fn another_version_takes_its_place_and_a_bad_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let plugins = dir.path().join("plugins");
    put(&plugins, "acme.one", "1.0.0", &connector());
    let host = start(dir.path(), Vec::new());
    let newer = put(&plugins, "acme.one", "1.1.0", &connector());
    assert_eq!(host.rescan().await.unwrap().changed, ["acme.one"]);
    assert_eq!(version(&host, "acme.one"), "1.1.0");
    works(&host, "acme.one").await.unwrap();

    // It loads, and does not answer.
    let bad = put(&plugins, "acme.one", "1.2.0", &Guest::new(World::Connector));
    assert_eq!(host.rescan().await.unwrap(), Default::default());
    assert_eq!(version(&host, "acme.one"), "1.1.0");
    works(&host, "acme.one").await.unwrap();
    let reason = listed(&host, &bad.display().to_string()).unwrap().state;
    assert!(matches!(reason, PluginState::Failed(_)), "{reason:?}");
    fs::remove_dir_all(bad).unwrap();

    // It cannot be read for a while.
    let manifest = newer.join("plugin.toml");
    let good = fs::read(&manifest).unwrap();
    fs::write(&manifest, "half a manif").unwrap();
    assert_eq!(host.rescan().await.unwrap(), Default::default());
    works(&host, "acme.one").await.unwrap();
    assert!(listed(&host, &newer.display().to_string()).is_some());
    fs::write(&manifest, good).unwrap();
    assert_eq!(host.rescan().await.unwrap(), Default::default());
    assert_eq!(host.list().len(), 2, "{:?}", host.list());

    // A version that asks for more waits, also when one looks again.
    let more = connector().permissions("net = \"from-config\"");
    put(&plugins, "acme.one", "2.0.0", &more);
    assert_eq!(host.rescan().await.unwrap().changed, ["acme.one"]);
    assert_eq!(host.rescan().await.unwrap(), Default::default());
    let waiting = listed(&host, "acme.one").unwrap();
    assert_eq!(waiting.version.unwrap().to_string(), "1.1.0");
    assert_eq!(waiting.waiting.unwrap().version.to_string(), "2.0.0");
}

#[tokio::test]
async fn a_folder_of_the_configuration_is_looked_at_again() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().join("acme.one/1.0.0");
    let host = start(dir.path(), vec![folder.clone()]);
    let missing = folder.display().to_string();
    assert!(listed(&host, &missing).is_some());
    put(elsewhere.path(), "acme.one", "1.0.0", &connector());
    assert_eq!(host.rescan().await.unwrap().added, ["acme.one"]);
    assert!(listed(&host, &missing).is_none());
    works(&host, "acme.one").await.unwrap();
    fs::remove_dir_all(&folder).unwrap();
    // A configured folder that is not there is a fault of the configuration, and stays listed.
    assert_eq!(host.rescan().await.unwrap().removed, ["acme.one"]);
    assert!(listed(&host, &missing).is_some());
}
