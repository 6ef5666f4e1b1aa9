//! An OpenTelemetry collector that keeps what it is sent by OTLP over HTTP, as it came and decoded.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    http::StatusCode,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

/// What arrived in one request.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Method and path.
    pub line: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub bytes: Bytes,
    /// The body, decoded.
    pub decoded: ExportTraceServiceRequest,
}

/// The collector, on a free port of 127.0.0.1. It ends, with its connections, when it is dropped.
pub struct Collector {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Delivery>>>,
    serving: JoinHandle<()>,
}

impl Collector {
    /// Starts one.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::<Mutex<Vec<Delivery>>>::default();
        let shared = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let seen = Arc::clone(&shared);
                connections.spawn(async move {
                    let answer = service_fn(|request| take(&seen, request));
                    // A connection that breaks delivers nothing.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            seen,
            serving,
        })
    }

    /// Its address, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that has arrived.
    pub fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.seen).clone()
    }

    /// All spans that have arrived.
    pub fn spans(&self) -> Vec<Span> {
        let deliveries = self.deliveries().into_iter();
        deliveries
            .flat_map(|delivery| delivery.decoded.resource_spans)
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans)
            .collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(
    seen: &Mutex<Vec<Delivery>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let decoded = match body.collect().await {
        Ok(body) => {
            let bytes = body.to_bytes();
            ExportTraceServiceRequest::decode(bytes.clone())
                .map(|decoded| (bytes, decoded))
                .map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    let mut response = Response::new(Full::default());
    match decoded {
        Ok((bytes, decoded)) => lock(seen).push(Delivery {
            line: format!("{} {}", parts.method, parts.uri.path()),
            headers: parts.headers,
            bytes,
            decoded,
        }),
        Err(error) => {
            *response.status_mut() = StatusCode::BAD_REQUEST;
            *response.body_mut() = Full::from(error);
        }
    }
    Ok(response)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that failed while it held the lock has said so already.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An attribute as text; arrays with blanks between their elements, none when it is not there.
pub fn attribute(all: &[KeyValue], name: &str) -> Option<String> {
    let found = all.iter().find(|one| one.key == name)?;
    found.value.as_ref().map(text)
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(is)) => is.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::ArrayValue(array)) => {
            let all: Vec<String> = array.values.iter().map(text).collect();
            all.join(" ")
        }
        other => format!("{other:?}"),
    }
}
