//! By which names models are found, and how a tier's load is spread.

use crate::bench::{Bench, customer, request};
use labd_protocol::ErrorCode;
use serde_json::json;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_tiers_load_is_spread_by_its_weights() {
    let bench = Bench::new().await;
    let one = bench.provider("One", "k1").await;
    let two = bench.provider("Two", "k2").await;
    bench
        .configure(json!({ "routes": [{ "name": "fast", "tiers": [[
            { "provider": one, "model": "m", "weight": 3 },
            { "provider": two, "model": "n" },
        ]] }] }))
        .await;
    for _ in 0..1_000 {
        bench.ask("fast").await.unwrap();
    }
    let first = bench.fake.keys().iter().filter(|key| *key == "k1").count();
    // Ten standard deviations from 750.
    assert!((610..890).contains(&first), "{first}");
}

#[tokio::test]
async fn models_are_found_by_route_by_provider_and_by_default() {
    let bench = Bench::new().await;
    let one = bench.provider("Team/One", "k1").await;
    let two = bench.provider("Two", "k2").await;
    let gateway = &bench.gateway;
    let error = gateway.resolve(None, None).await.err().unwrap();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    let settings = labd_protocol::Settings {
        default_provider: Some(two),
    };
    gateway.providers().settings_update(settings).await.unwrap();

    let route = gateway.resolve(Some(one), None).await.unwrap();
    assert_eq!((route.provider(), route.model()), ("Team/One", "usual"));
    let route = gateway.resolve(None, None).await.unwrap();
    assert_eq!((route.provider(), route.model()), ("Two", "usual"));
    let route = gateway.named("Team/One/meta/llama").await.unwrap();
    assert_eq!(
        (route.provider(), route.model()),
        ("Team/One", "meta/llama")
    );
    let route = gateway.named("just-a-model").await.unwrap();
    assert_eq!((route.provider(), route.model()), ("Two", "just-a-model"));

    let tier = json!([{ "provider": one, "model": "m" }]);
    bench
        .configure(json!({ "routes": [{ "name": "default", "tiers": [tier] }] }))
        .await;
    let route = gateway.resolve(None, None).await.unwrap();
    assert_eq!((route.provider(), route.model()), ("default", "default"));
    assert!(route.capabilities().tools);
    bench.ask("default").await.unwrap();
    assert_eq!(bench.fake.keys(), ["k1"]);
}

#[tokio::test]
async fn a_route_whose_providers_are_gone_says_so() {
    let bench = Bench::new().await;
    let one = bench.provider("One", "k1").await;
    let two = bench.provider("Two", "k2").await;
    let target = |provider| json!([{ "provider": provider, "model": "m" }]);
    bench
        .configure(json!({ "routes": [{ "name": "fast", "tiers": [target(one), target(two)] }] }))
        .await;
    bench.gateway.providers().remove(one).await.unwrap();
    assert_eq!(bench.ask("fast").await.unwrap(), "hello");
    bench.gateway.providers().remove(two).await.unwrap();
    let error = bench.ask("fast").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert!(error.hint.unwrap().contains("labd gateway config"));
}

#[tokio::test]
async fn no_more_run_at_once_than_are_allowed_and_others_have_their_turn() {
    let bench = Bench::new().await;
    let one = bench.provider("One", "k1").await;
    bench
        .configure(json!({ "limits": [{ "provider": one, "concurrent": 2, "queue": 100 }] }))
        .await;
    let many = (0..40).map(|number| {
        let user = if number % 2 == 0 { "ann" } else { "bob" };
        bench.ask_for("One/m", user, request("hi"))
    });
    for answer in futures_util::future::join_all(many).await {
        answer.unwrap();
    }
    let most = bench.fake.most_running.load(Ordering::SeqCst);
    assert!(most <= 2, "{most} ran at once");
}

#[tokio::test]
async fn a_full_line_is_told_with_a_time() {
    let bench = Bench::new().await;
    let one = bench.provider("One", "k1").await;
    bench
        .configure(json!({ "limits": [{ "provider": one, "requests_per_minute": 1, "queue": 0 }] }))
        .await;
    bench.ask("One/m").await.unwrap();
    let error = bench.ask("One/m").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Overloaded);
    assert!(error.retry_after_ms.unwrap() > 30_000, "{error:?}");
}

#[tokio::test]
async fn tools_go_out_in_the_same_order_whatever_order_they_came_in() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    let tool = |name: &str| labd_plugin_host::kinds::ai::Tool {
        name: name.into(),
        description: String::new(),
        parameters: "{}".into(),
        strict: false,
    };
    let mut wanted = request("hi");
    wanted.tools = vec![tool("b"), tool("a")];
    let route = bench.gateway.named("One/m").await.unwrap();
    let ann = customer("ann");
    let asked = bench.gateway.complete(&ann, &route, wanted);
    drop(asked.await.unwrap());
    let seen = bench.fake.seen.lock().unwrap();
    let names: Vec<_> = seen[0]
        .request
        .tools
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
}
