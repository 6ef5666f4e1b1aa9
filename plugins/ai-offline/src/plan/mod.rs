//! From the clauses of a request to pages with queries.
//!
//! | module | what it decides |
//! | --- | --- |
//! | [`meaning`] | which tables, measures and groupings the words of a clause mean |
//! | [`measure`] | what is counted or summed, and which rows are left out |
//! | [`queries`] | the statement and the component for each thing that is meant |
//! | [`pages`] | which of them stand on which page |

mod meaning;
mod measure;
mod pages;
mod queries;

pub use pages::{Plan, plan};

/// A query of the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Its name.
    pub name: String,
    /// What it answers, on one line.
    pub description: String,
    /// The statement.
    pub text: String,
}

/// A column of a query's result, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its name in the result.
    pub key: String,
    /// Its heading.
    pub label: String,
    /// How values are written; by the column's kind when empty.
    pub format: &'static str,
}

/// A number at the top of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The column.
    pub shown: Shown,
    /// An icon of lucide.
    pub icon: &'static str,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Widget {
    /// Figures of one row.
    Figures {
        /// The query's name.
        query: String,
        /// The figures.
        figures: Vec<Figure>,
    },
    /// A chart.
    Chart {
        /// `BarChartCard`, …
        component: &'static str,
        /// Its heading.
        title: String,
        /// The query's name.
        query: String,
        /// The column of the groups.
        x: String,
        /// How groups are written; as they are when empty.
        x_format: &'static str,
        /// The column of the values.
        y: Shown,
        /// Bars from left to right.
        horizontal: bool,
    },
    /// A table.
    Table {
        /// Its heading.
        title: String,
        /// What it holds.
        description: String,
        /// The query's name.
        query: String,
        /// Its columns.
        columns: Vec<Shown>,
        /// How it is sorted at first: a column, and whether from the largest.
        sort: Option<(String, bool)>,
        /// What stands there without rows.
        empty: String,
    },
    /// Words in the place of data.
    Notice {
        /// The heading.
        title: String,
        /// What to do.
        text: String,
    },
}

/// A page of the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its title, also in the menu.
    pub title: String,
    /// One sentence.
    pub description: String,
    /// An icon of lucide.
    pub icon: &'static str,
    /// Its queries.
    pub queries: Vec<Query>,
    /// Its parts from top to bottom.
    pub widgets: Vec<Widget>,
}
