//! Plugins that were built against contract 0.1.0 work in this host. What they are stands in
//! `tests/fixtures/contract-0.1.0/`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod support;

use async_trait::async_trait;
use bytes::Bytes;
use labd_plugin_host::{
    Denial, EmbeddedFile, Fault, Limits, PluginError,
    kinds::{
        ai::{
            CacheHints, Effort, EmbedRequest, Event, FinishReason, Message, Part, ProviderAccess,
            Purpose, Request, Retention, Role, Tool, ToolChoice, Usage,
        },
        connector::{
            Connection, Param, Placeholders, QueryOptions, RelationKind, SourceAccess, SqliteFile,
            Target, ValueKind, Values,
        },
        deployer::{
            AppSummary, Attempt, Bundle, DeployEvent, DeployRequest, Deployment, LogLevel, Release,
            ReleaseState, Scope, Setting, StepChange, StepState, TargetAccess,
        },
        sandbox::{AppRequest, AppServices, Change, Effect, Severity, SourceFile},
    },
};
use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};
use support::{ID, TestHost, source};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A host with the fixture of a kind.
fn host(kind: &str, rest: &str) -> TestHost {
    let fixtures =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures/contract-0.1.0");
    let manifest = format!(
        "schema = 1\nid = \"{ID}\"\nversion = \"1.0.0\"\nhost = \">=0.1\"\n\
         wasm = \"plugin.wasm\"\nkind = \"{kind}\"\n{rest}"
    );
    let file = |name: &str, bytes: Vec<u8>| EmbeddedFile {
        path: format!("{ID}-1.0.0/{name}").into(),
        bytes: bytes.into(),
    };
    let wasm = fs::read(fixtures.join(format!("{kind}.wasm.gz"))).unwrap();
    let files = vec![
        file("plugin.toml", manifest.into_bytes()),
        file("plugin.wasm.gz", wasm),
    ];
    TestHost::new(files, Limits::default())
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    (listener, origin)
}

/// Takes one request, answers it, and gives it.
async fn serve(listener: &TcpListener, answer: &str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    let whole = |request: &[u8]| {
        let text = String::from_utf8_lossy(request).to_lowercase();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.split_once("content-length: ").map_or(0, |(_, rest)| {
            rest.lines().next().unwrap().trim().parse().unwrap()
        });
        (body.len() >= length).then_some(())
    };
    while whole(&request).is_none() {
        request.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(request).unwrap()
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in {text}");
    }
}

const HTTP: &str = "[permissions]\nhttp = [\"from-config:base-url\"]\n";

fn provider_access(origin: &str) -> ProviderAccess {
    ProviderAccess {
        provider_id: "p".into(),
        config: serde_json::json!({ "base-url": origin }),
        ..ProviderAccess::default()
    }
}

#[tokio::test]
async fn a_provider_is_given_everything_and_tells_everything() {
    let (listener, origin) = listen().await;
    let host = host("ai-provider", HTTP);
    let provider = host.host.ai_provider(ID).unwrap();
    let info = provider.describe().await.unwrap();
    assert_eq!(
        (info.name.as_str(), info.default_model.as_deref()),
        ("Echo", Some("one"))
    );
    let can = info.capabilities;
    assert!(can.tools && can.strict_tools && can.images && can.files && can.structured_output);
    assert!(can.reasoning && can.embeddings && !can.document);

    let access = provider_access(&origin);
    let answer = "HTTP/1.1 203 OK\r\nx-told: yes\r\ncontent-length: 2\r\n\r\nm1";
    let (models, request) = tokio::join!(provider.models(&access), serve(&listener, answer));
    has(&request, &["GET /models", "x-sent: by the plugin"]);
    let model = models.unwrap().remove(0);
    assert_eq!((model.id.as_str(), model.name.as_str()), ("m1", "203 yes"));
    assert_eq!(
        (model.context_window, model.output_limit),
        (Some(1000), Some(100))
    );
    let can = model.capabilities.unwrap();
    assert!(can.tools && can.files && !can.images);

    let parts = vec![
        Part::Text("look".into()),
        Part::Image {
            media_type: "image/png".into(),
            data: vec![1],
        },
        Part::File {
            media_type: "text/csv".into(),
            name: Some("a.csv".into()),
            data: vec![2],
        },
        Part::ToolUse {
            id: "u".into(),
            name: "read".into(),
            arguments: "{}".into(),
        },
        Part::ToolResult {
            id: "u".into(),
            content: "no".into(),
            is_error: true,
        },
        Part::Reasoning("so".into()),
        Part::Blob(vec![3]),
    ];
    let request = Request {
        model: "one".into(),
        system: vec!["be brief".into()],
        messages: vec![Message {
            role: Role::Assistant,
            parts,
        }],
        tools: vec![Tool {
            name: "read".into(),
            description: "reads".into(),
            parameters: "{}".into(),
            strict: true,
        }],
        tool_choice: ToolChoice::Named("read".into()),
        parallel_tools: Some(false),
        output_schema: Some("{1}".into()),
        max_tokens: Some(9),
        temperature: Some(0.5),
        top_p: Some(0.25),
        stop: vec!["END".into()],
        effort: Some(Effort::Highest),
        cache: Some(CacheHints {
            tools: true,
            system: 1,
            messages: 7,
            retention: Retention::Long,
            key: Some("k".into()),
        }),
        user: Some("u-1".into()),
        document: Some("{2}".into()),
    };
    let mut completion = provider.complete(&access, request).await.unwrap();
    let mut events = Vec::new();
    loop {
        let more = completion.next(2).await.unwrap();
        assert!(more.len() <= 2);
        if more.is_empty() {
            break;
        }
        events.extend(more);
    }
    let Event::Text(told) = &events[1] else {
        panic!("{events:?}")
    };
    has(
        told,
        &[
            "be brief",
            "Assistant",
            "look",
            "image/png",
            "[1]",
            "text/csv",
            "a.csv",
            "[2]",
        ],
    );
    has(
        told,
        &[
            "\"u\"",
            "is-error: true",
            "so",
            "Blob([3])",
            "reads",
            "strict: true",
        ],
    );
    has(
        told,
        &[
            "Named(\"read\")",
            "parallel-tools: Some(false)",
            "{1}",
            "Some(9)",
            "Some(0.5)",
        ],
    );
    has(
        told,
        &[
            "top-p: Some(0.25)",
            "END",
            "Effort::Highest",
            "messages: 7",
            "Retention::Long",
        ],
    );
    has(told, &["Some(\"k\")", "Some(\"u-1\")", "{2}"]);
    let usage = Usage {
        input: Some(5),
        cached_input: Some(2),
        cache_writes: Some(1),
        output: Some(4),
        reasoning: Some(3),
    };
    let id = || "t".to_owned();
    let expected = [
        Event::Started {
            model: "one".into(),
            id: "1".into(),
        },
        events[1].clone(),
        Event::Reasoning("hm".into()),
        Event::Blob(vec![1, 2, 3]),
        Event::ToolStarted {
            id: id(),
            name: "read".into(),
        },
        Event::ToolFragment {
            id: id(),
            fragment: "{}".into(),
        },
        Event::ToolFinished(id()),
        Event::Usage(usage),
        Event::Finish(FinishReason::Pause),
    ];
    assert_eq!(events, expected);

    let request = EmbedRequest {
        model: "e".into(),
        texts: vec!["abc".into(), "d".into()],
        dimensions: Some(2),
        purpose: Some(Purpose::Query),
        user: Some("u-1".into()),
    };
    let given = provider.embed(&access, request).await.unwrap();
    assert_eq!(given.vectors, [[3.0, 2.0], [1.0, 2.0]]);
    assert_eq!(given.usage.input, Some(7));
    has(&given.model, &["e Some(", "Query", "u-1"]);
}

#[tokio::test]
async fn every_error_arrives_as_what_it_is() {
    let host = host("ai-provider", HTTP);
    let provider = host.host.ai_provider(ID).unwrap();
    let fault = || Fault {
        message: "why".into(),
        code: Some("C1".into()),
        position: Some(3),
        hint: Some("what to do".into()),
    };
    for (name, expected) in [
        (
            "denied",
            PluginError::Denied(Denial {
                capability: "http".into(),
                target: "https://x.example".into(),
                message: "labd plugin grant x".into(),
            }),
        ),
        ("invalid-request", PluginError::InvalidRequest(fault())),
        ("unauthenticated", PluginError::Unauthenticated(fault())),
        (
            "rate-limited",
            PluginError::RateLimited(Some(Duration::from_millis(1500))),
        ),
        ("overloaded", PluginError::Overloaded),
        ("timeout", PluginError::Timeout),
        ("cancelled", PluginError::Cancelled),
        ("unavailable", PluginError::Unavailable(fault())),
        ("not-found", PluginError::NotFound(fault())),
        ("conflict", PluginError::Conflict(fault())),
        ("internal", PluginError::Internal("why".into())),
    ] {
        let request = Request {
            model: format!("error {name}"),
            ..Request::default()
        };
        let access = provider_access("http://127.0.0.1:9");
        let outcome = provider.complete(&access, request).await.map(drop);
        assert_eq!(outcome, Err(expected), "{name}");
    }
}

const CONNECTOR: &str = "[connector]\nschemes = [\"echo\"]\n[permissions]\nnet = \"from-config\"\n\
     sqlite = \"from-config\"\nreveal = [\"password\"]\n";

fn options() -> QueryOptions {
    QueryOptions {
        read_only: true,
        timeout: Duration::from_secs(5),
        max_rows: 100,
        max_bytes: 10_000,
    }
}

async fn told(connection: &mut dyn Connection, text: &str, params: &[Param]) -> String {
    let rows = connection.query(text, params, options()).await.unwrap();
    match &rows.first.columns[0].values {
        Values::Texts(texts) => texts[0].clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connector_is_given_everything_and_tells_everything() {
    let host = host("connector", CONNECTOR);
    let connector = host.host.connector(ID).unwrap();
    let info = connector.describe().await.unwrap();
    assert_eq!(
        (info.dialect.as_str(), info.placeholders),
        ("echo", Placeholders::Json)
    );
    let mut access = Arc::unwrap_or_clone(source("s"));
    access.config.user = Some("me".into());
    access.config.options = vec![("a".into(), "b".into())];
    access.config.time_zone = "UTC".into();
    access.config.application_name = "labd".into();
    let mut connection = connector.open(Arc::new(access)).await.unwrap();
    connection.ping().await.unwrap();
    let info = connection.server_info().await.unwrap();
    has(
        &info.product,
        &["\"me\"", "(\"a\", \"b\")", "\"UTC\"", "\"labd\""],
    );
    assert_eq!(
        (info.user.as_deref(), info.warnings[0].as_str()),
        (Some("role"), "careful")
    );

    let schema = connection.schema().await.unwrap();
    let kinds: Vec<_> = schema
        .relations
        .iter()
        .map(|relation| relation.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            RelationKind::Table,
            RelationKind::View,
            RelationKind::MaterializedView,
            RelationKind::ForeignTable,
            RelationKind::Collection,
        ]
    );
    let relation = &schema.relations[4];
    assert_eq!(
        (relation.name.as_str(), relation.row_estimate),
        ("r4", Some(1 << 40))
    );
    let column = &relation.columns[0];
    assert_eq!(
        (column.name.as_str(), column.frequency),
        ("items[].price", Some(80))
    );
    assert_eq!(relation.unique_keys, [["a", "b"]]);
    assert_eq!(relation.foreign_keys[0].referenced_columns, ["id"]);
    assert!(relation.indexes[0].unique && column.nullable);

    let prepared = connection.prepare("q").await.unwrap();
    assert_eq!(prepared.parameters[0].kind, ValueKind::Uuid);
    assert_eq!(prepared.columns[0].kind, ValueKind::Instant);
    let token = connection.cancel_token().await.unwrap();
    assert_eq!(token, b"stop\n");

    let params = [
        Param::Null,
        Param::Boolean(true),
        Param::Integer((1 << 53) - 1),
        Param::Integer(i64::MIN),
        Param::Float(0.5),
        Param::Text("t".into()),
        Param::Binary(vec![7]),
        Param::Typed {
            kind: ValueKind::Date,
            text: "2026-01-02".into(),
        },
        Param::Array {
            kind: ValueKind::Integer,
            items: vec![Some("1".into()), None],
        },
    ];
    let said = told(&mut *connection, "params", &params).await;
    has(
        &said,
        &[
            "Null",
            "Boolean(true)",
            "Integer(9007199254740991)",
            "-9223372036854775808",
        ],
    );
    has(
        &said,
        &[
            "Float(0.5)",
            "Text(\"t\")",
            "Binary([7])",
            "Date",
            "2026-01-02",
            "None",
        ],
    );
    let said = told(&mut *connection, "options", &[]).await;
    has(&said, &["read-only: true", "5000", "100", "10000"]);
}

#[tokio::test]
async fn every_kind_of_value_crosses_in_every_batch() {
    let host = host("connector", CONNECTOR);
    let connector = host.host.connector(ID).unwrap();
    let mut connection = connector.open(source("s")).await.unwrap();
    let rows = connection.query("values", &[], options()).await.unwrap();
    assert!(rows.more && rows.columns.len() == 14 && rows.first.rows == 2);
    let second = connection.next(10, 1000).await.unwrap();
    assert_eq!(second, rows.first);
    assert_eq!(connection.next(10, 1000).await.unwrap().rows, 0);
    let values = |at: usize| &rows.first.columns[at].values;
    assert_eq!(*values(0), Values::Booleans(vec![true, false]));
    assert_eq!(*values(1), Values::Integers(vec![i64::MAX, 0]));
    assert_eq!(*values(2), Values::Floats(vec![0.5, 0.0]));
    assert_eq!(
        *values(3),
        Values::Decimals(vec!["1.10".into(), String::new()])
    );
    assert_eq!(*values(5), Values::Binaries(vec![vec![0, 255], Vec::new()]));
    assert_eq!(*values(6), Values::Dates(vec![-1, 0]));
    assert_eq!(*values(7), Values::Times(vec![1, 0]));
    assert_eq!(*values(8), Values::Timestamps(vec![2, 0]));
    assert_eq!(*values(9), Values::Instants(vec![3, 0]));
    let nulls = rows
        .first
        .columns
        .iter()
        .map(|column| (column.is_null(0), column.is_null(1)));
    assert!(nulls.into_iter().all(|nulls| nulls == (false, true)));
    let kinds: Vec<_> = rows.columns.iter().map(|column| column.kind).collect();
    assert_eq!(
        kinds[10..],
        [
            ValueKind::Uuid,
            ValueKind::Json,
            ValueKind::Array,
            ValueKind::Other
        ]
    );
}

#[tokio::test]
async fn a_connector_reaches_its_server_and_its_secret() {
    let (listener, _) = listen().await;
    let mut access = Arc::unwrap_or_clone(source("s"));
    access.targets = vec![Target::Tcp {
        host: "127.0.0.1".into(),
        port: listener.local_addr().unwrap().port(),
    }];
    access.config.database = Some("net".into());
    access
        .secrets
        .insert("password".into(), "pw-73".to_owned().into());
    let access: Arc<SourceAccess> = Arc::new(access);
    let host = host("connector", CONNECTOR);
    let connector = host.host.connector(ID).unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(line(&mut stream).await, "hello pw-73\n");
        stream.write_all(b"welcome").await.unwrap();
        stream
    };
    let (opened, mut stream) = tokio::join!(connector.open(Arc::clone(&access)), server);
    let mut connection = opened.unwrap();
    let info = connection.server_info().await.unwrap();
    has(&info.product, &["127.0.0.1", "Disable", "welcome"]);
    let server = async {
        assert_eq!(line(&mut stream).await, "time?\n");
        stream.write_all(b"noon").await.unwrap();
    };
    let (said, ()) = tokio::join!(told(&mut *connection, "ask time?\n", &[]), server);
    assert_eq!(said, "noon");
    let server = async { line(&mut listener.accept().await.unwrap().0).await };
    let (cancelled, token) = tokio::join!(connector.cancel(access, b"stop\n"), server);
    assert_eq!((cancelled, token.as_str()), (Ok(()), "stop\n"));
}

async fn line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(line).unwrap()
}

#[tokio::test]
async fn a_connector_reads_its_file_with_every_digit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("shop.db");
    fs::write(&path, "").unwrap();
    let mut access = Arc::unwrap_or_clone(source("s"));
    access.sqlite = Some(SqliteFile {
        path,
        identity: None,
        writable: false,
    });
    let host = host("connector", CONNECTOR);
    let connector = host.host.connector(ID).unwrap();
    let mut connection = connector.open(Arc::new(access)).await.unwrap();
    let sql = "SELECT ?1 AS a, 9223372036854775807, 0.5, 'x', x'01', NULL";
    let said = told(&mut *connection, sql, &[]).await;
    has(
        &said,
        &[
            "\"a\"",
            "true",
            "-9223372036854775808",
            "Integer(9223372036854775807)",
        ],
    );
    has(&said, &["Real(0.5)", "Text(\"x\")", "Blob([1])", "Null"]);
}

struct Orders;

#[async_trait]
impl AppServices for Orders {
    async fn query(&self, name: &str, parameters: &str) -> Result<String, PluginError> {
        Ok(format!("{name} for {parameters}"))
    }

    fn user(&self) -> String {
        "{\"name\":\"Ada\"}".into()
    }

    fn log(&self, _: &str, _: &str) {}
}

#[tokio::test]
async fn a_sandbox_prepares_an_app_and_runs_its_server() {
    let host = host("sandbox", "");
    let sandbox = host.host.sandbox(ID).unwrap();
    assert_eq!(sandbox.describe().await.unwrap().name, "Plain");
    assert_eq!(sandbox.detect(&["a".into(), "b".into()]).await, Ok(2));
    let mut workspace = sandbox.open_workspace("project").await.unwrap();
    let file = |path: &str| SourceFile {
        path: path.into(),
        content: Bytes::from_static(b"code"),
    };
    let change = Change {
        changed: vec![file("src/a.js"), file("b.js")],
        removed: Vec::new(),
    };
    let prepared = workspace.prepare(change).await.unwrap();
    let asset = &prepared.new_assets[0];
    assert_eq!(
        (asset.name.as_str(), &asset.content[..]),
        ("src-a.js", &b"code"[..])
    );
    assert_eq!(asset.source_path.as_deref(), Some("src/a.js"));
    let manifest = prepared.manifest.unwrap();
    assert_eq!(
        (manifest.entry.as_str(), manifest.modules.len()),
        ("2 files", 2)
    );
    let query = &prepared.queries[0];
    assert_eq!(
        (query.effect, query.cache, query.line_offset),
        (Effect::Write, Some(30_000), 2)
    );
    assert!(query.parameters[0].required);
    assert_eq!(prepared.server_routes[0].methods, ["GET"]);
    let fault = &prepared.diagnostics[0];
    assert_eq!(
        (fault.severity, fault.line, fault.column),
        (Severity::Error, Some(2), Some(3))
    );
    let change = Change {
        changed: Vec::new(),
        removed: vec!["b.js".into()],
    };
    let prepared = workspace.prepare(change).await.unwrap();
    assert_eq!(prepared.manifest.unwrap().entry, "1 files");
    let warned = workspace.warm(file("c.js")).await.unwrap();
    assert_eq!(warned[0].severity, Severity::Warning);

    let bundle = prepared.server_bundle.unwrap();
    let mut server = sandbox.load("project", bundle).await.unwrap();
    let request = AppRequest {
        method: "POST".into(),
        url: "/api/orders?a=1".into(),
        headers: vec![("x-a".into(), "b".into())],
        body: Bytes::from_static(&[9]),
    };
    let response = server.handle(request, Arc::new(Orders)).await.unwrap();
    assert_eq!(response.status, 201);
    assert_eq!(response.headers, [("x-told".to_owned(), "yes".to_owned())]);
    let said = String::from_utf8(response.body.to_vec()).unwrap();
    has(
        &said,
        &[
            "bundle",
            "orders for {\"year\":2026}",
            "Ada",
            "POST",
            "/api/orders?a=1",
            "x-a",
            "[9]",
        ],
    );
}

#[tokio::test]
async fn a_deployer_reads_its_bundle_and_tells_everything() {
    let (listener, origin) = listen().await;
    let manifest = format!(
        "{HTTP}[[credentials]]\nname = \"token\"\nhosts = [\"from-config:base-url\"]\nheader = \"x-token\"\n"
    );
    let host = host("deployer", &manifest);
    let deployer = host.host.deployer(ID).unwrap();
    let info = deployer.describe().await.unwrap();
    let can = info.features;
    assert!(can.artifact && can.releases && can.rollback && can.destroy && can.settings);
    let mut access = TargetAccess {
        target_id: "t".into(),
        config: serde_json::json!({ "base-url": origin }),
        credentials: BTreeMap::new(),
    };
    access.credentials.insert(
        "token".into(),
        labd_plugin_host::kinds::ai::BoundCredential {
            origin: origin.clone(),
            value: "credential-73".to_owned().into(),
        },
    );
    let ok = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    let (valid, request) = tokio::join!(deployer.validate(&access), serve(&listener, ok));
    assert_eq!(valid, Ok(()));
    has(&request, &["GET /ready", "x-token: credential-73"]);

    let files = BTreeMap::from([("package.json".to_owned(), Bytes::from_static(b"{}"))]);
    let app = AppSummary {
        name: "Shop".into(),
        slug: "shop".into(),
        layout: "node-project".into(),
        message: "first".into(),
        settings: vec![Setting {
            name: "TOKEN".into(),
            description: "a token".into(),
            required: true,
            secret: true,
            default_value: None,
            available: true,
        }],
    };
    let bundle = Arc::new(Bundle::new(files, |_| "application/json".into()));
    let plan = deployer
        .plan(&access, app.clone(), Arc::clone(&bundle))
        .await
        .unwrap();
    has(
        &plan.summary,
        &[
            "Shop",
            "shop",
            "node-project",
            "first",
            "TOKEN",
            bundle.revision(),
        ],
    );
    let step = &plan.steps[0];
    has(
        &step.title,
        &["package.json", "size: 2", "application/json"],
    );
    assert!(step.change == StepChange::Keep && step.irreversible);
    assert_eq!(
        (plan.basis.as_deref(), plan.settings[0].as_str()),
        (Some("b1"), "TOKEN")
    );

    let attempt = Attempt {
        id: "01JD0000000000000000000000".into(),
        checkpoint: Some("c0".into()),
    };
    let request = DeployRequest {
        app,
        bundle,
        attempt: attempt.clone(),
        basis: plan.basis,
        settings: BTreeMap::from([("TOKEN".to_owned(), "se\"cret-73".to_owned().into())]),
    };
    let (deployment, request) =
        tokio::join!(deployer.deploy(&access, request), serve(&listener, ok));
    has(&request, &["POST /sites", r#"{"token":"se\"cret-73"}"#]);
    let events = events(deployment.unwrap()).await;
    let DeployEvent::Log {
        level: LogLevel::Warn,
        text,
    } = &events[1]
    else {
        panic!("{events:?}")
    };
    has(text, &["204 shop", "01JD", "c0", "b1"]);
    let release = Release {
        id: "r1".into(),
        url: Some("https://app.example/".into()),
        state: Some("opaque".into()),
    };
    let expected = [
        DeployEvent::Step {
            id: "send".into(),
            state: StepState::Skipped,
            message: Some("there already".into()),
        },
        events[1].clone(),
        DeployEvent::Progress {
            done: 1,
            total: Some(2),
            unit: "files".into(),
        },
        DeployEvent::Url("https://app.example/".into()),
        DeployEvent::Artifact {
            name: "app.zip".into(),
            media_type: "application/zip".into(),
        },
        DeployEvent::ArtifactBytes(Bytes::from_static(b"{}")),
        DeployEvent::Checkpoint("c1".into()),
        DeployEvent::Finished(Some(release.clone())),
    ];
    assert_eq!(events, expected);

    let status = deployer.status(&access, release.clone()).await.unwrap();
    assert_eq!(
        (status.state, status.message.as_deref()),
        (ReleaseState::Inactive, Some("as told"))
    );
    let known = deployer.releases(&access).await.unwrap();
    assert_eq!(
        (known[0].revision.as_deref(), known[0].created),
        (Some("cafe"), Some(1_700_000_000_000))
    );
    let rolled = deployer
        .rollback(&access, release.clone(), attempt.clone())
        .await
        .unwrap();
    assert_eq!(
        self::events(rolled).await,
        [DeployEvent::Finished(Some(release.clone()))]
    );
    for (scope, left) in [
        (Scope::Release(release.clone()), Some(release)),
        (Scope::Everything, None),
    ] {
        let work = deployer
            .destroy(&access, scope, attempt.clone())
            .await
            .unwrap();
        assert_eq!(self::events(work).await, [DeployEvent::Finished(left)]);
    }
}

async fn events(mut deployment: Box<dyn Deployment>) -> Vec<DeployEvent> {
    let mut all = Vec::new();
    loop {
        let more = deployment.next(3).await.unwrap();
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}
