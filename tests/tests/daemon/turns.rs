//! Turns with the template generator: followed, resumed, stopped, and cut off.

use labd_protocol::{ProjectId, StartTurn, TurnEvent, TurnId, TurnState, answer, within};
use labd_tests::daemon::{Daemon, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const SLOW: Duration = Duration::from_secs(60);

/// A project on the sample shop; its id.
pub async fn project(daemon: &Daemon) -> String {
    let sources = daemon.get("/sources").await.unwrap().json();
    let create = json!({ "name": "Shop", "source": sources[0]["id"] });
    let made = daemon.post("/projects", create).await.unwrap();
    made.json()["id"].as_str().unwrap().to_owned()
}

/// A project whose answers come slowly.
async fn slow_project(daemon: &Daemon) -> String {
    let provider = json!({
        "name": "slow", "plugin": "labd.offline", "config": { "delay-ms": 300 }
    });
    let made = daemon.post("/providers", provider).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let project = project(daemon).await;
    let update = json!({ "provider": made.json()["id"] });
    let changed = labd_tests::daemon::send(
        daemon
            .request(Method::PATCH, &format!("/projects/{project}"))
            .json(&update),
    )
    .await
    .unwrap();
    assert_eq!(changed.status, 200, "{}", changed.text());
    project
}

/// Starts a turn over HTTP; its id.
pub async fn start(daemon: &Daemon, project: &str, text: &str) -> String {
    let id = TurnId::generate().to_string();
    let started = daemon
        .post(
            &format!("/projects/{project}/turns"),
            json!({ "id": id, "text": text }),
        )
        .await
        .unwrap();
    assert_eq!(started.status, 201, "{}", started.text());
    id
}

/// Follows a turn over HTTP from an event on, at most so many; their numbers and types.
pub async fn follow(daemon: &Daemon, route: &str, after: u64, most: usize) -> Vec<(u64, Value)> {
    let mut response = daemon
        .request(Method::GET, &format!("{route}/events"))
        .header("accept", "text/event-stream")
        .header("last-event-id", after)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let mut seen = Vec::new();
    // An event ends with an empty line; a chunk ends anywhere, also within a character.
    let (mut bytes, mut from) = (Vec::new(), 0);
    while let Some(chunk) = response.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
        while let Some(end) = bytes[from..].windows(2).position(|end| end == b"\n\n") {
            let event = std::str::from_utf8(&bytes[..from + end]).unwrap();
            if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) {
                let record: Value = serde_json::from_str(data).unwrap();
                seen.push((record["seq"].as_u64().unwrap(), record["event"].clone()));
            }
            bytes.drain(..from + end + 2);
            from = 0;
            if seen.len() == most {
                return seen;
            }
        }
        // What was searched once is not searched again, but for half an end.
        from = bytes.len().saturating_sub(1);
    }
    seen
}

/// The paths of a project's files.
pub async fn paths(daemon: &Daemon, project: &str) -> Vec<String> {
    let files = daemon
        .get(&format!("/projects/{project}/files"))
        .await
        .unwrap()
        .json();
    files
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_request_becomes_an_app_and_a_second_one_adds_to_it() {
    let daemon = Daemon::start().await.unwrap();
    let project = project(&daemon).await;
    let text = "show revenue by month and the top ten customers";
    let turn = start(&daemon, &project, text).await;
    let route = format!("/projects/{project}/turns/{turn}");

    // Whoever loses the connection in the middle misses nothing and sees nothing twice.
    let first = follow(&daemon, &route, 0, 3).await;
    assert_eq!(first[0].1["type"], "started");
    let rest = follow(&daemon, &route, first.last().unwrap().0, usize::MAX).await;
    let numbers: Vec<u64> = first.iter().chain(&rest).map(|event| event.0).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let end = &rest.last().unwrap().1;
    assert_eq!(end["type"], "finished");
    assert_eq!(end["state"], "done", "{rest:?}");
    let whole = follow(&daemon, &route, 0, usize::MAX).await;
    assert_eq!(whole[..first.len()], first);
    assert_eq!(whole[first.len()..], rest);
    let before = paths(&daemon, &project).await;
    assert!(before.contains(&"app.json".to_owned()), "{before:?}");

    // The second over RPC.
    let labd = daemon.rpc().await.unwrap();
    let (id, turn): (ProjectId, _) = (project.parse().unwrap(), TurnId::generate());
    let start = StartTurn {
        id: turn,
        text: "add a page for low stock".into(),
        provider: None,
        model: None,
    };
    answer(labd.turn_start(within(SLOW), id, start.clone()).await).unwrap();
    // Sending it again starts nothing twice.
    let again = answer(labd.turn_start(within(SLOW), id, start).await).unwrap();
    assert_eq!(again.id, turn);
    let mut after = 0;
    let state = loop {
        let page = answer(
            labd.turn_events(within(SLOW), id, turn, after, 7, 5_000)
                .await,
        )
        .unwrap();
        for record in &page.events {
            assert_eq!(record.seq, after + 1);
            after = record.seq;
        }
        if let (true, Some(last)) = (page.end, page.events.last()) {
            match &last.event {
                TurnEvent::Finished { state, error } => {
                    assert_eq!(*error, None);
                    break *state;
                }
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(state, TurnState::Done);
    let added: Vec<String> = paths(&daemon, &project)
        .await
        .into_iter()
        .filter(|path| !before.contains(path))
        .collect();
    assert!(
        added.iter().any(|path| path.starts_with("src/pages/")),
        "{added:?}"
    );
    let turns = daemon
        .get(&format!("/projects/{project}/turns"))
        .await
        .unwrap();
    assert_eq!(turns.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_turn_can_be_stopped_and_a_second_one_at_once_is_a_conflict() {
    let daemon = Daemon::start().await.unwrap();
    let project = slow_project(&daemon).await;
    let turn = start(&daemon, &project, "show revenue by month").await;
    let route = format!("/projects/{project}/turns/{turn}");
    follow(&daemon, &route, 0, 2).await;
    let second = json!({ "id": TurnId::generate(), "text": "and more" });
    let refused = daemon
        .post(&format!("/projects/{project}/turns"), second)
        .await
        .unwrap();
    assert_eq!(refused.status, 409, "{}", refused.text());

    let stopped = daemon
        .post(&format!("{route}/stop"), json!({}))
        .await
        .unwrap();
    assert_eq!(stopped.status, 200, "{}", stopped.text());
    let events = follow(&daemon, &route, 0, usize::MAX).await;
    assert_eq!(events.last().unwrap().1["state"], "stopped", "{events:?}");
    let again = daemon
        .post(&format!("{route}/stop"), json!({}))
        .await
        .unwrap();
    assert_eq!(again.json()["state"], "stopped", "{}", again.text());
}

#[tokio::test]
async fn a_turn_that_a_power_cut_ends_keeps_every_event_that_a_client_saw() {
    let mut daemon = Daemon::start().await.unwrap();
    let project = slow_project(&daemon).await;
    let turn = start(&daemon, &project, "show revenue by month").await;
    let route = format!("/projects/{project}/turns/{turn}");
    let seen = follow(&daemon, &route, 0, 4).await;
    daemon.kill().await.unwrap();
    daemon.restart().await.unwrap();

    let state = until("the turn's end", async || {
        let turn = daemon.get(&route).await.unwrap().json();
        (turn["state"] != "running").then(|| turn["state"].clone())
    })
    .await
    .unwrap();
    assert_eq!(state, "interrupted");
    let events = follow(&daemon, &route, 0, usize::MAX).await;
    assert_eq!(events[..seen.len()], seen);
    let end = &events.last().unwrap().1;
    assert_eq!(
        (&end["type"], &end["state"]),
        (&json!("finished"), &json!("interrupted"))
    );
    let opened = daemon.get(&format!("/projects/{project}")).await.unwrap();
    assert_eq!(opened.json()["running_turn"], Value::Null);
    let next = json!({ "id": TurnId::generate(), "text": "show revenue by month" });
    let next = daemon
        .post(&format!("/projects/{project}/turns"), next)
        .await
        .unwrap();
    assert_eq!(next.status, 201, "{}", next.text());
}
