//! What was used, by day, model, user and project, and what budgets leave of it.
//!
//! A request is entered with what it is expected to use, which grows as its answer does, so that many at
//! once do not overdraw a budget, and settled once, with what it did use. Today's figures are in memory and written behind:
//! a crash loses what was settled in the last moments.

use crate::prices;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use labd_plugin_host::kinds::ai::Usage;
use labd_protocol::{
    ApiError, Budget, BudgetScope, BudgetStatus, ErrorCode, GatewayConfig, ProviderId, UsageTotals,
};
use labd_store::{Batch, Record, Store};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// For whom a request is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Customer {
    /// Whoever asks: `token:<id>`, `session:<id>`, `socket`.
    pub user: String,
    /// In which project; none for requests from elsewhere.
    pub project: Option<String>,
}

/// What is counted by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Line {
    pub provider: ProviderId,
    pub model: String,
    pub customer: Customer,
}

/// A day as it is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Day {
    lines: Vec<(Line, UsageTotals)>,
}

impl Record for Day {
    const KIND: &'static str = "ai-usage";
}

/// How a request ended.
pub(crate) struct Settled<'a> {
    pub provider: ProviderId,
    pub plugin: &'a str,
    /// The model that served.
    pub model: &'a str,
    pub usage: Usage,
    pub failed: bool,
}

#[derive(Default)]
struct State {
    day: Date,
    lines: HashMap<Line, UsageTotals>,
    used: HashMap<(BudgetScope, String), Used>,
    changed: bool,
}

#[derive(Clone, Copy, Default)]
struct Used {
    tokens: u64,
    money: f64,
    /// What requests under way are expected to use, or have used by now.
    expected: Use,
}

/// What a request uses.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    tokens: u64,
    money: f64,
}

impl Used {
    fn all_tokens(&self) -> u64 {
        self.tokens.saturating_add(self.expected.tokens)
    }

    fn all_money(&self) -> f64 {
        self.money + self.expected.money
    }

    /// A request under way was expected to use this, and is now expected to use that.
    fn expect(&mut self, former: Use, now: Use) {
        let tokens = self.expected.tokens.saturating_sub(former.tokens);
        self.expected.tokens = tokens.saturating_add(now.tokens);
        self.expected.money = (self.expected.money - former.money + now.money).max(0.0);
    }
}

/// See the module.
pub(crate) struct Ledger {
    store: Store,
    state: Mutex<State>,
    now: fn() -> Timestamp,
}

impl Ledger {
    /// What the store holds of today.
    pub fn open(store: Store) -> Result<Self, ApiError> {
        let ledger = Self {
            store,
            state: Mutex::default(),
            now: Timestamp::now,
        };
        let day = ledger.today();
        let known: Day = ledger.store.get(&day.to_string())?.unwrap_or_default();
        let mut state = ledger.lock();
        state.day = day;
        for (line, totals) in known.lines {
            state.count(&line.customer, tokens(&totals), totals.money);
            state.lines.insert(line, totals);
        }
        drop(state);
        Ok(ledger)
    }

    fn today(&self) -> Date {
        (self.now)().to_zoned(TimeZone::UTC).date()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Today's state. What a day before left unwritten is written with the next flush, since a
    /// request belongs to the day on which it ended.
    fn state(&self) -> MutexGuard<'_, State> {
        let today = self.today();
        let mut state = self.lock();
        if state.day != today {
            let former = std::mem::take(&mut *state);
            state.day = today;
            // What is under way goes on in the new day.
            for (key, used) in former.used {
                if used.expected.tokens > 0 {
                    let expected = used.expected;
                    state.used.insert(
                        key,
                        Used {
                            expected,
                            ..Used::default()
                        },
                    );
                }
            }
            if former.changed {
                let store = self.store.clone();
                let (day, lines) = (former.day, former.lines);
                tokio::spawn(async move { write(&store, day, lines).await });
            }
        }
        state
    }

    /// Enters a request that is expected to use so many tokens.
    ///
    /// # Errors
    /// When a budget is spent.
    pub fn enter(
        self: &Arc<Self>,
        config: Arc<GatewayConfig>,
        customer: &Customer,
        expected: u32,
    ) -> Result<Entry, ApiError> {
        let mut state = self.state();
        for (budget, used, who) in state.budgets(&config, customer) {
            let spent = |limit: &str| {
                self.spent(format!("The day's budget of {limit} for {who} is spent."))
            };
            if budget
                .money_per_day
                .is_some_and(|most| used.all_money() >= most)
            {
                return Err(spent("money"));
            }
            if budget
                .tokens_per_day
                .is_some_and(|most| used.all_tokens() >= most)
            {
                return Err(spent("tokens"));
            }
        }
        let expected = Use {
            tokens: u64::from(expected),
            money: 0.0,
        };
        state.expect(customer, Use::default(), expected);
        Ok(Entry {
            ledger: Arc::clone(self),
            config,
            customer: customer.clone(),
            expected,
        })
    }

    /// A budget is spent: what is so, and when it begins anew.
    fn spent(&self, what: String) -> ApiError {
        ApiError {
            retry_after_ms: until_tomorrow((self.now)()),
            ..ApiError::new(
                ErrorCode::RateLimited,
                format!("{what} It begins anew at 00:00 UTC."),
            )
            .with_hint("Raise it: labd gateway config, or console, Settings, AI gateway.")
        }
    }

    /// How budgets stand.
    pub fn budgets(&self, config: &GatewayConfig) -> Vec<BudgetStatus> {
        let state = self.state();
        let mut all = Vec::new();
        for budget in &config.budgets {
            let mut of: Vec<_> = state
                .used
                .iter()
                .filter(|((scope, id), _)| {
                    *scope == budget.scope && budget.id.as_ref().is_none_or(|only| only == id)
                })
                .collect();
            of.sort_by(|(one, _), (other, _)| one.1.cmp(&other.1));
            let line = |id: Option<String>, used: Used| BudgetStatus {
                scope: budget.scope,
                id,
                tokens: used.tokens,
                tokens_per_day: budget.tokens_per_day,
                money: used.money,
                money_per_day: budget.money_per_day,
            };
            match budget.scope {
                BudgetScope::Everyone => {
                    let used = of.first().map(|(_, used)| **used).unwrap_or_default();
                    all.push(line(None, used));
                }
                _ => all.extend(
                    of.into_iter()
                        .map(|((_, id), used)| line(Some(id.clone()), *used)),
                ),
            }
        }
        all
    }

    /// The lines of a day.
    pub fn day(&self, day: Date) -> Result<Vec<(Line, UsageTotals)>, ApiError> {
        let state = self.state();
        if state.day == day {
            return Ok(state
                .lines
                .iter()
                .map(|(line, totals)| (line.clone(), *totals))
                .collect());
        }
        drop(state);
        let known: Option<Day> = self.store.get(&day.to_string())?;
        Ok(known.unwrap_or_default().lines)
    }

    /// The days of which something is known, and today, the latest first.
    pub fn days(&self) -> Result<Vec<Date>, ApiError> {
        let mut days: Vec<Date> = self
            .store
            .list::<Day>("")?
            .into_iter()
            .filter_map(|(id, _)| id.parse().ok())
            .collect();
        days.push(self.today());
        days.sort_unstable();
        days.dedup();
        days.reverse();
        Ok(days)
    }

    /// Writes what changed.
    pub async fn flush(&self) {
        let (day, lines) = {
            let mut state = self.state();
            if !std::mem::take(&mut state.changed) {
                return;
            }
            (state.day, state.lines.clone())
        };
        if !write(&self.store, day, lines).await {
            self.lock().changed = true;
        }
    }
}

async fn write(store: &Store, day: Date, lines: HashMap<Line, UsageTotals>) -> bool {
    let day_record = Day {
        lines: lines.into_iter().collect(),
    };
    let mut batch = Batch::new();
    let written = match batch.put(&day.to_string(), &day_record) {
        Ok(_) => store.commit(batch).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &written {
        tracing::warn!(%error, "what AI providers were used cannot be written");
    }
    written.is_ok()
}

/// Writes behind, for as long as the ledger is used.
pub(crate) fn write_behind(ledger: &Arc<Ledger>, every: Duration) {
    let ledger = Arc::downgrade(ledger);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            let Some(ledger) = ledger.upgrade() else {
                return;
            };
            ledger.flush().await;
        }
    });
}

/// Milliseconds until 00:00 UTC.
fn until_tomorrow(now: Timestamp) -> Option<u64> {
    let today = now.to_zoned(TimeZone::UTC);
    let tomorrow = today.date().tomorrow().ok()?;
    let tomorrow = tomorrow.to_zoned(TimeZone::UTC).ok()?.timestamp();
    u64::try_from(tomorrow.as_millisecond() - now.as_millisecond()).ok()
}

fn tokens(totals: &UsageTotals) -> u64 {
    totals.input.saturating_add(totals.output)
}

/// Everything that a customer's use counts for.
fn keys(customer: &Customer) -> impl Iterator<Item = (BudgetScope, String)> {
    [
        Some((BudgetScope::Everyone, String::new())),
        Some((BudgetScope::User, customer.user.clone())),
        customer
            .project
            .clone()
            .map(|project| (BudgetScope::Project, project)),
    ]
    .into_iter()
    .flatten()
}

impl State {
    fn expect(&mut self, customer: &Customer, former: Use, now: Use) {
        for key in keys(customer) {
            self.used.entry(key).or_default().expect(former, now);
        }
    }

    fn count(&mut self, customer: &Customer, tokens: u64, money: f64) {
        for key in keys(customer) {
            let used = self.used.entry(key).or_default();
            used.tokens = used.tokens.saturating_add(tokens);
            used.money += money;
        }
    }

    /// The budgets that bound a customer, with what was used of each and whose it is, in words.
    fn budgets<'a>(
        &self,
        config: &'a GatewayConfig,
        customer: &Customer,
    ) -> Vec<(&'a Budget, Used, String)> {
        let mut all = Vec::new();
        for budget in &config.budgets {
            let (id, who) = match budget.scope {
                BudgetScope::Everyone => (Some(String::new()), "everyone".to_owned()),
                BudgetScope::User => (
                    Some(customer.user.clone()),
                    format!("the user {}", customer.user),
                ),
                BudgetScope::Project => {
                    let id = customer.project.clone();
                    let who = format!("the project {}", id.as_deref().unwrap_or_default());
                    (id, who)
                }
            };
            let Some(id) = id else { continue };
            if budget.id.as_ref().is_some_and(|only| *only != id) {
                continue;
            }
            let used = self.used.get(&(budget.scope, id)).copied();
            all.push((budget, used.unwrap_or_default(), who));
        }
        all
    }
}

/// A request that is under way. Dropped unsettled, it used nothing: it reached no provider.
pub(crate) struct Entry {
    ledger: Arc<Ledger>,
    config: Arc<GatewayConfig>,
    customer: Customer,
    expected: Use,
}

/// The tokens of a request and its answer.
fn count(usage: &Usage) -> u64 {
    u64::from(usage.input.unwrap_or(0)) + u64::from(usage.output.unwrap_or(0))
}

impl Entry {
    /// What its answer has used by now; with all others under way, that may spend a budget.
    ///
    /// # Errors
    /// When it does: what is told, and the answer ends.
    pub fn grow(&mut self, settled: &Settled<'_>) -> Result<(), ApiError> {
        if self.config.budgets.is_empty() {
            return Ok(());
        }
        let now = Use {
            tokens: count(&settled.usage).max(self.expected.tokens),
            money: self.cost(settled).unwrap_or(0.0),
        };
        let mut state = self.ledger.state();
        state.expect(&self.customer, self.expected, now);
        self.expected = now;
        let budgets = state.budgets(&self.config, &self.customer);
        drop(state);
        for (budget, used, who) in budgets {
            let tokens = budget.tokens_per_day;
            let limit = if tokens.is_some_and(|most| used.all_tokens() > most) {
                "tokens"
            } else if budget
                .money_per_day
                .is_some_and(|most| used.all_money() > most)
            {
                "money"
            } else {
                continue;
            };
            let what = "was spent in the middle of this answer.";
            let told = format!("The day's budget of {limit} for {who} {what}");
            return Err(self.ledger.spent(told));
        }
        Ok(())
    }

    /// In money; none without a price.
    fn cost(&self, settled: &Settled<'_>) -> Option<f64> {
        let price = prices::find(&self.config.prices, settled.plugin, settled.model)?;
        Some(prices::cost(price, &settled.usage))
    }

    /// Writes down what it used.
    pub fn settle(self, settled: &Settled<'_>) {
        let usage = &settled.usage;
        let some = |tokens: Option<u32>| u64::from(tokens.unwrap_or(0));
        let cost = self.cost(settled);
        let money = cost.unwrap_or(0.0);
        let mut state = self.ledger.state();
        let line = Line {
            provider: settled.provider,
            model: settled.model.to_owned(),
            customer: self.customer.clone(),
        };
        let totals = state.lines.entry(line).or_default();
        totals.requests += 1;
        totals.failures += u64::from(settled.failed);
        totals.input += some(usage.input);
        totals.cached_input += some(usage.cached_input);
        totals.cache_writes += some(usage.cache_writes);
        totals.output += some(usage.output);
        totals.reasoning += some(usage.reasoning);
        totals.money += money;
        totals.unpriced += u64::from(cost.is_none());
        state.count(&self.customer, count(usage), money);
        state.changed = true;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = self.ledger.state();
        for key in keys(&self.customer) {
            if let Some(used) = state.used.get_mut(&key) {
                used.expect(self.expected, Use::default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_of_utc() {
        let left = |now: &str| until_tomorrow(now.parse().unwrap());
        assert_eq!(left("2026-11-23T23:59:58.5Z"), Some(1_500));
        assert_eq!(left("2026-11-24T00:00:00+01:00"), Some(3_600_000));
        assert_eq!(left("2026-12-31T00:00:00Z"), Some(86_400_000));
    }
}
