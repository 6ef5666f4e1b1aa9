//! The builder's promises, with a real store and made-up parts around it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod context;
mod fakes;
mod turns;
mod workspace;

use fakes::{FakeModels, FakePreviews, FakeSources};
use labd_builder::{Builder, BuilderOptions, BuilderParts};
use labd_protocol::{
    FileSave, Project, ProjectCreate, ProjectId, SourceId, StartTurn, Turn, TurnEvent, TurnId,
    TurnState,
};
use labd_store::{Options, Store};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;

/// Long enough for any step here; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A builder with its made-up surroundings.
struct Bench {
    dir: TempDir,
    store: Store,
    builder: Builder,
    models: Arc<FakeModels>,
    previews: Arc<FakePreviews>,
    sources: Arc<FakeSources>,
}

impl Bench {
    async fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap()).await
    }

    /// One whose provider may be silent for this long.
    async fn patient(silence: Duration) -> Self {
        Self::with(tempfile::tempdir().unwrap(), silence).await
    }

    async fn on(dir: TempDir) -> Self {
        Self::with(dir, PATIENCE).await
    }

    async fn with(dir: TempDir, silence: Duration) -> Self {
        let store = Store::open(dir.path(), Options::default()).await.unwrap();
        let models = Arc::new(FakeModels::default());
        let previews = Arc::new(FakePreviews::default());
        let sources = Arc::new(FakeSources::default());
        let parts = BuilderParts {
            sources: sources.clone(),
            models: models.clone(),
            previews: previews.clone(),
            kit: None,
        };
        let options = BuilderOptions {
            first_event: silence,
            next_event: silence,
        };
        let builder = Builder::new(store.clone(), parts, options);
        builder.start().await.unwrap();
        Self {
            dir,
            store,
            builder,
            models,
            previews,
            sources,
        }
    }

    async fn project(&self) -> Project {
        self.project_on(None).await
    }

    async fn project_on(&self, source: Option<SourceId>) -> Project {
        let create = ProjectCreate {
            id: None,
            name: "Shop".into(),
            source,
        };
        self.builder.project_create(create).await.unwrap()
    }

    async fn start(&self, project: ProjectId, text: &str) -> Turn {
        let start = StartTurn {
            id: TurnId::generate(),
            text: text.into(),
            provider: None,
            model: None,
        };
        self.builder.turn_start(project, start).await.unwrap()
    }

    /// A turn whose answer is this text, to its end.
    async fn answer(&self, project: ProjectId, answer: &str) -> Turn {
        self.models
            .script([fakes::Step::text(answer), fakes::Step::stop()]);
        let turn = self.start(project, "do it").await;
        self.ended(&turn).await
    }

    /// Waits for the end of a turn.
    async fn ended(&self, turn: &Turn) -> Turn {
        let mut after = 0;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let page = self
                .builder
                .turn_events(turn.project, turn.id, after, 1000, Duration::from_secs(1))
                .await
                .unwrap();
            after = page.events.last().map_or(after, |event| event.seq);
            if page.end {
                break;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "the turn does not end"
            );
        }
        // The end is told before the turn is out of the way.
        while self.builder.running_turns() > 0 {
            assert!(
                tokio::time::Instant::now() < deadline,
                "the turn does not leave"
            );
            tokio::task::yield_now().await;
        }
        let turn = self.builder.turn(turn.project, turn.id).await.unwrap();
        assert_eq!(turn.last_seq, after);
        turn
    }

    async fn events(&self, turn: &Turn) -> Vec<TurnEvent> {
        let page = self
            .builder
            .turn_events(turn.project, turn.id, 0, 1000, Duration::ZERO)
            .await
            .unwrap();
        for (index, event) in page.events.iter().enumerate() {
            assert_eq!(event.seq, index as u64 + 1, "numbers have no gaps");
        }
        page.events.into_iter().map(|record| record.event).collect()
    }

    /// Waits until an event of the turn is durable.
    async fn until(&self, turn: &Turn, wanted: impl Fn(&TurnEvent) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut after = 0;
        loop {
            let page = self
                .builder
                .turn_events(turn.project, turn.id, after, 1000, Duration::from_secs(1))
                .await
                .unwrap();
            if page.events.iter().any(|record| wanted(&record.event)) {
                return;
            }
            after = page.events.last().map_or(after, |event| event.seq);
            assert!(
                tokio::time::Instant::now() < deadline && !page.end,
                "the event does not come"
            );
        }
    }

    async fn head(&self, project: ProjectId) -> Vec<String> {
        let files = self.builder.files(project).await.unwrap();
        files.into_iter().map(|file| file.path).collect()
    }

    async fn read(&self, project: ProjectId, path: &str) -> String {
        self.builder
            .file(project, path, None)
            .await
            .unwrap()
            .content
    }

    async fn save(
        &self,
        project: ProjectId,
        path: &str,
        content: &str,
        base: Option<String>,
    ) -> FileSave {
        let _ = (self, project);
        FileSave {
            path: path.into(),
            content: Some(content.into()),
            base,
        }
    }
}

/// An answer that writes these files.
fn files(files: &[(&str, &str)]) -> String {
    let mut answer = String::from("Here it is.\n<lab-app title=\"Shop\">\n");
    for (path, content) in files {
        answer.push_str(&format!(
            "<lab-file path=\"{path}\">\n{content}\n</lab-file>\n"
        ));
    }
    answer + "</lab-app>\n"
}

fn finished(events: &[TurnEvent]) -> Option<TurnState> {
    match events.last() {
        Some(TurnEvent::Finished { state, .. }) => Some(*state),
        _ => None,
    }
}
