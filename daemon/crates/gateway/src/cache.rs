//! Answers from memory, for who asks for that: embeddings of texts, and answers to requests that are
//! the same word for word at temperature 0.

use labd_plugin_host::kinds::ai::{EmbedRequest, Event, Request};
use labd_protocol::AnswerCache;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// What is asked for, in so many bits that two never meet.
type Key = [u8; 32];

/// Longest time that an answer is kept: a year.
pub(crate) const SECONDS: u64 = 31_536_000;

/// Longest answer that is kept, in events.
const EVENTS: usize = 20_000;

#[derive(Clone)]
enum Kept {
    Answer(Arc<Vec<Event>>),
    Vector(Arc<Vec<f32>>),
}

impl Kept {
    fn bytes(&self) -> usize {
        match self {
            Self::Answer(events) => events.iter().map(size).sum(),
            Self::Vector(vector) => vector.len() * size_of::<f32>(),
        }
    }
}

fn size(event: &Event) -> usize {
    size_of::<Event>()
        + match event {
            Event::Text(text) | Event::Reasoning(text) | Event::ToolFinished(text) => text.len(),
            Event::ToolFragment { id, fragment } => id.len() + fragment.len(),
            Event::ToolStarted { id, name } => id.len() + name.len(),
            Event::Started { model, id } => model.len() + id.len(),
            Event::Blob(blob) => blob.len(),
            Event::Usage(_) | Event::Finish(_) => 0,
        }
}

/// See the module. Made anew when its settings change.
pub(crate) struct Memory {
    kept: Cache<Key, Kept>,
    pub settings: AnswerCache,
    pub hits: Arc<AtomicU64>,
}

impl Memory {
    pub fn new(settings: AnswerCache, hits: Arc<AtomicU64>) -> Self {
        let kept = Cache::builder()
            .weigher(|_, kept: &Kept| u32::try_from(kept.bytes()).unwrap_or(u32::MAX))
            .max_capacity(u64::from(settings.mebibytes) << 20)
            .time_to_live(Duration::from_secs(settings.seconds.clamp(1, SECONDS)))
            .build();
        Self {
            kept,
            settings,
            hits,
        }
    }

    /// The key of a request by this way; none when it is not to be remembered.
    pub fn key(&self, route: &str, request: &Request) -> Option<Key> {
        if !self.settings.identical || request.temperature != Some(0.0) {
            return None;
        }
        // Two requests that differ in anything differ in how they are written down.
        let text = format!("{route}\0{request:?}");
        Some(Sha256::digest(text).into())
    }

    /// The answer to a request, if it is remembered.
    pub fn answer(&self, key: &Key) -> Option<Vec<Event>> {
        match self.kept.get(key) {
            Some(Kept::Answer(events)) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                Some(events.to_vec())
            }
            _ => None,
        }
    }

    /// Listens to an answer, to remember it when it is whole.
    pub fn record(&self, key: Key) -> Recording {
        Recording {
            kept: self.kept.clone(),
            key,
            events: Vec::new(),
            finished: false,
        }
    }

    fn vector_key(model: &str, request: &EmbedRequest, text: &str) -> Key {
        let EmbedRequest {
            dimensions,
            purpose,
            ..
        } = request;
        Sha256::digest(format!(
            "embed\0{model}\0{dimensions:?}\0{purpose:?}\0{text}"
        ))
        .into()
    }

    /// The embeddings of a request's texts by this model of a provider, as far as they are remembered. By
    /// none, where several may answer: their vectors cannot be compared.
    pub fn vectors(
        &self,
        model: Option<&str>,
        request: &EmbedRequest,
    ) -> Vec<Option<Arc<Vec<f32>>>> {
        let model = model.filter(|_| self.settings.embeddings);
        let found = request.texts.iter().map(|text| {
            match self.kept.get(&Self::vector_key(model?, request, text)) {
                Some(Kept::Vector(vector)) => {
                    self.hits.fetch_add(1, Ordering::Relaxed);
                    Some(vector)
                }
                _ => None,
            }
        });
        found.collect()
    }

    /// Remembers the embedding of a text by such a model.
    pub fn remember(
        &self,
        model: Option<&str>,
        request: &EmbedRequest,
        text: &str,
        vector: &[f32],
    ) {
        if let Some(model) = model.filter(|_| self.settings.embeddings) {
            let key = Self::vector_key(model, request, text);
            self.kept
                .insert(key, Kept::Vector(Arc::new(vector.to_vec())));
        }
    }
}

/// An answer that is listened to.
pub(crate) struct Recording {
    kept: Cache<Key, Kept>,
    key: Key,
    events: Vec<Event>,
    finished: bool,
}

impl Recording {
    pub fn add(&mut self, events: &[Event]) {
        if self.events.len() + events.len() <= EVENTS {
            self.events.extend_from_slice(events);
            self.finished |= events.iter().any(|one| matches!(one, Event::Finish(_)));
        } else {
            self.finished = false;
        }
    }

    /// The answer is whole.
    pub fn keep(self) {
        if self.finished {
            self.kept
                .insert(self.key, Kept::Answer(Arc::new(self.events)));
        }
    }
}
