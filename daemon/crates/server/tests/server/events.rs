//! Streams of events.

use crate::world::{Ask, PATIENCE, Reply, World, until, world};
use labd_protocol::{Notice, ProjectId, TurnEvents, TurnId};
use std::sync::atomic::Ordering;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;

fn path(turn: TurnId) -> String {
    format!(
        "/api/v1/projects/{}/turns/{turn}/events",
        ProjectId::generate()
    )
}

async fn stream(world: &World, path: &str) -> Ask {
    let token = world.token(None).await;
    world
        .request("GET", path)
        .bearer(&token)
        .header("accept", "text/event-stream")
}

/// An event as a browser takes it.
#[derive(Debug, Default, PartialEq)]
struct Event {
    id: String,
    name: String,
    data: String,
}

/// The next event; none at the end of the stream.
async fn next(stream: &mut BufReader<TcpStream>) -> Option<Event> {
    let mut event = Event::default();
    loop {
        let mut line = String::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_line(&mut line))
            .await
            .unwrap();
        if read.unwrap_or(0) == 0 {
            return None;
        }
        let line = line.trim_end();
        match line.split_once(": ") {
            Some(("id", id)) => event.id = id.into(),
            Some(("event", name)) => event.name = name.into(),
            Some(("data", data)) => event.data = data.into(),
            _ if line.is_empty() && !event.data.is_empty() => return Some(event),
            // Chunk lengths, comments and the time to come back.
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_stream_gives_what_was_and_what_comes_and_ends() {
    let world = world().await;
    let turn = world.fake.turn_of(2, false);
    let mut events = stream(&world, &path(turn)).await.open().await;
    let head = Reply::head(&mut events).await;
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(head.header("cache-control"), Some("no-store"));
    let first = next(&mut events).await.unwrap();
    assert_eq!((first.id.as_str(), first.name.as_str()), ("1", "text"));
    let record: serde_json::Value = serde_json::from_str(&first.data).unwrap();
    assert_eq!(
        (record["seq"].as_u64(), record["event"]["text"].as_str()),
        (Some(1), Some("piece 1\n"))
    );
    assert_eq!(next(&mut events).await.unwrap().id, "2");
    world.fake.finish(turn);
    let last = next(&mut events).await.unwrap();
    assert_eq!((last.id.as_str(), last.name.as_str()), ("3", "finished"));
    assert_eq!(next(&mut events).await, None);
}

#[tokio::test]
async fn a_stream_goes_on_in_the_middle() {
    let world = world().await;
    let turn = world.fake.turn_of(2500, true);
    for ask in [
        stream(&world, &path(turn))
            .await
            .header("last-event-id", "1234"),
        stream(&world, &format!("{}?after=1234", path(turn))).await,
        // What the browser adds when it comes back counts before what the page asked for at first.
        stream(&world, &format!("{}?after=7", path(turn)))
            .await
            .header("last-event-id", "1234"),
    ] {
        let mut events = ask.open().await;
        Reply::head(&mut events).await;
        for seq in 1235..=2501 {
            assert_eq!(next(&mut events).await.unwrap().id, seq.to_string());
        }
        assert_eq!(next(&mut events).await, None);
    }
}

#[tokio::test]
async fn a_page_of_json_waits_for_events_and_no_longer() {
    let world = world().await;
    let turn = world.fake.turn_of(3, false);
    let token = world.token(None).await;
    let get = |query: &str| {
        let ask = world.request("GET", &format!("{}?{query}", path(turn)));
        ask.bearer(&token).header("accept", "application/json")
    };
    let page = |reply: Reply| serde_json::from_slice::<TurnEvents>(&reply.body).unwrap();

    let two = page(get("after=1&max=1").send().await);
    assert_eq!(
        (two.events.len(), two.events[0].seq, two.end),
        (1, 2, false)
    );
    let none = page(get("after=3&wait_ms=30").send().await);
    assert_eq!((none.events.len(), none.end), (0, false));
    let asked = world.fake.arrived.load(Ordering::SeqCst);
    let waiting = tokio::spawn(get("after=3&wait_ms=30000").send());
    until(|| world.fake.arrived.load(Ordering::SeqCst) > asked).await;
    world.fake.finish(turn);
    let last = page(waiting.await.unwrap());
    assert_eq!((last.events.len(), last.end), (1, true));
}

#[tokio::test]
async fn an_unknown_turn_is_404_and_no_stream() {
    let world = world().await;
    let reply = stream(&world, &path(TurnId::generate())).await.send().await;
    assert_eq!((reply.status, reply.problem().as_str()), (404, "not_found"));
}

#[tokio::test]
async fn a_client_that_reads_nothing_keeps_nobody_waiting() {
    let world = world().await;
    let turn = world.fake.turn_of(100_000, true);
    let mut slow = Vec::new();
    for _ in 0..8 {
        slow.push(stream(&world, &path(turn)).await.open().await);
    }
    let token = world.token(None).await;
    let reply = world
        .request("GET", "/api/v1/status")
        .bearer(&token)
        .send()
        .await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn notices_are_streamed_and_missed_ones_are_told() {
    let world = world().await;
    let mut events = stream(&world, "/api/v1/events").await.open().await;
    assert_eq!(Reply::head(&mut events).await.status, 200);
    let project = ProjectId::generate();
    until(|| world.fake.notices.receiver_count() > 0).await;
    world
        .fake
        .notices
        .send(Notice::Preview { project })
        .unwrap();
    let event = next(&mut events).await.unwrap();
    assert_eq!(event.name, "preview");
    assert_eq!(
        event.data,
        format!(r#"{{"type":"preview","project":"{project}"}}"#)
    );
    for _ in 0..1000 {
        world.fake.notices.send(Notice::Settings).unwrap();
    }
    assert_eq!(next(&mut events).await.unwrap().name, "resync");
}

#[tokio::test]
async fn a_revoked_token_ends_its_stream() {
    let world = world().await;
    let mut events = stream(&world, "/api/v1/events").await.open().await;
    assert_eq!(Reply::head(&mut events).await.status, 200);
    for token in world.auth.tokens() {
        world.auth.token_remove(token.id).await.unwrap();
    }
    until(|| world.fake.notices.receiver_count() > 0).await;
    world.fake.notices.send(Notice::Settings).unwrap();
    assert_eq!(next(&mut events).await, None);
}
