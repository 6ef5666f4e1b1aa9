//! Streams that break, end in their own way, or hold what no app may hold.

use super::*;
use labd_protocol::{TurnEvent, within};
use labd_tests::ai_peer::Step;
use std::{path::Path, time::Duration};

const SLOW: Duration = Duration::from_secs(60);

/// The app, but for the last letters.
fn half() -> String {
    let app = app();
    let end = app.find("Lücke").unwrap();
    app[..end].to_owned()
}

#[tokio::test]
async fn an_answer_that_is_cut_is_kept_as_a_draft_and_the_last_good_state_stays() {
    let world = World::new([]).await;
    world.goes_on().await;
    let good = world.head().await;
    let text = half()
        .replace("Hier", "Neu")
        .replace("const stock", "const changed");
    for end in [Step::Cut, Step::Reset] {
        // In the middle of an event.
        let reply = Reply::chat([text.as_str()])
            .ending_with(Step::Bytes("data: {\"choices\":[{\"del".into()))
            .step(Step::Wait(Duration::from_millis(50)))
            .step(end.clone());
        world.peer.then(reply);
        let turn = world.ask("Change it").await;
        let (code, error) = turn.error();
        assert_eq!((turn.state(), code), ("failed", "unreachable"), "{end:?}");
        says(
            &error,
            &[
                "Acme AI",
                "closed the connection",
                "What had arrived is kept as a draft",
                "ask again",
            ],
        );
        let draft = world.snapshot(turn.draft().unwrap()).await;
        let main = draft.iter().find(|(path, _)| path == "src/main.tsx");
        assert!(main.unwrap().1 > 100, "{draft:?}");
        assert!(turn.prose().contains("Neu ist dein Lager."));
        assert_eq!(world.head().await, good);
        world.shows_the_app().await;
    }
}

#[tokio::test]
async fn what_came_right_before_a_cut_is_in_the_draft() {
    let world = World::new([]).await;
    for round in 0..15 {
        let last = format!("the-last-words-{round}");
        let reply = Reply::chat([half().as_str(), &last]).ending_with(Step::Cut);
        world.peer.then(reply);
        let turn = world.ask("Change it").await;
        assert_eq!(turn.state(), "failed", "{turn:?}");
        let draft = turn.draft().unwrap().as_str().unwrap();
        let file = format!(
            "/projects/{}/files/src/main.tsx?snapshot={draft}",
            world.project
        );
        let file = world.daemon.get(&file).await.unwrap().json();
        let content = file["content"].as_str().unwrap();
        assert!(content.ends_with(&last), "{round}: {content}");
    }
}

#[tokio::test]
async fn a_stream_without_its_closing_mark_is_whole_when_the_model_had_finished() {
    let whole = Reply::status(200).text(&app()).finish("stop");
    let open = Reply::status(200).text(&app());
    let world = World::new([open, whole]).await;
    let turn = world.ask("Show what has to be ordered").await;
    let (code, text) = turn.error();
    assert_eq!((turn.state(), code), ("failed", "unreachable"));
    says(
        &text,
        &[
            "the stream ended before the model had finished",
            "kept as a draft",
        ],
    );
    assert_eq!(world.snapshot(turn.draft().unwrap()).await.len(), 3);
    assert_eq!(world.head().await, Value::Null);

    let turn = world.ask("Show what has to be ordered").await;
    assert_eq!(turn.state(), "done", "{turn:?}");
    world.shows_the_app().await;
}

#[tokio::test]
async fn an_answer_at_the_models_limit_is_a_draft_and_says_so() {
    let world = World::new([Reply::status(200).text(&half()).finish("length")]).await;
    let turn = world.ask("Show what has to be ordered").await;
    let (code, text) = turn.error();
    assert_eq!((turn.state(), code), ("failed", "too_large"));
    says(
        &text,
        &["limit of tokens", "kept as a draft", "Ask for less"],
    );
    assert_eq!(world.snapshot(turn.draft().unwrap()).await.len(), 3);
    world.goes_on().await;
}

#[tokio::test]
async fn a_file_without_its_closing_tag_is_complete_when_the_answer_is() {
    let text = app();
    let open = text.strip_suffix("</lab-file>\n</lab-app>\n").unwrap();
    let world = World::new([Reply::chat([open])]).await;
    let turn = world.ask("Show what has to be ordered").await;
    assert_eq!(turn.state(), "done", "{turn:?}");
    world.shows_the_app().await;
}

#[tokio::test]
async fn a_broken_tag_never_changes_a_file() {
    let world = World::new([]).await;
    world.goes_on().await;
    let good = (world.head().await, world.files().await);
    for broken in [
        // A quote that never ends, a tag that never ends, a name that is none, nothing to write to.
        "<lab-file path=\"src/main.tsx\nexport default 1;\n</lab-file>\n",
        "Sorry: <lab-file path=\"src/main.tsx\"",
        "<lab-file path=\"src/main.tsx\" <lab-file",
        "<lab-fil path=\"src/main.tsx\">\nexport default 1;\n</lab-fil>\n",
        "</lab-file></lab-app></lab-file>\n",
        "<lab-file>\nexport default 1;\n</lab-file>\n",
        "<lab-edit path=\"src/main.tsx\">\nexport default 1;\n</lab-edit>\n",
        "<lab-edit path=\"src/main.tsx\">\n<<<<<<< SEARCH\nimport\n</lab-edit>\n",
    ] {
        world.peer.then(Reply::chat([broken]));
        let turn = world.ask("Break it").await;
        assert_eq!(turn.draft(), None, "{broken}: {turn:?}");
        match turn.state() {
            "done" => assert_eq!(turn.turn["snapshot"], Value::Null, "{broken}"),
            "failed" => says(&turn.error().1, &["Ask for it to be fixed"]),
            other => panic!("{broken}: {other}"),
        }
        assert_eq!((world.head().await, world.files().await), good, "{broken}");
    }
    world.shows_the_app().await;
}

/// Whether anything below a folder has this name.
fn exists(folder: &Path, name: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let entry = entry.unwrap();
        entry.file_name() == name
            || entry.file_type().unwrap().is_dir() && exists(&entry.path(), name)
    })
}

#[tokio::test]
async fn paths_that_leave_the_project_are_refused_and_nothing_is_written_there() {
    let world = World::new([]).await;
    world.goes_on().await;
    let good = world.head().await;
    let absolute = world.daemon.home.path().join("labd-escape");
    let absolute = absolute.to_str().unwrap();
    for path in [
        "../../labd-escape",
        "../../etc/passwd",
        "src/../../../labd-escape",
        absolute,
        "/etc/passwd",
        "~/labd-escape",
        "..\\..\\labd-escape",
        "C:\\labd-escape",
        "src/labd-escape\0.ts",
        ".git/labd-escape",
        ".env",
        "node_modules/labd-escape/index.js",
    ] {
        let text = answer(&[
            ("src/fine.ts", "export const fine = 1;\n"),
            (path, "escaped\n"),
        ]);
        world.peer.then(Reply::chat([text.as_str()]));
        let turn = world.ask("Write it there").await;
        assert_eq!(turn.state(), "failed", "{path:?}: {turn:?}");
        let (code, error) = turn.error();
        assert_eq!(code, "invalid_request", "{path:?}");
        says(
            &error,
            &["the last good state stays", "Ask for it to be fixed"],
        );
        let finished = turn
            .events
            .iter()
            .find(|event| event["type"] == "file_finished" && event["fault"].is_string());
        assert!(finished.is_some(), "{path:?}: {turn:?}");
        let draft = world.snapshot(turn.draft().unwrap()).await;
        let names: Vec<&str> = draft.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            names,
            [
                "app.json",
                "queries/low_stock.sql",
                "src/fine.ts",
                "src/main.tsx"
            ],
            "{path:?}"
        );
        assert_eq!(world.head().await, good);
    }
    let home = world.daemon.home.path();
    assert!(!exists(home, "labd-escape"));
    assert!(exists(home, "master.key"), "the search finds what is there");
    assert!(!home.parent().unwrap().join("labd-escape").exists());
    assert!(
        !fs::read_to_string("/etc/passwd")
            .unwrap()
            .contains("escaped")
    );
    world.shows_the_app().await;
}

#[tokio::test]
async fn a_giant_line_of_the_stream_ends_the_turn_and_not_the_daemon() {
    let half = "Here it comes.\n<lab-file path=\"app.json\">\n{\"name\": \"Half\"}\n</lab-file>\n";
    let world = World::new([Reply::status(200).text(half).long_line(10 << 20)]).await;
    let turn = world.ask("Show anything").await;
    let (code, text) = turn.error();
    assert_eq!((turn.state(), code), ("failed", "unreachable"));
    says(
        &text,
        &["a line of more than 8388608 bytes", "kept as a draft"],
    );
    assert_eq!(world.snapshot(turn.draft().unwrap()).await.len(), 1);
    world.goes_on().await;
}

#[tokio::test]
async fn a_giant_line_of_code_is_no_file() {
    let line = "x".repeat(64 << 10);
    let begin = "<lab-file path=\"src/giant.ts\">\nexport const giant = \"";
    let giant = Reply::status(200)
        .header("content-type", "text/event-stream")
        .text("<lab-file path=\"src/fine.ts\">\nexport const fine = 1;\n</lab-file>\n")
        .text(begin);
    let giant = (0..160)
        .fold(giant, |reply, _| reply.text(&line))
        .text("\";\n</lab-file>\n")
        .finish("stop");
    let world = World::new([giant]).await;
    let turn = world.ask("Show anything").await;
    assert_eq!(turn.state(), "failed");
    let (_, text) = turn.error();
    says(
        &text,
        &[
            "src/giant.ts is larger than 1048576 bytes",
            "kept as a draft",
        ],
    );
    let draft = world.snapshot(turn.draft().unwrap()).await;
    assert_eq!(draft, [("src/fine.ts".to_owned(), 23)]);
    world.goes_on().await;
}

#[tokio::test]
async fn a_giant_piece_of_prose_can_be_followed_at_every_door() {
    // Each line break is two bytes of JSON, and the whole is more than a frame of the RPC holds.
    let giant = format!("Begin {}End", "ä\n".repeat(3 << 19));
    let pieces = [giant.as_str(), &giant];
    let world = World::new([Reply::chat(pieces)]).await;
    let turn = world.ask("Tell me all").await;
    assert_eq!(turn.state(), "done", "{}", turn.turn);
    let expected = giant.repeat(2);
    assert!(turn.prose() == expected, "{} bytes", turn.prose().len());

    let labd = world.daemon.rpc().await.unwrap();
    let id = turn.turn["id"].as_str().unwrap().parse().unwrap();
    let project = world.project.parse().unwrap();
    let (mut after, mut text, mut end) = (0, String::new(), false);
    while !end {
        let call = labd.turn_events(within(SLOW), project, id, after, 1_000, 1_000);
        let page = labd_protocol::answer(call.await).unwrap();
        for record in page.events {
            after = record.seq;
            if let TurnEvent::Text { text: more } = record.event {
                text.push_str(&more);
            }
        }
        end = page.end;
    }
    assert!(text == expected, "{} bytes", text.len());
    world.goes_on().await;
}

#[tokio::test]
async fn a_web_page_or_an_error_in_the_place_of_a_stream_is_told() {
    let page = "<!doctype html>\n<title>Sign in – Acme</title><p>Please sign in.</p>";
    let world = World::new([
        Reply::status(200)
            .header("content-type", "text/html; charset=utf-8")
            .step(Step::Bytes(page.into())),
        Reply::error(
            200,
            r#"{"error":{"message":"No such key","code":"invalid_api_key"}}"#,
        ),
    ])
    .await;
    for (code, words) in [
        (
            "unreachable",
            ["a web page, \"Sign in – Acme\"", "check that `base-url`"],
        ),
        (
            "credential_refused",
            ["No such key", "Enter the API key again"],
        ),
    ] {
        let turn = world.ask("Show anything").await;
        let (told, text) = turn.error();
        assert_eq!((turn.state(), told), ("failed", code), "{text}");
        says(&text, &words);
        assert_eq!(turn.draft(), None);
    }
    world.goes_on().await;
}

#[tokio::test]
async fn an_answer_at_once_is_taken_where_a_stream_was_asked_for() {
    let whole = r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#;
    let world = World::new([Reply::error(200, whole)]).await;
    let turn = world.ask("Show anything").await;
    assert_eq!(turn.state(), "done", "{turn:?}");
    assert_eq!(turn.prose(), "hi");
}

#[tokio::test]
async fn a_stream_that_calls_itself_something_else_is_taken_all_the_same() {
    let world = World::new([]).await;
    for kind in ["application/json", "text/plain; charset=utf-8", "text/html"] {
        let reply = Reply::status(200)
            .header("content-type", kind)
            .text(&app())
            .finish("stop")
            .event("[DONE]");
        world.peer.then(reply);
        let turn = world.ask("Show what has to be ordered").await;
        assert_eq!(turn.state(), "done", "{kind}: {turn:?}");
    }
    world.shows_the_app().await;
}
