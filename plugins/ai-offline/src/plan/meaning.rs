//! What the words of a clause mean in this schema.

use super::measure::{Measure, revenues};
use crate::catalog::{Catalog, Hop, Money, is_moment, is_number, is_sale, money};
use crate::document::Column;
use crate::names::stems;
use crate::words::{Aggregate, ChartKind, Clause, Period, Top, Word, same};

/// What rows are grouped by.
#[derive(Clone, Debug)]
pub enum Group<'a> {
    /// A column at the end of a way.
    Column(Vec<Hop>, &'a Column),
    /// The rows of a table that the measure's rows belong to.
    Table(usize),
}

/// One thing that is asked for.
#[derive(Clone, Debug)]
pub enum Intent<'a> {
    /// A measure over time.
    Trend(Measure, Period, Option<ChartKind>),
    /// A measure by group.
    Breakdown(Measure, Group<'a>, Option<ChartKind>),
    /// The first rows of a table by a measure.
    Top(usize, Measure, Top),
    /// The first rows of a table by a column of its own.
    TopOwn(usize, &'a Column, Top),
    /// What is at or below its reorder level.
    LowStock,
    /// The rows of a table.
    Listing(usize),
    /// One number.
    Figure(Measure),
}

/// A table that a clause names, and where.
#[derive(Clone, Copy, Debug)]
struct Mention {
    at: usize,
    table: usize,
}

/// What a clause asks for; `before` is the measure of the clause before it. Words that were used
/// are marked in it.
pub fn read<'a>(
    catalog: &Catalog<'a>,
    clause: &mut Clause,
    before: Option<&Measure>,
) -> Vec<Intent<'a>> {
    if clause.low_stock {
        return vec![Intent::LowStock];
    }
    let mentions = mentions(catalog, clause);
    if let Some(top) = clause.top {
        return top_of(catalog, clause, &mentions, top)
            .into_iter()
            .collect();
    }
    let Some(measures) = measures(catalog, clause, &mentions, before) else {
        return mentions
            .iter()
            .map(|one| Intent::Listing(one.table))
            .collect();
    };
    let by = clause.by.unwrap_or(clause.words.len());
    if let Some((measure, group)) = grouped(catalog, clause, &measures, &mentions, by) {
        return vec![Intent::Breakdown(measure, group, clause.chart)];
    }
    let Some(measure) = measures.into_iter().next() else {
        return Vec::new();
    };
    if let Some(period) = clause.period {
        return vec![Intent::Trend(measure, period, clause.chart)];
    }
    let only_named = clause.revenue.is_none() && clause.aggregate.is_none();
    if only_named && !mentions.is_empty() {
        return mentions
            .iter()
            .map(|one| Intent::Listing(one.table))
            .collect();
    }
    let mut all = vec![Intent::Figure(measure.clone())];
    if clause.aggregate.is_none() {
        all.push(Intent::Trend(measure, Period::Month, clause.chart));
    }
    all
}

/// The tables that a clause names, each once.
fn mentions(catalog: &Catalog<'_>, clause: &mut Clause) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    let mut at = 0;
    while at < clause.words.len() {
        let rest = clause.words.get(at..).unwrap_or_default();
        match table_named(catalog, rest) {
            Some((table, length)) => {
                if found.iter().all(|one| one.table != table) {
                    found.push(Mention { at, table });
                }
                clause.know(at, length);
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

/// The table that these words begin with the name of, and how many words that takes.
fn table_named(catalog: &Catalog<'_>, words: &[Word]) -> Option<(usize, usize)> {
    let first = words.first()?;
    // A word such as `page` names a table only in the plural, as the tables are.
    let weak = first.known && first.text == first.stem;
    let whole = catalog
        .tables()
        .filter(|(_, table)| !table.stems.is_empty() && starts_with(words, &table.stems))
        .max_by_key(|(at, table)| {
            let exact = table.stems.first().is_some_and(|stem| *stem == first.stem);
            (
                table.stems.len(),
                exact,
                table.relation.row_estimate,
                std::cmp::Reverse(*at),
            )
        });
    if let Some((at, table)) = whole
        && (!weak || table.stems.len() > 1)
    {
        return Some((at, table.stems.len()));
    }
    if first.known || first.stem.chars().count() < 3 {
        return None;
    }
    // `customers` for `crm_customer`, `tbl_customers`.
    catalog
        .tables()
        .filter(|(_, table)| {
            table
                .stems
                .last()
                .is_some_and(|stem| same(&first.stem, stem))
        })
        .min_by_key(|(at, table)| {
            (
                table.stems.len(),
                std::cmp::Reverse(table.relation.row_estimate),
                *at,
            )
        })
        .map(|(at, _)| (at, 1))
}

fn starts_with(words: &[Word], stems: &[String]) -> bool {
    words.len() >= stems.len()
        && words
            .iter()
            .zip(stems)
            .all(|(word, stem)| same(&word.stem, stem))
}

/// Where a column's name stands in these words, from a place on.
fn place_of(words: &[Word], from: usize, name: &str) -> Option<(usize, usize)> {
    let stems = stems(name);
    if stems.is_empty() {
        return None;
    }
    (from..words.len())
        .find(|&at| {
            words
                .get(at..)
                .is_some_and(|rest| starts_with(rest, &stems))
        })
        .map(|at| (at, stems.len()))
}

/// A column of numbers that the words name, in one of these tables.
fn number_named<'a>(
    catalog: &Catalog<'a>,
    clause: &Clause,
    tables: impl Iterator<Item = usize>,
) -> Option<(usize, &'a Column, (usize, usize))> {
    tables
        .flat_map(|table| catalog.columns(table).map(move |column| (table, column)))
        .filter(|(table, column)| {
            is_number(column)
                && !catalog.is_key(*table, &column.name)
                && !catalog.is_reference(*table, &column.name)
        })
        .filter_map(|(table, column)| {
            place_of(&clause.words, 0, &column.name).map(|place| (table, column, place))
        })
        // Of several, the longest name; of equal ones the first.
        .reduce(|best, next| if next.2.1 > best.2.1 { next } else { best })
}

/// What is measured, the likeliest first; none when nothing is.
fn measures(
    catalog: &Catalog<'_>,
    clause: &mut Clause,
    mentions: &[Mention],
    before: Option<&Measure>,
) -> Option<Vec<Measure>> {
    let by = clause.by.unwrap_or(clause.words.len());
    let main: Vec<usize> = mentions
        .iter()
        .filter(|one| one.at < by)
        .map(|one| one.table)
        .collect();
    let aggregate = clause.aggregate.unwrap_or(Aggregate::Sum);
    if let Some((_, word)) = clause.revenue.clone() {
        let mut all = revenues(catalog, &main, &word);
        if aggregate == Aggregate::Average {
            for measure in &mut all {
                measure.aggregate = Aggregate::Average;
                measure.label = format!("Average {word}");
            }
        }
        if !all.is_empty() {
            return Some(all);
        }
    }
    if aggregate != Aggregate::Count {
        let others = catalog
            .tables()
            .map(|(at, _)| at)
            .filter(|at| !main.contains(at));
        let named = number_named(catalog, clause, main.iter().copied()).or_else(|| {
            main.is_empty()
                .then(|| number_named(catalog, clause, others))
                .flatten()
        });
        if let Some((table, column, (at, length))) = named {
            clause.know(at, length);
            return Some(vec![Measure::column(table, column, aggregate)]);
        }
        if aggregate == Aggregate::Average
            && let Some((table, column)) = main.iter().find_map(|&table| {
                catalog
                    .columns(table)
                    .find(|column| money(column) == Money::Total)
                    .map(|column| (table, column))
            })
        {
            return Some(vec![Measure::column(table, column, aggregate)]);
        }
    }
    if let Some(&table) = main.first() {
        return Some(vec![Measure::rows(catalog, table)]);
    }
    if clause.by.is_some() || clause.period.is_some() {
        if clause.continues()
            && let Some(before) = before
        {
            return Some(vec![before.clone()]);
        }
        if let Some(one) = mentions.first() {
            return Some(vec![Measure::rows(catalog, one.table)]);
        }
        let all = revenues(catalog, &[], "revenue");
        return (!all.is_empty()).then_some(all);
    }
    None
}

/// The first of the measures whose rows have what is grouped by.
fn grouped<'a>(
    catalog: &Catalog<'a>,
    clause: &mut Clause,
    measures: &[Measure],
    mentions: &[Mention],
    by: usize,
) -> Option<(Measure, Group<'a>)> {
    if by >= clause.words.len() {
        return None;
    }
    for measure in measures {
        let reachable = catalog.reachable(measure.table);
        for (table, path) in &reachable {
            for column in catalog.columns(*table) {
                let fits = !is_moment(column, catalog.dialect)
                    && !catalog.is_key(*table, &column.name)
                    && !catalog.is_reference(*table, &column.name)
                    && !matches!(column.kind.as_str(), "json" | "binary" | "array");
                if !fits {
                    continue;
                }
                if let Some((at, length)) = place_of(&clause.words, by + 1, &column.name) {
                    clause.know(at, length);
                    return Some((measure.clone(), Group::Column(path.clone(), column)));
                }
            }
        }
        for one in mentions.iter().filter(|one| one.at > by) {
            if one.table != measure.table && reachable.iter().any(|(table, _)| *table == one.table)
            {
                return Some((measure.clone(), Group::Table(one.table)));
            }
        }
    }
    None
}

/// The first rows of a table: by revenue unless the words say otherwise, else by what refers to
/// it, else by a number of its own.
fn top_of<'a>(
    catalog: &Catalog<'a>,
    clause: &mut Clause,
    mentions: &[Mention],
    top: Top,
) -> Option<Intent<'a>> {
    let entity = mentions
        .iter()
        .find(|one| one.at > top.at)
        .or_else(|| mentions.first())?
        .table;
    let by = clause.by.unwrap_or(clause.words.len());
    let refers = |table: usize| table != entity && catalog.way(table, entity).is_some();
    if clause.revenue.is_none() && clause.by.is_some() {
        // `by orders`, `by quantity`.
        if let Some(other) = mentions.iter().find(|one| one.at > by && refers(one.table)) {
            return Some(Intent::Top(
                entity,
                Measure::rows(catalog, other.table),
                top,
            ));
        }
        let mut tables: Vec<usize> = catalog
            .tables()
            .map(|(at, _)| at)
            .filter(|&at| refers(at))
            .collect();
        tables.sort_by_key(|&at| std::cmp::Reverse(is_sale(catalog.table(at))));
        if let Some((_, column, (at, length))) =
            number_named(catalog, clause, std::iter::once(entity))
        {
            clause.know(at, length);
            return Some(Intent::TopOwn(entity, column, top));
        }
        if let Some((table, column, (at, length))) =
            number_named(catalog, clause, tables.into_iter())
        {
            clause.know(at, length);
            let measure =
                Measure::column(table, column, clause.aggregate.unwrap_or(Aggregate::Sum));
            return Some(Intent::Top(entity, measure, top));
        }
    }
    let word = clause
        .revenue
        .as_ref()
        .map_or("revenue", |(_, word)| word.as_str());
    let earning = revenues(catalog, &[], word);
    if is_sale(catalog.table(entity)) > 0
        && let Some(column) = catalog
            .columns(entity)
            .find(|column| money(column) == Money::Total)
    {
        return Some(Intent::TopOwn(entity, column, top));
    }
    if let Some(measure) = earning.into_iter().find(|measure| refers(measure.table)) {
        return Some(Intent::Top(entity, measure, top));
    }
    let counted = catalog
        .tables()
        .filter(|(at, _)| refers(*at))
        .max_by_key(|(_, table)| table.relation.row_estimate)
        .map(|(at, _)| at);
    if let Some(table) = counted {
        return Some(Intent::Top(entity, Measure::rows(catalog, table), top));
    }
    catalog
        .columns(entity)
        .find(|column| {
            is_number(column)
                && !catalog.is_key(entity, &column.name)
                && !catalog.is_reference(entity, &column.name)
        })
        .map(|column| Intent::TopOwn(entity, column, top))
        .or(Some(Intent::Listing(entity)))
}
