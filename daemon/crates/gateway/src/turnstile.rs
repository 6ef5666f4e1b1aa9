//! How many requests a key of a provider gets at once and in a minute.
//!
//! Who has to wait stands in a line that is fair between users: each has a line of their own, and the
//! lines take turns. Where no more may wait, the last one of the longest line gives way to a user who has
//! fewer waiting, and everyone else is told when to come again. Tokens are counted by what is
//! expected of a request first and by what it used in the end; so a minute may be overdrawn, and the
//! next one pays for it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Requests that wait where nothing else is configured.
pub(crate) const QUEUE: u32 = 100;

/// When to come again if it cannot be told.
const SOON: Duration = Duration::from_secs(1);

/// What is allowed. None is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub concurrent: Option<u32>,
    pub requests_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u32>,
    pub queue: Option<u32>,
}

/// There is no room in the line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full {
    pub retry_after: Duration,
}

/// Lets requests through.
#[derive(Debug, Default)]
pub(crate) struct Turnstile {
    inner: Mutex<Inner>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    limits: Limits,
    running: u32,
    requests: Bucket,
    tokens: Bucket,
    next_ticket: u64,
    lines: HashMap<String, VecDeque<u64>>,
    /// Users whose lines are not empty, in the order of their turns.
    turns: VecDeque<String>,
    waiting: u32,
}

/// What is left of a minute.
#[derive(Debug, Default)]
struct Bucket {
    level: f64,
    at: Option<Instant>,
}

impl Bucket {
    fn refill(&mut self, per_minute: u32, now: Instant) {
        let most = f64::from(per_minute);
        self.level = match self.at {
            None => most,
            Some(at) => {
                let passed = now.saturating_duration_since(at).as_secs_f64();
                (self.level + passed * most / 60.0).min(most)
            }
        };
        self.at = Some(now);
    }

    /// How long until there is so much; none when there is.
    fn missing(&mut self, wanted: f64, per_minute: Option<u32>, now: Instant) -> Option<Duration> {
        let per_minute = per_minute?;
        self.refill(per_minute, now);
        let most = f64::from(per_minute);
        // What is larger than a whole minute's worth goes when the minute is full.
        let missing = wanted.min(most) - self.level;
        (missing > 0.0)
            .then(|| Duration::from_secs_f64((missing * 60.0 / most.max(1.0)).max(0.001)))
    }
}

impl Inner {
    /// How long until there is room for such a request; none when there is. `Err` when only the end
    /// of another one makes room.
    fn room(&mut self, tokens: f64, now: Instant) -> Result<Option<Duration>, ()> {
        if self
            .limits
            .concurrent
            .is_some_and(|most| self.running >= most)
        {
            return Err(());
        }
        let requests = self.limits.requests_per_minute;
        let until = self.requests.missing(1.0, requests, now);
        let per_minute = self.limits.tokens_per_minute;
        Ok(until.max(self.tokens.missing(tokens, per_minute, now)))
    }

    fn full(&mut self, tokens: f64) -> Full {
        let until = self.room(tokens, Instant::now());
        let retry_after = until.ok().flatten().unwrap_or(SOON).max(SOON);
        Full { retry_after }
    }

    fn take(&mut self, tokens: f64) {
        self.running += 1;
        self.requests.level -= 1.0;
        self.tokens.level -= tokens;
    }

    fn stand(&mut self, user: &str) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting += 1;
        let line = self.lines.entry(user.to_owned()).or_default();
        if line.is_empty() {
            self.turns.push_back(user.to_owned());
        }
        line.push_back(ticket);
        ticket
    }

    /// Takes the last one out of the longest line, for a user whose own stays shorter; whether it did.
    fn make_room(&mut self, user: &str) -> bool {
        let own = self.lines.get(user).map_or(0, VecDeque::len);
        let longest = self.lines.values_mut().max_by_key(|line| line.len());
        let Some(line) = longest.filter(|line| line.len() > own + 1) else {
            return false;
        };
        line.pop_back();
        self.waiting -= 1;
        true
    }

    fn stands(&self, user: &str, ticket: u64) -> bool {
        let line = self.lines.get(user);
        line.is_some_and(|line| line.contains(&ticket))
    }

    fn is_first(&self, user: &str, ticket: u64) -> bool {
        self.turns.front().is_some_and(|first| first == user)
            && self
                .lines
                .get(user)
                .is_some_and(|line| line.front() == Some(&ticket))
    }

    /// Takes a ticket out of its line. The first one's user gives the turn on.
    fn leave(&mut self, user: &str, ticket: u64) {
        let was_first = self.is_first(user, ticket);
        let Some(line) = self.lines.get_mut(user) else {
            return;
        };
        let before = line.len();
        line.retain(|one| *one != ticket);
        if line.len() < before {
            self.waiting -= 1;
        }
        let empty = line.is_empty();
        if empty {
            self.lines.remove(user);
            self.turns.retain(|one| one != user);
        } else if was_first {
            self.turns.rotate_left(1);
        }
    }
}

impl Turnstile {
    /// Changes what is allowed.
    pub fn set(&self, limits: Limits) {
        let mut inner = self.lock();
        if inner.limits != limits {
            inner.limits = limits;
            // A new allowance begins with a full minute.
            inner.requests = Bucket::default();
            inner.tokens = Bucket::default();
            drop(inner);
            self.moved.notify_waiters();
        }
    }

    /// How many requests run, and how many wait.
    pub fn counts(&self) -> (u32, u32) {
        let inner = self.lock();
        (inner.running, inner.waiting)
    }

    /// Goes through at once, if nobody waits and there is room.
    pub fn try_enter(self: &Arc<Self>, tokens: u32) -> Option<Pass> {
        let mut inner = self.lock();
        let tokens = f64::from(tokens);
        if inner.waiting > 0 || inner.room(tokens, Instant::now()) != Ok(None) {
            return None;
        }
        inner.take(tokens);
        drop(inner);
        Some(Pass::new(self, tokens))
    }

    /// Goes through when it is this user's turn and there is room for a request of so many tokens.
    pub async fn enter(self: &Arc<Self>, user: &str, tokens: u32) -> Result<Pass, Full> {
        if let Some(pass) = self.try_enter(tokens) {
            return Ok(pass);
        }
        let tokens = f64::from(tokens);
        let ticket = {
            let mut inner = self.lock();
            if inner.waiting >= inner.limits.queue.unwrap_or(QUEUE) {
                if !inner.make_room(user) {
                    return Err(inner.full(tokens));
                }
                self.moved.notify_waiters();
            }
            inner.stand(user)
        };
        let ticket = Ticket {
            turnstile: self,
            user,
            ticket,
        };
        loop {
            let moved = self.moved.notified();
            let wait = {
                let mut inner = self.lock();
                if inner.is_first(user, ticket.ticket) {
                    match inner.room(tokens, Instant::now()) {
                        Ok(None) => {
                            inner.take(tokens);
                            drop(inner);
                            // Leaves the line, and has the next one look.
                            drop(ticket);
                            return Ok(Pass::new(self, tokens));
                        }
                        Ok(Some(until)) => Some(until),
                        Err(()) => None,
                    }
                } else if inner.stands(user, ticket.ticket) {
                    None
                } else {
                    return Err(inner.full(tokens));
                }
            };
            match wait {
                Some(until) => {
                    let _ = tokio::time::timeout(until, moved).await;
                }
                None => moved.await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a line; dropping it leaves the line.
struct Ticket<'a> {
    turnstile: &'a Turnstile,
    user: &'a str,
    ticket: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.turnstile.lock().leave(self.user, self.ticket);
        self.turnstile.moved.notify_waiters();
    }
}

/// A request that went through; dropping it makes room for the next.
#[derive(Debug)]
pub(crate) struct Pass {
    turnstile: Arc<Turnstile>,
    expected: f64,
}

impl Pass {
    fn new(turnstile: &Arc<Turnstile>, expected: f64) -> Self {
        Self {
            turnstile: Arc::clone(turnstile),
            expected,
        }
    }

    /// What the request used in the end.
    pub fn used(&mut self, tokens: u64) {
        #[expect(clippy::cast_precision_loss, reason = "tokens of a minute")]
        let used = tokens as f64;
        self.turnstile.lock().tokens.level -= used - self.expected;
        self.expected = used;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inner = self.turnstile.lock();
        inner.running -= 1;
        let waiting = inner.waiting > 0;
        drop(inner);
        if waiting {
            self.turnstile.moved.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt as _, poll};
    use std::{pin::pin, task::Poll};

    fn turnstile(limits: Limits) -> Arc<Turnstile> {
        let turnstile = Arc::new(Turnstile::default());
        turnstile.set(limits);
        turnstile
    }

    const ONE: Limits = Limits {
        concurrent: Some(1),
        requests_per_minute: None,
        tokens_per_minute: None,
        queue: Some(4),
    };

    #[tokio::test]
    async fn users_take_turns_whoever_came_first() {
        let turnstile = turnstile(ONE);
        let running = turnstile.enter("ann", 1).await.unwrap();
        let mut a1 = pin!(turnstile.enter("ann", 1));
        let mut a2 = pin!(turnstile.enter("ann", 1));
        let mut b1 = pin!(turnstile.enter("bob", 1));
        assert!(poll!(&mut a1).is_pending());
        assert!(poll!(&mut a2).is_pending());
        assert!(poll!(&mut b1).is_pending());
        drop(running);
        let Poll::Ready(Ok(pass)) = poll!(&mut a1) else {
            panic!("it was her turn")
        };
        drop(pass);
        assert!(poll!(&mut a2).is_pending());
        let Poll::Ready(Ok(pass)) = poll!(&mut b1) else {
            panic!("it was his turn")
        };
        drop(pass);
        assert!(matches!(poll!(&mut a2), Poll::Ready(Ok(_))));
    }

    #[tokio::test]
    async fn a_full_line_says_when_to_come_again() {
        let turnstile = turnstile(Limits {
            queue: Some(0),
            ..ONE
        });
        let _running = turnstile.enter("ann", 1).await.unwrap();
        let full = turnstile.enter("bob", 1).await.unwrap_err();
        assert_eq!(full.retry_after, SOON);
    }

    #[tokio::test]
    async fn a_full_line_has_room_for_who_has_fewer_waiting() {
        let turnstile = turnstile(ONE);
        let running = turnstile.enter("ann", 1).await.unwrap();
        let mut ann: Vec<_> = (0..4)
            .map(|_| Box::pin(turnstile.enter("ann", 1)))
            .collect();
        for one in &mut ann {
            assert!(poll!(one).is_pending());
        }
        assert!(turnstile.enter("ann", 1).await.is_err());
        let mut bob = pin!(turnstile.enter("bob", 1));
        assert!(poll!(&mut bob).is_pending());
        assert_eq!(turnstile.counts(), (1, 4));
        let last = ann.pop().unwrap();
        assert_eq!(last.await.unwrap_err().retry_after, SOON);
        drop(running);
        let Poll::Ready(Ok(pass)) = poll!(&mut ann[0]) else {
            panic!("she was first")
        };
        drop(pass);
        assert!(matches!(poll!(&mut bob), Poll::Ready(Ok(_))));
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_line() {
        let turnstile = turnstile(ONE);
        let running = turnstile.enter("ann", 1).await.unwrap();
        {
            let mut gone = pin!(turnstile.enter("bob", 1));
            assert!(poll!(&mut gone).is_pending());
            assert_eq!(turnstile.counts(), (1, 1));
        }
        assert_eq!(turnstile.counts(), (1, 0));
        drop(running);
        assert!(turnstile.enter("cyd", 1).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_minute_has_so_many_requests_and_tokens() {
        let requests = turnstile(Limits {
            requests_per_minute: Some(2),
            queue: Some(0),
            ..Limits::default()
        });
        for _ in 0..2 {
            drop(requests.enter("ann", 1).await.unwrap());
        }
        let full = requests.enter("ann", 1).await.unwrap_err();
        assert!(full.retry_after > Duration::from_secs(20), "{full:?}");

        let tokens = turnstile(Limits {
            tokens_per_minute: Some(100),
            queue: Some(0),
            ..Limits::default()
        });
        let mut pass = tokens.enter("ann", 10).await.unwrap();
        pass.used(150);
        drop(pass);
        let full = tokens.enter("ann", 10).await.unwrap_err();
        assert!(full.retry_after > Duration::from_secs(30), "{full:?}");
    }

    #[tokio::test]
    async fn what_is_larger_than_a_minute_goes_when_the_minute_is_full() {
        let turnstile = turnstile(Limits {
            tokens_per_minute: Some(100),
            ..Limits::default()
        });
        assert!(turnstile.enter("ann", 4_000).now_or_never().is_some());
    }
}
