use super::{fakes::CANARY, *};
use labd_builder::context::{Document, DocumentTurn};
use labd_plugin_host::kinds::ai::{Part, Request};

fn all_text(request: &Request) -> String {
    let mut text = request.system.join("\n");
    for message in &request.messages {
        for part in &message.parts {
            if let Part::Text(part) = part {
                text.push_str(part);
            }
        }
    }
    text + request.document.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn a_model_is_told_the_schema_the_files_and_the_conversation_and_no_secret() {
    let bench = Bench::new().await;
    let source = bench.sources.add();
    let project = bench.project_on(Some(source)).await.id;
    bench
        .answer(
            project,
            &files(&[
                ("src/App.tsx", "const marker = 1;"),
                ("app.json", "{\"name\": \"Shop\"}"),
            ]),
        )
        .await;
    let turn = bench.answer(project, "What about customers?").await;

    let request = bench
        .models
        .requests
        .lock()
        .unwrap()
        .last()
        .cloned()
        .unwrap();
    let text = all_text(&request);
    for wanted in [
        "<lab-app",
        "useQuery",
        "SQL dialect: sqlite",
        "table orders (about 10 rows)",
        "total TEXT not null",
        "=== src/App.tsx ===\nconst marker = 1;",
        "Here it is.",
        "[changed: app.json, src/App.tsx]",
        "# Request\ndo it",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is missing in:\n{text}");
    }
    assert!(!text.contains(CANARY), "{text}");
    assert_eq!(request.document, None);

    let prompt = bench.builder.turn_prompt(project, turn.id).await.unwrap();
    assert!(!prompt.contains(CANARY));
    for part in request.system.iter() {
        assert!(
            prompt.contains(part),
            "what was sent can be read as a whole"
        );
    }
    assert!(prompt.contains("=== user ==="));
}

#[tokio::test]
async fn a_document_provider_gets_the_document_itself() {
    let bench = Bench::new().await;
    let source = bench.sources.add();
    let project = bench.project_on(Some(source)).await.id;
    *bench.models.document.lock().unwrap() = true;
    bench
        .answer(
            project,
            &files(&[("app.json", "{\"name\": \"Shop\"}"), ("a.ts", "SYNTAX")]),
        )
        .await;
    bench
        .answer(project, &files(&[("app.json", "{\"name\": \"Shop\"}")]))
        .await;
    let turn = bench.answer(project, "Nothing.").await;

    let request = bench
        .models
        .requests
        .lock()
        .unwrap()
        .last()
        .cloned()
        .unwrap();
    let document: Document = serde_json::from_str(request.document.as_deref().unwrap()).unwrap();
    assert_eq!(document.project, "Shop");
    assert_eq!(document.request, "do it");
    assert_eq!(document.source.as_ref().unwrap().dialect, "sqlite");
    let schema = document.schema.as_ref().unwrap();
    let names: Vec<_> = schema
        .relations
        .iter()
        .map(|relation| relation.name.as_str())
        .collect();
    assert_eq!(names, ["customers", "orders"], "in a fixed order");
    assert_eq!(document.app.as_ref().unwrap()["name"], "Shop");
    assert_eq!(document.files.len(), 1);
    assert!(matches!(
        document.conversation.as_slice(),
        [
            DocumentTurn {
                outcome: TurnState::Failed,
                fault: Some(_),
                ..
            },
            DocumentTurn {
                outcome: TurnState::Done,
                fault: None,
                ..
            },
        ]
    ));
    assert!(!all_text(&request).contains(CANARY));
    let prompt = bench.builder.turn_prompt(project, turn.id).await.unwrap();
    assert_eq!(serde_json::from_str::<Document>(&prompt).unwrap(), document);
}

#[tokio::test]
async fn the_same_state_and_request_give_the_same_prompt() {
    let bench = Bench::new().await;
    let source = bench.sources.add();
    let mut sent = Vec::new();
    for _ in 0..2 {
        let project = bench.project_on(Some(source)).await.id;
        bench
            .answer(project, &files(&[("b.ts", "b"), ("a.ts", "a")]))
            .await;
        bench.answer(project, "Nothing.").await;
        let last = bench.models.requests.lock().unwrap().last().cloned();
        let mut request = last.unwrap();
        // All that is the project's own.
        let key = request.cache.as_mut().and_then(|cache| cache.key.take());
        assert_eq!(key, Some(project.to_string()));
        sent.push(request);
    }
    assert_eq!(sent[0], sent[1]);
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_said_and_the_turn_goes_on() {
    let bench = Bench::new().await;
    let source = bench.sources.add();
    let project = bench.project_on(Some(source)).await.id;
    *bench.sources.away.lock().unwrap() = true;
    let turn = bench.answer(project, "I cannot see the tables.").await;
    assert_eq!(turn.state, TurnState::Done);
    let request = bench
        .models
        .requests
        .lock()
        .unwrap()
        .last()
        .cloned()
        .unwrap();
    let text = all_text(&request);
    assert!(text.contains("could not be read"), "{text}");
}

#[tokio::test]
async fn providers_are_told_what_comes_again_until_old_turns_are_left_out() {
    let bench = Bench::new().await;
    let source = bench.sources.add();
    let project = bench.project_on(Some(source)).await.id;
    for _ in 0..14 {
        bench.answer(project, "Nothing.").await;
    }
    let requests = bench.models.requests.lock().unwrap().clone();
    for (turn, pair) in requests.windows(2).enumerate() {
        let [one, next] = pair else { unreachable!() };
        let hints = one.cache.as_ref().unwrap();
        assert_eq!(hints.key.as_deref(), Some(&*project.to_string()));
        let system = usize::try_from(hints.system).unwrap();
        let messages = usize::try_from(hints.messages).unwrap();
        assert_eq!(system, 2, "the guide and the database");
        assert_eq!(messages, if turn < 12 { 2 * turn } else { 0 });
        // It does come again.
        assert_eq!(one.system[..system], next.system[..system]);
        assert_eq!(one.messages[..messages], next.messages[..messages]);
    }
    assert_eq!(requests.len(), 14);
}
