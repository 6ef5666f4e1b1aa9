//! A template generator in the place of a model: it matches the words of a request with the tables
//! of the database and writes an app in the answer's tags.
//!
//! It is a pure function of the context document: the same document gives the same answer, byte
//! for byte. What it cannot map to a template it says.
//!
//! | module | from → to |
//! | --- | --- |
//! | [`document`] | JSON → the document |
//! | [`words`] | the request → clauses with what each asks for |
//! | [`catalog`] | the schema → tables with what their columns mean, and ways to join them |
//! | [`plan`] | clauses and catalog → pages with queries |
//! | [`sql`] | a query's parts → a statement in the source's dialect |
//! | [`app`] | pages → files |
//! | [`answer`] | files and what is worth saying → the answer's text |

pub mod answer;
pub mod app;
pub mod catalog;
pub mod document;
pub mod names;
pub mod plan;
pub mod sql;
pub mod words;

use document::Document;
use labd_plugin::ai::{
    AiProvider, Capabilities, Completion, Event, FinishReason, Info, Model, Request, Started,
};
use labd_plugin::{Error, Host, Result, export_plugin};
use std::collections::VecDeque;
use std::time::Duration;

const MODEL: &str = "templates";

/// What the manifest's `[config]` describes.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Milliseconds between two events.
    #[serde(default)]
    pub delay_ms: u32,
}

/// The provider.
pub struct Offline<H> {
    host: H,
}

export_plugin!(ai_provider: Offline);

impl<H: Host> AiProvider<H> for Offline<H> {
    type Config = Config;
    type Completion = Paced<H>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Offline templates".into(),
            description: "A template generator, not a model: it matches the words of a request with the tables of the database. Works without a network.".into(),
            capabilities: Capabilities::DOCUMENT,
            default_model: Some(MODEL.into()),
        })
    }

    fn models(&self, _: Config) -> Result<Vec<Model>> {
        Ok(vec![Model {
            name: "Templates (no model)".into(),
            ..Model::new(MODEL)
        }])
    }

    fn complete(&self, config: Config, request: Request) -> Result<Paced<H>> {
        if request.model != MODEL {
            return Err(Error::not_found(format!(
                "there is no model `{}` here; the only one is `{MODEL}`",
                request.model
            )));
        }
        let document = Document::read(request.document.as_deref())?;
        let text = answer::write(&document);
        let mut events = VecDeque::from([Event::Started(Started {
            model: MODEL.into(),
            id: String::new(),
        })]);
        events.extend(answer::pieces(&text).map(|piece| Event::Text(piece.to_owned())));
        events.push_back(Event::Finish(FinishReason::Stop));
        Ok(Paced {
            host: self.host.clone(),
            delay: Duration::from_millis(config.delay_ms.into()),
            started: false,
            events,
        })
    }
}

/// An answer that is handed out piece by piece, with a pause before each piece but the first.
pub struct Paced<H> {
    host: H,
    delay: Duration,
    started: bool,
    events: VecDeque<Event>,
}

impl<H: Host> Completion for Paced<H> {
    fn next(&mut self, max: usize) -> Result<Vec<Event>> {
        let mut count = self.events.len().min(max.max(1));
        if !self.delay.is_zero() {
            count = count.min(1);
            if self.started && count > 0 {
                self.host.sleep(self.delay)?;
            }
        }
        self.started = true;
        Ok(self.events.drain(..count).collect())
    }
}
