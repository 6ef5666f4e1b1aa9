//! Every fault of a package is told, with its place, and what is right is not complained about.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

#[path = "../../plugin-host/tests/support/mod.rs"]
mod support;

use labd_plugin_kit::check::{CheckError, Report, check};
use std::{fs, path::Path};
use support::{Guest, World};

const GOOD: &str = "license = \"MIT\"\ndescription = \"A guest.\"\n";

struct Package(tempfile::TempDir);

impl Package {
    fn new(manifest: &str, wasm: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("plugin.toml"), manifest).unwrap();
        fs::write(dir.path().join("plugin.wasm"), wasm).unwrap();
        Self(dir)
    }

    fn of(guest: &Guest) -> Self {
        Self::new(&format!("{GOOD}{}", guest.manifest()), &guest.component())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn check(&self) -> Report {
        check(self.path()).unwrap()
    }
}

fn faults(report: &Report) -> Vec<String> {
    report.faults.iter().map(ToString::to_string).collect()
}

/// A provider that imports `http`.
fn caller() -> Guest {
    Guest::new(World::Provider)
        .head(
            r#"(import "labd:host/http@0.1.0" "[resource-drop]body" (func (param i32)))
               (memory (export "memory") 2)"#,
        )
        .permissions("http = [\"https://api.acme.example\"]")
}

#[test]
fn a_good_plugin_of_each_kind_has_no_fault() {
    for (world, kind) in [
        (World::Provider, "ai-provider"),
        (World::Connector, "connector"),
        (World::Sandbox, "sandbox"),
    ] {
        let report = Package::of(&Guest::new(world)).check();
        assert_eq!(faults(&report), [""; 0]);
        assert_eq!(report.advice, []);
        assert_eq!(report.component.unwrap().kind.as_deref(), Some(kind));
    }
    let report = Package::of(&caller()).check();
    assert_eq!(faults(&report), [""; 0]);
    assert_eq!(report.asks, ["http=https://api.acme.example"]);
    let wasi = Guest::new(World::Provider).with_wasi().head(
        r#"(import "wasi:cli/environment@0.2.0" "get-environment" (func (param i32)))
           (memory (export "memory") 2)"#,
    );
    assert_eq!(faults(&Package::of(&wasi).check()), [""; 0]);
}

#[test]
fn each_fault_of_a_manifest_is_told_with_its_line_and_key() {
    let manifest = "schema = 2\n\
        id = \"Gateway\"\n\
        version = \"1\"\n\
        kind = \"ai-provider\"\n\
        host = \">=0.1\"\n\
        licence = \"MIT\"\n\
        [permissions]\n\
        http = [\"https://good.example\", \"https://acme.example/v1\"]\n\
        reveal = [\"password\"]\n\
        [limits]\n\
        memory = \"lots\"\n\
        [[credentials]]\n\
        name = \"key\"\n\
        hosts = [\"acme.example\"]\n\
        header = \"a b\"\n\
        [[credentials]]\n\
        name = \"other\"\n\
        header = \"x-key\"\n";
    let report = Package::new(manifest, &Guest::new(World::Provider).component()).check();
    let mut places: Vec<_> = report
        .faults
        .iter()
        .map(|fault| (fault.line, fault.key.clone().unwrap()))
        .collect();
    places.sort();
    let expected = [
        (None, "wasm"),
        (Some(1), "schema"),
        (Some(2), "id"),
        (Some(3), "version"),
        (Some(6), "licence"),
        (Some(8), "permissions.http"),
        (Some(9), "permissions.reveal"),
        (Some(11), "limits.memory"),
        (Some(15), "credentials.header"),
        (Some(16), "credentials"),
    ];
    assert_eq!(
        places,
        expected.map(|(line, key)| (line, key.to_owned())),
        "{:#?}",
        faults(&report)
    );
    let text = faults(&report).join("\n");
    for says in [
        "unknown field `licence`",
        "missing field `wasm`",
        "missing field `hosts`",
    ] {
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn broken_toml_is_told_with_its_line() {
    let wasm = Guest::new(World::Provider).component();
    let report = Package::new("schema = 1\nid = \n", &wasm).check();
    assert_eq!(report.faults[0].line, Some(2));
}

#[test]
fn what_is_no_component_is_named() {
    let manifest = Guest::new(World::Provider).manifest();
    for (wasm, says) in [
        (&b"hello"[..], "not WebAssembly"),
        (b"\0asm\x01\0\0\0", "core module"),
        (b"\0asm\x0d\0\x01\0\xff", "not valid"),
    ] {
        let report = Package::new(&manifest, wasm).check();
        assert!(faults(&report)[0].contains(says), "{:?}", faults(&report));
    }
}

#[test]
fn every_import_beyond_the_declaration_is_listed() {
    let guest = caller().permissions("");
    let report = Package::of(&guest).check();
    assert_eq!(report.faults.len(), 1, "{:?}", faults(&report));
    assert!(faults(&report)[0].contains("labd:host/http@0.1.0"));
    assert!(report.faults[0].help.as_ref().unwrap().contains("http = ["));
    // A component without its package is checked against the contract that it exports.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("provider.wasm");
    fs::write(&file, guest.component()).unwrap();
    assert_eq!(faults(&check(&file).unwrap()), [""; 0]);
}

#[test]
fn a_plugin_of_another_kind_is_told_what_it_exports() {
    let manifest = Guest::new(World::Sandbox).manifest();
    let report = Package::new(&manifest, &Guest::new(World::Provider).component()).check();
    let text = faults(&report).join("\n");
    assert!(text.contains("no plugin of kind sandbox"), "{text}");
    assert!(text.contains("labd:ai-provider/provider@0.1.0"), "{text}");
}

#[test]
fn other_types_than_those_of_the_contract_are_a_fault() {
    let text = r#"(component (instance $i) (export "labd:sandbox/sandbox@0.1.0" (instance $i)))"#;
    let wasm = wat::parse_str(text).unwrap();
    let report = Package::new(&Guest::new(World::Sandbox).manifest(), &wasm).check();
    let text = faults(&report).join("\n");
    assert!(text.contains("not those of the contract sandbox"), "{text}");
}

#[test]
fn a_later_release_of_the_same_contract_fits() {
    let mut wasm = Guest::new(World::Sandbox).component();
    let at: Vec<_> = (0..wasm.len() - 6)
        .filter(|at| &wasm[*at..*at + 6] == b"@0.1.0")
        .collect();
    assert!(!at.is_empty());
    for at in at {
        wasm[at + 5] = b'7';
    }
    let report = Package::new(&Guest::new(World::Sandbox).manifest(), &wasm).check();
    assert_eq!(faults(&report), [""; 0]);
}

#[test]
fn assets_are_what_the_manifest_says_or_a_fault() {
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let guest = Guest::new(World::Sandbox);
    let asset = |path: &str| {
        format!("[[assets]]\npath = \"{path}\"\nsha256 = \"{hash}\"\nmedia-type = \"text/plain\"\n")
    };
    let manifest = format!(
        "{GOOD}{}{}{}{}{}",
        guest.manifest(),
        asset("empty.txt"),
        asset("changed.txt"),
        asset("missing.txt"),
        asset("link.txt")
    );
    let package = Package::new(&manifest, &guest.component());
    let assets = package.path().join("assets");
    fs::create_dir(&assets).unwrap();
    fs::write(assets.join("empty.txt"), "").unwrap();
    fs::write(assets.join("changed.txt"), "x").unwrap();
    fs::write(assets.join("unlisted.txt"), "x").unwrap();
    std::os::unix::fs::symlink("/etc/hostname", assets.join("link.txt")).unwrap();
    let report = package.check();
    let text = faults(&report).join("\n");
    for says in [
        "assets/changed.txt: its SHA-256 is",
        "assets/missing.txt: it is listed",
        "assets/link.txt: it is a link",
    ] {
        assert!(text.contains(says), "{text}");
    }
    assert_eq!(report.assets[0].path, "empty.txt");
    assert_eq!(report.advice.len(), 1);
    assert_eq!(report.advice[0].file, "assets/unlisted.txt");
}

#[test]
fn what_works_and_could_be_better_is_advice() {
    let guest = caller().permissions(
        "http = [\"http://api.acme.example\", \"from-config:base-url\"]\n[[credentials]]\n\
         name = \"key\"\nhosts = [\"other.example\"]\nheader = \"x-key\"",
    );
    let report = Package::new(&guest.manifest(), &guest.component()).check();
    assert_eq!(faults(&report), [""; 0]);
    let advice: Vec<_> = report.advice.iter().map(ToString::to_string).collect();
    for says in [
        "license",
        "description",
        "without encryption",
        "`from-config:base-url` names a setting",
        "`key` is never sent",
    ] {
        assert!(
            advice.iter().any(|advice| advice.contains(says)),
            "{says}: {advice:?}"
        );
    }
}

#[test]
fn nothing_to_check_is_an_error_of_its_own() {
    let error = check(Path::new("/nowhere/at/all")).unwrap_err();
    assert!(matches!(error, CheckError::NotFound(_)));
}
