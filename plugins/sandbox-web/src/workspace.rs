//! The files of one project, and what is known of them from before.

use crate::assets::{image_asset, image_module, is_image, style_asset};
use crate::fault::{Detail, any_error, error, tidy};
use crate::script::{self, Script};
use crate::styles::{Sheet, Styles};
use crate::text::Lines;
use crate::view::{View, is_source};
use crate::{app_json, graph, paths, queries, vendor};
use labd_plugin::Result;
use labd_plugin::sandbox::{
    Asset, Change, Diagnostic, Manifest, Prepared, QueryContract, ServerRoute, SourceFile,
    Workspace,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Where an app begins, in the order of preference.
pub(crate) const ENTRIES: [&str; 6] = [
    "src/main.tsx",
    "src/main.ts",
    "src/main.jsx",
    "src/main.js",
    "src/index.tsx",
    "src/index.ts",
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
    pub(crate) files: BTreeMap<String, Vec<u8>>,
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

    pub(crate) fn compile(&mut self, path: &str, content: &[u8]) -> Rc<Script> {
        let hash = blake3::hash(content);
        if let Some((known, script)) = self.compiled.get(path)
            && *known == hash
        {
            return script.clone();
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
