//! Sandbox runtimes, contract 0.1.

use crate::{
    PluginError,
    bindings::sandbox::{Sandbox as Exports, exports::labd::sandbox::sandbox as wit},
    instance::Instance,
    kinds::sandbox::{
        AppRequest, AppResponse, AppServer, AppServices, Asset, Change, Diagnostic, Effect,
        Manifest, Prepared, QueryContract, QueryParameter, Sandbox, SandboxInfo, ServerRoute,
        Severity, SourceFile, Workspace,
    },
    plugin::Plugin,
    pool::Blame,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use wasmtime::component::ResourceAny;

/// A sandbox plugin.
pub(crate) struct SandboxAdapter {
    pub plugin: Arc<Plugin<Exports>>,
}

#[async_trait]
impl Sandbox for SandboxAdapter {
    async fn describe(&self) -> Result<SandboxInfo, PluginError> {
        let pool = &self.plugin.serving()?.pool;
        let instance = pool.warm("").await?;
        let info = instance
            .call(pool.core.limits.call, |store, exports| {
                Box::pin(exports.labd_sandbox_sandbox().call_describe(store))
            })
            .await?;
        pool.give_back(instance);
        Ok(SandboxInfo {
            name: info.name,
            description: info.description,
        })
    }

    async fn detect(&self, paths: &[String]) -> Result<u32, PluginError> {
        let pool = &self.plugin.serving()?.pool;
        let instance = pool.warm("").await?;
        let paths = paths.to_vec();
        let fit = instance
            .call(pool.core.limits.call, move |store, exports| {
                Box::pin(async move {
                    exports
                        .labd_sandbox_sandbox()
                        .call_detect(store, &paths)
                        .await
                })
            })
            .await?;
        pool.give_back(instance);
        Ok(fit.min(100))
    }

    async fn open_workspace(&self, project_id: &str) -> Result<Box<dyn Workspace>, PluginError> {
        let pool = &self.plugin.serving()?.pool;
        let instance = pool.start(project_id, Blame::Plugin).await?;
        let handle = instance
            .call(pool.core.limits.call, |store, exports| {
                Box::pin(exports.labd_sandbox_sandbox().call_open_workspace(store))
            })
            .await?;
        instance.slot.set_evictable(true);
        Ok(Box::new(WasmWorkspace { instance, handle }))
    }

    async fn load(
        &self,
        project_id: &str,
        bundle: Bytes,
    ) -> Result<Box<dyn AppServer>, PluginError> {
        let pool = &self.plugin.serving()?.pool;
        let instance = pool.start(project_id, Blame::Guest).await?;
        let handle = instance
            .call(pool.core.limits.call, move |store, exports| {
                Box::pin(async move {
                    exports
                        .labd_sandbox_sandbox()
                        .call_load(store, &bundle)
                        .await
                })
            })
            .await?;
        instance.slot.set_evictable(true);
        Ok(Box::new(WasmServer { instance, handle }))
    }
}

/// The files of one project in an instance of its own.
struct WasmWorkspace {
    instance: Instance<Exports>,
    handle: ResourceAny,
}

#[async_trait]
impl Workspace for WasmWorkspace {
    async fn prepare(&mut self, change: Change) -> Result<Prepared, PluginError> {
        self.instance.leave_if_retired();
        let handle = self.handle;
        let change = wit::Change {
            changed: change.changed.into_iter().map(source_file).collect(),
            removed: change.removed,
        };
        let prepared = self
            .instance
            .call(self.instance.core.limits.call, move |store, exports| {
                let workspaces = exports.labd_sandbox_sandbox().workspace();
                Box::pin(async move { workspaces.call_prepare(store, handle, &change).await })
            })
            .await?;
        Ok(take_prepared(prepared))
    }

    async fn warm(&mut self, file: SourceFile) -> Result<Vec<Diagnostic>, PluginError> {
        self.instance.leave_if_retired();
        let handle = self.handle;
        let file = source_file(file);
        let diagnostics = self
            .instance
            .call(self.instance.core.limits.call, move |store, exports| {
                let workspaces = exports.labd_sandbox_sandbox().workspace();
                Box::pin(async move { workspaces.call_warm(store, handle, &file).await })
            })
            .await?;
        Ok(diagnostics.into_iter().map(diagnostic).collect())
    }
}

/// Loaded server code in an instance of its own.
struct WasmServer {
    instance: Instance<Exports>,
    handle: ResourceAny,
}

#[async_trait]
impl AppServer for WasmServer {
    async fn handle(
        &mut self,
        request: AppRequest,
        services: Arc<dyn AppServices>,
    ) -> Result<AppResponse, PluginError> {
        self.instance.leave_if_retired();
        let handle = self.handle;
        let request = wit::Request {
            method: request.method,
            url: request.url,
            headers: request.headers,
            // Not copied when nobody else holds it.
            body: request.body.into(),
        };
        self.instance
            .with_state(|state| state.app.0 = Some(services));
        let response = self
            .instance
            .call(self.instance.core.limits.call, move |store, exports| {
                let servers = exports.labd_sandbox_sandbox().server();
                Box::pin(async move { servers.call_handle(store, handle, &request).await })
            })
            .await;
        self.instance.with_state(|state| state.app.0 = None);
        let response = response?;
        Ok(AppResponse {
            status: response.status,
            headers: response.headers,
            body: response.body.into(),
        })
    }
}

fn source_file(file: SourceFile) -> wit::SourceFile {
    wit::SourceFile {
        path: file.path,
        content: file.content.into(),
    }
}

fn diagnostic(diagnostic: wit::Diagnostic) -> Diagnostic {
    Diagnostic {
        severity: match diagnostic.severity {
            wit::Severity::Error => Severity::Error,
            wit::Severity::Warning => Severity::Warning,
        },
        code: diagnostic.code,
        message: diagnostic.message,
        path: diagnostic.path,
        line: diagnostic.line,
        column: diagnostic.column,
        hint: diagnostic.hint,
    }
}

fn take_prepared(prepared: wit::Prepared) -> Prepared {
    Prepared {
        manifest: prepared.manifest.map(|manifest| Manifest {
            entry: manifest.entry,
            styles: manifest.styles,
            modules: manifest.modules,
            vendor: manifest.vendor,
        }),
        new_assets: prepared
            .new_assets
            .into_iter()
            .map(|asset| Asset {
                name: asset.name,
                media_type: asset.media_type,
                content: asset.content.into(),
                source_path: asset.source_path,
                source_map: asset.source_map,
            })
            .collect(),
        queries: prepared.queries.into_iter().map(query).collect(),
        server_bundle: prepared.server_bundle.map(Bytes::from),
        server_routes: prepared
            .server_routes
            .into_iter()
            .map(|route| ServerRoute {
                path: route.path,
                methods: route.methods,
            })
            .collect(),
        diagnostics: prepared.diagnostics.into_iter().map(diagnostic).collect(),
    }
}

fn query(query: wit::QueryContract) -> QueryContract {
    QueryContract {
        name: query.name,
        path: query.path,
        text: query.text,
        effect: match query.effect {
            wit::Effect::Read => Effect::Read,
            wit::Effect::Write => Effect::Write,
        },
        parameters: query
            .parameters
            .into_iter()
            .map(|parameter| QueryParameter {
                name: parameter.name,
                param_type: parameter.param_type,
                required: parameter.required,
            })
            .collect(),
        description: query.description,
        cache: query.cache,
        line_offset: query.line_offset,
    }
}
