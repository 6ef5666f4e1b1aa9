//! The checks of sandboxes.

use super::{
    ConformError, Setting, Suite,
    bench::{self, Bench, lock, told},
    growth,
    spec::{App, AppCall},
    suite::{Done, Trouble, fail, present, skip},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use labd_plugin_host::{
    Ceiling, PluginError,
    kinds::sandbox::{
        AppRequest, AppServer, AppServices, Change, Prepared, Sandbox, Severity, SourceFile,
    },
};
use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex},
};

pub(super) async fn run(setting: &Setting<'_>, suite: &mut Suite) -> Result<(), ConformError> {
    let bench = Bench::start(setting, Ceiling::default(), bench::limits()).await?;
    let all = Checks {
        setting,
        bench: &bench,
    };
    suite
        .check("it loads and describes itself", &bench, all.describes())
        .await;
    if bench.refused().is_some() {
        return Ok(());
    }
    suite
        .check("the app is made ready", &bench, all.prepares())
        .await;
    suite
        .check(
            "its own projects are recognised, and others are not",
            &bench,
            all.detects(),
        )
        .await;
    suite
        .check(
            "a change gives what a fresh start gives",
            &bench,
            all.changes(),
        )
        .await;
    suite
        .check(
            "a broken file is told with its place, and mended",
            &bench,
            all.broken(),
        )
        .await;
    suite
        .check(
            "text in every script passes both ways",
            &bench,
            all.scripts(),
        )
        .await;
    suite
        .check(
            "a large file is an answer, whatever it is",
            &bench,
            all.large(),
        )
        .await;
    suite
        .check("server code answers requests", &bench, all.requests())
        .await;
    suite
        .check(
            "what a query denies reaches the handler as an error",
            &bench,
            all.denied(),
        )
        .await;
    suite
        .check(
            "eight projects at once are all right",
            &bench,
            all.at_once(8),
        )
        .await;
    suite
        .check("a long run leaves nothing behind", &bench, all.long_run())
        .await;
    Ok(())
}

struct Checks<'a> {
    setting: &'a Setting<'a>,
    bench: &'a Bench,
}

/// Answers every query alike.
struct Services {
    answer: Result<String, PluginError>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl AppServices for Services {
    async fn query(&self, name: &str, _parameters: &str) -> Result<String, PluginError> {
        lock(&self.asked).push(name.to_owned());
        self.answer.clone()
    }

    fn user(&self) -> String {
        "{\"name\":\"conformance\"}".into()
    }

    fn log(&self, _level: &str, _message: &str) {}
}

impl Checks<'_> {
    fn sandbox(&self) -> Result<Arc<dyn Sandbox>, Trouble> {
        present(
            self.bench.host.sandbox(&self.setting.manifest.id),
            "a sandbox",
        )
    }

    fn app(&self) -> Result<(&App, Vec<SourceFile>), Trouble> {
        let Some(app) = &self.setting.spec.app else {
            return skip("conformance.toml has no [app]");
        };
        match files(&self.setting.spec.folder.join(&app.folder)) {
            Ok(files) => Ok((app, files)),
            Err(error) => fail(
                format!("the app in {}", app.folder.display()),
                error.to_string(),
                "name a folder beside conformance.toml",
            ),
        }
    }

    async fn prepare(&self, project: &str, files: Vec<SourceFile>) -> Result<Prepared, Trouble> {
        let workspace = self.sandbox()?.open_workspace(project).await;
        let change = Change {
            changed: files,
            removed: Vec::new(),
        };
        let prepared = match workspace {
            Ok(mut workspace) => workspace.prepare(change).await,
            Err(error) => Err(error),
        };
        prepared.or_else(|error| {
            fail(
                "diagnostics, or an app that is ready",
                told(&error),
                "faults of an app are diagnostics; an error is a fault of the sandbox",
            )
        })
    }

    async fn describes(&self) -> Done {
        self.bench.loaded()?;
        match self.sandbox()?.describe().await {
            Ok(info) if !info.name.is_empty() && !info.description.is_empty() => Ok(()),
            other => fail(
                "a name and a description",
                format!("{other:?}"),
                "fill them in `describe`; the console shows them",
            ),
        }
    }

    async fn prepares(&self) -> Done {
        let (app, files) = self.app()?;
        let prepared = self.prepare("app", files).await?;
        let errors: Vec<_> = prepared
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .collect();
        let Some(manifest) = &prepared.manifest else {
            return fail(
                "an app that is ready",
                format!("{errors:?}"),
                "see the diagnostics",
            );
        };
        let help = "name every module, style sheet and query that the app has";
        let known = |name: &String| prepared.new_assets.iter().any(|asset| asset.name == *name);
        let modules = manifest.modules.iter().chain(&manifest.styles);
        if let Some(missing) = modules.chain([&manifest.entry]).find(|name| !known(name)) {
            return fail(
                format!("the asset {missing}"),
                "it was not handed out",
                help,
            );
        }
        let declared = |name: &String| prepared.queries.iter().any(|query| query.name == *name);
        match app.queries.iter().find(|name| !declared(name)) {
            Some(missing) => fail(format!("the query {missing}"), "it was not found", help),
            None => Ok(()),
        }
    }

    async fn detects(&self) -> Done {
        let (_, files) = self.app()?;
        let sandbox = self.sandbox()?;
        let own: Vec<_> = files.into_iter().map(|file| file.path).collect();
        let other = ["Gemfile".to_owned(), "config/routes.rb".to_owned()];
        match (sandbox.detect(&own).await, sandbox.detect(&other).await) {
            (Ok(own @ 1..=100), Ok(other)) if other < own => Ok(()),
            other => fail(
                "a number up to 100 that is higher for the app than for another",
                format!("{other:?}"),
                "look for the files that only this kind of project has",
            ),
        }
    }

    async fn changes(&self) -> Done {
        let (app, files) = self.app()?;
        let fresh = self.prepare("app", files.clone()).await?;
        let opened = self.sandbox()?.open_workspace("app").await;
        let change = |changed: Vec<SourceFile>| Change {
            changed,
            removed: Vec::new(),
        };
        let broken = SourceFile {
            path: app.break_file.clone(),
            content: app.broken.clone().into(),
        };
        let mut workspace = match opened {
            Ok(workspace) => workspace,
            Err(error) => return fail("a workspace", told(&error), "see the checks before"),
        };
        let mut last = None;
        for changed in [files.clone(), vec![broken], files] {
            match workspace.prepare(change(changed)).await {
                Ok(prepared) => last = Some(prepared),
                Err(error) => return fail("an answer", told(&error), "see the checks before"),
            }
        }
        let last = last.unwrap_or_default();
        if last.manifest == fresh.manifest && last.queries == fresh.queries {
            return Ok(());
        }
        fail(
            format!("{:?}", fresh.manifest),
            format!("{:?}", last.manifest),
            "let the answer depend on the files alone, not on what came before",
        )
    }

    async fn broken(&self) -> Done {
        let (app, mut files) = self.app()?;
        files.retain(|file| file.path != app.break_file);
        files.push(SourceFile {
            path: app.break_file.clone(),
            content: app.broken.clone().into(),
        });
        let prepared = self.prepare("broken", files).await?;
        let placed = prepared.diagnostics.iter().any(|diagnostic| {
            diagnostic.severity == Severity::Error
                && diagnostic.path.as_deref() == Some(&*app.break_file)
                && diagnostic.line.is_some()
                && !diagnostic.message.is_empty()
        });
        if placed && prepared.manifest.is_none() {
            return Ok(());
        }
        fail(
            format!("an error in {} with its line, and no app", app.break_file),
            format!("{:?}", prepared.diagnostics),
            "hand on the compiler's place; an error means that there is no manifest",
        )
    }

    async fn scripts(&self) -> Done {
        let (app, mut files) = self.app()?;
        let text = super::provider::SCRIPTS.replace('"', "'");
        let Some(file) = files.iter_mut().find(|file| file.path == app.break_file) else {
            return fail(
                format!("the file {} in the app", app.break_file),
                "there is none",
                "name one of the app's files in `break-file`",
            );
        };
        let mut content = file.content.to_vec();
        content.extend(format!("\nexport const conformance = \"{text}\";\n").into_bytes());
        file.content = content.into();
        let prepared = self.prepare("scripts", files).await?;
        let mut assets = prepared.new_assets.iter();
        let escaped: String = text.escape_default().collect();
        if assets.any(|asset| {
            let content = String::from_utf8_lossy(&asset.content);
            content.contains(&text) || content.contains(&escaped)
        }) {
            return Ok(());
        }
        fail(
            format!("{text:?} in what the browser loads"),
            format!("{:?}", prepared.diagnostics),
            "read and write files as UTF-8",
        )
    }

    async fn large(&self) -> Done {
        let (app, mut files) = self.app()?;
        files.push(SourceFile {
            path: format!("{}.large.txt", app.break_file),
            content: vec![b'x'; 2 * 1024 * 1024].into(),
        });
        self.prepare("large", files).await.map(|_| ())
    }

    async fn server(&self, files: Vec<SourceFile>) -> Result<Box<dyn AppServer>, Trouble> {
        let prepared = self.prepare("server", files).await?;
        let Some(bundle) = prepared.server_bundle else {
            return fail(
                "a bundle of server code",
                format!("{:?}", prepared.diagnostics),
                "bundle what is under server/",
            );
        };
        let loaded = self.sandbox()?.load("server", bundle).await;
        loaded.or_else(|error| fail("loaded server code", told(&error), "see the checks before"))
    }

    async fn handle(
        &self,
        server: &mut dyn AppServer,
        call: &AppCall,
        answer: Result<String, PluginError>,
    ) -> Result<(u16, String), Trouble> {
        let services = Arc::new(Services {
            answer,
            asked: Mutex::default(),
        });
        let request = AppRequest {
            method: call.method.clone(),
            url: call.url.clone(),
            headers: Vec::new(),
            body: Bytes::copy_from_slice(call.body.as_bytes()),
        };
        match server.handle(request, services).await {
            Ok(response) => Ok((
                response.status,
                String::from_utf8_lossy(&response.body).into_owned(),
            )),
            Err(error) => fail(
                "a response",
                told(&error),
                "an exception of a handler is a response with status 500",
            ),
        }
    }

    async fn requests(&self) -> Done {
        let (_, files) = self.app()?;
        if self.setting.spec.request.is_empty() {
            return skip("conformance.toml has no [[request]]");
        }
        let mut server = self.server(files).await?;
        for call in &self.setting.spec.request {
            let answer = call.query_answer.clone().unwrap_or_else(|| "{}".into());
            let (status, body) = self.handle(&mut *server, call, Ok(answer)).await?;
            let missing = call.contains.iter().find(|part| !body.contains(*part));
            if status != call.status || missing.is_some() {
                return fail(
                    format!(
                        "status {} with {:?} for {}",
                        call.status, call.contains, call.url
                    ),
                    format!("status {status}: {body}"),
                    "run the handler of the route and hand on its response",
                );
            }
        }
        Ok(())
    }

    async fn denied(&self) -> Done {
        let (_, files) = self.app()?;
        let mut calls = self.setting.spec.request.iter();
        let Some(call) = calls.find(|call| call.query_answer.is_some()) else {
            return skip("conformance.toml has no [[request]] with a `query-answer`");
        };
        let mut server = self.server(files).await?;
        let denial = PluginError::Denied(labd_plugin_host::Denial {
            capability: "query".into(),
            target: "conformance".into(),
            message: "not for you".into(),
        });
        let (status, body) = self.handle(&mut *server, call, Err(denial)).await?;
        if status >= 400 {
            return Ok(());
        }
        fail(
            "an error in the handler, and so a status of 500",
            format!("status {status}: {body}"),
            "let a query that fails throw in the handler",
        )
    }

    async fn at_once(&self, count: usize) -> Done {
        let (_, files) = self.app()?;
        let wanted = self.prepare("0", files.clone()).await?.manifest;
        let (wanted, files) = (&wanted, &files);
        stream::iter((0..count).map(Ok))
            .try_for_each_concurrent(count, |number| async move {
                let found = self.prepare(&number.to_string(), files.clone()).await?;
                if found.manifest == *wanted {
                    return Ok(());
                }
                fail(
                    format!("{wanted:?}"),
                    format!("{:?}", found.manifest),
                    "keep nothing that another project sees",
                )
            })
            .await
    }

    async fn long_run(&self) -> Done {
        let (_, files) = self.app()?;
        let Some(call) = self.setting.spec.request.first() else {
            return skip("conformance.toml has no [[request]]");
        };
        let calls = self.setting.options.calls;
        let mut server = self.server(files).await?;
        let answer = call.query_answer.clone().unwrap_or_else(|| "{}".into());
        let mut middle = None;
        for number in 0..calls {
            if number == calls / 2 {
                middle = growth::resident();
            }
            self.handle(&mut *server, call, Ok(answer.clone())).await?;
        }
        growth::compare(middle, growth::resident(), calls)
    }
}

/// All files of an app, by path.
fn files(base: &Path) -> io::Result<Vec<SourceFile>> {
    let mut found = Vec::new();
    let mut folders = vec![base.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(base) {
                found.push(SourceFile {
                    path: name.to_string_lossy().into_owned(),
                    content: fs::read(&path)?.into(),
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
