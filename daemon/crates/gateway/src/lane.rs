//! A key of a provider, as requests see it: whether to ask it, when it is free, and how it fares.

use crate::{
    health::{Advice, Health, Sent},
    record::StoredCredential,
    turnstile::Turnstile,
};
use jiff::Timestamp;
use labd_protocol::{KeyState, KeyStatus, ProviderId};
use sha2::{Digest as _, Sha256};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Of so many of the last answers the figures are.
const LAST: usize = 256;
/// Shorter answers say nothing of a speed: they came in one piece, or out of a cache.
const SHORTEST: Duration = Duration::from_millis(250);

/// See the module. It lives as long as the daemon, whatever else of its provider changes.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    health: Mutex<Health>,
    pub turnstile: Arc<Turnstile>,
    figures: Mutex<Figures>,
    /// Of the credential, to see when it is another.
    credential: Mutex<[u8; 32]>,
}

#[derive(Debug, Default)]
struct Figures {
    attempts: u64,
    failures: u64,
    /// Milliseconds.
    first_events: VecDeque<f64>,
    /// Tokens a second.
    speeds: VecDeque<f64>,
}

impl Lane {
    pub fn advice(&self) -> Advice {
        lock(&self.health).advice(Instant::now())
    }

    /// Forgets what is known of its health when the credential is not the one of before, or was entered
    /// anew, for the same origin or another.
    pub fn use_credential(&self, credential: Option<&StoredCredential>) {
        let digest = credential.map_or_else(Default::default, |one| {
            let entered = one.entered.map(Timestamp::as_nanosecond);
            let whole = format!("{entered:?}\0{}\0", one.origin);
            let digest = Sha256::new_with_prefix(whole);
            digest.chain_update(one.value.expose()).finalize().into()
        });
        let mut known = lock(&self.credential);
        if *known != digest {
            *known = digest;
            lock(&self.health).renew();
        }
    }

    /// A request goes there now.
    pub fn ask(self: &Arc<Self>) -> Asked {
        let now = Instant::now();
        let sent = lock(&self.health).asked(now);
        lock(&self.figures).attempts += 1;
        Asked {
            lane: Arc::clone(self),
            sent,
            since: now,
            open: true,
        }
    }

    /// An answer that had begun broke off.
    pub fn broke_off(&self, reason: &str) {
        lock(&self.figures).failures += 1;
        lock(&self.health).broke_off(Instant::now(), reason);
    }

    /// An answer ended, of so many tokens since its first piece.
    pub fn ended(&self, tokens: u32, took: Duration) {
        if tokens > 0 && took >= SHORTEST {
            let speed = f64::from(tokens) / took.as_secs_f64();
            push(&mut lock(&self.figures).speeds, speed);
        }
    }

    /// As people see it.
    pub fn status(&self, provider: ProviderId, name: &str, key: Option<&str>) -> KeyStatus {
        let now = Instant::now();
        let (state, resting, last_error) = {
            let health = lock(&self.health);
            let (state, until) = match health.advice(now) {
                Advice::Refused => (KeyState::Refused, None),
                _ if health.is_probing() => (KeyState::Probing, None),
                Advice::Rest(until) => (KeyState::Resting, Some(until)),
                Advice::Ask | Advice::Probe => (KeyState::Ready, None),
            };
            (state, until, health.last_error().map(str::to_owned))
        };
        let (running, waiting) = self.turnstile.counts();
        let figures = lock(&self.figures);
        let mut sorted: Vec<f64> = figures.first_events.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let quantile = |percent: usize| sorted.get(sorted.len() * percent / 100).copied();
        #[expect(clippy::cast_precision_loss, reason = "at most LAST")]
        let count = figures.speeds.len() as f64;
        KeyStatus {
            provider,
            provider_name: name.to_owned(),
            key: key.map(str::to_owned),
            state,
            resting_until: resting.and_then(|until| {
                let left = until.saturating_duration_since(now);
                jiff::Timestamp::now().checked_add(left).ok()
            }),
            last_error,
            running,
            waiting,
            attempts: figures.attempts,
            failures: figures.failures,
            first_event_p50_ms: quantile(50),
            first_event_p95_ms: quantile(95),
            tokens_per_second: (count > 0.0).then(|| figures.speeds.iter().sum::<f64>() / count),
        }
    }
}

fn push(ring: &mut VecDeque<f64>, value: f64) {
    if ring.len() == LAST {
        ring.pop_front();
    }
    ring.push_back(value);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that is on its way; dropped before its end, it says nothing of the key.
pub(crate) struct Asked {
    lane: Arc<Lane>,
    sent: Sent,
    since: Instant,
    open: bool,
}

impl Asked {
    /// The first piece of the answer is there.
    pub fn answered(mut self) {
        self.open = false;
        lock(&self.lane.health).answered(self.sent);
        let took = self.since.elapsed().as_secs_f64() * 1_000.0;
        push(&mut lock(&self.lane.figures).first_events, took);
    }

    /// It failed in a way that may pass.
    pub fn failed(mut self, reason: &str) {
        self.end();
        lock(&self.lane.health).failed(self.sent, Instant::now(), reason);
    }

    /// It is asked to be left alone for so long.
    pub fn rest(mut self, rest: Duration, reason: &str) {
        self.end();
        lock(&self.lane.health).rest(self.sent, Instant::now() + rest, reason);
    }

    /// Its credential is refused.
    pub fn refused(mut self, reason: &str) {
        self.end();
        lock(&self.lane.health).refuse(self.sent, reason);
    }

    fn end(&mut self) {
        self.open = false;
        lock(&self.lane.figures).failures += 1;
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.open {
            lock(&self.lane.health).said_nothing(self.sent, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_milliseconds_is_no_sample_of_a_speed() {
        let lane = Arc::<Lane>::default();
        let speed = || {
            let status = lane.status(ProviderId::generate(), "Acme", None);
            status.tokens_per_second
        };
        lane.ended(500, Duration::from_millis(2));
        lane.ended(0, Duration::from_secs(2));
        assert_eq!(speed(), None);
        lane.ended(60, Duration::from_secs(2));
        lane.ended(500, Duration::from_millis(2));
        assert_eq!(speed(), Some(30.0));
    }
}
