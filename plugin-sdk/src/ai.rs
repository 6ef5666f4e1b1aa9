//! Plugins of kind `ai-provider`.
//!
//! A complete provider, for an upstream that streams `{"text": …}` lines:
//!
//! ```
//! use labd_plugin::ai::{AiProvider, Capabilities, Decoder, Event, FinishReason, Flow, Info, Model, Request, Started, Streamed};
//! use labd_plugin::stream::NdjsonReader;
//! use labd_plugin::{Host, Result, export_plugin, http};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(rename_all = "kebab-case", deny_unknown_fields)]
//! pub struct Config { base_url: String }
//!
//! #[derive(serde::Deserialize)]
//! pub struct Line { text: String, #[serde(default)] done: bool }
//!
//! pub struct Parrot<H> { host: H }
//! pub struct Lines;
//!
//! impl Decoder<Line> for Lines {
//!     fn frame(&mut self, line: Line, events: &mut Vec<Event>) -> Result<Flow> {
//!         events.push(Event::Text(line.text));
//!         if line.done {
//!             events.push(Event::Finish(FinishReason::Stop));
//!             return Ok(Flow::Done);
//!         }
//!         Ok(Flow::More)
//!     }
//! }
//!
//! impl<H: Host> AiProvider<H> for Parrot<H> {
//!     type Config = Config;
//!     type Completion = Streamed<NdjsonReader<H::Body, Line>, Lines>;
//!
//!     fn new(host: H) -> Self { Self { host } }
//!
//!     fn describe() -> Result<Info> {
//!         Ok(Info {
//!             name: "Parrot".into(),
//!             description: "Says it again.".into(),
//!             capabilities: Capabilities::empty(),
//!             default_model: Some("grey".into()),
//!         })
//!     }
//!
//!     fn models(&self, _: Config) -> Result<Vec<Model>> {
//!         Ok(vec![Model { name: "Grey parrot".into(), ..Model::new("grey") }])
//!     }
//!
//!     fn complete(&self, config: Config, request: Request) -> Result<Self::Completion> {
//!         let body = serde_json::json!({ "model": request.model });
//!         let mut response = self.host.send(http::Request::post(format!("{}/say", config.base_url)).json(&body)?)?;
//!         if !response.is_success() {
//!             let text = response.error_text();
//!             return Err(http::status_error(&self.host, response.status, &response.headers, text));
//!         }
//!         let started = Event::Started(Started { model: request.model, id: String::new() });
//!         Ok(Streamed::new(NdjsonReader::new(response.body), Lines).starting_with(started))
//!     }
//! }
//!
//! export_plugin!(ai_provider: Parrot);
//!
//! // The same provider, natively, against a fake host:
//! use labd_plugin::ai::Completion;
//! use labd_plugin::testing::{FakeHost, ai::request};
//!
//! let host = FakeHost::new();
//! host.respond(200, [r#"{"text":"Hel"}"#, "\n{\"text\":\"lo\",", "\"done\":true}\n"]);
//! let parrot = Parrot::new(host.clone());
//! let mut completion = parrot.complete(Config { base_url: "http://parrot".into() }, request("grey", "Hello"))?;
//! let mut events = Vec::new();
//! loop {
//!     let more = completion.next(16)?;
//!     if more.is_empty() { break }
//!     events.extend(more);
//! }
//! assert_eq!(events[1..3], [Event::Text("Hel".into()), Event::Text("lo".into())]);
//! assert_eq!(host.requests()[0].url, "http://parrot/say");
//! # Ok::<(), labd_plugin::Error>(())
//! ```

mod until;

pub use until::Until;

use crate::stream::Frames;
use crate::{Error, Host, Result};
use serde::de::DeserializeOwned;
use std::collections::VecDeque;

pub use crate::bindings::ai::exports::labd::ai_provider::provider::{
    CacheHints, Capabilities, Effort, EmbedRequest, Embeddings, Event, File, FinishReason, Image,
    Info, Message, Model, Part, Purpose, Request, Retention, Role, Started, Tool, ToolChoice,
    ToolFragment, ToolResult, ToolStarted, ToolUse, Usage,
};

impl Model {
    /// A model of which nothing but its id is known.
    pub fn new(id: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            name: id.clone(),
            id,
            context_window: None,
            output_limit: None,
            capabilities: None,
        }
    }
}

/// A provider. It keeps no state between requests and never retries: that is the gateway's duty.
pub trait AiProvider<H: Host>: Sized + 'static {
    /// What the manifest's `[config]` describes; a wrong one is refused before a call, with a
    /// message that names the key.
    type Config: DeserializeOwned;
    /// A running answer.
    type Completion: Completion;

    /// A provider for one call.
    fn new(host: H) -> Self;

    /// What this provider is. Pure: no configuration, no network.
    ///
    /// # Errors
    /// None that is expected.
    fn describe() -> Result<Info>;

    /// The models on offer.
    ///
    /// # Errors
    /// What the upstream answers.
    fn models(&self, config: Self::Config) -> Result<Vec<Model>>;

    /// Starts an answer. Returns when the upstream has accepted the request or refused it.
    ///
    /// # Errors
    /// What the upstream answers.
    fn complete(&self, config: Self::Config, request: Request) -> Result<Self::Completion>;

    /// Turns texts into vectors, one per text in their order. Without it, and without the
    /// capability `embeddings`, the provider has none.
    ///
    /// # Errors
    /// What the upstream answers; unless overridden, `invalid-request`.
    fn embed(&self, config: Self::Config, request: EmbedRequest) -> Result<Embeddings> {
        let _ = (config, request);
        Err(Error::invalid("this provider has no embeddings"))
    }
}

/// A running answer. Dropping it closes the upstream connection.
pub trait Completion: 'static {
    /// Waits for at least one event and gives those that are ready, at most `max`; empty at the
    /// end. It is not called again after an error.
    ///
    /// # Errors
    /// What the upstream says in its stream; `unavailable` when it ends before it said why.
    fn next(&mut self, max: usize) -> Result<Vec<Event>>;
}

/// Whether a stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// More is to come.
    More,
    /// That was all; the rest of the stream is not read.
    Done,
}

/// What turns an upstream's frames into events.
pub trait Decoder<F>: 'static {
    /// Maps one frame; it may give no event, or several.
    ///
    /// # Errors
    /// What the frame itself reports. Events pushed before are still delivered.
    fn frame(&mut self, frame: F, events: &mut Vec<Event>) -> Result<Flow>;

    /// The stream ended without [`Flow::Done`].
    ///
    /// # Errors
    /// Unless overridden, `unavailable`: the upstream must say why it ends.
    fn end(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let _ = events;
        Err(Error::unavailable(
            "the connection ended in the middle of the answer",
        ))
    }
}

/// A [`Completion`] from a reader of frames and a decoder: it waits only when nothing is ready,
/// keeps what is beyond `max`, and delivers what came before an error.
pub struct Streamed<R, D> {
    frames: R,
    decoder: D,
    ready: VecDeque<Event>,
    failed: Option<Error>,
    done: bool,
}

impl<R: Frames, D: Decoder<R::Frame>> Streamed<R, D> {
    /// An answer of these frames.
    pub fn new(frames: R, decoder: D) -> Self {
        Self {
            frames,
            decoder,
            ready: VecDeque::new(),
            failed: None,
            done: false,
        }
    }

    /// With an event that comes before all others.
    pub fn starting_with(mut self, event: Event) -> Self {
        self.ready.push_back(event);
        self
    }

    /// The decoder, to look at in tests.
    pub fn decoder(&self) -> &D {
        &self.decoder
    }

    /// Decodes frames that have arrived, until `max` events are ready.
    fn decode_ready(&mut self, max: usize) -> Result<()> {
        let mut events = Vec::new();
        while !self.done && self.ready.len() < max {
            let Some(frame) = self.frames.ready()? else {
                break;
            };
            let flow = self.decoder.frame(frame, &mut events);
            self.ready.extend(events.drain(..));
            self.done = flow? == Flow::Done;
        }
        Ok(())
    }

    fn pump(&mut self, max: usize) -> Result<()> {
        loop {
            self.decode_ready(max)?;
            if self.done || !self.ready.is_empty() {
                return Ok(());
            }
            if !self.frames.fill()? {
                // The end of the body may release a frame that had no end of its own.
                self.decode_ready(usize::MAX)?;
                if !self.done {
                    self.done = true;
                    let mut events = Vec::new();
                    let ended = self.decoder.end(&mut events);
                    self.ready.extend(events);
                    ended?;
                }
                return Ok(());
            }
        }
    }
}

impl<R: Frames + 'static, D: Decoder<R::Frame>> Completion for Streamed<R, D> {
    fn next(&mut self, max: usize) -> Result<Vec<Event>> {
        let max = max.max(1);
        if self.failed.is_none()
            && let Err(error) = self.pump(max)
        {
            self.done = true;
            self.failed = Some(error);
        }
        if self.ready.is_empty()
            && let Some(error) = self.failed.take()
        {
            return Err(error);
        }
        let count = self.ready.len().min(max);
        Ok(self.ready.drain(..count).collect())
    }
}

#[doc(hidden)]
pub mod rt {
    //! What the export macro names.

    use super::{AiProvider, Completion, EmbedRequest, Embeddings, Event, Info, Model, Request};
    use crate::bindings::ai::exports::labd::ai_provider::provider as wit;
    use crate::log::install_panic_hook;
    use crate::{Result, WasmHost, config};
    use std::cell::RefCell;
    use std::marker::PhantomData;

    /// The contract's functions over a provider.
    pub struct Adapter<P>(PhantomData<P>);

    /// The contract's resource over a completion; none after an error or the end.
    pub struct Running<C>(RefCell<Option<C>>);

    impl<C: Completion> wit::GuestCompletion for Running<C> {
        fn next(&self, max: u32) -> Result<Vec<Event>> {
            let mut running = self.0.borrow_mut();
            let Some(completion) = running.as_mut() else {
                return Ok(Vec::new());
            };
            let events = completion.next(usize::try_from(max).unwrap_or(usize::MAX));
            if !matches!(&events, Ok(events) if !events.is_empty()) {
                *running = None;
            }
            events
        }
    }

    impl<P: AiProvider<WasmHost>> wit::Guest for Adapter<P> {
        type Completion = Running<P::Completion>;

        fn describe() -> Result<Info> {
            install_panic_hook();
            P::describe()
        }

        fn models(config: String) -> Result<Vec<Model>> {
            install_panic_hook();
            P::new(WasmHost).models(config::parse(&config)?)
        }

        fn complete(config: String, request: Request) -> Result<wit::Completion> {
            install_panic_hook();
            let completion = P::new(WasmHost).complete(config::parse(&config)?, request)?;
            Ok(wit::Completion::new(Running(RefCell::new(Some(
                completion,
            )))))
        }

        fn embed(config: String, request: EmbedRequest) -> Result<Embeddings> {
            install_panic_hook();
            P::new(WasmHost).embed(config::parse(&config)?, request)
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::stream::SseEvent;
    use crate::stream::SseReader;
    use crate::testing::FakeBody;
    use crate::testing::ai::drain;

    struct Words;

    impl Decoder<SseEvent> for Words {
        fn frame(&mut self, frame: SseEvent, events: &mut Vec<Event>) -> Result<Flow> {
            match frame.data.as_str() {
                "[DONE]" => Ok(Flow::Done),
                "overloaded" => {
                    events.push(Event::Text("last".into()));
                    Err(Error::Overloaded)
                }
                words => {
                    events.extend(words.split(' ').map(|word| Event::Text(word.into())));
                    Ok(Flow::More)
                }
            }
        }
    }

    fn answer(pieces: &[&str], max: usize) -> (Vec<String>, Option<Error>) {
        let body = FakeBody::new(pieces.iter().copied());
        let (events, error) = drain(&mut Streamed::new(SseReader::new(body), Words), max);
        let words = events
            .into_iter()
            .map(|event| match event {
                Event::Text(word) => word,
                other => format!("{other:?}"),
            })
            .collect();
        (words, error)
    }

    #[test]
    fn no_event_is_lost_or_given_twice_whatever_is_asked_for() {
        for max in 1..5 {
            let stream = [
                "data: a b c\n\ndata: d\n",
                "\ndata: [DONE]\n\ndata: never\n\n",
            ];
            assert_eq!(
                answer(&stream, max),
                (vec!["a".into(), "b".into(), "c".into(), "d".into()], None)
            );
        }
    }

    #[test]
    fn what_came_before_an_error_is_delivered_and_the_error_once() {
        for max in 1..4 {
            let (words, error) = answer(&["data: a b\n\ndata: overloaded\n\ndata: never\n\n"], max);
            assert_eq!(words, ["a", "b", "last"]);
            assert_eq!(error, Some(Error::Overloaded));
        }
    }

    #[test]
    fn a_stream_that_does_not_say_why_it_ends_is_unavailable() {
        let (words, error) = answer(&["data: a\n\n", "data: b"], 8);
        assert_eq!(words, ["a", "b"]);
        assert!(matches!(error, Some(Error::Unavailable(_))));
    }
}
