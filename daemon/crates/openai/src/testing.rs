//! Models that play from a script.

use crate::{Answer, Body, Entry, Face, Models};
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use labd_plugin_host::kinds::ai::{EmbedRequest, Embeddings, Event, Request, Usage};
use labd_protocol::{ApiError, ErrorCode};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::Semaphore;

/// What an answer does when it is asked for its next events.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Events(Vec<Event>),
    /// Waits for a permit, and goes on with the next step.
    Gate,
    Never,
    Fail(ApiError),
}

pub(crate) struct Script {
    steps: Mutex<VecDeque<Step>>,
    pub(crate) requests: Mutex<Vec<(String, String, Request)>>,
    pub(crate) embeds: Mutex<Vec<(String, String, EmbedRequest)>>,
    pub(crate) asked: AtomicUsize,
    pub(crate) dropped: AtomicUsize,
    pub(crate) gate: Semaphore,
}

/// Models with a script for their next answer.
pub(crate) type Scripted = Arc<Script>;

impl Script {
    pub(crate) fn of(steps: impl IntoIterator<Item = Step>) -> Scripted {
        Arc::new(Self {
            steps: Mutex::new(steps.into_iter().collect()),
            requests: Mutex::default(),
            embeds: Mutex::default(),
            asked: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            gate: Semaphore::new(0),
        })
    }

    /// An answer of these events, one batch each.
    pub(crate) fn events(events: impl IntoIterator<Item = Event>) -> Scripted {
        Self::of(events.into_iter().map(|event| Step::Events(vec![event])))
    }

    /// The last request.
    pub(crate) fn request(&self) -> Request {
        self.requests.lock().unwrap().last().unwrap().2.clone()
    }
}

struct Playing(Scripted);

impl Drop for Playing {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Answer for Playing {
    async fn next(&mut self, _max: u32) -> Result<Vec<Event>, ApiError> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        loop {
            let step = self.0.steps.lock().unwrap().pop_front();
            match step {
                None => return Ok(Vec::new()),
                Some(Step::Events(events)) => return Ok(events),
                Some(Step::Gate) => self.0.gate.acquire().await.unwrap().forget(),
                Some(Step::Never) => std::future::pending().await,
                Some(Step::Fail(error)) => return Err(error),
            }
        }
    }
}

#[async_trait]
impl Models for Scripted {
    async fn list(&self) -> Result<Vec<Entry>, ApiError> {
        let entry = |id: &str, owner: &str| Entry {
            id: id.into(),
            owner: owner.into(),
            created: 1_700_000_000,
        };
        Ok(vec![
            entry("Acme AI/parrot/1", "Acme AI"),
            entry("parrot", "Acme AI"),
        ])
    }

    async fn complete(
        &self,
        caller: &str,
        model: &str,
        request: Request,
    ) -> Result<Box<dyn Answer>, ApiError> {
        if model == "nothing" {
            let error = ApiError::new(ErrorCode::NotFound, "There is no model nothing.");
            return Err(error);
        }
        let asked = (caller.to_owned(), model.to_owned(), request);
        self.requests.lock().unwrap().push(asked);
        Ok(Box::new(Playing(self.clone())))
    }

    async fn embed(
        &self,
        caller: &str,
        model: &str,
        request: EmbedRequest,
    ) -> Result<Embeddings, ApiError> {
        let vectors = request
            .texts
            .iter()
            .map(|text| vec![1.0, -0.5, text.len() as f32]);
        let embeddings = Embeddings {
            model: "parrot-embed".into(),
            vectors: vectors.collect(),
            usage: Usage {
                input: Some(7),
                ..Usage::default()
            },
        };
        let asked = (caller.to_owned(), model.to_owned(), request);
        self.embeds.lock().unwrap().push(asked);
        Ok(embeddings)
    }
}

/// The text of a body.
pub(crate) async fn text(body: Body) -> String {
    let bytes = body.collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Sends a request; status and body.
pub(crate) async fn ask(script: &Scripted, method: &str, path: &str, body: &str) -> (u16, String) {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .body(Bytes::from(body.to_owned()))
        .unwrap();
    let face = Face::new(Arc::new(script.clone()));
    let response = face.handle("me", request).await;
    let status = response.status().as_u16();
    (status, text(response.into_body()).await)
}

/// The same with a body that is JSON.
pub(crate) async fn ask_json(script: &Scripted, path: &str, body: Value) -> (u16, Value) {
    let (status, text) = ask(script, "POST", path, &body.to_string()).await;
    (status, serde_json::from_str(&text).unwrap())
}

/// Sends a request for a stream; the names and data of its events.
pub(crate) async fn ask_events(
    script: &Scripted,
    path: &str,
    body: Value,
) -> Vec<(Option<String>, Value)> {
    let (status, text) = ask(script, "POST", path, &body.to_string()).await;
    assert_eq!(status, 200, "{text}");
    text.split_terminator("\n\n")
        .map(|event| {
            let (mut name, mut data) = (None, Value::Null);
            for line in event.lines() {
                let (field, value) = line.split_once(": ").unwrap();
                match field {
                    "event" => name = Some(value.to_owned()),
                    "data" => {
                        data = serde_json::from_str(value).unwrap_or_else(|_| value.into());
                    }
                    _ => panic!("{line}"),
                }
            }
            (name, data)
        })
        .collect()
}
