//! AI providers, contract 0.1.

use crate::{
    PluginError,
    bindings::ai::{Provider as Exports, exports::labd::ai_provider::provider as wit},
    instance::Instance,
    kinds::ai::{
        AiProvider, CacheHints, Capabilities, Completion, Effort, EmbedRequest, Embeddings, Event,
        FinishReason, Message, Model, Part, ProviderAccess, ProviderInfo, Purpose, Request,
        Retention, Role, ToolChoice, Usage,
    },
    plugin::Plugin,
    pool::Pool,
};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::time::Instant;
use wasmtime::component::ResourceAny;

/// A provider plugin.
pub(crate) struct AiAdapter {
    pub plugin: Arc<Plugin<Exports>>,
}

impl AiAdapter {
    /// An instance of the version that serves, and the pool that it goes back to.
    async fn instance(
        &self,
        access: &ProviderAccess,
    ) -> Result<(Arc<Pool<Exports>>, Instance<Exports>), PluginError> {
        let generation = self.plugin.permitted()?;
        let pool = Arc::clone(&generation.pool);
        let instance = pool.warm(&access.provider_id).await?;
        // Settings and credentials may have changed since the instance was used last.
        let refreshed =
            instance.with_state(|state| generation.permitted.refresh_provider(state, access));
        if let Some(Err(error)) = refreshed {
            pool.give_back(instance);
            return Err(error);
        }
        Ok((pool, instance))
    }
}

#[async_trait]
impl AiProvider for AiAdapter {
    async fn describe(&self) -> Result<ProviderInfo, PluginError> {
        let pool = &self.plugin.serving()?.pool;
        let instance = pool.warm("").await?;
        let info = instance
            .call(pool.core.limits.call, |store, exports| {
                Box::pin(exports.labd_ai_provider_provider().call_describe(store))
            })
            .await?;
        pool.give_back(instance);
        Ok(ProviderInfo {
            capabilities: capabilities(info.capabilities),
            name: info.name,
            description: info.description,
            default_model: info.default_model,
        })
    }

    async fn models(&self, access: &ProviderAccess) -> Result<Vec<Model>, PluginError> {
        let (pool, instance) = self.instance(access).await?;
        let config = access.config.to_string();
        let models = instance
            .call(pool.core.limits.call, move |store, exports| {
                Box::pin(async move {
                    let provider = exports.labd_ai_provider_provider();
                    provider.call_models(store, &config).await
                })
            })
            .await;
        pool.give_back(instance);
        Ok(models?
            .into_iter()
            .map(|model| Model {
                id: model.id,
                name: model.name,
                context_window: model.context_window,
                output_limit: model.output_limit,
                capabilities: model.capabilities.map(capabilities),
            })
            .collect())
    }

    async fn complete(
        &self,
        access: &ProviderAccess,
        request: Request,
    ) -> Result<Box<dyn Completion>, PluginError> {
        let (pool, instance) = self.instance(access).await?;
        let first_by = Instant::now() + pool.core.limits.first_event;
        let config = access.config.to_string();
        let request = wire_request(request);
        let started = instance
            .call(pool.core.limits.first_event, move |store, exports| {
                Box::pin(async move {
                    let provider = exports.labd_ai_provider_provider();
                    provider.call_complete(store, &config, &request).await
                })
            })
            .await;
        match started {
            Ok(handle) => Ok(Box::new(WasmCompletion {
                pool,
                running: Some((instance, handle)),
                first_by: Some(first_by),
            })),
            Err(error) => {
                pool.give_back(instance);
                Err(error)
            }
        }
    }

    async fn embed(
        &self,
        access: &ProviderAccess,
        request: EmbedRequest,
    ) -> Result<Embeddings, PluginError> {
        let (pool, instance) = self.instance(access).await?;
        let config = access.config.to_string();
        let texts = request.texts.len();
        let request = wit::EmbedRequest {
            model: request.model,
            texts: request.texts,
            dimensions: request.dimensions,
            purpose: request.purpose.map(|purpose| match purpose {
                Purpose::Document => wit::Purpose::Document,
                Purpose::Query => wit::Purpose::Query,
            }),
            user: request.user,
        };
        let given = instance
            .call(pool.core.limits.first_event, move |store, exports| {
                Box::pin(async move {
                    let provider = exports.labd_ai_provider_provider();
                    provider.call_embed(store, &config, &request).await
                })
            })
            .await;
        pool.give_back(instance);
        checked(given?, texts)
    }
}

/// Takes embeddings in, or says what is wrong with them: who compares them relies on their number
/// and their length.
fn checked(given: wit::Embeddings, texts: usize) -> Result<Embeddings, PluginError> {
    let wrong = |what: String| Err(PluginError::Internal(format!("the provider gave {what}")));
    if given.vectors.len() != texts {
        return wrong(format!(
            "{} embeddings for {texts} texts",
            given.vectors.len()
        ));
    }
    let length = given.vectors.first().map_or(0, Vec::len);
    if length == 0 || given.vectors.iter().any(|vector| vector.len() != length) {
        return wrong("embeddings that are empty or of different lengths".into());
    }
    if given
        .vectors
        .iter()
        .flatten()
        .any(|number| !number.is_finite())
    {
        return wrong("an embedding with something that is no number".into());
    }
    Ok(Embeddings {
        model: given.model,
        vectors: given.vectors,
        usage: usage(given.usage),
    })
}

fn capabilities(flags: wit::Capabilities) -> Capabilities {
    let has = |flag| flags.contains(flag);
    Capabilities {
        tools: has(wit::Capabilities::TOOLS),
        strict_tools: has(wit::Capabilities::STRICT_TOOLS),
        images: has(wit::Capabilities::IMAGES),
        files: has(wit::Capabilities::FILES),
        structured_output: has(wit::Capabilities::STRUCTURED_OUTPUT),
        reasoning: has(wit::Capabilities::REASONING),
        embeddings: has(wit::Capabilities::EMBEDDINGS),
        document: has(wit::Capabilities::DOCUMENT),
    }
}

fn usage(usage: wit::Usage) -> Usage {
    Usage {
        input: usage.input,
        cached_input: usage.cached_input,
        cache_writes: usage.cache_writes,
        output: usage.output,
        reasoning: usage.reasoning,
    }
}

/// A running answer. Dropped before its end it takes its instance with it, and so the upstream
/// connection is closed at once.
struct WasmCompletion {
    pool: Arc<Pool<Exports>>,
    running: Option<(Instance<Exports>, ResourceAny)>,
    /// Until when the first event must have come; none after it.
    first_by: Option<Instant>,
}

#[async_trait]
impl Completion for WasmCompletion {
    async fn next(&mut self, max: u32) -> Result<Vec<Event>, PluginError> {
        let Some((instance, handle)) = self.running.take() else {
            return Ok(Vec::new());
        };
        let limits = &self.pool.core.limits;
        let limit = match self.first_by {
            Some(by) => by.saturating_duration_since(Instant::now()),
            None => limits.between_events,
        };
        let next = instance
            .call(limit, move |store, exports| {
                let completion = exports.labd_ai_provider_provider().completion();
                Box::pin(async move { completion.call_next(store, handle, max.max(1)).await })
            })
            .await?;
        if next.is_empty() {
            let closed = instance
                .call(limits.call, move |store, _| {
                    Box::pin(async move { handle.resource_drop_async(store).await.map(Ok) })
                })
                .await;
            if closed.is_ok() {
                self.pool.give_back(instance);
            }
            return Ok(Vec::new());
        }
        self.first_by = None;
        self.running = Some((instance, handle));
        Ok(next.into_iter().map(event).collect())
    }
}

fn wire_request(request: Request) -> wit::Request {
    wit::Request {
        model: request.model,
        system: request.system,
        messages: request.messages.into_iter().map(message).collect(),
        tools: request
            .tools
            .into_iter()
            .map(|tool| wit::Tool {
                name: tool.name,
                description: tool.description,
                parameters: tool.parameters,
                strict: tool.strict,
            })
            .collect(),
        tool_choice: match request.tool_choice {
            ToolChoice::Automatic => wit::ToolChoice::Automatic,
            ToolChoice::None => wit::ToolChoice::None,
            ToolChoice::Required => wit::ToolChoice::Required,
            ToolChoice::Named(name) => wit::ToolChoice::Named(name),
        },
        parallel_tools: request.parallel_tools,
        output_schema: request.output_schema,
        max_tokens: request.max_tokens,
        temperature: request.temperature,
        top_p: request.top_p,
        stop: request.stop,
        effort: request.effort.map(|effort| match effort {
            Effort::Off => wit::Effort::Off,
            Effort::Minimal => wit::Effort::Minimal,
            Effort::Low => wit::Effort::Low,
            Effort::Medium => wit::Effort::Medium,
            Effort::High => wit::Effort::High,
            Effort::Highest => wit::Effort::Highest,
        }),
        cache: request.cache.map(cache_hints),
        user: request.user,
        document: request.document,
    }
}

fn cache_hints(hints: CacheHints) -> wit::CacheHints {
    wit::CacheHints {
        tools: hints.tools,
        system: hints.system,
        messages: hints.messages,
        retention: match hints.retention {
            Retention::Short => wit::Retention::Short,
            Retention::Long => wit::Retention::Long,
        },
        key: hints.key,
    }
}

fn message(message: Message) -> wit::Message {
    wit::Message {
        role: match message.role {
            Role::User => wit::Role::User,
            Role::Assistant => wit::Role::Assistant,
        },
        parts: message
            .parts
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => wit::Part::Text(text),
                Part::Image { media_type, data } => {
                    wit::Part::Image(wit::Image { media_type, data })
                }
                Part::File {
                    media_type,
                    name,
                    data,
                } => wit::Part::File(wit::File {
                    media_type,
                    name,
                    data,
                }),
                Part::ToolUse {
                    id,
                    name,
                    arguments,
                } => wit::Part::ToolUse(wit::ToolUse {
                    id,
                    name,
                    arguments,
                }),
                Part::ToolResult {
                    id,
                    content,
                    is_error,
                } => wit::Part::ToolResult(wit::ToolResult {
                    id,
                    content,
                    is_error,
                }),
                Part::Reasoning(text) => wit::Part::Reasoning(text),
                Part::Blob(bytes) => wit::Part::Blob(bytes),
            })
            .collect(),
    }
}

fn event(event: wit::Event) -> Event {
    match event {
        wit::Event::Started(started) => Event::Started {
            model: started.model,
            id: started.id,
        },
        wit::Event::Text(text) => Event::Text(text),
        wit::Event::Reasoning(text) => Event::Reasoning(text),
        wit::Event::ToolStarted(tool) => Event::ToolStarted {
            id: tool.id,
            name: tool.name,
        },
        wit::Event::ToolFragment(part) => Event::ToolFragment {
            id: part.id,
            fragment: part.fragment,
        },
        wit::Event::ToolFinished(id) => Event::ToolFinished(id),
        wit::Event::Blob(bytes) => Event::Blob(bytes),
        wit::Event::Usage(totals) => Event::Usage(usage(totals)),
        wit::Event::Finish(reason) => Event::Finish(match reason {
            wit::FinishReason::Stop => FinishReason::Stop,
            wit::FinishReason::Length => FinishReason::Length,
            wit::FinishReason::ToolUse => FinishReason::ToolUse,
            wit::FinishReason::ContentFilter => FinishReason::ContentFilter,
            wit::FinishReason::Refusal => FinishReason::Refusal,
            wit::FinishReason::Pause => FinishReason::Pause,
            wit::FinishReason::Other => FinishReason::Other,
        }),
    }
}
