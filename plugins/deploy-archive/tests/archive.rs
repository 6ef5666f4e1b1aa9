//! The archive, packed against a fake host.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use labd_deploy_archive::{Archive, Config};
use labd_plugin::deployer::{App, Deployer, Event, StepState};
use labd_plugin::testing::FakeHost;
use labd_plugin::testing::deployer::{app, artifact, attempt, drain};
use std::collections::BTreeMap;
use std::io::Read;

fn host() -> FakeHost {
    let host = FakeHost::new();
    // Of every size about which a piece or a chunk ends, and one that does not compress.
    let mut noise = 1_u32;
    let noise: Vec<u8> = (0..3 << 20)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.to_be_bytes()[0]
        })
        .collect();
    let mut files = BTreeMap::from([
        ("README.md".to_owned(), b"# Shop".to_vec()),
        ("empty".to_owned(), Vec::new()),
        ("public/noise.bin".to_owned(), noise),
        ("src/piece".to_owned(), vec![7; 1 << 20]),
    ]);
    for n in 0..60 {
        files.insert(
            format!("src/part{n}.ts"),
            format!("export const n = {n};").into(),
        );
    }
    host.set_bundle(files);
    host
}

fn pack(host: &FakeHost, max: usize) -> Vec<Event> {
    let archive = Archive::new(host.clone());
    let mut deployment = archive
        .deploy(Config::default(), app(host), attempt(), None)
        .unwrap();
    let (events, error) = drain(&mut deployment, max);
    assert_eq!(error, None);
    events
}

#[test]
fn every_file_of_the_bundle_is_in_the_archive_as_it_was() {
    let host = host();
    let events = pack(&host, 8);
    let (name, bytes) = artifact(&events).unwrap();
    assert_eq!(name, "app.zip");
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let files = labd_plugin::bundle::files(&host).unwrap();
    assert_eq!(zip.len(), files.len());
    for file in files {
        let mut found = Vec::new();
        let mut entry = zip.by_name(&format!("app/{}", file.path)).unwrap();
        assert_eq!(entry.unix_mode(), Some(0o100_644));
        entry.read_to_end(&mut found).unwrap();
        let content = labd_plugin::bundle::read(&host, &file.path).unwrap();
        assert!(found == content, "{}", file.path);
    }
    let Some(Event::Finished(Some(release))) = events.last() else {
        panic!("{:?}", events.last());
    };
    assert_eq!(release.id, "app-0123456789ab");
    let packed = events.iter().any(
        |event| matches!(event, Event::Step(step) if step.id == "pack" && step.state == StepState::Done),
    );
    assert!(packed);
}

#[test]
fn the_same_app_gives_the_same_bytes_in_small_pieces() {
    let first = artifact(&pack(&host(), 1)).unwrap();
    let events = pack(&host(), 1000);
    assert!(artifact(&events).unwrap() == first);
    for event in events {
        if let Event::ArtifactBytes(bytes) = event {
            assert!((1..=1 << 20).contains(&bytes.len()));
        }
    }
}

#[test]
fn a_plan_says_what_is_packed_and_which_settings_are_left_out() {
    let host = host();
    let archive = Archive::new(host.clone());
    let plan = archive.plan(Config::default(), app(&host)).unwrap();
    assert_eq!(plan.summary, "App as a zip file to download");
    let titles: Vec<_> = plan.steps.iter().map(|step| step.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "Pack 64 files (4.0 MB) into app.zip",
            "Leave out DATABASE_URL"
        ]
    );
    assert!(plan.settings.is_empty());
}

#[test]
fn another_layout_and_another_key_are_refused() {
    let host = host();
    let archive = Archive::new(host.clone());
    let site = App {
        layout: "site".into(),
        ..app(&host)
    };
    let error = archive.plan(Config::default(), site).unwrap_err();
    assert!(error.message().contains("site"), "{}", error.message());
    let error = labd_plugin::config::parse::<Config>(r#"{"folder":"x"}"#).unwrap_err();
    assert!(error.message().contains("folder"), "{}", error.message());
}
