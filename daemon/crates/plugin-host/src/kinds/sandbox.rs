//! Sandbox runtimes (`wit/sandbox`).

use crate::PluginError;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// What a sandbox is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxInfo {
    /// For people.
    pub name: String,
    /// One sentence.
    pub description: String,
}

/// A source file of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative, with `/`, without `.` and `..`.
    pub path: String,
    /// Its content.
    pub content: Bytes,
}

/// What differs from the last `prepare`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// New and changed files.
    pub changed: Vec<SourceFile>,
    /// Paths that are gone.
    pub removed: Vec<String>,
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The state cannot run.
    Error,
    /// It runs.
    Warning,
}

/// A fault of the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Stable and short: `syntax`, `unresolved-import`, …
    pub code: String,
    /// For its author.
    pub message: String,
    /// Where.
    pub path: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// In UTF-16 code units, from 1.
    pub column: Option<u32>,
    /// What would help.
    pub hint: Option<String>,
}

/// A file for the browser, named by its content and all that it imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// A file name without folders.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its content.
    pub content: Bytes,
    /// The source it comes from.
    pub source_path: Option<String>,
    /// A source map (JSON, version 3).
    pub source_map: Option<String>,
}

/// What a browser loads to run a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The module to import first.
    pub entry: String,
    /// Style sheets in order.
    pub styles: Vec<String>,
    /// Modules that `entry` reaches, leaves first.
    pub modules: Vec<String>,
    /// Bare imports of the vendor set.
    pub vendor: Vec<String>,
}

/// What a query does to the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Read,
    /// It changes data.
    Write,
}

/// A declared parameter of a named query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryParameter {
    /// Its name.
    pub name: String,
    /// `text`, `int`, `float`, `decimal`, `bool`, `date`, `timestamp`, `uuid`, `json`, or with `[]`.
    pub param_type: String,
    /// It must be given.
    pub required: bool,
}

/// A named query as its file declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryContract {
    /// The name the app calls.
    pub name: String,
    /// Its file.
    pub path: String,
    /// The statement, with `:name` for each parameter.
    pub text: String,
    /// The declared effect.
    pub effect: Effect,
    /// Its parameters.
    pub parameters: Vec<QueryParameter>,
    /// What it is for.
    pub description: String,
    /// Milliseconds that a result may be reused.
    pub cache: Option<u32>,
    /// Lines of the file before `text` begins.
    pub line_offset: u32,
}

/// A route of the app's server code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRoute {
    /// `orders/summary` for `server/orders/summary.ts`.
    pub path: String,
    /// `GET`, …
    pub methods: Vec<String>,
}

/// A compiled state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// None when an error stands in `diagnostics`.
    pub manifest: Option<Manifest>,
    /// Assets that this workspace has not handed out before.
    pub new_assets: Vec<Asset>,
    /// The app's queries.
    pub queries: Vec<QueryContract>,
    /// One script with all handlers.
    pub server_bundle: Option<Bytes>,
    /// The routes of the server code.
    pub server_routes: Vec<ServerRoute>,
    /// Faults of the app.
    pub diagnostics: Vec<Diagnostic>,
}

/// A request to the app's server code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRequest {
    /// `GET`, …
    pub method: String,
    /// Path and query below the app's origin.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

/// The answer of the app's server code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppResponse {
    /// The status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

/// What server code may reach while it handles a request.
#[async_trait]
pub trait AppServices: Send + Sync {
    /// Runs a named query; `parameters` is a JSON object, the answer is the broker's JSON.
    async fn query(&self, name: &str, parameters: &str) -> Result<String, PluginError>;
    /// The viewer as a JSON object.
    fn user(&self) -> String;
    /// A line that the handler logged.
    fn log(&self, level: &str, message: &str);
}

/// The files of one project in an instance of its own.
///
/// [`PluginError::StateLost`] means that the instance was replaced: open a new workspace and
/// prepare all files.
#[async_trait]
pub trait Workspace: Send {
    /// Takes in a change and compiles what it touches.
    async fn prepare(&mut self, change: Change) -> Result<Prepared, PluginError>;
    /// Compiles one file early; the next `prepare` finds the work done.
    async fn warm(&mut self, file: SourceFile) -> Result<Vec<Diagnostic>, PluginError>;
}

/// Loaded server code. Calls are served one after another per instance.
#[async_trait]
pub trait AppServer: Send {
    /// Runs the handler of the request's route.
    async fn handle(
        &mut self,
        request: AppRequest,
        services: Arc<dyn AppServices>,
    ) -> Result<AppResponse, PluginError>;
}

/// A sandbox plugin.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// What it is.
    async fn describe(&self) -> Result<SandboxInfo, PluginError>;
    /// How well it fits a project with these paths, from 0 to 100.
    async fn detect(&self, paths: &[String]) -> Result<u32, PluginError>;
    /// An empty workspace for one project.
    async fn open_workspace(&self, project_id: &str) -> Result<Box<dyn Workspace>, PluginError>;
    /// Evaluates server code for one project.
    async fn load(
        &self,
        project_id: &str,
        bundle: Bytes,
    ) -> Result<Box<dyn AppServer>, PluginError>;
}
