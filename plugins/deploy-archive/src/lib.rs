//! Packs an app into a zip file to download.

mod pack;

pub use pack::Packing;

use labd_plugin::deployer::{
    App, Attempt, Change, DeployPlan, Deployer, Features, Info, PlanStep, Working,
};
use labd_plugin::{Error, Host, Result, bundle, export_plugin};

/// The one layout that it packs.
const LAYOUT: &str = "node-project";
/// The one step of the work.
const PACK: &str = "pack";

/// There is nothing to configure.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {}

/// The deployer.
pub struct Archive<H> {
    host: H,
}

impl<H: Host> Deployer<H> for Archive<H> {
    type Config = Config;
    type Deployment = Working<Packing<H>>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Zip archive".into(),
            description: "A zip file to download, which runs with Node on any machine.".into(),
            features: Features::ARTIFACT,
            layouts: vec![LAYOUT.into()],
        })
    }

    fn validate(&self, _config: Config) -> Result<()> {
        Ok(())
    }

    fn plan(&self, _config: Config, app: App) -> Result<DeployPlan> {
        check(&app)?;
        let mut steps = vec![PlanStep {
            id: PACK.into(),
            change: Change::Create,
            title: format!(
                "Pack {} files ({}) into {}",
                app.files,
                size(app.bytes),
                file_name(&app)
            ),
            detail: None,
            irreversible: false,
        }];
        let entered: Vec<_> = app
            .settings
            .iter()
            .filter(|setting| setting.required)
            .map(|setting| setting.name.as_str())
            .collect();
        if !entered.is_empty() {
            steps.push(PlanStep {
                id: "settings".into(),
                change: Change::Keep,
                title: format!("Leave out {}", entered.join(", ")),
                detail: Some("Entered in .env on the machine that runs the app.".into()),
                irreversible: false,
            });
        }
        Ok(DeployPlan {
            summary: format!("{} as a zip file to download", app.name),
            steps,
            warnings: Vec::new(),
            settings: Vec::new(),
            basis: None,
        })
    }

    fn deploy(
        &self,
        _config: Config,
        app: App,
        _attempt: Attempt,
        _basis: Option<String>,
    ) -> Result<Self::Deployment> {
        check(&app)?;
        let files = bundle::files(&self.host)?;
        Ok(Working::new(Packing::new(self.host.clone(), app, files)))
    }
}

fn check(app: &App) -> Result<()> {
    if app.layout == LAYOUT {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "an archive holds a {LAYOUT}, and this bundle is a {}",
        app.layout
    )))
}

fn file_name(app: &App) -> String {
    format!("{}.zip", app.slug)
}

fn size(bytes: u32) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MB", f64::from(bytes) / 1_048_576.0),
    }
}

export_plugin!(deployer: Archive);
