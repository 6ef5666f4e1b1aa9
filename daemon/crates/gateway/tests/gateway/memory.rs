//! Answers from memory.

use crate::bench::{Bench, Reply, customer, request};
use labd_plugin_host::{
    Fault, PluginError,
    kinds::ai::{EmbedRequest, Event},
};
use serde_json::json;

#[tokio::test]
async fn only_identical_requests_at_temperature_zero_are_answered_from_memory_and_only_on_demand() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    let mut exact = request("hi");
    exact.temperature = Some(0.0);
    let ask = async |request| bench.ask_for("One/m", "ann", request).await.unwrap();
    ask(exact.clone()).await;
    ask(exact.clone()).await;
    assert_eq!(bench.fake.keys().len(), 2, "nobody asked for memory");

    bench
        .configure(json!({ "cache": { "identical": true } }))
        .await;
    for _ in 0..3 {
        assert_eq!(ask(exact.clone()).await, "hello");
    }
    assert_eq!(bench.fake.keys().len(), 3);
    assert_eq!(bench.gateway.status().unwrap().cache_hits, 2);
    // What is remembered costs nothing.
    assert_eq!(bench.gateway.status().unwrap().today.requests, 3);

    let mut other = exact.clone();
    other.max_tokens = Some(5);
    ask(other).await;
    ask(request("hi")).await;
    ask(request("hi")).await;
    assert_eq!(bench.fake.keys().len(), 6);
}

#[tokio::test]
async fn an_answer_that_broke_off_or_was_stopped_is_not_remembered() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    bench
        .configure(json!({ "cache": { "identical": true } }))
        .await;
    let mut exact = request("hi");
    exact.temperature = Some(0.0);
    let half = vec![Event::Text("half".into())];
    let broken = PluginError::Unavailable(Fault::new("reset"));
    bench
        .fake
        .play("k1", [Reply::Break(half, broken), Reply::text("stopped")]);
    bench
        .ask_for("One/m", "ann", exact.clone())
        .await
        .unwrap_err();
    let route = bench.gateway.named("One/m").await.unwrap();
    let ann = customer("ann");
    let asked = bench.gateway.complete(&ann, &route, exact.clone());
    drop(asked.await.unwrap());
    assert_eq!(bench.ask_for("One/m", "ann", exact).await.unwrap(), "hello");
}

#[tokio::test]
async fn embeddings_that_are_known_are_not_asked_for_again() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    let route = bench.gateway.named("One/m").await.unwrap();
    let embed = async |texts: &[&str]| {
        let request = EmbedRequest {
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
            ..EmbedRequest::default()
        };
        let ann = customer("ann");
        let answer = bench.gateway.embed(&ann, &route, request);
        answer.await.unwrap().vectors
    };
    embed(&["a"]).await;
    embed(&["a"]).await;
    assert_eq!(bench.fake.embedded.lock().unwrap().len(), 2);
    bench
        .configure(json!({ "cache": { "embeddings": true } }))
        .await;
    embed(&["a", "ccc"]).await;
    assert_eq!(
        embed(&["ccc", "bb", "a"]).await,
        [vec![3.0], vec![2.0], vec![1.0]]
    );
    assert_eq!(bench.fake.embedded.lock().unwrap().last().unwrap(), &["bb"]);
    assert_eq!(embed(&["a", "bb"]).await, [vec![1.0], vec![2.0]]);
    assert_eq!(bench.fake.embedded.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn embeddings_of_several_models_are_not_remembered_as_those_of_one() {
    let bench = Bench::new().await;
    let one = bench.provider("One", "k1").await;
    let target = |model: &str| json!([{ "provider": one, "model": model }]);
    bench
        .configure(json!({
            "cache": { "embeddings": true },
            "routes": [
                { "name": "mixed", "tiers": [target("m"), target("other")] },
                { "name": "single", "tiers": [target("m")] },
            ],
        }))
        .await;
    for (name, asked) in [("mixed", 2), ("single", 1)] {
        bench.fake.embedded.lock().unwrap().clear();
        let route = bench.gateway.named(name).await.unwrap();
        for _ in 0..2 {
            let request = EmbedRequest {
                texts: vec!["a".to_owned()],
                ..EmbedRequest::default()
            };
            let ann = customer("ann");
            bench.gateway.embed(&ann, &route, request).await.unwrap();
        }
        assert_eq!(bench.fake.embedded.lock().unwrap().len(), asked, "{name}");
    }
}

#[tokio::test]
async fn many_texts_are_embedded_in_parts_that_every_provider_takes() {
    let bench = Bench::new().await;
    bench.provider("One", "k1").await;
    let route = bench.gateway.named("One/m").await.unwrap();
    let texts: Vec<String> = (0..250).map(|number| "x".repeat(number + 1)).collect();
    let request = EmbedRequest {
        texts: texts.clone(),
        ..EmbedRequest::default()
    };
    let ann = customer("ann");
    let embeddings = bench.gateway.embed(&ann, &route, request).await.unwrap();
    let lengths: Vec<f32> = embeddings.vectors.into_iter().flatten().collect();
    let expected: Vec<f32> = texts.iter().map(|text| text.len() as f32).collect();
    assert_eq!(lengths, expected);
    let parts: Vec<usize> = bench
        .fake
        .embedded
        .lock()
        .unwrap()
        .iter()
        .map(Vec::len)
        .collect();
    assert_eq!(parts, [100, 100, 50]);
    assert_eq!(bench.gateway.status().unwrap().today.requests, 3);
}

#[tokio::test]
async fn nothing_is_remembered_for_ever() {
    let bench = Bench::new().await;
    let config = |seconds: u64| {
        serde_json::from_value(json!({ "cache": { "identical": true, "seconds": seconds } }))
            .unwrap()
    };
    let error = bench
        .gateway
        .configure(config(99_999_999_999))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("the most"), "{error}");
    bench.gateway.configure(config(31_536_000)).await.unwrap();
    bench.gateway.status().unwrap();
}
