//! The providers behind the OpenAI-compatible face.
//!
//! | `model` | asks |
//! | --- | --- |
//! | `<name of a provider>/<model>` | that model of that provider |
//! | any other | that model of the default provider |
//!
//! The offline generator is no model, and cannot be named.

use async_trait::async_trait;
use bytes::Bytes;
use labd_gateway::{Providers, Route};
use labd_openai::{Answer, Entry, Face, Models, refusal};
use labd_plugin_host::kinds::ai::{Completion, EmbedRequest, Embeddings, Event, Request};
use labd_protocol::{ApiError, ErrorCode, Notice, Provider};
use labd_server::{ModelBody, ModelSite};
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
pub struct Site(Face);

impl Site {
    pub fn new(providers: Providers) -> Self {
        Self(Face::new(Arc::new(ProviderModels {
            known: Mutex::new(Known {
                notices: providers.notices(),
                changes: 0,
                providers: None,
                list: None,
            }),
            providers,
        })))
    }
}

#[async_trait]
impl ModelSite for Site {
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

struct ProviderModels {
    providers: Providers,
    known: Mutex<Known>,
}

/// What was read of the providers, until one of them changes.
struct Known {
    notices: broadcast::Receiver<Notice>,
    /// Counts the changes: what was asked for before one is not kept after it.
    changes: u64,
    providers: Option<Arc<[Provider]>>,
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
            self.providers = None;
            self.list = None;
        }
        self
    }
}

struct Running {
    completion: Box<dyn Completion>,
    route: Route,
}

#[async_trait]
impl Answer for Running {
    async fn next(&mut self, max: u32) -> Result<Vec<Event>, ApiError> {
        let events = self.completion.next(max).await;
        events.map_err(|error| self.route.explain(error))
    }
}

impl ProviderModels {
    fn known<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        // What is known is whole between any two statements.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        with(known.refresh())
    }

    async fn all(&self) -> Result<Arc<[Provider]>, ApiError> {
        let (kept, changes) = self.known(|known| (known.providers.clone(), known.changes));
        if let Some(providers) = kept {
            return Ok(providers);
        }
        let providers: Arc<[Provider]> = self.providers.list().await?.into();
        self.known(|known| {
            if known.changes == changes {
                known.providers = Some(providers.clone());
            }
        });
        Ok(providers)
    }

    /// The route that a name means.
    async fn route(&self, name: &str) -> Result<Route, ApiError> {
        let all = self.all().await?;
        let named = all
            .iter()
            .filter_map(|one| Some((one, name.strip_prefix(&one.name)?.strip_prefix('/')?)))
            .max_by_key(|(one, _)| one.name.len());
        let (provider, model) = match named {
            Some((provider, model)) => (Some(provider.id), model),
            None => (None, name),
        };
        if model.is_empty() {
            return Err(ApiError::invalid("model", "No model is named.")
                .with_hint("GET /v1/models lists those that can be named."));
        }
        let route = self
            .providers
            .resolve(provider, Some(model.to_owned()))
            .await?;
        if route.capabilities.document {
            let what = &route.provider.name;
            return Err(ApiError::invalid("model", format!("{what} is no model."))
                .with_hint("Name one as provider/model; GET /v1/models lists them."));
        }
        Ok(route)
    }
}

#[async_trait]
impl Models for ProviderModels {
    async fn list(&self) -> Result<Vec<Entry>, ApiError> {
        let (kept, changes) = self.known(|known| {
            let kept = known.list.as_ref();
            let fresh = kept.filter(|(read, _)| read.elapsed() < LIST_AGE);
            (fresh.map(|(_, list)| list.clone()), known.changes)
        });
        if let Some(list) = kept {
            return Ok(list);
        }
        let all = self.all().await?;
        let mut asked = JoinSet::new();
        for (place, provider) in all.iter().filter(|one| !one.offline).cloned().enumerate() {
            let providers = self.providers.clone();
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
        let list: Vec<Entry> = found.into_iter().flat_map(|(_, entries)| entries).collect();
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
        _caller: &str,
        model: &str,
        mut request: Request,
    ) -> Result<Box<dyn Answer>, ApiError> {
        let route = self.route(model).await?;
        request.model.clone_from(&route.model);
        if !route.capabilities.strict_tools {
            // Arguments then follow their schema as well as the model can.
            for tool in &mut request.tools {
                tool.strict = false;
            }
        }
        let completion = self.providers.complete(&route, request).await?;
        Ok(Box::new(Running { completion, route }))
    }

    async fn embed(
        &self,
        _caller: &str,
        model: &str,
        mut request: EmbedRequest,
    ) -> Result<Embeddings, ApiError> {
        let route = self.route(model).await?;
        request.model.clone_from(&route.model);
        self.providers.embed(&route, request).await
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
