//! Deployers, contract 0.1.

use super::deploy_events::{Checked, text};
use crate::{
    PluginError,
    bindings::deployer::{Deployer as Exports, exports::labd::deployer::deployer as wit},
    capabilities::bundle::{BundleAccess, OpenBundle},
    instance::Instance,
    kinds::{
        ai::ProviderAccess,
        deployer::{
            AppSummary, Attempt, Bundle, DeployEvent, DeployRequest, Deployer, DeployerInfo,
            Deployment, Features, KnownRelease, Plan, PlanStep, Release, ReleaseState,
            ReleaseStatus, Scope, SettingValues, StepChange, TargetAccess,
        },
    },
    permitted::Permitted,
    plugin::Plugin,
    pool::Pool,
};
use async_trait::async_trait;
use std::sync::Arc;
use wasmtime::component::ResourceAny;

/// A deployer plugin.
pub(crate) struct DeployerAdapter {
    pub plugin: Arc<Plugin<Exports>>,
}

impl DeployerAdapter {
    /// An instance of the version that serves, with what belongs to this target and with the bundle
    /// of this call, if any; and the pool that it goes back to.
    async fn instance(
        &self,
        target: &TargetAccess,
        bundle: Option<(&Arc<Bundle>, &SettingValues)>,
    ) -> Result<(Arc<Pool<Exports>>, Instance<Exports>), PluginError> {
        let generation = self.plugin.permitted()?;
        let access = ProviderAccess {
            provider_id: target.target_id.clone(),
            config: target.config.clone(),
            credentials: target.credentials.clone(),
        };
        let mut http = generation.permitted.for_provider(&access)?;
        let bundle = bundle.map(|(bundle, values)| {
            let (open, sealed) = OpenBundle::with_settings(Arc::clone(bundle), values);
            http.fill_in(sealed);
            open
        });
        let pool = Arc::clone(&generation.pool);
        let instance = pool.warm(&target.target_id).await?;
        instance.with_state(|state| {
            Permitted::give_provider(state, &access, http);
            state.bundle = BundleAccess(bundle);
        });
        Ok((pool, instance))
    }
}

/// Keeps an instance that has no work in it.
fn done(pool: &Pool<Exports>, instance: Instance<Exports>) {
    instance.with_state(|state| state.bundle = BundleAccess::default());
    pool.give_back(instance);
}

fn running(
    pool: Arc<Pool<Exports>>,
    instance: Instance<Exports>,
    begun: Result<ResourceAny, PluginError>,
) -> Result<Box<dyn Deployment>, PluginError> {
    match begun {
        Ok(handle) => Ok(Box::new(WasmDeployment {
            checked: Checked::new(&pool.core),
            pool,
            running: Some((instance, handle)),
        })),
        Err(error) => {
            done(&pool, instance);
            Err(error)
        }
    }
}

#[async_trait]
impl Deployer for DeployerAdapter {
    async fn describe(&self) -> Result<DeployerInfo, PluginError> {
        let pool = &self.plugin.serving()?.pool;
        let instance = pool.warm("").await?;
        let info = instance
            .call(pool.core.limits.call, |store, exports| {
                Box::pin(exports.labd_deployer_deployer().call_describe(store))
            })
            .await?;
        pool.give_back(instance);
        let has = |flag| info.features.contains(flag);
        Ok(DeployerInfo {
            features: Features {
                artifact: has(wit::Features::ARTIFACT),
                releases: has(wit::Features::RELEASES),
                rollback: has(wit::Features::ROLLBACK),
                destroy: has(wit::Features::DESTROY),
                settings: has(wit::Features::SETTINGS),
            },
            name: info.name,
            description: info.description,
            layouts: info.layouts,
        })
    }

    async fn validate(&self, access: &TargetAccess) -> Result<(), PluginError> {
        let (pool, instance) = self.instance(access, None).await?;
        let config = access.config.to_string();
        let valid = instance
            .call(pool.core.limits.call, move |store, exports| {
                Box::pin(async move {
                    let deployer = exports.labd_deployer_deployer();
                    deployer.call_validate(store, &config).await
                })
            })
            .await;
        done(&pool, instance);
        valid
    }

    async fn plan(
        &self,
        access: &TargetAccess,
        app: AppSummary,
        bundle: Arc<Bundle>,
    ) -> Result<Plan, PluginError> {
        let none = SettingValues::new();
        let (pool, instance) = self.instance(access, Some((&bundle, &none))).await?;
        let config = access.config.to_string();
        let app = wire_app(app, &bundle);
        let plan = instance
            .call(pool.core.limits.first_event, move |store, exports| {
                Box::pin(async move {
                    let deployer = exports.labd_deployer_deployer();
                    deployer.call_plan(store, &config, &app).await
                })
            })
            .await;
        done(&pool, instance);
        Checked::new(&pool.core).plan(take_plan(plan?))
    }

    async fn deploy(
        &self,
        access: &TargetAccess,
        request: DeployRequest,
    ) -> Result<Box<dyn Deployment>, PluginError> {
        let bundle = (&request.bundle, &request.settings);
        let (pool, instance) = self.instance(access, Some(bundle)).await?;
        let config = access.config.to_string();
        let app = wire_app(request.app, &request.bundle);
        let attempt = wire_attempt(request.attempt);
        let basis = request.basis;
        let begun = instance
            .call(pool.core.limits.first_event, move |store, exports| {
                Box::pin(async move {
                    let deployer = exports.labd_deployer_deployer();
                    let basis = basis.as_deref();
                    deployer
                        .call_deploy(store, &config, &app, &attempt, basis)
                        .await
                })
            })
            .await;
        running(pool, instance, begun)
    }

    async fn status(
        &self,
        access: &TargetAccess,
        release: Release,
    ) -> Result<ReleaseStatus, PluginError> {
        let (pool, instance) = self.instance(access, None).await?;
        let config = access.config.to_string();
        let release = wire_release(release);
        let status = instance
            .call(pool.core.limits.call, move |store, exports| {
                Box::pin(async move {
                    let deployer = exports.labd_deployer_deployer();
                    deployer.call_status(store, &config, &release).await
                })
            })
            .await;
        done(&pool, instance);
        Checked::new(&pool.core).status(take_status(status?))
    }

    async fn releases(&self, access: &TargetAccess) -> Result<Vec<KnownRelease>, PluginError> {
        let (pool, instance) = self.instance(access, None).await?;
        let config = access.config.to_string();
        let known = instance
            .call(pool.core.limits.call, move |store, exports| {
                Box::pin(async move {
                    let deployer = exports.labd_deployer_deployer();
                    deployer.call_releases(store, &config).await
                })
            })
            .await;
        done(&pool, instance);
        let checked = Checked::new(&pool.core);
        known?
            .into_iter()
            .map(|known| {
                Ok(KnownRelease {
                    release: checked.release(take_release(known.release))?,
                    status: checked.status(take_status(known.status))?,
                    revision: known.revision.map(|revision| text(&revision)),
                    created: known.created,
                })
            })
            .collect()
    }

    async fn rollback(
        &self,
        access: &TargetAccess,
        release: Release,
        attempt: Attempt,
    ) -> Result<Box<dyn Deployment>, PluginError> {
        let (pool, instance) = self.instance(access, None).await?;
        let config = access.config.to_string();
        let (release, attempt) = (wire_release(release), wire_attempt(attempt));
        let begun = instance
            .call(pool.core.limits.first_event, move |store, exports| {
                Box::pin(async move {
                    let deployer = exports.labd_deployer_deployer();
                    deployer
                        .call_rollback(store, &config, &release, &attempt)
                        .await
                })
            })
            .await;
        running(pool, instance, begun)
    }

    async fn destroy(
        &self,
        access: &TargetAccess,
        scope: Scope,
        attempt: Attempt,
    ) -> Result<Box<dyn Deployment>, PluginError> {
        let (pool, instance) = self.instance(access, None).await?;
        let config = access.config.to_string();
        let scope = match scope {
            Scope::Release(release) => wit::Scope::Release(wire_release(release)),
            Scope::Everything => wit::Scope::Everything,
        };
        let attempt = wire_attempt(attempt);
        let begun = instance
            .call(pool.core.limits.first_event, move |store, exports| {
                Box::pin(async move {
                    let deployer = exports.labd_deployer_deployer();
                    deployer
                        .call_destroy(store, &config, &scope, &attempt)
                        .await
                })
            })
            .await;
        running(pool, instance, begun)
    }
}

/// Running work. Dropped before its end it takes its instance with it, and so its connections are
/// closed at once. So does everything that breaks the contract.
struct WasmDeployment {
    pool: Arc<Pool<Exports>>,
    running: Option<(Instance<Exports>, ResourceAny)>,
    checked: Checked,
}

#[async_trait]
impl Deployment for WasmDeployment {
    async fn next(&mut self, max: u32) -> Result<Vec<DeployEvent>, PluginError> {
        let Some((instance, handle)) = self.running.take() else {
            return Ok(Vec::new());
        };
        let limits = &self.pool.core.limits;
        let events = instance
            .call(limits.between_events, move |store, exports| {
                let deployment = exports.labd_deployer_deployer().deployment();
                Box::pin(async move { deployment.call_next(store, handle, max.max(1)).await })
            })
            .await?;
        if events.is_empty() {
            self.checked.end()?;
            let closed = instance
                .call(limits.call, move |store, _| {
                    Box::pin(async move { handle.resource_drop_async(store).await.map(Ok) })
                })
                .await;
            if closed.is_ok() {
                done(&self.pool, instance);
            }
            return Ok(Vec::new());
        }
        let events = events
            .into_iter()
            .map(|event| self.checked.event(event))
            .collect::<Result<_, _>>()?;
        self.running = Some((instance, handle));
        Ok(events)
    }
}

fn wire_app(app: AppSummary, bundle: &Bundle) -> wit::App {
    let short = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    wit::App {
        name: app.name,
        slug: app.slug,
        layout: app.layout,
        revision: bundle.revision().to_owned(),
        message: app.message,
        files: short(bundle.files().len() as u64),
        bytes: short(bundle.bytes()),
        settings: app
            .settings
            .into_iter()
            .map(|setting| wit::Setting {
                name: setting.name,
                description: setting.description,
                required: setting.required,
                secret: setting.secret,
                default_value: setting.default_value,
                available: setting.available,
            })
            .collect(),
    }
}

fn wire_attempt(attempt: Attempt) -> wit::Attempt {
    wit::Attempt {
        id: attempt.id,
        checkpoint: attempt.checkpoint,
    }
}

fn wire_release(release: Release) -> wit::Release {
    wit::Release {
        id: release.id,
        url: release.url,
        state: release.state,
    }
}

pub(super) fn take_release(release: wit::Release) -> Release {
    Release {
        id: release.id,
        url: release.url,
        state: release.state,
    }
}

fn take_status(status: wit::ReleaseStatus) -> ReleaseStatus {
    ReleaseStatus {
        state: match status.state {
            wit::ReleaseState::Pending => ReleaseState::Pending,
            wit::ReleaseState::Live => ReleaseState::Live,
            wit::ReleaseState::Inactive => ReleaseState::Inactive,
            wit::ReleaseState::Failed => ReleaseState::Failed,
            wit::ReleaseState::Gone => ReleaseState::Gone,
        },
        message: status.message,
        url: status.url,
    }
}

fn take_plan(plan: wit::DeployPlan) -> Plan {
    Plan {
        summary: plan.summary,
        steps: plan
            .steps
            .into_iter()
            .map(|step| PlanStep {
                id: step.id,
                change: match step.change {
                    wit::Change::Create => StepChange::Create,
                    wit::Change::Update => StepChange::Update,
                    wit::Change::Delete => StepChange::Delete,
                    wit::Change::Keep => StepChange::Keep,
                },
                title: step.title,
                detail: step.detail,
                irreversible: step.irreversible,
            })
            .collect(),
        warnings: plan.warnings,
        settings: plan.settings,
        basis: plan.basis,
    }
}
