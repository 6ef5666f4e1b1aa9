//! A running answer: what it uses is counted, and it ends when it is silent or its budget is spent.

use crate::{
    blobs::Origin,
    cache::Recording,
    errors,
    lane::Lane,
    ledger::{Entry, Settled},
    route::Target,
    span::Span,
    turnstile::Pass,
};
use labd_plugin_host::{
    PluginError,
    kinds::ai::{Completion, Event, Usage},
};
use labd_protocol::ApiError;
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// Bytes of text that are counted as a token where a provider does not tell.
pub(crate) const BYTES_PER_TOKEN: usize = 4;

/// A running answer. Dropping it closes the connection to the provider at once.
pub struct Answer {
    ready: VecDeque<Event>,
    running: Option<Running>,
    /// Why nothing more comes than what is ready.
    failed: Option<ApiError>,
}

/// What there is while an answer comes from a provider.
struct Running {
    completion: Box<dyn Completion>,
    between: Option<Duration>,
    origin: Origin,
    recording: Option<Recording>,
    bill: Bill,
    span: Span,
}

/// What is written down once, when the answer ends or is dropped.
struct Bill {
    target: Target,
    lane: Arc<Lane>,
    pass: Pass,
    entry: Option<Entry>,
    /// The model that serves.
    model: String,
    usage: Usage,
    expected: u32,
    written: usize,
    first: Instant,
    finished: bool,
    failed: bool,
}

/// What the first attempt that answered leaves.
pub(crate) struct Begun {
    pub target: Target,
    pub completion: Box<dyn Completion>,
    pub events: Vec<Event>,
    pub pass: Pass,
}

impl Answer {
    /// One that was remembered.
    pub(crate) fn remembered(events: Vec<Event>) -> Self {
        Self {
            ready: events.into(),
            running: None,
            failed: None,
        }
    }

    /// One that has begun.
    pub(crate) fn begun(
        begun: Begun,
        entry: Entry,
        expected: u32,
        between: Option<Duration>,
        recording: Option<Recording>,
    ) -> Self {
        let Begun {
            target,
            completion,
            events,
            pass,
        } = begun;
        let bill = Bill {
            lane: Arc::clone(&target.lane),
            model: target.model.to_string(),
            pass,
            entry: Some(entry),
            usage: Usage::default(),
            expected,
            written: 0,
            first: Instant::now(),
            finished: false,
            failed: false,
            target,
        };
        let mut running = Running {
            origin: bill.target.origin,
            completion,
            between,
            recording,
            bill,
            span: Span::default(),
        };
        let ready = running.take(events).into();
        Self {
            ready,
            running: Some(running),
            failed: None,
        }
    }

    /// Notes in this span what becomes of it.
    pub(crate) fn noted_in(mut self, mut span: Span) -> Self {
        match &mut self.running {
            Some(running) => {
                self.ready.iter().for_each(|event| span.event(event));
                running.span = span;
            }
            None => span.remembered(),
        }
        self
    }

    /// Waits for at least one event and gives those that are ready, at most `max`; empty at the end.
    ///
    /// # Errors
    /// What ended the answer before its end; what came before it was given.
    pub async fn next(&mut self, max: u32) -> Result<Vec<Event>, ApiError> {
        let most = usize::try_from(max.max(1)).unwrap_or(usize::MAX);
        if self.ready.is_empty() {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            let Some(running) = &mut self.running else {
                return Ok(Vec::new());
            };
            match running.next(max).await {
                Ok(events) => {
                    // Only when the provider has said that this is all.
                    if events.is_empty() {
                        running.span.ended();
                        self.running = None;
                    } else if let Some(error) = running.overdrawn(&events) {
                        running.span.failed(error.code);
                        self.running = None;
                        self.failed = Some(error);
                    }
                    return Ok(events);
                }
                Err(error) => {
                    running.span.failed(error.code);
                    self.running = None;
                    return Err(error);
                }
            }
        }
        let count = self.ready.len().min(most);
        Ok(self.ready.drain(..count).collect())
    }
}

impl Running {
    async fn next(&mut self, max: u32) -> Result<Vec<Event>, ApiError> {
        let next = self.completion.next(max);
        let next = match self.between {
            Some(longest) => timeout(longest, next)
                .await
                .unwrap_or(Err(PluginError::Timeout)),
            None => next.await,
        };
        match next {
            Ok(events) => {
                if events.is_empty()
                    && let Some(recording) = self.recording.take()
                {
                    recording.keep();
                }
                Ok(self.take(events))
            }
            Err(error) => {
                self.bill.failed = true;
                let error = errors::of_provider(&self.bill.target.provider_name, error);
                self.bill.lane.broke_off(&error.message);
                Err(error)
            }
        }
    }

    /// Counts events and marks what is opaque.
    fn take(&mut self, mut events: Vec<Event>) -> Vec<Event> {
        for event in &events {
            self.bill.count(event);
            self.span.event(event);
        }
        self.origin.mark(&mut events);
        if let Some(recording) = &mut self.recording {
            recording.add(&events);
        }
        events
    }

    /// Whether a budget ends the answer with these events, and why.
    fn overdrawn(&mut self, events: &[Event]) -> Option<ApiError> {
        let spent = self.bill.grow().err()?;
        // What an answer's end tells of it is no reason to keep that end back.
        let ends = events.iter().any(|one| matches!(one, Event::Finish(_)))
            || events.iter().all(|one| matches!(one, Event::Usage(_)));
        (!ends).then_some(spent)
    }
}

impl Bill {
    fn count(&mut self, event: &Event) {
        match event {
            Event::Started { model, .. } if !model.is_empty() => self.model.clone_from(model),
            Event::Text(text) | Event::Reasoning(text) => self.written += text.len(),
            Event::ToolFragment { fragment, .. } => self.written += fragment.len(),
            Event::Usage(usage) => self.usage = *usage,
            Event::Finish(_) => self.finished = true,
            _ => {}
        }
    }

    fn written_tokens(&self) -> u32 {
        u32::try_from(self.written.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX)
    }

    /// What it used so far. Some providers tell a first count before they have written anything: until the
    /// answer's end at least what was written counts, and so it does for one that was stopped.
    fn used(&self) -> Usage {
        let output = match self.usage.output {
            Some(told) if self.finished => told,
            told => told.unwrap_or(0).max(self.written_tokens()),
        };
        Usage {
            input: Some(self.usage.input.unwrap_or(self.expected)),
            output: Some(output),
            ..self.usage
        }
    }

    fn settled(&self) -> Settled<'_> {
        Settled {
            provider: self.target.provider,
            plugin: &self.target.plugin,
            model: &self.model,
            usage: self.used(),
            failed: self.failed,
        }
    }

    fn grow(&mut self) -> Result<(), ApiError> {
        let Some(mut entry) = self.entry.take() else {
            return Ok(());
        };
        let grown = entry.grow(&self.settled());
        self.entry = Some(entry);
        grown
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take() else {
            return;
        };
        let usage = self.used();
        let output = usage.output.unwrap_or(0);
        self.pass
            .used(u64::from(usage.input.unwrap_or(0)) + u64::from(output));
        self.lane.ended(output, self.first.elapsed());
        entry.settle(&self.settled());
    }
}
