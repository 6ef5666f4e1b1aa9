//! Apps that leave labd: planned, agreed to, packed, downloaded, and run as their README says.

use labd_protocol::{
    DeployStart, DeployState, DeploymentId, LabdClient, ProjectId, TargetId, answer, within,
};
use labd_tests::{
    daemon::{Daemon, until},
    servers,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Read as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::process::{Child, Command};
use zip::ZipArchive;

use crate::projects::{dashboard, save};

const SLOW: Duration = Duration::from_secs(60);
/// npm fetches some hundred packages, and builds with them.
const NPM: Duration = Duration::from_secs(400);

/// Deploys by the command line; the archive and its deployment's id.
async fn deploy(daemon: &Daemon, project: &str, folder: &Path) -> (Vec<u8>, String) {
    let out = folder.join("app.zip");
    let path = out.to_str().unwrap();
    let arguments = ["deploy", project, "--yes", "--output", path];
    let printed = daemon.home.run(&arguments).await.unwrap();
    assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
    assert!(printed.out.contains("pack: done"), "{}", printed.out);
    let all = deployments(daemon, project).await;
    (
        fs::read(out).unwrap(),
        all[0]["id"].as_str().unwrap().to_owned(),
    )
}

async fn deployments(daemon: &Daemon, project: &str) -> Vec<Value> {
    let all = daemon
        .get(&format!("/projects/{project}/deployments"))
        .await
        .unwrap();
    all.json().as_array().unwrap().clone()
}

/// The files of an archive without their common folder.
fn files(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let name = file.name().unwrap().into_owned();
        let (_, path) = name.split_once('/').unwrap();
        let path = path.to_owned();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        files.insert(path, content);
    }
    files
}

#[tokio::test]
async fn an_app_is_planned_deployed_downloaded_and_rolled_back_at_every_door() {
    let daemon = Daemon::start().await.unwrap();
    let project = dashboard(&daemon, "Shop").await;
    let route = format!("/projects/{project}");
    let folder = tempfile::tempdir().unwrap();

    let targets = daemon.get("/targets").await.unwrap().json();
    assert_eq!(targets[0]["plugin"], "labd.archive", "{targets}");
    let target = targets[0]["id"].as_str().unwrap();
    let plan = daemon
        .get(&format!("{route}/deploy-plan?target={target}"))
        .await
        .unwrap();
    assert_eq!(plan.status, 200, "{}", plan.text());
    assert_eq!(plan.json()["steps"][0]["change"], "create");
    let shown = daemon
        .home
        .run(&["deploy", "Shop", "--plan"])
        .await
        .unwrap();
    assert!(shown.out.contains("+ Pack "), "{}", shown.out);
    // Without a yes nothing happens.
    let unasked = daemon.home.run(&["deploy", "Shop"]).await.unwrap();
    assert_ne!(unasked.code, 0);
    assert!(deployments(&daemon, &project).await.is_empty());

    let (first, id) = deploy(&daemon, &project, folder.path()).await;
    let unpacked = files(&first);
    let source = daemon
        .get(&format!("{route}/files/src/main.tsx"))
        .await
        .unwrap()
        .json();
    assert_eq!(
        unpacked["src/main.tsx"],
        source["content"].as_str().unwrap().as_bytes()
    );
    let done = &deployments(&daemon, &project).await[0];
    assert_eq!(
        (&done["state"], &done["live"]),
        (&json!("done"), &json!(true))
    );
    let file = format!("{route}/deployments/{id}/artifact");
    let fetched = daemon.get(&file).await.unwrap();
    assert_eq!(fetched.header("content-type"), "application/zip");
    assert_eq!(
        fetched.header("content-disposition"),
        "attachment; filename=\"shop.zip\""
    );
    assert!(fetched.body == first);
    let events = crate::turns::follow(&daemon, &format!("{route}/deployments/{id}"), 0, 1000).await;
    let types = events
        .iter()
        .map(|(_, event)| event["type"].as_str().unwrap());
    let types: Vec<_> = types.filter(|name| *name != "progress").collect();
    assert_eq!(types, ["started", "step", "step", "artifact", "finished"]);

    // The same app gives the same bytes; another one others, and the first comes back.
    let (again, _) = deploy(&daemon, &project, folder.path()).await;
    assert!(again == first);
    let page = daemon
        .get(&format!("{route}/files/src/pages/Overview.tsx"))
        .await
        .unwrap()
        .json();
    let text = page["content"]
        .as_str()
        .unwrap()
        .replace("Revenue", "Income");
    let changed = save(
        &daemon,
        &project,
        "src/pages/Overview.tsx",
        &text,
        page["hash"].clone(),
    )
    .await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let (other, _) = deploy(&daemon, &project, folder.path()).await;
    assert!(other != first);
    let back = ["deploy", "rollback", "Shop", &id, "--yes"];
    let printed = daemon.home.run(&back).await.unwrap();
    assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
    let all = deployments(&daemon, &project).await;
    assert_eq!(all[0]["action"], "rollback");
    assert_eq!(all[0]["artifact"]["sha256"], all[3]["artifact"]["sha256"]);
    let live: Vec<_> = all
        .iter()
        .map(|one| one["live"].as_bool().unwrap())
        .collect();
    // Both deployments of the first state are that release.
    assert_eq!(live, [false, false, true, true]);
    let status = daemon
        .home
        .run(&["deploy", "status", "Shop"])
        .await
        .unwrap();
    assert_eq!(status.out.trim(), "live");
    let releases = daemon
        .home
        .run(&["deploy", "releases", "Shop"])
        .await
        .unwrap();
    assert!(releases.out.contains("rollback"), "{}", releases.out);
    let down = [
        "deploy",
        "destroy",
        "Shop",
        "--target",
        "Zip archive",
        "--yes",
    ];
    let refused = daemon.home.run(&down).await.unwrap();
    assert!(
        refused.err.contains("nothing that could be taken down"),
        "{}",
        refused.err
    );

    daemon.delete(&route).await.unwrap();
    assert_eq!(daemon.get(&file).await.unwrap().status, 404);
}

#[tokio::test]
async fn a_token_cannot_deploy_and_a_yes_holds_for_the_plan_that_was_read() {
    let daemon = Daemon::start().await.unwrap();
    let project = dashboard(&daemon, "Shop").await;
    let (labd, id) = (
        daemon.rpc().await.unwrap(),
        project.parse::<ProjectId>().unwrap(),
    );
    let target = archive(&labd).await;
    let plan = answer(labd.deploy_plan(within(SLOW), id, target).await).unwrap();
    let start = |plan: &str| DeployStart {
        id: DeploymentId::generate(),
        target,
        plan: plan.to_owned(),
    };
    let yes = serde_json::to_value(start(&plan.digest)).unwrap();
    for (route, body) in [
        (format!("/projects/{project}/deployments"), yes),
        (
            format!("/projects/{project}/destroy"),
            json!({ "id": DeploymentId::generate(), "target": target }),
        ),
        (
            "/targets".to_owned(),
            json!({ "name": "mine", "plugin": "labd.archive" }),
        ),
    ] {
        let refused = daemon.post(&route, body).await.unwrap();
        assert_eq!(refused.status, 403, "{route}: {}", refused.text());
    }
    assert!(deployments(&daemon, &project).await.is_empty());

    let saved = save(&daemon, &project, "public/note.txt", "new", Value::Null).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    let stale = answer(
        labd.deploy_start(within(SLOW), id, start(&plan.digest))
            .await,
    );
    assert!(stale.unwrap_err().message.contains("changed meanwhile"));
    let plan = answer(labd.deploy_plan(within(SLOW), id, target).await).unwrap();
    let fresh = start(&plan.digest);
    let begun = answer(labd.deploy_start(within(SLOW), id, fresh.clone()).await).unwrap();
    // Starting it again is the same one.
    let again = answer(labd.deploy_start(within(SLOW), id, fresh).await).unwrap();
    assert_eq!(begun.id, again.id);
    ended(&labd, id, begun.id).await;
    assert_eq!(deployments(&daemon, &project).await.len(), 1);
}

async fn archive(labd: &LabdClient) -> TargetId {
    let targets = answer(labd.targets(within(SLOW)).await).unwrap();
    targets[0].id
}

async fn ended(labd: &LabdClient, project: ProjectId, id: DeploymentId) -> DeployState {
    let mut after = 0;
    loop {
        let call = labd.deployment_events(within(SLOW), project, id, after, 100, 20_000);
        let page = answer(call.await).unwrap();
        after = page.events.last().map_or(after, |record| record.seq);
        if page.end {
            let found = answer(labd.deployment(within(SLOW), project, id).await);
            return found.unwrap().state;
        }
    }
}

#[tokio::test]
async fn a_deployment_that_a_power_cut_ended_is_interrupted_and_goes_on() {
    let mut daemon = Daemon::start().await.unwrap();
    let project = dashboard(&daemon, "Shop").await;
    let id: ProjectId = project.parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (whole, _) = deploy(&daemon, &project, folder.path()).await;
    for _ in 0..10 {
        let labd = daemon.rpc().await.unwrap();
        let target = archive(&labd).await;
        let plan = answer(labd.deploy_plan(within(SLOW), id, target).await).unwrap();
        let start = DeployStart {
            id: DeploymentId::generate(),
            target,
            plan: plan.digest,
        };
        let begun = answer(labd.deploy_start(within(SLOW), id, start).await).unwrap();
        daemon.kill().await.unwrap();
        daemon.restart().await.unwrap();
        let labd = daemon.rpc().await.unwrap();
        let state = ended(&labd, id, begun.id).await;
        if state == DeployState::Done {
            // It was quicker than the cut.
            continue;
        }
        assert_eq!(state, DeployState::Interrupted);
        let call = labd.deployment_resume(within(SLOW), id, begun.id);
        answer(call.await).unwrap();
        assert_eq!(ended(&labd, id, begun.id).await, DeployState::Done);
        let file = format!("/projects/{project}/deployments/{}/artifact", begun.id);
        assert!(daemon.get(&file).await.unwrap().body == whole);
        return;
    }
    panic!("no deployment was cut off");
}

/// An app that runs outside labd, as its README says.
struct Running {
    origin: String,
    http: reqwest::Client,
    server: Child,
    _folder: tempfile::TempDir,
}

impl Running {
    /// Unpacks an archive and runs the commands of its README, one by one. Where it says to enter the
    /// database's address, that is done.
    async fn start(zip: &[u8], database: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        ZipArchive::new(Cursor::new(zip))
            .unwrap()
            .extract(folder.path())
            .unwrap();
        let app = fs::read_dir(folder.path())
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let commands = commands(&app);
        let (start, before) = commands.split_last().unwrap();
        assert!(
            before.iter().any(|line| line.starts_with("npm install")),
            "{before:?}"
        );
        for line in before {
            let done = tokio::time::timeout(NPM, shell(&app, line).output()).await;
            let done = done.unwrap().unwrap();
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(
                done.status.success(),
                "{line}: {said}{}",
                String::from_utf8_lossy(&done.stdout)
            );
            if line.starts_with("cp ") {
                let env = app.join(".env");
                let text = fs::read_to_string(&env).unwrap();
                let lines = text.lines().map(|line| match line.split_once('=') {
                    Some(("DATABASE_URL", _)) => format!("DATABASE_URL={database}"),
                    Some(("PORT", _)) => format!("PORT={port}"),
                    _ => line.to_owned(),
                });
                fs::write(&env, lines.collect::<Vec<_>>().join("\n")).unwrap();
            }
        }
        let server = shell(&app, start).kill_on_drop(true).spawn().unwrap();
        let running = Self {
            origin: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            server,
            _folder: folder,
        };
        until("the app's server", async || {
            let page = running.http.get(&running.origin).send().await;
            page.is_ok().then_some(())
        })
        .await
        .unwrap();
        running
    }

    async fn page(&self, path: &str) -> String {
        let page = self
            .http
            .get(format!("{}{path}", self.origin))
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), 200);
        page.text().await.unwrap()
    }

    async fn query(&self, name: &str, params: Value) -> Value {
        let asked = self
            .http
            .post(format!("{}/_lab/q/{name}", self.origin))
            .json(&json!({ "params": params }));
        let answer = asked.send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// npm starts node, which outlives it when only npm is killed.
    async fn stop(mut self) {
        let group = self.server.id().unwrap().to_string();
        let mut kill = Command::new("kill");
        kill.args(["-9", "--", &format!("-{group}")]);
        assert!(kill.status().await.unwrap().success());
        self.server.wait().await.unwrap();
    }
}

fn shell(app: &Path, line: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(app)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The commands of the README's first block.
fn commands(app: &Path) -> Vec<String> {
    let readme = fs::read_to_string(app.join("README.md")).unwrap();
    let block = readme.split("```sh\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    block.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn an_archive_runs_with_node_as_its_readme_says_on_the_sample() {
    let daemon = Daemon::start().await.unwrap();
    let project = dashboard(&daemon, "Shop").await;
    let folder = tempfile::tempdir().unwrap();
    let (zip, _) = deploy(&daemon, &project, folder.path()).await;
    let database: PathBuf = daemon.home.data().join("samples/shop.db");
    let before = fs::read(&database).unwrap();
    let app = Running::start(&zip, &format!("sqlite://{}", database.display())).await;
    let page = app.page("/").await;
    assert!(page.contains("<title>Shop</title>"), "{page}");
    let script = page
        .split("src=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(app.page(script).await.len() > 10_000);
    let rows = app.query("top_customers", json!({ "count": 5 })).await;
    assert!(!rows["rows"].as_array().unwrap().is_empty(), "{rows}");
    app.stop().await;
    assert!(fs::read(&database).unwrap() == before);
}

const APP: [(&str, &str); 3] = [
    ("app.json", r#"{ "name": "Customers" }"#),
    (
        "queries/customers.sql",
        "-- Customers.\n-- @param least int\n-- @effect read\nSELECT id, email, balance FROM customers WHERE id >= :least ORDER BY id",
    ),
    (
        "src/main.tsx",
        "import { createRoot } from \"react-dom/client\";\nimport { useQuery } from \"@labd/data\";\n\nfunction App() {\n  const { data } = useQuery(\"customers\", { least: 1 });\n  return <p>{data?.length ?? 0} customers</p>;\n}\n\ncreateRoot(document.getElementById(\"root\")!).render(<App />);\n",
    ),
];

#[tokio::test]
async fn an_archive_runs_with_node_on_postgresql_and_holds_no_secret() {
    let database = servers::postgres().await.unwrap();
    let client = database.client().await.unwrap();
    client
        .batch_execute(
            "CREATE TABLE customers (id bigint PRIMARY KEY, email text, balance numeric(30, 2));
             INSERT INTO customers SELECT n, 'c' || n || '@example.org', 12345678901234567890.50 FROM generate_series(1, 3) n;
             CREATE ROLE deployed_canary LOGIN PASSWORD 'kanary-of-the-archive';
             GRANT SELECT ON customers TO deployed_canary",
        )
        .await
        .unwrap();
    let mut url = database.url_as("deployed_canary", "kanary-of-the-archive");
    url.query_pairs_mut().append_pair("sslmode", "disable");
    let daemon = Daemon::start_empty().await.unwrap();
    let source = crate::postgres::create(&daemon, "shop", &url).await;
    assert_eq!(source.status, 201, "{}", source.text());
    let create = json!({ "name": "Customers", "source": source.json()["id"] });
    let made = daemon.post("/projects", create).await.unwrap().json();
    let project = made["id"].as_str().unwrap();
    for (path, text) in APP {
        let saved = save(&daemon, project, path, text, Value::Null).await;
        assert_eq!(saved.status, 200, "{path}: {}", saved.text());
    }
    let folder = tempfile::tempdir().unwrap();
    let (zip, _) = deploy(&daemon, project, folder.path()).await;
    for (path, content) in files(&zip) {
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains("kanary"), "{path}");
    }
    let events = daemon.home.log();
    assert!(!events.contains("kanary"));

    let app = Running::start(&zip, url.as_str()).await;
    assert!(app.page("/").await.contains("<title>Customers</title>"));
    let rows = app.query("customers", json!({ "least": 2 })).await;
    assert_eq!(
        rows["rows"],
        json!([
            [2, "c2@example.org", "12345678901234567890.50"],
            [3, "c3@example.org", "12345678901234567890.50"]
        ])
    );
    app.stop().await;
    client
        .batch_execute("DROP OWNED BY deployed_canary; DROP ROLE deployed_canary")
        .await
        .unwrap();
}
