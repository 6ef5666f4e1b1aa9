use super::*;
use labd_protocol::{ErrorCode, ProjectUpdate, ProviderId, Rewind, SnapshotId};

#[tokio::test]
async fn going_back_and_forward_loses_nothing() {
    let bench = Bench::new().await;
    let project = bench.project().await.id;
    bench.answer(project, &files(&[("a.ts", "1")])).await;
    bench
        .answer(project, &files(&[("a.ts", "2"), ("b.ts", "2")]))
        .await;
    let history = bench.builder.history(project).await.unwrap();
    let (second, first) = (history[0].id, history[1].id);

    let back = bench
        .builder
        .rewind(project, Rewind { snapshot: first })
        .await
        .unwrap();
    assert_eq!(back.id, first);
    assert_eq!(bench.head(project).await, ["a.ts"]);
    assert_eq!(bench.read(project, "a.ts").await, "1\n");
    assert_eq!(bench.previews.shown_now(project).unwrap(), "a.ts=1");

    bench
        .builder
        .rewind(project, Rewind { snapshot: second })
        .await
        .unwrap();
    assert_eq!(bench.head(project).await, ["a.ts", "b.ts"]);
    assert_eq!(bench.builder.history(project).await.unwrap(), history);

    // From an earlier state on, history branches.
    bench
        .builder
        .rewind(project, Rewind { snapshot: first })
        .await
        .unwrap();
    bench.answer(project, &files(&[("c.ts", "3")])).await;
    let branched = bench.builder.history(project).await.unwrap();
    assert_eq!((branched.len(), branched[0].parent), (3, Some(first)));
    let error = bench
        .builder
        .rewind(
            project,
            Rewind {
                snapshot: SnapshotId::generate(),
            },
        )
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_draft_is_not_gone_to() {
    let bench = Bench::new().await;
    let project = bench.project().await.id;
    let turn = bench.answer(project, &files(&[("a.ts", "SYNTAX")])).await;
    let snapshot = turn.snapshot.unwrap();
    let error = bench
        .builder
        .rewind(project, Rewind { snapshot })
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn saving_by_hand_makes_a_state_and_never_overwrites_what_was_not_seen() {
    let bench = Bench::new().await;
    let project = bench.project().await.id;
    let save = |content: Option<&str>, base: Option<String>| FileSave {
        path: "src/a.ts".into(),
        content: content.map(str::to_owned),
        base,
    };
    let saved = bench
        .builder
        .file_save(project, save(Some("1"), None))
        .await
        .unwrap();
    assert!(!saved.snapshot.draft && saved.problems.is_empty());
    assert_eq!(bench.previews.shown_now(project).unwrap(), "src/a.ts=1");
    let first = bench.builder.file(project, "src/a.ts", None).await.unwrap();

    let error = bench
        .builder
        .file_save(project, save(Some("2"), None))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
    bench
        .builder
        .file_save(project, save(Some("2"), Some(first.hash.clone())))
        .await
        .unwrap();
    let error = bench
        .builder
        .file_save(project, save(Some("3"), Some(first.hash.clone())))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
    assert_eq!(bench.read(project, "src/a.ts").await, "2");

    let second = bench.builder.file(project, "src/a.ts", None).await.unwrap();
    assert_ne!(first.hash, second.hash);
    let same = bench
        .builder
        .file_save(project, save(Some("2"), Some(second.hash.clone())))
        .await
        .unwrap();
    assert_eq!(
        bench.builder.history(project).await.unwrap().len(),
        2,
        "the same content is no state"
    );
    assert_eq!(same.snapshot.message, "Save src/a.ts");
    bench
        .builder
        .file_save(project, save(None, Some(second.hash)))
        .await
        .unwrap();
    assert!(bench.head(project).await.is_empty());
    let error = bench
        .builder
        .file_save(project, save(None, None))
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn paths_and_sizes_of_saved_files_are_checked() {
    let bench = Bench::new().await;
    let project = bench.project().await.id;
    for path in ["../x", "/etc/passwd", ".git/config", "a\\b", ""] {
        let save = bench.save(project, path, "x", None).await;
        let error = bench.builder.file_save(project, save).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest, "{path}");
    }
    let save = bench
        .save(project, "a.ts", &"x".repeat(1024 * 1024 + 1), None)
        .await;
    let error = bench.builder.file_save(project, save).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::TooLarge);
}

#[tokio::test]
async fn files_that_only_work_together_can_be_saved_one_after_another() {
    let bench = Bench::new().await;
    let project = bench.project().await.id;
    bench.answer(project, &files(&[("a.ts", "good")])).await;
    let hash = bench
        .builder
        .file(project, "a.ts", None)
        .await
        .unwrap()
        .hash;

    let save = bench
        .save(project, "a.ts", "SYNTAX", Some(hash.clone()))
        .await;
    let draft = bench.builder.file_save(project, save).await.unwrap();
    assert!(draft.snapshot.draft);
    assert_eq!(draft.problems[0].code, "syntax");
    assert_eq!(
        bench.read(project, "a.ts").await,
        "good\n",
        "the head stays"
    );
    assert_eq!(bench.previews.shown_now(project).unwrap(), "a.ts=good");

    let save = bench.save(project, "b.ts", "b", None).await;
    let draft = bench.builder.file_save(project, save).await.unwrap();
    assert!(draft.snapshot.draft, "the fault is still there");
    // Based on what the client has read: the head.
    let save = bench.save(project, "a.ts", "fixed", Some(hash)).await;
    let saved = bench.builder.file_save(project, save).await.unwrap();
    assert!(!saved.snapshot.draft, "{:?}", saved.problems);
    assert_eq!(bench.head(project).await, ["a.ts", "b.ts"]);
}

#[tokio::test]
async fn a_removed_project_leaves_nothing_behind() {
    let bench = Bench::new().await;
    let kept = bench.project().await.id;
    bench
        .answer(kept, &files(&[("a.ts", "shared"), ("b.ts", "kept")]))
        .await;
    let blobs = bench.store.info().blobs;
    let project = bench.project().await.id;
    let turn = bench
        .answer(project, &files(&[("a.ts", "shared"), ("c.ts", "gone")]))
        .await;
    bench.models.script([super::fakes::Step::Hang]);
    bench.start(project, "more").await;

    bench.builder.project_remove(project).await.unwrap();
    assert_eq!(bench.builder.running_turns(), 0);
    for error in [
        bench.builder.project(project).await.map(drop),
        bench.builder.turn(project, turn.id).await.map(drop),
        bench.builder.history(project).await.map(drop),
        bench.builder.project_remove(project).await,
    ] {
        assert_eq!(error.unwrap_err().code, ErrorCode::NotFound);
    }
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while bench.store.info().blobs != blobs {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{} blobs",
            bench.store.info().blobs
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(bench.read(kept, "a.ts").await, "shared\n");
    assert_eq!(bench.previews.shown_now(project), None);
    let ids: Vec<_> = bench
        .builder
        .projects()
        .await
        .unwrap()
        .into_iter()
        .map(|one| one.id)
        .collect();
    assert_eq!(ids, [kept]);
}

#[tokio::test]
async fn settings_change_one_at_a_time() {
    let bench = Bench::new().await;
    let source = bench.sources.add();
    let create = ProjectCreate {
        id: Some(ProjectId::generate()),
        name: " Shop ".into(),
        source: None,
    };
    let project = bench.builder.project_create(create.clone()).await.unwrap();
    assert_eq!(project.name, "Shop");
    assert_eq!(bench.builder.project_create(create).await.unwrap(), project);
    let update = |name: Option<&str>, source| ProjectUpdate {
        name: name.map(str::to_owned),
        source,
        ..ProjectUpdate::default()
    };
    let renamed = bench
        .builder
        .project_update(project.id, update(Some("Figures"), None))
        .await
        .unwrap();
    assert_eq!((renamed.name.as_str(), renamed.source), ("Figures", None));
    let bound = bench
        .builder
        .project_update(project.id, update(None, Some(source)))
        .await
        .unwrap();
    assert_eq!(
        (bound.name.as_str(), bound.source),
        ("Figures", Some(source))
    );
    for wrong in [
        update(Some("  "), None),
        update(Some(&"x".repeat(200)), None),
        update(None, Some(SourceId::generate())),
    ] {
        let error = bench
            .builder
            .project_update(project.id, wrong)
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
    }
    assert_eq!(
        bench.builder.projects_of(source).await.unwrap(),
        [project.id]
    );
    assert_eq!(
        bench.builder.detach_source(source).await.unwrap(),
        [project.id]
    );
    assert_eq!(
        bench.builder.project(project.id).await.unwrap().source,
        None
    );
}

#[tokio::test]
async fn a_project_is_set_to_a_provider_and_back_and_keeps_no_model_of_another() {
    let bench = Bench::new().await;
    let project = bench.project().await.id;
    let one = ProviderId::generate();
    let set = async |provider, model: Option<Option<&str>>| {
        let update = ProjectUpdate {
            provider,
            model: model.map(|model| model.map(str::to_owned)),
            ..ProjectUpdate::default()
        };
        let project = bench.builder.project_update(project, update).await.unwrap();
        (project.provider, project.model)
    };
    let m = || Some("m".to_owned());
    assert_eq!(
        set(Some(Some(one)), Some(Some("m"))).await,
        (Some(one), m())
    );
    assert_eq!(set(None, None).await, (Some(one), m()));
    assert_eq!(set(Some(Some(one)), None).await, (Some(one), m()));
    assert_eq!(set(None, Some(None)).await, (Some(one), None));
    assert_eq!(set(None, Some(Some("m"))).await, (Some(one), m()));
    assert_eq!(set(None, Some(Some(" "))).await, (Some(one), None));
    assert_eq!(set(None, Some(Some("m"))).await, (Some(one), m()));
    assert_eq!(set(Some(None), None).await, (None, None));
}

#[tokio::test]
async fn another_source_has_the_queries_checked_anew() {
    let bench = Bench::new().await;
    let project = bench.project().await.id;
    bench
        .answer(project, &files(&[("queries/a.sql", "select missing")]))
        .await;
    let source = Some(bench.sources.add());
    let update = ProjectUpdate {
        source,
        ..ProjectUpdate::default()
    };
    bench.builder.project_update(project, update).await.unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let problems = bench.builder.problems(project).await.unwrap();
        if problems
            .iter()
            .any(|problem| problem.code == "query_failed")
        {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{problems:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart_and_the_preview_is_made_again() {
    let bench = Bench::new().await;
    let project = bench.project().await.id;
    bench.answer(project, &files(&[("a.ts", "1")])).await;
    let (history, turns) = (
        bench.builder.history(project).await.unwrap(),
        bench.builder.turns(project).await.unwrap(),
    );
    let Bench { dir, store, .. } = bench;
    store.close().await.unwrap();
    let bench = Bench::on(dir).await;
    assert_eq!(bench.builder.history(project).await.unwrap(), history);
    assert_eq!(bench.builder.turns(project).await.unwrap(), turns);
    assert_eq!(bench.previews.shown_now(project), None);
    bench.builder.ensure_shown(project).await.unwrap();
    bench.builder.ensure_shown(project).await.unwrap();
    assert_eq!(bench.previews.shown_now(project).unwrap(), "a.ts=1");
    assert_eq!(bench.previews.painted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_export_runs_outside_labd_and_holds_no_secret() {
    let bench = Bench::new().await;
    let source = bench.sources.add();
    let project = bench.project_on(Some(source)).await.id;
    let error = bench.builder.project_export(project).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest);

    let app = [
        ("app.json", "{}"),
        ("src/main.tsx", "1"),
        ("queries/a.sql", "select 1"),
        ("package.json", "{\"evil\": 1}"),
    ];
    bench.answer(project, &files(&app)).await;
    let bytes = bench.builder.project_export(project).await.unwrap();
    assert_eq!(bytes, bench.builder.project_export(project).await.unwrap());
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut found = std::collections::BTreeMap::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text).unwrap();
        assert!(!text.contains(super::fakes::CANARY), "{name}");
        found.insert(name, text);
    }
    for path in [
        "app.json",
        "src/main.tsx",
        "queries/a.sql",
        "package.json",
        "vite.config.ts",
        "index.html",
        "README.md",
        ".env.example",
        ".gitignore",
        "export/server.mjs",
        "export/database.mjs",
        "export/query.mjs",
        "export/routes.ts",
        "export/main.ts",
        "export/styles.css",
        "tsconfig.json",
    ] {
        assert!(
            found.contains_key(&format!("shop/{path}")),
            "{path} is missing in {:?}",
            found.keys()
        );
    }
    let package = &found["shop/package.json"];
    assert!(package.contains("libsql") && !package.contains("\"pg\"") && !package.contains("evil"));
    assert!(found["shop/.env.example"].contains("DATABASE_URL=sqlite:///"));
    assert!(
        found["shop/README.md"].contains("plugins/sandbox-web/vendor/src"),
        "what is missing is said"
    );
}
