use super::{fakes::Step, *};
use labd_plugin_host::kinds::ai::{Event, FinishReason, Usage as ModelUsage};
use labd_protocol::{ApiError, Author, CheckState, ErrorCode, FileAction, Severity};

#[tokio::test]
async fn an_answer_becomes_the_new_state_and_every_step_is_told_in_order() {
    let bench = Bench::new().await;
    let source = bench.sources.add();
    let project = bench.project_on(Some(source)).await;
    bench.models.script([
        Step::text("On it.\n<lab-app title=\"Shop\">\n<lab-file path=\"src/App"),
        Step::text(".tsx\">\nexport"),
        Step::text(
            " {}\n</lab-file>\n<lab-file path=\"queries/a.sql\">\nselect 1\n</lab-file></lab-app>",
        ),
        Step::Event(Event::Usage(ModelUsage {
            input: Some(10),
            output: Some(5),
            ..Default::default()
        })),
        Step::stop(),
        Step::Event(Event::Usage(ModelUsage {
            input: Some(10),
            output: Some(7),
            ..Default::default()
        })),
    ]);
    let turn = bench.start(project.id, "  Show revenue \nplease").await;
    assert_eq!(
        (turn.state, turn.text.as_str()),
        (TurnState::Running, "Show revenue \nplease")
    );
    let turn = bench.ended(&turn).await;
    assert_eq!(turn.state, TurnState::Done);
    assert_eq!(turn.usage.output, Some(7), "usage after the end counts");

    let events = bench.events(&turn).await;
    let names: Vec<&str> = events
        .iter()
        .map(|event| match event {
            TurnEvent::Started { .. } => "started",
            TurnEvent::Text { .. } => "text",
            TurnEvent::FileStarted { .. } => "file",
            TurnEvent::FileText { .. } => "content",
            TurnEvent::FileFinished { fault: None, .. } => "complete",
            TurnEvent::Candidate { .. } => "candidate",
            TurnEvent::Check {
                state: CheckState::Running,
                ..
            } => "check",
            TurnEvent::Check {
                state: CheckState::Passed,
                ..
            } => "passed",
            TurnEvent::Snapshot { .. } => "snapshot",
            TurnEvent::Finished { .. } => "finished",
            TurnEvent::Usage { .. } => "usage",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        names,
        [
            "started",
            "text",
            "file",
            "content",
            "complete",
            "file",
            "content",
            "complete",
            "usage",
            "check",
            "candidate",
            "passed",
            "check",
            "passed",
            "usage",
            "snapshot",
            "finished"
        ]
    );
    assert_eq!(
        bench.head(project.id).await,
        ["queries/a.sql", "src/App.tsx"]
    );
    assert_eq!(bench.read(project.id, "src/App.tsx").await, "export {}\n");
    assert_eq!(*bench.sources.checked.lock().unwrap(), ["a"]);
    assert_eq!(
        bench.previews.shown_now(project.id).unwrap(),
        "queries/a.sql=select 1;src/App.tsx=export {}"
    );
    let history = bench.builder.history(project.id).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].message, "Show revenue ");
    assert!(matches!(&history[0].author, Author::Model { provider, .. } if provider == "Scripted"));
    assert_eq!(turn.snapshot, Some(history[0].id));
}

#[tokio::test]
async fn a_second_answer_edits_what_is_there_and_checks_only_what_changed() {
    let bench = Bench::new().await;
    let source = bench.sources.add();
    let project = bench.project_on(Some(source)).await;
    bench
        .answer(
            project.id,
            &files(&[("src/a.ts", "one\ntwo"), ("queries/a.sql", "select 1")]),
        )
        .await;
    let answer = "<lab-edit path=\"src/a.ts\">\n<<<<<<< SEARCH\ntwo\n=======\nthree\n>>>>>>> REPLACE\n</lab-edit>\n<lab-file path=\"queries/b.sql\">\nselect 2\n</lab-file><lab-delete path=\"gone.ts\"/>";
    let turn = bench.answer(project.id, answer).await;
    assert_eq!(turn.state, TurnState::Done);
    assert_eq!(bench.read(project.id, "src/a.ts").await, "one\nthree\n");
    assert_eq!(*bench.sources.checked.lock().unwrap(), ["a", "b"]);
    let history = bench.builder.history(project.id).await.unwrap();
    assert_eq!(history[0].changed, ["queries/b.sql", "src/a.ts"]);
    assert_eq!(history[0].parent, Some(history[1].id));
}

#[tokio::test]
async fn a_query_that_the_database_refuses_makes_a_draft_and_the_last_good_state_is_painted_again()
{
    let bench = Bench::new().await;
    let source = bench.sources.add();
    let project = bench.project_on(Some(source)).await;
    bench
        .answer(project.id, &files(&[("src/a.ts", "good")]))
        .await;
    let turn = bench
        .answer(
            project.id,
            &files(&[("queries/b.sql", "select *\nfrom missing")]),
        )
        .await;
    assert_eq!(turn.state, TurnState::Failed);
    let error = turn.error.clone().unwrap();
    assert_eq!(error.code, ErrorCode::QueryFailed);
    assert!(
        error
            .message
            .contains("queries/b.sql, line 2: The query b: no such table"),
        "{error}"
    );
    assert_eq!(
        *bench.previews.painted.lock().unwrap(),
        [
            "src/a.ts=good",
            "queries/b.sql=select *\nfrom missing;src/a.ts=good",
            "src/a.ts=good"
        ]
    );
    assert_eq!(bench.head(project.id).await, ["src/a.ts"]);
    let history = bench.builder.history(project.id).await.unwrap();
    assert!(history[0].draft && Some(history[0].id) == turn.snapshot);
    let draft = bench
        .builder
        .file(project.id, "queries/b.sql", turn.snapshot)
        .await
        .unwrap();
    assert_eq!(draft.content, "select *\nfrom missing\n");
    let events = bench.events(&turn).await;
    let problems = events.iter().find_map(|event| match event {
        TurnEvent::Problems { problems } => Some(problems),
        _ => None,
    });
    assert_eq!(problems.unwrap()[0].line, Some(2));
    assert!(events.iter().any(|event| matches!(event, TurnEvent::Check { name, state: CheckState::Failed } if name == "queries")));
    assert_eq!(finished(&events), Some(TurnState::Failed));
}

#[tokio::test]
async fn a_state_that_does_not_compile_is_never_painted() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    let turn = bench
        .answer(project.id, &files(&[("src/a.ts", "SYNTAX")]))
        .await;
    assert_eq!(turn.state, TurnState::Failed);
    assert!(bench.previews.painted.lock().unwrap().is_empty());
    assert!(bench.head(project.id).await.is_empty());
    let turn = bench
        .answer(project.id, &files(&[("server/x.ts", "CRASH")]))
        .await;
    assert_eq!(turn.state, TurnState::Failed);
    assert_eq!(
        bench.previews.shown_now(project.id),
        None,
        "there is no good state to go back to"
    );
}

#[tokio::test]
async fn a_source_that_is_away_or_missing_is_a_warning() {
    let bench = Bench::new().await;
    let source = bench.sources.add();
    let project = bench.project_on(Some(source)).await;
    *bench.sources.away.lock().unwrap() = true;
    let turn = bench
        .answer(
            project.id,
            &files(&[("queries/a.sql", "x"), ("queries/b.sql", "x")]),
        )
        .await;
    assert_eq!(turn.state, TurnState::Done);
    let problems = bench.builder.problems(project.id).await.unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(
        (problems[0].severity, problems[0].code.as_str()),
        (Severity::Warning, "source-unavailable")
    );

    let project = bench.project().await;
    let turn = bench
        .answer(project.id, &files(&[("queries/a.sql", "x")]))
        .await;
    assert_eq!(turn.state, TurnState::Done);
    let problems = bench.builder.problems(project.id).await.unwrap();
    assert_eq!(problems[0].code, "no-source");
}

#[tokio::test]
async fn a_stopped_turn_keeps_complete_files_that_pass_and_the_rest_as_a_draft() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    bench.models.script([
        Step::text(
            "<lab-file path=\"src/a.ts\">\na\n</lab-file>\n<lab-file path=\"src/b.ts\">\nhalf",
        ),
        Step::Hang,
    ]);
    let turn = bench.start(project.id, "do it").await;
    bench
        .until(
            &turn,
            |event| matches!(event, TurnEvent::FileText { path, .. } if path == "src/b.ts"),
        )
        .await;
    let turn = bench.builder.turn_stop(project.id, turn.id).await.unwrap();
    assert_eq!(turn.state, TurnState::Stopped);
    assert_eq!(
        bench.builder.turn_stop(project.id, turn.id).await.unwrap(),
        turn
    );
    assert_eq!(bench.head(project.id).await, ["src/a.ts"]);
    let history = bench.builder.history(project.id).await.unwrap();
    let draft = history.iter().find(|snapshot| snapshot.draft).unwrap();
    assert_eq!(draft.changed, ["src/a.ts", "src/b.ts"]);
    let half = bench
        .builder
        .file(project.id, "src/b.ts", Some(draft.id))
        .await
        .unwrap();
    assert_eq!(half.content, "half");
    assert_eq!(
        finished(&bench.events(&turn).await),
        Some(TurnState::Stopped)
    );
}

#[tokio::test]
async fn a_stopped_turn_whose_files_do_not_pass_is_only_a_draft() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    bench.models.script([
        Step::text("<lab-file path=\"src/a.ts\">\nSYNTAX\n</lab-file>\n"),
        Step::Hang,
    ]);
    let turn = bench.start(project.id, "do it").await;
    bench
        .until(&turn, |event| {
            matches!(event, TurnEvent::FileFinished { .. })
        })
        .await;
    let turn = bench.builder.turn_stop(project.id, turn.id).await.unwrap();
    assert_eq!(turn.state, TurnState::Stopped);
    assert!(bench.head(project.id).await.is_empty());
    assert!(bench.builder.history(project.id).await.unwrap()[0].draft);
}

#[tokio::test]
async fn starting_again_is_the_same_turn_and_another_one_is_a_conflict() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    bench.models.script([Step::Hang]);
    let start = StartTurn {
        id: TurnId::generate(),
        text: "a".into(),
        provider: None,
        model: None,
    };
    let first = bench
        .builder
        .turn_start(project.id, start.clone())
        .await
        .unwrap();
    let again = bench
        .builder
        .turn_start(project.id, start.clone())
        .await
        .unwrap();
    assert_eq!((first.id, first.started_at), (again.id, again.started_at));
    bench
        .until(&first, |event| matches!(event, TurnEvent::Started { .. }))
        .await;
    let asked = bench.models.requests.lock().unwrap().len();
    assert!(asked <= 1, "asked {asked} times");
    let other = StartTurn {
        id: TurnId::generate(),
        ..start.clone()
    };
    let error = bench
        .builder
        .turn_start(project.id, other)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
    assert!(error.message.contains(&first.id.to_string()), "{error}");
    let save = FileSave {
        path: "a.ts".into(),
        content: Some("x".into()),
        base: None,
    };
    let error = bench.builder.file_save(project.id, save).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
    assert_eq!(
        bench
            .builder
            .project(project.id)
            .await
            .unwrap()
            .running_turn,
        Some(first.id)
    );
    assert_eq!(bench.builder.running_turns(), 1);
    bench.builder.turn_stop(project.id, first.id).await.unwrap();
    let again = bench.builder.turn_start(project.id, start).await.unwrap();
    assert_eq!(again.state, TurnState::Stopped);
    assert_eq!(
        bench
            .builder
            .project(project.id)
            .await
            .unwrap()
            .running_turn,
        None
    );
}

#[tokio::test]
async fn a_cut_stream_fails_with_what_arrived_as_a_draft() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    let half = Step::text(
        "<lab-file path=\"src/a.ts\">\na\n</lab-file>\n<lab-file path=\"src/b.ts\">\nhalf",
    );
    let cuts = [
        (vec![half.clone()], ErrorCode::Unreachable),
        (
            vec![
                half.clone(),
                Step::Event(Event::Finish(FinishReason::Length)),
            ],
            ErrorCode::TooLarge,
        ),
        (
            vec![
                half.clone(),
                Step::Fail(ApiError::new(
                    ErrorCode::Unreachable,
                    "The connection is gone.",
                )),
            ],
            ErrorCode::Unreachable,
        ),
        (vec![half.clone(), Step::Panic], ErrorCode::Internal),
    ];
    for (script, code) in cuts {
        bench.models.script(script);
        let turn = bench.start(project.id, "do it").await;
        let turn = bench.ended(&turn).await;
        assert_eq!(turn.state, TurnState::Failed);
        assert_eq!(turn.error.clone().unwrap().code, code);
        assert!(bench.head(project.id).await.is_empty());
        if code == ErrorCode::Internal {
            continue;
        }
        let draft = bench
            .builder
            .snapshot(project.id, turn.snapshot.unwrap())
            .await
            .unwrap();
        assert!(draft.snapshot.draft);
        assert_eq!(draft.files.len(), 2);
        let events = bench.events(&turn).await;
        assert!(events.iter().any(|event| matches!(
            event,
            TurnEvent::FileFinished { path, fault: Some(_), .. } if path == "src/b.ts"
        )));
        assert!(matches!(&events[events.len() - 2], TurnEvent::Draft { .. }));
    }
    assert!(bench.previews.painted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_whole_answer_without_its_last_tag_counts() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    let turn = bench
        .answer(
            project.id,
            "<lab-app title=\"x\"><lab-file path=\"src/a.ts\">\na\n",
        )
        .await;
    assert_eq!(turn.state, TurnState::Done);
    assert_eq!(bench.head(project.id).await, ["src/a.ts"]);
}

#[tokio::test]
async fn a_broken_tag_and_prose_alone_change_nothing() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    for answer in [
        "What do you mean?",
        "<lab-file pa",
        "<lab-fil path=\"a.ts\">\nx\n</lab-fil>",
    ] {
        let turn = bench.answer(project.id, answer).await;
        assert_eq!(turn.state, TurnState::Done, "{answer}");
        assert_eq!(turn.snapshot, None);
    }
    assert!(bench.builder.history(project.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_evil_path_is_refused_and_the_answer_is_no_state() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    let turn = bench
        .answer(
            project.id,
            &files(&[("../../etc/passwd", "root"), ("src/a.ts", "a")]),
        )
        .await;
    assert_eq!(turn.state, TurnState::Failed);
    let events = bench.events(&turn).await;
    assert!(events.iter().any(|event| matches!(
        event,
        TurnEvent::FileFinished { path, fault: Some(fault), .. }
            if path == "../../etc/passwd" && fault.contains("inside the project")
    )));
    for snapshot in bench.builder.history(project.id).await.unwrap() {
        assert!(snapshot.draft);
        assert_eq!(snapshot.changed, ["src/a.ts"]);
    }
    assert!(!bench.dir.path().join("../etc").exists());
}

#[tokio::test]
async fn an_edit_that_does_not_fit_is_a_problem_and_no_state() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    bench
        .answer(project.id, &files(&[("src/a.ts", "one")]))
        .await;
    let answer = "<lab-edit path=\"src/a.ts\">\n<<<<<<< SEARCH\ntwo\n=======\nthree\n>>>>>>> REPLACE\n</lab-edit>";
    let turn = bench.answer(project.id, answer).await;
    assert_eq!(turn.state, TurnState::Failed);
    assert_eq!(bench.read(project.id, "src/a.ts").await, "one\n");
    let events = bench.events(&turn).await;
    assert!(events.iter().any(|event| matches!(
        event,
        TurnEvent::FileStarted {
            action: FileAction::Edit,
            ..
        }
    )));
    assert!(turn.error.unwrap().message.contains("is not in the file"));
}

#[tokio::test]
async fn a_provider_that_refuses_or_says_nothing_fails_the_turn_in_plain_words() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    bench.models.script([Step::Refuse(ApiError::new(
        ErrorCode::CredentialRefused,
        "The key is wrong.",
    ))]);
    let turn = bench.start(project.id, "do it").await;
    let turn = bench.ended(&turn).await;
    assert_eq!(turn.state, TurnState::Failed);
    assert_eq!(turn.error.unwrap().message, "The key is wrong.");
    assert_eq!(turn.snapshot, None);

    let slow_down = ApiError {
        retry_after_ms: Some(7_000),
        ..ApiError::new(ErrorCode::RateLimited, "It asks to slow down.")
    };
    bench.models.script([Step::Fail(slow_down.clone())]);
    let turn = bench.start(project.id, "do it").await;
    assert_eq!(bench.ended(&turn).await.error, Some(slow_down));
}

#[tokio::test]
async fn silence_ends_a_turn() {
    let bench = Bench::patient(Duration::from_millis(200)).await;
    let project = bench.project().await;
    bench
        .models
        .script([Step::text("<lab-file path=\"a.ts\">\nx"), Step::Hang]);
    let turn = bench.start(project.id, "do it").await;
    let turn = bench.ended(&turn).await;
    assert_eq!(turn.state, TurnState::Failed);
    assert_eq!(turn.error.unwrap().code, ErrorCode::Timeout);
    assert!(turn.snapshot.is_some());
}

#[tokio::test]
async fn a_turn_that_a_restart_interrupted_has_its_end_and_its_draft() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    bench
        .answer(project.id, &files(&[("src/a.ts", "one\ntwo")]))
        .await;
    bench.models.script([
        Step::text("Wait.\n<lab-edit path=\"src/a.ts\">\n<<<<<<< SEARCH\ntwo\n=======\nthree\n>>>>>>> REPLACE\n</lab-edit>\n<lab-file path=\"src/b.ts\">\nhalf\n"),
        Step::text("more"),
        Step::Hang,
    ]);
    let turn = bench.start(project.id, "go on").await;
    bench
        .until(
            &turn,
            |event| matches!(event, TurnEvent::FileText { text, .. } if text.ends_with("more")),
        )
        .await;
    let Bench {
        dir,
        store,
        builder,
        ..
    } = bench;
    // As in a crash: nothing more is written.
    store.close().await.unwrap();
    drop(builder);

    let bench = Bench::on(dir).await;
    let turn = bench.builder.turn(project.id, turn.id).await.unwrap();
    assert_eq!(turn.state, TurnState::Interrupted);
    let events = bench.events(&turn).await;
    assert_eq!(finished(&events), Some(TurnState::Interrupted));
    assert!(matches!(&events[events.len() - 2], TurnEvent::Draft { .. }));
    let draft = turn.snapshot.unwrap();
    let read = |path: &'static str| bench.builder.file(project.id, path, Some(draft));
    assert_eq!(read("src/a.ts").await.unwrap().content, "one\nthree\n");
    assert_eq!(read("src/b.ts").await.unwrap().content, "half\nmore");
    assert_eq!(bench.read(project.id, "src/a.ts").await, "one\ntwo\n");
    assert_eq!(
        bench
            .builder
            .project(project.id)
            .await
            .unwrap()
            .running_turn,
        None
    );
    // And the project goes on.
    assert_eq!(
        bench
            .answer(project.id, &files(&[("src/c.ts", "c")]))
            .await
            .state,
        TurnState::Done
    );
}

#[tokio::test]
async fn a_shutdown_lets_turns_finish_and_interrupts_the_rest() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    bench
        .models
        .script([Step::text("<lab-file path=\"a.ts\">\nx"), Step::Hang]);
    let turn = bench.start(project.id, "do it").await;
    bench
        .until(&turn, |event| matches!(event, TurnEvent::FileText { .. }))
        .await;
    bench.builder.shutdown(Duration::from_millis(50)).await;
    let turn = bench.builder.turn(project.id, turn.id).await.unwrap();
    assert_eq!(turn.state, TurnState::Interrupted);
    assert!(turn.snapshot.is_some());
    let start = StartTurn {
        id: TurnId::generate(),
        text: "a".into(),
        provider: None,
        model: None,
    };
    let error = bench
        .builder
        .turn_start(project.id, start)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Overloaded);
}

#[tokio::test]
async fn events_come_in_pages_from_wherever_a_client_left_off() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    let turn = bench
        .answer(project.id, &files(&[("a.ts", "a"), ("b.ts", "b")]))
        .await;
    let all = bench.events(&turn).await;
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = bench
            .builder
            .turn_events(project.id, turn.id, after, 2, Duration::ZERO)
            .await
            .unwrap();
        assert!(page.events.len() <= 2);
        after = page.events.last().map_or(after, |event| event.seq);
        seen.extend(page.events.into_iter().map(|record| record.event));
        if page.end {
            break;
        }
    }
    assert_eq!(seen, all);
    let page = bench
        .builder
        .turn_events(project.id, turn.id, after, 2, PATIENCE)
        .await
        .unwrap();
    assert!(
        page.end && page.events.is_empty(),
        "nothing is waited for after the end"
    );
}

#[tokio::test]
async fn a_command_is_reported_and_never_run() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    let answer = "<boltArtifact title=\"x\"><boltAction type=\"shell\">touch /tmp/evil</boltAction><boltAction type=\"file\" filePath=\"a.ts\">a</boltAction></boltArtifact>";
    let turn = bench.answer(project.id, answer).await;
    assert_eq!(turn.state, TurnState::Done);
    let problems = bench.builder.problems(project.id).await.unwrap();
    assert_eq!(problems[0].code, "ignored-command");
    assert_eq!(problems[0].severity, Severity::Warning);
}
