//! Faults that show only when the files are seen together: imports and exports, components,
//! queries and their parameters.

use crate::fault::{Detail, error, warning};
use crate::script::{Import, QueryCall, Script};
use crate::text::nearest;
use crate::vendor;
use labd_plugin::sandbox::{Diagnostic, QueryContract};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A bare import: is it of the set, and does the set have these names?
#[must_use]
pub fn bare_import(path: &str, import: &Import, on_server: bool) -> Vec<Diagnostic> {
    let specifier = import.specifier.as_str();
    let on_set = if on_server {
        vendor::SERVER_MODULES
            .iter()
            .any(|(name, _)| *name == specifier)
    } else {
        true
    };
    let Some(exports) = vendor::exports(specifier).filter(|_| on_set) else {
        let (message, hint) = if on_server {
            (
                format!(
                    "Server code cannot import `{specifier}`: it has `date-fns`, `zod` and the app's own files."
                ),
                None,
            )
        } else if specifier.starts_with("node:") || specifier == "fs" || specifier == "path" {
            (
                format!("`{specifier}` exists in Node only; an app runs in the browser."),
                None,
            )
        } else {
            (
                format!("`{specifier}` is not among the packages that apps may import."),
                vendor::nearest_module(specifier).map(str::to_owned),
            )
        };
        return vec![
            error("unresolved-import", message)
                .in_file(path)
                .at(import.place)
                .hint(hint),
        ];
    };
    missing_names(
        path,
        import,
        specifier,
        exports.iter().map(String::as_str).collect(),
    )
}

/// An import of another file of the app: does it export these names?
#[must_use]
pub fn own_import(
    path: &str,
    import: &Import,
    target: &str,
    scripts: &BTreeMap<String, Rc<Script>>,
    links: &dyn Fn(&str, &str) -> Option<String>,
) -> Vec<Diagnostic> {
    match exports_of(target, scripts, links, &mut BTreeSet::new()) {
        Some(names) => missing_names(
            path,
            import,
            &import.specifier,
            names.iter().map(String::as_str).collect(),
        ),
        None => Vec::new(),
    }
}

/// All names that a file exports; none when it passes on a package as a whole, or has a fault that
/// hides them.
fn exports_of(
    path: &str,
    scripts: &BTreeMap<String, Rc<Script>>,
    links: &dyn Fn(&str, &str) -> Option<String>,
    seen: &mut BTreeSet<String>,
) -> Option<BTreeSet<String>> {
    let script = scripts.get(path).filter(|script| !script.is_broken())?;
    if !seen.insert(path.to_owned()) {
        return Some(BTreeSet::new());
    }
    let mut names: BTreeSet<String> = script.exports.iter().cloned().collect();
    for specifier in &script.export_all {
        let target = links(path, specifier)?;
        names.extend(
            exports_of(&target, scripts, links, seen)?
                .into_iter()
                .filter(|name| name != "default"),
        );
    }
    Some(names)
}

fn missing_names(path: &str, import: &Import, module: &str, exports: Vec<&str>) -> Vec<Diagnostic> {
    import
        .names
        .iter()
        .filter(|(name, _)| !exports.contains(&name.as_str()))
        .map(|(name, place)| {
            let (message, hint) = if name == "default" {
                let hint = exports.first().map(|_| {
                    format!(
                        "import {{ {} }} from \"{module}\"",
                        exports
                            .iter()
                            .take(3)
                            .copied()
                            .collect::<Vec<_>>()
                            .join(", ")
                    )
                });
                (format!("`{module}` has no default export."), hint)
            } else if exports == ["default"] {
                (
                    format!("`{module}` has no export `{name}`, only a default one."),
                    Some(format!("import {name} from \"{module}\"")),
                )
            } else {
                let elsewhere = vendor::exporter(name)
                    .filter(|other| *other != module)
                    .map(|other| format!("import {{ {name} }} from \"{other}\""));
                (
                    format!("`{module}` has no export `{name}`."),
                    nearest(name, exports.iter().copied())
                        .map(str::to_owned)
                        .or(elsewhere)
                        .or_else(|| (1..=4).contains(&exports.len()).then(|| exports.join(", "))),
                )
            };
            error("unknown-export", message)
                .in_file(path)
                .at(*place)
                .hint(hint)
        })
        .collect()
}

/// Components and names that nothing declares.
#[must_use]
pub fn unknown_names(path: &str, script: &Script, on_server: bool) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let mut told = BTreeSet::new();
    let hint = |name: &str| {
        vendor::exporter(name).map(|module| format!("import {{ {name} }} from \"{module}\""))
    };
    for (name, place) in &script.unknown_components {
        if told.insert(name) {
            let fault = error(
                "unknown-component",
                format!("`<{name}>` is neither declared nor imported."),
            )
            .in_file(path)
            .at(*place);
            faults.push(fault.hint(hint(name)));
        }
    }
    for (name, place) in &script.unknown_names {
        // The browser has a thousand names of its own; only what a package exports is known to be
        // meant otherwise.
        if !on_server
            && !is_browser_name(name)
            && told.insert(name)
            && let Some(hint) = hint(name)
        {
            let fault = error(
                "unknown-name",
                format!("`{name}` is neither declared nor imported."),
            );
            faults.push(fault.in_file(path).at(*place).hint(Some(hint)));
        }
    }
    faults
}

/// Names that both a browser and a package of the set have.
fn is_browser_name(name: &str) -> bool {
    const NAMES: &str = " Map Set Image Text Option Range Selection Notification History Navigation Infinity Symbol File Lock Text Comment \
        MessageChannel Table Bluetooth Cache Event Element Node Plugin Screen Window Audio Video Link Function Array Object Number String \
        Date Boolean Promise Proxy Reflect Math JSON Error RegExp Intl Response Request Headers URL FormData Blob Worker crypto fetch \
        history location navigator screen document window console performance localStorage sessionStorage name status event top parent \
        self length origin open close print stop find focus blur scroll alert confirm prompt undefined NaN globalThis ";
    NAMES.contains(&format!(" {name} "))
}

/// A call of a named query: does the query exist, and does it get its parameters?
#[must_use]
pub fn query_call(
    path: &str,
    call: &QueryCall,
    queries: &BTreeMap<&str, &QueryContract>,
) -> Vec<Diagnostic> {
    let Some(query) = queries.get(call.name.as_str()) else {
        let near = nearest(&call.name, queries.keys().copied());
        let hint = near.map_or_else(|| format!("write queries/{}.sql", call.name), str::to_owned);
        return vec![
            error(
                "unknown-query",
                format!("There is no query `{}`.", call.name),
            )
            .in_file(path)
            .at(call.place)
            .hint(Some(hint)),
        ];
    };
    let Some(params) = &call.params else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    for (name, place) in params {
        if !query.parameters.iter().any(|one| one.name == *name) {
            let near = nearest(name, query.parameters.iter().map(|one| one.name.as_str()));
            let fault = error(
                "unknown-parameter",
                format!("The query `{}` has no parameter `{name}`.", query.name),
            )
            .in_file(path)
            .at(*place);
            faults.push(fault.hint(near.map(str::to_owned)));
        }
    }
    for one in query.parameters.iter().filter(|one| one.required) {
        if !params.iter().any(|(name, _)| *name == one.name) {
            let fault = error(
                "missing-parameter",
                format!(
                    "The query `{}` needs its parameter `{}`.",
                    query.name, one.name
                ),
            )
            .in_file(path)
            .at(call.place);
            faults.push(fault.hint(Some(format!("{{ {}: … }}", one.name))));
        }
    }
    faults
}

/// A query that nothing calls by a literal name.
#[must_use]
pub fn unused_query(query: &QueryContract) -> Diagnostic {
    warning(
        "unused-query",
        format!("Nothing calls the query `{}`.", query.name),
    )
    .in_file(&query.path)
}
