//! What has to be ordered again.

use super::columns::{format_of, telling};
use super::{Made, small};
use crate::catalog::{Catalog, Hop, Money, is_number, is_text, money};
use crate::document::Column;
use crate::names::{key, label, plain, singular, stems, unique};
use crate::plan::{Query, Shown, Widget};
use crate::sql::{From, Join};

/// What is at or below its reorder level; without such a level, what is at or below ten. None when
/// the schema has no stock.
pub fn low_stock(catalog: &Catalog<'_>) -> Option<Made> {
    let has = |column: &Column, list: &[&str]| {
        is_number(column)
            && stems(&column.name)
                .iter()
                .any(|stem| list.contains(&stem.as_str()))
    };
    let level_words = [
        "reorder",
        "minimum",
        "min",
        "threshold",
        "safety",
        "restock",
    ];
    let goods = [
        "inventory",
        "stock",
        "product",
        "item",
        "article",
        "warehouse",
        "part",
        "supply",
    ];
    let (table, quantity, level) = catalog
        .tables()
        .filter_map(|(at, table)| {
            let of_goods = table
                .stems
                .iter()
                .any(|stem| goods.contains(&stem.as_str()));
            let rank = |column: &Column| {
                if money(column) != Money::No
                    || has(column, &level_words)
                    || catalog.is_reference(at, &column.name)
                    || catalog.is_key(at, &column.name)
                {
                    0
                } else if has(column, &["stock", "hand", "inventory", "available"]) {
                    3
                } else if of_goods && has(column, &["quantity", "qty", "unit"]) {
                    2
                } else {
                    0
                }
            };
            let quantity = catalog
                .columns(at)
                .filter(|column| rank(column) > 0)
                .max_by_key(|column| rank(column))?;
            let level = catalog
                .columns(at)
                .find(|column| has(column, &level_words) && money(column) == Money::No);
            Some((at, quantity, level))
        })
        .max_by_key(|(_, _, level)| level.is_some())?;
    let mut from = From::new(catalog, table);
    let amount = from.column(&[], &quantity.name, Join::Inner);
    let bound = level.map_or_else(
        || "10".to_owned(),
        |level| from.column(&[], &level.name, Join::Inner),
    );
    let mut taken = vec!["missing".to_owned()];
    let mut entry = |expression: String, name: &str, heading: String, format: &'static str| {
        let alias = unique(&key(name), &mut taken);
        let line = format!("{expression} AS {}", catalog.dialect.name(&alias));
        let column = Shown {
            key: alias,
            label: heading,
            format,
        };
        (line, column)
    };
    let mut texts = Vec::new();
    let mut tables: Vec<(Vec<Hop>, usize)> = catalog
        .hops_from(table)
        .map(|hop| (vec![hop], hop.to))
        .collect();
    tables.push((Vec::new(), table));
    for (path, other) in &tables {
        for (place, column) in telling(catalog, *other, 4).into_iter().enumerate() {
            if is_text(column) {
                let expression = from.column(path, &column.name, Join::Left);
                let heading = if place == 0 && stems(&column.name) == ["name"] {
                    label(&singular(&small(catalog.name(*other))))
                } else {
                    label(&column.name)
                };
                texts.push(entry(
                    expression,
                    &column.name,
                    heading,
                    format_of(catalog, column),
                ));
            }
        }
    }
    let mut figures = vec![entry(
        amount.clone(),
        &quantity.name,
        label(&quantity.name),
        "number",
    )];
    if let Some(level) = level {
        figures.push(entry(
            bound.clone(),
            &level.name,
            label(&level.name),
            "number",
        ));
    }
    let missing = Shown {
        key: "missing".into(),
        label: "Missing".into(),
        format: "number",
    };
    figures.push((format!("{bound} - {amount} AS missing"), missing));
    // What it is, then how much is there: a narrow table shows its first columns.
    let after_name = texts.len().min(1);
    texts.splice(after_name..after_name, figures);
    let (lines, columns): (Vec<String>, Vec<Shown>) = texts.into_iter().unzip();
    let text = format!(
        "SELECT\n  {}\n{}\nWHERE {amount} <= {bound}\nORDER BY missing DESC, 1\nLIMIT 500",
        lines.join(",\n  "),
        from.text()
    );
    let name = catalog.name(table);
    let rule = match level {
        Some(level) => format!("{name}.{} is at or below {}", quantity.name, level.name),
        None => format!(
            "{name}.{} is at or below 10, since there is no column with a reorder level",
            quantity.name
        ),
    };
    let description = format!("Where {}, the most urgent first.", plain(&rule));
    Some(Made {
        query: Query {
            name: "low_stock".into(),
            description: description.clone(),
            text,
        },
        widgets: vec![Widget::Table {
            title: "Low stock".into(),
            description,
            query: "low_stock".into(),
            columns,
            sort: Some(("missing".into(), true)),
            empty: "Everything is in stock".into(),
        }],
        notes: vec![format!("Stock counts as low where {rule}.")],
    })
}
