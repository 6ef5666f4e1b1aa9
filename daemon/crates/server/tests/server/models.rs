//! Models under `/v1`, as programs written for OpenAI's API reach them.

use crate::world::{Ask, PATIENCE, Reply, World, until, world};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const CHAT: &str = "/v1/chat/completions";

fn chat(text: &str, stream: bool) -> Value {
    json!({
        "model": "Zoo/parrot", "stream": stream,
        "messages": [{"role": "user", "content": text}]
    })
}

async fn ask(world: &World, text: &str, stream: bool) -> Ask {
    let token = world.token(None).await;
    world
        .request("POST", CHAT)
        .bearer(&token)
        .json(chat(text, stream))
}

/// The `error` of an answer in OpenAI's shape.
fn error(reply: &Reply) -> Value {
    let told = reply.json();
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let error = told["error"].clone();
    assert!(
        error["message"].is_string() && error["type"].is_string(),
        "{told}"
    );
    error
}

#[tokio::test]
async fn a_token_is_the_key_by_loopback_and_by_name() {
    let world = world().await;
    let said = ask(&world, "say Grüße", false).await;
    for host in [format!("127.0.0.1:{}", world.port), world.console()] {
        let reply = said.clone().header("host", &host).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let told = reply.json();
        assert_eq!(told["choices"][0]["message"]["content"], "Grüße");
        assert_eq!(told["usage"]["total_tokens"], 8);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(reply.header("x-request-id").unwrap().starts_with("req_"));
    }
    let token = world.token(None).await;
    let models = world.request("GET", "/v1/models").bearer(&token);
    assert_eq!(models.send().await.json()["data"][0]["id"], "Zoo/parrot");
}

#[tokio::test]
async fn without_a_good_token_nobody_is_let_in_not_even_by_a_session() {
    let world = world().await;
    let cookie = world.cookie().await;
    let post = world.request("POST", CHAT).json(chat("say x", false));
    for ask in [
        post.clone(),
        post.clone().bearer("labd_x_y"),
        post.clone().bearer(""),
        post.clone().header("x-api-key", &world.token(None).await),
        world
            .as_console("POST", CHAT, &cookie)
            .json(chat("say x", false)),
        world.as_console("GET", "/v1/models", &cookie),
        world.request("GET", "/v1/nothing"),
    ] {
        let reply = ask.send().await;
        assert_eq!(reply.status, 401, "{}", reply.text());
        let error = error(&reply);
        assert_eq!(error["code"], "invalid_api_key");
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("labd token create")
        );
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(world.parrot.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_even_with_a_token() {
    let world = world().await;
    let said = ask(&world, "say x", false).await;
    for origin in ["http://attacker.example", "null"] {
        let reply = said.clone().header("origin", origin).send().await;
        assert_eq!(
            (reply.status, &error(&reply)["type"]),
            (403, &json!("permission_error"))
        );
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
    let rebound = said.clone().header("host", "attacker.example");
    assert_eq!(rebound.send().await.status, 421);
    let project = labd_protocol::ProjectId::generate()
        .to_string()
        .to_lowercase();
    let preview = format!("{project}.preview.labd.localhost:{}", world.port);
    assert_eq!(said.header("host", &preview).send().await.status, 401);
}

#[tokio::test]
async fn every_refusal_has_openais_shape() {
    let world = world().await;
    let token = world.token(None).await;
    let get = |path: &str| world.request("GET", path).bearer(&token);
    let reply = get("/v1/completions").send().await;
    assert_eq!(
        (reply.status, &error(&reply)["code"]),
        (404, &json!("unknown_url"))
    );
    let reply = get(CHAT).send().await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    error(&reply);
    let large = vec![b' '; labd_server::limits::MAX_MODEL_BODY + 1];
    let reply = world
        .request("POST", CHAT)
        .bearer(&token)
        .body(large)
        .send()
        .await;
    assert_eq!(
        (reply.status, &error(&reply)["code"]),
        (413, &json!("too_large"))
    );
    let reply = world
        .request("POST", CHAT)
        .bearer(&token)
        .body(b"{".to_vec())
        .send()
        .await;
    assert_eq!(reply.status, 400);
    error(&reply);
    let reply = ask(&world, "limit", true).await.send().await;
    assert_eq!(
        (reply.status, reply.header("retry-after-ms")),
        (429, Some("2000"))
    );
    assert_eq!(error(&reply)["code"], "rate_limit_exceeded");
}

#[tokio::test]
async fn a_call_may_be_larger_than_other_requests_once_its_caller_is_known() {
    let world = world().await;
    let mut body = chat("say x", false).to_string().into_bytes();
    body.resize(labd_server::limits::MAX_MODEL_BODY, b' ');
    let post = world.request("POST", CHAT).body(body);
    let token = world.token(None).await;
    let reply = post.bearer(&token).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    // Nothing of the body is sent, and yet there is an answer.
    let length = labd_server::limits::MAX_MODEL_BODY.to_string();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-length: {length}\r\n\r\n",
        world.port
    );
    let mut stream = TcpStream::connect(("127.0.0.1", world.port)).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let reply = Reply::head(&mut BufReader::new(stream)).await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn a_stream_is_told_as_it_comes_and_an_error_in_it() {
    let world = world().await;
    let reply = ask(&world, "say Grüße", true).await.send().await;
    assert_eq!(
        reply.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    let text = reply.text();
    assert!(text.contains(r#""content":"Grüße""#), "{text}");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let text = ask(&world, "fail Full.", true).await.send().await.text();
    let last = text.trim_end().lines().last().unwrap();
    let told: Value = serde_json::from_str(last.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(told["error"]["message"], "Full.");
    assert!(!text.contains("[DONE]"));
    let reply = ask(&world, "fail Full.", false).await.send().await;
    assert_eq!(
        (reply.status, &error(&reply)["code"]),
        (503, &json!("overloaded"))
    );
}

/// Sends a request and reads its head.
async fn opened(ask: Ask) -> BufReader<TcpStream> {
    let mut stream = ask.open().await;
    assert_eq!(Reply::head(&mut stream).await.status, 200);
    stream
}

#[tokio::test]
async fn who_goes_away_ends_the_answer() {
    let world = world().await;
    for stream in [true, false] {
        let ask = ask(&world, "wait", stream).await;
        let connection = if stream {
            opened(ask).await
        } else {
            ask.open().await
        };
        until(|| world.parrot.running.load(Ordering::SeqCst) == 1).await;
        drop(connection);
        until(|| world.parrot.running.load(Ordering::SeqCst) == 0).await;
    }
}

#[tokio::test]
async fn who_reads_slowly_slows_the_answer_down() {
    let world = world().await;
    let mut stream = opened(ask(&world, "chatter", true).await).await;
    let asked = || world.parrot.asked.load(Ordering::SeqCst);
    // Until the buffers of both ends are full, and then no more.
    let full = async {
        let mut before = asked();
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            let now = asked();
            if now == before && now > 0 {
                return now;
            }
            before = now;
        }
    };
    let full = tokio::time::timeout(PATIENCE, full).await.unwrap();
    // 8 KB each: the system's buffers take some megabytes, the server's own next to nothing.
    assert!(full < 4_000, "{full}");
    let mut taken = vec![0; 32 * 1024 * 1024];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut taken))
        .await
        .unwrap()
        .unwrap();
    assert!(asked() > full);
    assert_eq!(world.parrot.running.load(Ordering::SeqCst), 1);
}
