//! The checks of deployers.

use super::{
    ConformError, Setting, Suite,
    bench::{self, Bench, name, told},
    configuration, given_up, growth,
    peer::{Peer, Reply, nobody},
    provider::{SCRIPTS, found_secret},
    spec::{Recorded, for_peer},
    suite::{Done, Trouble, fail, present, skip},
};
use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use labd_plugin_host::{
    Ceiling, PluginError,
    kinds::deployer::{
        AppSummary, Attempt, Bundle, DeployEvent, DeployRequest, Deployer, Deployment, Plan,
        StepState, TargetAccess,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

pub(super) async fn run(setting: &Setting<'_>, suite: &mut Suite) -> Result<(), ConformError> {
    let peer = Peer::start().await?;
    let bench = Bench::start(setting, Ceiling::default(), bench::limits()).await?;
    let all = Checks {
        setting,
        bench: &bench,
        peer: &peer,
    };
    all.play();
    suite
        .check("it loads and describes itself", &bench, all.describes())
        .await;
    if bench.refused().is_some() {
        return Ok(());
    }
    suite
        .check(
            "a wrong configuration is refused, and the key is named",
            &bench,
            all.wrong_configurations(),
        )
        .await;
    suite
        .check("a target is checked", &bench, all.validates())
        .await;
    suite
        .check(
            "a deployment does what its plan says",
            &bench,
            all.as_planned(),
        )
        .await;
    suite
        .check("the same work gives the same again", &bench, all.again())
        .await;
    suite
        .check(
            "no more events come than were asked for",
            &bench,
            all.one_by_one(),
        )
        .await;
    suite
        .check("a large bundle is deployed", &bench, all.large())
        .await;
    suite
        .check(
            "a layout that it does not know is refused",
            &bench,
            all.layout(),
        )
        .await;
    given_up::run(&all, suite).await;
    refused(&all, suite).await?;
    suite
        .check(
            "eight deployments at once are all right",
            &bench,
            all.at_once(8),
        )
        .await;
    suite
        .check("a long run leaves nothing behind", &bench, all.long_run())
        .await;
    suite
        .check(
            "no secret is in a log, an error or a request's body",
            &bench,
            all.secrets(),
        )
        .await;
    Ok(())
}

/// What a target refuses, or does not do.
async fn refused(all: &Checks<'_>, suite: &mut Suite) -> Result<(), ConformError> {
    suite
        .check(
            "what the target refuses becomes the right error",
            all.bench,
            all.statuses(),
        )
        .await;
    suite
        .check(
            "a target that is not there is `unavailable`",
            all.bench,
            all.absent(),
        )
        .await;
    let hasty = Bench::start(all.setting, Ceiling::default(), bench::impatient()).await?;
    let other = Checks {
        bench: &hasty,
        ..*all
    };
    suite
        .check(
            "a target that falls silent is a `timeout`",
            &hasty,
            other.silent(),
        )
        .await;
    let nothing = Ceiling {
        http: Some(Vec::new()),
        ..Ceiling::default()
    };
    let denying = Bench::start(all.setting, nothing, bench::limits()).await?;
    let other = Checks {
        bench: &denying,
        ..*all
    };
    suite
        .check(
            "a denial is returned, and not trapped",
            &denying,
            other.denied(),
        )
        .await;
    for other in [&hasty, &denying] {
        all.bench.take_over(other);
    }
    Ok(())
}

pub(super) struct Checks<'a> {
    pub setting: &'a Setting<'a>,
    pub bench: &'a Bench,
    pub peer: &'a Peer,
}

impl Checks<'_> {
    fn deployer(&self) -> Result<Arc<dyn Deployer>, Trouble> {
        present(
            self.bench.host.deployer(&self.setting.manifest.id),
            "a deployer",
        )
    }

    /// Plays what is recorded.
    pub fn play(&self) {
        self.play_until(usize::MAX);
    }

    /// Plays what is recorded, and to this request, counted from 1, and all after it says nothing.
    pub fn play_until(&self, silent: usize) {
        let recorded = self.setting.spec.reply.clone();
        let count = AtomicUsize::new(0);
        self.peer.play(move |request| {
            if count.fetch_add(1, Ordering::Relaxed) + 1 >= silent {
                return Reply::silence();
            }
            let found = recorded.iter().find(|reply| reply.answers(request));
            found.map_or_else(
                || Reply::of(501, "conformance.toml has no [[reply]] for this request"),
                Recorded::reply,
            )
        });
    }

    pub fn asks_the_peer(&self) -> Done {
        if configuration::leads_to_the_peer(self.setting) {
            return Ok(());
        }
        skip(if self.setting.manifest.permissions.http.is_empty() {
            "the plugin sends no requests"
        } else {
            "the peer cannot be asked: conformance.toml needs `config` with `{peer}` in the \
             setting that the permission `from-config:…` names"
        })
    }

    pub fn access(&self, origin: &str) -> TargetAccess {
        let config = self.setting.spec.config_for(origin);
        TargetAccess {
            target_id: "conformance".into(),
            credentials: configuration::credentials(self.setting, &config),
            config,
        }
    }

    async fn app(&self) -> Result<AppSummary, Trouble> {
        let layouts = match self.deployer()?.describe().await {
            Ok(info) => info.layouts,
            Err(error) => return fail("a description", told(&error), "see the checks before"),
        };
        Ok(AppSummary {
            name: "Conformance, Grüße".into(),
            slug: "conformance".into(),
            layout: layouts.first().cloned().unwrap_or_default(),
            message: SCRIPTS.into(),
            settings: Vec::new(),
        })
    }

    pub async fn plan(
        &self,
        access: &TargetAccess,
        bundle: &Arc<Bundle>,
    ) -> Result<Result<Plan, PluginError>, Trouble> {
        let app = self.app().await?;
        let plan = self.deployer()?.plan(access, app, Arc::clone(bundle)).await;
        Ok(plan.inspect_err(|error| self.bench.note(error)))
    }

    /// Plans, and starts the work; a checkpoint is that of the same work when it was given up.
    pub async fn begin(
        &self,
        access: &TargetAccess,
        bundle: Arc<Bundle>,
        checkpoint: Option<String>,
    ) -> Result<Result<(Plan, Box<dyn Deployment>), PluginError>, Trouble> {
        let plan = match self.plan(access, &bundle).await? {
            Ok(plan) => plan,
            Err(error) => return Ok(Err(error)),
        };
        let request = DeployRequest {
            app: self.app().await?,
            bundle,
            attempt: Attempt {
                id: "01JDCONFORMANCE0000000000A".into(),
                checkpoint,
            },
            basis: plan.basis.clone(),
            settings: BTreeMap::new(),
        };
        let begun = self.deployer()?.deploy(access, request).await;
        let begun = begun.inspect_err(|error| self.bench.note(error));
        Ok(begun.map(|deployment| (plan, deployment)))
    }

    /// All further events of work.
    pub async fn drain(
        &self,
        deployment: &mut dyn Deployment,
        max: u32,
    ) -> Result<Result<Vec<DeployEvent>, PluginError>, Trouble> {
        let mut events = Vec::new();
        loop {
            match deployment.next(max).await {
                Ok(more) if more.is_empty() => return Ok(Ok(events)),
                Ok(more) if more.len() > usize::try_from(max).unwrap_or(usize::MAX) => {
                    return fail(
                        format!("at most {max} events"),
                        format!("{} came", more.len()),
                        "keep what is beyond `max` for the next call of `next`",
                    );
                }
                Ok(more) => events.extend(more),
                Err(error) => {
                    self.bench.note(&error);
                    return Ok(Err(error));
                }
            }
        }
    }

    /// Plans and deploys, to the end.
    pub async fn deploy(
        &self,
        access: &TargetAccess,
        bundle: Arc<Bundle>,
        max: u32,
    ) -> Result<Result<(Plan, Vec<DeployEvent>), PluginError>, Trouble> {
        let (plan, mut deployment) = match self.begin(access, bundle, None).await? {
            Ok(begun) => begun,
            Err(error) => return Ok(Err(error)),
        };
        let events = self.drain(&mut *deployment, max).await?;
        Ok(events.map(|events| (plan, events)))
    }

    /// A deployment that must succeed.
    pub async fn deployed(
        &self,
        bundle: Arc<Bundle>,
        max: u32,
    ) -> Result<(Plan, Vec<DeployEvent>), Trouble> {
        let access = self.access(&self.peer.origin());
        match self.deploy(&access, bundle, max).await? {
            Ok(done) => Ok(done),
            Err(error) => fail(
                "the work to its end",
                told(&error),
                "compare [[reply]] in conformance.toml with what the plugin asks for",
            ),
        }
    }

    async fn describes(&self) -> Done {
        self.bench.loaded()?;
        match self.deployer()?.describe().await {
            Ok(info)
                if !info.name.is_empty()
                    && !info.description.is_empty()
                    && !info.layouts.is_empty() =>
            {
                Ok(())
            }
            other => fail(
                "a name, a description and a layout",
                format!("{other:?}"),
                "fill them in `describe`; the console shows them",
            ),
        }
    }

    async fn wrong_configurations(&self) -> Done {
        let wrong = configuration::wrong(self.setting);
        if wrong.is_empty() {
            return skip("[config] of the manifest describes no keys that could be wrong");
        }
        let origin = self.peer.origin();
        for wrong in wrong {
            let config = for_peer(&wrong.config, &origin);
            let access = TargetAccess {
                config: config.clone(),
                ..self.access(&origin)
            };
            let error = self.deployer()?.validate(&access).await.err();
            configuration::refused(&wrong, &config, error)?;
        }
        Ok(())
    }

    async fn validates(&self) -> Done {
        let access = self.access(&self.peer.origin());
        match self.deployer()?.validate(&access).await {
            Ok(()) => Ok(()),
            Err(error) => fail(
                "a target that is right",
                told(&error),
                "see that `config` and [[reply]] in conformance.toml are",
            ),
        }
    }

    async fn as_planned(&self) -> Done {
        let (plan, events) = self.deployed(small(), 64).await?;
        let planned: BTreeSet<_> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        if plan.summary.is_empty() || planned.is_empty() || planned.len() != plan.steps.len() {
            return fail(
                "a plan with a summary and steps, each with an id of its own",
                format!("{plan:?}"),
                "say in `plan` what deploying will do",
            );
        }
        let mut open = BTreeSet::new();
        for event in &events {
            if let DeployEvent::Step { id, state, .. } = event {
                if !planned.contains(id.as_str()) {
                    return fail(
                        format!("steps of the plan only: {planned:?}"),
                        format!("`{id}`"),
                        "name the same steps in `plan` and in events",
                    );
                }
                match state {
                    StepState::Started => drop(open.insert(id)),
                    _ => drop(open.remove(id)),
                }
            }
        }
        if let Some(id) = open.first() {
            return fail(
                "an end of each step",
                format!("`{id}` has none"),
                "tell `done`, `skipped` or `failed` of what was `started`",
            );
        }
        let finished = events
            .iter()
            .filter(|event| matches!(event, DeployEvent::Finished(_)))
            .count();
        if finished == 1 && matches!(events.last(), Some(DeployEvent::Finished(_))) {
            return Ok(());
        }
        fail(
            "`finished` once, as the last event",
            format!("{finished} times, and at the end {:?}", events.last()),
            "end with `finished`, or with an error",
        )
    }

    async fn again(&self) -> Done {
        let (_, first) = self.deployed(small(), 64).await?;
        let (_, second) = self.deployed(small(), 64).await?;
        same(&first, &second, "under the same id")
    }

    async fn one_by_one(&self) -> Done {
        let (_, first) = self.deployed(small(), 1000).await?;
        let (_, second) = self.deployed(small(), 1).await?;
        same(&first, &second, "one event at a time")
    }

    async fn large(&self) -> Done {
        let mut files = files();
        files.insert("public/large.bin".into(), vec![7; 8 << 20].into());
        for number in 0..500 {
            files.insert(format!("src/pages/Page{number}.tsx"), SCRIPTS.into());
        }
        self.deployed(bundle(files), 64).await.map(|_| ())
    }

    async fn layout(&self) -> Done {
        let app = AppSummary {
            layout: "layout-that-does-not-exist".into(),
            ..self.app().await?
        };
        let access = self.access(&self.peer.origin());
        match self.deployer()?.plan(&access, app, small()).await {
            Err(PluginError::InvalidRequest(_)) => Ok(()),
            other => fail(
                "`invalid-request`",
                other.map_or_else(|error| told(&error), |_| "a plan".into()),
                "look at `app.layout` before anything else",
            ),
        }
    }

    async fn statuses(&self) -> Done {
        self.asks_the_peer()?;
        for (status, names) in [
            (401, &["unauthenticated"][..]),
            (403, &["unauthenticated", "denied"]),
            (500, &["unavailable"]),
        ] {
            self.peer.play(move |_| Reply::of(status, "{}"));
            let access = self.access(&self.peer.origin());
            let happened = match self.deploy(&access, small(), 64).await? {
                Err(error) if names.contains(&name(&error)) => continue,
                Err(error) => told(&error),
                Ok(_) => "a deployment".into(),
            };
            self.play();
            return fail(
                format!("`{}` for the status {status}", names.join("` or `")),
                happened,
                "map statuses with http::status_error, after the target's own codes",
            );
        }
        self.play();
        Ok(())
    }

    async fn absent(&self) -> Done {
        self.asks_the_peer()?;
        let origin = match nobody().await {
            Ok(origin) => origin,
            Err(error) => return skip(format!("no port is free: {error}")),
        };
        match self.deploy(&self.access(&origin), small(), 64).await? {
            Err(PluginError::Unavailable(_)) => Ok(()),
            other => fail(
                "`unavailable`",
                other.map_or_else(|error| told(&error), |_| "a deployment".into()),
                "pass on what the host says of the connection",
            ),
        }
    }

    async fn silent(&self) -> Done {
        self.asks_the_peer()?;
        self.peer.play(|_| Reply::silence());
        let access = self.access(&self.peer.origin());
        let answer = self.deploy(&access, small(), 64).await?;
        self.play();
        match answer {
            Err(PluginError::Timeout) => Ok(()),
            other => fail(
                "`timeout`",
                other.map_or_else(|error| told(&error), |_| "a deployment".into()),
                "pass on what the host says of the request",
            ),
        }
    }

    async fn denied(&self) -> Done {
        self.asks_the_peer()?;
        let access = self.access(&self.peer.origin());
        match self.deploy(&access, small(), 64).await? {
            Err(PluginError::Denied(_)) if self.bench.denials() > 0 => Ok(()),
            other => fail(
                "`denied`, as the host says it",
                other.map_or_else(|error| told(&error), |_| "a deployment".into()),
                "pass on what the host says",
            ),
        }
    }

    async fn at_once(&self, count: usize) -> Done {
        let (_, wanted) = self.deployed(small(), 64).await?;
        let wanted = &wanted;
        stream::iter((0..count * 2).map(Ok))
            .try_for_each_concurrent(count, |_| async move {
                let (_, found) = self.deployed(small(), 64).await?;
                same(wanted, &found, "beside others")
            })
            .await
    }

    async fn long_run(&self) -> Done {
        let calls = self.setting.options.calls;
        let mut middle = None;
        for number in 0..calls {
            if number == calls / 2 {
                middle = growth::resident();
            }
            self.deployed(small(), 64).await?;
        }
        growth::compare(middle, growth::resident(), calls)
    }

    async fn secrets(&self) -> Done {
        if self.setting.manifest.credentials.is_empty() {
            return skip("the plugin has no credentials");
        }
        for request in self.peer.requests() {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            self.bench.say("a request's body", body);
            self.bench.say("a request's address", request.path);
        }
        found_secret(self.bench)
    }
}

/// What of two runs must be equal: all but how far a step was at which moment.
pub(super) fn same(one: &[DeployEvent], other: &[DeployEvent], how: &str) -> Done {
    let essence = |events: &[DeployEvent]| {
        let mut artifact = Vec::new();
        let mut rest = Vec::new();
        for event in events {
            match event {
                DeployEvent::ArtifactBytes(bytes) => artifact.extend_from_slice(bytes),
                DeployEvent::Progress { .. } | DeployEvent::Log { .. } => {}
                event => rest.push(event.clone()),
            }
        }
        (artifact, rest)
    };
    let (one, other) = (essence(one), essence(other));
    if one == other {
        return Ok(());
    }
    fail(
        format!("the same {how}: {} bytes and {:?}", one.0.len(), one.1),
        format!("{} bytes and {:?}", other.0.len(), other.1),
        "let the work depend on the app, the target and the id alone: no clock, no chance",
    )
}

fn files() -> BTreeMap<String, Bytes> {
    [
        ("package.json", "{\"name\":\"conformance\",\"type\":\"module\",\"scripts\":{\"build\":\"true\",\"start\":\"node server.js\"}}"),
        ("README.md", SCRIPTS),
        ("server.js", "console.log(\"conformance\");\n"),
        ("public/empty.txt", ""),
    ]
    .into_iter()
    .map(|(path, content)| (path.to_owned(), Bytes::from_static(content.as_bytes())))
    .collect()
}

/// A bundle of a few files.
pub(super) fn small() -> Arc<Bundle> {
    bundle(files())
}

fn bundle(files: BTreeMap<String, Bytes>) -> Arc<Bundle> {
    Arc::new(Bundle::new(files, |_| "text/plain".into()))
}
