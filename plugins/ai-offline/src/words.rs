//! The request: clauses, and what each asks for by words that mean the same over every schema.
//! Words that name tables and columns are left to the catalog.

use crate::names::{singular, words};

/// A word of the request.
#[derive(Clone, Debug)]
pub struct Word {
    /// In lower case, as it was written.
    pub text: String,
    /// Its singular.
    pub stem: String,
    /// Something was made of it, or it carries no meaning of its own.
    pub known: bool,
}

/// A stretch of time to sum over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// A week, named by its Monday.
    Week,
    /// A month.
    Month,
    /// A quarter.
    Quarter,
    /// A year.
    Year,
}

impl Period {
    /// `month`, …
    pub fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }
}

/// What to do with many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// Count rows.
    Count,
    /// Add them up.
    Sum,
    /// Their mean.
    Average,
}

/// A chart that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartKind {
    /// Lines.
    Line,
    /// Areas.
    Area,
    /// Bars.
    Bar,
    /// Slices.
    Pie,
}

/// The first or last few of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    /// How many.
    pub count: u32,
    /// The largest, and not the smallest.
    pub largest: bool,
    /// The place of the word that says so.
    pub at: usize,
}

/// A part of the request that asks for one thing.
#[derive(Clone, Debug)]
pub struct Clause {
    /// Its words.
    pub words: Vec<Word>,
    /// A page of its own is wanted.
    pub page: bool,
    /// Over time.
    pub period: Option<Period>,
    /// Ranked.
    pub top: Option<Top>,
    /// What runs out.
    pub low_stock: bool,
    /// Counted, summed or averaged.
    pub aggregate: Option<Aggregate>,
    /// How it is drawn.
    pub chart: Option<ChartKind>,
    /// The user's word for revenue, with its place.
    pub revenue: Option<(usize, String)>,
    /// The rows themselves are wanted.
    pub list: bool,
    /// The place of `by`, `per` or `for each`: what follows is a grouping.
    pub by: Option<usize>,
}

/// Words that carry no meaning of their own here.
const FILLERS: &str = "a an the me my our us we i you your it its their them that this these those please can \
    could would should will want need like show display give get see view make build create add put \
    new include including have has with of for to in on at from as is are be was were and or also then all \
    every each any some more most than very nice good great simple small little page screen tab section \
    dashboard app application report reporting website site chart graph plot diagram visualization table list grid \
    overview summary stat statistic kpi card figure number metric data database information info over by per \
    which what who how where when whose do does did let using use based so just only same change update \
    real current currently present year's column row value result top best sortable searchable sorted \
    search sort filterable together next below above left right beautiful modern clean time name detail \
    menu item entry one out sold into across between within work business company total overall";

const REVENUE: [&str; 12] = [
    "revenue", "sale", "turnover", "income", "earning", "taking", "money", "spend", "spending",
    "spent", "proceed", "gmv",
];

/// The clauses of a request.
pub fn clauses(request: &str) -> Vec<Clause> {
    let mut all = Vec::new();
    // A slash or a plus joins things as `and` does.
    for sentence in request.split(['.', ',', ';', ':', '!', '?', '\n', '+', '&', '/', '(', ')']) {
        let mut current: Vec<Word> = Vec::new();
        for text in words(&sentence.to_lowercase()) {
            if matches!(text.as_str(), "and" | "then" | "plus" | "also" | "with") {
                all.push(std::mem::take(&mut current));
            } else {
                let stem = singular(&text);
                let known = FILLERS
                    .split_whitespace()
                    .any(|filler| filler == text || filler == stem);
                current.push(Word { text, stem, known });
            }
        }
        all.push(current);
    }
    all.into_iter()
        .filter(|words| !words.is_empty())
        .map(Clause::read)
        .collect()
}

impl Clause {
    fn read(words: Vec<Word>) -> Self {
        let mut clause = Self {
            words,
            page: false,
            period: None,
            top: None,
            low_stock: false,
            aggregate: None,
            chart: None,
            revenue: None,
            list: false,
            by: None,
        };
        let stems: Vec<String> = clause.words.iter().map(|word| word.stem.clone()).collect();
        for (at, stem) in stems.iter().enumerate() {
            clause.word(at, stem, &stems);
        }
        clause.stock(&stems);
        clause
    }

    /// Marks words that something was made of.
    pub fn know(&mut self, from: usize, count: usize) {
        for word in self.words.iter_mut().skip(from).take(count) {
            word.known = true;
        }
    }

    /// Nothing but a grouping or a period: it continues the clause before.
    pub fn continues(&self) -> bool {
        self.by == Some(0) && self.top.is_none() && self.revenue.is_none() && !self.low_stock
    }

    fn word(&mut self, at: usize, stem: &str, stems: &[String]) {
        let period = match stem {
            "day" | "daily" => Some(Period::Day),
            "week" | "weekly" => Some(Period::Week),
            "month" | "monthly" => Some(Period::Month),
            "quarter" | "quarterly" => Some(Period::Quarter),
            "year" | "yearly" | "annual" | "annually" => Some(Period::Year),
            "trend" | "timeline" | "history" | "development" | "growth" => Some(Period::Month),
            "time" if at > 0 && stems.get(at - 1).is_some_and(|word| word == "over") => {
                Some(Period::Month)
            }
            _ => None,
        };
        if let Some(period) = period {
            // `trend by week` is by week.
            if self.period.is_none() || !matches!(stem, "trend" | "timeline" | "history" | "time") {
                self.period = Some(period);
            }
            self.know(at, 1);
        }
        match stem {
            "page" | "screen" | "tab" => self.page = true,
            "top" | "best" | "biggest" | "largest" | "highest" | "leading" | "worst" | "bottom"
            | "lowest" | "smallest" | "least" => {
                let count = stems
                    .get(at + 1)
                    .and_then(|word| {
                        let count = number(word);
                        if count.is_some() {
                            self.know(at + 1, 1);
                        }
                        count
                    })
                    .or_else(|| {
                        let before = stems.get(at.checked_sub(1)?)?;
                        let count = number(before);
                        if count.is_some() {
                            self.know(at - 1, 1);
                        }
                        count
                    });
                let largest = !matches!(stem, "worst" | "bottom" | "lowest" | "smallest" | "least");
                if self.top.is_none() {
                    self.top = Some(Top {
                        count: count.unwrap_or(10).clamp(1, 1000),
                        largest,
                        at,
                    });
                }
                self.know(at, 1);
            }
            "count" | "many" => {
                self.aggregate = Some(Aggregate::Count);
                self.know(at, 1);
            }
            "number" if stems.get(at + 1).is_some_and(|word| word == "of") => {
                self.aggregate = Some(Aggregate::Count);
            }
            "average" | "avg" | "mean" => {
                self.aggregate = Some(Aggregate::Average);
                self.know(at, 1);
            }
            "sum" => {
                self.aggregate = Some(Aggregate::Sum);
                self.know(at, 1);
            }
            "line" | "area" | "bar" | "pie" | "donut"
                if stems
                    .get(at + 1)
                    .is_some_and(|word| matches!(word.as_str(), "chart" | "graph" | "plot")) =>
            {
                self.chart = Some(match stem {
                    "line" => ChartKind::Line,
                    "area" => ChartKind::Area,
                    "bar" => ChartKind::Bar,
                    _ => ChartKind::Pie,
                });
                self.know(at, 1);
            }
            "share" | "split" | "breakdown" | "distribution" => {
                if stem == "share" || stem == "split" {
                    self.chart = self.chart.or(Some(ChartKind::Pie));
                }
                self.know(at, 1);
            }
            "list" | "table" | "browse" | "all" => {
                self.list = true;
                self.know(at, 1);
            }
            "by" | "per" | "each" | "every" if self.by.is_none() => self.by = Some(at),
            word if REVENUE.contains(&word) => {
                let written = self
                    .words
                    .get(at)
                    .map(|word| word.text.clone())
                    .unwrap_or_default();
                if self.revenue.is_none() {
                    self.revenue = Some((at, written));
                }
                self.know(at, 1);
            }
            _ => {}
        }
    }

    fn stock(&mut self, stems: &[String]) {
        let place = |wanted: &[&str]| {
            stems
                .iter()
                .position(|stem| wanted.contains(&stem.as_str()))
        };
        let goods = place(&["stock", "inventory", "supply"]);
        let low = place(&[
            "low", "out", "short", "shortage", "running", "below", "under", "critical",
        ]);
        let reorder = place(&[
            "reorder",
            "reordered",
            "reordering",
            "restock",
            "restocking",
            "replenish",
            "shortage",
        ]);
        if reorder.is_some() || (goods.is_some() && low.is_some()) {
            self.low_stock = true;
            for at in [goods, low, reorder].into_iter().flatten() {
                self.know(at, 1);
            }
            for (at, stem) in stems.iter().enumerate() {
                if matches!(
                    stem.as_str(),
                    "level" | "product" | "article" | "alert" | "warning" | "run" | "running"
                ) {
                    self.know(at, 1);
                }
            }
        }
    }
}

fn number(word: &str) -> Option<u32> {
    let names = [
        ("three", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("seven", 7),
        ("eight", 8),
        ("nine", 9),
        ("ten", 10),
        ("twelve", 12),
        ("fifteen", 15),
        ("twenty", 20),
        ("thirty", 30),
        ("fifty", 50),
        ("hundred", 100),
    ];
    word.parse().ok().or_else(|| {
        names
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, number)| *number)
    })
}

/// Other words for the same thing, as singulars; the first is what schemas mostly say.
pub fn synonyms(stem: &str) -> &'static [&'static str] {
    match stem {
        "client" | "customer" | "buyer" | "shopper" | "consumer" => {
            &["customer", "client", "buyer", "user", "account"]
        }
        "product" | "item" | "article" | "good" => &["product", "item", "article"],
        "order" | "purchase" => &["order", "purchase"],
        "stock" | "inventory" => &["inventory", "stock"],
        "employee" | "staff" | "worker" => &["employee", "staff", "worker"],
        "user" | "member" | "person" => &["user", "member", "person", "account"],
        "payment" | "transaction" => &["payment", "transaction"],
        "supplier" | "vendor" => &["supplier", "vendor"],
        "bill" | "invoice" => &["invoice", "bill"],
        "nation" | "country" => &["country", "nation"],
        "town" | "city" => &["city", "town"],
        "type" | "category" | "kind" => &["category", "type", "kind"],
        "state" | "status" => &["status", "state"],
        _ => &[],
    }
}

/// The words mean the same.
pub fn same(one: &str, other: &str) -> bool {
    one == other || synonyms(one).contains(&other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart() {
        let all = clauses("Show revenue by month and the top ten customers");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].period, Some(Period::Month));
        assert!(all[0].revenue.is_some());
        assert_eq!(
            all[1].top.map(|top| (top.count, top.largest)),
            Some((10, true))
        );
    }

    #[test]
    fn what_runs_out_is_understood_in_several_words() {
        for request in [
            "add a page for low stock",
            "products to reorder",
            "what is out of stock?",
        ] {
            assert!(
                clauses(request).iter().any(|clause| clause.low_stock),
                "{request}"
            );
        }
        assert!(
            clauses("add a page for low stock")
                .iter()
                .any(|clause| clause.page)
        );
    }
}
