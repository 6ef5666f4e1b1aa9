//! Plugins of kind `deployer`.
//!
//! A complete deployer, for a server that keeps files by their hash and sites as lists of them. It
//! sends what the server lacks, one file at a time, and leaves a checkpoint after each, so that
//! work which was broken off goes on where it stood:
//!
//! ```
//! use labd_plugin::deployer::{
//!     App, Attempt, Change, DeployPlan, Deployer, Event, Features, Flow, Info, PlanStep, Release, Work, Working,
//! };
//! use labd_plugin::{Error, Host, Result, bundle, export_plugin, http};
//!
//! #[derive(Clone, serde::Deserialize)]
//! #[serde(rename_all = "kebab-case", deny_unknown_fields)]
//! pub struct Config { base_url: String }
//!
//! pub struct Shelf<H> { host: H }
//!
//! /// Sends the files from `next` on.
//! pub struct Sending<H> { host: H, config: Config, app: App, files: Vec<bundle::File>, next: usize }
//!
//! impl<H: Host> Shelf<H> {
//!     fn ask(&self, request: http::Request) -> Result<String> {
//!         let mut response = self.host.send(request)?;
//!         match response.is_success() {
//!             true => Ok(response.error_text()),
//!             false => {
//!                 let text = response.error_text();
//!                 Err(http::status_error(&self.host, response.status, &response.headers, text))
//!             }
//!         }
//!     }
//! }
//!
//! impl<H: Host> Deployer<H> for Shelf<H> {
//!     type Config = Config;
//!     type Deployment = Working<Sending<H>>;
//!
//!     fn new(host: H) -> Self { Self { host } }
//!
//!     fn describe() -> Result<Info> {
//!         Ok(Info {
//!             name: "Shelf".into(),
//!             description: "Puts the app on a shelf.".into(),
//!             features: Features::empty(),
//!             layouts: vec!["node-project".into()],
//!         })
//!     }
//!
//!     fn validate(&self, config: Config) -> Result<()> {
//!         self.ask(http::Request::get(format!("{}/ready", config.base_url))).map(drop)
//!     }
//!
//!     fn plan(&self, config: Config, app: App) -> Result<DeployPlan> {
//!         Ok(DeployPlan {
//!             summary: format!("{} at {}/{}", app.name, config.base_url, app.slug),
//!             steps: vec![PlanStep {
//!                 id: "send".into(),
//!                 change: Change::Create,
//!                 title: format!("Send {} files", app.files),
//!                 detail: None,
//!                 irreversible: false,
//!             }],
//!             warnings: vec![],
//!             settings: vec![],
//!             basis: None,
//!         })
//!     }
//!
//!     fn deploy(&self, config: Config, app: App, attempt: Attempt, _basis: Option<String>) -> Result<Self::Deployment> {
//!         let next = attempt.checkpoint.and_then(|done| done.parse().ok()).unwrap_or(0);
//!         let files = bundle::files(&self.host)?;
//!         Ok(Working::new(Sending { host: self.host.clone(), config, app, files, next }))
//!     }
//! }
//!
//! impl<H: Host> Work for Sending<H> {
//!     fn advance(&mut self, events: &mut Vec<Event>) -> Result<Flow> {
//!         let shelf = Shelf { host: self.host.clone() };
//!         let base = &self.config.base_url;
//!         let Some(file) = self.files.get(self.next) else {
//!             let url = format!("{base}/{}", self.app.slug);
//!             shelf.ask(http::Request::post(url.clone()).json(&self.app.revision)?)?;
//!             events.push(Event::Finished(Some(Release { id: self.app.revision.clone(), url: Some(url), state: None })));
//!             return Ok(Flow::Done);
//!         };
//!         let mut request = http::Request::post(format!("{base}/files/{}", file.sha256));
//!         request.body = Some(bundle::read(&self.host, &file.path)?);
//!         shelf.ask(request)?;
//!         self.next += 1;
//!         events.push(Event::Checkpoint(self.next.to_string()));
//!         Ok(Flow::More)
//!     }
//! }
//!
//! export_plugin!(deployer: Shelf);
//!
//! // The same deployer, natively, against a fake host. The first of two files was sent before.
//! use labd_plugin::testing::{FakeHost, deployer::{app, attempt, drain}};
//!
//! let host = FakeHost::new();
//! host.set_bundle([("a.txt", "one"), ("b.txt", "two")]);
//! for _ in 0..2 { host.respond(200, [""]); }
//! let shelf = Shelf::new(host.clone());
//! let config = Config { base_url: "http://shelf".into() };
//! let begun = Attempt { checkpoint: Some("1".into()), ..attempt() };
//! let (events, error) = drain(&mut shelf.deploy(config, app(&host), begun, None)?, 8);
//! assert_eq!(error, None);
//! assert!(matches!(events.last(), Some(Event::Finished(Some(release))) if release.url.as_deref() == Some("http://shelf/app")));
//! assert_eq!(host.requests()[0].body.as_deref(), Some(b"two".as_slice()));
//! # Ok::<(), Error>(())
//! ```

use crate::{Error, Host, Result};
use serde::de::DeserializeOwned;
use std::collections::VecDeque;

pub use crate::bindings::deployer::exports::labd::deployer::deployer::{
    App, Artifact, Attempt, Change, DeployPlan, Event, Features, Info, KnownRelease, Level,
    LogLine, Progress, Release, ReleaseState, ReleaseStatus, Scope, Setting, Step as PlanStep,
    StepEvent, StepState,
};

/// A deployer. The functions of features that it does not have need not be written; the host
/// never calls them.
pub trait Deployer<H: Host>: Sized + 'static {
    /// The configuration, as the manifest's `[config]` describes it.
    type Config: DeserializeOwned;
    /// Running work.
    type Deployment: Deployment;

    /// A deployer for one call.
    fn new(host: H) -> Self;

    /// What this deployer is. Pure.
    ///
    /// # Errors
    /// None that is expected.
    fn describe() -> Result<Info>;

    /// Checks a target; changes nothing.
    ///
    /// # Errors
    /// `invalid-request` with the key, `unauthenticated`, `unavailable`.
    fn validate(&self, config: Self::Config) -> Result<()>;

    /// What deploying would do; changes nothing. The files are in [`crate::bundle`].
    ///
    /// # Errors
    /// As for [`Deployer::validate`].
    fn plan(&self, config: Self::Config, app: App) -> Result<DeployPlan>;

    /// Begins to bring the app to its place.
    ///
    /// # Errors
    /// `conflict` when the target is in another state than `basis` says.
    fn deploy(
        &self,
        config: Self::Config,
        app: App,
        attempt: Attempt,
        basis: Option<String>,
    ) -> Result<Self::Deployment>;

    /// What the target says about a release.
    ///
    /// # Errors
    /// `unavailable`, `unauthenticated`.
    fn status(&self, _config: Self::Config, _release: Release) -> Result<ReleaseStatus> {
        Err(missing("ask its target about releases"))
    }

    /// The target's releases, the latest first.
    ///
    /// # Errors
    /// `unavailable`, `unauthenticated`.
    fn releases(&self, _config: Self::Config) -> Result<Vec<KnownRelease>> {
        Err(missing("ask its target about releases"))
    }

    /// Begins to make an earlier release live again.
    ///
    /// # Errors
    /// `not-found` when the target does not have it any more.
    fn rollback(
        &self,
        _config: Self::Config,
        _release: Release,
        _attempt: Attempt,
    ) -> Result<Self::Deployment> {
        Err(missing("roll back"))
    }

    /// Begins to take down what deploying made.
    ///
    /// # Errors
    /// `conflict` when the target cannot be without this release.
    fn destroy(
        &self,
        _config: Self::Config,
        _scope: Scope,
        _attempt: Attempt,
    ) -> Result<Self::Deployment> {
        Err(missing("take anything down"))
    }
}

fn missing(what: &str) -> Error {
    Error::invalid(format!("this deployer does not {what}"))
}

/// Running work, as the contract sees it. Most deployers write a [`Work`] and wrap it into
/// [`Working`]. Dropping it cancels it.
pub trait Deployment: 'static {
    /// At least one event and at most `max`; empty after `finished`.
    ///
    /// # Errors
    /// What ended the work; nothing more comes after it.
    fn next(&mut self, max: usize) -> Result<Vec<Event>>;
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// There is.
    More,
    /// That was all; the last event is `finished`.
    Done,
}

/// Work in small pieces: what takes long (an upload, a minute of waiting for the target) is one
/// piece, so that its event is seen at once and the work can be cancelled behind it.
pub trait Work: 'static {
    /// Does the next piece and tells what happened.
    ///
    /// # Errors
    /// What ends the work. Events that were pushed before are delivered first.
    fn advance(&mut self, events: &mut Vec<Event>) -> Result<Flow>;
}

/// [`Work`] as a [`Deployment`].
#[derive(Debug)]
pub struct Working<W> {
    work: W,
    ready: VecDeque<Event>,
    failed: Option<Error>,
    over: bool,
}

impl<W: Work> Working<W> {
    /// From its beginning.
    pub fn new(work: W) -> Self {
        Self {
            work,
            ready: VecDeque::new(),
            failed: None,
            over: false,
        }
    }
}

impl<W: Work> Deployment for Working<W> {
    fn next(&mut self, max: usize) -> Result<Vec<Event>> {
        while self.ready.is_empty() && !self.over {
            let mut events = Vec::new();
            match self.work.advance(&mut events) {
                Ok(Flow::More) => {}
                Ok(Flow::Done) => self.over = true,
                Err(error) => {
                    self.over = true;
                    self.failed = Some(error);
                }
            }
            self.ready.extend(events);
        }
        if self.ready.is_empty()
            && let Some(error) = self.failed.take()
        {
            return Err(error);
        }
        let count = self.ready.len().min(max.max(1));
        Ok(self.ready.drain(..count).collect())
    }
}

/// A step begins.
pub fn started(step: &str) -> Event {
    step_event(step, StepState::Started, None)
}

/// A step is done; `message` says what became of it.
pub fn done(step: &str, message: impl Into<String>) -> Event {
    step_event(step, StepState::Done, Some(message.into()))
}

/// There was nothing to do in a step, and why.
pub fn skipped(step: &str, message: impl Into<String>) -> Event {
    step_event(step, StepState::Skipped, Some(message.into()))
}

fn step_event(step: &str, state: StepState, message: Option<String>) -> Event {
    Event::Step(StepEvent {
        id: step.to_owned(),
        state,
        message,
    })
}

/// A line for whoever follows.
pub fn log(level: Level, text: impl Into<String>) -> Event {
    Event::Log(LogLine {
        level,
        text: text.into(),
    })
}

#[doc(hidden)]
pub mod rt {
    //! What the export macro names.

    use super::{
        App, Attempt, DeployPlan, Deployer, Deployment, Event, Info, KnownRelease, Release,
        ReleaseStatus, Scope,
    };
    use crate::bindings::deployer::exports::labd::deployer::deployer as wit;
    use crate::log::install_panic_hook;
    use crate::{Result, WasmHost, config};
    use std::cell::RefCell;
    use std::marker::PhantomData;

    /// The contract's functions over a deployer.
    pub struct Adapter<P>(PhantomData<P>);

    /// The contract's resource over a deployment; none after an error or the end.
    pub struct Running<D>(RefCell<Option<D>>);

    impl<D: Deployment> Running<D> {
        fn resource(deployment: D) -> wit::Deployment {
            wit::Deployment::new(Self(RefCell::new(Some(deployment))))
        }
    }

    impl<D: Deployment> wit::GuestDeployment for Running<D> {
        fn next(&self, max: u32) -> Result<Vec<Event>> {
            let mut running = self.0.borrow_mut();
            let Some(deployment) = running.as_mut() else {
                return Ok(Vec::new());
            };
            let events = deployment.next(usize::try_from(max).unwrap_or(usize::MAX));
            if !matches!(&events, Ok(events) if !events.is_empty()) {
                *running = None;
            }
            events
        }
    }

    impl<P: Deployer<WasmHost>> wit::Guest for Adapter<P> {
        type Deployment = Running<P::Deployment>;

        fn describe() -> Result<Info> {
            install_panic_hook();
            P::describe()
        }

        fn validate(config: String) -> Result<()> {
            install_panic_hook();
            P::new(WasmHost).validate(config::parse(&config)?)
        }

        fn plan(config: String, app: App) -> Result<DeployPlan> {
            install_panic_hook();
            P::new(WasmHost).plan(config::parse(&config)?, app)
        }

        fn deploy(
            config: String,
            app: App,
            attempt: Attempt,
            basis: Option<String>,
        ) -> Result<wit::Deployment> {
            install_panic_hook();
            let config = config::parse(&config)?;
            let begun = P::new(WasmHost).deploy(config, app, attempt, basis)?;
            Ok(Running::resource(begun))
        }

        fn status(config: String, release: Release) -> Result<ReleaseStatus> {
            install_panic_hook();
            P::new(WasmHost).status(config::parse(&config)?, release)
        }

        fn releases(config: String) -> Result<Vec<KnownRelease>> {
            install_panic_hook();
            P::new(WasmHost).releases(config::parse(&config)?)
        }

        fn rollback(config: String, release: Release, attempt: Attempt) -> Result<wit::Deployment> {
            install_panic_hook();
            let config = config::parse(&config)?;
            let begun = P::new(WasmHost).rollback(config, release, attempt)?;
            Ok(Running::resource(begun))
        }

        fn destroy(config: String, scope: Scope, attempt: Attempt) -> Result<wit::Deployment> {
            install_panic_hook();
            let config = config::parse(&config)?;
            let begun = P::new(WasmHost).destroy(config, scope, attempt)?;
            Ok(Running::resource(begun))
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::deployer::drain;

    /// Three pieces of two events, the last of which fails or finishes.
    struct Pieces(u32, bool);

    impl Work for Pieces {
        fn advance(&mut self, events: &mut Vec<Event>) -> Result<Flow> {
            self.0 += 1;
            let step = self.0.to_string();
            events.extend([started(&step), done(&step, "")]);
            match (self.0, self.1) {
                (3, true) => Err(Error::Overloaded),
                (3, false) => {
                    events.push(Event::Finished(None));
                    Ok(Flow::Done)
                }
                _ => Ok(Flow::More),
            }
        }
    }

    #[test]
    fn no_event_is_lost_whatever_is_asked_for_and_an_error_comes_last_and_once() {
        for max in 1..5 {
            let (events, error) = drain(&mut Working::new(Pieces(0, false)), max);
            assert_eq!((events.len(), error), (7, None));
            let mut failing = Working::new(Pieces(0, true));
            let (events, error) = drain(&mut failing, max);
            assert_eq!((events.len(), error), (6, Some(Error::Overloaded)));
            assert_eq!(failing.next(max), Ok(vec![]));
        }
    }
}
