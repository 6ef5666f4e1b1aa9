//! The socket. What the transport does with faulty frames is tested with it, in labd-protocol.

use crate::world::{PATIENCE, World, until, world};
use labd_protocol::{
    ErrorCode, LabdClient, NO_ID, ProjectId, ProviderId, SourceId, TokenCreate, answer, connect,
    within,
};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

async fn client(world: &World) -> LabdClient {
    connect(&world.socket).await.unwrap()
}

fn soon() -> tarpc::context::Context {
    within(PATIENCE)
}

async fn send(stream: &mut UnixStream, frame: &str) {
    stream
        .write_u32(u32::try_from(frame.len()).unwrap())
        .await
        .unwrap();
    stream.write_all(frame.as_bytes()).await.unwrap();
}

async fn receive(stream: &mut UnixStream) -> Value {
    let read = async {
        let mut bytes = vec![0; stream.read_u32().await.unwrap() as usize];
        stream.read_exact(&mut bytes).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap()
}

#[tokio::test]
async fn the_socket_answers_what_http_answers() {
    let world = world().await;
    let labd = client(&world).await;
    let status = answer(labd.status(soon()).await).unwrap();
    assert_eq!(status.console_url, world.console_origin());
    assert_eq!(status.socket, world.socket.display().to_string());
    let missing = answer(labd.source(soon(), SourceId::generate()).await).unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound);
    let zip = answer(labd.project_export(soon(), ProjectId::generate()).await).unwrap();
    assert!(zip.0.starts_with(b"PK"));
}

#[tokio::test]
async fn what_the_socket_hands_out_works_over_http() {
    let world = world().await;
    let labd = client(&world).await;
    let create = TokenCreate {
        name: "script".into(),
        expires_in: None,
    };
    let token = answer(labd.token_create(soon(), create).await).unwrap();
    let ask = world
        .request("GET", "/api/v1/status")
        .bearer(token.token.expose());
    assert_eq!(ask.clone().send().await.status, 200);
    answer(labd.token_remove(soon(), token.info.id).await).unwrap();
    assert_eq!(ask.send().await.status, 401);

    let link = answer(labd.sign_in_link(soon()).await).unwrap();
    let before = format!("{}/#sign-in=", world.console_origin());
    let token = link.url.expose().strip_prefix(&before).unwrap();
    let sign_in = world
        .as_console("POST", "/api/v1/session", "")
        .json(json!({"token": token}));
    assert_eq!(sign_in.send().await.status, 200);

    let project = ProjectId::generate();
    let preview = answer(labd.preview(soon(), project).await).unwrap();
    let open = world.request("GET", preview.url.strip_prefix(&preview.origin).unwrap());
    let host = preview.origin.strip_prefix("http://").unwrap();
    assert_eq!(open.header("host", host).send().await.status, 303);
}

#[tokio::test]
async fn a_turn_is_followed_from_any_number() {
    let world = world().await;
    let labd = client(&world).await;
    let (project, turn) = (ProjectId::generate(), world.fake.turn_of(10, false));
    let page = answer(labd.turn_events(soon(), project, turn, 7, 2, 0).await).unwrap();
    assert_eq!(
        page.events
            .iter()
            .map(|record| record.seq)
            .collect::<Vec<_>>(),
        [8, 9]
    );
    let waiting = {
        let labd = labd.clone();
        tokio::spawn(async move { labd.turn_events(soon(), project, turn, 10, 5, 10_000).await })
    };
    // Other calls are answered while one waits.
    answer(labd.status(soon()).await).unwrap();
    world.fake.finish(turn);
    let page = answer(waiting.await.unwrap()).unwrap();
    assert!(page.end && page.events.len() == 1);
}

#[tokio::test]
async fn waiting_ends_a_second_before_the_deadline() {
    let world = world().await;
    let labd = client(&world).await;
    let (project, turn) = (ProjectId::generate(), world.fake.turn_of(1, false));
    let started = Instant::now();
    let context = within(Duration::from_millis(1300));
    let page = answer(labd.turn_events(context, project, turn, 1, 5, 60_000).await).unwrap();
    assert!(page.events.is_empty() && !page.end);
    assert!(
        started.elapsed() < Duration::from_millis(1200),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_call_out_of_time_is_told_so_before_its_deadline() {
    let world = world().await;
    let labd = client(&world).await;
    let late = labd
        .provider_models(within(Duration::from_secs(1)), ProviderId::generate())
        .await;
    // From the daemon, not from the client's own clock, which would be `RpcError`.
    assert_eq!(late.unwrap().unwrap_err().code, ErrorCode::Timeout);
}

#[tokio::test]
async fn a_hundred_calls_in_flight_are_answered_and_the_surplus_is_told() {
    let world = world().await;
    let mut raw = UnixStream::connect(&world.socket).await.unwrap();
    let provider = ProviderId::generate();
    for id in 0..100 {
        let call =
            json!({"Request": {"id": id, "message": {"ProviderModels": {"provider": provider}}}});
        send(&mut raw, &call.to_string()).await;
    }
    for _ in 0..36 {
        let answer = receive(&mut raw).await;
        assert!(answer["request_id"].as_u64().unwrap() >= 64, "{answer}");
        let detail = answer["message"]["Err"]["detail"].as_str().unwrap();
        assert!(detail.contains("\"overloaded\""), "{detail}");
    }
    for id in 0..64 {
        send(&mut raw, &json!({"Cancel": {"request_id": id}}).to_string()).await;
    }
    // The withdrawn calls make room, at once or a moment later.
    let deadline = Instant::now() + PATIENCE;
    loop {
        send(
            &mut raw,
            r#"{"Request": {"id": 200, "message": {"Status": {}}}}"#,
        )
        .await;
        if receive(&mut raw).await["message"]["Ok"]["Status"]["Ok"].is_object() {
            break;
        }
        assert!(Instant::now() < deadline);
    }
}

#[tokio::test]
async fn a_faulty_client_disturbs_neither_itself_nor_others() {
    let world = world().await;
    let labd = client(&world).await;
    let mut raw = UnixStream::connect(&world.socket).await.unwrap();
    send(&mut raw, "no json").await;
    assert_eq!(receive(&mut raw).await["request_id"], NO_ID);
    send(
        &mut raw,
        r#"{"Request": {"id": 3, "message": {"Fly": {}}}}"#,
    )
    .await;
    assert!(
        receive(&mut raw).await["message"]["Err"]["detail"]
            .as_str()
            .unwrap()
            .contains("unknown_method")
    );
    let far = json!({"Request": {"id": 4, "context": {"deadline": {"secs": u64::MAX, "nanos": 0}}, "message": {"Status": {}}}});
    send(&mut raw, &far.to_string()).await;
    assert!(receive(&mut raw).await["message"]["Ok"]["Status"]["Ok"].is_object());
    raw.write_u32(u32::MAX).await.unwrap();
    assert!(
        receive(&mut raw).await["message"]["Err"]["detail"]
            .as_str()
            .unwrap()
            .contains("too_large")
    );
    assert_eq!(raw.read(&mut [0; 8]).await.unwrap(), 0);
    answer(labd.status(soon()).await).unwrap();
}

#[tokio::test]
async fn a_change_is_finished_though_the_call_is_withdrawn() {
    let world = world().await;
    let mut raw = UnixStream::connect(&world.socket).await.unwrap();
    let remove = json!({"Request": {"id": 1, "message": {"ProjectRemove": {"project": ProjectId::generate()}}}});
    send(&mut raw, &remove.to_string()).await;
    send(
        &mut raw,
        r#"{"Request": {"id": 2, "message": {"Status": {}}}}"#,
    )
    .await;
    assert_eq!(receive(&mut raw).await["request_id"], 2);
    send(&mut raw, r#"{"Cancel": {"request_id": 1}}"#).await;
    drop(raw);
    world.fake.gate.add_permits(1);
    until(|| world.fake.removed.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn the_end_of_the_daemon_answers_those_who_wait() {
    let mut world = world().await;
    let labd = client(&world).await;
    let (project, turn) = (ProjectId::generate(), world.fake.turn_of(1, false));
    let waiting = {
        let labd = labd.clone();
        tokio::spawn(async move { labd.turn_events(soon(), project, turn, 1, 5, 19_000).await })
    };
    until(|| world.fake.arrived.load(Ordering::SeqCst) == 1).await;
    world.stop().await;
    let page = answer(waiting.await.unwrap()).unwrap();
    assert!(page.events.is_empty() && !page.end);
    assert_eq!(
        answer(labd.status(soon()).await).unwrap_err().code,
        ErrorCode::Unreachable
    );
}

#[tokio::test]
async fn the_node_client_comes_back_in_the_middle_and_misses_nothing() {
    let world = world().await;
    let client = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../examples/node-client/client.mjs"
    );
    let run = tokio::process::Command::new("node")
        .arg(client)
        .env("LABD_SOCKET", &world.socket)
        .output();
    let output = tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    for number in 1..=20 {
        let piece = format!("piece {number}\n");
        assert_eq!(
            said.matches(&format!("\n{piece}")).count(),
            1,
            "{piece} in {said}"
        );
    }
    assert!(
        complained.contains("dropping the connection"),
        "{complained}"
    );
    assert!(
        said.contains("the turn is done") && said.contains("/_lab/enter?ticket="),
        "{said}"
    );
}
