//! The statement and the component for each thing that is meant.
//!
//! | module | what it makes |
//! | --- | --- |
//! | [`trend`] | a measure over time |
//! | [`breakdown`] | a measure by group |
//! | [`ranking`] | the first rows of a table by a measure of what refers to it |
//! | [`listing`] | the rows of a table |
//! | [`stock`] | what has to be ordered again |
//! | [`columns`] | which columns of a table people want to see, and how |

mod breakdown;
mod columns;
mod listing;
mod ranking;
mod stock;
mod trend;

pub use breakdown::breakdown;
pub use listing::listing;
pub use ranking::ranking;
pub use stock::low_stock;
pub use trend::trend;

use super::measure::{Exclusion, Measure};
use super::{Query, Shown, Widget};

/// A query with its component, and what is worth saying about it.
#[derive(Debug)]
pub struct Made {
    /// The query.
    pub query: Query,
    /// The components that show it.
    pub widgets: Vec<Widget>,
    /// Sentences for the prose.
    pub notes: Vec<String>,
}

/// A name as it stands in a sentence.
fn small(name: &str) -> String {
    crate::names::words(name).join(" ")
}

fn conditions(list: &[String]) -> String {
    if list.is_empty() {
        String::new()
    } else {
        format!("\nWHERE {}", list.join("\n  AND "))
    }
}

fn left_out(notes: &mut Vec<String>, what: &str, exclusion: Option<&Exclusion>, origin: &str) {
    match exclusion {
        Some(exclusion) => notes.push(format!("{what} is {origin}; {}.", exclusion.words)),
        None => notes.push(format!("{what} is {origin}.")),
    }
}

/// The column of a measure.
fn shown(measure: &Measure) -> Shown {
    let mut key = measure.key();
    // The other names of a statement's result.
    if ["day", "week", "month", "quarter", "year", "value"].contains(&key.as_str())
        || crate::sql::Dialect::Standard.name(&key) != key
    {
        key = format!("{key}_total");
    }
    Shown {
        key,
        label: measure.label.clone(),
        format: measure.format(),
    }
}
