//! A measure over time.

use super::{Made, conditions, left_out, shown};
use crate::catalog::Catalog;
use crate::plan::measure::{Measure, exclusion};
use crate::plan::{Query, Widget};
use crate::sql::{From, Join};
use crate::words::{ChartKind, Period};

/// A measure over time; none when its rows have no date.
pub fn trend(
    catalog: &Catalog<'_>,
    measure: &Measure,
    period: Period,
    chart: Option<ChartKind>,
) -> Option<Made> {
    let (path, column) = catalog.date_of(measure.table)?;
    let mut from = From::new(catalog, measure.table);
    let value = measure.expression(catalog, &mut from);
    let moment = from.column(&path, &column.name, Join::Inner);
    let bucket = catalog.dialect.period(&moment, period)?;
    let excluded = exclusion(catalog, measure, &mut from);
    let mut rules = vec![format!("{moment} IS NOT NULL")];
    rules.extend(excluded.iter().map(|one| one.condition.clone()));
    let (word, count) = match period {
        Period::Day => ("day", 90),
        Period::Week => ("week", 104),
        Period::Month => ("month", 60),
        Period::Quarter => ("quarter", 40),
        Period::Year => ("year", 50),
    };
    let shown = shown(measure);
    let key = &shown.key;
    let inner = format!(
        "SELECT\n  {bucket} AS {word},\n  {value} AS {key}\n{}{}\nGROUP BY 1\nORDER BY 1 DESC\nLIMIT {count}",
        from.text(),
        conditions(&rules)
    );
    let text = format!(
        "SELECT {word}, {key}\nFROM (\n  {}\n) AS recent\nORDER BY {word}",
        inner.replace('\n', "\n  ")
    );
    let title = format!("{} by {word}", measure.label);
    let name = format!("{key}_by_{word}");
    let mut notes = Vec::new();
    left_out(
        &mut notes,
        &measure.label,
        excluded.as_ref(),
        &measure.origin(catalog),
    );
    let table = path.last().map_or(measure.table, |hop| hop.to);
    notes.push(format!(
        "The {word} is that of {}.{}.",
        catalog.name(table),
        column.name
    ));
    let widget = Widget::Chart {
        component: match chart {
            Some(ChartKind::Bar) => "BarChartCard",
            Some(ChartKind::Line) => "LineChartCard",
            Some(ChartKind::Pie) => "PieChartCard",
            Some(ChartKind::Area) => "AreaChartCard",
            None if measure.money => "AreaChartCard",
            None => "BarChartCard",
        },
        title: title.clone(),
        query: name.clone(),
        x: word.into(),
        x_format: match period {
            Period::Day | Period::Week => "date",
            Period::Month => "month",
            Period::Quarter | Period::Year => "text",
        },
        y: shown,
        horizontal: false,
    };
    Some(Made {
        query: Query {
            name,
            description: format!("{title}."),
            text,
        },
        widgets: vec![widget],
        notes,
    })
}
