//! How the parts find each other: each part asks for a trait, and here it gets the real thing.

use async_trait::async_trait;
use bytes::Bytes;
use labd_builder::{Builder, ports};
use labd_data::{ConnectorEntry, Connectors, Sources};
use labd_deploy::{Bundles, DeployerEntry, Deployers, ProjectFiles};
use labd_gateway::{
    AiPluginEntry, AiPlugins, Answer, CredentialSlotDef, CredentialTarget, Customer, Gateway, Route,
};
use labd_plugin_host::{
    Kind, Manifest, PluginHost,
    kinds::{
        ai::{Capabilities, Event, Request},
        deployer::Setting,
        sandbox::{QueryContract, Sandbox},
    },
    manifest::CredentialHost,
};
use labd_preview::{PreviewBody, Previews, Queries, Sandboxes, VendorAsset};
use labd_protocol::{ApiError, ErrorCode, ProjectId, ProviderId, SnapshotId};
use serde_json::{Map, Value};
use std::sync::{Arc, OnceLock};

/// The sandbox that apps are built for.
const SANDBOX: &str = "labd.sandbox-web";

/// Connector plugins, for the data sources.
pub struct ConnectorPlugins(pub Arc<PluginHost>);

impl ConnectorPlugins {
    fn entry(&self, manifest: &Manifest) -> Option<ConnectorEntry> {
        let spec = manifest.connector.as_ref()?;
        Some(ConnectorEntry {
            plugin: manifest.id.clone(),
            name: manifest.name.clone(),
            default_port: spec.default_port,
            file: spec.file,
            connector: self.0.connector(&manifest.id)?,
        })
    }
}

impl Connectors for ConnectorPlugins {
    fn for_scheme(&self, scheme: &str) -> Option<ConnectorEntry> {
        let (manifest, _) = self.0.connector_for_scheme(scheme)?;
        self.entry(&manifest)
    }

    fn by_plugin(&self, plugin: &str) -> Option<ConnectorEntry> {
        let (_, manifest) = self.0.inspect(plugin)?;
        self.entry(&manifest)
    }

    fn schemes(&self) -> Vec<String> {
        let mut schemes: Vec<String> = self
            .0
            .manifests(Kind::Connector)
            .into_iter()
            .filter_map(|manifest| manifest.connector)
            .flat_map(|spec| spec.schemes)
            .collect();
        schemes.sort();
        schemes
    }
}

/// AI plugins, for the gateway.
pub struct ProviderPlugins(pub Arc<PluginHost>);

impl ProviderPlugins {
    fn entry(&self, manifest: &Manifest) -> Option<AiPluginEntry> {
        let credentials = manifest
            .credentials
            .iter()
            .map(|credential| CredentialSlotDef {
                name: credential.name.clone(),
                targets: credential
                    .hosts
                    .iter()
                    .map(|host| match host {
                        CredentialHost::Exact(host) => CredentialTarget::Host(host.clone()),
                        CredentialHost::FromConfig(key) => {
                            CredentialTarget::FromConfig(key.clone())
                        }
                    })
                    .collect(),
            })
            .collect();
        Some(AiPluginEntry {
            plugin: manifest.id.clone(),
            credentials,
            config_schema: manifest.config.clone(),
            provider: self.0.ai_provider(&manifest.id)?,
        })
    }
}

impl AiPlugins for ProviderPlugins {
    fn get(&self, plugin: &str) -> Option<AiPluginEntry> {
        let (_, manifest) = self.0.inspect(plugin)?;
        self.entry(&manifest)
    }

    fn list(&self) -> Vec<AiPluginEntry> {
        self.0
            .manifests(Kind::AiProvider)
            .iter()
            .filter_map(|manifest| self.entry(manifest))
            .collect()
    }
}

/// Deployer plugins, for the deployments.
pub struct DeployerPlugins(pub Arc<PluginHost>);

impl Deployers for DeployerPlugins {
    fn get(&self, plugin: &str) -> Option<DeployerEntry> {
        let (_, manifest) = self.0.inspect(plugin)?;
        Some(DeployerEntry {
            deployer: self.0.deployer(&manifest.id)?,
            plugin: manifest.id,
            credentials: manifest.credentials,
        })
    }

    fn ids(&self) -> Vec<String> {
        let all = self.0.manifests(Kind::Deployer).into_iter();
        all.map(|manifest| manifest.id).collect()
    }
}

/// What exports of projects hold, for the deployments.
pub struct ProjectBundles(pub Builder);

#[async_trait]
impl Bundles for ProjectBundles {
    async fn check(&self, project: ProjectId) -> Result<(), ApiError> {
        self.0.project(project).await.map(drop)
    }

    async fn files(
        &self,
        project: ProjectId,
        snapshot: Option<SnapshotId>,
    ) -> Result<ProjectFiles, ApiError> {
        let exported = self.0.project_files(project, snapshot).await?;
        let setting = |name: &str, description: &str, default: Option<&str>| Setting {
            name: name.to_owned(),
            description: description.to_owned(),
            required: default.is_none(),
            secret: default.is_none(),
            default_value: default.map(str::to_owned),
            available: false,
        };
        Ok(ProjectFiles {
            name: exported.name,
            slug: exported.slug,
            snapshot: exported.snapshot,
            message: exported.message,
            layout: "node-project".to_owned(),
            files: exported.files,
            // As `.env.example` of the export explains them.
            settings: vec![
                setting("DATABASE_URL", "The database that the app reads.", None),
                setting("PORT", "The port that the app listens on.", Some("3000")),
                setting(
                    "HOST",
                    "The address that the app listens on.",
                    Some("127.0.0.1"),
                ),
            ],
        })
    }
}

/// The sandbox plugin, for the previews.
pub struct SandboxPlugin(pub Arc<PluginHost>);

impl Sandboxes for SandboxPlugin {
    fn get(&self) -> Result<Arc<dyn Sandbox>, ApiError> {
        self.0.sandbox(SANDBOX).ok_or_else(|| {
            ApiError::new(
                ErrorCode::PluginFailed,
                format!("The sandbox plugin {SANDBOX} cannot be used."),
            )
            .with_hint(format!("See: labd plugin inspect {SANDBOX}"))
        })
    }

    fn asset(&self, path: &str) -> Option<VendorAsset> {
        let (content, media_type, _) = self.0.asset(SANDBOX, path)?;
        Some(VendorAsset {
            content,
            media_type,
        })
    }
}

/// Named queries of projects: the broker, on the project's source. The builder knows which that is;
/// it is made after the previews, and connected then.
pub struct ProjectQueries {
    sources: Sources,
    builder: OnceLock<Builder>,
}

impl ProjectQueries {
    pub fn new(sources: Sources) -> Self {
        Self {
            sources,
            builder: OnceLock::new(),
        }
    }

    pub fn connect(&self, builder: Builder) {
        // Called once, when the daemon is assembled.
        let _ = self.builder.set(builder);
    }
}

#[async_trait]
impl Queries for ProjectQueries {
    async fn run(
        &self,
        project: ProjectId,
        query: &QueryContract,
        params: Map<String, Value>,
        viewer: &str,
    ) -> Result<Bytes, ApiError> {
        let builder = self
            .builder
            .get()
            .ok_or_else(|| ApiError::new(ErrorCode::Overloaded, "The daemon is starting."))?;
        let source = builder.project(project).await?.source.ok_or_else(|| {
            ApiError::new(
                ErrorCode::NotFound,
                "The project has no data source any more.",
            )
            .with_hint("Choose one in the project's settings.")
        })?;
        self.sources.run_named(source, query, params, viewer).await
    }
}

/// Whoever is at the console or at this machine. There are no accounts yet.
pub const OWNER: &str = "owner";

/// The gateway, for the builder.
pub struct BuilderModels(pub Gateway);

struct BuilderModel {
    gateway: Gateway,
    route: Route,
    customer: Customer,
}

struct BuilderAnswer(Answer);

#[async_trait]
impl ports::Models for BuilderModels {
    async fn resolve(
        &self,
        project: ProjectId,
        provider: Option<ProviderId>,
        model: Option<String>,
    ) -> Result<Arc<dyn ports::Model>, ApiError> {
        Ok(Arc::new(BuilderModel {
            route: self.0.resolve(provider, model).await?,
            gateway: self.0.clone(),
            customer: Customer {
                user: OWNER.to_owned(),
                project: Some(project.to_string()),
            },
        }))
    }
}

#[async_trait]
impl ports::Model for BuilderModel {
    fn provider(&self) -> &str {
        self.route.provider()
    }

    fn model(&self) -> &str {
        self.route.model()
    }

    fn capabilities(&self) -> Capabilities {
        self.route.capabilities()
    }

    async fn complete(&self, request: Request) -> Result<Box<dyn ports::Answer>, ApiError> {
        let answer = self.gateway.complete(&self.customer, &self.route, request);
        Ok(Box::new(BuilderAnswer(answer.await?)))
    }
}

#[async_trait]
impl ports::Answer for BuilderAnswer {
    async fn next(&mut self, max: u32) -> Result<Vec<Event>, ApiError> {
        self.0.next(max).await
    }
}

/// What answers on the previews' origins.
pub struct Site(pub Previews);

#[async_trait]
impl labd_server::PreviewSite for Site {
    async fn handle(
        &self,
        project: ProjectId,
        viewer: &str,
        request: http::Request<Bytes>,
    ) -> http::Response<PreviewBody> {
        self.0.handle(project, viewer, request).await
    }
}

/// The sources that exported apps bring along: the sandbox's assets below `export/`.
pub struct Kit(pub Arc<PluginHost>);

impl ports::ExportKit for Kit {
    fn files(&self) -> Vec<(String, Bytes)> {
        let Some((_, manifest)) = self.0.inspect(SANDBOX) else {
            return Vec::new();
        };
        manifest
            .assets
            .iter()
            .filter_map(|asset| {
                let path = asset.path.strip_prefix("export/")?;
                let (content, ..) = self.0.asset(SANDBOX, &asset.path)?;
                Some((path.to_owned(), content))
            })
            .collect()
    }
}
