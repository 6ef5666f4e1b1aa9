//! What deploying would do.
//!
//! A plan's digest covers everything that a person sees in it, and the state of the project, the
//! target and its configuration. Whoever says yes hands the digest back, and the plan is made anew:
//! with another one the yes was for something else.

use crate::{
    Deployments, errors, limits,
    ports::{DeployerEntry, ProjectFiles},
    records::TargetRecord,
    targets::access,
};
use labd_plugin_host::{
    PluginError,
    kinds::deployer::{self as host, AppSummary, Bundle, DeployerInfo, SettingValues},
};
use labd_protocol::{
    ApiError, DeployPlan, ErrorCode, PlanStep, ProjectId, SnapshotId, StepChange, TargetId,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// What is deployed, where, and what the plugin says about it.
pub(crate) struct Prepared {
    pub(crate) target: TargetRecord,
    pub(crate) plugin: DeployerEntry,
    pub(crate) app: AppSummary,
    pub(crate) bundle: Arc<Bundle>,
    pub(crate) snapshot: SnapshotId,
}

impl Deployments {
    /// What deploying the head of a project would do. Changes nothing.
    ///
    /// # Errors
    /// When there is no such project or target, the project is empty, or the target refuses.
    pub async fn plan(&self, project: ProjectId, target: TargetId) -> Result<DeployPlan, ApiError> {
        let prepared = self.prepare(project, target, None).await?;
        let (_, plan) = self.plan_of(project, &prepared).await?;
        Ok(plan)
    }

    /// The files of a state, and where they go.
    pub(crate) async fn prepare(
        &self,
        project: ProjectId,
        target: TargetId,
        snapshot: Option<SnapshotId>,
    ) -> Result<Prepared, ApiError> {
        let (target, plugin) = self.target(target)?;
        let files = self.inner.bundles.files(project, snapshot).await?;
        let info = describe(&target, &plugin).await?;
        if !info.layouts.contains(&files.layout) {
            return Err(ApiError::new(
                ErrorCode::InvalidRequest,
                format!(
                    "{} takes {}, and this app is a {}.",
                    target.name,
                    info.layouts.join(", "),
                    files.layout
                ),
            ));
        }
        let ProjectFiles {
            name,
            slug,
            snapshot,
            message,
            layout,
            files,
            mut settings,
        } = files;
        for setting in &mut settings {
            setting.available = target.settings.contains_key(&setting.name);
        }
        let bundle = tokio::task::spawn_blocking(move || Bundle::new(files, media_type))
            .await
            .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
        Ok(Prepared {
            target,
            plugin,
            app: AppSummary {
                name,
                slug,
                layout,
                message,
                settings,
            },
            bundle: Arc::new(bundle),
            snapshot,
        })
    }

    /// The plugin's plan, and the same with its digest for clients.
    pub(crate) async fn plan_of(
        &self,
        project: ProjectId,
        prepared: &Prepared,
    ) -> Result<(host::Plan, DeployPlan), ApiError> {
        let Prepared { target, plugin, .. } = prepared;
        let access = access(plugin, target);
        let asked =
            plugin
                .deployer
                .plan(&access, prepared.app.clone(), Arc::clone(&prepared.bundle));
        let plan = timeout(limits::ASK, asked)
            .await
            .unwrap_or(Err(PluginError::Timeout))
            .map_err(|error| errors::of_target(&target.name, error))?;
        let mut warnings = plan.warnings.clone();
        for name in &plan.settings {
            if !target.settings.contains_key(name) {
                warnings.push(format!(
                    "{name} has no value for {}: enter one with `labd deploy targets update`.",
                    target.name
                ));
            }
        }
        let steps: Vec<PlanStep> = plan.steps.iter().map(step).collect();
        let covered = json!([
            project,
            target.id,
            target.plugin,
            target.config,
            prepared.bundle.revision(),
            plan.summary,
            steps,
            warnings,
            plan.settings,
            plan.basis,
        ]);
        let shown = DeployPlan {
            digest: hex::encode(Sha256::digest(covered.to_string())),
            target: target.id,
            target_name: target.name.clone(),
            snapshot: prepared.snapshot,
            summary: plan.summary.clone(),
            steps,
            warnings,
            settings: plan.settings.clone(),
        };
        Ok((plan, shown))
    }
}

/// What a target's plugin can do.
pub(crate) async fn describe(
    target: &TargetRecord,
    plugin: &DeployerEntry,
) -> Result<DeployerInfo, ApiError> {
    let info = plugin.deployer.describe().await;
    info.map_err(|error| errors::of_target(&target.name, error))
}

/// The values that a deployment may give to its target: those that its plan named.
pub(crate) fn values(target: &TargetRecord, names: &[String]) -> SettingValues {
    let held = names.iter().filter_map(|name| {
        let value = target.settings.get(name)?;
        Some((name.clone(), Zeroizing::new(value.expose().to_owned())))
    });
    held.collect()
}

fn step(step: &host::PlanStep) -> PlanStep {
    PlanStep {
        id: step.id.clone(),
        change: match step.change {
            host::StepChange::Create => StepChange::Create,
            host::StepChange::Update => StepChange::Update,
            host::StepChange::Delete => StepChange::Delete,
            host::StepChange::Keep => StepChange::Keep,
        },
        title: step.title.clone(),
        detail: step.detail.clone(),
        irreversible: step.irreversible,
    }
}

fn media_type(path: &str) -> String {
    mime_guess::from_path(path)
        .first_or_octet_stream()
        .essence_str()
        .to_owned()
}
