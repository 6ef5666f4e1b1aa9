//! The gateway: by which ways requests find a model, and what came of them.

use crate::ProviderId;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How requests find a model. It is read and replaced as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Names under which clients ask for models.
    pub routes: Vec<ModelRoute>,
    /// What each provider's keys may be asked at once and in a minute.
    pub limits: Vec<ProviderLimit>,
    /// What may be used in a day.
    pub budgets: Vec<Budget>,
    /// What tokens cost. The first that fits counts; before labd's own table.
    pub prices: Vec<Price>,
    /// How failures before an answer's first piece are repeated.
    pub retry: RetryRules,
    /// How long an attempt may take; what is absent is only bounded by the whole request.
    pub timeouts: AttemptTimeouts,
    /// What is answered from memory.
    pub cache: AnswerCache,
}

/// A name for models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelRoute {
    /// As clients name it: `fast`.
    pub name: String,
    /// Tried in this order: the next when no target of the one before it answers.
    pub tiers: Vec<Vec<ModelTarget>>,
}

/// A model of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelTarget {
    /// The provider.
    pub provider: ProviderId,
    /// The model, as the provider names it.
    pub model: String,
    /// Only this key of the provider; each of them when absent.
    #[serde(default)]
    pub key: Option<String>,
    /// Its share of the tier's requests, beside the others' weights.
    #[serde(default = "one")]
    pub weight: u32,
}

fn one() -> u32 {
    1
}

/// What a provider's key may be asked. What is absent is not limited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderLimit {
    /// The provider.
    pub provider: ProviderId,
    /// This key of it; each of them for itself when absent.
    #[serde(default)]
    pub key: Option<String>,
    /// Requests at once.
    #[serde(default)]
    pub concurrent: Option<u32>,
    /// Requests in a minute.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
    /// Tokens in a minute, of requests and answers together.
    #[serde(default)]
    pub tokens_per_minute: Option<u32>,
    /// Requests that may wait for their turn; 100 when absent.
    #[serde(default)]
    pub queue: Option<u32>,
}

/// Whose use a budget bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetScope {
    /// Everyone together.
    Everyone,
    /// A user: whoever has a token, or a session of the console.
    User,
    /// A project.
    Project,
}

/// What may be used in a day (UTC). A request that would begin when it is spent is refused; an
/// answer in which it is spent ends there, with what has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Whose use it bounds.
    pub scope: BudgetScope,
    /// This one of them; each of them for itself when absent.
    #[serde(default)]
    pub id: Option<String>,
    /// Tokens, of requests and answers together.
    #[serde(default)]
    pub tokens_per_day: Option<u64>,
    /// Money, in the currency of the prices.
    #[serde(default)]
    pub money_per_day: Option<f64>,
}

/// What a million tokens cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The model that served, as its provider names it; `*` stands for any characters.
    pub model: String,
    /// Only of this plugin: `labd.anthropic`.
    #[serde(default)]
    pub plugin: Option<String>,
    /// Of the request.
    pub input: f64,
    /// Of the request, from the provider's cache; as `input` when absent.
    #[serde(default)]
    pub cached_input: Option<f64>,
    /// Of the request, written to the provider's cache; as `input` when absent.
    #[serde(default)]
    pub cache_writes: Option<f64>,
    /// Of the answer, reasoning included.
    pub output: f64,
}

/// How failures before an answer's first piece are repeated. After it nothing is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryRules {
    /// How often one request is sent again, over all targets; trying another target does not count.
    pub retries: u32,
    /// The longest pause before the first repetition, in milliseconds. It doubles each time, and what
    /// is waited is any time up to it.
    pub base_ms: u64,
    /// The longest pause.
    pub max_ms: u64,
    /// How long a wait that a provider asks for is kept to; beyond it the next target is asked.
    pub longest_wait_ms: u64,
}

impl Default for RetryRules {
    fn default() -> Self {
        Self {
            retries: 2,
            base_ms: 500,
            max_ms: 8_000,
            longest_wait_ms: 60_000,
        }
    }
}

/// How long an attempt may take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AttemptTimeouts {
    /// Until the first piece of the answer, in milliseconds; then the next target is asked.
    pub first_event_ms: Option<u64>,
    /// Between two pieces, in milliseconds; then the answer ends with what has come.
    pub between_events_ms: Option<u64>,
}

/// What is answered from memory. Nothing of it outlives the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerCache {
    /// Embeddings of texts.
    pub embeddings: bool,
    /// Answers to requests that are the same word for word and ask for temperature 0.
    pub identical: bool,
    /// How long, in seconds.
    pub seconds: u64,
    /// How much, in MiB.
    pub mebibytes: u32,
}

impl Default for AnswerCache {
    fn default() -> Self {
        Self {
            embeddings: false,
            identical: false,
            seconds: 3_600,
            mebibytes: 16,
        }
    }
}

/// How a key of a provider stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It is asked.
    Ready,
    /// It failed, and is asked again later.
    Resting,
    /// It rested, and one request tries whether it answers again.
    Probing,
    /// The provider refused it. It is asked again once it is entered anew.
    Refused,
}

/// How a key of a provider fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeyStatus {
    /// The provider.
    pub provider: ProviderId,
    /// Its name.
    pub provider_name: String,
    /// The key's name; none for a provider without one.
    pub key: Option<String>,
    /// How it stands.
    pub state: KeyState,
    /// Until when it rests.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub resting_until: Option<Timestamp>,
    /// Its last failure, in words.
    pub last_error: Option<String>,
    /// Requests that it is answering.
    pub running: u32,
    /// Requests that wait for their turn.
    pub waiting: u32,
    /// Attempts since the daemon started.
    pub attempts: u64,
    /// Those that failed.
    pub failures: u64,
    /// Milliseconds until the first piece of an answer: half of the last answers were quicker.
    pub first_event_p50_ms: Option<f64>,
    /// The same: 95 % of the last answers were quicker.
    pub first_event_p95_ms: Option<f64>,
    /// Tokens of answers in a second, on the average of the last answers.
    pub tokens_per_second: Option<f64>,
}

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageTotals {
    /// Requests that reached a provider.
    pub requests: u64,
    /// Those that ended with an error.
    pub failures: u64,
    /// Tokens of requests.
    pub input: u64,
    /// The part of them that came from a provider's cache.
    pub cached_input: u64,
    /// The part of them that was written to a provider's cache.
    pub cache_writes: u64,
    /// Tokens of answers.
    pub output: u64,
    /// The part of them that was reasoning.
    pub reasoning: u64,
    /// Money, in the currency of the prices. What has no price costs nothing here.
    pub money: f64,
    /// Requests whose model has no price.
    pub unpriced: u64,
}

/// What was used of one model for one user and project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageLine {
    /// The day (UTC).
    #[schema(value_type = String, format = Date)]
    pub day: Date,
    /// The provider.
    pub provider: ProviderId,
    /// Its name; its id once it is gone.
    pub provider_name: String,
    /// The model that served.
    pub model: String,
    /// For whom.
    pub user: String,
    /// In which project; none for requests from elsewhere.
    pub project: Option<String>,
    /// What was used.
    pub totals: UsageTotals,
}

/// How a budget stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BudgetStatus {
    /// Whose.
    pub scope: BudgetScope,
    /// Which one of them; none for everyone.
    pub id: Option<String>,
    /// The tokens that were used today.
    pub tokens: u64,
    /// The tokens that may be used in a day.
    pub tokens_per_day: Option<u64>,
    /// The money that was used today.
    pub money: f64,
    /// The money that may be used in a day.
    pub money_per_day: Option<f64>,
}

/// How the gateway stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GatewayStatus {
    /// Keys of all providers.
    pub keys: Vec<KeyStatus>,
    /// What was used today.
    pub today: UsageTotals,
    /// Budgets that were touched today.
    pub budgets: Vec<BudgetStatus>,
    /// Answers that came from memory since the daemon started.
    pub cache_hits: u64,
}
