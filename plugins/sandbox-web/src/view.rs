//! An app as its files make it together: what the entry and the routes reach, and what is wrong.

use crate::assets::is_image;
use crate::fault::{Detail, error};
use crate::graph::Node;
use crate::script::{Import, Script};
use crate::server::{Bundle, Part, Route, methods_of, route_of, sort};
use crate::styles::Sheet;
use crate::text::nearest;
use crate::workspace::{ENTRIES, Project};
use crate::{checks, paths};
use labd_plugin::sandbox::{Diagnostic, QueryContract, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The app as its files make it together.
pub struct View {
    /// Where the browser begins.
    pub entry: Option<String>,
    /// What the browser gets.
    pub nodes: BTreeMap<String, Node>,
    /// Style sheets in the order of their import.
    styles: Vec<String>,
    /// Packages that are used.
    pub vendor: BTreeSet<String>,
    /// The server's part.
    pub server: Bundle,
}

impl View {
    /// Reads the files of a project, and adds what is wrong with them to `faults`.
    pub fn of(
        project: &mut Project,
        queries: &[QueryContract],
        faults: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut scripts = BTreeMap::new();
        let files: Vec<String> = project
            .files
            .keys()
            .filter(|path| is_source(path))
            .cloned()
            .collect();
        for path in files {
            let content = project.files.get(&path).cloned().unwrap_or_default();
            let script = project.compile(&path, &content);
            scripts.insert(path, script);
        }
        let scripts = scripts;
        let files = &project.files;
        let resolve = |from: &str, specifier: &str| {
            let target = paths::join(paths::folder(from), specifier)?;
            paths::resolve(&target, |path| files.contains_key(path))
        };
        let mut walk = Walk {
            scripts: &scripts,
            resolve: &resolve,
            faults,
            styles: Vec::new(),
            vendor: BTreeSet::new(),
        };

        let entry = ENTRIES
            .iter()
            .find(|entry| scripts.contains_key(**entry))
            .map(|entry| (*entry).to_owned());
        let mut nodes = BTreeMap::new();
        match &entry {
            Some(entry) => walk.from(entry, false, &mut nodes),
            None => {
                let hint = scripts.contains_key("src/App.tsx").then(|| {
                    "import { createRoot } from \"react-dom/client\"; import App from \"./App\"; createRoot(document.getElementById(\"root\")!).render(<App />);".to_owned()
                });
                walk.faults.push(
                    error(
                        "missing-entry",
                        "There is no src/main.tsx: it mounts the app.",
                    )
                    .in_file("src/main.tsx")
                    .hint(hint),
                );
            }
        }
        let (styles, vendor) = (
            std::mem::take(&mut walk.styles),
            std::mem::take(&mut walk.vendor),
        );

        let mut routes = Vec::new();
        let mut server_nodes = BTreeMap::new();
        for (path, script) in scripts
            .range("server/".to_owned()..)
            .take_while(|(path, _)| path.starts_with("server/"))
        {
            let methods = methods_of(&script.exports);
            if let (Some(route), false) = (
                route_of(path),
                methods.is_empty() && script.faults.is_empty(),
            ) {
                walk.from(path, true, &mut server_nodes);
                if let Some(other) = routes.iter().find(|other: &&Route| other.path == route) {
                    walk.faults.push(
                        error(
                            "duplicate-route",
                            format!("`{}` answers at /api/{route} too.", other.module),
                        )
                        .in_file(path),
                    );
                }
                routes.push(Route {
                    path: route,
                    module: path.clone(),
                    methods,
                });
            }
        }
        sort(&mut routes);
        let server = bundle(&server_nodes, routes);
        let faults = walk.faults;

        // What nobody imports cannot break the app: its faults are told as warnings.
        for (path, script) in &scripts {
            if !nodes.contains_key(path) && !server_nodes.contains_key(path) {
                faults.extend(script.faults.iter().cloned().map(|mut fault| {
                    fault.severity = Severity::Warning;
                    fault
                }));
            }
        }

        let known: BTreeMap<&str, &QueryContract> = queries
            .iter()
            .map(|query| (query.name.as_str(), query))
            .collect();
        let mut called = BTreeSet::new();
        for (path, node) in nodes.iter().chain(&server_nodes) {
            for call in &node.script.query_calls {
                faults.extend(checks::query_call(path, call, &known));
                called.insert(call.name.as_str());
            }
            // A name that stands in a text may reach a query by another way than a literal call.
            called.extend(
                node.script
                    .words
                    .iter()
                    .map(String::as_str)
                    .filter(|word| known.contains_key(word)),
            );
        }
        // A file that cannot be read may call any of them.
        let all_read = !scripts.values().any(|script| script.is_broken());
        faults.extend(
            queries
                .iter()
                .filter(|query| all_read && !called.contains(query.name.as_str()))
                .map(checks::unused_query),
        );
        Self {
            entry,
            nodes,
            styles,
            vendor,
            server,
        }
    }

    /// The app's own style sheets in the order of their import.
    #[must_use]
    pub fn sheets(&self, project: &Project) -> Vec<Sheet> {
        let text = |path: &String| {
            project
                .files
                .get(path)
                .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        let mut sheets: Vec<Sheet> = self
            .styles
            .iter()
            .filter_map(|path| Some((path.clone(), text(path)?)))
            .collect();
        // Sheets that others import are found by name, after those that scripts import.
        let all = project
            .files
            .keys()
            .filter(|path| paths::extension(path) == "css" && path.starts_with("src/"));
        let imported: Vec<Sheet> = all
            .filter(|path| !self.styles.contains(path))
            .filter_map(|path| Some((path.clone(), text(path)?)))
            .filter(|(path, _)| {
                let name = path.rsplit('/').next().unwrap_or(path);
                sheets
                    .iter()
                    .any(|(_, text)| text.contains("@import") && text.contains(name))
            })
            .collect();
        sheets.extend(imported);
        sheets
    }

    /// What may be class names.
    #[must_use]
    pub fn words(&self) -> BTreeSet<&str> {
        let scripts = self.nodes.values().map(|node| &node.script);
        scripts
            .flat_map(|script| script.words.iter().map(String::as_str))
            .collect()
    }
}

/// A walk along the imports.
struct Walk<'w> {
    scripts: &'w BTreeMap<String, Rc<Script>>,
    resolve: &'w dyn Fn(&str, &str) -> Option<String>,
    faults: &'w mut Vec<Diagnostic>,
    styles: Vec<String>,
    vendor: BTreeSet<String>,
}

impl Walk<'_> {
    /// Takes `start` and all that it imports into `nodes`, and its faults.
    fn from(&mut self, start: &str, on_server: bool, nodes: &mut BTreeMap<String, Node>) {
        // Depth first, so that style sheets come in the order in which a browser would meet them.
        let mut waiting = vec![(start.to_owned(), 0)];
        let mut links: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        while let Some((path, next)) = waiting.pop() {
            let Some(script) = self.scripts.get(&path).cloned() else {
                continue;
            };
            if next == 0 {
                if nodes.contains_key(&path) || links.contains_key(&path) {
                    continue;
                }
                links.insert(path.clone(), Vec::new());
                self.faults.extend(script.faults.iter().cloned());
                self.faults
                    .extend(checks::unknown_names(&path, &script, on_server));
            }
            let Some(import) = script.imports.get(next) else {
                let links = links.get(&path).cloned().unwrap_or_default();
                nodes.insert(path, Node { script, links });
                continue;
            };
            waiting.push((path.clone(), next + 1));
            if let Some((placeholder, target)) = self.import(&path, import, on_server) {
                links
                    .entry(path)
                    .or_default()
                    .push((placeholder, target.clone()));
                waiting.push((target, 0));
            }
        }
    }

    fn import(&mut self, path: &str, import: &Import, on_server: bool) -> Option<(String, String)> {
        let specifier = import.specifier.as_str();
        if !paths::is_own(specifier) {
            let faults = checks::bare_import(path, import, on_server);
            if faults.is_empty() && !on_server {
                self.vendor.insert(specifier.to_owned());
            }
            self.faults.extend(faults);
            return None;
        }
        let fault = |message: String| {
            error("unresolved-import", message)
                .in_file(path)
                .at(import.place)
        };
        let Some(target) = (self.resolve)(path, specifier) else {
            let wanted = paths::join(paths::folder(path), specifier);
            let hint = wanted
                .and_then(|wanted| nearest(&wanted, self.scripts.keys().map(String::as_str)))
                .map(str::to_owned);
            self.faults
                .push(fault(format!("`{specifier}` does not exist.")).hint(hint));
            return None;
        };
        if paths::extension(&target) == "css" {
            if on_server {
                self.faults
                    .push(fault("Server code has no style sheets.".to_owned()));
            } else if !import.names.is_empty() {
                self.faults.push(
                    fault(
                        "A style sheet exports nothing: CSS modules are not available.".to_owned(),
                    )
                    .hint(Some(format!("import \"{specifier}\""))),
                );
            } else if !self.styles.contains(&target) {
                self.styles.push(target);
            }
            return None;
        }
        let Some(placeholder) = import
            .placeholder
            .clone()
            .filter(|_| self.scripts.contains_key(&target))
        else {
            let what = if !on_server && target.starts_with("server/") {
                "server code stays on the server"
            } else {
                "a script cannot import this kind of file"
            };
            self.faults.push(fault(format!("`{specifier}`: {what}.")));
            return None;
        };
        if !on_server && target.starts_with("server/") {
            self.faults.push(
                fault(format!("`{specifier}`: server code stays on the server."))
                    .hint(Some("fetch(\"/api/…\")".to_owned())),
            );
            return None;
        }
        self.faults.extend(checks::own_import(
            path,
            import,
            &target,
            self.scripts,
            self.resolve,
        ));
        Some((placeholder, target))
    }
}

fn bundle(nodes: &BTreeMap<String, Node>, routes: Vec<Route>) -> Bundle {
    let modules = nodes.iter().map(|(path, node)| {
        let mut code = node.script.code.clone();
        for (placeholder, target) in &node.links {
            code = code.replace(placeholder, target);
        }
        (
            path.clone(),
            Part {
                code,
                map: node.script.map.clone(),
            },
        )
    });
    Bundle {
        modules: modules.collect(),
        routes,
    }
}

/// Whether a file is a module of the browser's or the server's part.
#[must_use]
pub fn is_source(path: &str) -> bool {
    let ending = paths::extension(path);
    let inside = path.starts_with("src/") || path.starts_with("server/");
    let script = matches!(ending, "ts" | "tsx" | "js" | "jsx" | "json") || is_image(ending);
    inside
        && script
        && !path.ends_with(".d.ts")
        && !path.contains(".test.")
        && !path.contains(".spec.")
}
