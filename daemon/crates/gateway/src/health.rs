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
    /// States that came before this one.
    age: u64,
    failures: u32,
    last_error: Option<String>,
}

/// In which state a request was sent. Requests end late: what one says that is older than the state says
/// little of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    age: u64,
    /// It was sent because the key was thought to answer, or as the probe, and not in spite of its rest.
    counts: bool,
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

    /// Nothing is known any more, and what is under way says nothing of what comes.
    pub fn renew(&mut self) {
        *self = Self {
            age: self.age + 1,
            ..Self::default()
        };
    }

    /// A request goes there.
    pub fn asked(&mut self, now: Instant) -> Sent {
        let counts = match self.advice(now) {
            Advice::Ask => true,
            Advice::Probe => {
                self.turn(State::Probing);
                true
            }
            Advice::Rest(_) | Advice::Refused => false,
        };
        let age = self.age;
        Sent { age, counts }
    }

    /// It answered.
    pub fn answered(&mut self, sent: Sent) {
        if sent.age == self.age {
            self.failures = 0;
            if !matches!(self.state, State::Ready) {
                self.turn(State::Ready);
            }
        }
    }

    /// It failed in a way that may pass.
    pub fn failed(&mut self, sent: Sent, now: Instant, reason: &str) {
        self.tell(reason);
        if sent.age != self.age || !sent.counts {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if let Some(more) = self.failures.checked_sub(FAILURES) {
            let rest = FIRST_REST.saturating_mul(1 << more.min(8));
            self.turn(State::Resting(now + rest.min(LONGEST_REST)));
        } else if matches!(self.state, State::Probing) {
            self.turn(State::Ready);
        }
    }

    /// An answer that had begun broke off.
    pub fn broke_off(&mut self, now: Instant, reason: &str) {
        let counts = matches!(self.state, State::Ready);
        let age = self.age;
        self.failed(Sent { age, counts }, now, reason);
    }

    /// It asks to be left alone for so long.
    pub fn rest(&mut self, sent: Sent, until: Instant, reason: &str) {
        self.tell(reason);
        match &mut self.state {
            // Whoever asks for the longest is heard.
            State::Resting(known) => *known = until.max(*known),
            State::Ready => self.turn(State::Resting(until)),
            State::Probing | State::Refused if sent.age == self.age => {
                self.turn(State::Resting(until));
            }
            State::Probing | State::Refused => {}
        }
    }

    /// Its credential is refused.
    pub fn refuse(&mut self, sent: Sent, reason: &str) {
        self.tell(reason);
        if sent.age == self.age {
            self.turn(State::Refused);
        }
    }

    /// The request ended in a way that says nothing of it: it was withdrawn, or was wrong itself.
    pub fn said_nothing(&mut self, sent: Sent, now: Instant) {
        if sent.age == self.age && sent.counts && matches!(self.state, State::Probing) {
            self.turn(State::Resting(now));
        }
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.age += 1;
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

    /// A request that is sent and fails at once.
    fn fails(health: &mut Health, now: Instant) {
        fails_with(health, now, "down");
    }

    fn fails_with(health: &mut Health, now: Instant, reason: &str) {
        let sent = health.asked(now);
        health.failed(sent, now, reason);
    }

    #[test]
    fn three_failures_in_a_row_are_a_rest_and_each_failed_probe_doubles_it() {
        let now = Instant::now();
        let mut health = Health::default();
        fails(&mut health, now);
        fails(&mut health, now);
        assert_eq!(health.advice(now), Advice::Ask);
        fails_with(&mut health, now, "still down");
        assert_eq!(health.advice(now), Advice::Rest(now + FIRST_REST));
        assert_eq!(health.last_error(), Some("still down"));

        let mut later = now + FIRST_REST;
        assert_eq!(health.advice(later), Advice::Probe);
        let probe = health.asked(later);
        assert!(health.is_probing());
        assert!(matches!(health.advice(later), Advice::Rest(_)));
        health.failed(probe, later, "down");
        assert_eq!(health.advice(later), Advice::Rest(later + 2 * FIRST_REST));
        for _ in 0..10 {
            later += LONGEST_REST;
            fails(&mut health, later);
        }
        assert_eq!(health.advice(later), Advice::Rest(later + LONGEST_REST));
    }

    #[test]
    fn an_answer_makes_it_ready_and_forgets_the_failures() {
        let now = Instant::now();
        let mut health = Health::default();
        for _ in 0..3 {
            fails(&mut health, now);
        }
        let probe = health.asked(now + FIRST_REST);
        health.answered(probe);
        assert_eq!(health.advice(now), Advice::Ask);
        fails(&mut health, now);
        assert_eq!(health.advice(now), Advice::Ask);
    }

    #[test]
    fn failures_of_requests_that_were_under_way_do_not_lengthen_a_rest() {
        let now = Instant::now();
        let mut health = Health::default();
        let under_way: Vec<Sent> = (0..9).map(|_| health.asked(now)).collect();
        for sent in under_way {
            health.failed(sent, now, "down");
        }
        // Nor do those that are sent in spite of it.
        fails(&mut health, now);
        assert_eq!(health.advice(now), Advice::Rest(now + FIRST_REST));
    }

    #[test]
    fn an_older_answer_ends_no_rest_and_a_later_one_does() {
        let now = Instant::now();
        let mut health = Health::default();
        let (older, limited) = (health.asked(now), health.asked(now));
        health.rest(limited, now + LONGEST_REST, "slow down");
        health.answered(older);
        assert_eq!(health.advice(now), Advice::Rest(now + LONGEST_REST));
        let in_spite = health.asked(now);
        health.answered(in_spite);
        assert_eq!(health.advice(now), Advice::Ask);
    }

    #[test]
    fn the_longest_rest_that_is_asked_for_counts() {
        let now = Instant::now();
        let mut health = Health::default();
        let (one, other) = (health.asked(now), health.asked(now));
        health.rest(one, now + LONGEST_REST, "slow down");
        health.rest(other, now + FIRST_REST, "slow down");
        assert_eq!(health.advice(now), Advice::Rest(now + LONGEST_REST));
    }

    #[test]
    fn a_probe_that_was_withdrawn_leaves_the_probe_to_the_next() {
        let now = Instant::now();
        let mut health = Health::default();
        let sent = health.asked(now);
        health.rest(sent, now, "slow down");
        let probe = health.asked(now);
        let other = health.asked(now);
        health.said_nothing(other, now);
        assert!(health.is_probing(), "that was not the probe");
        health.said_nothing(probe, now);
        assert_eq!(health.advice(now), Advice::Probe);
    }

    #[test]
    fn a_refused_key_is_not_asked_until_it_is_entered_anew() {
        let now = Instant::now();
        let mut health = Health::default();
        let (first, second) = (health.asked(now), health.asked(now));
        health.refuse(first, "no such key");
        assert_eq!(health.advice(now + LONGEST_REST), Advice::Refused);
        health.renew();
        health.refuse(second, "no such key");
        assert_eq!(health.advice(now), Advice::Ask, "that was the former key");
    }
}
