//! The rows of a table.

use super::columns::{format_of, is_long};
use super::{Made, small};
use crate::catalog::{Catalog, Hop};
use crate::document::Column;
use crate::names::{key, label, plain, singular, unique};
use crate::plan::{Query, Shown, Widget};
use crate::sql::{From, Join};
use crate::words::Top;

/// Columns of a table that a person wants to see at once.
const COLUMNS: usize = 9;

/// The rows of a table, with the names of what they refer to.
pub fn listing(catalog: &Catalog<'_>, table: usize, by: Option<(&Column, Top)>) -> Made {
    let mut from = From::new(catalog, table);
    let mut taken = Vec::new();
    let mut lines = Vec::new();
    let mut columns = Vec::new();
    let mut sort = None;
    let title = catalog.title_column(table);
    let wanted = |column: &&Column| {
        !is_long(column) && !matches!(column.kind.as_str(), "json" | "binary" | "array")
    };
    let own = |column: &&Column| {
        wanted(column)
            && !catalog.is_reference(table, &column.name)
            && !(catalog.is_key(table, &column.name) && title.is_some())
    };
    let mut order: Vec<(Vec<Hop>, &Column, String)> = Vec::new();
    let name_of = |column: &Column| label(&column.name);
    order.extend(
        title
            .into_iter()
            .map(|column| (Vec::new(), column, name_of(column))),
    );
    for hop in catalog.hops_from(table) {
        if let Some(column) = catalog.title_column(hop.to) {
            let own_name = catalog.key(hop).next().map_or("", |(own, _)| own);
            let words = crate::names::words(own_name);
            let bare = words.strip_suffix(&["id".to_owned()]).unwrap_or(&words);
            let heading = if bare.is_empty() {
                singular(&small(catalog.name(hop.to)))
            } else {
                bare.join(" ")
            };
            order.push((vec![hop], column, label(&heading)));
        }
    }
    for column in catalog.columns(table).filter(own) {
        if title.is_none_or(|title| title.name != column.name) {
            order.push((Vec::new(), column, name_of(column)));
        }
    }
    if let Some((ranked, _)) = by
        && let Some(place) = order
            .iter()
            .position(|(path, column, _)| path.is_empty() && column.name == ranked.name)
            .filter(|place| *place >= COLUMNS)
    {
        order.swap(place, COLUMNS - 1);
    }
    if order.is_empty() {
        order.extend(
            catalog
                .columns(table)
                .take(COLUMNS)
                .map(|column| (Vec::new(), column, name_of(column))),
        );
    }
    order.truncate(COLUMNS);
    for (path, column, heading) in &order {
        let expression = from.column(path, &column.name, Join::Left);
        let alias = unique(&key(heading), &mut taken);
        lines.push(format!("{expression} AS {}", catalog.dialect.name(&alias)));
        if by.is_some_and(|(ranked, _)| path.is_empty() && ranked.name == column.name) {
            sort = Some((alias.clone(), by.is_none_or(|(_, top)| top.largest)));
        }
        columns.push(Shown {
            key: alias,
            label: heading.clone(),
            format: format_of(catalog, column),
        });
    }
    let (ordering, limit) = if let Some((ranked, top)) = by {
        let expression = from.column(&[], &ranked.name, Join::Inner);
        let way = if top.largest { "DESC" } else { "ASC" };
        let known = format!("\nWHERE {expression} IS NOT NULL\nORDER BY {expression} {way}");
        (known, top.count)
    } else if let Some((_, date)) = catalog.date_of(table).filter(|(path, _)| path.is_empty()) {
        (
            format!(
                "\nORDER BY {} DESC",
                from.column(&[], &date.name, Join::Inner)
            ),
            500,
        )
    } else {
        ("\nORDER BY 1".to_owned(), 500)
    };
    let text = format!(
        "SELECT\n  {}\n{}{ordering}\nLIMIT {limit}",
        lines.join(",\n  "),
        from.text()
    );
    let many = small(catalog.name(table));
    let (name, title, description) = match by {
        Some((ranked, top)) => {
            let word = if top.largest { "Top" } else { "Bottom" };
            (
                format!("{}_{}", word.to_lowercase(), key(catalog.name(table))),
                format!("{word} {} {many}", top.count),
                format!("By {}.", small(&ranked.name)),
            )
        }
        None => (
            format!("list_{}", key(catalog.name(table))),
            label(catalog.name(table)),
            "At most 500 rows.".to_owned(),
        ),
    };
    Made {
        query: Query {
            name: name.clone(),
            description: format!("{}. {}", plain(&title), plain(&description)),
            text,
        },
        widgets: vec![Widget::Table {
            title,
            description,
            query: name,
            columns,
            sort,
            empty: format!("No {many} yet"),
        }],
        notes: Vec::new(),
    }
}
