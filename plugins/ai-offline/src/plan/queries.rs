//! The statement and the component for each thing that is meant.

use super::meaning::Group;
use super::measure::{Exclusion, Measure, exclusion};
use super::{Query, Shown, Widget};
use crate::catalog::{
    Catalog, Hop, Money, is_category, is_day, is_moment, is_number, is_text, money,
};
use crate::document::Column;
use crate::names::{key, label, plain, singular, stems, unique};
use crate::sql::{From, Join};
use crate::words::{ChartKind, Period, Top};

/// Columns of a table that a person wants to see at once.
const COLUMNS: usize = 9;

/// A query with its component, and what is worth saying about it.
#[derive(Debug)]
pub struct Made {
    /// The query.
    pub query: Query,
    /// The components that show it.
    pub widgets: Vec<Widget>,
    /// Sentences for the prose.
    pub notes: Vec<String>,
}

/// A name as it stands in a sentence.
fn small(name: &str) -> String {
    crate::names::words(name).join(" ")
}

fn conditions(list: &[String]) -> String {
    if list.is_empty() {
        String::new()
    } else {
        format!("\nWHERE {}", list.join("\n  AND "))
    }
}

fn left_out(notes: &mut Vec<String>, what: &str, exclusion: Option<&Exclusion>, origin: &str) {
    match exclusion {
        Some(exclusion) => notes.push(format!("{what} is {origin}; {}.", exclusion.words)),
        None => notes.push(format!("{what} is {origin}.")),
    }
}

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

fn shown(measure: &Measure) -> Shown {
    let mut key = measure.key();
    // The other names of a statement's result.
    if ["day", "week", "month", "quarter", "year", "value"].contains(&key.as_str())
        || crate::sql::Dialect::Standard.name(&key) != key
    {
        key = format!("{key}_total");
    }
    Shown {
        key,
        label: measure.label.clone(),
        format: measure.format(),
    }
}

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
    if measure.value != super::measure::Value::Row {
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

/// The columns of a table that tell people about a row, its title first.
fn telling<'a>(catalog: &Catalog<'a>, table: usize, count: usize) -> Vec<&'a Column> {
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
fn is_long(column: &Column) -> bool {
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

fn format_of(catalog: &Catalog<'_>, column: &Column) -> &'static str {
    if is_moment(column, catalog.dialect) {
        if is_day(column) { "date" } else { "datetime" }
    } else if money(column) != Money::No {
        "currency"
    } else if column.kind == "boolean" {
        "boolean"
    } else if crate::catalog::is_state(column)
        || (is_category(column) && !column.enum_values.is_empty())
    {
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
    let mut lines = Vec::new();
    let mut columns = Vec::new();
    let mut add = |expression: String, name: &str, heading: String, format: &'static str| {
        let alias = unique(&key(name), &mut taken);
        lines.push(format!("{expression} AS {}", catalog.dialect.name(&alias)));
        columns.push(Shown {
            key: alias,
            label: heading,
            format,
        });
    };
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
                add(
                    expression,
                    &column.name,
                    heading,
                    format_of(catalog, column),
                );
            }
        }
    }
    add(
        amount.clone(),
        &quantity.name,
        label(&quantity.name),
        "number",
    );
    if let Some(level) = level {
        add(bound.clone(), &level.name, label(&level.name), "number");
    }
    lines.push(format!("{bound} - {amount} AS missing"));
    columns.push(Shown {
        key: "missing".into(),
        label: "Missing".into(),
        format: "number",
    });
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
