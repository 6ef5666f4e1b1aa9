//! A model that does what it is told, behind the OpenAI-compatible face.

use async_trait::async_trait;
use bytes::Bytes;
use labd_openai::{Answer, Entry, Face, Models, refusal};
use labd_plugin_host::kinds::ai::{
    EmbedRequest, Embeddings, Event, FinishReason, Part, Request, Usage,
};
use labd_protocol::{ApiError, ErrorCode};
use labd_server::{ModelBody, ModelSite};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// The face before the parrot.
pub struct Compatible(Face);

impl Compatible {
    pub fn before(parrot: Arc<Parrot>) -> Self {
        Self(Face::new(Arc::new(Cage(parrot))))
    }
}

#[async_trait]
impl ModelSite for Compatible {
    async fn handle(
        &self,
        caller: &str,
        request: http::Request<Bytes>,
    ) -> http::Response<ModelBody> {
        self.0.handle(caller, request).await
    }

    fn refuse(&self, status: http::StatusCode, error: ApiError) -> http::Response<ModelBody> {
        refusal(status, error)
    }
}

/// A model that does what it is told: `say …`, `fail …`, `wait`, `chatter`.
#[derive(Default)]
pub struct Parrot {
    /// Answers that run.
    pub running: AtomicUsize,
    /// Times that an answer was asked for events.
    pub asked: AtomicUsize,
}

struct Cage(Arc<Parrot>);

struct Saying {
    parrot: Arc<Parrot>,
    told: String,
    begun: AtomicBool,
}

impl Drop for Saying {
    fn drop(&mut self) {
        self.parrot.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Answer for Saying {
    async fn next(&mut self, _max: u32) -> Result<Vec<Event>, ApiError> {
        self.parrot.asked.fetch_add(1, Ordering::SeqCst);
        let begun = self.begun.swap(true, Ordering::SeqCst);
        let (what, rest) = self.told.split_once(' ').unwrap_or((&self.told, ""));
        let text = |text: &str| Event::Text(text.to_owned());
        Ok(match (what, begun) {
            ("chatter", _) => vec![text(&"chatter ".repeat(1000))],
            ("wait" | "fail", false) => vec![text("So far")],
            ("wait", true) => std::future::pending().await,
            ("fail", true) => return Err(ApiError::new(ErrorCode::Overloaded, rest)),
            (_, false) => vec![
                text(rest),
                Event::Usage(Usage {
                    input: Some(3),
                    output: Some(5),
                    ..Usage::default()
                }),
                Event::Finish(FinishReason::Stop),
            ],
            (_, true) => Vec::new(),
        })
    }
}

#[async_trait]
impl Models for Cage {
    async fn list(&self) -> Result<Vec<Entry>, ApiError> {
        let id = "Zoo/parrot".to_owned();
        let owner = "Zoo".to_owned();
        Ok(vec![Entry {
            id,
            owner,
            created: 1,
        }])
    }

    async fn complete(
        &self,
        caller: &str,
        model: &str,
        request: Request,
    ) -> Result<Box<dyn Answer>, ApiError> {
        assert!(caller.starts_with("token:"), "{caller}");
        if model != "Zoo/parrot" {
            return Err(ApiError::not_found("model", model));
        }
        let told = match &request.messages[0].parts[0] {
            Part::Text(text) => text.clone(),
            part => format!("say {part:?}"),
        };
        if told == "limit" {
            return Err(ApiError {
                retry_after_ms: Some(2_000),
                ..ApiError::new(ErrorCode::RateLimited, "Zoo asks to slow down.")
            });
        }
        self.0.running.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Saying {
            parrot: self.0.clone(),
            told,
            begun: AtomicBool::new(false),
        }))
    }

    async fn embed(&self, _: &str, _: &str, _: EmbedRequest) -> Result<Embeddings, ApiError> {
        Err(ApiError::invalid("model", "A parrot has no vectors."))
    }
}
