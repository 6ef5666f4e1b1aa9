//! Streams of events, as browsers read them (`text/event-stream`).
//!
//! A stream ends when the daemon stops and, at the next heartbeat, when its caller may not call
//! any more. Browsers then come back with the last number they saw.

use crate::api::Api;
use crate::limits::{HEARTBEAT, MAX_EVENTS};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, header};
use labd_auth::Caller;
use labd_protocol::{ApiError, DeployEvents, DeploymentId, Notice, ProjectId, TurnEvents, TurnId};
use serde::Serialize;
use std::convert::Infallible;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Milliseconds after which a browser comes back.
const RETRY: &str = "retry: 1000\n\n";
const HEARTBEAT_COMMENT: &str = ":\n\n";

/// Whether a client wants a stream rather than one page of JSON.
pub(crate) fn wants_stream(headers: &HeaderMap) -> bool {
    let accepts = |wanted: &str| {
        headers.get_all(header::ACCEPT).iter().any(|value| {
            value.to_str().is_ok_and(|value| {
                value.split(',').any(|range| {
                    range
                        .split(';')
                        .next()
                        .unwrap_or_default()
                        .trim()
                        .eq_ignore_ascii_case(wanted)
                })
            })
        })
    };
    accepts("text/event-stream") || !accepts("application/json")
}

/// The number of the last event that the client saw.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers
        .get("last-event-id")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// A page of numbered events.
struct Events {
    /// Number, event and record of each.
    records: Vec<(u64, serde_json::Value, serde_json::Value)>,
    end: bool,
}

impl Events {
    fn new<E: Serialize, R: Serialize>(
        records: &[R],
        end: bool,
        parts: impl Fn(&R) -> (u64, &E),
    ) -> Self {
        let records = records.iter().filter_map(|record| {
            let (seq, event) = parts(record);
            let event = serde_json::to_value(event).ok()?;
            Some((seq, event, serde_json::to_value(record).ok()?))
        });
        Self {
            records: records.collect(),
            end,
        }
    }
}

impl From<TurnEvents> for Events {
    fn from(page: TurnEvents) -> Self {
        Self::new(&page.events, page.end, |r| (r.seq, &r.event))
    }
}

impl From<DeployEvents> for Events {
    fn from(page: DeployEvents) -> Self {
        Self::new(&page.events, page.end, |r| (r.seq, &r.event))
    }
}

/// What a numbered stream follows.
#[derive(Clone, Copy)]
enum Source {
    Turn(ProjectId, TurnId),
    Deployment(ProjectId, DeploymentId),
}

impl Source {
    async fn next(self, api: &Api, after: u64) -> Result<Events, ApiError> {
        Ok(match self {
            Self::Turn(project, turn) => api
                .backend()
                .turn_events(project, turn, after, MAX_EVENTS, HEARTBEAT)
                .await?
                .into(),
            Self::Deployment(project, deployment) => api
                .deploys()
                .deployment_events(project, deployment, after, MAX_EVENTS, HEARTBEAT)
                .await?
                .into(),
        })
    }
}

/// A turn's events after `after`, to its end. `first` is the page that was read already.
pub(crate) fn turn(
    api: Api,
    caller: Caller,
    (project, turn): (ProjectId, TurnId),
    after: u64,
    first: TurnEvents,
) -> Response {
    numbered(
        api,
        caller,
        Source::Turn(project, turn),
        after,
        first.into(),
    )
}

/// The same of a deployment.
pub(crate) fn deployment(
    api: Api,
    caller: Caller,
    (project, deployment): (ProjectId, DeploymentId),
    after: u64,
    first: DeployEvents,
) -> Response {
    let source = Source::Deployment(project, deployment);
    numbered(api, caller, source, after, first.into())
}

fn numbered(api: Api, caller: Caller, source: Source, after: u64, first: Events) -> Response {
    struct Follow {
        api: Api,
        caller: Caller,
        after: u64,
        page: Option<Events>,
        started: bool,
    }
    let state = Follow {
        api,
        caller,
        after,
        page: Some(first),
        started: false,
    };
    let events = stream::unfold(Some(state), move |state| async move {
        let mut state = state?;
        let page = match state.page.take() {
            Some(page) => page,
            None => {
                if !state.api.auth().holds(state.caller) {
                    return None;
                }
                let closing = state.api.closing().clone();
                tokio::select! {
                    page = source.next(&state.api, state.after) => match page {
                        Ok(page) => page,
                        Err(error) => return Some((error_event(&error), None)),
                    },
                    () = closing.cancelled() => return None,
                }
            }
        };
        let mut text = if state.started {
            String::new()
        } else {
            RETRY.to_owned()
        };
        state.started = true;
        for (seq, typed, record) in &page.records {
            event(&mut text, Some(*seq), typed, record);
            state.after = *seq;
        }
        if page.records.is_empty() {
            text.push_str(HEARTBEAT_COMMENT);
        }
        Some((text, (!page.end).then_some(state)))
    });
    response(events)
}

/// Notices from now on. A client that fell behind gets `resync`, and should read everything anew.
pub(crate) fn notices(api: Api, caller: Caller) -> Response {
    struct Follow {
        api: Api,
        caller: Caller,
        notices: Receiver<Notice>,
        started: bool,
    }
    let notices = api.backend().notices();
    let state = Follow {
        api,
        caller,
        notices,
        started: false,
    };
    let events = stream::unfold(state, |mut state| async move {
        if !state.started {
            state.started = true;
            return Some((RETRY.to_owned(), state));
        }
        let closing = state.api.closing().clone();
        let next = tokio::select! {
            next = tokio::time::timeout(HEARTBEAT, state.notices.recv()) => next,
            () = closing.cancelled() => return None,
        };
        if !state.api.auth().holds(state.caller) {
            return None;
        }
        let mut text = String::new();
        match next {
            Ok(Ok(notice)) => event(&mut text, None, &notice, &notice),
            Ok(Err(RecvError::Lagged(_))) => text.push_str("event: resync\ndata: {}\n\n"),
            Ok(Err(RecvError::Closed)) => return None,
            Err(_) => text.push_str(HEARTBEAT_COMMENT),
        }
        Some((text, state))
    });
    response(events)
}

/// Appends one event. Its name is the `type` of `typed`; `data` is one line, since JSON escapes
/// line ends.
fn event(text: &mut String, id: Option<u64>, typed: &impl Serialize, data: &impl Serialize) {
    let (Ok(typed), Ok(data)) = (serde_json::to_value(typed), serde_json::to_string(data)) else {
        return;
    };
    if let Some(id) = id {
        text.push_str(&format!("id: {id}\n"));
    }
    if let Some(name) = typed.get("type").and_then(|name| name.as_str()) {
        text.push_str(&format!("event: {name}\n"));
    }
    text.push_str(&format!("data: {data}\n\n"));
}

/// The stream ends in an error, told as an event since the status is long sent.
fn error_event(error: &ApiError) -> String {
    let data = serde_json::to_string(error).unwrap_or_default();
    format!("event: error\ndata: {data}\n\n")
}

fn response(events: impl Stream<Item = String> + Send + 'static) -> Response {
    let body = Body::from_stream(events.map(|text| Ok::<_, Infallible>(Bytes::from(text))));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // For nginx, which otherwise gathers a stream before it passes it on.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
