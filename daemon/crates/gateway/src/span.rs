//! A span for each request, as OpenTelemetry's conventions for generative AI have it: named
//! `{operation} {model}`, from the request's arrival to the answer's end, over all its attempts, each of
//! which is an event of it.
//!
//! Nothing of what is asked or answered is in it, nor what a provider says of a failure, which may
//! repeat the request: numbers, names of models, providers and servers, and codes only.
//!
//! A span is made when its request has ended, out of what was noted on the way: without a tracer
//! nothing is noted.

use crate::{
    errors,
    ledger::Customer,
    route::{Route, Target},
};
use labd_plugin_host::{
    PluginError,
    kinds::ai::{EmbedRequest, Event, FinishReason, ProviderAccess, Request, Usage},
};
use labd_protocol::ErrorCode;
use opentelemetry::{
    Array, Context, KeyValue, StringValue, Value,
    global::BoxedTracer,
    trace::{Event as SpanEvent, Span as _, SpanBuilder, SpanKind, Status, Tracer as _},
};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use url::Url;

/// Longest name that is taken over from an upstream, in characters.
const NAME: usize = 256;

/// What is noted of a request, until it is dropped and its span made; nothing without a tracer.
#[derive(Default)]
pub(crate) struct Span(Option<Box<Noted>>);

struct Noted {
    tracer: Arc<BoxedTracer>,
    parent: Context,
    began: SystemTime,
    since: Instant,
    operation: &'static str,
    /// The model that was asked last; before any was, what was asked for.
    model: Arc<str>,
    attributes: Vec<KeyValue>,
    attempts: Vec<SpanEvent>,
    asked: Option<Target>,
    served: Option<String>,
    id: Option<String>,
    usage: Usage,
    finish: Option<FinishReason>,
    first: Option<Duration>,
    /// How it ended; none when whoever asked went away before.
    end: Option<Result<(), ErrorCode>>,
}

impl Span {
    /// Of a request for an answer.
    pub fn chat(
        tracer: Option<&Arc<BoxedTracer>>,
        customer: &Customer,
        route: &Route,
        request: &Request,
    ) -> Self {
        let mut span = Self::new(tracer, "chat", customer, route);
        if let Some(noted) = &mut span.0 {
            noted.say("gen_ai.request.stream", true);
            if request.output_schema.is_some() {
                noted.say("gen_ai.output.type", "json");
            }
            noted.count("gen_ai.request.max_tokens", request.max_tokens);
            for (name, number) in [
                ("gen_ai.request.temperature", request.temperature),
                ("gen_ai.request.top_p", request.top_p),
            ] {
                if let Some(number) = number {
                    noted.say(name, number);
                }
            }
        }
        span
    }

    /// Of a request for embeddings.
    pub fn embeddings(
        tracer: Option<&Arc<BoxedTracer>>,
        customer: &Customer,
        route: &Route,
        request: &EmbedRequest,
    ) -> Self {
        let mut span = Self::new(tracer, "embeddings", customer, route);
        if let Some(noted) = &mut span.0 {
            noted.count("gen_ai.embeddings.dimension.count", request.dimensions);
        }
        span
    }

    fn new(
        tracer: Option<&Arc<BoxedTracer>>,
        operation: &'static str,
        customer: &Customer,
        route: &Route,
    ) -> Self {
        let Some(tracer) = tracer else {
            return Self(None);
        };
        let mut noted = Noted {
            tracer: Arc::clone(tracer),
            parent: Context::current(),
            began: SystemTime::now(),
            since: Instant::now(),
            operation,
            model: Arc::clone(&route.model),
            attributes: Vec::with_capacity(24),
            attempts: Vec::new(),
            asked: None,
            served: None,
            id: None,
            usage: Usage::default(),
            finish: None,
            first: None,
            end: None,
        };
        noted.say("gen_ai.operation.name", operation);
        noted.say("labd.user", customer.user.clone());
        if let Some(project) = &customer.project {
            noted.say("labd.project", project.clone());
        }
        if route.is_named() {
            noted.say("labd.route", Arc::clone(&route.name));
        } else {
            // It is known whom it would have gone to, also where nobody is asked.
            noted.asked = route.tiers.iter().flatten().next().cloned();
        }
        Self(Some(Box::new(noted)))
    }

    /// An attempt ended, which took so long: its first piece is there, or why there is none.
    pub fn attempt(&mut self, target: &Target, took: Duration, error: Option<&PluginError>) {
        let Some(noted) = &mut self.0 else {
            return;
        };
        let mut told = server(&target.access);
        told.extend([
            KeyValue::new("gen_ai.provider.name", provider(target)),
            KeyValue::new("gen_ai.request.model", Arc::clone(&target.model)),
            KeyValue::new("labd.provider", Arc::clone(&target.provider_name)),
            KeyValue::new("labd.attempt.duration", took.as_secs_f64()),
        ]);
        if let Some(error) = error {
            let code = errors::of_provider(&target.provider_name, error.clone()).code;
            told.push(KeyValue::new("error.type", code.as_str()));
        } else {
            noted.first = Some(noted.since.elapsed());
        }
        let now = noted.began + noted.since.elapsed();
        noted
            .attempts
            .push(SpanEvent::new("labd.attempt", now, told, 0));
        noted.asked = Some(target.clone());
        noted.model = Arc::clone(&target.model);
    }

    /// Notes what an event tells of the answer, but for the answer.
    pub fn event(&mut self, event: &Event) {
        let Some(noted) = &mut self.0 else {
            return;
        };
        match event {
            Event::Started { model, id } => {
                noted.served = Some(short(model));
                noted.id = Some(short(id));
            }
            Event::Usage(usage) => noted.usage = *usage,
            Event::Finish(reason) => {
                noted.finish = Some(*reason);
                noted.end = Some(Ok(()));
            }
            _ => {}
        }
    }

    /// Embeddings are there.
    pub fn embedded(&mut self, model: &str, usage: Usage) {
        if let Some(noted) = &mut self.0 {
            noted.served = Some(short(model));
            noted.usage = usage;
            noted.end = Some(Ok(()));
        }
    }

    /// It was answered from memory.
    pub fn remembered(&mut self) {
        if let Some(noted) = &mut self.0 {
            noted.say("labd.cache.hit", true);
            noted.end = Some(Ok(()));
        }
    }

    /// The answer came to its end.
    pub fn ended(&mut self) {
        if let Some(noted) = &mut self.0 {
            noted.end = Some(Ok(()));
        }
    }

    /// It failed.
    pub fn failed(&mut self, code: ErrorCode) {
        if let Some(noted) = &mut self.0 {
            noted.end = Some(Err(code));
        }
    }
}

impl Noted {
    fn say(&mut self, name: &'static str, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(name, value));
    }

    fn count(&mut self, name: &'static str, count: Option<u32>) {
        if let Some(count) = count {
            self.say(name, i64::from(count));
        }
    }

    /// What is known at the end only.
    fn conclude(&mut self) {
        self.say("gen_ai.request.model", Arc::clone(&self.model));
        if let Some(target) = self.asked.take() {
            self.say("gen_ai.provider.name", provider(&target));
            self.say("labd.provider", Arc::clone(&target.provider_name));
            self.attributes.extend(server(&target.access));
        } else {
            // A route of which nobody was asked.
            self.say("gen_ai.provider.name", "labd");
        }
        for (name, text) in [
            ("gen_ai.response.model", self.served.take()),
            ("gen_ai.response.id", self.id.take()),
        ] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                self.say(name, text);
            }
        }
        if let Some(reason) = self.finish {
            let reasons = vec![StringValue::from(finish_reason(reason))];
            self.say(
                "gen_ai.response.finish_reasons",
                Value::Array(Array::String(reasons)),
            );
        }
        let usage = self.usage;
        self.count("gen_ai.usage.input_tokens", usage.input);
        self.count("gen_ai.usage.cache_read.input_tokens", usage.cached_input);
        self.count(
            "gen_ai.usage.cache_creation.input_tokens",
            usage.cache_writes,
        );
        if self.operation == "chat" {
            self.count("gen_ai.usage.output_tokens", usage.output);
            self.count("gen_ai.usage.reasoning.output_tokens", usage.reasoning);
            if let Some(first) = self.first {
                self.say("gen_ai.response.time_to_first_chunk", first.as_secs_f64());
            }
        }
        let attempts = i64::try_from(self.attempts.len()).unwrap_or(i64::MAX);
        self.say("labd.attempts", attempts);
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        let error = match self.end {
            Some(Ok(())) => None,
            Some(Err(code)) => Some(code),
            None => Some(ErrorCode::Cancelled),
        };
        self.conclude();
        if let Some(code) = error {
            self.say("error.type", code.as_str());
        }
        let builder = SpanBuilder::from_name(format!("{} {}", self.operation, self.model))
            .with_kind(SpanKind::Client)
            .with_start_time(self.began)
            .with_attributes(std::mem::take(&mut self.attributes))
            .with_events(std::mem::take(&mut self.attempts));
        let mut span = self.tracer.build_with_context(builder, &self.parent);
        if error.is_some() {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(self.began + self.since.elapsed());
    }
}

fn short(text: &str) -> String {
    text.chars().take(NAME).collect()
}

/// The name of a provider in the conventions; that of the plugin where they have none.
fn provider(target: &Target) -> Value {
    let known = match &*target.plugin {
        "labd.anthropic" => "anthropic",
        "labd.gemini" => "gcp.gemini",
        "labd.mistral" => "mistral_ai",
        "labd.ollama" => "ollama",
        "labd.openai" => "openai",
        "labd.openai-compatible" => {
            let url = address(&target.access);
            match url.as_ref().and_then(Url::host_str).unwrap_or_default() {
                "api.deepseek.com" => "deepseek",
                "api.groq.com" => "groq",
                "api.x.ai" => "x_ai",
                // What it speaks.
                _ => "openai",
            }
        }
        _ => return Value::from(Arc::clone(&target.plugin)),
    };
    Value::from(known)
}

/// Where a provider is reached, as far as the gateway knows.
fn address(access: &ProviderAccess) -> Option<Url> {
    let bound = access.credentials.values().next();
    let bound = bound.map(|credential| credential.origin.as_str());
    let configured = access.config.get("base-url").and_then(|url| url.as_str());
    bound.or(configured).and_then(|text| Url::parse(text).ok())
}

fn server(access: &ProviderAccess) -> Vec<KeyValue> {
    let Some(url) = address(access) else {
        return Vec::with_capacity(5);
    };
    let mut told = Vec::with_capacity(7);
    if let Some(host) = url.host_str() {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        told.push(KeyValue::new("server.address", host.to_owned()));
        if let Some(port) = url.port_or_known_default() {
            told.push(KeyValue::new("server.port", i64::from(port)));
        }
    }
    told
}

fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolUse => "tool_call",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Refusal => "refusal",
        FinishReason::Pause => "pause",
        FinishReason::Other => "other",
    }
}
