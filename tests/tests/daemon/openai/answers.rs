//! What no library of OpenAI's looks at.

use super::*;
use labd_tests::daemon::until;

fn chat(model: &str, text: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": text }] })
}

#[tokio::test]
async fn a_model_is_named_with_its_provider_or_alone_when_it_is_the_default_ones() {
    let world = World::before(&COMPATIBLE).await;
    let path = "/chat/completions";
    let named = world.ask(path, chat("Acme AI?/acme/large-1", "Hi")).await;
    assert_eq!(named.status, 200, "{}", named.text());
    assert_eq!(named.json()["choices"][0]["message"]["content"], "Grüße 😀");
    // The template generator is the default still, and no model.
    let alone = world.ask(path, chat("acme/large-1", "Hi")).await;
    assert_eq!(alone.status, 400, "{}", alone.text());
    assert_eq!(alone.json()["error"]["param"], "model");
    let chosen = json!({ "default_provider": world.provider });
    let chosen = world
        .daemon
        .request(Method::PATCH, "/settings")
        .json(&chosen);
    assert_eq!(send(chosen).await.unwrap().status, 200);
    let alone = world.ask(path, chat("acme/large-1", "Hi")).await;
    assert_eq!(alone.status, 200, "{}", alone.text());
    assert_eq!(world.peer.complaints(), []);
    let unknown = world.ask(path, chat("Acme AI?/nothing", "Hi")).await;
    assert_eq!(unknown.status, 404, "{}", unknown.text());
}

#[tokio::test]
async fn what_a_model_would_refuse_is_settled_before_it_is_asked() {
    for (behind, model, goes_on) in [
        (OPENAI, "gpt-5-mini", true),
        (OPENAI_CHAT, "gpt-5-mini", true),
        (ANTHROPIC, "claude-opus-5", false),
        (GEMINI, "gemini-3.8-flash", false),
        (INTERACTIONS, "gemini-3.8-flash", false),
    ] {
        let world = World::before(&Behind { model, ..behind }).await;
        let mut body = chat(&format!("{NAME}/{model}"), "Hi");
        body["temperature"] = json!(0.5);
        body["top_p"] = json!(0.5);
        body["stop"] = json!(["e 😀", "\n\n"]);
        let told = world.ask("/chat/completions", body.clone()).await;
        assert_eq!(told.status, 200, "{model}: {}", told.text());
        if behind.played == Provider::OpenAi {
            let answer = &told.json()["choices"][0];
            assert_eq!(answer["message"]["content"], "Grüß");
            assert_eq!(answer["finish_reason"], "stop");
        }
        // An answer that was begun is no matter of tuning.
        let begun = json!({ "role": "assistant", "content": "It is" });
        body["messages"].as_array_mut().unwrap().push(begun);
        let told = world.ask("/chat/completions", body).await;
        if goes_on {
            assert_eq!(told.status, 200, "{model}: {}", told.text());
        } else {
            assert_eq!(told.status, 400, "{model}: {}", told.text());
            assert!(told.text().contains(model), "{}", told.text());
        }
        assert_eq!(world.peer.complaints(), [], "{model}");
    }
}

#[tokio::test]
async fn who_goes_away_closes_the_connection_to_the_provider() {
    let world = World::before(&COMPATIBLE).await;
    for path in ["/chat/completions", "/responses"] {
        let mut body = json!({ "model": "Acme AI?/acme/large-1", "stream": true });
        let field = if path == "/responses" {
            "input"
        } else {
            "messages"
        };
        body[field] = json!([{ "role": "user", "content": "Be silent." }]);
        let mut response = world.request(path, &body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let mut told = String::new();
        while !told.contains("So far") {
            let chunk = response.chunk().await.unwrap().unwrap();
            told.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        assert_eq!(world.peer.running(), 1);
        drop(response);
        let ended = until("the end of the answer", async || {
            (world.peer.running() == 0).then_some(())
        });
        ended.await.unwrap();
    }
}

#[tokio::test]
async fn what_only_its_model_reads_goes_back_to_it_and_to_no_other() {
    let world = World::before(&ANTHROPIC).await;
    let model = format!("{NAME}/{}", ANTHROPIC.model);
    let mut input = vec![json!({ "role": "user", "content": "Think." })];
    let ask = |input: &[Value], model: &str| {
        let reasoning = json!({ "effort": "low" });
        world.ask(
            "/responses",
            json!({ "model": model, "input": input, "reasoning": reasoning }),
        )
    };
    let told = ask(&input, &model).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let told = told.json();
    let output = told["output"].as_array().unwrap();
    let kinds: Vec<_> = output.iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["reasoning", "message"], "{told}");
    assert_eq!(output[0]["summary"][0]["text"], "Hm.");
    assert!(!told.to_string().contains(SIGNATURE));
    input.extend(output.clone());
    input.push(json!({ "role": "user", "content": "Go on." }));
    let told = ask(&input, &model).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let sent = |world: &World| {
        world
            .peer
            .requests()
            .pop()
            .unwrap()
            .json()
            .unwrap()
            .to_string()
    };
    assert!(sent(&world).contains(SIGNATURE), "{}", sent(&world));
    // Another name is another model, as far as labd can know.
    let settings = json!({ "default_provider": world.provider });
    let chosen = world
        .daemon
        .request(Method::PATCH, "/settings")
        .json(&settings);
    assert_eq!(send(chosen).await.unwrap().status, 200);
    let told = ask(&input, ANTHROPIC.model).await;
    assert_eq!(told.status, 200, "{}", told.text());
    assert!(!sent(&world).contains(SIGNATURE));
    assert_eq!(world.peer.complaints(), []);
}
