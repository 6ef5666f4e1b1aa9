//! Whole answers: what is asked, and what comes of it.

use super::*;

#[tokio::test]
async fn the_answer_of_a_model_becomes_an_app_that_runs() {
    let world = World::new([Reply::chat([app().as_str()])]).await;
    let turn = world.ask("Show what has to be ordered").await;
    assert_eq!(turn.state(), "done", "{turn:?}");
    assert_eq!(turn.turn["snapshot"], world.head().await);
    assert_eq!(turn.turn["provider"], "Acme AI");
    assert_eq!(turn.turn["usage"]["input"], 11);
    assert_eq!(turn.turn["usage"]["output"], 7);
    assert_eq!(turn.prose().trim(), "Hier ist dein Lager.");
    world.shows_the_app().await;

    let requests = world.peer.requests();
    let [request] = requests.as_slice() else {
        panic!("{} requests", requests.len());
    };
    assert_eq!(request.method, "POST");
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(
        request.header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("accept"), Some("text/event-stream"));
    assert_eq!(request.header("cookie"), None);
    let body = request.json().unwrap();
    assert_eq!(body["model"], "acme-large");
    assert_eq!(body["stream"], true);
    assert_eq!(body["stream_options"]["include_usage"], true);
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages[0]["role"], "system");
    let system = messages[0]["content"].as_str().unwrap();
    says(system, &["<lab-file path="]);
    let last = messages.last().unwrap();
    assert_eq!(last["role"], "user");
    says(
        &body["messages"].to_string(),
        &["Show what has to be ordered", "reorder_level", "sqlite"],
    );

    // The second request carries what was said and made before.
    let edit = "Gern.\n<lab-edit path=\"app.json\">\n<<<<<<< SEARCH\n{\"name\": \"Lager – Übersicht\", \"pages\": [{\"path\": \"/\", \"label\": \"Lager\"}]}\n=======\n{\"name\": \"Bestand\", \"pages\": [{\"path\": \"/\", \"label\": \"Lager\"}]}\n>>>>>>> REPLACE\n</lab-edit>\n";
    world.peer.then(Reply::chat([edit]));
    let second = world.ask("Call it Bestand").await;
    assert_eq!(second.state(), "done", "{second:?}");
    let sent = world.peer.requests()[1].json().unwrap()["messages"].to_string();
    says(
        &sent,
        &[
            "Show what has to be ordered",
            "Größte Lücke",
            "Call it Bestand",
        ],
    );
    let files = world.files().await;
    assert!(
        files[0].1.starts_with("{\"name\": \"Bestand\""),
        "{files:?}"
    );
}

#[tokio::test]
async fn the_command_line_sets_a_provider_up_and_chats_with_it_and_without_it() {
    let daemon = Daemon::start().await.unwrap();
    let models = r#"{"object":"list","data":[{"id":"acme-large"},{"id":"acme-small"}]}"#;
    let peer = AiPeer::start([Reply::error(200, models), Reply::chat([app().as_str()])])
        .await
        .unwrap();
    let base_url = format!("base-url={}", peer.base_url());
    let added = ["provider", "add", "Acme AI", "--set", &base_url];
    let added = [&added[..], &["--model", "acme-large", "--key-file", "-"]].concat();
    let added = daemon
        .home
        .run_with_input(&added, &format!("{KEY}\n"))
        .await
        .unwrap();
    assert_eq!(added.code, 0, "{}", added.err);
    let models = daemon
        .home
        .run(&["provider", "models", "Acme AI"])
        .await
        .unwrap();
    says(&models.out, &["acme-large", "acme-small"]);
    let made = daemon
        .home
        .run_json(&["project", "new", "Lager"])
        .await
        .unwrap();
    assert_eq!(made["provider"], Value::Null);

    let chosen = daemon
        .home
        .run_json(&["project", "provider", "Lager", "Acme AI"])
        .await
        .unwrap();
    assert!(chosen["provider"].is_string(), "{chosen}");
    let chat = daemon
        .home
        .run(&["chat", "Lager", "Show what has to be ordered"])
        .await
        .unwrap();
    assert_eq!(chat.code, 0, "{}", chat.err);
    says(
        &chat.out,
        &["Hier ist dein Lager.", "write src/main.tsx", "Done."],
    );
    let bearer = format!("Bearer {KEY}");
    for request in peer.requests() {
        assert_eq!(request.header("authorization"), Some(bearer.as_str()));
    }
    assert_eq!(peer.requests().len(), 2);

    // Back to the default provider, which is the offline generator.
    let back = daemon
        .home
        .run_json(&["project", "provider", "Lager", "--default"])
        .await
        .unwrap();
    assert_eq!(
        (&back["provider"], &back["model"]),
        (&Value::Null, &Value::Null)
    );
    let chat = daemon
        .home
        .run(&["chat", "Lager", "show revenue by month"])
        .await
        .unwrap();
    assert_eq!(chat.code, 0, "{}", chat.err);
    assert_eq!(peer.requests().len(), 2);
    for wrong in [
        ["project", "provider", "Lager"].as_slice(),
        &["project", "provider", "Lager", "Acme AI", "--default"],
    ] {
        let refused = daemon.home.run(wrong).await.unwrap();
        assert_eq!(refused.code, 2, "{}", refused.err);
    }
}

#[tokio::test]
async fn a_project_is_set_back_to_the_default_provider_over_http() {
    let world = World::new([]).await;
    let model = world
        .patch(
            &format!("/projects/{}", world.project),
            json!({ "model": "acme-small" }),
        )
        .await;
    assert_eq!(model.json()["model"], "acme-small");
    assert_eq!(model.json()["provider"], world.provider.as_str());
    let described = world.daemon.get("/openapi.json").await.unwrap().json();
    let update = &described["components"]["schemas"]["ProjectUpdate"];
    for setting in ["provider", "model"] {
        let schema = update["properties"][setting].to_string();
        assert!(schema.contains("\"null\""), "{schema}");
    }
    let back = world.set_provider(Value::Null).await;
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!(back.json()["provider"], Value::Null);
    assert_eq!(back.json()["model"], Value::Null);
    let turn = world.ask("show revenue by month").await;
    assert_eq!(turn.turn["provider"], "Offline templates");
    assert_eq!(turn.state(), "done", "{turn:?}");
    assert!(world.peer.requests().is_empty());
}

#[tokio::test]
async fn an_answer_is_the_same_however_its_bytes_were_split() {
    let world = World::new([]).await;
    for length in [1, 2, 3, 7, 61] {
        // The texts of the chunks are cut within tags, and the bytes within characters.
        let text = format!("Schnitt {length} – ä€😀\n{}", app());
        let pieces: Vec<String> = text
            .chars()
            .collect::<Vec<_>>()
            .chunks(40 + length)
            .map(|chars| chars.iter().collect())
            .collect();
        let reply = Reply::chat(pieces.iter().map(String::as_str)).split(length);
        world.peer.then(reply);
        let turn = world.ask(&format!("Cut it at {length}")).await;
        assert_eq!(turn.state(), "done", "{length}: {turn:?}");
        let prose = turn.prose();
        assert!(
            prose.starts_with(&format!("Schnitt {length} – ä€😀\nHier ist dein Lager.")),
            "{prose}"
        );
        world.shows_the_app().await;
    }
}
