//! What a peer has seen.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;

use crate::provider::Provider;

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// `POST`, …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl Received {
    /// The first header of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
    }
}

/// A rule of a provider that a request broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Which request: the first is 0.
    pub request: usize,
    /// Whose rule.
    pub provider: Provider,
    /// The status with which the provider refuses such a request; none where it takes it in
    /// silence, though it does not do what was meant.
    pub status: Option<u16>,
    /// In the provider's words where it has some.
    pub message: String,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All of it has been given to the connection.
    Whole,
    /// The script broke it off.
    Broken,
    /// The client closed the connection before the end.
    ByClient,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub requests: Vec<Received>,
    pub complaints: Vec<Complaint>,
    /// Of each request: when each piece of its answer left.
    pub sent: Vec<Vec<SystemTime>>,
    /// Of each request: how and when its answer ended.
    pub ended: Vec<Option<(Ended, SystemTime)>>,
    pub count: usize,
    /// Answers that have ended whole, broken off, and by the client.
    pub endings: [usize; 3],
    pub opened: usize,
    pub closed: usize,
}

/// What is seen is kept here; shared by all connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    seen: Arc<Mutex<Seen>>,
    /// Counts only: for loads that would fill the memory.
    counts_only: bool,
}

impl Record {
    /// Keeping all, or counts only.
    pub fn new(counts_only: bool) -> Self {
        let seen = Arc::default();
        Self { seen, counts_only }
    }

    pub fn lock(&self) -> MutexGuard<'_, Seen> {
        // A test that failed while it held the lock has said so already.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a request; its number, and what its answer is told to.
    pub fn request(&self, received: &Received) -> Exchange {
        let mut seen = self.lock();
        let number = seen.count;
        seen.count += 1;
        let kept = !self.counts_only;
        if kept {
            seen.requests.push(received.clone());
            seen.sent.push(Vec::new());
            seen.ended.push(None);
        }
        drop(seen);
        Exchange {
            number,
            kept,
            record: Some(self.clone()),
        }
    }

    /// Keeps a complaint.
    pub fn complain(&self, complaint: Complaint) {
        let mut seen = self.lock();
        // A load that breaks a rule breaks it each time: the first ones tell.
        if seen.complaints.len() < 10_000 {
            seen.complaints.push(complaint);
        }
    }
}

/// The answer to one request. It was the client that ended it when it is dropped before its end.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub number: usize,
    kept: bool,
    /// Until it has ended.
    record: Option<Record>,
}

impl Exchange {
    /// A piece leaves.
    pub fn sent(&self) {
        if self.kept
            && let Some(record) = &self.record
            && let Some(times) = record.lock().sent.get_mut(self.number)
        {
            times.push(SystemTime::now());
        }
    }

    /// The answer has ended; only the first time counts.
    pub fn end(&mut self, how: Ended) {
        let Some(record) = self.record.take() else {
            return;
        };
        let mut seen = record.lock();
        if let Some(count) = seen.endings.get_mut(how as usize) {
            *count += 1;
        }
        if let Some(ended) = seen.ended.get_mut(self.number) {
            *ended = Some((how, SystemTime::now()));
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(Ended::ByClient);
    }
}
