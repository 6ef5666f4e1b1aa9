//! A plain client: one request, one connection.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Request, Response, body::Incoming, client::conn::http1, http::request::Builder,
};
use hyper_util::rt::TokioIo;
use labd_ai_peer::{AiPeer, Answer, Provider, Reply};
use serde_json::Value;
use tokio::net::TcpStream;

/// A whole answer.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The data of each event; `[DONE]` is left out.
    pub fn events(&self) -> Vec<Value> {
        let lines = self.body.lines().map(|line| line.trim_end());
        let data = lines.filter_map(|line| line.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]")
            .map(|data| {
                serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"))
            })
            .collect()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// One provider on a peer of its own, and how it wants to be asked.
pub struct Asking {
    pub peer: AiPeer,
    pub provider: Provider,
    pub path: &'static str,
    pub headers: &'static [(&'static str, &'static str)],
}

impl Asking {
    /// That answers every request.
    pub async fn of(provider: Provider, path: &'static str) -> Self {
        let plan = AiPeer::plan().otherwise(|_| Reply::answer(Answer::text(["fine"])));
        let headers: &[_] = match provider {
            Provider::Anthropic => &[("x-api-key", "k"), ("anthropic-version", "2023-06-01")],
            Provider::Gemini => &[("x-goog-api-key", "k")],
            Provider::Ollama => &[],
            _ => &[("authorization", "Bearer k")],
        };
        let peer = plan.start().await.unwrap();
        Self {
            peer,
            provider,
            path,
            headers,
        }
    }

    pub async fn post(&self, body: &Value) -> Answered {
        let url = format!("{}{}", self.peer.origin_of(self.provider), self.path);
        send("POST", &url, self.headers, body.to_string())
            .await
            .unwrap()
    }

    /// Takes a right request, and refuses it with each change for the reason that is named.
    pub async fn refuses(&self, right: &Value, status: u16, wrong: &[(&str, Value, &str)]) {
        let taken = self.post(right).await;
        assert_eq!(taken.status, 200, "{}", taken.body);
        assert_eq!(self.peer.complaints(), []);
        for (place, value, words) in wrong {
            let mut body = right.clone();
            change(&mut body, place, value);
            let refused = self.post(&body).await;
            assert_eq!(refused.status, status, "{place} {value}: {}", refused.body);
            let text = refused.json().to_string();
            assert!(
                text.contains(words),
                "{place} {value}: {words:?} is not in {text}"
            );
            let complaints = self.peer.complaints();
            let last = complaints.last().unwrap();
            assert_eq!((last.status, last.provider), (Some(status), self.provider));
            assert_eq!(last.request, self.peer.count() - 1, "{place} {value}");
        }
    }

    /// Takes a right request with each change too.
    pub async fn takes(&self, right: &Value, other: &[(&str, Value)]) {
        for (place, value) in other {
            let mut body = right.clone();
            change(&mut body, place, value);
            let taken = self.post(&body).await;
            assert_eq!(taken.status, 200, "{place} {value}: {}", taken.body);
        }
        assert_eq!(self.peer.complaints(), []);
    }
}

/// Sets what is at a place, or takes it away where the value is null.
fn change(body: &mut Value, place: &str, value: &Value) {
    let (outer, name) = place.rsplit_once('/').unwrap();
    let outer = body.pointer_mut(outer).unwrap_or_else(|| panic!("{place}"));
    match outer {
        Value::Object(map) if value.is_null() => {
            map.remove(name);
        }
        Value::Object(map) => {
            map.insert(name.into(), value.clone());
        }
        Value::Array(list) if name == "-" => list.push(value.clone()),
        Value::Array(list) if value.is_null() => {
            list.remove(name.parse().unwrap());
        }
        Value::Array(list) => list[name.parse::<usize>().unwrap()] = value.clone(),
        _ => panic!("{place} is in no object"),
    }
}

/// Sends a request and gives the answer as soon as its head is there.
pub async fn open(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> hyper::Result<Response<Incoming>> {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let stream = TcpStream::connect(host).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(format!("/{path}"))
        .header("host", host);
    let request = headers
        .iter()
        .fold(request, |request: Builder, (name, value)| {
            request.header(*name, *value)
        });
    sender
        .send_request(request.body(Full::new(body.into())).unwrap())
        .await
}

/// Sends a request and reads the answer to its end.
pub async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> hyper::Result<Answered> {
    let response = open(method, url, headers, body).await?;
    let (head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Answered {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
