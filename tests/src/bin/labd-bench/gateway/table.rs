//! The table of this section: a column for each who was measured.

use crate::figures::Amount;
use std::fmt;

/// What a row was to reach.
#[derive(Clone, Copy)]
pub enum Goal {
    /// A figure to stay below, or at.
    AtMost(Amount),
    /// A figure to reach.
    AtLeast(Amount),
}

/// A row: labd, then those beside it.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What labd's figure is to be.
    pub goal: Option<Goal>,
    /// In the order of the columns; none where it was not measured.
    pub cells: Vec<Option<Amount>>,
}

/// A table; displayed as Markdown.
pub struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Row>,
}

impl Table {
    /// With these columns, of which the first is judged by the goals.
    pub fn of(columns: Vec<&'static str>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// A row.
    pub fn row(
        &mut self,
        what: &str,
        goal: Option<Goal>,
        cells: impl IntoIterator<Item = Option<Amount>>,
    ) {
        self.rows.push(Row {
            what: what.to_owned(),
            goal,
            cells: cells.into_iter().collect(),
        });
    }
}

impl Goal {
    fn is_met_by(self, seen: Amount) -> bool {
        match self {
            Self::AtMost(most) => seen.number() <= most.number(),
            Self::AtLeast(least) => seen.number() >= least.number(),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::AtLeast(least) => write!(f, "at least {least}"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| what | goal |")?;
        for column in &self.columns {
            write!(f, " {column} |")?;
        }
        writeln!(f, "\n| ---{} |", " | ---".repeat(self.columns.len() + 1))?;
        for row in &self.rows {
            write!(f, "| {} |", row.what)?;
            match (row.goal, row.cells.first()) {
                (Some(goal), Some(Some(seen))) if goal.is_met_by(*seen) => write!(f, " {goal} |")?,
                (Some(goal), _) => write!(f, " {goal}, **missed** |")?,
                (None, _) => write!(f, " |")?,
            }
            for cell in 0..self.columns.len() {
                match row.cells.get(cell).copied().flatten() {
                    Some(amount) => write!(f, " {amount} |")?,
                    None => write!(f, " |")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
