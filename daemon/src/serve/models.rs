//! The gateway behind the OpenAI-compatible face.
//!
//! | `model` | asks |
//! | --- | --- |
//! | `<name of a route>` | the models of that route |
//! | `<name of a provider>/<model>` | that model of that provider |
//! | any other | that model of the default provider |
//!
//! The offline generator is no model, and cannot be named.

use async_trait::async_trait;
use bytes::Bytes;
use labd_gateway::{Customer, Gateway, Providers, Route};
use labd_openai::{Answer, Entry, Face, Models, refusal};
use labd_plugin_host::kinds::ai::{EmbedRequest, Embeddings, Event, Request};
use labd_protocol::{ApiError, ErrorCode, Notice, Provider};
use labd_server::{ModelBody, ModelSite};
use opentelemetry::{Context, trace::FutureExt as _};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::broadcast, task::JoinSet, time::timeout};

/// How long a provider may take to list its models, before the list goes without it.
const LIST_TIME: Duration = Duration::from_secs(5);

/// How old the list of models may be: clients ask for it at every start.
const LIST_AGE: Duration = Duration::from_secs(30);

/// What answers under `/v1/`.
pub struct Site {
    face: Face,
    /// Requests are asked to which span they belong.
    traced: bool,
}

impl Site {
    pub fn new(gateway: Gateway, traced: bool) -> Self {
        let face = Face::new(Arc::new(GatewayModels {
            known: Mutex::new(Known {
                notices: gateway.providers().notices(),
                changes: 0,
                list: None,
            }),
            gateway,
            traced,
        }));
        Self { face, traced }
    }
}

#[async_trait]
impl ModelSite for Site {
    async fn handle(
        &self,
        caller: &str,
        request: http::Request<Bytes>,
    ) -> http::Response<ModelBody> {
        let parent = self
            .traced
            .then(|| labd_telemetry::parent(request.headers()));
        let answer = self.face.handle(caller, request);
        match parent {
            Some(parent) => answer.with_context(parent).await,
            None => answer.await,
        }
    }

    fn refuse(&self, status: http::StatusCode, error: ApiError) -> http::Response<ModelBody> {
        refusal(status, error)
    }
}

struct GatewayModels {
    gateway: Gateway,
    known: Mutex<Known>,
    traced: bool,
}

/// The list of models, until something about providers changes.
struct Known {
    notices: broadcast::Receiver<Notice>,
    /// Counts the changes: what was asked for before one is not kept after it.
    changes: u64,
    list: Option<(Instant, Vec<Entry>)>,
}

impl Known {
    /// Forgets what is known when something has changed.
    fn refresh(&mut self) -> &mut Self {
        use broadcast::error::TryRecvError;
        while !matches!(
            self.notices.try_recv(),
            Err(TryRecvError::Empty | TryRecvError::Closed)
        ) {
            self.changes += 1;
            self.list = None;
        }
        self
    }
}

struct Running(labd_gateway::Answer);

#[async_trait]
impl Answer for Running {
    async fn next(&mut self, max: u32) -> Result<Vec<Event>, ApiError> {
        self.0.next(max).await
    }
}

impl GatewayModels {
    fn known<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        // What is known is whole between any two statements.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        with(known.refresh())
    }

    /// The route that a name means.
    async fn route(&self, name: &str) -> Result<Route, ApiError> {
        let route = self.gateway.named(name).await?;
        if route.capabilities().document {
            let what = route.provider();
            return Err(ApiError::invalid("model", format!("{what} is no model."))
                .with_hint("Name one as provider/model; GET /v1/models lists them."));
        }
        Ok(route)
    }
}

/// Whoever has the token.
fn customer(caller: &str) -> Customer {
    Customer {
        user: caller.to_owned(),
        project: None,
    }
}

#[async_trait]
impl Models for GatewayModels {
    async fn list(&self) -> Result<Vec<Entry>, ApiError> {
        let (kept, changes) = self.known(|known| {
            let kept = known.list.as_ref();
            let fresh = kept.filter(|(read, _)| read.elapsed() < LIST_AGE);
            (fresh.map(|(_, list)| list.clone()), known.changes)
        });
        if let Some(list) = kept {
            return Ok(list);
        }
        let all = self.gateway.providers().list().await?;
        let mut asked = JoinSet::new();
        for (place, provider) in all.into_iter().filter(|one| !one.offline).enumerate() {
            let providers = self.gateway.providers().clone();
            asked.spawn(async move { (place, of(&providers, provider).await) });
        }
        let (mut found, mut complete) = (Vec::new(), true);
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok((place, Ok(entries))) => found.push((place, entries)),
                Ok((_, Err(error))) => {
                    tracing::warn!(%error, "a provider is left out of the list of models");
                    complete = false;
                }
                Err(error) => {
                    tracing::error!(%error, "a provider could not be asked for its models");
                    complete = false;
                }
            }
        }
        found.sort_by_key(|(place, _)| *place);
        let routes = self.gateway.routes()?.into_iter().map(|id| Entry {
            id,
            owner: "labd".to_owned(),
            created: 0,
        });
        let list: Vec<Entry> = routes
            .chain(found.into_iter().flat_map(|(_, entries)| entries))
            .collect();
        if complete {
            self.known(|known| {
                if known.changes == changes {
                    known.list = Some((Instant::now(), list.clone()));
                }
            });
        }
        Ok(list)
    }

    async fn complete(
        &self,
        caller: &str,
        model: &str,
        request: Request,
    ) -> Result<Box<dyn Answer>, ApiError> {
        // Before anything is waited for: a stream that begins late is asked for outside of its request.
        let parent = self.traced.then(Context::current);
        let route = self.route(model).await?;
        let customer = customer(caller);
        let answer = self.gateway.complete(&customer, &route, request);
        let answer = match parent {
            Some(parent) => answer.with_context(parent).await,
            None => answer.await,
        };
        Ok(Box::new(Running(answer?)))
    }

    async fn embed(
        &self,
        caller: &str,
        model: &str,
        request: EmbedRequest,
    ) -> Result<Embeddings, ApiError> {
        let route = self.route(model).await?;
        self.gateway.embed(&customer(caller), &route, request).await
    }
}

/// The models of one provider, under the names by which they can be asked.
async fn of(providers: &Providers, provider: Provider) -> Result<Vec<Entry>, ApiError> {
    let models = timeout(LIST_TIME, providers.models(provider.id))
        .await
        .unwrap_or_else(|_| {
            let name = &provider.name;
            let message = format!("{name} did not list its models in time.");
            Err(ApiError::new(ErrorCode::Timeout, message))
        })?;
    let created = u64::try_from(provider.created_at.as_second()).unwrap_or_default();
    let entry = |id: String| Entry {
        id: format!("{}/{id}", provider.name),
        owner: provider.name.clone(),
        created,
    };
    Ok(models
        .models
        .into_iter()
        .map(|model| entry(model.id))
        .collect())
}
