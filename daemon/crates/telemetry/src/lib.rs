//! Spans for an OpenTelemetry collector, when the operator names one; nothing otherwise.
//!
//! - They are sent by OTLP over HTTP (protobuf) to the one address that is configured, and to no other:
//!   redirects are not followed. What spans hold is the concern of whoever makes them.
//! - Spans wait in a bounded queue and are sent together, by a thread of their own. Where a collector
//!   does not take them they are lost; nobody waits for it, and the log says so once.
//! - Headers may hold secrets. They come from the environment or a file, never from an argument, and
//!   leave this machine over TLS only.

mod exporter;
mod sender;
mod settings;

pub use settings::{Settings, TelemetryError};

use exporter::Telling;
use http::HeaderMap;
use opentelemetry::{
    Context, InstrumentationScope, Key, KeyValue, global::BoxedTracer,
    propagation::TextMapPropagator as _, trace::TracerProvider as _,
};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use sender::Sender;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// How long the end of the daemon waits for spans to be taken.
const LAST_SPANS: Duration = Duration::from_secs(5);
/// The name under which spans come, unless the operator says otherwise (`OTEL_SERVICE_NAME`).
const SERVICE: &str = "labd";
const SERVICE_NAME: Key = Key::from_static_str("service.name");

/// Running telemetry. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Starts it; none when no collector is named. Called within a runtime, which sends.
    ///
    /// # Errors
    /// When a setting cannot be used. Nothing is sent to the collector before the first span.
    pub fn start(settings: &Settings) -> Result<Option<Self>, TelemetryError> {
        let variable = |name: &str| std::env::var(name).ok();
        let Some(collector) = settings.collector(variable)? else {
            return Ok(None);
        };
        let sender = Sender::new(&collector, settings.extra_roots.as_deref())?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(sender)
            .with_endpoint(collector.endpoint.as_str())
            .with_headers(collector.headers)
            .build()
            .map_err(|error| TelemetryError::SetUp(error.to_string()))?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource())
            .with_batch_exporter(Telling::new(exporter))
            .build();
        let origin = collector.endpoint.origin().ascii_serialization();
        tracing::info!(collector = origin, "spans are sent");
        Ok(Some(Self { provider }))
    }

    /// What makes spans, for a part of the daemon.
    pub fn tracer(&self, part: &'static str) -> BoxedTracer {
        let scope = InstrumentationScope::builder(part)
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        BoxedTracer::new(Box::new(self.provider.tracer_with_scope(scope)))
    }

    /// Sends what waits, and ends. It takes five seconds at most.
    pub async fn shutdown(&self) {
        let provider = self.provider.clone();
        let ended = spawn_blocking(move || provider.shutdown_with_timeout(LAST_SPANS)).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last spans were not sent"),
            Err(error) => tracing::error!(%error, "the last spans could not be sent"),
        }
    }
}

/// The span that a request says it belongs to (W3C Trace Context); an empty context when it says
/// nothing that can be read.
pub fn parent(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers))
}

/// Who sends.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let said = Resource::builder().with_attribute(version);
    let resource = said.build();
    let named = resource
        .get(&SERVICE_NAME)
        .is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    if named {
        return resource;
    }
    Resource::builder_empty()
        .with_attributes(
            resource
                .iter()
                .filter(|(key, _)| **key != SERVICE_NAME)
                .map(|(key, value)| KeyValue::new(key.clone(), value.clone())),
        )
        .with_service_name(SERVICE)
        .build()
}
