//! The sandbox plugin as it ships, in the real host: the sample app is compiled, its handler runs,
//! and what a handler may do wrong stays its own fault.
//!
//! Needs the packaged plugin: `cargo xtask plugins`.

use async_trait::async_trait;
use bytes::Bytes;
use labd_plugin_host::kinds::sandbox::{
    AppRequest, AppServer, AppServices, Change, Prepared, Sandbox, SourceFile,
};
use labd_plugin_host::{PluginError, PluginHost, PluginOptions};
use labd_tests::repository;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A host with nothing but the sandbox.
struct Setup {
    sandbox: Arc<dyn Sandbox>,
    _host: PluginHost,
    _data: tempfile::TempDir,
}

#[expect(clippy::expect_used, reason = "a test cannot go on without it")]
fn setup() -> Setup {
    let data = tempfile::tempdir().expect("a temporary directory");
    let package = repository::root().join("daemon/embedded/plugins/labd.sandbox-web-0.1.0");
    assert!(
        package.join("plugin.toml").exists(),
        "run `cargo xtask plugins` first"
    );
    let host = PluginHost::start(PluginOptions {
        data_dir: data.path().to_owned(),
        directories: vec![package],
        ..PluginOptions::default()
    })
    .expect("a plugin host");
    let sandbox = host
        .sandbox("labd.sandbox-web")
        .expect("the sandbox plugin");
    Setup {
        sandbox,
        _host: host,
        _data: data,
    }
}

#[expect(clippy::expect_used, reason = "a test cannot go on without it")]
fn sample_app() -> Vec<SourceFile> {
    let files = repository::sample_app().expect("the sample app");
    files
        .into_iter()
        .map(|(path, content)| SourceFile {
            path,
            content: content.into(),
        })
        .collect()
}

fn app(server: &str) -> Vec<SourceFile> {
    [
        ("app.json", r#"{"name": "Test"}"#),
        ("src/main.tsx", "document.title = \"x\";"),
        ("queries/numbers.sql", "-- @param most int\nSELECT :most"),
        ("server/run.ts", server),
    ]
    .map(|(path, content)| SourceFile {
        path: path.to_owned(),
        content: Bytes::copy_from_slice(content.as_bytes()),
    })
    .to_vec()
}

/// Answers every query with two rows and keeps what was asked.
#[derive(Default)]
struct Services {
    asked: Mutex<Vec<String>>,
    logged: Mutex<Vec<String>>,
}

#[async_trait]
impl AppServices for Services {
    async fn query(&self, name: &str, parameters: &str) -> Result<String, PluginError> {
        if let Ok(mut asked) = self.asked.lock() {
            asked.push(format!("{name} {parameters}"));
        }
        Ok(r#"{"columns":[{"name":"month","type":"text","kind":"text"},{"name":"orders","type":"int","kind":"integer"},{"name":"revenue","type":"numeric","kind":"decimal"}],"rows":[["2025-01",3,"10.50"],["2025-02",1,"4.50"]],"truncated":false,"rowCount":2}"#.to_owned())
    }

    fn user(&self) -> String {
        r#"{"name":"Ada"}"#.to_owned()
    }

    fn log(&self, _level: &str, message: &str) {
        if let Ok(mut logged) = self.logged.lock() {
            logged.push(message.to_owned());
        }
    }
}

async fn prepare(setup: &Setup, changed: Vec<SourceFile>) -> Result<Prepared, PluginError> {
    let mut workspace = setup.sandbox.open_workspace("project").await?;
    workspace
        .prepare(Change {
            changed,
            removed: Vec::new(),
        })
        .await
}

async fn load(setup: &Setup, server: &str) -> Result<Box<dyn AppServer>, PluginError> {
    let prepared = prepare(setup, app(server)).await?;
    let bundle = prepared
        .server_bundle
        .ok_or_else(|| PluginError::Internal(format!("no bundle: {:?}", prepared.diagnostics)))?;
    setup.sandbox.load("project", bundle).await
}

fn get(url: &str) -> AppRequest {
    AppRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: vec![("accept".to_owned(), "application/json".to_owned())],
        body: Bytes::new(),
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers
        .iter()
        .find(|(one, _)| one == name)
        .map_or("", |(_, value)| value)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_app_is_compiled_and_a_change_touches_what_it_must() {
    let setup = setup();
    let mut workspace = setup.sandbox.open_workspace("project").await.unwrap();
    let changed = sample_app();
    let first = workspace
        .prepare(Change {
            changed: changed.clone(),
            removed: vec![],
        })
        .await
        .unwrap();
    assert_eq!(first.diagnostics, []);
    let manifest = first.manifest.unwrap();
    assert_eq!(manifest.modules.len(), 3);
    assert_eq!(manifest.modules.last(), Some(&manifest.entry));
    assert_eq!(first.queries.len(), 3);
    assert_eq!(first.server_routes[0].path, "summary");

    let mut overview = changed
        .iter()
        .find(|file| file.path.ends_with("Overview.tsx"))
        .cloned()
        .unwrap();
    let text = String::from_utf8(overview.content.to_vec()).unwrap();
    let mut times = Vec::new();
    for number in 0..20 {
        // A new text and a new class each time, as an edit has them.
        let edited = text.replace("What came in", &format!("{number}: what came in"));
        overview.content = edited
            .replace("gap-4", &format!("gap-4 mt-[{number}px]"))
            .into();
        let start = Instant::now();
        let next = workspace
            .prepare(Change {
                changed: vec![overview.clone()],
                removed: vec![],
            })
            .await
            .unwrap();
        times.push(start.elapsed());
        let mut changed: Vec<_> = next
            .new_assets
            .iter()
            .map(|asset| asset.source_path.as_deref().unwrap_or("style"))
            .collect();
        changed.sort_unstable();
        assert_eq!(
            changed,
            [
                "src/App.tsx",
                "src/main.tsx",
                "src/pages/Overview.tsx",
                "style"
            ]
        );
    }
    times.sort();
    println!(
        "prepare after an edit: p50 {:?}, max {:?}",
        times[10], times[19]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_reads_queries_and_answers() {
    let setup = setup();
    let prepared = prepare(&setup, sample_app()).await.unwrap();
    let mut server = setup
        .sandbox
        .load("project", prepared.server_bundle.unwrap())
        .await
        .unwrap();
    let services = Arc::new(Services::default());
    let answer = server
        .handle(get("/api/summary?months=1"), services.clone())
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(header(&answer.headers, "content-type"), "application/json");
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["revenue"], 4.5);
    assert_eq!(
        services.asked.lock().unwrap()[0],
        r#"monthly_revenue {"months":2}"#
    );
    let refused = server
        .handle(get("/api/summary?months=x"), services.clone())
        .await
        .unwrap();
    assert_eq!(refused.status, 400);
    let nowhere = server.handle(get("/api/nowhere"), services).await.unwrap();
    assert_eq!(nowhere.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handlers_exception_is_a_500_at_its_place_in_the_source() {
    let setup = setup();
    let mut server = load(
        &setup,
        "interface A { b: string }\n\nexport function GET(): A {\n  const a: any = undefined;\n  return a.b;\n}\n",
    )
    .await
    .unwrap();
    let answer = server
        .handle(get("/api/run"), Arc::new(Services::default()))
        .await
        .unwrap();
    assert_eq!(answer.status, 500);
    let error = header(&answer.headers, "x-labd-error");
    assert!(error.contains("TypeError"), "{error}");
    assert!(error.contains("(server/run.ts:5:"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_recursion_is_a_500_and_the_next_request_works() {
    let setup = setup();
    let mut server = load(
        &setup,
        r#"
function down(n: number): number { return 1 + down(n + 1); }
const nest = (n: number): unknown => (n ? [nest(n - 1)] : []);
export function GET(request: Request) {
  switch (new URL(request.url).searchParams.get("how")) {
    case "function": return down(0);
    case "json": return JSON.parse("[".repeat(200000));
    case "sort": { const f = (): number => { [2, 1].sort(f); return 0; }; return f(); }
    case "tostring": { const o: any = { toString: () => `${o}` }; return `${o}`; }
    default: return { depth: JSON.stringify(nest(200)).length };
  }
}
"#,
    )
    .await
    .unwrap();
    for how in ["function", "json", "sort", "tostring"] {
        let answer = server
            .handle(
                get(&format!("/api/run?how={how}")),
                Arc::new(Services::default()),
            )
            .await
            .unwrap();
        assert_eq!(answer.status, 500, "{how}");
    }
    let answer = server
        .handle(get("/api/run"), Arc::new(Services::default()))
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
}

/// QuickJS writes JSON by recursion that no limit of its own sees.
#[tokio::test(flavor = "multi_thread")]
async fn a_trap_is_told_as_what_it_was_and_the_server_can_be_loaded_again() {
    let setup = setup();
    let code = "export function GET() { let a: unknown = []; for (let i = 0; i < 100000; i++) a = [a]; return a; }\nexport function POST() { return 'fine'; }";
    let mut server = load(&setup, code).await.unwrap();
    let trapped = server
        .handle(get("/api/run"), Arc::new(Services::default()))
        .await
        .unwrap_err();
    assert!(trapped.to_string().contains("stack"), "{trapped}");
    let mut request = get("/api/run");
    request.method = "POST".to_owned();
    let mut server = load(&setup, code).await.unwrap();
    let answer = server
        .handle(request, Arc::new(Services::default()))
        .await
        .unwrap();
    assert_eq!(answer.body, "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_never_answers_says_so() {
    let setup = setup();
    let mut server = load(
        &setup,
        "export async function GET() { await new Promise(() => {}); }\nexport async function POST(request: Request) { await new Promise((done) => setTimeout(done, 60_000)); return { body: await request.json(), id: crypto.randomUUID().length }; }",
    )
    .await
    .unwrap();
    let stuck = server
        .handle(get("/api/run"), Arc::new(Services::default()))
        .await
        .unwrap();
    assert_eq!(stuck.status, 500);
    let mut request = get("/api/run");
    request.method = "POST".to_owned();
    request.body = Bytes::from_static("{\"name\": \"Zoë 😀\"}".as_bytes());
    let answer = server
        .handle(request, Arc::new(Services::default()))
        .await
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&answer.body),
        "{\"body\":{\"name\":\"Zoë 😀\"},\"id\":36}"
    );
}
