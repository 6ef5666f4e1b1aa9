//! Which parts stand on which page.

use super::meaning::{Intent, read};
use super::measure::{Measure, exclusion};
use super::queries::{Made, breakdown, listing, low_stock, ranking, trend};
use super::{Figure, Page, Query, Shown, Widget};
use crate::catalog::{Catalog, is_sale};
use crate::names::{capital, key, label, plain, unique, words};
use crate::sql::From;
use crate::words::{Aggregate, Clause, Period};

/// Figures in a row.
const FIGURES: usize = 4;

/// What is to be written.
#[derive(Debug, Default)]
pub struct Plan {
    /// Pages, the first is the one that opens.
    pub pages: Vec<Page>,
    /// What was decided, for the prose.
    pub notes: Vec<String>,
    /// Words that nothing was made of.
    pub unknown: Vec<String>,
    /// Nothing of the request could be mapped; the pages are an overview.
    pub is_overview: bool,
}

/// Plans the pages of a request. Over an app that is there every page has a title of its own, so
/// that none is replaced by another, and a request that cannot be mapped gives no page at all.
pub fn plan(catalog: &Catalog<'_>, clauses: &mut [Clause], has_app: bool) -> Plan {
    let mut plan = Plan::default();
    let mut groups: Vec<(bool, Vec<Intent<'_>>)> = Vec::new();
    let mut before: Option<Measure> = None;
    // `a page for X` begins a page, and what follows belongs to it.
    for clause in clauses.iter_mut() {
        let intents = read(catalog, clause, before.as_ref());
        if let Some(
            Intent::Trend(measure, ..) | Intent::Breakdown(measure, ..) | Intent::Figure(measure),
        ) = intents.first()
        {
            before = Some(measure.clone());
        }
        match groups.last_mut() {
            Some((_, last)) if !clause.page => last.extend(intents),
            _ => groups.push((clause.page, intents)),
        }
    }
    for clause in clauses.iter() {
        for word in clause.words.iter().filter(|word| !word.known) {
            if !plan.unknown.contains(&word.text) {
                plan.unknown.push(word.text.clone());
            }
        }
    }
    for (own, intents) in groups {
        let mut builder = Builder::new(catalog);
        for intent in &intents {
            builder.add(intent);
        }
        plan.notes.append(&mut builder.notes);
        if builder.made.is_empty() && builder.measures.is_empty() {
            continue;
        }
        let title = if own || has_app {
            title_of(catalog, &intents)
        } else {
            None
        };
        plan.pages.push(builder.page(&intents, title));
    }
    if plan.pages.is_empty() {
        plan.is_overview = true;
        if !has_app {
            plan.pages.push(overview(catalog, &mut plan.notes));
        }
    }
    let mut seen = Vec::new();
    plan.notes.retain(|note| {
        let fresh = !seen.contains(note);
        seen.push(note.clone());
        fresh
    });
    plan
}

fn title_of(catalog: &Catalog<'_>, intents: &[Intent<'_>]) -> Option<String> {
    intents.first().map(|intent| match intent {
        Intent::LowStock => "Low stock".into(),
        Intent::Listing(table) => label(catalog.name(*table)),
        Intent::Top(table, _, top) | Intent::TopOwn(table, _, top) => {
            let word = if top.largest { "Top" } else { "Bottom" };
            format!("{word} {}", words(catalog.name(*table)).join(" "))
        }
        Intent::Trend(measure, period, _) => format!("{} by {}", measure.label, period.word()),
        Intent::Breakdown(measure, ..) | Intent::Figure(measure) => measure.label.clone(),
    })
}

struct Builder<'c, 'a> {
    catalog: &'c Catalog<'a>,
    made: Vec<Made>,
    measures: Vec<Measure>,
    tables: Vec<usize>,
    notes: Vec<String>,
}

impl<'c, 'a> Builder<'c, 'a> {
    fn new(catalog: &'c Catalog<'a>) -> Self {
        Self {
            catalog,
            made: Vec::new(),
            measures: Vec::new(),
            tables: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn measure(&mut self, measure: &Measure) {
        if !self.measures.contains(measure) {
            self.measures.push(measure.clone());
        }
    }

    fn push(&mut self, mut made: Made) {
        self.notes.append(&mut made.notes);
        if self
            .made
            .iter()
            .all(|one| one.query.name != made.query.name)
        {
            self.made.push(made);
        }
    }

    fn add(&mut self, intent: &Intent<'a>) {
        match intent {
            Intent::Trend(measure, period, chart) => {
                match trend(self.catalog, measure, *period, *chart) {
                    Some(made) => self.push(made),
                    None => self.notes.push(format!(
                        "I found no date for {}, so there is no chart by {}.",
                        plain(self.catalog.name(measure.table)),
                        period.word()
                    )),
                }
                self.measure(measure);
            }
            Intent::Breakdown(measure, group, chart) => {
                self.push(breakdown(self.catalog, measure, group, *chart));
                self.measure(measure);
            }
            Intent::Top(table, measure, top) => {
                self.push(ranking(self.catalog, *table, measure, *top, None));
                self.tables.push(*table);
            }
            Intent::TopOwn(table, column, top) => {
                self.push(listing(self.catalog, *table, Some((column, *top))));
            }
            Intent::LowStock => match low_stock(self.catalog) {
                Some(made) => self.push(made),
                None => self.notes.push(
                    "I found no column that says how much is in stock, so there is no list of low stock.".into(),
                ),
            },
            Intent::Listing(table) => {
                self.push(listing(self.catalog, *table, None));
                self.tables.push(*table);
            }
            Intent::Figure(measure) => self.measure(measure),
        }
    }

    fn page(mut self, intents: &[Intent<'_>], title: Option<String>) -> Page {
        let quiet = title.is_some() && self.measures.is_empty();
        let figures = if quiet { None } else { self.figures() };
        let mut queries = Vec::new();
        let mut widgets = Vec::new();
        if let Some((query, widget)) = figures {
            queries.push(query);
            widgets.push(widget);
        }
        let is_chart = |widget: &Widget| matches!(widget, Widget::Chart { .. });
        for charts in [true, false] {
            for made in &self.made {
                widgets.extend(
                    made.widgets
                        .iter()
                        .filter(|one| is_chart(one) == charts)
                        .cloned(),
                );
            }
        }
        queries.extend(self.made.drain(..).map(|made| made.query));
        let icon = match (&title, intents.first()) {
            (None, _) => "LayoutDashboard",
            (_, Some(Intent::LowStock)) => "PackageSearch",
            (_, Some(Intent::Top(..) | Intent::TopOwn(..))) => "Trophy",
            (_, Some(Intent::Trend(..))) => "TrendingUp",
            (_, Some(Intent::Breakdown(..))) => "ChartPie",
            _ => "Table2",
        };
        let title = title.unwrap_or_else(|| "Overview".into());
        let mut description = describe(&widgets);
        if description.trim_end_matches('.') == title {
            description.clear();
        }
        Page {
            title,
            description,
            icon,
            queries,
            widgets,
        }
    }

    /// Figures of the first measure, then of the tables that matter, as one row.
    fn figures(&mut self) -> Option<(Query, Widget)> {
        let first = self.measures.first().cloned();
        let mut lines = Vec::new();
        let mut figures = Vec::new();
        let mut taken = Vec::new();
        let mut counted = Vec::new();
        let mut add = |expression: String, name: &str, format: &'static str, icon: &'static str| {
            let alias = unique(&key(name), &mut taken);
            lines.push(format!(
                "{expression} AS {}",
                self.catalog.dialect.name(&alias)
            ));
            figures.push(Figure {
                shown: Shown {
                    key: alias,
                    label: capital(name),
                    format,
                },
                icon,
            });
        };
        if let Some(first) = &first {
            let rows = Measure::rows(self.catalog, first.table);
            let kept = Measure {
                earned: first.earned,
                ..rows.clone()
            };
            let mut wanted = vec![first.clone()];
            if *first != rows {
                wanted.push(kept);
                counted.push(first.table);
                if first.money && first.aggregate == Aggregate::Sum {
                    let one =
                        crate::names::singular(&words(self.catalog.name(first.table)).join(" "));
                    wanted.push(Measure {
                        aggregate: Aggregate::Average,
                        label: format!("Average {one}"),
                        ..first.clone()
                    });
                }
            } else {
                counted.push(first.table);
            }
            wanted.extend(
                self.measures
                    .iter()
                    .skip(1)
                    .filter(|one| one.table != first.table || one.value != first.value)
                    .cloned(),
            );
            for measure in wanted.iter().take(FIGURES) {
                let icon = match (measure.money, measure.aggregate) {
                    (true, Aggregate::Average) => "Receipt",
                    (true, _) => "Banknote",
                    _ => "Hash",
                };
                add(
                    single(self.catalog, measure),
                    &measure.label,
                    measure.format(),
                    icon,
                );
            }
        }
        let people = first.iter().flat_map(|first| {
            self.catalog
                .reachable(first.table)
                .into_iter()
                .skip(1)
                .map(|(table, _)| table)
                .filter(|&table| is_sale(self.catalog.table(table)) == 0)
        });
        let tables: Vec<usize> = self.tables.iter().copied().chain(people).collect();
        for table in tables {
            if counted.len() < FIGURES && !counted.contains(&table) {
                counted.push(table);
                let rows = Measure::rows(self.catalog, table);
                add(single(self.catalog, &rows), &rows.label, "integer", "Hash");
            }
        }
        if figures.is_empty() {
            return None;
        }
        figures.truncate(FIGURES);
        lines.truncate(FIGURES);
        Some((
            Query {
                name: "key_figures".into(),
                description: "The figures at the top of the page.".into(),
                text: format!("SELECT\n  {}", lines.join(",\n  ")),
            },
            Widget::Figures {
                query: "key_figures".into(),
                figures,
            },
        ))
    }
}

/// A measure as a statement in brackets.
fn single(catalog: &Catalog<'_>, measure: &Measure) -> String {
    let mut from = From::new(catalog, measure.table);
    let value = measure.expression(catalog, &mut from);
    let excluded = exclusion(catalog, measure, &mut from);
    let rule = excluded.map_or_else(String::new, |one| format!(" WHERE {}", one.condition));
    format!("(SELECT {value} {}{rule})", from.text().replace('\n', " "))
}

fn describe(widgets: &[Widget]) -> String {
    let titles: Vec<String> = widgets
        .iter()
        .filter_map(|widget| match widget {
            Widget::Chart { title, .. } | Widget::Table { title, .. } => Some(title.clone()),
            Widget::Figures { .. } | Widget::Notice { .. } => None,
        })
        .fold(Vec::new(), |mut all, title| {
            if !all.contains(&title) {
                all.push(title);
            }
            all
        });
    match titles.as_slice() {
        [] => "Figures from the database.".into(),
        [only] => format!("{only}."),
        [first, rest @ ..] => {
            let rest: Vec<String> = rest.iter().map(|title| title.to_lowercase()).collect();
            format!("{first}, {}.", rest.join(", "))
        }
    }
}

/// The best that can be shown without knowing what is wanted: the tables that matter most.
fn overview(catalog: &Catalog<'_>, notes: &mut Vec<String>) -> Page {
    let mut ranked: Vec<(u64, usize)> = catalog
        .tables()
        .map(|(at, table)| {
            let size = u64::from(64 - table.relation.row_estimate.unwrap_or(1).leading_zeros());
            let used = u64::try_from(catalog.references_to(at)).unwrap_or(0);
            let sale = u64::try_from(is_sale(Some(table))).unwrap_or(0);
            let dated = u64::from(catalog.date_of(at).is_some());
            (size + 4 * used + 2 * sale + 3 * dated, at)
        })
        .collect();
    ranked.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
    let tables: Vec<usize> = ranked.iter().take(FIGURES).map(|(_, at)| *at).collect();
    let mut builder = Builder::new(catalog);
    let earned = super::measure::revenues(catalog, &tables, "revenue")
        .into_iter()
        .find(|measure| is_sale(catalog.table(measure.table)) > 0);
    let over_time = earned.or_else(|| {
        tables
            .iter()
            .find(|&&table| catalog.date_of(table).is_some())
            .map(|&table| Measure::rows(catalog, table))
    });
    if let Some(measure) = over_time {
        builder.add(&Intent::Trend(measure, Period::Month, None));
    }
    builder.tables.clone_from(&tables);
    for &table in tables.iter().take(2) {
        builder.push(listing(catalog, table, None));
    }
    notes.append(&mut builder.notes);
    builder.page(&[], None)
}
