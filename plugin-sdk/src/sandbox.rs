//! Plugins of kind `sandbox`.
//!
//! A complete sandbox, whose apps are one HTML-less script each:
//!
//! ```
//! use labd_plugin::sandbox::{
//!     Asset, Change, Diagnostic, Info, Manifest, Prepared, Request, Response, Sandbox, Server, SourceFile, Workspace,
//! };
//! use labd_plugin::{Host, Result, export_plugin};
//!
//! pub struct Plain<H> { host: H }
//! #[derive(Default)]
//! pub struct Files { script: Vec<u8> }
//! pub struct Echo<H> { host: H }
//!
//! impl<H: Host> Sandbox<H> for Plain<H> {
//!     type Workspace = Files;
//!     type Server = Echo<H>;
//!
//!     fn new(host: H) -> Self { Self { host } }
//!
//!     fn describe() -> Result<Info> {
//!         Ok(Info { name: "Plain".into(), description: "One script.".into() })
//!     }
//!
//!     fn detect(&self, paths: &[String]) -> Result<u32> {
//!         Ok(if paths.iter().any(|path| path == "main.js") { 50 } else { 0 })
//!     }
//!
//!     fn open_workspace(&self) -> Result<Files> { Ok(Files::default()) }
//!
//!     fn load(&self, _bundle: Vec<u8>) -> Result<Echo<H>> { Ok(Echo { host: self.host.clone() }) }
//! }
//!
//! impl Workspace for Files {
//!     fn prepare(&mut self, change: Change) -> Result<Prepared> {
//!         for file in change.changed { self.script = file.content }
//!         let name = format!("{}.js", self.script.len());
//!         Ok(Prepared {
//!             manifest: Some(Manifest { entry: name.clone(), styles: vec![], modules: vec![name.clone()], vendor: vec![] }),
//!             new_assets: vec![Asset {
//!                 name, media_type: "text/javascript".into(), content: self.script.clone(),
//!                 source_path: Some("main.js".into()), source_map: None,
//!             }],
//!             queries: vec![], server_bundle: None, server_routes: vec![], diagnostics: vec![],
//!         })
//!     }
//!
//!     fn warm(&mut self, _file: SourceFile) -> Result<Vec<Diagnostic>> { Ok(vec![]) }
//! }
//!
//! impl<H: Host> Server for Echo<H> {
//!     fn handle(&mut self, request: Request) -> Result<Response> {
//!         let body = self.host.app_query("echo", &format!("{{\"url\":{:?}}}", request.url))?;
//!         Ok(Response { status: 200, headers: vec![], body: body.into_bytes() })
//!     }
//! }
//!
//! export_plugin!(sandbox: Plain);
//! ```

use crate::{Host, Result};

pub use crate::bindings::sandbox::exports::labd::sandbox::sandbox::{
    Asset, Change, Diagnostic, Effect, Info, Manifest, Prepared, QueryContract, QueryParameter,
    Request, Response, ServerRoute, Severity, SourceFile,
};

/// A sandbox: what opens workspaces and loads server code.
pub trait Sandbox<H: Host>: Sized + 'static {
    /// The files of one project.
    type Workspace: Workspace;
    /// Loaded server code.
    type Server: Server;

    /// A sandbox for one call.
    fn new(host: H) -> Self;

    /// What this sandbox is. Pure.
    ///
    /// # Errors
    /// None that is expected.
    fn describe() -> Result<Info>;

    /// How well it fits a project with these paths, from 0 (not at all) to 100.
    ///
    /// # Errors
    /// None that is expected.
    fn detect(&self, paths: &[String]) -> Result<u32>;

    /// An empty workspace.
    ///
    /// # Errors
    /// `internal`.
    fn open_workspace(&self) -> Result<Self::Workspace>;

    /// Evaluates a server bundle.
    ///
    /// # Errors
    /// `invalid-request` when it does not evaluate.
    fn load(&self, bundle: Vec<u8>) -> Result<Self::Server>;
}

/// The files of one project.
pub trait Workspace: 'static {
    /// Takes in a change and compiles what it touches.
    ///
    /// # Errors
    /// A fault of the sandbox itself; faults of the app are diagnostics.
    fn prepare(&mut self, change: Change) -> Result<Prepared>;

    /// Compiles one file alone, early, and gives its own diagnostics.
    ///
    /// # Errors
    /// As for [`Workspace::prepare`].
    fn warm(&mut self, file: SourceFile) -> Result<Vec<Diagnostic>>;
}

/// Loaded server code.
pub trait Server: 'static {
    /// Runs the handler of the request's route.
    ///
    /// # Errors
    /// A fault of the sandbox itself; a handler's exception is a response with status 500.
    fn handle(&mut self, request: Request) -> Result<Response>;
}

#[doc(hidden)]
pub mod rt {
    //! What the export macro names.

    use super::{
        Change, Diagnostic, Info, Prepared, Request, Response, Sandbox, Server, SourceFile,
        Workspace,
    };
    use crate::bindings::sandbox::exports::labd::sandbox::sandbox as wit;
    use crate::log::install_panic_hook;
    use crate::{Result, WasmHost};
    use std::cell::RefCell;
    use std::marker::PhantomData;

    /// The contract's functions over a sandbox.
    pub struct Adapter<P>(PhantomData<P>);

    /// A resource of the contract.
    pub struct Held<T>(RefCell<T>);

    impl<W: Workspace> wit::GuestWorkspace for Held<W> {
        fn prepare(&self, change: Change) -> Result<Prepared> {
            self.0.borrow_mut().prepare(change)
        }

        fn warm(&self, file: SourceFile) -> Result<Vec<Diagnostic>> {
            self.0.borrow_mut().warm(file)
        }
    }

    impl<S: Server> wit::GuestServer for Held<S> {
        fn handle(&self, request: Request) -> Result<Response> {
            self.0.borrow_mut().handle(request)
        }
    }

    impl<P: Sandbox<WasmHost>> wit::Guest for Adapter<P> {
        type Workspace = Held<P::Workspace>;
        type Server = Held<P::Server>;

        fn describe() -> Result<Info> {
            install_panic_hook();
            P::describe()
        }

        fn detect(paths: Vec<String>) -> Result<u32> {
            install_panic_hook();
            P::new(WasmHost).detect(&paths)
        }

        fn open_workspace() -> Result<wit::Workspace> {
            install_panic_hook();
            let workspace = P::new(WasmHost).open_workspace()?;
            Ok(wit::Workspace::new(Held(RefCell::new(workspace))))
        }

        fn load(bundle: Vec<u8>) -> Result<wit::Server> {
            install_panic_hook();
            let server = P::new(WasmHost).load(bundle)?;
            Ok(wit::Server::new(Held(RefCell::new(server))))
        }
    }
}
