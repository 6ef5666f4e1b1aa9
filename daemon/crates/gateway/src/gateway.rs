//! The gateway: from a request to the answer of some model.

use crate::{
    AiPluginEntry, Providers,
    answer::{Answer, BYTES_PER_TOKEN},
    cache::Memory,
    configuration::{self, ConfigRecord},
    dispatch::{Dispatch, Started},
    lane::Lane,
    ledger::{Customer, Ledger, Settled, write_behind},
    record::ProviderRecord,
    route::{Route, Target},
    span::Span,
    turnstile::Limits,
    view::{KeyView, ProviderView, View},
};
use jiff::civil::Date;
use labd_plugin_host::kinds::ai::{EmbedRequest, Embeddings, Part, Request, Usage};
use labd_protocol::{
    ApiError, ErrorCode, GatewayConfig, GatewayStatus, KeyStatus, ProviderId, ProviderLimit,
    UsageLine, UsageTotals,
};
use labd_store::{Batch, Store};
use opentelemetry::global::BoxedTracer;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::OnceCell;

/// How often what was used is written down.
const WRITE_BEHIND: Duration = Duration::from_secs(2);
/// The route for requests that name neither a provider nor a model.
pub const DEFAULT_ROUTE: &str = "default";
/// Texts that are embedded at once: the most that Gemini takes, and an answer of some megabytes.
const TEXTS_AT_ONCE: usize = 100;
/// What a picture or a file is taken for, in tokens, where it is not known better.
const ATTACHMENT_TOKENS: usize = 1_000;

/// Finds a model that answers. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

/// A key of a provider, by its name.
type KeyId = (ProviderId, Option<String>);

struct Inner {
    providers: Providers,
    store: Store,
    ledger: Arc<Ledger>,
    lanes: Mutex<HashMap<KeyId, Arc<Lane>>>,
    view: RwLock<Option<Arc<View>>>,
    cache_hits: Arc<AtomicU64>,
    tracer: Option<Arc<BoxedTracer>>,
}

impl Gateway {
    /// The gateway over these providers.
    ///
    /// # Errors
    /// When the store fails.
    pub fn open(store: Store, providers: Providers) -> Result<Self, ApiError> {
        Self::traced(store, providers, None)
    }

    /// The gateway over these providers, which makes a span for each request if there is a tracer. The
    /// span belongs to the one of the current [`opentelemetry::Context`].
    ///
    /// # Errors
    /// When the store fails.
    pub fn traced(
        store: Store,
        providers: Providers,
        tracer: Option<BoxedTracer>,
    ) -> Result<Self, ApiError> {
        let ledger = Arc::new(Ledger::open(store.clone())?);
        write_behind(&ledger, WRITE_BEHIND);
        Ok(Self {
            inner: Arc::new(Inner {
                providers,
                store,
                ledger,
                lanes: Mutex::default(),
                view: RwLock::default(),
                cache_hits: Arc::default(),
                tracer: tracer.map(Arc::new),
            }),
        })
    }

    /// The providers behind it.
    pub fn providers(&self) -> &Providers {
        &self.inner.providers
    }

    /// Writes what was not yet written.
    pub async fn shutdown(&self) {
        self.inner.ledger.flush().await;
    }

    /// The configuration.
    pub fn config(&self) -> Result<GatewayConfig, ApiError> {
        Ok(GatewayConfig::clone(&self.view()?.config))
    }

    /// Replaces the configuration. It holds for the next request.
    ///
    /// # Errors
    /// `invalid_request` with the place of what is wrong.
    pub async fn configure(&self, config: GatewayConfig) -> Result<GatewayConfig, ApiError> {
        let view = self.view()?;
        configuration::check(&config, |provider, key| {
            let record = &view.providers.get(&provider)?.record;
            Some(key.is_none_or(|key| record.has_key(key)))
        })?;
        let mut batch = Batch::new();
        let record = ConfigRecord { config };
        batch.put(configuration::ID, &record)?;
        self.inner.store.commit(batch).await?;
        self.inner.providers.notify();
        self.config()
    }

    /// How it stands.
    pub fn status(&self) -> Result<GatewayStatus, ApiError> {
        let view = self.view()?;
        let mut today = UsageTotals::default();
        for (_, totals) in self.inner.ledger.day(
            jiff::Timestamp::now()
                .to_zoned(jiff::tz::TimeZone::UTC)
                .date(),
        )? {
            add(&mut today, &totals);
        }
        let keys: Vec<KeyStatus> = view
            .providers
            .iter()
            .flat_map(|(id, provider)| {
                let status =
                    |key: &KeyView| key.lane.status(*id, &provider.name, key.name.as_deref());
                provider.keys.iter().map(status)
            })
            .collect();
        Ok(GatewayStatus {
            keys,
            today,
            budgets: self.inner.ledger.budgets(&view.config),
            cache_hits: self.inner.cache_hits.load(Ordering::Relaxed),
        })
    }

    /// What was used, the latest day first: of the last so many days of which something is known.
    pub fn usage(&self, days: usize) -> Result<Vec<UsageLine>, ApiError> {
        let view = self.view()?;
        let mut all = Vec::new();
        let known: Vec<Date> = self.inner.ledger.days()?;
        for day in known.into_iter().take(days) {
            let mut lines: Vec<UsageLine> = self
                .inner
                .ledger
                .day(day)?
                .into_iter()
                .map(|(line, totals)| UsageLine {
                    day,
                    provider: line.provider,
                    provider_name: view
                        .providers
                        .get(&line.provider)
                        .map_or_else(|| line.provider.to_string(), |one| one.record.name.clone()),
                    model: line.model,
                    user: line.customer.user,
                    project: line.customer.project,
                    totals,
                })
                .collect();
            lines.sort_by(|one, other| {
                let key = |line: &UsageLine| {
                    (
                        line.provider_name.clone(),
                        line.model.clone(),
                        line.user.clone(),
                        line.project.clone(),
                    )
                };
                key(one).cmp(&key(other))
            });
            all.append(&mut lines);
        }
        Ok(all)
    }

    /// The model that is meant: a route, the named model of the named provider, or the default.
    ///
    /// # Errors
    /// When nothing is chosen, or what is named is not there.
    pub async fn resolve(
        &self,
        provider: Option<ProviderId>,
        model: Option<String>,
    ) -> Result<Route, ApiError> {
        let view = self.view()?;
        let model = model.filter(|model| !model.is_empty());
        if provider.is_none() {
            let name = model.as_deref().unwrap_or(DEFAULT_ROUTE);
            if let Some(route) = view.route(name).await? {
                return Ok(route);
            }
        }
        let id = provider.or(view.default_provider).ok_or_else(|| {
            ApiError::new(ErrorCode::InvalidRequest, "No AI provider is chosen.")
                .with_hint("Add one, or choose a default: console, Settings, AI providers.")
        })?;
        view.model(id, model).await
    }

    /// The model that clients of the OpenAI-compatible face mean by a name: a route, a provider's name
    /// and its model with a slash between them, or a model of the default provider.
    ///
    /// # Errors
    /// When nothing of that name is there.
    pub async fn named(&self, name: &str) -> Result<Route, ApiError> {
        let view = self.view()?;
        if name.is_empty() {
            return Err(ApiError::invalid("model", "No model is named.")
                .with_hint("GET /v1/models lists those that can be named."));
        }
        if let Some(route) = view.route(name).await? {
            return Ok(route);
        }
        // A provider's name may hold a slash, and so may a model's.
        let mut known: Vec<_> = view
            .providers
            .iter()
            .filter_map(|(id, one)| {
                let model = name.strip_prefix(&*one.name)?.strip_prefix('/')?;
                Some((one.name.len(), *id, model.to_owned()))
            })
            .collect();
        known.sort();
        match (known.pop(), view.default_provider) {
            (Some((_, id, model)), _) => view.model(id, Some(model)).await,
            (None, Some(id)) => view.model(id, Some(name.to_owned())).await,
            (None, None) => Err(ApiError::not_found("model", name)),
        }
    }

    /// The names of the routes.
    pub fn routes(&self) -> Result<Vec<String>, ApiError> {
        let view = self.view()?;
        Ok(view
            .config
            .routes
            .iter()
            .map(|route| route.name.clone())
            .collect())
    }

    /// Asks a model. Returns when the first piece of the answer is there; dropping the future or the
    /// answer closes the connection to the provider at once.
    ///
    /// # Errors
    /// When no target of the route answers: what the last one said.
    pub async fn complete(
        &self,
        customer: &Customer,
        route: &Route,
        request: Request,
    ) -> Result<Answer, ApiError> {
        let mut span = Span::chat(self.inner.tracer.as_ref(), customer, route, &request);
        let answer = self.answer(customer, route, request, &mut span).await;
        match answer {
            Ok(answer) => Ok(answer.noted_in(span)),
            Err(error) => {
                span.failed(error.code);
                Err(error)
            }
        }
    }

    async fn answer(
        &self,
        customer: &Customer,
        route: &Route,
        mut request: Request,
        span: &mut Span,
    ) -> Result<Answer, ApiError> {
        let view = self.view()?;
        // In the same order every time, so that providers' caches of prompts hit.
        request
            .tools
            .sort_by(|one, other| one.name.cmp(&other.name));
        if !route.capabilities.strict_tools {
            // Arguments then follow their schema as well as the model can.
            for tool in &mut request.tools {
                tool.strict = false;
            }
        }
        let key = view.memory.key(&route.cache_name(), &request);
        if let Some(events) = key.as_ref().and_then(|key| view.memory.answer(key)) {
            return Ok(Answer::remembered(events));
        }
        let expected = expected_tokens(&request);
        let config = Arc::clone(&view.config);
        let entry = self.inner.ledger.enter(config, customer, expected)?;
        let dispatch = Dispatch {
            config: &view.config,
            user: &customer.user,
            expected,
        };
        let begun = dispatch
            .run(route, span, |target| {
                let mut request = request.clone();
                request.model = target.model.to_string();
                target.origin.unmark(&mut request);
                Box::pin(async move {
                    let mut completion = target.service.complete(&target.access, request).await?;
                    let events = Started::wait(&mut *completion).await?;
                    Ok((completion, events))
                })
            })
            .await?;
        let between = view.config.timeouts.between_events_ms;
        let recording = key.map(|key| view.memory.record(key));
        let between = between.map(Duration::from_millis);
        let begun = begun.into_answer();
        Ok(Answer::begun(begun, entry, expected, between, recording))
    }

    /// Turns texts into vectors.
    ///
    /// # Errors
    /// As [`Gateway::complete`].
    pub async fn embed(
        &self,
        customer: &Customer,
        route: &Route,
        request: EmbedRequest,
    ) -> Result<Embeddings, ApiError> {
        let tracer = self.inner.tracer.as_ref();
        let mut span = Span::embeddings(tracer, customer, route, &request);
        let embeddings = self.vectors(customer, route, request, &mut span).await;
        match &embeddings {
            Ok(embeddings) => span.embedded(&embeddings.model, embeddings.usage),
            Err(error) => span.failed(error.code),
        }
        embeddings
    }

    async fn vectors(
        &self,
        customer: &Customer,
        route: &Route,
        request: EmbedRequest,
        span: &mut Span,
    ) -> Result<Embeddings, ApiError> {
        let view = self.view()?;
        let only = route.only_model();
        let mut vectors = view.memory.vectors(only.as_deref(), &request);
        let missing: Vec<String> = request
            .texts
            .iter()
            .zip(&vectors)
            .filter(|(_, known)| known.is_none())
            .map(|(text, _)| text.clone())
            .collect();
        let mut answer = Embeddings {
            model: route.model.to_string(),
            vectors: Vec::with_capacity(vectors.len()),
            usage: Usage {
                input: Some(0),
                ..Usage::default()
            },
        };
        if missing.is_empty() && !request.texts.is_empty() {
            span.remembered();
        }
        // Who has answered a part answers the rest: vectors of different models cannot be compared.
        let mut route = route.clone();
        let mut fresh = Vec::with_capacity(missing.len());
        for texts in missing.chunks(TEXTS_AT_ONCE) {
            let part = EmbedRequest {
                texts: texts.to_vec(),
                ..request.clone()
            };
            let (target, part) = self.embed_part(customer, &route, &view, part, span).await?;
            for (text, vector) in texts.iter().zip(&part.vectors) {
                let only = only.as_deref();
                view.memory.remember(only, &request, text, vector);
            }
            answer.usage.input = answer.usage.input.zip(part.usage.input).map(|(a, b)| a + b);
            answer.model = part.model;
            fresh.extend(part.vectors);
            route.tiers = vec![vec![target]];
        }
        let mut fresh = fresh.into_iter();
        for place in &mut vectors {
            if place.is_none() {
                *place = fresh.next().map(Arc::new);
            }
        }
        let vectors = vectors.into_iter().flatten().map(Arc::unwrap_or_clone);
        answer.vectors.extend(vectors);
        Ok(answer)
    }

    /// Asks for the vectors of so many texts as every provider takes at once.
    async fn embed_part(
        &self,
        customer: &Customer,
        route: &Route,
        view: &View,
        request: EmbedRequest,
        span: &mut Span,
    ) -> Result<(Target, Embeddings), ApiError> {
        let bytes: usize = request.texts.iter().map(String::len).sum();
        let expected = u32::try_from(bytes / BYTES_PER_TOKEN).unwrap_or(u32::MAX);
        let config = Arc::clone(&view.config);
        let entry = self.inner.ledger.enter(config, customer, expected)?;
        let dispatch = Dispatch {
            config: &view.config,
            user: &customer.user,
            expected,
        };
        let mut begun = dispatch
            .run(route, span, |target| {
                let request = EmbedRequest {
                    model: target.model.to_string(),
                    ..request.clone()
                };
                Box::pin(async move { target.service.embed(&target.access, request).await })
            })
            .await?;
        let usage = Usage {
            input: Some(begun.value.usage.input.unwrap_or(expected)),
            output: Some(0),
            ..begun.value.usage
        };
        begun.pass.used(u64::from(usage.input.unwrap_or(0)));
        entry.settle(&Settled {
            provider: begun.target.provider,
            plugin: &begun.target.plugin,
            model: &begun.value.model,
            usage,
            failed: false,
        });
        let embeddings = Embeddings {
            usage,
            ..begun.value
        };
        Ok((begun.target, embeddings))
    }

    /// What is configured now.
    fn view(&self) -> Result<Arc<View>, ApiError> {
        let inner = &self.inner;
        let version = inner.providers.version();
        let known = inner
            .view
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match known {
            Some(view) if view.version == version => Ok(view),
            former => {
                let view = Arc::new(self.look(version, former)?);
                let mut place = inner.view.write().unwrap_or_else(PoisonError::into_inner);
                *place = Some(Arc::clone(&view));
                Ok(view)
            }
        }
    }

    fn look(&self, version: u64, former: Option<Arc<View>>) -> Result<View, ApiError> {
        let inner = &self.inner;
        let stored: Option<ConfigRecord> = inner.store.get(configuration::ID)?;
        let config = Arc::new(stored.unwrap_or_default().config);
        let mut providers = BTreeMap::new();
        for record in inner.providers.records().all()? {
            let plugin = inner.providers.plugin_of(&record);
            let keys = plugin.iter().flat_map(|plugin| {
                record
                    .usable_keys(plugin)
                    .into_iter()
                    .map(|name| self.key(&record, plugin, name, &config.limits))
                    .collect::<Vec<_>>()
            });
            let view = ProviderView {
                name: record.name.as_str().into(),
                keys: keys.collect(),
                info: OnceCell::new(),
                plugin,
                record,
            };
            providers.insert(view.record.id, view);
        }
        let memory = former
            .filter(|former| former.memory.settings == config.cache)
            .map(|former| Arc::clone(&former.memory));
        let hits = Arc::clone(&inner.cache_hits);
        let memory = memory.unwrap_or_else(|| Arc::new(Memory::new(config.cache.clone(), hits)));
        Ok(View {
            version,
            default_provider: inner.providers.settings_record()?.default_provider,
            config,
            providers,
            memory,
        })
    }

    fn key(
        &self,
        record: &ProviderRecord,
        plugin: &AiPluginEntry,
        name: Option<String>,
        limits: &[ProviderLimit],
    ) -> KeyView {
        let access = record.access(plugin, name.as_deref());
        let mut lanes = self
            .inner
            .lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry((record.id, name.clone())).or_default();
        lane.use_credential(record.credential(plugin, name.as_deref()));
        // What is said of this key comes before what is said of each.
        let of = |one: &&ProviderLimit| one.provider == record.id;
        let own = limits
            .iter()
            .filter(of)
            .find(|one| one.key.is_some() && one.key == name);
        let each = || limits.iter().filter(of).find(|one| one.key.is_none());
        let limit = own.or_else(each);
        lane.turnstile
            .set(limit.map_or_else(Limits::default, |limit| Limits {
                concurrent: limit.concurrent,
                requests_per_minute: limit.requests_per_minute,
                tokens_per_minute: limit.tokens_per_minute,
                queue: limit.queue,
            }));
        KeyView {
            name,
            access: Arc::new(access),
            lane: Arc::clone(lane),
        }
    }
}

impl Route {
    /// The provider and model of all its targets, where they are the same.
    fn only_model(&self) -> Option<String> {
        let mut all = self.tiers.iter().flatten();
        let first = all.next()?;
        let same = |target: &Target| {
            target.access.provider_id == first.access.provider_id && target.model == first.model
        };
        all.all(same)
            .then(|| format!("{}/{}", first.access.provider_id, first.model))
    }

    /// What tells it apart in a cache: two providers may have models of one name.
    fn cache_name(&self) -> String {
        let targets = self.tiers.iter().flatten();
        targets.fold(String::new(), |mut name, target| {
            name.push_str(&target.access.provider_id);
            name.push('/');
            name.push_str(&target.model);
            name.push('\n');
            name
        })
    }
}

/// What a request is expected to use, in tokens: its own text. Answers are counted as they come.
fn expected_tokens(request: &Request) -> u32 {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let text: usize = parts
        .map(|part| match part {
            Part::Text(text) | Part::Reasoning(text) => text.len(),
            Part::ToolUse { arguments, .. } => arguments.len(),
            Part::ToolResult { content, .. } => content.len(),
            Part::Image { .. } | Part::File { .. } => ATTACHMENT_TOKENS * BYTES_PER_TOKEN,
            Part::Blob(_) => 0,
        })
        .sum();
    let system: usize = request.system.iter().map(String::len).sum();
    let tools: usize = request
        .tools
        .iter()
        .map(|tool| tool.description.len() + tool.parameters.len())
        .sum();
    let document = request.document.as_ref().map_or(0, String::len);
    let bytes = text + system + tools + document;
    u32::try_from(bytes / BYTES_PER_TOKEN).unwrap_or(u32::MAX)
}

fn add(all: &mut UsageTotals, more: &UsageTotals) {
    all.requests += more.requests;
    all.failures += more.failures;
    all.input += more.input;
    all.cached_input += more.cached_input;
    all.cache_writes += more.cache_writes;
    all.output += more.output;
    all.reasoning += more.reasoning;
    all.money += more.money;
    all.unpriced += more.unpriced;
}
