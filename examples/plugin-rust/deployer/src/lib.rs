//! A deployer for servers that take files by PUT. Each file is one piece of work with a checkpoint
//! behind it, so that work which was broken off goes on where it stood.

use labd_plugin::deployer::{
    App, Attempt, Change, DeployPlan, Deployer, Event, Features, Flow, Info, PlanStep, Release,
    Work, Working, done, started,
};
use labd_plugin::{Error, Host, Result, bundle, export_plugin, http};
use serde::Deserialize;

/// The bundles that it can bring somewhere.
const LAYOUT: &str = "node-project";
/// The one step of its plans.
const SEND: &str = "send";

/// What `[config]` of plugin.toml describes.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    base_url: String,
}

/// The deployer.
pub struct Put<H> {
    host: H,
}

export_plugin!(deployer: Put);

impl<H: Host> Deployer<H> for Put<H> {
    type Config = Config;
    type Deployment = Working<Sending<H>>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "HTTP PUT in Rust".into(),
            description: "Puts an app's files on a server.".into(),
            features: Features::empty(),
            layouts: vec![LAYOUT.into()],
        })
    }

    fn validate(&self, config: Config) -> Result<()> {
        ask(&self.host, http::Request::new("OPTIONS", config.base_url))
    }

    fn plan(&self, config: Config, app: App) -> Result<DeployPlan> {
        check(&app)?;
        Ok(DeployPlan {
            summary: format!("{} at {}", app.name, place(&config, &app)),
            steps: vec![PlanStep {
                id: SEND.into(),
                change: Change::Update,
                title: format!("Put {} files", app.files),
                detail: None,
                irreversible: false,
            }],
            warnings: Vec::new(),
            settings: Vec::new(),
            basis: None,
        })
    }

    fn deploy(
        &self,
        config: Config,
        app: App,
        attempt: Attempt,
        _basis: Option<String>,
    ) -> Result<Self::Deployment> {
        check(&app)?;
        let next = attempt.checkpoint.and_then(|sent| sent.parse().ok());
        Ok(Working::new(Sending {
            files: bundle::files(&self.host)?,
            host: self.host.clone(),
            place: place(&config, &app),
            revision: app.revision,
            next: next.unwrap_or(0),
            begun: false,
        }))
    }
}

/// A deployment at work: the files from `next` on are still to be sent.
pub struct Sending<H> {
    host: H,
    place: String,
    revision: String,
    files: Vec<bundle::File>,
    next: usize,
    begun: bool,
}

impl<H: Host> Work for Sending<H> {
    fn advance(&mut self, events: &mut Vec<Event>) -> Result<Flow> {
        if !self.begun {
            self.begun = true;
            events.push(started(SEND));
        }
        let Some(file) = self.files.get(self.next) else {
            events.push(done(SEND, format!("{} files", self.files.len())));
            events.push(Event::Finished(Some(Release {
                id: self.revision.clone(),
                url: Some(self.place.clone()),
                state: None,
            })));
            return Ok(Flow::Done);
        };
        let request = http::Request::new("PUT", format!("{}/{}", self.place, escaped(&file.path)))
            .body(bundle::read(&self.host, &file.path)?);
        ask(&self.host, request).map_err(|error| error.context(&file.path))?;
        self.next += 1;
        events.push(Event::Checkpoint(self.next.to_string()));
        Ok(Flow::More)
    }
}

/// Sends a request whose answer does not matter beyond its status.
fn ask<H: Host>(host: &H, request: http::Request) -> Result<()> {
    let mut response = host.send(request)?;
    if response.is_success() {
        return Ok(());
    }
    let text = response.error_text();
    Err(http::status_error(
        host,
        response.status,
        &response.headers,
        text,
    ))
}

fn check(app: &App) -> Result<()> {
    if app.layout == LAYOUT {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "this deployer takes a {LAYOUT}, and the bundle is a {}",
        app.layout
    )))
}

fn place(config: &Config, app: &App) -> String {
    format!("{}/{}", config.base_url.trim_end_matches('/'), app.slug)
}

/// A path in a URL.
fn escaped(path: &str) -> String {
    let mut escaped = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_plugin::testing::{
        FakeHost,
        deployer::{app, attempt, drain},
    };

    fn config() -> Config {
        Config {
            base_url: "https://files.example/apps/".into(),
        }
    }

    fn host() -> FakeHost {
        let host = FakeHost::new();
        host.set_bundle([("a.txt", "one"), ("src/ö.txt", "two")]);
        host
    }

    #[test]
    fn every_file_is_put_at_its_place() {
        let host = host();
        host.respond(201, [""]);
        host.respond(201, [""]);
        let put = Put::new(host.clone());
        let mut work = put.deploy(config(), app(&host), attempt(), None).unwrap();
        let (events, error) = drain(&mut work, 8);
        assert_eq!(error, None);
        assert!(matches!(events.last(), Some(Event::Finished(Some(_)))));
        let sent: Vec<_> = host.requests().into_iter().map(|sent| sent.url).collect();
        assert_eq!(
            sent,
            [
                "https://files.example/apps/app/a.txt",
                "https://files.example/apps/app/src/%C3%B6.txt"
            ]
        );
    }

    #[test]
    fn work_goes_on_behind_its_checkpoint() {
        let host = host();
        host.respond(201, [""]);
        let begun = Attempt {
            checkpoint: Some("1".into()),
            ..attempt()
        };
        let put = Put::new(host.clone());
        let mut work = put.deploy(config(), app(&host), begun, None).unwrap();
        assert_eq!(drain(&mut work, 8).1, None);
        assert_eq!(host.requests().len(), 1);
    }

    #[test]
    fn a_file_that_is_refused_is_named() {
        let host = host();
        host.respond(403, ["read-only"]);
        let put = Put::new(host.clone());
        let mut work = put.deploy(config(), app(&host), attempt(), None).unwrap();
        let error = drain(&mut work, 8).1.unwrap();
        assert!(error.message().contains("a.txt"), "{error:?}");
    }
}
