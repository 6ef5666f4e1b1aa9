//! The attempts of one request, until the first piece of an answer. Nothing is repeated after it.
//!
//! 1. The targets of a tier are tried one after another: those that have room first, then the first
//!    one in whose line there is a place.
//! 2. What may pass is repeated at the same target after a pause, as often as the rules allow for the
//!    whole request; then the next target is tried.
//! 3. When all targets of a tier ask for a pause, the shortest one is waited for, if it is not too
//!    long; otherwise the next tier is tried.
//! 4. When all targets of all tiers rest or are refused, the first tier is tried all the same.

use crate::{
    answer::Begun,
    errors,
    lane::Asked,
    route::{Route, Target, order},
    span::Span,
    turnstile::{Full, Pass},
    verdict::{self, Verdict},
};
use futures_util::future::BoxFuture;
use labd_plugin_host::{
    Fault, PluginError,
    kinds::ai::{Completion, Event},
};
use labd_protocol::{ApiError, ErrorCode, GatewayConfig};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// Events that are asked for at once before the first piece.
const EVENTS_AT_ONCE: u32 = 64;
/// How long a request waits for its turn. A person has given up by then, and a program asks again.
const LONGEST_LINE: Duration = Duration::from_secs(60);
/// How long a key rests that asks for a pause without saying how long.
const REST: Duration = Duration::from_secs(5);
/// How long a key rests whose account cannot pay.
const SPENT_REST: Duration = Duration::from_secs(3_600);

/// One request on its way.
pub(crate) struct Dispatch<'a> {
    pub config: &'a GatewayConfig,
    pub user: &'a str,
    pub expected: u32,
}

/// One attempt at a target.
pub(crate) trait Attempt<'a, T>:
    Fn(Target) -> BoxFuture<'a, Result<T, PluginError>> + Send + Sync
{
}

impl<'a, T, F: Fn(Target) -> BoxFuture<'a, Result<T, PluginError>> + Send + Sync> Attempt<'a, T>
    for F
{
}

/// What an attempt gave, and where.
pub(crate) struct Done<T> {
    pub target: Target,
    pub pass: Pass,
    pub value: T,
}

/// The beginning of an answer.
pub(crate) struct Started;

impl Started {
    /// Waits for the first piece of content; gives it with what came before it.
    pub async fn wait(completion: &mut dyn Completion) -> Result<Vec<Event>, PluginError> {
        let mut all = Vec::new();
        loop {
            let events = completion.next(EVENTS_AT_ONCE).await?;
            if events.is_empty() {
                let fault = Fault::new("the answer ended before it began");
                return Err(PluginError::Unavailable(fault));
            }
            let begun = events
                .iter()
                .any(|event| !matches!(event, Event::Started { .. } | Event::Usage(_)));
            all.extend(events);
            if begun {
                return Ok(all);
            }
        }
    }
}

impl Done<(Box<dyn Completion>, Vec<Event>)> {
    pub fn into_answer(self) -> Begun {
        let (completion, events) = self.value;
        Begun {
            target: self.target,
            completion,
            events,
            pass: self.pass,
        }
    }
}

/// How an attempt ended that gave nothing.
struct Failed {
    target: Target,
    error: PluginError,
}

/// What a request has left, and where its attempts are noted.
struct Course<'a> {
    /// So many repetitions.
    left: u32,
    span: &'a mut Span,
}

/// Why tiers gave nothing.
#[derive(Default)]
struct Ends {
    last: Option<Failed>,
    full: Option<Full>,
}

/// What is left to do after a tier.
enum Outcome<T> {
    Done(Done<T>),
    /// Nobody else is to be asked.
    Over(Failed),
    /// The next tier.
    Next(Option<Failed>),
    /// Its targets ask for a pause.
    Pause(Duration, Failed),
    /// No line has a place.
    Full(Full),
}

impl Dispatch<'_> {
    /// Tries the route's targets until one gives something.
    ///
    /// # Errors
    /// What the last one said.
    pub async fn run<'a, T: Send>(
        &self,
        route: &Route,
        span: &mut Span,
        attempt: impl Attempt<'a, T>,
    ) -> Result<Done<T>, ApiError> {
        let rules = &self.config.retry;
        let mut course = Course {
            left: rules.retries,
            span,
        };
        let mut ends = Ends::default();
        let mut asked_any = false;
        for tier in &route.tiers {
            let targets = order(tier, rand::random::<f64>);
            if targets.is_empty() {
                continue;
            }
            asked_any = true;
            let end = self.with_pauses(targets, &mut course, &attempt, &mut ends);
            if let Some(end) = end.await {
                return end;
            }
        }
        if !asked_any && let Some(first) = route.tiers.first() {
            // All rest: advice, not a law.
            let end = self.with_pauses(first.clone(), &mut course, &attempt, &mut ends);
            if let Some(end) = end.await {
                return end;
            }
        }
        Err(match (ends.last, ends.full) {
            (Some(failed), _) => explain(failed),
            (None, Some(full)) => too_many(&full),
            (None, None) => ApiError::new(
                ErrorCode::InvalidRequest,
                format!("{} has no target that can be asked.", route.name),
            )
            .with_hint("Look at its keys: labd gateway status"),
        })
    }

    /// Tries the targets of a tier, and once more after the pause that they ask for; none when the next tier
    /// is to be tried.
    async fn with_pauses<'a, T: Send>(
        &self,
        mut targets: Vec<Target>,
        course: &mut Course<'_>,
        attempt: &impl Attempt<'a, T>,
        ends: &mut Ends,
    ) -> Option<Result<Done<T>, ApiError>> {
        let longest = Duration::from_millis(self.config.retry.longest_wait_ms);
        loop {
            match self.tier(&targets, course, attempt).await {
                Outcome::Done(done) => return Some(Ok(done)),
                Outcome::Over(failed) => return Some(Err(explain(failed))),
                Outcome::Next(failed) => {
                    ends.last = failed.or(ends.last.take());
                    return None;
                }
                Outcome::Full(more) => {
                    ends.full = Some(more);
                    return None;
                }
                Outcome::Pause(pause, failed) => {
                    let target = failed.target.clone();
                    ends.last = Some(failed);
                    if course.left == 0 || pause > longest {
                        return None;
                    }
                    course.left -= 1;
                    sleep(pause).await;
                    targets = vec![target];
                }
            }
        }
    }

    async fn tier<'a, T: Send>(
        &self,
        targets: &[Target],
        course: &mut Course<'_>,
        attempt: &impl Attempt<'a, T>,
    ) -> Outcome<T> {
        let mut tried = vec![false; targets.len()];
        let mut last = None;
        let mut pause: Option<(Duration, Failed)> = None;
        let mut full: Option<Full> = None;
        // Who has room first; who has none is waited for when nobody else is left.
        for may_wait in [false, true] {
            for (target, tried) in targets.iter().zip(&mut tried) {
                if *tried {
                    continue;
                }
                let turnstile = &target.lane.turnstile;
                let pass = if may_wait {
                    let enter = turnstile.enter(self.user, self.expected);
                    match timeout(LONGEST_LINE, enter).await {
                        Ok(Ok(pass)) => pass,
                        Ok(Err(more)) => {
                            full = Some(more);
                            continue;
                        }
                        Err(_) => {
                            let retry_after = LONGEST_LINE;
                            full = Some(Full { retry_after });
                            continue;
                        }
                    }
                } else {
                    match turnstile.try_enter(self.expected) {
                        Some(pass) => pass,
                        None => continue,
                    }
                };
                *tried = true;
                let (error, verdict) = match self.target(target, course, attempt).await {
                    Ok(value) => {
                        return Outcome::Done(Done {
                            target: target.clone(),
                            pass,
                            value,
                        });
                    }
                    Err(failed) => failed,
                };
                let failed = Failed {
                    target: target.clone(),
                    error,
                };
                match verdict {
                    Verdict::Over => return Outcome::Over(failed),
                    Verdict::Wait(wait) => {
                        let wait = wait.unwrap_or_else(|| self.backoff(course.left));
                        if pause.as_ref().is_none_or(|(least, _)| wait < *least) {
                            pause = Some((wait, failed));
                        }
                    }
                    _ => last = Some(failed),
                }
            }
        }
        match (pause, last, full) {
            (Some((wait, failed)), _, _) => Outcome::Pause(wait, failed),
            (None, Some(failed), _) => Outcome::Next(Some(failed)),
            (None, None, Some(full)) => Outcome::Full(full),
            (None, None, None) => Outcome::Next(None),
        }
    }

    /// Asks one target, and again where that may help.
    async fn target<'a, T: Send>(
        &self,
        target: &Target,
        course: &mut Course<'_>,
        attempt: &impl Attempt<'a, T>,
    ) -> Result<T, (PluginError, Verdict)> {
        loop {
            let asked = target.lane.ask();
            let since = Instant::now();
            let error = match self.in_time(attempt(target.clone())).await {
                Ok(value) => {
                    course.span.attempt(target, since.elapsed(), None);
                    asked.answered();
                    return Ok(value);
                }
                Err(error) => error,
            };
            course.span.attempt(target, since.elapsed(), Some(&error));
            let verdict = verdict::of(&error);
            tell(asked, &error, verdict);
            if verdict != Verdict::Again || course.left == 0 {
                return Err((error, verdict));
            }
            let pause = self.backoff(course.left);
            course.left -= 1;
            tracing::debug!(provider = %target.provider_name, %error, ?pause, "asked again");
            sleep(pause).await;
        }
    }

    fn backoff(&self, left: u32) -> Duration {
        let rules = &self.config.retry;
        let repetition = rules.retries.saturating_sub(left);
        verdict::pause(rules, repetition, rand::random::<f64>())
    }

    async fn in_time<T>(
        &self,
        attempt: impl Future<Output = Result<T, PluginError>>,
    ) -> Result<T, PluginError> {
        match self.config.timeouts.first_event_ms {
            Some(longest) => timeout(Duration::from_millis(longest), attempt)
                .await
                .unwrap_or(Err(PluginError::Timeout)),
            None => attempt.await,
        }
    }
}

/// Tells the key's health what its failure means.
fn tell(asked: Asked, error: &PluginError, verdict: Verdict) {
    let reason = error.to_string();
    match verdict {
        Verdict::Again => asked.failed(&reason),
        Verdict::Wait(wait) => asked.rest(wait.unwrap_or(REST), &reason),
        Verdict::Spent => asked.rest(SPENT_REST, &reason),
        Verdict::Refused => asked.refused(&reason),
        // It answered, so that it is not the key that fails.
        Verdict::Elsewhere | Verdict::Over => drop(asked),
    }
}

fn explain(failed: Failed) -> ApiError {
    errors::of_provider(&failed.target.provider_name, failed.error)
}

fn too_many(full: &Full) -> ApiError {
    ApiError {
        retry_after_ms: u64::try_from(full.retry_after.as_millis()).ok(),
        ..ApiError::new(
            ErrorCode::Overloaded,
            "Too many requests wait for an AI provider already. Try again in a moment.",
        )
        .with_hint("More may wait, or run at once: limits in labd gateway config.")
    }
}
