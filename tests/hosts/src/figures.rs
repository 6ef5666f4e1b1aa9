//! Rows of figures, and the table they end in.

use std::{fmt, time::Duration};

/// In what a row is measured.
#[derive(Clone, Copy, PartialEq)]
pub enum Unit {
    /// Seconds.
    Time,
    /// Bytes.
    Bytes,
    /// Calls a second, of which more is better.
    Rate,
}

/// What one host showed, once a round.
#[derive(Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// The time of one of so many.
    pub fn each(&mut self, took: Duration, times: u32) {
        self.0.push(took.as_secs_f64() / f64::from(times));
    }

    /// How many there were a second.
    pub fn rate(&mut self, took: Duration, times: u32) {
        self.0.push(f64::from(times) / took.as_secs_f64());
    }

    /// Anything else.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Nothing was measured where there is none.
    fn median(&self) -> Option<f64> {
        median(self.0.clone())
    }

    /// The middle one of the quotients of each round: what slows a round slows both sides.
    fn over(&self, other: &Self) -> Option<f64> {
        median(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(one, other)| one / other)
                .collect(),
        )
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// What is to hold.
#[derive(Clone, Copy)]
pub enum Goal {
    /// Nothing beyond the comparison.
    None,
    /// At most so much, in the row's unit.
    AtMost(f64),
    /// At most so many times what bare wasmtime takes.
    OverWasmtime(f64),
}

/// One thing, by each host, in turn.
pub struct Row {
    what: String,
    unit: Unit,
    goal: Goal,
    /// labd.
    pub labd: Samples,
    /// wasmtime alone.
    pub wasmtime: Samples,
    /// Extism.
    pub extism: Samples,
}

impl Row {
    /// An empty one.
    pub fn new(what: impl Into<String>, unit: Unit, goal: Goal) -> Self {
        Self {
            what: what.into(),
            unit,
            goal,
            labd: Samples::default(),
            wasmtime: Samples::default(),
            extism: Samples::default(),
        }
    }

    fn ratio(&self, other: &Samples) -> Option<f64> {
        match self.unit {
            Unit::Rate => other.over(&self.labd),
            Unit::Time | Unit::Bytes => self.labd.over(other),
        }
    }

    fn amount(&self, value: Option<f64>) -> String {
        let Some(value) = value else {
            return String::new();
        };
        match self.unit {
            Unit::Time if value < 1e-6 => format!("{:.0} ns", value * 1e9),
            Unit::Time if value < 1e-3 => format!("{:.1} µs", value * 1e6),
            Unit::Time => format!("{:.1} ms", value * 1e3),
            Unit::Bytes => format!("{:.0} KiB", value / 1024.0),
            Unit::Rate if value < 1e6 => format!("{:.0} k/s", value / 1e3),
            Unit::Rate => format!("{:.2} M/s", value / 1e6),
        }
    }

    /// What was to hold, and whether it does.
    fn verdict(&self, over_wasmtime: Option<f64>) -> String {
        let (goal, seen, bound) = match self.goal {
            Goal::None => return self.behind_extism().into(),
            Goal::AtMost(bound) => (self.amount(Some(bound)), self.labd.median(), bound),
            Goal::OverWasmtime(bound) => (format!("{bound} ×"), over_wasmtime, bound),
        };
        let missed = if seen.is_none_or(|seen| seen > bound) {
            ", **missed**"
        } else {
            ""
        };
        format!("at most {goal}{missed}{}", self.behind_extism())
    }

    fn behind_extism(&self) -> &'static str {
        match self.ratio(&self.extism) {
            Some(ratio) if ratio > 1.0 => " **behind Extism**",
            _ => "",
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |ratio: Option<f64>| ratio.map_or(String::new(), |r| format!("{r:.2} ×"));
        let over_wasmtime = self.ratio(&self.wasmtime);
        write!(
            f,
            "| {} | {} | {} | {} | {} | {} | {} |",
            self.what,
            self.amount(self.labd.median()),
            self.amount(self.wasmtime.median()),
            self.amount(self.extism.median()),
            times(over_wasmtime),
            times(self.ratio(&self.extism)),
            self.verdict(over_wasmtime)
        )
    }
}

/// The table's head.
pub const HEAD: &str = "\
| what | labd | wasmtime | Extism | labd over wasmtime | labd over Extism | goal |
| --- | --- | --- | --- | --- | --- | --- |";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_is_said() {
        let mut row = Row::new("call", Unit::Time, Goal::OverWasmtime(1.3));
        row.labd.each(Duration::from_micros(13), 10);
        row.wasmtime.each(Duration::from_micros(5), 10);
        row.extism.each(Duration::from_micros(26), 10);
        assert_eq!(
            row.to_string(),
            "| call | 1.3 µs | 500 ns | 2.6 µs | 2.60 × | 0.50 × | at most 1.3 ×, **missed** |"
        );
    }

    #[test]
    fn more_calls_a_second_are_better() {
        let mut row = Row::new("calls", Unit::Rate, Goal::None);
        row.labd.rate(Duration::from_secs(1), 2_000_000);
        row.extism.rate(Duration::from_secs(1), 3_000_000);
        assert_eq!(
            row.to_string(),
            "| calls | 2.00 M/s |  | 3.00 M/s |  | 1.50 × |  **behind Extism** |"
        );
    }
}
