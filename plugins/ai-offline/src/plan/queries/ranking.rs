//! The first rows of a table by a measure.

use super::columns::{format_of, telling};
use super::{Made, conditions, left_out, shown, small};
use crate::catalog::Catalog;
use crate::names::{key, label, plain, singular, stems, unique};
use crate::plan::measure::{Measure, Value, exclusion};
use crate::plan::{Query, Shown, Widget};
use crate::sql::{From, Join};
use crate::words::{ChartKind, Top};

/// The first rows of a table by a measure of what refers to it.
pub fn ranking(
    catalog: &Catalog<'_>,
    entity: usize,
    measure: &Measure,
    top: Top,
    chart: Option<Option<ChartKind>>,
) -> Made {
    let way = catalog.way(measure.table, entity).unwrap_or_default();
    let mut from = From::new(catalog, measure.table);
    let value = measure.expression(catalog, &mut from);
    let mut taken = Vec::new();
    let shown = shown(measure);
    taken.push(shown.key.clone());
    let mut groups: Vec<String> = Vec::new();
    for name in catalog
        .table(entity)
        .map(|table| table.relation.primary_key.as_slice())
        .unwrap_or_default()
    {
        groups.push(from.column(&way, name, Join::Inner));
    }
    let mut lines = Vec::new();
    let mut columns = Vec::new();
    let entity_word = singular(&small(catalog.name(entity)));
    for (at, column) in telling(catalog, entity, 4).into_iter().enumerate() {
        let expression = from.column(&way, &column.name, Join::Inner);
        let alias = unique(&key(&column.name), &mut taken);
        lines.push(format!("{expression} AS {}", catalog.dialect.name(&alias)));
        if !groups.contains(&expression) {
            groups.push(expression);
        }
        let is_title = at == 0 && stems(&column.name) == ["name"];
        columns.push(Shown {
            key: alias,
            label: if is_title {
                label(&entity_word)
            } else {
                label(&column.name)
            },
            format: format_of(catalog, column),
        });
    }
    let title_key = columns
        .first()
        .map(|column| column.key.clone())
        .unwrap_or_default();
    if measure.value != Value::Row {
        let alias = unique(&key(catalog.name(measure.table)), &mut taken);
        lines.push(format!("COUNT(*) AS {}", catalog.dialect.name(&alias)));
        columns.push(Shown {
            key: alias,
            label: label(catalog.name(measure.table)),
            format: "integer",
        });
    }
    lines.push(format!("{value} AS {}", shown.key));
    columns.push(shown.clone());
    if let Some((path, column)) = catalog.date_of(measure.table) {
        let moment = from.column(&path, &column.name, Join::Left);
        let table = path.last().map_or(measure.table, |hop| hop.to);
        let one = singular(&small(catalog.name(table)));
        let alias = unique(&format!("last_{}", key(&one)), &mut taken);
        lines.push(format!("MAX({moment}) AS {alias}"));
        columns.push(Shown {
            key: alias,
            label: format!("Last {one}"),
            format: "date",
        });
    }
    let excluded = exclusion(catalog, measure, &mut from);
    let rules: Vec<String> = excluded.iter().map(|one| one.condition.clone()).collect();
    let order = if top.largest { "DESC" } else { "ASC" };
    let text = format!(
        "SELECT\n  {}\n{}{}\nGROUP BY {}\nORDER BY {} {order}, {}\nLIMIT {}",
        lines.join(",\n  "),
        from.text(),
        conditions(&rules),
        groups.join(", "),
        shown.key,
        groups.first().cloned().unwrap_or_else(|| "1".into()),
        top.count
    );
    let many = small(catalog.name(entity));
    let mut notes = Vec::new();
    left_out(
        &mut notes,
        &measure.label,
        excluded.as_ref(),
        &measure.origin(catalog),
    );
    let (title, description, name) = if chart.is_some() {
        (
            format!("{} by {entity_word}", measure.label),
            format!("At most the {} with the most.", top.count),
            format!("{}_by_{}", shown.key, key(&entity_word)),
        )
    } else {
        let word = if top.largest { "Top" } else { "Bottom" };
        let most = if top.largest { "highest" } else { "lowest" };
        (
            format!("{word} {} {many}", top.count),
            format!(
                "The {} {many} with the {most} {}.",
                top.count,
                measure.label.to_lowercase()
            ),
            format!("{}_{}", word.to_lowercase(), key(catalog.name(entity))),
        )
    };
    let mut widgets = Vec::new();
    if let Some(kind) = chart {
        widgets.push(Widget::Chart {
            component: match kind {
                Some(ChartKind::Pie) => "PieChartCard",
                _ => "BarChartCard",
            },
            title: title.clone(),
            query: name.clone(),
            x: title_key,
            x_format: "",
            y: shown.clone(),
            horizontal: kind.is_none(),
        });
    }
    widgets.push(Widget::Table {
        title,
        description: plain(&description),
        query: name.clone(),
        columns,
        sort: Some((shown.key, top.largest)),
        empty: format!("No {many} yet"),
    });
    Made {
        query: Query {
            name,
            description: plain(&description),
            text,
        },
        widgets,
        notes,
    }
}
