//! Restarts with backoff, then quarantine.
//!
//! Health is kept per plugin and owner (a provider, a data source, a project): what one of them
//! does to its instances never takes the plugin away from another.

use crate::Limits;
use std::time::{Duration, Instant};

/// The first wait; each further one is twice as long.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// How a plugin fares for one owner.
#[derive(Debug, Default)]
pub(crate) struct Health {
    traps: u32,
    last: Option<Instant>,
    quarantined: Option<String>,
}

impl Health {
    /// Takes note of a trap; true when it leads to quarantine.
    pub fn trapped(&mut self, now: Instant, reason: &str, limits: &Limits) -> bool {
        self.recover(now, limits);
        self.traps += 1;
        self.last = Some(now);
        if self.traps > limits.restarts && self.quarantined.is_none() {
            self.quarantined = Some(format!(
                "it failed {} times in a row, the last time because {reason}",
                self.traps
            ));
            return true;
        }
        false
    }

    /// When the next instance may start, or why it may not.
    pub fn may_start(&mut self, now: Instant, limits: &Limits) -> Result<Instant, String> {
        self.recover(now, limits);
        if let Some(reason) = &self.quarantined {
            return Err(reason.clone());
        }
        let Some(last) = self.last.filter(|_| self.traps > 0) else {
            return Ok(now);
        };
        let wait = FIRST_BACKOFF
            .saturating_mul(1 << (self.traps - 1).min(16))
            .min(limits.backoff);
        Ok(now.max(last + wait))
    }

    /// Why no instance is started.
    pub fn quarantined(&self) -> Option<&str> {
        self.quarantined.as_deref()
    }

    fn recover(&mut self, now: Instant, limits: &Limits) {
        let healthy = self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) >= limits.healthy_after);
        if healthy && self.quarantined.is_none() {
            self.traps = 0;
            self.last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_until_the_budget_is_spent_and_then_it_is_quarantined() {
        let limits = Limits::default();
        let now = Instant::now();
        let mut health = Health::default();
        assert_eq!(health.may_start(now, &limits), Ok(now));
        let mut waits = Vec::new();
        for _ in 0..3 {
            assert!(!health.trapped(now, "of a test", &limits));
            waits.push(health.may_start(now, &limits).unwrap() - now);
        }
        assert!(waits.is_sorted() && waits[0] < waits[2] && waits[2] <= limits.backoff);
        assert!(health.trapped(now, "of a test", &limits));
        let later = now + limits.healthy_after * 2;
        assert!(
            health
                .may_start(later, &limits)
                .unwrap_err()
                .contains("of a test")
        );
    }

    #[test]
    fn a_minute_without_a_trap_restores_the_budget() {
        let limits = Limits::default();
        let mut now = Instant::now();
        let mut health = Health::default();
        for _ in 0..10 {
            assert!(!health.trapped(now, "of a test", &limits));
            now += limits.healthy_after;
            assert_eq!(health.may_start(now, &limits), Ok(now));
        }
    }
}
