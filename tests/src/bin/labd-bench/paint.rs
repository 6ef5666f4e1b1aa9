//! From the last byte of a model's answer to the new state on the screen.
//!
//! An AI provider of ours streams the sample app's files as Chat Completions do, through
//! `ai-openai-compatible`, builder, sandbox and preview; a headless Chromium has the preview open
//! and tells when it has painted. Both read the same clock.

use crate::{
    Result,
    browser::Page,
    figures::{Amount, Figures, Samples},
};
use labd_protocol::TurnId;
use labd_tests::{
    ai_peer::{AiPeer, Reply},
    daemon::{Daemon, send, until},
    repository::sample_app,
    servers::{self, TestDatabase},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, SystemTime},
};
use tokio::time::sleep;

const TURNS: usize = 30;
/// What one event of the stream brings.
const EVENT_CHARS: usize = 48;
/// Between two turns, as between two thoughts.
const PAUSE: Duration = Duration::from_millis(300);

/// A daemon with the sample app on a real database, for what is compared with it.
pub struct Painted {
    /// The daemon.
    pub daemon: Daemon,
    /// Its project.
    pub project: String,
    /// The database that the app reads.
    pub database: TestDatabase,
    /// Until the new state was painted, median.
    pub first: Duration,
    /// Until its rows were painted too, median.
    pub with_data: Duration,
}

/// Turns in a preview that stays open.
pub async fn measure(figures: &mut Figures) -> Result<Painted> {
    let database = servers::postgres().await?;
    database
        .client()
        .await?
        .batch_execute(include_str!("shop.sql"))
        .await?;
    let daemon = Daemon::start_empty().await?;
    let peer = AiPeer::start([]).await?;
    let project = project(&daemon, &database, &peer).await?;
    let app = app()?;

    turn(&daemon, &project, &peer, &app, "Overview 0").await?;
    let link = daemon.home.run(&["open", "--print"]).await?.out;
    let tab = format!(
        "http://console.labd.localhost:{}/preview/{project}",
        daemon.port()
    );
    let mut page = Page::open(&[link.trim(), &tab]).await?;
    page.shows("Overview 0").await?;

    let (mut first, mut with_data) = (Samples::default(), Samples::default());
    for turn_number in 1..=TURNS {
        sleep(PAUSE).await;
        let title = format!("Overview {turn_number}");
        let sent = turn(&daemon, &project, &peer, &app, &title).await?;
        let shown = page.shows(&title).await?;
        first.push(shown.first.duration_since(sent)?);
        with_data.push(shown.with_data.duration_since(sent)?);
    }
    figures.goal(
        &format!(
            "last byte of the answer until the open preview shows it, {} files, p50",
            app.len()
        ),
        Amount::Time(Duration::from_millis(100)),
        Amount::Time(first.p50()),
        format!("p95 {}", Amount::Time(first.p95())),
    );
    figures.goal(
        "the same, with its rows, p50",
        Amount::Time(Duration::from_millis(200)),
        Amount::Time(with_data.p50()),
        format!("p95 {}", Amount::Time(with_data.p95())),
    );
    Ok(Painted {
        daemon,
        project,
        database,
        first: first.p50(),
        with_data: with_data.p50(),
    })
}

/// The sample app, for PostgreSQL.
fn app() -> Result<BTreeMap<String, String>> {
    let mut app = sample_app()?;
    for content in app.values_mut() {
        *content = content.replace(
            "strftime('%Y-%m', ordered_at)",
            "to_char(ordered_at, 'YYYY-MM')",
        );
    }
    Ok(app)
}

async fn project(daemon: &Daemon, database: &TestDatabase, peer: &AiPeer) -> Result<String> {
    let source = json!({ "name": "Shop", "url": database.url_without_tls().as_str() });
    let source = made(daemon.post("/sources", source).await?)?;
    let provider = json!({
        "name": "peer", "plugin": "labd.openai-compatible",
        "config": { "base-url": peer.base_url() }, "api_key": "bench-key", "default_model": "peer",
    });
    let provider = made(daemon.post("/providers", provider).await?)?;
    let project = made(
        daemon
            .post("/projects", json!({ "name": "Shop", "source": source }))
            .await?,
    )?;
    let chosen = send(
        daemon
            .request(Method::PATCH, &format!("/projects/{project}"))
            .json(&json!({ "provider": provider })),
    )
    .await?;
    made(chosen)
}

/// The id of what an answer says was made or changed.
fn made(answer: labd_tests::daemon::Answer) -> Result<String> {
    let id = answer
        .json()
        .get("id")
        .and_then(Value::as_str)
        .map(str::to_owned);
    id.ok_or_else(|| answer.text().into())
}

/// A turn whose answer gives the page this title; when the last byte of the answer left.
async fn turn(
    daemon: &Daemon,
    project: &str,
    peer: &AiPeer,
    app: &BTreeMap<String, String>,
    title: &str,
) -> Result<SystemTime> {
    let mut answer = "Here it is.\n<lab-app title=\"Shop\">\n".to_owned();
    for (path, content) in app {
        let content = content.replace("title=\"Overview\"", &format!("title=\"{title}\""));
        writeln!(answer, "<lab-file path=\"{path}\">\n{content}</lab-file>")?;
    }
    answer.push_str("</lab-app>\n");
    let characters: Vec<char> = answer.chars().collect();
    let events: Vec<String> = characters
        .chunks(EVENT_CHARS)
        .map(|event| event.iter().collect())
        .collect();
    let request = peer.requests().len();
    peer.then(Reply::chat(events.iter().map(String::as_str)).paced(Duration::from_millis(1)));

    let id = TurnId::generate().to_string();
    let route = format!("/projects/{project}/turns");
    made(
        daemon
            .post(&route, json!({ "id": id, "text": title }))
            .await?,
    )?;
    let end = until("the end of the turn", async || {
        let turn = daemon.get(&format!("{route}/{id}")).await.ok()?.json();
        let state = turn.get("state")?.as_str()?.to_owned();
        (state != "running").then_some((state, turn))
    })
    .await?;
    if end.0 != "done" {
        return Err(format!("the turn ended otherwise: {}", end.1).into());
    }
    // The reason, the usage and the closing mark come after the last event of text.
    let sent = peer.sent(request).get(events.len() - 1).copied();
    Ok(sent.ok_or("the answer was not sent")?)
}
