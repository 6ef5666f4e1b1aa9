//! A measure by group.

use super::{Made, conditions, left_out, ranking, shown, small};
use crate::catalog::Catalog;
use crate::names::{key, label, plain, unique};
use crate::plan::meaning::Group;
use crate::plan::measure::{Measure, exclusion};
use crate::plan::{Query, Shown, Widget};
use crate::sql::{From, Join};
use crate::words::{ChartKind, Top};

/// A measure by group.
pub fn breakdown(
    catalog: &Catalog<'_>,
    measure: &Measure,
    group: &Group<'_>,
    chart: Option<ChartKind>,
) -> Made {
    let (path, column, what) = match group {
        Group::Column(path, column) => (path, *column, small(&column.name)),
        Group::Table(table) => {
            let top = Top {
                count: 50,
                largest: true,
                at: 0,
            };
            return ranking(catalog, *table, measure, top, Some(chart));
        }
    };
    let mut from = From::new(catalog, measure.table);
    let value = measure.expression(catalog, &mut from);
    let join = if path.iter().all(|hop| catalog.always(*hop)) {
        Join::Inner
    } else {
        Join::Left
    };
    let expression = from.column(path, &column.name, join);
    let of_state = measure.earned && crate::catalog::is_state(column);
    // By state, every state is of interest.
    let excluded = if of_state {
        None
    } else {
        exclusion(catalog, measure, &mut from)
    };
    let rules: Vec<String> = excluded.iter().map(|one| one.condition.clone()).collect();
    let shown = shown(measure);
    let mut taken = vec![shown.key.clone()];
    let group_key = unique(&key(&column.name), &mut taken);
    let alias = catalog.dialect.name(&group_key);
    let text = format!(
        "SELECT\n  {expression} AS {alias},\n  {value} AS {}\n{}{}\nGROUP BY 1\nORDER BY 2 DESC\nLIMIT 50",
        shown.key,
        from.text(),
        conditions(&rules)
    );
    let title = format!("{} by {what}", measure.label);
    let name = format!("{}_by_{}", shown.key, key(&column.name));
    let mut notes = Vec::new();
    left_out(
        &mut notes,
        &measure.label,
        excluded.as_ref(),
        &measure.origin(catalog),
    );
    let widgets = vec![
        Widget::Chart {
            component: match chart {
                Some(ChartKind::Pie) => "PieChartCard",
                Some(ChartKind::Line) => "LineChartCard",
                Some(ChartKind::Area) => "AreaChartCard",
                Some(ChartKind::Bar) | None => "BarChartCard",
            },
            title: title.clone(),
            query: name.clone(),
            x: group_key.clone(),
            x_format: "",
            y: shown.clone(),
            horizontal: chart.is_none(),
        },
        Widget::Table {
            title: title.clone(),
            description: String::new(),
            query: name.clone(),
            columns: vec![
                Shown {
                    key: group_key,
                    label: label(&column.name),
                    format: "",
                },
                shown.clone(),
            ],
            sort: Some((shown.key, true)),
            empty: "There is nothing to show yet".into(),
        },
    ];
    Made {
        query: Query {
            name,
            description: format!("{}.", plain(&title)),
            text,
        },
        widgets,
        notes,
    }
}
