//! A provider that has no models, and answers with as many events as `max-tokens` says.

use labd_plugin::ai::{AiProvider, Capabilities, Completion, Event, Info, Model, Request};
use labd_plugin::{Host, Result, export_plugin};
use std::marker::PhantomData;

/// See the crate.
pub struct Words<H>(PhantomData<H>);

/// So many events are still to come.
pub struct Rest(usize);

export_plugin!(ai_provider: Words);

impl<H: Host> AiProvider<H> for Words<H> {
    type Config = ();
    type Completion = Rest;

    fn new(_: H) -> Self {
        Self(PhantomData)
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Words".into(),
            description: "Says the same again and again.".into(),
            capabilities: Capabilities::empty(),
            default_model: None,
        })
    }

    fn models(&self, (): ()) -> Result<Vec<Model>> {
        Ok(Vec::new())
    }

    fn complete(&self, (): (), request: Request) -> Result<Rest> {
        Ok(Rest(request.max_tokens.unwrap_or_default() as usize))
    }
}

impl Completion for Rest {
    fn next(&mut self, max: usize) -> Result<Vec<Event>> {
        let count = self.0.min(max);
        self.0 -= count;
        Ok((0..count)
            .map(|_| Event::Text("some more words ".into()))
            .collect())
    }
}
