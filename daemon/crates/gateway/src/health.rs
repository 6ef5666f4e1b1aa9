//! Whether a key of a provider is asked.
//!
//! | state | what led there | what leads on |
//! | --- | --- | --- |
//! | ready | | |
//! | resting | [`FAILURES`] failures in a row, or a wait that the provider asked for | the time passes: one request may try |
//! | probing | that request is on its way | its end: ready, or resting twice as long |
//! | refused | the provider refuses the credential | it is entered anew |
//!
//! Resting is advice: where no other target is left, one that rests is asked all the same. A person
//! who has just mended something is not told to wait.

use std::time::{Duration, Instant};

/// So many failures in a row, and it rests.
const FAILURES: u32 = 3;
/// The first rest.
const FIRST_REST: Duration = Duration::from_secs(10);
/// The longest one.
const LONGEST_REST: Duration = Duration::from_secs(300);
/// Longest text of a failure that is kept, in characters.
const REASON: usize = 300;

/// Whether to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Yes.
    Ask,
    /// Yes; nobody else does until it is known how that ends.
    Probe,
    /// Rather another one, until then.
    Rest(Instant),
    /// Its credential is refused.
    Refused,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Ready,
    Resting(Instant),
    Probing,
    Refused,
}

/// How a key fares.
#[derive(Debug, Default)]
pub(crate) struct Health {
    state: State,
    failures: u32,
    last_error: Option<String>,
}

impl Health {
    /// What is known of it, without taking the probe.
    pub fn advice(&self, now: Instant) -> Advice {
        match self.state {
            State::Ready => Advice::Ask,
            State::Resting(until) if until <= now => Advice::Probe,
            State::Resting(until) => Advice::Rest(until),
            // Whoever comes meanwhile looks elsewhere for as long as the probe may take.
            State::Probing => Advice::Rest(now + FIRST_REST),
            State::Refused => Advice::Refused,
        }
    }

    /// A request goes there.
    pub fn asked(&mut self, now: Instant) {
        if self.advice(now) == Advice::Probe {
            self.state = State::Probing;
        }
    }

    /// It answered.
    pub fn answered(&mut self) {
        self.state = State::Ready;
        self.failures = 0;
    }

    /// It failed in a way that may pass.
    pub fn failed(&mut self, now: Instant, reason: &str) {
        self.failures = self.failures.saturating_add(1);
        self.tell(reason);
        if let Some(more) = self.failures.checked_sub(FAILURES) {
            let rest = FIRST_REST.saturating_mul(1 << more.min(8));
            self.state = State::Resting(now + rest.min(LONGEST_REST));
        } else if matches!(self.state, State::Probing) {
            self.state = State::Ready;
        }
    }

    /// It asks to be left alone for so long.
    pub fn rest(&mut self, until: Instant, reason: &str) {
        self.tell(reason);
        self.state = State::Resting(until);
    }

    /// Its credential is refused.
    pub fn refuse(&mut self, reason: &str) {
        self.tell(reason);
        self.state = State::Refused;
    }

    /// The request ended in a way that says nothing of it: it was withdrawn, or was wrong itself.
    pub fn said_nothing(&mut self, now: Instant) {
        if matches!(self.state, State::Probing) {
            self.state = State::Resting(now);
        }
    }

    /// Whether a probe is on its way.
    pub fn is_probing(&self) -> bool {
        matches!(self.state, State::Probing)
    }

    /// Its last failure.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    fn tell(&mut self, reason: &str) {
        self.last_error = Some(reason.chars().take(REASON).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_are_a_rest_and_each_failed_probe_doubles_it() {
        let now = Instant::now();
        let mut health = Health::default();
        health.failed(now, "down");
        health.failed(now, "down");
        assert_eq!(health.advice(now), Advice::Ask);
        health.failed(now, "still down");
        assert_eq!(health.advice(now), Advice::Rest(now + FIRST_REST));
        assert_eq!(health.last_error(), Some("still down"));

        let later = now + FIRST_REST;
        assert_eq!(health.advice(later), Advice::Probe);
        health.asked(later);
        assert!(health.is_probing());
        assert!(matches!(health.advice(later), Advice::Rest(_)));
        health.failed(later, "down");
        assert_eq!(health.advice(later), Advice::Rest(later + 2 * FIRST_REST));
        for _ in 0..40 {
            health.failed(later, "down");
        }
        assert_eq!(health.advice(later), Advice::Rest(later + LONGEST_REST));
    }

    #[test]
    fn an_answer_makes_it_ready_and_forgets_the_failures() {
        let now = Instant::now();
        let mut health = Health::default();
        for _ in 0..3 {
            health.failed(now, "down");
        }
        health.asked(now + FIRST_REST);
        health.answered();
        assert_eq!(health.advice(now), Advice::Ask);
        health.failed(now, "down");
        assert_eq!(health.advice(now), Advice::Ask);
    }

    #[test]
    fn a_probe_that_was_withdrawn_leaves_the_probe_to_the_next() {
        let now = Instant::now();
        let mut health = Health::default();
        health.rest(now, "slow down");
        health.asked(now);
        health.said_nothing(now);
        assert_eq!(health.advice(now), Advice::Probe);
    }

    #[test]
    fn a_refused_key_is_not_asked() {
        let now = Instant::now();
        let mut health = Health::default();
        health.refuse("no such key");
        assert_eq!(health.advice(now + LONGEST_REST), Advice::Refused);
    }
}
