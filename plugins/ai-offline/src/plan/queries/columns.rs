//! Which columns of a table people want to see, and how.

use crate::catalog::{
    Catalog, Money, is_category, is_day, is_moment, is_number, is_state, is_text, money,
};
use crate::document::Column;
use crate::names::stems;

/// The columns of a table that tell people about a row, its title first.
pub fn telling<'a>(catalog: &Catalog<'a>, table: usize, count: usize) -> Vec<&'a Column> {
    let title = catalog.title_column(table);
    let mut all: Vec<&Column> = title.into_iter().collect();
    let mut rest: Vec<&Column> = catalog
        .columns(table)
        .filter(|column| title.is_none_or(|title| title.name != column.name))
        .filter(|column| {
            is_text(column)
                && !is_moment(column, catalog.dialect)
                && !is_long(column)
                && !catalog.is_reference(table, &column.name)
        })
        .collect();
    rest.sort_by_key(|column| {
        let stems = stems(&column.name);
        let place = stems.iter().any(|stem| stem == "city" || stem == "country");
        !(is_category(column) || place)
    });
    all.extend(rest);
    all.truncate(count);
    if all.is_empty() {
        all.extend(catalog.columns(table).next());
    }
    all
}

/// A text that is too long for a table, or that is not for people.
pub fn is_long(column: &Column) -> bool {
    stems(&column.name).iter().any(|stem| {
        matches!(
            stem.as_str(),
            "note"
                | "description"
                | "body"
                | "content"
                | "comment"
                | "bio"
                | "html"
                | "password"
                | "hash"
                | "token"
                | "secret"
                | "salt"
                | "url"
                | "avatar"
                | "metadata"
                | "payload"
        )
    })
}

/// How the values of a column are written.
pub fn format_of(catalog: &Catalog<'_>, column: &Column) -> &'static str {
    if is_moment(column, catalog.dialect) {
        if is_day(column) { "date" } else { "datetime" }
    } else if money(column) != Money::No {
        "currency"
    } else if column.kind == "boolean" {
        "boolean"
    } else if is_state(column) || (is_category(column) && !column.enum_values.is_empty()) {
        "badge"
    } else if is_number(column) {
        let is_id = stems(&column.name)
            .last()
            .is_some_and(|stem| matches!(stem.as_str(), "id" | "year" | "number" | "zip" | "code"));
        if is_id { "text" } else { "number" }
    } else {
        ""
    }
}
