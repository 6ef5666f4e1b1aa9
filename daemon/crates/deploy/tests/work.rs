//! Deployments over a deployer that does what each test says.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

use async_trait::async_trait;
use bytes::Bytes;
use labd_deploy::{Bundles, DeployerEntry, Deployers, Deployments, ProjectFiles};
use labd_plugin_host::{
    PluginError,
    kinds::deployer::{
        AppSummary, Attempt, Bundle, DeployEvent, DeployRequest, Deployer, DeployerInfo,
        Deployment, Features, KnownRelease, Plan, Release, ReleaseState, ReleaseStatus, Scope,
        Setting, TargetAccess,
    },
    manifest::{Credential, CredentialHost},
};
use labd_protocol::{
    ApiError, DeployStart, DeployState, DeployTarget, DeploymentId, DestroyStart, ErrorCode,
    ProjectId, RollbackStart, Secret, SnapshotId, TargetCreate, TargetUpdate,
};
use labd_store::{Options, Store};
use serde_json::json;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(30);

/// What the deployer was asked, and what it is to do.
struct Fake {
    features: Features,
    plan: Plan,
    /// One entry per event; `next` waits for a permit for each.
    script: Mutex<VecDeque<DeployEvent>>,
    permits: Semaphore,
    /// Calls of `next`.
    nexts: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
    dropped: Semaphore,
}

#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Deploy(Attempt, Vec<(String, String)>),
    Rollback(Release),
    Destroy(Scope),
}

struct Work(Arc<Fake>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.dropped.add_permits(1);
    }
}

#[async_trait]
impl Deployment for Work {
    async fn next(&mut self, _max: u32) -> Result<Vec<DeployEvent>, PluginError> {
        self.0.nexts.fetch_add(1, Ordering::SeqCst);
        if self.0.script.lock().unwrap().is_empty() {
            return Ok(Vec::new());
        }
        self.0.permits.acquire().await.unwrap().forget();
        Ok(self
            .0
            .script
            .lock()
            .unwrap()
            .pop_front()
            .into_iter()
            .collect())
    }
}

#[derive(Clone)]
struct Plugin(Arc<Fake>);

impl Plugin {
    fn work(&self, asked: Asked) -> Result<Box<dyn Deployment>, PluginError> {
        self.0.asked.lock().unwrap().push(asked);
        Ok(Box::new(Work(Arc::clone(&self.0))))
    }
}

#[async_trait]
impl Deployer for Plugin {
    async fn describe(&self) -> Result<DeployerInfo, PluginError> {
        Ok(DeployerInfo {
            name: "Fake".into(),
            description: String::new(),
            features: self.0.features,
            layouts: vec!["node-project".into()],
        })
    }

    async fn validate(&self, _: &TargetAccess) -> Result<(), PluginError> {
        Ok(())
    }

    async fn plan(
        &self,
        _: &TargetAccess,
        _: AppSummary,
        _: Arc<Bundle>,
    ) -> Result<Plan, PluginError> {
        Ok(self.0.plan.clone())
    }

    async fn deploy(
        &self,
        _: &TargetAccess,
        request: DeployRequest,
    ) -> Result<Box<dyn Deployment>, PluginError> {
        let settings = request.settings.into_iter();
        let settings = settings.map(|(name, value)| (name, value.to_string()));
        self.work(Asked::Deploy(request.attempt, settings.collect()))
    }

    async fn status(&self, _: &TargetAccess, _: Release) -> Result<ReleaseStatus, PluginError> {
        Ok(ReleaseStatus {
            state: ReleaseState::Pending,
            message: Some("soon".into()),
            url: None,
        })
    }

    async fn releases(&self, _: &TargetAccess) -> Result<Vec<KnownRelease>, PluginError> {
        Ok(Vec::new())
    }

    async fn rollback(
        &self,
        _: &TargetAccess,
        release: Release,
        _: Attempt,
    ) -> Result<Box<dyn Deployment>, PluginError> {
        self.work(Asked::Rollback(release))
    }

    async fn destroy(
        &self,
        _: &TargetAccess,
        scope: Scope,
        _: Attempt,
    ) -> Result<Box<dyn Deployment>, PluginError> {
        self.work(Asked::Destroy(scope))
    }
}

impl Deployers for Plugin {
    fn get(&self, plugin: &str) -> Option<DeployerEntry> {
        (plugin == "acme.fake").then(|| DeployerEntry {
            plugin: plugin.to_owned(),
            credentials: vec![Credential {
                name: "token".into(),
                hosts: vec![CredentialHost::FromConfig("url".into())],
                header: "authorization".into(),
                scheme: "Bearer {}".into(),
            }],
            deployer: Arc::new(self.clone()),
        })
    }

    fn ids(&self) -> Vec<String> {
        vec!["acme.fake".into()]
    }
}

struct Apps;

#[async_trait]
impl Bundles for Apps {
    async fn check(&self, _: ProjectId) -> Result<(), ApiError> {
        Ok(())
    }

    async fn files(
        &self,
        _: ProjectId,
        snapshot: Option<SnapshotId>,
    ) -> Result<ProjectFiles, ApiError> {
        let setting = |name: &str| Setting {
            name: name.to_owned(),
            ..Setting::default()
        };
        Ok(ProjectFiles {
            name: "App".into(),
            slug: "app".into(),
            snapshot: snapshot.unwrap_or("01JD0000000000000000000000".parse().unwrap()),
            message: String::new(),
            layout: "node-project".into(),
            files: BTreeMap::from([("a.txt".to_owned(), Bytes::from_static(b"hello"))]),
            settings: vec![setting("DATABASE_URL"), setting("OTHER")],
        })
    }
}

/// A store with one target, and a deployer that waits for permits.
struct World {
    _folder: tempfile::TempDir,
    store: Store,
    fake: Arc<Fake>,
    deployments: Deployments,
    target: DeployTarget,
    project: ProjectId,
}

impl World {
    async fn new(features: Features) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default())
            .await
            .unwrap();
        let fake = Arc::new(Fake {
            features,
            plan: Plan {
                summary: "It goes there".into(),
                settings: vec!["DATABASE_URL".into()],
                ..Plan::default()
            },
            script: Mutex::default(),
            permits: Semaphore::new(0),
            nexts: AtomicUsize::new(0),
            asked: Mutex::default(),
            dropped: Semaphore::new(0),
        });
        let deployments = deployments(&store, &fake);
        let secret = |text: &str| Secret::new(text);
        let create = TargetCreate {
            name: "There".into(),
            plugin: "acme.fake".into(),
            config: json!({ "url": "https://there.example/x" }),
            credential: Some(secret("kanary-token")),
            settings: BTreeMap::from([
                ("DATABASE_URL".to_owned(), secret("kanary-url")),
                ("OTHER".to_owned(), secret("kanary-other")),
            ]),
        };
        Self {
            target: deployments.target_create(create).await.unwrap(),
            project: ProjectId::generate(),
            _folder: folder,
            store,
            fake,
            deployments,
        }
    }

    /// What the next work says; the permits for all but the last so many.
    fn script(&self, events: impl IntoIterator<Item = DeployEvent>, held: usize) {
        let events: VecDeque<_> = events.into_iter().collect();
        self.fake.permits.add_permits(events.len() - held);
        *self.fake.script.lock().unwrap() = events;
    }

    async fn begin(&self) -> DeploymentId {
        let plan = self
            .deployments
            .plan(self.project, self.target.id)
            .await
            .unwrap();
        let start = DeployStart {
            id: DeploymentId::generate(),
            target: self.target.id,
            plan: plan.digest,
        };
        self.deployments
            .deploy(self.project, start)
            .await
            .unwrap()
            .id
    }

    async fn ended(&self, id: DeploymentId) -> DeployState {
        let mut after = 0;
        loop {
            let page = self
                .deployments
                .events(self.project, id, after, 100, PATIENCE);
            let page = page.await.unwrap();
            after = page.events.last().map_or(after, |event| event.seq);
            if page.end {
                return self
                    .deployments
                    .deployment(self.project, id)
                    .await
                    .unwrap()
                    .state;
            }
        }
    }

    async fn released(&self, name: &str) -> DeploymentId {
        self.script([finished(Some(name))], 0);
        let id = self.begin().await;
        assert_eq!(self.ended(id).await, DeployState::Done);
        id
    }

    fn asked(&self) -> Vec<Asked> {
        self.fake.asked.lock().unwrap().clone()
    }
}

fn deployments(store: &Store, fake: &Arc<Fake>) -> Deployments {
    let plugin = Plugin(Arc::clone(fake));
    Deployments::new(store.clone(), Arc::new(plugin), Arc::new(Apps))
}

fn finished(release: Option<&str>) -> DeployEvent {
    DeployEvent::Finished(release.map(|id| Release {
        id: id.to_owned(),
        url: Some(format!("https://there.example/{id}")),
        state: Some(format!("state of {id}")),
    }))
}

fn all() -> Features {
    Features {
        artifact: true,
        releases: false,
        rollback: true,
        destroy: true,
        settings: true,
    }
}

#[tokio::test]
async fn work_goes_on_where_it_stood_when_the_daemon_ended() {
    let world = World::new(all()).await;
    let checkpoint = DeployEvent::Checkpoint("halfway".into());
    world.script([checkpoint, finished(Some("r1"))], 1);
    let id = world.begin().await;
    // The deployer is asked for more only once the checkpoint is stored.
    tokio::time::timeout(PATIENCE, async {
        while world.fake.nexts.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    world.deployments.shutdown().await;
    let next = World {
        deployments: deployments(&world.store, &world.fake),
        ..world
    };
    next.deployments.start().await.unwrap();
    assert_eq!(next.ended(id).await, DeployState::Interrupted);
    next.fake.permits.add_permits(1);
    next.deployments.resume(next.project, id).await.unwrap();
    assert_eq!(next.ended(id).await, DeployState::Done);
    let attempts: Vec<_> = next
        .asked()
        .into_iter()
        .map(|asked| match asked {
            Asked::Deploy(attempt, _) => (attempt.id, attempt.checkpoint),
            other => panic!("{other:?}"),
        })
        .collect();
    let id = id.to_string();
    assert_eq!(attempts, [(id.clone(), None), (id, Some("halfway".into()))]);
}

#[tokio::test]
async fn work_that_a_killed_daemon_left_is_interrupted_at_the_next_start() {
    let world = World::new(all()).await;
    world.script([finished(Some("r1"))], 1);
    let id = world.begin().await;
    // Nobody has told the first one that it is dead.
    let next = deployments(&world.store, &world.fake);
    next.start().await.unwrap();
    let found = next.deployment(world.project, id).await.unwrap();
    assert_eq!(found.state, DeployState::Interrupted);
}

#[tokio::test]
async fn one_piece_of_work_runs_at_a_place_and_stopping_it_cancels_it() {
    let world = World::new(all()).await;
    world.script([finished(Some("r1"))], 1);
    let id = world.begin().await;
    let plan = world
        .deployments
        .plan(world.project, world.target.id)
        .await
        .unwrap();
    let start = DeployStart {
        id: DeploymentId::generate(),
        target: world.target.id,
        plan: plan.digest,
    };
    let second = world.deployments.deploy(world.project, start).await;
    assert_eq!(second.unwrap_err().code, ErrorCode::Conflict);
    let removed = world.deployments.target_remove(world.target.id).await;
    assert_eq!(removed.unwrap_err().code, ErrorCode::Conflict);
    // Another project may deploy there meanwhile.
    let other = World {
        project: ProjectId::generate(),
        ..world
    };
    other.begin().await;
    let project = other.deployments.clone();
    let stopped = project.stop(other.project, id).await;
    assert_eq!(stopped.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_stopped_deployment_is_dropped() {
    let world = World::new(all()).await;
    world.script([finished(Some("r1"))], 1);
    let id = world.begin().await;
    while world.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    let stopped = world.deployments.stop(world.project, id).await.unwrap();
    assert_eq!(stopped.state, DeployState::Stopped);
    assert_eq!(world.fake.dropped.available_permits(), 1);
}

#[tokio::test]
async fn a_target_is_given_the_settings_that_the_plan_named_and_nobody_else_sees_them() {
    let world = World::new(all()).await;
    let plan = world
        .deployments
        .plan(world.project, world.target.id)
        .await
        .unwrap();
    let id = world.released("r1").await;
    let Asked::Deploy(_, settings) = &world.asked()[0] else {
        panic!("{:?}", world.asked());
    };
    assert_eq!(
        settings,
        &[("DATABASE_URL".to_owned(), "kanary-url".to_owned())]
    );
    let events = world
        .deployments
        .events(world.project, id, 0, 100, Duration::ZERO);
    let shown = json!([
        plan,
        world.target,
        world.deployments.deployments(world.project).await.unwrap(),
        events.await.unwrap(),
    ]);
    assert!(!shown.to_string().contains("kanary"), "{shown}");
}

#[tokio::test]
async fn another_address_disables_the_credential_until_it_is_entered_again() {
    let world = World::new(all()).await;
    assert_eq!(world.target.credentials[0].origin, "https://there.example");
    assert!(!world.target.credentials[0].disabled);
    let update = TargetUpdate {
        config: Some(json!({ "url": "https://elsewhere.example" })),
        ..TargetUpdate::default()
    };
    let target = world
        .deployments
        .target_update(world.target.id, update)
        .await;
    assert!(target.unwrap().credentials[0].disabled);
}

#[tokio::test]
async fn a_release_is_made_live_again_by_its_target_or_deployed_once_more() {
    let world = World::new(all()).await;
    let first = world.released("r1").await;
    let second = world.released("r2").await;
    let live = async |world: &World| {
        let all = world.deployments.deployments(world.project).await.unwrap();
        let live = all.into_iter().filter(|one| one.live);
        live.map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(live(&world).await, [second]);
    world.script([finished(Some("r1"))], 0);
    let start = RollbackStart {
        id: DeploymentId::generate(),
        to: first,
    };
    let back = world
        .deployments
        .rollback(world.project, start)
        .await
        .unwrap()
        .id;
    assert_eq!(world.ended(back).await, DeployState::Done);
    assert!(
        matches!(&world.asked()[2], Asked::Rollback(release) if release.state.as_deref() == Some("state of r1"))
    );
    assert_eq!(live(&world).await, [first]);

    let plain = World::new(Features::default()).await;
    let first = plain.released("r1").await;
    plain.script([finished(Some("r1"))], 0);
    let start = RollbackStart {
        id: DeploymentId::generate(),
        to: first,
    };
    let back = plain
        .deployments
        .rollback(plain.project, start)
        .await
        .unwrap()
        .id;
    assert_eq!(plain.ended(back).await, DeployState::Done);
    assert!(matches!(plain.asked()[1], Asked::Deploy(..)));
}

#[tokio::test]
async fn what_was_taken_down_is_gone_and_nothing_goes_back_to_it() {
    let world = World::new(all()).await;
    let first = world.released("r1").await;
    world.script([finished(None)], 0);
    let start = DestroyStart {
        id: DeploymentId::generate(),
        target: world.target.id,
        release: None,
    };
    let down = world
        .deployments
        .destroy(world.project, start)
        .await
        .unwrap()
        .id;
    assert_eq!(world.ended(down).await, DeployState::Done);
    assert_eq!(world.asked()[1], Asked::Destroy(Scope::Everything));
    // It is tidied up right after the end.
    tokio::time::timeout(PATIENCE, async {
        loop {
            let status = world
                .deployments
                .status(world.project, first)
                .await
                .unwrap();
            if status.state == labd_protocol::ReleaseState::Gone {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let start = RollbackStart {
        id: DeploymentId::generate(),
        to: first,
    };
    let back = world.deployments.rollback(world.project, start).await;
    assert_eq!(back.unwrap_err().code, ErrorCode::Conflict);
}

#[tokio::test]
async fn the_latest_files_are_kept_and_a_file_is_what_the_deployer_gave() {
    let world = World::new(all()).await;
    let mut ids = Vec::new();
    for n in 0..12_u8 {
        let pieces = [vec![n; 700_000], vec![n + 1; 700_000]];
        let mut events = vec![DeployEvent::Artifact {
            name: "app.zip".into(),
            media_type: "application/zip".into(),
        }];
        events.extend(
            pieces
                .clone()
                .map(|piece| DeployEvent::ArtifactBytes(piece.into())),
        );
        events.push(finished(Some(&format!("r{n}"))));
        world.script(events, 0);
        let id = world.begin().await;
        assert_eq!(world.ended(id).await, DeployState::Done);
        let (info, bytes) = world.deployments.artifact(world.project, id).await.unwrap();
        assert_eq!((info.bytes, info.name.as_str()), (1_400_000, "app.zip"));
        assert!(bytes == pieces.concat());
        ids.push(id);
    }
    tokio::time::timeout(PATIENCE, async {
        while world
            .deployments
            .artifact(world.project, ids[1])
            .await
            .is_ok()
        {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert!(
        world
            .deployments
            .artifact(world.project, ids[2])
            .await
            .is_ok()
    );
    world.deployments.forget(world.project).await.unwrap();
    assert!(
        world
            .deployments
            .deployments(world.project)
            .await
            .unwrap()
            .is_empty()
    );
}
