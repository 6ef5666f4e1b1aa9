//! Figures and the table they end in.

use std::{fmt, time::Duration};

/// Durations of one thing, done often.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// One more.
    pub fn push(&mut self, one: Duration) {
        self.0.push(one);
    }

    /// The median; zero without samples.
    pub fn p50(&self) -> Duration {
        self.quantile(50)
    }

    /// What 95 of 100 stay below.
    pub fn p95(&self) -> Duration {
        self.quantile(95)
    }

    /// What 99 of 100 stay below.
    pub fn p99(&self) -> Duration {
        self.quantile(99)
    }

    fn quantile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).copied().unwrap_or_default()
    }
}

/// A quantity with its unit.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// A time.
    Time(Duration),
    /// A quotient of two times: smaller is better.
    Ratio(f64),
    /// Memory, in bytes.
    Bytes(u64),
    /// So many a second.
    Rate(f64),
    /// So many.
    Count(usize),
}

impl Amount {
    /// In its unit: seconds, bytes.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    pub fn number(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64(),
            Self::Ratio(number) | Self::Rate(number) => number,
            Self::Bytes(bytes) => bytes as f64,
            Self::Count(count) => count as f64,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Time(time) if time < Duration::from_millis(1) => {
                write!(f, "{:.1} µs", time.as_secs_f64() * 1e6)
            }
            Self::Time(time) if time < Duration::from_secs(10) => {
                write!(f, "{:.1} ms", time.as_secs_f64() * 1e3)
            }
            Self::Time(time) => write!(f, "{:.1} s", time.as_secs_f64()),
            Self::Ratio(ratio) => write!(f, "{ratio:.2} ×"),
            Self::Rate(rate) => write!(f, "{rate:.0}/s"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Bytes(_) => write!(f, "{:.1} MiB", self.number() / 1024.0 / 1024.0),
        }
    }
}

/// `one` over `other`; the goal of a ratio is to be small.
pub fn ratio(one: Duration, other: Duration) -> Amount {
    Amount::Ratio(one.as_secs_f64() / other.as_secs_f64().max(f64::MIN_POSITIVE))
}

struct Row {
    what: String,
    below: Option<Amount>,
    seen: Amount,
    note: String,
}

/// All figures of a run; displayed as a Markdown table.
#[derive(Default)]
pub struct Figures(Vec<Row>);

impl Figures {
    /// A figure with a goal: it should stay below.
    pub fn goal(&mut self, what: &str, below: Amount, seen: Amount, note: impl Into<String>) {
        self.0.push(Row {
            what: what.to_owned(),
            below: Some(below),
            seen,
            note: note.into(),
        });
    }

    /// A figure without a goal of its own.
    pub fn plain(&mut self, what: &str, seen: Amount, note: impl Into<String>) {
        self.0.push(Row {
            what: what.to_owned(),
            below: None,
            seen,
            note: note.into(),
        });
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | goal | seen | |\n| --- | --- | --- | --- |")?;
        for row in &self.0 {
            let (goal, missed) = match row.below {
                Some(below) if row.seen.number() < below.number() => (format!("< {below}"), ""),
                Some(below) => (format!("< {below}"), "**missed** "),
                None => (String::new(), ""),
            };
            writeln!(
                f,
                "| {} | {goal} | {} | {missed}{} |",
                row.what, row.seen, row.note
            )?;
        }
        Ok(())
    }
}
