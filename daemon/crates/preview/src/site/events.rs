//! The open connection of a shell: what to show, each time it changes.

use super::{PreviewBody, empty};
use crate::{Candidate, Previews};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use labd_protocol::ProjectId;
use serde::Serialize;
use std::{convert::Infallible, time::Duration};
use tokio::{sync::watch, time::timeout};

/// A comment is sent after this silence, so that a broken connection is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a shell loads to show a state.
#[derive(Debug, Serialize)]
pub(super) struct Load<'a> {
    pub revision: &'a str,
    pub title: &'a str,
    pub entry: String,
    pub styles: Vec<String>,
    pub modules: Vec<String>,
}

impl<'a> Load<'a> {
    /// None while there is nothing to show.
    pub fn of(candidate: &'a Candidate) -> Option<Self> {
        let manifest = candidate.state.manifest.as_ref()?;
        let address = |name: &String| format!("/_lab/m/{name}");
        Some(Self {
            revision: &candidate.revision,
            title: &candidate.state.title,
            entry: address(&manifest.entry),
            styles: manifest.styles.iter().map(address).collect(),
            modules: manifest.modules.iter().map(address).collect(),
        })
    }
}

/// The stream of a project.
pub(super) fn stream(previews: &Previews, project: ProjectId) -> Response<PreviewBody> {
    let mut shown = previews.running(project).watch();
    shown.mark_changed();
    let events = stream::unfold(shown, |mut shown| async move {
        let event = next(&mut shown).await?;
        Some((Ok::<_, Infallible>(Frame::data(event)), shown))
    });
    let body = StreamBody::new(events)
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut response = Response::new(empty());
    *response.body_mut() = body;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The next event, or a heartbeat; none when the project is gone.
async fn next(shown: &mut watch::Receiver<Option<Candidate>>) -> Option<Bytes> {
    match timeout(HEARTBEAT, shown.changed()).await {
        Err(_) => Some(Bytes::from_static(b": still here\n\n")),
        Ok(Err(_)) => None,
        Ok(Ok(())) => {
            let candidate = shown.borrow_and_update().clone();
            let load = candidate.as_ref().and_then(Load::of);
            let data = serde_json::to_string(&load).unwrap_or_else(|_| "null".to_owned());
            Some(Bytes::from(format!("event: show\ndata: {data}\n\n")))
        }
    }
}
