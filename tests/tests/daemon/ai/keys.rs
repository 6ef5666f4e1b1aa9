//! A key goes to the origin it was given for, and nowhere else.

use super::*;

#[tokio::test]
async fn a_redirect_does_not_carry_the_key_to_another_origin() {
    let other = AiPeer::start([]).await.unwrap();
    let elsewhere = format!("{}/chat/completions", other.base_url());
    let world = World::new(
        [301, 302, 303, 307, 308]
            .map(|status| Reply::status(status).header("location", &elsewhere)),
    )
    .await;
    for _ in 0..5 {
        let turn = world.ask("Show anything").await;
        let (code, text) = turn.error();
        assert_eq!((turn.state(), code), ("failed", "unreachable"));
        says(&text, &["the address redirects; configure its target"]);
    }
    assert_eq!(world.peer.requests().len(), 5);
    assert_eq!(other.requests().len(), 0);
    world.goes_on().await;
}

#[tokio::test]
async fn another_address_does_not_get_the_key_until_it_is_entered_for_it() {
    let refusal = r#"{"error":{"message":"You did not provide an API key.","code":null}}"#;
    let world = World::new([]).await;
    let other = AiPeer::start([Reply::error(401, refusal), Reply::error(401, refusal)])
        .await
        .unwrap();
    let route = format!("/providers/{}", world.provider);
    let config = |peer: &AiPeer| json!({ "base-url": peer.base_url() });
    let credential = async |update: Value| {
        let changed = world.patch(&route, update).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert!(!changed.text().contains(KEY));
        changed.json()["credentials"][0].clone()
    };
    let held = credential(json!({ "name": "Acme" })).await;
    assert_eq!(held["disabled"], false);
    let origin = |peer: &AiPeer| peer.base_url().trim_end_matches("/v1").to_owned();
    assert_eq!(held["origin"], origin(&world.peer));

    // Moved by somebody who need not know the key.
    let held = credential(json!({ "config": config(&other) })).await;
    assert_eq!(held["disabled"], true);
    assert_eq!(held["origin"], origin(&world.peer));
    let turn = world.ask("Show anything").await;
    let (code, text) = turn.error();
    assert_eq!((turn.state(), code), ("failed", "credential_refused"));
    says(&text, &["Enter the API key again"]);
    let models = world.daemon.get(&format!("{route}/models")).await.unwrap();
    assert_eq!(models.json()["code"], "credential_refused");
    assert_eq!(other.requests().len(), 2);
    for request in other.requests() {
        assert_eq!(request.header("authorization"), None);
        assert!(!format!("{request:?}").contains(KEY));
        assert!(!String::from_utf8_lossy(&request.body).contains(KEY));
    }

    // Another path of the same origin is the same server.
    let path = json!({ "base-url": format!("{}/v2", origin(&world.peer)) });
    let held = credential(json!({ "config": path })).await;
    assert_eq!(held["disabled"], false);
    world.peer.then(Reply::error(400, "{}"));
    world.ask("Show anything").await;
    let request = world.peer.requests().pop().unwrap();
    assert_eq!(request.path, "/v2/chat/completions");
    assert!(request.header("authorization").is_some());

    // Entered again, it is the new address's, and the old one gets nothing any more.
    const SECOND: &str = "sk-test-second-9e1f";
    let update = json!({ "config": config(&other), "api_key": SECOND });
    let held = credential(update).await;
    assert_eq!(
        (&held["disabled"], &held["origin"]),
        (&json!(false), &json!(origin(&other)))
    );
    other.then(Reply::chat([app().as_str()]));
    let turn = world.ask("Show what has to be ordered").await;
    assert_eq!(turn.state(), "done", "{turn:?}");
    let request = other.requests().pop().unwrap();
    let bearer = format!("Bearer {SECOND}");
    assert_eq!(request.header("authorization"), Some(bearer.as_str()));
    credential(json!({ "config": config(&world.peer) })).await;
    world.peer.then(Reply::error(401, refusal));
    world.ask("Show anything").await;
    let request = world.peer.requests().pop().unwrap();
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn a_key_is_not_taken_for_plain_http_to_another_machine() {
    let world = World::new([]).await;
    let create = json!({
        "name": "Far", "plugin": "labd.openai-compatible", "api_key": KEY,
        "config": { "base-url": "http://ai.example/v1" },
    });
    let refused = world.daemon.post("/providers", create).await.unwrap();
    assert_eq!(refused.status, 400, "{}", refused.text());
    says(&refused.text(), &["https", "config.base-url"]);
    assert!(!refused.text().contains(KEY));
    let providers = world.daemon.get("/providers").await.unwrap();
    assert!(!providers.text().contains("ai.example"));
}
