//! The files of one app.

use crate::query;
use labd_plugin::Result;
use labd_plugin::sandbox::{
    Asset, Change, Diagnostic, Manifest, Prepared, Severity, SourceFile, Workspace,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Where an app begins.
pub const SCRIPT: &str = "main.js";
/// Its style sheet.
pub const STYLE: &str = "style.css";

/// See the module.
#[derive(Default)]
pub struct App {
    files: BTreeMap<String, Vec<u8>>,
    /// Names of the assets that the host has.
    handed_out: BTreeSet<String>,
}

impl Workspace for App {
    fn prepare(&mut self, change: Change) -> Result<Prepared> {
        for path in change.removed {
            self.files.remove(&path);
        }
        for file in change.changed {
            self.files.insert(file.path, file.content);
        }
        let mut diagnostics = Vec::new();
        match self.files.get(SCRIPT) {
            Some(script) => diagnostics.extend(faults(script)),
            None => diagnostics.push(fault("no-entry", format!("There is no {SCRIPT}."))),
        }
        let mut manifest = None;
        let mut new_assets = Vec::new();
        if diagnostics.is_empty() {
            let entry = self.asset(SCRIPT, "js", "text/javascript", &mut new_assets);
            let style = self.asset(STYLE, "css", "text/css", &mut new_assets);
            manifest = entry.map(|entry| Manifest {
                modules: vec![entry.clone()],
                entry,
                styles: style.into_iter().collect(),
                vendor: Vec::new(),
            });
        }
        let queries = self.files.iter();
        Ok(Prepared {
            manifest,
            new_assets,
            queries: queries
                .filter_map(|(path, content)| query::read(path, content))
                .collect(),
            server_bundle: None,
            server_routes: Vec::new(),
            diagnostics,
        })
    }

    fn warm(&mut self, file: SourceFile) -> Result<Vec<Diagnostic>> {
        Ok(match file.path.as_str() {
            SCRIPT => faults(&file.content),
            _ => Vec::new(),
        })
    }
}

impl App {
    /// The name of a file's asset, which covers its content; hands it out if the host has it not.
    fn asset(
        &mut self,
        path: &str,
        ending: &str,
        media_type: &str,
        new: &mut Vec<Asset>,
    ) -> Option<String> {
        let content = self.files.get(path)?;
        let mut name = String::new();
        for byte in Sha256::digest(content).iter().take(16) {
            name.push_str(&format!("{byte:02x}"));
        }
        name = format!("{name}.{ending}");
        if self.handed_out.insert(name.clone()) {
            new.push(Asset {
                name: name.clone(),
                media_type: media_type.into(),
                content: content.clone(),
                source_path: Some(path.into()),
                source_map: None,
            });
        }
        Some(name)
    }
}

/// Lines that import a file of the app, which there is no compiler to find.
fn faults(script: &[u8]) -> Vec<Diagnostic> {
    let script = String::from_utf8_lossy(script);
    let mut faults = Vec::new();
    for (line, number) in script.lines().zip(1..) {
        let code = line.trim_start();
        let imports = code.starts_with("import ") || code.starts_with("export ");
        let column = line.find("'./").or_else(|| line.find("\"./"));
        if let (true, Some(column)) = (imports, column) {
            let before = line.get(..column).unwrap_or_default();
            faults.push(Diagnostic {
                path: Some(SCRIPT.into()),
                line: Some(number),
                column: u32::try_from(before.encode_utf16().count() + 1).ok(),
                hint: Some(format!("Put the code into {SCRIPT}.")),
                ..fault(
                    "unresolved-import",
                    "An app is one script; it imports no other file.",
                )
            });
        }
    }
    faults
}

fn fault(code: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: code.into(),
        message: message.into(),
        path: None,
        line: None,
        column: None,
        hint: None,
    }
}
