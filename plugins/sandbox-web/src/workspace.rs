//! The files of one project, and what is known of them from before.

use crate::fault::{Detail, any_error, error, tidy};
use crate::graph::{self, NAME_LENGTH, Node};
use crate::script::{self, Import, Script};
use crate::server::{Bundle, Part, Route, methods_of, route_of, sort};
use crate::styles::{Sheet, Styles};
use crate::text::{Lines, nearest};
use crate::{app_json, checks, paths, queries, vendor};
use labd_plugin::Result;
use labd_plugin::sandbox::{
    Asset, Change, Diagnostic, Manifest, Prepared, QueryContract, ServerRoute, Severity,
    SourceFile, Workspace,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Where an app begins, in the order of preference.
const ENTRIES: [&str; 6] = [
    "src/main.tsx",
    "src/main.ts",
    "src/main.jsx",
    "src/main.js",
    "src/index.tsx",
    "src/index.ts",
];

/// Pictures that a script may import, with their media types.
const IMAGES: [(&str, &str); 7] = [
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("avif", "image/avif"),
];

/// How well a project fits, by its paths.
#[must_use]
pub fn fitness(paths: &[String]) -> u32 {
    let has = |path: &str| paths.iter().any(|one| one == path);
    if ENTRIES.iter().any(|entry| has(entry)) {
        // A project with packages of its own needs a sandbox that installs them.
        return if has("app.json") {
            100
        } else if has("package.json") {
            40
        } else {
            80
        };
    }
    if paths.iter().any(|path| path.ends_with(".tsx")) {
        30
    } else {
        0
    }
}

/// A project's files and everything compiled of them.
pub struct Project {
    files: BTreeMap<String, Vec<u8>>,
    compiled: BTreeMap<String, (blake3::Hash, Rc<Script>)>,
    styles: Styles,
    handed_out: BTreeSet<String>,
}

impl Project {
    /// An empty one, with the style compiler loaded.
    ///
    /// # Errors
    /// `internal` when the style compiler does not load.
    pub fn open() -> Result<Self> {
        Ok(Self {
            files: BTreeMap::new(),
            compiled: BTreeMap::new(),
            styles: Styles::new()?,
            handed_out: BTreeSet::new(),
        })
    }

    fn compile(&mut self, path: &str, content: &[u8]) -> Rc<Script> {
        let hash = blake3::hash(content);
        if let Some((known, script)) = self.compiled.get(path) {
            if *known == hash {
                return script.clone();
            }
        }
        let script = Rc::new(match paths::extension(path) {
            "json" => script::json_module(path, content),
            ending if is_image(ending) => image_module(path, content),
            _ => script::compile(path, content),
        });
        self.compiled
            .insert(path.to_owned(), (hash, script.clone()));
        script
    }
}

impl Workspace for Project {
    fn warm(&mut self, file: SourceFile) -> Result<Vec<Diagnostic>> {
        if let Some(why) = paths::refusal(&file.path) {
            return Ok(vec![bad_path(&file.path, why)]);
        }
        if queries::name_of(&file.path).is_some() {
            return Ok(queries::parse(&file.path, &String::from_utf8_lossy(&file.content)).1);
        }
        if !is_source(&file.path) {
            return Ok(Vec::new());
        }
        let script = self.compile(&file.path, &file.content);
        if file.path.starts_with("src/") {
            self.styles.warm(script.words.iter().map(String::as_str));
        }
        Ok(script.faults.clone())
    }

    fn prepare(&mut self, change: Change) -> Result<Prepared> {
        let mut faults = Vec::new();
        for path in &change.removed {
            self.files.remove(path);
            self.compiled.remove(path);
        }
        for file in change.changed {
            match paths::refusal(&file.path) {
                Some(why) => faults.push(bad_path(&file.path, why)),
                None => {
                    self.files.insert(file.path, file.content);
                }
            }
        }
        let manifest = self
            .files
            .get("app.json")
            .map(|bytes| String::from_utf8_lossy(bytes));
        faults.extend(app_json::check(manifest.as_deref()));
        let queries = self.queries(&mut faults);
        let view = View::of(self, &queries, &mut faults);
        let (sheets, words) = (view.sheets(self), view.words());
        let styles = match self
            .styles
            .compile(&sheets, &words.iter().copied().collect())
        {
            Ok(css) => Some(vec![style_asset(vendor::BASE_CSS), style_asset(css)]),
            Err(thrown) => {
                faults.push(style_fault(&thrown.message, &sheets));
                None
            }
        };
        tidy(&mut faults);
        let mut prepared = Prepared {
            manifest: None,
            new_assets: Vec::new(),
            queries,
            server_bundle: None,
            server_routes: Vec::new(),
            diagnostics: faults,
        };
        if any_error(&prepared.diagnostics) {
            return Ok(prepared);
        }
        let (Some(entry), Some(styles)) = (view.entry, styles) else {
            return Ok(prepared);
        };
        let modules = graph::link(&entry, &view.nodes);
        prepared.manifest = Some(Manifest {
            entry: modules
                .last()
                .map(|module| module.name.clone())
                .unwrap_or_default(),
            styles: styles.iter().map(|sheet| sheet.name.clone()).collect(),
            modules: modules.iter().map(|module| module.name.clone()).collect(),
            vendor: view.vendor.into_iter().collect(),
        });
        let mut assets = styles;
        for module in modules {
            let ending = paths::extension(&module.path);
            if let (true, Some(content)) = (is_image(ending), self.files.get(&module.path)) {
                assets.push(image_asset(&module.path, content));
            }
            let map = view
                .nodes
                .get(&module.path)
                .map(|node| node.script.map.clone())
                .filter(|map| !map.is_empty());
            assets.push(Asset {
                name: module.name,
                media_type: "text/javascript".to_owned(),
                content: module.code.into_bytes(),
                source_path: Some(module.path),
                source_map: map,
            });
        }
        assets.retain(|asset| self.handed_out.insert(asset.name.clone()));
        prepared.new_assets = assets;
        if !view.server.routes.is_empty() {
            prepared.server_routes = view
                .server
                .routes
                .iter()
                .map(|route| ServerRoute {
                    path: route.path.clone(),
                    methods: route.methods.clone(),
                })
                .collect();
            prepared.server_bundle = Some(view.server.write()?);
        }
        Ok(prepared)
    }
}

impl Project {
    fn queries(&self, faults: &mut Vec<Diagnostic>) -> Vec<QueryContract> {
        let mut contracts = Vec::new();
        for (path, content) in self
            .files
            .range("queries/".to_owned()..)
            .take_while(|(path, _)| path.starts_with("queries/"))
        {
            if queries::name_of(path).is_none() {
                faults.push(
                    crate::fault::warning("query-name", "Only `.sql` files are queries.")
                        .in_file(path),
                );
                continue;
            }
            let (contract, found) = queries::parse(path, &String::from_utf8_lossy(content));
            faults.extend(found);
            contracts.push(contract);
        }
        contracts
    }
}

/// The app as its files make it together.
struct View {
    entry: Option<String>,
    /// What the browser gets.
    nodes: BTreeMap<String, Node>,
    /// Style sheets in the order of their import.
    styles: Vec<String>,
    /// Packages that are used.
    vendor: BTreeSet<String>,
    server: Bundle,
}

impl View {
    fn of(project: &mut Project, queries: &[QueryContract], faults: &mut Vec<Diagnostic>) -> Self {
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
        faults.extend(
            queries
                .iter()
                .filter(|query| !called.contains(query.name.as_str()))
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

    fn sheets(&self, project: &Project) -> Vec<Sheet> {
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

    fn words(&self) -> BTreeSet<&str> {
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
fn is_source(path: &str) -> bool {
    let ending = paths::extension(path);
    let inside = path.starts_with("src/") || path.starts_with("server/");
    let script = matches!(ending, "ts" | "tsx" | "js" | "jsx" | "json") || is_image(ending);
    inside
        && script
        && !path.ends_with(".d.ts")
        && !path.contains(".test.")
        && !path.contains(".spec.")
}

fn is_image(ending: &str) -> bool {
    IMAGES.iter().any(|(one, _)| *one == ending)
}

fn hashed(content: &[u8], ending: &str) -> String {
    let hash = blake3::hash(content).to_hex();
    format!("{}.{ending}", hash.get(..NAME_LENGTH).unwrap_or_default())
}

fn style_asset(css: &str) -> Asset {
    Asset {
        name: hashed(css.as_bytes(), "css"),
        media_type: "text/css".to_owned(),
        content: css.as_bytes().to_vec(),
        source_path: None,
        source_map: None,
    }
}

fn image_asset(path: &str, content: &[u8]) -> Asset {
    let ending = paths::extension(path);
    let media_type = IMAGES
        .iter()
        .find(|(one, _)| *one == ending)
        .map_or("application/octet-stream", |(_, media_type)| media_type);
    Asset {
        name: hashed(content, ending),
        media_type: media_type.to_owned(),
        content: content.to_vec(),
        source_path: Some(path.to_owned()),
        source_map: None,
    }
}

/// A module whose default export is the address of a picture.
fn image_module(path: &str, content: &[u8]) -> Script {
    let name = hashed(content, paths::extension(path));
    Script {
        code: format!("export default new URL(\"./{name}\", import.meta.url).href;\n"),
        exports: vec!["default".to_owned()],
        ..Script::default()
    }
}

fn bad_path(path: &str, why: &str) -> Diagnostic {
    error(
        "bad-path",
        format!("`{}` is refused: {why}.", path.escape_debug()),
    )
}

/// Tailwind names what it stumbled over in backticks, or not at all; the sheet that holds it is
/// the one at fault.
fn style_fault(message: &str, sheets: &[Sheet]) -> Diagnostic {
    let message = message.strip_prefix("Error: ").unwrap_or(message);
    let token = message.split('`').nth(1);
    let found = token.and_then(|token| {
        sheets
            .iter()
            .find_map(|(path, text)| Some((path, Lines::of(text).place(text.find(token)?))))
    });
    let fault = error("style", message);
    match (found, sheets) {
        (Some((path, place)), _) => fault.in_file(path).at(place),
        (None, [(path, _)]) => fault.in_file(path),
        _ => fault,
    }
}
