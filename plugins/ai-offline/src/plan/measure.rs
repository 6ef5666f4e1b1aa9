//! What is counted or summed.

use crate::catalog::{Catalog, Hop, Money, is_number, is_sale, is_state, money};
use crate::document::Column;
use crate::names::{key, label, stems};
use crate::sql::{From, Join};
use crate::words::Aggregate;

/// States of rows that are no revenue, in small letters.
const NOT_EARNED: [&str; 14] = [
    "pending",
    "cancelled",
    "canceled",
    "refunded",
    "failed",
    "declined",
    "rejected",
    "void",
    "voided",
    "draft",
    "abandoned",
    "expired",
    "chargeback",
    "deleted",
];

/// What of each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The row itself.
    Row,
    /// A column.
    Column(String),
    /// One column times another: a price and a quantity.
    Product(String, String),
}

/// A number over many rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The table of the rows.
    pub table: usize,
    /// What of each row.
    pub value: Value,
    /// What is done with the values.
    pub aggregate: Aggregate,
    /// What it is called.
    pub label: String,
    /// It is an amount of money.
    pub money: bool,
    /// Rows that are no revenue are left out.
    pub earned: bool,
}

impl Measure {
    /// How many rows there are.
    pub fn rows(catalog: &Catalog<'_>, table: usize) -> Self {
        Self {
            table,
            value: Value::Row,
            aggregate: Aggregate::Count,
            label: label(catalog.name(table)),
            money: false,
            earned: false,
        }
    }

    /// A column of numbers.
    pub fn column(table: usize, column: &Column, aggregate: Aggregate) -> Self {
        let kind = money(column);
        // A price does not add up.
        let aggregate = if kind == Money::Unit && aggregate == Aggregate::Sum {
            Aggregate::Average
        } else {
            aggregate
        };
        let name = label(&column.name);
        Self {
            table,
            value: Value::Column(column.name.clone()),
            aggregate,
            label: if aggregate == Aggregate::Average {
                format!("Average {}", crate::names::words(&column.name).join(" "))
            } else {
                name
            },
            money: kind != Money::No,
            earned: kind == Money::Total,
        }
    }

    /// Its name in a result.
    pub fn key(&self) -> String {
        key(&self.label)
    }

    /// How its values are written.
    pub fn format(&self) -> &'static str {
        if self.money {
            "currency"
        } else if self.aggregate == Aggregate::Average {
            "number"
        } else if self.value == Value::Row {
            "integer"
        } else {
            "number"
        }
    }

    /// The expression, over a statement that begins with the measure's table.
    pub fn expression(&self, catalog: &Catalog<'_>, from: &mut From<'_>) -> String {
        let value = match &self.value {
            Value::Row => return "COUNT(*)".into(),
            Value::Column(name) => from.column(&[], name, Join::Inner),
            Value::Product(one, other) => format!(
                "{} * {}",
                from.column(&[], one, Join::Inner),
                from.column(&[], other, Join::Inner)
            ),
        };
        match self.aggregate {
            Aggregate::Average => catalog.dialect.round(&format!("AVG({value})")),
            // Floating sums would show digits that are not there.
            _ if self.money => catalog.dialect.round(&format!("COALESCE(SUM({value}), 0)")),
            _ => format!("COALESCE(SUM({value}), 0)"),
        }
    }

    /// Where its values come from, for people.
    pub fn origin(&self, catalog: &Catalog<'_>) -> String {
        let table = catalog.name(self.table);
        match &self.value {
            Value::Row => format!("the number of rows of {table}"),
            Value::Column(name) => {
                let what = match self.aggregate {
                    Aggregate::Average => "average",
                    _ => "sum",
                };
                format!("the {what} of {table}.{name}")
            }
            Value::Product(one, other) => format!("the sum of {one} × {other} over {table}"),
        }
    }
}

/// What could be revenue, the likeliest first.
pub fn revenues(catalog: &Catalog<'_>, mentioned: &[usize], word: &str) -> Vec<Measure> {
    let mut found: Vec<(i64, u64, Measure)> = Vec::new();
    for (at, table) in catalog.tables() {
        let sale = is_sale(Some(table));
        let bonus = if mentioned.contains(&at) { 20 } else { 0 };
        let dated = if catalog.date_of(at).is_some() { 3 } else { 0 };
        let rows = table.relation.row_estimate.unwrap_or(0);
        let own = |column: &Column| {
            is_number(column)
                && !catalog.is_reference(at, &column.name)
                && !catalog.is_key(at, &column.name)
        };
        let best = catalog
            .columns(at)
            .filter(|column| own(column) && money(column) == Money::Total)
            .max_by_key(|column| (amount_rank(column), column.kind == "decimal"));
        let measure = |value| Measure {
            table: at,
            value,
            aggregate: Aggregate::Sum,
            label: crate::names::capital(word),
            money: true,
            earned: true,
        };
        if let Some(column) = best {
            let score = sale + bonus + dated + amount_rank(column);
            found.push((
                score.into(),
                rows,
                measure(Value::Column(column.name.clone())),
            ));
        } else if sale > 0 {
            let has = |wanted: &str| {
                catalog.columns(at).find(|column| {
                    own(column) && stems(&column.name).iter().any(|stem| stem == wanted)
                })
            };
            if let (Some(price), Some(quantity)) =
                (has("price"), has("quantity").or_else(|| has("qty")))
            {
                let value = Value::Product(price.name.clone(), quantity.name.clone());
                found.push(((sale + bonus + dated).into(), rows, measure(value)));
            }
        }
    }
    found.sort_by_key(|(rank, rows, _)| std::cmp::Reverse((*rank, *rows)));
    found.into_iter().map(|(.., measure)| measure).collect()
}

fn amount_rank(column: &Column) -> i32 {
    let stems = stems(&column.name);
    let has = |word: &str| stems.iter().any(|stem| stem == word);
    if has("revenue") || has("turnover") {
        6
    } else if has("total") && !has("sub") && !has("tax") {
        5
    } else if has("amount") || has("sale") {
        4
    } else {
        1
    }
}

/// Rows that are no revenue, by a column that says where they stand.
#[derive(Clone, Debug)]
pub struct Exclusion {
    /// The condition for the rows that are kept.
    pub condition: String,
    /// For people.
    pub words: String,
}

/// Which rows a measure leaves out; none when nothing suggests it.
pub fn exclusion(
    catalog: &Catalog<'_>,
    measure: &Measure,
    from: &mut From<'_>,
) -> Option<Exclusion> {
    if !measure.earned {
        return None;
    }
    let (path, column) = state_of(catalog, measure.table)?;
    let known: Vec<String> = column
        .enum_values
        .iter()
        .filter(|value| NOT_EARNED.contains(&value.to_lowercase().as_str()))
        .cloned()
        .collect();
    let join = if path.iter().all(|hop| catalog.always(*hop)) {
        Join::Inner
    } else {
        Join::Left
    };
    let expression = from.column(&path, &column.name, join);
    let may_be_null = column.nullable || join == Join::Left;
    let (values, left) = if column.enum_values.is_empty() {
        let values: Vec<String> = NOT_EARNED.iter().map(|value| (*value).to_owned()).collect();
        (values, catalog.dialect.lower(&expression))
    } else if known.is_empty() {
        return None;
    } else {
        (known, expression.clone())
    };
    let list: Vec<String> = values
        .iter()
        .map(|value| catalog.dialect.text(value))
        .collect();
    let mut condition = format!("{left} NOT IN ({})", list.join(", "));
    if may_be_null {
        condition = format!("({expression} IS NULL OR {condition})");
    }
    let table = path.last().map_or(measure.table, |hop| hop.to);
    Some(Exclusion {
        condition,
        words: format!(
            "rows whose {}.{} is {} are left out",
            catalog.name(table),
            column.name,
            values.join(", ")
        ),
    })
}

fn state_of<'a>(catalog: &Catalog<'a>, table: usize) -> Option<(Vec<Hop>, &'a Column)> {
    catalog
        .reachable(table)
        .into_iter()
        .filter(|(other, path)| {
            path.is_empty() || (path.len() == 1 && is_sale(catalog.table(*other)) > 0)
        })
        .find_map(|(other, path)| {
            catalog
                .columns(other)
                .find(|column| is_state(column))
                .map(|column| (path, column))
        })
}
