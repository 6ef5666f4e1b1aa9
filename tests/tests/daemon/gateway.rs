//! The gateway, through every door: the command line and HTTP configure it and tell how it stands, and
//! what the face answers goes by its rules.

use labd_ai_peer::{AiPeer, Answer, Provider, Refusal, Reply, Step, Wait};
use labd_protocol::{GatewayConfig, Secret, answer, within};
use labd_tests::{
    browser::play,
    daemon::{Answer as Told, Daemon, send, until},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Long enough for a change that is stored.
const SOON: Duration = Duration::from_secs(30);

/// A server of one model, which says who it is.
async fn server(says: &'static str, script: impl IntoIterator<Item = Reply>) -> AiPeer {
    let mut plan = AiPeer::plan().models(Provider::Compatible, &["large"]);
    for reply in script {
        plan = plan.then(reply);
    }
    let plan = plan.otherwise(move |_| Reply::answer(Answer::text([says])));
    plan.start().await.unwrap()
}

async fn provider(daemon: &Daemon, name: &str, peer: &AiPeer, key: &str) -> String {
    let create = json!({
        "name": name, "plugin": "labd.openai-compatible", "api_key": key,
        "config": { "base-url": peer.base_url_of(Provider::Compatible) },
    });
    let made = daemon.post("/providers", create).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn ask(daemon: &Daemon, model: &str) -> Told {
    let host = format!("http://127.0.0.1:{}", daemon.port());
    let body = json!({ "model": model, "messages": [{ "role": "user", "content": "Hi" }] });
    let request = daemon.request_site(Method::POST, &host, "/v1/chat/completions");
    let request = request.bearer_auth(daemon.token()).json(&body);
    send(request).await.unwrap()
}

fn text(told: &Told) -> String {
    let told = told.json();
    let text = told["choices"][0]["message"]["content"].as_str();
    text.unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// Replaces the configuration by the command line.
async fn configure(daemon: &Daemon, toml: &str) -> Result<String, String> {
    let command = ["gateway", "config", "-"];
    let printed = daemon.home.run_with_input(&command, toml).await.unwrap();
    match printed.code {
        0 => Ok(printed.out),
        _ => Err(printed.err),
    }
}

const QUICK: &str = "[retry]\nretries = 2\nbase_ms = 1\nmax_ms = 2\n";

#[tokio::test]
async fn a_route_falls_back_and_the_doors_tell_what_happened() {
    let down = (0..3).map(|_| Reply::refusal(Refusal::Overloaded(Wait::Unsaid)));
    let (first, second) = (server("first", down).await, server("second", []).await);
    let daemon = Daemon::start_empty().await.unwrap();
    provider(&daemon, "One", &first, "sk-one-2f7c").await;
    provider(&daemon, "Two", &second, "sk-two-9b1e").await;
    let toml = format!(
        r#"{QUICK}
[[routes]]
name = "fast"
tiers = [[{{ provider = "One", model = "large" }}], [{{ provider = "Two", model = "large" }}]]

[[prices]]
model = "*"
input = 1000.0
output = 2000.0
"#
    );
    let printed = configure(&daemon, &toml).await.unwrap();
    assert!(
        printed.contains("\"One\"") && printed.contains("fast"),
        "{printed}"
    );

    assert_eq!(text(&ask(&daemon, "fast").await), "second");
    assert_eq!((first.count(), second.count()), (3, 1));
    // It rests.
    assert_eq!(text(&ask(&daemon, "fast").await), "second");
    assert_eq!((first.count(), second.count()), (3, 2));

    let status = daemon.get("/gateway/status").await.unwrap().json();
    let key = |name: &str| {
        let keys = status["keys"].as_array().unwrap().iter();
        let mut of = keys.filter(|key| key["provider_name"] == name);
        of.next().unwrap_or_else(|| panic!("{status}")).clone()
    };
    assert_eq!(key("One")["state"], "resting");
    assert_eq!(
        (&key("One")["failures"], &key("Two")["failures"]),
        (&json!(3), &json!(0))
    );
    assert!(key("Two")["first_event_p50_ms"].is_number());
    assert_eq!(status["today"]["requests"], 2);
    assert!(status["today"]["money"].as_f64().unwrap() > 0.0, "{status}");

    let usage = daemon.home.run_json(&["gateway", "usage"]).await.unwrap();
    assert_eq!(usage[0]["provider_name"], "Two");
    assert!(
        usage[0]["user"].as_str().unwrap().starts_with("token:"),
        "{usage}"
    );
    let told = daemon.home.run(&["gateway", "status"]).await.unwrap();
    assert!(
        told.out.contains("resting") && told.out.contains("today: 2 requests"),
        "{}",
        told.out
    );

    // A route is among the models, and the builder asks by it too.
    let host = format!("http://127.0.0.1:{}", daemon.port());
    let request = daemon.request_site(Method::GET, &host, "/v1/models");
    let models = send(request.bearer_auth(daemon.token())).await.unwrap();
    assert!(models.text().contains("\"fast\""), "{}", models.text());
    assert!(!models.text().contains("sk-"));
}

#[tokio::test]
async fn further_keys_take_over_and_each_stays_with_its_provider() {
    let limited = Reply::refusal(Refusal::Limit(Wait::Seconds(30)));
    let peer = server("hello", [limited]).await;
    let daemon = Daemon::start_empty().await.unwrap();
    let id = provider(&daemon, "One", &peer, "sk-first-77aa").await;
    let command = ["provider", "key", "set", "One", "team-b", "--key-file", "-"];
    let set = daemon
        .home
        .run_with_input(&command, "sk-second-88bb\n")
        .await
        .unwrap();
    assert_eq!(set.code, 0, "{}", set.err);
    assert!(!set.out.contains("sk-second"));
    assert_eq!(text(&ask(&daemon, "One/large").await), "hello");
    let keys: Vec<String> = peer
        .requests()
        .iter()
        .filter_map(|one| one.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_ne!(keys[0], keys[1]);
    // Another address disables both, as nobody has entered them for it.
    let elsewhere = json!({ "config": { "base-url": "https://other.example/v1" } });
    let change = daemon.request(Method::PATCH, &format!("/providers/{id}"));
    let changed = send(change.json(&elsewhere)).await.unwrap().json();
    let disabled = changed["credentials"].as_array().unwrap();
    assert_eq!(disabled.len(), 2);
    assert!(
        disabled.iter().all(|one| one["disabled"] == true),
        "{changed}"
    );

    let remove = ["provider", "key", "remove", "One", "team-b"];
    assert_eq!(daemon.home.run(&remove).await.unwrap().code, 0);
    let again = daemon.home.run(&remove).await.unwrap();
    assert_ne!(again.code, 0);
    assert!(again.err.contains("team-b"), "{}", again.err);
}

#[tokio::test]
async fn a_spent_budget_is_told_as_too_many_requests_and_survives_a_restart() {
    let peer = server("hello", []).await;
    let mut daemon = Daemon::start_empty().await.unwrap();
    provider(&daemon, "One", &peer, "sk-one-2f7c").await;
    let toml = "[[budgets]]\nscope = \"user\"\ntokens_per_day = 10\n";
    configure(&daemon, toml).await.unwrap();
    assert_eq!(ask(&daemon, "One/large").await.status, 200);
    let refused = async |daemon: &Daemon| {
        let told = ask(daemon, "One/large").await;
        assert_eq!(told.status, 429, "{}", told.text());
        assert!(told.text().contains("budget"), "{}", told.text());
        // Until the day's end, which no client is to wait for.
        let wait: u64 = told.header("retry-after").parse().unwrap();
        assert!((1..=86_400).contains(&wait), "{wait}");
        assert_eq!(told.header("x-should-retry"), "false");
    };
    refused(&daemon).await;
    daemon.stop().await.unwrap();
    daemon.restart().await.unwrap();
    refused(&daemon).await;
    assert_eq!(peer.count(), 1);
    // A token cannot raise it.
    let config = daemon.get("/gateway/config").await.unwrap().json();
    assert_eq!(config["budgets"][0]["tokens_per_day"], 10);
    let raised = daemon.put("/gateway/config", json!({})).await.unwrap();
    assert_eq!(raised.status, 403, "{}", raised.text());
    refused(&daemon).await;
    // Whoever is at the machine can.
    let labd = daemon.rpc().await.unwrap();
    let config = labd.gateway_configure(within(SOON), GatewayConfig::default());
    answer(config.await).unwrap();
    assert_eq!(ask(&daemon, "One/large").await.status, 200);
}

#[tokio::test]
async fn a_configuration_that_refers_to_nothing_is_refused_and_the_former_one_holds() {
    let daemon = Daemon::start_empty().await.unwrap();
    configure(&daemon, QUICK).await.unwrap();
    for (toml, reason) in [
        ("routes = 3", "routes"),
        ("[retry]\nretries = 11", "10 is the most"),
        (
            "[[routes]]\nname = \"fast\"\ntiers = [[{ provider = \"Nobody\", model = \"m\" }]]",
            "Nobody",
        ),
        ("[[budgets]]\nscope = \"everyone\"", "tokens_per_day"),
        ("[no_such_part]", "no_such_part"),
    ] {
        let error = configure(&daemon, toml).await.unwrap_err();
        assert!(error.contains(reason), "{toml}: {error}");
    }
    let printed = daemon.home.run(&["gateway", "config"]).await.unwrap();
    assert!(printed.out.contains("base_ms = 1\n"), "{}", printed.out);
}

#[tokio::test]
async fn a_person_at_the_console_adds_a_key_and_a_route_and_sees_what_was_used() {
    let peer = server("hello", []).await;
    let daemon = Daemon::start_empty().await.unwrap();
    provider(&daemon, "One", &peer, "sk-one-2f7c").await;
    assert_eq!(text(&ask(&daemon, "One/large").await), "hello");
    let input = json!({ "provider": "One", "model": "large" });
    play(&daemon, "gateway", &input)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn a_key_over_rpc_is_sealed_and_used() {
    let peer = server("hello", []).await;
    let daemon = Daemon::start_empty().await.unwrap();
    let create = json!({
        "name": "One", "plugin": "labd.openai-compatible",
        "config": { "base-url": peer.base_url_of(Provider::Compatible) },
    });
    let made: Value = daemon.post("/providers", create).await.unwrap().json();
    let id = made["id"].as_str().unwrap().parse().unwrap();
    let labd = daemon.rpc().await.unwrap();
    let value = Secret::new("sk-over-rpc-51");
    let set = labd.provider_key_set(within(SOON), id, "night".into(), value);
    let provider = answer(set.await).unwrap();
    assert_eq!(provider.credentials[0].name, "night");
    assert_eq!(text(&ask(&daemon, "One/large").await), "hello");
    let key = peer.requests()[0]
        .header("authorization")
        .map(str::to_owned);
    assert_eq!(key.as_deref(), Some("Bearer sk-over-rpc-51"));
    // What was used is written down soon.
    let told = until("what was used", async || {
        let usage = daemon.get("/gateway/usage?days=1").await.unwrap().json();
        (usage[0]["totals"]["requests"] == 1).then_some(())
    });
    told.await.unwrap();
}

#[tokio::test]
async fn what_came_right_before_a_cut_reaches_the_client_before_the_error() {
    let peer = AiPeer::plan()
        .models(Provider::Compatible, &["large"])
        .otherwise(|asked| {
            let pieces = if asked.body.to_string().contains("two") {
                2
            } else {
                1
            };
            let answer = Answer::text(["the first,", " the second,", " the third"]);
            Reply::answer(answer).stopping_after(pieces, Step::Cut)
        })
        .start()
        .await
        .unwrap();
    let daemon = Daemon::start_empty().await.unwrap();
    provider(&daemon, "One", &peer, "sk-one-2f7c").await;
    let host = format!("http://127.0.0.1:{}", daemon.port());
    for round in 0..300 {
        let (pieces, wanted) = match round % 2 {
            0 => ("one", "the first,"),
            _ => ("two", "the first, the second,"),
        };
        let body = json!({
            "model": "One/large", "stream": true,
            "messages": [{ "role": "user", "content": pieces }],
        });
        let request = daemon.request_site(Method::POST, &host, "/v1/chat/completions");
        let request = request.bearer_auth(daemon.token()).json(&body);
        let told = send(request).await.unwrap();
        assert_eq!(told.status, 200, "{round}: {}", told.text());
        let (mut text, mut failed) = (String::new(), false);
        for line in told.text().lines() {
            let Some(data) = line.strip_prefix("data: {") else {
                continue;
            };
            let data: Value = serde_json::from_str(&format!("{{{data}")).unwrap();
            assert!(!failed, "{round}: something comes after the error: {data}");
            failed = data["error"].is_object();
            let piece = data["choices"][0]["delta"]["content"].as_str();
            text.push_str(piece.unwrap_or_default());
        }
        assert_eq!((text.as_str(), failed), (wanted, true), "{round}");
    }
}

/// What the daemon holds of answers that nobody reads is a few pieces of each; the rest waits at the
/// provider.
#[tokio::test]
async fn answers_that_are_not_read_take_no_memory_and_can_be_read_later() {
    const CLIENTS: usize = 4;
    const PIECES: usize = 640;
    const PIECE: usize = 64 * 1024;
    let peer = AiPeer::plan()
        .models(Provider::Compatible, &["large"])
        .otherwise(|asked| {
            let pieces = if asked.body["stream"] == true && asked.body.to_string().contains("long")
            {
                PIECES
            } else {
                1
            };
            Reply::answer(Answer::text(vec!["x".repeat(PIECE); pieces]))
        })
        .start()
        .await
        .unwrap();
    let daemon = Daemon::start_empty().await.unwrap();
    provider(&daemon, "One", &peer, "sk-one-2f7c").await;
    // The plugin is compiled and has an instance.
    assert_eq!(text(&ask(&daemon, "One/large").await).len(), PIECE);
    let before = daemon.memory().unwrap().own;

    let host = format!("http://127.0.0.1:{}", daemon.port());
    let mut answers = Vec::new();
    for _ in 0..CLIENTS {
        let body = json!({
            "model": "One/large", "stream": true,
            "messages": [{ "role": "user", "content": "A long one" }],
        });
        let request = daemon.request_site(Method::POST, &host, "/v1/chat/completions");
        let request = request.bearer_auth(daemon.token()).json(&body);
        answers.push(request.send().await.unwrap());
    }
    // Until what lies between the two ends is full: mostly the system's own buffers.
    let sent = || -> usize { (1..=CLIENTS).map(|one| peer.sent(one).len()).sum() };
    let full = until("the answers to stand still", async || {
        let was = sent();
        tokio::time::sleep(Duration::from_secs(1)).await;
        (was > 0 && sent() == was).then_some(was)
    });
    let full = full.await.unwrap();
    assert!(full < CLIENTS * PIECES, "{full} pieces were taken");
    let grown = daemon.memory().unwrap().own.saturating_sub(before);
    assert!(
        grown < (CLIENTS * PIECES * PIECE / 4) as u64,
        "{full} pieces were taken, and memory grew by {} MiB",
        grown / 1024 / 1024
    );

    for answer in answers {
        let told = answer.bytes().await.unwrap();
        assert!(told.len() > PIECES * PIECE, "{}", told.len());
        assert!(told.ends_with(b"data: [DONE]\n\n"));
    }
}
