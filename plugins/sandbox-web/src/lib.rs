//! Compiles and runs apps of React, TypeScript and Tailwind.
//!
//! | module | duty |
//! | --- | --- |
//! | [`script`] | one file: TSX → JavaScript, and what it imports, exports and uses (oxc) |
//! | [`graph`] | the modules that the entry reaches, and their names |
//! | [`styles`] | the style sheet (Tailwind in QuickJS, kept warm) |
//! | [`queries`], [`app_json`], [`assets`] | the other files of an app |
//! | [`checks`] | what only shows when files are seen together |
//! | [`view`] | the app as a whole: what is reached, and what is wrong with it |
//! | [`workspace`] | all of these for a project, with what is known from before |
//! | [`server`] | the app's handlers (QuickJS) |
//! | [`vendor`] | what apps may import |

pub mod app_json;
pub mod assets;
pub mod checks;
pub mod engine;
pub mod fault;
pub mod graph;
pub mod paths;
pub mod queries;
pub mod script;
pub mod server;
pub mod styles;
pub mod text;
pub mod vendor;
pub mod view;
pub mod workspace;

use labd_plugin::sandbox::{Info, Sandbox};
use labd_plugin::{Host, Result, export_plugin};
use server::Handlers;
use workspace::Project;

/// The sandbox of web apps.
pub struct Web<H> {
    host: H,
}

impl<H: Host> Sandbox<H> for Web<H> {
    type Workspace = Project;
    type Server = Handlers<H>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "React, TypeScript and Tailwind".to_owned(),
            description: "Apps of React components in the browser and handlers on the server, without Node and without packages to install.".to_owned(),
        })
    }

    fn detect(&self, paths: &[String]) -> Result<u32> {
        Ok(workspace::fitness(paths))
    }

    fn open_workspace(&self) -> Result<Project> {
        Project::open()
    }

    fn load(&self, bundle: Vec<u8>) -> Result<Handlers<H>> {
        Handlers::load(self.host.clone(), &bundle)
    }
}

export_plugin!(sandbox: Web);
