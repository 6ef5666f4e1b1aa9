//! The component against the contract of its kind.

use super::{Component, Finding, KINDS, Report};
use crate::contracts::{Contract, Side, Versions, names};
use labd_plugin_host::{Manifest, is_declared};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use wit_component::{OutputToString, WitPrinter};
use wit_parser::{
    Resolve,
    decoding::{DecodedWasm, decode},
};

/// Checks a component. Without a manifest nothing is known of what it may import.
pub(super) fn check(file: &str, bytes: &[u8], manifest: Option<&Manifest>, report: &mut Report) {
    let mut fault = |message: String, help: &str| {
        report.faults.push(Finding::of(file, message).help(help));
    };
    match bytes.get(..8) {
        Some(b"\0asm\x0d\0\x01\0") => {}
        Some(b"\0asm\x01\0\0\0") => {
            return fault(
                "it is a core module, not a component".into(),
                "build it for wasm32-wasip2",
            );
        }
        _ => {
            return fault(
                "it is not WebAssembly".into(),
                "give the file that the compiler wrote, ending with .wasm",
            );
        }
    }
    let (resolve, world) = match decode(bytes) {
        Ok(DecodedWasm::Component(resolve, world)) => (resolve, world),
        Ok(DecodedWasm::WitPackage(..)) => {
            return fault(
                "it holds WIT only, and no code".into(),
                "give the component that the compiler wrote",
            );
        }
        Err(error) => {
            return fault(
                format!("it is not valid: {error:#}"),
                "build it again; tools that change components may have damaged it",
            );
        }
    };
    let imports = names(&resolve, world, Side::Imports);
    let exports = names(&resolve, world, Side::Exports);
    let exported = KINDS.into_iter().find(|kind| {
        exports
            .iter()
            .any(|export| export.starts_with(&format!("labd:{kind}/")))
    });
    report.component = Some(Component {
        bytes: bytes.len() as u64,
        sha256: hex::encode(Sha256::digest(bytes)),
        kind: exported.map(|kind| kind.to_string()),
        imports: imports.clone(),
        exports: exports.clone(),
    });
    let Some(kind) = manifest.map(|manifest| manifest.kind).or(exported) else {
        return fault(
            format!("it exports no contract of labd, but {}", listed(&exports)),
            "implement the trait of a kind and export it with export_plugin!",
        );
    };
    let before = report.faults.len();
    if let Some(manifest) = manifest {
        undeclared(file, &imports, manifest, report);
    }
    let mut fault = |message: String, help: &str| {
        report.faults.push(Finding::of(file, message).help(help));
    };
    let versions = match versions(imports.iter().chain(&exports)) {
        Ok(versions) => versions,
        Err(message) => {
            return fault(message, "build it with one version of the SDK");
        }
    };
    let contract = match Contract::of(kind, &versions) {
        Ok(contract) => contract,
        Err(error) => return fault(error, "this is a fault of labd; please report it"),
    };
    let wanted = contract.exports();
    let missing: Vec<_> = wanted
        .iter()
        .filter(|export| !exports.contains(export))
        .cloned()
        .collect();
    if !missing.is_empty() {
        return fault(
            format!(
                "it is no plugin of kind {kind}: it does not export {}, but {}",
                missing.join(", "),
                listed(&exports)
            ),
            "the manifest's `kind` and export_plugin! must name the same kind",
        );
    }
    // An import from nowhere has no type to compare.
    if report.faults.len() > before {
        return;
    }
    if let Err(error) = fits(&resolve, contract, &imports, bytes) {
        report.faults.push(
            Finding::of(
                file,
                format!("its types are not those of the contract {kind}: {error}"),
            )
            .help("build it with the SDK, or with the WIT files, of this version of labd"),
        );
    }
}

fn listed(exports: &[String]) -> String {
    match exports {
        [] => "nothing".into(),
        some => some.join(", "),
    }
}

fn undeclared(file: &str, imports: &[String], manifest: &Manifest, report: &mut Report) {
    for import in imports {
        if is_declared(import, manifest) {
            continue;
        }
        let help = match import.split_once('@').map_or(&**import, |(name, _)| name) {
            "labd:host/http" => "declare it: http = [\"https://…\"] under [permissions]",
            "labd:host/net" => "declare it: net = \"from-config\" under [permissions]",
            "labd:host/sqlite" => "declare it: sqlite = \"from-config\" under [permissions]",
            name if name.starts_with("wasi:http") => {
                "wasi:http is not offered; send requests with labd:host/http"
            }
            name if name.starts_with("labd:") => {
                "this daemon does not offer it to plugins of this kind, or not in this version"
            }
            _ => "plugins may import labd:* and the WASI baseline only",
        };
        let message = format!("it imports {import}, which its manifest does not declare");
        report.faults.push(Finding::of(file, message).help(help));
    }
}

/// The version of each of labd's packages that the names mention.
fn versions<'a>(names: impl Iterator<Item = &'a String>) -> Result<Versions, String> {
    let mut versions = Versions::new();
    for name in names.filter(|name| name.starts_with("labd:")) {
        let Some((path, version)) = name.split_once('@') else {
            continue;
        };
        let package = path.split('/').next().unwrap_or(path).to_owned();
        if let Some(other) = versions.insert(package.clone(), version.to_owned())
            && other != version
        {
            return Err(format!(
                "it mixes {package}@{other} and {package}@{version}"
            ));
        }
    }
    // Only patch releases of the same contract are compatible.
    versions.retain(|_, version| version.starts_with("0.1."));
    Ok(versions)
}

/// Whether the component can stand where its contract's world is asked for. What it imports of
/// WASI is compared with itself: the host links every release of 0.2.
fn fits(
    decoded: &Resolve,
    contract: Contract,
    imports: &[String],
    bytes: &[u8],
) -> Result<(), String> {
    let exports = contract.exports();
    let Contract { mut resolve, .. } = contract;
    let mut text = String::from("package labd:check;\nworld plugin {\n");
    let line = |text: &mut String, what: &str, name: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {what} {name};");
    };
    for import in imports {
        line(&mut text, "import", import);
    }
    for export in &exports {
        line(&mut text, "export", export);
    }
    text.push_str("}\n");
    let wasi = decoded
        .packages
        .iter()
        .filter(|(_, package)| package.name.namespace == "wasi");
    for (id, _) in wasi {
        let mut printer = WitPrinter::new(OutputToString::default());
        printer.emit_docs(false);
        printer
            .print_package(decoded, id, false)
            .map_err(|error| format!("{error:#}"))?;
        text.push_str(&printer.output.to_string());
        text.push('\n');
    }
    let package = resolve
        .push_source("check.wit", &text)
        .map_err(|error| format!("{error:#}"))?;
    let world = resolve
        .select_world(&[package], None)
        .map_err(|error| format!("{error:#}"))?;
    wit_component::targets(&resolve, world, bytes).map_err(|error| {
        let text = format!("{error:#}");
        let text = text
            .strip_prefix("failed to validate encoded bytes: ")
            .unwrap_or(&text);
        // The place is in a wrapper that nobody has.
        let end = text.rfind(" (at offset").unwrap_or(text.len());
        text.get(..end).unwrap_or(text).replace('\n', ", ")
    })
}
