//! A server that serves tables as the README of the example connectors describes.
//!
//! | table | what it has |
//! | --- | --- |
//! | `orders` | 2 500 rows: `id`, `country`, `total`; its pages are of 400 rows at most |
//! | `exact` | one row with values that a double does not hold, and one of nulls |
//! | `limited`, `broken`, `slow` | answer 429, answer 500, never answer |
//!
//! All of it lies below `/api` and wants a token.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use http_body_util::Full;
use hyper::{
    Request, Response, body::Bytes, body::Incoming, http::StatusCode, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

/// Rows of the table `orders`.
pub const ORDERS: usize = 2_500;

/// Rows of a page, at most.
const PAGE: usize = 400;

/// The rows of the table `exact`, as they go over the wire.
const EXACT: &str = r#"{"rows":[
    [9007199254740993,12345678901234567890.123456789,"0.10",true,"Größe 😀","AAH/","2024-05-31","2024-05-31T10:30:00.25Z",{"a":[1,null]}],
    [null,null,null,null,null,null,null,null,null]]}"#;

struct State {
    token: String,
    asked: Mutex<Vec<String>>,
    closed: AtomicUsize,
}

/// The server, on a free port of 127.0.0.1. It ends, with its connections, when it is dropped.
pub struct RestPeer {
    address: SocketAddr,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

impl RestPeer {
    /// Starts a server that wants this token.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(token: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            token: format!("Bearer {token}"),
            asked: Mutex::default(),
            closed: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    let answer = service_fn(|request| {
                        let state = Arc::clone(&state);
                        async move { Ok::<_, Infallible>(answer(&state, &request).await) }
                    });
                    // A connection that breaks is part of the tests.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                    state.closed.fetch_add(1, Ordering::SeqCst);
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            state,
            serving,
        })
    }

    /// The URL of a data source with this token.
    pub fn url(&self, token: &str) -> String {
        format!("rest://:{token}@{}/api", self.address)
    }

    /// Path and query of each request so far.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.state.asked).clone()
    }

    /// How many connections have ended, whoever ended them.
    pub fn closed(&self) -> usize {
        self.state.closed.load(Ordering::SeqCst)
    }
}

impl Drop for RestPeer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A test that failed while it held the lock has said so already.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(state: &State, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let uri = request.uri();
    lock(&state.asked).push(uri.to_string());
    let given = request.headers().get("authorization");
    if given.is_none_or(|given| given.as_bytes() != state.token.as_bytes()) {
        return refused(401, "Who are you?");
    }
    let path = uri.path().strip_prefix("/api").unwrap_or_default();
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    match path {
        "/" => ok(&json!({ "product": "Shop API 1.2", "user": "reports" })),
        "/tables" => {
            let others = ["exact", "limited", "broken", "slow"];
            let mut tables: Vec<Value> =
                others.iter().map(|name| json!({ "name": name })).collect();
            tables.push(table("orders"));
            ok(&json!({ "tables": tables }))
        }
        "/tables/orders/rows" => orders(&query),
        "/tables/exact/rows" => respond(200, EXACT.to_owned()),
        "/tables/limited/rows" => {
            let mut response = refused(429, "Slowly!");
            let wait = hyper::http::HeaderValue::from_static("7");
            response.headers_mut().insert("retry-after", wait);
            response
        }
        "/tables/broken/rows" => refused(500, "The disk is on fire."),
        "/tables/slow/rows" => std::future::pending().await,
        other => match other.strip_prefix("/tables/") {
            Some(name @ ("orders" | "exact" | "limited" | "broken" | "slow")) => ok(&table(name)),
            _ => refused(404, "There is no such table."),
        },
    }
}

fn table(name: &str) -> Value {
    let column = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    match name {
        "orders" => json!({
            "name": "orders", "comment": "What was sold", "row_estimate": ORDERS, "primary_key": ["id"],
            "columns": [
                { "name": "id", "type": "integer", "nullable": false },
                { "name": "country", "type": "text", "comment": "ISO 3166", "values": ["DE", "FR"] },
                column("total", "decimal"),
            ],
        }),
        "exact" => json!({
            "name": "exact",
            "columns": [
                column("big", "integer"), column("huge", "decimal"), column("price", "decimal"),
                column("yes", "boolean"), column("words", "text"), column("bytes", "binary"),
                column("day", "date"), column("moment", "instant"), column("document", "json"),
            ],
        }),
        _ => json!({ "name": name, "columns": [column("id", "integer")] }),
    }
}

/// The rows of `orders`: every third is from France, and an order costs its number and a half.
fn orders(query: &[(String, String)]) -> Response<Full<Bytes>> {
    let value = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let number = |name: &str| value(name).and_then(|text| text.parse::<usize>().ok());
    let country = |id: usize| if id.is_multiple_of(3) { "FR" } else { "DE" };
    let mut ids: Vec<usize> = (1..=ORDERS)
        .filter(|id| value("eq.country").is_none_or(|wanted| wanted == country(*id)))
        .filter(|id| number("eq.id").is_none_or(|wanted| wanted == *id))
        .collect();
    if value("order").is_some_and(|order| order.ends_with(".desc")) {
        ids.reverse();
    }
    let from = number("cursor").unwrap_or_default();
    let count = number("limit").unwrap_or(PAGE).min(PAGE);
    let columns: Vec<&str> = value("columns").unwrap_or_default().split(',').collect();
    let rows: Vec<Value> = ids
        .iter()
        .skip(from)
        .take(count)
        .map(|id| {
            let cell = |column: &&str| match *column {
                "id" => json!(id),
                "country" => json!(country(*id)),
                _ => json!(format!("{id}.50")),
            };
            columns.iter().map(cell).collect()
        })
        .collect();
    let next = from + rows.len();
    let next = (next < ids.len()).then(|| next.to_string());
    ok(&json!({ "rows": rows, "next": next }))
}

fn ok(body: &Value) -> Response<Full<Bytes>> {
    respond(200, body.to_string())
}

fn refused(status: u16, message: &str) -> Response<Full<Bytes>> {
    respond(
        status,
        json!({ "error": { "message": message } }).to_string(),
    )
}

fn respond(status: u16, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
}
