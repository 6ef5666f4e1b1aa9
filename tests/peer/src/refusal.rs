//! A refusal in no provider's words: each provider gives it its own status, headers and body.

use std::time::{Duration, SystemTime};

/// How a provider says when to come again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    #[default]
    Unsaid,
    /// `retry-after: 7`.
    Seconds(u64),
    /// `retry-after: Mon, 23 Nov 2026 04:06:00 GMT`.
    Date(SystemTime),
    /// `retry-after-ms: 250`, as OpenAI sends it.
    Milliseconds(u64),
    /// `google.rpc.RetryInfo` in the body, which Gemini alone has; others say it in a header in
    /// seconds.
    RetryInfo(Duration),
    /// Only by when the limits are reset: `x-ratelimit-reset-requests: 6m0s`, or
    /// `anthropic-ratelimit-requests-reset` with a time; in the provider's own way.
    Reset(Duration),
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400: the request is wrong, in these words.
    Invalid(String),
    /// 401, or what the provider has in its place: the key is not, or no longer, valid.
    Key,
    /// 401 as `text/plain`, as a proxy before OpenAI answers.
    PlainKey,
    /// 403: the key may not do this.
    Forbidden,
    /// 404: no such model.
    Model,
    /// 408: the request took too long to arrive.
    Late,
    /// 409: something else is under way.
    Conflict,
    /// 413: the request is too large.
    TooLarge,
    /// 429: too many requests.
    Limit(Wait),
    /// The account is empty, which no waiting helps: 429 `insufficient_quota`, or what the provider
    /// has in its place.
    Quota,
    /// 500.
    Internal,
    /// 502 with a web page of a proxy in between.
    Gateway,
    /// 503.
    Unavailable(Wait),
    /// 504.
    Timeout,
    /// 529 of Anthropic; 503 of the others.
    Overloaded(Wait),
}

impl Refusal {
    /// Those that pass, so that a request may be sent again.
    pub const PASSING: [Self; 9] = [
        Self::Late,
        Self::Conflict,
        Self::Limit(Wait::Unsaid),
        Self::Limit(Wait::Milliseconds(20)),
        Self::Internal,
        Self::Gateway,
        Self::Unavailable(Wait::Unsaid),
        Self::Timeout,
        Self::Overloaded(Wait::Unsaid),
    ];

    /// The delay that it names.
    pub(crate) fn wait(&self) -> Wait {
        match self {
            Self::Limit(wait) | Self::Unavailable(wait) | Self::Overloaded(wait) => *wait,
            _ => Wait::Unsaid,
        }
    }

    /// The status that most providers give it.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) => 400,
            Self::Key | Self::PlainKey => 401,
            Self::Forbidden => 403,
            Self::Model => 404,
            Self::Late => 408,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Limit(_) | Self::Quota => 429,
            Self::Internal => 500,
            Self::Gateway => 502,
            Self::Unavailable(_) | Self::Overloaded(_) => 503,
            Self::Timeout => 504,
        }
    }
}
