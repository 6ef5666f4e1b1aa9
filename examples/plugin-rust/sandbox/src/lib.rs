//! A sandbox for apps without a compiler: `main.js`, which may import what the browser knows,
//! `style.css` if there is one, and `queries/*.sql`. A query is called by `POST /_lab/q/<name>`
//! with `{"params": {…}}`.

mod app;
mod query;

use app::App;
use labd_plugin::sandbox::{Info, Request, Response, Sandbox, Server};
use labd_plugin::{Error, Host, Result, export_plugin};
use std::marker::PhantomData;

/// The sandbox.
pub struct Plain<H> {
    // Its apps have no server code, which is what would need the host.
    _host: PhantomData<H>,
}

export_plugin!(sandbox: Plain);

impl<H: Host> Sandbox<H> for Plain<H> {
    type Workspace = App;
    type Server = Never;

    fn new(_host: H) -> Self {
        Self { _host: PhantomData }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Plain scripts in Rust".into(),
            description: "One script and one style sheet, as they are.".into(),
        })
    }

    fn detect(&self, paths: &[String]) -> Result<u32> {
        let has = |path| paths.iter().any(|one| one == path);
        Ok(match (has(app::SCRIPT), has(app::STYLE)) {
            (true, true) => 60,
            (true, false) => 50,
            (false, _) => 0,
        })
    }

    fn open_workspace(&self) -> Result<App> {
        Ok(App::default())
    }

    fn load(&self, _bundle: Vec<u8>) -> Result<Never> {
        Err(Error::invalid("apps of this sandbox have no server code"))
    }
}

/// Server code that there never is.
pub enum Never {}

impl Server for Never {
    fn handle(&mut self, _request: Request) -> Result<Response> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_plugin::sandbox::{Change, Prepared, SourceFile, Workspace};
    use labd_plugin::testing::FakeHost;

    fn prepare(app: &mut App, files: &[(&str, &str)]) -> Prepared {
        let changed = files.iter().map(|(path, content)| SourceFile {
            path: (*path).into(),
            content: content.as_bytes().to_vec(),
        });
        app.prepare(Change {
            changed: changed.collect(),
            removed: Vec::new(),
        })
        .unwrap()
    }

    #[test]
    fn an_app_is_its_script_and_its_style_sheet() {
        let mut app = App::default();
        let files = [
            ("main.js", "document.title = 'Grüße'"),
            ("style.css", "p {}"),
        ];
        let prepared = prepare(&mut app, &files);
        let manifest = prepared.manifest.unwrap();
        let names: Vec<_> = prepared
            .new_assets
            .iter()
            .map(|asset| &asset.name)
            .collect();
        assert_eq!(names, [&manifest.entry, &manifest.styles[0]]);
        // What was handed out is not repeated.
        assert!(prepare(&mut app, &files).new_assets.is_empty());
    }

    #[test]
    fn an_import_of_another_file_is_told_with_its_place() {
        let script = "import * as math from 'https://esm.example/math'\nimport './other.js'\n";
        let prepared = prepare(&mut App::default(), &[("main.js", script)]);
        assert_eq!(prepared.manifest, None);
        let places: Vec<_> = prepared
            .diagnostics
            .iter()
            .map(|fault| (fault.path.as_deref(), fault.line))
            .collect();
        assert_eq!(places, [(Some("main.js"), Some(2))]);
    }

    #[test]
    fn a_query_tells_its_parameters() {
        let sql = "-- Orders of a day.\n-- @param day date\n-- @param town text?\nSELECT 1";
        let files = [("main.js", ""), ("queries/orders.sql", sql)];
        let prepared = prepare(&mut App::default(), &files);
        let query = &prepared.queries[0];
        assert_eq!(query.name, "orders");
        assert_eq!(query.description, "Orders of a day.");
        let parameters: Vec<_> = query
            .parameters
            .iter()
            .map(|one| (one.name.as_str(), one.param_type.as_str(), one.required))
            .collect();
        assert_eq!(parameters, [("day", "date", true), ("town", "text", false)]);
    }

    #[test]
    fn only_its_own_projects_fit() {
        let plain = Plain::new(FakeHost::new());
        assert_eq!(plain.detect(&["main.js".into()]).unwrap(), 50);
        assert_eq!(plain.detect(&["src/main.tsx".into()]).unwrap(), 0);
    }
}
